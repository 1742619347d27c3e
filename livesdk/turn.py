"""What a turn comes to: text, audio, transcripts, calls, usage; and utterances from pieces.

Pure: told of messages and times, it never waits or looks at a clock.
"""

from __future__ import annotations

import os
import wave
from collections.abc import Iterable, Sequence
from typing import Any, Optional, Union

from attrs import Factory, define, field, frozen

from .errors import CloseInfo
from .protocol import completes_interaction
from .types.content import FunctionCall, FunctionResponse, Transcription
from .types.enums import InteractionStatus, TurnCompleteReason
from .types.messages import LiveServerContent, LiveServerMessage, ModalityTokenCount, UsageMetadata

__all__ = ["Transcript", "Turn", "TurnBuilder", "TurnCall", "Utterance", "sum_usage"]


@define
class TurnCall:
    """A function that the model called in a turn, and what became of it.

    Attributes:
        id: As in the call.
        name: Of the function.
        args: By name.
        response: What was sent back, if anything was: ``FunctionResponse.response``.
        duration_ms: From the arrival of the call to its response.
        cancelled: The model took the call back.
    """

    id: Optional[str]
    name: str
    args: dict[str, Any]
    response: Optional[dict[str, Any]] = None
    duration_ms: Optional[float] = None
    cancelled: bool = False


