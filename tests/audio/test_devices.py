"""Microphone and Speaker, on a sound card that does what real ones won't do on demand."""

from __future__ import annotations

import logging
import time

import numpy as np
import pytest
from waiting import Caught, until

from livesdk import AudioError, ConfigError, pcm
from livesdk.audio import Device, FakeBackend, Microphone, Speaker, list_devices
from livesdk.audio.devices import choose

PATIENCE = 10.0


def read_ms(microphone: Microphone, milliseconds: int) -> bytes:
    heard = b""
    while len(heard) < microphone.rate_hz * milliseconds // 1000 * 2:
        heard += microphone.read(PATIENCE) or b""
    return heard


def peak_hz(sound: bytes, rate_hz: int) -> float:
    samples = pcm.to_float(sound)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * rate_hz / len(samples))


# ------------------------------------------------------------------------------------- microphone


def test_a_microphone_reads_chunks_of_20_ms_at_16_khz():
    backend = FakeBackend(pcm.tone(440, 400, 16_000), speed=4)
    with Microphone(backend=backend) as microphone:
        chunks = [microphone.read() for _ in range(10)]
    assert {len(chunk or b"") for chunk in chunks} == {640}
    assert backend.opened == [("input", 16_000, 1)]


def test_a_device_that_refuses_the_rate_is_opened_at_its_own_and_resampled():
    sound = pcm.tone(1000, 1000, 16_000)
    backend = FakeBackend(sound, rates_hz=[48_000], speed=4)
    with Microphone(backend=backend) as microphone:
        heard = read_ms(microphone, 800)
        assert microphone.device_rate_hz == 48_000
    assert peak_hz(heard[3200:], 16_000) == pytest.approx(1000, abs=3)


def test_a_device_that_refuses_mono_is_opened_in_stereo_and_mixed():
    only_stereo = Device(index=0, name="stereo", inputs=2, outputs=2, is_default_input=True)

    class Picky(FakeBackend):
        def open(self, direction, device, rate_hz, channels, block_frames, callback):  # type: ignore[no-untyped-def]
            if channels == 1:
                from livesdk.audio.devices import FormatRefused

                raise FormatRefused("mono")
            return super().open(direction, device, rate_hz, channels, block_frames, callback)

    sound = pcm.tone(500, 400, 16_000)
    backend = Picky(sound, devices=[only_stereo], speed=4)
    with Microphone(backend=backend) as microphone:
        heard = read_ms(microphone, 400)
    assert heard[: len(sound)] == sound
    assert backend.opened == [("input", 16_000, 2)]


def test_overflows_are_counted_and_never_raised():
    backend = FakeBackend(speed=4)
    with Microphone(backend=backend) as microphone:
        backend.overflow()
        until(lambda: microphone.overflows == 1)
        assert microphone.read() == bytes(640)


def test_what_nobody_reads_is_dropped_oldest_first_and_counted():
    backend = FakeBackend(pcm.tone(440, 1000, 16_000), speed=100)
    with Microphone(backend=backend) as microphone:
        until(lambda: microphone.dropped_ms >= 1000)
        assert not any(microphone.read() or b"\1"), "the tone was the oldest"


def test_digital_silence_for_two_seconds_is_warned_about_once(caplog: pytest.LogCaptureFixture):
    with (
        caplog.at_level(logging.WARNING, "livesdk"),
        Microphone(backend=FakeBackend(speed=50)) as microphone,
    ):
        read_ms(microphone, 4_500)
        assert microphone.silent_ms >= 4_500
    assert [record.getMessage() for record in caplog.records] == [
        "Fake headset: nothing but silence for 2 s: is it muted, or the permission missing?"
    ]


def test_a_muted_microphone_reads_silence_and_still_shows_its_level():
    backend = FakeBackend(pcm.tone(440, 5000, 16_000), speed=4)
    with Microphone(backend=backend) as microphone:
        microphone.muted = True
        assert microphone.read() == bytes(640)
        read_ms(microphone, 60)
        assert microphone.level_dbfs > -20
        assert microphone.silent_ms == 0


def test_a_lost_microphone_is_replaced_by_the_default_one(caplog: pytest.LogCaptureFixture):
    backend = FakeBackend(speed=4)
    with Microphone("headset", backend=backend) as microphone:
        read_ms(microphone, 20)
        backend.unplug(0)
        until(lambda: microphone.read(0.05) is not None and microphone.device_name == "Fake spare")
        assert len(read_ms(microphone, 100)) >= 3200
    assert "microphone: now 'Fake spare'" in caplog.text


