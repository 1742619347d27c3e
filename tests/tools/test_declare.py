"""A function's signature, annotations and docstring become what the model sees."""

from __future__ import annotations

import enum
import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Optional, TypedDict, Union

import attrs
import pytest

from livesdk.errors import ConfigError
from livesdk.tools import ToolContext, function_tool, tool
from livesdk.tools.annotations import Misfit


class Unit(enum.Enum):
    CELSIUS = "c"
    FAHRENHEIT = "f"


@dataclass
class Place:
    city: str
    country: str = "DE"
    tags: list[str] = field(default_factory=list)


@attrs.define
class Window:
    open: bool
    share: float = 0.5


class Query(TypedDict, total=False):
    words: str


class Context:
    call_id = "c1"
    name = "f"
    cancelled = None
    session = None


def schema(function: Any) -> Any:
    return function_tool(function).declaration.parameters_json_schema


def call(function: Any, **args: Any) -> Any:
    return function_tool(function).bind(args, Context())()


def test_a_plain_function_is_declared_with_its_name_docstring_and_types():
    def get_weather(location: str, days: int = 1, exact: bool = False) -> dict:
        """Get the weather.

        For a few days.

        Args:
            location: A city,
                or a region.
            days: How many.
        """
        return {}

    declaration = function_tool(get_weather).declaration
    assert declaration.name == "get_weather"
    assert declaration.description == "Get the weather.\n\nFor a few days."
    assert declaration.behavior is None
    assert declaration.parameters_json_schema == {
        "type": "object",
        "properties": {
            "location": {"type": "string", "description": "A city, or a region."},
            "days": {"type": "integer", "description": "How many.", "default": 1},
            "exact": {"type": "boolean", "default": False},
        },
        "required": ["location"],
    }


@pytest.mark.parametrize(
    "text",
    [
        "Do it.\n\nArgs:\n    x: The x.\n",
        "Do it.\n\nParameters\n----------\nx : int\n    The x.\n",
        "Do it.\n\n:param x: The x.\n",
    ],
    ids=["google", "numpy", "rest"],
)
def test_docstrings_of_three_styles_describe_parameters(text):
    def do(x: int) -> None: ...

    do.__doc__ = text
    assert schema(do)["properties"]["x"]["description"] == "The x."
    assert function_tool(do).declaration.description == "Do it."


def test_a_function_without_parameters_or_docstring():
    def stop() -> None: ...

    declaration = function_tool(stop).declaration
    assert (declaration.description, declaration.parameters_json_schema) == (None, None)


