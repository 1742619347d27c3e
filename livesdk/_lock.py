"""Locks that a fork leaves open in the child, and conditions whose waits Ctrl-C ends everywhere."""

from __future__ import annotations

import os
import threading
import time
from typing import Optional

__all__ = ["Condition", "ProcessLock", "SlicedCondition"]


class ProcessLock:
    """One lock for each process that has a copy of it; used by ``with``.

    The thread that held the parent's does not exist in the child, so nobody would ever let it go.
    """

    __slots__ = ("_locks",)

    def __init__(self) -> None:
        self._locks: dict[int, threading.Lock] = {}

    def __enter__(self) -> None:
        """Wait for this process's lock; of two threads that miss it at once, both get the same."""
        pid = os.getpid()
        lock = self._locks.get(pid) or self._locks.setdefault(pid, threading.Lock())
        lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._locks[os.getpid()].release()


class SlicedCondition(threading.Condition):
    """A condition that waits a second at a time.

    On Windows, up to Python 3.13, a thread that waits for a lock notices Ctrl-C only when it has
    it.  Between two slices the lock is held, so that no notification is lost.
    """

    def wait(self, timeout: Optional[float] = None) -> bool:
        """Wait until notified; False if ``timeout`` seconds pass before."""
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            left = _SLICE if end is None else min(_SLICE, end - time.monotonic())
            if super().wait(max(0.0, left)):
                return True
            if end is not None and time.monotonic() >= end:
                return False


_SLICE = 1.0

Condition = SlicedCondition if os.name == "nt" else threading.Condition
"""What the program's own threads wait with."""
