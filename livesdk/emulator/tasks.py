"""Generators run by timers and by what the client sends.

A task's generator yields what it waits for: seconds, or a predicate that is asked again after every
client frame.  Everything happens in the connection's thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Callable, Protocol, Union

from .timers import Timer

__all__ = ["Clock", "Pause", "Task"]

Pause = Union[float, Callable[[], bool]]
"""Seconds to wait, or what must become true."""


class Clock(Protocol):
    """What a task needs of its connection."""

    def call_later(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Call ``action`` after ``seconds``."""
        ...


class Task:
    """One generator and its progress."""

    def __init__(self, clock: Clock, work: Iterator[Pause]) -> None:
        self._clock = clock
        self._work = work
        self._timer: Timer | None = None
        self._until: Callable[[], bool] | None = None
        self._running = False
        self.done = False

    def start(self) -> None:
        """Run up to the first pause."""
        self._advance()

    def poke(self) -> None:
        """Go on if what is waited for has come true."""
        if self._until is not None and not self._running and self._until():
            self._until = None
            self._advance()

    def cancel(self) -> None:
        """Never go on.  A generator that cancels itself runs up to its next pause."""
        self.done = True
        self._until = None
        if self._timer is not None:
            self._timer.cancel()
        if not self._running:
            self._close()

    def _advance(self) -> None:
        while not self.done:
            self._running = True
            try:
                pause = next(self._work)
            except StopIteration:
                self.done = True
                return
            finally:
                self._running = False
            if self._is_cancelled():
                self._close()
            elif not callable(pause):
                self._timer = self._clock.call_later(pause, self._advance)
                return
            elif not pause():
                self._until = pause
                return

    def _is_cancelled(self) -> bool:
        return self.done

    def _close(self) -> None:
        close = getattr(self._work, "close", None)
        if close is not None:
            close()
