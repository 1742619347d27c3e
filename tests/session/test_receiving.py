"""What the server says arrives: every frame, every key, every part, until the end is seen."""

from __future__ import annotations

import itertools
import queue
import threading
import tracemalloc

import pytest
from session.opened import DONE, PATIENCE, TEXT, arrival, client_of, content, opened, says, spoken
from waiting import Caught, settled

import livesdk
from livesdk.emulator import (
    BadJson,
    BadUtf8,
    Burst,
    Close,
    Drop,
    Emulator,
    GoAway,
    Reply,
    Say,
    Scenario,
    Send,
    SendRaw,
    Silence,
    SplitFrames,
    TurnComplete,
    UnknownFields,
)
from livesdk.protocol import State

pytestmark = pytest.mark.requires("emulator")

END = Send({"theEnd": {}})


def until_the_end(session):
    """Receive up to ``END``."""
    messages = []
    for message in session.receive():
        if "theEnd" in message.raw:
            return messages
        messages.append(message)
    pytest.fail("the session ended first")


def note(text):
    """A message that is of no turn."""
    return Send({"note": text})


def notes(messages):
    return [message.extra["note"] for message in messages if "note" in (message.extra or ())]


def texts(messages):
    return [message.text for message in messages if message.text is not None]


@pytest.mark.parametrize("text_frames", [False, True])
@pytest.mark.parametrize("pieces", [1, 2, 7])
def test_frames_may_be_text_or_binary_whole_or_in_fragments(text_frames, pieces):
    with opened(text_frames=text_frames) as (emulator, session):
        emulator.inject(SplitFrames(pieces), *(Send(spoken(f"ä{n}")) for n in range(5)), END)
        assert texts(until_the_end(session)) == ["ä0", "ä1", "ä2", "ä3", "ä4"]


def test_every_key_and_every_part_of_a_frame_is_delivered():
    sound = {"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": "AAE="}}
    thought = {"text": "hm", "thought": True}
    frame = {
        "serverContent": {
            "modelTurn": {"parts": [{"text": "a"}, sound, thought, {"text": "b"}, sound]},
            "inputTranscription": {"text": "i"},
            "outputTranscription": {"text": "o"},
            "generationComplete": True,
            "turnComplete": True,
            "interactionStatus": "IDLE",
        },
        "toolCall": {"functionCalls": [{"id": "1", "name": "f", "args": {"x_y": 1}}, {"id": "2"}]},
        "toolCallCancellation": {"ids": ["2"]},
        "usageMetadata": {"totalTokenCount": 3},
        "goAway": {"timeLeft": "50s"},
        "sessionResumptionUpdate": {"newHandle": "h", "resumable": True},
        "voiceActivity": {"type": "ACTIVITY_START", "audioOffset": "1.5s"},
    }
    with opened() as (emulator, session):
        emulator.inject(Send(frame), END)
        [message] = until_the_end(session)
        assert (message.text, message.thoughts, message.audio) == ("ab", "hm", b"\0\1\0\1")
        assert message.server_content.input_transcription.text == "i"
        assert message.server_content.output_transcription.text == "o"
        assert message.server_content.generation_complete
        assert message.server_content.turn_complete
        assert [call.id for call in message.tool_calls] == ["1", "2"]
        assert message.tool_calls[0].args == {"x_y": 1}
        assert message.tool_call_cancellation.ids == ["2"]
        assert message.usage_metadata.total_token_count == 3
        assert message.go_away.time_left is not None
        assert message.session_resumption_update.new_handle == "h"
        assert message.voice_activity.voice_activity_type == "ACTIVITY_START"
        assert session.resumption_handle == "h"
        assert message.raw == frame


def test_unknown_keys_values_and_kinds_survive():
    frame = {
        "serverContent": {"turnCompleteReason": "MOON_PHASE", "moon": {"full": True}},
        "moonRise": [1, {"x": None}],
    }
    with opened() as (emulator, session):
        emulator.inject(Send(frame), Send({"onlyUnknown": 1}), END)
        first, second = until_the_end(session)
        assert first.server_content.turn_complete_reason == "MOON_PHASE"
        assert first.server_content.extra == {"moon": {"full": True}}
        assert first.extra == {"moonRise": [1, {"x": None}]}
        assert first.raw == frame
        assert second.extra == {"onlyUnknown": 1}


