"""Runs the functions that the model calls: in parallel, cancellable, each answered exactly once.

::

    reader ─call▶ queue ─▶ worker 1 … n ─▶ one response       (nothing for a call that is over)
           ─cancel▶ marks the call; its function sees ``context.cancelled``
    watch  one thread, only if a tool has a timeout: answers for those that take too long

Row of ``DESIGN`` §4: one condition around queue, calls and counts.  No user code and no sending
under it.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Optional, Union

import attrs

from .._log import get_logger, shorten, words_of
from .._records import define
from ..errors import ConfigError, LiveError, ToolError
from ..protocol import Seen
from ..types.content import FunctionCall, FunctionResponse
from .annotations import Misfit
from .declare import FunctionTool
from .handler import CallHandler
from .responses import response_of, response_of_all

__all__ = ["ToolCounts", "ToolRunner"]

_log = get_logger(__name__)
_LONGEST = threading.TIMEOUT_MAX


@define(kw_only=True)
class ToolCounts:
    """What became of the calls; they balance: calls = answered + cancelled + lost + running.

    Attributes:
        calls: Calls that were taken on.
        answered: Calls whose (last) response was sent.
        cancelled: Calls that the model took back.
        lost: Calls whose connection ended, or was made anew, before they were answered.
        late: Results that came when nobody waited for them any more; not sent.
        repeated: Calls that came again with the same id; not run.
    """

    calls: int = 0
    answered: int = 0
    cancelled: int = 0
    lost: int = 0
    late: int = 0
    repeated: int = 0


@define(eq=False)
class _Call:
    """One call, and what its function sees of it."""

    key: str
    call_id: Optional[str]
    name: str
    args: Mapping[str, Any]
    tool: Union[FunctionTool, CallHandler, None]
    session: Any
    epoch: int
    cancelled: threading.Event = attrs.Factory(threading.Event)
    deadline: float = math.inf
    over: bool = False
    answered_for: bool = False  # the function still runs, though the model has its answer

    @property
    def shown(self) -> str:
        """The name, for logs and errors: the model, or whoever plays it, may call it anything."""
        return shorten(self.name.encode("utf-8", "backslashreplace").decode())


class ToolRunner:
    """Runs the tools of one session.

    Args:
        session: What tools see as ``context.session``.
        name: Of the threads.
        send: Sends responses; may block, raises when the session is over.  Its second argument
            tells whether they are still wanted: not on another connection than the call's.
        report: Told of each :class:`ToolError`.
        on_over: Told of id and name of each call that is over, and whether a response was sent.
        in_parts: Tells, by name, whether the service takes several responses to one call of a
            function; else a generator is answered with one, of all that it yields.
        workers: Threads at most; a function that outlives its timeout gets a substitute.
    """

    def __init__(
        self,
        session: Any,
        *,
        name: str,
        send: Callable[[list[FunctionResponse], Callable[[], bool]], None],
        report: Callable[[LiveError], None],
        on_over: Callable[[Optional[str], str, bool], None],
        in_parts: Callable[[str], bool] = lambda _name: True,
        workers: int = 4,
    ) -> None:
        self._session = session
        self._name = name
        self._send = send
        self._report = report
        self._on_over = on_over
        self._in_parts = in_parts
        self._workers = workers
        self._condition = threading.Condition(threading.Lock())
        self._tools: Mapping[str, FunctionTool] = {}
        self._handler: Optional[CallHandler] = None
        self._queue: list[_Call] = []  # a few at most
        self._open: dict[str, _Call] = {}
        self._seen = Seen()
        self._threads = 0
        self._idle = 0
        self._stuck = 0
        self._watching = False
        self._closed = False
        self._number = 0
        self._epoch = 0  # how many connections were lost
        self._busy: set[int] = set()
        self.counts = ToolCounts()

    def use(self, tools: Iterable[FunctionTool]) -> None:
        """Replace the running set; calls in flight finish under the old one."""
        self._tools = {tool.name: tool for tool in tools}

    def use_handler(self, handler: Optional[CallHandler]) -> None:
        """Let it run for every call that is of no tool; ``None``: no more."""
        self._handler = handler

    @property
    def runs_here(self) -> bool:
        """This is a thread of ours, which is running a function at this moment."""
        return threading.get_ident() in self._busy

    # ------------------------------------------------------------------------ on the reader

    def called(self, calls: Iterable[FunctionCall]) -> int:
        """Take calls on, and return how many of them are new; never waits."""
        return sum(self._take_on(call) for call in calls)

    def _take_on(self, call: FunctionCall) -> bool:
        with self._condition:
            if self._closed:
                return False
            self._number += 1
            key = call.id or f"unnamed-{self._number}"
            if key in self._seen:
                self.counts.repeated += 1
                return False
            self._seen.add(key)
            tool = self._tools.get(call.name or "") or self._handler
            made = _Call(
                key, call.id, call.name or "", call.args or {}, tool, self._session, self._epoch
            )
            if tool is not None and tool.options.timeout is not None:
                made.deadline = time.monotonic() + tool.options.timeout
            self.counts.calls += 1
            self._open[key] = made
            self._queue.append(made)
            self._condition.notify_all()
            starts = self._threads_to_start(made)
        for target, name in starts:
            self._start(target, name)
        return True

    def _start(self, target: Callable[[], None], name: str) -> None:
        """Start a thread; where there can be none, the next call tries again."""
        try:
            threading.Thread(target=target, name=name, daemon=True).start()
        except RuntimeError as error:
            with self._condition:
                if target == self._watch:
                    self._watching = False
                else:
                    self._threads -= 1
                self._condition.notify_all()
            if "interpreter shutdown" not in str(error):  # then nobody is left to be told
                _log.error("%s cannot be started: %s", name, error)

    def _threads_to_start(self, call: _Call) -> list[tuple[Callable[[], None], str]]:
        """Return the threads that are missing; the caller holds the condition."""
        starts: list[tuple[Callable[[], None], str]] = []
        if self._idle < len(self._queue) and self._threads - self._stuck < self._workers:
            self._threads += 1
            starts.append((self._work, f"{self._name}-{self._threads}"))
        if call.deadline < math.inf and not self._watching:
            self._watching = True
            starts.append((self._watch, f"{self._name}-0"))
        return starts

    def cancelled(self, ids: Iterable[str]) -> None:
        """Tell functions that nobody waits for them; nothing will be sent for their calls."""
        for call_id in ids:
            with self._condition:
                call = self._open.get(call_id)
                if call is None:
                    self._seen.add(call_id)  # it may be cancelled before it is called
                    continue
                self._end(call)
                self.counts.cancelled += 1
            call.cancelled.set()
            self._on_over(call.call_id, call.name, False)

    def connection_lost(self) -> None:
        """No call that is open can be answered any more; the runner goes on.

        Ids that come again are new calls: what the model says from here on, it has not said before.
        """
        with self._condition:
            self._epoch += 1
            self._seen.clear()
            calls = list(self._open.values())
            for call in calls:
                self._end(call)
            self.counts.lost += len(calls)
            self._queue.clear()
        for call in calls:
            call.cancelled.set()
            self._on_over(call.call_id, call.name, False)

    def close(self) -> None:
        """Take no more calls, let the threads end; functions that run are told, not waited for."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()
        self.connection_lost()

    def wait_done(self, deadline: float) -> bool:
        """Wait until no thread of ours is left; True if none is."""
        with self._condition:
            return self._condition.wait_for(
                lambda: not (self._threads or self._watching), deadline - time.monotonic()
            )

    def _end(self, call: _Call) -> None:
        """Take a call off the list; the caller holds the condition."""
        call.over = True
        self._open.pop(call.key, None)

    # -------------------------------------------------------------------------- on a worker

    def _work(self) -> None:
        while True:
            with self._condition:
                self._idle += 1
                while not self._queue and not self._closed and self._has_place():
                    self._condition.wait()
                self._idle -= 1
                if self._closed or not self._has_place():
                    self._threads -= 1
                    self._condition.notify_all()
                    return
                call = self._queue.pop(0)
            if not call.over:
                self._run(call)

    def _has_place(self) -> bool:
        """Substitutes go when the functions they stood in for are done."""
        return self._threads - self._stuck <= self._workers

    def _run(self, call: _Call) -> None:
        self._busy.add(threading.get_ident())
        try:
            for response, last in self._responses(call):
                if not self._answer(call, response, last=last):
                    return
        except BaseException as error:  # noqa: BLE001  # nothing may cost a worker, or its call
            self._answer_at_all(call, error)
        finally:
            self._busy.discard(threading.get_ident())
            self._settle(call)

    def _answer_at_all(self, call: _Call, error: BaseException) -> None:
        """Something slipped through; the model would wait for ever."""
        _log.error("the tool %s could not be answered", call.shown, exc_info=error)
        try:
            response, last = self._failure(call, words_of(error), error)
            self._answer(call, response, last=last)
        except Exception:  # noqa: BLE001  # a border: see above
            _log.exception("the tool %s could not be answered at all", call.shown)
            self._unanswered(call, error, last=False)

    def _settle(self, call: _Call) -> None:
        """A function that was answered for came back."""
        with self._condition:
            if call.answered_for:
                self._stuck -= 1
                self._condition.notify_all()

    def _responses(self, call: _Call) -> Iterator[tuple[FunctionResponse, bool]]:
        """Run the function; yield each response, and whether it is the last."""
        tool = call.tool
        if tool is None:
            known = ", ".join(sorted(self._tools)) or "none"
            yield self._failure(call, f"there is no function {call.shown!r}; there are: {known}")
            return
        try:
            result = tool.bind(call.args, call)()
            if isinstance(result, Iterator) and self._in_parts(call.name):
                yield from self._parts(call, result)
                return
            if isinstance(result, Iterator):
                response = response_of_all(_while_wanted(call, result))
            else:
                response = response_of(result)
        except Misfit as misfit:
            yield self._failure(call, str(misfit))
        except GeneratorExit:  # this one is told to end, or a function raised what it should not
            raise
        except BaseException as error:  # noqa: BLE001  # a border: the user's function, sys.exit()
            _log.error("the tool %s raised", call.shown, exc_info=error)
            yield self._failure(call, words_of(error), error)
        else:
            yield self._addressed(call, response), True

    def _parts(
        self, call: _Call, results: Iterator[Any]
    ) -> Iterator[tuple[FunctionResponse, bool]]:
        """Send what a generator yields, and at its end a last empty response."""
        for result in _while_wanted(call, results):
            response = self._addressed(call, response_of(result))
            yield attrs.evolve(response, will_continue=True), False
        if not call.over:
            last = FunctionResponse(response={}, will_continue=False)
            yield self._addressed(call, last), True

    def _failure(
        self, call: _Call, text: str, cause: Optional[BaseException] = None
    ) -> tuple[FunctionResponse, bool]:
        """Say that a function failed; nobody is told if nobody waits for it any more."""
        return self._error(call, text, cause, tells=not call.over), True

    def _error(
        self, call: _Call, text: str, cause: Optional[BaseException] = None, *, tells: bool = True
    ) -> FunctionResponse:
        """Tell the program what went wrong, and make what the model is told of it."""
        error = ToolError(f"the tool {call.shown}: {text}", name=call.name, call_id=call.call_id)
        error.__cause__ = cause
        if tells:
            self._report(error)
        return self._addressed(call, FunctionResponse(response={"error": text}))

    def _addressed(self, call: _Call, response: FunctionResponse) -> FunctionResponse:
        scheduling = call.tool.options.scheduling if call.tool else None
        return attrs.evolve(
            response,
            id=call.call_id,
            name=call.name,
            scheduling=response.scheduling or scheduling,
        )

    def _answer(
        self, call: _Call, response: FunctionResponse, *, last: bool, ended: bool = False
    ) -> bool:
        """Send a response unless the call is over; True if more may be sent."""
        with self._condition:
            if call.over and not ended:
                self.counts.late += 1
                return False
            if last and not ended:
                self._end(call)
        try:
            self._send([response], lambda: call.epoch == self._epoch)
        except Exception as error:  # noqa: BLE001  # of what the function returned, too
            is_unsendable = isinstance(error, ConfigError) or not isinstance(error, LiveError)
            # Ended before: this is the error itself, to a name or an id that cannot be sent.
            if is_unsendable and not ended:
                return self._answer_instead(call, error, last=last)
            self._unanswered(call, error, last=last)
            return False
        if last:
            with self._condition:
                self.counts.answered += 1
            self._on_over(call.call_id, call.name, True)
        return True

    def _answer_instead(self, call: _Call, error: Exception, *, last: bool) -> bool:
        """The result is no JSON and cannot be sent: tell the model, which would wait for ever."""
        if not last:
            with self._condition:
                self._end(call)
        why = error if isinstance(error, LiveError) else words_of(error)
        response = self._error(call, f"the result cannot be sent: {why}", error)
        return self._answer(call, response, last=True, ended=True)

    def _unanswered(self, call: _Call, error: BaseException, *, last: bool) -> None:
        """The response could not be sent: the connection is gone, or it cannot be written."""
        with self._condition:
            ours = last or not call.over
            if ours:
                self._end(call)
                self.counts.lost += 1
        if ours:
            call.cancelled.set()
            self._on_over(call.call_id, call.name, False)
            _log.warning("the result of the tool %s was not sent: %s", call.shown, error)

    # ------------------------------------------------------------------------ on the watch

    def _watch(self) -> None:
        """Answer for functions that take too long."""
        while True:
            with self._condition:
                if self._closed:
                    self._watching = False
                    self._condition.notify_all()
                    return
                now = time.monotonic()
                late = [call for call in self._open.values() if call.deadline <= now]
                if not late:
                    soonest = min((call.deadline for call in self._open.values()), default=math.inf)
                    self._condition.wait(min(soonest - now, _LONGEST))
                    continue
                starts = [self._give_up(call) for call in late]
            for call, substitute in zip(late, starts):
                if substitute is not None:
                    self._start(self._work, substitute)
                self._tell_late(call)

    def _give_up(self, call: _Call) -> Optional[str]:
        """Mark a call as answered for; return the name of a substitute, if one is needed.

        The caller holds the condition.
        """
        self._end(call)
        if call in self._queue:
            self._queue.remove(call)  # no worker had time for it
            return None
        call.answered_for = True
        self._stuck += 1
        self._threads += 1
        return f"{self._name}-{self._threads}"

    def _tell_late(self, call: _Call) -> None:
        assert call.tool is not None  # nothing else sets a deadline
        text = f"it took longer than {call.tool.options.timeout:g} s"
        if self._answer(call, self._error(call, text), last=True, ended=True):
            call.cancelled.set()


def _while_wanted(call: _Call, results: Iterator[Any]) -> Iterator[Any]:
    """Yield what a generator yields, until its call is over; then close it."""
    for result in results:
        if call.over:
            close = getattr(results, "close", None)
            if close is not None:
                close()
            return
        yield result
