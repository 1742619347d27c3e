"""Music, buffered and paced: to a file, and to a loudspeaker."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import livesdk
from livesdk import ConfigError, pcm
from livesdk.audio import FakeBackend, Speaker, WavOutput
from livesdk.emulator import Emulator

pytestmark = pytest.mark.requires("emulator")


@pytest.fixture
def music() -> Iterator[livesdk.MusicSession]:
    with Emulator() as emulator:
        client = livesdk.Client(api_key="k", http_options={"base_url": emulator.base_url})
        with client.live.music.connect() as session:
            session.set_weighted_prompts("a slow waltz")
            session.play()
            yield session


def test_music_fills_a_stereo_file_of_the_wanted_length(
    music: livesdk.MusicSession, tmp_path: Path
):
    told: list[float] = []
    with WavOutput(tmp_path / "m.wav", rate_hz=48_000, channels=2) as output:
        heard_ms = livesdk.play_music(music, output, seconds=1.5, on_progress=told.append)
    data, rate_hz, channels = pcm.read_wav(tmp_path / "m.wav")
    assert (rate_hz, channels) == (48_000, 2)
    assert heard_ms == pytest.approx(1500)
    assert pcm.duration_ms(data, 48_000, 2) == pytest.approx(1500, abs=20)
    assert np.abs(pcm.to_float(data)).max() > 0.01
    assert told == sorted(told)
    assert told[-1] <= 1500


def test_no_more_waits_in_the_output_than_was_asked_for(music: livesdk.MusicSession):
    backend = FakeBackend(speed=2)
    most: list[float] = []
    with Speaker(rate_hz=48_000, channels=2, backend=backend) as speaker:
        livesdk.play_music(
            music,
            speaker,
            seconds=3,
            ahead_ms=500,
            on_progress=lambda _: most.append(speaker.queued_ms),
        )
        assert backend.opened == [("output", 48_000, 2)]
        assert speaker.played_ms == pytest.approx(3000)
    assert max(most) < 3000


def test_a_stop_is_silence(music: livesdk.MusicSession):
    stop = threading.Event()
    backend = FakeBackend()
    with Speaker(rate_hz=48_000, channels=2, backend=backend) as speaker:
        heard_ms = livesdk.play_music(
            music, speaker, stop=stop, on_progress=lambda ms: ms > 200 and stop.set()
        )
        assert speaker.queued_ms == 0
    assert 200 < heard_ms < 5000


def test_an_output_of_another_format_is_refused(music: livesdk.MusicSession):
    with pytest.raises(ConfigError, match="24000 Hz and 1 channels; music is 48000 Hz and 2"):
        livesdk.play_music(music, Speaker(backend=FakeBackend()))


def test_an_output_that_was_not_started_is_refused(music: livesdk.MusicSession, tmp_path: Path):
    for output in (
        Speaker(rate_hz=48_000, channels=2, backend=FakeBackend()),
        WavOutput(tmp_path / "m.wav", rate_hz=48_000, channels=2),
    ):
        with pytest.raises(ConfigError, match=r"output: it was not started.*start\(\)"):
            livesdk.play_music(music, output)


def test_an_output_that_is_stopped_ends_it(music: livesdk.MusicSession):
    with Speaker(rate_hz=48_000, channels=2, backend=FakeBackend()) as speaker:
        heard_ms = livesdk.play_music(
            music, speaker, on_progress=lambda ms: speaker.stop() if ms > 100 else None
        )
    assert 100 < heard_ms < 5000
