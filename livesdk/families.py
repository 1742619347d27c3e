"""What each family of models is known to refuse or to do by default (Protocol §15).

Only warnings come of this: what a model refuses tomorrow is for the service to say, and unknown
models pass untouched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Optional

from ._records import frozen
from .types._base import fields_of
from .types.enums import Modality
from .types.requests import LiveClientSetup

if TYPE_CHECKING:
    from .endpoint import Access

__all__ = ["Family", "family_of", "warnings_for"]


@frozen(kw_only=True)
class Family:
    """One row of the matrix.

    Attributes:
        pattern: The family is that of every model whose name contains this.
        modality: The one modality it answers in.
        thinking: ``thinking_config`` is accepted.
        thinks_by: ``"level"`` or ``"budget"``: which of the two it takes; ``None`` for either.
        levels: The thinking levels it takes; empty for any.
        blocking_by_default: Function calls block the conversation unless declared otherwise.
        behavior: The one behavior that a function may declare; ``None`` for either.
        functions: Function calls are offered at all.
        tools: The kinds of tools it takes; empty for any.
        affective: ``enable_affective_dialog`` is known.
        proactive: ``proactivity`` is known.
        proactive_switch: ``proactive_audio`` may be switched off.
        in_alpha: ``enable_affective_dialog`` and ``proactivity`` on the Developer API's ``v1alpha``
            only.
        translates: ``translation_config`` is known.
        shut_down: The service does not have the model any more.
        history_first: Takes history only where the setup has announced it.
    """

    pattern: str
    modality: str = "AUDIO"
    thinking: bool = True
    thinks_by: Optional[str] = None
    levels: tuple[str, ...] = ()
    blocking_by_default: bool = True
    behavior: Optional[str] = None
    functions: bool = True
    tools: tuple[str, ...] = ()
    affective: bool = False
    proactive: bool = True
    proactive_switch: bool = True
    in_alpha: bool = False
    translates: bool = False
    shut_down: bool = False
    history_first: bool = False


_TOOLS_OF_38 = ("function_declarations", "computer_use", "google_search")  # §3.6, §15

_FAMILIES = (  # the first match counts
    Family(
        pattern="gemini-3.8-live-extended-thinking",
        history_first=True,
        thinks_by="level",
        levels=("LOW", "MEDIUM", "HIGH"),
        blocking_by_default=False,
        behavior="NON_BLOCKING",
        tools=_TOOLS_OF_38,
        proactive_switch=False,
    ),
    Family(
        pattern="gemini-3.8-live",
        history_first=True,
        thinking=False,
        blocking_by_default=False,
        tools=_TOOLS_OF_38,
        proactive_switch=False,
    ),
    Family(
        pattern="gemini-3.1-flash-live",
        history_first=True,
        thinks_by="level",
        behavior="BLOCKING",
        proactive=False,
    ),
    Family(
        pattern="gemini-live-2.5-flash-native-audio",
        thinks_by="budget",
        blocking_by_default=False,
        affective=True,
    ),
    Family(
        pattern="gemini-2.5-flash-native-audio", thinks_by="budget", affective=True, in_alpha=True
    ),
    Family(pattern="live-translate", translates=True),
    Family(pattern="transcribe-live", modality="TEXT", functions=False),
    Family(pattern="gemini-2.0-flash-live", shut_down=True),
    Family(pattern="gemini-2.0-flash-exp", shut_down=True),
    Family(pattern="gemini-live-2.5-flash-preview", shut_down=True),
)


def family_of(model: str) -> Optional[Family]:
    """Return the family of a model's name in any form; ``None`` for unknown models."""
    name = model.rpartition("/")[2]
    return next((family for family in _FAMILIES if family.pattern in name), None)


def warnings_for(setup: LiveClientSetup, access: Access) -> list[str]:
    """Return what the model of this setup is known to refuse, one sentence a field."""
    family = family_of(setup.model or "")
    if family is None:
        return list(_two_modalities(setup))
    name = (setup.model or "").rpartition("/")[2]
    found = [text for rule in _RULES for text in rule(setup, family)]
    if family.in_alpha and not access.vertex_rules and access.api_version != "v1alpha":
        found += _for_alpha(setup, access.api_version)
    return [f"{name}: {text}" for text in found]


