"""What a user gives — dicts in either case, or our classes — checked before anything is sent.

Unlike the way in, nothing is coerced that could be a mistake: a string is no list, ``"5"`` no
number, an unknown key is refused with the nearest known one.  ``extra={...}`` is the way past.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Union

from cattrs import Converter

from .._checks import meant
from ..types.enums import OpenEnum
from ._older import OLDER_KEYS, SHORTER_FORMS
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

__all__ = ["given_hook"]


def _string(value: Any) -> str:
    if isinstance(value, OpenEnum):
        return value.value  # type: ignore[no-any-return]
    if isinstance(value, str):
        return value
    raise Mismatch(f"expected a string, got {kind_of(value)}")


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise Mismatch(f"expected True or False, got {kind_of(value)}")


def _integer(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise Mismatch(f"expected an integer, got {_kind_and_value(value)}")


def _number(value: Any) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        return value  # an integer stays one: topK is 40, not 40.0, in the documentation
    raise Mismatch(f"expected a finite number, got {_kind_and_value(value)}")


def _octets(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    if isinstance(value, str):
        try:
            return octets_of(value)
        except ValueError:
            raise Mismatch("expected bytes or base64 text, got other text") from None
    raise Mismatch(f"expected bytes, got {kind_of(value)}")


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise Mismatch(f"expected an object (dict), got {kind_of(value)}")
    for key in value:
        if not isinstance(key, str):
            raise Mismatch(f"expected string keys, got {kind_of(key)}")
    return dict(value)


def _moment(value: Any) -> Union[datetime, str]:
    if isinstance(value, (datetime, str)):
        return value
    raise Mismatch(f"expected a datetime or RFC 3339 text, got {kind_of(value)}")


def _as_it_is(value: Any) -> Any:
    return value


def _kind_and_value(value: Any) -> str:
    return f"{kind_of(value)} {value!r:.40}"


def _enum_hook(enum: type[OpenEnum]) -> Hook:
    def check(value: Any) -> Any:
        if isinstance(value, str):
            return enum._missing_(str(value)) or value
        raise Mismatch(f"expected a string or {enum.__name__}, got {kind_of(value)}")

    return check


class _Keys:
    """The keys a class takes: attribute names, their camelCase, and older names."""

    def __init__(self, cls: type) -> None:
        self.cls = cls
        names = json_names(cls)
        self.attribute = {key: name for name, key in names.items()}
        self.attribute.update({name: name for name in names})
        self.older = OLDER_KEYS.get(cls.__name__, {})
        self.hooks: dict[str, Hook] = {}

    def hook(self, name: str) -> Hook:
        if name not in self.hooks:
            self.hooks[name] = hook_of(_converter, type_of(self.cls, name))
        return self.hooks[name]

    def refuse(self, key: object, others: Iterable[object]) -> Mismatch:
        """Return the error of an unknown key, with advice in the case of the dict it stands in."""
        keys = [str(one) for one in (key, *others)]
        is_camel = next(("_" not in one for one in keys if re.search("[_A-Z]", one)), False)
        known = [*self.attribute, *self.older, "extra"]
        known = [one for one in known if ("_" not in one if is_camel else one == one.lower())]
        return Mismatch(
            f"{self.cls.__name__} has no field {str(key)[:60]!r}{meant(str(key), known)}"
            " (extra={...} sends keys newer than this SDK)"
        )


def _object_hook(cls: type) -> Hook:
    keys = _Keys(cls)
    shorter_forms = SHORTER_FORMS.get(cls.__name__)

    def check(value: Any) -> Any:
        if shorter_forms:
            value = shorter_forms(value)
        given: dict[str, Any] = {}
        spelled: dict[str, str] = {}
        extra: dict[str, Any] = {}
        for key, item in _items(cls, value, keys):
            if key == "extra":
                extra = _extra(item, keys)
                continue
            name = keys.attribute.get(key)
            if name is None:
                raise keys.refuse(key, value)
            if name in spelled:
                raise Mismatch(f"given twice, as {spelled[name]!r} and {key!r}", name)
            spelled[name] = key
            try:
                given[name] = keys.hook(name)(item)
            except Mismatch as error:
                raise error.within(name) from None
        return cls(**given, extra=extra or None)

    return check


def _items(cls: type, value: Any, keys: _Keys) -> Iterable[tuple[str, Any]]:
    """Return what is set in a dict or an instance, older names replaced."""
    if isinstance(value, cls):
        names = (*json_names(cls), *keys.older, "extra")
        found = {name: getattr(value, name, None) for name in names}
    elif isinstance(value, Mapping):
        found = dict(value)
    else:
        raise Mismatch(f"expected {cls.__name__} or a dict, got {kind_of(value)}")
    present = {key: item for key, item in found.items() if item is not None}
    for older in [key for key in present if key in keys.older]:
        name, item = keys.older[older](present.pop(older))
        if name in present:
            raise Mismatch(f"given twice, as {older!r} and {name!r}", name)
        present[name] = item
    return present.items()


def _extra(value: Any, keys: _Keys) -> dict[str, Any]:
    extra = _object(value)
    for key in extra:
        if key in keys.attribute:
            raise Mismatch(f"{key!r} is known: set it as a field, not in extra", "extra")
    return extra


_converter = Converter(detailed_validation=False)
register_shapes(
    _converter,
    {
        str: _string,
        bool: _boolean,
        int: _integer,
        float: _number,
        bytes: _octets,
        dict[str, Any]: _object,
        Any: _as_it_is,
        Union[datetime, str]: _moment,
    },
    object_hook=_object_hook,
    enum_hook=_enum_hook,
)


def given_hook(cls: type) -> Hook:
    """Return the function that checks what a user gave for a ``cls`` and returns an instance."""
    return hook_of(_converter, cls)
