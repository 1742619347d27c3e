"""The second door: the classes and methods of Firebase AI Logic, on the same session."""

from __future__ import annotations

import contextlib
import threading
import warnings
from typing import Any

import pytest
from session.opened import (
    DONE,
    PATIENCE,
    arrival,
    blob,
    client_of,
    content,
    heard,
    opened,
    spoken,
    stop_reading,
)
from waiting import Caught, settled

import livesdk
from livesdk import lifecycle, types
from livesdk.audio import CallableOutput, IteratorInput
from livesdk.emulator import Call, Close, Emulator, GoAway, Scenario, Send, Wait

pytestmark = pytest.mark.requires("emulator")


async def wait(_going):
    """A handler of another world."""


TOOL = {"function_declarations": [{"name": "f"}]}
ARGUMENTS = {
    "generation_config": {"response_modalities": ["TEXT"], "temperature": 0.5},
    "system_instruction": "Be brief.",
    "tools": [TOOL],
    "tool_config": {"function_calling_config": {"mode": "ANY"}},
}
SETUP = {
    "model": "models/m",
    "generationConfig": {"responseModalities": ["TEXT"], "temperature": 0.5},
    "systemInstruction": {"role": "user", "parts": [{"text": "Be brief."}]},
    "tools": [{"functionDeclarations": [{"name": "f"}]}],
    "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
}


@pytest.fixture
def emulator():
    with Emulator(Scenario(replies=["Hello.", "Bye."], auto_reply=False), voice="tones") as running:
        yield running


def text(said):
    return {"role": "user", "parts": [{"text": said}]}


def setups(emulator):
    return [frame["setup"] for frame in emulator.frames if "setup" in frame]


# ---------------------------------------------------------------------------------- the model


@pytest.mark.parametrize(
    "made", ["class", "live_model", "model_name", "get_live_generative_model", "camel"]
)
def test_a_model_is_made_in_every_style_and_its_description_is_readable(emulator, made):
    client = client_of(emulator)
    camel = {
        "model": "m",
        "generationConfig": {"responseModalities": ["TEXT"], "temperature": 0.5},
        "systemInstruction": "Be brief.",
        "tools": [TOOL],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
    }
    makers = {
        "class": lambda: livesdk.LiveGenerativeModel(client, "m", **ARGUMENTS),
        "live_model": lambda: livesdk.live_model(client, "m", **ARGUMENTS),
        "model_name": lambda: livesdk.live_model(client, model_name="m", **ARGUMENTS),
        "get_live_generative_model": lambda: livesdk.get_live_generative_model(
            client, {"model": "m"}, **ARGUMENTS
        ),
        "camel": lambda: livesdk.get_live_generative_model(client, camel),
    }
    model = makers[made]()
    assert isinstance(model, livesdk.AIModel)
    assert model.model == "m"
    assert model.system_instruction == "Be brief."
    assert model.tools == [TOOL]
    assert model.generation_config is not None
    assert model.tool_config is not None
    with model.connect() as session:
        assert isinstance(session, livesdk.LiveSession)
        assert session.ask("x", timeout=PATIENCE).text == "Hello."
    with model.connect(session_resumption={}):  # any number of times
        pass
    assert setups(emulator) == [SETUP, {**SETUP, "sessionResumption": {}}]


@pytest.mark.parametrize("names", [{}, {"model": "m", "model_name": "m"}])
def test_a_model_has_one_name(emulator, names):
    with pytest.raises(livesdk.ConfigError, match="model_name"):
        livesdk.live_model(client_of(emulator), **names)


def test_a_model_may_have_its_callbacks_errors_raised(emulator):
    def broken(_: object) -> None:
        raise ValueError("mine")

    model = livesdk.live_model(client_of(emulator), "m", {"response_modalities": ["TEXT"]})
    session = model.connect({"onmessage": broken}, callback_errors="raise")
    with pytest.raises(livesdk.CallbackError):
        session.wait_closed(PATIENCE)


@pytest.mark.parametrize(
    "config",
    [
        types.LiveConnectConfig(response_modalities=["TEXT"]),
        types.LiveGenerationConfig(response_modalities=["TEXT"]),
        types.GenerationConfig(response_modalities=["TEXT"]),
        types.LiveGenerationConfig(response_modality=types.ResponseModality.TEXT),
        types.GenerationConfig(response_modality="TEXT"),
        {"responseModality": "TEXT"},
        {"generationConfig": {"responseModalities": ["TEXT"]}},
    ],
)
def test_the_generation_config_is_taken_in_every_form(emulator, config):
    with livesdk.live_model(client_of(emulator), "m", config).connect():
        pass
    assert setups(emulator) == [
        {"model": "models/m", "generationConfig": {"responseModalities": ["TEXT"]}}
    ]


