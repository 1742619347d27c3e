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
from ._log import get_logger, shorten
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

_SLACK = 0.25
"""Seconds that the reader, which has the same deadline, gets to say what it was waiting for."""

_NEVER = float("inf")
_LONGEST = 20 * 24 * 3600.0
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
class _CloseRequest:
    code: int
    reason: str
    deadline: float
    error: Optional[BaseException] = None


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
        self._forked = False
        self._condition = threading.Condition(threading.Lock())
        self._state = State.NEW
        self._given_up = False  # connect() raises: no callback may be called any more
        self._accepted = False  # the setup is complete: from here on onclose will be called
        self._opened = False  # and onopen is queued: connect() may return
        self._finished = False
        self._info: Optional[CloseInfo] = None
        self._refusal: Optional[BaseException] = None
        self._close: Optional[_CloseRequest] = None
        self._callback_failure: Optional[CallbackError] = None
        self._reader: Optional[threading.Thread] = None
        self._deadline = 0.0
        self._phase = "start"
        self._warned = False
        self._dispatch = callbacks.dispatch
        self._dispatcher = self._new_dispatcher(callbacks)
        self._inbox: Inbox[Any] = Inbox(
            _LIMIT, self._notify, fills=not self._dispatcher.wants("message")
        )

    def _new_dispatcher(self, callbacks: LiveCallbacks) -> Dispatcher:
        return Dispatcher(
            callbacks,
            name=f"livesdk-callbacks-{self.number}",
            limit=_LIMIT,
            on_failure=self._callback_failed,
            on_room=self._notify,
        )

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

    @property
    def dispatcher(self) -> Dispatcher:
        """Where callbacks are added, removed and pumped."""
        self._check_fork()
        return self._dispatcher

    @property
    def inbox(self) -> Inbox[Any]:
        """What waits for the one consumer."""
        self._check_fork()
        return self._inbox

    @property
    def fills_inbox(self) -> bool:
        """Messages go to the inbox as well as to the callbacks."""
        return self.inbox.fills

    @fills_inbox.setter
    def fills_inbox(self, fills: bool) -> None:
        self.inbox.fills = fills

    def start(self, deadline: float) -> None:
        """Start the reader and wait until the session is open.

        Raises:
            LiveError: Whatever kept it from opening; nothing is left running then.
        """
        self._deadline = deadline
        self._reader = threading.Thread(
            target=self._run, name=f"livesdk-reader-{self.number}", daemon=True
        )
        try:
            self._reader.start()
            self._wait_opened(deadline)
        except RuntimeError as error:  # of start: no more threads
            self._transport.close()
            raise LiveError(f"no thread can be started: {error}") from error
        except BaseException:  # Ctrl-C
            self._given_up = True
            self._transport.abort()
            raise
        with self._condition:
            if self._accepted:  # perhaps a slow onopen on the reader holds up the rest
                return
            self._given_up = True
        self._transport.abort()
        if not self._finished:
            raise LiveTimeout(
                f"no connection in time: {_PHASES.get(self._phase, self._phase)}",
                phase=self._phase,
            )
        self._reader.join()  # it has nothing left to do
        raise self._refusal or LiveError("the connection ended")

    def _wait_opened(self, deadline: float) -> None:
        with self._condition:
            while not (self._opened or self._finished):
                left = deadline + _SLACK - time.monotonic()
                if left <= 0:
                    return
                self._condition.wait(left)

    def send(self, payload: bytes, timeout: float) -> None:
        """Send a message that must not be lost; returns once it is with the operating system.

        Raises:
            SessionClosed: It is over.
            LiveTimeout: The peer takes nothing; nothing was sent.
        """
        self._check_open()
        try:
            self._transport.send(payload, _soonest(time.monotonic() + timeout))
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
        """Return the end as it will be, while the reader is busy with it."""
        if self._close is not None:
            return self._info_of(self._closed_locally())
        return self._info_of(_End(1006, "the connection is gone", "network", clean=False))

    def report(self, error: LiveError) -> None:
        """Tell ``onerror`` of a problem that does not end the session; log it if nobody listens."""
        if self._dispatcher.wants("error"):
            self._dispatcher.post("error", error)
        else:
            _log.warning("session %d: %s", self.number, error)

    # -------------------------------------------------------------------------------------- close

    def close(
        self, timeout: float, code: int, reason: str, *, error: Optional[BaseException] = None
    ) -> None:
        """Ask for the end, and wait for it at most ``timeout``; see ``Session.close``."""
        if self._check_fork() or self._reader is None:
            return
        timeout = min(timeout, _LONGEST)
        deadline = time.monotonic() + timeout
        # the peer gets most of the time for its answer, the rest is for cleaning up
        grace = deadline - min(0.25, timeout / 4)
        with self._condition:
            first = self._close is None and self._info is None
            stands = self._accepted
            if first:
                self._close = _CloseRequest(code, reason, grace, error)
                self._state = next_state(self._state, Event.CLOSE)
            elif self._close is not None:
                self._close.deadline = min(self._close.deadline, grace)
            self._condition.notify_all()
        if first and stands:
            self._transport.send_close(code, reason)
        elif first:
            self._transport.abort()
        self._transport.wake()
        if self._is_own_thread() or self._service.is_tool():
            return
        self._wait_finished(deadline)
        if not self._finished:
            self._transport.abort()
        elif self._dispatcher.wait_done(deadline):
            self._reader.join()  # it has nothing left to do

    def wait_closed(self, timeout: Optional[float]) -> CloseInfo:
        """Wait for the end; see ``Session.wait_closed``."""
        self._check_fork()
        if self._is_own_thread():
            raise LocalProtocolError(
                "wait_closed() in a callback would wait for itself; call it from another thread"
            )
        deadline = None if timeout is None else _soonest(time.monotonic() + timeout)
        self._wait_finished(deadline)
        info = self._info
        if not self._finished or info is None:
            raise LiveTimeout("the session has not ended yet", phase="wait_closed")
        if not self._dispatcher.wait_done(deadline):
            raise LiveTimeout("the callbacks are not done yet", phase="wait_closed")
        if self._callback_failure is not None:
            raise self._callback_failure
        return info

    def wait_ended(self, timeout: float) -> bool:
        """Wait until the connection has ended or is being closed; True if so."""
        if self._check_fork():
            return True
        with self._condition:
            return self._condition.wait_for(
                lambda: self._info is not None or self._close is not None,
                min(timeout, _LONGEST),
            )

    def check_may_wait(self) -> None:
        """Raise where waiting for messages can never end: on the reader, or after a fork."""
        if self._check_fork():
            assert self._info is not None  # the fork ended it
            raise SessionClosed(self._info)
        if threading.current_thread() is self._reader and self._info is None:
            raise LocalProtocolError(
                'a callback with dispatch="reader" cannot wait for messages: nobody would read them'
            )

    def _wait_finished(self, deadline: Optional[float]) -> None:
        with self._condition:
            while not self._finished:
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    return
                self._condition.wait(left)

    def _is_own_thread(self) -> bool:
        return threading.current_thread() is self._reader or self._dispatcher.runs_here

    def _notify(self) -> None:
        """Somebody made room, or asked for something: the reader looks again."""
        with self._condition:
            self._condition.notify_all()

    def _callback_failed(self, failure: CallbackError) -> None:
        if self.options.callback_errors == "raise" and self._callback_failure is None:
            self._callback_failure = failure
            self.close(0.5, 1000, "a callback raised", error=failure)

    def _check_fork(self) -> bool:
        """In the child of a fork, end the inherited session without a word to the peer.

        Whatever another thread of the parent may have held at that moment is made anew.
        """
        if os.getpid() == self._pid:
            return self._forked
        self._pid = os.getpid()
        self._forked = True
        self._condition = threading.Condition(threading.Lock())
        self._info = self._info or CloseInfo(code=1006, reason="forked", initiated_by="local")
        self._state = State.CLOSED
        self._finished = True
        self._reader = None
        self._dispatcher = self._new_dispatcher(LiveCallbacks(dispatch=self._dispatch))
        self._dispatcher.end()
        self._inbox = Inbox(_LIMIT, self._notify, fills=False)
        self._inbox.end()
        self._transport.forget()
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
        except BaseException as error:  # noqa: BLE001  # a border: nobody may hang for our mistake
            _log.exception("session %d: the reader failed", self.number)
            self._refusal = LiveError(f"internal error: {type(error).__name__}")
            self._refusal.__cause__ = error
            text = f"internal error: {type(error).__name__}"
            end = _End(1006, text, "local", clean=False, error=error)
        self._finish(end)

    def _live(self) -> _End:
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

    def _await_setup(self) -> tuple[tuple[Any, int], list[tuple[Any, int]]]:
        """Return the message that completes the setup, and those that came before it."""
        early: list[tuple[Any, int]] = []
        room = _LIMIT
        words = ""
        while True:
            event = self._transport.receive(self._deadline)
            if self._close is not None:
                raise Lost(1006, "closed")
            if isinstance(event, CloseFrame):
                raise _setup_error(event.code, event.reason or words)
            if isinstance(event, Message):
                message, size = (
                    codec.decode(event.payload, self._service.message),
                    len(event.payload),
                )
                # {"setupComplete": null} completes as well
                if "setupComplete" in (message.raw or ()):
                    return (message, size), early
                words = words or _words_of_error(message)
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
            wake_at = _soonest(ping_at, silent_at, asked.deadline if asked else _NEVER)
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
            self.report(error)
        else:
            self._deliver(message, len(payload))

    def _deliver(self, message: Any, size: int) -> None:
        """Hand a message on: to the session at once, then to callbacks and inbox."""
        self._service.observe(message)
        self._dispatcher.post("message", message, size)
        self._inbox.put(message, size)

    # ----------------------------------------------------------------------------------- the end

    def _closed_by(self, close: CloseFrame) -> _End:
        if self._close is not None:
            return self._closed_locally()
        clean = close.code in _CLEAN_CODES
        return _End(close.code, close.reason, "remote", clean)

    def _closed_locally(self) -> _End:
        asked = self._close
        assert asked is not None  # callers look first
        return _End(asked.code, asked.reason, "local", clean=True, error=asked.error)

    def _lost(self, lost: Lost) -> _End:
        if self._close is not None:
            return self._closed_locally()
        by = "network" if lost.code == 1006 else "local"  # RFC 6455 §7.1.5
        return _End(lost.code, lost.reason, by, clean=False)

    def _info_of(self, end: _End) -> CloseInfo:
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

    def _finish(self, end: _End) -> None:
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


_PHASES = {
    "start": "the reader did not start",
    "credentials": "the credentials were not fetched",
    "dns": "the name could not be looked up",
    "setup": "the setup was not completed",
}
"""What was being done where nothing can interrupt it, by phase."""


def _after(interval: Optional[float]) -> float:
    return _NEVER if interval is None else time.monotonic() + interval


def _soonest(*moments: float) -> float:
    """Return the first of these moments, or a far one that a system call can be told."""
    return min(*moments, time.monotonic() + _LONGEST)


def _setup_error(code: int, reason: str) -> SetupError:
    cause = cause_of(code, reason)
    kind = SetupAuthenticationError if cause.names_credential else SetupError
    return kind(code, reason, hint=cause.hint)


def _words_of_error(message: Any) -> str:
    """Return what an ``{"error": …}`` frame says; such a frame is a message like any other."""
    error = (message.raw or {}).get("error")
    words = error.get("message") if isinstance(error, dict) else None
    return shorten(words) if isinstance(words, str) else ""
