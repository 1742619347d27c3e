"""What a recording holds, what it never holds, and what becomes of it when the disk fails."""

from __future__ import annotations

import base64
import io
import json
import sys
import threading
from pathlib import Path

import pytest
from recording.kit import recorded, refused
from session.opened import TEXT, client_of, opened
from session.rig import Heard, run_script
from waiting import Caught, within

import livesdk
from livesdk import types
from livesdk.emulator import Close, Drop, Emulator, HttpStatus, Say, Scenario, Send, SendRaw
from livesdk.recording import Recorder, Replay
from livesdk.recording._lines import Lines, read_event, settled
from livesdk.recording._tape import Tape

pytestmark = pytest.mark.requires("emulator")

KEY = "AIza-very-secret-key"
SECRET = "hunter2-and-more"
HEADER = "header-very-secret"


def lines_of(path) -> list[dict]:
    return [json.loads(line) for line in Path(path).read_bytes().splitlines()]


def test_every_frame_of_both_sides_is_there_in_order(tmp_path):
    path = tmp_path / "x.jsonl"
    with recorded(path, "One.") as (emulator, session, _):
        session.ask("Hello")
    header, *lines = lines_of(path)
    sent = [line["frame"] for line in lines if line.get("direction") == "client"]
    assert sent == emulator.frames
    assert (header["format"], header["version"]) == ("livesdk recording", 1)
    assert (header["service"], header["model"]) == ("live", "models/m")
    assert (header["backend"], header["audio"]) == ("developer", True)
    kinds = [next(iter(line["frame"])) for line in lines if "frame" in line]
    assert kinds[:3] == ["setup", "setupComplete", "clientContent"]
    assert [line["at"] for line in lines] == sorted(line["at"] for line in lines)
    assert lines[-1]["event"] == "closed"
    assert lines[-1]["info"]["initiated_by"] == "local"


def test_large_messages_in_a_row_are_recorded_as_they_came(tmp_path):
    path = tmp_path / "x.jsonl"
    sound = [base64.b64encode(bytes([number]) * 48_000).decode() for number in range(40)]
    blobs = [{"mimeType": "audio/pcm;rate=24000", "data": data} for data in sound]
    steps = [
        Send({"serverContent": {"modelTurn": {"parts": [{"inlineData": blob}]}}}) for blob in blobs
    ]
    with recorded(path, [*steps, Say("Done.")]) as (_, session, _):
        session.ask("Hello")
    frames = [line["frame"] for line in lines_of(path) if line.get("direction") == "server"]
    assert [step.message for step in steps] == [f for f in frames if "inlineData" in str(f)]


@pytest.mark.parametrize(
    ("step", "ends"),
    [
        (Close(1011, "out of order"), [("lost", 1011, "remote"), ("closed", 1011, "remote")]),
        (Drop(), [("lost", 1006, "network"), ("closed", 1006, "network")]),
    ],
)
def test_the_end_is_told_exactly(record, step, ends):
    def converse(session):
        with pytest.raises(livesdk.SessionClosed):
            session.ask("Hello")

    replay = record(converse, [Say("Well"), step])
    told = [(e.kind, e.info.code, e.info.initiated_by) for e in replay.events if e.info]
    assert told == ends
    assert replay.close_info.mid_turn


def test_a_connect_that_fails_is_recorded_too_and_leaves_no_thread(tmp_path):
    path = tmp_path / "x.jsonl"
    refused(path, HttpStatus(503))
    [closed] = Replay(path).events
    assert (closed.kind, closed.info.code) == ("closed", 1006)


def test_no_secret_is_in_it(tmp_path):
    path = tmp_path / "x.jsonl"
    tool = {
        "retrieval": {
            "external_api": {
                "endpoint": "https://search.example",
                "auth_config": {"api_key": SECRET, "oauth_config": {"access_token": SECRET}},
                "api_auth": {"api_key_config": {"api_key_string": SECRET}},
            }
        }
    }
    schema = {"type": "OBJECT", "properties": {"api_key": {"type": "STRING"}}}
    function = {"name": "f", "parameters": schema}
    reason = f"API key {KEY} not valid, nor {HEADER}"
    with Emulator(Scenario(replies=[[Close(1011, reason)]])) as emulator:
        client = livesdk.Client(
            vertexai=True,
            api_key=KEY,
            http_options={"base_url": emulator.base_url, "headers": {"x-more": HEADER}},
            proxy="",
        )
        config = {
            "response_modalities": ["TEXT"],
            "tools": [tool, {"functionDeclarations": [function]}],
        }
        with Recorder(path) as recorder:
            session = client.live.connect("m", config, recorder=recorder)
            session.send_client_content(f"My key is {KEY}.")
            assert session.wait_closed(5).code == 1011
        assert SECRET in json.dumps(emulator.frames[0])  # it was there to be written
        base_url = emulator.base_url
    text = path.read_text("utf-8")
    for secret in (KEY, SECRET, HEADER, base_url):
        assert secret not in text
    frame = lines_of(path)[1]["frame"]
    assert frame["setup"]["tools"][1]["functionDeclarations"][0]["parameters"] == schema