def test_a_model_cannot_be_changed_and_its_mistakes_are_found_before_dialling(emulator):
    client = client_of(emulator)
    model = livesdk.LiveGenerativeModel(client, "m", system_instruction="a")
    with pytest.raises(AttributeError):
        model.model = "n"
    assert "client" not in repr(model)
    for wrong in (
        livesdk.LiveGenerativeModel(client, "m", {"system_instruction": "b"}, "a"),
        livesdk.LiveGenerativeModel(client, "m", {"temprature": 1}),
        livesdk.LiveGenerativeModel(client, "m", tools=[5]),
    ):
        with pytest.raises(livesdk.ConfigError):
            wrong.connect()
    for params in (
        {},
        {"generationConfig": {}},
        {"model": "m", "modle": 1},
        {"model": "m", "toolConfig": {}, "tool_config": {}},
    ):
        with pytest.raises(livesdk.ConfigError):
            livesdk.get_live_generative_model(client, params)
    assert emulator.connections == []


def test_a_models_session_takes_callbacks(emulator):
    opened_ = threading.Event()
    model = livesdk.live_model(client_of(emulator), "m")
    with model.connect({"onopen": opened_.set}, timeout=5):
        assert opened_.wait(PATIENCE)


# ------------------------------------------------------------------------ send, whatever it is

HELLO = text("Hello")
SOUND, PICTURE = blob("audio/pcm;rate=8000", b"\0\0"), blob("image/png", b"x")
ANSWER = {"id": "1", "name": "f", "response": {}}

OPEN = {"clientContent": {"turns": [HELLO], "turnComplete": False}}
AS_GIVEN = {"clientContent": {"turns": [HELLO]}}
COMPLETE = {"clientContent": {"turns": [HELLO], "turnComplete": True}}
AUDIO = {"realtimeInput": {"audio": SOUND}}
VIDEO = {"realtimeInput": {"video": PICTURE}}
TYPED = {"realtimeInput": {"text": "Hello"}}
RESPONSE = {"toolResponse": {"functionResponses": [ANSWER]}}
CLEARED = {"contextUpdate": {"tools": {"tools": []}}}

CHUNK = types.MediaChunk(mime_type="image/png", data=b"x")
FORMS = [
    ("Hello", OPEN),
    (["Hello"], OPEN),
    (types.Part(text="Hello"), OPEN),
    (types.Content.text("Hello"), OPEN),
    ({"text": "Hello"}, OPEN),
    (HELLO, OPEN),
    ({"clientContent": {"turns": "Hello", "turnComplete": True}}, COMPLETE),
    ({"client_content": {"turns": [HELLO], "turn_complete": True}}, COMPLETE),
    ({"clientContent": {"turns": ["Hello"]}}, AS_GIVEN),
    ({"turns": "Hello", "turnComplete": True}, COMPLETE),
    ({"content": "Hello"}, AS_GIVEN),
    (types.LiveClientContent(turns=[types.Content.text("Hello")], turn_complete=True), COMPLETE),
    (None, {"clientContent": {"turnComplete": True}}),
    (types.Blob(mime_type="audio/pcm;rate=8000", data=b"\0\0"), AUDIO),
    (("image/png", b"x"), VIDEO),
    ([types.Blob(mime_type="image/png", data=b"x")], VIDEO),
    (PICTURE, VIDEO),
    ({"realtimeInput": {"mediaChunks": [SOUND]}}, AUDIO),
    ({"realtime_input": {"media_chunks": [PICTURE]}}, VIDEO),
    ({"realtimeInput": {"text": "Hello"}}, TYPED),
    ({"realtimeInput": {"audio": ("audio/pcm;rate=8000", b"\0\0")}}, AUDIO),
    ({"audioStreamEnd": True}, {"realtimeInput": {"audioStreamEnd": True}}),
    (types.LiveClientRealtimeInput(text="Hello"), TYPED),
    (types.RealtimeInput(media_chunks=[CHUNK]), VIDEO),
    ({"toolResponse": {"functionResponses": ANSWER}}, RESPONSE),
    ({"functionResponses": [ANSWER]}, RESPONSE),
    (ANSWER, RESPONSE),
    (types.FunctionResponse(**ANSWER), RESPONSE),
    ([types.FunctionResponse(**ANSWER)], RESPONSE),
    (CLEARED, CLEARED),
    (types.LiveClientMessage(realtime_input=types.LiveClientRealtimeInput(text="Hello")), TYPED),
]


