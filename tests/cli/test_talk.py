"""``livesdk talk``, ``devices`` and ``music``, where there is no sound card."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
import wave
from pathlib import Path

import pytest

from livesdk import AudioError, pcm
from livesdk.audio import FakeBackend
from livesdk.emulator import Emulator, Interrupt, SayTone, Scenario, Wait

pytestmark = [pytest.mark.requires("cli", "emulator"), pytest.mark.long]


@pytest.fixture
def question(tmp_path: Path) -> Path:
    """A WAV file in which something is said, as far as loudness goes."""
    path = tmp_path / "question.wav"
    path.write_bytes(pcm.wav_bytes(pcm.silence(200) + pcm.tone(300, 600), 24_000))
    return path


@pytest.fixture
def no_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("livesdk.audio.devices.default_backend", lambda: FakeBackend(devices=[]))


@pytest.fixture
def fake_devices(monkeypatch: pytest.MonkeyPatch) -> FakeBackend:
    backend = FakeBackend(pcm.tone(300, 600, 16_000))
    for module in ("devices", "microphone", "speaker"):
        monkeypatch.setattr(f"livesdk.audio.{module}.default_backend", lambda: backend)
    return backend


def serve(monkeypatch: pytest.MonkeyPatch, emulator: Emulator) -> None:
    """Let the command find an emulator of ours, as a service."""
    monkeypatch.setenv("GOOGLE_API_KEY", "any")
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", emulator.base_url)


def grown(path: Path, size: int) -> Path:
    """Wait until another program has written so much into a file."""
    patience = threading.Event()
    while not path.exists() or path.stat().st_size < size:
        patience.wait(0.02)
    return path


def test_a_file_is_asked_and_answered_into_another(cli, question: Path, tmp_path: Path):
    result = cli("talk", "--wav", question, "--out", "answer.wav")
    assert result.exit_code == 0, result.stderr
    assert "You said: " in result.stdout
    assert result.stdout.index("   you") < result.stdout.index("   model")
    assert "1 turn," in result.stderr
    assert "written to answer.wav" in result.stderr
    data, rate_hz, channels = pcm.read_wav(tmp_path / "answer.wav")
    assert (rate_hz, channels) == (24_000, 1)
    assert pcm.duration_ms(data, rate_hz) > 500


@pytest.mark.parametrize("way", ["same", "spelled", "link", "hard link"])
def test_the_answer_never_goes_where_the_question_is(cli, question: Path, tmp_path: Path, way: str):
    before = question.read_bytes()
    (tmp_path / "folder").mkdir()
    answer = tmp_path / "folder" / ".." / "question.wav" if way == "spelled" else question
    if way.endswith("link"):
        answer = tmp_path / "answer.wav"
        (os.symlink if way == "link" else os.link)(question, answer)
    result = cli("talk", "--wav", question, "--out", answer)
    assert result.exit_code == 2
    assert result.stderr.endswith(f"Error: --out and --wav name one file: {answer}.\n")
    assert question.read_bytes() == before


def test_a_question_called_answer_is_kept_where_there_is_no_loudspeaker(
    cli, question: Path, no_devices: None
):
    before = question.rename("answer.wav").read_bytes()
    result = cli("talk", "--wav", "answer.wav")
    assert result.exit_code == 2
    assert "answer.wav is the question: say with --out where the answer goes." in result.stderr
    assert Path("answer.wav").read_bytes() == before


def test_without_a_loudspeaker_the_answer_goes_to_a_file(cli, question: Path, no_devices: None):
    result = cli("talk", "--wav", question)
    assert result.exit_code == 0, result.stderr
    assert "No loudspeaker here: the answer goes to answer.wav." in result.stderr
    assert Path("answer.wav").stat().st_size > 1000


def test_with_a_loudspeaker_the_answer_is_heard(cli, question: Path, fake_devices: FakeBackend):
    result = cli("talk", "--wav", question)
    assert result.exit_code == 0, result.stderr
    assert any(fake_devices.played)
    assert fake_devices.opened == [("output", 24_000, 1)]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("_SOON", 0.5), ("_ENOUGH", 0.8), ("_OWED", 10.0)):
        monkeypatch.setattr(f"livesdk.cli._patience.{name}", seconds)


def murmur(length_ms: float) -> bytes:
    """Sound that is no silence, and that nobody takes for speech."""
    return pcm.tone(300, length_ms, amplitude=0.01)


def test_where_nobody_speaks_it_says_so_and_ends(cli, impatient: None, tmp_path: Path):
    (tmp_path / "noise.wav").write_bytes(pcm.wav_bytes(murmur(600), 24_000))
    began = time.monotonic()
    result = cli("talk", "--wav", "noise.wav", "--out", "a.wav")
    assert time.monotonic() - began < 10
    assert result.exit_code == 1
    assert "\nNo speech was heard so far.\n" in result.stderr
    assert result.stderr.endswith("Error: no answer came — is there speech in noise.wav?\n")


def test_silence_gets_no_answer_and_that_is_an_error(cli, tmp_path: Path):
    (tmp_path / "silence.wav").write_bytes(pcm.wav_bytes(pcm.silence(300), 24_000))
    result = cli("talk", "--wav", "silence.wav", "--out", "a.wav")
    assert result.exit_code == 1
    assert "no answer came — is there speech in silence.wav?" in result.stderr


def test_silence_at_the_beginning_is_told_and_waited_through(cli, impatient: None, tmp_path: Path):
    sound = pcm.silence(1_500) + pcm.tone(300, 600)
    (tmp_path / "late.wav").write_bytes(pcm.wav_bytes(sound, 24_000))
    result = cli("talk", "--wav", "late.wav", "--out", "a.wav")
    assert result.exit_code == 0, result.stderr
    assert result.stderr.count("No speech was heard so far.") == 1
    assert "1 turn," in result.stderr


def test_a_noise_after_the_question_does_not_hold_up_the_end(
    cli, service, impatient: None, tmp_path: Path
):
    service(Scenario(heard=["go on"], replies=[[SayTone(100)]]))
    sound = murmur(200) + pcm.tone(300, 600) + murmur(2_000)
    (tmp_path / "noisy.wav").write_bytes(pcm.wav_bytes(sound, 24_000))
    result = cli("talk", "--wav", "noisy.wav", "--out", "a.wav")
    assert result.exit_code == 0, result.stderr
    assert "1 turn, 0.1 s heard" in result.stderr


def test_a_model_that_thinks_is_given_more_time(cli, service, impatient: None, question: Path):
    service(Scenario(heard=["go on"], replies=[[Wait(1.5), SayTone(100)]]))
    result = cli("talk", "--wav", question, "--out", "a.wav")
    assert result.exit_code == 0, result.stderr
    assert "1 turn, 0.1 s heard" in result.stderr


def test_an_interruption_is_shown(cli, monkeypatch: pytest.MonkeyPatch, question: Path):
    scenario = Scenario(
        heard=["go on"], replies=[[SayTone(3000), Wait(0.3), Interrupt(), SayTone(100)]]
    )
    with Emulator(scenario, voice="tones") as emulator:
        serve(monkeypatch, emulator)
        result = cli("talk", "--wav", question, "--out", "answer.wav")
    assert result.exit_code == 0, result.stderr
    assert "   you     go on" in result.stdout
    assert "interrupted: " in result.stdout
    assert "1 interruption," in result.stderr


def test_push_to_talk_follows_enter(cli, monkeypatch, fake_devices: FakeBackend):
    with Emulator(voice="tones") as emulator:
        serve(monkeypatch, emulator)
        answered = emulator.wait_for

        def keys():
            yield b"\n"
            answered("realtimeInput.audio", 5)
            yield b"\n"
            answered("realtimeInput.activityEnd")
            raise KeyboardInterrupt

        class Keyboard:
            def __iter__(self):
                return iter(keys())

        monkeypatch.setattr("livesdk.cli.talk.sys", type("Sys", (), {"stdin": Keyboard()}))
        result = cli("talk", "--push-to-talk")
        assert result.exit_code == 130, result.stderr
        assert "0 turns, 0.0 s heard." in result.stderr
        assert "Press Enter, speak, press Enter." in result.stderr
        setup = emulator.frames[0]["setup"]
        assert setup["realtimeInputConfig"] == {"automaticActivityDetection": {"disabled": True}}


def test_what_a_file_lacks_is_said(cli, tmp_path: Path):
    assert cli("talk", "--wav", tmp_path / "none.wav").exit_code == 2
    (tmp_path / "text.wav").write_text("hello")
    result = cli("talk", "--wav", "text.wav", "--out", "a.wav")
    assert result.exit_code == 1
    assert "not a WAV file" in result.stderr
    assert cli("talk", "--push-to-talk", "--hybrid").exit_code == 2
    for echo in ((), ("--echo", "half-duplex")):
        result = cli("talk", "--hybrid", *echo)
        assert result.exit_code == 2
        assert "--echo none" in result.stderr


FILES = "WAV files work: livesdk talk --wav FILE --out FILE, livesdk music --out FILE"


@pytest.mark.parametrize(
    ("command", "direction"), [(["talk"], "input"), (["music", "piano"], "output")]
)
def test_a_machine_without_devices_says_what_to_do(
    cli, no_devices: None, command: list[str], direction: str
):
    result = cli(*command)
    assert result.exit_code == 1
    use = FILES.replace(" work", "")
    assert result.stderr == (
        f"Error: there is no {direction} device on this machine; plug one in, or use {use}\n"
    )


@pytest.mark.parametrize("command", [["talk"], ["music", "piano"], ["devices"]])
def test_without_pyaudio_nobody_is_told_to_speak(cli, monkeypatch, command: list[str]):
    monkeypatch.setitem(sys.modules, "pyaudio", None)
    result = cli(*command)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: microphone and speaker need PyAudio")
    assert result.stderr.endswith(f"Without it, {FILES}\n")
    assert "Speak." not in result.stderr


def test_nobody_is_told_to_speak_before_a_microphone_listens(
    cli, monkeypatch, fake_devices: FakeBackend
):
    def refuse(direction: str, *_: object) -> None:
        raise AudioError(f"the {direction} device is in use by another program")

    monkeypatch.setattr(fake_devices, "open", refuse)
    result = cli("talk")
    assert result.exit_code == 1
    assert "Error: the output device is in use" in result.stderr
    assert "Speak." not in result.stderr


def test_meters_and_a_bar_are_drawn_on_a_terminal(question: Path, tmp_path: Path):
    ours, theirs = pty.openpty()
    done = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "livesdk",
            "talk",
            "--wav",
            question,
            "--out",
            "a.wav",
            "--emulator",
        ],
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env={
            **os.environ,
            "TERM": "xterm",
            "COLUMNS": "80",
        },
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the other end has gone
            break
        if not piece:
            break
        shown += piece
    os.close(ours)
    _, errors = done.communicate(timeout=30)
    assert done.returncode == 0, errors
    text = shown.decode()
    assert " dB" in text
    assert "of 0.8 s" in text
    assert "You said" in text


def test_devices_are_listed_with_the_default_ones(cli, fake_devices: FakeBackend):
    result = cli("devices")
    assert result.exit_code == 0
    assert "Fake headset" in result.stdout
    assert "default microphone and loudspeaker" in " ".join(result.stdout.split())
    first = json.loads(cli("devices", "--json").stdout.splitlines()[0])
    assert (first["index"], first["name"], first["rate_hz"]) == (0, "Fake headset", 48_000)


def test_no_devices_is_no_error(cli, no_devices: None):
    result = cli("devices")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "needs none" in result.stderr


def test_music_is_written_with_its_prompts_and_weights(cli, monkeypatch, tmp_path: Path):
    with Emulator() as emulator:
        serve(monkeypatch, emulator)
        result = cli(
            "music",
            "techno: minimal:1.5",
            "piano",
            "--seconds",
            1,
            "--bpm",
            120,
            "--out",
            "m.wav",
        )
        assert result.exit_code == 0, result.stderr
        content = emulator.wait_for("clientContent")[0]["clientContent"]
        config = emulator.wait_for("musicGenerationConfig")[0]["musicGenerationConfig"]
    assert content["weightedPrompts"] == [
        {"text": "techno: minimal", "weight": 1.5},
        {"text": "piano", "weight": 1.0},
    ]
    assert config == {"bpm": 120}
    data, rate_hz, channels = pcm.read_wav(tmp_path / "m.wav")
    assert (rate_hz, channels) == (48_000, 2)
    assert pcm.duration_ms(data, rate_hz, channels) == pytest.approx(1000, abs=20)
    assert "1.0 s of music, written to m.wav." in result.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="it is ended by a signal")
@pytest.mark.parametrize(
    ("number", "codes"),  # for the second one of Ctrl-C see test_serve.py
    [(signal.SIGINT, (130, -signal.SIGINT)), (signal.SIGTERM, (143,))],
)
def test_music_that_a_signal_ends_is_whole_and_the_code_says_so(
    program, tmp_path: Path, number: signal.Signals, codes: tuple[int, ...]
):
    running = program("music", "piano", "--out", "m.wav")
    path = grown(tmp_path / "m.wav", 100)
    running.process.send_signal(number)
    assert running.end(10) in codes
    shown = re.search(r"(\d\.\d) s of music, written to m\.wav\.", running.stderr)
    assert shown, running.stderr
    data, rate_hz, channels = pcm.read_wav(path)
    assert len(data) == path.stat().st_size - 44
    assert pcm.duration_ms(data, rate_hz, channels) == pytest.approx(1000 * float(shown[1]), abs=60)


@pytest.mark.skipif(sys.platform == "win32", reason="it is ended by a signal")
def test_a_question_that_a_signal_cuts_off_leaves_a_whole_answer(
    program, service, question: Path, tmp_path: Path
):
    service(Scenario(heard=["go on"], replies=[[SayTone(30_000)]]))
    running = program("talk", "--wav", question, "--out", "answer.wav")
    path = grown(tmp_path / "answer.wav", 100)
    running.process.send_signal(signal.SIGTERM)
    assert running.end(10) == 143
    assert "s heard, written to answer.wav." in running.stderr
    data, _, _ = pcm.read_wav(path)
    assert len(data) == path.stat().st_size - 44 > 0


@pytest.mark.skipif(sys.platform == "win32", reason="it is killed by a signal")
def test_music_of_a_killed_program_can_be_played(program, tmp_path: Path):
    running = program("music", "piano", "--out", "m.wav")
    path = grown(tmp_path / "m.wav", 4 * 48_000 + 100)
    running.process.kill()
    running.end()
    with wave.open(str(path)) as file:
        assert file.getnframes() >= 48_000
        assert len(file.readframes(file.getnframes())) == 4 * file.getnframes()


@pytest.mark.parametrize("seconds", ["nan", "inf", "-inf", "-1", "0", "1e308", "long"])
def test_what_is_no_length_of_music_is_a_usage_error_and_the_file_stays(
    cli, tmp_path: Path, seconds: str
):
    (tmp_path / "good.wav").write_bytes(b"precious")
    result = cli("music", "piano", "--out", "good.wav", "--seconds", seconds)
    assert result.exit_code == 2
    assert "Invalid value for '--seconds'" in result.stderr
    assert (tmp_path / "good.wav").read_bytes() == b"precious"


@pytest.mark.parametrize("option", ["--density", "--brightness", "--guidance", "--bpm"])
@pytest.mark.parametrize("value", ["nan", "inf", "-1", "1000"])
def test_a_number_out_of_its_range_is_a_usage_error(cli, option: str, value: str):
    assert cli("music", "piano", "--seconds", 1, option, value).exit_code == 2


def test_a_prompt_that_weighs_nothing_is_a_usage_error(cli, tmp_path: Path):
    (tmp_path / "good.wav").write_bytes(b"precious")
    result = cli("music", "piano:0", "--out", "good.wav", "--seconds", 1)
    assert result.exit_code == 2
    assert (tmp_path / "good.wav").read_bytes() == b"precious"


def test_infinity_is_a_word_of_a_prompt_and_no_weight(cli, monkeypatch: pytest.MonkeyPatch):
    with Emulator() as emulator:
        serve(monkeypatch, emulator)
        result = cli("music", "to: infinity", "3", "--seconds", 0.1, "--out", "m.wav")
        assert result.exit_code == 0, result.stderr
        content = emulator.wait_for("clientContent")[0]["clientContent"]
    assert content["weightedPrompts"] == [
        {"text": "to: infinity", "weight": 1.0},
        {"text": "3", "weight": 1.0},
    ]


@pytest.mark.parametrize("speaker", ["²", "9" * 5000])
def test_a_device_that_only_looks_like_a_number_is_a_name(
    cli, fake_devices: FakeBackend, speaker: str
):
    result = cli("music", "piano", "--seconds", 1, "--speaker", speaker)
    assert result.exit_code == 1
    assert "Error: no output device '" in result.stderr


def test_music_is_heard_and_an_empty_prompt_is_refused(cli, fake_devices: FakeBackend):
    assert cli("music", "a waltz: slow", "--seconds", 0.5).exit_code == 0
    assert fake_devices.opened == [("output", 48_000, 2)]
    assert any(fake_devices.played)
    assert cli("music", ":2").exit_code == 2
