"""What a setup asked for, read once: modality, transcripts, functions, ways of the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from .addresses import Address
from .models import Model, find_model, short_name
from .scenario import Scenario

__all__ = ["Profile", "text_of"]


def text_of(content: Any) -> str:
    """The text parts of a Content, as paragraphs."""
    parts: list[dict[str, Any]] = content.get("parts", []) if isinstance(content, dict) else []
    return "\n\n".join(part["text"] for part in parts if part.get("text"))


@attrs.define(kw_only=True)
class Profile:
    """One session's setup (camelCase) and its consequences.

    ``system_instruction`` and ``tools`` change by ``contextUpdate``; the rest stays.
    """

    setup: Mapping[str, Any]
    address: Address
    scenario: Scenario
    strict: bool
    system_instruction: str
    tools: list[dict[str, Any]]

    @classmethod
    def read(
        cls, setup: Mapping[str, Any], address: Address, scenario: Scenario, *, strict: bool
    ) -> Profile:
        """Read a setup that has been checked."""
        return cls(
            setup=setup,
            address=address,
            scenario=scenario,
            strict=strict,
            system_instruction=text_of(setup.get("systemInstruction")),
            tools=list(setup.get("tools", [])),
        )

    @property
    def model(self) -> str:
        """The full resource name."""
        return str(self.setup.get("model", ""))

    @property
    def row(self) -> Model:
        """The model's row, or an accommodating one."""
        return find_model(self.model) or Model(context_update=True)

    @property
    def generation(self) -> Mapping[str, Any]:
        """``generationConfig``."""
        config: Mapping[str, Any] = self.setup.get("generationConfig", {})
        return config

    @property
    def speaks(self) -> bool:
        """Whether answers are audio: the default (§3.2)."""
        return list(self.generation.get("responseModalities", [])) != ["TEXT"]

    @property
    def transcribes_only(self) -> bool:
        """A transcription model: it never answers (§15)."""
        return "transcribe" in short_name(self.model)

    @property
    def joins_events(self) -> bool:
        """Newer models put several events into one frame (§15)."""
        return short_name(self.model).startswith("gemini-3")

    @property
    def wants_input_transcript(self) -> bool:
        """``inputAudioTranscription`` was asked for."""
        return "inputAudioTranscription" in self.setup

    @property
    def wants_output_transcript(self) -> bool:
        """``outputAudioTranscription`` was asked for."""
        return "outputAudioTranscription" in self.setup

    @property
    def says_status(self) -> bool:
        """``interactionStatus`` comes with ``turnComplete``."""
        wanted = self.scenario.interaction_status
        return self.row.says_status if wanted is None else wanted

    @property
    def may_interrupt(self) -> bool:
        """Whether the user's activity interrupts."""
        config = self.setup.get("realtimeInputConfig", {})
        return bool(config.get("activityHandling") != "NO_INTERRUPTION")

    @property
    def interrupted_by_open_content(self) -> bool:
        """Whether ``clientContent`` interrupts without ``turnComplete`` too (§4)."""
        return not short_name(self.model).startswith("gemini-3.8")

    def is_blocking(self, name: str) -> bool:
        """Whether a call of this function holds the turn."""
        for tool in self.tools:
            for function in tool.get("functionDeclarations", []):
                behavior = function.get("behavior", "UNSPECIFIED")
                if function.get("name") == name and behavior != "UNSPECIFIED":
                    return bool(behavior != "NON_BLOCKING")
        default = self.scenario.function_behavior
        if default is None and self.strict:
            default = "NON_BLOCKING" if self.address.is_vertex else self.row.default_behavior
        return default != "NON_BLOCKING"
