"""Older keys and shorter forms of what users give, as data (Protocol §16).

``OLDER_KEYS``: by class, an older key and a function to its present key and value.
``SHORTER_FORMS``: by class, what turns a shorter form (a string for a content) into the long one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ..types._base import Model
from ..types.content import Blob, Content, Part
from ..types.enums import Scale
from ._shapes import Mismatch

__all__ = ["OLDER_KEYS", "SHORTER_FORMS", "is_picture", "picture_bytes", "scale_of"]

Older = Callable[[Any], tuple[str, Any]]


def _as(name: str) -> Older:
    return lambda value: (name, value)


def _listed(name: str) -> Older:
    return lambda value: (name, list(value) if isinstance(value, (list, tuple)) else [value])


def _preset_voice(value: Any) -> tuple[str, Any]:
    named = value if isinstance(value, (Mapping, Model)) else {"voice_name": value}
    return ("prebuilt_voice_config", named)


def _voice(value: Any) -> tuple[str, Any]:
    return ("voice_config", {"prebuilt_voice_config": _preset_voice(value)[1]})


OLDER_KEYS: dict[str, dict[str, Older]] = {
    "LiveConnectConfig": {
        "response_modality": _listed("response_modalities"),
        "responseModality": _listed("response_modalities"),
    },
    "GenerationConfig": {
        "response_modality": _listed("response_modalities"),
        "responseModality": _listed("response_modalities"),
    },
    "CreateAuthTokenConfig": {"live_constrained_parameters": _as("live_connect_constraints")},
    "VoiceConfig": {"preset_voice": _preset_voice, "presetVoice": _preset_voice},
    "SpeechConfig": {"voice": _voice},
    "LiveMusicGenerationConfig": {"tempo": _as("bpm"), "mode": _as("music_generation_mode")},
    "LiveServerToolCallCancellation": {"functionIds": _as("ids"), "function_ids": _as("ids")},
}


def _content(value: Any) -> Any:
    """Take a string, a part, or a list of both for a content of the user."""
    if isinstance(value, (str, Part)) or _is_part_dict(value):
        value = [value]
    if not isinstance(value, (list, tuple)):
        return value
    return Content(parts=[_part(item) for item in value], role="user")


def _is_part_dict(value: Any) -> bool:
    return isinstance(value, Mapping) and bool(value) and not {"parts", "role"} & set(value)


def _part(value: Any) -> Any:
    """Take a string, a blob, ``(mime_type, bytes)`` or a PIL image for a part."""
    if isinstance(value, str):
        return Part(text=value)
    if isinstance(value, (Blob, tuple)) or is_picture(value):
        return Part(inline_data=_blob(value))
    return value


def _blob(value: Any) -> Any:
    """Take ``(mime_type, bytes)`` or a PIL image for a blob."""
    if isinstance(value, tuple):
        if len(value) != 2 or not isinstance(value[0], str):  # a pair
            raise Mismatch("expected (mime_type, bytes)")
        return Blob(mime_type=value[0], data=value[1])
    if is_picture(value):
        return Blob(mime_type="image/png", data=picture_bytes(value, "PNG"))
    return value


def is_picture(value: Any) -> bool:
    """Tell a PIL image by what it can do, without importing PIL."""
    return hasattr(value, "save") and hasattr(value, "mode") and hasattr(value, "size")


def picture_bytes(image: Any, kind: str) -> bytes:
    """Write a PIL image as PNG, JPEG or WEBP."""
    from io import BytesIO  # needed for pictures only

    out = BytesIO()
    if kind == "JPEG" and image.mode not in ("RGB", "L"):
        image = image.convert("RGB")
    image.save(out, kind)
    return out.getvalue()


def _speech_config(value: Any) -> Any:
    return {"voice": value} if isinstance(value, str) else value


_KEY = r"((?:[A-G](?:_SHARP|_FLAT)?_)+)(MAJOR|MINOR)"  # one root, or two names of it
_SCALE = f"{_KEY}(?:_{_KEY})*"
_FLATS = {"C": "D", "D": "E", "F": "G", "G": "A", "A": "B"}  # E and B have no black key above


def _music_config(value: Any) -> Any:
    """Turn free scale names such as ``C_SHARP_D_FLAT_MAJOR…`` into those of the enum."""
    if not isinstance(value, Mapping) or not isinstance(value.get("scale"), str):
        return value
    return {**value, "scale": scale_of(value["scale"])}


def scale_of(name: str) -> str:
    """Find the scale by its first major root, sharps read as flats; else return ``name``."""
    if name.upper() in Scale.__members__ or not re.fullmatch(_SCALE, name.upper()):
        return name
    roots = [roots for roots, mode in re.findall(_KEY, name.upper()) if mode == "MAJOR"]
    if not roots:
        return name
    note, accidental = re.findall("([A-G])(_SHARP|_FLAT)?", roots[0])[0]
    root = note + accidental
    if accidental == "_SHARP":
        root = f"{_FLATS[note]}_FLAT" if note in _FLATS else root
    return next((scale for scale in Scale.__members__ if scale.startswith(f"{root}_MAJOR")), name)


SHORTER_FORMS: dict[str, Callable[[Any], Any]] = {
    "Content": _content,
    "Part": _part,
    "Blob": _blob,
    "LiveMusicGenerationConfig": _music_config,
    "SpeechConfig": _speech_config,
}
