"""Bytes without sense, too many or too few: the end is told, in time, in bounded memory."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import threading

import pytest
from rawserver import BINARY, CLOSE, CONT, PING, PONG, TEXT, frame, text
from session.rig import Heard, our_threads, say
from waiting import settled, within

import livesdk

pytestmark = pytest.mark.long

HUGE = b"\x82\x7f" + (1 << 30).to_bytes(8, "big")
MESSAGE = text(json.dumps(say("x")))


def endlessly(data, first=b""):
    """Complete the setup, and send the same for ever."""

    def script(peer):
        peer.open()
        peer.sock.sendall(first)
        block = data * (1 + 65536 // len(data))
        while not peer.over.is_set():
            peer.sock.sendall(block)

    return script


def dripping(data):
    """Complete the setup, and send a byte at a time."""

    def script(peer):
        peer.open()
        for byte in itertools.chain(data, itertools.repeat(0)):
            peer.sock.sendall(bytes((byte,)))
            if peer.over.wait(0.01):
                return

    return script


FLOODS = {
    "messages": endlessly(MESSAGE),
    "nothing": endlessly(text("{}")),
    "nonsense": endlessly(text("{")),
    "pings": endlessly(frame(PING, b"x" * 125)),
    "pongs": endlessly(frame(PONG)),
    "empty messages": endlessly(frame(TEXT)),
    "empty fragments": endlessly(frame(CONT, fin=False), frame(BINARY, fin=False)),
    "dripping frame": dripping(HUGE[:2] + (1 << 20).to_bytes(8, "big")),
}


@pytest.mark.parametrize("what", FLOODS)
def test_close_keeps_its_deadline_in_a_flood(connect, raw, tally, what):
    heard = Heard()
    server = raw(script=FLOODS[what])
    session = connect(server, heard.callbacks(onmessage=None, onerror=None))
    assert session.wait_ended(0.2) is False  # it floods meanwhile
    with within(0.5 + 0.5):
        session.close(0.5)
    assert heard.wait("close", timeout=10).initiated_by == "local"
    assert settled(lambda: our_threads() == [])
    tally("inputs tried")


@pytest.mark.parametrize("what", ["messages", "nothing", "nonsense", "dripping frame"])
def test_a_flood_before_the_setup_is_complete_ends_connect_in_time(raw, connect, what, tally):
    def script(peer):
        peer.open = lambda: None
        FLOODS[what](peer)

    with within(1.5), pytest.raises(livesdk.LiveError):
        connect(raw(script=script), timeout=0.5)
    tally("inputs tried")


@pytest.mark.parametrize(
    ("wire", "code"),
    [
        (HUGE, 1009),
        (b"\x81\x7f" + b"\xff" * 8, 1009),
        (frame(TEXT, fin=False) + frame(CONT, bytes(100_000), fin=False) * 11, 1009),
        (frame(TEXT, b"\xff"), 1007),
        (frame(TEXT, b"masked", mask=bytes(4)), 1002),
        (frame(3), 1002),
        (frame(CLOSE, b"\x03"), 1002),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", 1002),
        (bytes(100), 1002),
    ],
)
def test_what_breaks_the_rules_ends_the_session_with_its_code(connect, raw, tally, wire, code):
    def script(peer):
        peer.open()
        peer.sock.sendall(wire)
        peer.read_all()

    heard = Heard()
    server = raw(script=script)
    session = connect(server, heard.callbacks(), max_message_bytes=1_000_000)
    with within(2.0):  # at once, not by a timeout
        info = session.wait_closed(5)
    tally("inputs tried")
    assert (info.code, info.clean, info.initiated_by) == (code, False, "local")
    assert heard.kinds[-2:] == ["error", "close"]
    with pytest.raises(livesdk.SessionClosed):
        session.send_client_content("x")
    assert server.peers[0].ended.wait(5)
    [told] = [payload for kind, payload in server.peers[0].frames if kind == CLOSE]
    assert int.from_bytes(told[:2], "big") == code


@pytest.mark.parametrize("excess", [0, 1])
def test_a_message_may_have_64_mib_unless_told_otherwise(connect, raw, excess):
    def script(peer):
        peer.open()
        size = 64 * 1024 * 1024 + excess
        peer.sock.sendall(b"\x82\x7f" + size.to_bytes(8, "big"))  # announced, which is enough
        peer.read_all()

    session = connect(raw(script=script))
    if excess:
        assert session.wait_closed(5).code == 1009
    else:
        assert not session.wait_ended(0.2)


def test_silence_in_the_middle_of_a_frame_ends_the_session_as_silence(connect, raw):
    def script(peer):
        peer.open()
        peer.sock.sendall(MESSAGE[:-1])
        peer.read_all()

    session = connect(raw(script=script), liveness_timeout=0.3)
    assert (session.wait_closed(5).code, session.close_info.reason) == (1006, "no bytes for 0.3 s")


def test_bytes_that_drip_are_no_silence(connect, raw):
    session = connect(raw(script=FLOODS["dripping frame"]), liveness_timeout=0.3)
    assert not session.wait_ended(0.9)


# ------------------------------------------------------------------------------------------ memory

_BOUNDED = """
import json, resource, sys, threading
import livesdk, numpy
what, url = sys.argv[1:]
gate = threading.Event()
client = livesdk.Client(api_key="any", http_options={"base_url": url}, liveness_timeout=None)
callbacks = {
    "receive": None,
    "onmessage": {"onmessage": lambda: gate.wait(60)},
    "onerror": {"onerror": lambda: gate.wait(60)},
}[what]
session = client.live.connect("m", None, callbacks)
if callbacks is None:
    next(session.receive())
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
before, received = peak(), -1
while received != session.stats.bytes_received and not session.is_closed:
    received = session.stats.bytes_received
    session.wait_ended(0.5)  # held back: nothing comes any more
