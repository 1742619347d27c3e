"""A session that outlives its connections: the loop over them, on the reader's thread.

::

    begin ▶ serve until lost ─▶ worth another dial? (retry) ──no──▶ finish
                 ▲                         │ yes
                 │                 RECONNECTING: a transport takes the old one's place that keeps
                 │                 media; the old one is closed, what it did not send is taken over
                 │                         ▼
                 │        ┌─▶ wait on the condition ─▶ dial ─▶ setup, with the newest handle
                 │        └──────────── refused, late, lost ◀──┤
                 └── open: replay, let media out, tell everybody ◀─┘

Nothing is sent on a new connection before the server has completed its setup.  The order of events
for users: ``on_reconnect``, then the messages of the new connection; its ``setupComplete`` is
not among them, since programs greet the model there.
"""

from __future__ import annotations

import time
from typing import Optional

from attrs import Factory, evolve

from ._log import get_logger
from ._records import define
from ._timeout import LONGEST
from .errors import CloseInfo, LiveError, SetupError
from .protocol import Event, State, next_state
from .reached import Sent
from .reader import Departure, End, Opening, Reader, soonest
from .retry import Budget, Next, ReconnectInfo, cause_of, cause_of_failure, setup_error
from .transport import CloseFrame, Lost, Message, Outbound, Transport

__all__ = ["Recovery"]

_log = get_logger(__name__)

_GOODBYE = 0.5
"""Seconds in which a connection that is left in order may answer our close frame."""


@define
class _Gap:
    """The time between two connections.

    Attributes:
        cause: How the earlier one ended.
        end: How the session ends if there is no other.
        planned: It was left in order.
        then: What is worth doing next.
        began: When the gap began, by ``time.monotonic``.
        stood: How many seconds the earlier one stood.
        handle: What the last dial brought.
        refusal: Why a handle was refused.
        attempts: Dials so far.
        mid_turn: An answer was due or under way.
        replay: Messages that the service may not have.
        forgotten: Messages that should be replayed, and were too many to be kept.
        sent_since: Messages, and milliseconds of media, sent since the handle was given out.
        dropped_ms: Realtime media dropped before the gap.
    """

    cause: CloseInfo
    end: End
    planned: bool
    then: Next
    began: float
    stood: float
    handle: Optional[str] = None
    refusal: Optional[BaseException] = None
    attempts: int = 0
    mid_turn: bool = False
    replay: list[Outbound] = Factory(list)
    forgotten: int = 0
    sent_since: Sent = (0, 0.0)
    dropped_ms: float = 0.0

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    @property
    def last_end(self) -> End:
        """How the session ends, since no other connection came."""
        end = self.end
        if end.planned:
            text = "left for another connection, and the attempts at one are used up"
            end = End(1006, text, "local", clean=False)
        return evolve(end, final=True, cut=self.cause.mid_turn)


