"""A lock that a fork leaves open in the child, whoever held it in the parent."""

from __future__ import annotations

import os
import threading

__all__ = ["ProcessLock"]


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