@pytest.mark.parametrize(("request_", "sent"), FORMS)
def test_send_takes_whatever_it_is(request_, sent):
    with opened() as (emulator, session):
        session.send(request_)
        assert heard(emulator, session) == [sent]


def test_several_members_of_one_object_go_out_in_a_frame_each():
    with opened() as (emulator, session):
        session.send({"realtimeInput": {"text": "Hello", "mediaChunks": [SOUND, PICTURE]}})
        assert heard(emulator, session) == [AUDIO, VIDEO, TYPED]


@pytest.mark.parametrize("named", [{"turn_complete": True}, {"end_of_turn": True}])
def test_send_completes_the_turn_when_asked_to(named):
    with opened() as (emulator, session):
        session.send("Hello", **named)
        session.send({"clientContent": {"turns": "Hello", "turnComplete": False}}, **named)
        expected = {"clientContent": {"turns": [text("Hello")], "turnComplete": True}}
        assert heard(emulator, session) == [expected, expected]


def test_activity_is_sent_as_an_object_of_its_own():
    manual = {"realtime_input_config": {"automatic_activity_detection": {"disabled": True}}}
    with opened(config=manual) as (emulator, session):
        session.send(types.ActivityStart())
        session.send({"realtimeInput": {"activityEnd": {}}})
        assert heard(emulator, session) == [
            {"realtimeInput": {"activityStart": {}}},
            {"realtimeInput": {"activityEnd": {}}},
        ]


def test_a_send_that_asks_for_no_answer_is_pointed_out_once_to_who_waits_for_one(monkeypatch):
    monkeypatch.setattr(lifecycle, "_HINT_AFTER", 0.05)
    with opened() as (_, session):
        session.send("Hello")
        told, late = pytest.warns(UserWarning, match="turn_complete"), pytest.raises(TimeoutError)
        with told as warned, late:
            list(session.receive_turn(timeout=0.5))
        assert [each.filename for each in warned] == [__file__]  # the loop, and nobody above it
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(livesdk.LiveTimeout):
                list(session.receive_turn(timeout=0.2))


@pytest.mark.parametrize(
    "then",
    [
        lambda s: s.send_client_content(turn_complete=True),
        lambda s: s.send("now", turn_complete=True),
        lambda s: s.send_realtime_input(text="now"),
    ],
)
def test_a_send_that_is_followed_by_more_is_not(monkeypatch, then):
    monkeypatch.setattr(lifecycle, "_HINT_AFTER", 0.05)
    with opened() as (_, session):
        session.send("Hello")
        then(session)
        with pytest.raises(livesdk.LiveTimeout):
            list(session.receive_turn(timeout=0.2))  # a warning would be an error


# -------------------------------------------------------------------------- the other methods


def test_the_methods_of_a_firebase_session():
    with opened("Hello.") as (emulator, session):
        session.send_text_realtime("Hello")
        session.send_audio_realtime(b"\0\0")
        session.send_video_realtime(("image/jpeg", b"x"))
        session.send_function_responses([{"id": "1", "name": "f", "response": {}}])
        session.send_media_chunks([("audio/pcm", b"\0\0"), ("image/png", b"x")])
        session.send_media_chunks(("image/png", b"y"))
        session.send_media_stream(iter([("audio/pcm", b"\0\0")]), realtime=False, end=False)
        session.start_media_stream([b"\0\0"])
        frames = heard(emulator, session)
        found = [kind for frame in frames for kind in frame.get("realtimeInput", ["response"])]
        assert " ".join(found) == (
            "text audio video response audio video video audio audio audioStreamEnd"
        )
        assert not session.is_closed
        session.close()
        assert session.is_closed


def test_a_timeout_behind_a_send_that_asked_for_no_answer_says_so():
    with opened() as (_, session):
        session.send("Hello")
        with pytest.raises(livesdk.LiveTimeout, match="pass turn_complete=True"):
            next(message for message in session.receive(timeout=0.1) if message.text)
        session.send("Hello", turn_complete=False)
        with pytest.raises(livesdk.LiveTimeout, match=r"no message came in time$"):
            next(message for message in session.receive(timeout=0.1) if message.text)


