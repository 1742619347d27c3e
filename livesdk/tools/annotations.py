"""From a type annotation to a JSON schema, and from JSON back to the annotated type.

Pure.  One function a kind of annotation gives both, so that they cannot disagree.
"""

from __future__ import annotations

import collections.abc
import enum
import inspect
import types as python_types
import typing
from collections.abc import Callable, Mapping
from typing import Any, Literal, Union, get_args, get_origin

import attrs

from .._records import frozen
from ..errors import ConfigError

__all__ = ["Misfit", "Shape", "shape_of"]

Convert = Callable[[Any, str], Any]
_UNIONS = (Union, getattr(python_types, "UnionType", Union))


class Misfit(Exception):  # becomes a response that tells the model what was wrong
    """An argument is not of the annotated type; the text says which, and what is expected."""


@frozen
class Shape:
    """What an annotation means.

    Attributes:
        schema: JSON schema.
        convert: From a JSON value, and the argument's name, to the annotated type.
    """

    schema: dict[str, Any]
    convert: Convert


def shape_of(annotation: Any, where: str, _within: tuple[Any, ...] = ()) -> Shape:
    """Return the shape of an annotation.

    Args:
        annotation: Resolved, not a string.
        where: The parameter, for the error.

    Raises:
        ConfigError: JSON cannot express it.
    """
    if annotation in _within:
        raise ConfigError(f"{where}: {_name(annotation)} contains itself, which cannot be declared")
    for recognise in _KINDS:
        shape = recognise(annotation, where, _within)
        if shape is not None:
            return shape
    raise ConfigError(
        f"{where}: cannot declare {_name(annotation)}; use str, int, float, bool, list, dict,"
        " Literal, Enum, Optional, TypedDict, or a dataclass or attrs class of these"
    )


def _name(annotation: Any) -> str:
    return getattr(annotation, "__qualname__", None) or str(annotation)


def _expected(what: str, value: Any, where: str) -> Misfit:
    return Misfit(f"{where}: expected {what}, got {value!r:.60}")


# ---------------------------------------------------------------------------------------- scalars


def _text(value: Any, where: str) -> str:
    if isinstance(value, str):
        return value
    raise _expected("a string", value, where)


def _whole(value: Any, where: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():  # JSON has one kind of number
        return int(value)
    raise _expected("an integer", value, where)


def _number(value: Any, where: str) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    raise _expected("a number", value, where)


def _truth(value: Any, where: str) -> bool:
    if isinstance(value, bool):
        return value
    raise _expected("true or false", value, where)


def _nothing(value: Any, where: str) -> None:
    if value is not None:
        raise _expected("null", value, where)


_SCALARS: dict[Any, Shape] = {
    str: Shape({"type": "string"}, _text),
    int: Shape({"type": "integer"}, _whole),
    float: Shape({"type": "number"}, _number),
    bool: Shape({"type": "boolean"}, _truth),
    type(None): Shape({"type": "null"}, _nothing),
    None: Shape({"type": "null"}, _nothing),
    Any: Shape({}, lambda value, _: value),
    object: Shape({}, lambda value, _: value),
}


def _scalar(annotation: Any, *_: Any) -> Union[Shape, None]:
    try:
        return _SCALARS.get(annotation)
    except TypeError:  # not hashable
        return None


# -------------------------------------------------------------------------- choices and wrappings


def _annotated(annotation: Any, where: str, within: tuple[Any, ...]) -> Union[Shape, None]:
    """``Annotated[int, "how many"]``: the string is the description."""
    if not hasattr(annotation, "__metadata__"):
        return None
    inner = shape_of(annotation.__origin__, where, within)
    texts = [item for item in annotation.__metadata__ if isinstance(item, str)]
    return Shape({**inner.schema, "description": texts[0]}, inner.convert) if texts else inner


def _literal(annotation: Any, where: str, *_: Any) -> Union[Shape, None]:
    if get_origin(annotation) is not Literal:
        return None
    return _choice({value: value for value in get_args(annotation)}, where)


def _enumeration(annotation: Any, where: str, *_: Any) -> Union[Shape, None]:
    if not (inspect.isclass(annotation) and issubclass(annotation, enum.Enum)):
        return None
    return _choice({member.value: member for member in annotation}, where)


def _choice(choices: Mapping[Any, Any], where: str) -> Shape:
    kinds = {type(value) for value in choices}
    names = {str: "string", int: "integer", float: "number", bool: "boolean"}
    if len(kinds) != 1 or not kinds <= set(names):
        raise ConfigError(f"{where}: choices must all be strings, or all numbers")
    schema = {"type": names[kinds.pop()], "enum": list(choices)}

    def convert(value: Any, where: str) -> Any:
        if not isinstance(value, (dict, list)) and value in choices:
            return choices[value]
        raise _expected(f"one of {', '.join(map(repr, choices))}", value, where)

    return Shape(schema, convert)


def _union(annotation: Any, where: str, within: tuple[Any, ...]) -> Union[Shape, None]:
    if get_origin(annotation) not in _UNIONS:
        return None
    shapes = [shape_of(member, where, within) for member in get_args(annotation)]

    def convert(value: Any, where: str) -> Any:
        misfits = []
        for shape in shapes:
            try:
                return shape.convert(value, where)
            except Misfit as misfit:
                misfits.append(misfit)
        raise misfits[0]

    return Shape({"anyOf": [shape.schema for shape in shapes]}, convert)


# ------------------------------------------------------------------------------------- containers

_LISTS = (list, collections.abc.Sequence, collections.abc.Iterable, collections.abc.Collection)
_MAPS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)


