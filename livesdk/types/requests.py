"""What the client says, one class a message (Protocol §3 to §7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from ._base import Model, frozen

if TYPE_CHECKING:
    from .config import (
        AudioTranscriptionConfig,
        AvatarConfig,
        ContextWindowCompressionConfig,
        GenerationConfig,
        HistoryConfig,
        ProactivityConfig,
        RealtimeInputConfig,
        SafetySetting,
        SessionResumptionConfig,
    )
    from .content import Blob, Content, FunctionResponse
    from .tools import Tool, ToolConfig

__all__ = [
    "ActivityEnd",
    "ActivityStart",
    "LiveClientContent",
    "LiveClientContextUpdate",
    "LiveClientContextUpdateTools",
    "LiveClientMessage",
    "LiveClientRealtimeInput",
    "LiveClientSetup",
    "LiveClientToolResponse",
]


@frozen(kw_only=True, eq=False, repr=False)
class ActivityStart(Model):
    """The user begins to speak; only with automatic detection disabled."""

    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class ActivityEnd(Model):
    """The user has spoken; only with automatic detection disabled."""

    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class LiveClientContent(Model):
    """Turns for the history, in order (Protocol §4).

    Attributes:
        turn_complete: True: answer now.  False: wait for more.
    """

    turns: Optional[list[Content]] = None
    turn_complete: Optional[bool] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class LiveClientRealtimeInput(Model):
    """What the user says or shows at this moment; exactly one member is set (Protocol §5).

    Attributes:
        media_chunks: Deprecated on the wire; use ``audio`` and ``video``.
        audio_stream_end: The microphone is off for now; automatic detection only.
    """

    audio: Optional[Blob] = None
    video: Optional[Blob] = None
    text: Optional[str] = None
    audio_stream_end: Optional[bool] = None
    activity_start: Optional[ActivityStart] = None
    activity_end: Optional[ActivityEnd] = None
    media_chunks: Optional[list[Blob]] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class LiveClientToolResponse(Model):
    """Answers to function calls (Protocol §6)."""

    function_responses: Optional[list[FunctionResponse]] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class LiveClientContextUpdateTools(Model):
    """The new tools; an empty list removes all (Protocol §7)."""

    tools: Optional[list[Tool]] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class LiveClientContextUpdate(Model):
    """A new system instruction, new tools, or both, for the running session (Protocol §7)."""

    system_instruction: Optional[Content] = None
    tools: Optional[LiveClientContextUpdateTools] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class LiveClientSetup(Model):
    """The first message of a session (Protocol §3).

    ``connect`` makes it from a :class:`LiveConnectConfig`.
    """

    model: Optional[str] = None
    generation_config: Optional[GenerationConfig] = None
    system_instruction: Optional[Content] = None
    tools: Optional[list[Tool]] = None
    avatar_config: Optional[AvatarConfig] = None
    context_window_compression: Optional[ContextWindowCompressionConfig] = None
    explicit_vad_signal: Optional[bool] = None
    history_config: Optional[HistoryConfig] = None
    input_audio_transcription: Optional[AudioTranscriptionConfig] = None
    labels: Optional[dict[str, str]] = None
    output_audio_transcription: Optional[AudioTranscriptionConfig] = None
    proactivity: Optional[ProactivityConfig] = None
    realtime_input_config: Optional[RealtimeInputConfig] = None
    safety_settings: Optional[list[SafetySetting]] = None
    session_resumption: Optional[SessionResumptionConfig] = None
    tool_config: Optional[ToolConfig] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class LiveClientMessage(Model):
    """One frame to the server; exactly one member is set."""

    setup: Optional[LiveClientSetup] = None
    client_content: Optional[LiveClientContent] = None
    realtime_input: Optional[LiveClientRealtimeInput] = None
    tool_response: Optional[LiveClientToolResponse] = None
    context_update: Optional[LiveClientContextUpdate] = None
    extra: Optional[dict[str, Any]] = None
