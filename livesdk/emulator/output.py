"""Frames to the client as the service sends them: binary, pretty-printed JSON (§13.1)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol

__all__ = ["Outlet", "Output"]


class Outlet(Protocol):
    """What can send one message."""

    def send(self, payload: bytes, *, is_text: bool = False, pieces: int = 1) -> None:
        """Send one message in fragments."""


class Output:
    """The sending side of one session.

    Attributes:
        pieces: Into how many fragments each message is cut.
        unknown_fields: Whether keys that nobody knows are added.
        last_call: The last ``toolCall`` frame sent.
    """

    def __init__(self, outlet: Outlet, *, text_frames: bool, vertex: bool) -> None:
        self._outlet = outlet
        self._text_frames = text_frames
        self._vertex = vertex
        self.pieces = 1
        self.unknown_fields = False
        self.last_call: dict[str, Any] = {}

    def message(self, message: Mapping[str, Any]) -> None:
        """Send a frame, any keys."""
        if "toolCall" in message:
            self.last_call = dict(message)
        if self.unknown_fields:
            message = _with_unknown(message)
        text = json.dumps(message, indent=2, ensure_ascii=False) + "\n"
        self.raw(text.encode("utf-8", "surrogatepass"), is_text=self._text_frames)

    def raw(self, payload: bytes, *, is_text: bool) -> None:
        """Send these bytes as one message."""
        self._outlet.send(payload, is_text=is_text, pieces=self.pieces)

    def content(self, **fields: Any) -> None:
        """Send a ``serverContent`` frame with these fields."""
        self.message({"serverContent": fields})

    def parts(self, *parts: dict[str, Any], **fields: Any) -> None:
        """Send a piece of the model's turn; Vertex names the role (§8.2)."""
        turn: dict[str, Any] = {"parts": list(parts)}
        if self._vertex:
            turn["role"] = "model"
        self.content(modelTurn=turn, **fields)


def _with_unknown(message: Mapping[str, Any]) -> dict[str, Any]:
    """Add keys at the top, one below, and a value no enum has."""
    changed: dict[str, Any] = {
        key: {**body, "futureField": {"nested": [1, None, "x"]}} if isinstance(body, dict) else body
        for key, body in message.items()
    }
    if isinstance(changed.get("serverContent"), dict) and changed["serverContent"].get(
        "turnComplete"
    ):
        changed["serverContent"]["turnCompleteReason"] = "A_REASON_OF_THE_FUTURE"
    changed["futureMessage"] = {"version": 9}
    return changed
