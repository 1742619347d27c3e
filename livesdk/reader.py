"""The reading side of one connection: dial, read, and tell how it ended.

::

    dial ▶ setup ▶ wait for setupComplete ▶ open
    read ▶ decode ▶ observe ▶ callbacks and inbox      (again and again)
    timers: ping, liveness, the deadline of close(), the end that a goAway announced
    finish: one CloseInfo, to everybody who waits

All methods here run on the reader, one thread a session; but for ``report``, ``_info_of`` and
``_closed_locally``, which any thread may call.  A session may have several connections,
one after the other: :mod:`livesdk.recovery`.  What they share with callers is guarded by
``_condition``; see :mod:`livesdk.connection`, the callers' side.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any, Optional

from . import codec
from ._log import get_logger, shorten
from ._records import define, frozen
from ._timeout import LONGEST
from .dispatch import Dispatcher
from .errors import (
    CloseInfo,
    DecodeError,
    LiveError,
    LiveTimeout,
    SessionClosed,
)
from .inbox import Inbox, weight_of
from .protocol import Event, Memory, State, next_state, seconds_of
from .reached import Reached, Sent
from .retry import cause_of, setup_error
from .service import Options, Service
from .transport import CloseFrame, Lost, Message, Outbound, Payload, Transport

__all__ = [
    "LIMIT",
    "CloseRequest",
    "Departure",
    "End",
    "Opening",
    "Reader",
    "soonest",
]

_log = get_logger(__name__)

_CLEAN_CODES = (1000, 1001, 1005)
LIMIT = 32 * 1024 * 1024
"""Bytes of messages that may wait for a slow consumer; beyond it the reader stops reading."""

_ERROR = 2048
"""Bytes that an error with its excerpt takes while it waits."""

_LOOK = 0.2
"""Seconds between two looks at whether a full inbox is needed."""

_STOPPED = 0.5
"""Seconds by which the reader is late where the process was stopped, and no peer was silent."""
_ANSWER = 5.0
"""Seconds that the peer then has to say something."""

_NEVER = float("inf")


@define
class CloseRequest:
    """Somebody called ``close()``: what to say, and until when to wait for an answer.

    Attributes:
        said: The close frame is on its way.  It is not where a signal handler asked, in the thread
            that held a lock at that moment: then the reader says it.
    """

    code: int
    reason: str
    deadline: float
    error: Optional[BaseException] = None
    said: bool = True


@frozen
class End:
    """How a connection came to its end.

    Attributes:
        planned: It was left for another one.
        final: Another one was tried in vain.
        cut: The connection before it ended in the middle of a turn.
        hint: What usually helps, besides what its code says.
    """

    code: int
    reason: str
    by: str
    clean: bool
    error: Optional[BaseException] = None
    planned: bool = False
    final: bool = False
    cut: bool = False
    hint: Optional[str] = None


@define
class Departure:
    """When the connection is to be left for another one.

    Attributes:
        at: The latest moment, by ``time.monotonic``.
        asked: At once: the program wants it.
        handle: What the program wants the other one to take up.
    """

    at: float = _NEVER
    asked: bool = False
    handle: Optional[str] = None


@frozen
class Opening:
    """What came until the setup was complete: the message that says so, and those before it."""

    first: Any
    size: int
    early: list[tuple[Any, int]]


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
    _dial_failure: Optional[BaseException]
    _close: Optional[CloseRequest]
    _gone: Optional[Transport]
    _phase: str
    _warned: bool
    _given_up: bool
    reached: Reached
    _departure: Departure
    _opened_at: float
    _silence_from: float
    __slots__ = tuple(__annotations__)  # a dict of 30 or more takes a kilobyte more a session

    def _connect(self, handle: Optional[str], deadline: float) -> Opening:
        """Dial, and send the setup; return once it is complete."""
        self._phase = "credentials"
        request = self._service.dial()
        self._phase = "dns"
        self._transport.open(request, deadline)
        self._move(Event.OPENED)
        self._phase = "setup"
        self._transport.send_setup(self._service.setup(handle), deadline)
        return self._await_setup(deadline)

    def _move(self, event: Event) -> None:
        with self._condition:
            self._state = next_state(self._state, event)

    def going_away(self, time_left: Optional[str]) -> None:
        """The server said that it will close soon; on the reader, by who observes messages.

        From now on the connection is left at the first quiet point, or shortly before its end.
        """
        self._move(Event.GO_AWAY)
        policy, left = self.options.reconnect, seconds_of(time_left)
        if policy is not None and self._service.resumption is not None and left is not None:
            self._departure.at = time.monotonic() + left - min(policy.margin, left / 4)

    def _await_setup(self, deadline: float) -> Opening:
        early: list[tuple[Any, int]] = []
        room = LIMIT
        words = ""
        while True:
            event = self._transport.receive(deadline)
            if self._close is not None:
                raise Lost(1006, "closed")
            if isinstance(event, CloseFrame):
                raise setup_error(event.code, event.reason or words)
            if isinstance(event, Message):
                message = codec.decode(event.payload, self._service.message)
                size = weight_of(event.payload, message._levels)
                # {"setupComplete": null} completes as well
                if "setupComplete" in (message.raw or ()):
                    return Opening(message, size, early)
                words = words or self._transport.struck_from(_words_of_error(message))
                early.append((message, size))
                room -= size
                if room < 0:
                    raise setup_error(1009, "too much was sent before the setup was complete")
            if time.monotonic() >= deadline:
                said = f"; it said: {words}" if words else ""
                raise LiveTimeout(
                    f"the server did not complete the setup in time{said}", phase="setup"
                )

    def _open(self, opening: Opening) -> None:
        """Let ``connect()`` return, with ``onopen`` and ``setupComplete`` on their way."""
        self._service.observe(opening.first)
        history: Sequence[bytes] = ()
        if self._service.resumption is not None and self.memory.handle is None:
            history = self._service.resumption.history()
        self._note_opening(len(history), owes_history=bool(history))
        self._transport.release([Outbound(payload) for payload in history])
        with self._condition:
            self._state = next_state(self._state, Event.ACCEPTED)
            if self._close is not None or self._given_up:
                raise Lost(1006, "closed")
            self._accepted = True
        _log.debug("session %d: open", self.number)
        self._dispatcher.post("open", self._owner)
        self._dispatcher.post("message", opening.first, opening.size)
        if len(opening.first.raw or ()) > 1:  # it says more than that the setup is complete
            self._inbox.put(opening.first, opening.size)
        with self._condition:
            self._opened = True
            self._condition.notify_all()
        if self.options.tap is not None:
            self.options.tap.opened(self.report)
        self._deliver_early(opening)

    def _note_opening(self, own: int, *, owes_history: bool) -> None:
        """A connection stands; ``own`` messages are sent that the program knows nothing of."""
        self._opened_at = time.monotonic()
        messages, media_ms = self._sent_so_far()
        self.reached.opened((messages + own, media_ms), owes_history=owes_history)

    def _sent_so_far(self) -> Sent:
        stats = self._transport.stats
        return stats.messages_sent, stats.media_sent_ms

    def _deliver_early(self, opening: Opening) -> None:
        for message, size in opening.early:
            self._deliver(message, size)

    def _until_lost(self) -> End:
        """Serve the connection that stands, and return how it ended."""
        try:
            return self._serve()
        except Lost as lost:
            return self._lost(lost)

    def _serve(self) -> End:
        ping_at = _after(self.options.ping_interval)
        while True:
            now = time.monotonic()
            asked = self._close
            if asked is not None and not asked.said:
                asked.said = True
                self._move(Event.CLOSE)
                self._transport.send_close(asked.code, asked.reason)
            if asked is not None and now >= asked.deadline:
                return self._closed_locally()
            if now >= ping_at:
                self._transport.ping()
                ping_at = _after(self.options.ping_interval)
            if (self._must_leave(now) and self._begin_leaving()) or self._leave_if_quiet():
                return End(1000, "left for another connection", "local", clean=True, planned=True)
            leave_at = self._departure.at if asked is None else asked.deadline
            end = self._read_until(min(ping_at, leave_at))
            if end is not None:
                return end

    def _read_until(self, moment: float) -> Optional[End]:
        """Take what arrives until ``moment``, or until something else has to be looked at."""
        transport = self._transport
        while True:
            # once for all that was read, and last: threads that run make us slower
            self._dispatcher.wake()
            if self._inbox.is_full and self._service.is_heard():
                self._forget_inbox()
            if self._is_held_back():
                self._wait_for_room(moment)
                return None
            event = transport.receive(min(moment, self._silent_at()))
            if event is None:
                return self._end_if_silent()
            while event is not None:  # all that one read brought, before anything else is looked at
                if isinstance(event, CloseFrame):
                    return self._closed_by(event)
                self._take(event)
                event = transport.next()
            is_asked = self._close is not None or self._departure.asked
            if is_asked or self._state is not State.OPEN or time.monotonic() >= moment:
                return None

    def _take(self, first: Message) -> None:
        """Take a message, and those that came right behind it."""
        self._received(first.payload)
        for payload in self._transport.more():
            self._received(payload)

    def _must_leave(self, now: float) -> bool:
        return self._departure.asked or now >= self._departure.at

    def _leave_if_quiet(self) -> bool:
        """The server goes away, and nothing is under way: from here on nothing goes out."""
        if self._state is not State.GOING_AWAY or not self._is_quiet() or not self._begin_leaving():
            return False
        # senders wait from now on; one of them may have been quicker, so look again
        if self._transport.hold() and self._is_quiet():
            return True
        self._transport.release()
        with self._condition:
            self._state = next_state(self._state, Event.STAYED)
            self._condition.notify_all()
        return False

    def _begin_leaving(self) -> bool:
        """Let senders wait for another connection, unless the session is being closed."""
        with self._condition:
            if self._close is not None:
                return False
            self._state = next_state(self._state, Event.LOST)
            return True

    def _is_quiet(self) -> bool:
        """Another connection would know all that this one does."""
        resumption = self._service.resumption
        if self.options.reconnect is None or resumption is None or not self.memory.resumable:
            return False  # without a handle the state would be lost: then every second counts
        has_all = resumption.transparent or self.reached.has_all(self._sent_so_far())
        return has_all and resumption.is_quiet()

    def _end_if_silent(self) -> Optional[End]:
        """Nothing is here: the end, if nothing has come for too long."""
        timeout = self.options.liveness_timeout
        now = time.monotonic()
        late = now - self._silent_at()
        if timeout is None or late < 0:
            return None
        if late > _STOPPED:  # we were away ourselves, a debugger's breakpoint: ask the peer
            self._transport.ping()
            self._silence_from = now + _ANSWER - timeout
            return None
        text = f"no bytes for {timeout:g} s"
        return End(1006, text, "network", clean=False)

    def _silent_at(self) -> float:
        timeout = self.options.liveness_timeout
        if timeout is None:
            return _NEVER
        return max(self._transport.last_received, self._silence_from) + timeout

    def _is_held_back(self) -> bool:
        """A consumer is so far behind that TCP has to hold the server back."""
        if self._close is not None or self._departure.asked or self._gone is self._transport:
            return False
        return self._dispatcher.is_full or self._inbox.is_full

    def _forget_inbox(self) -> None:
        """Let nobody be held up by messages that others have had and nobody asks for."""
        self._inbox.fills = False
        count = len(self._inbox.take_all())
        _log.warning(
            "session %d: forgot %d messages that nobody received; receive() gives what comes from"
            " now on",
            self.number,
            count,
        )

    def _wait_for_room(self, until: float) -> None:
        held_since = time.monotonic()
        if self._inbox.is_full:  # somebody else may begin to listen
            until = min(until, held_since + _LOOK)
        if not self._warned and self._inbox.is_full:
            self._warned = True
            _log.warning(
                "session %d: nobody receives: call receive(), or connect with an onmessage",
                self.number,
            )
        with self._condition:
            self._condition.wait_for(
                lambda: not self._is_held_back(), max(0.0, soonest(until) - time.monotonic())
            )
        # nothing was read meanwhile, so silence says nothing about the peer
        self._silence_from = time.monotonic()

    def _received(self, payload: Payload) -> None:
        if self._close is not None:
            return
        try:
            message = codec.decode(payload, self._service.message)
        except DecodeError as error:
            self.report(self._plain(error), _ERROR)
        else:
            self._deliver(message, weight_of(payload, message._levels))

    def _plain(self, error: LiveError) -> LiveError:
        """Strip an error of our secrets, and of its traceback: that has what the server sent."""
        if isinstance(error, DecodeError):
            error.excerpt = self._transport.struck_from(error.excerpt)
        return error.with_traceback(None)

    def _deliver(self, message: Any, size: int) -> None:
        """Hand a message on: to the session at once, then to callbacks and inbox.

        The thread of callbacks is not woken yet.
        """
        self._service.observe(message)
        self._dispatcher.put("message", message, size)
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
            mid_turn=end.cut or self.memory.mid_turn,
            resumable=self.memory.handle is not None,
            error=end.error,
            hint=_hint(end),
        )

    def _finish(self, end: End) -> None:
        """Tell everybody, once; free everything."""
        info = self._info_of(end)
        self._transport.close()
        if self.options.tap is not None:
            self.options.tap.closed(info)
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


def _words_of_error(message: Any) -> str:
    """Return what an ``{"error": …}`` frame says; such a frame is a message like any other."""
    error = (message.raw or {}).get("error")
    words = error.get("message") if isinstance(error, dict) else None
    return shorten(words) if isinstance(words, str) else ""


def _hint(end: End) -> Optional[str]:
    """What usually helps: what is known of this end, and of its code."""
    of_code = None if end.clean else cause_of(end.code, end.reason).hint
    return "; ".join(filter(None, (end.hint, of_code))) or None
