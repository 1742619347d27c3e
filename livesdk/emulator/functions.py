"""Which declared functions a text names, and plausible arguments of their types.  Pure.

Schemas may be the API's own (types in capitals) or JSON Schema.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

__all__ = ["declarations", "in_words", "make_args", "named_in"]

_PLAIN_WORDS = frozenset(
    [
        "a",
        "add",
        "an",
        "and",
        "ask",
        "at",
        "by",
        "call",
        "check",
        "create",
        "current",
        "data",
        "delete",
        "do",
        "fetch",
        "find",
        "for",
        "from",
        "function",
        "get",
        "give",
        "go",
        "info",
        "is",
        "list",
        "load",
        "look",
        "lookup",
        "make",
        "new",
        "of",
        "on",
        "or",
        "put",
        "query",
        "read",
        "run",
        "save",
        "search",
        "send",
        "set",
        "show",
        "start",
        "stop",
        "tell",
        "the",
        "to",
        "tool",
        "turn",
        "update",
        "use",
        "user",
        "value",
        "with",
    ]
)
_DEPTH = 6
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_QUOTED = re.compile(r"[\"'“‘]([^\"'”’]+)[\"'”’]")
_AFTER_PREPOSITION = re.compile(
    r"\b(?:in|for|of|at|to|about|called|named)\s+((?:[A-Z][\w-]*\s?)+|[\w-]+)"
)
_CAPITALISED = re.compile(r"(?<!^)(?<![.!?] )\b[A-Z][\w-]*(?: [A-Z][\w-]*)*")
_NO = re.compile(r"\b(?:off|no|not|false|disable|without)\b", re.IGNORECASE)

Schema = Mapping[str, Any]


def declarations(tools: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the declared functions of a setup's ``tools``, by name."""
    return {
        function["name"]: function
        for tool in tools
        for function in tool.get("functionDeclarations", [])
        if "name" in function
    }


def named_in(text: str, names: Sequence[str]) -> list[str]:
    """Return the functions that a text names, in the order of the text.

    Whole names count first ("call get_weather", "get weather"); without one, any word of a name
    that says something ("What is the weather like?" for ``get_weather``).
    """
    spoken = " ".join(_words(text))
    whole = [name for name in names if f" {' '.join(_words(name))} " in f" {spoken} "]
    found = whole or [name for name in names if _telling_word(name, spoken)]
    return sorted(found, key=lambda name: _place(name, spoken))


def _words(text: str) -> list[str]:
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text)
    return re.findall(r"[^\W_]+", apart.lower())


def _telling_word(name: str, spoken: str) -> str | None:
    heard = set(spoken.split())
    for word in _words(name):
        if len(word) > 2 and word not in _PLAIN_WORDS and heard & {word, word + "s", word + "es"}:
            return word
    return None


def _place(name: str, spoken: str) -> int:
    place = spoken.find(" ".join(_words(name)))
    return place if place >= 0 else spoken.find(_telling_word(name, spoken) or name)


def make_args(function: Mapping[str, Any], text: str) -> list[dict[str, Any]]:
    """Return the arguments of one call, or of several where the text names several values.

    "the weather in Paris and London" gives two calls if the function takes one string to fill.
    """
    schema = function.get("parameters") or function.get("parametersJsonSchema") or {}
    values = _values(text, function.get("name", ""))
    required = _filled(schema)
    places = [name for name in required if _is_free_text(_resolve(required[name], schema))]
    if len(places) == 1 and len(values.several) > 1:
        return [
            {**_object(schema, schema, _Values(text, [value]), 0), places[0]: value}
            for value in values.several
        ]
    return [_object(schema, schema, values, 0)]


class _Values:
    """Values that a text offers, handed out in order."""

    def __init__(self, text: str, several: list[str]) -> None:
        self.text = text
        self.several = several
        self._texts = iter(several)
        self._numbers: Iterator[str] = iter(_NUMBER.findall(text))

    def next_text(self) -> str | None:
        return next(self._texts, None)

    def next_number(self) -> float | None:
        number = next(self._numbers, None)
        return None if number is None else float(number)


def _values(text: str, name: str) -> _Values:
    quoted = _QUOTED.findall(text)
    if quoted:
        return _Values(text, quoted)
    own = set(_words(name))
    found: list[str] = []
    for phrase in _AFTER_PREPOSITION.findall(text) + _CAPITALISED.findall(text):
        value = phrase.strip()
        if value and value.lower() not in own and value not in ("I", "the", "a", "me"):
            found.append(value)
    return _Values(text, list(dict.fromkeys(found)))


