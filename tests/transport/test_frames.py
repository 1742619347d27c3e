"""Frames out and in, without a socket."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
import tracemalloc

import pytest
from hypothesis import given, strategies as st
from rawserver import BINARY, CLOSE, CONT, PING, PONG, TEXT, close_frame, frame
from waiting import Caught

from livesdk.transport._frames import (
    CloseFrame,
    Event,
    FrameReader,
    Message,
    Ping,
    Pong,
    Violation,
    client_frame,
)
from livesdk.transport._mask import Keys

LIMIT = 1 << 20


def events(*pieces: bytes, limit: int = LIMIT) -> list[object]:
    """Feed piece by piece; messages are shown as their payload."""
    reader, found = FrameReader(limit), []
    for piece in pieces:
        reader.feed(piece)
        while (event := reader.next()) is not None:
            found.append(shown(event))
    return found


def shown(event: Event) -> object:
    return event.payload if isinstance(event, Message) else event


def single(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


def violation(data: bytes, *, limit: int = LIMIT) -> int:
    """Return the code, the same whether the bytes come at once or one by one."""
    codes = []
    for pieces in ([data], single(data)):
        with pytest.raises(Violation) as caught:
            events(*pieces, limit=limit)
        codes.append(caught.value.code)
    assert codes[0] == codes[1]
    return codes[0]


# Out ---------------------------------------------------------------------------------------------

SIZES = [0, 1, 2, 3, 4, 5, 124, 125, 126, 127, 128, 4095, 32767, 32768, 32769, 32771]
SIZES += [65534, 65535, 65536, 65537, 1_000_003]


def unmasked(data: bytes) -> tuple[int, bytes]:
    size, start = data[1] & 0x7F, 2
    assert data[1] & 0x80
    if size == 126:
        size, start = int.from_bytes(data[2:4], "big"), 4
        assert size > 125
    elif size == 127:
        size, start = int.from_bytes(data[2:10], "big"), 10
        assert size > 65535
    key, masked = data[start : start + 4], data[start + 4 :]
    assert len(masked) == size
    return data[0], bytes(byte ^ key[at % 4] for at, byte in enumerate(masked))


@pytest.mark.parametrize("size", SIZES)
def test_a_frame_is_masked_whatever_its_size(size):
    payload = os.urandom(size)
    assert unmasked(client_frame(TEXT, payload, b"\x00\x81\xfe\x7f")) == (0x81, payload)


def test_keys_differ_whichever_thread_asks():
    keys, found = Keys(), []
    tasks = [Caught(lambda: found.extend(keys.next() for _ in range(1000))) for _ in range(4)]
    for task in tasks:
        task.result()
    assert {len(key) for key in found} == {4}
    assert len(set(found)) > 3990  # two of four thousand may be the same by chance


MASKS = """
import sys
if {blocked}:
    sys.modules["websockets"] = None  # as if it were not installed
from livesdk.transport import _frames, _mask

def frames():
    payloads = [bytes(i % 251 for i in range(size)) for size in {sizes}]
    return [_frames.client_frame(1, payload, b"\\1\\2\\3\\xff") for payload in payloads]

