"""From a message to the JSON object that goes out: camelCase, base64, unset left out.

What belongs to the user (``args``, ``response``, ``labels``, JSON schemas) is passed on as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from enum import Enum
from typing import Any, Callable

import attrs
import pybase64
from cattrs import Converter

from ..types._base import Model, is_sparse
from ._shapes import is_user_data, json_names, type_of

__all__ = ["to_wire"]

Writer = Callable[[Any], Any]


def to_wire(message: Model) -> dict[str, Any]:
    """Return the JSON object of a message or config."""
    wire: dict[str, Any] = _converter.unstructure(message)
    return wire


def _write(value: Any) -> Any:
    """Write a value of the protocol, as opposed to one of the user."""
    if isinstance(value, Model):
        return to_wire(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return pybase64.b64encode_as_string(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return _timestamp(value)
    if isinstance(value, (list, tuple)):
        return [_write(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _write(item) for key, item in value.items()}
    return value


def _timestamp(value: datetime) -> str:
    """Write RFC 3339 in UTC; a time without a zone is taken for UTC (Protocol §9.3)."""
    moment = value if value.tzinfo else value.replace(tzinfo=timezone.utc)
    return moment.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")


def _as_it_is(value: Any) -> Any:
    return value


class _Writers(dict[str, tuple[str, Writer]]):
    """By attribute: the JSON name and the writer, resolved when one is first set.

    So that a config loads no class that it does not use.
    """

    def __init__(self, cls: type) -> None:
        super().__init__()
        self._cls = cls
        self.names = json_names(cls)

    def __missing__(self, name: str) -> tuple[str, Writer]:
        writer = _as_it_is if is_user_data(type_of(self._cls, name)) else _write
        found = self[name] = (self.names[name], writer)
        return found


def _writer_of(cls: type) -> Writer:
    writers = _Writers(cls)
    names = writers.names
    if is_sparse(cls):
        return _sparse_writer(writers)

    def write(message: Any) -> dict[str, Any]:
        wire = {}
        for name in names:
            value = getattr(message, name)
            if value is not None:
                key, writer = writers[name]
                wire[key] = writer(value)
        if message.extra:
            wire.update(message.extra)
        return wire

    return write


def _sparse_writer(writers: _Writers) -> Writer:
    """Look only at what an instance has of its own: a part has twenty attributes, and sets one."""
    names = writers.names

    def write(message: Any) -> dict[str, Any]:
        wire = {}
        for name, value in vars(message).items():
            if value is not None and name in names:
                key, writer = writers[name]
                wire[key] = writer(value)
        if message.extra:
            wire.update(message.extra)
        return wire

    return write


_converter = Converter()
_converter.register_unstructure_hook_factory(attrs.has, _writer_of)