def _filled(schema: Schema) -> dict[str, Schema]:
    """The properties that get a value: the required ones, or all where none is marked."""
    properties: dict[str, Schema] = schema.get("properties", {})
    required = schema.get("required") or list(properties)
    return {name: properties.get(name, {}) for name in required}


def _resolve(schema: Schema, root: Schema) -> Schema:
    """Follow a ``$ref`` and take the first branch of a choice that is not null."""
    for _ in range(_DEPTH):
        if "$ref" in schema:
            target: Any = root
            for key in str(schema["$ref"]).lstrip("#/").split("/"):
                target = target.get(key, {}) if isinstance(target, dict) else {}
            schema = target
        else:
            choices = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
            branches = [c for c in choices or [] if _type(c) != "null"]
            if not branches:
                break
            schema = branches[0]
    return schema


def _type(schema: Schema) -> str:
    kind = schema.get("type", "")
    if isinstance(kind, list):
        kind = next((item for item in kind if item != "null"), "null")
    if not kind and "properties" in schema:
        return "object"
    return str(kind).lower() or "string"


def _is_free_text(schema: Schema) -> bool:
    return _type(schema) == "string" and "enum" not in schema and "format" not in schema


def _object(schema: Schema, root: Schema, values: _Values, depth: int) -> dict[str, Any]:
    return {
        name: _value(name, _resolve(inner, root), root, values, depth + 1)
        for name, inner in _filled(schema).items()
    }


def _value(name: str, schema: Schema, root: Schema, values: _Values, depth: int) -> Any:
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return _member(schema["enum"], values.text)
    kind = _type(schema)
    if kind in ("integer", "number"):
        return _number(schema, values, whole=kind == "integer")
    if kind == "boolean":
        return _NO.search(values.text) is None
    if kind == "null" or depth > _DEPTH:
        return None
    if kind == "array":
        items = _resolve(schema.get("items", {}), root)
        count = max(1, int(schema.get("minItems", 1)))
        return [_value(name, items, root, values, depth + 1) for _ in range(count)]
    if kind == "object":
        return _object(schema, root, values, depth)
    return _text(name, schema, values)


def _member(members: Sequence[Any], text: str) -> Any:
    for member in members:
        if re.search(rf"\b{re.escape(str(member))}\b", text, re.IGNORECASE):
            return member
    return members[0]


def _number(schema: Schema, values: _Values, *, whole: bool) -> float:
    low, high = schema.get("minimum"), schema.get("maximum")
    number = values.next_number()
    if number is None:
        number = float(low if low is not None else min(1.0, float(high or 1.0)))
    if low is not None:
        number = max(number, float(low))
    if high is not None:
        number = min(number, float(high))
    return int(number) if whole else number


_EXAMPLES: tuple[tuple[str, str], ...] = (
    ("city", "Paris"),
    ("location", "Paris"),
    ("place", "Paris"),
    ("country", "France"),
    ("date", "2026-01-31"),
    ("time", "12:00"),
    ("email", "ada@example.com"),
    ("url", "https://example.com/"),
    ("name", "Ada"),
    ("color", "blue"),
    ("colour", "blue"),
    ("unit", "celsius"),
    ("language", "en"),
    ("id", "1"),
)
_FORMATS = {
    "date-time": "2026-01-31T12:00:00Z",
    "date": "2026-01-31",
    "time": "12:00:00Z",
    "email": "ada@example.com",
    "uri": "https://example.com/",
    "uuid": "0" * 8 + "-0000-4000-8000-" + "0" * 12,
}


def _text(name: str, schema: Schema, values: _Values) -> str:
    if schema.get("format") in _FORMATS:
        return _FORMATS[schema["format"]]
    offered = values.next_text()
    if offered is not None:
        return offered
    words = _words(name)
    for word, example in _EXAMPLES:
        if word in words:
            return example
    return values.text.strip() or "example"


def in_words(result: Any) -> str:
    """Put a response into words: ``{"temp": 21, "sky": "clear"}`` → "temp 21, sky clear"."""
    if isinstance(result, dict):
        if len(result) == 1 and next(iter(result)) in ("output", "result", "error"):
            return in_words(next(iter(result.values())))
        return ", ".join(f"{key} {in_words(value)}" for key, value in result.items()) or "nothing"
    if isinstance(result, list):
        return ", ".join(in_words(item) for item in result) or "nothing"
    if result is None:
        return "nothing"
    if isinstance(result, bool):
        return "yes" if result else "no"
    return str(result)
