"""Functions in ``tools=[...]`` run in a session, against the emulator over a real socket."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from session.rig import Peer, Raw, say
from waiting import Caught, settled, within

import livesdk
from livesdk import LiveCallbacks, ToolContext, calls, tool
from livesdk.emulator import (
    Call,
    CancelCalls,
    Close,
    Emulator,
    Reply,
    Say,
    SayResults,
    Scenario,
    Send,
    Silence,
    TurnComplete,
    Wait,
    WaitFor,
)
from livesdk.tools import owed

SECONDS = 15
MODEL = "gemini-2.5-flash-native-audio-preview-12-2025"  # blocks by default


@pytest.fixture
def serve():
    running: list[Emulator] = []

    def start(*replies: Reply, **options: Any) -> Emulator:
        emulator = Emulator(Scenario(replies=list(replies), **options)).start()
        running.append(emulator)
        return emulator

    yield start
    for emulator in running:
        emulator.stop()


def connect(
    server: Emulator | Raw,
    *functions: Any,
    model: str = MODEL,
    vertexai: bool = False,
    **options: Any,
) -> Any:
    http_options = {"base_url": server.base_url}
    client = livesdk.Client(api_key="any", http_options=http_options, vertexai=vertexai)
    config = {"tools": list(functions)}
    return client.live.connect(model, config, **options)


def responses(emulator: Emulator) -> list[dict[str, Any]]:
    return [
        response
        for frame in list(emulator.frames)
        for response in frame.get("toolResponse", {}).get("functionResponses", [])
    ]


def get_weather(city: str) -> dict:
    """Tell the weather.

    Args:
        city: Where.
    """
    return {"city": city, "sky": "clear"}


def test_the_declaration_is_sent_and_the_function_answers(serve):
    emulator = serve(Reply(steps=[Call("get_weather", {"city": "Ulm"}, id="c1"), SayResults()]))
    with connect(emulator, get_weather) as session:
        turn = session.ask("weather?", timeout=SECONDS)
    [setup] = [frame["setup"] for frame in emulator.frames if "setup" in frame]
    [declared] = setup["tools"][0]["functionDeclarations"]
    assert declared["name"] == "get_weather"
    assert declared["parametersJsonSchema"]["required"] == ["city"]
    [call] = turn.function_calls
    assert (call.name, call.args, call.response, call.error) == (
        "get_weather",
        {"city": "Ulm"},
        {"city": "Ulm", "sky": "clear"},
        None,
    )
    assert call.duration_ms is not None
    assert [r["id"] for r in responses(emulator)] == ["c1"]


def test_a_call_that_comes_as_part_as_well_runs_once(serve):
    runs = []

    def once() -> str:
        runs.append(1)
        return "done"

    part = {"functionCall": {"id": "c1", "name": "once", "args": {}}}
    as_part = Send({"serverContent": {"modelTurn": {"parts": [part]}}})
    emulator = serve(Reply(steps=[Call("once", {}, id="c1"), as_part, SayResults()]))
    with connect(emulator, once) as session:
        session.ask("go", timeout=SECONDS)
    assert len(runs) == 1
    assert len(responses(emulator)) == 1


def again(order: str) -> list[object]:
    """The call of a function, twice, in one of the orders in which servers have sent it."""
    one = {"id": "c1", "name": "f", "args": {}}
    call = Send({"toolCall": {"functionCalls": [one]}})
    if order == "a part first":
        return [Send({"serverContent": {"modelTurn": {"parts": [{"functionCall": one}]}}}), call]
    if order == "cancelled first":
        return [Send({"toolCallCancellation": {"ids": ["c1"]}}), call]
    return [Call("f", {}, id="c1"), SayResults(), call]


@pytest.mark.parametrize("by_hand", [False, True])
@pytest.mark.parametrize("order", ["after its answer", "a part first", "cancelled first"])
def test_a_call_that_comes_again_shuts_out_no_media(serve, order, by_hand):
    def f() -> str:
        return "done"

    emulator = serve(Reply(steps=[*again(order), Send({"theEnd": {}})]))
    declared = {"function_declarations": [{"name": "f", "behavior": "BLOCKING"}]}
    with connect(emulator, declared if by_hand else tool(behavior="BLOCKING")(f)) as session:
        if by_hand and order != "cancelled first":
            response = {"id": "c1", "name": "f", "response": {}}
            answered = iter([session.send_tool_response])
            session.on(
                "message", lambda m: m.tool_calls and next(answered, lambda _: None)(response)
            )
        session.send_client_content("go")
        for message in session.receive():
            if "theEnd" in message.raw:
                break
        if order != "cancelled first":
            emulator.wait_for("toolResponse")
        assert settled(lambda: not session._calls.must_wait)
        session.send_realtime_input(audio=bytes(640))
        emulator.wait_for("realtimeInput.audio")
        assert session.stats.media_held_back_ms == 0
        assert not session._connection.memory.pending_calls


def test_functions_do_not_hold_up_the_reader_or_callbacks(serve):
    gate = threading.Event()
    seen = threading.Event()

    def slow() -> str:
        gate.wait(SECONDS)
        return "slow"

    def onmessage(message):
        if message.tool_calls:
            seen.set()

    emulator = serve(Reply(steps=[Call("slow", {}, id="c1"), SayResults()]))
    callbacks = LiveCallbacks(onmessage=onmessage)
    with connect(emulator, slow, callbacks=callbacks) as session:
        session.send_client_content("go")
        assert seen.wait(SECONDS)
        gate.set()
        emulator.wait_for("toolResponse")


def test_an_exception_becomes_an_error_response_and_an_onerror(serve):
    told = threading.Event()
    errors = []

    def broken() -> None:
        raise RuntimeError("no weather today")

    def onerror(error):
        errors.append(error)
        told.set()

    emulator = serve(Reply(steps=[Call("broken", {}, id="c1"), SayResults()]))
    with connect(emulator, broken, callbacks=LiveCallbacks(onerror=onerror)) as session:
        turn = session.ask("go", timeout=SECONDS)
        assert told.wait(SECONDS)
    assert turn.function_calls[0].error == "RuntimeError: no weather today"
    assert isinstance(errors[0], livesdk.ToolError)
    assert isinstance(errors[0].__cause__, RuntimeError)


def test_cancellation_reaches_the_function_and_nothing_is_sent(serve):
    started, told = threading.Event(), threading.Event()
    cancelled_at = []

    def search(context: ToolContext) -> str:
        started.set()
        if context.cancelled.wait(SECONDS):
            cancelled_at.append(time.monotonic())
            told.set()
        return "too late"

    emulator = serve(Reply(steps=[Call("search", {}, id="c1"), TurnComplete()]))
    with connect(emulator, search) as session:
        session.send_client_content("go")
        assert started.wait(SECONDS)
        emulator.inject(CancelCalls(["c1"]))
        for message in session.receive_turn(timeout=SECONDS):
            if message.tool_call_cancellation:
                seen_at = time.monotonic()
        assert session.stats.tools.cancelled == 1
    assert told.wait(SECONDS)
    assert cancelled_at[0] - seen_at < 0.5
    assert responses(emulator) == []


def test_cancellation_reaches_functions_within_50_ms_of_the_frame(serve):
    started, done = threading.Semaphore(0), threading.Semaphore(0)
    heard: dict[str, float] = {}
    told: dict[str, float] = {}

    def search(context: ToolContext) -> None:
        started.release()
        context.cancelled.wait(SECONDS)
        told[context.call_id or ""] = time.monotonic()
        done.release()

    def onmessage(message):
        for call_id in message.tool_call_cancellation.ids if message.tool_call_cancellation else ():
            heard[call_id] = time.monotonic()

    ids = [f"c{n}" for n in range(11)]
    emulator = serve(Reply(steps=[Call("search", {}, id=each, blocking=False) for each in ids[:4]]))
    callbacks = LiveCallbacks(onmessage=onmessage, dispatch="reader")
    with connect(emulator, search, callbacks=callbacks) as session:
        session.send_client_content("go")
        for number, each in enumerate(ids):
            assert started.acquire(timeout=SECONDS)
            emulator.inject(CancelCalls([each]))
            assert done.acquire(timeout=SECONDS)
            if number + 4 < len(ids):
                emulator.inject(Call("search", {}, id=ids[number + 4], blocking=False))
    delays = sorted(told[each] - heard[each] for each in ids)
    assert delays[len(delays) // 2] < 0.05


def test_a_lost_connection_opens_the_gate_and_answers_nothing(serve):
    """What a reconnection will call; the next connection knows nothing of the calls before."""
    running = threading.Event()

    def slow(context: ToolContext) -> str:
        running.set()
        context.cancelled.wait(SECONDS)
        return "late"

    emulator = serve(Reply(steps=[Call("slow", {}, id="c1"), TurnComplete()]))
    with connect(emulator, slow) as session:
        session.send_client_content("go")
        assert running.wait(SECONDS)
        session._calls.connection_lost()
        session.send_realtime_input(audio=bytes(640))
        emulator.wait_for("realtimeInput.audio")
        assert session.stats.media_held_back_ms == 0
        assert session.stats.tools.lost == 1
    assert responses(emulator) == []


def test_a_context_knows_its_call_and_session(serve):
    found = []

    def who(context: ToolContext) -> str:
        found.append((context.call_id, context.name, context.session))
        return "me"

    emulator = serve(Reply(steps=[Call("who", {}, id="c7"), SayResults()]))
    with connect(emulator, who) as session:
        session.ask("go", timeout=SECONDS)
        assert found == [("c7", "who", session)]


def test_declared_functions_are_left_to_the_program(serve):
    answered = threading.Event()

    def by_itself() -> str:
        return "mine"

    def onmessage(message):
        for call in message.tool_calls:
            if call.name == "by_hand":
                session.send_tool_response({"id": call.id, "name": call.name, "response": {"a": 1}})
                answered.set()

    emulator = serve(
        Reply(steps=[Call("by_hand", {}, id="h"), Call("by_itself", {}, id="i"), SayResults()])
    )
    declared = {"function_declarations": [{"name": "by_hand"}]}
    session = connect(emulator, declared, by_itself, callbacks={"onmessage": onmessage})
    with session:
        session.send_client_content("go")
        assert answered.wait(SECONDS)
        emulator.wait_for(lambda _: len(responses(emulator)) == 2, timeout=SECONDS)
    assert {r["id"]: r["response"] for r in responses(emulator)} == {
        "h": {"a": 1},
        "i": {"result": "mine"},
    }


def test_without_functions_every_call_is_left_to_the_program(serve):
    emulator = serve(Reply(steps=[Call("f", {}, id="1", blocking=False), TurnComplete()]))
    with connect(emulator, {"function_declarations": [{"name": "f"}]}) as session:
        turn = session.ask("go", timeout=SECONDS)
        assert session.stats.tools.calls == 0
    assert turn.function_calls[0].response is None
    assert responses(emulator) == []


# ----------------------------------------------------------------------------------- turns


def test_ask_ends_when_the_tools_of_the_turn_are_done(serve):
    gate = threading.Event()

    @tool(behavior="NON_BLOCKING", scheduling="SILENT")
    def note(text: str) -> str:
        gate.wait(SECONDS)
        return "noted"

    emulator = serve(
        Reply(
            steps=[
                Call("note", {"text": "x"}, id="c1", blocking=False),
                Say("Fine."),
                TurnComplete(),
            ]
        )
    )
    with connect(emulator, note) as session:
        done = threading.Thread(
            target=lambda: (emulator.connections[0].wait_for("clientContent"), gate.set()),
            name="gate",
        )
        done.start()
        turn = session.ask("go", timeout=SECONDS)
        done.join(SECONDS)
    [call] = turn.function_calls
    assert call.response == {"result": "noted"}


def test_ask_waits_for_what_the_model_says_to_a_late_result(serve):
    complete = threading.Event()

    @tool(behavior="NON_BLOCKING")
    def search(context: ToolContext) -> str:
        complete.wait(SECONDS)
        return "42"

    def onmessage(message):
        if message.server_content and message.server_content.turn_complete:
            complete.set()

    emulator = serve(
        Reply(
            steps=[
                Call("search", {}, id="c1", blocking=False),
                Say("One moment."),
                TurnComplete(),
                WaitFor("toolResponse"),
                Say("It is 42."),
                TurnComplete(),
            ]
        )
    )
    with connect(emulator, search, callbacks={"onmessage": onmessage}) as session:
        turn = session.ask("go", timeout=SECONDS)
    said = turn.text or turn.output_transcript
    assert turn.function_calls[0].response == {"result": "42"}
    assert turn.audio or said


def test_receive_turn_ends_when_a_silent_tool_is_done(serve):
    gate = threading.Event()

    @tool(behavior="NON_BLOCKING", scheduling="SILENT")
    def note() -> str:
        gate.wait(SECONDS)
        return "noted"

    emulator = serve(
        Reply(steps=[Call("note", {}, id="c1", blocking=False), Say("Fine."), TurnComplete()])
    )
    with connect(emulator, note) as session:
        session.send_client_content("go")
        for message in session.receive_turn(timeout=SECONDS):
            if message.server_content and message.server_content.turn_complete:
                gate.set()
    assert len(responses(emulator)) == 1


DONE = {"serverContent": {"turnComplete": True}}


def conversation_of(look: dict[str, Any], *, tells: bool) -> Callable[[Peer], None]:
    """A server that calls a function, goes on, and perhaps tells the result in another turn."""

    def script(peer: Peer) -> None:
        peer.open()
        peer.read()
        peer.send({"toolCall": {"functionCalls": [look]}})
        peer.send(say("Let me look."))
        peer.send(DONE)
        assert b"toolResponse" in peer.read()[1]
        if tells:
            peer.send(say("Here it is."))
            peer.send(DONE)
        peer.read()
        peer.send(say("You are welcome."))
        peer.send(DONE)
        peer.read_all()

    return script


@pytest.mark.parametrize("pause", [0.0, 0.2])
@pytest.mark.parametrize("scheduling", ["INTERRUPT", "SILENT"])
def test_receive_turn_ends_at_the_same_message_however_slow_its_consumer_is(pause, scheduling):
    @tool(behavior="NON_BLOCKING", scheduling=scheduling)
    def look() -> str:
        threading.Event().wait(0.1)
        return "found"

    tells = scheduling == "INTERRUPT"
    call = {"id": "c1", "name": "look", "args": {}}
    with Raw(conversation_of(call, tells=tells)) as server, connect(server, look) as session:
        said = []
        for question in ("Look for it.", "Thanks."):
            session.send_client_content(question)
            said.append("")
            for message in session.receive_turn(timeout=SECONDS):
                said[-1] += message.text or ""
                threading.Event().wait(pause)
    assert said == ["Let me look." + "Here it is." * tells, "You are welcome."]


# ------------------------------------------------------------------------------------ the gate


def test_media_is_held_back_while_a_blocking_call_is_open(serve):
    running, gate = threading.Event(), threading.Event()

    def slow() -> str:
        running.set()
        gate.wait(SECONDS)
        return "done"

    emulator = serve(
        Reply(steps=[Call("slow", {}, id="c1"), SayResults()]), refuse_input_during_calls=True
    )
    with connect(emulator, slow) as session:
        session.send_client_content("go")
        assert running.wait(SECONDS)
        session.send_realtime_input(audio=bytes(640))
        session.send_realtime_input(audio_stream_end=True)  # of what was held back
        assert session.stats.media_held_back_ms == 20
        gate.set()
        for _ in session.receive_turn(timeout=SECONDS):
            pass
        session.send_realtime_input(audio=bytes(640))
        session.send_realtime_input(audio_stream_end=True)
        emulator.wait_for("realtimeInput.audioStreamEnd")
        assert session.stats.media_held_back_ms == 20
    assert session.close_info.clean
    assert len(emulator.wait_for("realtimeInput.audioStreamEnd")) == 1


def test_what_is_said_by_hand_to_a_cancelled_call_is_not_sent(serve):
    steps = [Call("f", {}, id="a"), CancelCalls(["a"]), TurnComplete()]
    emulator = serve(Reply(steps=[Send({"toolCall": {"functionCalls": []}}), *steps]))
    declared = {"function_declarations": [{"name": "f", "behavior": "NON_BLOCKING"}]}
    with connect(emulator, declared) as session:
        session.send_client_content("go")
        for message in session.receive():
            if message.tool_call_cancellation:
                break
        late = {"id": "a", "name": "f", "response": {"result": 1}}
        session.send_tool_response(late)
        session.send_tool_response([late, {**late, "id": "b"}])
        emulator.wait_for("toolResponse")
    assert [response["id"] for response in responses(emulator)] == ["b"]


@pytest.mark.parametrize("behavior", ["BLOCKING", "NON_BLOCKING"])
@pytest.mark.parametrize("vertex", [False, True])
def test_a_generator_is_answered_in_as_many_parts_as_the_service_takes(serve, vertex, behavior):
    @tool(behavior=behavior)
    def count() -> Iterator[Any]:
        yield 1
        yield {"two": 2}

    blocking = behavior == "BLOCKING"
    steps = [Call("count", {}, id="c", blocking=blocking), Say("Well."), TurnComplete()]
    emulator = serve(Reply(steps=steps))
    with connect(emulator, count, vertexai=vertex) as session:
        session.send_client_content("go")
        assert settled(lambda: session.stats.tools.answered == 1)
        assert session.close_info is None
    if vertex or blocking:
        [response] = responses(emulator)
        assert response["response"] == {"result": [1, {"two": 2}]}
        assert "willContinue" not in response
    else:
        assert [r["willContinue"] for r in responses(emulator)] == [True, True, False]


def test_the_gate_opens_when_the_call_is_cancelled(serve):
    running = threading.Event()

    def slow(context: ToolContext) -> str:
        running.set()
        context.cancelled.wait(SECONDS)
        return "late"

    emulator = serve(Reply(steps=[Call("slow", {}, id="c1"), TurnComplete()]))
    with connect(emulator, slow) as session:
        session.send_client_content("go")
        assert running.wait(SECONDS)
        session.send_realtime_input(audio=bytes(640))
        emulator.inject(CancelCalls(["c1"]))
        for _ in session.receive_turn(timeout=SECONDS):
            pass
        session.send_realtime_input(audio=bytes(640))
        emulator.wait_for("realtimeInput.audio")
        assert session.stats.media_held_back_ms == 20


def test_the_gate_opens_when_the_call_takes_too_long(serve):
    running, gate = threading.Event(), threading.Event()

    @tool(timeout=0.1)
    def slow() -> str:
        running.set()
        gate.wait(SECONDS)
        return "late"

    emulator = serve(Reply(steps=[Call("slow", {}, id="c1"), SayResults()]))
    with connect(emulator, slow) as session:
        session.send_client_content("go")
        assert running.wait(SECONDS)
        emulator.wait_for("toolResponse")
        for _ in session.receive_turn(timeout=SECONDS):
            pass
        session.send_realtime_input(audio=bytes(640))
        emulator.wait_for("realtimeInput.audio")
        assert session.stats.media_held_back_ms == 0
        gate.set()


def test_a_call_that_nobody_answers_shuts_out_no_media_for_ever(serve, monkeypatch, caplog):
    emulator = serve(Reply(steps=[Call("by_hand", {}, id="c1"), Silence()]))
    declared = {"function_declarations": [{"name": "by_hand", "behavior": "BLOCKING"}]}
    with connect(emulator, declared) as session:
        session.send_client_content("go")
        next(message for message in session.receive(timeout=SECONDS) if message.tool_calls)
        session.send_realtime_input(audio=bytes(640))
        assert session.stats.media_held_back_ms == 20
        monkeypatch.setattr(calls, "_ANSWERED_WITHIN", 0.0)
        session.send_realtime_input(audio=bytes(640))
        emulator.wait_for("realtimeInput.audio")
        assert session.stats.media_held_back_ms == 20
    assert "nobody answered the calls c1" in caplog.text


def test_tool_audio_send_turns_it_off(serve):
    running, gate = threading.Event(), threading.Event()

    def slow() -> str:
        running.set()
        gate.wait(SECONDS)
        return "done"

    emulator = serve(Reply(steps=[Call("slow", {}, id="c1"), SayResults()]))
    with connect(emulator, slow, tool_audio="send") as session:
        session.send_client_content("go")
        assert running.wait(SECONDS)
        session.send_realtime_input(audio=bytes(640))
        emulator.wait_for("realtimeInput.audio")
        gate.set()


@pytest.mark.parametrize(
    ("model", "vertex", "held"),
    [(MODEL, False, 20.0), (MODEL, True, 0.0), ("gemini-3.8-live", False, 0.0)],
)
def test_the_family_decides_for_functions_that_do_not_say(serve, model, vertex, held):
    running, gate = threading.Event(), threading.Event()

    def slow() -> str:
        running.set()
        gate.wait(SECONDS)
        return "done"

    emulator = serve(Reply(steps=[Call("slow", {}, id="c1"), SayResults()]))
    with connect(emulator, slow, model=model, vertexai=vertex) as session:
        session.send_client_content("go")
        assert running.wait(SECONDS)
        session.send_realtime_input(audio=bytes(640))
        assert session.stats.media_held_back_ms == held
        gate.set()


# ---------------------------------------------------------------------------- replacing, closing


def test_a_context_update_replaces_the_running_set(serve):
    def old() -> str:
        return "old"

    def new() -> str:
        return "new"

    emulator = serve(
        Reply(match="one", steps=[Call("new", {}, id="1"), SayResults()]),
        Reply(match="two", steps=[Call("old", {}, id="2"), SayResults()]),
    )
    with connect(emulator, old) as session:
        session.send_context_update(tools=[new])
        session.ask("one", timeout=SECONDS)
        session.ask("two", timeout=SECONDS)
    found = {r["id"]: r["response"] for r in responses(emulator)}
    assert found["1"] == {"result": "new"}
    assert "there is no function 'old'" in found["2"]["error"]
    [update] = [frame["contextUpdate"] for frame in emulator.frames if "contextUpdate" in frame]
    assert update["tools"]["tools"][0]["functionDeclarations"][0]["name"] == "new"


def test_closing_while_a_tool_runs_is_bounded_and_silent(serve, capfd):
    running, gate = threading.Event(), threading.Event()

    def slow() -> str:
        running.set()
        gate.wait(SECONDS)
        return "late"

    emulator = serve(Reply(steps=[Call("slow", {}, id="c1"), SayResults()]))
    session = connect(emulator, slow)
    session.send_client_content("go")
    assert running.wait(SECONDS)
    before = time.monotonic()
    session.close(timeout=1)
    assert time.monotonic() - before < 1.2
    gate.set()
    assert session._calls._runner.wait_done(time.monotonic() + SECONDS)
    assert session.stats.tools.lost == 1
    assert responses(emulator) == []
    assert capfd.readouterr().err == ""


def test_a_tool_may_close_the_session(serve):
    closed = []

    def hang_up(context: ToolContext) -> str:
        context.session.close()
        closed.append(time.monotonic())
        return "bye"

    emulator = serve(Reply(steps=[Call("hang_up", {}, id="c1"), SayResults()]))
    with connect(emulator, hang_up) as session:
        session.send_client_content("go")
        info = session.wait_closed(SECONDS)
    assert info.clean
    assert session._calls._runner.wait_done(time.monotonic() + SECONDS)
    assert closed


def test_what_cannot_be_declared_is_refused_before_anything_is_sent(serve):
    emulator = serve()

    async def later() -> None: ...

    for wrong in (later, lambda x: x):
        with pytest.raises(livesdk.ConfigError):
            connect(emulator, wrong)
    with pytest.raises(livesdk.ConfigError, match="given twice"):
        connect(emulator, get_weather, get_weather)
    with pytest.raises(livesdk.ConfigError, match="tool_audio"):
        connect(emulator, get_weather, tool_audio="hold")
    assert emulator.connections == []


# ------------------------------------------------------------------------------- the whole script


def test_the_whole_script(serve):
    """Two calls of one function, one repeated as a part, one cancelled; then a raising, an unknown,
    a too slow and a non-blocking one, while a microphone streams on."""
    released = threading.Event()
    both_run = threading.Barrier(2, timeout=SECONDS)

    def look_up(word: str, context: ToolContext) -> str:
        both_run.wait()
        if word == "b":
            context.cancelled.wait(SECONDS)
        return word

    def raising() -> None:
        raise ValueError("broken")

    @tool(timeout=0.1)
    def too_slow() -> str:
        released.wait(SECONDS)
        return "late"

    @tool(behavior="NON_BLOCKING", scheduling="SILENT")
    def background() -> str:
        return "done"

    part = {"functionCall": {"id": "a", "name": "look_up", "args": {"word": "a"}}}
    emulator = serve(
        Reply(
            match="one",
            steps=[
                Call("look_up", {"word": "a"}, id="a"),
                Call("look_up", {"word": "b"}, id="b"),
                TurnComplete(),
            ],
        ),
        Reply(
            match="two",
            steps=[
                Call("raising", {}, id="c"),
                Call("unheard_of", {}, id="d"),
                Call("too_slow", {}, id="e"),
                Call("background", {}, id="f", blocking=False),
                TurnComplete(),
            ],
        ),
        refuse_input_during_calls=True,
    )
    stop = threading.Event()
    errors: list[Any] = []
    session = connect(
        emulator, look_up, raising, too_slow, background, callbacks={"onerror": errors.append}
    )

    def microphone() -> None:
        while not stop.is_set() and not session.wait_ended(0.01):
            session.send_realtime_input(audio=bytes(320))

    def cancel_b() -> None:
        emulator.wait_for("toolResponse", timeout=SECONDS)
        emulator.inject(Send({"serverContent": {"modelTurn": {"parts": [part]}}}))
        assert settled(lambda: session.stats.media_held_back_ms > 0)
        emulator.inject(CancelCalls(["b"]))

    beside = [Caught(microphone), Caught(cancel_b)]
    try:
        first = session.ask("one", timeout=SECONDS)
        second = session.ask("two", timeout=SECONDS)
    finally:
        released.set()
        stop.set()
        for each in beside:
            each.join(SECONDS)
        session.close()
    assert [each.outcome() for each in beside] == [None, None]
    assert session.close_info.clean, session.close_info
    found = {r["id"]: r["response"] for r in responses(emulator)}
    assert found == {
        "a": {"result": "a"},
        "c": {"error": "ValueError: broken"},
        "d": found["d"],
        "e": {"error": "it took longer than 0.1 s"},
        "f": {"result": "done"},
    }
    assert "there is no function 'unheard_of'" in found["d"]["error"]
    assert len(responses(emulator)) == 5
    by_id = {call.id: call for call in (*first.function_calls, *second.function_calls)}
    assert by_id["b"].cancelled
    assert by_id["c"].error == "ValueError: broken"
    counts = session.stats.tools
    assert (counts.calls, counts.answered, counts.cancelled, counts.repeated) == (6, 5, 1, 1)
    assert session.stats.media_held_back_ms > 0
    assert {error.call_id for error in errors if isinstance(error, livesdk.ToolError)} == {
        "c",
        "d",
        "e",
    }


def test_hundreds_of_calls_balance_whatever_happens(serve):
    """Random functions, exceptions, cancellations, and a close in the middle."""

    @tool(timeout=0.5)
    def work(n: int, context: ToolContext) -> Any:
        if n % 7 == 0:
            context.cancelled.wait(SECONDS)
        if n % 5 == 0:
            raise ValueError(n)
        if n % 11 == 0:
            return iter(["part", "part"])
        return n

    steps: list[Any] = []
    for n in range(300):
        steps.append(Call("work", {"n": n}, id=str(n), blocking=False))
        if n % 7 == 0:
            steps.append(CancelCalls([str(n)]))
    steps += [Wait("answered"), Close(1011, "enough")]
    emulator = serve(Reply(steps=steps))
    session = connect(emulator, work)
    session.send_client_content("go")
    emulator.wait_for("toolResponse", count=100, timeout=SECONDS)
    emulator.release("answered")
    info = session.wait_closed(SECONDS)
    assert info.code == 1011
    runner = session._calls._runner
    assert runner.wait_done(time.monotonic() + SECONDS)
    counts = session.stats.tools
    assert counts.calls == counts.answered + counts.cancelled + counts.lost
    final = [r["id"] for r in responses(emulator) if not r.get("willContinue")]
    assert len(set(final)) == len(final)
    session.close()


def iterate() -> Iterator[int]:
    """Count to two."""
    yield 1
    yield 2


def test_a_generator_answers_in_parts(serve):
    emulator = serve(
        Reply(
            steps=[
                Call("iterate", {}, id="g", blocking=False),
                WaitFor("toolResponse", count=3),
                TurnComplete(),
            ]
        )
    )
    with connect(emulator, tool(behavior="NON_BLOCKING", scheduling="SILENT")(iterate)) as session:
        session.ask("go", timeout=SECONDS)
    assert [(r["response"], r["willContinue"]) for r in responses(emulator)] == [
        ({"result": 1}, True),
        ({"result": 2}, True),
        ({}, False),
    ]


@pytest.mark.parametrize("generator", [False, True])
@pytest.mark.parametrize("within_itself", [False, True])
def test_a_result_that_is_no_json_is_an_error_response(serve, generator, within_itself):
    def odd() -> object:
        if not within_itself:
            return object()
        result: dict[str, object] = {}
        result["me"] = result
        return result

    def odd_in_parts() -> object:
        yield odd()

    errors = []
    function = odd_in_parts if generator else odd
    emulator = serve(Reply(steps=[Call(function.__name__, {}, id="c1"), SayResults()]))
    with connect(emulator, function, callbacks=LiveCallbacks(onerror=errors.append)) as session:
        session.ask("when?", timeout=SECONDS)
        assert session.stats.tools.answered == 1
        [response] = responses(emulator)
        assert "cannot be sent" in response["response"]["error"]
    [error] = errors
    assert isinstance(error, livesdk.ToolError)
    assert isinstance(error.__cause__, livesdk.ConfigError)


def test_a_generator_that_interrupts_is_not_cut_off_by_its_own_values(serve):
    go_on = threading.Event()

    @tool(behavior="NON_BLOCKING", scheduling="INTERRUPT")
    def scan() -> Iterator[str]:
        for number in range(3):
            yield str(number)
            go_on.wait(0.1)

    emulator = serve(Reply(steps=[Call("scan", {}, id="c1", blocking=False), Wait(2.0)]))
    with connect(emulator, scan) as session:
        session.send_client_content(turns="scan", turn_complete=True)
        assert settled(lambda: len(responses(emulator)) == 4)
        assert session.stats.tools.cancelled == 0


# ------------------------------------------------------------- what is said to results, or is not


def in_a_turn(session: Any) -> str:
    session.send_client_content("go")
    return "".join(message.text or "" for message in session.receive_turn(timeout=SECONDS))


def by_asking(session: Any) -> str:
    return str(session.ask("go", timeout=SECONDS).text)


@pytest.mark.parametrize("told", [in_a_turn, by_asking])
def test_a_model_with_nothing_to_say_to_a_result_ends_the_turn_after_a_while(monkeypatch, told):
    monkeypatch.setattr(owed, "_SPEAKS_WITHIN", 0.2)

    @tool(behavior="NON_BLOCKING")
    def look() -> str:
        threading.Event().wait(0.1)
        return "found"

    call = {"id": "c1", "name": "look", "args": {}}
    with Raw(conversation_of(call, tells=False)) as server, connect(server, look) as session:
        assert [told(session), told(session)] == ["Let me look.", "You are welcome."]


@pytest.mark.parametrize("told", [in_a_turn, by_asking])
def test_a_connection_lost_before_a_result_is_spoken_to_ends_the_turn(told):
    @tool(behavior="NON_BLOCKING")
    def look() -> str:
        return "found"

    def script(peer: Peer) -> None:
        peer.open()
        if len(server.peers) == 1:
            peer.read()
            peer.send(say("Let me look."))
            peer.send({"toolCall": {"functionCalls": [{"id": "c", "name": "look", "args": {}}]}})
            assert b"toolResponse" in peer.read()[1]
            peer.send(DONE)
            peer.close(1011)
        peer.read_all()

    with Raw(script) as server, connect(server, look, reconnect=True) as session:
        assert told(session) == "Let me look."


@tool(behavior="NON_BLOCKING")
def quick() -> str:
    return "sunny"


def once_it_has_the_result(*messages: dict[str, Any]) -> Callable[[Peer], None]:
    """A server that calls ``quick``, and then says these."""

    def script(peer: Peer) -> None:
        peer.open()
        peer.read()
        peer.send({"toolCall": {"functionCalls": [{"id": "c", "name": "quick", "args": {}}]}})
        assert b"toolResponse" in peer.read()[1]
        for message in messages:
            peer.send(message)
        peer.read_all()

    return script


@pytest.mark.parametrize("told", [in_a_turn, by_asking])
def test_a_turn_complete_that_crosses_a_result_does_not_end_the_turn(told):
    script = once_it_has_the_result(DONE, say("It is sunny."), DONE)
    with Raw(script) as server, connect(server, quick) as session, within(2.0):
        assert told(session) == "It is sunny."


@pytest.mark.parametrize("told", [in_a_turn, by_asking])
def test_a_result_that_is_spoken_to_at_once_holds_nothing_up(told):
    script = once_it_has_the_result(say("It is sunny."), DONE)
    with Raw(script) as server, connect(server, quick) as session, within(2.0):
        assert told(session) == "It is sunny."
