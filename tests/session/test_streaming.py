"""Files and generators, sent as if they were spoken."""

from __future__ import annotations

import io
import threading
import time
import wave

import pytest
from session.opened import MANUAL, PATIENCE, blob, heard, opened, pcm_of, stop_reading
from waiting import Caught

import livesdk
from livesdk import pcm, streaming, types
from livesdk.emulator import Close
from livesdk.errors import ConfigError

pytestmark = pytest.mark.requires("emulator")

SOUND = pcm.silence(200, 16_000)
END = {"realtimeInput": {"audioStreamEnd": True}}
PNG = b"\x89PNG\r\n\x1a\n"


def stream(given, **options):
    """Send it at once; return the audio that arrived, the MIME types, and the other frames."""
    options.setdefault("realtime", False)
    with opened() as (emulator, session):
        session.send_media_stream(given, **options)
        frames = heard(emulator, session)
    audio = [f for f in frames if "audio" in f["realtimeInput"]]
    mimes = {f["realtimeInput"]["audio"]["mimeType"] for f in audio}
    return [pcm_of(f) for f in audio], mimes, [f for f in frames if f not in audio]


@pytest.fixture
def wav(tmp_path):
    path = tmp_path / "said.wav"
    path.write_bytes(pcm.wav_bytes(pcm.mono_to_stereo(pcm.tone(440, 200, 8000)), 8000, 2))
    return path


@pytest.mark.parametrize("how", ["path", "string", "bytes", "file", "memory"])
def test_a_wav_file_brings_its_rate_and_is_mixed_and_cut(wav, how):
    forms = {
        "path": lambda: wav,
        "string": lambda: str(wav),
        "bytes": wav.read_bytes,
        "file": lambda: wav.open("rb"),
        "memory": lambda: io.BytesIO(wav.read_bytes()),
    }
    given = forms[how]()
    chunks, mimes, others = stream(given, chunk_ms=50)
    if how == "file":
        given.close()
    assert b"".join(chunks) == pcm.tone(440, 200, 8000)
    assert [len(chunk) for chunk in chunks] == [800] * 4
    assert mimes == {"audio/pcm;rate=8000"}
    assert others == [END]


def _array(dtype):
    import numpy as np

    return np.zeros(3200, dtype)


@pytest.mark.parametrize(
    "given",
    [
        lambda: SOUND,
        lambda: bytearray(SOUND),
        lambda: memoryview(SOUND),
        lambda: _array("int16"),
        lambda: _array("float32"),
        lambda: types.Blob(mime_type="audio/pcm;rate=16000", data=SOUND),
        lambda: ("audio/pcm;rate=16000", SOUND),
        lambda: blob("audio/pcm", SOUND),
    ],
)
def test_raw_sound_is_cut_into_chunks_of_20_ms(given):
    chunks, mimes, others = stream(given())
    assert [len(chunk) for chunk in chunks] == [640] * 10
    assert mimes == {"audio/pcm;rate=16000"}
    assert others == [END]


def test_chunks_of_every_kind_may_come_from_any_iterable():
    import numpy as np

    def chunks():
        yield b"\1"
        yield b"\2\3"
        yield bytearray(b"\4")
        yield np.array([5], np.int16)
        yield types.Blob(mime_type="audio/pcm;rate=8000", data=b"\6\6")
        yield ("audio/pcm;rate=8000", b"\7\7")
        yield blob("audio/pcm;rate=8000", b"\10\10")
        yield ("image/png", PNG)

    sent, mimes, others = stream(chunks())
    assert b"".join(sent) == b"\1\2\3\4\5\0\6\6\7\7\10\10"
    assert mimes == {"audio/pcm;rate=16000", "audio/pcm;rate=8000"}
    assert others == [{"realtimeInput": {"video": blob("image/png", PNG)}}, END]


def test_pictures_alone_end_no_audio_stream():
    _, _, others = stream([("image/png", PNG)] * 3)
    assert others == [{"realtimeInput": {"video": blob("image/png", PNG)}}] * 3


def test_the_end_of_the_stream_is_said_unless_told_otherwise():
    assert stream(SOUND)[2] == [END]
    assert stream(b"")[2] == [END]
    assert stream(SOUND, end=False)[2] == []


def test_progress_is_told_after_each_chunk():
    told = []
    stream(SOUND, on_progress=lambda *times: told.append(times), chunk_ms=50)
    assert told == [(50.0, 200.0), (100.0, 200.0), (150.0, 200.0), (200.0, 200.0)]
    told.clear()
    stream(iter([SOUND]), on_progress=lambda *times: told.append(times))
    assert told == [(200.0, None)]


