"""How loud sound is, and where speech begins and ends in it.

:func:`level_dbfs` is a meter.  :class:`EnergyVad` compares the level of each 20 ms block with a
floor that follows the noise of the room::

              three voiced blocks in a row (start_ms)
     QUIET ────────────────────────────────────────────▶ SPEAKING
       ▲       "start", at the first of the three           │
       └────────────────────────────────────────────────────┘
              silence_ms without a voiced block: "end", where the last voiced block ended

Pure and exact: the sum of squares is a whole number, so that the result does not depend on numpy,
which is used where the program has loaded it already.  :mod:`livesdk.pcm` re-exports the names.
"""

from __future__ import annotations

import math
import sys
from array import array
from typing import Literal

from .._records import frozen
from ..errors import ConfigError
from ._frames import Bytes, Chunker

__all__ = ["SILENCE_DBFS", "EnergyVad", "VadEvent", "level_dbfs"]

SILENCE_DBFS = -120.0
"""What :func:`level_dbfs` says of digital silence: the lowest value it returns."""

_FIRST_FLOOR_DBFS = -33.0  # louder than this at the very start is speech, not a room
_LOWEST_FLOOR_DBFS = -60.0
_HYSTERESIS_DB = 2.0  # speech goes on at a level this much lower than it takes to start
_FALL = 0.2  # part of the way down to a quieter block
_RISE = 0.05  # part of the way up to a louder, unvoiced block
_CREEP_DB_PER_S = 1.0  # upwards during voiced blocks: a noise that stays is speech no longer


def level_dbfs(data: Bytes) -> float:
    """Measure the root mean square level of PCM (16-bit little-endian), in dB of full scale.

    A square wave of full scale is 0.0, a sine of full scale -3.01.  Silence, and no samples at all,
    is -120.0 and nothing is lower.  A last odd byte is left out: a meter does not raise.
    """
    count = len(bytes(data)) // 2
    squares = _sum_of_squares(bytes(data)[: 2 * count])
    if squares == 0:
        return SILENCE_DBFS
    return max(SILENCE_DBFS, 10.0 * math.log10(squares / count / 32768.0**2))


@frozen(kw_only=True)
class VadEvent:
    """Speech began or ended.

    Attributes:
        kind: ``"start"`` or ``"end"``.
        sample: Where: the first sample of the speech, or the first one after it, counted from the
            first sample fed.
        at_ms: The same place in milliseconds.
        detected_ms: How much audio it took to know, in milliseconds from the first sample fed: by
            default 60 after ``at_ms`` for a start, 500 for an end (less when flushed).
    """

    kind: Literal["start", "end"]
    sample: int
    at_ms: float
    detected_ms: float


