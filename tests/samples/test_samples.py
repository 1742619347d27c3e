"""Each sample, run as a program of its own against the emulator."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import wave
from pathlib import Path

import pytest

import livesdk
from livesdk import pcm
from livesdk.emulator import Emulator, Scenario

pytestmark = [pytest.mark.requires("emulator"), pytest.mark.long, pytest.mark.timeout(120)]

SAMPLES = Path(__file__).parents[2] / "samples"
HEARD = Scenario(heard=["what time is it"])


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    """A WAV file in which something is said, as far as loudness goes."""
    sound = pcm.tone(300, 600, 16_000) + pcm.silence(100, 16_000)
    path = tmp_path / "speech.wav"
    path.write_bytes(pcm.wav_bytes(sound, 16_000))
    return path


def run(name: str, *arguments: str, cwd: Path, base_url: str, stdin: str = "") -> str:
    """Run a sample and return what it printed; warnings are errors."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(livesdk.__file__).parents[1]),  # the same as tested here
        "GOOGLE_API_KEY": "good",
        "GOOGLE_GEMINI_BASE_URL": base_url,
        "GOOGLE_VERTEX_BASE_URL": base_url,
        "ACCESS_TOKEN": "a-token",
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", str(SAMPLES / name), *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**environment, "PYTHONIOENCODING": "utf-8"},
        cwd=cwd,
        timeout=100,
        check=False,
    )
    assert done.stderr == ""
    assert done.returncode == 0
    return done.stdout


PLAIN = [
    pytest.param(
        "text_chat.py",
        ["Hello there"],
        r"Hello! You said: Hello there\. This is turn 1\.\n",
        id="text_chat.py",
    ),
    pytest.param(
        "multi_turn.py",
        [],
        r'You: What did I say before\?\nModel: Before, you said "My name is Ada.*'
        r"\n3 turns, \d+ tokens\n$",
        id="multi_turn.py",
    ),
    pytest.param(
        "staying_connected.py",
        ["--handle-file", "conversation.handle"],
        r"^You: My name is Ada\.\nModel: .*\n"
        r"(?s:.*)\(another connection after \d\.\d s: restored\)\n"
        r'(?s:.*)Before, you said "My name is Ada(?s:.*)\n1 reconnection\n$',
        id="staying_connected.py",
    ),
    pytest.param(
        "interruption.py",
        [],
        r"Interrupted: \d+\.\d s of speech not played\.\nThen: 1, 2, 3\.\n"
        r"1 interruption in 2 turns\n$",
        id="interruption.py",
    ),
    pytest.param(
        "function_calling.py",
        ["What is the weather in Paris and London?"],
        r"^get_weather\({'city': 'Paris'}\) -> {'output': {'city': 'Paris', .*\n"
        r"get_weather\({'city': 'London'}\) -> {'output': {'city': 'London', .*\n"
        r"Model: get_weather says: city (Paris|London).*get_weather says: city .*\n$",
        id="function_calling.py",
    ),
    pytest.param(
        "tools_weather.py",
        [],
        r"^get_weather\({'city': 'Paris'}\) -> {'city': 'Paris', 'sky': 'sunny', .*\n"
        r"get_weather\({'city': 'London'}\) -> {'city': 'London', 'sky': 'rainy', .*\n"
        r"Model: get_weather says: city (Paris|London).*\n$",
        id="tools_weather.py",
    ),
    pytest.param(
        "tools_slow_search.py",
        [],
        r"looking on shelf 5 \.\.\.\n(?s:.*)three boxes about tea(?s:.*)calls: 1\n$",
        id="tools_slow_search.py",
    ),
    pytest.param(
        "tools_device.py",
        ["--yes"],
        r"^Open the valve to 30 percent\? yes\nModel: open_valve says: valve 30.*\n"
        r"open_valve\({'percent': 30.0}\) -> {'valve': 30.0}\n$",
        id="tools_device.py-yes",
    ),
    pytest.param(
        "tools_device.py",
        [],
        r"no\nModel: open_valve failed: the operator said no\.\n",
        id="tools_device.py-no",
    ),
    *(
        pytest.param(
            "callbacks_and_threads.py",
            ["--dispatch", dispatch],
            r"^open\nthe turn is complete\nclosed: 1000 \(local\)\n"
            rf"callbacks ran in: {threads}\n$",
            id=f"callbacks_and_threads.py-{dispatch}",
        )
        for dispatch, threads in {
            "thread": r"livesdk-callbacks-\d+",
            "reader": r"livesdk-reader-\d+",
            "manual": "MainThread",
            "executor": r"pool_\d+(, pool_\d+)*",
        }.items()
    ),
    pytest.param(
        "video_frames.py", ["--interval", "0.05"], r"I see 3 frames\.\n$", id="video_frames.py"
    ),
    pytest.param(
        "firebase_style.py",
        [],
        r"^Hello! You said: Hello, parrot!.*\nclosed: True\n$",
        id="firebase_style.py",
    ),
    pytest.param(
        "vertex.py",
        ["--project", "p"],
        r"^session [0-9a-f-]{36}\nModel: Hello! You said",
        id="vertex.py",
    ),
    pytest.param(
        "record_and_replay.py",
        [],
        r"^You: Hello there\.\nModel: Hello! .*\nYou: get_weather .*\nModel: get_weather says: .*\n"
        r"session\.jsonl: models/gemini-3\.8-live, the client sent setup, clientContent,"
        r" clientContent, toolResponse\nreplayed: 2 turns, the same sound\n$",
        id="record_and_replay.py",
    ),
    pytest.param(
        "testing_with_the_emulator.py",
        [],
        r"^test_runs_the_function: ok\ntest_tries_again_when_the_line_breaks: ok\n$",
        id="testing_with_the_emulator.py",
    ),
]


