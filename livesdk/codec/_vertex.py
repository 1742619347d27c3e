"""What the same frame means on Vertex AI: where both names of a usage field came, its own count.

Elsewhere the present names count, and Vertex's only fill in for them (Protocol §8.4).
"""

from __future__ import annotations

from ..types.messages import LiveServerMessage, UsageMetadata
from ._inbound import OTHER_NAMES, structure_hook

__all__ = ["read_as_vertex"]

_FIELDS = OTHER_NAMES["UsageMetadata"]


def read_as_vertex(message: LiveServerMessage) -> None:
    """Correct a message that was just decoded, and that nobody has seen."""
    usage = message.usage_metadata and (message.raw or {}).get("usageMetadata")
    if not usage or _FIELDS.keys().isdisjoint(usage):
        return
    doubled = {present for own, present in _FIELDS.items() if usage.get(own) is not None}
    if not doubled.isdisjoint(usage):
        single = {key: item for key, item in usage.items() if key not in doubled}
        message.usage_metadata = structure_hook(UsageMetadata)(single)
