"""From a decoded frame to a message: lenient in values, strict in shapes, losing nothing.

Booleans and integers may come as strings (Protocol §13.2); unknown keys go to ``extra``, unknown
enum values stay strings.  A list where an object belongs is a :class:`Mismatch`.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable
from datetime import datetime
from typing import Any, Union

import pybase64
from cattrs import Converter

from ..types._base import is_sparse
from ..types.enums import OpenEnum
from ._shapes import (
    Hook,
    Mismatch,
    hook_of,
    json_names,
    kind_of,
    octets_of,
    register_shapes,
    type_of,
)

__all__ = ["OTHER_NAMES", "structure_hook"]

OTHER_NAMES: dict[str, dict[str, str]] = {
    "UsageMetadata": {  # Vertex, Protocol §8.4
        "candidatesTokenCount": "responseTokenCount",
        "candidatesTokensDetails": "responseTokensDetails",
    },
    "LiveServerToolCallCancellation": {"functionIds": "ids"},  # Protocol §14
    "VoiceActivity": {"voiceActivityType": "type"},  # Protocol §8.7
}
"""Second names of keys; where both are there, the first name counts."""


def _string(value: Any) -> str:
    if value.__class__ is str:
        return value
    raise Mismatch(f"expected a string, got {kind_of(value)}")


def _boolean(value: Any) -> bool:
    if value is True or value is False:
        return value
    if value == "true":
        return True
    if value == "false":
        return False
    raise Mismatch(f"expected true or false, got {kind_of(value)}")


def _integer(value: Any) -> int:
    if value.__class__ is int:
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and len(value) <= 20:  # int64 with its sign
        try:
            return int(value)
        except ValueError:
            pass
    raise Mismatch(f"expected an integer, got {kind_of(value)}")


def _number(value: Any) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            raise Mismatch("expected a number that fits a double") from None
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            pass
    raise Mismatch(f"expected a number, got {kind_of(value)}")


def octets(value: Any) -> bytes:
    """Decode base64 of either alphabet, padded or not (Protocol §13.2)."""
    if value.__class__ is bytes:  # done already: _parse.parse_cut
        return value
    try:
        return pybase64.b64decode(value, None, True)
    except (binascii.Error, ValueError, TypeError):
        return _octets_of_any_alphabet(value)


def _octets_of_any_alphabet(value: Any) -> bytes:
    if not isinstance(value, str):
        raise Mismatch(f"expected base64 text, got {kind_of(value)}")
    try:
        return octets_of(value)
    except ValueError:
        raise Mismatch("expected base64 text, got other characters") from None


def _object(value: Any) -> dict[str, Any]:
    if value.__class__ is dict:
        return value
    raise Mismatch(f"expected an object, got {kind_of(value)}")


def _as_it_is(value: Any) -> Any:
    return value


def _enum_hook(enum: type[OpenEnum]) -> Hook:
    members: dict[Any, Any] = {member.value: member for member in enum}

    def structure(value: Any) -> Any:
        if value.__class__ is not str:
            raise Mismatch(f"expected a string, got {kind_of(value)}")
        return members.get(value) or enum._missing_(value) or value

    return structure


class _Fields(dict[str, tuple[str, Hook]]):
    """By JSON name: the attribute and its hook, resolved when the key is first met.

    So a rare class behind a field costs nothing until a server sends it.  Unknown keys are not
    remembered, lest a server that sends ever new ones fill the memory.
    """

    def __init__(self, cls: type) -> None:
        super().__init__()
        self._cls = cls
        self._names = {key: name for name, key in json_names(cls).items()}
        self._names.update({name: name for name in json_names(cls)})  # snake_case is read too

    def __missing__(self, key: str) -> tuple[str, Hook]:
        name = self._names.get(key)
        if name is None:
            return _UNKNOWN
        found = (name, hook_of(_converter, type_of(self._cls, name)))
        self[key] = found
        return found


_UNKNOWN: tuple[str, Hook] = ("", _as_it_is)


def _object_hook(cls: type) -> Hook:
    """Make the function from an object to an instance, without ``__init__``; see ``sparse``."""
    fields = _Fields(cls)
    new: Callable[[type], Any] = object.__new__

    def structure(value: Any) -> Any:
        if value.__class__ is not dict:
            raise Mismatch(f"expected an object, got {kind_of(value)}")
        made = new(cls)
        key = ""
        try:
            for key, item in value.items():
                if item is not None:  # null is unset, Protocol §9.3
                    name, hook = fields[key]
                    if name:
                        setattr(made, name, hook(item))
                    else:
                        _keep(made, key, item)
        except Mismatch as error:
            raise error.within(key) from None
        return made

    other_names = OTHER_NAMES.get(cls.__name__)
    return _renaming(other_names, structure) if other_names else structure


def _keep(made: Any, key: str, item: Any) -> None:
    if made.extra is None:
        made.extra = {}
    made.extra[key] = item


def _renaming(other_names: dict[str, str], structure: Hook) -> Hook:
    def rename(value: Any) -> Any:
        if value.__class__ is dict and not other_names.keys().isdisjoint(value):
            renamed = {other_names[key]: value[key] for key in other_names if key in value}
            rest = {
                key: item
                for key, item in value.items()
                if key not in other_names and item is not None
            }
            value = {**renamed, **rest}
        return structure(value)

    return rename


def _frozen_object_hook(cls: type) -> Hook:
    """For classes that are built with ``__init__``: configs, where a server sends one back."""
    fields = _Fields(cls)

    def structure(value: Any) -> Any:
        given: dict[str, Any] = {}
        extra: dict[str, Any] = {}
        for key, item in _object(value).items():
            if item is None:
                continue
            name, hook = fields[key]
            try:
                if name:
                    given[name] = hook(item)
                else:
                    extra[key] = item
            except Mismatch as error:
                raise error.within(key) from None
        return cls(**given, extra=extra or None)

    return structure


_converter = Converter(detailed_validation=False)
register_shapes(
    _converter,
    {
        str: _string,
        bool: _boolean,
        int: _integer,
        float: _number,
        bytes: octets,
        dict[str, Any]: _object,
        Any: _as_it_is,
        Union[datetime, str]: _string,
    },
    object_hook=lambda cls: _object_hook(cls) if is_sparse(cls) else _frozen_object_hook(cls),
    enum_hook=_enum_hook,
)


def structure_hook(cls: type) -> Hook:
    """Return the function that makes a message of class ``cls`` from a decoded frame."""
    return hook_of(_converter, cls)
