"""How a session is set up: :class:`LiveConnectConfig` and all it is made of.

Frozen: a config may be shared by many sessions.  Use ``attrs.evolve`` for a changed
copy.  Protocol §3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional, Union

from ._base import Model, frozen

if TYPE_CHECKING:
    from .choices import (
        ActivityHandling,
        AudioTranscriptionConfigMode,
        EndSensitivity,
        HarmBlockMethod,
        HarmBlockThreshold,
        HarmCategory,
        MediaResolution,
        StartSensitivity,
        ThinkingLevel,
        TurnCoverage,
    )
    from .enums import Modality
    from .formats import GenerationConfigRoutingConfig, ModelSelectionConfig, ResponseFormat
    from .messages import VoiceConsentSignature
    from .tools import Schema, ToolConfig

__all__ = [
    "AudioTranscriptionConfig",
    "AutomaticActivityDetection",
    "AvatarConfig",
    "ContextWindowCompressionConfig",
    "CustomizedAvatar",
    "GenerationConfig",
    "HistoryConfig",
    "HttpOptions",
    "LanguageAuto",
    "LanguageHints",
    "LiveConnectConfig",
    "MultiSpeakerVoiceConfig",
    "PrebuiltVoiceConfig",
    "ProactivityConfig",
    "RealtimeInputConfig",
    "ReplicatedVoiceConfig",
    "SafetySetting",
    "SessionResumptionConfig",
    "SlidingWindow",
    "SpeakerVoiceConfig",
    "SpeechConfig",
    "ThinkingConfig",
    "TranslationConfig",
    "VoiceConfig",
]


@frozen(kw_only=True, eq=False, repr=False)
class PrebuiltVoiceConfig(Model):
    """One of the named voices (Protocol §10)."""

    voice_name: Optional[str] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class ReplicatedVoiceConfig(Model):
    """A cloned voice: WAV, 16-bit little-endian, 24 000 Hz (Protocol §3.3).

    Attributes:
        consent_audio: Spoken consent, same format; Developer API only.
    """

    consent_audio: Optional[bytes] = None
    mime_type: Optional[str] = None
    voice_consent_signature: Optional[VoiceConsentSignature] = None
    voice_sample_audio: Optional[bytes] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class VoiceConfig(Model):
    """Which voice speaks.

    Attributes:
        voice: A speaker by its identifier.
        preset_voice: Older name: a prebuilt voice.
    """

    prebuilt_voice_config: Optional[PrebuiltVoiceConfig] = None
    replicated_voice_config: Optional[ReplicatedVoiceConfig] = None
    voice: Optional[str] = None
    preset_voice: Optional[Any] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class SpeakerVoiceConfig(Model):
    """The voice of one speaker."""

    speaker: Optional[str] = None
    voice_config: Optional[VoiceConfig] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class MultiSpeakerVoiceConfig(Model):
    """Several speakers; the Live API has no such thing and connect refuses it."""

    speaker_voice_configs: Optional[list[SpeakerVoiceConfig]] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class SpeechConfig(Model):
    """How the model speaks (Protocol §3.3).

    Attributes:
        language_code: BCP-47; native-audio models choose by themselves.
        voice: Older form: a voice by its name.
    """

    language_code: Optional[str] = None
    multi_speaker_voice_config: Optional[MultiSpeakerVoiceConfig] = None
    voice_config: Optional[VoiceConfig] = None
    voice: Optional[Any] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class ThinkingConfig(Model):
    """Whether and how much the model thinks first (Protocol §3.4).

    Attributes:
        thinking_budget: 0 is off, -1 automatic (2.5 models).
        thinking_level: For 3.x models.
    """

    include_thoughts: Optional[bool] = None
    thinking_budget: Optional[int] = None
    thinking_level: Union[ThinkingLevel, str, None] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class TranslationConfig(Model):
    """What a translation model translates into (Protocol §3.5).

    Attributes:
        target_language_code: BCP-47.
        echo_target_language: Speak even where the input is in the target language already.
    """

    echo_target_language: Optional[bool] = None
    target_language_code: Optional[str] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class LanguageAuto(Model):
    """Detect the language (deprecated; leave ``language_codes`` empty)."""

    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class LanguageHints(Model):
    """Languages to expect (deprecated; use ``language_codes``)."""

    language_codes: Optional[list[str]] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class AudioTranscriptionConfig(Model):
    """Transcripts of input or output; empty means with defaults (Protocol §3.10).

    Attributes:
        custom_vocabulary: Up to 1 000 phrases.
        mode: ``VERBATIM`` or ``SMART``.
    """

    adaptation_phrases: Optional[list[str]] = None
    custom_vocabulary: Optional[list[str]] = None
    diarization: Optional[bool] = None
    language_auto: Optional[LanguageAuto] = None
    language_codes: Optional[list[str]] = None
    language_hints: Optional[LanguageHints] = None
    mode: Union[AudioTranscriptionConfigMode, str, None] = None
    source_text: Optional[str] = None
    word_timestamp: Optional[bool] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class AutomaticActivityDetection(Model):
    """The server's voice activity detection (Protocol §3.7).

    Attributes:
        disabled: The client says itself when speech starts and ends.
        silence_duration_ms: Silence before the end of speech is certain.
    """

    disabled: Optional[bool] = None
    end_of_speech_sensitivity: Union[EndSensitivity, str, None] = None
    prefix_padding_ms: Optional[int] = None
    silence_duration_ms: Optional[int] = None
    start_of_speech_sensitivity: Union[StartSensitivity, str, None] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class RealtimeInputConfig(Model):
    """How realtime input is read (Protocol §3.7)."""

    activity_handling: Union[ActivityHandling, str, None] = None
    automatic_activity_detection: Optional[AutomaticActivityDetection] = None
    interim_transcript_timestamp_enabled: Optional[bool] = None
    turn_coverage: Union[TurnCoverage, str, None] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class SessionResumptionConfig(Model):
    """Ask for handles, or resume with one (Protocol §3.8).

    Attributes:
        handle: Of an earlier session; absent for a new one.
        transparent: Numbered messages; Vertex only.
    """

    handle: Optional[str] = None
    transparent: Optional[bool] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class SlidingWindow(Model):
    """Drop the oldest turns.

    Attributes:
        target_tokens: How many tokens stay; less than the trigger.
    """

    target_tokens: Optional[int] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class ContextWindowCompressionConfig(Model):
    """What happens when the context is full (Protocol §3.9)."""

    sliding_window: Optional[SlidingWindow] = None
    trigger_tokens: Optional[int] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class ProactivityConfig(Model):
    """The model may speak, or stay silent, by its own judgement (Protocol §3.11)."""

    proactive_audio: Optional[bool] = None
    proactive_video: Optional[bool] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class HistoryConfig(Model):
    """The first ``clientContent`` is history, not a question (Protocol §3.11)."""

    initial_history_in_client_content: Optional[bool] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class CustomizedAvatar(Model):
    """A picture of your own for the avatar: 9:16, at least 704 × 1280."""

    image_data: Optional[bytes] = None
    image_mime_type: Optional[str] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class AvatarConfig(Model):
    """A speaking picture beside the voice (Protocol §3.11)."""

    audio_bitrate_bps: Optional[int] = None
    avatar_name: Optional[str] = None
    customized_avatar: Optional[CustomizedAvatar] = None
    video_bitrate_bps: Optional[int] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class SafetySetting(Model):
    """What is blocked.

    Attributes:
        method: Vertex only.
    """

    category: Union[HarmCategory, str, None] = None
    method: Union[HarmBlockMethod, str, None] = None
    threshold: Union[HarmBlockThreshold, str, None] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class GenerationConfig(Model):
    """The sampling options as one object (Protocol §3.2).

    A config may nest it, or spell its fields itself.

    Attributes:
        response_modality: Older form: the one modality.
    """

    audio_timestamp: Optional[bool] = None
    audio_transcription_config: Optional[AudioTranscriptionConfig] = None
    candidate_count: Optional[int] = None
    enable_affective_dialog: Optional[bool] = None
    enable_enhanced_civic_answers: Optional[bool] = None
    frequency_penalty: Optional[float] = None
    logprobs: Optional[int] = None
    max_output_tokens: Optional[int] = None
    media_resolution: Union[MediaResolution, str, None] = None
    model_config: Optional[ModelSelectionConfig] = None
    model_selection_config: Optional[ModelSelectionConfig] = None
    presence_penalty: Optional[float] = None
    response_format: Optional[list[ResponseFormat]] = None
    response_json_schema: Optional[Any] = None
    response_logprobs: Optional[bool] = None
    response_mime_type: Optional[str] = None
    response_modalities: Optional[list[Union[Modality, str]]] = None
    response_schema: Optional[Schema] = None
    routing_config: Optional[GenerationConfigRoutingConfig] = None
    seed: Optional[int] = None
    speech_config: Optional[SpeechConfig] = None
    stop_sequences: Optional[list[str]] = None
    temperature: Optional[float] = None
    thinking_config: Optional[ThinkingConfig] = None
    top_k: Optional[float] = None
    top_p: Optional[float] = None
    translation_config: Optional[TranslationConfig] = None
    response_modality: Optional[Any] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class HttpOptions(Model):
    """Where and how to connect.

    Attributes:
        base_url: Another server; ``http`` and ``ws`` stay plain.
        api_version: ``v1beta`` by default, ``v1beta1`` on Vertex.
        headers: Sent with the upgrade, beside the credential.
        timeout: Milliseconds, as in the official SDK, for connecting; ``timeout=`` of connect
            is in seconds.
    """

    base_url: Optional[str] = None
    api_version: Optional[str] = None
    headers: Optional[dict[str, str]] = None
    timeout: Optional[int] = None
    extra: Optional[dict[str, Any]] = None


@frozen(kw_only=True, eq=False, repr=False)
class LiveConnectConfig(Model):
    """Everything a session can be told before it starts (Protocol §3).

    Sampling fields stand here at the top, where the wire has them inside ``generationConfig``.

    Attributes:
        response_modalities: A list: ``["AUDIO"]`` or ``["TEXT"]``, one per session.
        system_instruction: A string, part, content, or a list of them.
        tools: Tools, dicts, and (Python) functions.
        extra: Keys newer than this SDK, sent inside ``setup`` as they are.
        http_options: For this session only: ``base_url``, ``api_version``, ``headers``.
        generation_config: Nested form of the sampling fields; merged, and refused where both
            say the same.
        response_modality: Older form: the one modality.
    """

    http_options: Optional[HttpOptions] = None
    generation_config: Optional[GenerationConfig] = None
    response_modalities: Optional[list[Union[Modality, str]]] = None
    temperature: Optional[float] = None
    top_p: Optional[float] = None
    top_k: Optional[float] = None
    max_output_tokens: Optional[int] = None
    media_resolution: Union[MediaResolution, str, None] = None
    seed: Optional[int] = None
    candidate_count: Optional[int] = None
    presence_penalty: Optional[float] = None
    frequency_penalty: Optional[float] = None
    speech_config: Optional[SpeechConfig] = None
    thinking_config: Optional[ThinkingConfig] = None
    enable_affective_dialog: Optional[bool] = None
    translation_config: Optional[TranslationConfig] = None
    system_instruction: Optional[Any] = None
    tools: Optional[list[Any]] = None
    tool_config: Optional[ToolConfig] = None
    session_resumption: Optional[SessionResumptionConfig] = None
    input_audio_transcription: Optional[AudioTranscriptionConfig] = None
    output_audio_transcription: Optional[AudioTranscriptionConfig] = None
    realtime_input_config: Optional[RealtimeInputConfig] = None
    context_window_compression: Optional[ContextWindowCompressionConfig] = None
    proactivity: Optional[ProactivityConfig] = None
    explicit_vad_signal: Optional[bool] = None
    history_config: Optional[HistoryConfig] = None
    avatar_config: Optional[AvatarConfig] = None
    safety_settings: Optional[list[SafetySetting]] = None
    labels: Optional[dict[str, str]] = None
    response_modality: Optional[Any] = None
    extra: Optional[dict[str, Any]] = None