def test_start_stream_sends_what_comes_and_receives():
    with opened() as (emulator, session):
        messages = session.start_stream(iter([b"\0\0"]), mime_type="audio/pcm;rate=8000")
        received = Caught(list, messages)
        [frame] = emulator.wait_for("realtimeInput.audio")
        assert frame == {"realtimeInput": {"audio": blob("audio/pcm;rate=8000", b"\0\0")}}
        emulator.inject(Send(spoken("Hello.")), Send(DONE), Close(1000))
        assert received.result()[0].text == "Hello."


def sending_ended():
    """No thread of ``start_stream`` is left."""
    return settled(
        lambda: not any(each.name.startswith("livesdk-stream") for each in threading.enumerate())
    )


def microphone(off):
    """Goes on until it is switched off."""
    while not off.wait(0.005):
        yield b"\0\0" * 80


def test_start_stream_receives_while_a_microphone_goes_on():
    off = threading.Event()
    stalled = threading.Timer(PATIENCE, off.set)
    stalled.start()
    with opened() as (emulator, session):
        messages = session.start_stream(microphone(off))
        emulator.inject(Send(spoken("Hello.")))
        assert next(messages).text == "Hello."
        assert not off.is_set()
        emulator.wait_for("realtimeInput.audio", 3)
        messages.close()
        assert sending_ended(), "though the microphone goes on"
        assert session.start_stream([]) is not None, "another one may receive"
    stalled.cancel()


def test_start_stream_waits_for_room_and_drops_nothing():
    seconds = [bytes(320_000)] * 30
    with opened() as (emulator, session):
        stop_reading(emulator, session, 0.3)
        emulator.inject(Wait(0.3), Send(spoken("Hello.")))
        messages = session.start_stream(seconds)
        assert next(messages).text == "Hello."
        emulator.wait_for("realtimeInput.audio", 30)
        assert session.stats.media_dropped_ms == 0


def test_what_the_iterable_of_start_stream_raises_reaches_who_receives():
    def unplugged():
        yield b"\0\0"
        raise OSError("unplugged")

    with opened() as (emulator, session):
        with pytest.raises(OSError, match="unplugged"):
            next(session.start_stream(unplugged()))
        with pytest.raises(livesdk.ConfigError, match="expected bytes"):
            next(session.start_stream([5]))
        with pytest.raises(livesdk.ConfigError, match="stream: expected an iterable"):
            session.start_stream(5)
        emulator.wait_for("realtimeInput.audio")
        assert not session.is_closed


@pytest.mark.parametrize("code", [1000, 1011])
def test_start_stream_ends_with_the_session(code):
    off = threading.Event()
    ends = pytest.raises(livesdk.SessionClosed) if code == 1011 else contextlib.nullcontext()
    with opened() as (emulator, session):
        messages = session.start_stream(microphone(off))
        emulator.inject(Send(spoken("Hello.")), Close(code))
        with ends:
            assert [message.text for message in messages] == ["Hello."]
        assert sending_ended()
    off.set()


# -------------------------------------------------------------------------- the conversation


def line() -> dict[str, Any]:
    """A telephone that nobody speaks into."""
    return {
        "microphone": IteratorInput(iter(lambda: bytes(640), None)),
        "speaker": CallableOutput(len),
    }


class Told:
    """A handler that keeps what it was told, and on which threads."""

    def __init__(self):
        self.entries, self.threads, self._changed = [], set(), threading.Condition()

    def __call__(self, *arguments):
        with self._changed:
            self.entries.append(arguments)
            self.threads.add(threading.current_thread().name.rsplit("-", 1)[0])
            self._changed.notify_all()

    def wait(self, count):
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.entries) >= count, PATIENCE)
        return self.entries


def responses(emulator, count):
    frames = emulator.wait_for("toolResponse.functionResponses", count)
    return {
        response["id"]: response
        for frame in frames
        for response in frame["toolResponse"]["functionResponses"]
    }


