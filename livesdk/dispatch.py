"""Push: callbacks in order, one at a time, off the reader.

::

    reader ─post▶ queue ─▶ "thread"    a thread of ours (the default)
                          "manual"    whoever calls pump()
                          callable    one drain at a time, posted to somebody's loop or pool
                          "reader"    a drain at once, in the thread that posts: lowest latency

Whoever runs callbacks has set ``_draining``; nobody else does meanwhile.  So it takes from the
queue without the lock, and counts what it took in a counter of its own.  A callback that raises is
logged, told to ``onerror``, and forgotten.  Row of ``DESIGN`` §4: one lock around the queue; no
callback runs under it.
"""

from __future__ import annotations

import contextlib
import inspect
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Literal, Optional, Union

from attrs import evolve

from ._checks import check_function, meant
from ._lock import Condition
from ._log import get_logger
from ._records import frozen
from ._timeout import seconds_of_timeout
from .errors import CallbackError, ConfigError

__all__ = ["EVENTS", "Callback", "Dispatch", "Dispatcher", "LiveCallbacks", "callbacks_from"]

_log = get_logger(__name__)

Callback = Union[Callable[[Any], Any], Callable[[], Any]]
Dispatch = Union[Literal["thread", "reader", "manual"], Callable[[Callable[[], None]], Any]]

EVENTS = {
    "open": "onopen",
    "message": "onmessage",
    "error": "onerror",
    "close": "onclose",
    "reconnect": "on_reconnect",
    "go_away": "on_go_away",
}
"""What can happen, and how its callback is called."""
_BEHIND = 4 * 1024 * 1024
"""Bytes in the queue from which on the callbacks are behind: a minute of audio."""
_BEHIND_FOR = 0.5
"""Seconds for which they have to be, until it is said: a burst makes nobody slow."""
_SAID = float("inf")


@frozen(kw_only=True)
class LiveCallbacks:
    """What to call when something happens; each takes one argument or none.

    Attributes:
        onopen: Called with the session once it is open, before ``connect()`` returns to others.
        onmessage: Called with every :class:`LiveServerMessage`, ``setupComplete`` first.
        onerror: Called with each problem that does not end the session, and once before an
            abnormal end.
        onclose: Called with the :class:`CloseInfo`, exactly once, last.  Not called if
            ``connect()`` fails, which raises instead.  What it raises itself is logged only.
        on_reconnect: Called with a :class:`ReconnectInfo` when another connection has taken the
            place of one that ended; before any message of it.
        on_go_away: Called with the :class:`LiveServerGoAway` when the server says that it will end
            the connection; the session then moves to another one by itself, if it may.
        dispatch: Where they run: ``"thread"`` (one of ours), ``"reader"`` (the reading thread
            itself: lowest latency, and a slow callback delays the connection), ``"manual"``
            (inside ``session.pump()``), or a callable that hands a function to another thread,
            such as ``executor.submit``.
    """

    onopen: Optional[Callback] = None
    onmessage: Optional[Callback] = None
    onerror: Optional[Callback] = None
    onclose: Optional[Callback] = None
    on_reconnect: Optional[Callback] = None
    on_go_away: Optional[Callback] = None
    dispatch: Dispatch = "thread"


def callbacks_from(given: Any) -> LiveCallbacks:
    """Check callbacks given as :class:`LiveCallbacks`, a dict in either style, or ``None``."""
    if given is None:
        return LiveCallbacks()
    if isinstance(given, Mapping):
        given = {_OTHER_NAMES.get(name, name): value for name, value in given.items()}
        names = [*EVENTS.values(), "dispatch"]
        unknown = sorted(map(str, set(given) - set(names)))
        if unknown:
            raise ConfigError(
                f"callbacks: unknown {unknown}{meant(unknown[0].lower(), names)};"
                f" expected {', '.join(names)}"
            )
        given = LiveCallbacks(**given)
    if not isinstance(given, LiveCallbacks):
        raise ConfigError(
            f"callbacks: expected LiveCallbacks or a dict, got {type(given).__name__}"
        )
    for name in EVENTS.values():
        callback = getattr(given, name)
        if callback is not None:
            _check(f"callbacks.{name}", callback)
    if given.dispatch not in ("thread", "reader", "manual") and not callable(given.dispatch):
        raise ConfigError(
            "callbacks.dispatch: expected 'thread', 'reader', 'manual' or a callable,"
            f" got {given.dispatch!r:.60}"
        )
    return evolve(given)


_OTHER_NAMES = {"onreconnect": "on_reconnect", "ongoaway": "on_go_away"}
"""As a dict in the style of the JS client would have them."""


def takes_argument(callback: Callback) -> bool:
    """Tell whether a callback takes an argument; where ``inspect`` cannot tell, it does."""
    try:
        parameters = inspect.signature(callback).parameters.values()
    except Exception:  # noqa: BLE001  # on 3.12 even the tokenizer's own, for some builtins
        return True
    return any(
        p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.VAR_POSITIONAL) for p in parameters
    )


