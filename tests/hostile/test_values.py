"""Messages that make no sense: one ``DecodeError`` each, or a message, and the session goes on."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from hostile.values import MALFORMED, NOT_UTF8, fields, frames, nests
from rawserver import BINARY, TEXT, frame, text
from session.rig import Heard
from waiting import settled

import livesdk
from livesdk import codec
from livesdk.inbox import weight_of
from livesdk.types.messages import LiveServerMessage
from livesdk.types.music import LiveMusicServerMessage

pytestmark = pytest.mark.long

ROOTS = [LiveServerMessage, LiveMusicServerMessage]
END = text('{"theEnd":{}}')


def look_at(message):
    """Read all that a program can read of a message."""
    repr(message)
    for name in dir(type(message)):
        if not name.startswith("_"):
            getattr(message, name)


def decoded(given, root=LiveServerMessage):
    """Return the message, or the ``DecodeError``; nothing else may come."""
    try:
        return codec.decode(given, root)
    except livesdk.DecodeError as error:
        return error


@pytest.mark.parametrize("root", ROOTS)
def test_every_field_may_hold_anything(tally, root):
    assert len(list(fields(root))) > 20
    refused = 0
    for one in frames(root):
        for given in (one, one.encode()):
            tally("inputs tried")
            found = decoded(given, root)
            if not isinstance(found, livesdk.DecodeError):
                look_at(found)
                continue
            refused += 1
            assert found.path, one
            assert len(str(found)) <= 500
            assert len(found.excerpt) <= 200
    assert refused > 1000


def test_what_is_no_json_is_told_as_such(tally):
    for given in (*MALFORMED, *NOT_UTF8):
        tally("inputs tried")
        with pytest.raises(livesdk.DecodeError) as caught:
            codec.decode(given)
        assert len(str(caught.value)) <= 500


def test_of_keys_given_twice_the_last_counts():
    message = codec.decode(b'{"goAway": {"timeLeft": "1s"}, "goAway": {"timeLeft": "2s"}}')
    assert message.go_away.time_left == "2s"


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999", '"NaN"'])
def test_a_count_is_a_number(value):
    with pytest.raises(livesdk.DecodeError, match="expected an integer"):
        codec.decode(f'{{"usageMetadata": {{"totalTokenCount": {value}}}}}')


@pytest.mark.parametrize("depth", [10, 490, 510, 990, 1000, 1500, 9000, 11_000, 100_000, 1_000_000])
def test_a_nest_is_a_message_or_too_deep(tally, depth):
    for nest in nests(depth):
        tally("inputs tried")
        found = decoded(nest)
        if isinstance(found, livesdk.DecodeError):
            assert depth > 490 or "nested" not in str(found)
        else:
            assert depth <= 490
            look_at(found)


def test_brackets_in_strings_nest_nothing():
    for words in ("[" * 10_000, '\\"' + "{[" * 5000, "\\\\"):
        wire = f'{{"a": "{words}", "b": [{"[[]]," * 400} "["], "c": "x"}}'
        assert codec.decode(wire).raw["c"] == "x"


def test_whether_it_is_deep_is_known_in_linear_time():
    taken = []
    for size in (100_000, 1_000_000):
        wires = ["[" * 600 + '"' + '\\"' * size + "\\", '{"a":[' + '[],"{",' * size]
        started = time.process_time()
        for wire in wires:
            with pytest.raises(livesdk.DecodeError):
                codec.decode(wire)
        taken.append(time.process_time() - started)
    assert taken[1] < 40 * max(taken[0], 0.01)


_SMALL_STACK = """
import threading
from livesdk import DecodeError, codec
threading.stack_size(256 * 1024)
refused = []
def decode():
    for depth in (1000, 5000, 9900):
        try:
            codec.decode(b'{"x":' + b"[" * depth + b"]" * depth + b"}")
        except DecodeError:
            refused.append(depth)
