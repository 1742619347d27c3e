"""Sound from the client: where speech begins and ends, and what it says.

Detection is by energy, in stream time: silence counts when it arrives as audio.  Recognition is a
seam; the scenario says what was heard, or a description stands for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import pcm

__all__ = ["IN_RATE_HZ", "Ear", "describe"]

IN_RATE_HZ = 16_000
_SILENCE_MS = 500
_START_MS = 60
_KEPT_BYTES = 60 * 2 * IN_RATE_HZ


class Ear:
    """Listens to one session's audio.

    Attributes:
        speaking: The user is speaking, as far as is known.
        heard_ms: How much of the current utterance has been heard, its trailing silence included.
        total_ms: How much audio has come altogether.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        detection = config.get("automaticActivityDetection", {})
        self.manual = bool(detection.get("disabled", False))
        self._silence_ms = int(detection.get("silenceDurationMs") or _SILENCE_MS)
        self._start_ms = int(detection.get("prefixPaddingMs") or _START_MS)
        self._vad: pcm.EnergyVad | None = None
        self._align = pcm.Alignment()
        self.speaking = False
        self.heard_ms = 0.0
        self.total_ms = 0.0
        self.sound = bytearray()

    def feed(self, blob: dict[str, Any], sound: bytes) -> list[str]:
        """Take a chunk and return ``"start"`` and ``"end"`` as they were found in it."""
        rate_hz = pcm.rate_of(blob.get("mimeType"), IN_RATE_HZ)
        whole = self._align.feed(sound)
        length_ms = pcm.duration_ms(len(whole), rate_hz)
        self.total_ms += length_ms
        events = (
            [] if self.manual else [event.kind for event in self._detector(rate_hz).feed(whole)]
        )
        if self.speaking or events:
            self.heard_ms += length_ms
            self.sound += whole
            del self.sound[:-_KEPT_BYTES]
        return [str(event) for event in events]

    def flush(self) -> bool:
        """Take the stream as over; return whether that ended an utterance."""
        return self._vad is not None and bool(self._vad.flush())

    def start(self) -> None:
        """Begin an utterance."""
        self.speaking = True
        self.heard_ms = 0.0
        self.sound.clear()

    def stop(self) -> float:
        """End the utterance and return its length in milliseconds."""
        self.speaking = False
        return self.heard_ms

    def _detector(self, rate_hz: int) -> pcm.EnergyVad:
        if self._vad is None or self._vad.rate_hz != rate_hz:
            self._vad = pcm.EnergyVad(rate_hz, start_ms=self._start_ms, silence_ms=self._silence_ms)
        return self._vad


def describe(length_ms: float) -> str:
    """What stands for speech that nobody recognised."""
    return f"({length_ms / 1000:.1f} s of speech)"