def test_as_fast_as_the_network_takes_it_drops_nothing():
    minutes = pcm.silence(300_000, 16_000)  # more than the buffers on the way hold
    with opened() as (emulator, session):
        stop_reading(emulator, session, seconds=0.5)
        session.send_media_stream(minutes, realtime=False, chunk_ms=5000)
        frames = heard(emulator, session)
        assert session.stats.media_dropped_ms == 0
    assert sum(len(pcm_of(f)) for f in frames[:-1]) == len(minutes)


# ---------------------------------------------------------------------------------------- pace


class Clock:
    """Time that passes while one waits, and in no other way."""

    def __init__(self):
        self.now = 100.0
        self.waits = []

    def monotonic(self):
        return self.now

    def wait_ended(self, timeout):
        self.waits.append(round(timeout, 6))
        self.now += timeout
        return False


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(streaming, "time", clock)
    return clock


def test_chunks_go_out_when_they_would_have_been_spoken(clock):
    pace = streaming._Pace(clock)
    for sent_ms in (0, 20, 40, 60):
        pace.wait(sent_ms)
    assert clock.waits == [0.02, 0.02, 0.02]


def test_a_little_lateness_is_caught_up_with(clock):
    pace = streaming._Pace(clock)
    clock.now += 0.15
    for sent_ms in (0, 50, 100, 150, 200):
        pace.wait(sent_ms)
    assert clock.waits == [0.05]


def test_a_source_that_stalled_does_not_flood_the_network_afterwards(clock):
    pace = streaming._Pace(clock)
    clock.now += 60.0
    for sent_ms in range(0, 1000, 100):
        pace.wait(sent_ms)
    assert sum(clock.waits) == pytest.approx(0.9 - 0.2)


def test_where_the_user_is_not_detected_no_stream_is_ended():
    with opened(config=MANUAL) as (emulator, session):
        with pytest.raises(ConfigError, match="activity_end"):
            session.send_media_stream(b"\1\2" * 320)
        session.send_media_stream(b"\3\4" * 320, end=False)
        assert [pcm_of(frame) for frame in heard(emulator, session)] == [b"\3\4" * 320]


def test_the_rate_of_a_stream_is_that_of_its_chunks_unless_they_say_otherwise():
    chunks, mimes, _ = stream([("audio/pcm", bytes(640))], rate_hz=48_000)
    assert (len(chunks), mimes) == (1, {"audio/pcm;rate=48000"})
    assert stream([("audio/pcm", bytes(640))])[1] == {"audio/pcm"}


def test_a_stream_takes_as_long_as_it_is_spoken():
    with opened() as (emulator, session):
        started = time.monotonic()
        session.send_media_stream(SOUND)
        took = time.monotonic() - started
        assert len(heard(emulator, session)) == 11
    assert 0.2 <= took < 5.0


# -------------------------------------------------------------------------------- ends, mistakes


@pytest.mark.parametrize("who", ["server", "client"])
def test_it_stops_at_once_when_the_session_ends(who):
    begun = threading.Event()
    with opened() as (emulator, session):
        streaming_ = Caught(
            session.send_media_stream,
            pcm.silence(600_000, 16_000),
            chunk_ms=60_000,  # waits a minute between two
            on_progress=lambda *_: begun.set(),
        )
        assert begun.wait(PATIENCE)
        if who == "server":
            emulator.inject(Close(1011, "Enough."))
        else:
            session.close()
        with pytest.raises(livesdk.SessionClosed):
            streaming_.result()


@pytest.mark.parametrize(
    "given",
    [
        "no such file.wav",
        5,
        None,
        io.StringIO("text"),
        b"RIFF\4\0\0\0WAVE",
        [("text/plain; no blob",)],
        [5],
        ["text"],
    ],
)
def test_what_is_no_sound_is_refused_and_nothing_is_sent(given):
    with opened() as (emulator, session):
        with pytest.raises(livesdk.ConfigError):
            session.send_media_stream(given)
        assert heard(emulator, session) == []


def test_a_file_that_is_no_wav_file_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("la la la")
    with opened() as (emulator, session):
        with pytest.raises(livesdk.ConfigError, match="WAV"):
            session.send_media_stream(tmp_path / "notes.txt")
        assert heard(emulator, session) == []


@pytest.mark.parametrize("wrong", [{"rate_hz": 0}, {"rate_hz": "16000"}, {"chunk_ms": 0}])
def test_rates_and_lengths_are_positive_numbers(wrong):
    with opened() as (emulator, session):
        with pytest.raises(livesdk.ConfigError, match=next(iter(wrong))):
            session.send_media_stream(SOUND, **wrong)
        assert heard(emulator, session) == []


def test_a_file_of_another_kind_is_named(tmp_path):
    path = tmp_path / "q24.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(3)
        file.setframerate(16_000)
        file.writeframes(bytes(300))
    with opened() as (_, session), pytest.raises(livesdk.ConfigError, match=r"q24\.wav: .*24-bit"):
        session.send_media_stream(path)
