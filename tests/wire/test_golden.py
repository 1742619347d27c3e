"""Frames written down from the protocol's description: what sessions send, and how they read.

Neither the codec nor the emulator made these frames, so that the two cannot agree on a mistake.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from wire.recorder import PATIENCE, Recorder, camel_cased, golden, look

import livesdk
from livesdk import codec
from livesdk.types import (
    LiveClientMessage,
    LiveMusicClientMessage,
    LiveMusicServerMessage,
    LiveServerMessage,
)


class Credentials:
    token = "t"
    valid = True

    def refresh(self, request: Any) -> None:
        """Stay as it is."""


ARGUMENTS: dict[str, dict[str, Any]] = {
    "developer": {"api_key": "k"},
    "express": {"vertexai": True, "api_key": "k"},
    "vertex": {
        "vertexai": True,
        "project": "p-1",
        "location": "us-central1",
        "credentials": Credentials(),
    },
    "firebase": {"firebase": livesdk.FirebaseOptions(project="f-1", api_key="k")},
    "firebase-vertex": {
        "firebase": livesdk.FirebaseOptions(project="f-1", api_key="k", backend="vertex")
    },
}


def cases(name: str) -> Any:
    found = golden(name)
    return pytest.mark.parametrize("case", found, ids=[case["name"] for case in found])


def client_of(recorder: Recorder, backend: str = "developer") -> livesdk.Client:
    return livesdk.Client(**ARGUMENTS[backend], http_options={"base_url": recorder.base_url})


@contextmanager
def listening(*says: Any) -> Iterator[tuple[Recorder, livesdk.Client]]:
    with Recorder(*says) as recorder:
        yield recorder, client_of(recorder)


# ----------------------------------------------------------------------------------- what goes out


@pytest.mark.requires("emulator")
@pytest.mark.parametrize("spelling", ["snake_case", "camelCase"])
@cases("setups")
def test_a_session_opens_with_this_setup(case, spelling):
    config = camel_cased(case["config"]) if spelling == "camelCase" else case["config"]
    with Recorder() as recorder:
        client = client_of(recorder, case["backend"])
        client.live.connect(model=case["model"], config=config).close()
        assert recorder.all_frames() == [case["frame"]]


@pytest.mark.requires("emulator")
@pytest.mark.parametrize("spelling", ["snake_case", "camelCase"])
@cases("client")
def test_a_session_sends_this_frame(case, spelling):
    arguments = {
        name: camel_cased(value) if spelling == "camelCase" else value
        for name, value in case["arguments"].items()
    }
    with listening() as (recorder, client):
        with client.live.connect(model="m") as session:
            getattr(session, case["method"])(**arguments)
        _, *frames = recorder.all_frames()
    assert frames == [case["frame"]]


@pytest.mark.requires("emulator")
@cases("music")
def test_a_music_session_sends_this_frame(case):
    with listening() as (recorder, client):
        with client.live.music.connect() as session:
            getattr(session, case["method"])(**case["arguments"])
        setup, *frames = recorder.all_frames()
    assert setup == {"setup": {"model": "models/lyria-realtime-exp"}}
    assert frames == [case["frame"]]


@pytest.mark.requires("emulator")
def test_frames_go_out_as_text():
    with listening() as (recorder, client):
        with client.live.connect(model="m") as session:
            session.send_realtime_input(audio=b"\0\0")
            session.send_client_content("Hello")
        assert len(recorder.all_frames()) == 3
    assert recorder.opcodes == [str, str, str]


@cases("setups")
def test_the_codec_writes_this_setup(case):
    message = codec.check(case["frame"], LiveClientMessage)
    assert json.loads(codec.encode(message)) == case["frame"]


@cases("client")
def test_the_codec_writes_this_frame(case):
    message = codec.check(case["frame"], LiveClientMessage)
    assert json.loads(codec.encode(message)) == case["frame"]


@cases("music")
def test_the_codec_writes_this_music_frame(case):
    message = codec.check(case["frame"], LiveMusicClientMessage)
    assert json.loads(codec.encode(message)) == case["frame"]


@cases("setups")
def test_the_strict_check_of_the_emulator_lets_this_setup_pass(case):
    codec.check_client_frame(case["frame"])


@cases("client")
def test_the_strict_check_of_the_emulator_lets_this_frame_pass(case):
    codec.check_client_frame(case["frame"])


@cases("music")
def test_the_strict_check_of_the_emulator_lets_this_music_frame_pass(case):
    codec.check_client_frame(case["frame"], service="music")


# ------------------------------------------------------------------------------------ what comes in


def judge(message: Any, case: dict[str, Any]) -> None:
    assert {path: look(message, path) for path in case["expect"]} == case["expect"]


@pytest.mark.parametrize("written", ["text", "binary", "spaced", "escaped"])
@cases("server")
def test_the_codec_reads_this_frame(case, written):
    frame: Any = json.dumps(case["frame"], ensure_ascii=written == "escaped")
    if written == "spaced":
        frame = "\r\n\t " + json.dumps(case["frame"], indent=2) + " \n"
    message = codec.decode(frame.encode() if written == "binary" else frame, LiveServerMessage)
    judge(message, case)
    assert message.raw == case["frame"]


@cases("music_server")
def test_the_codec_reads_this_music_frame(case):
    judge(codec.decode(json.dumps(case["frame"]), LiveMusicServerMessage), case)


@pytest.mark.requires("emulator")
@pytest.mark.parametrize("opcode", [str, bytes], ids=["text", "binary"])
def test_a_session_delivers_every_frame_in_order(opcode):
    known = golden("server")
    texts = [json.dumps(case["frame"]) for case in known]
    says = [text if opcode is str else text.encode() for text in texts]
    with listening(*says) as (_, client), client.live.connect(model="m") as session:
        arrived = session.receive()
        for case in known:
            judge(next(arrived), case)
        arrived.close()


@pytest.mark.requires("emulator")
def test_a_music_session_delivers_every_frame_in_order():
    known = golden("music_server")
    says = [case["frame"] for case in known]
    with listening(*says) as (_, client), client.live.music.connect() as session:
        arrived = session.receive()
        for case in known:
            judge(next(arrived), case)
        arrived.close()


@pytest.mark.requires("emulator")
def test_a_frame_that_cannot_be_read_is_reported_and_the_session_goes_on():
    errors: list[Any] = []
    says = [
        "{",
        b"\xff\xfe",
        "[]",
        {"serverContent": []},
        {"serverContent": {"turnComplete": True}},
    ]
    with Recorder(*says) as recorder:
        client = client_of(recorder)
        session = client.live.connect(model="m", callbacks={"onerror": errors.append})
        with session:
            message = next(session.receive_turn(timeout=PATIENCE))
        recorder.all_frames()
    assert message.server_content.turn_complete
    assert [type(error) for error in errors] == [livesdk.DecodeError] * 4


@pytest.mark.requires("emulator")
@pytest.mark.parametrize(("doubled", "count"), [("developer", 1), ("vertex", 2)])
def test_each_backend_means_its_own_name_of_a_usage_field(doubled, count):
    usage = {"responseTokenCount": 1, "candidatesTokenCount": 2, "totalTokenCount": 3}
    with Recorder({"usageMetadata": usage}) as recorder:
        with client_of(recorder, doubled).live.connect(model="m") as session:
            message = next(session.receive_turn(timeout=PATIENCE))
        recorder.all_frames()
    assert message.usage_metadata.response_token_count == count
    assert message.usage_metadata.total_token_count == 3


@pytest.mark.requires("emulator")
@pytest.mark.parametrize(
    "answer", [{"setupComplete": {"sessionId": "s-1"}}, {"setupComplete": None}]
)
def test_the_answer_to_the_setup_is_kept(answer):
    with Recorder(setup=answer) as recorder:
        with client_of(recorder).live.connect(model="m") as session:
            assert session.setup_complete is not None
            assert session.session_id == (answer["setupComplete"] or {}).get("sessionId")
        recorder.all_frames()


@pytest.mark.requires("emulator")
@pytest.mark.parametrize("media", [[], (), {}])
def test_no_media_at_all_is_refused(media):
    with listening() as (recorder, client):
        with client.live.connect(model="m") as session, pytest.raises(livesdk.ConfigError):
            session.send_realtime_input(media=media)
        assert len(recorder.all_frames()) == 1
