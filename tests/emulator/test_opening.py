"""Paths, credentials and setups: who gets in."""

from __future__ import annotations

import json

import pytest
from emulator.phone import GEMINI, MUSIC, VERTEX, VERTEX_MODEL
from websockets.exceptions import InvalidStatus

from livesdk.emulator import Emulator

_FIREBASE = "/ws/google.firebase.vertexai.v1beta.GenerativeService/BidiGenerateContent"
_FIREBASE_VERTEX = (
    "/ws/google.firebase.vertexai.v1beta.LlmBidiService/BidiGenerateContent/locations/us-central1"
)
_KEY = {"x-goog-api-key": "any"}


@pytest.mark.parametrize(
    ("path", "headers", "model"),
    [
        (f"{GEMINI}?key=any", {}, "models/m"),
        (GEMINI, _KEY, "models/m"),
        (GEMINI.replace("v1beta", "v1alpha"), _KEY, "tunedModels/m"),
        (GEMINI.replace("v1beta", "v1"), _KEY, "models/m"),
        (f"/{GEMINI}", _KEY, "models/m"),
        (f"/gateway{GEMINI}", _KEY, "models/m"),
        (f"{GEMINI}Constrained?access_token=auth_tokens%2Fx", {}, "models/m"),
        (f"{GEMINI}Constrained", {"Authorization": "Token auth_tokens/x"}, "models/m"),
        (VERTEX, {"Authorization": "Bearer t"}, VERTEX_MODEL),
        (VERTEX, _KEY, "publishers/google/models/m"),
        (f"{_FIREBASE}?key=any", {}, "projects/p/models/m"),
        (_FIREBASE_VERTEX, _KEY, VERTEX_MODEL),
    ],
)
def test_each_address_completes_a_setup(emulate, dial, path, headers, model):
    frames = dial(emulate(), path, headers).setup(model=model)
    assert "setupComplete" in frames[0]


def test_vertex_tells_a_session_id_and_the_developer_api_does_not(emulate, dial):
    emulator = emulate()
    vertex = dial(emulator, VERTEX, {"Authorization": "Bearer t"}).setup(model=VERTEX_MODEL)
    assert vertex[0]["setupComplete"]["sessionId"]
    assert dial(emulator).setup() == [{"setupComplete": {}}]


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/", {}, 404),
        (GEMINI.replace("v1beta", "v9"), _KEY, 404),
        (f"{GEMINI}More", _KEY, 404),
        (GEMINI.replace(".Bidi", "/Bidi"), _KEY, 404),
        (MUSIC.replace(".Bidi", "/Bidi"), _KEY, 404),
        (VERTEX.replace("/Bidi", ".Bidi"), _KEY, 404),
        (_FIREBASE.replace("/Bidi", ".Bidi"), _KEY, 404),
        (VERTEX, {}, 401),
        (_FIREBASE, {}, 403),
    ],
)
def test_a_refused_upgrade_has_the_services_json_body(emulate, dial, path, headers, status):
    emulator = emulate()
    with pytest.raises(InvalidStatus) as refused:
        dial(emulator, path, headers)
    assert refused.value.response.status_code == status
    assert json.loads(refused.value.response.body)["error"]["code"] == status
    assert emulator.connections[0].status == status
    assert emulator.connections[0].wait_closed()


@pytest.mark.parametrize(
    ("path", "headers", "code", "words"),
    [
        (GEMINI, {}, 1008, "unregistered callers"),
        (f"{GEMINI}?key=", {}, 1008, "unregistered callers"),
        (GEMINI, {"x-goog-api-key": "auth_tokens/x"}, 1007, "API key not valid"),
        (f"{GEMINI}Constrained", _KEY, 1008, "token"),
        (f"{MUSIC}?key=", {}, 1008, "unregistered"),
    ],
)
def test_a_missing_credential_shows_at_the_first_frame(emulate, dial, path, headers, code, words):
    phone = dial(emulate(), path, headers)
    phone.send({"setup": {"model": "models/m"}})
    ended, reason = phone.end()
    assert ended == code
    assert words in reason
    assert len(reason.encode()) <= 123


def test_only_the_keys_given_count(emulate, dial):
    emulator = emulate(api_keys={"right", "auth_tokens/right"})
    assert dial(emulator, f"{GEMINI}?key=right").setup()
    assert dial(emulator, f"{GEMINI}Constrained?access_token=auth_tokens/right").setup()
    phone = dial(emulator, f"{GEMINI}?key=wrong")
    phone.send({"setup": {"model": "models/m"}})
    assert phone.end() == (1007, "API key not valid. Please pass a valid API key.")


