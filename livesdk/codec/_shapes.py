"""What the two directions share: from an annotation to the function that checks a value.

A cattrs converter is the registry; the hooks are ours, because cattrs' stock ones accept too much
(``"false"`` for a bool, ``[]`` for an object) and forget unknown keys and values.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Optional, Union, get_args, get_origin

import attrs
import pybase64
from cattrs import Converter
from cattrs.dispatch import StructureHook

from .. import types
from ..types.enums import OpenEnum

__all__ = [
    "Hook",
    "Mismatch",
    "camel",
    "enum_of",
    "hook_of",
    "is_user_data",
    "json_names",
    "kind_of",
    "octets_of",
    "register_shapes",
    "type_of",
]

Hook = Callable[[Any], Any]


class Mismatch(Exception):  # never leaves the codec
    """A value is not of the shape its place wants; each level adds its step to the path."""

    def __init__(self, message: str, *steps: Union[str, int]) -> None:
        super().__init__(message)
        self.message = message
        self.steps: list[Union[str, int]] = list(steps)

    def within(self, step: Union[str, int]) -> Mismatch:
        """Return self, one level further out."""
        self.steps.insert(0, step)
        return self

    @property
    def path(self) -> str:
        """The path, for example ``turns[0].parts``."""
        text = "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in self.steps)
        return text.lstrip(".")


def kind_of(value: object) -> str:
    """Name the type of ``value`` for an error message."""
    return "null" if value is None else type(value).__name__


_URL_SAFE = str.maketrans("-_", "+/")


def octets_of(text: str) -> bytes:
    """Decode base64 of either alphabet, padded or not; :class:`ValueError` where it is none."""
    text = text.translate(_URL_SAFE).rstrip("=")
    return pybase64.b64decode(text + "=" * (-len(text) % 4), None, True)


@cache
def camel(name: str) -> str:
    """Return the JSON name of an attribute: ``mime_type`` → ``mimeType``."""
    return re.sub(r"_([a-z0-9])", lambda match: match.group(1).upper(), name)


_RENAMED = {("VoiceActivity", "voice_activity_type"): "type"}
"""Attributes whose JSON name is not their own in camelCase (Protocol §8.7)."""


_NOT_ON_THE_WIRE = frozenset(
    {
        ("GenerationConfig", "response_modality"),
        ("LiveConnectConfig", "response_modality"),
        ("VoiceConfig", "preset_voice"),
        ("SpeechConfig", "voice"),
        ("ToolCall", "function_calls"),
        ("ToolResponse", "function_responses"),
    }
)
"""Attributes that only stand for older names (Protocol §16); ``codec._older`` replaces them."""


@cache
def json_names(cls: type) -> dict[str, str]:
    """Return JSON name by attribute of a class; ``extra`` and ``raw`` are not on the wire."""
    return {
        attribute.name: _RENAMED.get((cls.__name__, attribute.name)) or camel(attribute.name)
        for attribute in attrs.fields(cls)
        if attribute.name not in ("extra", "raw")
        and (cls.__name__, attribute.name) not in _NOT_ON_THE_WIRE
    }


class _TypeNames(dict[str, Any]):
    """The names annotations use, loading the module of a type only when it is reached."""

    def __missing__(self, name: str) -> Any:
        if name in types.__all__:
            return getattr(types, name)
        raise KeyError(name)


_TYPE_NAMES = _TypeNames()


def type_of(cls: type, name: str) -> Any:
    """Return the type of one attribute, ``Optional`` stripped."""
    annotation = getattr(attrs.fields(cls), name).type
    if isinstance(annotation, str):
        module = vars(sys.modules[cls.__module__])
        annotation = eval(annotation, module, _TYPE_NAMES)  # noqa: S307  # our own annotations
    members = [member for member in get_args(annotation) if member is not type(None)]
    if get_origin(annotation) is Union:
        return members[0] if len(members) == 1 else Union[tuple(members)]
    return annotation


def is_user_data(kind: Any) -> bool:
    """Tell whether values of this type belong to the user and are never renamed."""
    return kind is Any or kind == dict[str, Any]


def _is_list(kind: Any) -> bool:
    return get_origin(kind) is list


def _is_map(kind: Any) -> bool:
    return get_origin(kind) is dict and not is_user_data(kind)


def _is_open_enum(kind: Any) -> bool:
    members = get_args(kind)
    return bool(members) and isinstance(members[0], type) and issubclass(members[0], OpenEnum)


@cache
def enum_of(cls: type, name: str) -> Optional[type[OpenEnum]]:
    """Return the enum whose members one attribute holds, itself or in a list, if it is one."""
    kind = type_of(cls, name)
    kind = get_args(kind)[0] if _is_list(kind) else kind
    return get_args(kind)[0] if _is_open_enum(kind) else None


def hook_of(converter: Converter, kind: Any) -> Hook:
    """Return the function for a type, taking the value alone."""
    hook = converter.get_structure_hook(kind)
    return getattr(hook, "alone", None) or (lambda value: hook(value, kind))


def as_hook(function: Hook) -> StructureHook:
    """Give a function of one argument the form cattrs wants, and remember it."""

    def hook(value: Any, _: Any) -> Any:
        return function(value)

    hook.alone = function  # type: ignore[attr-defined]  # read by hook_of
    return hook


def register_shapes(  # noqa: C901  # three closures over one converter
    converter: Converter,
    scalars: Mapping[Any, Hook],
    *,
    object_hook: Callable[[type], Hook],
    enum_hook: Callable[[type[OpenEnum]], Hook],
) -> None:
    """Teach a converter our scalars, lists, maps, enums and classes, and nothing else."""

    def list_hook(kind: Any) -> StructureHook:
        item_hook = hook_of(converter, get_args(kind)[0])

        def structure(value: Any) -> list[Any]:
            if not isinstance(value, (list, tuple)):
                raise Mismatch(f"expected a list, got {kind_of(value)}")
            try:
                return [item_hook(item) for item in value]
            except Mismatch as error:
                raise error.within(_failing_index(item_hook, value)) from None

        return as_hook(structure)

    def map_hook(kind: Any) -> StructureHook:
        item_hook = hook_of(converter, get_args(kind)[1])

        def structure(value: Any) -> dict[str, Any]:
            if not isinstance(value, Mapping):
                raise Mismatch(f"expected an object, got {kind_of(value)}")
            made = {}
            for key, item in value.items():
                if not isinstance(key, str):
                    raise Mismatch(f"expected string keys, got {kind_of(key)}")
                try:
                    made[key] = item_hook(item)
                except Mismatch as error:
                    raise error.within(key) from None
            return made

        return as_hook(structure)

    converter.register_structure_hook_factory(attrs.has, lambda cls: as_hook(object_hook(cls)))
    converter.register_structure_hook_factory(_is_list, list_hook)
    converter.register_structure_hook_factory(_is_map, map_hook)
    converter.register_structure_hook_factory(
        _is_open_enum, lambda kind: as_hook(enum_hook(get_args(kind)[0]))
    )
    for kind, function in scalars.items():
        hook = as_hook(function)
        if isinstance(kind, type) and get_origin(kind) is None:
            converter.register_structure_hook(kind, hook)
        else:
            converter.register_structure_hook_func(_equal_to(kind), hook)


def _equal_to(kind: Any) -> Callable[[Any], bool]:
    return lambda given: bool(given == kind)


def _failing_index(hook: Hook, values: Any) -> int:
    """Find which item failed; only walked once something has failed."""
    for index, value in enumerate(values):
        try:
            hook(value)
        except Mismatch:
            return index
    return 0