def _check(name: str, callback: Any) -> None:
    """Raise :class:`ConfigError` unless it can be called with one argument, or with none."""
    check_function(name, callback)
    try:
        signature = inspect.signature(callback)
    except Exception:  # noqa: BLE001  # see takes_argument
        return
    for arguments in ((None,), ()):
        with contextlib.suppress(TypeError):
            signature.bind(*arguments)
            return
    raise ConfigError(
        f"{name}: expected a function of one argument or none, got one of {signature}"
    )


class Dispatcher:
    """Runs the callbacks of one session.

    Args:
        callbacks: The first ones; more may be added at any time.
        name: Of the thread, if one is needed.
        limit: Bytes that may wait; beyond it :attr:`is_full`, and the reader stops reading.
        on_failure: Called with the :class:`CallbackError` when a callback raised.
        on_room: Called when the queue is below the limit again.
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
        self._mode: Dispatch = _run_here if callbacks.dispatch == "reader" else callbacks.dispatch
        self._waits_for_all = callbacks.dispatch in ("thread", "reader")
        self._name = name
        self._limit = limit
        self._behind_from = min(_BEHIND, limit)
        self._on_failure = on_failure
        self._on_room = on_room
        self._lock = threading.Lock()
        self._condition = Condition(self._lock)  # for pump() and wait_done()
        self._bell = threading.Lock()  # our thread waits for it to be let go
        self._bell.acquire()
        self._asleep = False  # it does so, or is about to
        self._queue: deque[tuple[str, Any, int]] = deque()
        self._callbacks: dict[str, tuple[tuple[Any, bool], ...]] = dict.fromkeys(EVENTS, ())
        self._draining = False
        self._ended = False
        self._behind_since: Optional[float] = None
        self._stuck = False  # nobody could be found to drain
        self._thread: Optional[threading.Thread] = None
        self._runner: Optional[int] = None
        self._posted = 0  # bytes, ever; the caller holds the lock
        self._taken = 0  # the same, by who drains
        for event, attribute in EVENTS.items():
            callback = getattr(callbacks, attribute)
            if callback is not None:
                self.on(event, callback)

    # --------------------------------------------------------------------------------- callbacks

    def on(self, event: str, callback: Callback) -> None:
        """Add a callback; any thread.  It is not told of what has happened before."""
        event = _event(event)
        _check(f"on({event!r})", callback)
        with self._lock:
            self._callbacks[event] += ((callback, takes_argument(callback)),)

    def off(self, event: str, callback: Callback) -> None:
        """Remove a callback, also for what is queued; nothing happens if it is not there."""
        event = _event(event)
        with self._lock:
            self._callbacks[event] = tuple(
                pair for pair in self._callbacks[event] if pair[0] != callback
            )

    def wants(self, event: str) -> bool:
        """Tell whether anybody listens to an event."""
        return bool(self._callbacks[event])

    # ------------------------------------------------------------------------------------- queue

    @property
    def size(self) -> int:
        """Bytes that wait."""
        return self._posted - self._taken

    @property
    def is_full(self) -> bool:
        """More than the limit waits for slow callbacks."""
        return self._posted - self._taken > self._limit

    def post(self, event: str, argument: Any, size: int = 0) -> None:
        """Hand an event over.  Never waits, except for ``"reader"``; does nothing after the end."""
        self.put(event, argument, size)
        self.wake()

    def put(self, event: str, argument: Any, size: int = 0) -> None:
        """Do as :meth:`post`, but let others sleep until :meth:`wake`: more is about to follow."""
        if not self._callbacks[event]:
            return
        with self._lock:
            if self._ended:
                return
            self._queue.append((event, argument, size))
            self._posted += size
            if self._posted - self._taken > self._behind_from:
                self._note_behind()
        if self._mode is _run_here:
            self.wake()

    def wake(self) -> None:
        """See to it that what was put is run."""
        # who drains looks at the queue, under the lock, before it says that it does no longer
        if not self._queue or (self._draining and not self._asleep):
            return
        with self._lock:
            start = self._claim()
        if start:
            self._start()

    def end(self, *last: tuple[str, Any]) -> None:
        """Hand the last events over and refuse all later ones; a thread of ours ends with them."""
        with self._lock:
            if self._ended:
                return
            self._ended = True
            wanted = [(event, argument, 0) for event, argument in last if self._callbacks[event]]
            self._queue.extend(wanted)
            start = self._claim()
        if start:
            self._start()

    def _claim(self) -> bool:
        """Wake who waits; True if somebody has to be found to drain.  The caller holds the lock."""
        if self._asleep:
            self._asleep = False
            self._bell.release()
        if self._mode == "manual" or self._ended:
            self._condition.notify_all()
        if self._draining or self._mode == "manual" or not self._queue:
            return False
        self._draining = True
        return True

    def _note_behind(self) -> None:
        """Say once an episode that callbacks are slow; the caller holds the lock."""
        now = time.monotonic()
        if self._behind_since is None:
            self._behind_since = now
        if now - self._behind_since >= (0 if self.is_full else _BEHIND_FOR):
            self._behind_since = _SAID
            _log.warning(
                "%s: the callbacks are behind by %d messages; nothing is lost, but do the slow"
                " work elsewhere",
                self._name,
                len(self._queue),
            )

    def _start(self) -> None:
        """Find somebody to drain, who has been claimed already."""
        try:
            if self._mode == "thread":
                thread = threading.Thread(target=self._work, name=self._name, daemon=True)
                thread.start()
                self._thread = thread
            elif callable(self._mode):
                self._mode(self._drain)
        except Exception as error:  # noqa: BLE001  # a border: the function is the user's
            self._cannot_start(error)

    def _cannot_start(self, error: Exception) -> None:
        """Say it once; the next event tries again."""
        with self._lock:
            self._draining = False
            first, self._stuck = not self._stuck, True
        if first and "interpreter shutdown" not in str(error):  # then nobody is left to be told
            _log.error("%s: nobody runs the callbacks", self._name, exc_info=error)

    def _work(self) -> None:
        """Run callbacks until the end: the body of our thread."""
        while True:
            self._run_waiting(len(self._queue))
            with self._lock:
                is_idle = not self._queue
                if is_idle and self._ended:
                    self._rest()
                    return
                if is_idle:
                    self._behind_since, self._asleep = None, True
            if is_idle:
                self._bell.acquire()  # rung once for each time that _asleep was set

    def _drain(self) -> None:
        """Run what is queued: the one drain that is posted to somebody else's thread."""
        while True:
            try:
                self._run_waiting(len(self._queue))
            except BaseException:  # Ctrl-C in somebody's main loop: the rest goes on in another
                self._start()
                raise
            with self._lock:
                if not self._queue:
                    self._rest()
                    return

    def _rest(self) -> None:
        """Drain no longer; the caller holds the lock."""
        self._draining = False
        if not self._queue:
            self._behind_since = None
        if self._ended:
            self._condition.notify_all()

    def pump(self, timeout: Optional[float] = 0.0) -> int:
        """Run what is queued in this thread; wait up to ``timeout`` seconds for the first.

        Returns:
            How many events were handed over; 0 while another pump, or this one, is at it.
        """
        if self._mode != "manual":
            raise ConfigError("pump() needs LiveCallbacks(dispatch='manual')")
        seconds = seconds_of_timeout(timeout)
        with self._lock:
            if not (self._draining or self._queue):
                self._condition.wait_for(
                    lambda: self._queue or self._ended or self._draining,
                    seconds,
                )
            if self._draining:
                return 0
            self._draining = True
            count = len(self._queue)  # what is posted meanwhile is for the next: a GUI has to live
        try:
            self._run_waiting(count)
        finally:
            with self._lock:
                self._rest()
        return count

    def _run_waiting(self, count: int) -> None:
        """Run so many of those that wait; who calls has claimed it."""
        take = self._queue.popleft
        self._runner = threading.get_ident()
        try:
            for _ in range(count):
                event, argument, size = take()
                self._taken += size
                left = self._posted - self._taken  # looked at after that: no posting is overlooked
                if left <= self._limit < left + size:
                    self._on_room()
                self._run(event, argument)
        finally:
            self._runner = None

    def _run(self, event: str, argument: Any) -> None:
        pairs = self._callbacks[event]
        for pair in pairs:
            now = self._callbacks[event]
            if now is not pairs and pair not in now:
                continue  # an earlier one removed it
            callback, with_argument = pair
            try:
                if with_argument:
                    callback(argument)
                else:
                    callback()
            except BaseException as error:  # a border: see the module
                if isinstance(error, KeyboardInterrupt) and not self._waits_for_all:
                    raise  # Ctrl-C in the program's own thread is for the program
                self._failed(event, callback, error)

    def _failed(self, event: str, callback: Callback, error: BaseException) -> None:
        name = getattr(callback, "__qualname__", None) or type(callback).__name__
        _log.error("the %s callback %s raised", EVENTS[event], name, exc_info=error)
        failure = CallbackError(name)
        failure.__cause__ = error
        if event not in ("error", "close"):  # not in a circle, and nothing comes after onclose
            self._run("error", failure)
        self._on_failure(failure)

    # --------------------------------------------------------------------------------------- end

    @property
    def runs_here(self) -> bool:
        """This is the thread that is running a callback at this moment."""
        return self._runner == threading.get_ident()

    def wait_done(self, deadline: float) -> bool:
        """After the end, wait until every callback has run; True if so.

        Callbacks that run in the program's own threads are not waited for: this may be the thread.
        """
        if not self._waits_for_all or self.runs_here:
            return True
        left = max(0.0, deadline - time.monotonic())
        if not self._lock.acquire(timeout=min(left, threading.TIMEOUT_MAX)):
            return False  # a signal handler, in a thread that holds it
        try:
            if not self._condition.wait_for(lambda: not self._draining, left):
                return False
        finally:
            self._lock.release()
        thread = self._thread
        if thread is not None:  # it has nothing left to do
            thread.join()
        return True


def _run_here(drain: Callable[[], None]) -> None:
    drain()


def _event(name: str) -> str:
    event = str(name).removeprefix("on").removeprefix("_")
    if event not in EVENTS:
        raise ConfigError(f"unknown event {name!r:.40}; expected one of {', '.join(EVENTS)}")
    return event
