"""``livesdk record`` and ``livesdk replay``: a chat written down, shown again, served."""

from __future__ import annotations

import re
import signal
import socket
import sys
from pathlib import Path

import pytest

import livesdk
from livesdk.emulator import Call, Close, Say, Scenario
from livesdk.recording import Replay

pytestmark = [pytest.mark.requires("cli", "emulator"), pytest.mark.long]


@pytest.fixture
def recording(cli) -> str:
    result = cli("record", "kept.jsonl", input="one\nwhat did I say\n")
    assert result.exit_code == 0
    return "kept.jsonl"


def test_a_chat_is_as_ever_and_in_the_file(cli, recording):
    result = cli("record", "again.jsonl", "Hello", "there")
    assert result.exit_code == 0
    assert result.stdout == "Hello! You said: Hello there. This is turn 1.\n"
    assert re.search(r"Recorded \d+ events in \d+\.\d s: again\.jsonl", result.stderr)
    replay = Replay("again.jsonl")
    assert replay.close_info.code == 1000
    assert [e.kind for e in replay.events if e.direction == "client"] == ["setup", "clientContent"]


def test_it_takes_the_options_of_chat_and_hides_the_key(cli, service):
    emulator = service()
    result = cli("record", "kept.jsonl", "--voice", "Kore", "--json", "--no-audio", "Hello")
    assert result.exit_code == 0
    assert '"input": "Hello"' in result.stdout
    assert "Kore" in str(emulator.frames[0])
    assert "very-secret" not in Path("kept.jsonl").read_text()
    assert not Replay("kept.jsonl").header.audio


def test_what_happened_before_an_error_is_kept(cli, service):
    service(Scenario(replies=[[Say("Well"), Close(1008, "Entity not found.")]]))
    result = cli("record", "kept.jsonl", "Hello")
    assert result.exit_code == 1
    assert "Entity not found." in result.stderr
    shown = cli("replay", "kept.jsonl")
    assert "closed: 1008 (remote): Entity not found." in shown.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_is_an_error_after_the_chat(cli):
    result = cli("record", "/dev/full", "Hello")
    assert result.exit_code == 1
    assert result.stdout.startswith("Hello!")
    assert "No space left on device" in result.stderr


def test_a_file_that_cannot_be_written_is_one_sentence(cli):
    result = cli("record", "no/such/folder.jsonl", "Hello")
    assert result.exit_code == 1
    assert "folder.jsonl cannot be written: No such file" in result.stderr


def test_the_session_and_its_sound_go_to_two_files(cli):
    Path("kept").write_text("precious")
    result = cli("record", "kept", "--save-audio", "../" + Path.cwd().name + "/kept", "Hello")
    assert result.exit_code == 2
    assert "OUT and --save-audio name one file: kept." in result.stderr
    assert Path("kept").read_text() == "precious"


@pytest.mark.parametrize("command", [["record"], ["chat", "--save-audio"]])
def test_what_is_piped_in_is_not_written_over(program, tmp_path, command):
    questions = tmp_path / "questions.txt"
    questions.write_text("one\ntwo\n")
    with questions.open() as piped:
        running = program(*command, "questions.txt", stdin=piped)
        assert running.end() == 2
    assert "and standard input are one file: questions.txt." in running.stderr
    assert questions.read_text() == "one\ntwo\n"


@pytest.mark.parametrize("pace", [[], ["--realtime"], ["--speed", "10"]])
def test_a_replay_shows_who_said_what(cli, recording, pace):
    result = cli("replay", recording, *pace)
    assert result.exit_code == 0
    assert [line.split(None, 1) for line in result.stdout.splitlines()] == [
        ["you", "one"],
        ["model", "You said: one. This is turn 1."],
        ["you", "what did I say"],
        ["model", 'Before, you said "one".'],
        ["closed:", "1000 (local)"],
    ]
    assert "models/gemini-3.8-live" in result.stderr


@pytest.mark.parametrize("speed", ["nan", "inf", "0", "-1", "1e-300"])
def test_a_speed_that_is_none_is_a_usage_error(cli, recording, speed):
    assert cli("replay", recording, "--speed", speed).exit_code == 2


def test_calls_and_their_results_are_shown(cli, service, tmp_path, monkeypatch):
    (tmp_path / "my_tools_to_record.py").write_text(
        "def boil(litres: float) -> dict:\n    'Boil water.'\n    return {'boiling': litres}\n"
    )
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    service(Scenario(replies=[[Call("boil", {"litres": 2}), Say("Ready.")]]))
    tool = ["--tool", "my_tools_to_record:boil"]
    assert cli("record", "kept.jsonl", *tool, "Tea").exit_code == 0
    shown = cli("replay", "kept.jsonl").stdout
    assert "call    boil(litres=2)" in shown
    assert "result  boil: {'boiling': 2.0}" in shown


def test_the_recorded_words_cannot_steer_the_terminal(cli, service):
    service(Scenario(replies=["\x1b[2J[bold]not markup[/bold]"]))
    chat = ["--modality", "text", "--model", "any", "\x1b[31m[red]"]
    assert cli("record", "kept.jsonl", *chat).exit_code == 0
    shown = cli("replay", "kept.jsonl").stdout
    assert "[bold]not markup[/bold]" in shown
    assert "[red]" in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read: No such file"),
        ("", "it is empty"),
        ("hello", "is no recording of livesdk"),
    ],
)
def test_what_is_no_recording_is_one_sentence(cli, content, words):
    if content is not None:
        Path("odd.jsonl").write_text(content)
    result = cli("replay", "odd.jsonl")
    assert result.exit_code == 1
    assert words in result.stderr
    assert "Traceback" not in result.stderr


def test_an_incomplete_file_is_shown_with_a_note(program, recording):
    octets = Path(recording).read_bytes()
    Path(recording).write_bytes(octets[:-20])
    running = program("replay", recording)
    assert running.end() == 0
    assert "Before, you said" in running.stdout
    assert "Note: kept.jsonl: line" in running.stderr
    assert "the last one, is incomplete and left out" in running.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent as a signal")
def test_it_is_served_to_other_programs(program, recording):
    running = program("replay", recording, "--serve", "0")
    shown = running.wait_for("Connections:")
    base_url = re.search(r"GEMINI_BASE_URL=(\S+)", shown)[1]
    client = livesdk.Client(api_key="any", http_options={"base_url": base_url}, proxy="")
    config = {"response_modalities": ["AUDIO"], "output_audio_transcription": {}}
    with client.live.connect("any", config) as session:
        assert session.ask("anything").output_transcript == "You said: one. This is turn 1."
    running.process.send_signal(signal.SIGINT)
    assert running.end(10) in (130, -signal.SIGINT)


def test_a_taken_port_is_one_sentence(cli, recording):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = cli("replay", recording, "--serve", taken.getsockname()[1])
    assert result.exit_code == 1
    assert "choose another with --serve" in result.stderr
