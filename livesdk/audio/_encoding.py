"""How sound is written down outside: PCM as it is, or the two halves of G.711.  Pure."""

from __future__ import annotations

from typing import Any, Callable, Literal

from .. import pcm
from ..errors import ConfigError

__all__ = ["Encoding", "decoder", "encoder"]

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


def _codec(encoding: str) -> tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]:
    if encoding not in _CODECS:
        raise ConfigError(f"encoding={encoding!r:.40}; 'pcm16', 'mulaw' or 'alaw' is expected")
    return _CODECS[encoding]
