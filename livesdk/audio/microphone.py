"""The microphone: the device's thread fills a queue, the reader does everything else."""

from __future__ import annotations

import time
from typing import Optional

from .. import pcm
from .._checks import check_duration, check_whole_number
from .._log import get_logger
from ._backend import Backend
from ._capture import Capture
from ._lasting import LONGEST_BLOCK_MS, LastingDevice
from .base import AudioInput
from .devices import DeviceName, Opened, choose, default_backend, open_negotiated

__all__ = ["Microphone"]

_log = get_logger(__name__)

_QUEUE_MS = 2_000
_SILENT_MS = 2_000


class Microphone(AudioInput):
    """A sound device to listen to.

    Reads as PCM, 16-bit little-endian, mono, at ``rate_hz``, whatever the device runs at.  The
    device's thread is never held up: what nobody reads for 2 seconds is dropped, oldest first, and
    counted.  A device that goes away is replaced by the system's default one.  Digital silence for
    2 seconds, as a missing permission or a mute key makes it, is warned about in the log.

    Args:
        device: An index, a part of the name, or ``None`` for the default; see
            :func:`list_devices`.
        rate_hz: Samples a second of what is read.
        block_ms: How much is read at a time, and how often the device calls: 20 has the least
            delay, 40 bears a busy process; 500 at most.
        reopen_s: How long a lost device is looked for before :meth:`read` raises.
        backend: Another sound system, for tests.

    Attributes:
        silent_ms: For how long nothing but digital silence has come.

    Raises:
        ConfigError: A number is out of its range.
    """

    def __init__(
        self,
        device: DeviceName = None,
        *,
        rate_hz: int = 16_000,
        block_ms: int = 20,
        reopen_s: float = 10.0,
        backend: Optional[Backend] = None,
    ) -> None:
        check_whole_number("rate_hz", rate_hz)
        check_whole_number("block_ms", block_ms, LONGEST_BLOCK_MS)
        check_duration("reopen_s", reopen_s)
        self.rate_hz = rate_hz
        self.chunk_ms = block_ms
        self.muted = False
        self.silent_ms = 0.0
        self.level_dbfs = pcm.SILENCE_DBFS
        self._backend = backend
        self._capture = capture = Capture(_QUEUE_MS // block_ms)
        self._device = LastingDevice(
            "microphone", device, reopen_s, self._open, lambda: capture.touched_at
        )
        self._warned = False
        self._convert()

    # ------------------------------------------------------------------------------ the interface

    def start(self) -> None:
        """Open the device and begin to capture; nothing happens if it has begun.

        Raises:
            AudioError: PyAudio is not installed, or the device is missing, busy or of no use.
        """
        self._device.start()

    def read(self, timeout: float = 1.0) -> Optional[bytes]:
        """Return the next ``block_ms`` of sound; see :meth:`AudioInput.read`.

        Raises:
            AudioError: The device is gone, and no other came in ``reopen_s`` seconds.
        """
        deadline = time.monotonic() + timeout
        while not self._ready:
            opened = self._device.opened
            if opened is None and not self._device.runs:
                return None
            left = min(0.1, max(0.0, deadline - time.monotonic()))
            block = self._capture.get(left) if opened else None
            if block is not None and opened is not None:
                self._take(block, opened)
                continue
            self._device.poll()
            if time.monotonic() >= deadline:
                return b""
            if self._device.opened is None:
                self._device.wait_stopped(left)
        return self._finished(self._ready.pop(0))

    def stop(self) -> None:
        """Close the device; any thread, any number of times."""
        self._capture.close()
        self._device.stop()

    # ------------------------------------------------------------------------------ what is known

    @property
    def device_name(self) -> Optional[str]:
        """What is being listened to; ``None`` while stopped or lost."""
        return self._device.name

    @property
    def device_rate_hz(self) -> Optional[int]:
        """What the device runs at; ``None`` while stopped or lost."""
        return self._device.rate_hz

    @property
    def overflows(self) -> int:
        """How often the system said that it lost sound before we got it."""
        return self._capture.overflows

    @property
    def dropped_ms(self) -> float:
        """How much was dropped because nobody read."""
        return self._capture.dropped_blocks * float(self.chunk_ms)

    @property
    def latency_ms(self) -> float:
        """From the sound in the room to the device's call, as the system estimates it."""
        return self._device.latency_ms

    # ----------------------------------------------------------------------------------- the sound

    def _convert(self, device_hz: Optional[int] = None) -> None:
        """Begin a stream: nothing is left of the last one."""
        self._resampler = pcm.Resampler(device_hz or self.rate_hz, self.rate_hz)
        self._chunker = pcm.Chunker(2 * max(1, self.rate_hz * self.chunk_ms // 1000))
        self._ready: list[bytes] = []

    def _take(self, block: bytes, opened: Opened) -> None:
        mono = pcm.mix_to_mono(block, opened.channels)
        self._ready.extend(self._chunker.feed(self._resampler.feed(mono)))

    def _finished(self, chunk: bytes) -> bytes:
        self.level_dbfs = pcm.level_dbfs(chunk)
        if any(chunk):
            self.silent_ms, self._warned = 0.0, False
        else:
            self.silent_ms += self.chunk_ms
            if self.silent_ms >= _SILENT_MS and not self._warned:
                self._warned = True
                _log.warning(
                    "%s: nothing but silence for 2 s: is it muted, or the permission missing?",
                    self.device_name,
                )
        return bytes(len(chunk)) if self.muted else chunk

    # ---------------------------------------------------------------------------------- the device

    def _open(self, wanted: DeviceName) -> Opened:
        backend = self._backend or default_backend()
        device = choose(backend.devices(), wanted, "input")
        self._capture.reopen()
        opened = open_negotiated(
            backend,
            "input",
            device,
            rate_hz=self.rate_hz,
            channels=1,
            block_ms=self.chunk_ms,
            callback=self._capture.put,
        )
        self._convert(opened.rate_hz)
        _log.debug(
            "microphone %r at %d Hz, %d channels", device.name, opened.rate_hz, opened.channels
        )
        return opened
