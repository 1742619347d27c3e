"""What every session shares, as callers see it: start, send, close, and the waits in between.

The other side, on a thread of its own, is :mod:`livesdk.recovery`, the loop over connections, and
:mod:`livesdk.reader`, one of them.  Rows of ``DESIGN`` §4: one
condition around state, end and close request.  No user code and no I/O under it.
"""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Callable
from typing import Any, Optional

from ._lock import Condition
from ._timeout import seconds_of_timeout
from .dispatch import Dispatch, Dispatcher, LiveCallbacks
from .errors import (
    CallbackError,
    CloseInfo,
    LiveError,
    LiveTimeout,
    LocalProtocolError,
    SessionClosed,
    SessionReconnecting,
)
from .inbox import Inbox
from .protocol import Event, Memory, State, next_state
from .reached import Reached
from .reader import LIMIT, CloseRequest, Departure, End, soonest
from .recovery import Recovery
from .retry import Budget, ReconnectInfo, ReconnectPolicy
from .service import Options, Service
from .transport import (
    INTERRUPTED,
    Held,
    Lost,
    Transport,
    TransportStats,
    WebSocketTransport,
)

__all__ = ["Connection"]

_numbers = itertools.count(1)

_UNDER_WAY = (State.NEW, State.SETUP, State.RECONNECTING)
"""Nothing may go out yet, or nothing may for the moment."""
_SLACK = 0.25
"""Seconds that the reader, which has the same deadline, gets to say what it was waiting for."""


