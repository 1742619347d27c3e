"""The official clients hold the same conversation: it is the protocol, and no private dialect."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from livesdk.emulator import Scenario

_PEERS = Path(__file__).parent / "peers"
_SCENARIO = Scenario(heard=["who are you"])


def _converse(emulator, *command, **environ):
    done = subprocess.run(
        [*map(str, command), emulator.base_url],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
        env={**os.environ, **environ},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _judge(told, emulator):
    hello, weather, spoken, instructed = told["live"]
    assert hello["text"] == "Hello! You said: Hello. This is turn 1."
    assert hello["audio"] > 24_000
    assert hello["tokens"] > 0
    assert weather["calls"] == [["get_weather", {"city": "Rome"}]]
    assert weather["text"] == "get_weather says: sunny."
    assert spoken["heard"] == "who are you"
    assert "who are you" in spoken["text"]
    assert instructed["text"] == "My instructions are: Be kind."
    assert told["music"] == {"audio": 4 * 48_000 * 60 // 100, "bpm": 100}
    live = emulator.connections[0]
    assert live.wait_closed()
    assert live.close_code in (1000, 1005)


@pytest.mark.requires("genai")
def test_the_official_python_client_converses(emulate):
    emulator = emulate(_SCENARIO, tls=True)
    told = _converse(
        emulator, sys.executable, _PEERS / "converse.py", SSL_CERT_FILE=emulator.ca_file
    )
    _judge(told, emulator)


@pytest.mark.requires("node")
def test_the_official_javascript_client_converses(emulate):
    found = subprocess.run(
        ["node", "-e", "require('@google/genai')"], capture_output=True, check=False
    )
    if found.returncode != 0:
        pytest.skip("needs @google/genai where NODE_PATH points: run tox -e peers")
    emulator = emulate(_SCENARIO)
    _judge(_converse(emulator, "node", _PEERS / "converse.cjs"), emulator)
