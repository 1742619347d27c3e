"""Real streams through PortAudio, ALSA and PulseAudio: see ``rig``."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from audio.rig import RATE_HZ, Hearing, Rig

import livesdk
from livesdk import AudioConversation, Playback, pcm
from livesdk.audio import Microphone, Speaker, list_devices
from livesdk.emulator import Emulator, Interrupt, Reply, SayTone, Scenario, Wait
from livesdk.emulator.output import Output

pytestmark = [pytest.mark.requires("audio", "pulse"), pytest.mark.timeout(120)]

PATIENCE = 20.0


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    made = Rig(tmp_path_factory.mktemp("rig"))
    with made.running(), pytest.MonkeyPatch.context() as patch:
        for name in ("PULSE_SERVER", "ALSA_CONFIG_PATH"):
            patch.setenv(name, made.environment[name])
        yield made


def loud(sound: bytes, threshold: int = 500) -> Any:
    """The span from the first loud sample to the last, as an array."""
    samples = np.frombuffer(sound, "<i2").astype(np.float64)
    where = np.flatnonzero(np.abs(samples) > threshold)
    return samples[where[0] : where[-1] + 1] if len(where) else samples[:0]


def dropouts(samples: Any, threshold: float = 200.0) -> int:
    """How many windows of 2 ms are silent."""
    size = RATE_HZ // 500
    windows = samples[: len(samples) // size * size].reshape(-1, size)
    return int(np.sum(np.abs(windows).max(axis=1) < threshold))


def peak_hz(samples: Any) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * RATE_HZ / len(samples))


def likeness(heard: bytes, meant: bytes) -> tuple[float, float]:
    """The best correlation of ``meant`` with a place in ``heard``, and the gain there."""
    long, short = pcm.to_float(heard).astype(float), pcm.to_float(meant).astype(float)
    size = 1 << (len(long) + len(short)).bit_length()
    product = np.fft.irfft(np.fft.rfft(long, size) * np.conj(np.fft.rfft(short, size)), size)
    at = int(np.argmax(product[: len(long) - len(short) + 1]))
    piece = long[at : at + len(short)]
    gain = float(piece @ short / (short @ short))
    return float(np.corrcoef(piece, short)[0, 1]), gain


def read_ms(microphone: Microphone, milliseconds: int) -> bytes:
    heard = b""
    while len(heard) < microphone.rate_hz * milliseconds // 1000 * 2:
        heard += microphone.read(PATIENCE) or b""
    return heard


def speech_like(milliseconds: int, rate_hz: int) -> bytes:
    """Noise that no shift of it resembles, swelling four times a second."""
    samples = np.random.default_rng(7).normal(0, 0.1, rate_hz * milliseconds // 1000)
    swell = 0.5 - 0.5 * np.cos(2 * np.pi * 4 * np.arange(len(samples)) / rate_hz)
    smooth = np.convolve(samples * swell, np.ones(8) / 3, "same")
    return pcm.to_pcm16(smooth)


def test_the_devices_are_listed(rig: Rig):
    names = {device.name for device in list_devices()}
    assert {"default", "loopback"} <= names
    assert any(device.is_default_output for device in list_devices())


def test_a_tone_is_heard_at_its_frequency_without_gaps_to_its_last_sample(rig: Rig):
    with rig.recording() as recording, Speaker(block_ms=40) as speaker:
        for chunk in pcm.chunks(pcm.tone(440, 4000, amplitude=0.4), 4800):
            speaker.write(chunk)
        assert speaker.drain(PATIENCE)
        assert (speaker.underruns, speaker.played_ms) == (0, 4000)
        recording.wait_ms(200)
    heard = loud(recording.sound, 100)
    assert len(heard) / RATE_HZ * 1000 == pytest.approx(4000, abs=10)
    assert peak_hz(heard) == pytest.approx(440, abs=0.5)
    assert dropouts(heard[960:-960]) == 0


def test_what_is_said_arrives_intact(rig: Rig):
    sound = speech_like(2000, 16_000)
    with Microphone() as microphone:
        read_ms(microphone, 100)
        said = rig.say(sound, 16_000)
        heard = read_ms(microphone, 3500)
        assert said.wait(PATIENCE) == 0
        assert (microphone.overflows, microphone.dropped_ms) == (0, 0)
    correlation, gain = likeness(heard, sound)
    assert correlation > 0.99
    assert gain == pytest.approx(1, abs=0.05)


def test_both_at_once(rig: Rig):
    sound = speech_like(2000, 16_000)
    with rig.recording() as recording, Microphone() as microphone, Speaker(block_ms=40) as speaker:
        speaker.write(pcm.tone(440, 3000, amplitude=0.4))
        said = rig.say(sound, 16_000)
        heard = read_ms(microphone, 3500)
        assert said.wait(PATIENCE) == 0
        assert speaker.drain(PATIENCE)
        recording.wait_ms(200)
    assert likeness(heard, sound)[0] > 0.99
    tone = loud(recording.sound, 100)
    assert peak_hz(tone) == pytest.approx(440, abs=0.5)
    assert len(tone) / RATE_HZ * 1000 == pytest.approx(3000, abs=10)


@pytest.mark.parametrize("rate_hz", [8_000, 44_100])
def test_other_rates_are_played_at_their_pitch(rig: Rig, rate_hz: int):
    with rig.recording() as recording, Speaker(rate_hz=rate_hz, block_ms=40) as speaker:
        speaker.write(pcm.tone(440, 1000, rate_hz, amplitude=0.4))
        assert speaker.drain(PATIENCE)
        recording.wait_ms(200)
    assert peak_hz(loud(recording.sound)) == pytest.approx(440, abs=1)


TRIALS = 11
BLOCK_MS = 15


def to_silence(rig: Rig, speaker: Speaker, *, hard: bool = False) -> tuple[list[float], Hearing]:
    """The milliseconds from each flush to the last sample that left the device."""
    asked = []
    phase = threading.Event()
    with rig.hearing() as hearing, speaker:
        for trial in range(TRIALS):
            hearing.mark()
            speaker.write(pcm.tone(440, 4000, amplitude=0.3))
            hearing.wait_sound()
            hearing.wait_ms(100)
            phase.wait(BLOCK_MS * trial / TRIALS / 1000)  # at no fixed place of a block
            asked.append(time.monotonic())
            speaker.flush(hard=hard)
            hearing.wait_ms(200)
    return [1000 * (ended - at) for ended, at in zip(hearing.ended, asked)], hearing


@pytest.mark.parametrize(("hard", "limit_ms"), [(False, 60), (True, 30)], ids=["soft", "hard"])
def test_a_flush_is_silence_at_the_device(
    rig: Rig, hard: bool, limit_ms: float, record_property: Any
):
    times, hearing = to_silence(rig, Speaker(), hard=hard)
    record_property("milliseconds to silence", times)
    print(f"to silence: {shown(times)}; the recording, {hearing.delay_ms:.1f} ms late, aside")
    assert statistics.median(times) < limit_ms


def test_what_is_heard_is_heard_when_the_device_says(rig: Rig):
    """The rig against the player's own account: no sooner than taken, later by the latency."""
    taken = []
    with rig.hearing() as hearing, Speaker() as speaker:
        for _ in range(TRIALS):
            hearing.mark()
            speaker.write(pcm.tone(440, 200, amplitude=0.3))
            hearing.wait_sound()
            assert speaker.drain(PATIENCE)
            assert speaker.began_at is not None
            taken.append(speaker.began_at)
            hearing.wait_ms(150)
        latency_ms = speaker.latency_ms
    later = [1000 * (began - at) for began, at in zip(hearing.began, taken)]
    lasted = [1000 * (ended - began) for began, ended in zip(hearing.began, hearing.ended)]
    print(f"from taken to heard: {shown(later)}, of which {latency_ms:.0f} are PortAudio's")
    assert min(later) > 0
    assert latency_ms - BLOCK_MS < statistics.median(later) < latency_ms + 2 * BLOCK_MS
    assert statistics.median(lasted) == pytest.approx(200, abs=3)


