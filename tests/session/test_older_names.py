"""What programs written for other clients say is understood (names are data, Protocol §16)."""

from __future__ import annotations

import queue
import re

import pytest
from session.opened import DONE, PATIENCE, TEXT, blob, client_of, content, heard, opened, says

import livesdk
from livesdk import types
from livesdk.emulator import Emulator, Scenario, Send

pytestmark = pytest.mark.requires("emulator")

FENRIR = {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Fenrir"}}}


@pytest.fixture
def emulator():
    with Emulator(Scenario(replies=["Hello."]), voice="tones") as running:
        yield running


def setup_of(emulator):
    [frame] = [frame for frame in emulator.frames if "setup" in frame]
    return frame["setup"]


@pytest.mark.parametrize(
    "name",
    [
        "AIModel",
        "GenerativeContentBlob",
        "LiveConnectParameters",
        "LiveMusic",
        "LiveMusicConfig",
        "LiveMusicConnectParameters",
        "LiveMusicSession",
        "LiveSendRealtimeInputParameters",
        "LiveSendToolResponseParameters",
        "LiveSession",
        "LiveSetupComplete",
        "MediaChunk",
        "RealtimeInput",
        "ServiceConnectionHandshakeFailedException",
        "ToolCall",
        "ToolCallCancellation",
        "ToolListUnion",
        "ToolResponse",
        "Voices",
        "get_live_generative_model",
        "live_model",
    ],
)
def test_older_names_are_importable(name):
    assert getattr(livesdk, name) is not None
    assert name in dir(livesdk)


def test_the_older_names_of_messages_take_their_fields():
    call = types.FunctionCall(id="1", name="f")
    assert types.ToolCall(function_calls=[call]).function_calls == [call]
    answer = types.FunctionResponse(id="1", name="f", response={})
    assert types.ToolResponse(function_responses=[answer]).function_responses == [answer]


@pytest.mark.parametrize(
    "speech",
    [
        types.SpeechConfig(voice=types.Voices.FENRIR),
        types.SpeechConfig(voice="Fenrir"),
        {"voice": "Fenrir"},
        "Fenrir",
        {"voiceConfig": {"presetVoice": "Fenrir"}},
        {"voice_config": {"preset_voice": "Fenrir"}},
        {"voiceConfig": {"presetVoice": {"voiceName": "Fenrir"}}},
        {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Fenrir"}}},
        types.SpeechConfig(
            voice_config=types.VoiceConfig(
                prebuilt_voice_config=types.PrebuiltVoiceConfig(voice_name="Fenrir")
            )
        ),
    ],
)
@pytest.mark.parametrize("key", ["speech_config", "speechConfig"])
def test_a_voice_is_named_in_every_style(emulator, speech, key):
    with client_of(emulator).live.connect("m", {key: speech}):
        pass
    assert setup_of(emulator)["generationConfig"]["speechConfig"] == FENRIR


@pytest.mark.parametrize(
    "config",
    [
        {"responseModality": "TEXT"},
        {"response_modality": "TEXT"},
        {"responseModality": types.ResponseModality.TEXT},
        {"responseModalities": ["TEXT"]},
        {"generationConfig": {"responseModality": "TEXT"}},
    ],
)
def test_one_modality_is_as_good_as_a_list(emulator, config):
    with client_of(emulator).live.connect("m", config):
        pass
    assert setup_of(emulator)["generationConfig"] == {"responseModalities": ["TEXT"]}


@pytest.mark.parametrize("form", ["dict", "class"])
def test_connect_takes_the_one_object_of_the_js_client(emulator, form):
    got = queue.Queue()
    parameters = {
        "model": "m",
        "config": {"responseModalities": ["TEXT"], "systemInstruction": "Be brief."},
        "callbacks": {"onmessage": got.put},
    }
    given = parameters if form == "dict" else types.LiveConnectParameters(**parameters)
    with client_of(emulator).live.connect(given) as session:
        assert got.get(timeout=PATIENCE).setup_complete is not None
        assert session.ask("x", timeout=PATIENCE).text == "Hello."
    assert setup_of(emulator)["systemInstruction"]["parts"] == [{"text": "Be brief."}]


def test_callbacks_with_and_without_an_argument(emulator):
    got = queue.Queue()
    callbacks = {
        "onopen": lambda: got.put("open"),
        "onclose": lambda: got.put("close"),
    }
    with client_of(emulator).live.connect("m", TEXT, callbacks):
        assert got.get(timeout=PATIENCE) == "open"
    assert got.get(timeout=PATIENCE) == "close"


def test_senders_take_the_one_object_of_the_js_client():
    answer = {"id": "1", "name": "f", "response": {}}
    with opened() as (emulator, session):
        session.send_client_content({"turns": "Hello", "turnComplete": False})
        session.send_realtime_input({"media": blob("audio/pcm", b"\0\0")})
        session.send_realtime_input({"realtimeInput": {"mediaChunks": [blob("image/png", b"x")]}})
        session.send_realtime_input({"audioStreamEnd": True})
        session.send_realtime_input(types.LiveSendRealtimeInputParameters(text="typed"))
        session.send_tool_response({"functionResponses": answer})
        session.send_tool_response(
            types.LiveSendToolResponseParameters(
                function_responses=[types.FunctionResponse(**answer)]
            )
        )
        first, *others = heard(emulator, session)
        assert first["clientContent"]["turns"][0]["parts"] == [{"text": "Hello"}]
        assert others == [
            {"realtimeInput": {"audio": blob("audio/pcm", b"\0\0")}},
            {"realtimeInput": {"video": blob("image/png", b"x")}},
            {"realtimeInput": {"audioStreamEnd": True}},
            {"realtimeInput": {"text": "typed"}},
            {"toolResponse": {"functionResponses": [answer]}},
            {"toolResponse": {"functionResponses": [answer]}},
        ]


def test_base64_text_is_taken_as_such_and_never_encoded_twice():
    with opened() as (emulator, session):
        session.send_media_chunks({"mimeType": "image/png", "data": "-_8="})  # url-safe
        session.send_media_chunks({"mimeType": "image/png", "data": b"\xfb\xff"})
        [first, second] = heard(emulator, session)
        assert first == second == {"realtimeInput": {"video": blob("image/png", b"\xfb\xff")}}


def test_content_is_made_of_text_as_in_dart():
    assert types.Content.text("Hello") == types.Content.of_text("Hello")
    assert types.Content.text("Hello").parts == [types.Part(text="Hello")]
    with opened("Hi.") as (_, session):
        assert session.ask(types.Content.text("Hello"), timeout=PATIENCE).text == "Hi."


def test_messages_have_the_conveniences_of_older_classes():
    import numpy as np

    parts = [
        {"text": "a"},
        {"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": "AAD/fw=="}},
    ]
    frames = (content(modelTurn={"parts": parts}), content(interrupted=True), DONE)
    with opened(says(*frames)) as (_, session):
        session.send_client_content("x")
        first, second, third = session.receive_turn(timeout=PATIENCE)
    assert (first.text, first.data) == ("a", b"\0\0\xff\x7f")
    assert first.audio_as_float.dtype == np.float32
    assert np.allclose(first.audio_as_float, [0, 32767 / 32768])
    assert second.audio_as_float is None
    assert [m.status for m in (first, second, third)] == ["NORMAL", "INTERRUPTED", "TURN_COMPLETE"]


def test_cancelled_calls_are_found_under_the_older_key():
    with opened() as (emulator, session):
        emulator.inject(Send({"toolCallCancellation": {"functionIds": ["1"]}}))
        message = next(session.receive())
        assert isinstance(message.tool_call_cancellation, types.ToolCallCancellation)
        assert message.tool_call_cancellation.ids == ["1"]


def test_methods_are_snake_case_only():
    for cls in (livesdk.Session, livesdk.MusicSession, livesdk.Client, livesdk.LiveGenerativeModel):
        public = [name for name in dir(cls) if not name.startswith("_")]
        assert [name for name in public if re.search("[A-Z]", name)] == []


def test_send_takes_input_as_it_did():
    with opened("Hi") as (_, session):
        session.send(input="Hello", end_of_turn=True)
        assert "".join(m.text or "" for m in session.receive_turn(timeout=PATIENCE)) == "Hi"
        with pytest.raises(livesdk.ConfigError, match="two names"):
            session.send("Hello", input="Hello")