class EnergyVad:
    """Finds the start and the end of speech by its energy above an adaptive noise floor.

    Input: PCM, 16-bit little-endian, mono.  The events are the same however the input is cut.
    One thread at a time; nothing blocks.

    The floor starts at the first block's level, yet at -33 dBFS at most, so that speech without a
    quiet lead-in is found; it falls fast, rises slowly, and creeps up by 1 dB a second while there
    is speech.  A steady sound therefore counts as speech until the floor has reached it (a tone of
    -13 dBFS: some 15 s after a noisy start, 40 s after silence).

    Args:
        rate_hz: Sample rate of the input.
        block_ms: Length of the blocks that are judged.
        start_ms: Voiced for so long without a gap is a start.
        silence_ms: Unvoiced for so long is an end.
        threshold_db: A block is voiced if it is this much above the floor; 2 dB less once speaking.
        minimum_dbfs: A block below this level is never voiced.

    Raises:
        ConfigError: A number is not positive, or the threshold not above 2 dB.
    """

    def __init__(
        self,
        rate_hz: int = 16000,
        *,
        block_ms: int = 20,
        start_ms: int = 60,
        silence_ms: int = 500,
        threshold_db: float = 7.0,
        minimum_dbfs: float = -50.0,
    ) -> None:
        for name, value in (("start_ms", start_ms), ("silence_ms", silence_ms)):
            if not value > 0:
                raise ConfigError(f"{name}={value!r}; a positive number is expected")
        if not threshold_db > _HYSTERESIS_DB:
            raise ConfigError(f"threshold_db={threshold_db!r}; above {_HYSTERESIS_DB} is expected")
        self.rate_hz = rate_hz
        self._block = int(rate_hz * block_ms // 1000)
        if self._block < 1:
            raise ConfigError(f"rate_hz={rate_hz!r} and block_ms={block_ms!r} make no block")
        self._blocks_to_start = math.ceil(start_ms / block_ms)
        self._blocks_to_end = math.ceil(silence_ms / block_ms)
        self._threshold_db = threshold_db
        self._minimum_dbfs = minimum_dbfs
        self._creep_db = _CREEP_DB_PER_S * block_ms / 1000
        self._chunker = Chunker(2 * self._block)
        self._origin = 0  # samples fed before the last flush
        self._blocks = 0  # judged since
        self._run = 0  # voiced blocks in a row while quiet, unvoiced ones while speaking
        self._floor_dbfs = math.nan
        self._speaking = False

    @property
    def speaking(self) -> bool:
        """Whether a start was reported and its end was not yet."""
        return self._speaking

    @property
    def floor_dbfs(self) -> float:
        """The level taken for the noise of the room; not a number before the first block."""
        return self._floor_dbfs

    def feed(self, data: Bytes) -> list[VadEvent]:
        """Take the next bytes, cut anywhere, and return what they made known, in order."""
        events: list[VadEvent] = []
        for block in self._chunker.feed(data):
            self._judge(level_dbfs(block), events)
        return events

    def flush(self) -> list[VadEvent]:
        """Take the input as over: if there is speech, it ended with its last voiced block.

        The floor and the count of samples stay; samples of an incomplete block are left unjudged.
        """
        rest = len(self._chunker.flush()) // 2
        fed = self._origin + self._blocks * self._block + rest
        events: list[VadEvent] = []
        if self._speaking:
            self._turn("end", fed, events)
        self._origin, self._blocks, self._run = fed, 0, 0
        return events

    def _judge(self, level: float, events: list[VadEvent]) -> None:
        if math.isnan(self._floor_dbfs):
            self._floor_dbfs = max(_LOWEST_FLOOR_DBFS, min(level, _FIRST_FLOOR_DBFS))
        self._blocks += 1
        voiced = self._is_voiced(level)
        self._follow(level, voiced)
        self._run = self._run + 1 if voiced != self._speaking else 0
        judged = self._origin + self._blocks * self._block
        if self._speaking and self._run == self._blocks_to_end:
            self._turn("end", judged, events)
        elif not self._speaking and self._run == self._blocks_to_start:
            self._turn("start", judged, events)

    def _is_voiced(self, level: float) -> bool:
        above = self._threshold_db - (_HYSTERESIS_DB if self._speaking else 0.0)
        return level >= self._minimum_dbfs and level > self._floor_dbfs + above

    def _follow(self, level: float, voiced: bool) -> None:
        """Move the floor by one block."""
        if voiced:
            self._floor_dbfs += self._creep_db
            return
        part = _FALL if level < self._floor_dbfs else _RISE
        moved = self._floor_dbfs + part * (level - self._floor_dbfs)
        self._floor_dbfs = max(_LOWEST_FLOOR_DBFS, moved)

    def _turn(self, kind: Literal["start", "end"], known: int, events: list[VadEvent]) -> None:
        """Change sides; ``known`` is the number of samples it took to see it."""
        sample = self._origin + (self._blocks - self._run) * self._block
        self._speaking = kind == "start"
        self._run = 0
        events.append(
            VadEvent(
                kind=kind,
                sample=sample,
                at_ms=1000.0 * sample / self.rate_hz,
                detected_ms=1000.0 * known / self.rate_hz,
            )
        )


def _sum_of_squares(data: bytes) -> int:
    """Add up the squares of whole 16-bit samples; exact, with numpy and without."""
    if "numpy" in sys.modules:
        import numpy as np  # waits if another thread is still importing it

        wide = np.frombuffer(data, "<i2").astype(np.int64)
        return int(np.dot(wide, wide))
    samples = array("h")
    samples.frombytes(data)
    if sys.byteorder == "big":
        samples.byteswap()
    return sum(sample * sample for sample in samples)