def test_a_microphone_that_stops_calling_back_is_opened_anew():
    backend = FakeBackend(speed=4)
    with Microphone(backend=backend) as microphone:
        read_ms(microphone, 20)
        backend.stall()
        until(lambda: microphone.read(0.1) is not None and len(backend.opened) > 1)
        read_ms(microphone, 100)


def test_a_microphone_gone_for_good_raises_after_its_patience():
    backend = FakeBackend(speed=4)
    with Microphone(backend=backend, reopen_s=0.1) as microphone:
        read_ms(microphone, 20)
        backend.unplug(0)
        backend.unplug(1)
        with pytest.raises(AudioError, match="the microphone is gone: there is no input device"):
            read_ms(microphone, 10_000)


def test_a_reader_sleeps_while_there_is_no_microphone():
    backend = FakeBackend(speed=4)
    with Microphone(backend=backend) as microphone:
        read_ms(microphone, 20)
        backend.unplug(0)
        backend.unplug(1)
        until(lambda: microphone.read(0.05) == b"" and microphone.device_name is None)
        begun, spent = time.monotonic(), time.thread_time()
        assert microphone.read(0.5) == b""
        assert time.monotonic() - begun >= 0.5
        assert time.thread_time() - spent < 0.2


def test_a_device_stopped_while_it_is_opened_stays_stopped():
    for made in (Microphone, Speaker):
        backend = FakeBackend()
        backend.opening.clear()
        device = made(backend=backend)
        starting = Caught(device.start)
        until(device._device._life.locked)
        stopping = Caught(device.stop)
        backend.opening.set()
        starting.result()
        stopping.result()
        assert device.device_name is None
        assert not device._device.runs


def test_stop_wakes_a_reader():
    backend = FakeBackend()
    microphone = Microphone(backend=backend)
    microphone.start()
    backend.stall()

    def work() -> None:
        while microphone.read(60) is not None:
            pass

    reading = Caught(work)
    microphone.stop()
    reading.result()


def test_start_and_stop_any_number_of_times():
    backend = FakeBackend(speed=10)
    microphone, speaker = Microphone(backend=backend), Speaker(backend=backend)
    for _ in range(3):
        for device in (microphone, speaker):
            device.start()
            device.start()
        read_ms(microphone, 40)
        speaker.write(pcm.tone(440, 100))
        assert speaker.drain(PATIENCE)
        for device in (microphone, speaker):
            device.stop()
            device.stop()
        assert microphone.read() is None
    assert speaker.played_ms == pytest.approx(300)


# ---------------------------------------------------------------------------------------- speaker


def test_a_speaker_plays_to_the_last_sample_without_a_gap():
    backend = FakeBackend(speed=4)
    sound = pcm.tone(440, 1000)
    with Speaker(backend=backend) as speaker:
        for chunk in pcm.chunks(sound, 4001):
            speaker.write(chunk)
        assert speaker.drain(PATIENCE)
        assert speaker.underruns == 0
        assert speaker.played_ms == 1000.0
    assert bytes(backend.played).strip(b"\0") in sound
    assert sound.strip(b"\0") in bytes(backend.played)


def test_a_speaker_resamples_for_a_device_of_another_rate_and_makes_stereo():
    backend = FakeBackend(
        rates_hz=[44_100],
        speed=4,
        devices=[Device(index=0, name="d", outputs=2, rate_hz=44_100, is_default_output=True)],
    )
    with Speaker(channels=2, backend=backend) as speaker:
        speaker.write(pcm.mono_to_stereo(pcm.tone(440, 1000)))
        assert speaker.drain(PATIENCE)
    played = pcm.mix_to_mono(backend.take_played(), 2)
    assert peak_hz(played, 44_100) == pytest.approx(440, abs=3)
    loud = np.flatnonzero(pcm.from_pcm16(played))
    assert (loud[-1] - loud[0]) / 44.1 == pytest.approx(1000, abs=8)


def test_a_flush_is_silent_with_the_next_block_and_reports_what_it_dropped():
    backend = FakeBackend()
    with Speaker(backend=backend) as speaker:
        speaker.write(pcm.tone(440, 5000))
        until(lambda: speaker.played_ms >= 100)
        dropped = speaker.flush()
        assert speaker.flush() == 0
        assert dropped == pytest.approx(5000 - speaker.played_ms, abs=0.1)
        assert speaker.discarded_ms == pytest.approx(dropped, abs=0.1)
        backend.take_played()
        until(lambda: len(backend.played) >= 9600)
        assert not any(backend.take_played()[960:])
        speaker.write(pcm.tone(440, 100))
        assert speaker.drain(PATIENCE), "the next turn is heard"