def test_a_conversation_with_a_server_of_the_future_goes_on():
    with opened("Hello.", "Bye.") as (emulator, session):
        emulator.inject(UnknownFields())
        assert [
            session.ask("x", timeout=PATIENCE).text,
            session.ask("y", timeout=PATIENCE).text,
        ] == ["Hello.", "Bye."]


@pytest.mark.parametrize(
    "bad", [BadJson(), BadUtf8(), SendRaw("[]"), SendRaw(b""), SendRaw('{"serverContent": 5}')]
)
def test_a_malformed_frame_is_one_error_and_the_session_goes_on(bad):
    errors = queue.Queue()
    with opened("Still here.", callbacks={"onerror": errors.put}) as (emulator, session):
        emulator.inject(note("before"), bad, note("after"), END)
        assert notes(until_the_end(session)) == ["before", "after"]
        assert isinstance(errors.get(timeout=PATIENCE), livesdk.DecodeError)
        assert session.ask("Are you there?", timeout=PATIENCE).text == "Still here."
    assert errors.empty()


# ------------------------------------------------------------------------------- to the end


def test_receive_ends_quietly_after_a_clean_close_and_after_all_that_had_arrived():
    with opened() as (emulator, session):
        emulator.inject(Burst(200), Close(1000))
        assert len(list(session.receive())) == 200
        assert list(session.receive()) == []
        with pytest.raises(livesdk.SessionClosed):
            next(session.receive_turn())


@pytest.mark.parametrize("end", [Close(1011, "Internal error."), Drop(), Drop(rst=True)])
def test_receive_raises_after_an_abnormal_end_once_all_that_had_arrived_was_delivered(end):
    arrived = threading.Event()
    callbacks = {"onmessage": lambda message: message.raw.get("theEnd") == {} and arrived.set()}
    received = []
    with opened(callbacks=callbacks) as (emulator, session):
        messages = session.receive()
        emulator.inject(Burst(50), END)
        assert arrived.wait(PATIENCE)  # a reset may take along what is still on its way
        emulator.inject(end)
        session.wait_closed(PATIENCE)
        with pytest.raises(livesdk.SessionClosed) as caught:
            received.extend(messages)
        with pytest.raises(livesdk.SessionClosed):
            received.extend(session.receive())
    assert caught.value.info is session.close_info
    assert not caught.value.info.clean


def test_all_of_a_burst_before_an_abnormal_close_is_delivered_first():
    received = []
    with opened() as (emulator, session):
        emulator.inject(Burst(200), Close(1011, "Internal error."))
        with pytest.raises(livesdk.SessionClosed, match="Internal error"):
            received.extend(session.receive())
    assert len(received) == 200


def test_a_local_close_ends_a_receive_that_waits():
    with opened() as (_, session):
        receiver = Caught(lambda: list(session.receive()))
        session.send_client_content("x", turn_complete=False)
        session.close()
        assert receiver.result() == []


# ---------------------------------------------------------------------------- one consumer


def test_a_second_consumer_is_refused_and_the_first_goes_on():
    with opened("Hello.") as (emulator, session):
        emulator.inject(note("one"))
        messages = session.receive()
        assert next(messages).extra == {"note": "one"}
        for second in (
            lambda: next(session.receive()),
            lambda: next(session.receive_turn()),
            lambda: session.ask("x", timeout=PATIENCE),
        ):
            with pytest.raises(livesdk.ConcurrentReceiveError):
                second()
        emulator.inject(note("two"))
        assert next(messages).extra == {"note": "two"}
        del messages
        assert session.ask("Hello?", timeout=PATIENCE).text == "Hello."