@define(kw_only=True)
class Turn:
    """Everything the model said and did in answer to one input.

    Attributes:
        text: Text parts, thoughts left out; empty for spoken answers.
        audio: PCM, 16-bit little-endian, mono, at ``sample_rate_hz``.
        sample_rate_hz: 24 000 unless the service says otherwise.
        input_transcript: What the user was heard to say.
        output_transcript: What the model said.
        thoughts: Text that is not meant for the user.
        function_calls: One :class:`TurnCall` a call, in order.
        usage: The last usage message of the turn.
        generation_complete: The model said all it wanted.
        turn_complete_reason: Why it ended, where the service says.
        interaction_status: The last one sent.
        interrupted: The user cut in.
        ended_by: ``"turn_complete"``, ``"idle"``, ``"closed"`` (see ``close_info``) or ``None``
            while the turn goes on.
        close_info: How the session ended, where that ended the turn.
        time_to_first_audio: Seconds from the input to the first audio; ``None`` without audio.
        messages: Every message of the turn.
    """

    text: str = ""
    audio: bytes = field(default=b"", repr=lambda audio: f"<{len(audio)} bytes>")
    sample_rate_hz: int = 24_000
    input_transcript: str = ""
    output_transcript: str = ""
    thoughts: str = ""
    function_calls: list[TurnCall] = Factory(list)
    usage: Optional[UsageMetadata] = None
    generation_complete: bool = False
    turn_complete_reason: Union[TurnCompleteReason, str, None] = None
    interaction_status: Union[InteractionStatus, str, None] = None
    interrupted: bool = False
    ended_by: Optional[str] = None
    close_info: Optional[CloseInfo] = None
    time_to_first_audio: Optional[float] = None
    messages: list[LiveServerMessage] = field(factory=list, repr=False)

    @property
    def audio_ms(self) -> float:
        """How long the audio plays."""
        return len(self.audio) / 2 / self.sample_rate_hz * 1000

    def save_wav(self, path: Union[str, os.PathLike[str]]) -> None:
        """Write the audio as a WAV file; an empty one if there is no audio."""
        with wave.open(os.fspath(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(self.sample_rate_hz)
            file.writeframes(self.audio)


class TurnBuilder:
    """Collects the messages of one turn.

    Args:
        started: When the input was sent, in seconds of any clock that ``add`` uses as well.
    """

    def __init__(self, started: float) -> None:
        self._started = started
        self._turn = Turn()
        self._texts: list[str] = []
        self._thoughts: list[str] = []
        self._audio: list[bytes] = []
        self._called_at: dict[str, float] = {}
        self._input: list[str] = []
        self._output: list[str] = []

    def add(self, message: LiveServerMessage, at: float) -> bool:
        """Take a message; True if the model is done with it."""
        turn = self._turn
        turn.messages.append(message)
        if message.server_content:
            self._add_content(message.server_content)
        self._add_media(message, at)
        for call in message.tool_calls:
            self._add_call(call, at)
        if message.tool_call_cancellation:
            self._cancel(message.tool_call_cancellation.ids or ())
        if message.usage_metadata:
            turn.usage = message.usage_metadata
        turn.interaction_status = message.interaction_status or turn.interaction_status
        if not completes_interaction(message):
            return False
        turn.ended_by = "idle" if turn.interaction_status == "IDLE" else "turn_complete"
        return True

    def _add_content(self, content: LiveServerContent) -> None:
        turn = self._turn
        if content.input_transcription and content.input_transcription.text:
            self._input.append(content.input_transcription.text)
        if content.output_transcription and content.output_transcription.text:
            self._output.append(content.output_transcription.text)
        turn.generation_complete = turn.generation_complete or bool(content.generation_complete)
        turn.interrupted = turn.interrupted or bool(content.interrupted)
        turn.turn_complete_reason = content.turn_complete_reason or turn.turn_complete_reason
        turn.interaction_status = content.interaction_status or turn.interaction_status

    def _add_media(self, message: LiveServerMessage, at: float) -> None:
        if message.text:
            self._texts.append(message.text)
        if message.thoughts:
            self._thoughts.append(message.thoughts)
        audio = message.audio
        if audio:
            if self._turn.time_to_first_audio is None:
                self._turn.time_to_first_audio = at - self._started
                self._turn.sample_rate_hz = message.sample_rate_hz or self._turn.sample_rate_hz
            self._audio.append(audio)

    def _add_call(self, call: FunctionCall, at: float) -> None:
        self._turn.function_calls.append(TurnCall(call.id, call.name or "", call.args or {}))
        self._called_at[call.id or ""] = at

    def _cancel(self, ids: Iterable[str]) -> None:
        cancelled = set(ids)
        for call in self._turn.function_calls:
            if call.id in cancelled:
                call.cancelled = True

    def responded(self, responses: Sequence[FunctionResponse], at: float) -> None:
        """Note responses that were sent."""
        by_id = {response.id or "": response for response in responses}
        for call in self._turn.function_calls:
            response = by_id.get(call.id or "")
            if response is not None:
                call.response = response.response
                call.duration_ms = (at - self._called_at[call.id or ""]) * 1000

    def closed(self, info: CloseInfo) -> None:
        """The session ended before the turn did."""
        self._turn.ended_by = "closed"
        self._turn.close_info = info

    def result(self) -> Turn:
        """Return the turn as far as it is known."""
        turn = self._turn
        turn.text = "".join(self._texts)
        turn.thoughts = "".join(self._thoughts)
        turn.audio = b"".join(self._audio)
        turn.input_transcript = "".join(self._input)
        turn.output_transcript = "".join(self._output)
        return turn


# ------------------------------------------------------------------------------------ transcripts


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
    other speaker closes nothing; ``finished``, another speaker label, completion and interruption
    do.
    """

    def __init__(self) -> None:
        self._open: dict[str, list[Transcription]] = {"user": [], "model": []}

    def add(self, message: LiveServerMessage) -> list[Utterance]:
        """Take a message; return the utterances that it closes."""
        content = message.server_content
        closed: list[Utterance] = []
        if content:
            closed += self._piece("user", content.input_transcription)
            closed += self._piece("model", content.output_transcription)
            if content.interrupted or content.turn_complete:
                closed += self._close("user", interrupted=False)
                closed += self._close("model", interrupted=bool(content.interrupted))
        return closed

    def _piece(self, speaker: str, piece: Optional[Transcription]) -> list[Utterance]:
        if piece is None or (not piece.text and not piece.finished):
            return []  # Vertex sends empty ones
        closed = []
        pieces = self._open[speaker]
        if pieces and pieces[-1].speaker_label != piece.speaker_label and piece.text:
            closed += self._close(speaker, interrupted=False)
        self._open[speaker].append(piece)
        if piece.finished:
            closed += self._close(speaker, interrupted=False)
        return closed

    def _close(self, speaker: str, *, interrupted: bool) -> list[Utterance]:
        pieces, self._open[speaker] = self._open[speaker], []
        text = "".join(piece.text or "" for piece in pieces)
        if not text:
            return []
        return [
            Utterance(
                speaker=speaker,
                text=text,
                finished=bool(pieces[-1].finished),
                interrupted=interrupted,
                language_code=next((p.language_code for p in pieces if p.language_code), None),
                speaker_label=pieces[0].speaker_label,
            )
        ]


# ------------------------------------------------------------------------------------------ usage

_COUNTS = (
    "prompt_token_count",
    "cached_content_token_count",
    "response_token_count",
    "tool_use_prompt_token_count",
    "thoughts_token_count",
    "total_token_count",
)
_DETAILS = (
    "prompt_tokens_details",
    "cache_tokens_details",
    "response_tokens_details",
    "tool_use_prompt_tokens_details",
)


def sum_usage(parts: Iterable[UsageMetadata]) -> UsageMetadata:
    """Add up what turns cost; each part is the last usage message of one turn (Protocol §8.4)."""
    total = UsageMetadata()
    for part in parts:
        for name in _COUNTS:
            count = getattr(part, name)
            if count is not None:
                setattr(total, name, (getattr(total, name) or 0) + count)
        for name in _DETAILS:
            merged = _merged_details(getattr(total, name), getattr(part, name))
            setattr(total, name, merged)
        total.traffic_type = part.traffic_type or total.traffic_type
        total.service_tier = part.service_tier or total.service_tier
    return total


def _merged_details(
    left: Optional[list[ModalityTokenCount]], right: Optional[list[ModalityTokenCount]]
) -> Optional[list[ModalityTokenCount]]:
    if not left and not right:
        return None
    counts: dict[Any, int] = {}
    for item in (*(left or ()), *(right or ())):
        counts[item.modality] = counts.get(item.modality, 0) + (item.token_count or 0)
    return [ModalityTokenCount(modality=key, token_count=count) for key, count in counts.items()]
