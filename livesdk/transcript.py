"""Utterances from the pieces of transcripts: who said what, the same in whatever order it arrives.

Pure: told of messages, it never waits.
"""

from __future__ import annotations

from typing import Optional

from ._records import frozen
from .protocol import completes_interaction
from .types.content import Transcription
from .types.messages import LiveServerMessage

__all__ = ["Transcript", "Utterance"]

_UTTERANCES = 1000
"""So many are kept."""


@frozen(kw_only=True)
class Utterance:
    """What one speaker said in one turn.

    Attributes:
        speaker: ``"user"`` or ``"model"``.
        text: All pieces, joined.
        finished: The service said that it is complete.
        interrupted: The user cut in; the model may not have been heard to the end of it.
        language_code: Where the service names it.
        speaker_label: Where speakers are told apart.
    """

    speaker: str
    text: str
    finished: bool = False
    interrupted: bool = False
    language_code: Optional[str] = None
    speaker_label: Optional[str] = None


class Transcript:
    """Makes utterances of pieces: one a speaker and turn, the user's before the model's.

    Input pieces may come before, between or after the model's (Protocol §13.10), so a piece of the
    other side closes nothing; ``finished``, another speaker label, completion and interruption do.
    What the user says after an interruption belongs to the turn that follows.  Interim pieces are
    guesses, and never part of it.
    """

    def __init__(self) -> None:
        self._past: list[Utterance] = []
        self._user = _Side("user")
        self._model = _Side("model")
        self._cut_short = False  # interrupted: the turnComplete to come is of the same turn

    def add(self, message: LiveServerMessage) -> None:
        """Take a message into account."""
        content = message.server_content
        if content:
            # in the message of an interruption, the model's words are those that were cut short
            self._model.add(content.output_transcription)
            if content.model_turn or content.generation_complete:
                self._cut_short = False
            if content.interrupted:
                self._end_turn(interrupted=True)
                self._cut_short = True
            self._user.add(content.input_transcription)
        if (content and content.turn_complete) or completes_interaction(message):
            self._complete()

    def said(self) -> None:
        """A piece of what the model says came, without a transcript."""
        self._cut_short = False

    def _complete(self) -> None:
        if self._cut_short:
            self._cut_short = False
            self._keep(self._model.taken(interrupted=True))
        else:
            self._end_turn(interrupted=False)

    def _end_turn(self, *, interrupted: bool) -> None:
        self._keep(self._user.taken())
        self._keep(self._model.taken(interrupted=interrupted))

    def _keep(self, closed: list[Utterance]) -> None:
        self._past += closed
        del self._past[:-_UTTERANCES]

    def connection_lost(self) -> None:
        """What is open will not be continued."""
        self._end_turn(interrupted=False)
        self._cut_short = False

    def utterances(self, *, ended: bool = False) -> list[Utterance]:
        """Return those that are closed; with ``ended``, those the session's end cut off as well."""
        closed = [*self._past, *self._user.closed, *self._model.closed]
        if not ended:
            return closed
        return [*self._past, *self._user.all(), *self._model.all()]


class _Side:
    """What one side said in the turn at hand."""

    def __init__(self, speaker: str) -> None:
        self._speaker = speaker
        self._pieces: list[Transcription] = []
        self.closed: list[Utterance] = []

    def add(self, piece: Optional[Transcription]) -> None:
        if piece is None:
            return
        label = next((p.speaker_label for p in self._pieces if p.speaker_label), None)
        if piece.text and piece.speaker_label and label and piece.speaker_label != label:
            self._close()
        if piece.text or piece.finished:  # Vertex sends empty ones
            self._pieces.append(piece)
        if piece.finished:
            self._close()

    def taken(self, *, interrupted: bool = False) -> list[Utterance]:
        """Close what is open, and start anew."""
        if not self._pieces and not self.closed:
            return []
        self._close(interrupted=interrupted)
        closed, self.closed = self.closed, []
        return closed

    def all(self) -> list[Utterance]:
        """Return what is closed and what is open."""
        return [*self.closed, *self._joined(interrupted=False)]

    def _close(self, *, interrupted: bool = False) -> None:
        self.closed += self._joined(interrupted=interrupted)
        self._pieces = []

    def _joined(self, *, interrupted: bool) -> list[Utterance]:
        pieces = self._pieces
        text = "".join(piece.text or "" for piece in pieces)
        if not text:
            return []
        utterance = Utterance(
            speaker=self._speaker,
            text=text,
            finished=bool(pieces[-1].finished),
            interrupted=interrupted,
            language_code=next((p.language_code for p in pieces if p.language_code), None),
            speaker_label=next((p.speaker_label for p in pieces if p.speaker_label), None),
        )
        return [utterance]