@pytest.mark.parametrize(
    ("setup", "words"),
    [
        ({"model": "m"}, "model name format"),
        ({"model": ""}, "model"),
        ({"model": "models/m", "colour": 1}, "colour"),
        ({"model": "models/m", "generationConfig": {"temprature": 1}}, "temprature"),
        ({"model": "models/m", "generationConfig": {"temperature": "warm"}}, "temperature"),
        ({"model": "models/m", "generationConfig": {"temperature": 3}}, "temperature"),
        ({"model": "models/m", "generationConfig": {"responseModalities": "TEXT"}}, ""),
        (
            {"model": "models/m", "generationConfig": {"responseModalities": ["TEXT", "AUDIO"]}},
            "modality",
        ),
        ({"model": "models/m", "generationConfig": {"stopSequences": ["x"]}}, "stopSequences"),
        ({"model": "models/m", "explicitVadSignal": True}, "explicitVadSignal"),
        ({"model": "models/m", "sessionResumption": {"transparent": True}}, "transparent"),
        ({"model": "models/m", "sessionResumption": {"handle": "gone"}}, "handle"),
        ({"model": "models/m", "labels": {"Bad": "x"}}, "label"),
        ({"model": "models/m", "tools": [{"functionDeclarations": [{"name": "1x"}]}]}, "name"),
        ({"model": "models/m", "tools": [{"enterpriseWebSearch": {}}]}, "enterpriseWebSearch"),
        (
            {
                "model": "models/m",
                "contextWindowCompression": {
                    "triggerTokens": "100",
                    "slidingWindow": {"targetTokens": "100"},
                },
            },
            "targetTokens",
        ),
    ],
)
def test_a_wrong_setup_is_closed_with_1007(emulate, dial, setup, words):
    phone = dial(emulate())
    phone.send({"setup": setup})
    code, reason = phone.end()
    assert code == 1007
    assert words in reason


def test_what_only_vertex_knows_passes_there(emulate, dial):
    phone = dial(emulate(), VERTEX, {"Authorization": "Bearer t"})
    assert phone.setup(
        model=VERTEX_MODEL, explicitVadSignal=True, sessionResumption={"transparent": True}
    )


def test_snake_case_and_null_are_read(emulate, dial):
    phone = dial(emulate())
    phone.send(
        {
            "setup": {
                "model": "models/m",
                "generation_config": {"response_modalities": ["TEXT"], "temperature": None},
                "system_instruction": {"parts": [{"text": "Be brief."}]},
            }
        }
    )
    phone.until("setupComplete")
    assert "Be brief." in phone.ask("What are your instructions?")


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        ([{"clientContent": {"turnComplete": True}}], "first message"),
        ([{"setup": {"model": "models/m"}}, {"setup": {"model": "models/m"}}], "once"),
        ([{"setup": {"model": "models/m"}}, {}], ""),
        ([{"setup": {"model": "models/m"}}, {"hello": {}}], "hello"),
        ([[]], "Invalid JSON"),
    ],
)
def test_frames_out_of_place_are_closed_with_1007(emulate, dial, frames, words):
    phone = dial(emulate())
    for frame in frames:
        phone.send(frame)
    code, reason = phone.end()
    assert code == 1007
    assert words in reason


@pytest.mark.parametrize("payload", [b"\xff\xfe{}", "{", b'{"setup": ', "[" * 100_000])
def test_what_is_no_json_is_closed_with_1007(emulate, dial, payload):
    phone = dial(emulate())
    phone.socket.send(payload)
    assert phone.end()[0] == 1007


def test_binary_and_fragmented_client_frames_are_read(emulate, dial):
    phone = dial(emulate())
    phone.socket.send([b'{"setup": {"model": ', b'"models/m"}}'])
    assert phone.until("setupComplete")


@pytest.mark.parametrize(
    ("setup", "code", "words"),
    [
        ({"model": "models/never-heard-of"}, 1008, "not found"),
        (
            {
                "model": "models/gemini-3.8-live",
                "generationConfig": {"responseModalities": ["TEXT"]},
            },
            1007,
            "",
        ),
        (
            {"model": "models/gemini-3.8-live", "generationConfig": {"thinkingConfig": {}}},
            1007,
            "Thinking",
        ),
        (
            {
                "model": "models/gemini-3.8-live-extended-thinking",
                "generationConfig": {"thinkingConfig": {"thinkingLevel": "MINIMAL"}},
            },
            1007,
            "MINIMAL",
        ),
        (
            {
                "model": "models/gemini-3.8-live-extended-thinking",
                "tools": [{"functionDeclarations": [{"name": "f", "behavior": "BLOCKING"}]}],
            },
            1007,
            "BLOCKING",
        ),
        (
            {"model": "models/gemini-3.8-live", "proactivity": {"proactiveAudio": False}},
            1007,
            "Proactive",
        ),
        (
            {
                "model": "models/gemini-3.8-live",
                "generationConfig": {
                    "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Bob"}}}
                },
            },
            1007,
            "Bob",
        ),
    ],
)
def test_strict_models_refuse_what_the_service_refuses(emulate, dial, setup, code, words):
    phone = dial(emulate(strict_models=True))
    phone.send({"setup": setup})
    ended, reason = phone.end()
    assert ended == code
    assert words in reason
    easy_going = dial(emulate())
    easy_going.send({"setup": setup})
    assert easy_going.until("setupComplete")


def test_strict_models_serve_what_the_service_serves(emulate, dial):
    phone = dial(emulate(strict_models=True))
    voice = {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}}
    phone.send(
        {"setup": {"model": "models/gemini-3.8-live", "generationConfig": {"speechConfig": voice}}}
    )
    assert phone.until("setupComplete")


def test_the_record_holds_path_query_headers_and_frames(emulate, dial):
    emulator: Emulator = emulate()
    phone = dial(emulator, f"{GEMINI}?key=any&x=%2F", {"X-Extra": "1"})
    phone.setup()
    phone.socket.close()
    connection = emulator.connections[0]
    assert connection.wait_closed()
    assert connection.path == GEMINI
    assert connection.query == {"key": "any", "x": "/"}
    assert connection.headers["x-extra"] == connection.headers["X-EXTRA"] == "1"
    assert list(connection.frames[0]) == ["setup"]
    assert emulator.frames == connection.frames
    assert (connection.close_code, connection.closed_by) == (1000, "client")