class Connection(Recovery):
    """A session's connections to one service, one after the other; see the module.

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
    ) -> None:
        self.number = next(_numbers)
        self.memory = Memory(handle=service.resumption.handle if service.resumption else None)
        self.options = options
        self._service = service
        self._owner = owner
        self._pid = os.getpid()
        self._forked = False
        self._condition = Condition(threading.Lock())
        self._state = State.NEW
        self._given_up = False  # connect() raises: no callback may be called any more
        self._accepted = False  # the setup is complete: from here on onclose will be called
        self._opened = False  # and onopen is queued: connect() may return
        self._finished = False
        self._info: Optional[CloseInfo] = None
        self._refusal: Optional[BaseException] = None
        self._dial_failure: Optional[BaseException] = None  # why the last dial in vain was
        self._close: Optional[CloseRequest] = None
        self._callback_failure: Optional[CallbackError] = None
        self._reader: Optional[threading.Thread] = None
        self._phase = "start"
        self._warned = False
        self.reconnects = 0
        self.last_reconnect: Optional[ReconnectInfo] = None
        self._departure = Departure()
        self._gone: Optional[Transport] = None  # a sender found it lost
        self._budget = Budget(options.reconnect or ReconnectPolicy(), _random)
        self._opened_at = 0.0
        self._silence_from = 0.0
        self.reached = Reached(had_handle=self.memory.handle is not None)
        self._dispatch: Dispatch = callbacks.dispatch
        self._dispatcher = self._new_dispatcher(callbacks)
        self._inbox: Inbox[Any] = Inbox(
            LIMIT, self._notify, fills=not self._dispatcher.wants("message")
        )
        self._stats = TransportStats()
        self._transport = self._new_transport()  # last, because it holds descriptors

    def _new_transport(self) -> Transport:
        resumption = self._service.resumption
        tap = self.options.tap
        make = WebSocketTransport if tap is None else tap.transport
        return make(
            max_message_bytes=self.options.max_message_bytes,
            stats=self._stats,
            held=True,
            outlived=resumption is not None,
            journals=resumption is not None and resumption.transparent,
        )

    def _new_dispatcher(self, callbacks: LiveCallbacks) -> Dispatcher:
        return Dispatcher(
            callbacks,
            name=f"livesdk-callbacks-{self.number}",
            limit=LIMIT,
            on_failure=self._callback_failed,
            on_room=self._notify,
        )

    # ------------------------------------------------------------------- for callers: any thread

    @property
    def info(self) -> Optional[CloseInfo]:
        """How the session ended; ``None`` while it lives."""
        self.notice_fork()
        return self._info

    @property
    def state(self) -> State:
        """Where the connection stands."""
        self.notice_fork()
        return self._state

    @property
    def transport(self) -> Transport:
        """For counters."""
        return self._transport

    @property
    def dispatcher(self) -> Dispatcher:
        """Where callbacks are added, removed and pumped."""
        self.notice_fork()
        return self._dispatcher

    @property
    def inbox(self) -> Inbox[Any]:
        """What waits for the one consumer."""
        self.notice_fork()
        return self._inbox

    def start(self, deadline: float) -> None:
        """Start the reader and wait until the session is open.

        Raises:
            LiveError: Whatever kept it from opening; nothing is left running then.
        """
        self._reader = threading.Thread(
            target=self._run, args=(deadline,), name=f"livesdk-reader-{self.number}", daemon=True
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
            if self._reader.is_alive():  # the program may be about to end, and OpenSSL with it
                self._reader.join(_SLACK)
            raise
        with self._condition:
            if self._accepted:  # perhaps a slow onopen on the reader holds up the rest
                return
            self._given_up = True
            in_vain = self._finished
        self._transport.abort()
        if not in_vain:
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
                # in slices: a Ctrl-C right before a wait is noticed at its end only
                self._condition.wait(min(left, 1.0))

    def send(
        self,
        payload: bytes,
        timeout: Optional[float],
        *,
        before: Optional[Callable[[], None]] = None,
        in_vain: Optional[Callable[[], None]] = None,
        is_wanted: Optional[Callable[[], bool]] = None,
        media_ms: Optional[float] = None,
    ) -> None:
        """Send a message that must not be lost; returns once it is with the operating system.

        While there is no connection it waits for one.  What a connection did not take goes to the
        next one.

        Args:
            payload: The message.
            timeout: Seconds; ``None``: for ever.
            before: Called each time it is about to go out.
            in_vain: Called each time it then did not.
            is_wanted: Asked each time as well; a message that nobody wants any more is not sent.
            media_ms: How much realtime media it is, if it is any.

        Raises:
            SessionClosed: It is over.
            SessionReconnecting: No connection came back in time, or it is not wanted on the new
                one; nothing was sent.
            LiveTimeout: The peer takes nothing; nothing was sent.
        """
        self._check_open()
        deadline = time.monotonic() + seconds_of_timeout(timeout)
        transport = self._transport
        while True:
            if self._state is State.RECONNECTING:
                transport = self._await_connection(deadline)
            if is_wanted is not None and not is_wanted():
                raise SessionReconnecting("the connection that this belongs to is gone")
            if before is not None:
                before()
            try:
                return transport.send(payload, deadline, media_ms)
            except (Held, Lost) as error:
                if in_vain is not None:
                    in_vain()
                if isinstance(error, Held):  # it is being left, or it stays after all
                    transport = self._await_connection(deadline)
                else:
                    transport = self._await_next(transport, deadline)

    def send_media(self, payload: bytes, duration_ms: float) -> None:
        """Send realtime media: never waits, oldest dropped beyond a second.

        While there is no connection the newest second is kept for the next one.
        """
        self._check_open()
        transport = self._transport
        while True:
            try:
                return transport.send_media(payload, duration_ms)
            except Lost:
                if transport is self._transport:
                    raise SessionClosed(self._info_soon()) from None
                transport = self._transport

    def _await_connection(self, deadline: float) -> Transport:
        """Wait until messages may go out again."""
        if threading.current_thread() is self._reader:
            raise SessionReconnecting(
                'a callback with dispatch="reader" cannot wait for a connection: it holds it up'
            )
        with self._condition:
            self._condition.wait_for(
                lambda: self._state not in _UNDER_WAY, deadline - time.monotonic()
            )
            transport, state = self._transport, self._state
        self._check_open()
        if state in _UNDER_WAY:
            raise self._no_connection()
        return transport

    def _await_next(self, lost: Transport, deadline: float) -> Transport:
        """A connection did not take a message: wait for the next one, or for the end."""
        left = deadline - time.monotonic()
        if threading.current_thread() is not self._reader:
            with self._condition:  # the reader is about to notice, unless a callback holds it up
                self._gone = lost  # also if it waits for a slow consumer
                self._condition.notify_all()
                self._condition.wait_for(
                    lambda: self._has_left(lost) or self._is_ending(),
                    max(left, _SLACK) if self._may_outlive else min(left, 1.0),
                )
        if self._is_ending() or not (self._has_left(lost) or self._may_outlive):
            raise SessionClosed(self._info_soon())
        if not self._has_left(lost) or time.monotonic() >= deadline:
            raise self._no_connection()
        return self._await_connection(deadline)

    def _no_connection(self) -> SessionReconnecting:
        why = self._dial_failure
        text = "no connection came back in time; nothing was sent"
        error = SessionReconnecting(f"{text}; the last dial: {why}" if why is not None else text)
        error.__cause__ = why
        return error

    @property
    def _may_outlive(self) -> bool:
        """That a connection is gone does not mean that the session is over."""
        return self.options.reconnect is not None and self._service.resumption is not None

    def _has_left(self, lost: Transport) -> bool:
        return self._transport is not lost or self._state is State.RECONNECTING

    def _is_ending(self) -> bool:
        return self._info is not None or self._close is not None

    def resume(self, handle: Optional[str], deadline: float) -> ReconnectInfo:
        """Leave the connection for another one, with this handle or the newest; wait for it.

        Raises:
            SessionClosed: The session is over, or ended because no other connection came.
            LiveTimeout: It takes longer; the session goes on trying.
        """
        self._check_open()
        if threading.current_thread() is self._reader:
            raise LocalProtocolError(
                'resume() in a callback with dispatch="reader" waits for itself'
            )
        deadline = soonest(deadline)
        with self._condition:
            before = self.reconnects
            # a dial under way brings the newest handle: another one needs a dial of its own
            self._wait_while(lambda: self._state is State.RECONNECTING, deadline)
            if self._state is not State.RECONNECTING and (handle or self.reconnects == before):
                before = self.reconnects
                self._departure.asked, self._departure.handle = True, handle
                self._condition.notify_all()  # a reader that waits for room
            transport = self._transport
        transport.wake()
        with self._condition:
            self._wait_while(lambda: self.reconnects == before, deadline)
            done = self.last_reconnect if self.reconnects > before else None
        self._check_open()
        if done is None:
            raise LiveTimeout("the session is not resumed yet", phase="resume")
        return done

    def _wait_while(self, holds: Callable[[], bool], deadline: float) -> None:
        """Wait, but not beyond the end; the caller holds the condition."""
        self._condition.wait_for(
            lambda: self._is_ending() or not holds(), deadline - time.monotonic()
        )

    def _check_open(self) -> None:
        self.notice_fork()
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
        return self._info_of(End(1006, "the connection is gone", "network", clean=False))

    # -------------------------------------------------------------------------------------- close

    def close(
        self, timeout: float, code: int, reason: str, *, error: Optional[BaseException] = None
    ) -> None:
        """Ask for the end, and wait for it at most ``timeout``; see ``Session.close``."""
        if self.notice_fork() or self._reader is None:
            return
        deadline = time.monotonic() + timeout
        # the peer gets most of the time for its answer, the rest is for cleaning up
        grace = deadline - min(0.25, timeout / 4)
        request = CloseRequest(code, reason, grace, error)
        if not self._condition.acquire(timeout=INTERRUPTED):
            self._close_later(request)
            return
        try:
            first = self._close is None and self._info is None
            stands = self._state in (State.OPEN, State.GOING_AWAY)
            transport = self._transport
            if first:
                self._close = request
                self._state = next_state(self._state, Event.CLOSE)
            elif self._close is not None:
                self._close.deadline = min(self._close.deadline, grace)
            self._condition.notify_all()
        finally:
            self._condition.release()
        # nothing goes out before the upgrade, or the second time
        if first and not transport.send_close(code, reason):
            self._close_later(request)
            return
        if first and not stands:
            transport.abort()
        transport.wake()
        if self._is_own_thread() or self._service.is_tool():
            return
        self._wait_finished(deadline)
        if not self._finished:
            self._transport.abort()
        elif self._dispatcher.wait_done(deadline):
            self._reader.join()  # it has nothing left to do

    def _close_later(self, request: CloseRequest) -> None:
        """Ask only: a signal handler runs in the midst of what a lock of this thread guards.

        Nothing can be waited for here: the reader may need that lock.
        """
        request.said = False
        self._close = self._close or request
        self._transport.wake()

    def wait_closed(self, timeout: Optional[float]) -> CloseInfo:
        """Wait for the end; see ``Session.wait_closed``."""
        self.notice_fork()
        if self._is_own_thread():
            raise LocalProtocolError(
                "wait_closed() in a callback would wait for itself; call it from another thread"
            )
        deadline = time.monotonic() + seconds_of_timeout(timeout)
        self._wait_finished(deadline)
        info = self._info
        if not self._finished or info is None:
            raise LiveTimeout("the session has not ended yet", phase="wait_closed")
        if not self._dispatcher.wait_done(deadline):
            raise LiveTimeout("the callbacks are not done yet", phase="wait_closed")
        if self._callback_failure is not None:
            raise self._callback_failure
        return info

    def wait_ended(self, timeout: Optional[float]) -> bool:
        """Wait until the connection has ended or is being closed; True if so."""
        if self.notice_fork():
            return True
        with self._condition:
            return self._condition.wait_for(self._is_ending, seconds_of_timeout(timeout))

    def check_may_wait(self) -> None:
        """Raise where waiting for messages can never end: on the reader, or after a fork."""
        if self.notice_fork():
            assert self._info is not None  # the fork ended it
            raise SessionClosed(self._info)
        if threading.current_thread() is self._reader and self._info is None:
            raise LocalProtocolError(
                'a callback with dispatch="reader" cannot wait for messages: nobody would read them'
            )

    def _wait_finished(self, deadline: float) -> None:
        with self._condition:
            self._condition.wait_for(lambda: self._finished, deadline - time.monotonic())

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

    def notice_fork(self) -> bool:
        """In the child of a fork, end the inherited session without a word to the peer.

        Called before a lock of the session is taken: whatever another thread of the parent may have
        held at that moment is made anew.

        Returns:
            Whether the session was inherited.
        """
        if os.getpid() == self._pid:
            return self._forked
        self._pid = os.getpid()
        self._forked = True
        self._service.forked()
        self._condition = Condition(threading.Lock())
        self._info = self._info or CloseInfo(code=1006, reason="forked", initiated_by="local")
        self._state = State.CLOSED
        self._finished = True
        self._reader = None
        self._dispatcher = self._new_dispatcher(LiveCallbacks(dispatch=self._dispatch))
        self._dispatcher.end()
        self._inbox = Inbox(LIMIT, self._notify, fills=False)
        self._inbox.end()
        self._transport.forget()
        return True


_PHASES = {
    "start": "the reader did not start",
    "credentials": "the credentials were not fetched",
    "dns": "the name could not be looked up",
    "setup": "the setup was not completed",
}
"""What was being done where nothing can interrupt it, by phase."""


def _random() -> float:
    from random import random  # nobody else wants it, and few connections are lost

    return random()  # noqa: S311  # spreads dials
