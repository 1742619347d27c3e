"""How sound is written down outside: PCM as it is, or the two halves of G.711.  Pure."""

from __future__ import annotations

import math
from typing import Any, Callable, Literal, Optional

from .. import pcm
from ..errors import ConfigError

__all__ = ["Encoding", "check_duration", "check_whole_number", "decoder", "encoder"]

Encoding = Literal["pcm16", "mulaw", "alaw"]

_CODECS: dict[str, tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]] = {
    "mulaw": (pcm.mulaw_decode, pcm.mulaw_encode),
    "alaw": (pcm.alaw_decode, pcm.alaw_encode),
}


def decoder(encoding: Encoding) -> Callable[[Any], bytes]:
    """Return what makes PCM of a chunk: bytes as ``encoding`` says, or a NumPy array.

    Raises:
        ConfigError: The encoding is none of ``"pcm16"``, ``"mulaw"``, ``"alaw"``.
    """
    if encoding == "pcm16":
        aligned = pcm.Alignment(2)
        return lambda chunk: aligned.feed(pcm.to_pcm16(chunk))
    decode = _codec(encoding)[0]

    def checked(chunk: Any) -> bytes:
        if not isinstance(chunk, (bytes, bytearray, memoryview)):
            raise ConfigError(f"a chunk: bytes of {encoding} are expected, not {chunk!r:.40}")
        return decode(bytes(chunk))

    return checked


def encoder(encoding: Encoding) -> Callable[[bytes], bytes]:
    """Return what makes a chunk of PCM; raises as :func:`decoder` does."""
    return bytes if encoding == "pcm16" else _codec(encoding)[1]


def check_whole_number(name: str, value: Any, most: Optional[int] = None) -> None:
    """Raise :class:`ConfigError` unless it is a positive integer, such as a sample rate."""
    if type(value) is not int or value <= 0:
        raise ConfigError(f"{name}={value!r:.40}; a positive integer is expected")
    if most is not None and value > most:
        raise ConfigError(f"{name}={value!r:.40}; {most} at most is expected")


def check_duration(name: str, value: Any, most: float = math.inf) -> None:
    """Raise :class:`ConfigError` unless it is a number of seconds, or milliseconds, from 0 on."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not (is_number and 0 <= value <= most):  # nan is not
        limits = "from 0 on" if most == math.inf else f"from 0 to {most:g}"
        raise ConfigError(f"{name}={value!r:.40}; a number {limits} is expected")


def _codec(encoding: str) -> tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]:
    if encoding not in _CODECS:
        raise ConfigError(f"encoding={encoding!r:.40}; 'pcm16', 'mulaw' or 'alaw' is expected")
    return _CODECS[encoding]
