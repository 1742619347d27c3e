"""A sound card made of software: PulseAudio with two null sinks, reached through ALSA.

::

    Speaker ─▶ ALSA "default" ─▶ sink spk ── spk.monitor ─▶ parec (recording), ALSA "loopback"
    paplay, feed() ─▶ sink micfeed ── micfeed.monitor ─▶ ALSA "default" ─▶ Microphone

One daemon in a folder of its own, without dbus or systemd, as root too. ``norewinds`` keeps the
sinks from rendering two seconds ahead.

**When something was heard.**  A recording comes late, by a delay that depends on the recorder's
buffers, on blocks and on the load; so the times of its arrival say little.  But it has every sample
that left the device, and counts them: it is the device's own clock, of which only the zero is
missing.  :class:`Hearing` finds that with clicks.  The sound server says how long what is written
next into a stream has to wait, in the stream's queue and in the device; so the moment at which a
click leaves the device is known when it is written, and its place in the recording gives the zero::

    moment of sample n = moment of the click + (n - place of the click) / rate

One click stands before each sound, so that a device that halts under load spoils one sound only.
The recorder's delay is in no result; it falls off as a by-product, ``delay_ms``, and may be less
than nothing, since the device takes a block before it sounds and the recorder gets it then.
Neither recorder nor clicks make the device any quicker than the player under test does: both ask
for longer buffers than a player has, and the device takes the shortest that anybody asks for.
"""

from __future__ import annotations

import ctypes
import os
import queue
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from livesdk import pcm

RATE_HZ = 48_000
_PATIENCE = 15.0
_LOUD = 300
_CLICK = 30_000
_CLICKS_MS = 100  # a click waits so long
_STEP = RATE_HZ // 100

_PLAYBACK = 1  # PA_STREAM_PLAYBACK
_S16LE = 3  # PA_SAMPLE_S16LE
_UNSET = 0xFFFF_FFFF

_ALSA = """
pcm.default { type pulse hint { show on description "the rig" } }
ctl.default { type pulse }
pcm.loopback { type pulse device spk.monitor hint { show on description "what is heard" } }
"""