thread = threading.Thread(target=decode)
thread.start()
thread.join()
assert refused == [1000, 5000, 9900], refused
"""


def test_a_nest_does_not_break_through_a_small_stack():
    done = subprocess.run(
        [sys.executable, "-c", _SMALL_STACK],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_an_error_holds_no_more_of_its_frame_than_the_excerpt():
    for given in ('{"a": "' + "x" * 5000, '{"goAway": "' + "x" * 5000 + '"}', "[" * 5000):
        with pytest.raises(livesdk.DecodeError) as caught:
            codec.decode(given)
        assert caught.value.__context__ is None
        assert caught.value.__cause__ is None


def test_envelopes_that_always_change_are_not_remembered():
    for number in range(200):
        mime_type = f"audio/pcm;x={number:0100000}"
        blob = f'{{"data":"{"A" * 1000}","mimeType":"{mime_type}"}}'
        wire = f'{{"serverContent":{{"modelTurn":{{"parts":[{{"inlineData":{blob}}}]}}}}}}'
        assert codec.decode(wire.encode()).server_content.model_turn.parts[0].inline_data
    assert sum(map(len, codec._envelopes)) < 100_000


# ------------------------------------------------------------------------------------ in sessions


def flood(*wire):
    """Be a server that completes the setup, sends these bytes, and then listens."""

    def script(peer):
        peer.open()
        peer.sock.sendall(b"".join(wire))
        peer.read_all()

    return script


class Listener(Heard):
    """Reads all of each message; a message that cannot be read is an error of the callback."""

    def note(self, event, argument=None):
        if event == "message":
            look_at(argument)
        super().note(event, argument)

    def is_told_of_the_end(self):
        with self._changed:
            return any(kind == "message" and "theEnd" in m.raw for kind, m in self.events)


def f(x: int) -> int:
    return x


@pytest.mark.parametrize("tools", [[], [f]], ids=["by hand", "by itself"])
def test_a_session_bears_every_field_with_every_value(connect, raw, tally, caplog, tools):
    given = [one for one in frames() if "setupComplete" not in one]
    heard = Listener()
    wire = [frame((TEXT, BINARY)[n % 2], one.encode()) for n, one in enumerate(given)]
    server = raw(script=flood(*wire, END))
    config = {"response_modalities": ["TEXT"], "tools": tools}
    session = connect(server, heard.callbacks(), config=config)
    assert settled(heard.is_told_of_the_end, 30)
    tally("inputs tried", len(given))
    errors = heard.all("error")
    odd = [e for e in errors if not isinstance(e, (livesdk.DecodeError, livesdk.ToolError))]
    assert odd == []
    decode_errors = [e for e in errors if isinstance(e, livesdk.DecodeError)]
    # setupComplete comes first and the end last
    assert len(heard.all("message")) - 2 + len(decode_errors) == len(given)
    assert len(decode_errors) > 3000
    assert not session.is_closed
    for name in ("stats", "usage", "transcripts", "interrupted_at", "resumption_handle"):
        repr(getattr(session, name))
    session.close()
    assert heard.wait("close").clean
    caplog.text.encode()  # nothing in it that a log file cannot hold
    assert max(map(len, caplog.messages), default=0) < 1000


def test_malformed_frames_are_one_error_each(connect, raw, tally):
    binary = [frame(BINARY, one) for one in (*MALFORMED, *NOT_UTF8)]
    texts = [frame(TEXT, one) for one in MALFORMED]
    heard = Listener()
    session = connect(raw(script=flood(*binary, *texts, END)), heard.callbacks())
    assert settled(heard.is_told_of_the_end, 10)
    tally("inputs tried", len(binary) + len(texts))
    errors = heard.all("error")
    assert len(errors) == len(binary) + len(texts)
    assert all(type(error) is livesdk.DecodeError for error in errors)
    assert all(error.__traceback__ is None for error in errors)  # it would hold the frame
    assert not session.is_closed


@pytest.mark.parametrize("payload", NOT_UTF8, ids=repr)
def test_text_that_is_not_utf8_ends_the_session_with_1007(connect, raw, tally, payload):
    heard = Listener()
    session = connect(raw(script=flood(frame(TEXT, payload), END)), heard.callbacks())
    info = session.wait_closed(5)
    tally("inputs tried")
    assert (info.code, info.initiated_by, info.clean) == (1007, "local", False)
    assert heard.kinds[-2:] == ["error", "close"]


@pytest.mark.parametrize("payload", [*MALFORMED[:6], b"[" * 100_000, b'{"n":' + b"9" * 9999 + b"}"])
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_nonsense_instead_of_setup_complete_is_raised(connect, raw, tally, opcode, payload):
    def script(peer):
        peer.sock.sendall(frame(opcode, payload))
        peer.read_all()

    tally("inputs tried")
    with pytest.raises(livesdk.DecodeError):
        connect(raw(script=script))


def test_a_message_weighs_what_it_takes():
    assert weight_of(b"{}") >= 500
    assert weight_of("{}") == weight_of(b"{}")
    assert weight_of(b"x" * 10_000) == 10_000
    frame_ = b'{"a":[{"data":"%b"}],"b":[[],[]]}'
    levels = weight_of(frame_ % b"") - len(frame_ % b"")
    long = frame_ % (b"[" * 10_000)
    assert weight_of(long) == len(long) + levels  # no level in the data itself
    for odd in (b'"data"' + b"[" * 1000, b'{"data":"' + b"x" * 600, b'{"data":[' + b"[" * 999):
        assert weight_of(odd) >= len(odd) + 512