@pytest.mark.parametrize(
    ("annotation", "expected", "json", "value"),
    [
        (str, {"type": "string"}, "a", "a"),
        (float, {"type": "number"}, 1, 1.0),
        (int, {"type": "integer"}, 2.0, 2),
        (Any, {}, {"x": [1]}, {"x": [1]}),
        (list[int], {"type": "array", "items": {"type": "integer"}}, [1, 2], [1, 2]),
        (list, {"type": "array", "items": {}}, ["a"], ["a"]),
        (Sequence[str], {"type": "array", "items": {"type": "string"}}, ["a"], ["a"]),
        (tuple[int, ...], {"type": "array", "items": {"type": "integer"}}, [1], (1,)),
        (dict, {"type": "object"}, {"a": 1}, {"a": 1}),
        (
            dict[str, bool],
            {"type": "object", "additionalProperties": {"type": "boolean"}},
            {"a": True},
            {"a": True},
        ),
        (Literal["a", "b"], {"type": "string", "enum": ["a", "b"]}, "b", "b"),
        (Literal[1, 2], {"type": "integer", "enum": [1, 2]}, 2, 2),
        (Unit, {"type": "string", "enum": ["c", "f"]}, "f", Unit.FAHRENHEIT),
        (
            Optional[int],
            {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            None,
            None,
        ),
        (
            Union[int, str],
            {"anyOf": [{"type": "integer"}, {"type": "string"}]},
            "x",
            "x",
        ),
        (Annotated[int, "how many"], {"type": "integer", "description": "how many"}, 3, 3),
        (
            Place,
            {
                "type": "object",
                "properties": {
                    "city": {"type": "string"},
                    "country": {"type": "string"},
                    "tags": {"type": "array", "items": {"type": "string"}},
                },
                "required": ["city"],
            },
            {"city": "Ulm"},
            Place("Ulm"),
        ),
        (
            Window,
            {
                "type": "object",
                "properties": {"open": {"type": "boolean"}, "share": {"type": "number"}},
                "required": ["open"],
            },
            {"open": True, "share": 1},
            Window(True, 1.0),
        ),
        (
            Query,
            {"type": "object", "properties": {"words": {"type": "string"}}},
            {"words": "w"},
            {"words": "w"},
        ),
    ],
    ids=str,
)
def test_annotations_give_a_schema_and_convert(annotation, expected, json, value):
    def f(x): ...

    f.__annotations__ = {"x": annotation}
    assert schema(f)["properties"]["x"] == expected

    def g(x):
        return x

    g.__annotations__ = {"x": annotation}
    converted = call(g, x=json)
    assert converted == value
    assert type(converted) is type(value)


@pytest.mark.parametrize(
    ("annotation", "json", "words"),
    [
        (int, "5", "x: expected an integer, got '5'"),
        (int, True, "x: expected an integer"),
        (float, "1", "x: expected a number"),
        (bool, 1, "x: expected true or false"),
        (str, 5, "x: expected a string, got 5"),
        (list[int], [1, "b"], r"x\[1\]: expected an integer"),
        (dict[str, int], {"a": "b"}, "x.a: expected an integer"),
        (Literal["a"], "z", "x: expected one of 'a'"),
        (Unit, ["c"], "x: expected one of"),
        (Place, {"town": "Ulm"}, "x: missing city"),
        (Place, {"city": "Ulm", "zip": 1}, "x: there is no zip"),
        (Place, "Ulm", "x: expected an object"),
        (Optional[int], "a", "x: expected an integer"),
    ],
    ids=str,
)
def test_arguments_that_do_not_fit_say_why(annotation, json, words):
    def f(x): ...

    f.__annotations__ = {"x": annotation}
    with pytest.raises(Misfit, match=words):
        call(f, x=json)


def test_missing_and_unknown_arguments_say_why():
    def f(x: int, y: int = 0) -> None: ...

    with pytest.raises(Misfit, match="missing x"):
        call(f)
    with pytest.raises(Misfit, match="there is no z"):
        call(f, x=1, z=1)


class Recursive:
    __dataclass_fields__: dict[str, Any]


@dataclass
class Node:
    child: Optional[Node] = None


async def coroutine(x: int) -> None: ...


def no_annotation(x): ...


def stars(*x: int) -> None: ...


def double_stars(**x: int) -> None: ...


def octets(x: bytes) -> None: ...


def int_keys(x: dict[int, str]) -> None: ...


def mixed(x: Literal[1, "a"]) -> None: ...


def recursive(x: Node) -> None: ...


def unknown_name(x: NoSuchType) -> None: ...  # noqa: F821


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (coroutine, "would never run"),
        (no_annotation, "annotate the parameter 'x'"),
        (stars, r"\*x cannot be declared"),
        (double_stars, r"\*x cannot be declared"),
        (octets, "x: cannot declare bytes"),
        (int_keys, "keys of an object are strings"),
        (mixed, "choices must all be"),
        (recursive, "contains itself"),
        (unknown_name, "cannot be read"),
        (lambda x=1: None, "a name starts with a letter"),
    ],
)
def test_what_cannot_be_declared_is_refused_before_connecting(function, words):
    with pytest.raises(ConfigError, match=words):
        function_tool(function)


def test_a_context_is_handed_in_and_not_declared():
    def f(x: int, context: ToolContext) -> Any:
        return context.call_id

    def g(x: int, context: Optional[ToolContext] = None) -> Any:
        return context.call_id

    assert set(schema(f)["properties"]) == {"x"}
    assert call(f, x=1) == call(g, x=1) == "c1"


def test_methods_partials_and_callable_objects():
    class Robot:
        def move(self, metres: float) -> float:
            """Move."""
            return metres * 2

        def __call__(self, word: str) -> str:
            """Say."""
            return word.upper()

    def add(a: int, b: int) -> int:
        return a + b

    assert call(Robot().move, metres=2) == 4.0
    assert function_tool(Robot()).name == "Robot"
    assert function_tool(Robot()).declaration.description == "Say."
    assert call(Robot(), word="hi") == "HI"
    partial = functools.partial(add, b=1)
    assert function_tool(partial).name == "add"
    assert schema(partial)["required"] == ["a"]
    assert call(partial, a=2) == 3


def test_positional_only_parameters_are_passed_by_position():
    def f(a: int, b: int = 5, /, c: int = 7) -> tuple:
        return a, b, c

    assert call(f, a=1, c=2) == (1, 5, 2)


def test_the_decorator_leaves_the_function_and_sets_options():
    @tool(name="look_up", behavior="non_blocking", scheduling="SILENT", timeout=2, description="D")
    def search(query: str) -> str:
        return query

    assert search("x") == "x"
    made = function_tool(search)
    assert (made.name, made.declaration.behavior, made.declaration.description) == (
        "look_up",
        "NON_BLOCKING",
        "D",
    )
    assert (made.options.scheduling, made.options.timeout) == ("SILENT", 2)

    @tool
    def plain(query: str) -> str:
        return query

    assert function_tool(plain).options.timeout == 60.0


@pytest.mark.parametrize(
    "options", [{"nam": "x"}, {"timeout": 0}, {"timeout": "1"}, {"behavior": "SOMETIMES"}]
)
def test_wrong_options_are_refused(options):
    with pytest.raises(ConfigError):
        tool(**options)(lambda: None)