def shown(times: list[float]) -> str:
    return f"median {statistics.median(times):.0f} of {sorted(round(each) for each in times)} ms"


def connect(emulator: Emulator, **options: Any) -> livesdk.Session:
    client = livesdk.Client(api_key="k", http_options={"base_url": emulator.base_url})
    config = {"input_audio_transcription": {}, "output_audio_transcription": {}}
    return client.live.connect("m", {"response_modalities": ["AUDIO"], **config}, **options)


@pytest.mark.requires("emulator")
def test_cutting_in_is_silence_at_the_device(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, record_property: Any
):
    """From the moment the emulator sends ``interrupted``, though callbacks sleep."""
    sent: list[float] = []
    raw = Output.raw

    def stamped(self: Output, payload: bytes, *, is_text: bool) -> None:
        if b'"interrupted"' in payload:
            sent.append(time.monotonic())
        raw(self, payload, is_text=is_text)

    monkeypatch.setattr(Output, "raw", stamped)
    replies = [[SayTone(6000), Wait(f"cut {turn}"), Interrupt()] for turn in range(TRIALS)]
    asleep = threading.Event()
    heard: list[Playback] = []
    phase = threading.Event()
    callbacks = {"onmessage": lambda _message: asleep.wait(2 * PATIENCE)}
    with (
        Emulator(Scenario(replies=replies, chunk_interval=0), voice="tones") as emulator,
        connect(emulator, callbacks=callbacks) as session,
        rig.hearing() as hearing,
    ):
        with AudioConversation(session, echo="none", on_playback=heard.append):
            for turn in range(TRIALS):
                hearing.mark()
                session.send_client_content("go")
                hearing.wait_sound()
                hearing.wait_ms(100)
                phase.wait(BLOCK_MS * turn / TRIALS / 1000)  # at no fixed place of a block
                emulator.release(f"cut {turn}")
                hearing.wait_ms(250)
        asleep.set()
    times = [1000 * (ended - at) for ended, at in zip(hearing.ended, sent)]
    record_property("milliseconds to silence", times)
    print(f"to silence: {shown(times)}; the recording, {hearing.delay_ms:.1f} ms late, aside")
    assert len(times) == TRIALS
    assert statistics.median(times) < 60
    assert [each.state for each in heard] == ["started", "interrupted"] * TRIALS
    for report in heard[1::2]:
        assert report.played_ms + report.discarded_ms == pytest.approx(6000, abs=1)
        assert report.discarded_ms > 3000


