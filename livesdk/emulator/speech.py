"""An answer on its way out: text in pieces, or sound in chunks with its transcript beside it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from .. import pcm
from .profile import Profile
from .stage import Stage
from .tasks import Pause
from .voice import RATE_HZ, Voice

__all__ = ["Speaker"]

_WORDS_IN_A_PIECE = 3
_MOST_BACKLOG = 1 << 20


class Speaker:
    """Speaks for one session.

    Attributes:
        said: What has gone out of the current turn.
        audio_ms: How much sound has gone out of it.
    """

    def __init__(self, stage: Stage, profile: Profile, voice: Voice) -> None:
        self._stage = stage
        self._profile = profile
        self._scenario = profile.scenario
        self._voice = voice
        self._greeted = False
        self.said: list[str] = []
        self.audio_ms = 0.0

    def reset(self) -> None:
        """Begin a turn."""
        self.said, self.audio_ms = [], 0.0

    def say(self, text: str) -> Iterator[Pause]:
        """Say a text in the session's modality."""
        if self._profile.speaks:
            yield from self.play(self._voice(text), text)
            return
        if self.said:
            text = f" {text}"
        for piece in _pieces(text):
            self.said.append(piece)
            self._stage.output.parts({"text": piece})
            yield from self._pace()

    def think(self, text: str) -> Iterator[Pause]:
        """Send a text as a thought."""
        self._stage.output.parts({"text": text, "thought": True})
        yield from self._pace()

    def play(self, sound: bytes, transcript: str) -> Iterator[Pause]:
        """Send sound in chunks, and its transcript a little ahead of it."""
        bytes_in_chunk = 2 * (RATE_HZ * self._scenario.chunk_ms // 1000)
        chunks = list(pcm.chunks(sound, bytes_in_chunk))
        pieces = _pieces((" " if self.said else "") + transcript) if transcript else []
        sent = 0
        for number, chunk in enumerate(chunks, 1):
            due = -(-len(pieces) * number // len(chunks))
            self._send_chunk(chunk, "".join(pieces[sent:due]))
            sent = due
            yield from self._pace()

    def tone(self, frequency_hz: float, milliseconds: float) -> Iterator[Pause]:
        """Play a tone."""
        yield from self.play(pcm.tone(frequency_hz, milliseconds, RATE_HZ), "")

    def _send_chunk(self, chunk: bytes, words: str) -> None:
        self.audio_ms += pcm.duration_ms(len(chunk), RATE_HZ)
        fields: dict[str, Any] = {}
        if words:
            self.said.append(words)
            fields = self._transcript(words)
        vertex = self._profile.address.is_vertex
        part = {
            "inlineData": {
                "mimeType": "audio/pcm" if vertex else f"audio/pcm;rate={RATE_HZ}",
                "data": base64.b64encode(chunk).decode("ascii"),
            }
        }
        if fields and not self._profile.joins_events:
            self._stage.output.content(**fields)
            fields = {}
        self._stage.output.parts(part, **fields)

    def _transcript(self, words: str) -> dict[str, Any]:
        if not self._profile.wants_output_transcript:
            return {}
        if self._profile.address.is_vertex and not self._greeted:
            self._greeted = True
            self._stage.output.content(outputTranscription={})  # as Vertex may (§8.2)
        return {"outputTranscription": {"text": words}}

    def _pace(self) -> Iterator[Pause]:
        yield self._scenario.chunk_interval
        while self._stage.line.backlog > _MOST_BACKLOG:
            yield 0.01


def _pieces(text: str) -> list[str]:
    """Three words at a time, with the spaces that join them."""
    words = _split_keeping_spaces(text)
    count = _WORDS_IN_A_PIECE
    return ["".join(words[at : at + count]) for at in range(0, len(words), count)]


def _split_keeping_spaces(text: str) -> tuple[str, ...]:
    words: list[str] = []
    for word in text.split(" "):
        words.append(f" {word}" if words else word)
    return tuple(words)
