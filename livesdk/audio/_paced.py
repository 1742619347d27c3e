"""An output without a device: a thread that takes sound at the pace at which it would be heard.

Row of ``DESIGN`` §4: one thread for each running output, ``livesdk-output-<n>``, between
:meth:`PacedOutput.start` and :meth:`PacedOutput.stop`.  It runs the function that was given to
:class:`CallableOutput`, and writes the file of :class:`WavOutput`.
"""

from __future__ import annotations

import itertools
import threading
import time
from abc import abstractmethod
from typing import Optional

from .._checks import check_whole_number
from .._log import get_logger
from ..errors import AudioError
from ._queued import QueuedOutput

__all__ = ["PacedOutput"]

_log = get_logger(__name__)
_numbers = itertools.count(1)
_PATIENCE_S = 2.0
_BEHIND_S = 1.0


class PacedOutput(QueuedOutput):
    """Takes blocks from the queue as a device would, and hands them to :meth:`_put`."""

    def __init__(
        self, *, rate_hz: int, channels: int, block_ms: int, prebuffer_ms: float = 80.0
    ) -> None:
        check_whole_number("rate_hz", rate_hz)
        check_whole_number("channels", channels)
        check_whole_number("block_ms", block_ms)
        super().__init__(rate_hz=rate_hz, channels=channels, prebuffer_ms=prebuffer_ms)
        self._block = block_ms
        self._life = threading.Lock()  # around starting and stopping
        self._stopped = threading.Event()
        self._stopped.set()
        self._thread: Optional[threading.Thread] = None
        self._failure: Optional[BaseException] = None

    def start(self) -> None:
        """Begin to take what is written; nothing happens if it has begun."""
        with self._life:
            if self._thread is not None:
                return
            self._begin()
            self._failure = None
            self._stopped = threading.Event()
            self._thread = threading.Thread(
                target=self._run,
                args=(self._stopped,),
                name=f"livesdk-output-{next(_numbers)}",
                daemon=True,
            )
            self._thread.start()

    def stop(self) -> None:
        """Stop, and throw away what waits; any thread, any number of times."""
        self._stopped.set()
        with self._life:
            thread, self._thread = self._thread, None
            if thread is not None:
                if thread is not threading.current_thread():
                    thread.join(_PATIENCE_S)
                self._finish()
        self._playback.flush()

    def poll(self) -> None:
        """Raise what ended the thread, if something did.

        Raises:
            AudioError: The function raised, or the file could not be written.
        """
        if self._failure is not None:
            raise AudioError(f"the output failed: {self._failure}") from self._failure

    # ------------------------------------------------------------------------------ for subclasses

    def _begin(self) -> None:
        """Make ready; in the thread that starts."""

    @abstractmethod
    def _put(self, block: bytes, sounding: bool) -> None:
        """Take a block; ``sounding`` is False for the silence between turns."""

    def _finish(self) -> None:
        """Come to an end; in the thread that stops."""

    # ----------------------------------------------------------------------------------- the pace

    def _run(self, stopped: threading.Event) -> None:
        frames = max(1, self.rate_hz * self._block // 1000)
        size, seconds = 2 * self.channels * frames, frames / self.rate_hz
        due = time.monotonic()
        try:
            while True:
                due += seconds
                late = time.monotonic() - due
                if late > _BEHIND_S:
                    due += late  # asleep with the machine: do not hurry through it
                if stopped.wait(max(0.0, -late)):
                    return
                before = self._playback.played_ms
                block = self._playback.take(size)
                self._put(block, self._playback.played_ms > before)
        except (Exception, SystemExit) as error:  # noqa: BLE001  # user code: handed on by poll()
            _log.warning("an output failed: %s", error)
            self._failure = error
            self._stopped.set()

    def _runs(self) -> bool:
        return not self._stopped.is_set()

    def _wait_stopped(self, seconds: float) -> bool:
        return self._stopped.wait(seconds)

    def _block_ms(self) -> float:
        return float(self._block)
