"""Realtime media never waits: what the network does not take is dropped, oldest first, counted."""

from __future__ import annotations

import time

import pytest
from session.opened import PATIENCE, fill_the_buffers, heard, opened, pcm_of, stop_reading
from waiting import Caught

import livesdk

pytestmark = pytest.mark.requires("emulator")

CHUNK_MS = 500.0
CHUNK = int(CHUNK_MS * 32)


def numbered(number):
    """Half a second of sound that says which it is."""
    return number.to_bytes(4, "little") * (CHUNK // 4)


def number_of(frame):
    return int.from_bytes(pcm_of(frame)[:4], "little")


def test_media_is_dropped_oldest_first_beyond_a_second_and_every_millisecond_is_counted():
    sent = 1000
    with opened() as (emulator, session):
        stop_reading(emulator, session, seconds=2.0)
        for number in range(sent):
            session.send_realtime_input(audio=numbered(number))
            # one that is partly out, and a second behind it
            assert session.stats.media_queued_ms <= 1000 + CHUNK_MS
        dropped_ms = session.stats.media_dropped_ms
        assert dropped_ms > 0
        arrived = [number_of(frame) for frame in heard(emulator, session)]
        assert session.stats.media_queued_ms == 0
        assert session.stats.media_dropped_ms == dropped_ms
    assert arrived == sorted(arrived)
    assert arrived[-2:] == [sent - 2, sent - 1]  # the newest second is what survives
    assert arrived[0] == 0
    assert len(arrived) + dropped_ms / CHUNK_MS == sent


def test_media_returns_at_once_while_the_peer_reads_nothing():
    picture = b"\xff\xd8\xff" + bytes(100_000)
    with opened() as (emulator, session):
        stop_reading(emulator, session)
        fill_the_buffers(session)
        started = time.monotonic()
        for _ in range(200):
            session.send_realtime_input(audio=bytes(640))
            session.send_realtime_input(video=picture)
            session.send_media_chunks(("image/jpeg", picture))
        took = time.monotonic() - started
        assert took / 600 < 0.02  # a device hands over a chunk every 20 ms
        assert session.stats.media_queued_ms < 12_000  # the big ones in front are 10 s each
        assert not session.is_closed


def test_text_behind_media_waits_until_there_is_room_and_keeps_its_place():
    with opened() as (emulator, session):
        stop_reading(emulator, session, seconds=0.5)
        fill_the_buffers(session)
        waiting = Caught(session.send_client_content, "after", False, timeout=PATIENCE)
        waiting.result()
        session.send_realtime_input(audio=b"\1\2")
        frames = heard(emulator, session)
    kinds = ["text" if "clientContent" in frame else "audio" for frame in frames]
    assert kinds.count("text") == 1
    assert kinds[-2:] == ["text", "audio"]
    assert kinds[0] == "audio"


def test_a_close_does_not_wait_for_media():
    with opened() as (emulator, session):
        stop_reading(emulator, session)
        fill_the_buffers(session)
        started = time.monotonic()
        session.close(timeout=1.0)
        assert time.monotonic() - started < 5.0
        with pytest.raises(livesdk.SessionClosed):
            session.send_realtime_input(audio=b"\0\0")


def test_sixteen_microphones_lose_nothing_while_the_peer_reads():
    def speak(number):
        for count in range(50):
            session.send_realtime_input(audio=bytes([number, count]))

    with opened() as (emulator, session):
        speakers = [Caught(speak, number) for number in range(16)]
        for speaker in speakers:
            speaker.result()
        found = [pcm_of(frame) for frame in heard(emulator, session)]
        assert session.stats.media_dropped_ms == 0
    for number in range(16):
        counts = [data[1] for data in found if data[0] == number]
        assert counts == list(range(50))
