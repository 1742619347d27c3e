"""From a config to the setup message: checked, merged, and fit for the backend.

Pure.  Everything wrong is a :class:`ConfigError` that names the field, before any I/O.
Protocol §3; the M and V columns there are ``_VERTEX_ONLY`` and ``_DEVELOPER_ONLY`` here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

import attrs

from . import codec
from .endpoint import Access, model_resource
from .errors import ConfigError
from .types._base import Model, fields_of
from .types.config import GenerationConfig, LiveConnectConfig
from .types.content import Content
from .types.enums import Modality
from .types.requests import LiveClientSetup
from .types.tools import FunctionDeclaration, Tool

__all__ = ["checked_config", "instruction_of", "refuse_foreign_fields", "setup_message", "tools_of"]

_SAMPLING = (
    "response_modalities",
    "temperature",
    "top_p",
    "top_k",
    "max_output_tokens",
    "media_resolution",
    "seed",
    "candidate_count",
    "presence_penalty",
    "frequency_penalty",
    "speech_config",
    "thinking_config",
    "enable_affective_dialog",
    "translation_config",
)
"""Fields of the config that the wire has inside ``generationConfig`` (Protocol §3.2)."""

_AS_THEY_ARE = (
    "tool_config",
    "session_resumption",
    "input_audio_transcription",
    "output_audio_transcription",
    "realtime_input_config",
    "context_window_compression",
    "proactivity",
    "explicit_vad_signal",
    "history_config",
    "avatar_config",
    "safety_settings",
    "labels",
)

_VERTEX_ONLY = frozenset(
    {
        ("LiveClientSetup", "explicit_vad_signal"),
        ("SessionResumptionConfig", "transparent"),
        ("SafetySetting", "method"),
        ("Tool", "retrieval"),
        ("Tool", "enterprise_web_search"),
        ("Tool", "parallel_ai_search"),
        ("Tool", "exa_ai_search"),
        ("GoogleSearch", "blocking_confidence"),
        ("GoogleSearch", "exclude_domains"),
        ("GoogleMaps", "auth_config"),
        ("GoogleMaps", "grounding_types"),
        ("AuthConfig", "api_key_config"),
        ("AuthConfig", "auth_type"),
        ("AuthConfig", "google_service_account_config"),
        ("AuthConfig", "http_basic_auth_config"),
        ("AuthConfig", "oauth_config"),
        ("AuthConfig", "oidc_config"),
        ("FunctionCall", "partial_args"),
        ("FunctionCall", "will_continue"),
    }
)
_DEVELOPER_ONLY = frozenset(
    {
        ("ReplicatedVoiceConfig", "consent_audio"),
        ("ReplicatedVoiceConfig", "voice_consent_signature"),
        ("Tool", "file_search"),
        ("GoogleSearch", "time_range_filter"),
        ("McpServer", "name"),
        ("McpServer", "streamable_http_transport"),
        ("GenerationConfig", "enable_enhanced_civic_answers"),
        ("FunctionResponse", "will_continue"),
        ("FunctionResponsePart", "media_processing"),
        ("Part", "tool_call"),
        ("Part", "tool_response"),
        ("Part", "part_metadata"),
    }
)


def checked_config(config: Any) -> LiveConnectConfig:
    """Check a config, dict or ``None``; see :func:`livesdk.codec.check`."""
    return codec.check({} if config is None else config, LiveConnectConfig, "config")


def setup_message(access: Access, model: Any, config: LiveConnectConfig) -> LiveClientSetup:
    """Make the first message of a session; without a model only for a token's constraints.

    Raises:
        ConfigError: Fields the backend does not have, one field both nested and at the top, several
            speakers, tools that are none.
    """
    generation = _generation_config(config, access)
    setup = LiveClientSetup(
        model=None if model is None else model_resource(access, model),
        generation_config=generation,
        system_instruction=instruction_of(config.system_instruction, "config.system_instruction"),
        tools=None if config.tools is None else tools_of(config.tools, "config.tools"),
        extra=config.extra,
        **{name: getattr(config, name) for name in _AS_THEY_ARE},
    )
    speech = generation.speech_config if generation else None
    if speech and speech.multi_speaker_voice_config:
        raise ConfigError("config.speech_config.multi_speaker_voice_config: Live has one speaker")
    refuse_foreign_fields(setup, access, "config")
    return setup


def _generation_config(config: LiveConnectConfig, access: Access) -> Optional[GenerationConfig]:
    given = {name: getattr(config, name) for name in _SAMPLING}
    given = {name: value for name, value in given.items() if value is not None}
    nested = config.generation_config
    for name in given:
        if nested is not None and getattr(nested, name) is not None:
            raise ConfigError(
                f"config.{name} is given twice: at the top and inside generation_config"
            )
    merged = attrs.evolve(nested or GenerationConfig(), **given)
    vertex = access.backend == "vertex" and not access.is_express
    if vertex and merged.response_modalities is None:
        merged = attrs.evolve(merged, response_modalities=[Modality.AUDIO])
    if access.vertex_rules and merged.model_selection_config is not None:  # modelConfig there
        merged = attrs.evolve(
            merged, model_config=merged.model_selection_config, model_selection_config=None
        )
    return None if merged == GenerationConfig() else merged


def instruction_of(value: Any, where: str) -> Optional[Content]:
    """Check a system instruction: a string, part, content, or a list of them."""
    if value is None:
        return None
    if isinstance(value, (list, tuple)) and not value:
        raise ConfigError(f"{where}: an empty list says nothing; leave it out")
    return codec.check(value, Content, where)


def tools_of(tools: Any, where: str) -> list[Tool]:
    """Check a list of tools; declarations that stand alone become a tool of their own."""
    if not isinstance(tools, (list, tuple)):
        raise ConfigError(f"{where}: expected a list, got {type(tools).__name__}")
    checked = [_tool(tool, f"{where}[{index}]") for index, tool in enumerate(tools)]
    return [tool for tool in checked if tool != Tool()]


def _tool(tool: Any, where: str) -> Tool:
    if callable(tool) and not isinstance(tool, Model):
        raise ConfigError(
            f"{where}: a Python function cannot stand here; declare it (FunctionDeclaration)"
        )
    if isinstance(tool, FunctionDeclaration) or _is_declaration(tool):
        return Tool(function_declarations=[codec.check(tool, FunctionDeclaration, where)])
    return codec.check(tool, Tool, where)


def _is_declaration(tool: Any) -> bool:
    return isinstance(tool, Mapping) and isinstance(tool.get("name"), str)


def refuse_foreign_fields(message: Model, access: Access, where: str) -> None:
    """Raise :class:`ConfigError` for a field that the backend does not have, at any depth."""
    foreign = _DEVELOPER_ONLY if access.vertex_rules else _VERTEX_ONLY
    found = _foreign_field(message, foreign, where)
    if found:
        other, this = "the Gemini Developer API", "Vertex AI"
        if not access.vertex_rules:
            other, this = this, other
        raise ConfigError(f"{found} exists on {other} only, and this session is on {this}")


def _foreign_field(value: Any, foreign: frozenset[tuple[str, str]], path: str) -> Optional[str]:
    if isinstance(value, Model):
        for attribute in fields_of(value):
            item = getattr(value, attribute.name)
            if item is None:
                continue
            place = f"{path}.{attribute.name}"
            if (type(value).__name__, attribute.name) in foreign:
                return place
            deeper = _foreign_field(item, foreign, place)
            if deeper:
                return deeper
    elif isinstance(value, list):
        for index, item in enumerate(value):
            deeper = _foreign_field(item, foreign, f"{path}[{index}]")
            if deeper:
                return deeper
    return None
