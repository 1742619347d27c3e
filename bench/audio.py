"""Sound: the resampler beside soxr, what a minute of voice costs, how soon it is heard, and not.

The session is real, against a server in a process of its own; the sound card is the fake one, in
20 ms blocks, so that PortAudio's own cost is not counted and no device is needed.  Only the silence
after a flush is measured on PortAudio, PyAudio and a PulseAudio without hardware: see
``tests/audio/rig.py``.  The rows of soxr need ``pip install soxr``.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from _run import run
from _tables import Table, at_least, at_most, milliseconds

import livesdk
from livesdk import AudioConversation, pcm
from livesdk.audio import FakeBackend, Microphone, Speaker

_RATES = [(48_000, 16_000), (44_100, 16_000), (24_000, 48_000), (24_000, 44_100), (16_000, 8_000)]
_BLOCK_MS = 20

_SERVER = """
import sys
from livesdk.emulator import Emulator, Scenario, SayTone
steps = [SayTone(float(sys.argv[1]))]
scenario = Scenario(replies=[steps] * 50, chunk_ms=40, chunk_interval=float(sys.argv[2]))
with Emulator(scenario, voice="tones", record=False) as emulator:
    print(emulator.base_url, flush=True)
    sys.stdin.read()
"""


def main(quick: bool) -> list[Table]:
    return [resamplers(quick), conversation(quick), first_sample(quick), silence(quick)]


# ------------------------------------------------------------------------------- the resampler


def resamplers(quick: bool) -> Table:
    table = Table(
        "Resampling, a second in 20 ms blocks",
        ["rates", "CPU", "soxr HQ", "SNR", "soxr HQ", "goal", "alias", "held back", "soxr HQ"],
        note="SNR and alias are of sines, below full scale by 1 dB, in 16 bits; held back is what"
        " is missing before the flush.",
    )
    _ours([], *_RATES[0])  # loads numpy
    for source, target in _RATES:
        ours = _quality(_ours, source, target, quick)
        theirs = _quality(_soxr, source, target, quick) if _has_soxr() else None
        table.add(
            f"{source} → {target}",
            milliseconds(ours["cpu"]),
            milliseconds(theirs["cpu"]) if theirs else "–",
            f"{ours['snr']:.1f} dB",
            f"{theirs['snr']:.1f} dB" if theirs else "–",
            at_least(ours["snr"], 85),
            f"{ours['alias']:.0f} dB" if "alias" in ours else "–",
            f"{ours['held']:.1f} ms",
            f"{theirs['held']:.1f} ms" if theirs else "–",
        )
    return table


def _quality(convert: Any, source: int, target: int, quick: bool) -> dict[str, float]:
    seconds = 1
    at = np.arange(seconds * source) / source
    tone = pcm.to_pcm16(0.89 * np.sin(2 * np.pi * 997 * at))
    blocks = list(pcm.chunks(tone, 2 * source * _BLOCK_MS // 1000))
    made: list[bytes] = []
    costs = []
    for _ in range(1 if quick else 9):
        begin = time.thread_time()
        made, rest = convert(blocks, source, target)
        costs.append(time.thread_time() - begin)
    whole = b"".join([*made, rest])
    result = {
        "cpu": statistics.median(costs),
        "snr": _snr(whole, 997, target),
        "held": pcm.duration_ms(len(rest), target),
    }
    if target < source:
        high = pcm.to_pcm16(0.89 * np.sin(2 * np.pi * (target / 2 + 1000) * at))
        pieces, rest = convert(list(pcm.chunks(high, 640)), source, target)
        left = pcm.to_float(b"".join([*pieces, rest]))[target // 4 : -target // 4]
        spectrum = np.abs(np.fft.rfft(left * np.blackman(len(left))))
        full = 0.89 * np.blackman(len(left)).sum() / 2
        result["alias"] = 20 * np.log10(max(spectrum.max() / full, 1e-9))
    return result


def _snr(sound: bytes, hz: float, rate: int) -> float:
    samples = pcm.to_float(sound).astype(float)[rate // 8 : -rate // 8]
    at = np.arange(len(samples)) / rate
    basis = np.stack([np.sin(2 * np.pi * hz * at), np.cos(2 * np.pi * hz * at)], axis=1)
    fit, *_ = np.linalg.lstsq(basis, samples, rcond=None)
    signal = basis @ fit
    return float(10 * np.log10(np.sum(signal**2) / np.sum((samples - signal) ** 2)))


def _ours(blocks: list[bytes], source: int, target: int) -> tuple[list[bytes], bytes]:
    resampler = pcm.Resampler(source, target)
    return [resampler.feed(block) for block in blocks], resampler.flush()


def _has_soxr() -> bool:
    try:
        import soxr  # noqa: F401  # only whether it is there
    except ImportError:
        return False
    return True


def _soxr(blocks: list[bytes], source: int, target: int) -> tuple[list[bytes], bytes]:
    import soxr

    stream = soxr.ResampleStream(source, target, 1, dtype="int16", quality="HQ")
    made = [stream.resample_chunk(np.frombuffer(block, "<i2")).tobytes() for block in blocks]
    return made, stream.resample_chunk(np.zeros(0, np.int16), last=True).tobytes()


# ---------------------------------------------------------------------------- a conversation


class _Server:
    """The emulator, in a process of its own."""

    def __init__(self, tone_ms: float, interval: float) -> None:
        root = str(Path(livesdk.__file__).parents[1])
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SERVER, str(tone_ms), str(interval)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": root},
        )
        assert self._process.stdout is not None
        self.base_url = self._process.stdout.readline().strip()

    def __enter__(self) -> livesdk.Session:
        client = livesdk.Client(api_key="any", http_options={"base_url": self.base_url})
        self._session = client.live.connect("m", {"response_modalities": ["AUDIO"]})
        return self._session

    def __exit__(self, *_: object) -> None:
        self._session.close()
        self._process.communicate()


def conversation(quick: bool) -> Table:
    seconds = 2.0 if quick else 20.0
    table = Table(
        "A minute of full-duplex voice, microphone and loudspeaker at once",
        ["devices", "CPU, all threads", "of one core"],
        note="20 ms up, 40 ms down, in real time; the fake sound card's two threads are counted.",
    )
    for device_hz in (None, 48_000):
        rates = None if device_hz is None else [device_hz]
        backend = FakeBackend(pcm.tone(300, 1000 * seconds, 16_000, 0.001), rates_hz=rates)
        with _Server(1000 * seconds, 0.04) as session:
            used = _cpu_of(session, backend, seconds)
        name = "16 and 24 kHz" if device_hz is None else "both 48 kHz, resampled"
        table.add(name, f"{60 * used:.2f} s", f"{100 * used:.1f} %")
    return table


def _cpu_of(session: livesdk.Session, backend: FakeBackend, seconds: float) -> float:
    """CPU seconds for each second of conversation."""
    microphone = Microphone(backend=backend)
    speaker = Speaker(backend=backend, block_ms=_BLOCK_MS)
    with AudioConversation(session, microphone=microphone, speaker=speaker, echo="none"):
        session.send_client_content("go")
        session.wait_ended(0.5)  # the first second is the start's
        begin, cpu = time.monotonic(), time.process_time()
        session.wait_ended(seconds - 1)
        return (time.process_time() - cpu) / (time.monotonic() - begin)


def first_sample(quick: bool) -> Table:
    table = Table(
        "From an audio frame on the socket to its first sample at the device",
        ["prebuffer", "median", "worst", "goal"],
        note="The frame counts as there when the reader sees it; 20 ms blocks, so that half a block"
        " is the least to be expected without a prebuffer.  The service sends faster than it is"
        " heard (40 ms of sound every 5 ms), which fills the prebuffer of 80 ms in 10 ms.",
    )
    for prebuffer_ms in (0.0, 80.0):
        with _Server(300, 0.005) as session:
            took = _times_to_first(session, prebuffer_ms, 2 if quick else 20)
        table.add(
            f"{prebuffer_ms:.0f} ms",
            milliseconds(statistics.median(took)),
            milliseconds(max(took)),
            at_most(1000 * statistics.median(took), 60),
        )
    return table


def _times_to_first(session: livesdk.Session, prebuffer_ms: float, turns: int) -> list[float]:
    backend = FakeBackend(pcm.tone(300, 60_000, 16_000, 0.001))
    speaker = Speaker(backend=backend, block_ms=_BLOCK_MS, prebuffer_ms=prebuffer_ms)
    arrived: list[float] = []
    finished = threading.Semaphore(0)

    def stamp(message: Any) -> None:
        if message.audio and len(arrived) == len(took):
            arrived.append(time.monotonic())

    took: list[float] = []
    session._observers += (stamp,)
    with AudioConversation(
        session,
        microphone=Microphone(backend=backend),
        speaker=speaker,
        on_playback=lambda report: report.state == "finished" and finished.release(),
    ):
        for _ in range(turns):
            session.send_client_content("go")
            assert finished.acquire(timeout=20)
            assert speaker.began_at is not None
            took.append(speaker.began_at - arrived[-1])
    return took


# --------------------------------------------------------------------------------- silence


def silence(quick: bool) -> Table:
    table = Table(
        "flush() to silence at the device, the probe's own delay removed",
        ["blocks", "flush", "median", "worst", "goal", "probe's delay"],
        note="PyAudio on a PulseAudio without hardware, flushes at all places of a block; the"
        " device holds a block of its own, which is counted.  The probe's delay is less than"
        " nothing where it hears a block before that sounds.",
    )
    rig = _rig()
    for block_ms in (15, 20, 40):
        for hard in (False, True):
            cells = ["–", "–", "–", "–"]
            if rig is not None:
                took, delay_ms = _times_to_silence(rig, block_ms, hard, 2 if quick else 21)
                median = statistics.median(took)
                cells = [
                    milliseconds(median),
                    milliseconds(max(took)),
                    at_most(1000 * median, 60),
                    f"{delay_ms:.1f} ms",
                ]
            table.add(f"{block_ms} ms", "hard" if hard else "soft", *cells)
    return table


def _rig() -> Any:
    """The sound card of the tests, or None where its parts are missing."""
    tests = Path(__file__).parents[1] / "tests"
    if not _module(tests / "needs.py").NEEDS["pulse"].present():
        return None
    if importlib.util.find_spec("pyaudio") is None:
        return None
    return _module(tests / "audio" / "rig.py").Rig


def _module(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _times_to_silence(
    rig: Any, block_ms: int, hard: bool, trials: int
) -> tuple[list[float], float]:
    asked = []
    phase = threading.Event()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        card = stack.enter_context(rig(Path(folder)).running())
        names = {name: os.environ.get(name) for name in ("PULSE_SERVER", "ALSA_CONFIG_PATH")}
        stack.callback(_set, names)
        _set({name: card.environment[name] for name in names})
        hearing = stack.enter_context(card.hearing())
        speaker = stack.enter_context(Speaker(block_ms=block_ms))
        for trial in range(trials):
            hearing.mark()
            speaker.write(pcm.tone(440, 4000, amplitude=0.3))
            hearing.wait_sound()
            hearing.wait_ms(100)
            phase.wait(block_ms * trial / trials / 1000)
            asked.append(time.monotonic())
            speaker.flush(hard=hard)
            hearing.wait_ms(300)
        return [ended - at for ended, at in zip(hearing.ended, asked)], hearing.delay_ms


def _set(names: dict[str, Any]) -> None:
    for name, value in names.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


if __name__ == "__main__":
    run(main)
