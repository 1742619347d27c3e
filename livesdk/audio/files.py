"""Sound without a sound card: WAV files, chunks of your own, and a function of your own.

All are paced like devices, so that a conversation cannot tell the difference: an input yields no
sound before it would have been spoken, an output takes none before it would have been heard.
"""

from __future__ import annotations

import os
import queue
import struct
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, BinaryIO, Optional, Union

from .. import pcm
from .._checks import check_whole_number
from ..errors import AudioError, ConfigError
from ._encoding import Encoding, decoder, encoder
from ._paced import PacedOutput
from .base import AudioInput

__all__ = ["CallableOutput", "IteratorInput", "WavInput", "WavOutput"]

StrPath = Union[str, "os.PathLike[str]"]


class IteratorInput(AudioInput):
    """Chunks of your own: a list, a generator, or the queue that a phone line fills.

    A queue ends with ``None``; nothing waits for it for longer than it is told to.  An iterator is
    advanced by the thread that reads; where it blocks, :meth:`stop` cannot interrupt it.

    Args:
        chunks: Bytes as ``encoding`` says, or NumPy arrays (int16, or float in -1 to 1), of any
            length, mono; in anything that can be iterated, or in a ``queue.Queue``.
        rate_hz: Samples a second.
        encoding: ``"pcm16"``, or ``"mulaw"`` or ``"alaw"`` of G.711.
        realtime: True: no chunk is read before it would have been spoken.
        chunk_ms: How much is read at a time.

    Raises:
        ConfigError: An argument is not of its kind: a single chunk, for example, is none of many.
            Of a chunk that is none, :meth:`read` says so.
    """

    def __init__(
        self,
        chunks: Union[Iterable[Any], queue.Queue[Any], queue.SimpleQueue[Any]],
        *,
        rate_hz: int = 16_000,
        encoding: Encoding = "pcm16",
        realtime: bool = True,
        chunk_ms: int = 20,
    ) -> None:
        check_whole_number("rate_hz", rate_hz)
        check_whole_number("chunk_ms", chunk_ms)
        self.rate_hz = rate_hz
        self.chunk_ms = chunk_ms
        self.muted = False
        self.level_dbfs = pcm.SILENCE_DBFS
        self._next = _next_of(chunks)
        self._decode = decoder(encoding)
        self._realtime = realtime
        self._chunker = pcm.Chunker(2 * max(1, rate_hz * chunk_ms // 1000))
        self._ready: list[bytes] = []
        self._ended = False
        self._stopped = threading.Event()
        self._stopped.set()
        self._due = 0.0
        self.position_ms = 0.0

    def start(self) -> None:
        """Begin, or go on where it was stopped."""
        if self._stopped.is_set():
            self._due = time.monotonic()
            self._stopped.clear()

    def read(self, timeout: float = 1.0) -> Optional[bytes]:
        """Return the next chunk; see :meth:`AudioInput.read`."""
        if self._stopped.is_set():
            return None
        began = time.monotonic()
        self._fill(timeout)
        if not self._ready:
            return None if self._ended else b""
        chunk = self._ready[0]
        timeout = max(0.0, timeout - (time.monotonic() - began))
        if self._realtime:
            wait = self._due - time.monotonic()
            if wait > 0 and self._stopped.wait(min(wait, timeout)):
                return None
            if wait > timeout:
                return b""
        self._ready.pop(0)
        length_ms = pcm.duration_ms(len(chunk), self.rate_hz)
        self._due = max(self._due, time.monotonic() - 1.0) + length_ms / 1000
        self.position_ms += length_ms
        self.level_dbfs = pcm.level_dbfs(chunk)
        return bytes(len(chunk)) if self.muted else chunk

    def stop(self) -> None:
        """Stop; any thread, any number of times."""
        self._stopped.set()

    def _fill(self, timeout: float) -> None:
        """See to it that a chunk is ready, unless it is the end, or nothing comes in time."""
        deadline = time.monotonic() + timeout
        while not self._ready and not self._ended:
            try:
                chunk = self._next(max(0.0, deadline - time.monotonic()))
                self._ready.extend(self._chunker.feed(self._decode(chunk)))
            except queue.Empty:
                return
            except StopIteration:
                self._ended = True
                rest = self._chunker.flush()
                if rest:
                    self._ready.append(rest)


def _next_of(chunks: Any) -> Callable[[float], Any]:
    """Return what waits so long for the next chunk: raises StopIteration, or queue.Empty."""
    if isinstance(chunks, (str, bytes, bytearray, memoryview)) or hasattr(chunks, "dtype"):
        raise ConfigError(
            f"chunks: many are expected, not one {type(chunks).__name__}; put it in a list"
        )
    if hasattr(chunks, "get") and not hasattr(chunks, "__iter__"):

        def take(timeout: float) -> Any:
            chunk = chunks.get(timeout=timeout)
            if chunk is None:
                raise StopIteration
            return chunk

        return take
    try:
        iterator = iter(chunks)
    except TypeError:
        raise ConfigError(
            f"chunks: something to iterate, or a queue, is expected, not {chunks!r:.40}"
        ) from None
    return lambda _: next(iterator)


class WavInput(IteratorInput):
    """A WAV file of 16-bit samples, of any rate; several channels are mixed to one.

    It is read when the object is made, and begins anew each time it is started.

    Args:
        path: The file.
        realtime: True: no chunk is read before it would have been spoken.
        chunk_ms: How much is read at a time.

    Attributes:
        duration_ms: How long the file is.
        position_ms: How much was read of it.

    Raises:
        AudioError: The file cannot be read.
        ConfigError: It is no WAV file of 16-bit samples.
    """

    def __init__(self, path: StrPath, *, realtime: bool = True, chunk_ms: int = 20) -> None:
        try:
            data, rate_hz, channels = pcm.read_wav(path)
        except OSError as error:
            raise AudioError(f"{os.fspath(path)}: {error.strerror or error}") from error
        self._sound = pcm.mix_to_mono(data, channels)
        super().__init__((), rate_hz=rate_hz, realtime=realtime, chunk_ms=chunk_ms)
        self.duration_ms = pcm.duration_ms(len(self._sound), rate_hz)

    def start(self) -> None:
        """Begin at the beginning; nothing happens if it has begun."""
        if self._stopped.is_set():
            self._next = _next_of([self._sound])
            self._ready, self._ended, self.position_ms = [], False, 0.0
        super().start()


class CallableOutput(PacedOutput):
    """A function of your own that takes what would be heard, when it would be heard.

    The function runs on a thread of its own, ``livesdk-output-<n>``, and should return within
    ``block_ms``.  If it raises, the output ends, and :meth:`poll` raises.

    Args:
        function: Called with each block as bytes, ``encoding`` says how.
        rate_hz: Samples a second of the blocks.  What is written has the same rate.
        encoding: ``"pcm16"``, or ``"mulaw"`` or ``"alaw"`` of G.711.
        block_ms: How much it takes at a time.
        silence: True: it is called between turns too, with silence.
    """

    def __init__(
        self,
        function: Callable[[bytes], object],
        *,
        rate_hz: int = 24_000,
        encoding: Encoding = "pcm16",
        block_ms: int = 20,
        silence: bool = False,
    ) -> None:
        super().__init__(rate_hz=rate_hz, channels=1, block_ms=block_ms)
        self._function = function
        self._encode = encoder(encoding)
        self._silence = silence

    def _put(self, block: bytes, sounding: bool) -> None:
        if sounding or self._silence:
            self._function(self._encode(block))


class WavOutput(PacedOutput):
    """A WAV file of what would have been heard.

    Sound that an interruption cuts off is not in it.  Starting again goes on at the end of the
    file; an older file is replaced by the first start.  The header is brought up to date with each
    second of sound, so that a program that is killed leaves a file that plays.

    Args:
        path: The file.
        rate_hz: Frames a second.
        channels: 1, or 2 for music.
        silence: True: the silence between turns is in the file too, as on a tape that runs.

    Attributes:
        path: The file.
    """

    def __init__(
        self,
        path: StrPath,
        *,
        rate_hz: int = 24_000,
        channels: int = 1,
        silence: bool = False,
    ) -> None:
        super().__init__(rate_hz=rate_hz, channels=channels, block_ms=20)
        self.path = Path(path)
        self._silence = silence
        self._file: Optional[BinaryIO] = None
        self._written = 0
        self._told = 0  # by the header
        self._begun = False

    def _begin(self) -> None:
        try:
            self._file = self.path.open("r+b" if self._begun else "wb")
        except OSError as error:
            raise AudioError(f"{self.path}: {error.strerror or error}") from error
        self._begun = True
        self._tell(self._file)

    def _put(self, block: bytes, sounding: bool) -> None:
        if (sounding or self._silence) and self._file is not None:
            self._file.write(block)
            self._written += len(block)
            if self._written - self._told >= 2 * self.channels * self.rate_hz:
                self._tell(self._file)

    def _finish(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with file:
                self._tell(file)

    def _tell(self, file: BinaryIO) -> None:
        """Write how long the sound is; it is in the file before the header says so."""
        file.flush()
        file.seek(0)
        file.write(self._header())
        file.seek(0, os.SEEK_END)
        file.flush()
        self._told = self._written

    def _header(self) -> bytes:
        frame = 2 * self.channels
        format_chunk = struct.pack(
            "<4sIHHIIHH",
            b"fmt ",
            16,
            1,
            self.channels,
            self.rate_hz,
            self.rate_hz * frame,
            frame,
            16,
        )
        size = min(self._written, 0xFFFFFFFF - 36)
        riff = struct.pack("<4sI4s", b"RIFF", 36 + size, b"WAVE")
        return riff + format_chunk + struct.pack("<4sI", b"data", size)
