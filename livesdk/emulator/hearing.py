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
_BEFORE_MS = 300
_LONGEST_MS = 20_000

Event = tuple[str, float]
"""``"start"`` or ``"end"``, and where in the stream, in milliseconds."""


class Ear:
    """Listens to one session's audio.

    Attributes:
        manual: Detection is off; the client marks its activity.
        speaking: The user is speaking, as far as is known.
        total_ms: How much audio has come altogether.
    """

    def __init__(self, config: Mapping[str, Any], *, keeps: bool = False) -> None:
        detection = config.get("automaticActivityDetection", {})
        self.manual = bool(detection.get("disabled", False))
        self._silence_ms = int(detection.get("silenceDurationMs") or _SILENCE_MS)
        self._start_ms = int(detection.get("prefixPaddingMs") or _START_MS)
        self._align = pcm.Alignment()
        self._vad: pcm.EnergyVad | None = None
        self._vad_began_ms = 0.0
        self._speech_began_ms = 0.0
        self._keeps = keeps
        self._kept = b""
        self._rate_hz = IN_RATE_HZ
        self.speaking = False
        self.total_ms = 0.0

    @property
    def heard_ms(self) -> float:
        """How much audio has come since the utterance began."""
        return self.total_ms - self._speech_began_ms

    @property
    def kept(self) -> tuple[bytes, int]:
        """The sound of the utterance, with a little before it, and its rate; empty if not kept."""
        return self._kept, self._rate_hz

    def feed(self, blob: dict[str, Any], sound: bytes) -> list[Event]:
        """Take a chunk and return the starts and ends that were found in it."""
        rate_hz = pcm.rate_of(blob.get("mimeType"), IN_RATE_HZ)
        whole = self._align.feed(sound)
        found = [] if self.manual else self._detector(rate_hz).feed(whole)
        events = self._in_stream_time(found)
        if self._keeps:
            self._keep(whole, rate_hz)
        self.total_ms += pcm.duration_ms(len(whole), rate_hz)
        return events

    def flush(self) -> list[Event]:
        """Take the stream as over; return the end of an utterance, if that ended one."""
        return self._in_stream_time(self._vad.flush()) if self._vad is not None else []

    def start(self, at_ms: float | None = None) -> None:
        """Begin an utterance at a place of the stream, or with what comes next."""
        self.speaking = True
        self._speech_began_ms = self.total_ms if at_ms is None else at_ms

    def stop(self, at_ms: float | None = None) -> float:
        """End the utterance and return its length in milliseconds."""
        self.speaking = False
        return max(0.0, (self.total_ms if at_ms is None else at_ms) - self._speech_began_ms)

    def _keep(self, sound: bytes, rate_hz: int) -> None:
        """Keep an utterance; of what comes before it, as much as its start may lie back."""
        if rate_hz != self._rate_hz:
            self._rate_hz, self._kept = rate_hz, b""
        limit_ms = _LONGEST_MS if self.speaking else _BEFORE_MS
        self._kept = (self._kept + sound)[-2 * int(rate_hz * limit_ms / 1000) :]

    def _in_stream_time(self, events: list[pcm.VadEvent]) -> list[Event]:
        return [(event.kind, self._vad_began_ms + event.at_ms) for event in events]

    def _detector(self, rate_hz: int) -> pcm.EnergyVad:
        if self._vad is None or self._vad.rate_hz != rate_hz:
            self._vad_began_ms = self.total_ms
            self._vad = pcm.EnergyVad(rate_hz, start_ms=self._start_ms, silence_ms=self._silence_ms)
        return self._vad


def describe(length_ms: float) -> str:
    """What stands for speech that nobody recognised."""
    return f"({length_ms / 1000:.1f} s of speech)"
