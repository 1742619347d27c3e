"""From arguments to client messages: every accepted form, checked, nothing sent.

Pure.  Protocol §4 to §7.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Optional, Union

import attrs
from attrs import define

from . import codec, pcm
from ._checks import check_whole_number
from .configure import instruction_of, refuse_foreign_fields, tools_of
from .endpoint import Access
from .errors import ConfigError
from .types.content import Blob, Content, FunctionResponse, ToolResponse
from .types.requests import (
    LiveClientContent,
    LiveClientContextUpdate,
    LiveClientContextUpdateTools,
    LiveClientMessage,
    LiveClientRealtimeInput,
    LiveClientToolResponse,
)

__all__ = ["Media", "blobs_of", "client_content", "context_update", "is_pair", "realtime_input"]

INPUT_RATE_HZ = 16_000
_MIME_TYPE = f"audio/pcm;rate={INPUT_RATE_HZ}"
_VIDEO_MS = 250.0
"""What a video frame counts in the bounded uplink: at most four wait."""

_PICTURES = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG": "image/png", b"RIFF": "image/webp"}

Bytes = (bytes, bytearray, memoryview)


# -------------------------------------------------------------------------------- client content


def client_content(turns: Any, turn_complete: Any, access: Access) -> LiveClientMessage:
    """Make the message that adds turns to the history."""
    content = LiveClientContent(
        turns=None if turns is None else contents_of(turns, "turns"),
        turn_complete=turn_complete,
    )
    message = LiveClientMessage(
        client_content=codec.check(content, LiveClientContent, "client_content")
    )
    if not access.vertex_rules:  # Vertex takes any field here, though not in its setup
        refuse_foreign_fields(message, access, "message")
    _check_roles(message, access)
    return message


def _check_roles(message: LiveClientMessage, access: Access) -> None:
    """Refuse a role that would end the session; none means the user (Protocol §4)."""
    roles = ("user", "model", "system") if access.vertex_rules else ("user", "model")
    turns = (message.client_content and message.client_content.turns) or ()
    for turn in turns:
        if turn.role and turn.role not in roles:
            known = " or ".join(map(repr, roles))
            raise ConfigError(f"turns: role: expected {known}, got {turn.role!r:.40}")


def contents_of(turns: Any, where: str) -> list[Content]:
    """Make contents: strings and parts that stand together become one content of the user."""
    items = turns if isinstance(turns, (list, tuple)) and not is_pair(turns) else [turns]
    contents: list[Content] = []
    parts: list[Any] = []
    for index, item in enumerate(items):
        if not _is_content(item):
            parts.append(item)
            continue
        if parts:
            contents.append(codec.check(parts, Content, where))
            parts = []
        contents.append(codec.check(item, Content, f"{where}[{index}]"))
    if parts:
        contents.append(codec.check(parts, Content, where))
    return contents


def _is_content(item: Any) -> bool:
    if isinstance(item, Mapping):
        return not item or bool({"parts", "role"} & set(item))
    return isinstance(item, Content)


def is_pair(value: Any) -> bool:
    """Tell ``(mime_type, bytes)`` from a tuple of turns."""
    return (
        isinstance(value, tuple)
        and len(value) == 2  # a pair
        and isinstance(value[0], str)
        and isinstance(value[1], Bytes)
    )


# -------------------------------------------------------------------------------- realtime input


@define(eq=False)  # fifty a second: not frozen, which costs more to make
class Media:
    """A realtime frame that may be dropped while it waits for room.

    Attributes:
        payload: The bytes of the frame.
        duration_ms: How much of the uplink's second it takes.
    """

    payload: bytes
    duration_ms: float


def realtime_input(
    given: Mapping[str, Any], alignment: pcm.Alignment, rate_hz: Optional[int]
) -> Union[Media, LiveClientMessage, None]:
    """Make the frame of one realtime argument; ``None`` where an odd byte waits for its other half.

    Args:
        given: By argument name, ``None`` where it was not given.
        alignment: Carries odd bytes of raw PCM to the next call.
        rate_hz: Of raw PCM.
    """
    present = {name: value for name, value in given.items() if value is not None}
    if len(present) != 1:
        names = ", ".join(present) or "nothing"
        raise ConfigError(
            f"send_realtime_input takes exactly one of {', '.join(given)} at a time; got {names}"
        )
    [(name, value)] = present.items()
    if name == "audio":
        return audio_frame(value, alignment, rate_hz)
    if name == "video":
        return video_frame(value)
    if name == "media":
        return media_frame(value, alignment, rate_hz)
    checked = codec.check({name: value}, LiveClientRealtimeInput, "send_realtime_input")
    return LiveClientMessage(realtime_input=checked)


def _check_rate(rate_hz: Any) -> None:
    if rate_hz is not None:
        check_whole_number("rate_hz", rate_hz)


def pcm_frame(
    samples: bytes, alignment: pcm.Alignment, rate_hz: Optional[int] = None
) -> Optional[Media]:
    """Make an audio frame of raw PCM; ``None`` where half a sample waits for its other half."""
    rate, mime_type = INPUT_RATE_HZ, _MIME_TYPE
    if rate_hz is not None:
        _check_rate(rate_hz)
        rate, mime_type = rate_hz, f"audio/pcm;rate={rate_hz}"
    data = alignment.feed(samples)
    if not data:
        return None
    payload = codec.encode_realtime_blob("audio", data, mime_type)
    return Media(payload, len(data) * 500 / rate)  # two bytes a sample


def audio_frame(
    value: Any, alignment: pcm.Alignment, rate_hz: Optional[int] = None
) -> Optional[Media]:
    """Make an audio frame of bytes, an array, a blob or ``(mime_type, bytes)``."""
    if isinstance(value, Bytes) or hasattr(value, "dtype"):
        raw = bytes(value) if isinstance(value, Bytes) else pcm.to_pcm16(value)
        return pcm_frame(raw, alignment, rate_hz)
    blob = _blob(value, "audio", "audio/")
    return _media("audio", _with_rate(blob, rate_hz))


def video_frame(value: Any) -> Media:
    """Make a video frame of a blob, PIL image, ``(mime_type, bytes)`` or bytes of a picture."""
    if isinstance(value, Bytes):
        head = bytes(value[:4])
        kind = next((kind for magic, kind in _PICTURES.items() if head.startswith(magic)), None)
        if kind is None:
            raise ConfigError("video: bytes that are no JPEG, PNG or WEBP; give (mime_type, bytes)")
        value = Blob(data=bytes(value), mime_type=kind)
    return _media("video", _blob(value, "video", "image/"))


def media_frame(
    value: Any, alignment: pcm.Alignment, rate_hz: Optional[int] = None
) -> Optional[Media]:
    """Send ``media`` as audio or video, whichever its type says; else as a media chunk."""
    if isinstance(value, Bytes) or hasattr(value, "dtype"):
        return audio_frame(value, alignment, rate_hz)
    blob = codec.check(value, Blob, "media")
    kind = (blob.mime_type or "").lower()
    if kind.startswith("audio/"):
        return _media("audio", _with_rate(blob, rate_hz))
    if kind.startswith("image/"):
        return _media("video", blob)
    if not kind:
        raise ConfigError("media: a blob needs a mime_type")
    message = LiveClientMessage(realtime_input=LiveClientRealtimeInput(media_chunks=[blob]))
    return Media(codec.encode(message), _VIDEO_MS)


def _with_rate(blob: Blob, rate_hz: Optional[int]) -> Blob:
    """Name the rate of raw audio whose type does not."""
    _check_rate(rate_hz)
    mime_type = blob.mime_type or ""
    if rate_hz is None or not mime_type.lower().startswith(("audio/pcm", "audio/l16")):
        return blob
    named = pcm.rate_of(mime_type, 0)
    if named not in (0, rate_hz):
        raise ConfigError(f"rate_hz={rate_hz}, but the mime_type is {mime_type!r:.60}")
    return blob if named else attrs.evolve(blob, mime_type=f"{mime_type};rate={rate_hz}")


def _blob(value: Any, where: str, prefix: str) -> Blob:
    if isinstance(value, (str, int, float, list, set)):
        kinds = "bytes, a NumPy array" if where == "audio" else "bytes, a PIL image"
        hint = "; a file is sent by send_media_stream(path)" if isinstance(value, str) else ""
        raise ConfigError(
            f"{where}: expected {kinds}, a Blob, a dict or (mime_type, bytes),"
            f" got {type(value).__name__}{hint}"
        )
    blob = codec.check(value, Blob, where)
    if not blob.mime_type:
        example = "audio/pcm;rate=16000" if prefix == "audio/" else "image/jpeg"
        raise ConfigError(f"{where}: a blob needs a mime_type such as {example}")
    if not blob.mime_type.lower().startswith(prefix):
        raise ConfigError(f"{where}: expected a mime_type {prefix}…, got {blob.mime_type!r:.60}")
    if blob.data is None:
        raise ConfigError(f"{where}: a blob needs data")
    return blob


def _media(kind: str, blob: Blob) -> Media:
    data, mime_type = blob.data or b"", blob.mime_type or ""
    if blob.display_name is None and not blob.extra:
        payload = codec.encode_realtime_blob(kind, data, mime_type)
    else:
        payload = codec.encode(
            LiveClientMessage(realtime_input=LiveClientRealtimeInput(**{kind: blob}))  # type: ignore[arg-type]  # kind is audio or video
        )
    if kind == "video":
        return Media(payload, _VIDEO_MS)
    rate, channels = pcm.rate_of(mime_type, INPUT_RATE_HZ), pcm.channels_of(mime_type)
    return Media(payload, pcm.duration_ms(len(data), rate, channels))


def blobs_of(chunks: Any) -> list[Any]:
    """Make a list of one chunk or several, in whatever form a blob may have."""
    if isinstance(chunks, (Blob, Mapping, *Bytes)) or is_pair(chunks):
        return [chunks]
    if isinstance(chunks, Iterable) and not isinstance(chunks, str):
        blobs = list(chunks)
        if not blobs:
            raise ConfigError("chunks: nothing to send")
        return blobs
    raise ConfigError(f"chunks: expected blobs, got {type(chunks).__name__}")


# -------------------------------------------------------------------------------- tool responses


def tool_response(responses: Any, access: Access) -> LiveClientMessage:
    """Make the message that answers function calls.

    Raises:
        ConfigError: No object as response; on the Developer API also a missing id; on Vertex an
            answer in parts.
    """
    items = _unwrapped(responses)
    if isinstance(items, (LiveClientToolResponse, ToolResponse)):
        items = items.function_responses
    many: Sequence[Any] = items if isinstance(items, (list, tuple)) else [items]
    if not many or items is None:
        raise ConfigError("function_responses: nothing to send")
    checked = [
        codec.check(item, FunctionResponse, f"function_responses[{index}]")
        for index, item in enumerate(many)
    ]
    for index, response in enumerate(checked):
        if not response.name or response.response is None:
            lacks = "response, an object" if response.name else "name, that of the call"
            raise ConfigError(
                f"function_responses[{index}]: expected id, name and response; it lacks {lacks}"
            )
        if not response.id and not access.vertex_rules:
            raise ConfigError(
                f"function_responses[{index}]: the Developer API needs the id of the call;"
                " echo call.id"
            )
        if response.will_continue and access.vertex_rules:
            raise ConfigError(
                f"function_responses[{index}].will_continue: Vertex AI takes one response a call"
            )
    return LiveClientMessage(tool_response=LiveClientToolResponse(function_responses=checked))


def _unwrapped(value: Any) -> Any:
    """Take the value out of ``{"toolResponse": {"functionResponses": …}}`` and the like."""
    for outer in ("toolResponse", "tool_response"):
        if isinstance(value, Mapping) and outer in value:
            value = value[outer]
    for key in ("functionResponses", "function_responses"):
        if isinstance(value, Mapping) and key in value and len(value) == 1:
            return value[key]
    return value


# ------------------------------------------------------------------------------- context updates


def context_update(system_instruction: Any, tools: Any, access: Access) -> LiveClientMessage:
    """Make the message that replaces instruction, tools, or both (Protocol §7)."""
    if system_instruction is None and tools is None:
        raise ConfigError("send_context_update needs system_instruction, tools, or both")
    wrapped = None
    if tools is not None:
        wrapped = LiveClientContextUpdateTools(tools=tools_of(_listed_tools(tools), "tools"))
    update = LiveClientContextUpdate(
        system_instruction=instruction_of(system_instruction, "system_instruction"),
        tools=wrapped,
    )
    message = LiveClientMessage(context_update=update)
    refuse_foreign_fields(message, access, "message")
    return message


def _listed_tools(tools: Any) -> Any:
    """Take the list out of ``{"tools": […]}``, as the wire and the JS client have it."""
    if isinstance(tools, LiveClientContextUpdateTools):
        return tools.tools or []
    if isinstance(tools, Mapping) and set(tools) == {"tools"}:
        return tools["tools"]
    return tools
