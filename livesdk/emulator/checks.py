"""What the service refuses in a client's frame, as a close code and a reason.  Pure.

Names and types at every depth are judged by the codec's own strict check; here stand the rules that
need the backend (the M and V columns of Protocol §3) or several fields at once.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Any, Callable, Optional

from ..codec import check_client_frame
from ..errors import ConfigError
from .addresses import Address, Refusal
from .casing import snake
from .models import refuse_by_model

__all__ = ["Complaint", "check_frame", "check_setup", "check_tools"]

_GEMINI_MODEL = re.compile(r"(models|tunedModels)/\S+")
_VERTEX_MODEL = re.compile(
    r"(projects/[^/]+/locations/[^/]+/)?publishers/[^/]+/models/\S+"
    r"|projects/[^/]+/locations/[^/]+/endpoints/\S+"
)
_MODEL_FORMS = {
    "mldev": _GEMINI_MODEL,
    "vertex": _VERTEX_MODEL,
    "firebase": re.compile(r"projects/[^/]+/models/\S+"),
    "firebase-vertex": _VERTEX_MODEL,
}
_FUNCTION_NAME = re.compile(r"[A-Za-z_][\w.:-]{0,127}", re.ASCII)
_LABEL_KEY = re.compile(r"[a-z][a-z0-9_-]{0,62}", re.ASCII)
_LABEL_VALUE = re.compile(r"[a-z0-9_-]{0,63}", re.ASCII)
_PREFIX_TURNS = frozenset({"prefixTurns", "prefix_turns"})
_FUNCTIONS = 512
_MOST_TOKENS = 128_000  # §3.9

_VERTEX_ONLY_TOOLS = frozenset(
    {"retrieval", "enterpriseWebSearch", "parallelAiSearch", "exaAiSearch"}
)
_GEMINI_ONLY_TOOLS = frozenset({"fileSearch"})
_VERTEX_ONLY_FIELDS = {
    "googleSearch": ("blockingConfidence", "excludeDomains"),
    "googleMaps": ("authConfig", "groundingTypes"),
}
_GEMINI_ONLY_FIELDS = {  # §3.6
    "googleSearch": ("timeRangeFilter",),
    "mcpServers": ("name", "streamableHttpTransport"),
}
_NOT_IN_LIVE = (
    "responseLogprobs",
    "logprobs",
    "responseMimeType",
    "responseSchema",
    "responseJsonSchema",
    "stopSequences",
    "routingConfig",
    "audioTimestamp",
)  # §3.2

Complaint = Optional[str]
_Check = Callable[[dict[str, Any]], Complaint]
_BackendCheck = Callable[[dict[str, Any], Address], Complaint]


def check_frame(frame: object, address: Address) -> Refusal | None:
    """Judge names, types and the envelope of any client frame, as the service's parser would."""
    try:
        if address.service == "live":
            frame = _without_prefix_turns(frame)
        check_client_frame(frame, service=address.service)
    except ConfigError as error:
        text = str(error)
        known = text.startswith(("Invalid JSON payload", "Invalid value at"))
        return Refusal(1007, text if known else f"Invalid JSON payload received. {text}")
    return None


def _without_prefix_turns(frame: object) -> object:
    """Judge ``setup.prefixTurns`` as turns: the service has the field, and no SDK a name (§14)."""
    if not isinstance(frame, dict) or not isinstance(frame.get("setup"), dict):
        return frame
    setup = frame["setup"]
    for name in _PREFIX_TURNS & set(setup):
        try:
            check_client_frame({"clientContent": {"turns": setup[name]}})
        except ConfigError as error:
            place = re.sub(r"client_?[cC]ontent\.turns", "setup.prefix_turns", str(error))
            raise ConfigError(place) from None
    return {**frame, "setup": {key: setup[key] for key in setup if key not in _PREFIX_TURNS}}