def test_what_names_the_program_in_a_header_is_no_secret(tmp_path):
    path = tmp_path / "x.jsonl"
    app = livesdk.FirebaseOptions(
        project="p", api_key=KEY, app_id="1:234567:web:89ab", auth_token=HEADER
    )
    with Emulator() as emulator:
        options = {"base_url": emulator.base_url}
        client = livesdk.Client(firebase=app, http_options=options, proxy="")
        recorder = Recorder(path)
        with recorder, client.live.connect("m", TEXT, recorder=recorder) as session:
            session.send_client_content(f"I am {app.app_id}, with {HEADER}.")
    assert app.app_id in path.read_text("utf-8")
    assert HEADER not in path.read_text("utf-8")


def test_a_resumption_handle_has_a_stand_in(tmp_path):
    path = tmp_path / "x.jsonl"
    config = {**TEXT, "session_resumption": {}}
    with Emulator(voice="tones") as emulator:
        client = client_of(emulator)
        with client.live.connect("m", config) as session:
            session.ask("Hello")
            heard = next(m for m in session.receive() if m.session_resumption_update)
            handle = heard.session_resumption_update.new_handle or session.resumption_handle
        resumed = {**TEXT, "session_resumption": {"handle": handle}}
        recorder = Recorder(path)
        with recorder, client.live.connect("m", resumed, recorder=recorder) as session:
            session.ask("Hello again")
            last = session.resumption_handle
    text = path.read_text("utf-8")
    assert handle not in text
    assert last not in text
    assert lines_of(path)[1]["frame"]["setup"]["sessionResumption"] == {"handle": "handle-1"}
    assert '"newHandle":"handle-2"' in text


def test_without_audio_only_its_length_is_there(record):
    sound = bytes(range(256)) * 50
    blob = {"mimeType": "audio/pcm;rate=24000", "data": base64.b64encode(sound).decode()}
    frame = {"serverContent": {"modelTurn": {"parts": [{"inlineData": blob}]}}}

    def converse(session):
        session.send_realtime_input(audio=sound)
        session.ask("Hello")

    replay = record(converse, [Send(frame)], audio=False)
    assert not replay.header.audio
    text = Path(replay.name).read_text("utf-8")
    assert base64.b64encode(sound[:300]).decode()[:300] not in text
    assert text.count('{"elided":12800}') == 2
    [audio] = [message.audio for message in replay.messages() if message.audio]
    assert audio == bytes(len(sound))


def test_what_is_no_json_is_kept_as_it_came(record):
    errors = Heard()

    def converse(session):
        session.ask("Hello")

    steps = [SendRaw(b'{"serverContent": {'), SendRaw(b"\xff\xfe"), Say("Still here.")]
    replay = record(converse, steps, callbacks={"onerror": errors.hears("error")})
    odd = [e.payload for e in replay.events if e.direction == "server" and e.frame is None]
    assert odd == [b'{"serverContent": {', b"\xff\xfe"]
    assert len(errors.all("error")) == 2


def test_text_frames_stay_text(record):
    replay = record(lambda session: session.ask("Hello"), "Ümläut \U0001f600", text_frames=True)
    frames = [event for event in replay.events if event.direction == "server"]
    assert all(isinstance(event.payload, str) for event in frames)
    assert "Ümläut \U0001f600" in "".join(m.text or "" for m in replay.messages())


# ------------------------------------------------------------------------------------ the file


def test_a_recorder_is_for_one_session(tmp_path):
    recorder = Recorder(tmp_path / "x.jsonl")
    with opened("Hi") as (emulator, _), recorder:
        connect = client_of(emulator).live.connect
        connect("m", TEXT, recorder=recorder).close()
        before = (tmp_path / "x.jsonl").read_bytes
        recorder.close()
        kept = before()
        with pytest.raises(livesdk.ConfigError, match="one session"):
            connect("m", TEXT, recorder=recorder)
        assert before() == kept
        assert len(emulator.connections) == 2


