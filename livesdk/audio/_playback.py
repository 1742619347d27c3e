"""What waits to be heard, and how the device takes it.  No device, no thread: only a queue.

::

           write                      prebuffer full, or the turn ended, or the first waited long
    IDLE ─────────▶ FILLING ──────────────────────────────────────────▶ PLAYING
     ▲                 ▲                                                  │   │
     │                 └──────── empty, and the turn goes on: underrun ───┘   │
     └─────────────── empty, and the turn has ended; or flush ────────────────┘

Row of ``DESIGN`` §4: one lock around the queue, held for slices and appends only.  The device's
thread takes it in :meth:`Playback.take`; nobody may hold it while stopping a device.  Every flush
begins a new *generation*: what is written on behalf of an older one is thrown away.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Optional

from ..pcm import SILENCE_DBFS, level_dbfs, mix_to_mono

__all__ = ["Playback"]

_TAP_MS = 2_000


class Playback:
    """The queue of one output, in the device's own format.

    Attributes:
        generation: How often it was flushed.
        underruns: How often the device found nothing in the middle of a turn.
        began_at: When the sound that is playing, or played last, began to; by ``time.monotonic``.
        touched_at: When the device last asked.
    """

    def __init__(
        self,
        rate_hz: int,
        channels: int,
        prebuffer_ms: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._chunks: deque[bytes] = deque()
        self._offset = 0  # of the first chunk: what was taken of it
        self._queued = 0
        self._playing = False
        self._ended = True
        self._paused = False
        self._first_at = 0.0
        self._last = b""
        self._tap: Optional[deque[bytes]] = None
        self._tap_bytes = 0
        self._idle = threading.Event()
        self._idle.set()
        self._prebuffer_s = prebuffer_ms / 1000
        self._played_before_ms = 0.0  # in formats the device had earlier
        self._discarded_before_ms = 0.0
        self._played = 0
        self._discarded = 0
        self.generation = 0
        self.underruns = 0
        self.began_at: Optional[float] = None
        self.touched_at = clock()
        self._take_format(rate_hz, channels)

    def reformat(self, rate_hz: int, channels: int) -> None:
        """Take another format: a device was found anew.  What waits is thrown away."""
        with self._lock:
            self._forget()
            self._tap, self._tap_bytes = None if self._tap is None else deque(), 0
            self._played_before_ms += self._ms(self._played)
            self._discarded_before_ms += self._ms(self._discarded)
            self._played = self._discarded = 0
            self._take_format(rate_hz, channels)

    def _take_format(self, rate_hz: int, channels: int) -> None:
        self.rate_hz = rate_hz
        self.channels = channels
        self._bytes_per_ms = rate_hz * channels * 2 / 1000
        self._prebuffer = int(self._prebuffer_s * 1000 * self._bytes_per_ms)

    # ------------------------------------------------------------------------------- the writer

    def write(self, data: bytes, generation: int) -> bool:
        """Append; False if it belongs to a generation that was flushed."""
        with self._lock:
            if generation != self.generation:
                self._discarded += len(data)
                return False
            if not data:
                return True
            if not self._queued:
                self._first_at = self._clock()
            self._ended = False
            self._chunks.append(data)
            self._queued += len(data)
            self._idle.clear()
            return True

    def end(self) -> None:
        """Nothing follows for now."""
        with self._lock:
            self._ended = True
            if not self._queued:
                self._rest()

    def flush(self) -> float:
        """Throw away what waits and begin a new generation; return its milliseconds."""
        with self._lock:
            return self._forget()

    def _forget(self) -> float:
        dropped = self._queued
        self._chunks.clear()
        self._offset = self._queued = 0
        self._discarded += dropped
        self._ended = True
        self._paused = False
        self.generation += 1
        self._rest()
        return self._ms(dropped)

    def _rest(self) -> None:
        self._playing = False
        self._idle.set()

    def hold(self, *, paused: bool) -> None:
        """Give the device silence and keep what waits, or go on."""
        with self._lock:
            self._paused = paused

    # ------------------------------------------------------------------------------- the device

    def take(self, size: int) -> bytes:
        """Return exactly ``size`` bytes: sound, filled up with silence."""
        with self._lock:
            self.touched_at = now = self._clock()
            if self._paused or not (self._playing or self._may_begin(now)):
                block = bytes(size)
            else:
                block = self._cut(size)
            self._last = block
            if self._tap is not None:
                self._tap.append(block)
                self._tap_bytes += size
                while self._tap_bytes > _TAP_MS * self._bytes_per_ms:
                    self._tap_bytes -= len(self._tap.popleft())
            return block

    def _may_begin(self, now: float) -> bool:
        if not self._queued:
            return False
        waited = now - self._first_at >= self._prebuffer_s
        if not (self._ended or waited or self._queued >= self._prebuffer):
            return False
        self._playing = True
        self.began_at = now
        return True

    def _cut(self, size: int) -> bytes:
        pieces: list[bytes] = []
        wanted = min(size, self._queued)
        left = wanted
        while left:
            first = self._chunks[0]
            piece = first[self._offset : self._offset + left]
            pieces.append(piece)
            left -= len(piece)
            self._offset += len(piece)
            if self._offset == len(first):
                self._chunks.popleft()
                self._offset = 0
        self._queued -= wanted
        self._played += wanted
        if not self._queued and self._ended:
            self._rest()
        elif wanted < size:
            self._playing = False
            self.underruns += 1
        pieces.append(bytes(size - wanted))
        return b"".join(pieces)

    # ---------------------------------------------------------------------------- what is known

    @property
    def active(self) -> bool:
        """Something is sounding, or about to."""
        return self._playing or self._queued > 0

    @property
    def queued_ms(self) -> float:
        """How much waits."""
        return self._ms(self._queued)

    @property
    def played_ms(self) -> float:
        """How much the device took, silence not counted."""
        return self._played_before_ms + self._ms(self._played)

    @property
    def discarded_ms(self) -> float:
        """How much was thrown away."""
        return self._discarded_before_ms + self._ms(self._discarded)

    @property
    def level_dbfs(self) -> float:
        """How loud the last block was; computed by whoever asks."""
        last = self._last
        return level_dbfs(last) if self.active else SILENCE_DBFS

    def wait_idle(self, timeout: Optional[float]) -> bool:
        """Wait until the device took everything; False after ``timeout`` seconds."""
        return self._idle.wait(timeout)

    def take_tapped(self) -> bytes:
        """Return what the device took since the last call, silence included, mixed to mono."""
        with self._lock:
            blocks, self._tap, self._tap_bytes = self._tap, deque(), 0
        return mix_to_mono(b"".join(blocks or ()), self.channels)

    def _ms(self, size: int) -> float:
        return size / self._bytes_per_ms
