"""Waiting for a socket, with a deadline, from a thread that another thread can wake.

Nothing else in the transport blocks, so an abort ends every wait at once, dialling included.
"""

from __future__ import annotations

import contextlib
import select
import socket
import time
from typing import Optional

__all__ = ["Waker", "remaining", "wait_writable"]

_HAS_POLL = hasattr(select, "poll")


def remaining(deadline: Optional[float]) -> Optional[float]:
    """Return the seconds left until ``deadline`` (of ``time.monotonic``), at least 0."""
    return None if deadline is None else max(0.0, deadline - time.monotonic())


def wait_writable(sock: socket.socket, timeout: Optional[float]) -> None:
    """Return once ``sock`` takes bytes, is shut down, or ``timeout`` passes."""
    _select([], [sock], timeout)


class Waker:
    """One thread waits in :meth:`wait`; any thread ends that wait with :meth:`wake`."""

    def __init__(self) -> None:
        self._woken, self._waker = socket.socketpair()
        self._woken.setblocking(False)
        self._waker.setblocking(False)

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
        readers = [self._woken, sock] if read and sock else [self._woken]
        ready = _select(readers, [sock] if write and sock else [], timeout)
        if self._woken.fileno() in ready:
            self._drain()
        return sock is not None and sock.fileno() in ready

    def _drain(self) -> None:
        with contextlib.suppress(OSError):
            while self._woken.recv(256):
                pass

    def close(self) -> None:
        """Free the two descriptors; nobody may wait any more."""
        self._woken.close()
        self._waker.close()


def _select(
    readers: list[socket.socket], writers: list[socket.socket], timeout: Optional[float]
) -> set[int]:
    """Return the descriptors that are ready; ``poll`` where it exists, for those above 1024."""
    if not _HAS_POLL:
        found = select.select(readers, writers, writers, timeout)
        return {sock.fileno() for group in found for sock in group}
    events: dict[int, int] = {}
    for sock in readers:
        events[sock.fileno()] = select.POLLIN
    for sock in writers:
        events[sock.fileno()] = events.get(sock.fileno(), 0) | select.POLLOUT
    poll = select.poll()
    for descriptor, wanted in events.items():
        if descriptor >= 0:
            poll.register(descriptor, wanted)
    milliseconds = None if timeout is None else max(0, int(timeout * 1000 + 0.999))
    return {descriptor for descriptor, _ in poll.poll(milliseconds)}
