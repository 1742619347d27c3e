"""What a device heard and nobody read yet.  No device, no thread: only a bounded queue.

Row of ``DESIGN`` §4: one condition around the queue.  The device's thread puts and never waits;
one reader gets.  When it is full the oldest block goes, and is counted.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Optional

__all__ = ["Capture"]


class Capture:
    """Blocks on their way from the device to the reader.

    Attributes:
        overflows: How often the device said that it lost sound.
        dropped_blocks: How many were dropped here because nobody read.
        touched_at: When the device last delivered; by ``time.monotonic``.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._condition = threading.Condition(threading.Lock())
        self._blocks: deque[bytes] = deque()
        self._closed = False
        self.overflows = 0
        self.dropped_blocks = 0
        self.touched_at = time.monotonic()

    def put(self, block: bytes, overflowed: bool) -> None:
        """Add a block: the device's call; never waits."""
        with self._condition:
            self.touched_at = time.monotonic()
            self.overflows += overflowed
            if len(self._blocks) >= self._limit:
                self._blocks.popleft()
                self.dropped_blocks += 1
            self._blocks.append(block)
            self._condition.notify()

    def get(self, timeout: float) -> Optional[bytes]:
        """Return the oldest block, or ``None`` after ``timeout`` seconds or when closed."""
        with self._condition:
            if not self._blocks and not self._closed and timeout > 0:
                self._condition.wait_for(lambda: self._blocks or self._closed, timeout)
            return self._blocks.popleft() if self._blocks else None

    def reopen(self) -> None:
        """Forget what waits, and wait again."""
        with self._condition:
            self._blocks.clear()
            self._closed = False
            self.touched_at = time.monotonic()

    def close(self) -> None:
        """Wake the reader; it waits no more."""
        with self._condition:
            self._closed = True
            self._blocks.clear()
            self._condition.notify_all()
