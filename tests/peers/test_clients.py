"""The official clients and the emulator: interruption, cancelled calls, go-away, resumption, music.

What they share with every conversation (text, audio, transcripts, answered calls) is in
``tests/emulator/test_peers.py``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from livesdk.emulator import Emulator, GoAway, Reply, Say, Scenario

HERE = Path(__file__).parent
SCENARIO = Scenario(replies=[Reply(match="goodbye", steps=[Say("Bye."), GoAway("9.5s")])])


def told_by(command: Sequence[Any]) -> Any:
    """Run a client to its end and return what it printed."""
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, timeout=50, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def judge(told: Any, emulator: Emulator) -> None:
    live, music = told["live"], told["music"]
    assert len(live["interrupted"]) < 300  # of a tale of some 700 letters
    assert "Stop" in live["after"]
    assert live["tokens"] > 0
    assert live["calls"] == [["get_weather", {"city": "Rome"}]]
    assert live["cancelled"]
    assert live["go_away"] == "9.5s"
    assert '"Never mind", then "goodbye"' in live["resumed"]
    assert music == {
        "audio": 0,
        "type": "audio/l16;rate=48000;channels=2",
        "prompt": "jazz",
        "bpm": 100,
    }
    first, second, lyria = emulator.connections
    for connection in (first, second, lyria):
        assert connection.wait_closed()
        assert connection.close_code in (1000, 1005)
    resumption = [
        connection.frames[0]["setup"]["sessionResumption"] for connection in (first, second)
    ]
    assert resumption[0] == {}
    assert resumption[1]["handle"]


@pytest.mark.requires("genai")
def test_the_official_python_client_interrupts_and_resumes():
    with Emulator(SCENARIO, voice="tones", tls=True) as emulator:
        program = HERE / "converse.py"
        judge(told_by([sys.executable, program, emulator.base_url, emulator.ca_file]), emulator)


@pytest.mark.requires("node")
def test_the_official_javascript_client_interrupts_and_resumes():
    probe = ["node", "-e", "require('@google/genai')"]
    if subprocess.run(probe, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs @google/genai where NODE_PATH points: run tox -e peers")
    with Emulator(SCENARIO, voice="tones") as emulator:
        judge(told_by(["node", HERE / "converse.cjs", emulator.base_url]), emulator)
