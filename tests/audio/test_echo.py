"""Echo: the gate by the clock, and the canceller on a made-up room."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from livesdk import AudioError, ConfigError, pcm
from livesdk.audio import FakeBackend, Speaker, WebRtcCanceller
from livesdk.audio.echo import HalfDuplex

CHUNK = b"\x01\x00" * 320


def test_the_gate_closes_while_it_sounds_and_250_ms_longer():
    now = [0.0]
    speaker = Speaker(backend=FakeBackend())
    gate = HalfDuplex(speaker, clock=lambda: now[0])
    assert gate(CHUNK) == CHUNK
    speaker.write(pcm.tone(440, 100))
    assert gate(CHUNK) == bytes(640)
    speaker.flush()
    now[0] = 0.24
    assert gate(CHUNK) == bytes(640)
    now[0] = 0.26
    assert gate(CHUNK) == CHUNK


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(__import__("sys").modules, "livekit", None)
    with pytest.raises(AudioError, match=r'pip install "livesdk\[aec\]"'):
        WebRtcCanceller()
    with pytest.raises(ConfigError, match="rate_hz=44100"):
        WebRtcCanceller(44_100)


@pytest.mark.requires("aec")
@pytest.mark.parametrize("chunk_ms", [20, 15])
def test_the_echo_of_a_room_goes_and_the_user_stays(chunk_ms: int):
    rate = 16_000
    random = np.random.default_rng(3)
    swell = 0.5 + 0.5 * np.sin(2 * np.pi * 3 * np.arange(8 * rate) / rate)
    far = random.normal(0, 0.08, 8 * rate) * swell
    room = np.zeros(1600)
    room[[640, 900, 1300]] = 0.5, 0.2, 0.1  # 40 ms away, with two reflections
    echo = np.convolve(far, room)[: len(far)]
    user = np.zeros(len(far))
    at = np.arange(2 * rate) / rate
    user[6 * rate :] = 0.15 * np.sin(2 * np.pi * 300 * at) * (np.sin(2 * np.pi * 4 * at) > 0)
    size = 2 * rate * chunk_ms // 1000
    canceller = WebRtcCanceller(rate)
    clean = b"".join(
        canceller(near, played)
        for near, played in zip(
            pcm.chunks(pcm.to_pcm16(echo + user), size), pcm.chunks(pcm.to_pcm16(far), size)
        )
    )
    assert len(clean) == 2 * len(far)
    heard = pcm.to_float(clean)
    before = 10 * np.log10(np.mean(echo[3 * rate : 6 * rate] ** 2))
    after = 10 * np.log10(np.mean(heard[3 * rate : 6 * rate].astype(float) ** 2) + 1e-12)
    assert before - after > 25
    assert np.sqrt(np.mean(heard[6 * rate + 800 :] ** 2)) > 0.02, "the user is still there"


_WATCHED_EXIT = """
import time
from livekit.rtc._ffi_client import FfiClient
from livesdk.audio import WebRtcCanceller
time.sleep = lambda seconds: print("its own end:", FfiClient._ffi_disposed, "then", seconds)
WebRtcCanceller()
"""


@pytest.mark.requires("aec")
def test_its_threads_have_a_moment_between_its_end_and_that_of_python():
    done = subprocess.run(
        [sys.executable, "-c", _WATCHED_EXIT],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, "its own end: True then 0.1\n")
