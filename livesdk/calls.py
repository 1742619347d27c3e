"""What a session does about function calls: runs them, or holds media back while the model waits.

Told of messages on the reader, of responses by whoever sends them.  The running is done by
:mod:`livesdk.tools`; this room knows when a turn has to wait for it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Callable, Literal, Optional

from ._log import get_logger
from .errors import ConfigError, LiveError
from .protocol import Seen
from .tools import CallHandler, FunctionTool, Gate, Handler, Owed, Pieces, ToolCounts, ToolRunner
from .types.content import FunctionCall, FunctionResponse
from .types.enums import FunctionResponseScheduling
from .types.messages import LiveServerMessage
from .types.tools import Tool

__all__ = ["Calls", "ToolAudio", "checked_tool_audio"]

_log = get_logger(__name__)

_ANSWERED_WITHIN = 60.0
"""Seconds that the program has for a BLOCKING call: as long as a function that runs here."""

ToolAudio = Literal["drop", "send"]


def checked_tool_audio(tool_audio: Any) -> ToolAudio:
    """Check the ``tool_audio`` argument of ``connect``."""
    if tool_audio == "drop":
        return "drop"
    if tool_audio == "send":
        return "send"
    raise ConfigError(f"tool_audio: expected 'drop' or 'send', got {tool_audio!r:.40}")


class Calls:
    """The function calls of one session.

    Args:
        session: What tools see as ``context.session``.
        name: Of the worker threads.
        send: Sends responses, if they are still wanted when there is a connection to send them on.
        report: Told of each :class:`ToolError`.
        on_settled: Called when no call is left that a turn has to wait for: on a worker, or where
            :meth:`look` is called.
        on_owed: Called, on a worker, when a result was sent to which the model may speak: from now
            on somebody has to :meth:`look`.
        blocks_by_default: What a declaration without ``behavior`` means to the model.
        in_parts: The service takes several responses to one call, if the model does not wait for it
            (Protocol §6).
        tool_audio: ``"drop"`` realtime media while a BLOCKING call is open, or ``"send"`` it.
    """

    def __init__(
        self,
        session: Any,
        *,
        name: str,
        send: Callable[[list[FunctionResponse], Callable[[], bool]], None],
        report: Callable[[LiveError], None],
        on_settled: Callable[[], None],
        on_owed: Callable[[], None],
        blocks_by_default: bool,
        in_parts: bool,
        tool_audio: ToolAudio,
    ) -> None:
        self._send = send
        self._on_settled = on_settled
        self._on_owed = on_owed
        self._drops = tool_audio == "drop"
        self._gate = Gate(blocks_by_default=blocks_by_default)
        self._seen = Seen()  # ids of calls and cancellations; the reader's own, as the next
        self._pieces = Pieces()
        self._lock = threading.Lock()  # around what follows, but the runner
        self._functions: frozenset[str] = frozenset()
        self._by_hand: frozenset[str] = frozenset()
        self._is_handled = False  # what is nobody's function is the handler's
        self._unsettled = 0
        self._owed = Owed()
        self.held_back_ms = 0.0
        self._runner = ToolRunner(
            session,
            name=name,
            send=self._respond,
            report=report,
            on_over=self._over,
            in_parts=lambda name: in_parts and not self._gate.blocks(name),
        )

    def use(self, tools: Optional[Sequence[Tool]], functions: Sequence[FunctionTool]) -> None:
        """Take the tools that hold from now on; calls in flight finish under the old ones."""
        declared = [f for tool in tools or () for f in tool.function_declarations or ()]
        names = frozenset(function.name for function in functions)
        with self._lock:
            self._functions = names
            self._by_hand = frozenset(d.name or "" for d in declared) - names
        self._gate.declare(declared)
        self._runner.use(functions)

    def use_handler(self, handler: Optional[Handler]) -> None:
        """Have a function run for each call that is of no other; ``None``: no more.

        Calls in flight finish under the old one.
        """
        self._runner.use_handler(None if handler is None else CallHandler(handler))
        with self._lock:
            self._is_handled = handler is not None

    # ------------------------------------------------------------------------------ on the reader

    def received(self, message: LiveServerMessage) -> list[FunctionCall]:
        """Take a message into account; return the calls to :meth:`run` once all else has."""
        calls = _calls_in(message)
        if not (calls or message.tool_call_cancellation or self._owed.since or self._unsettled):
            return []
        if message.tool_call_cancellation:
            ids = message.tool_call_cancellation.ids or []
            for call_id in ids:
                self._gate.over(call_id)
                self._seen.add(call_id)  # it may be cancelled before it is called
            self._runner.cancelled(ids)
        self._gate.called(self._new_among(calls))  # from the first piece on
        calls = [whole for whole in map(self._pieces.add, calls) if whole is not None]
        with self._lock:
            ours = [call for call in calls if self._is_ours(call.name)]
            self._unsettled += len(ours)
            if ours:
                self._owed.called()
            self._owed.received(message)
        return ours

    def _is_ours(self, name: Optional[str]) -> bool:
        """Known functions are, and names nobody declared; the caller holds the lock."""
        return self._is_handled or (bool(self._functions) and name not in self._by_hand)

    def model_spoke(self) -> None:
        """Do as :meth:`received` where a message is a piece of what the model says."""
        if self._owed.since is not None:
            with self._lock:
                self._owed.spoke()

    def _new_among(self, calls: Iterable[FunctionCall]) -> Iterator[FunctionCall]:
        for call in calls:
            if not call.id:
                yield call
            elif call.id not in self._seen:
                self._seen.add(call.id)
                yield call

    def run(self, calls: Sequence[FunctionCall]) -> None:
        """Have the functions run, each call once; never waits."""
        repeated = len(calls) - self._runner.called(calls)
        if repeated:
            with self._lock:
                self._unsettled -= repeated

    def connection_lost(self) -> None:
        """No open call can be answered any more, and the model will not speak to any result."""
        self._gate.clear()
        self._seen.clear()
        self._pieces.clear()
        self._runner.connection_lost()
        with self._lock:
            self._owed.forget()

    def forked(self) -> None:
        """This is the child of a fork: whoever held the lock is not here."""
        self._lock = threading.Lock()

    def close(self) -> None:
        """The session has ended: take no more calls; functions that run are told."""
        self._gate.clear()
        self._runner.close()

    # ------------------------------------------------------------------------------ on any thread

    def responded(self, responses: Iterable[FunctionResponse]) -> None:
        """Responses were sent, by hand or by a worker."""
        for response in responses:
            if not response.will_continue:
                self._gate.over(response.id, response.name)

    def hold_back(self, duration_ms: float) -> bool:
        """Tell whether realtime media must not be sent now; count what is held back."""
        if not self._gate.open or not self.must_wait:  # fifty times a second, and mostly the first
            return False
        with self._lock:
            self.held_back_ms += duration_ms
        return True

    @property
    def must_wait(self) -> bool:
        """Realtime media must not be sent now."""
        return self._drops and bool(self._gate.open) and not self._is_forgotten()

    def _is_forgotten(self) -> bool:
        """The program was to answer the open calls, and has not: then they shut out no more."""
        if self._unsettled or time.monotonic() - self._gate.newest_at < _ANSWERED_WITHIN:
            return False
        _log.warning(
            "audio and video are sent again: in %g s nobody answered the calls %s",
            _ANSWERED_WITHIN,
            ", ".join(self._gate.open),
        )
        self._gate.clear()
        return True

    @property
    def keep_turn_open(self) -> bool:
        """A tool runs, or its result was sent and the model has not spoken to it yet."""
        return self._unsettled > 0 or self._owed.since is not None  # each is read in one step

    @property
    def look_at(self) -> Optional[float]:
        """When to :meth:`look`, by ``time.monotonic``; ``None``: never, as things are."""
        return self._owed.ends_at if not self._unsettled else None

    def look(self) -> None:
        """If the model has had its time to speak to a result, it has nothing to say."""
        with self._lock:
            ends_at = self.look_at
            is_over = ends_at is not None and time.monotonic() >= ends_at
            if is_over:
                self._owed.forget()
        if is_over:
            self._on_settled()

    @property
    def counts(self) -> ToolCounts:
        """What became of the calls that ran by themselves."""
        return self._runner.counts

    @property
    def runs_here(self) -> bool:
        """This is a thread that runs a tool."""
        return self._runner.runs_here

    # ------------------------------------------------------------------------------- on a worker

    def _respond(self, responses: list[FunctionResponse], is_wanted: Callable[[], bool]) -> None:
        silent = all(r.scheduling == FunctionResponseScheduling.SILENT for r in responses)
        if not silent:
            blocking = any(self._gate.blocks(response.name) for response in responses)
            with self._lock:
                self._owed.sent(time.monotonic(), blocking=blocking)
        self._send(responses, is_wanted)
        if not silent:
            self._on_owed()

    def _over(self, call_id: Optional[str], name: str, answered: bool) -> None:
        """A call was answered, which ``responded`` knows already; or cancelled, or lost."""
        if not answered:
            self._gate.over(call_id, name)
        with self._lock:
            self._unsettled -= 1
            settled = self._unsettled == 0 and self._owed.since is None
        if settled:
            self._on_settled()


def _calls_in(message: LiveServerMessage) -> list[FunctionCall]:
    """Return the calls of a message; some models send them as parts as well (Protocol §9.1)."""
    calls = message.tool_calls
    content = message.server_content
    turn = content.model_turn if content else None
    if turn is not None:
        parts = [part.function_call for part in turn.parts or () if part.function_call]
        # without an id the two cannot be told to be one
        calls += [call for call in parts if call.id]
    return calls
