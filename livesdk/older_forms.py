"""What older methods and the JS client hand in: told apart, and named as ours.

Pure.  Protocol §4 to §6, and §16 for ``send``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

import attrs

from . import codec
from .errors import ConfigError
from .sending import blobs_of, is_pair
from .types.content import Blob, Content, FunctionResponse, Part, ToolResponse
from .types.requests import (
    ActivityEnd,
    ActivityStart,
    LiveClientContent,
    LiveClientContextUpdate,
    LiveClientMessage,
    LiveClientRealtimeInput,
    LiveClientSetup,
    LiveClientToolResponse,
)

__all__ = ["content_in", "inside", "pieces_in", "route"]

_CONTENT_NAMES = {
    "turns": "turns",
    "content": "turns",
    "turnComplete": "turn_complete",
    "turn_complete": "turn_complete",
}


_REALTIME_NAMES = {
    "audio": "audio",
    "video": "video",
    "text": "text",
    "media": "media",
    "mediaChunks": "media",
    "media_chunks": "media",
    "audioStreamEnd": "audio_stream_end",
    "audio_stream_end": "audio_stream_end",
    "activityStart": "activity_start",
    "activity_start": "activity_start",
    "activityEnd": "activity_end",
    "activity_end": "activity_end",
}
"""What the fields of the two messages are called, and what ours are."""


# --------------------------------------------------------------- the one object of the JS client


def inside(given: Any, *names: str) -> Any:
    """Take the value out of an object that has one of these names, and nothing else."""
    if isinstance(given, Mapping) and len(given) == 1:
        [(key, value)] = given.items()
        return value if key in names else given
    return given


def content_in(value: Any, turn_complete: Optional[bool]) -> tuple[Any, Optional[bool]]:
    """Find turns and ``turnComplete`` in the one object that the JS client takes.

    Args:
        value: The object, perhaps within ``clientContent``; or turns, which are returned as they
            are.
        turn_complete: What holds unless the object says otherwise.
    """
    value = inside(value, "clientContent", "client_content")
    if isinstance(value, LiveClientContent):
        codec.check(value, LiveClientContent, "client_content")
        value = {"turns": value.turns, "turn_complete": value.turn_complete}
    if not isinstance(value, Mapping) or not set(value) & set(_CONTENT_NAMES):
        return value, turn_complete
    found = _named(value, _CONTENT_NAMES, LiveClientContent, "client_content")
    return found.get("turns"), found.get("turn_complete", turn_complete)


def pieces_in(value: Any) -> list[dict[str, Any]]:
    """Take the one object that the JS client takes for realtime input apart.

    Returns:
        One dict for each frame, with one argument of ``send_realtime_input``.
    """
    if isinstance(value, (ActivityStart, ActivityEnd)):
        name = "activity_start" if isinstance(value, ActivityStart) else "activity_end"
        return [{name: value}]
    value = inside(value, "realtimeInput", "realtime_input")
    if isinstance(value, LiveClientRealtimeInput):
        codec.check(value, LiveClientRealtimeInput, "realtime_input")
        value = attrs.asdict(value, recurse=False)
        if value.pop("extra"):
            raise ConfigError("realtime_input: extra is not possible here")
    found = _named(value, _REALTIME_NAMES, LiveClientRealtimeInput, "realtime_input")
    if not found:
        raise ConfigError("realtime_input: nothing to send")
    chunks = blobs_of(found.pop("media")) if "media" in found else []
    return [{"media": chunk} for chunk in chunks] + [{name: found[name]} for name in found]


def _named(value: Any, names: Mapping[str, str], cls: type[Any], where: str) -> dict[str, Any]:
    """Return what is set, by our names; an unknown key is refused with the nearest known one."""
    if not isinstance(value, Mapping):
        raise ConfigError(f"{where}: expected a dict, got {type(value).__name__}")
    found: dict[str, Any] = {}
    for key, item in value.items():
        name = names.get(key)
        if name is None:
            codec.check({key: item}, cls, where)  # says what was meant
            raise ConfigError(f"{where}: {key!r:.60} is not possible here")
        if item is None:
            continue
        if name in found:
            raise ConfigError(f"{where}: {name} is given twice")
        found[name] = item
    return found


# ---------------------------------------------------------------------------- the older send(...)

_KINDS = {
    "client_content": "client_content",
    "clientContent": "client_content",
    "realtime_input": "realtime_input",
    "realtimeInput": "realtime_input",
    "tool_response": "tool_response",
    "toolResponse": "tool_response",
    "context_update": "context_update",
    "contextUpdate": "context_update",
}
_RESPONSE_KEYS = frozenset({"function_responses", "functionResponses"})


def route(request: Any) -> tuple[str, Any]:
    """Say which sender an argument of the older ``send`` is for, and what it gets.

    Returns:
        The kind, ``"client_content"``, ``"realtime_input"``, ``"tool_response"``,
        ``"context_update"``, ``"media"`` or ``"turns"``, and the value.
    """
    if isinstance(request, LiveClientMessage):
        return _route_message(request)
    for cls, kind in _CLASSES.items():
        if isinstance(request, cls):
            return kind, request
    if isinstance(request, Blob) or is_pair(request):
        return "media", [request]
    if isinstance(request, Mapping):
        return _route_mapping(request)
    if isinstance(request, (list, tuple)) and request:
        if all(isinstance(item, Blob) or _is_blob(item) for item in request):
            return "media", list(request)
        if all(isinstance(item, FunctionResponse) or _is_response(item) for item in request):
            return "tool_response", list(request)
    if isinstance(request, (str, Part, Content, list, tuple)) or request is None:
        return "turns", request
    raise ConfigError(f"send: cannot tell what a {type(request).__name__} is to be sent as")


_CLASSES: dict[type, str] = {
    LiveClientContent: "client_content",
    LiveClientRealtimeInput: "realtime_input",
    LiveClientToolResponse: "tool_response",
    LiveClientContextUpdate: "context_update",
    FunctionResponse: "tool_response",
    ToolResponse: "tool_response",
    ActivityStart: "realtime_input",
    ActivityEnd: "realtime_input",
}


def _route_message(message: LiveClientMessage) -> tuple[str, Any]:
    kinds = ("client_content", "realtime_input", "tool_response", "context_update", "setup")
    present = [(kind, getattr(message, kind)) for kind in kinds if getattr(message, kind)]
    if len(present) != 1:
        raise ConfigError("send: a LiveClientMessage needs exactly one member")
    [(kind, value)] = present
    if kind == "setup" or isinstance(value, LiveClientSetup):
        raise ConfigError("send: connect() sends the setup; a second one is an error")
    return kind, value


def _route_mapping(request: Mapping[Any, Any]) -> tuple[str, Any]:
    keys = set(request)
    if "setup" in keys:
        raise ConfigError("send: connect() sends the setup; a second one is an error")
    named = keys & set(_KINDS)
    if named:
        if len(keys) != 1:
            raise ConfigError(f"send: expected exactly one kind of message, got {sorted(keys)}")
        [key] = keys
        return _KINDS[key], request[key]
    if keys and not keys - set(_CONTENT_NAMES):
        return "client_content", request
    if keys & _RESPONSE_KEYS:
        return "tool_response", request
    if _is_blob(request):
        return "media", [request]
    if _is_response(request):
        return "tool_response", [request]
    if {"parts", "role"} & keys or keys == {"text"}:
        return "turns", request
    if keys == {"media"}:
        return "media", blobs_of(request["media"])
    if keys & set(_REALTIME_NAMES):
        return "realtime_input", request
    raise ConfigError(f"send: cannot tell what {sorted(map(str, keys))} is to be sent as")


def _is_blob(item: Any) -> bool:
    if is_pair(item):
        return True
    return (
        isinstance(item, Mapping) and "data" in item and bool({"mime_type", "mimeType"} & set(item))
    )


def _is_response(item: Any) -> bool:
    return isinstance(item, Mapping) and "response" in item and bool({"name", "id"} & set(item))
