"""One sound device, and another one where it goes away: what microphone and speaker share.

Row of ``DESIGN`` §4: one lock around opening and closing, which may take a driver's time; no
callback of the device takes it.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Optional

from .._log import get_logger
from ..errors import AudioError
from .devices import DeviceName, Opened

__all__ = ["LONGEST_BLOCK_MS", "LastingDevice"]

_log = get_logger(__name__)

_LOST_S = 1.0
"""Seconds after which a device that does not call is lost."""
LONGEST_BLOCK_MS = 500
"""How much a device may take at a time, so that it is not lost between two calls."""
_RETRY_S = 0.5


class LastingDevice:
    """Opened by :meth:`start`, watched by :meth:`poll`, closed by :meth:`stop`; any thread.

    Args:
        kind: What it is, for people.
        wanted: Which one is opened first; in its place the default one, ``None``.
        reopen_s: How long another one is looked for.
        open_it: Opens a device.
        touched_at: When the device last called; by ``time.monotonic``.

    Attributes:
        opened: The stream that runs; ``None`` while stopped or lost.
    """

    def __init__(
        self,
        kind: str,
        wanted: DeviceName,
        reopen_s: float,
        open_it: Callable[[DeviceName], Opened],
        touched_at: Callable[[], float],
    ) -> None:
        self.opened: Optional[Opened] = None
        self._kind = kind
        self._wanted = wanted
        self._reopen_s = reopen_s
        self._open_it = open_it
        self._touched_at = touched_at
        self._life = threading.Lock()
        self._stopped = threading.Event()
        self._stopped.set()
        self._lost_at: Optional[float] = None
        self._tried_at = 0.0

    @property
    def runs(self) -> bool:
        """Started, and not stopped; a lost device that is looked for runs as well."""
        return not self._stopped.is_set()

    @property
    def name(self) -> Optional[str]:
        """Of the device; ``None`` while stopped or lost."""
        return self.opened.device.name if self.opened else None

    @property
    def rate_hz(self) -> Optional[int]:
        """What it runs at; ``None`` while stopped or lost."""
        return self.opened.rate_hz if self.opened else None

    @property
    def latency_ms(self) -> float:
        """Between the device's call and the room, as the system estimates it."""
        return self.opened.stream.latency_ms if self.opened else 0.0

    def start(self) -> None:
        """Open the device; nothing happens if it is open.

        Raises:
            AudioError: It is missing, busy or of no use.
        """
        with self._life:
            if self.opened is None:
                self.opened = self._open_it(self._wanted)
                self._lost_at = None
                self._stopped.clear()

    def stop(self) -> None:
        """Close the device; any number of times."""
        self._stopped.set()
        with self._life:
            self._stopped.set()  # again: it may just have been opened
            self._close()
            self._lost_at = None

    def wait_stopped(self, seconds: float) -> bool:
        """Wait for :meth:`stop`; True if it was called."""
        return self._stopped.wait(seconds)

    def restart(self) -> None:
        """Let the system throw away what it has taken."""
        with self._life:
            if self.opened is not None:
                with contextlib.suppress(AudioError):  # then it is not active: poll() sees to it
                    self.opened.stream.restart()

    def poll(self) -> None:
        """Look whether the device is still there, and now and then for another if not.

        Raises:
            AudioError: It is gone, and no other came in ``reopen_s`` seconds.
        """
        if not self._has_gone():
            return
        now = time.monotonic()
        with self._life:
            if not self._has_gone():
                return  # stopped meanwhile, or found by another thread
            if self._lost_at is None:
                self._lost_at = now
                _log.warning("%s %r is gone; looking for another", self._kind, self.name)
                self._close()
            elif now - self._tried_at < _RETRY_S:
                return
            self._tried_at = now
            try:
                self.opened = self._open_it(None)
            except AudioError as error:
                if now - self._lost_at > self._reopen_s:
                    raise AudioError(f"the {self._kind} is gone: {error}") from error
                return
            self._lost_at = None
            _log.warning("%s: now %r", self._kind, self.name)

    def _has_gone(self) -> bool:
        opened = self.opened
        if opened is None:
            return self.runs
        return time.monotonic() - self._touched_at() > _LOST_S or not opened.stream.is_active

    def _close(self) -> None:
        """Close; the caller holds the lock."""
        opened, self.opened = self.opened, None
        if opened is not None:
            opened.stream.close()