def check_setup(setup: dict[str, Any], address: Address, *, strict_models: bool) -> Refusal | None:
    """Judge a setup (in camelCase) whose names and types are right already.

    Args:
        setup: What stands under ``setup``.
        address: What is being called.
        strict_models: Whether the model's own row counts too.
    """
    music = address.service == "music"
    complaints = itertools.chain(
        (check(setup, address) for check in (_BACKEND_CHECKS[:1] if music else _BACKEND_CHECKS)),
        (check(setup) for check in ((_only_model,) if music else _LIVE_CHECKS)),
    )
    complaint = next(filter(None, complaints), None)
    if complaint is not None:
        return Refusal(1007, complaint)
    if strict_models:
        return refuse_by_model(setup, address)
    return None


def _model(setup: dict[str, Any], address: Address) -> Complaint:
    name = setup.get("model")
    if not name:
        return "setup must include a model."
    if not _MODEL_FORMS[address.backend].fullmatch(str(name)):
        return f"* BidiGenerateContentRequest.model: unexpected model name format: {name}"
    return None


def _modalities(setup: dict[str, Any]) -> Complaint:
    wanted = setup.get("generationConfig", {}).get("responseModalities", [])
    if len(wanted) > 1:
        return f"At most one response modality is supported, got {', '.join(map(str, wanted))}."
    if wanted and wanted[0] == "VIDEO" and "avatarConfig" in setup:
        return None
    if wanted and wanted[0] not in ("TEXT", "AUDIO"):
        return f"The response modality {wanted[0]} is not supported."
    return None


def _generation(setup: dict[str, Any]) -> Complaint:
    generation = setup.get("generationConfig", {})
    for name in _NOT_IN_LIVE:
        if name in generation:
            return f"generationConfig.{name} is not supported in a live session."
    temperature = generation.get("temperature")
    if temperature is not None and not 0 < temperature <= 2:
        return f"generationConfig.temperature must be in (0, 2], got {temperature}."
    if "multiSpeakerVoiceConfig" in generation.get("speechConfig", {}):
        return "multiSpeakerVoiceConfig is not supported in a live session."
    return None


def _backend_fields(setup: dict[str, Any], address: Address) -> Complaint:
    if address.is_vertex:
        replicated = _dig(setup, "generationConfig", "speechConfig", "voiceConfig")
        for name in ("consentAudio", "voiceConsentSignature"):
            if name in replicated.get("replicatedVoiceConfig", {}):
                return f"{name} is not supported on this backend."
        return None
    if "explicitVadSignal" in setup:
        return "Unknown name \"explicitVadSignal\" at 'setup': Cannot find field."
    if "transparent" in setup.get("sessionResumption", {}):
        return "Unknown name \"transparent\" at 'setup.session_resumption': Cannot find field."
    if any("method" in setting for setting in setup.get("safetySettings", [])):
        return "Unknown name \"method\" at 'setup.safety_settings': Cannot find field."
    return None


def check_tools(
    tools: Sequence[dict[str, Any]], address: Address, *, at: str = "setup.tools"
) -> Complaint:
    """Judge the tools (in camelCase) of a setup or of a context update.

    Args:
        tools: Tools whose names and types are right already.
        address: What is being called.
        at: Where they stand, for the words.
    """
    functions = [function for tool in tools for function in tool.get("functionDeclarations", [])]
    return _foreign_tool(tools, address, at) or _names(functions) or _two_schemas(functions)


def _tools(setup: dict[str, Any], address: Address) -> Complaint:
    return check_tools(setup.get("tools", []), address)


