"""What every session shares: one reader thread, one state, one end.

::

    start ─▶ reader: dial ▶ setup ▶ wait for setupComplete ▶ open
                     read ▶ decode ▶ observe ▶ callbacks and inbox      (again and again)
                     timers: ping, liveness, the deadline of close()
                     finish: one CloseInfo, to everybody who waits

Told what it speaks by one frozen :class:`Service`.  Rows of ``DESIGN`` §4: the reader thread; one
condition around state, end and close request.  No user code and no I/O under it.
"""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Callable
from typing import Any, Optional, Union

from attrs import define, frozen

from . import codec
from ._log import get_logger
from .dispatch import Dispatcher, LiveCallbacks
from .errors import (
    CallbackError,
    CloseInfo,
    DecodeError,
    LiveError,
    LiveTimeout,
    LocalProtocolError,
    SessionClosed,
    SetupAuthenticationError,
    SetupError,
)
from .inbox import Inbox
from .protocol import Event, Memory, State, next_state
from .retry import cause_of
from .transport import CloseFrame, Dial, Lost, Message, Transport, WebSocketTransport

__all__ = ["Connection", "Options", "Service"]

_log = get_logger(__name__)
_numbers = itertools.count(1)

_CLEAN_CODES = (1000, 1001, 1005)
_LIMIT = 32 * 1024 * 1024
"""Bytes of messages that may wait for a slow consumer; beyond it the reader stops reading."""


@frozen(kw_only=True)
class Service:
    """What a connection speaks.

    Attributes:
        message: The class of what the server says.
        dial: Makes the request, credentials included; called on the reader, may block.
        setup: The first frame.
        observe: Told of each message on the reader, before anybody else; must not block.
    """

    message: type[Any]
    dial: Callable[[], Dial]
    setup: bytes
    observe: Callable[[Any], None]


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
class _CloseRequest:
    code: int
    reason: str
    deadline: float


@frozen
class _End:
    """How the reader's loop came to its end."""

    code: int
    reason: str
    by: str
    clean: bool
    error: Optional[BaseException] = None


