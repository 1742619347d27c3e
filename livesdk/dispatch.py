"""Push: callbacks in order, one at a time, off the reader.

::

    reader ─post▶ queue ─▶ "thread"    a thread of ours (the default)
                          "manual"    whoever calls pump()
                          callable    one drain at a time, posted to somebody's loop or pool
    reader ─post▶ run at once          "reader": inline, for the lowest latency

A callback that raises is logged, told to ``onerror``, and forgotten.  Row of ``DESIGN`` §4: one
condition around the queue; no callback runs under it.
"""

from __future__ import annotations

import contextlib
import inspect
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Optional, Union

from attrs import evolve, frozen

from ._log import get_logger
from .errors import CallbackError, ConfigError

__all__ = ["EVENTS", "Callback", "Dispatch", "Dispatcher", "LiveCallbacks", "callbacks_from"]

_log = get_logger(__name__)

Callback = Callable[..., Any]
Dispatch = Union[str, Callable[[Callable[[], None]], Any]]

EVENTS = ("open", "message", "error", "close")
_BEHIND = 1024 * 1024
"""Bytes in the queue from which on the callbacks are said to be behind."""


@frozen(kw_only=True)
class LiveCallbacks:
    """What to call when something happens; each takes one argument or none.

    Attributes:
        onopen: Called with the session once it is open, before ``connect()`` returns to others.
        onmessage: Called with every :class:`LiveServerMessage`, ``setupComplete`` first.
        onerror: Called with each problem that does not end the session, and once before an
            abnormal end.
        onclose: Called with the :class:`CloseInfo`, exactly once, last.
        dispatch: Where they run: ``"thread"`` (one of ours), ``"reader"`` (the reading thread
            itself: lowest latency, and a slow callback delays the connection), ``"manual"``
            (inside ``session.pump()``), or a callable that hands a function to another thread,
            such as ``executor.submit``.
    """

    onopen: Optional[Callback] = None
    onmessage: Optional[Callback] = None
    onerror: Optional[Callback] = None
    onclose: Optional[Callback] = None
    dispatch: Dispatch = "thread"


def callbacks_from(given: Any) -> LiveCallbacks:
    """Check callbacks given as :class:`LiveCallbacks`, a dict in either style, or ``None``."""
    if given is None:
        return LiveCallbacks()
    if isinstance(given, dict):
        unknown = set(given) - {f"on{event}" for event in EVENTS} - {"dispatch"}
        if unknown:
            raise ConfigError(
                f"callbacks: unknown {sorted(map(str, unknown))}; expected onopen, onmessage,"
                " onerror, onclose, dispatch"
            )
        given = LiveCallbacks(**given)
    if not isinstance(given, LiveCallbacks):
        raise ConfigError(
            f"callbacks: expected LiveCallbacks or a dict, got {type(given).__name__}"
        )
    for event in EVENTS:
        callback = getattr(given, f"on{event}")
        if callback is not None and not callable(callback):
            raise ConfigError(f"callbacks.on{event}: expected a function, got {callback!r:.60}")
    if given.dispatch not in ("thread", "reader", "manual") and not callable(given.dispatch):
        raise ConfigError(
            "callbacks.dispatch: expected 'thread', 'reader', 'manual' or a callable,"
            f" got {given.dispatch!r:.60}"
        )
    return evolve(given)


def takes_argument(callback: Callback) -> bool:
    """Tell whether a callback takes an argument; where ``inspect`` cannot tell, it does."""
    try:
        parameters = inspect.signature(callback).parameters.values()
    except (TypeError, ValueError):
        return True
    return any(
        p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.VAR_POSITIONAL) for p in parameters
    )


