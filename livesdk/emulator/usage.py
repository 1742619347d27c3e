"""Counting tokens as the service bills them: the whole context again, every turn (§8.4, §13.8)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .memory import Entry

__all__ = ["count"]


def count(history: Sequence[Entry], said: Entry, *, extra: int, vertex: bool) -> dict[str, Any]:
    """Return ``usageMetadata`` for an answer.

    Args:
        history: What was said before the answer.
        said: The answer.
        extra: Tokens of the system instruction and the tools.
        vertex: Whether to use Vertex's names.
    """
    prompt = [
        ("TEXT", extra + sum(entry.text_tokens for entry in history if not entry.audio_ms)),
        ("AUDIO", sum(entry.audio_tokens for entry in history)),
        ("IMAGE", sum(entry.image_tokens for entry in history)),
    ]
    modality = "AUDIO" if said.audio_ms else "TEXT"
    response = [(modality, said.audio_tokens or said.text_tokens)]
    name = "candidates" if vertex else "response"
    usage: dict[str, Any] = {
        "promptTokenCount": _total(prompt),
        f"{name}TokenCount": _total(response),
        "totalTokenCount": _total(prompt) + _total(response),
        "promptTokensDetails": _details(prompt),
        f"{name}TokensDetails": _details(response),
    }
    if vertex:
        usage["trafficType"] = "ON_DEMAND"
    return usage


def _total(counts: Sequence[Any]) -> int:
    return sum(tokens for _, tokens in counts)


def _details(counts: Sequence[Any]) -> list[dict[str, Any]]:
    return [{"modality": kind, "tokenCount": tokens} for kind, tokens in counts if tokens]