def _foreign_tool(tools: Sequence[dict[str, Any]], address: Address, at: str) -> Complaint:
    """Complain of a kind of tool, or a field of one, that only the other backend knows."""
    kinds = _GEMINI_ONLY_TOOLS if address.is_vertex else _VERTEX_ONLY_TOOLS
    fields = _GEMINI_ONLY_FIELDS if address.is_vertex else _VERTEX_ONLY_FIELDS
    for kind, given in itertools.chain.from_iterable(tool.items() for tool in tools):
        if kind in kinds:
            return f"Unknown name \"{kind}\" at '{at}': Cannot find field."
        bodies = given if isinstance(given, list) else [given]
        for name in fields.get(kind, ()):
            if any(name in body for body in bodies):
                return f"Unknown name \"{name}\" at '{at}.{snake(kind)}': Cannot find field."
    return None


def _names(functions: Sequence[dict[str, Any]]) -> Complaint:
    names = [str(function.get("name", "")) for function in functions]
    if len(names) > _FUNCTIONS:
        return f"At most {_FUNCTIONS} function declarations are supported, got {len(names)}."
    for name in names:
        if not _FUNCTION_NAME.fullmatch(name):
            return (
                f"* GenerateContentRequest.tools[0].function_declarations.name: Invalid function "
                f"name {name!r}."
            )
    if len(set(names)) < len(names):
        return "Duplicate function declaration found."
    return None


def _two_schemas(functions: Sequence[dict[str, Any]]) -> Complaint:
    for function in functions:
        for one, other in (
            ("parameters", "parametersJsonSchema"),
            ("response", "responseJsonSchema"),
        ):
            if one in function and other in function:
                return f"{function.get('name')}: {one} and {other} are mutually exclusive."
    return None


def _compression(setup: dict[str, Any], address: Address) -> Complaint:
    config = setup.get("contextWindowCompression", {})
    trigger = config.get("triggerTokens")
    target = config.get("slidingWindow", {}).get("targetTokens")
    if trigger is not None and target is not None and int(target) >= int(trigger):
        return "slidingWindow.targetTokens must be less than triggerTokens."
    if address.backend != "vertex":  # of Firebase's proxy to it no range is known
        return None
    for name, value, least in (
        ("triggerTokens", trigger, 5_000),
        ("slidingWindow.targetTokens", target, 0),
    ):
        if value is not None and not least <= int(value) <= _MOST_TOKENS:
            return f"{name} must be in [{least}, {_MOST_TOKENS}], got {value}."
    return None


def _labels(setup: dict[str, Any]) -> Complaint:
    for key, value in setup.get("labels", {}).items():
        if not _LABEL_KEY.fullmatch(key) or not _LABEL_VALUE.fullmatch(str(value)):
            return f"Invalid label {key!r}: {value!r}."
    return None


def _proactivity(setup: dict[str, Any]) -> Complaint:
    config = setup.get("proactivity", {})
    if config.get("proactiveVideo") and config.get("proactiveAudio") is False:
        return "proactiveVideo needs proactiveAudio."
    return None


def _transcription(setup: dict[str, Any]) -> Complaint:
    for name in ("inputAudioTranscription", "outputAudioTranscription"):
        config = setup.get(name, {})
        phrases: list[Any] = config.get("customVocabulary", [])
        if len(phrases) > 1000:
            return f"{name}.customVocabulary takes at most 1000 phrases, got {len(phrases)}."
        if config.get("mode") == "SMART" and (
            config.get("wordTimestamp") or config.get("diarization")
        ):
            return f"{name}: SMART mode does not go with timestamps or diarization."
    return None


def _dig(body: dict[str, Any], *path: str) -> dict[str, Any]:
    for key in path:
        body = body.get(key, {})
    return body


def _only_model(setup: dict[str, Any]) -> Complaint:
    extra = sorted(set(setup) - {"model"})
    return f"Unknown name \"{extra[0]}\" at 'setup': Cannot find field." if extra else None


_LIVE_CHECKS: tuple[_Check, ...] = (
    _modalities,
    _generation,
    _labels,
    _proactivity,
    _transcription,
)
_BACKEND_CHECKS: tuple[_BackendCheck, ...] = (_model, _backend_fields, _tools, _compression)
