"""What each model family serves and refuses (Protocol §15), as one table.

By default the emulator serves any name, voice and modality, because programs under test name many;
with ``strict_models=True`` a name that is not in the table is refused as not found, and the rest of
the row holds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from .addresses import Address, Refusal

__all__ = ["VOICES", "Model", "find_model", "refuse_by_model", "refuse_tools", "short_name"]

VOICES = frozenset(
    [
        "Zephyr",
        "Puck",
        "Charon",
        "Kore",
        "Fenrir",
        "Leda",
        "Orus",
        "Aoede",
        "Callirrhoe",
        "Autonoe",
        "Enceladus",
        "Iapetus",
        "Umbriel",
        "Algieba",
        "Despina",
        "Erinome",
        "Algenib",
        "Rasalgethi",
        "Laomedeia",
        "Achernar",
        "Alnilam",
        "Schedar",
        "Gacrux",
        "Pulcherrima",
        "Achird",
        "Zubenelgenubi",
        "Vindemiatrix",
        "Sadachbia",
        "Sadaltager",
        "Sulafat",
    ]
)
"""The prebuilt voices (§10)."""


@attrs.frozen(kw_only=True)
class Model:
    """One row of the matrix.

    Attributes:
        modality: What it speaks.
        default_behavior: What a function without ``behavior`` is.
        behaviors: What a function may declare.
        thinking: The ``thinkingConfig`` keys it takes; none refuses the object.
        levels: The thinking levels it takes; empty for any.
        context_update: Whether ``contextUpdate`` works.
        history_only: ``clientContent`` is taken as initial history alone.
        proactive: ``proactivity`` is known.
        always_proactive: ``proactiveAudio: false`` is an error.
        affective: ``enableAffectiveDialog`` is known.
        in_alpha: ``enableAffectiveDialog`` and ``proactivity`` on the Developer API's ``v1alpha``
            only.
        tools: The kinds of tools it takes; ``None`` for any.
        translates: ``translationConfig`` is known.
        vertex_only: The Developer API does not have it.
        says_status: ``interactionStatus`` comes with ``turnComplete``.
    """

    modality: str = "AUDIO"
    default_behavior: str = "BLOCKING"
    behaviors: frozenset[str] = frozenset({"BLOCKING", "NON_BLOCKING"})
    thinking: frozenset[str] = frozenset()
    levels: frozenset[str] = frozenset()
    context_update: bool = False
    history_only: bool = False
    proactive: bool = False
    always_proactive: bool = False
    affective: bool = False
    in_alpha: bool = False
    tools: frozenset[str] | None = None
    translates: bool = False
    vertex_only: bool = False
    says_status: bool = False


_LEVEL = frozenset({"includeThoughts", "thinkingLevel"})
_BUDGET = frozenset({"includeThoughts", "thinkingBudget"})
_TOOLS_OF_38 = frozenset({"functionDeclarations", "computerUse", "googleSearch"})  # §3.6, §15

_TABLE: tuple[tuple[str, Model], ...] = (
    (
        r"gemini-3\.8-live-extended-thinking",
        Model(
            default_behavior="NON_BLOCKING",
            behaviors=frozenset({"NON_BLOCKING"}),
            thinking=_LEVEL,
            levels=frozenset({"LOW", "MEDIUM", "HIGH"}),
            context_update=True,
            proactive=True,
            always_proactive=True,
            tools=_TOOLS_OF_38,
            says_status=True,
        ),
    ),
    (
        r"gemini-3\.8-live",
        Model(
            default_behavior="NON_BLOCKING",
            context_update=True,
            proactive=True,
            always_proactive=True,
            tools=_TOOLS_OF_38,
            says_status=True,
        ),
    ),
    (
        r"gemini-3\.1-flash-live-preview",
        Model(
            behaviors=frozenset({"BLOCKING"}),
            thinking=_LEVEL,
            levels=frozenset({"MINIMAL", "LOW", "MEDIUM", "HIGH"}),
            history_only=True,
        ),
    ),
    (
        r"gemini-2\.5-flash-native-audio-preview-12-2025",
        Model(thinking=_BUDGET, proactive=True, affective=True, in_alpha=True),
    ),
    (
        r"gemini-live-2\.5-flash-native-audio",
        Model(
            default_behavior="NON_BLOCKING",
            thinking=_BUDGET,
            proactive=True,
            affective=True,
            vertex_only=True,
        ),
    ),
    (r"gemini-3\.5-live-translate-preview", Model(translates=True)),
    (
        r"gemini-3\.5-transcribe-live",
        Model(modality="TEXT", behaviors=frozenset(), tools=frozenset()),
    ),
)
_MUSIC = "lyria-realtime-exp"


def short_name(model: str) -> str:
    """``projects/p/locations/l/publishers/google/models/m`` becomes ``m``."""
    return model.rsplit("/", 1)[-1]


def find_model(model: str) -> Model | None:
    """Return the row of ``model`` (a full resource name), or ``None`` if there is none."""
    for pattern, row in _TABLE:
        if re.fullmatch(pattern, short_name(model)):
            return row
    return None


def refuse_by_model(setup: Mapping[str, Any], address: Address) -> Refusal | None:
    """Return how the service would refuse this setup because of its model, or ``None``."""
    name = str(setup.get("model", ""))
    row = Model() if address.service == "music" and short_name(name) == _MUSIC else None
    if address.service == "live":
        row = find_model(name)
    if row is None or (row.vertex_only and not address.is_vertex):
        return Refusal(
            1008,
            f"{name} is not found for API version {address.version}, or is not supported for "
            "bidiGenerateContent. Call ListModels to see the list of available models.",
        )
    return (
        _refuse_generation(setup, row)
        or _refuse_manner(setup, row, address)
        or refuse_tools(setup.get("tools", []), row)
        or _refuse_diarization(setup)
    )


def refuse_tools(tools: Sequence[Mapping[str, Any]], row: Model) -> Refusal | None:
    """Return how the service would refuse these tools because of the model, or ``None``."""
    for tool in tools:
        for function in tool.get("functionDeclarations", []):
            said = function.get("behavior", "UNSPECIFIED")
            behavior = row.default_behavior if said == "UNSPECIFIED" else said
            if behavior not in row.behaviors:
                return Refusal(
                    1007, f"{behavior} function calling is not supported for this model."
                )
        for kind in tool:
            if row.tools is not None and kind not in row.tools:
                return Refusal(1007, f"The tool {kind} is not supported for this model.")
    return None


def _refuse_generation(setup: Mapping[str, Any], row: Model) -> Refusal | None:
    generation = setup.get("generationConfig", {})
    for modality in generation.get("responseModalities", []):
        is_avatar = modality == "VIDEO" and "avatarConfig" in setup  # §3.2
        if modality != row.modality and not is_avatar:
            return Refusal(
                1007,
                f"Cannot extract voices from a non-audio request. (modality {modality})"
                if modality == "TEXT"
                else f"The model does not support the modality {modality}.",
            )
    thinking = generation.get("thinkingConfig")
    if thinking is not None:
        unknown = sorted(set(thinking) - row.thinking)
        if unknown or not row.thinking:
            return Refusal(1007, "Thinking is not supported for this model with these options.")
        level = thinking.get("thinkingLevel")
        if level not in (None, "THINKING_LEVEL_UNSPECIFIED", *row.levels):
            return Refusal(1007, f"Thinking level {level} is not supported for this model.")
    if "translationConfig" in generation and not row.translates:
        return Refusal(1007, "translationConfig is not supported for this model.")
    voice = (
        generation.get("speechConfig", {})
        .get("voiceConfig", {})
        .get("prebuiltVoiceConfig", {})
        .get("voiceName")
    )
    if voice is not None and voice not in VOICES:
        return Refusal(1007, f"Requested voice api_name '{voice}' is not available.")
    return None


def _refuse_manner(setup: Mapping[str, Any], row: Model, address: Address) -> Refusal | None:
    """Proactive audio and affective dialog."""
    config = setup.get("proactivity", {})
    for what, wanted, known in (
        ("Proactive audio", "proactivity" in setup, row.proactive),
        (
            "Affective dialog",
            "enableAffectiveDialog" in setup.get("generationConfig", {}),
            row.affective,
        ),
    ):
        if wanted and not known:
            return Refusal(1007, f"{what} is not supported for this model.")
        if wanted and row.in_alpha and not address.is_vertex and address.version != "v1alpha":
            return Refusal(1007, f"{what} is not supported in API version {address.version}.")
    if row.always_proactive and config.get("proactiveAudio") is False:
        return Refusal(1007, "Proactive audio cannot be disabled for this model.")
    return None


def _refuse_diarization(setup: Mapping[str, Any]) -> Refusal | None:
    """No live model tells speakers apart (§3.10)."""
    for name in ("inputAudioTranscription", "outputAudioTranscription"):
        if setup.get(name, {}).get("diarization"):
            return Refusal(1007, f"{name}.diarization is not supported in a live session.")
    return None