@pytest.mark.parametrize("given", [5, None, object()])
def test_a_recorder_needs_a_file(given):
    with pytest.raises(livesdk.ConfigError, match="path"):
        Recorder(given)


def test_what_is_wrong_is_told_before_anything_is_sent(tmp_path):
    with Emulator() as emulator:
        connect = client_of(emulator).live.connect
        with pytest.raises(livesdk.ConfigError, match="expected a Recorder"):
            connect("m", TEXT, recorder="x.jsonl")
        with pytest.raises(livesdk.ConfigError, match="cannot be written"):
            connect("m", TEXT, recorder=Recorder(tmp_path / "no" / "x.jsonl"))
        recorder = Recorder(tmp_path / "x.jsonl")
        with pytest.raises(livesdk.ConfigError):
            connect("m", TEXT, recorder=recorder, tool_audio="loud")
        assert not (tmp_path / "x.jsonl").exists()
        assert emulator.connections == []


def test_an_open_file_is_written_to_and_left_open():
    file = io.BytesIO()
    with recorded(file, "Hi") as (_, session, _):
        session.ask("Hello")
    assert not file.closed
    file.seek(0)
    assert Replay(file).close_info.code == 1000


def test_leaving_the_block_early_ends_the_recording_and_not_the_session(tmp_path):
    with opened("One.", "Two.", "Three.") as (emulator, _):
        recorder = Recorder(tmp_path / "x.jsonl")
        with client_of(emulator).live.connect("m", TEXT, recorder=recorder) as session:
            with recorder:
                session.ask("first")
            recorder.close()
            assert session.ask("second").text
    texts = [e.frame for e in Replay(tmp_path / "x.jsonl").events if e.kind == "clientContent"]
    assert "first" in str(texts)
    assert "second" not in str(texts)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_is_told_once_and_the_session_goes_on():
    heard = Heard()
    with opened("One.", "Two.") as (emulator, _), Recorder("/dev/full") as recorder:
        connect = client_of(emulator).live.connect
        with connect("m", TEXT, heard.callbacks(), recorder=recorder) as session:
            error = heard.wait("error")
            assert session.ask("Hello").text
    assert str(error) == (
        "the recording stopped, the session goes on: /dev/full: No space left on device"
    )
    assert isinstance(error.__cause__, OSError)
    assert recorder.error is error
    assert heard.kinds.count("error") == 1
    assert heard.kinds[-1] == "close"


