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


def _writer_of(cls: type) -> Writer:
    def field_writer(name: str) -> Writer:
        return _as_it_is if is_user_data(type_of(cls, name)) else _write

    fields = [(name, key, field_writer(name)) for name, key in json_names(cls).items()]
    if is_sparse(cls):
        return _sparse_writer({name: (key, writer) for name, key, writer in fields})

    def write(message: Any) -> dict[str, Any]:
        wire = {}
        for name, key, writer in fields:
            value = getattr(message, name)
            if value is not None:
                wire[key] = writer(value)
        if message.extra:
            wire.update(message.extra)
        return wire

    return write


def _sparse_writer(fields: dict[str, tuple[str, Writer]]) -> Writer:
    """Look only at what an instance has of its own: a part has twenty attributes, and sets one."""

    def write(message: Any) -> dict[str, Any]:
        wire = {}
        for name, value in vars(message).items():
            if value is not None and name in fields:
                key, writer = fields[name]
                wire[key] = writer(value)
        if message.extra:
            wire.update(message.extra)
        return wire

    return write


_converter = Converter()
_converter.register_unstructure_hook_factory(attrs.has, _writer_of)
