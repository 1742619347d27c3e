"""Between frames and messages: JSON, camelCase, base64, omitted defaults; nothing lost on the way.

::

    in :  bytes ─decode▶ message          lenient in values, strict in shapes (``_inbound``)
    out:  message ─encode▶ bytes          checked before, so that it cannot fail (``_outbound``)
    given: dict or message ─check▶ message   what the user hands in (``_given``)

Pure: no clock, thread or socket.  The only room that imports cattrs and, for frames, json.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, TypeVar

import pybase64

from ..errors import ConfigError, DecodeError
from ..types._base import Model, Raw, fields_of
from ..types.messages import LiveServerMessage
from ._given import given_hook
from ._hot import audio_message, hot_hook, mime_type_of_audio, text_message, text_of
from ._inbound import structure_hook
from ._older import is_picture, picture_bytes, scale_of
from ._outbound import to_wire
from ._parse import (
    WORTH_A_CUT,
    Frame,
    around_text,
    cut,
    excerpt,
    join,
    parse,
    parse_around,
    text_between,
)
from ._shapes import Hook, Mismatch, camel, enum_of
from ._vertex import read_as_vertex

__all__ = [
    "camel",
    "check",
    "check_client_frame",
    "decode",
    "dumps",
    "encode",
    "encode_realtime_blob",
    "encode_user_text",
    "is_picture",
    "parse",
    "picture_bytes",
    "read_as_vertex",
    "scale_of",
    "to_wire",
]

M = TypeVar("M", bound=Model)


def _parse_again(source: Any) -> Any:
    """Make ``raw`` of what was kept of a frame: all of it, or what it was cut into."""
    return parse(join(*source) if isinstance(source, tuple) else source)


Raw.parse = staticmethod(_parse_again)

_dumps = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_hooks: dict[type, Hook] = {}


def decode(frame: Frame, cls: type[M] = LiveServerMessage) -> M:  # type: ignore[assignment]  # a TypeVar has no default on 3.9
    """Turn one frame into a message.

    Args:
        frame: UTF-8 JSON; text and binary frames alike (Protocol §13.1).  Nothing of it is kept but
            copies.
        cls: ``LiveServerMessage`` or ``LiveMusicServerMessage``.

    Raises:
        DecodeError: Not UTF-8, not JSON, not an object, or a value of the wrong shape.
    """
    hook = _hooks.get(cls) or _hooks.setdefault(cls, hot_hook(cls))
    try:
        if len(frame) >= WORTH_A_CUT:
            message = _decode_cut(frame, cls, hook)
        else:
            message = _decode_text(frame) if cls is LiveServerMessage else None
        if message is None:
            found = parse(frame)
            message = hook({} if found is None else found)
            message.raw_source = bytes(frame) if isinstance(frame, memoryview) else frame
            if message._levels and isinstance(frame, bytes):
                _remember_text(frame, found)
        return message  # type: ignore[no-any-return]
    except Mismatch:
        pass  # outside of here, so that an error does not drag this one along
    return _decode_plainly(frame, cls)  # knows where it is


def _decode_cut(frame: Frame, cls: type, hook: Hook) -> Any:
    """Decode a frame of audio, its base64 past the parser; ``None`` where that cannot be."""
    pieces = cut(frame)
    if pieces is None:
        return None
    rest, octets = pieces
    mime_type = _envelopes.get(rest) if cls is LiveServerMessage else None
    if mime_type is not None:
        message = audio_message(octets, mime_type)
    else:
        found = parse_around(rest, octets, music=cls is not LiveServerMessage)
        if found is None:
            return None
        message = hook(found)
        _remember_envelope(rest, found)
    message.raw_source = pieces  # much less than the frame
    return message


_envelopes: dict[bytes, str] = {}
"""What stands around the base64 is the same in every frame of a stream: so it is parsed once.

