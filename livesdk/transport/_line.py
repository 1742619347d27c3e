"""A non-blocking socket, used as if it blocked, while a connection is being made.

Every read and write ends at the attempt's deadline or at an abort, however the peer drips.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from typing import Protocol

from ._waiting import send_some

__all__ = ["HEAD_LIMIT", "Late", "Line", "Wait"]

HEAD_LIMIT = 64 * 1024
"""Bytes of the head of an HTTP answer that are read at most."""


class Late(Exception):  # becomes LiveTimeout; no OSError, which would look like the network's
    """The deadline passed."""


class Wait(Protocol):
    """Waits for the socket; raises :class:`Late`, or what an abort raises."""

    def __call__(self, sock: socket.socket, *, read: bool = ..., write: bool = ...) -> None: ...


class Line:
    """Whole reads and writes on one socket.

    Args:
        check: Raises where the deadline has passed or the attempt was aborted: bytes that keep
            dripping in must not keep it alive.
    """

    def __init__(self, sock: socket.socket, wait: Wait, check: Callable[[], None]) -> None:
        self._sock = sock
        self._wait = wait
        self._check = check

    def send(self, view: memoryview) -> None:
        """Send all of it; a view, whose repr in a traceback shows nothing."""
        while view:
            try:
                view = view[send_some(self._sock, view) :]
            except (BlockingIOError, ssl.SSLWantWriteError):
                self._wait(self._sock, write=True)
            except ssl.SSLWantReadError:
                self._wait(self._sock, read=True)

    def recv(self, size: int) -> bytes:
        """Return what there is, waiting for the first byte.

        Raises:
            ConnectionError: The peer closed the connection.
        """
        while True:
            self._check()
            try:
                data = self._sock.recv(size)
            except (BlockingIOError, ssl.SSLWantReadError):
                self._wait(self._sock, read=True)
            except ssl.SSLWantWriteError:
                self._wait(self._sock, write=True)
            else:
                if not data:
                    raise ConnectionError("the peer closed the connection")
                return data

    def read(self, size: int) -> bytes:
        """Return exactly so many bytes."""
        data = b""
        while len(data) < size:
            data += self.recv(size - len(data))
        return data

    def read_head(self) -> bytes:
        """Return the head of an HTTP answer, with the empty line that ends it.

        Byte by byte, because what follows a good answer belongs to somebody else.

        Raises:
            ValueError: It is not HTTP, or too long to be.
        """
        head = bytearray()
        while not head.endswith((b"\r\n\r\n", b"\n\n")):
            head += self.recv(1)
            if not (head.startswith(_HTTP) or _HTTP.startswith(head)):
                raise ValueError("the answer is not HTTP")
            if len(head) > HEAD_LIMIT:
                raise ValueError("the answer is too long to be HTTP")
        return bytes(head)


_HTTP = b"HTTP/1."