class Recovery(Reader):
    """The reader's loop; :class:`livesdk.connection.Connection` is the whole.

    Attributes:
        reconnects: How many connections took the place of another.
        last_reconnect: What was told of the last one.
    """

    reconnects: int
    last_reconnect: Optional[ReconnectInfo]
    _budget: Budget

    def _new_transport(self) -> Transport:
        raise NotImplementedError

    def _run(self, deadline: float) -> None:
        """The body of the reader's thread; ``connect()`` waits for the first connection."""
        try:
            self._open(self._connect(self.memory.handle, deadline))
            end = self._until_lost()
            while self._is_worth_another(end):
                end = self._recover(end)
        except Lost as lost:  # the first connection; later ones are judged in the loop
            end = self._lost(lost)
            if self._close is None:
                self._refusal = setup_error(lost.code, lost.reason)
        except LiveError as error:
            self._refusal = self._plain(error)
            end = End(1006, str(error), "network", clean=False, error=error)
        except BaseException as error:  # noqa: BLE001  # a border: nobody may hang for our mistake
            _log.exception("session %d: the reader failed", self.number)
            self._refusal = LiveError(f"internal error: {type(error).__name__}")
            self._refusal.__cause__ = error
            text = f"internal error: {type(error).__name__}"
            end = End(1006, text, "local", clean=False, error=error)
        if end.planned:  # closed at the very moment
            end = self._closed_locally()
        self._finish(end)

    # ------------------------------------------------------------------------- told by the session

    def handle_given(self, consumed: Optional[int]) -> None:
        """The server gave out a handle; on the reader, by who observes messages.

        Args:
            consumed: With transparent resumption, the number of the last message that the handle
                stands for, 1 for the first after the setup.
        """
        self.reached.handle_given()
        if consumed is not None:
            self._transport.acknowledged(consumed)

    def model_spoke(self) -> None:
        """The model begins to answer, so what was sent before has arrived."""
        self.reached.model_spoke(self._sent_so_far())

    def turn_completed(self) -> None:
        """The service is fine: trying to stay with it is as worth while as at the beginning."""
        self._budget.refill()

    # ------------------------------------------------------------------------------------ the loop

    def _is_worth_another(self, end: End) -> bool:
        if self._close is not None or self._service.resumption is None or end.final:
            return False
        if end.planned:
            return True
        if self.options.reconnect is None or end.by == "local":
            return False
        if end.code == 1000:
            return self._service.resumption.outlives_1000 or self._state is State.GOING_AWAY
        return cause_of(end.code, end.reason).next is not Next.STOP

    def _recover(self, end: End) -> End:
        """Put another connection in place, serve it, and return how it ended; or why none came."""
        gap = self._leave(end)
        while True:
            delay = self._budget.delay(gap.then, gap.seconds)
            if delay is None:
                _log.warning("session %d: %s", self.number, self._budget.spent)
                return evolve(gap.last_end, hint=self._budget.spent)
            if not self._pause(delay):
                return evolve(self._closed_locally(), cut=gap.cause.mid_turn)
            try:
                opening = self._dial_again(gap)
            except (LiveError, Lost) as error:
                if self._close is not None:
                    return evolve(self._closed_locally(), cut=gap.cause.mid_turn)
                self._failed(gap, error)
                if gap.then is Next.STOP:
                    return gap.last_end
            else:
                self._reopen(gap, opening)
                return self._until_lost()

    def _leave(self, end: End) -> _Gap:
        """Let nothing out any more, close the old connection, and take over what it leaves."""
        self._dispatcher.wake()  # what came together with the end is told before the gap
        now = time.monotonic()
        self._dial_failure = None
        gap = _Gap(
            cause=self._info_of(end),
            end=end,
            planned=end.planned,
            then=Next.RESUME if end.planned else cause_of(end.code, end.reason).next,
            began=now,
            stood=now - self._opened_at,
            dropped_ms=self._transport.stats.media_dropped_ms,
        )
        if gap.then is Next.FRESH:
            self.memory.handle = None
        _log.info("session %d: reconnecting: %s", self.number, gap.cause)
        if end.planned:
            self._say_goodbye()
        self._take_over(gap, self._replace_transport())
        gap.sent_since = self.reached.since_handle(self._sent_so_far())
        assert self._service.resumption is not None  # else nothing is worth another dial
        if self.reached.owes_history and not self._service.resumption.transparent:
            self.memory.handle = None  # it may have been given out before the history arrived
        self._take_request()
        gap.mid_turn = self._service.resumption.lost()
        self.memory.connection_lost()
        return gap

    def _replace_transport(self) -> Transport:
        """Return the transport that is over; a fresh one, which keeps media, is in its place."""
        fresh = self._new_transport()
        with self._condition:
            old, self._transport = self._transport, fresh
            self._state = next_state(self._state, Event.LOST)
            self._condition.notify_all()
        return old

    def _take_request(self) -> None:
        """Take back the request to leave the connection, and keep the handle that it named."""
        with self._condition:
            asked, self._departure = self._departure, Departure()
            self.memory.handle = asked.handle or self.memory.handle
            if asked.asked:  # the program wants it, however often
                self._budget.refill()

    def _say_goodbye(self) -> None:
        """Send a close frame, and wait a little for its answer: what still comes is delivered.

        The connection is left already, and in its place until then: ``close()`` can end the wait.
        """
        old = self._transport
        old.send_close(1000, "")
        until = time.monotonic() + _GOODBYE
        try:
            while time.monotonic() < until and self._close is None:
                event = old.receive(until)
                if isinstance(event, CloseFrame):
                    return
                if isinstance(event, Message):
                    self._received(event.payload)
        except Lost:
            pass  # gone as well as closed
        finally:
            self._dispatcher.wake()

    def _take_over(self, gap: _Gap, old: Transport) -> None:
        """Close a connection in whose place another transport is, and inherit from it."""
        left = old.leftover()
        old.close()
        gap.replay += left.sent
        self._transport.keep(left.media)
        gap.forgotten += left.forgotten

    def _pause(self, seconds: float) -> bool:
        """Wait; False as soon as somebody closes the session."""
        with self._condition:
            return not self._condition.wait_for(
                lambda: self._close is not None, min(seconds, LONGEST)
            )

    def _dial_again(self, gap: _Gap) -> Opening:
        gap.attempts += 1
        gap.handle = self.memory.handle
        policy = self._budget.policy
        return self._connect(gap.handle, soonest(time.monotonic() + policy.dial_timeout))

    def _failed(self, gap: _Gap, error: BaseException) -> None:
        """Note why there is no connection yet, and make ready for the next dial."""
        _log.info("session %d: dial %d failed: %s", self.number, gap.attempts, error)
        if isinstance(error, Lost):
            error = setup_error(error.code, error.reason)
        elif isinstance(error, LiveError):
            error = self._plain(error)
        self._dial_failure = error
        cause = cause_of_failure(error, with_handle=gap.handle is not None)
        gap.then = cause.next
        if isinstance(error, SetupError):
            by = "network" if error.code == 1006 else "remote"
            gap.end = End(error.code, error.reason, by, clean=False, error=error)
        else:
            text = f"no connection came back: {error}"
            gap.end = End(1006, text, "network", clean=False, error=error)
        if cause.next is Next.FRESH and self.memory.handle == gap.handle:
            self.memory.handle, gap.refusal = None, error
        self._take_over(gap, self._replace_transport())

    def _reopen(self, gap: _Gap, opening: Opening) -> None:
        """Everything goes on: replay, tell the session, let senders on, and tell the program."""
        resumption = self._service.resumption
        assert resumption is not None  # else nothing is worth another dial
        self._service.observe(opening.first)
        restored = gap.handle is not None
        # without a handle so far the journal has everything, history included
        replays = resumption.transparent and (restored or not self.reached.had_handle)
        history = () if restored or replays else resumption.history()
        told = () if replays else (*history, resumption.activity())
        first = gap.replay if replays else [Outbound(message) for message in told if message]
        own = 0 if replays else len(first)
        self._note_opening(own, owes_history=bool(history))
        self._transport.release(first)  # senders wait on until the state says so
        seconds = gap.seconds
        info = ReconnectInfo(
            cause=gap.cause,
            planned=gap.planned,
            attempts=gap.attempts,
            gap=seconds,
            state_restored=restored,
            mid_turn=gap.mid_turn or gap.cause.mid_turn,
            messages_replayed=len(first) if replays else 0,
            messages_at_risk=gap.forgotten if replays else gap.sent_since[0],
            media_at_risk_ms=0.0 if replays else gap.sent_since[1],
            media_dropped_ms=self._transport.stats.media_dropped_ms - gap.dropped_ms,
            history_sent=bool(history),
            refusal=gap.refusal,
        )
        self._budget.reopened(seconds, planned=gap.planned, stood=gap.stood)
        _log.info("session %d: reconnected after %.2f s", self.number, seconds)
        resumption.reopened(info)
        with self._condition:
            self._state = next_state(self._state, Event.ACCEPTED)
            self.reconnects += 1
            self.last_reconnect = info
            self._condition.notify_all()
        self._dispatcher.post("reconnect", info)  # which may send, on this thread as well
        self._deliver_early(opening)
