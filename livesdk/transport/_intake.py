"""How much one read asks for, and where the bytes go: from a socket into the frame reader.

Each read makes threads take turns, so where much arrives much is asked for: one read of four
seconds of audio costs half of four reads of one.  Such reads go into memory that is kept; it is let
go when no more comes, since a process may have hundreds of sessions that are mostly silent.

Row of ``DESIGN`` §4: one thread reads; the transport holds its lock around :meth:`Intake.read`.
"""

from __future__ import annotations

import functools
import socket
import ssl
from typing import Optional

from ._frames import FrameReader

__all__ = ["Intake"]

_LEAST, _MOST = 16 * 1024, 256 * 1024
"""Bytes of one read."""
_RECORD = 16 * 1024
"""Bytes of one read at most where it is TLS."""
_FEW = 8
"""Messages of one read: if a full one brings fewer, the next asks for more."""
_LARGE_BLOCK = 4 * 1024 * 1024


class Intake:
    """Reads from a socket that does not block.

    Args:
        frames: What takes the bytes.

    Attributes:
        drained: The last read left nothing in the TLS object or the kernel: wait before the next.
        wants_write: TLS cannot read on before it has written.
    """

    __slots__ = ("_frames", "_messages", "_size", "drained", "wants_write")

    def __init__(self, frames: FrameReader) -> None:
        self._frames = frames
        self.drained = False
        self.wants_write = False
        self._size = _LEAST  # of the next read
        self._messages = -_FEW  # that had come at the last one

    @property
    def is_large(self) -> bool:
        """Much arrives, and memory is kept for it."""
        return self._size > _LEAST

    def shrink(self) -> None:
        """Nothing more comes: let that memory go."""
        self._size = _LEAST
        self._frames.forget_room()

    def read(self, sock: socket.socket, messages: int) -> Optional[int]:
        """Read once; return how many bytes came, 0 at their end, ``None`` if there are none now.

        Args:
            sock: Where from.
            messages: How many have come so far.
        """
        self.wants_write = False
        asked = self._size
        try:
            if asked == _LEAST:
                data = sock.recv(asked)
                size = len(data)
                self._frames.feed(data)
            else:
                room = self._frames.room(asked)
                asked = len(room)
                size = sock.recv_into(room)
                self._frames.filled(size)
        except (BlockingIOError, ssl.SSLWantReadError):
            self.drained = True
            return None
        except ssl.SSLWantWriteError:
            self.drained = self.wants_write = True
            return None
        if not size:
            return 0
        if isinstance(sock, ssl.SSLSocket):
            is_full = size >= min(asked, _RECORD)
            self.drained = not is_full and not sock.pending()
        else:
            is_full = size == asked
            self.drained = not is_full
        self._fit(size, messages, is_full=is_full)
        return size

    def _fit(self, size: int, messages: int, *, is_full: bool) -> None:
        """Let the next read ask for what suits what arrives; ``size`` bytes were read now."""
        if is_full and messages - self._messages < _FEW:
            if not self.is_large:
                _keep_freed_memory()
            self._size = min(_MOST, 4 * self._size)
        elif not is_full and 4 * size < self._size:
            self._size = max(_LEAST, self._size // 4)
        self._messages = messages


@functools.cache  # once a process: the next block would come from the heap, and be cleared
def _keep_freed_memory() -> None:
    """Let the C library keep what is freed: messages that are let go make room for the next ones.

    As it begins, glibc gives all but 128 KB at the end of a heap back to the system, which clears
    every page before it gives it out again.  Once a block like this has been freed, it keeps twice
    as much (mallopt(3), M_MMAP_THRESHOLD).  The block itself is never touched, so it costs nothing;
    where there is another C library, it changes nothing.
    """
    bytes(_LARGE_BLOCK)
