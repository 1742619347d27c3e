"""Golden frames, bent in one place or several: decoder and frame reader hold their rules.

In the tox environment ``fuzz`` the same with two hundred times as many examples.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from rawserver import frame

from livesdk import DecodeError, codec
from livesdk.transport._frames import FrameReader, Message, Violation, lasting
from livesdk.types.messages import LiveServerMessage
from livesdk.types.music import LiveMusicServerMessage

pytestmark = pytest.mark.long

AT_LENGTH = pytest.mark.parametrize(
    "length", ["short", pytest.param("long", marks=pytest.mark.requires("fuzz"))]
)
COUNTED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])

WIRE = Path(__file__).parent.parent / "wire" / "golden"
GOLDEN = [
    (case["frame"], cls)
    for name, cls in (("server", LiveServerMessage), ("music_server", LiveMusicServerMessage))
    for case in json.loads((WIRE / f"{name}.json").read_text("utf-8"))
]

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.just("AAAA")
)
KEYS = st.sampled_from(
    ["serverContent", "modelTurn", "parts", "text", "inlineData", "data", "mimeType", "args", "?"]
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


def places(value, path=()):
    """Yield the way to every value in a frame."""
    yield path
    if isinstance(value, (dict, list)):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(item, (*path, key))


@st.composite
def bent(draw):
    """A golden frame in which something else stands in up to three places."""
    found, cls = draw(st.sampled_from(GOLDEN))
    found = copy.deepcopy(found)
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(list(places(found))))
        if not path:
            continue
        parent = found
        for step in path[:-1]:
            parent = parent[step]
        if draw(st.booleans()):
            parent[path[-1]] = draw(JSON)
        elif isinstance(parent, dict):
            parent[draw(KEYS)] = parent.pop(path[-1])
        else:
            parent.extend(copy.deepcopy(parent))
    return found, cls


def outcome(function, *arguments):
    """Return what a program sees of a message, or of the error."""
    try:
        message = function(*arguments)
    except DecodeError as error:
        return "error", str(error), error.path
    seen = {
        name: repr(getattr(message, name))
        for name in dir(type(message))
        if not name.startswith("_")
    }
    return {name: text for name, text in seen.items() if " at 0x" not in text}


@AT_LENGTH
@COUNTED
@given(bent(), st.sampled_from([None, 2]), st.booleans())
def test_a_bent_frame_is_a_message_or_a_decode_error(tally, length, made, indent, big):
    found, cls = made
    wire = json.dumps(found, indent=indent)
    if big:  # frames of audio take a shorter way through the decoder
        wire = wire.replace('"AAEC"', f'"{"A" * 1000}"')
    tally("inputs tried")
    plainly = outcome(codec._decode_plainly, wire, cls)
    assert outcome(codec.decode, wire, cls) == plainly
    assert outcome(codec.decode, wire.encode(), cls) == plainly


@AT_LENGTH
@COUNTED
@given(st.sampled_from(GOLDEN), st.lists(st.tuples(st.integers(0, 2000), st.binary(max_size=3))))
def test_broken_bytes_are_a_message_or_a_decode_error(tally, length, golden, spliced):
    found, cls = golden
    wire = bytearray(json.dumps(found).encode())
    for at, piece in spliced:
        wire[at : at + len(piece)] = piece
    tally("inputs tried")
    assert outcome(codec.decode, bytes(wire), cls) == outcome(
        codec._decode_plainly, bytes(wire), cls
    )


@st.composite
def streams(draw):
    """Frames, right and wrong, and now and then a byte that is another."""
    stream = bytearray()
    for _ in range(draw(st.integers(1, 6))):
        opcode = draw(st.sampled_from([0, 0, 1, 1, 2, 2, 8, 9, 10, 3]))
        payload = draw(st.one_of(st.binary(max_size=130), st.text(max_size=40).map(str.encode)))
        if opcode == 8 and draw(st.booleans()):
            payload = draw(st.sampled_from([1000, 1005, 1011, 4000])).to_bytes(2, "big") + payload
        stream += frame(opcode, payload, fin=draw(st.booleans() | st.just(True)))
    for _ in range(draw(st.integers(0, 2))):
        stream[draw(st.integers(0, len(stream) - 1))] = draw(st.integers(0, 255))
    return bytes(stream)


def events(pieces, *, room=0, more=False, limit=200):
    """Return what comes of them; with ``room``, they are read into memory of so many bytes.

    With ``more``, as many at a time as the reader gives.
    """
    reader, found = FrameReader(limit), []
    try:
        for piece in pieces:
            for _ in given_to(reader, piece, room):
                while (event := reader.next()) is not None:
                    found.append(lasting(event.payload) if isinstance(event, Message) else event)
                    found += map(lasting, reader.more() if more else ())
    except Violation as violation:
        found.append(violation.code)
    return found


def given_to(reader, piece, room):
    if not room:
        yield reader.feed(piece)
    while room and piece:
        there = reader.room(room)
        size = min(len(piece), len(there))
        there[:size] = piece[:size]
        yield reader.filled(size)
        piece = piece[size:]


@AT_LENGTH
@COUNTED
@given(streams(), st.lists(st.integers(0, 800), max_size=8), st.integers(140, 500))
def test_how_a_stream_is_cut_changes_nothing(tally, length, stream, cuts, room):
    tally("inputs tried")
    bounds = sorted({0, len(stream), *(at for at in cuts if at < len(stream))})
    whole = events([stream])
    assert events([stream], more=True) == whole
    assert events((stream[a:b] for a, b in zip(bounds, bounds[1:])), room=room, more=True) == whole
    assert events(stream[a:b] for a, b in zip(bounds, bounds[1:])) == whole
    assert events(stream[at : at + 1] for at in range(len(stream))) == whole
    assert all(len(one) <= 200 for one in whole if isinstance(one, (str, bytes)))


@AT_LENGTH
@COUNTED
@given(
    st.lists(st.integers(0, 12_000), max_size=12),
    st.lists(st.integers(1, 20_000), min_size=1, max_size=8),
    st.sampled_from([8_192, 16_384, 65_536]),
)
def test_large_messages_come_whole_out_of_memory_that_is_used_again(
    tally, length, sizes, reads, room
):
    tally("inputs tried")
    payloads = [bytes([number]) * size for number, size in enumerate(sizes)]
    stream = b"".join(frame(2, payload) for payload in payloads)
    pieces, at = [], 0
    while at < len(stream):
        size = reads[len(pieces) % len(reads)]
        pieces.append(stream[at : at + size])
        at += size
    for more in (False, True):
        assert events(pieces, room=room, more=more, limit=1 << 20) == payloads