def test_a_function_call_handler_answers_what_no_function_does():
    asked = Told()

    def fetch(call):
        asked(call)
        if call.name == "boom":
            raise RuntimeError("out of order")
        if call.name == "f":
            return types.FunctionResponse(response={"sky": call.args["city"]})
        return 0

    def own() -> str:
        return "mine"

    config = {"response_modalities": ["AUDIO"], "tools": [TOOL, own]}
    errors = Told()
    with opened(config=config, callbacks={"onerror": errors}) as (emulator, session):
        conversation = session.start_audio_conversation(fetch, **line())
        emulator.inject(
            Call("f", {"city": "Ulm"}, id="1"),
            Call("g", {}, id="2"),
            Call("boom", {}, id="3"),
            Call("own", {}, id="4"),
        )
        said = {call_id: r["response"] for call_id, r in responses(emulator, 4).items()}
        assert said == {
            "1": {"sky": "Ulm"},
            "2": {"result": 0},
            "3": {"error": "RuntimeError: out of order"},
            "4": {"result": "mine"},
        }
        assert isinstance(errors.wait(1)[0][0], livesdk.ToolError)
        assert {call.id for (call,) in asked.entries} == {"1", "2", "3"}
        assert asked.threads == {f"livesdk-tool-{session._connection.number}"}
        conversation.stop()
        arrived = arrival(session, "toolCall")
        emulator.inject(Call("f", {"city": "Ulm"}, id="5"))
        assert arrived.wait(PATIENCE)
        session.send_function_responses([{"id": "5", "name": "f", "response": {"by": "hand"}}])
        assert responses(emulator, 5)["5"]["response"] == {"by": "hand"}
        assert len(asked.entries) == 3, "it ended with the conversation"


def test_transcripts_and_the_going_away_are_told_on_the_thread_of_hooks():
    transcripts, leaving = Told(), Told()
    with opened() as (emulator, session):
        conversation = session.start_audio_conversation(
            transcript_handler=transcripts, go_away_handler=leaving, **line()
        )
        emulator.inject(
            Send(content(inputTranscription={"text": "hel"})),
            Send(content(outputTranscription={"text": "Hi", "finished": True})),
            Send(spoken("Hi")),
            GoAway("50s"),
        )
        [(going,)] = leaving.wait(1)
        assert going.time_left == "50s"
        (heard, nothing), (nobody, said) = transcripts.entries
        assert (heard.text, nothing, nobody, said.text) == ("hel", None, None, "Hi")
        assert said.finished
        assert transcripts.threads == leaving.threads == {"livesdk-hooks"}
        conversation.stop()
        assert not session._observers


@pytest.mark.parametrize(
    ("enabled", "echo"), [(None, "half-duplex"), (False, "half-duplex"), (True, "none")]
)
def test_interruptions_are_a_matter_of_the_echo(enabled, echo):
    with opened() as (_, session):
        conversation = session.start_audio_conversation(enable_interruptions=enabled, **line())
        assert conversation._echo == echo
        conversation.stop()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"ecko": "none"}, "no argument 'ecko'; did you mean 'echo'"),
        ({"functionCallHandler": len}, "did you mean 'function_call_handler'"),
        ({"session": 1}, "start_audio_conversation has no argument 'session'"),
        ({"function_call_handler": {}}, "function_call_handler: expected a function, got {}"),
        ({"go_away_handler": wait}, "go_away_handler: a coroutine would never run"),
        ({"enable_interruptions": 1}, "enable_interruptions: expected True or False"),
        ({"enable_interruptions": True, "echo": "none"}, "give one of them"),
    ],
)
def test_what_a_conversation_does_not_take_is_named(arguments, words):
    with opened() as (_, session):
        with pytest.raises(livesdk.ConfigError, match=words):
            session.start_audio_conversation(**arguments)
        assert not session.in_conversation


def test_a_session_is_closed_when_the_server_closes_it():
    with opened() as (emulator, session):
        assert session.is_closed is False
        emulator.inject(Close(1000))
        session.wait_closed(PATIENCE)
        assert session.is_closed is True
        with pytest.raises(livesdk.SessionClosed):
            session.send("Hello")
        session.close()


def test_stop_receiving_leaves_the_socket_open():
    with opened("Hello.") as (emulator, session):
        begun = threading.Event()

        def receive():
            for _ in session.receive():
                begun.set()

        receiver = Caught(receive)
        emulator.inject(Send({"note": 1}))
        assert begun.wait(PATIENCE)
        session.stop_receiving()
        receiver.result()
        assert session.ask("x", timeout=PATIENCE).text == "Hello."


def test_what_comes_later_is_not_there_as_a_stub():
    for name in ("in_conversation", "start_audio_conversation", "stop_audio_conversation"):
        method = getattr(livesdk.Session, name, None)
        assert method is None or method.__doc__, name
