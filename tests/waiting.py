"""Waiting in tests: for a call in a thread of its own, and for what nothing tells of."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

PATIENCE = 10.0
"""Seconds until a wait counts as a hang."""


class Caught(threading.Thread):
    """A call in a thread of its own, and what became of it."""

    def __init__(self, function: Callable[..., Any], *arguments: Any, **named: Any) -> None:
        super().__init__(name="test-call", daemon=True)
        self._call = lambda: function(*arguments, **named)
        self._returned: Any = None
        self._raised: BaseException | None = None
        self.ended_at = 0.0
        self.start()

    def run(self) -> None:
        try:
            self._returned = self._call()
        except BaseException as error:  # noqa: BLE001  # it is what the test asks about
            self._raised = error
        self.ended_at = time.monotonic()

    def outcome(self, timeout: float = PATIENCE) -> Any:
        """Return what the call returned or raised."""
        self.join(timeout)
        assert not self.is_alive(), "the call has not returned"
        return self._returned if self._raised is None else self._raised

    def result(self, timeout: float = PATIENCE) -> Any:
        """Return what the call returned, or raise what it raised."""
        outcome = self.outcome(timeout)
        if self._raised is not None:
            raise self._raised
        return outcome


def settled(reached: Callable[[], bool], timeout: float = PATIENCE) -> bool:
    """Wait until something holds that nothing tells of; tell whether it does."""
    deadline = time.monotonic() + timeout
    pause = threading.Event()
    while not reached():
        if time.monotonic() >= deadline:
            return False
        pause.wait(0.005)
    return True


def until(reached: Callable[[], bool], timeout: float = PATIENCE) -> None:
    """Wait until something holds that nothing tells of, or fail."""
    assert settled(reached, timeout), "it never came to be"


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """Fail if the block takes longer."""
    started = time.monotonic()
    yield
    took = time.monotonic() - started
    assert took <= seconds, f"it took {took:.2f} s, and may take {seconds} s"


def descriptors() -> int:
    """Count the descriptors of this process; 0 where the system does not tell them."""
    folder = Path("/dev/fd")
    return sum(1 for _ in folder.iterdir()) if folder.is_dir() else 0
