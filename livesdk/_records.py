"""Classes of attrs whose constructors are made when they are first called.

What attrs writes for a class it has to compile, for half a millisecond a class.  The core has some
thirty records besides the 160 classes of :mod:`livesdk.types`, and a program uses a few of them.
So comparing, hashing and showing records are written once, here, and attrs makes the constructor of
a class when the first instance is made, or somebody asks for the fields or the signature.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NoReturn

import attrs

__all__ = ["construct_later", "define", "frozen"]

if TYPE_CHECKING:
    from attrs import define, frozen
else:

    def define(cls: Any = None, **options: Any) -> Any:
        """Do what ``attrs.define`` does, later, without slots, and without checks on assignment."""
        if cls is None:
            return lambda cls: _record(cls, **options)
        return _record(cls, **options)

    def frozen(cls: Any = None, **options: Any) -> Any:
        """Do what ``attrs.frozen`` does, later, and without slots."""
        return define(cls, frozen=True, **options)


def _record(cls: Any, *, kw_only: bool = False, eq: bool = True, frozen: bool = False) -> Any:
    given = vars(cls)
    fields = {name: given[name] for name in cls.__annotations__ if name in given}
    for name in fields:  # as attrs does: what was given describes the field, and is no value of it
        delattr(cls, name)
    if "__repr__" not in given:
        cls.__repr__ = _show
    if eq:
        cls.__eq__ = _equals
        cls.__hash__ = _hash if frozen else None
    cls.__match_args__ = () if kw_only else tuple(cls.__annotations__)  # type: ignore[misc]  # mypy asks for literals
    return construct_later(cls, fields, (), kw_only=kw_only, frozen=frozen)


def _equals(self: Any, other: object) -> Any:
    if other.__class__ is not self.__class__:
        return NotImplemented
    return _values(self) == _values(other)


def _hash(self: Any) -> int:
    return hash((self.__class__, _values(self)))


def _values(record: Any) -> tuple[Any, ...]:
    return tuple(getattr(record, field.name) for field in record.__attrs_attrs__)


def _show(self: Any) -> str:
    return f"{type(self).__qualname__}({', '.join(_shown(self))})"


def _shown(record: Any) -> Iterator[str]:
    for field in record.__attrs_attrs__:
        if field.repr:
            show = repr if field.repr is True else field.repr
            yield f"{field.name}={show(getattr(record, field.name))}"


_making = threading.RLock()
_AFTER = "__attrs_post_init__"
_MADE_HERE = {"slots": False, "eq": False, "repr": False}


def construct_later(
    cls: Any, fields: dict[str, Any], bases: tuple[type, ...], **options: Any
) -> Any:
    """Let attrs make the constructor of ``cls`` when it is first called or looked at.

    attrs makes a twin of the class, and what it made is put on the class: so nothing is missing
    from the class at any moment, whatever other threads do with it.

    Args:
        fields: The defaults, as they would stand in the class; of those fields that have one.
        bases: Of the twin.
        options: For ``attrs.define``.
    """

    def make() -> None:
        with _making:
            if not isinstance(vars(cls)["__attrs_attrs__"], Later):
                return  # another thread was first
            body = {"__annotations__": cls.__annotations__, "__module__": cls.__module__, **fields}
            if hasattr(cls, _AFTER):
                body[_AFTER] = getattr(cls, _AFTER)
            twin = attrs.define(type(cls.__name__, bases, body), **{**options, **_MADE_HERE})
            cls.__init__ = vars(twin)["__init__"]
            del cls.__signature__
            cls.__attrs_attrs__ = vars(twin)["__attrs_attrs__"]

    def __init__(self: Any, *arguments: Any, **given: Any) -> None:  # noqa: N807  # stands for it
        make()
        cls.__init__(self, *arguments, **given)

    cls.__init__ = __init__
    cls.__attrs_attrs__ = Later(make)
    cls.__signature__ = LaterSignature(make)
    if options.get("frozen"):
        cls.__setattr__ = cls.__delattr__ = _refuse
    return cls


class Later:
    """Stands for ``__attrs_attrs__`` until somebody asks for it."""

    def __init__(self, make: Callable[[], None]) -> None:
        self._make = make

    def __get__(self, instance: Any, owner: Any) -> Any:
        self._make()
        return owner.__attrs_attrs__


class LaterSignature:
    """Has ``inspect.signature`` find the constructor made: there is no ``__signature__`` after all.

    So it goes on to ``__init__``, of the class or of a subclass, as it does for any other class.
    """

    def __init__(self, make: Callable[[], None]) -> None:
        self._make = make

    def __get__(self, instance: Any, owner: Any) -> NoReturn:
        self._make()
        raise AttributeError("__signature__")


def _refuse(*_: object) -> NoReturn:
    raise attrs.exceptions.FrozenInstanceError
