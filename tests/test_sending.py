"""From a sender's arguments to one frame: every form that is taken, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from livesdk import ConfigError, codec
from livesdk.endpoint import resolve
from livesdk.older_forms import route
from livesdk.pcm import Alignment
from livesdk.sending import (
    Media,
    blobs_of,
    client_content,
    context_update,
    realtime_input,
    tool_response,
)
from livesdk.types import (
    ActivityEnd,
    ActivityStart,
    Blob,
    Content,
    FunctionResponse,
    LiveClientContent,
    LiveClientContextUpdateTools,
    LiveClientMessage,
    LiveClientRealtimeInput,
    LiveClientSetup,
    LiveClientToolResponse,
    Part,
    ToolResponse,
    UserContent,
)

DEVELOPER = resolve({}, api_key="k")
VERTEX = resolve({}, vertexai=True, project="p", location="l", has_credentials=True)

ARGUMENTS = (
    "audio",
    "video",
    "text",
    "audio_stream_end",
    "activity_start",
    "activity_end",
    "media",
)


def written(message: LiveClientMessage) -> Any:
    return json.loads(codec.encode(message))


def turns(given: Any) -> Any:
    return written(client_content(given, True, DEVELOPER))["clientContent"].get("turns")


def realtime(rate_hz: int | None = None, alignment: Alignment | None = None, **given: Any) -> Any:
    arguments = {name: given.get(name) for name in ARGUMENTS}
    frame = realtime_input(arguments, alignment or Alignment(), rate_hz)
    if frame is None:
        return None
    if isinstance(frame, Media):
        return json.loads(frame.payload)["realtimeInput"]
    return written(frame)["realtimeInput"]


# ----------------------------------------------------------------------------------- client content

USER_A = {"role": "user", "parts": [{"text": "a"}]}


@pytest.mark.parametrize(
    ("given", "contents"),
    [
        (None, None),
        ([], []),
        ("a", [USER_A]),
        ({"text": "a"}, [USER_A]),
        (Part(text="a"), [USER_A]),
        (["a"], [USER_A]),
        (("a",), [USER_A]),
        (UserContent("a"), [USER_A]),
        (Content(role="user", parts=[Part(text="a")]), [USER_A]),
        ({"role": "user", "parts": ["a"]}, [USER_A]),
        (["a", {"text": "b"}], [{"role": "user", "parts": [{"text": "a"}, {"text": "b"}]}]),
        (
            ["a", {"role": "model", "parts": [{"text": "b"}]}, "c"],
            [
                USER_A,
                {"role": "model", "parts": [{"text": "b"}]},
                {"role": "user", "parts": [{"text": "c"}]},
            ],
        ),
    ],
    ids=repr,
)
def test_turns_in_every_form(given, contents):
    assert turns(given) == contents


def test_a_turn_is_of_the_user_the_model_or_on_vertex_the_system():
    system = {"role": "system", "parts": [{"text": "s"}]}
    message = client_content(system, False, VERTEX)
    assert written(message)["clientContent"]["turns"] == [system]
    for role in ("system", "assistant", "USER"):
        with pytest.raises(ConfigError, match=f"'user' or 'model', got '{role}'"):
            turns([{"role": role, "parts": [{"text": "a"}]}])
    with pytest.raises(ConfigError, match="'model' or 'system'"):
        client_content(Content(role="narrator", parts=[Part(text="a")]), True, VERTEX)
    assert turns({"role": "", "parts": [{"text": "a"}]}) is not None


@pytest.mark.parametrize(
    "given", [5, True, [5], {"bogus": 1}, [{"text": "a", "bogus": 1}], {"parts": [{"txt": "a"}]}]
)
def test_what_is_no_turn_is_refused(given):
    with pytest.raises(ConfigError, match="turns"):
        turns(given)


@pytest.mark.parametrize("wrong", ["yes", 1, 0, []])
def test_turn_complete_is_true_or_false(wrong):
    with pytest.raises(ConfigError, match="turn_complete"):
        client_content("a", wrong, DEVELOPER)


def test_vertex_takes_fields_in_contents_that_its_setup_does_not_have():
    part = {"text": "x", "part_metadata": {"my_key": 1}}
    sent = written(client_content({"parts": [part]}, True, VERTEX))
    assert sent["clientContent"]["turns"][0]["parts"][0]["partMetadata"] == {"my_key": 1}


def test_the_developer_api_has_no_calls_in_pieces():
    part = {"function_call": {"name": "f", "will_continue": True}}
    with pytest.raises(ConfigError, match="Vertex AI only"):
        client_content({"parts": [part]}, True, DEVELOPER)
    assert client_content({"parts": [part]}, True, VERTEX)


# ----------------------------------------------------------------------------------- realtime input


@pytest.mark.parametrize("audio", [b"\0\1\2\3", bytearray(b"\0\1\2\3"), memoryview(b"\0\1\2\3")])
def test_raw_audio_is_16_khz_unless_told(audio):
    assert realtime(audio=audio) == {
        "audio": {"mimeType": "audio/pcm;rate=16000", "data": "AAECAw=="}
    }
    assert realtime(audio=audio, rate_hz=8000)["audio"]["mimeType"] == "audio/pcm;rate=8000"


@pytest.mark.parametrize(
    "audio",
    [
        Blob(mime_type="audio/pcm;rate=24000", data=b"\0\1"),
        {"mime_type": "audio/pcm;rate=24000", "data": b"\0\1"},
        {"mimeType": "audio/pcm;rate=24000", "data": "AAE="},
        ("audio/pcm;rate=24000", b"\0\1"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("name", ["audio", "media"])
def test_a_blob_brings_its_own_type(audio, name):
    assert realtime(**{name: audio}) == {
        "audio": {"mimeType": "audio/pcm;rate=24000", "data": "AAE="}
    }


def test_samples_become_16_bit_pcm():
    assert realtime(audio=np.array([0, 256], dtype=np.int16))["audio"]["data"] == "AAAAAQ=="
    assert realtime(audio=np.array([0.0, -1.0], dtype=np.float32))["audio"]["data"] in (
        "AAAAgA==",
        "AAABgA==",
    )


def test_half_a_sample_waits_for_the_rest():
    alignment = Alignment()
    assert realtime(audio=b"\0", alignment=alignment) is None
    assert realtime(audio=b"\1\2\3", alignment=alignment)["audio"]["data"] == "AAECAw=="


@pytest.mark.parametrize(
    ("mime_type", "sent"),
    [
        ("audio/pcm", "audio/pcm;rate=48000"),
        ("audio/L16;channels=2", "audio/L16;channels=2;rate=48000"),
        ("audio/pcm;rate=48000", "audio/pcm;rate=48000"),
        ("audio/ogg", "audio/ogg"),
    ],
)
@pytest.mark.parametrize("argument", ["audio", "media"])
def test_the_rate_is_named_where_the_type_of_raw_audio_does_not(argument, mime_type, sent):
    message = realtime(**{argument: (mime_type, b"\0\0")}, rate_hz=48_000)
    assert message["audio"]["mimeType"] == sent
    assert realtime(**{argument: (mime_type, b"\0\0")})["audio"]["mimeType"] == mime_type


def test_two_rates_are_refused():
    with pytest.raises(ConfigError, match="rate_hz=48000, but"):
        realtime(audio=("audio/pcm;rate=16000", b"\0\0"), rate_hz=48_000)


@pytest.mark.parametrize("rate_hz", [0, -1, 1.5, "16000"])
def test_what_is_no_rate_is_refused(rate_hz):
    with pytest.raises(ConfigError, match="rate_hz"):
        realtime(audio=b"\0\0", rate_hz=rate_hz)


@pytest.mark.parametrize(
    ("picture", "kind"),
    [(b"\xff\xd8\xff\xe0", "jpeg"), (b"\x89PNG\r\n", "png"), (b"RIFF0000WEBP", "webp")],
)
def test_a_picture_is_known_by_its_first_bytes(picture, kind):
    assert realtime(video=picture)["video"]["mimeType"] == f"image/{kind}"


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_a_pil_image_is_sent_as_png(mode):
    from PIL import Image

    sent = realtime(video=Image.new(mode, (2, 2)))
    assert sent["video"]["mimeType"] == "image/png"
    assert sent["video"]["data"].startswith("iVBO")
    assert realtime(media=Image.new(mode, (2, 2))) == sent


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"audio": {"data": b"\0"}}, "mime_type"),
        ({"audio": {"mime_type": "audio/pcm"}}, "needs data"),
        ({"audio": {"mime_type": "image/png", "data": b"\0"}}, "audio/"),
        ({"audio": "AAA="}, "expected bytes"),
        ({"audio": {}}, "mime_type"),
        ({"video": {"mime_type": "audio/pcm", "data": b"\0"}}, "image/"),
        ({"video": {"mime_type": "video/mp4", "data": b"\0"}}, "image/"),
        ({"video": b"nothing known"}, "JPEG"),
        ({"media": {"data": b"\0"}}, "mime_type"),
        ({"text": 5}, "expected a string"),
        ({"audio_stream_end": "yes"}, "True or False"),
        ({"activity_start": True}, "ActivityStart"),
        ({"activity_end": {"x": 1}}, "no field 'x'"),
    ],
    ids=repr,
)
def test_what_does_not_fit_is_refused(given, words):
    with pytest.raises(ConfigError, match=words):
        realtime(**given)


@pytest.mark.parametrize(
    "given", [{}, {"text": "a", "audio": b"\0\0"}, {"activity_start": {}, "activity_end": {}}]
)
def test_one_argument_at_a_time(given):
    with pytest.raises(ConfigError, match="exactly one"):
        realtime(**given)


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"text": ""}, {"text": ""}),
        ({"audio_stream_end": True}, {"audioStreamEnd": True}),
        ({"activity_start": {}}, {"activityStart": {}}),
        ({"activity_end": ActivityEnd()}, {"activityEnd": {}}),
    ],
)
def test_the_signals(given, sent):
    assert realtime(**given) == sent


def test_media_that_is_neither_is_sent_as_a_chunk():
    assert realtime(media=("video/mp4", b"\0")) == {
        "mediaChunks": [{"mimeType": "video/mp4", "data": "AA=="}]
    }


def test_media_know_how_long_they_last():
    frame = realtime_input({"audio": bytes(3200)}, Alignment(), None)
    assert isinstance(frame, Media)
    assert frame.duration_ms == 100
    stereo = ("audio/pcm;rate=8000;channels=2", bytes(3200))
    frame = realtime_input({"audio": stereo}, Alignment(), None)
    assert isinstance(frame, Media)
    assert frame.duration_ms == 100


def test_chunks_in_every_form():
    blob = Blob(mime_type="audio/pcm", data=b"")
    for one in (blob, {"mime_type": "a"}, b"\0", ("audio/pcm", b"")):
        assert blobs_of(one) == [one]
    assert blobs_of(iter([blob, blob])) == [blob, blob]
    for wrong in ("text", 5, None, [], iter([])):
        with pytest.raises(ConfigError, match="chunks"):
            blobs_of(wrong)


# ----------------------------------------------------------------------------------- tool responses

ANSWER = {"id": "1", "name": "f", "response": {"a_b": 1}}


@pytest.mark.parametrize(
    "given",
    [
        ANSWER,
        [ANSWER],
        (ANSWER,),
        FunctionResponse(**ANSWER),
        [FunctionResponse(**ANSWER)],
        {"functionResponses": [ANSWER]},
        {"function_responses": ANSWER},
        {"toolResponse": {"functionResponses": [ANSWER]}},
        {"tool_response": {"function_responses": [ANSWER]}},
        LiveClientToolResponse(function_responses=[FunctionResponse(**ANSWER)]),
        ToolResponse(function_responses=[FunctionResponse(**ANSWER)]),
    ],
    ids=repr,
)
def test_a_response_in_every_form(given):
    assert written(tool_response(given, DEVELOPER)) == {
        "toolResponse": {"functionResponses": [ANSWER]}
    }


@pytest.mark.parametrize("access", [DEVELOPER, VERTEX])
@pytest.mark.parametrize(
    "given",
    [
        None,
        [],
        {},
        [{}],
        {"functionResponses": []},
        "text",
        5,
        {"id": "1"},
        {"id": "1", "name": "f"},
        {"id": "1", "response": {}},
        {**ANSWER, "name": ""},
        {**ANSWER, "response": None},
        {**ANSWER, "response": [1]},
        {**ANSWER, "response": "text"},
        {**ANSWER, "bogus": 1},
        {**ANSWER, "id": 5},
        {**ANSWER, "response": {1: 2}},
    ],
    ids=repr,
)
def test_what_is_no_response_is_refused(given, access):
    with pytest.raises(ConfigError):
        tool_response(given, access)


@pytest.mark.parametrize("id_", [None, ""])
def test_the_id_may_be_missing_on_vertex_alone(id_):
    given = {**ANSWER, "id": id_}
    with pytest.raises(ConfigError, match="the id of the call"):
        tool_response(given, DEVELOPER)
    assert tool_response(given, VERTEX)


@pytest.mark.parametrize("access", [DEVELOPER, VERTEX])
@pytest.mark.parametrize("more", [{"will_continue": False}, {"scheduling": "SILENT"}])
def test_every_field_of_a_response_is_sent_on_both(access, more):
    [sent] = written(tool_response({**ANSWER, **more}, access))["toolResponse"]["functionResponses"]
    assert len(sent) == 4


def test_an_answer_in_parts_is_for_the_developer_api():
    given = {**ANSWER, "will_continue": True}
    assert tool_response(given, DEVELOPER)
    with pytest.raises(ConfigError, match="one response a call"):
        tool_response(given, VERTEX)


# ---------------------------------------------------------------------------------- context updates


@pytest.mark.parametrize(
    "tools",
    [
        [{"google_search": {}}],
        {"tools": [{"googleSearch": {}}]},
        LiveClientContextUpdateTools(tools=[{"google_search": {}}]),
    ],
    ids=repr,
)
def test_tools_may_be_doubly_nested_as_on_the_wire(tools):
    assert written(context_update(None, tools, DEVELOPER)) == {
        "contextUpdate": {"tools": {"tools": [{"googleSearch": {}}]}}
    }


@pytest.mark.parametrize("tools", [[], {"tools": []}, LiveClientContextUpdateTools()])
def test_an_empty_list_takes_the_tools_away(tools):
    assert written(context_update(None, tools, VERTEX)) == {
        "contextUpdate": {"tools": {"tools": []}}
    }


@pytest.mark.parametrize(
    ("instruction", "tools"), [(None, None), ([], None), (5, None), (None, 5), (None, [5])]
)
def test_what_is_no_update_is_refused(instruction, tools):
    with pytest.raises(ConfigError):
        context_update(instruction, tools, DEVELOPER)


def test_an_update_may_not_have_what_the_backend_has_not():
    with pytest.raises(ConfigError, match="Vertex AI only"):
        context_update(None, [{"retrieval": {}}], DEVELOPER)


# ----------------------------------------------------------------------------------- the older send


@pytest.mark.parametrize(
    ("request_", "kind"),
    [
        ("hi", "turns"),
        (None, "turns"),
        (["a", "b"], "turns"),
        (Part(text="a"), "turns"),
        (UserContent("a"), "turns"),
        ({"text": "a"}, "turns"),
        ({"role": "user", "parts": []}, "turns"),
        ({"turns": []}, "client_content"),
        ({"content": [], "turn_complete": True}, "client_content"),
        ({"turnComplete": True}, "client_content"),
        ({"clientContent": {}}, "client_content"),
        ({"client_content": {}}, "client_content"),
        (LiveClientContent(), "client_content"),
        (Blob(data=b""), "media"),
        ([Blob(data=b""), Blob(data=b"")], "media"),
        (("audio/pcm", b""), "media"),
        ({"data": "", "mime_type": "audio/pcm"}, "media"),
        ([{"data": "", "mimeType": "audio/pcm"}], "media"),
        ({"media_chunks": []}, "realtime_input"),
        ({"realtimeInput": {"mediaChunks": []}}, "realtime_input"),
        ({"activityStart": {}}, "realtime_input"),
        (LiveClientRealtimeInput(), "realtime_input"),
        (ActivityStart(), "realtime_input"),
        (ActivityEnd(), "realtime_input"),
        ({"id": "1", "name": "f", "response": {}}, "tool_response"),
        ([{"id": "1", "name": "f", "response": {}}], "tool_response"),
        ({"functionResponses": []}, "tool_response"),
        ({"toolResponse": {}}, "tool_response"),
        (FunctionResponse(), "tool_response"),
        ([FunctionResponse()], "tool_response"),
        (ToolResponse(), "tool_response"),
        (LiveClientToolResponse(), "tool_response"),
        ({"contextUpdate": {}}, "context_update"),
        (LiveClientMessage(client_content=LiveClientContent(turn_complete=True)), "client_content"),
    ],
    ids=repr,
)
def test_the_older_send_knows_what_it_was_given(request_, kind):
    assert route(request_)[0] == kind


@pytest.mark.parametrize(
    "request_",
    [
        5,
        pytest.param(object(), id="object"),
        {"invalid_key": "x"},
        {},
        {"clientContent": {}, "realtimeInput": {}},
        {"setup": {}},
        LiveClientMessage(),
        LiveClientMessage(setup=LiveClientSetup(model="m")),
    ],
    ids=repr,
)
def test_the_older_send_refuses_what_it_cannot_place(request_):
    with pytest.raises(ConfigError, match="send"):
        route(request_)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"audio": [1, 2, 3]}, "audio: expected bytes, a NumPy array, a Blob.*got list"),
        ({"audio": "q.wav"}, r"got str; a file is sent by send_media_stream\(path\)"),
        ({"video": 5}, "video: expected bytes, a PIL image, a Blob.*got int"),
    ],
)
def test_what_is_neither_sound_nor_picture_is_told_what_is(given, words):
    with pytest.raises(ConfigError, match=words):
        realtime_input(given, Alignment(), None)