def test_a_consumer_that_comes_while_another_leaves_never_waits(monkeypatch):
    looks = []

    def refuse():
        looks.append(1)
        if len(looks) > 2:
            raise livesdk.ConcurrentReceiveError("it is taken again")

    with opened() as (_, session):
        monkeypatch.setattr(session, "_refuse_second_consumer", refuse)
        with session._receive_lock, pytest.raises(livesdk.ConcurrentReceiveError):
            next(session.receive())


def test_while_one_thread_asks_no_other_receives():
    refused = threading.Event()

    def receive_too(message):
        if message.text == "wait":
            with pytest.raises(livesdk.ConcurrentReceiveError):
                next(session.receive())
            refused.set()

    with opened(says(spoken("wait")), callbacks={"onmessage": receive_too}) as (emulator, session):
        asking = Caught(session.ask, "x", timeout=PATIENCE)
        assert refused.wait(PATIENCE)
        emulator.inject(Send(DONE))
        assert asking.result().text == "wait"


def test_stop_receiving_ends_a_receive_that_waits_and_leaves_the_session_open():
    with opened("Hello.") as (emulator, session):
        first = threading.Event()

        def receive():
            found = []
            for message in session.receive():
                found.append(message)
                first.set()
            return found

        receiver = Caught(receive)
        emulator.inject(note("one"))
        assert first.wait(PATIENCE)
        session.stop_receiving()
        assert notes(receiver.result()) == ["one"]
        assert not session.is_closed
        assert session.ask("x", timeout=PATIENCE).text == "Hello."


def test_receive_may_wait_for_each_message_for_so_long_only_and_go_on_after_it():
    with opened() as (emulator, session):
        emulator.inject(note(1))
        messages = session.receive(timeout=0.2)
        found = [next(messages)]
        with pytest.raises(livesdk.LiveTimeout, match="no message came in time"):
            next(messages)
        emulator.inject(note(2))
        found.append(next(session.receive(timeout=PATIENCE)))
    assert notes(found) == [1, 2]


def test_stop_receiving_may_be_called_in_the_loop():
    with opened() as (emulator, session):
        emulator.inject(*(Send(spoken(str(n))) for n in range(3)), END)
        found = []
        for message in session.receive():
            found.append(message.text)
            session.stop_receiving()
        assert found == ["0"]
        assert texts(until_the_end(session)) == ["1", "2"]


def test_breaking_out_and_starting_again_loses_nothing():
    with opened() as (emulator, session):
        emulator.inject(Burst(20), END)
        found = []
        for _ in range(5):
            for message in session.receive():
                found.append(message.text)
                break
        for message in session.receive_turn():
            found.append(message.text)
            break
        assert found + texts(until_the_end(session)) == [f"{n} " for n in range(20)]


# --------------------------------------------------------------------------- between turns


def test_messages_between_turns_are_either_in_a_turn_or_kept_for_receive():
    with opened("One.", "Two.") as (emulator, session):
        found = []
        for number in range(2):
            emulator.inject(note(f"{number}, maybe before the turn"))
            turn = session.ask("x", timeout=PATIENCE)
            assert turn.text in ("One.", "Two.")
            found += notes(turn.messages)
            emulator.inject(note(f"{number}, after the turn"))
        emulator.inject(END)
        found += notes(until_the_end(session))
        assert sorted(found) == [
            "0, after the turn",
            "0, maybe before the turn",
            "1, after the turn",
            "1, maybe before the turn",
        ]


def test_what_waited_before_ask_is_still_first_after_it():
    with opened("One.") as (emulator, session):
        arrived = arrival(session, "last")
        emulator.inject(*(note(n) for n in range(5)), Send({"last": {}}))
        assert arrived.wait(PATIENCE)
        for message in session.receive():
            if message.extra == {"note": 1}:
                break
        assert session.ask("x", timeout=PATIENCE).text == "One."
        emulator.inject(END)
        assert notes(until_the_end(session)) == [2, 3, 4]


# ---------------------------------------------------------------------------------- the inbox