class Rig:
    """The running sound card."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            "PULSE_SERVER": f"unix:{folder}/socket",
            "ALSA_CONFIG_PATH": f"{folder}/asound.conf",
            "XDG_RUNTIME_DIR": str(folder),
            "HOME": str(folder),
        }

    @contextmanager
    def running(self) -> Iterator[Rig]:
        (self.folder / "asound.conf").write_text(_ALSA)
        sinks = [
            f"module-null-sink sink_name={name} rate={RATE_HZ} channels=2 norewinds=1"
            for name in ("spk", "micfeed")
        ]
        native = f"module-native-protocol-unix socket={self.folder}/socket auth-anonymous=1"
        modules = [f"--load={module}" for module in (native, *sinks)]
        with (self.folder / "log").open("wb") as log:
            daemon = subprocess.Popen(
                [
                    "pulseaudio",
                    "-n",
                    "--daemonize=no",
                    "--use-pid-file=no",
                    "--exit-idle-time=-1",
                    "--disable-shm=yes",
                    *modules,
                ],
                env=self.environment,
                stdout=log,
                stderr=log,
            )
        try:
            self._wait(daemon)
            self._control("set-default-sink", "spk")
            self._control("set-default-source", "micfeed.monitor")
            yield self
        finally:
            daemon.terminate()
            daemon.wait(_PATIENCE)

    def _wait(self, daemon: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _PATIENCE
        pause = threading.Event()
        while not self._answers():
            assert daemon.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline, (self.folder / "log").read_text()
            pause.wait(0.05)

    def _answers(self) -> bool:
        done = subprocess.run(
            ["pactl", "info"], env=self.environment, capture_output=True, check=False
        )
        return done.returncode == 0

    def _control(self, *words: str) -> None:
        subprocess.run(["pactl", *words], env=self.environment, check=True, timeout=_PATIENCE)

    @contextmanager
    def recording(self, latency_ms: int = 10) -> Iterator[Recording]:
        """Record what is heard, while the block runs."""
        process = subprocess.Popen(
            [
                "parec",
                "--device=spk.monitor",
                "--format=s16le",
                "--channels=1",
                f"--rate={RATE_HZ}",
                "--raw",
                f"--latency-msec={latency_ms}",
            ],
            env=self.environment,
            stdout=subprocess.PIPE,
        )
        recording = Recording(process)
        try:
            recording.wait_ms(50)
            yield recording
        finally:
            recording.end()

    @contextmanager
    def hearing(self) -> Iterator[Hearing]:
        """Record what is heard and when, while the block runs."""
        with self.recording(latency_ms=50) as recording:
            clicks = _Clicks(self.environment["PULSE_SERVER"])
            try:
                yield Hearing(recording, clicks)
            finally:
                clicks.end()

    def say(self, sound: bytes, rate_hz: int) -> subprocess.Popen[bytes]:
        """Play into the microphone; returns at once."""
        path = self.folder / f"say-{time.monotonic_ns()}.wav"
        path.write_bytes(pcm.wav_bytes(sound, rate_hz))
        return subprocess.Popen(["paplay", "--device=micfeed", str(path)], env=self.environment)


class Recording:
    """What was heard: PCM, 16-bit, mono, 48 000 Hz."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._condition = threading.Condition()
        self._pieces: list[bytes] = []
        self._size = 0
        self.arrivals: list[tuple[float, int]] = []
        """When so many samples were there."""
        self._loud_size = 0  # what was there after the last loud piece
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        while True:
            piece = os.read(self._process.stdout.fileno(), 65536)
            if not piece:
                return
            with self._condition:
                self._pieces.append(piece)
                self._size += len(piece)
                if np.abs(np.frombuffer(piece[: len(piece) // 2 * 2], "<i2")).max() > _LOUD:
                    self._loud_size = self._size
                self.arrivals.append((time.monotonic(), self._size // 2))
                self._condition.notify_all()

    def wait_ms(self, milliseconds: float) -> None:
        """Wait until so much more was recorded."""
        with self._condition:
            wanted = self._size + 2 * RATE_HZ * milliseconds / 1000
            assert self._condition.wait_for(lambda: self._size >= wanted, _PATIENCE)

    def wait_sound(self) -> None:
        """Wait until something is heard."""
        with self._condition:
            since = self._size
            assert self._condition.wait_for(lambda: self._loud_size > since, _PATIENCE)

    def end(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
        self._thread.join(_PATIENCE)
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process.wait(_PATIENCE)

    @property
    def sound(self) -> bytes:
        with self._condition:
            joined = b"".join(self._pieces)
        return joined[: len(joined) // 2 * 2]


class Hearing:
    """Says when sounds left the device: see the module.

    For each sound: :meth:`mark`, play it, ``wait_sound``, end it, ``wait_ms`` until it is over and
    then some.  :attr:`began` and :attr:`ended` tell of each, by ``time.monotonic``.
    """

    def __init__(self, recording: Recording, clicks: _Clicks) -> None:
        self.wait_ms = recording.wait_ms
        self.wait_sound = recording.wait_sound
        self._recording = recording
        self._clicks = clicks
        self._moments: list[float] = []

    def mark(self) -> None:
        """Let a click be heard; it is silent before and after."""
        self._moments.append(self._clicks.click())
        self.wait_ms(_CLICKS_MS + 150)

    @property
    def began(self) -> list[float]:
        return [zero + first / RATE_HZ for zero, first, _ in self._sounds()]

    @property
    def ended(self) -> list[float]:
        return [zero + (last + 1) / RATE_HZ for zero, _, last in self._sounds()]

    @property
    def delay_ms(self) -> float:
        """By how much the recording comes late: the median over the clicks."""
        arrivals = self._recording.arrivals
        late = [
            next(at for at, count in arrivals if count > place) - moment
            for place, moment in zip(self._places(self._samples()), self._moments)
        ]
        return float(1000 * np.median(late))

    def _samples(self) -> Any:
        return np.abs(np.frombuffer(self._recording.sound, "<i2").astype(np.int32))

    def _places(self, samples: Any) -> list[int]:
        """Where the clicks are."""
        loud = np.flatnonzero(samples > _CLICK // 2)
        places = [int(at) for at in loud[np.diff(loud, prepend=-RATE_HZ) > RATE_HZ // 100]]
        assert len(places) == len(self._moments), "each click was heard, and nothing as loud"
        return places

    def _sounds(self) -> Iterator[tuple[float, int, int]]:
        """Of each sound: the moment of sample 0, its first sample, its last."""
        samples = self._samples()
        places = self._places(samples)
        margin = RATE_HZ // 200
        for moment, place, following in zip(
            self._moments, places, [*places[1:], len(samples) + margin]
        ):
            begin = place + margin
            loud = begin + np.flatnonzero(samples[begin : following - margin] > _LOUD)
            assert len(loud), "no sound after the click"
            yield moment - place / RATE_HZ, int(loud[0]), int(loud[-1])


class _Format(ctypes.Structure):
    """``pa_sample_spec``."""

    _fields_ = (("format", ctypes.c_int), ("rate", ctypes.c_uint32), ("channels", ctypes.c_uint8))


class _Buffers(ctypes.Structure):
    """``pa_buffer_attr``, in bytes."""

    _fields_ = tuple(
        (name, ctypes.c_uint32) for name in ("maxlength", "tlength", "prebuf", "minreq", "fragsize")
    )


class _Clicks:
    """A stream of silence with clicks in it, whose moments at the device are known.

    ``paplay`` does not tell how long its sound has to wait, so this is libpulse-simple.
    """

    def __init__(self, server: str) -> None:
        self._pulse = ctypes.CDLL("libpulse-simple.so.0")
        self._pulse.pa_simple_new.restype = ctypes.c_void_p
        self._pulse.pa_simple_get_latency.restype = ctypes.c_uint64
        form = _Format(_S16LE, RATE_HZ, 1)
        buffers = _Buffers(_UNSET, 2 * RATE_HZ * _CLICKS_MS // 1000, _UNSET, _UNSET, _UNSET)
        self._error = ctypes.c_int()
        self._stream = ctypes.c_void_p(
            self._pulse.pa_simple_new(
                server.encode(),
                b"clicks",
                _PLAYBACK,
                b"spk",
                b"clicks",
                ctypes.byref(form),
                None,
                ctypes.byref(buffers),
                ctypes.byref(self._error),
            )
        )
        assert self._stream, self._error.value
        self._wanted = threading.Event()
        self._stopping = threading.Event()
        self._moments: queue.Queue[float] = queue.Queue()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def click(self) -> float:
        """Write a click; return the moment at which it leaves the device."""
        self._wanted.set()
        return self._moments.get(timeout=_PATIENCE)

    def end(self) -> None:
        self._stopping.set()
        self._thread.join(_PATIENCE)
        self._pulse.pa_simple_free(self._stream)

    def _run(self) -> None:
        silence = bytes(2 * _STEP)
        click = np.full(4, _CLICK, "<i2").tobytes().ljust(len(silence), b"\0")
        for _ in range(4 * _CLICKS_MS // 10):  # it flows, once the first hundred are in
            self._write(silence)
        while not self._stopping.is_set():
            moment = self._moment() if self._wanted.is_set() else None
            self._write(silence if moment is None else click)
            if moment is not None:
                self._wanted.clear()
                self._moments.put(moment)

    def _moment(self) -> float | None:
        """When what is written next leaves the device; None if nobody can say."""
        before = time.monotonic()
        waits = self._pulse.pa_simple_get_latency(self._stream, ctypes.byref(self._error))
        after = time.monotonic()
        if after - before > 0.001:  # the thread was halted, before or after the answer
            return None
        return before + waits / 1_000_000

    def _write(self, sound: bytes) -> None:
        done = self._pulse.pa_simple_write(
            self._stream, sound, ctypes.c_size_t(len(sound)), ctypes.byref(self._error)
        )
        assert done == 0, self._error.value
