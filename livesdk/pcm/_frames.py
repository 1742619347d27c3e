"""Whole frames from bytes that arrive in arbitrary cuts.

Pure, and without numpy.  :mod:`livesdk.pcm` re-exports the public names.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Union

from ..errors import ConfigError

__all__ = ["Alignment", "Bytes", "Chunker", "check_whole", "chunks"]

Bytes = Union[bytes, bytearray, memoryview]


def check_whole(data: Bytes, frame_bytes: int) -> None:
    """Raise :class:`ConfigError` if the data end inside a frame of ``frame_bytes``."""
    size = len(bytes(data))
    if size % frame_bytes:
        raise ConfigError(
            f"{size} bytes end inside a frame; whole frames of {frame_bytes} bytes are expected"
        )


def chunks(data: Bytes, chunk_bytes: int) -> Iterator[bytes]:
    """Cut bytes into pieces of ``chunk_bytes``; the last one is what remains, never empty.

    Raises:
        ConfigError: ``chunk_bytes`` is not positive (raised by the first step).
    """
    chunker = Chunker(chunk_bytes)
    yield from chunker.feed(data)
    rest = chunker.flush()
    if rest:
        yield rest


class Chunker:
    """Turns a stream cut anywhere into pieces of one size.

    One thread at a time; nothing blocks.

    Raises:
        ConfigError: ``chunk_bytes`` is not positive.
    """

    def __init__(self, chunk_bytes: int) -> None:
        self._aligned = Alignment(chunk_bytes)
        self.chunk_bytes = chunk_bytes

    @property
    def pending(self) -> int:
        """The number of bytes that wait for the rest of their chunk."""
        return self._aligned.pending

    def feed(self, data: Bytes) -> list[bytes]:
        """Take the next bytes and return the chunks that are whole, maybe none."""
        whole = self._aligned.feed(data)
        size = self.chunk_bytes
        return [whole[start : start + size] for start in range(0, len(whole), size)]

    def flush(self) -> bytes:
        """Return what is left, shorter than a chunk and maybe empty, and start anew."""
        return self._aligned.flush()


class Alignment:
    """Carries the bytes of a cut sample (or frame) over to the next call.

    One thread at a time; nothing blocks.

    Args:
        width: Bytes that belong together: 2 for mono PCM, 4 for stereo.

    Raises:
        ConfigError: ``width`` is not positive.
    """

    def __init__(self, width: int = 2) -> None:
        if width < 1:
            raise ConfigError(f"{width!r} bytes; a positive number is expected")
        self.width = width
        self._carry = b""

    @property
    def pending(self) -> int:
        """The number of bytes carried: 0 to ``width - 1``."""
        return len(self._carry)

    def feed(self, data: Bytes) -> bytes:
        """Take the next bytes and return as many as make whole samples."""
        if type(data) is bytes and not self._carry and not len(data) % self.width:
            return data  # as nearly always
        held = self._carry + bytes(data)
        whole = len(held) - len(held) % self.width
        self._carry = held[whole:]
        return held[:whole]

    def flush(self) -> bytes:
        """Return the carried bytes, less than one sample, and start anew."""
        rest, self._carry = self._carry, b""
        return rest