lives = not session.is_closed
gate.set()
session.close(0.2)
print(json.dumps([lives, received, peak() - before]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is counted in other units elsewhere")
@pytest.mark.parametrize(
    ("what", "data", "enough"),
    [
        ("receive", text("{}"), 10_000),
        ("receive", MESSAGE, 100_000),
        ("onmessage", MESSAGE, 100_000),
        ("onmessage", text('{"serverContent":{"modelTurn":{"parts":[{"x":[]}]}}}'), 100_000),
        ("onerror", text("{" + " " * 5000), 5_000_000),
        ("onerror", text('{"serverContent":{"modelTurn":7}}'), 100_000),
    ],
    ids=["{}", "text", "text to onmessage", "odd parts", "nonsense", "wrong types"],
)
def test_a_flood_that_nobody_takes_in_is_held_back_in_bounded_memory(
    raw, tally, what, data, enough
):
    server = raw(script=endlessly(data))
    done = subprocess.run(
        [sys.executable, "-c", _BOUNDED, what, server.base_url],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lives, received, grown = json.loads(done.stdout)
    assert lives
    assert received > enough
    assert grown < 100, f"{grown} MB for {received} bytes"
    tally("inputs tried", received // len(data))


_HUGE = """
import resource, sys, livesdk
client = livesdk.Client(api_key="any", http_options={"base_url": sys.argv[1]})
session = client.live.connect("m")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print("ready", flush=True)
info = session.wait_closed(10)
print(info.code, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024 - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is counted in other units elsewhere")
def test_an_announced_gigabyte_ends_the_session_before_any_of_it_is_kept(raw):
    gate = threading.Event()

    def script(peer):
        peer.open()
        gate.wait(20)
        peer.open = lambda: None
        endlessly(bytes(65536), HUGE)(peer)

    server = raw(script=script)
    program = subprocess.Popen(
        [sys.executable, "-c", _HUGE, server.base_url], stdout=subprocess.PIPE, text=True
    )
    with program:
        assert program.stdout.readline() == "ready\n"
        gate.set()
        code, grown = map(int, program.communicate(timeout=30)[0].split())
    assert code == 1009
    assert grown < 10