class StuckFile(io.RawIOBase):
    """A disk that does not answer until it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.reached = threading.Event()
        self.octets = b""

    def writable(self) -> bool:
        return True

    def write(self, octets) -> int:
        self.reached.set()
        assert self.go.wait(20)
        self.octets += bytes(octets[:100])
        return min(len(octets), 100)  # in pieces, as a file without a buffer may


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_is_told_to_nobody_if_the_session_never_opens():
    heard = Heard()
    recorder, _ = refused("/dev/full", HttpStatus(503), callbacks=heard.callbacks())
    assert heard.kinds == []
    assert isinstance(recorder.error, livesdk.LiveError)


def test_a_stuck_disk_delays_neither_the_session_nor_its_end():
    file = StuckFile()
    with opened("One.", "Two.") as (emulator, _), Recorder(file) as recorder:
        with client_of(emulator).live.connect("m", TEXT, recorder=recorder) as session:
            assert file.reached.wait(5)
            assert session.ask("Hello").text == "One."
            with within(2.0):
                session.close()
        with within(0.5):
            recorder.close(0.05)
        file.go.set()
        recorder.close()
    assert Replay(io.BytesIO(file.octets)).close_info.initiated_by == "local"


def test_a_disk_too_slow_for_good_stops_the_recording(monkeypatch):
    monkeypatch.setattr("livesdk.recording._tape._LIMIT", 10_000)
    file, heard = StuckFile(), Heard()
    with opened("One.") as (emulator, _), Recorder(file) as recorder:
        connect = client_of(emulator).live.connect
        with connect("m", TEXT, heard.callbacks(), recorder=recorder) as session:
            session.send_client_content("x" * 20_000, turn_complete=False)
            assert "too slow" in str(heard.wait("error"))
            assert session.ask("Hello").text == "One."
        file.go.set()


def test_a_file_that_raises_anything_ends_the_recording_only():
    class Broken(io.BytesIO):
        def write(self, _):
            raise ZeroDivisionError("a mistake of the program's own")

    with recorded(Broken(), "One.") as (_, session, recorder):
        assert session.ask("Hello").text == "One."
    assert isinstance(recorder.error.__cause__, ZeroDivisionError)


def test_a_connection_that_takes_over_is_told_of_and_the_handle_it_uses(tmp_path):
    tape = Tape(tmp_path / "x.jsonl", audio=True)
    tape.begin(service="live", model="models/m", backend="developer", vertex_rules=False)
    tape.connected()
    update = {"sessionResumptionUpdate": {"newHandle": "a-handle", "resumable": True}}
    tape.frame("server", json.dumps(update).encode())
    tape.lost(1001, "going away", "remote")
    tape.connected()
    tape.frame("client", b'{"setup": {"sessionResumption": {"handle": "a-handle"}}}')
    tape.closed(livesdk.CloseInfo(code=1000, clean=True, initiated_by="local"))
    tape.close(5.0)
    replay = Replay(tmp_path / "x.jsonl")
    assert [e.kind for e in replay.events] == [
        "sessionResumptionUpdate",
        "lost",
        "reconnected",
        "setup",
        "closed",
    ]
    assert str([e.frame for e in replay.events]).count("'handle-1'") == 2


def test_a_frame_that_did_not_go_out_is_not_in_the_replay(tmp_path):
    lines = Lines(audio=True)
    written = [
        lines.frame(0.1, "client", b'{"clientContent": {"turns": []}}'),
        lines.frame(0.2, "client", b'{"toolResponse": {}}'),
        lines.frame(0.2, "server", b'{"serverContent": {}}'),
        lines.unsent(0.3, b'{"toolResponse": {}}'),
    ]
    kept = settled(read_event(line, "here") for line in written)
    assert [event.kind for event in kept] == ["clientContent", "serverContent"]


# ----------------------------------------------------------------------------------- threads


def test_two_threads_record_whole_frames_each_in_its_order(tmp_path):
    path = tmp_path / "x.jsonl"
    ready = threading.Barrier(2)
    with recorded(path) as (_, session, _):

        def send(name):
            ready.wait(5)
            for number in range(100):
                session.send_client_content(f"{name} {number}", turn_complete=False)

        for call in [Caught(send, name) for name in "ab"]:
            call.result()
    frames = [e.frame for e in Replay(path).events if e.kind == "clientContent"]
    said = [frame["clientContent"]["turns"][0]["parts"][0]["text"] for frame in frames]
    for name in "ab":
        assert [text for text in said if text[0] == name] == [f"{name} {n}" for n in range(100)]


def test_a_program_that_forgets_to_close_has_its_recording(tmp_path):
    source = """
import sys, livesdk
from livesdk.recording import Recorder
client = livesdk.Client(api_key="any", http_options={"base_url": sys.argv[1]}, proxy="")
session = client.live.connect(
    "m", {"response_modalities": ["TEXT"]}, recorder=Recorder(sys.argv[2])
)
print(session.ask("Hello").text)
"""
    path = tmp_path / "x.jsonl"
    with Emulator(Scenario(replies=["One."])) as emulator:
        done = run_script(source, emulator.base_url, str(path))
    assert (done.returncode, done.stderr) == (0, "")
    replay = Replay(path)
    assert "".join(message.text or "" for message in replay.messages()) == "One."
    assert replay.close_info is None


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_forked_child_leaves_the_recording_to_its_parent(tmp_path):
    source = """
import os, sys, livesdk
from livesdk.recording import Recorder
client = livesdk.Client(api_key="any", http_options={"base_url": sys.argv[1]}, proxy="")
with Recorder(sys.argv[2]) as recorder:
    with client.live.connect("m", {"response_modalities": ["TEXT"]}, recorder=recorder) as session:
        child = os.fork()
        if not child:
            session.close()
            recorder.close()
            sys.exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        session.ask("Hello")
"""
    path = tmp_path / "x.jsonl"
    with Emulator(Scenario(replies=["One."])) as emulator:
        done = run_script(source, emulator.base_url, str(path))
    assert done.returncode == 0, done.stderr
    replay = Replay(path)
    assert [event.kind for event in replay.events].count("closed") == 1
    assert "".join(message.text or "" for message in replay.messages()) == "One."


def test_the_second_door_records_as_well(tmp_path):
    path = tmp_path / "x.jsonl"
    with opened("Hi") as (emulator, _), Recorder(path) as recorder:
        model = livesdk.LiveGenerativeModel(
            client_of(emulator), "m", types.LiveConnectConfig(response_modalities=["TEXT"])
        )
        with model.connect(recorder=recorder) as session:
            session.ask("Hello")
    assert Replay(path).header.model == "models/m"
