"""The reading side of a connection: one thread that dials, reads, and tells everybody of the end.

::

    dial ▶ setup ▶ wait for setupComplete ▶ open
    read ▶ decode ▶ observe ▶ callbacks and inbox      (again and again)
    timers: ping, liveness, the deadline of close()
    finish: one CloseInfo, to everybody who waits

All methods here run on the reader.  What they share with callers is guarded by ``_condition``; see
:mod:`livesdk.connection`, the callers' side.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Optional, Union

from attrs import define, frozen

from . import codec
from ._log import get_logger, shorten
from .dispatch import Dispatcher
from .errors import (
    CloseInfo,
    DecodeError,
    LiveError,
    LiveTimeout,
    SessionClosed,
    SetupAuthenticationError,
    SetupError,
)
from .inbox import Inbox, weight_of
from .protocol import Event, Memory, State, next_state
from .retry import cause_of
from .transport import CloseFrame, Dial, Lost, Message, Transport

__all__ = ["LIMIT", "LONGEST", "CloseRequest", "End", "Options", "Reader", "Service", "soonest"]

_log = get_logger(__name__)

_CLEAN_CODES = (1000, 1001, 1005)
LIMIT = 32 * 1024 * 1024
"""Bytes of messages that may wait for a slow consumer; beyond it the reader stops reading."""

_ERROR = 2048
"""Bytes that an error with its excerpt takes while it waits."""

_NEVER = float("inf")
LONGEST = 20 * 24 * 3600.0
"""Seconds of the longest wait: what the system's ``poll`` takes, and nobody outlives."""


@frozen(kw_only=True)
class Service:
    """What a connection speaks.

    Attributes:
        message: The class of what the server says.
        dial: Makes the request, credentials included; called on the reader, may block.
        setup: The first frame.
        observe: Told of each message on the reader, before anybody else; must not block.
        ended: Told of the end on the reader, before anybody else; must not block.
        is_tool: Tells whether the calling thread runs a tool.
    """

    message: type[Any]
    dial: Callable[[], Dial]
    setup: bytes
    observe: Callable[[Any], None]
    ended: Callable[[], None] = lambda: None
    is_tool: Callable[[], bool] = lambda: False


@frozen(kw_only=True)
class Options:
    """The knobs of a connection; all durations in seconds.

    Attributes:
        ping_interval: Between our own pings, which keep address translations open; ``None``: none.
        liveness_timeout: Without any byte for so long the connection is lost; ``None``: never.
        callback_errors: ``"report"`` to ``onerror``, or ``"raise"``: close, and re-raise from
            ``wait_closed()``.
        max_message_bytes: A larger message ends the session with 1009.
    """

    ping_interval: Optional[float] = 25.0
    liveness_timeout: Optional[float] = 60.0
    callback_errors: str = "report"
    max_message_bytes: int = 64 * 1024 * 1024


@define
class CloseRequest:
    """Somebody called ``close()``: what to say, and until when to wait for an answer."""

    code: int
    reason: str
    deadline: float
    error: Optional[BaseException] = None


@frozen
class End:
    """How the reader's loop came to its end."""

    code: int
    reason: str
    by: str
    clean: bool
    error: Optional[BaseException] = None