@pytest.mark.requires("emulator", "speech")
def test_a_spoken_question_is_answered_interrupted_and_answered_again(rig: Rig):
    from livesdk.emulator.voice import choose_voice

    speak = choose_voice("espeak")
    tale = "Once there was a small server at the end of a wire. " * 6
    scenario = Scenario(
        phrases=["tell me a story", "what time is it"],
        replies=[Reply(match="story", steps=[tale]), Reply(match="time", steps=["It is noon."])],
    )
    heard: list[Playback] = []
    said: list[livesdk.TranscriptPiece] = []
    gate = threading.Condition()

    def keep(entry: Playback) -> None:
        with gate:
            heard.append(entry)
            gate.notify_all()

    def wait_for(state: str, count: int) -> None:
        with gate:
            assert gate.wait_for(
                lambda: sum(each.state == state for each in heard) >= count, 2 * PATIENCE
            ), (heard, said)

    with (
        Emulator(scenario, voice="espeak") as emulator,
        connect(emulator) as session,
        rig.recording() as recording,
        AudioConversation(
            session,
            speaker=Speaker(block_ms=40),  # the emulator is busy in this process too
            echo="none",
            on_playback=keep,
            on_transcript=said.append,
        ),
    ):
        for text, state in (("Tell me a story.", "started"), ("What time is it?", "interrupted")):
            recording.wait_ms(700)  # the end of what was said before
            assert rig.say(speak(text), 24_000).wait(PATIENCE) == 0
            wait_for(state, 1)
        wait_for("finished", 1)
        recording.wait_ms(300)
        transcripts = [(each.speaker, each.text, each.interrupted) for each in session.transcripts]
    assert [each.state for each in heard] == ["started", "interrupted", "started", "finished"]
    assert heard[1].discarded_ms > 1000
    users = [text for speaker, text, _ in transcripts if speaker == "user"]
    assert users == ["tell me a story", "what time is it"]
    assert ("model", "It is noon.", False) in transcripts
    answer = pcm.resample(speak("It is noon."), 24_000, RATE_HZ)
    middle = answer[len(answer) // 4 // 2 * 2 :][: RATE_HZ // 2]  # a quarter of a second
    assert likeness(recording.sound, middle)[0] > 0.9, "it was heard"


def test_nothing_is_written_to_stderr_where_there_is_no_sound_card(tmp_path: Path):
    (tmp_path / "none").write_text("pcm.default { type hw card 7 }\n")
    program = """
from livesdk import AudioError
from livesdk.audio import Microphone, Speaker, list_devices
list_devices()
for device in (Microphone(), Speaker()):
    try:
        device.start()
    except AudioError:
        continue
    raise SystemExit("it opened")
"""
    environment = {key: value for key, value in os.environ.items() if key != "PULSE_SERVER"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={
            **environment,
            "ALSA_CONFIG_PATH": str(tmp_path / "none"),
            "PULSE_SERVER": "unix:/nowhere",
        },
    )
    assert (done.returncode, done.stderr) == (0, "")