def _modality(setup: LiveClientSetup, family: Family) -> Iterator[str]:
    asked = (setup.generation_config and setup.generation_config.response_modalities) or []
    is_avatar = asked == [Modality.VIDEO] and setup.avatar_config is not None  # §3.2
    if len(asked) == 1 and str(asked[0]) != family.modality and not is_avatar:
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
    config = setup.generation_config and setup.generation_config.thinking_config
    if not config:
        return
    if not family.thinking:
        yield "thinking_config is refused by this model"
    if family.thinks_by == "level" and config.thinking_budget is not None:
        yield "thinking_config.thinking_budget: this model takes a thinking_level instead"
    level = _said(config.thinking_level)
    if level is None:
        return
    if family.thinks_by == "budget":
        yield "thinking_config.thinking_level: this model takes a thinking_budget instead"
    if family.levels and level not in family.levels:
        taken = f"{', '.join(family.levels[:-1])} or {family.levels[-1]}"
        yield f"thinking_config.thinking_level: this model takes {taken}, not {level}"


def _said(choice: Any) -> Optional[str]:
    """Return what was chosen; ``None`` where it is left to the model."""
    return None if choice is None or str(choice).endswith("UNSPECIFIED") else str(choice)


def _affective(setup: LiveClientSetup, family: Family) -> Iterator[str]:
    if _wants_affect(setup) and not family.affective:
        yield "enable_affective_dialog does not exist for this model"


def _wants_affect(setup: LiveClientSetup) -> bool:
    return bool(setup.generation_config and setup.generation_config.enable_affective_dialog)


def _proactive(setup: LiveClientSetup, family: Family) -> Iterator[str]:
    if setup.proactivity is not None and not family.proactive:
        yield "proactivity does not exist for this model"
    off = setup.proactivity is not None and setup.proactivity.proactive_audio is False
    if off and not family.proactive_switch:
        yield "proactivity.proactive_audio is always on for this model; False is an error"


def _for_alpha(setup: LiveClientSetup, version: str) -> Iterator[str]:
    needs = {
        "enable_affective_dialog": _wants_affect(setup),
        "proactivity": setup.proactivity is not None,
    }
    for name in [name for name, is_wanted in needs.items() if is_wanted]:
        yield f"{name} needs http_options api_version v1alpha with this model, not {version}"


def _translation(setup: LiveClientSetup, family: Family) -> Iterator[str]:
    asked = setup.generation_config and setup.generation_config.translation_config
    if asked is not None and not family.translates:
        yield "translation_config is for the translating models only"


def _diarization(setup: LiveClientSetup, _: Family) -> Iterator[str]:
    for name in ("input_audio_transcription", "output_audio_transcription"):
        config = getattr(setup, name)
        if config is not None and config.diarization:
            yield f"{name}.diarization is not supported in live sessions"


def _functions(setup: LiveClientSetup, family: Family) -> Iterator[str]:
    if not family.functions and setup.tools:
        yield "tools are not offered by this model"
    if family.behavior is None:
        return
    for tool in setup.tools or ():
        for function in tool.function_declarations or ():
            if _said(function.behavior) not in (None, family.behavior):
                yield (
                    f"behavior of {function.name}: {function.behavior} is refused by this model,"
                    f" whose functions are {family.behavior}"
                )


def _kinds_of_tools(setup: LiveClientSetup, family: Family) -> Iterator[str]:
    if not family.tools:
        return
    kinds = {
        attribute.name: None
        for tool in setup.tools or ()
        for attribute in fields_of(tool)
        if getattr(tool, attribute.name) is not None
    }
    for kind in kinds:
        if kind not in (*family.tools, "extra"):
            yield f"tools: {kind} is not supported by this model, google_search is"


def _shut_down(_: LiveClientSetup, family: Family) -> Iterator[str]:
    if family.shut_down:
        yield "model: it was shut down in December 2025; gemini-3.8-live is its successor"


_RULES: tuple[Callable[[LiveClientSetup, Family], Iterator[str]], ...] = (
    _shut_down,
    _modality,
    _thinking,
    _affective,
    _proactive,
    _translation,
    _diarization,
    _functions,
    _kinds_of_tools,
)
