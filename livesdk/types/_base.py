"""What every message and config class shares: being made, comparing, and showing itself briefly.

There are some 160 of these classes, of which a program uses twenty.  So comparing and showing are
written once, here, and attrs makes the constructor of a class when it is first needed (see
``_records``): both together take four fifths off the time that importing the classes takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from .._records import construct_later

__all__ = ["Model", "Raw", "define", "fields_of", "frozen", "is_sparse", "sparse"]

_C = TypeVar("_C", bound=type)

if TYPE_CHECKING:
    import attrs
    from attrs import define, frozen
else:

    def define(**options: Any) -> Callable[[_C], _C]:
        """Do what ``attrs.define`` does, later."""
        return lambda cls: _made_later(cls, options)

    def frozen(**options: Any) -> Callable[[_C], _C]:
        """Do what ``attrs.frozen`` does, later."""
        return lambda cls: _made_later(cls, {**options, "frozen": True})


_PAYLOAD = 200
"""Characters of payload one repr may show, over all its leaves."""

_HIDDEN = frozenset({"raw"})
"""Attributes that repeat the others."""

_SECRET = frozenset(
    {
        "access_token",
        "api_key",
        "api_key_secret",
        "api_key_string",
        "handle",
        "headers",
        "id_token",
        "new_handle",
    }
)
"""Attributes whose values never show.

Headers carry credentials as well; a resumption handle, with a key of the same project, is enough to
go on with somebody's conversation.
"""


class Model:
    """The base of all message and config classes; see :mod:`livesdk.types`."""

    __slots__ = ()

    _levels = 0  # objects and lists in the frame of a message, where the codec has counted them

    def __eq__(self, other: object) -> bool:
        """Equal if of one class with equal attributes (``raw`` aside)."""
        if other.__class__ is not self.__class__:
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in _names(self))

    __hash__ = None  # type: ignore[assignment]  # holds lists and dicts

    def __repr__(self) -> str:
        """Show what is set, cut to 200 characters of payload; bytes only by their number."""
        return _show(self, [_PAYLOAD])


def _made_later(cls: Any, options: dict[str, Any]) -> Any:
    """Let attrs make the constructor of ``cls`` later.

    What may be absent from the wire is ``None`` by default, and that is every field.  It stands in
    the class as well, for :func:`sparse`.
    """
    fields = dict.fromkeys(cls.__annotations__)
    return construct_later(cls, fields, (Model,), **options)


_sparse: set[type] = set()


def sparse(cls: _C) -> _C:
    """Allow instances that lack attributes: these are read from the class, as ``None``.

    A frame sets two or three of the twenty attributes of a part; the codec makes such an instance
    without ``__init__`` and sets only those, in a sixth of the time.
    """
    _sparse.add(cls)
    if hasattr(cls, "raw"):
        cls.raw = Raw()
    return cls


class Raw:
    """``raw`` of a message: its frame is parsed again, as a whole, when first asked for.

    Hardly anybody asks, and five dicts a message are more than all that it holds else.  The codec
    leaves on a message as ``raw_source`` what the frame can be made of, and says here how.
    """

    parse: Callable[[Any], Any] = staticmethod(lambda frame: frame)

    def __get__(self, message: Any, owner: Any = None) -> Any:
        attributes = {} if message is None else vars(message)
        source = attributes.get("raw_source")
        if source is not None:
            attributes["raw"] = self.parse(source)
            attributes.pop("raw_source", None)  # another thread may be here at the same time
        return attributes.get("raw")


def is_sparse(cls: type) -> bool:
    """Tell whether :func:`sparse` was applied to ``cls``."""
    return cls in _sparse


def fields_of(model: Model) -> tuple[attrs.Attribute[Any], ...]:
    """Return the attrs attributes of an instance."""
    return model.__attrs_attrs__  # type: ignore[attr-defined,no-any-return]  # set by attrs


def _names(model: Model) -> Iterator[str]:
    for attribute in fields_of(model):
        if attribute.name not in _HIDDEN:
            yield attribute.name


def _show(value: Any, budget: list[int]) -> str:
    """Write ``value``, taking what its leaves show out of ``budget``."""
    if isinstance(value, Model):
        return _show_model(value, budget)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"<{len(value)} bytes>"
    if isinstance(value, (list, tuple, dict)):
        budget[0] -= 1  # so that a deep nest ends
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_show_each(value, budget))}]"
    if isinstance(value, dict):
        pairs = zip(_show_each(value, budget), _show_each(value.values(), budget))
        return f"{{{', '.join(f'{key}: {item}' for key, item in pairs)}}}"
    text = repr(value)
    shown = text if len(text) <= budget[0] else text[: max(budget[0], 0)] + "…"
    budget[0] -= len(shown)
    return shown


def _show_each(values: Any, budget: list[int]) -> Iterator[str]:
    for value in values:
        if budget[0] <= 0:
            yield "…"
            return
        yield _show(value, budget)


def _show_model(model: Model, budget: list[int]) -> str:
    shown = []
    for name in _names(model):
        value = getattr(model, name)
        if value is not None:
            text = "<hidden>" if value and name in _SECRET else _show(value, budget)
            shown.append(f"{name}={text}")
    return f"{type(model).__name__}({', '.join(shown)})"
