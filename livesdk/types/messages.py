"""What the server says, one class a message, and the envelope that carries any of them at once.

Received often, so ``define`` and not ``frozen``; unknown keys are kept in ``extra``.  Protocol §8.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional, Union

from ..pcm import rate_of, to_float
from ._base import Model, define, sparse
from .enums import ResponseStatus

if TYPE_CHECKING:
    from .content import Blob, Content, FunctionCall, Part, Transcription
    from .enums import (
        InteractionStatus,
        MediaModality,
        ServiceTier,
        TrafficType,
        TurnCompleteReason,
        VadSignalType,
        VoiceActivityType,
    )
    from .grounding import GroundingMetadata, UrlContextMetadata

__all__ = [
    "LiveServerContent",
    "LiveServerGoAway",
    "LiveServerMessage",
    "LiveServerSessionResumptionUpdate",
    "LiveServerSetupComplete",
    "LiveServerToolCall",
    "LiveServerToolCallCancellation",
    "ModalityTokenCount",
    "UsageMetadata",
    "VoiceActivity",
    "VoiceActivityDetectionSignal",
    "VoiceConsentSignature",
]


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class VoiceConsentSignature(Model):
    """Stands for a spoken consent that was verified; reuse it instead of the audio."""

    signature: Optional[str] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class LiveServerSetupComplete(Model):
    """The session is open (Protocol §8.1).

    Attributes:
        session_id: Given on Vertex, absent on the Developer API.
    """

    session_id: Optional[str] = None
    voice_consent_signature: Optional[VoiceConsentSignature] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class LiveServerContent(Model):
    """A piece of what the model says, or what became of the turn (Protocol §8.2).

    Attributes:
        model_turn: Text and audio parts, to be appended.
        generation_complete: The model has written everything; playback may go on. Never sent
            for an interrupted turn.
        turn_complete: The turn is over (but see ``interaction_status``).
        interrupted: The user cut in: drop what is queued for playback.
        interaction_status: With turn_complete: ``IN_PROGRESS`` means more is coming, ``IDLE``
            means done.
    """

    model_turn: Optional[Content] = None
    generation_complete: Optional[bool] = None
    turn_complete: Optional[bool] = None
    interrupted: Optional[bool] = None
    input_transcription: Optional[Transcription] = None
    output_transcription: Optional[Transcription] = None
    interim_input_transcription: Optional[Transcription] = None
    turn_complete_reason: Union[TurnCompleteReason, str, None] = None
    waiting_for_input: Optional[bool] = None
    interaction_status: Union[InteractionStatus, str, None] = None
    grounding_metadata: Optional[GroundingMetadata] = None
    url_context_metadata: Optional[UrlContextMetadata] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class LiveServerToolCall(Model):
    """The model asks for functions to be run (Protocol §8.3)."""

    function_calls: Optional[list[FunctionCall]] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class LiveServerToolCallCancellation(Model):
    """Calls that must not be run any more, or answered (Protocol §8.3).

    Attributes:
        ids: The ids of the calls.
    """

    ids: Optional[list[str]] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class ModalityTokenCount(Model):
    """Tokens of one modality."""

    modality: Union[MediaModality, str, None] = None
    token_count: Optional[int] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class UsageMetadata(Model):
    """What a turn cost (Protocol §8.4).

    Each message counts the whole context that is billed again. Vertex's names
    ``candidatesTokenCount`` and ``candidatesTokensDetails`` arrive as ``response_…``.
    """

    prompt_token_count: Optional[int] = None
    cached_content_token_count: Optional[int] = None
    response_token_count: Optional[int] = None
    tool_use_prompt_token_count: Optional[int] = None
    thoughts_token_count: Optional[int] = None
    total_token_count: Optional[int] = None
    prompt_tokens_details: Optional[list[ModalityTokenCount]] = None
    cache_tokens_details: Optional[list[ModalityTokenCount]] = None
    response_tokens_details: Optional[list[ModalityTokenCount]] = None
    tool_use_prompt_tokens_details: Optional[list[ModalityTokenCount]] = None
    traffic_type: Union[TrafficType, str, None] = None
    service_tier: Union[ServiceTier, str, None] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class LiveServerGoAway(Model):
    """The server will close this connection soon (Protocol §8.5).

    Attributes:
        time_left: A duration such as ``"50s"``.
    """

    time_left: Optional[str] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class LiveServerSessionResumptionUpdate(Model):
    """A newer handle to resume the session with (Protocol §8.6).

    Attributes:
        new_handle: Empty where the session cannot be resumed at this moment.
        last_consumed_client_message_index: Transparent resumption only (Vertex).
    """

    new_handle: Optional[str] = None
    resumable: Optional[bool] = None
    last_consumed_client_message_index: Optional[int] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class VoiceActivityDetectionSignal(Model):
    """The start or end of speech (allow-listed projects; Protocol §8.7)."""

    vad_signal_type: Union[VadSignalType, str, None] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class VoiceActivity(Model):
    """The start or end of speech (Protocol §8.7).

    The wire calls ``voice_activity_type`` ``type``.
    """

    voice_activity_type: Union[VoiceActivityType, str, None] = None
    audio_offset: Optional[str] = None
    extra: Optional[dict[str, Any]] = None


@sparse
@define(kw_only=True, eq=False, repr=False, slots=False)
class LiveServerMessage(Model):
    """One frame from the server; any number of its members may be set at once (Protocol §8).

    Look at each member, not at the first one that is there.

    Attributes:
        interaction_status: Seen at the top level as well as in ``server_content`` (Protocol
            §14).
        error: An error object, as some gateways send it.
    """

    setup_complete: Optional[LiveServerSetupComplete] = None
    server_content: Optional[LiveServerContent] = None
    tool_call: Optional[LiveServerToolCall] = None
    tool_call_cancellation: Optional[LiveServerToolCallCancellation] = None
    usage_metadata: Optional[UsageMetadata] = None
    go_away: Optional[LiveServerGoAway] = None
    session_resumption_update: Optional[LiveServerSessionResumptionUpdate] = None
    voice_activity_detection_signal: Optional[VoiceActivityDetectionSignal] = None
    voice_activity: Optional[VoiceActivity] = None
    interaction_status: Union[InteractionStatus, str, None] = None
    error: Optional[dict[str, Any]] = None
    extra: Optional[dict[str, Any]] = None
    raw: Optional[dict[str, Any]] = None

    _is_piece = False  # set by the codec: text or audio of the model, and nothing else
    _is_text = False  # set by the codec: a piece that is one text
    _ends_turn = False  # set by the session: the model is done, and so are its tools

    @property
    def text(self) -> Optional[str]:
        """The text of all parts, thoughts left out; ``None`` if there is none."""
        texts = [part.text for part in self._parts() if part.text is not None and not part.thought]
        return "".join(texts) if texts else None

    @property
    def thoughts(self) -> Optional[str]:
        """The text of all thoughts; ``None`` if there is none."""
        texts = [part.text for part in self._parts() if part.text is not None and part.thought]
        return "".join(texts) if texts else None

    @property
    def data(self) -> Optional[bytes]:
        """The bytes of all parts, whatever their type; ``None`` if there are none."""
        return _joined([blob.data for blob in self._blobs()])

    @property
    def audio(self) -> Optional[bytes]:
        """The audio of all parts: PCM, 16-bit little-endian, mono; ``None`` if there is none."""
        pieces = []
        for part in self._parts():  # asked for each message that comes: no list that stays empty
            blob = part.inline_data
            if blob is not None and _is_audio(blob):
                pieces.append(blob.data)
        return _joined(pieces) if pieces else None

    @property
    def sample_rate_hz(self) -> Optional[int]:
        """The rate of the audio, 24 000 where the MIME type names none; ``None`` without audio."""
        for blob in self._blobs():
            if _is_audio(blob):
                return rate_of(blob.mime_type)
        return None

    @property
    def audio_as_float(self) -> Optional[Any]:
        """The audio as a NumPy array of float32 in -1 to 1; ``None`` if there is none.

        Half a sample at the end, should a server send one, is left out.
        """
        audio = self.audio
        return None if audio is None else to_float(audio[: len(audio) & ~1])

    @property
    def tool_calls(self) -> list[FunctionCall]:
        """The functions the model asks for; empty if none."""
        return list(self.tool_call.function_calls or ()) if self.tool_call else []

    @property
    def status(self) -> ResponseStatus:
        """INTERRUPTED, TURN_COMPLETE or NORMAL, as the older Firebase classes have it."""
        content = self.server_content
        if content and content.interrupted:
            return ResponseStatus.INTERRUPTED
        if content and content.turn_complete:
            return ResponseStatus.TURN_COMPLETE
        return ResponseStatus.NORMAL

    def _parts(self) -> list[Part]:
        content = self.server_content
        turn = content.model_turn if content else None
        return (turn.parts or []) if turn else []

    def _blobs(self) -> list[Blob]:
        return [part.inline_data for part in self._parts() if part.inline_data]


def _is_audio(blob: Blob) -> bool:
    return (blob.mime_type or "").lower().startswith("audio/")


def _joined(pieces: list[Optional[bytes]]) -> Optional[bytes]:
    found = [piece for piece in pieces if piece is not None]
    if len(found) == 1:
        return found[0]
    return b"".join(found) if found else None
