"""What each family of models is known to refuse or to do by default (Protocol §15).

Only warnings come of this: what a model refuses tomorrow is for the service to say, and unknown
models pass untouched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Optional

from ._records import frozen
from .types.enums import Modality
from .types.requests import LiveClientSetup

__all__ = ["Family", "family_of", "warnings_for"]


@frozen(kw_only=True)
class Family:
    """One row of the matrix.

    Attributes:
        pattern: The family is that of every model whose name contains this.
        modality: The one modality it answers in.
        thinking: ``thinking_config`` is accepted.
        blocking_by_default: Function calls block the conversation unless declared otherwise.
        functions: Function calls are offered at all.
        shut_down: The service does not have the model any more.
        history_first: Takes history only where the setup has announced it.
    """

    pattern: str
    modality: str = "AUDIO"
    thinking: bool = True
    blocking_by_default: bool = True
    functions: bool = True
    affective: bool = False
    proactive_switch: bool = True
    shut_down: bool = False
    history_first: bool = False


_FAMILIES = (  # the first match counts
    Family(
        pattern="gemini-3.8-live-extended-thinking",
        history_first=True,
        blocking_by_default=False,
        proactive_switch=False,
    ),
    Family(
        pattern="gemini-3.8-live",
        history_first=True,
        thinking=False,
        blocking_by_default=False,
        proactive_switch=False,
    ),
    Family(pattern="gemini-3.1-flash-live", history_first=True),
    Family(pattern="gemini-live-2.5-flash-native-audio", blocking_by_default=False, affective=True),
    Family(pattern="gemini-2.5-flash-native-audio", affective=True),
    Family(pattern="live-translate", functions=False),
    Family(pattern="transcribe-live", modality="TEXT", functions=False),
    Family(pattern="gemini-2.0-flash-live", shut_down=True),
    Family(pattern="gemini-2.0-flash-exp", shut_down=True),
    Family(pattern="gemini-live-2.5-flash-preview", shut_down=True),
)


def family_of(model: str) -> Optional[Family]:
    """Return the family of a model's name in any form; ``None`` for unknown models."""
    name = model.rpartition("/")[2]
    return next((family for family in _FAMILIES if family.pattern in name), None)


def warnings_for(setup: LiveClientSetup) -> list[str]:
    """Return what the model of this setup is known to refuse, one sentence a field."""
    family = family_of(setup.model or "")
    if family is None:
        return list(_two_modalities(setup))
    name = (setup.model or "").rpartition("/")[2]
    return [f"{name}: {text}" for rule in _RULES for text in rule(setup, family)]


def _modality(setup: LiveClientSetup, family: Family) -> Iterator[str]:
    asked = (setup.generation_config and setup.generation_config.response_modalities) or []
    if len(asked) == 1 and str(asked[0]) != family.modality:
        yield f"response_modalities: this model answers in {family.modality} only"
    yield from _two_modalities(setup)


def _two_modalities(setup: LiveClientSetup) -> Iterator[str]:
    asked = (setup.generation_config and setup.generation_config.response_modalities) or []
    if {Modality.TEXT, Modality.AUDIO} <= set(asked):
        yield (
            "response_modalities: sessions have one modality; use AUDIO with"
            " output_audio_transcription to get text as well"
        )


def _thinking(setup: LiveClientSetup, family: Family) -> Iterator[str]:
    if not family.thinking and setup.generation_config and setup.generation_config.thinking_config:
        yield "thinking_config is refused by this model"


def _affective(setup: LiveClientSetup, family: Family) -> Iterator[str]:
    asked = setup.generation_config and setup.generation_config.enable_affective_dialog
    if asked and not family.affective:
        yield "enable_affective_dialog does not exist for this model"


def _proactive(setup: LiveClientSetup, family: Family) -> Iterator[str]:
    off = setup.proactivity is not None and setup.proactivity.proactive_audio is False
    if off and not family.proactive_switch:
        yield "proactivity.proactive_audio is always on for this model; False is an error"


def _functions(setup: LiveClientSetup, family: Family) -> Iterator[str]:
    if not family.functions and setup.tools:
        yield "tools are not offered by this model"


def _shut_down(_: LiveClientSetup, family: Family) -> Iterator[str]:
    if family.shut_down:
        yield "model: it was shut down in December 2025; gemini-3.8-live is its successor"


_RULES: tuple[Callable[[LiveClientSetup, Family], Iterator[str]], ...] = (
    _shut_down,
    _modality,
    _thinking,
    _affective,
    _proactive,
    _functions,
)
