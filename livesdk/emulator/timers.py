"""Calls that are due later, in the thread of one connection.  No clock and no thread of its own."""

from __future__ import annotations

import heapq
import itertools
from typing import Callable

import attrs

__all__ = ["Timer", "Timers"]


@attrs.define(eq=False)
class Timer:
    """One call that is due later; ``cancel()`` makes it never happen."""

    action: Callable[[], None]
    cancelled: bool = False

    def cancel(self) -> None:
        """Forget the call.  Harmless after it happened."""
        self.cancelled = True


class Timers:
    """The calls of one connection, ordered by time, then by the order in which they were asked for.

    Not thread-safe: everything here happens in the connection's own thread.
    """

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()

    def add(self, when: float, action: Callable[[], None]) -> Timer:
        """Ask for ``action`` at the monotonic time ``when``."""
        timer = Timer(action)
        heapq.heappush(self._due, (when, next(self._order), timer))
        return timer

    def seconds_left(self, now: float) -> float | None:
        """Return how long until the next call, at least 0, or ``None`` if there is none."""
        while self._due and self._due[0][2].cancelled:
            heapq.heappop(self._due)
        return max(0.0, self._due[0][0] - now) if self._due else None

    def run(self, now: float) -> None:
        """Make the calls due by ``now``.  Calls they ask for wait until the next run."""
        due = []
        while self._due and self._due[0][0] <= now:
            due.append(heapq.heappop(self._due)[2])
        for timer in due:
            if not timer.cancelled:
                timer.action()
