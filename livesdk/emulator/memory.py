"""What was said, and the handles that bring it back (Protocol §13.7)."""

from __future__ import annotations

import itertools
import secrets
import threading
from typing import Any

import attrs

__all__ = ["Entry", "Handles", "Snapshot", "from_content"]

_TOKENS_PER_IMAGE = 258  # §13.8


@attrs.frozen
class Entry:
    """One thing said.

    Attributes:
        role: ``"user"``, ``"model"`` or ``"tool"``.
        text: The words.
        images: Images that came with it.
        audio_ms: Sound that came with it, or that it was said in.
    """

    role: str
    text: str
    images: int = 0
    audio_ms: float = 0.0

    @property
    def text_tokens(self) -> int:
        """About four characters to a token, and at least one."""
        return max(1, len(self.text) // 4) if self.text else 0

    @property
    def audio_tokens(self) -> int:
        """25 a second (§13.8)."""
        return round(self.audio_ms * 25 / 1000)

    @property
    def image_tokens(self) -> int:
        """258 an image (§13.8)."""
        return self.images * _TOKENS_PER_IMAGE


def from_content(content: dict[str, Any]) -> Entry:
    """Read an entry from a Content (in camelCase); no role means user (§4)."""
    texts: list[str] = []
    images = 0
    for part in content.get("parts", []):
        if part.get("text"):
            texts.append(part["text"])
        mime = part.get("inlineData", part.get("fileData", {})).get("mimeType", "")
        if mime.startswith(("image/", "video/")):
            images += 1
        elif mime:
            texts.append(f"({mime.split(';')[0]})")
        if "functionResponse" in part:
            texts.append(f"({part['functionResponse'].get('name')} returned)")
        if "functionCall" in part:
            texts.append(f"({part['functionCall'].get('name')} called)")
    return Entry(content.get("role") or "user", " ".join(texts), images)


@attrs.frozen
class Snapshot:
    """What a handle stands for: also content and images whose turn is not complete yet."""

    model: str
    history: tuple[Entry, ...] = ()
    pending: tuple[Entry, ...] = ()
    images: int = 0


class Handles:
    """The handles that one emulator has given out.  Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = itertools.count(1)
        self._snapshots: dict[str, Snapshot] = {}

    def issue(self, snapshot: Snapshot) -> str:
        """Return a new handle for this state; older ones stay good."""
        with self._lock:
            handle = f"handle-{next(self._count)}-{secrets.token_hex(8)}"
            self._snapshots[handle] = snapshot
            return handle

    def find(self, handle: str) -> Snapshot | None:
        """Return what a handle stands for, or ``None`` if it is not known (any more)."""
        with self._lock:
            return self._snapshots.get(handle)

    def forget(self) -> None:
        """Make every handle given out so far invalid."""
        with self._lock:
            self._snapshots.clear()
