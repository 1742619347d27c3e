"""JSON that no server of ours sends: every field of every message given every kind of value.

The fields are read from the attrs classes, so that a new one is tried without a word here.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from typing import Any, get_args, get_origin

import attrs

from livesdk.codec._shapes import json_names, type_of
from livesdk.types.messages import LiveServerMessage

VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 7, 2**63, -(2**63) - 1, 10**400, 0.0, 1.5, -1e308),
    *(
        "",
        "x",
        "true",
        "5",
        "-9999999999999999999",
        "1e999",
        "NaN",
        "ñ☎\0",
        "a" * 1000,
        "AAAA",
        "AA=A",
    ),
    *([], [None], [[]], [{}], ["x"], [0], [True], [[[{}]]]),
    *({}, {"": {}}, {"x": None}, {"x": {"y": [1]}}, {"data": "?"}, {"text": 5}, {"parts": {}}),
)
"""One of each kind and some at the edges; JSON can carry them all."""

RAW_VALUES = (
    *("NaN", "Infinity", "-Infinity", "1e999", "-0", "1" * 300, '"\\ud800"', '"\\u0000"'),
    *('{"a":1,"a":[2]}', '{"text":"a","text":"b"}', '"\\udfff\\ud800"', "[NaN]", '{"\\ud800":1}'),
)
"""Values that are written as they stand: what Python's parser takes beyond JSON, among them."""


def _steps(cls: type, name: str, key: str) -> tuple[tuple[str, ...], type | None]:
    """Return the way from an object of ``cls`` to the class behind a field, and that class."""
    kind = type_of(cls, name)
    if get_origin(kind) is list:
        item = get_args(kind)[0]
        return (key, "[]"), item if attrs.has(item) else None
    if get_origin(kind) is dict and get_args(kind)[1] is not Any:
        item = get_args(kind)[1]
        return (key, "{}"), item if attrs.has(item) else None
    return (key,), kind if isinstance(kind, type) and attrs.has(kind) else None


def ways(root: type) -> dict[type, tuple[str, ...]]:
    """Return each class that a message can hold, with the shortest way to it."""
    found: dict[type, tuple[str, ...]] = {root: ()}
    waiting = deque([root])
    while waiting:
        cls = waiting.popleft()
        for name, key in json_names(cls).items():
            steps, inner = _steps(cls, name, key)
            if inner is not None and inner not in found:
                found[inner] = (*found[cls], *steps)
                waiting.append(inner)
    return found


def fields(root: type) -> Iterator[tuple[str, ...]]:
    """Yield the way to every field of every class that a message can hold."""
    for cls, way in ways(root).items():
        for key in json_names(cls).values():
            yield (*way, key)


def wrapped(way: tuple[str, ...], value: str) -> str:
    """Return the frame in which ``value``, as JSON, stands at the end of the way."""
    for step in reversed(way):
        if step == "[]":
            value = f"[{value}]"
        elif step == "{}":
            value = f'{{"any":{value}}}'
        else:
            value = f"{{{json.dumps(step)}:{value}}}"
    return value


def frames(root: type = LiveServerMessage) -> Iterator[str]:
    """Yield every frame: each field with each value."""
    written = [json.dumps(value) for value in VALUES] + list(RAW_VALUES)
    for way in fields(root):
        for value in written:
            yield wrapped(way, value)


MALFORMED: tuple[bytes, ...] = (
    *(b"", b" ", b"\0", b"{", b"}", b"{}{}", b"{} x", b"[", b"]", b"{]", b'{"a"}', b'{"a":}'),
    *(b'{"a":1,}', b"{'a':1}", b"{a:1}", b'{"a":1', b'{"a":"', b'{"a":"\\', b'{"a":"\\u12"}'),
    *(
        b'{"a":"\n"}',
        b"nul",
        b"tru",
        b"+1",
        b"01",
        b".5",
        b"1.",
        b"--1",
        b"0x1",
        b"1e",
        b"\xef\xbb\xbf{}",
    ),
    *(b"// no\n{}", b"{}\0", b'{"a":\x00}', b"undefined", b'{"a":1 "b":2}', b"<html></html>"),
    *(b'{"n":' + b"9" * 5000 + b"}", b'{"n":-' + b"9" * 100_000 + b"}"),
    *(b"[]", b"1", b'"text"', b"true", b"NaN", b"[{}]", b"-1.5e300"),
)
"""What is no JSON, or no object; ``DecodeError`` each, in text and in binary frames."""

NOT_UTF8: tuple[bytes, ...] = (
    *(b"\xff", b"{\xc0\xaf}", b'{"a":"\xed\xa0\x80"}', b'{"a":"\xf4\x90\x80\x80"}', b"\x80{}"),
    *(b"\xfe\xff\0{\0}", b"\xff\xfe{\0}\0", b'{"a":"\xe2\x98"}', b"\x1f\x8b\x08\0\0"),
)
"""What is not UTF-8: 1007 in a text frame, a ``DecodeError`` in a binary one."""


def nests(depth: int) -> Iterator[bytes]:
    """Yield deep nests: in the unknown, and in each place where values are anybody's."""
    for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
        nest = opening * depth + b"1" + closing * depth
        yield nest
        yield opening * depth
        yield b'{"unknown":' + nest + b"}"
        yield b'{"error":' + nest + b"}"
        yield b'{"serverContent":{"modelTurn":{"parts":[{"unknown":' + nest + b"}]}}}"
        yield b'{"serverContent":{"modelTurn":{"parts":' + nest + b"}}}"
        yield b'{"toolCall":{"functionCalls":[{"id":"1","name":"f","args":{"x":' + nest + b"}}]}}"
        blob = b'{"mimeType":"audio/pcm","data":"' + b"A" * 1000 + b'"}'
        yield (
            b'{"serverContent":{"modelTurn":{"parts":[{"inlineData":'
            + blob
            + b'}]}},"x":'
            + nest
            + b"}"
        )
