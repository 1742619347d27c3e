"""``livesdk demo``: exit code 0 only if everything came as it should."""

from __future__ import annotations

import os
import subprocess
import sys
import wave

import pytest

from livesdk import pcm
from livesdk.emulator import (
    Call,
    Close,
    Drop,
    HttpStatus,
    Reply,
    Say,
    SayAudio,
    Scenario,
    Silence,
)

pytestmark = [pytest.mark.requires("cli", "emulator"), pytest.mark.long]


_TIMED = """
import sys, time
began = time.monotonic()
from livesdk.cli import main
code = main(["demo"])
print("asyncio" in sys.modules, time.monotonic() - began, file=sys.stderr)
sys.exit(code)
"""


@pytest.fixture
def play(cli, monkeypatch):
    """Play some steps of the demo against an emulator that does as told."""
    from livesdk.cli import _story

    steps = _story.STEPS

    def run(*numbers: int, scenario: Scenario | None = None, **options):
        monkeypatch.setattr(_story, "STEPS", tuple(steps[number - 1] for number in numbers))
        if scenario is not None:
            monkeypatch.setattr(_story, "scenario", lambda: scenario)
        return cli("demo", **options)

    return run


@pytest.mark.timeout(120)
def test_it_runs_whole_in_time_in_colour_and_without_asyncio(tmp_path):
    colours = {"TERM": "xterm", "FORCE_COLOR": "1"}  # as if it were a terminal
    environ = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    result = subprocess.run(
        [
            sys.executable,
            "-c",
            _TIMED,
        ],
        cwd=tmp_path,
        env={**environ, **colours},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=100,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "\x1b[32m" in result.stdout or "\x1b[1;32m" in result.stdout  # what went well is green
    asyncio_came, seconds = result.stderr.split()
    assert asyncio_came == "False"
    assert float(seconds) < 20
    with wave.open(str(tmp_path / "reply.wav")) as reply:
        assert reply.getframerate() == 24_000
        assert pcm.level_dbfs(reply.readframes(reply.getnframes())) > -50


def test_the_recording_is_what_it_should_be():
    from livesdk.cli import _story

    audio, rate_hz, channels = pcm.read_wav(_story._RECORDING)
    assert (rate_hz, channels) == (16_000, 1)
    assert 2_000 < pcm.duration_ms(audio, rate_hz) < 3_000
    assert _story._RECORDING.stat().st_size < 120_000


@pytest.mark.parametrize(
    ("step", "scenario", "complaint"),
    [
        (1, Scenario(replies=[Reply(match="Ada", steps=[Say("Hi"), Drop()])]), "closed: 1006"),
        (1, Scenario(replies=[Reply(match="Ada", steps=[Close(1011, "broken")])]), "broken"),
        (1, Scenario(openings=[HttpStatus(503, "overloaded")]), "503"),
        (1, Scenario(replies=[Reply(match="Ada", steps=[Silence()])]), "did not end in time"),
        (1, Scenario(replies=[Reply(match="Ada", steps=[])]), "text: no audio came"),
        (2, Scenario(replies=[Reply(match="say", steps=["No idea."])]), "did not remember"),
        (3, Scenario(heard=["(mumbling)"]), "no transcript of the recording"),
        (4, Scenario(replies=[Reply(match="weather", steps=["Rain."])]), "did not call"),
        (
            4,
            Scenario(
                replies=[Reply(match="weather", steps=[Call("get_weather", {"city": "Rome"})])]
            ),
            "called with ['Rome'], not with Paris",
        ),
        (
            4,
            Scenario(
                replies=[
                    Reply(
                        match="weather", steps=[Call("get_weather", {"city": "Paris"}), Say("Oh.")]
                    )
                ]
            ),
            "the function's result is not in the answer",
        ),
        (5, Scenario(replies=[Reply(match="story", steps=["No."])]), "ended before it could"),
        (6, None, "no usage was reported"),
    ],
)
def test_what_goes_wrong_in_a_step_is_said_in_one_sentence(
    play, step, scenario, complaint, monkeypatch
):
    monkeypatch.setattr("livesdk.cli._story._PATIENCE", 1.0 if complaint.endswith("time") else 30.0)
    result = play(step, scenario=scenario)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    assert complaint in result.stderr


def test_a_silent_reply_is_noticed(play):
    from livesdk.cli import _story

    silent = SayAudio(pcm.silence(500), transcript="Yes.")
    scenario = Scenario(replies=[[silent]], heard=[_story.HEARD])
    result = play(3, scenario=scenario)
    assert result.exit_code == 1
    assert "reply.wav is silent" in result.stderr


def test_a_key_leads_to_the_service_and_the_demo_says_so(play, service):
    emulator = service()
    result = play(1, 2, 6)
    assert result.exit_code == 0, result.stderr
    assert "Talking to the Gemini API at http://127.0.0.1" in result.stdout
    assert "GEMINI_API_KEY is set" in result.stdout
    assert "very-secret" not in result.output
    assert emulator.connections[0].headers["x-goog-api-key"] == "AIza-very-secret"


def test_the_services_model_may_do_otherwise(play, service):
    service(
        Scenario(
            replies=[
                Reply(match="What did I say", steps=["I do not keep names."]),
                Reply(match="weather", steps=["Look out of the window."]),
                Reply(match="story", steps=["No."]),
            ]
        )
    )
    result = play(1, 2, 4, 5, 6)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.count("a model may") == 5


def test_emulator_goes_before_a_key(cli, service, monkeypatch):
    from livesdk.cli import _story

    monkeypatch.setattr(_story, "STEPS", _story.STEPS[:1])
    elsewhere = service()
    result = cli("demo", "--emulator")
    assert result.exit_code == 0
    assert "the emulator on this machine" in result.stdout
    assert elsewhere.connections == []


def test_where_the_reply_goes_is_an_option(cli, tmp_path, monkeypatch):
    from livesdk.cli import _story

    monkeypatch.setattr(_story, "STEPS", _story.STEPS[2:3])
    result = cli("demo", "--output", "kept.wav")
    assert result.exit_code == 0, result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["kept.wav"]


def test_a_folder_that_cannot_be_written_is_said_before_it_begins(cli):
    result = cli("demo", "--output", "no/such/reply.wav")
    assert result.exit_code == 1
    assert "choose another with --output" in result.stderr
    assert not result.stdout
