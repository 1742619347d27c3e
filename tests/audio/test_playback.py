"""The queue in front of a device: when it begins, what it counts, what a flush does."""

from __future__ import annotations

import pytest

from livesdk import pcm
from livesdk.audio._playback import Playback

BLOCK = 320  # 10 ms at 16 kHz


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def playback(clock: Clock) -> Playback:
    return Playback(16_000, 1, 80.0, clock)


def sound(milliseconds: int) -> bytes:
    return b"\x01\x02" * (16 * milliseconds)


def test_a_turn_begins_once_the_prebuffer_is_full(playback: Playback):
    playback.write(sound(70), 0)
    assert playback.take(BLOCK) == bytes(BLOCK)
    playback.write(sound(10), 0)
    assert playback.take(BLOCK) == sound(10)


def test_a_short_turn_begins_when_it_has_ended(playback: Playback):
    playback.write(sound(15), 0)
    playback.end()
    assert playback.take(BLOCK) == sound(10)
    assert playback.take(BLOCK) == sound(5) + bytes(BLOCK // 2)
    assert playback.wait_idle(0)
    assert playback.underruns == 0


def test_a_first_chunk_does_not_wait_longer_than_the_prebuffer(playback: Playback, clock: Clock):
    playback.write(sound(20), 0)
    assert playback.take(BLOCK) == bytes(BLOCK)
    clock.now += 0.081
    assert playback.take(BLOCK) == sound(10)
    assert playback.began_at == clock.now


def test_an_empty_queue_in_the_middle_of_a_turn_is_one_underrun_and_fills_anew(playback: Playback):
    playback.write(sound(80), 0)
    for _ in range(10):
        playback.take(BLOCK)
    assert playback.underruns == 1
    assert not playback.active
    assert not playback.wait_idle(0), "the turn goes on"
    playback.write(sound(10), 0)
    assert playback.take(BLOCK) == bytes(BLOCK)


def test_a_flush_is_silence_at_once_and_counts_what_it_dropped(playback: Playback):
    playback.write(sound(100), 0)
    playback.take(BLOCK)
    assert playback.flush() == 90.0
    assert playback.take(BLOCK) == bytes(BLOCK)
    assert (playback.played_ms, playback.discarded_ms) == (10.0, 90.0)
    assert playback.wait_idle(0)


def test_sound_of_a_flushed_generation_is_not_heard(playback: Playback):
    before = playback.generation
    playback.flush()
    assert not playback.write(sound(100), before)
    assert playback.take(BLOCK) == bytes(BLOCK)
    assert playback.discarded_ms == 100.0


def test_a_pause_keeps_what_waits(playback: Playback):
    playback.write(sound(100), 0)
    playback.take(BLOCK)
    playback.hold(paused=True)
    assert playback.take(BLOCK) == bytes(BLOCK)
    playback.hold(paused=False)
    assert playback.take(BLOCK) == sound(10)


def test_blocks_are_cut_without_loss_whatever_the_chunks(playback: Playback):
    given = bytes(range(256)) * 40
    for piece in pcm.chunks(given, 1001):
        playback.write(piece, 0)
    playback.end()
    taken = b"".join(playback.take(333) for _ in range(40))
    assert taken[: len(given)] == given
    assert not any(taken[len(given) :])


def test_what_was_played_can_be_taken_for_echo_cancellation(playback: Playback):
    assert playback.take_tapped() == b"", "from now on"
    playback.write(sound(80), 0)
    playback.take(BLOCK)
    playback.flush()
    playback.take(BLOCK)
    assert playback.take_tapped() == sound(10) + bytes(BLOCK)


def test_counters_outlive_a_change_of_format(playback: Playback):
    playback.write(sound(100), 0)
    playback.take(BLOCK)
    playback.reformat(48_000, 2)
    assert (playback.played_ms, playback.discarded_ms) == (10.0, 90.0)
    playback.write(bytes([1]) * 192 * 100, playback.generation)
    playback.take(1920)
    assert playback.played_ms == 20.0


def test_what_a_lost_device_played_is_not_taken_for_sound_in_the_format_of_the_next(
    playback: Playback,
):
    playback.take_tapped()
    playback.write(sound(80), 0)
    playback.take(BLOCK)
    playback.reformat(48_000, 2)
    playback.take(1920)
    assert playback.take_tapped() == bytes(960), "of the new one, in mono"
