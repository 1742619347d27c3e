"""G.711, the two encodings of a telephone line: µ-law (North America, Japan) and A-law (elsewhere).

One byte a sample, 8 000 Hz by custom; PCM on the other side is 16-bit little-endian.  Pure: tables
and bytes, no numpy.  :mod:`livesdk.pcm` re-exports the four functions.

Both laws are cut the same way (ITU-T G.711 §3): eight segments of sixteen equal steps for each
sign, a step twice as wide as in the segment below.  A code with segment ``s`` and step ``m`` means

====== ======================================== ============ ========================
law    magnitude, in units of the 16-bit scale  largest      on the line
====== ======================================== ============ ========================
µ-law  ``4 * ((2 m + 33) * 2**s - 33)``         32 124       all bits inverted
A-law  ``8 * (2 m + 1)`` for ``s`` = 0, else    32 256       even bits inverted
       ``8 * (2 m + 33) * 2**(s - 1)``
====== ======================================== ============ ========================

and a sample gets the code that is nearest.  Between two codes, where the standard leaves it open,
this follows the reference code of ITU-T G.191: the two signs mirror each other in ones' complement,
so that ``x`` and ``-x - 1`` get codes which differ in the sign bit alone.
"""

from __future__ import annotations

import sys
from array import array
from functools import lru_cache
from typing import Callable

from ._frames import Bytes, check_whole

__all__ = ["alaw_decode", "alaw_encode", "mulaw_decode", "mulaw_encode"]

_SIGN = 0x80  # set for positive samples in both laws
_MULAW_MASK = 0x7F
_ALAW_MASK = 0x55
_LARGEST = 0x7FFF


def mulaw_encode(data: Bytes) -> bytes:
    """Turn PCM (16-bit little-endian, whole samples) into µ-law, one byte a sample.

    Raises:
        ConfigError: The data end inside a sample.
    """
    return _encode(data, _encoder(_mulaw_magnitude, _MULAW_MASK))


def mulaw_decode(data: Bytes) -> bytes:
    """Turn µ-law, one byte a sample, into PCM (16-bit little-endian)."""
    return b"".join(map(_decoder(_mulaw_magnitude, _MULAW_MASK).__getitem__, bytes(data)))


def alaw_encode(data: Bytes) -> bytes:
    """Turn PCM (16-bit little-endian, whole samples) into A-law, one byte a sample.

    Raises:
        ConfigError: The data end inside a sample.
    """
    return _encode(data, _encoder(_alaw_magnitude, _ALAW_MASK))


def alaw_decode(data: Bytes) -> bytes:
    """Turn A-law, one byte a sample, into PCM (16-bit little-endian)."""
    return b"".join(map(_decoder(_alaw_magnitude, _ALAW_MASK).__getitem__, bytes(data)))


def _mulaw_magnitude(code: int) -> int:
    segment, step = divmod(code, 16)
    return 4 * (((2 * step + 33) << segment) - 33)


def _alaw_magnitude(code: int) -> int:
    segment, step = divmod(code, 16)
    return 8 * (2 * step + 1) if segment == 0 else 8 * (2 * step + 33) << (segment - 1)


@lru_cache(maxsize=2)
def _decoder(magnitude: Callable[[int], int], mask: int) -> list[bytes]:
    """Two PCM bytes for each of the 256 bytes of the line."""
    table = [b""] * 256
    for code in range(128):
        value = magnitude(code)
        table[(code ^ mask) | _SIGN] = value.to_bytes(2, "little", signed=True)
        table[code ^ mask] = (-value).to_bytes(2, "little", signed=True)
    return table


@lru_cache(maxsize=2)
def _encoder(magnitude: Callable[[int], int], mask: int) -> bytes:
    """The byte of the line for each sample, by the sample's 16 bits read as unsigned."""
    positive = bytearray()
    for code in range(127):
        midway = (magnitude(code) + magnitude(code + 1)) // 2
        positive += bytes([(code ^ mask) | _SIGN]) * (midway - len(positive))
    positive += bytes([(127 ^ mask) | _SIGN]) * (_LARGEST + 1 - len(positive))
    negative = bytes(byte ^ _SIGN for byte in reversed(positive))
    return bytes(positive) + negative


def _encode(data: Bytes, table: bytes) -> bytes:
    check_whole(data, 2)
    samples = array("H")
    samples.frombytes(data)
    if sys.byteorder == "big":
        samples.byteswap()
    return bytes(map(table.__getitem__, samples))