@pytest.mark.parametrize(("name", "arguments", "expected"), PLAIN)
def test_the_sample_does_what_it_says(
    name: str, arguments: list[str], expected: str, tmp_path: Path
):
    with Emulator(voice="tones") as emulator:
        printed = run(name, *arguments, cwd=tmp_path, base_url=emulator.base_url, stdin="n\n")
    assert re.search(expected, printed), printed


def test_text_chat_converses_line_by_line(tmp_path):
    with Emulator(voice="tones") as emulator:
        printed = run(
            "text_chat.py",
            stdin="Hello\nCount to 3\n\n",
            cwd=tmp_path,
            base_url=emulator.base_url,
        )
    assert printed == (
        "You: Model: Hello! You said: Hello. This is turn 1.\nYou: Model: 1, 2, 3.\nYou: \n"
    )


def test_audio_file_answers_speech_with_speech(speech, tmp_path):
    with Emulator(HEARD, voice="tones") as emulator:
        printed = run("audio_file.py", speech.name, cwd=tmp_path, base_url=emulator.base_url)
    assert "user: what time is it\nmodel: You said: what time is it." in printed
    assert re.search(r"\d\.\d s of speech in answer\.wav\n$", printed)
    with wave.open(str(tmp_path / "answer.wav"), "rb") as file:
        assert file.getframerate() == 24_000
        assert file.getnframes() > 24_000


def test_translation_writes_the_other_language(speech, tmp_path):
    with Emulator(HEARD, voice="tones") as emulator:
        printed = run(
            "translation.py", speech.name, "--to", "de", cwd=tmp_path, base_url=emulator.base_url
        )
    assert printed.endswith("de: [de] what time is it\n")
    assert (tmp_path / "translated.wav").stat().st_size > 24_000


def test_transcription_shows_hypotheses_and_then_the_text(speech, tmp_path):
    with Emulator(HEARD, voice="tones") as emulator:
        printed = run(
            "transcription.py",
            speech.name,
            "--language",
            "en-US",
            cwd=tmp_path,
            base_url=emulator.base_url,
        )
    assert printed.startswith("... what\n")
    assert printed.endswith(">>> what time is it\n")


def test_live_music_writes_stereo_of_the_length_asked_for(tmp_path):
    with Emulator(voice="tones") as emulator:
        printed = run("live_music.py", "--seconds", "3", cwd=tmp_path, base_url=emulator.base_url)
    assert printed == "3.0 s of music in music.wav\n"
    with wave.open(str(tmp_path / "music.wav"), "rb") as file:
        assert (file.getframerate(), file.getnchannels()) == (48_000, 2)


