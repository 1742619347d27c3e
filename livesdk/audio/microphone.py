"""The microphone: the device's thread fills a queue, the reader does everything else."""

from __future__ import annotations

import threading
import time
from typing import Optional

from .. import pcm
from .._log import get_logger
from ..errors import AudioError
from ._backend import Backend
from ._capture import Capture
from .base import AudioInput
from .devices import DeviceName, Opened, choose, default_backend, open_negotiated

__all__ = ["Microphone"]

_log = get_logger(__name__)

_QUEUE_MS = 2_000
_LOST_S = 1.0
_RETRY_S = 0.5
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
            delay, 40 bears a busy process.
        reopen_s: How long a lost device is looked for before :meth:`read` raises.
        backend: Another sound system, for tests.

    Attributes:
        silent_ms: For how long nothing but digital silence has come.
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
        self.rate_hz = rate_hz
        self.chunk_ms = block_ms
        self.muted = False
        self.silent_ms = 0.0
        self.level_dbfs = pcm.SILENCE_DBFS
        self._wanted = device
        self._reopen_s = reopen_s
        self._backend = backend
        self._capture = Capture(_QUEUE_MS // block_ms)
        self._life = threading.Lock()  # around starting and stopping; no callback takes it
        self._opened: Optional[Opened] = None
        self._lost_at: Optional[float] = None
        self._tried_at = 0.0
        self._warned = False
        self._convert()

    # ------------------------------------------------------------------------------ the interface

    def start(self) -> None:
        """Open the device and begin to capture; nothing happens if it has begun.

        Raises:
            AudioError: PyAudio is not installed, or the device is missing, busy or of no use.
        """
        with self._life:
            if self._opened is None:
                self._open(self._wanted)

    def read(self, timeout: float = 1.0) -> Optional[bytes]:
        """Return the next ``block_ms`` of sound; see :meth:`AudioInput.read`.

        Raises:
            AudioError: The device is gone, and no other came in ``reopen_s`` seconds.
        """
        deadline = time.monotonic() + timeout
        while not self._ready:
            opened = self._opened
            if opened is None and self._lost_at is None:
                return None
            block = self._capture.get(min(0.1, max(0.0, deadline - time.monotonic())))
            if block is not None and opened is not None:
                self._lost_at = None
                self._take(block, opened)
            elif self._has_gone():
                self._find_again()
            if block is None and time.monotonic() >= deadline:
                return b""
        return self._finished(self._ready.pop(0))

    def stop(self) -> None:
        """Close the device; any thread, any number of times."""
        with self._life:
            self._close()
            self._lost_at = None

    # ------------------------------------------------------------------------------ what is known

    @property
    def device_name(self) -> Optional[str]:
        """What is being listened to; ``None`` while stopped or lost."""
        return self._opened.device.name if self._opened else None

    @property
    def device_rate_hz(self) -> Optional[int]:
        """What the device runs at; ``None`` while stopped or lost."""
        return self._opened.rate_hz if self._opened else None

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
        return self._opened.stream.latency_ms if self._opened else 0.0

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

    def _open(self, wanted: DeviceName) -> None:
        """Open; the caller holds the lock."""
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
        self._opened = opened
        _log.debug(
            "microphone %r at %d Hz, %d channels", device.name, opened.rate_hz, opened.channels
        )

    def _close(self) -> None:
        """Close; the caller holds the lock, which no callback takes."""
        opened, self._opened = self._opened, None
        self._capture.close()
        if opened is not None:
            opened.stream.close()

    def _has_gone(self) -> bool:
        if self._lost_at is not None:
            return True
        opened = self._opened
        if opened is None:
            return False
        quiet_for = time.monotonic() - self._capture.touched_at
        return quiet_for > _LOST_S or not opened.stream.is_active

    def _find_again(self) -> None:
        """Look for a device in place of the lost one, now and then."""
        now = time.monotonic()
        with self._life:
            if self._opened is None and self._lost_at is None:
                return  # stopped meanwhile
            if self._lost_at is None:
                self._lost_at = now
                _log.warning("microphone %r is gone; looking for another", self.device_name)
                self._close()
            elif now - self._tried_at < _RETRY_S:
                self._capture.get(0.05)
                return
            self._tried_at = now
            try:
                self._open(None)
            except AudioError as error:
                if now - self._lost_at > self._reopen_s:
                    raise AudioError(f"the microphone is gone: {error}") from error
                return
            self._lost_at = None
            _log.warning("microphone: now %r", self.device_name)