class Reader:
    """The reading side; :class:`livesdk.connection.Connection` is the whole."""

    number: int
    options: Options
    memory: Memory
    _service: Service
    _owner: Any
    _transport: Transport
    _condition: threading.Condition
    _dispatcher: Dispatcher
    _inbox: Inbox[Any]
    _state: State
    _accepted: bool
    _opened: bool
    _finished: bool
    _info: Optional[CloseInfo]
    _refusal: Optional[BaseException]
    _close: Optional[CloseRequest]
    _deadline: float
    _phase: str
    _warned: bool
    _given_up: bool

    def _run(self) -> None:
        try:
            end = self._live()
        except Lost as lost:
            end = self._lost(lost)
            if self._close is None and not self._opened:
                self._refusal = _setup_error(lost.code, lost.reason)
        except LiveError as error:
            self._refusal = self._plain(error)
            end = End(1006, str(error), "network", clean=False, error=error)
        except BaseException as error:  # noqa: BLE001  # a border: nobody may hang for our mistake
            _log.exception("session %d: the reader failed", self.number)
            self._refusal = LiveError(f"internal error: {type(error).__name__}")
            self._refusal.__cause__ = error
            text = f"internal error: {type(error).__name__}"
            end = End(1006, text, "local", clean=False, error=error)
        self._finish(end)

    def _live(self) -> End:
        """One connection from dialling to its end."""
        self._phase = "credentials"
        request = self._service.dial()
        self._phase = "dns"
        self._transport.open(request, self._deadline)
        self._move(Event.OPENED)
        self._phase = "setup"
        self._transport.send(self._service.setup, self._deadline)
        first, early = self._await_setup()
        self._open(*first)
        for message, size in early:
            self._deliver(message, size)
        return self._serve()

    def _move(self, event: Event) -> None:
        with self._condition:
            self._state = next_state(self._state, event)

    def going_away(self) -> None:
        """The server said that it will close soon; on the reader, by who observes messages."""
        self._move(Event.GO_AWAY)

    def _await_setup(self) -> tuple[tuple[Any, int], list[tuple[Any, int]]]:
        """Return the message that completes the setup, and those that came before it."""
        early: list[tuple[Any, int]] = []
        room = LIMIT
        words = ""
        while True:
            event = self._transport.receive(self._deadline)
            if self._close is not None:
                raise Lost(1006, "closed")
            if isinstance(event, CloseFrame):
                raise _setup_error(event.code, event.reason or words)
            if isinstance(event, Message):
                message = codec.decode(event.payload, self._service.message)
                size = weight_of(event.payload)
                # {"setupComplete": null} completes as well
                if "setupComplete" in (message.raw or ()):
                    return (message, size), early
                words = words or self._transport.struck_from(_words_of_error(message))
                early.append((message, size))
                room -= size
                if room < 0:
                    raise _setup_error(1009, "too much was sent before the setup was complete")
            if time.monotonic() >= self._deadline:
                said = f"; it said: {words}" if words else ""
                raise LiveTimeout(
                    f"the server did not complete the setup in time{said}", phase="setup"
                )

    def _open(self, first: Any, size: int) -> None:
        """Let ``connect()`` return, with ``onopen`` and ``setupComplete`` on their way."""
        self._service.observe(first)
        with self._condition:
            self._state = next_state(self._state, Event.ACCEPTED)
            if self._close is not None or self._given_up:
                raise Lost(1006, "closed")
            self._accepted = True
        _log.debug("session %d: open", self.number)
        self._dispatcher.post("open", self._owner)
        self._dispatcher.post("message", first, size)
        with self._condition:
            self._opened = True
            self._condition.notify_all()

    def _serve(self) -> End:
        """Read until the end."""
        ping_at = _after(self.options.ping_interval)
        while True:
            now = time.monotonic()
            asked = self._close
            if asked is not None and now >= asked.deadline:
                return self._closed_locally()
            if now >= ping_at:
                self._transport.ping()
                ping_at = _after(self.options.ping_interval)
            silent_at = self._silent_at()
            if now >= silent_at:
                text = f"no bytes for {self.options.liveness_timeout:g} s"
                return End(1006, text, "network", clean=False)
            wake_at = soonest(ping_at, silent_at, asked.deadline if asked else _NEVER)
            if self._is_held_back():
                self._wait_for_room(wake_at)
                continue
            event = self._transport.receive(wake_at)
            if isinstance(event, CloseFrame):
                return self._closed_by(event)
            if isinstance(event, Message) and self._close is None:
                self._received(event.payload)

    def _silent_at(self) -> float:
        timeout = self.options.liveness_timeout
        return _NEVER if timeout is None else self._transport.last_received + timeout

    def _is_held_back(self) -> bool:
        """A consumer is so far behind that TCP has to hold the server back."""
        return (self._dispatcher.is_full or self._inbox.is_full) and self._close is None

    def _wait_for_room(self, until: float) -> None:
        held_since = time.monotonic()
        if not self._warned and self._inbox.is_full:
            self._warned = True
            _log.warning(
                "session %d: nobody receives: call receive(), or connect with an onmessage",
                self.number,
            )
        with self._condition:
            self._condition.wait_for(
                lambda: not self._is_held_back(), max(0.0, until - time.monotonic())
            )
        # nothing was read meanwhile, so silence says nothing about the peer
        self._transport.last_received += time.monotonic() - held_since

    def _received(self, payload: Union[str, bytes]) -> None:
        try:
            message = codec.decode(payload, self._service.message)
        except DecodeError as error:
            self.report(self._plain(error), _ERROR)
        else:
            self._deliver(message, weight_of(payload))

    def _plain(self, error: LiveError) -> LiveError:
        """Strip an error of our secrets, and of its traceback: that has what the server sent."""
        if isinstance(error, DecodeError):
            error.excerpt = self._transport.struck_from(error.excerpt)
        return error.with_traceback(None)

    def _deliver(self, message: Any, size: int) -> None:
        """Hand a message on: to the session at once, then to callbacks and inbox."""
        self._service.observe(message)
        self._dispatcher.post("message", message, size)
        self._inbox.put(message, size)

    # ----------------------------------------------------------------------------------- the end

    def _closed_by(self, close: CloseFrame) -> End:
        if self._close is not None:
            return self._closed_locally()
        clean = close.code in _CLEAN_CODES
        return End(close.code, close.reason, "remote", clean)

    def _closed_locally(self) -> End:
        asked = self._close
        assert asked is not None  # callers look first
        return End(asked.code, asked.reason, "local", clean=True, error=asked.error)

    def _lost(self, lost: Lost) -> End:
        if self._close is not None:
            return self._closed_locally()
        by = "network" if lost.code == 1006 else "local"  # RFC 6455 §7.1.5
        return End(lost.code, lost.reason, by, clean=False)

    def _info_of(self, end: End) -> CloseInfo:
        return CloseInfo(
            code=end.code,
            reason=end.reason,
            clean=end.clean,
            initiated_by=end.by,
            mid_turn=self.memory.mid_turn,
            resumable=self.memory.handle is not None,
            error=end.error,
            hint=None if end.clean else cause_of(end.code, end.reason).hint,
        )

    def _finish(self, end: End) -> None:
        """Tell everybody, once; free everything."""
        info = self._info_of(end)
        self._transport.close()
        self._service.ended()
        with self._condition:
            self._state = next_state(self._state, Event.ENDED)
            self._info = info
            self._refusal = self._refusal or SessionClosed(info)
            self._condition.notify_all()
        self._inbox.end()
        _log.debug("session %d: ended: %s", self.number, info)
        last: list[tuple[str, Any]] = []
        if self._accepted:  # else connect() raises, and that is all
            if not info.clean:
                error = SessionClosed(info)
                error.__cause__ = info.error
                last.append(("error", error))
            last.append(("close", info))
        self._dispatcher.end(*last)
        with self._condition:
            self._finished = True
            self._condition.notify_all()

    def report(self, error: LiveError, size: int = 0) -> None:
        """Tell ``onerror`` of a problem that does not end the session; log it if nobody listens."""
        if self._dispatcher.wants("error"):
            self._dispatcher.post("error", error, size)
        else:
            _log.warning("session %d: %s", self.number, error)


def _after(interval: Optional[float]) -> float:
    return _NEVER if interval is None else time.monotonic() + interval


def soonest(*moments: float) -> float:
    """Return the first of these moments, or a far one that a system call can be told."""
    return min(*moments, time.monotonic() + LONGEST)


def _setup_error(code: int, reason: str) -> SetupError:
    cause = cause_of(code, reason)
    kind = SetupAuthenticationError if cause.names_credential else SetupError
    return kind(code, reason, hint=cause.hint)


def _words_of_error(message: Any) -> str:
    """Return what an ``{"error": …}`` frame says; such a frame is a message like any other."""
    error = (message.raw or {}).get("error")
    words = error.get("message") if isinstance(error, dict) else None
    return shorten(words) if isinstance(words, str) else ""
