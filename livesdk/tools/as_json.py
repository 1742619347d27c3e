"""What Python functions return, as JSON says it."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any
from uuid import UUID

import attrs

from ..types._base import Model

__all__ = ["as_json"]


def as_json(value: Any) -> Any:
    """Return what JSON can say of a value; what it cannot stays, and is refused with its place.

    Dataclasses and classes of attrs are objects, enums are their values, sets and NumPy arrays are
    lists, dates and times are ISO 8601, decimals, paths and UUIDs are their text.

    Raises:
        RecursionError: It holds itself.
    """
    if isinstance(value, Enum):
        value = value.value
    if value is None or isinstance(value, (str, int, float, Model, type)):
        return value
    if isinstance(value, Mapping):
        return {_key(key): as_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [as_json(item) for item in value]
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, (Decimal, UUID, PurePath)):
        return str(value)
    plain = _plain(value)
    return value if plain is value else as_json(plain)


def _plain(value: Any) -> Any:
    """Return the fields of an object by name, the items of a NumPy array, or the value itself."""
    if dataclasses.is_dataclass(value):
        return {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}
    if attrs.has(type(value)):
        return {each.name: getattr(value, each.name) for each in attrs.fields(type(value))}
    to_list = getattr(value, "tolist", None)
    return to_list() if callable(to_list) else value


def _key(key: Any) -> Any:
    """Write the key of an object: numbers and enums become text, as the json module has them."""
    key = key.value if isinstance(key, Enum) else key
    if isinstance(key, bool):
        return "true" if key else "false"
    return str(key) if isinstance(key, (int, float)) else key
