"""The transcription models' way: hypotheses while speech goes on, a final text, then IDLE.

Protocol §13.3, §13.10 and §15.
"""

from __future__ import annotations

from typing import Any

from .hearing import describe
from .memory import Entry
from .output import Output
from .scenario import Script
from .usage import count

__all__ = ["Transcriber"]

_HYPOTHESIS_MS = 300.0


class Transcriber:
    """Transcribes one session's utterances."""

    def __init__(self, output: Output, script: Script, *, vertex: bool, timestamps: bool) -> None:
        self._output = output
        self._script = script
        self._vertex = vertex
        self._timestamps = timestamps
        self._words: list[str] = []
        self._shown = 0
        self._next_ms = _HYPOTHESIS_MS

    def start(self) -> None:
        """An utterance begins."""
        self._words = (self._script.next_heard() or "").split()
        self._shown = 0
        self._next_ms = _HYPOTHESIS_MS

    def progress(self, heard_ms: float) -> None:
        """Show another word every 300 ms of speech."""
        while heard_ms >= self._next_ms:
            self._shown += 1
            self._hypothesis(heard_ms)
            self._next_ms += _HYPOTHESIS_MS

    def finish(self, heard_ms: float) -> None:
        """The utterance is over: the text that counts, then IDLE with usage."""
        text = " ".join(self._words) or describe(heard_ms)
        if self._shown == 0:
            self._shown = len(self._words)
            self._hypothesis(heard_ms)
        self._output.content(inputTranscription={"text": text, "finished": True})
        usage = count(
            [Entry("user", text, audio_ms=heard_ms)],
            Entry("model", text),
            extra=0,
            vertex=self._vertex,
        )
        self._output.message(
            {"serverContent": {"interactionStatus": "IDLE"}, "usageMetadata": usage}
        )

    def _hypothesis(self, heard_ms: float) -> None:
        text = " ".join(self._words[: self._shown]) or describe(heard_ms)
        transcription: dict[str, Any] = {"text": text}
        if self._timestamps:
            transcription["startOffset"] = "0s"
            transcription["endOffset"] = f"{heard_ms / 1000:.3f}s"
        self._output.content(interimInputTranscription=transcription)
