"""What each model family serves and refuses (Protocol §15), as one table.

By default the emulator serves any name, voice and modality, because programs under test name many;
with ``strict_models=True`` a name that is not in the table is refused as not found, and the rest of
the row holds.
"""

from __future__ import annotations

import re
from typing import Any

import attrs

from .addresses import Refusal

__all__ = ["VOICES", "Model", "find_model", "refuse_by_model", "short_name"]

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
        always_proactive: ``proactiveAudio: false`` is an error.
        affective: ``enableAffectiveDialog`` is known.
        says_status: ``interactionStatus`` comes with ``turnComplete``.
    """

    modality: str = "AUDIO"
    default_behavior: str = "BLOCKING"
    behaviors: frozenset[str] = frozenset({"BLOCKING", "NON_BLOCKING"})
    thinking: frozenset[str] = frozenset()
    levels: frozenset[str] = frozenset()
    context_update: bool = False
    history_only: bool = False
    always_proactive: bool = False
    affective: bool = False
    says_status: bool = False


_LEVEL = frozenset({"includeThoughts", "thinkingLevel"})
_BUDGET = frozenset({"includeThoughts", "thinkingBudget"})

_TABLE: tuple[tuple[str, Model], ...] = (
    (
        r"gemini-3\.8-live-extended-thinking",
        Model(
            default_behavior="NON_BLOCKING",
            behaviors=frozenset({"NON_BLOCKING"}),
            thinking=_LEVEL,
            levels=frozenset({"LOW", "MEDIUM", "HIGH"}),
            context_update=True,
            always_proactive=True,
            says_status=True,
        ),
    ),
    (
        r"gemini-3\.8-live",
        Model(
            default_behavior="NON_BLOCKING",
            context_update=True,
            always_proactive=True,
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
        Model(thinking=_BUDGET, affective=True),
    ),
    (
        r"gemini-live-2\.5-flash-native-audio",
        Model(default_behavior="NON_BLOCKING", thinking=_BUDGET, affective=True),
    ),
    (r"gemini-3\.5-live-translate-preview", Model()),
    (r"gemini-3\.5-transcribe-live", Model(modality="TEXT", behaviors=frozenset())),
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


def refuse_by_model(setup: dict[str, Any], *, service: str, version: str) -> Refusal | None:
    """Return how the service would refuse this setup because of its model, or ``None``."""
    name = str(setup.get("model", ""))
    row = Model() if service == "music" and short_name(name) == _MUSIC else None
    if service == "live":
        row = find_model(name)
    if row is None:
        return Refusal(
            1008,
            f"{name} is not found for API version {version}, or is not supported for "
            "bidiGenerateContent. Call ListModels to see the list of available models.",
        )
    return (
        _refuse_generation(setup, row) or _refuse_functions(setup, row) or _refuse_rest(setup, row)
    )


def _refuse_generation(setup: dict[str, Any], row: Model) -> Refusal | None:
    generation = setup.get("generationConfig", {})
    for modality in generation.get("responseModalities", []):
        if modality != row.modality:
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
        if level is not None and level not in row.levels:
            return Refusal(1007, f"Thinking level {level} is not supported for this model.")
    if "enableAffectiveDialog" in generation and not row.affective:
        return Refusal(1007, "Affective dialog is not supported for this model.")
    voice = (
        generation.get("speechConfig", {})
        .get("voiceConfig", {})
        .get("prebuiltVoiceConfig", {})
        .get("voiceName")
    )
    if voice is not None and voice not in VOICES:
        return Refusal(1007, f"Requested voice api_name '{voice}' is not available.")
    return None


def _refuse_functions(setup: dict[str, Any], row: Model) -> Refusal | None:
    for tool in setup.get("tools", []):
        for function in tool.get("functionDeclarations", []):
            behavior = function.get("behavior", row.default_behavior)
            if behavior not in row.behaviors:
                return Refusal(
                    1007, f"{behavior} function calling is not supported for this model."
                )
    return None


def _refuse_rest(setup: dict[str, Any], row: Model) -> Refusal | None:
    proactive = setup.get("proactivity", {}).get("proactiveAudio")
    if row.always_proactive and proactive is False:
        return Refusal(1007, "Proactive audio cannot be disabled for this model.")
    return None