class Dispatcher:
    """Runs the callbacks of one session.

    Args:
        callbacks: The first ones; more may be added at any time.
        name: Of the thread, if one is needed.
        limit: Bytes that may wait; beyond it :attr:`is_full`, and the reader stops reading.
        on_failure: Called with the :class:`CallbackError` when a callback raised.
    """

    def __init__(
        self,
        callbacks: LiveCallbacks,
        *,
        name: str,
        limit: int,
        on_failure: Callable[[CallbackError], None],
        on_room: Callable[[], None],
    ) -> None:
        self._mode = callbacks.dispatch
        self._name = name
        self._limit = limit
        self._on_failure = on_failure
        self._on_room = on_room
        self._condition = threading.Condition(threading.Lock())
        self._queue: deque[tuple[str, Any, int]] = deque()
        self._callbacks: dict[str, tuple[tuple[Callback, bool], ...]] = dict.fromkeys(EVENTS, ())
        self._draining = False
        self._ended = False
        self._behind = False
        self._thread: Optional[threading.Thread] = None
        self._runner: Optional[int] = None
        self.size = 0
        for event in EVENTS:
            callback = getattr(callbacks, f"on{event}")
            if callback is not None:
                self.on(event, callback)

    # --------------------------------------------------------------------------------- callbacks

    def on(self, event: str, callback: Callback) -> None:
        """Add a callback; any thread."""
        event = _event(event)
        with self._condition:
            self._callbacks[event] += ((callback, takes_argument(callback)),)

    def off(self, event: str, callback: Callback) -> None:
        """Remove a callback; nothing happens if it is not there."""
        event = _event(event)
        with self._condition:
            self._callbacks[event] = tuple(
                pair for pair in self._callbacks[event] if pair[0] != callback
            )

    def wants(self, event: str) -> bool:
        """Tell whether anybody listens to an event."""
        return bool(self._callbacks[event])

    # ------------------------------------------------------------------------------------- queue

    @property
    def is_full(self) -> bool:
        """More than the limit waits for slow callbacks."""
        return self.size > self._limit

    def post(self, event: str, argument: Any, size: int = 0) -> None:
        """Hand an event over; the reader's call.  Never waits, except for ``"reader"``."""
        if not self._callbacks[event]:
            return
        if self._mode == "reader":
            self._run(event, argument)
            return
        with self._condition:
            self._queue.append((event, argument, size))
            self.size += size
            self._warn_if_behind()
            start = not self._draining and self._mode != "manual"
            self._draining = self._draining or start
            self._condition.notify()
        if start:
            self._start()

    def _warn_if_behind(self) -> None:
        if self.size > min(_BEHIND, self._limit) and not self._behind:
            self._behind = True
            _log.warning(
                "%s: the callbacks are behind by %d messages; nothing is lost, but do the slow"
                " work elsewhere",
                self._name,
                len(self._queue),
            )

    def _start(self) -> None:
        if self._mode == "thread":
            thread = threading.Thread(target=self._work, name=self._name, daemon=True)
            with contextlib.suppress(RuntimeError):  # the interpreter is going down
                thread.start()
                self._thread = thread
        elif callable(self._mode):
            self._mode(self._drain)

    def _work(self) -> None:
        """Run callbacks until the end: the body of our thread."""
        while True:
            with self._condition:
                while not self._queue and not self._ended:
                    self._condition.wait()
                if not self._queue:
                    self._draining = False
                    self._condition.notify_all()
                    return
            self._run_next()

    def _drain(self) -> None:
        """Run what is queued: the one drain that is posted to somebody else's thread."""
        while True:
            with self._condition:
                if not self._queue:
                    self._draining = False
                    self._condition.notify_all()
                    return
            self._run_next()

    def pump(self, timeout: float = 0.0) -> int:
        """Run what is queued in this thread; wait up to ``timeout`` seconds for the first.

        Returns:
            How many callbacks were run.
        """
        if self._mode != "manual":
            raise ConfigError("pump() needs LiveCallbacks(dispatch='manual')")
        count = 0
        with self._condition:
            if not self._queue and timeout > 0 and not self._ended:
                self._condition.wait(timeout)
        while self._queue:
            self._run_next()
            count += 1
        return count

    def _run_next(self) -> None:
        with self._condition:
            if not self._queue:
                return
            event, argument, size = self._queue.popleft()
            was_full = self.is_full
            self.size -= size
            if not self._queue:
                self._behind = False
        if was_full and not self.is_full:
            self._on_room()
        self._run(event, argument)

    def _run(self, event: str, argument: Any) -> None:
        outer, self._runner = self._runner, threading.get_ident()
        for callback, with_argument in self._callbacks[event]:
            try:
                if with_argument:
                    callback(argument)
                else:
                    callback()
            except (Exception, SystemExit) as error:  # noqa: BLE001  # a border: see the module
                self._failed(event, callback, error)
        self._runner = outer

    def _failed(self, event: str, callback: Callback, error: BaseException) -> None:
        name = getattr(callback, "__qualname__", None) or type(callback).__name__
        _log.error("the on%s callback %s raised", event, name, exc_info=error)
        failure = CallbackError(name)
        failure.__cause__ = error
        if event != "error":
            self._run("error", failure)
        self._on_failure(failure)

    # --------------------------------------------------------------------------------------- end

    def end(self) -> None:
        """Nothing will be posted any more; our thread ends once it has run what is queued."""
        with self._condition:
            self._ended = True
            self._condition.notify_all()

    @property
    def runs_here(self) -> bool:
        """This is the thread that is running a callback at this moment."""
        return self._runner == threading.get_ident()

    def wait_done(self, deadline: Optional[float]) -> bool:
        """Wait until our own thread has ended; True if it has (or there is none)."""
        thread = self._thread
        if thread is None or self.runs_here:
            return True
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        thread.join(left)
        return not thread.is_alive()


def _event(name: str) -> str:
    event = name[2:] if name.startswith("on") and name[2:] in EVENTS else name
    if event not in EVENTS:
        raise ConfigError(f"unknown event {name!r:.40}; expected one of {', '.join(EVENTS)}")
    return event