def test_with_callbacks_nothing_is_kept_until_somebody_receives():
    arrived = threading.Event()
    callbacks = {"onmessage": lambda message: "theEnd" in message.raw and arrived.set()}
    with opened(callbacks=callbacks) as (emulator, session):
        emulator.inject(Burst(100), END)
        assert arrived.wait(PATIENCE)
        assert session.stats.inbox_queued_bytes == 0
        messages = session.receive()
        emulator.inject(Send(spoken("now")))
        assert next(messages).text == "now"


def test_without_callbacks_everything_waits_for_receive():
    with opened() as (emulator, session):
        emulator.inject(Burst(100), END)
        assert len(until_the_end(session)) == 100
        assert session.stats.inbox_queued_bytes == 0


LARGE = Burst(60, message=spoken("x" * 1_000_000))
"""More than the inbox holds, and the system's buffers with it."""


@pytest.mark.parametrize("way", ["before", "while it is full", "observer"])
def test_a_full_inbox_that_nobody_empties_holds_up_nobody_who_listens(way):
    count, arrived = 0, threading.Event()

    def listen(message):
        nonlocal count
        count += bool(message.server_content)
        if "theEnd" in (message.raw or ()):
            arrived.set()

    with opened() as (emulator, session):
        if way == "before":
            session.on("message", listen)
        elif way == "observer":  # as a spoken conversation has it
            session._observers += (listen,)
        emulator.inject(LARGE, END)
        if way == "while it is full":
            assert settled(lambda: session.stats.inbox_queued_bytes > 32_000_000, PATIENCE)
            session.on("message", listen)
        assert arrived.wait(PATIENCE)
        assert way == "while it is full" or count == 60
        assert session.stats.inbox_queued_bytes == 0
        messages = session.receive()
        emulator.inject(Send(spoken("now")))
        assert next(messages).text == "now"


def test_who_receives_slowly_loses_nothing_to_those_who_listen(monkeypatch):
    looks, is_heard = [], livesdk.Session._is_heard

    def look(session):
        looks.append(is_heard(session))
        return looks[-1]

    monkeypatch.setattr("livesdk.reader._LOOK", 0.01)
    monkeypatch.setattr(livesdk.Session, "_is_heard", look)
    with opened() as (emulator, session):
        messages = session.receive()
        emulator.inject(Send(spoken("first")))
        assert next(messages).text == "first"
        session.on("message", lambda _: None)
        emulator.inject(LARGE, END)
        assert settled(lambda: session.stats.inbox_queued_bytes > 32_000_000, PATIENCE)
        assert settled(lambda: len(looks) > 5, PATIENCE)  # the reader has one at a full inbox only
        rest = itertools.takewhile(lambda message: "theEnd" not in message.raw, messages)
        assert sum(message.server_content is not None for message in rest) == 60


def test_ask_leaves_callbacks_as_they_are_and_fills_no_memory_afterwards():
    got = queue.Queue()
    with opened("One.", "Two.", callbacks={"onmessage": got.put}) as (emulator, session):
        turns = [session.ask("1", timeout=PATIENCE), session.ask("2", timeout=PATIENCE)]
        emulator.inject(Burst(100), END)
        messages = []
        while not messages or "theEnd" not in messages[-1].raw:
            messages.append(got.get(timeout=PATIENCE))
        assert session.stats.inbox_queued_bytes == 0
    assert messages[0].setup_complete is not None
    of_turns = [m for turn in turns for m in turn.messages]
    assert [m for m in messages if m in of_turns] == of_turns
    assert sum(m.text is not None and m.text.strip().isdigit() for m in messages) == 100


def test_ask_on_the_reading_thread_is_refused_instead_of_waiting_for_itself():
    caught = queue.Queue()

    def answer(message):
        if message.extra == {"note": "go"}:
            for call in (
                lambda: session.ask("x", timeout=PATIENCE),
                lambda: next(session.receive()),
                lambda: next(session.receive_turn()),
            ):
                with pytest.raises(livesdk.LocalProtocolError) as error:
                    call()
                caught.put(error.value)

    callbacks = livesdk.LiveCallbacks(onmessage=answer, dispatch="reader")
    with opened("Hello.", callbacks=callbacks) as (emulator, session):
        emulator.inject(note("go"))
        for _ in range(3):
            assert caught.get(timeout=PATIENCE)
        assert Caught(session.ask, "x", timeout=PATIENCE).result().text == "Hello."