def _sequence(annotation: Any, where: str, within: tuple[Any, ...]) -> Union[Shape, None]:
    origin = get_origin(annotation) or annotation
    arguments = get_args(annotation)
    if origin is tuple and len(arguments) == 2 and arguments[1] is ...:
        arguments = arguments[:1]
    elif origin not in _LISTS:
        return None
    item = shape_of(arguments[0] if arguments else Any, f"{where}[]", within)
    make = tuple if origin is tuple else list

    def convert(value: Any, where: str) -> Any:
        if not isinstance(value, list):
            raise _expected("a list", value, where)
        return make(item.convert(each, f"{where}[{i}]") for i, each in enumerate(value))

    return Shape({"type": "array", "items": item.schema}, convert)


def _mapping(annotation: Any, where: str, within: tuple[Any, ...]) -> Union[Shape, None]:
    origin = get_origin(annotation) or annotation
    if origin not in _MAPS:
        return None
    arguments = get_args(annotation)
    if arguments and arguments[0] is not str:
        raise ConfigError(f"{where}: keys of an object are strings, not {_name(arguments[0])}")
    item = shape_of(arguments[1] if arguments else Any, f"{where}.*", within)

    def convert(value: Any, where: str) -> Any:
        if not isinstance(value, dict):
            raise _expected("an object", value, where)
        return {key: item.convert(each, f"{where}.{key}") for key, each in value.items()}

    schema: dict[str, Any] = {"type": "object"}
    if item.schema:
        schema["additionalProperties"] = item.schema
    return Shape(schema, convert)


# ---------------------------------------------------------------------------------------- records


def _record(annotation: Any, where: str, within: tuple[Any, ...]) -> Union[Shape, None]:
    """A TypedDict, dataclass or attrs class: an object with named properties."""
    fields = _fields_of(annotation)
    if fields is None:
        return None
    hints = typing.get_type_hints(annotation, include_extras=True)
    shapes = {
        name: shape_of(_bare(hints[name]), f"{where}.{name}", (*within, annotation))
        for name in fields
    }
    required = [name for name, is_required in fields.items() if is_required]

    def convert(value: Any, where: str) -> Any:
        if not isinstance(value, dict):
            raise _expected("an object", value, where)
        check_names(value, shapes, required, where)
        return annotation(
            **{name: shapes[name].convert(each, f"{where}.{name}") for name, each in value.items()}
        )

    schema: dict[str, Any] = {
        "type": "object",
        "properties": {name: shape.schema for name, shape in shapes.items()},
    }
    if required:
        schema["required"] = required
    return Shape(schema, convert)


def check_names(
    value: Mapping[str, Any], known: Mapping[str, Any], required: list[str], where: str
) -> None:
    """Raise :class:`Misfit` for a missing or an unknown name."""
    missing = [name for name in required if name not in value]
    if missing:
        raise Misfit(f"{where}: missing {', '.join(missing)}".lstrip(": "))
    unknown = [name for name in value if name not in known]
    if unknown:
        raise Misfit(f"{where}: there is no {', '.join(unknown)}".lstrip(": "))


def _fields_of(annotation: Any) -> Union[dict[str, bool], None]:
    """Return the fields of a record, and whether each is required."""
    if not inspect.isclass(annotation):
        return None
    required = getattr(annotation, "__required_keys__", None)
    if required is not None:  # TypedDict
        return {name: name in required for name in typing.get_type_hints(annotation)}
    if attrs.has(annotation):
        return {
            field.name: field.default is attrs.NOTHING
            for field in attrs.fields(annotation)
            if field.init
        }
    if hasattr(annotation, "__dataclass_fields__"):
        import dataclasses  # for those who use them

        return {
            field.name: field.default is dataclasses.MISSING
            and field.default_factory is dataclasses.MISSING
            for field in dataclasses.fields(annotation)  # type: ignore[arg-type]  # it has fields
            if field.init
        }
    return None


def _bare(annotation: Any) -> Any:
    """Strip ``Required`` and ``NotRequired`` of a TypedDict's fields."""
    origin = get_origin(annotation)
    if origin is not None and str(origin).rpartition(".")[2] in ("Required", "NotRequired"):
        return get_args(annotation)[0]
    return annotation


_KINDS = (
    _scalar,
    _annotated,
    _literal,
    _union,
    _sequence,
    _mapping,
    _enumeration,
    _record,
)
