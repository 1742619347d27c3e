"""Every name of the wire against ``names.json``: nothing is missing, misspelt, or of another kind.

That table was written from the protocol's description (§3 to §12) and not from the classes.  It
says of each message its JSON names, by kind: a scalar, an enum, another message, ``[…]`` for a list
and ``{…}`` for a map of them; ``object`` and ``any`` are the user's own data.
"""

from __future__ import annotations

import contextlib
import json
import re
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

import attrs
import pytest

from livesdk import codec, types
from livesdk.codec._inbound import structure_hook
from livesdk.codec._shapes import Mismatch
from livesdk.errors import DecodeError
from livesdk.types import OpenEnum
from livesdk.types._base import Model, is_sparse

TABLE = json.loads((Path(__file__).parent / "names.json").read_text("utf-8"))
MESSAGES: dict[str, dict[str, list[str]]] = {
    name: kinds for group in TABLE["messages"].values() for name, kinds in group.items()
}
WITH_FIELDS = MESSAGES.keys() | TABLE["not on the wire"].keys()
ENUMS: dict[str, list[str]] = TABLE["enums"]
FIELDS = [
    (message, name, kind)
    for message, kinds in MESSAGES.items()
    for kind, names in kinds.items()
    for name in names
]


def attribute_of(message: str, name: str) -> str:
    renamed = TABLE["attributes of another name"].get(message, {})
    return renamed.get(name) or re.sub("[A-Z]", lambda found: "_" + found[0].lower(), name)


class Probe(NamedTuple):
    """A value of one kind: as a program gives it, in JSON, as it is read, and what is none."""

    given: Any
    wire: Any
    read: Any
    none_of_them: list[Any]


SCALARS = {
    "string": Probe("x", "x", "x", [5]),
    "bool": Probe(True, True, True, [5]),
    "int": Probe(7, 7, 7, [1.5, "x"]),
    "float": Probe(1.5, 1.5, 1.5, ["x"]),
    "bytes": Probe(b"\0\1", "AAE=", b"\0\1", ["?", 5]),
    "time": Probe(
        datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc),
        "2026-01-02T03:04:05Z",
        "2026-01-02T03:04:05Z",
        [5],
    ),
    "object": Probe({"a_b": {"cD": 1}}, {"a_b": {"cD": 1}}, {"a_b": {"cD": 1}}, ["x"]),
    "any": Probe([{"a_b": 1}], [{"a_b": 1}], [{"a_b": 1}], []),
}


def probe(kind: str) -> Probe:
    if kind in SCALARS:
        return SCALARS[kind]
    if kind[0] in "[{":
        item = probe(kind[1:-1])
        wrap = (lambda value: [value]) if kind[0] == "[" else (lambda value: {"a_b": value})
        wrong = [*map(wrap, item.none_of_them), "x"]
        return Probe(wrap(item.given), wrap(item.wire), wrap(item.read), wrong)
    if kind in ENUMS:
        value = ENUMS[kind][-1]
        return Probe(value, value, getattr(types, kind)(value), [5])
    made = getattr(types, kind)()
    return Probe(made, {}, made, ["x", []])


def read(message: str, wire: Any) -> Any:
    cls = getattr(types, message)
    if is_sparse(cls):
        return codec.decode(json.dumps(wire).encode(), cls)
    return structure_hook(cls)(wire)  # what a client says is read by an emulator, within a frame


def written(made: Model) -> Any:
    return json.loads(codec.encode(made))


def test_every_field_is_read_under_its_json_name():
    wrong = []
    for message, name, kind in FIELDS:
        made, expected = read(message, {name: probe(kind).wire}), probe(kind).read
        found = getattr(made, attribute_of(message, name), None)
        if (found, type(found), made.extra) != (expected, type(expected), None):
            wrong.append(f"{message}.{name}: {found!r}, expected {expected!r}")
    assert wrong == []


def test_every_field_is_written_under_its_json_name():
    wrong = []
    for message, name, kind in FIELDS:
        value, attribute = probe(kind), attribute_of(message, name)
        found = written(getattr(types, message)(**{attribute: value.given}))
        if found != {name: value.wire}:
            wrong.append(f"{message}.{attribute}: {found}")
    assert wrong == []


@pytest.mark.parametrize("spelling", ["snake_case", "camelCase"])
def test_a_program_may_give_every_field_in_a_dict(spelling):
    wrong = []
    for message, name, kind in FIELDS:
        key = name if spelling == "camelCase" else attribute_of(message, name)
        found = written(codec.check({key: probe(kind).given}, getattr(types, message)))
        if found != {name: probe(kind).wire}:
            wrong.append(f"{message}.{key}: {found}")
    assert wrong == []


def test_no_field_takes_a_value_of_another_kind():
    taken = []
    for message, name, kind in FIELDS:
        for value in probe(kind).none_of_them:
            with contextlib.suppress(DecodeError, Mismatch):
                taken.append(f"{message}.{name}: {read(message, {name: value})}")
    assert taken == []


def test_a_field_is_read_under_its_second_name_too():
    for message, names in TABLE["second names"].items():
        for second, first in names.items():
            [kind] = [kind for kind, names in MESSAGES[message].items() if first in names]
            made = read(message, {second: probe(kind).wire})
            assert getattr(made, attribute_of(message, first)) == probe(kind).read


def test_no_message_has_a_field_that_the_table_lacks():
    listed = {message: set(TABLE["not on the wire"].get(message, ())) for message in WITH_FIELDS}
    for message, name, _ in FIELDS:
        listed[message].add(attribute_of(message, name))
    found = {
        message: {field.name for field in attrs.fields(getattr(types, message))} - {"extra", "raw"}
        for message in WITH_FIELDS
    }
    assert found == listed


def test_the_enums_have_the_values_of_the_table_and_no_other():
    enums = {name: getattr(types, name) for name in ENUMS}
    assert {name: [member.value for member in enum] for name, enum in enums.items()} == ENUMS
    for enum in enums.values():
        assert issubclass(enum, OpenEnum)
        assert list(enum.__members__) == [member.value.upper() for member in enum]


def test_there_is_no_class_that_the_table_lacks():
    listed = {*WITH_FIELDS, *ENUMS, *TABLE["older names"], *TABLE["no names of the wire"]}
    assert set(types.__all__) == listed


def test_an_older_name_is_the_class_of_today():
    for older, name in TABLE["older names"].items():
        assert getattr(types, older) is getattr(types, name)