@pytest.mark.parametrize("dispatch", ["thread", "pool"])
def test_ask_in_a_callback_works_where_the_reader_is_free(dispatch):
    from concurrent.futures import ThreadPoolExecutor

    turns = queue.Queue()

    def answer(message):
        if message.extra == {"note": "go"}:
            turns.put(session.ask("x", timeout=PATIENCE))

    with ThreadPoolExecutor(1) as pool:
        where = pool.submit if dispatch == "pool" else dispatch
        callbacks = livesdk.LiveCallbacks(onmessage=answer, dispatch=where)
        with opened("Hello.", callbacks=callbacks) as (emulator, session):
            emulator.inject(note("go"))
            assert turns.get(timeout=PATIENCE).text == "Hello."


# ----------------------------------------------------------------------------------- the setup


def test_the_answer_to_the_setup_is_kept_from_the_start():
    with opened(setup_complete={"sessionId": "s-1", "later": 1}) as (_, session):
        assert session.session_id == "s-1"
        assert session.setup_complete.session_id == "s-1"
        assert session.setup_complete.extra == {"later": 1}


def test_receive_starts_after_the_setup_and_callbacks_with_it():
    got = queue.Queue()
    with Emulator(Scenario(), voice="tones") as emulator:
        client = client_of(emulator)
        with client.live.connect("m", TEXT, {"onmessage": got.put}) as session:
            assert got.get(timeout=PATIENCE).setup_complete is not None
        with client.live.connect("m", TEXT) as session:
            emulator.inject(END)
            assert all(m.setup_complete is None for m in until_the_end(session))


def test_the_time_of_an_interruption_is_known():
    with opened() as (emulator, session):
        assert session.interrupted_at is None
        emulator.inject(Send(content(interrupted=True)), END)
        until_the_end(session)
        first = session.interrupted_at
        emulator.inject(Send(content(interrupted=True)), END)
        until_the_end(session)
        assert session.interrupted_at > first


def test_a_refused_receive_does_not_make_messages_pile_up():
    with opened(callbacks={"onmessage": lambda: None}) as (emulator, session):
        first = session.receive()
        emulator.inject(note("one"))
        assert next(first)
        session._connection.inbox.fills = False
        for refused in (session.receive, lambda: next(session.receive_turn())):
            with pytest.raises(livesdk.ConcurrentReceiveError):
                refused()
        assert not session._connection.inbox.fills
        first.close()


def test_a_go_away_is_delivered_and_remembered_and_the_session_goes_on():
    with opened(Reply(steps=[Say("still here")])) as (emulator, session):
        emulator.inject(GoAway("50s"))
        message = next(session.receive())
        assert message.go_away.time_left == "50s"
        assert session._connection.state is State.GOING_AWAY
        assert session.ask("and now?").text == "still here"


@pytest.mark.parametrize("dispatch", ["thread", "reader"])
def test_an_idle_session_keeps_nothing_of_what_it_received(dispatch):
    blob = {"mimeType": "audio/pcm;rate=24000", "data": "A" * 14_000}
    large = Send({"serverContent": {"modelTurn": {"parts": [{"inlineData": blob}]}}})
    ours = [tracemalloc.Filter(True, f"*livesdk/{room}/*") for room in ("transport", "codec")]
    with opened(TurnComplete(), [large, Silence()], callbacks=seen_by(dispatch)) as (_, session):
        session.ask("Warm up")
        tracemalloc.start()
        try:
            session.send_client_content(turns="Hello", turn_complete=True)
            assert settled(lambda: session.stats.bytes_received > 14_000)
            assert settled(lambda: kept(ours) < 7_000, 2.0)
        finally:
            tracemalloc.stop()


def seen_by(dispatch):
    return livesdk.LiveCallbacks(onmessage=lambda message: None, dispatch=dispatch)


def kept(filters):
    snapshot = tracemalloc.take_snapshot().filter_traces(filters)
    return sum(trace.size for trace in snapshot.traces)
