"""Between a session and a file: frames are handed over at once, and one thread writes them down.

::

    sender ─▶ TapedTransport.send    ─┐
    reader ─▶ TapedTransport.receive ─┼─▶ queue ─▶ livesdk-recorder-<n> ─▶ file
    reader ─▶ Tape.closed            ─┘

Rows of ``DESIGN`` §4: the thread, and one condition around its queue.  Nothing is encoded or
written under it, so that a slow disk delays neither the session nor its callers.
"""

from __future__ import annotations

import datetime as dt
import itertools
import os
import threading
import time
import weakref
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Callable, Optional, Union

from .._version import __version__
from ..errors import CloseInfo, ConfigError, LiveError
from ._lines import Lines, RecordingHeader
from ._taped import TapedTransport

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Tape"]

_numbers = itertools.count(1)

_LIMIT = 32 * 1024 * 1024
"""Bytes that may wait for a slow disk; beyond it the recording stops."""
_AT_EXIT = 1.0
"""Seconds that the end of a program which forgot ``close()`` waits for the disk."""

_Line = Callable[[float], bytes]
"""Makes a line of the moment, in seconds since the start; on the thread that writes."""


class Tape:
    """What a recorder writes on: a queue, a thread, a file.  It is the ``Tap`` of a connection.

    Args:
        file: A path, or a file open for writing bytes.
        audio: Keep the bytes of blobs.
    """

    def __init__(self, file: Union[str, os.PathLike[str], BinaryIO], *, audio: bool) -> None:
        self._file = file
        self._lines = Lines(audio=audio)
        self._audio = audio
        self._condition = threading.Condition(threading.Lock())  # around the queue, and its end
        self._queue: deque[tuple[_Line, float]] = deque()
        self._size = 0
        self._ended = False  # nothing more is taken
        self._thread: Optional[threading.Thread] = None
        self._used = False
        self._pid = 0
        self._started = 0.0
        self._dialled = False
        self._report: Optional[Callable[[LiveError], None]] = None  # once the session is open
        self.error: Optional[LiveError] = None

    # ----------------------------------------------------------------- for the recorder: any thread

    def close(self, timeout: float) -> None:
        """Take nothing more, and wait until all is written."""
        thread = self._thread
        if thread is None or os.getpid() != self._pid:
            return
        self._end()
        if thread is not threading.current_thread():
            thread.join(timeout)

    def begin(self, *, service: str, model: str, backend: str, vertex_rules: bool) -> None:
        """Open the file and write the header; before the session is made.

        Raises:
            ConfigError: The recorder was used before, or the file cannot be written.
        """
        with self._condition:
            if self._used:
                raise ConfigError("a Recorder records one session: make another for the next")
            self._used = True
        target = self._opened()
        self._pid = os.getpid()
        self._started = time.monotonic()
        header = RecordingHeader(
            service=service,
            model=model,
            backend=backend,
            vertex_rules=vertex_rules,
            livesdk=__version__,
            started=dt.datetime.now(dt.timezone.utc).isoformat(timespec="seconds"),
            audio=self._audio,
        )
        self._put(lambda _: self._lines.header(header))
        thread = threading.Thread(
            target=self._write,
            args=(target, target is not self._file),
            name=f"livesdk-recorder-{next(_numbers)}",
            daemon=True,
        )
        try:
            thread.start()
        except RuntimeError as error:  # no more threads
            if target is not self._file:
                target.close()
            raise LiveError(f"no thread can be started: {error}") from error
        self._thread = thread
        weakref.finalize(self, _close_at_exit, weakref.ref(self))

    def _opened(self) -> Any:
        if not isinstance(self._file, (str, os.PathLike)):
            return self._file
        try:
            # unbuffered: a line is with the system once it is written, also if we are killed then
            return Path(self._file).open("wb", buffering=0)  # the thread closes it
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ConfigError(f"recorder: {self._name} cannot be written: {reason}") from error

    @property
    def _name(self) -> str:
        is_path = isinstance(self._file, (str, os.PathLike))
        return os.fspath(self._file) if is_path else "its file"  # type: ignore[arg-type]  # a path

    # -------------------------------------------------------- for the session: any thread, no waits

    def transport(self, **options: Any) -> TapedTransport:
        """Make a transport that tells this tape what goes over it."""
        return TapedTransport(self, **options)

    def opened(self, report: Callable[[LiveError], None]) -> None:
        """The session is open.

        Args:
            report: Told if the recording stops, or has stopped by now.
        """
        with self._condition:
            is_first, self._report = self._report is None, report
            stopped = self.error
        if is_first and stopped is not None:
            report(stopped)

    def connected(self) -> None:
        """A connection stands."""
        if self._dialled:
            self._put(lambda at: self._lines.event(at, "reconnected", None))
        self._dialled = True

    def keep_out(self, headers: Mapping[str, str]) -> None:
        """Never write the values of these headers."""
        self._lines.keep_out(headers)

    def frame(
        self, direction: str, payload: Union[bytes, str], *, by_session: bool = False
    ) -> None:
        """A frame of the ``"client"`` or the ``"server"``."""
        self._put(
            lambda at: self._lines.frame(at, direction, payload, by_session=by_session),
            len(payload),
        )

    def unsent(self, payload: bytes) -> None:
        """A frame of the client that was told of did not go out."""
        self._put(lambda at: self._lines.unsent(at, payload), len(payload))

    def lost(self, code: int, reason: str, by: str) -> None:
        """A connection ended, by the ``"remote"`` side or the ``"network"``."""
        info = CloseInfo(code=code, reason=reason, clean=code in (1000, 1001), initiated_by=by)
        self._put(lambda at: self._lines.event(at, "lost", info))

    def closed(self, info: CloseInfo) -> None:
        """The session is over."""
        self._put(lambda at: self._lines.event(at, "closed", info))
        self._end()

    def _put(self, line: _Line, size: int = 0) -> None:
        with self._condition:
            if self._ended:
                return
            self._queue.append((line, time.monotonic() - self._started))
            self._size += size
            is_full = self._size > _LIMIT
            self._condition.notify()
        if is_full:
            self._stop(OSError(f"{_LIMIT >> 20} MiB wait for a disk that is too slow"))

    def _end(self) -> None:
        with self._condition:
            self._ended = True
            self._condition.notify()

    # ---------------------------------------------------------------------- the thread that writes

    def _write(self, target: Any, is_ours: bool) -> None:
        try:
            while True:
                lines = self._next_lines()
                if not lines:
                    break
                _write_whole(target, b"".join(line(at) for line, at in lines))
        except Exception as error:  # noqa: BLE001  # a border: the file may be the program's own
            self._stop(error)
        finally:
            if is_ours:
                target.close()

    def _next_lines(self) -> list[tuple[_Line, float]]:
        """Wait for something to write; nothing once all is written."""
        with self._condition:
            self._condition.wait_for(lambda: self._queue or self._ended)
            lines = list(self._queue)
            self._queue.clear()
            self._size = 0
        return lines

    def _stop(self, error: Exception) -> None:
        """Give the recording up, and say so once."""
        stopped = LiveError(
            f"the recording stopped, the session goes on: {self._name}:"
            f" {getattr(error, 'strerror', None) or error}"
        )
        stopped.__cause__ = error
        with self._condition:
            if self.error is not None:
                return
            self.error = stopped
            self._ended = True
            self._queue.clear()
            self._size = 0
            self._condition.notify()
            report = self._report
        if report is not None:
            report(stopped)


def _close_at_exit(tape: Callable[[], Optional[Tape]]) -> None:
    """Let a program that forgot ``close()`` lose nothing; does nothing for one that is no more."""
    alive = tape()
    if alive is not None:
        alive.close(_AT_EXIT)


def _write_whole(target: Any, octets: bytes) -> None:
    """Write all of it; a file without a buffer may take a part."""
    left = memoryview(octets)
    while left:
        taken = target.write(left)
        left = left[len(left) if taken is None else taken :]
    target.flush()
