"""What every session offers around its senders: receiving, callbacks, and its end.

Any method may be called from any thread, callback or tool.
"""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from types import TracebackType
from typing import TYPE_CHECKING, Any, Callable, Generic, Optional, TypeVar

from ._timeout import seconds_of_timeout
from .connection import Connection
from .dispatch import Callback
from .errors import (
    CloseInfo,
    ConcurrentReceiveError,
    ConfigError,
    LiveTimeout,
    SessionClosed,
)
from .inbox import End
from .protocol import State

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["CUT", "SETTLED", "Lifecycle", "Mark"]


class Mark(Enum):
    """Stands in the inbox between messages; nobody but us sees it."""

    CUT = "a reconnection cut the turn short"
    SETTLED = "the turn is over, for which the model was done but not its tools"


CUT: Any = Mark.CUT
SETTLED: Any = Mark.SETTLED

M = TypeVar("M")

_ASKED_FOR_NONE = (
    "send(...) without turn_complete=True asks for no answer, so none may come: pass"
    " turn_complete=True, or use send_client_content()"
)
_HINT_AFTER = 5.0
"""Seconds of waiting after which a send(...) that asked for no answer is pointed out."""


class Lifecycle(Generic[M]):
    """The base of :class:`Session` and :class:`MusicSession`."""

    _connection: Connection

    def __init__(self) -> None:
        self._receive_lock = threading.Lock()  # held by the one consumer
        self._stop = False
        self._awaits_more = False  # the last send(...) asked for no answer, by its default

    def __repr__(self) -> str:
        """Show its number, by which threads and logs name it, and where it stands."""
        connection = self._connection
        return f"<livesdk.{type(self).__name__} {connection.number} {connection.state.value}>"

    def __enter__(self) -> Self:
        """Return the session itself; leaving the block closes it."""
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()

    # ----------------------------------------------------------------------------------- the end

    def close(self, timeout: Optional[float] = 2.0, *, code: int = 1000, reason: str = "") -> None:
        """Say goodbye and end the session; any thread, any number of times.

        What was sent before goes out first.  Messages that arrive later are not delivered.  In a
        callback or tool it only asks, and returns at once; likewise, after half a second, in a
        signal handler that interrupted a sender of this session.

        Args:
            timeout: Seconds until it returns in any case; a peer that does not answer is cut off.
            code: The close code, 1000 or 3000 to 4999 (RFC 6455 §7.4).
            reason: At most 123 bytes of UTF-8; the rest is cut.

        Raises:
            ConfigError: A code that programs may not send, or a reason that is no text.
        """
        if type(code) is not int or (code != 1000 and not 3000 <= code <= 4999):
            raise ConfigError(f"code: expected 1000 or 3000 to 4999, got {code!r:.40}")
        if not isinstance(reason, str):
            raise ConfigError(f"reason: expected a text, got {reason!r:.40}")
        self._connection.close(seconds_of_timeout(timeout), code, reason)

    def wait_closed(self, timeout: Optional[float] = None) -> CloseInfo:
        """Wait until the session has ended and ``onclose`` has run.

        Callbacks that run in the program's own threads (``dispatch="manual"`` or a callable) are
        not waited for.

        Raises:
            LiveTimeout: ``timeout`` seconds have passed.
            LocalProtocolError: Called in a callback, which would wait for itself.
            CallbackError: With ``callback_errors="raise"``, what a callback raised.
        """
        return self._connection.wait_closed(timeout)

    def wait_ended(self, timeout: Optional[float]) -> bool:
        """Wait until the session has ended or is closing, at most ``timeout``; True if so.

        What a loop that sends at intervals waits with, instead of ``time.sleep``.
        """
        return self._connection.wait_ended(timeout)

    @property
    def is_closed(self) -> bool:
        """The session has ended, whoever ended it."""
        return self._connection.info is not None

    @property
    def close_info(self) -> Optional[CloseInfo]:
        """How the session ended; ``None`` while it lives."""
        return self._connection.info

    @property
    def reconnecting(self) -> bool:
        """There is no connection at this moment, and another one is being made."""
        return self._connection.state is State.RECONNECTING

    # --------------------------------------------------------------------------------- callbacks

    def on(self, event: str, callback: Callback) -> None:
        """Add a callback; it is not told of what has happened before.

        Args:
            event: ``"open"``, ``"message"``, ``"error"``, ``"close"``, ``"reconnect"`` or
                ``"go_away"``.
            callback: As in :class:`LiveCallbacks`.
        """
        self._connection.dispatcher.on(event, callback)

    def off(self, event: str, callback: Callback) -> None:
        """Remove a callback; nothing happens if it is not there."""
        self._connection.dispatcher.off(event, callback)

    def pump(self, timeout: Optional[float] = 0.0) -> int:
        """Run the callbacks that wait, in this thread; for ``LiveCallbacks(dispatch="manual")``.

        Args:
            timeout: Seconds to wait for the first one; 0 for a timer of a GUI.

        Returns:
            How many events were handed over.
        """
        return self._connection.dispatcher.pump(timeout)

    # --------------------------------------------------------------------------------- receiving

    def receive(self, *, timeout: Optional[float] = None) -> Iterator[M]:
        """Iterate over every message until the session ends.

        What arrived before the end is delivered before the end is seen.  After a clean end the
        iteration stops; after an abnormal one it raises.

        Args:
            timeout: Seconds to wait for each message; ``None``: for ever.

        Raises:
            LiveTimeout: No message came in time.  The session lives; iterate anew to go on.
            SessionClosed: The session ended abnormally.
            ConcurrentReceiveError: Another thread receives already.
        """
        return self._receive(None if timeout is None else seconds_of_timeout(timeout))

    def _receive(
        self, seconds: Optional[float] = None, is_over: Callable[[], bool] = lambda: False
    ) -> Iterator[M]:
        """As :meth:`receive`; ``is_over`` as of :meth:`_next`."""
        self._begin_receiving()
        return self._messages(seconds, is_over)

    def _begin_receiving(self) -> None:
        """Keep messages from the call on, not from the first one that is taken."""
        self._connection.check_may_wait()
        self._refuse_second_consumer()
        self._connection.inbox.fills = True

    def _messages(self, seconds: Optional[float], is_over: Callable[[], bool]) -> Iterator[M]:
        with self._receiving():
            while True:
                deadline = None if seconds is None else time.monotonic() + seconds
                late = "no message came in time"
                message = self._next(deadline, is_over, late=late, phase="receive")
                if message is None:
                    return
                if not isinstance(message, Mark):
                    yield message

    def _look_at(self) -> Optional[float]:
        """When a receiver that waits has to :meth:`_look`, by ``time.monotonic``, if ever."""
        return None

    def _look(self) -> None:
        """Notice what no message tells."""

    def _refuse_second_consumer(self) -> None:
        if self._receive_lock.locked():
            raise ConcurrentReceiveError(
                "somebody receives from this session already: another thread, or an iterator that"
                " was left half-way (close() it); callbacks have any number of listeners"
            )

    def stop_receiving(self) -> None:
        """End the ``receive()`` that is running in another thread; the session stays open."""
        self._stop = True
        self._connection.inbox.wake()

    def _hint_at_silence(self) -> None:
        if self._awaits_more:
            self._awaits_more = False
            warnings.warn(_ASKED_FOR_NONE, UserWarning, stacklevel=4)  # at who iterates

    def _is_heard(self) -> bool:
        """Messages reach somebody, and nobody receives; on the reader."""
        return self._has_listeners() and not self._receive_lock.locked()

    def _has_listeners(self) -> bool:
        return self._connection.dispatcher.wants("message")

    @contextmanager
    def _receiving(self) -> Iterator[None]:
        """Be the one consumer."""
        self._connection.check_may_wait()
        while not self._receive_lock.acquire(blocking=False):
            self._refuse_second_consumer()  # unless it was let go in between
        self._stop = False
        try:
            yield
        finally:
            self._receive_lock.release()

    def _next(
        self,
        deadline: Optional[float],
        is_over: Callable[[], bool] = lambda: False,
        *,
        late: str = "the turn did not end in time",
        phase: str = "turn",
    ) -> Optional[M]:
        """Return the next message, or ``None`` after a clean end or ``stop_receiving``.

        Args:
            late: What to say at the deadline.
            phase: Of the timeout.
            is_over: Looked at whenever the inbox is woken: True ends the wait.
        """
        hint_at = time.monotonic() + _HINT_AFTER if self._awaits_more else None
        while not (self._stop or is_over()):
            moments = [at for at in (hint_at, deadline, self._look_at()) if at is not None]
            try:
                message: Optional[M] = self._connection.inbox.get(min(moments, default=None))
            except End:
                info = self._connection.info
                if info is not None and not info.clean:
                    raise SessionClosed(info) from info.error
                return None
            if message is not None:
                return message
            self._look()
            if hint_at is not None and time.monotonic() >= hint_at:
                hint_at = None
                self._hint_at_silence()
            if deadline is not None and time.monotonic() >= deadline:
                hint = f"; {_ASKED_FOR_NONE}" if self._awaits_more else ""
                raise LiveTimeout(f"{late}{hint}", phase=phase)
        return None
