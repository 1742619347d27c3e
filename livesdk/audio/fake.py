"""A sound card that is not there: paced like a real one, and as unkind as you like.

For tests of programs that use a microphone and a speaker.  It does on demand what real devices do
only when nobody looks: overflow, run dry, refuse a rate, block while it opens, and vanish.

>>> backend = FakeBackend(sound=pcm.tone(440, 1000, 16_000))
>>> with Microphone(backend=backend) as microphone:  # doctest: +SKIP
...     microphone.read()

Row of ``DESIGN`` §4: one thread a stream, ``livesdk-device-<n>``, which calls back as the sound
system's own thread does.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Optional

from .. import pcm
from ..errors import AudioError
from ._backend import Device, Direction, Stream
from .devices import FormatRefused

__all__ = ["FakeBackend"]

_numbers = itertools.count(1)
_PATIENCE_S = 2.0

_DEVICES = (
    Device(
        index=0,
        name="Fake headset",
        host="Fake",
        inputs=1,
        outputs=2,
        rate_hz=48_000,
        is_default_input=True,
        is_default_output=True,
    ),
    Device(index=1, name="Fake spare", host="Fake", inputs=2, outputs=2, rate_hz=44_100),
)


class FakeBackend:
    """Stands in for the sound system; give it to :class:`Microphone` and :class:`Speaker`.

    Args:
        sound: What the microphones hear first, as PCM, 16-bit little-endian, mono, at
            ``sound_hz``; then silence.
        sound_hz: The rate of ``sound``.
        devices: What there is; by default a headset, and a spare one.
        rates_hz: The only rates that are taken; ``None``: any.
        speed: How many times faster than life time goes by.

    Attributes:
        played: What went to the speakers, in order, silence included, as the device took it.
        opened: The rate and channels of every stream that was opened.
        opening: Cleared, it blocks every opening until it is set.
    """

    def __init__(
        self,
        sound: bytes = b"",
        *,
        sound_hz: int = 16_000,
        devices: Iterable[Device] = _DEVICES,
        rates_hz: Optional[Iterable[int]] = None,
        speed: float = 1.0,
    ) -> None:
        self.played = bytearray()
        self.opened: list[tuple[Direction, int, int]] = []
        self.opening = threading.Event()
        self.opening.set()
        self._sound = sound
        self._sound_hz = sound_hz
        self._devices = list(devices)
        self._rates_hz = None if rates_hz is None else frozenset(rates_hz)
        self._speed = speed
        self._lock = threading.Lock()  # around what follows
        self._streams: list[_FakeStream] = []

    # ------------------------------------------------------------------------------ as a backend

    def devices(self) -> list[Device]:
        """List the devices."""
        return list(self._devices)

    def open(
        self,
        direction: Direction,
        device: Device,
        rate_hz: int,
        channels: int,
        block_frames: int,
        callback: Callable[..., Any],
    ) -> Stream:
        """Open a stream and start its thread."""
        self.opening.wait()
        if device not in self._devices:
            raise AudioError(f"{device.name} is not there")
        if self._rates_hz is not None and rate_hz not in self._rates_hz:
            raise FormatRefused(f"{rate_hz} Hz")
        sound = pcm.resample(self._sound, self._sound_hz, rate_hz) if self._sound else b""
        if channels == 2:  # stereo: the same on both sides
            sound = pcm.mono_to_stereo(sound)
        stream = _FakeStream(self, direction, device, 2 * channels * block_frames, callback, sound)
        stream.seconds = block_frames / rate_hz / self._speed
        with self._lock:
            self.opened.append((direction, rate_hz, channels))
            self._streams.append(stream)
        stream.start()
        return stream

    # ------------------------------------------------------------------------------- misfortunes

    def overflow(self) -> None:
        """Let the next block of every microphone say that sound was lost before it."""
        self._each("input", lambda stream: stream.flag.set())

    def run_dry(self) -> None:
        """Let the next call of every speaker say that the device ran dry."""
        self._each("output", lambda stream: stream.flag.set())

    def stall(self) -> None:
        """Stop calling back, without a word, as a sleeping driver does."""
        self._each(None, lambda stream: stream.stalled.set())

    def unplug(self, index: int) -> None:
        """Take a device away, with its streams; the next one becomes the default."""
        gone = [device for device in self._devices if device.index == index]
        self._devices = [device for device in self._devices if device.index != index]
        self._each(None, lambda stream: stream.vanish() if stream.device in gone else None)

    def take_played(self) -> bytes:
        """Return what was played since the last call."""
        with self._lock:
            played = bytes(self.played)
            self.played.clear()
        return played

    def _each(
        self, direction: Optional[Direction], action: Callable[[_FakeStream], object]
    ) -> None:
        with self._lock:
            streams = [each for each in self._streams if direction in (None, each.direction)]
        for stream in streams:
            action(stream)

    def _record(self, block: bytes) -> None:
        with self._lock:
            self.played += block


class _FakeStream:
    """One running stream."""

    latency_ms = 0.0
    seconds: float

    def __init__(
        self,
        backend: FakeBackend,
        direction: Direction,
        device: Device,
        size: int,
        callback: Callable[..., Any],
        sound: bytes,
    ) -> None:
        self.direction = direction
        self.device = device
        self.flag = threading.Event()
        self.stalled = threading.Event()
        self._backend = backend
        self._size = size
        self._callback = callback
        self._sound = memoryview(sound)
        self._at = 0
        self._stopped = threading.Event()
        name = f"livesdk-device-{next(_numbers)}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def is_active(self) -> bool:
        return not self._stopped.is_set()

    def restart(self) -> None:
        """Nothing is kept here that could be thrown away."""

    def vanish(self) -> None:
        self._stopped.set()

    def close(self) -> None:
        self._stopped.set()
        if self._thread is not threading.current_thread():
            self._thread.join(_PATIENCE_S)

    def _run(self) -> None:
        due = time.monotonic()
        while True:
            due += self.seconds
            if self._stopped.wait(max(0.0, due - time.monotonic())):
                return
            if self.stalled.is_set():
                continue
            lost = self.flag.is_set()
            self.flag.clear()
            if self.direction == "input":
                block = bytes(self._sound[self._at : self._at + self._size])
                self._at += self._size
                self._callback(block.ljust(self._size, b"\0"), lost)
            else:
                self._backend._record(self._callback(self._size, lost))