class Connection:
    """One connection to one service; see the module.

    Args:
        service: What it speaks.
        callbacks: Who is told.
        owner: The session: what ``onopen`` gets.
    """

    def __init__(
        self,
        service: Service,
        callbacks: LiveCallbacks,
        owner: Any,
        *,
        options: Options,
        transport: Optional[Transport] = None,
    ) -> None:
        self.number = next(_numbers)
        self.memory = Memory()
        self.options = options
        self._service = service
        self._owner = owner
        self._transport = transport or WebSocketTransport(
            max_message_bytes=options.max_message_bytes
        )
        self._pid = os.getpid()
        self._condition = threading.Condition(threading.Lock())
        self._state = State.NEW
        self._opened = False
        self._finished = False
        self._info: Optional[CloseInfo] = None
        self._refusal: Optional[BaseException] = None
        self._close: Optional[_CloseRequest] = None
        self._callback_failure: Optional[CallbackError] = None
        self._reader: Optional[threading.Thread] = None
        self._deadline = 0.0
        self._warned = False
        self.inbox: Inbox[Any] = Inbox(_LIMIT, self._notify)
        self.dispatcher = Dispatcher(
            callbacks,
            name=f"livesdk-callbacks-{self.number}",
            limit=_LIMIT,
            on_failure=self._callback_failed,
            on_room=self._notify,
        )
        self.fills_inbox = not self.dispatcher.wants("message")

    # ------------------------------------------------------------------- for callers: any thread

    @property
    def info(self) -> Optional[CloseInfo]:
        """How the session ended; ``None`` while it lives."""
        self._check_fork()
        return self._info

    @property
    def state(self) -> State:
        """Where the connection stands."""
        self._check_fork()
        return self._state

    @property
    def transport(self) -> Transport:
        """For counters."""
        return self._transport

    def start(self, deadline: float) -> None:
        """Start the reader and wait until the session is open.

        Raises:
            LiveError: Whatever kept it from opening; nothing is left running then.
        """
        self._deadline = deadline
        self._reader = threading.Thread(
            target=self._run, name=f"livesdk-reader-{self.number}", daemon=True
        )
        self._reader.start()
        try:
            with self._condition:
                while not (self._opened or self._finished):
                    left = deadline - time.monotonic()
                    if left <= -_SLACK:
                        break
                    self._condition.wait(left + _SLACK)
                opened, refusal = self._opened, self._refusal
        except BaseException:  # Ctrl-C
            self._transport.abort()
            raise
        if opened:
            return
        self._transport.abort()
        raise refusal or LiveTimeout(
            "no connection in time: the name could not be looked up", phase="dns"
        )

    def send(self, payload: bytes, timeout: float) -> None:
        """Send a message that must not be lost; returns once it is with the operating system.

        Raises:
            SessionClosed: It is over.
            LiveTimeout: The peer takes nothing; nothing was sent.
        """
        self._check_open()
        try:
            self._transport.send(payload, time.monotonic() + timeout)
        except Lost:
            raise SessionClosed(self._info_soon()) from None

    def send_media(self, payload: bytes, duration_ms: float) -> None:
        """Send realtime media: never waits, oldest dropped beyond a second."""
        self._check_open()
        try:
            self._transport.send_media(payload, duration_ms)
        except Lost:
            raise SessionClosed(self._info_soon()) from None

    def _check_open(self) -> None:
        self._check_fork()
        info = self._info
        if info is not None:
            raise SessionClosed(info)
        if self._close is not None:
            raise SessionClosed(self._local_info())

    def _info_soon(self) -> CloseInfo:
        """Return the end, which the reader is about to find; wait for it a little."""
        if threading.current_thread() is not self._reader:
            with self._condition:
                self._condition.wait_for(lambda: self._info is not None, 1.0)
        return self._info or self._local_info()

    def _local_info(self) -> CloseInfo:
        asked = self._close
        if asked is None:
            return CloseInfo(code=1006, reason="the connection is gone")
        return CloseInfo(code=asked.code, reason=asked.reason, clean=True, initiated_by="local")

    def report(self, error: LiveError) -> None:
        """Tell ``onerror`` of a problem that does not end the session; log it if nobody listens."""
        if self.dispatcher.wants("error"):
            self.dispatcher.post("error", error)
        else:
            _log.warning("session %d: %s", self.number, error)

    # -------------------------------------------------------------------------------------- close

    def close(self, timeout: float, code: int, reason: str) -> None:
        """Ask for the end, and wait for it at most ``timeout``; see ``Session.close``."""
        if self._check_fork() or self._reader is None:
            return
        deadline = time.monotonic() + timeout
        # the peer gets most of the time for its answer, the rest is for cleaning up
        grace = time.monotonic() + max(0.0, timeout - min(0.25, timeout / 4))
        with self._condition:
            first = self._close is None and self._info is None
            if first:
                self._close = _CloseRequest(code, reason, grace)
                self._state = next_state(self._state, Event.CLOSE)
            elif self._close is not None:
                self._close.deadline = min(self._close.deadline, grace)
            self._condition.notify_all()
        if first and self._opened:
            self._transport.send_close(code, reason)
        elif first:
            self._transport.abort()
        self._transport.wake()
        if self._is_own_thread():
            return
        self._wait_finished(deadline)
        if not self._finished:
            self._transport.abort()
        self.dispatcher.wait_done(deadline)

    def wait_closed(self, timeout: Optional[float]) -> CloseInfo:
        """Wait for the end; see ``Session.wait_closed``."""
        self._check_fork()
        if self._is_own_thread():
            raise LocalProtocolError(
                "wait_closed() in a callback would wait for itself; call it from another thread"
            )
        deadline = None if timeout is None else time.monotonic() + timeout
        self._wait_finished(deadline)
        done = self.dispatcher.wait_done(deadline)
        info = self._info
        if info is None or not done:
            raise LiveTimeout("the session has not ended yet", phase="wait_closed")
        if self._callback_failure is not None:
            raise self._callback_failure
        return info

    def wait_ended(self, timeout: float) -> bool:
        """Wait until the connection has ended or is being closed; True if so."""
        with self._condition:
            return self._condition.wait_for(
                lambda: self._info is not None or self._close is not None, timeout
            )

    def _wait_finished(self, deadline: Optional[float]) -> None:
        with self._condition:
            while not self._finished:
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    return
                self._condition.wait(left)

    def _is_own_thread(self) -> bool:
        return threading.current_thread() is self._reader or self.dispatcher.runs_here

    def _notify(self) -> None:
        """Somebody made room, or asked for something: the reader looks again."""
        with self._condition:
            self._condition.notify_all()

    def _callback_failed(self, failure: CallbackError) -> None:
        if self.options.callback_errors == "raise" and self._callback_failure is None:
            self._callback_failure = failure
            self.close(0.5, 1000, "a callback raised")

    def _check_fork(self) -> bool:
        """In the child of a fork, end the inherited session without a word to the peer."""
        if os.getpid() == self._pid:
            return False
        if self._info is None or self._info.reason != "forked":
            self._condition = threading.Condition(threading.Lock())  # the old one may be held
            self._info = CloseInfo(code=1006, reason="forked", initiated_by="local")
            self._state = State.CLOSED
            self._finished = True
            self._transport.forget()
            self.inbox = Inbox(_LIMIT, self._notify)
            self.inbox.end()
        return True

    # ------------------------------------------------------------------------------- the reader

    def _run(self) -> None:
        try:
            end = self._live()
        except Lost as lost:
            end = self._lost(lost)
            if self._close is None and not self._opened:
                self._refusal = _setup_error(lost.code, lost.reason)
        except LiveError as error:
            self._refusal = error
            end = _End(1006, str(error), "network", clean=False, error=error)
        except Exception as error:  # noqa: BLE001  # a border: our own mistake must not hang anybody
            _log.exception("session %d: the reader failed", self.number)
            self._refusal = error
            end = _End(1006, f"internal error: {error!r:.100}", "local", clean=False, error=error)
        self._finish(end)

    def _live(self) -> _End:
        """One connection from dialling to its end."""
        self._transport.open(self._service.dial(), self._deadline)
        self._move(Event.OPENED)
        self._transport.send(self._service.setup, self._deadline)
        first, early = self._await_setup()
        self._open()
        for message, size in (first, *early):
            self._deliver(message, size)
        return self._serve()

    def _move(self, event: Event) -> None:
        with self._condition:
            self._state = next_state(self._state, event)

    def _await_setup(self) -> tuple[tuple[Any, int], list[tuple[Any, int]]]:
        """Return the message that completes the setup, and those that came before it."""
        early: list[tuple[Any, int]] = []
        while True:
            event = self._transport.receive(self._deadline)
            if self._close is not None:
                raise Lost(1006, "closed")
            if isinstance(event, CloseFrame):
                raise _setup_error(event.code, event.reason)
            if isinstance(event, Message):
                message = codec.decode(event.payload, self._service.message)
                # {"setupComplete": null} completes as well
                if "setupComplete" in (message.raw or ()):
                    return (message, len(event.payload)), early
                early.append((message, len(event.payload)))
                if sum(size for _, size in early) > _LIMIT:
                    raise _setup_error(1009, "too much was sent before the setup was complete")
            elif time.monotonic() >= self._deadline:
                raise LiveTimeout("the server did not complete the setup in time", phase="setup")

    def _open(self) -> None:
        self._move(Event.ACCEPTED)
        self.dispatcher.post("open", self._owner)
        with self._condition:
            self._opened = True
            self._condition.notify_all()
        _log.debug("session %d: open", self.number)

    def _serve(self) -> _End:
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
                return _End(1006, text, "network", clean=False)
            wake_at = min(ping_at, silent_at, asked.deadline if asked else _NEVER)
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
        return (self.dispatcher.is_full or self.inbox.is_full) and self._close is None

    def _wait_for_room(self, until: float) -> None:
        held_since = time.monotonic()
        if not self._warned and self.inbox.is_full:
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
            self.report(error)
        else:
            self._deliver(message, len(payload))

    def _deliver(self, message: Any, size: int) -> None:
        """Hand a message on: to the session at once, then to callbacks and inbox."""
        self._service.observe(message)
        self.dispatcher.post("message", message, size)
        if self.fills_inbox and message.setup_complete is None:
            self.inbox.put(message, size)

    # ----------------------------------------------------------------------------------- the end

    def _closed_by(self, close: CloseFrame) -> _End:
        if self._close is not None:
            return self._closed_locally()
        clean = close.code in _CLEAN_CODES
        return _End(close.code, close.reason, "remote", clean)

    def _closed_locally(self) -> _End:
        asked = self._close
        assert asked is not None  # callers look first
        return _End(asked.code, asked.reason, "local", clean=True)

    def _lost(self, lost: Lost) -> _End:
        if self._close is not None:
            return self._closed_locally()
        by = "network" if lost.code == 1006 else "local"  # RFC 6455 §7.1.5
        return _End(lost.code, lost.reason, by, clean=False)

    def _finish(self, end: _End) -> None:
        """Tell everybody, once; free everything."""
        info = CloseInfo(
            code=end.code,
            reason=end.reason,
            clean=end.clean,
            initiated_by=end.by,
            mid_turn=self.memory.mid_turn,
            resumable=self.memory.handle is not None,
            error=end.error,
            hint=None if end.clean else cause_of(end.code, end.reason).hint,
        )
        self._transport.close()
        with self._condition:
            self._state = next_state(self._state, Event.ENDED)
            self._info = info
            if self._refusal is None:
                self._refusal = SessionClosed(info)
            self._condition.notify_all()
        self.inbox.end()
        _log.debug("session %d: ended: %s", self.number, info)
        if self._opened:
            if not info.clean:
                error = SessionClosed(info)
                error.__cause__ = info.error
                self.dispatcher.post("error", error)
            self.dispatcher.post("close", info)
        self.dispatcher.end()
        with self._condition:
            self._finished = True
            self._condition.notify_all()


_SLACK = 0.25
"""Seconds that the reader, which has the same deadline, gets to say what it was waiting for."""

_NEVER = float("inf")


def _after(interval: Optional[float]) -> float:
    return _NEVER if interval is None else time.monotonic() + interval


def _setup_error(code: int, reason: str) -> SetupError:
    cause = cause_of(code, reason)
    kind = SetupAuthenticationError if cause.names_credential else SetupError
    return kind(code, reason, hint=cause.hint)