def test_error_handling_makes_every_mistake_once(tmp_path):
    with Emulator(voice="tones", api_keys={"good"}, strict_models=True) as emulator:
        printed = run("error_handling.py", cwd=tmp_path, base_url=emulator.base_url)
    lines = [line for line in printed.splitlines() if not line.startswith("    ->")]
    assert [line.split(": ")[:2] for line in lines] == [
        ["wrong_argument", "ConfigError"],
        ["no_server", "ConnectError"],
        ["wrong_key", "SetupAuthenticationError"],
        ["refused_setup", "SetupError"],
        ["answer_too_late", "LiveTimeout"],
        ["use_after_close", "SessionClosed"],
    ]
    assert "good" not in printed


def test_video_frames_shows_a_folder_of_pictures(tmp_path):
    for number in range(4):
        (tmp_path / f"{number}.jpg").write_bytes(b"\xff\xd8\xff" + bytes(100))
    (tmp_path / "notes.txt").write_text("no picture")
    with Emulator(voice="tones") as emulator:
        run(
            "video_frames.py",
            *("--folder", str(tmp_path), "--interval", "0.01", "--count", "9"),
            cwd=tmp_path,
            base_url=emulator.base_url,
        )
        frames = emulator.wait_for("realtimeInput.video", count=4)
    assert {frame["realtimeInput"]["video"]["mimeType"] for frame in frames} == {"image/jpeg"}


def test_ephemeral_token_connects_with_the_token_and_without_the_key(tmp_path):
    with Emulator(voice="tones") as emulator:
        printed = run("ephemeral_token.py", cwd=tmp_path, base_url=emulator.base_url)
        [connection] = emulator.connections
        scheme, token = connection.headers["Authorization"].split()
        again = livesdk.Client(api_key=token, http_options={"base_url": emulator.base_url})
        with pytest.raises(livesdk.AuthenticationError):  # it was good for one session
            again.live.connect(model="m")
    assert "Model: Hello! You said: Hello!" in printed
    assert scheme == "Token"
    assert token not in printed
    assert "BidiGenerateContentConstrained" in connection.path
    assert "x-goog-api-key" not in connection.headers


def test_voice_conversation_asks_a_file_and_writes_what_is_heard(speech, tmp_path):
    with Emulator(HEARD, voice="tones") as emulator:
        printed = run(
            *("voice_conversation.py", "--wav", speech.name, "--out", "answer.wav"),
            cwd=tmp_path,
            base_url=emulator.base_url,
        )
    assert "user: what time" in printed
    assert re.search(r"\n\d\.\d s heard\n$", printed)
    assert (tmp_path / "answer.wav").stat().st_size > 24_000


def test_screen_sharing_shows_pictures_beside_the_question(speech, tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff" + bytes(100))
    with Emulator(HEARD, voice="tones") as emulator:
        printed = run(
            *("screen_sharing.py", "--folder", ".", "--fps", "20"),
            *("--wav", speech.name, "--out", "answer.wav"),
            cwd=tmp_path,
            base_url=emulator.base_url,
        )
        emulator.wait_for("realtimeInput.video", count=4)
    assert re.search(r"I see \d+ frames\.", printed), printed


def test_phone_line_hears_and_speaks_in_packets(speech, tmp_path):
    with Emulator(HEARD, voice="tones") as emulator:
        printed = run("phone_line.py", speech.name, cwd=tmp_path, base_url=emulator.base_url)
        [first, *_] = emulator.wait_for("realtimeInput.audio")
    assert first["realtimeInput"]["audio"]["mimeType"] == "audio/pcm;rate=8000"
    assert "model: You said: what time is it. This is turn 1." in printed
    assert re.search(r"\d\.\d s were heard on the line\n$", printed)


def test_every_sample_is_run_here_and_listed_in_the_readme():
    programs = {path.name for path in SAMPLES.glob("*.py")}
    listed = re.findall(r"^(\w+\.py) ", (SAMPLES / "README.rst").read_text("utf-8"), re.MULTILINE)
    assert set(listed) == programs
    assert len(listed) == len(programs)
    tested = Path(__file__).read_text("utf-8")
    assert {name for name in programs if f'"{name}"' not in tested} == set()
