"""Pull: a queue of messages that has an end, bounded by bytes.

Row of ``DESIGN`` §4: one condition; the reader puts, one consumer gets; nothing else is locked
while it is held.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Generic, Optional, TypeVar, Union

from ._lock import Condition

__all__ = ["End", "Inbox", "weight_of"]

T = TypeVar("T")


def weight_of(frame: Union[bytes, str, memoryview], levels: int = 0) -> int:
    """Return about how many bytes of memory a waiting message takes.

    Its frame, and what Python needs for each object and list in it: a server that sends ``{}`` all
    the time fills two hundred times the memory of its bytes.

    Args:
        frame: What came.
        levels: How many objects and lists are in it; they are counted where that is 0.
    """
    if levels:
        return len(frame) + _LEVEL * levels
    if isinstance(frame, memoryview):
        frame = bytes(frame)
    if isinstance(frame, str):
        return len(frame) + _LEVEL * (frame.count("{") + frame.count("["))
    levels = 0
    rest = 0
    if len(frame) > _SHORT:
        # most long frames consist of one string of audio: looking for levels there costs
        key = frame.find(b'"data"', 0, _SHORT)
        start = frame.find(b'"', key + len(b'"data"')) if key >= 0 else -1
        end = frame.find(b'"', start + 1) if start >= 0 else -1
        if end >= 0:
            levels = frame.count(b"{", 0, start) + frame.count(b"[", 0, start)
            rest = end
    levels += frame.count(b"{", rest) + frame.count(b"[", rest)
    return len(frame) + _LEVEL * levels


_SHORT = 512
_LEVEL = 512


class End(Exception):  # an outcome; the session makes an exception or a return of it
    """The queue is empty and nothing will come any more."""


class Inbox(Generic[T]):
    """Messages in order of arrival, each with its size, until :meth:`end`.

    Args:
        limit: Bytes that may wait; beyond it :attr:`is_full`.
        on_room: Called when there is room again.
        fills: Whether messages are kept from the start.
    """

    def __init__(self, limit: int, on_room: Callable[[], None], *, fills: bool = True) -> None:
        self._limit = limit
        self._on_room = on_room
        self._fills = fills
        self._items: deque[tuple[T, int]] = deque()
        self._condition = Condition(threading.Lock())
        self._ended = False
        self._woken = False
        self.size = 0

    @property
    def is_full(self) -> bool:
        """More than the limit is waiting: stop reading until ``on_room`` is called."""
        return self.size > self._limit

    @property
    def fills(self) -> bool:
        """Messages are kept; else :meth:`put` drops them.  Once it is set to False, none comes."""
        return self._fills

    @fills.setter
    def fills(self, fills: bool) -> None:
        with self._condition:
            self._fills = fills

    def put(self, item: T, size: int) -> None:
        """Add a message; never waits, whatever the size."""
        fills = self._fills
        if not fills:  # looked at again below: once it is set to False, none comes
            return
        with self._condition:
            if not self._fills:
                return
            self._items.append((item, size))
            self.size += size
            self._condition.notify()

    def get(self, deadline: Optional[float]) -> Optional[T]:
        """Return the next message, or ``None`` at the deadline or when woken; else ``End``."""
        with self._condition:
            if not (self._items or self._ended or self._woken):
                left = None if deadline is None else deadline - time.monotonic()
                if left is None or left > 0:
                    self._condition.wait(None if left is None else min(left, threading.TIMEOUT_MAX))
            self._woken = False
            if not self._items:
                if self._ended:
                    raise End
                return None
            item, size = self._items.popleft()
            was_full = self.is_full
            self.size -= size
        if was_full and not self.is_full:
            self._on_room()
        return item

    def take_all(self) -> list[tuple[T, int]]:
        """Remove and return what is waiting."""
        with self._condition:
            items = list(self._items)
            self._items.clear()
            self.size = 0
        self._on_room()
        return items

    def put_back(self, items: Iterable[tuple[T, int]]) -> None:
        """Put what :meth:`take_all` returned before everything else again."""
        with self._condition:
            for item, size in reversed(list(items)):
                self._items.appendleft((item, size))
                self.size += size
            self._condition.notify()

    def wake(self) -> None:
        """End a :meth:`get` that waits, or the next one."""
        with self._condition:
            self._woken = True
            self._condition.notify_all()

    def end(self) -> None:
        """Let :meth:`get` raise ``End`` once everything was got."""
        with self._condition:
            self._ended = True
            self._condition.notify_all()
