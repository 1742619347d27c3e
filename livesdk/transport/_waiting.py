"""Waiting for a socket, with a deadline, from a thread that another thread can wake.

Nothing else in the transport blocks, so an abort ends every wait at once, dialling included.
"""

from __future__ import annotations

import contextlib
import math
import select
import socket
import ssl
import time
from typing import Any, Optional, Union

__all__ = ["Waker", "remaining", "send_some", "wait_ready"]

_HAS_POLL = hasattr(select, "poll")
_LONGEST = 3600.0
"""Seconds that one wait takes at most: ``poll`` counts milliseconds in 32 bits."""


def remaining(deadline: Optional[float]) -> Optional[float]:
    """Return the seconds left until ``deadline`` (of ``time.monotonic``), at least 0."""
    if deadline is None or deadline == math.inf:
        return None
    return max(0.0, deadline - time.monotonic())


def send_some(sock: socket.socket, view: Union[bytes, memoryview]) -> int:
    """Send what there is room for, at least one byte; else raise as a socket that is full does."""
    sent = sock.send(view)
    if view and not sent:  # what TLS on gevent says for it
        raise ssl.SSLWantWriteError
    return sent


def wait_ready(sock: socket.socket, timeout: float, *, read: bool = False) -> None:
    """Return once ``sock`` takes bytes (or has some), is shut down, or ``timeout`` passes."""
    _Watch(sock.fileno(), read=read, write=not read).wait(timeout)


class _Watch:
    """Descriptors to wait for; ``poll`` where it exists, for those above 1024."""

    def __init__(self, descriptor: int, *, read: bool, write: bool, waker: int = -1) -> None:
        self.readers = [one for one in (waker, descriptor if read else -1) if one >= 0]
        self.writers = [descriptor] if write and descriptor >= 0 else []
        self._poll: Any = None
        if _HAS_POLL:
            self._poll = select.poll()
            if waker >= 0:
                self._poll.register(waker, select.POLLIN)
            events = (select.POLLIN if read else 0) | (select.POLLOUT if write else 0)
            if descriptor >= 0:
                self._poll.register(descriptor, events)

    def wait(self, timeout: Optional[float]) -> list[int]:
        """Return the descriptors that are ready, those with an error among them."""
        seconds = _LONGEST if timeout is None else min(timeout, _LONGEST)
        if self._poll is not None:
            return [one for one, _ in self._poll.poll(math.ceil(seconds * 1000))]
        # Windows tells of a failed connect in the third group only
        found = select.select(self.readers, self.writers, self.writers, seconds)
        return [one for group in found for one in group]


class Waker:
    """One thread waits in :meth:`wait`; any thread ends that wait with :meth:`wake`."""

    def __init__(self) -> None:
        self._woken, self._waker = socket.socketpair()
        self._woken.setblocking(False)
        self._waker.setblocking(False)
        self.was_woken = False  # until who asks sets it back; for the thread that waits
        self._watch: Optional[_Watch] = None  # kept, because the next wait is mostly the same
        self._watched = (-1, False, False)

    def wake(self) -> None:
        """End the present or the next wait; any thread, never blocks."""
        with contextlib.suppress(OSError):  # full: it is awake already; closed: nobody waits
            self._waker.send(b"\0")

    def wait(
        self,
        sock: Optional[socket.socket],
        *,
        write: bool = False,
        read: bool = True,
        timeout: Optional[float] = None,
    ) -> bool:
        """Wait for ``sock``; return True if it is ready, False if woken or out of time."""
        descriptor = -1 if sock is None else sock.fileno()
        wanted = (descriptor, read, write)
        if self._watch is None or self._watched != wanted:
            waker = self._woken.fileno()
            self._watch = _Watch(descriptor, read=read, write=write, waker=waker)
            self._watched = wanted
        found = self._watch.wait(timeout)
        if found == [descriptor]:
            return True
        is_ready = False
        for one in found:
            if one == descriptor:
                is_ready = True
            else:
                self._drain()
        return is_ready

    def _drain(self) -> None:
        self.was_woken = True
        with contextlib.suppress(OSError):
            while len(self._woken.recv(256)) == 256:
                pass

    def close(self) -> None:
        """Free the two descriptors; nobody may wait any more."""
        self._watch = None
        self._woken.close()
        self._waker.close()