def test_sound_made_before_a_flush_is_not_played_after_it():
    backend = FakeBackend(speed=10)
    with Speaker(backend=backend) as speaker:
        made = speaker.generation
        speaker.flush()
        speaker.write(pcm.tone(440, 200), generation=made)
        assert speaker.queued_ms == 0
        assert speaker.drain(PATIENCE)
    assert not any(backend.played)


def test_a_hard_flush_restarts_the_stream_and_goes_on():
    backend = FakeBackend(speed=4)
    with Speaker(backend=backend) as speaker:
        speaker.write(pcm.tone(440, 5000))
        until(lambda: speaker.played_ms > 0)
        assert speaker.flush(hard=True) > 0
        speaker.write(pcm.tone(440, 100))
        assert speaker.drain(PATIENCE)


def test_a_gap_within_a_turn_is_counted_and_a_dry_device_too():
    backend = FakeBackend(speed=4)
    with Speaker(backend=backend) as speaker:
        speaker.write(pcm.tone(440, 100))
        until(lambda: speaker.underruns == 1)
        backend.run_dry()
        until(lambda: speaker.device_underruns == 1)


def test_what_waits_is_played_on_another_device_when_the_first_one_goes():
    backend = FakeBackend(speed=4)
    with Speaker(backend=backend) as speaker:
        speaker.write(pcm.tone(440, 2000))
        until(lambda: speaker.played_ms > 100)
        backend.unplug(0)
        assert speaker.drain(PATIENCE)
        assert speaker.device_name == "Fake spare"
        assert speaker.played_ms == 2000.0


def test_a_speaker_gone_for_good_raises_when_polled():
    backend = FakeBackend(speed=4)
    with Speaker(backend=backend, reopen_s=0.0) as speaker:
        backend.unplug(0)
        backend.unplug(1)
        with pytest.raises(AudioError, match="the speaker is gone"):
            until(lambda: bool(speaker.poll()))


def test_a_driver_that_blocks_on_open_delays_nobody_else():
    backend = FakeBackend()
    backend.opening.clear()
    speaker = Speaker(backend=backend)
    starting = Caught(speaker.start)
    speaker.write(pcm.tone(440, 100))
    assert speaker.queued_ms == 100
    assert speaker.flush() == 100
    backend.opening.set()
    starting.result()
    speaker.stop()


# ---------------------------------------------------------------------------------------- choosing


def test_devices_are_chosen_by_index_by_part_of_the_name_or_by_default():
    devices = list_devices(FakeBackend())
    assert choose(devices, None, "input").name == "Fake headset"
    assert choose(devices, 1, "output").name == "Fake spare"
    assert choose(devices, "SPARE", "input").index == 1
    assert choose(devices, "fake", "output").index == 0, "the default one of several"


def test_a_device_that_is_not_there_names_those_that_are():
    with pytest.raises(AudioError, match="no input device 'usb'; there are: 0: Fake headset; 1: F"):
        Microphone("usb", backend=FakeBackend()).start()
    with pytest.raises(AudioError, match="there is no output device on this machine"):
        Speaker(backend=FakeBackend(devices=[])).start()


@pytest.mark.parametrize(
    ("device", "options", "words"),
    [
        (Microphone, {"block_ms": 0}, "block_ms: expected a positive integer, got 0"),
        (Microphone, {"block_ms": 2500}, "block_ms: expected 500 at most"),
        (Microphone, {"rate_hz": -1}, "rate_hz: expected a positive integer"),
        (Microphone, {"reopen_s": float("nan")}, "reopen_s: expected a number from 0 on"),
        (Speaker, {"block_ms": 0}, "block_ms"),
        (Speaker, {"block_ms": 501}, "block_ms"),
        (Speaker, {"rate_hz": 0}, "rate_hz"),
        (Speaker, {"channels": 3}, "channels: expected 2 at most"),
        (Speaker, {"prebuffer_ms": -1}, "prebuffer_ms: expected a number from 0 to 60000"),
        (Speaker, {"prebuffer_ms": float("inf")}, "prebuffer_ms"),
        (Speaker, {"reopen_s": "ten"}, "reopen_s"),
    ],
)
def test_a_number_that_no_device_can_do_anything_with_is_refused_when_it_is_made(
    device, options, words
):
    with pytest.raises(ConfigError, match=words):
        device(backend=FakeBackend(), **options)


def test_a_device_that_takes_no_format_says_so():
    backend = FakeBackend(rates_hz=[96_000])
    with pytest.raises(AudioError, match="Fake headset: takes no format"):
        Speaker(backend=backend).start()
