"""The speaker: whoever writes fills a queue, the device's thread empties it."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import Optional

from .._log import get_logger
from ..errors import AudioError
from ._backend import Backend
from ._queued import QueuedOutput
from .devices import DeviceName, Opened, choose, default_backend, open_negotiated

__all__ = ["Speaker"]

_log = get_logger(__name__)

_LOST_S = 1.0
_RETRY_S = 0.5


class Speaker(QueuedOutput):
    """A sound device to play on.

    Takes PCM, 16-bit little-endian, at ``rate_hz`` and ``channels``, whatever the device runs at.
    Sound may be written much faster than it is heard.  A device that goes away is replaced by the
    system's default one, and what waits is played there if that one takes the same format.

    ::

        speaker.write(chunk)  # any number of times
        speaker.end_of_turn()  # no more for now: do not wait for a full buffer
        speaker.flush()  # silence within three blocks and the device's own latency
        speaker.drain()  # until the last sample was heard

    Args:
        device: An index, a part of the name, or ``None`` for the default; see
            :func:`list_devices`.
        rate_hz: Frames a second of what is written.
        channels: 1, or 2 for music.
        block_ms: How much the device takes at a time.  A soft :meth:`flush` is heard three to four
            blocks later, so 15 keeps 60 ms; 40 bears a busy process.
        prebuffer_ms: How much is gathered before a turn begins to sound, so that a late chunk
            leaves no gap; a turn shorter than that, or as old, sounds anyway.
        reopen_s: How long a lost device is looked for before :meth:`poll` raises.
        backend: Another sound system, for tests.

    Attributes:
        device_underruns: How often the system said that the device ran dry.
    """

    def __init__(
        self,
        device: DeviceName = None,
        *,
        rate_hz: int = 24_000,
        channels: int = 1,
        block_ms: int = 15,
        prebuffer_ms: float = 80.0,
        reopen_s: float = 10.0,
        backend: Optional[Backend] = None,
    ) -> None:
        super().__init__(rate_hz=rate_hz, channels=channels, prebuffer_ms=prebuffer_ms)
        self.device_underruns = 0
        self._wanted = device
        self._block = block_ms
        self._reopen_s = reopen_s
        self._backend = backend
        self._life = threading.Lock()  # around starting and stopping; no callback takes it
        self._stopped = threading.Event()
        self._stopped.set()
        self._opened: Optional[Opened] = None
        self._lost_at: Optional[float] = None
        self._tried_at = 0.0

    # ------------------------------------------------------------------------------ the interface

    def start(self) -> None:
        """Open the device; nothing happens if it is open.

        Raises:
            AudioError: PyAudio is not installed, or the device is missing, busy or of no use.
        """
        with self._life:
            if self._opened is None:
                self._open(self._wanted)
                self._stopped.clear()

    def stop(self) -> None:
        """Close the device and throw away what waits; any thread, any number of times."""
        self._stopped.set()
        with self._life:
            self._close()
            self._lost_at = None
        self._playback.flush()

    def poll(self) -> None:
        """Look whether the device is still there, and for another if not.

        Raises:
            AudioError: The device is gone, and no other came in ``reopen_s`` seconds.
        """
        if self._has_gone():
            self._find_again()

    # ------------------------------------------------------------------------------ what is known

    @property
    def device_name(self) -> Optional[str]:
        """What is being played on; ``None`` while stopped or lost."""
        return self._opened.device.name if self._opened else None

    @property
    def device_rate_hz(self) -> Optional[int]:
        """What the device runs at; ``None`` while stopped or lost."""
        return self._opened.rate_hz if self._opened else None

    @property
    def latency_ms(self) -> float:  # type: ignore[override]  # asked of the device
        """From the device's call to the sound in the room, as the system estimates it."""
        return self._opened.stream.latency_ms if self._opened else 0.0

    # ---------------------------------------------------------------------------------- the device

    def _take(self, size: int, ran_dry: bool) -> bytes:
        """Fill a block: the device's call."""
        self.device_underruns += ran_dry
        return self._playback.take(size)

    def _open(self, wanted: DeviceName) -> None:
        """Open; the caller holds the lock."""
        backend = self._backend or default_backend()
        device = choose(backend.devices(), wanted, "output")
        starting = threading.Event()  # until the format is known, the device gets silence
        opened = open_negotiated(
            backend,
            "output",
            device,
            rate_hz=self.rate_hz,
            channels=self.channels,
            block_ms=self._block,
            callback=lambda size, dry: self._take(size, dry) if starting.is_set() else bytes(size),
        )
        if (opened.rate_hz, opened.channels) != (self._playback.rate_hz, self._playback.channels):
            self._playback.reformat(opened.rate_hz, opened.channels)
        self._playback.touched_at = time.monotonic()
        starting.set()
        self._opened = opened
        _log.debug("speaker %r at %d Hz, %d channels", device.name, opened.rate_hz, opened.channels)

    def _close(self) -> None:
        """Close; the caller holds the lock, which no callback takes."""
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.stream.close()

    def _has_gone(self) -> bool:
        if self._lost_at is not None:
            return True
        opened = self._opened
        if opened is None:
            return False
        quiet_for = time.monotonic() - self._playback.touched_at
        return quiet_for > _LOST_S or not opened.stream.is_active

    def _find_again(self) -> None:
        """Look for a device in place of the lost one, now and then."""
        now = time.monotonic()
        with self._life:
            if self._opened is None and self._lost_at is None:
                return  # stopped meanwhile
            if self._lost_at is None:
                self._lost_at = now
                _log.warning("speaker %r is gone; looking for another", self.device_name)
                self._close()
            elif now - self._tried_at < _RETRY_S:
                return
            self._tried_at = now
            try:
                self._open(None)
            except AudioError as error:
                if now - self._lost_at > self._reopen_s:
                    raise AudioError(f"the speaker is gone: {error}") from error
                return
            self._lost_at = None
            _log.warning("speaker: now %r", self.device_name)

    def _drop_taken(self) -> None:
        with self._life:
            if self._opened is not None:
                with contextlib.suppress(AudioError):  # then it is not active: poll() sees to it
                    self._opened.stream.restart()

    def _runs(self) -> bool:
        return not self._stopped.is_set()

    def _wait_stopped(self, seconds: float) -> bool:
        return self._stopped.wait(seconds)

    def _block_ms(self) -> float:
        return float(self._block)