By all but the base64: the MIME type, of frames that hold nothing else.
"""


def _remember_envelope(rest: bytes, found: Any) -> None:
    mime_type = mime_type_of_audio(found)
    if mime_type is not None:
        if len(rest) > _LONGEST:
            return  # whoever writes that has other plans than sound
        if len(_envelopes) >= _STREAMS:  # a server that writes each frame in another way
            _envelopes.clear()
        _envelopes[rest] = mime_type


def _decode_text(frame: Frame) -> Any:
    """Decode a frame that is known but for the text of the model in it; ``None`` for all else."""
    if isinstance(frame, bytes):
        for before, behind in _text_envelopes:
            if frame.startswith(before) and frame.endswith(behind):
                try:
                    text = text_between(frame, before, behind)
                except ValueError:
                    return None  # the parser will say what is wrong
                if text is not None:
                    message = text_message(text)
                    message.raw_source = frame
                    return message
    return None


_text_envelopes: tuple[tuple[bytes, bytes], ...] = ()
"""What stands around the text of the model in frames that hold nothing else: a few ways to write
it, since a service writes each frame in the same way.
"""


def _remember_text(frame: bytes, found: Any) -> None:
    global _text_envelopes  # noqa: PLW0603  # a tuple, replaced as a whole: no lock is needed
    known = _text_envelopes
    if len(known) >= _WAYS or len(frame) > _LONGEST or text_of(found) is None:
        return
    envelope = around_text(frame)
    if envelope is None or envelope in known:
        return
    before, behind = envelope
    if not before.isascii() or not behind.isascii():
        return
    if text_of(parse(before + _PROBE + behind)) == _PROBE.decode():  # that text is the one
        _text_envelopes = (*known, envelope)


_PROBE = b"probe"
_WAYS = 4
_STREAMS = 64
_LONGEST = 512
"""Bytes of an envelope that is worth remembering."""


def _decode_plainly(frame: Frame, cls: type[M]) -> M:
    """Decode without shortcuts: what :func:`decode` does for every frame, only quicker."""
    found = parse(frame)
    try:
        message = structure_hook(cls)({} if found is None else found)
        message.raw = found
        return message  # type: ignore[no-any-return]
    except Mismatch as error:
        what, path = error.message, error.path
    # out here: as its context the mismatch would keep the whole frame, and show it
    raise DecodeError(what, path=path, excerpt=excerpt(frame))


def encode(message: Model) -> bytes:
    """Turn a checked message into the bytes of a frame.

    Raises:
        ConfigError: User data inside it cannot be written as JSON.
    """
    try:
        wire = to_wire(message)
    except RecursionError:
        raise ConfigError("the message is nested too deeply, or within itself") from None
    return dumps(wire)


def dumps(wire: Any) -> bytes:
    """Write JSON compactly as UTF-8; :class:`ConfigError` where it cannot be written."""
    try:
        return _dumps(wire).encode()
    except UnicodeEncodeError:
        raise ConfigError(
            "a text holds half of a surrogate pair, which UTF-8 cannot carry"
        ) from None
    except (TypeError, ValueError, RecursionError) as error:
        try:
            place = _unsendable(wire)
        except RecursionError:  # it holds itself
            place = ""
        raise ConfigError(f"{place or 'the message'} cannot be sent as JSON: {error}") from None


def _unsendable(value: Any, path: str = "") -> str:
    """Find where in a JSON object something is that JSON has no notation for."""
    if isinstance(value, dict):
        items: Any = ((f"{path}.{key}", item) for key, item in value.items())
    elif isinstance(value, (list, tuple)):
        items = ((f"{path}[{index}]", item) for index, item in enumerate(value))
    else:
        try:
            _dumps(value)
        except (TypeError, ValueError):
            return path.lstrip(".")
        return ""
    return next((found for place, item in items if (found := _unsendable(item, place))), "")


def encode_realtime_blob(kind: str, data: Any, mime_type: str) -> bytes:
    """Write ``{"realtimeInput": {kind: blob}}`` straight away: all but the data is constant.

    Args:
        kind: ``"audio"`` or ``"video"``.
        data: A bytes-like object.
        mime_type: For example ``audio/pcm;rate=16000``.
    """
    return b"".join((_prefix(kind, mime_type), pybase64.b64encode(data), b'"}}}'))


@lru_cache(maxsize=64)
def _prefix(kind: str, mime_type: str) -> bytes:
    frame = dumps({"realtimeInput": {kind: {"mimeType": mime_type, "data": ""}}})
    return frame[: -len(b'"}}}')]


def encode_user_text(text: str, *, turn_complete: bool) -> bytes:
    """Write the ``clientContent`` of one text of the user straight away, as :func:`encode` does."""
    end = b"true" if turn_complete else b"false"
    return _USER_TEXT % (dumps(text), end)


_USER_TEXT = (
    b'{"clientContent":{"turns":[{"parts":[{"text":%b}],"role":"user"}],"turnComplete":%b}}'
)


def check(value: Any, cls: type[M], where: str = "") -> M:
    """Check what a user gave for a ``cls``, and return an instance of it.

    Args:
        value: An instance, or a dict in snake_case or camelCase.  It is not changed.
        where: What to call it in the error, for example ``"config"``.

    Raises:
        ConfigError: Naming the field, what was given and what is expected.
    """
    try:
        return given_hook(cls)(value)  # type: ignore[no-any-return]
    except Mismatch as error:
        path = ".".join(filter(None, (where, error.path))).replace(".[", "[")
        raise ConfigError(f"{path}: {error.message}" if path else error.message) from None
    except RecursionError:
        raise ConfigError(
            f"{where or cls.__name__} is nested too deeply, or within itself"
        ) from None


def check_client_frame(frame: object, *, service: str = "live") -> None:
    """Check a frame from a client as strictly as the service does; for the emulator.

    Args:
        frame: Decoded JSON.
        service: ``"live"`` or ``"music"``.

    Raises:
        ConfigError: Not exactly one known key, or at any depth an unknown name, a wrong type, or an
            enum value that is not listed (in either case).
    """
    from ..types.music import LiveMusicClientMessage  # not for every client
    from ..types.requests import LiveClientMessage

    cls = LiveMusicClientMessage if service == "music" else LiveClientMessage
    try:
        message = structure_hook(cls)(frame)
    except Mismatch as error:
        raise ConfigError(f"Invalid value at '{error.path}': {error.message}") from None
    unknown = _unknown(message)
    if unknown:
        raise ConfigError(unknown)
    kinds = [name for name, value in _set_members(message) if value is not None]
    if len(kinds) != 1:
        raise ConfigError(f"expected exactly one kind of message, got {kinds or 'none'}")


def _unknown(value: Any, path: str = "") -> str:
    """Find the first name or enum value that is not known, in the service's words."""
    if isinstance(value, Model):
        extra = getattr(value, "extra", None)
        if extra:
            at = f" at '{path}'" if path else ""
            name = next(iter(extra))
            return f'Invalid JSON payload received. Unknown name "{name}"{at}: Cannot find field.'
        items = [(f"{path}.{name}".lstrip("."), item) for name, item in _set_members(value)]
        unlisted = _unlisted(value, path)
        if unlisted:
            return unlisted
    elif isinstance(value, list):
        items = [(f"{path}[{index}]", item) for index, item in enumerate(value)]
    elif isinstance(value, dict):
        items = [(f"{path}.{key}", item) for key, item in value.items()]
    else:
        return ""
    return next((found for place, item in items if (found := _unknown(item, place))), "")


_SHORT_FORMS = {
    "StartSensitivity": "START_SENSITIVITY_",
    "EndSensitivity": "END_SENSITIVITY_",
}
"""Enums whose values may lack this beginning: one page of the service shows them so (§9.3)."""


def _unlisted(model: Model, path: str) -> str:
    cls: type = type(model)
    for name, item in _set_members(model):
        for given in item if isinstance(item, list) else [item]:
            enum = enum_of(cls, name) if given.__class__ is str else None
            if enum and not enum._missing_(_SHORT_FORMS.get(enum.__name__, "") + given):
                place = f"{path}.{name}".lstrip(".")
                return f"Invalid value at '{place}' ({enum.__name__}), \"{given[:60]}\""
    return ""


def _set_members(model: Model) -> list[tuple[str, Any]]:
    names = [attribute.name for attribute in fields_of(model)]
    return [(name, getattr(model, name)) for name in names if name not in ("extra", "raw")]