before = set(sys.modules)
found = frames()
fresh = set(sys.modules) - before
assert "speedups" not in fresh  # which may be a program's own
assert {{name for name in fresh if "websockets" in name}} <= {{"websockets.speedups"}}
assert (_mask._mask_of_websockets() is None) is {blocked}
assert "numpy" not in sys.modules
import numpy
assert frames() == found
class Half: pass
sys.modules["numpy"] = Half()  # as it is while another thread imports it
assert frames() == found
sys.stdout.buffer.write(b"".join(found))
assert not {{"asyncio", "websockets.version"}} & sys.modules.keys()
"""


@pytest.mark.requires("emulator")
def test_a_frame_is_the_same_whoever_masks_it():
    sizes = (511, 512, 513, 32767, 32768, 32769, 32770, 32771, 70001)
    by = [
        subprocess.run(
            [sys.executable, "-c", MASKS.format(blocked=blocked, sizes=sizes)],
            check=True,
            timeout=60,
            stdout=subprocess.PIPE,
        ).stdout
        for blocked in (True, False)
    ]
    assert by[0] == by[1]
    payloads = [bytes(i % 251 for i in range(size)) for size in sizes]
    assert by[0] == b"".join(client_frame(TEXT, payload, b"\1\2\3\xff") for payload in payloads)


@pytest.mark.parametrize(
    "source",
    ["def apply_mask(data, mask): return data", "raise OSError('not for this machine')", ""],
)
def test_a_mask_of_websockets_that_is_none_is_not_used(tmp_path, source):
    (tmp_path / "websockets").mkdir()
    (tmp_path / "websockets" / "__init__.py").write_text("raise SystemExit('not to be loaded')")
    (tmp_path / "websockets" / "speedups.py").write_text(source)
    code = "from livesdk.transport import _mask; assert _mask._mask_of_websockets() is None"
    path = os.pathsep.join([str(tmp_path), *sys.path])
    environment = {**os.environ, "PYTHONPATH": path}
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, env=environment)


# In ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_a_whole_frame_is_a_message(opcode, size):
    payload = b"x" * size
    expected = payload.decode() if opcode == TEXT else payload
    assert events(frame(opcode, payload), limit=2 * LIMIT) == [expected]


def test_frames_may_come_in_any_pieces():
    stream = (
        frame(TEXT, "grün".encode())
        + frame(BINARY, b"b" * 300)
        + frame(PING, b"p")
        + frame(TEXT, b"in ", fin=False)
        + frame(PONG, b"q")
        + frame(CONT, "drei ☎"[:5].encode(), fin=False)
        + frame(PING)
        + frame(CONT, "☎".encode())
        + frame(BINARY, b"", fin=False)
        + frame(CONT, b"")
        + close_frame(1000, b"bye")
    )
    expected = [
        "grün",
        b"b" * 300,
        Ping(b"p"),
        Pong(b"q"),
        Ping(b""),
        "in drei ☎",
        b"",
        CloseFrame(1000, "bye"),
    ]
    assert events(stream) == expected
    assert events(*single(stream)) == expected
    for at in range(len(stream)):
        assert events(stream[:at], stream[at:]) == expected


@st.composite
def messages(draw: st.DrawFn) -> tuple[bytes, list[object]]:
    """A stream of messages, in frames of any cut, with pings between them."""
    stream, expected = b"", []
    for _ in range(draw(st.integers(1, 4))):
        is_text = draw(st.booleans())
        payload = draw(st.text(max_size=200)).encode() if is_text else draw(st.binary(max_size=200))
        cuts = sorted(draw(st.lists(st.integers(0, len(payload)), max_size=3)))
        bounds = list(zip([0, *cuts], [*cuts, len(payload)]))
        for index, (start, end) in enumerate(bounds):
            opcode = CONT if index else TEXT if is_text else BINARY
            stream += frame(opcode, payload[start:end], fin=index == len(bounds) - 1)
            if index < len(bounds) - 1 and draw(st.booleans()):
                stream += frame(PING, b"?")
                expected.append(Ping(b"?"))
        expected.append(payload.decode() if is_text else payload)
    return stream, expected


@given(messages(), st.lists(st.integers(0, 1000), max_size=6))
def test_cuts_change_nothing(made, cuts):
    stream, expected = made
    bounds = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    assert events(*(stream[a:b] for a, b in zip(bounds, bounds[1:]))) == expected


@given(st.binary(max_size=100))
def test_garbage_is_a_violation_or_nothing(data):
    with contextlib.suppress(Violation):
        events(data, limit=1000)


@pytest.mark.parametrize(
    "data",
    [
        frame(TEXT, b"masked", mask=b"\0\0\0\0"),
        frame(PING, b"masked", mask=b"\1\2\3\4"),
        frame(TEXT, b"bits", bits=0x40),
        frame(TEXT, b"bits", bits=0x20),
        frame(BINARY, b"bits", bits=0x10),
        frame(CLOSE, b"", bits=0x40),
        *(frame(opcode) for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)),
        frame(PING, b"x" * 126),
        frame(PONG, b"x" * 126),
        frame(CLOSE, b"\x03\xe8" + b"x" * 124),
        frame(PING, fin=False),
        frame(PONG, fin=False),
        frame(CLOSE, fin=False),
        frame(CONT, b"no start"),
        frame(TEXT, b"a", fin=False) + frame(TEXT, b"b"),
        frame(TEXT, b"a", fin=False) + frame(BINARY, b"b"),
        frame(TEXT, b"a") + frame(CONT, b"b"),
        frame(CLOSE, b"\x03"),
        *(close_frame(code) for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535)),
    ],
)
def test_what_breaks_the_rules_is_1002(data):
    assert violation(data) == 1002


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1011, 1012, 3000, 4999])
def test_a_close_frame_carries_code_and_reason(code):
    assert events(close_frame(code, "schlüß".encode())) == [CloseFrame(code, "schlüß")]


def test_a_close_frame_without_a_code_is_1005():
    assert events(close_frame()) == [CloseFrame(1005, "")]


BAD_UTF8 = [b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"ab\xce", b"\x80abc"]


@pytest.mark.parametrize("bad", BAD_UTF8)
def test_text_that_is_not_utf8_is_1007(bad):
    assert violation(frame(TEXT, b"good " + bad)) == 1007
    assert violation(close_frame(1000, bad)) == 1007
    assert violation(frame(TEXT, b"good", fin=False) + frame(CONT, bad)) == 1007
    for at in range(len(bad)):
        pieces = frame(TEXT, bad[:at], fin=False) + frame(PING) + frame(CONT, bad[at:])
        assert violation(pieces) == 1007


def test_bad_text_is_told_before_its_frame_is_whole():
    reader = FrameReader(LIMIT)
    reader.feed(frame(TEXT, b"good \xff" + b"x" * 1000)[:20])
    with pytest.raises(Violation):
        reader.next()


def test_binary_frames_may_hold_anything():
    assert events(frame(BINARY, b"\xff\xfe")) == [b"\xff\xfe"]


# Limits ------------------------------------------------------------------------------------------


def test_a_message_at_the_limit_passes_and_one_above_it_is_1009():
    assert events(frame(TEXT, b"x" * 1000), limit=1000) == ["x" * 1000]
    assert violation(frame(TEXT, b"x" * 1001), limit=1000) == 1009
    parts = frame(BINARY, b"x" * 600, fin=False) + frame(CONT, b"x" * 401)
    assert violation(parts, limit=1000) == 1009


@pytest.mark.parametrize("size", [1 << 30, 1 << 62, (1 << 64) - 1])
def test_an_announced_size_is_refused_before_a_byte_of_it_is_kept(size):
    assert violation(b"\x82\x7f" + size.to_bytes(8, "big")) == 1009


def test_endless_fragments_end_at_the_limit():
    reader = FrameReader(100_000)
    reader.feed(frame(TEXT, b"", fin=False))
    tracemalloc.start()
    try:
        for _ in range(100):
            reader.feed(frame(CONT, b"x", fin=False) * 1000)
            assert reader.next() is None
        reader.feed(frame(CONT, b"x", fin=False))
        with pytest.raises(Violation, match="too big"):
            reader.next()
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_endless_empty_fragments_take_no_memory():
    reader = FrameReader(1000)
    reader.feed(frame(BINARY, b"", fin=False))
    tracemalloc.start()
    try:
        for _ in range(100):
            reader.feed(frame(CONT, b"", fin=False) * 1000)
            assert reader.next() is None
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


def test_a_large_frame_in_single_bytes_takes_linear_time():
    taken = []
    for size in (20_000, 200_000):
        data = frame(BINARY, bytes(size))
        started = time.process_time()
        assert events(*single(data)) == [bytes(size)]
        taken.append(time.process_time() - started)
    assert taken[1] < 40 * max(taken[0], 0.005)


def test_an_idle_reader_keeps_nothing():
    reader = FrameReader(LIMIT)
    reader.feed(frame(TEXT, b"x" * 50_000))
    assert isinstance(reader.next(), Message)
    assert reader.next() is None
    assert not reader._ahead
    assert not reader._payload


def test_an_idle_reader_keeps_nothing_of_a_message_in_two_reads_either():
    reader, data = FrameReader(LIMIT), frame(TEXT, b"x" * 50_000)
    reader.feed(data[:20_000])
    assert reader.next() is None
    reader.feed(data[20_000:] + frame(PONG, b"p"))
    assert isinstance(reader.next(), Message)
    assert isinstance(reader.next(), Pong)
    assert reader.next() is None
    assert not reader._ahead
