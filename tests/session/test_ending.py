"""Ending: one record of it everywhere, nobody left waiting, nothing left behind."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
from rawserver import BINARY, CLOSE, PING, TEXT, close_frame, frame
from session.rig import (
    CONFIG,
    MODEL,
    PATIENCE,
    SETUP_COMPLETE,
    Heard,
    client_for,
    our_threads,
    run_script,
    say,
)
from waiting import Caught, descriptors, settled, within

import livesdk
from livesdk.emulator import (
    BadUtf8,
    Burst,
    Call,
    Close,
    Drop,
    Scenario,
    Send,
    SendRaw,
    Silence,
    SilentSetup,
    SilentUpgrade,
    Wait,
)
from livesdk.reader import LIMIT

FREED = 0.2
RESUMABLE = {"sessionResumptionUpdate": {"resumable": True, "newHandle": "h-1"}}
BIG = "x" * 20_000_000  # more than the system's buffers take


# ----------------------------------------------------------------------------------- one CloseInfo


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (Close(1000, "bye"), (1000, "bye", True, "remote")),
        (Close(1001, "going away"), (1001, "going away", True, "remote")),
        (Close(1007, "invalid argument"), (1007, "invalid argument", False, "remote")),
        (Close(1008, "not supported"), (1008, "not supported", False, "remote")),
        (Close(1011, "Internal error"), (1011, "Internal error", False, "remote")),
        (Close(4001, "private"), (4001, "private", False, "remote")),
        (Close(1011, "é" * 80), (1011, "é" * 61, False, "remote")),
        (Drop(), (1006, "the connection ended without a close frame", False, "network")),
        (Drop(rst=True), (1006, None, False, "network")),
        (BadUtf8(text=True), (1007, None, False, "local")),
        (SendRaw(bytes(200_000)), (1009, None, False, "local")),
    ],
)
@pytest.mark.parametrize("tls", [False, True])
def test_every_end_is_told_the_same_everywhere(connect, serve, step, expected, tls):
    code, reason, clean, by = expected
    heard = Heard()
    emulator = serve(tls=tls)
    session = connect(emulator, heard.callbacks(), max_message_bytes=100_000)
    receiving = Caught(list, session.receive())
    assert session.close_info is None
    emulator.inject(step)
    info = session.wait_closed(5)
    assert (info.code, info.clean, info.initiated_by) == (code, clean, by)
    assert info.reason == reason or (reason is None and info.reason)
    assert (info.mid_turn, info.resumable, info.error) == (False, False, None)
    assert session.close_info is info
    assert session.is_closed
    assert heard.all("close") == [info]
    assert heard.kinds[-1] == "close"
    assert [error.info for error in heard.all("error")] == ([] if clean else [info])
    with pytest.raises(livesdk.SessionClosed) as caught:
        session.send_client_content("x")
    assert caught.value.info is info
    outcome = receiving.outcome()
    assert (outcome == []) if clean else (outcome.info is info)
    assert emulator.connections[0].wait_closed()
    if by == "local":  # what we had not read makes the system reset, so it may not hear why
        assert emulator.connections[0].close_code in (code, 1006)


def test_a_close_frame_without_a_code_is_1005(connect, raw):
    def leave(peer):
        peer.open()
        peer.send(b"", CLOSE)
        peer.read_all()

    server = raw(script=leave)
    info = connect(server).wait_closed(5)
    assert (info.code, info.reason, info.clean, info.initiated_by) == (1005, "", True, "remote")
    assert server.peers[0].ended.wait(5)
    assert server.peers[0].of(CLOSE) == [b""]


@pytest.mark.parametrize(
    ("code", "reason", "echo"), [(1000, "", 1000), (4321, "so long", 4321), (3000, "é" * 80, 3000)]
)
def test_a_local_close_says_its_code_and_reason(connect, raw, code, reason, echo):
    server = raw()
    session = connect(server)
    session.close(code=code, reason=reason)
    info = session.close_info
    assert (info.code, info.reason, info.clean, info.initiated_by) == (code, reason, True, "local")
    assert server.peers[0].ended.wait(5)
    (frame,) = server.peers[0].of(CLOSE)
    assert int.from_bytes(frame[:2], "big") == echo
    assert len(frame) <= 125
    assert reason.startswith(frame[2:].decode())


@pytest.mark.parametrize("code", [999, 1005, 1006, 1011, 2999, 5000, 70_000, -1])
def test_a_close_code_that_programs_may_not_send_is_refused(connect, serve, code):
    session = connect(serve())
    with pytest.raises(livesdk.ConfigError, match="code"):
        session.close(code=code)
    assert session.ask("Hello").text


def test_silence_is_1006_of_the_network(connect, raw):
    server = raw()
    heard = Heard()
    connect(server, heard.callbacks(), liveness_timeout=0.3, ping_interval=None)
    with within(3.0):
        info = heard.wait("close")
    assert (info.code, info.clean, info.initiated_by) == (1006, False, "network")
    assert "no bytes for 0.3 s" in info.reason
    assert heard.kinds[-2:] == ["error", "close"]


INTERRUPTED = """
import os, signal, sys, time
import livesdk, livesdk.transport._websocket as websocket
from livesdk.emulator import Emulator

where = sys.argv[1]
with Emulator() as emulator:
    client = livesdk.Client(api_key="any", http_options={"base_url": emulator.base_url}, proxy="")
    session = client.live.connect("m", {"response_modalities": ["TEXT"]})
    connection, taken = session._connection, []

    def handler(*_):
        begin = time.monotonic()
        session.close(timeout=3.0 if where != "sender twice" else 0.3)
        taken.append(time.monotonic() - begin)

    signal.signal(signal.SIGTERM, handler)
    if where == "sender":
        plain = websocket.send_some
        def send_some(sock, view):
            websocket.send_some = plain
            os.kill(os.getpid(), signal.SIGTERM)
            return plain(sock, view)
        websocket.send_some = send_some
        session.send_realtime_input(text="Hello")
    elif where == "sender twice":
        with connection.transport._lock:
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGTERM)
            while len(taken) < 2:
                time.sleep(0.01)
    else:
        lock = connection._condition if where == "condition" else connection.dispatcher._lock
        with lock:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.01)
    info = session.wait_closed(5.0)
    assert taken and max(taken) < 3.5, taken
    print(info.code, info.initiated_by)
"""


@pytest.mark.parametrize("where", ["sender", "sender twice", "condition", "dispatcher"])
def test_a_signal_handler_may_close_whatever_it_interrupts(where):
    done = run_script(INTERRUPTED, where)
    assert (done.returncode, done.stdout.split()) == (0, ["1000", "local"]), done.stderr


def test_bytes_that_wait_for_slow_callbacks_are_no_silence(connect, raw):
    talks = threading.Event()

    def talk(peer):
        peer.read()
        peer.send(SETUP_COMPLETE)
        while not talks.wait(0.02):
            peer.send({"serverContent": {"waitingForInput": True}})
        peer.be_nice()

    def slow(message):
        if message.server_content:
            time.sleep(0.3)

    session = connect(
        raw(script=talk),
        livesdk.LiveCallbacks(onmessage=slow, dispatch="reader"),
        liveness_timeout=0.2,
        ping_interval=None,
    )
    assert not session.wait_ended(1.5)
    talks.set()


def test_the_end_is_told_though_nobody_takes_what_came_with_it(connect, raw):
    def talk(peer):
        peer.read()
        large = frame(BINARY, json.dumps({"note": "x" * (LIMIT // 2)}).encode())
        ending = large * 2 + frame(BINARY, b"{}") * 4 + close_frame(1011, b"broken")
        peer.sock.sendall(frame(BINARY, SETUP_COMPLETE) + ending)
        peer.read_all()

    session = connect(raw(script=talk))
    info = session.wait_closed(PATIENCE)
    assert (info.code, info.reason) == (1011, "broken")


def test_a_ping_is_not_late_by_more_than_what_one_read_brought(connect, raw):
    pinged = threading.Event()
    taken = []

    def talk(peer):
        peer.read()
        peer.send(SETUP_COMPLETE)
        peer.sock.sendall(frame(BINARY, b'{"serverContent": {"waitingForInput": true}}') * 3000)
        while peer.read()[0] != PING:
            pass
        pinged.set()
        peer.be_nice()

    def slow(message):
        taken.append(message)
        time.sleep(0.001)

    connect(
        raw(script=talk),
        livesdk.LiveCallbacks(onmessage=slow, dispatch="reader"),
        ping_interval=0.05,
    )
    assert pinged.wait(PATIENCE)
    assert len(taken) < 800


def test_a_peer_that_answers_pings_is_not_silent(connect, serve):
    session = connect(serve(), liveness_timeout=0.4, ping_interval=0.1)
    assert not session.wait_ended(1.2)


_STOPPED = """
import sys
import livesdk
options = {"liveness_timeout": 0.4, "ping_interval": 0.1}
client = livesdk.Client(api_key="any", http_options={"base_url": sys.argv[1]}, **options)
with client.live.connect("m", {"response_modalities": ["TEXT"]}) as session:
    print("open", flush=True)
    input()
    assert not session.wait_ended(1.0), session.close_info
    assert session.ask("Hello").text
    assert not session.stats.reconnects
"""


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no such signal on this system")
def test_a_process_that_was_stopped_does_not_take_its_peer_for_silent(serve):
    with subprocess.Popen(
        [sys.executable, "-c", _STOPPED, serve().base_url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout.readline() == "open\n"
        child.send_signal(signal.SIGSTOP)
        time.sleep(1.5)  # nobody else can tell when it has been stopped for long enough
        child.send_signal(signal.SIGCONT)
        child.communicate("\n", timeout=PATIENCE)
    assert child.returncode == 0


def test_a_peer_that_is_silent_after_a_stop_as_well_is_gone(connect, raw, monkeypatch):
    monkeypatch.setattr("livesdk.reader._ANSWER", 0.1)
    asked = threading.Event()

    def talk(peer):
        peer.read()
        peer.send(SETUP_COMPLETE)
        while peer.read()[0] != PING:
            pass
        asked.set()
        peer.read_all()

    session = connect(
        raw(script=talk),
        livesdk.LiveCallbacks(onmessage=lambda: time.sleep(1.0), dispatch="reader"),
        liveness_timeout=0.2,
        ping_interval=None,
    )
    assert session.wait_closed(PATIENCE).reason == "no bytes for 0.2 s"
    assert asked.is_set()


@pytest.mark.parametrize("timeout", [None, 1e9])
def test_a_session_without_pings_and_liveness_lives(connect, serve, timeout):
    session = connect(serve(), ping_interval=timeout, liveness_timeout=timeout)
    assert session.ask("Hello").text
    session.close()
    assert session.close_info.clean


@pytest.mark.parametrize("steps", [["Well", Silence()], [Call("f", id="c-1", blocking=True)]])
def test_an_end_in_the_middle_of_a_turn_says_so(connect, serve, steps):
    heard = Heard()
    emulator = serve(Scenario(replies=[steps]))
    session = connect(emulator, heard.callbacks())
    session.send_client_content("Hello")
    heard.wait("message", 2)
    session.close()
    assert session.close_info.mid_turn


def test_an_end_with_a_handle_is_resumable(connect, serve):
    heard = Heard()
    emulator = serve(Scenario(openings=[[Send(RESUMABLE)]]))
    session = connect(emulator, heard.callbacks())
    heard.wait("message", 2)
    assert session.resumption_handle == "h-1"
    emulator.inject(Close(1011))
    assert session.wait_closed(5).resumable


@pytest.mark.parametrize(
    ("disabled", "signal"), [(False, {"activity_start": {}}), (True, {"audio_stream_end": True})]
)
def test_a_signal_of_the_other_way_to_take_turns_comes_with_a_hint(
    connect, serve, disabled, signal
):
    detection = {"automatic_activity_detection": {"disabled": disabled}}
    session = connect(serve(), config={"realtime_input_config": detection})
    session.send_realtime_input(**signal)
    info = session.wait_closed(5)
    assert info.code == 1007
    assert "automatic_activity_detection" in info.hint


def test_a_known_cause_comes_with_a_hint(connect, serve):
    emulator = serve()
    session = connect(emulator)
    emulator.inject(Close(1011, "You exceeded your current quota"))
    assert "quota" in session.wait_closed(5).hint
    with pytest.raises(livesdk.SessionClosed, match="billing"):
        session.send_client_content("x")


def test_what_arrived_before_the_end_is_delivered_before_it(connect, serve):
    endings = [Close(1000), Close(1011), Drop()]
    emulator = serve(Scenario(openings=[[Burst(100), Wait(0.02), end] for end in endings]))
    for ending in endings:
        session = connect(emulator)
        session.wait_closed(5)
        texts = []
        try:
            texts.extend(message.text for message in session.receive())
            clean = True
        except livesdk.SessionClosed:
            clean = False
        assert texts == [f"{number} " for number in range(100)]
        assert clean is (ending == Close(1000))


# --------------------------------------------------------------------------------- everybody wakes


@pytest.mark.parametrize("end", [Close(1011), Close(1000), Drop(rst=True), Drop(), "local"])
@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("consumer", ["receive", "receive_turn", "ask"])
def test_blocked_calls_wake(connect, serve, end, tls, consumer):
    emulator = serve(Scenario(auto_reply=False), tls=tls)
    session = connect(emulator)
    calls = {
        "wait_closed": Caught(session.wait_closed),
        "wait_ended": Caught(session.wait_ended, 30),
    }
    if consumer == "ask":
        calls["consumer"] = Caught(session.ask, "Hello", timeout=30)
    else:
        calls["consumer"] = Caught(lambda: list(getattr(session, consumer)()))
    session.send_client_content("so that the others have begun", turn_complete=False)
    emulator.wait_for("clientContent", 2 if consumer == "ask" else 1)
    before = time.monotonic()
    if end == "local":
        session.close()
    else:
        emulator.inject(end)
    outcomes = {name: call.outcome() for name, call in calls.items()}
    took = {name: call.ended_at - before for name, call in calls.items()}
    assert {name: spent for name, spent in took.items() if spent > FREED} == {}
    info = session.close_info
    assert outcomes["wait_closed"] is info
    assert outcomes["wait_ended"] is True
    if not info.clean:
        assert outcomes["consumer"].info is info
    elif consumer == "ask":
        assert outcomes["consumer"].ended_by == "closed"
        assert outcomes["consumer"].close_info is info
    else:
        assert outcomes["consumer"] == []


def deaf(peer):
    """Complete the setup, and read nothing more."""
    peer.open()
    peer.over.wait(60)


@pytest.mark.parametrize("end", ["reset", "close"])
def test_blocked_senders_wake(connect, raw, end):
    server = raw(script=deaf)
    session = connect(server)
    calls = [Caught(session.send_client_content, BIG) for _ in range(3)]
    assert settled(lambda: session._connection.transport.stats.frames_queued == 3)
    before = time.monotonic()
    if end == "reset":
        sock = server.peers[0].sock
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        sock.close()
    else:
        session.close(0.1)
        before = time.monotonic()
    for call in calls:
        error = call.outcome()
        assert isinstance(error, livesdk.SessionClosed)
        assert error.info is session.close_info
        assert call.ended_at - before <= FREED


def every_sender(session):
    yield lambda: session.send_client_content("x")
    yield lambda: session.send_realtime_input(audio=bytes(640))
    yield lambda: session.send_realtime_input(text="x")
    yield lambda: session.send_realtime_input(audio_stream_end=True)
    yield lambda: session.send_tool_response({"id": "1", "name": "f", "response": {}})
    yield lambda: session.send_context_update(system_instruction="x")
    yield lambda: session.send_media_chunks([("audio/pcm", bytes(640))])
    yield lambda: session.send_media_stream([bytes(640)])
    yield lambda: session.send("x", turn_complete=True)
    yield lambda: session.ask("x")


def test_after_the_end_every_sender_raises_at_once(connect, serve):
    emulator = serve()
    session = connect(emulator)
    emulator.inject(Close(1008, "go"))
    info = session.wait_closed(5)
    for call in every_sender(session):
        with within(0.2), pytest.raises(livesdk.SessionClosed, match="1008") as caught:
            call()
        assert caught.value.info is info


def test_while_it_is_closing_senders_raise_what_will_be(connect, raw):
    server = raw(script=deaf)
    session = connect(server)
    closing = Caught(session.close, 1.0, code=4000, reason="enough")
    assert session.wait_ended(5)
    with within(0.5), pytest.raises(livesdk.SessionClosed) as caught:
        session.send_client_content("x")
    closing.result()
    assert caught.value.info == session.close_info


# ------------------------------------------------------------------------------------------- close


def chatty(peer):
    """Complete the setup, and talk without listening to a goodbye."""
    peer.open()
    while not peer.over.is_set():
        peer.send(say("and another thing, "))


def mute(peer):
    """Complete the setup, read, and say nothing."""
    peer.open()
    peer.read_all()


@pytest.mark.parametrize("script", [None, mute, deaf, chatty])
@pytest.mark.parametrize("timeout", [0.0, 0.4, 1.0])
def test_close_keeps_its_deadline_and_leaves_nothing(connect, raw, script, timeout):
    before = descriptors()
    with_server = raw(script=script)
    heard = Heard()
    session = connect(with_server, heard.callbacks())
    with within(timeout + 0.3):
        session.close(timeout)
    info = heard.wait("close")
    assert (info.code, info.clean, info.initiated_by) == (1000, True, "local")
    if timeout:
        assert our_threads() == []  # not soon: now
    assert settled(lambda: our_threads() == [])
    assert heard.kinds.count("close") == 1
    assert "error" not in heard.kinds
    peer = with_server.peers[0]
    if script in (None, mute):
        assert peer.ended.wait(5)
        assert len(peer.of(CLOSE)) == 1
    peer.over.set()
    assert peer.ended.wait(5)
    assert settled(lambda: descriptors() <= before + 1)  # the listener


def test_close_from_eight_threads_at_once(connect, raw):
    server = raw()
    for number in range(10):
        heard = Heard()
        session = connect(server, heard.callbacks())
        together = threading.Barrier(8)

        def close(session=session, together=together):
            together.wait(5)
            session.close()
            assert session.close_info is not None
            return our_threads()

        outcomes = [call.outcome() for call in [Caught(close) for _ in range(8)]]
        assert outcomes == [[]] * 8
        session.close()
        assert heard.kinds.count("close") == 1
        peer = server.peers[number]
        assert peer.ended.wait(5)
        assert len(peer.of(CLOSE)) == 1


def test_close_while_senders_are_blocked(connect, raw):
    server = raw(script=deaf)
    session = connect(server)
    calls = [Caught(session.send_client_content, BIG) for _ in range(2)]
    assert settled(lambda: session._connection.transport.stats.frames_queued == 2)
    with within(1.3):
        session.close(1.0)
    assert our_threads() == []
    for call in calls:
        assert isinstance(call.outcome(), livesdk.SessionClosed)


def test_what_was_sent_before_close_goes_out_first(connect, raw):
    server = raw()
    session = connect(server)
    for number in range(50):
        session.send_client_content(f"{number}")
    session.close()
    assert server.peers[0].ended.wait(5)
    frames = server.peers[0].frames
    assert [opcode for opcode, _ in frames] == [TEXT] * 51 + [CLOSE]


@pytest.mark.parametrize("moment", ["look-up", "upgrade", "setup"])
def test_close_before_connect_has_finished(connect, serve, monkeypatch, moment):
    made = []
    gate = threading.Event()

    class Shown(livesdk.Session):
        def __init__(self, **arguments):
            super().__init__(**arguments)
            made.append(self)

    monkeypatch.setattr("livesdk.client.Session", Shown)
    look_up = socket.getaddrinfo
    if moment == "look-up":
        monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **b: gate.wait(10) and look_up(*a))
    opening = {"upgrade": SilentUpgrade(), "setup": SilentSetup()}.get(moment)
    emulator = serve(Scenario(openings=[opening]))
    heard = Heard()
    before = descriptors()
    connecting = Caught(connect, emulator, heard.callbacks(), timeout=10)
    if moment == "look-up":
        assert settled(lambda: bool(made))
    else:
        emulator.wait_connections(1)
    if moment == "setup":
        emulator.wait_for("setup")
    with within(0.8):
        made[0].close(0.5)
    gate.set()
    error = connecting.outcome()
    assert isinstance(error, livesdk.SessionClosed)
    assert (error.info.code, error.info.initiated_by) == (1000, "local")
    assert heard.kinds == []
    assert settled(lambda: our_threads() == [])
    assert settled(lambda: descriptors() <= before + 1)


def test_a_with_block_closes_also_when_it_fails(serve):
    emulator = serve()
    with (
        pytest.raises(ZeroDivisionError),
        client_for(emulator).live.connect(MODEL, CONFIG) as session,
    ):
        raise ZeroDivisionError
    assert session.close_info.clean
    assert our_threads() == []


def test_wait_closed_waits_for_onclose_and_no_longer_than_told(connect, serve):
    gate = threading.Event()
    emulator = serve()
    session = connect(emulator, {"onclose": lambda: gate.wait(10)})
    with within(1.0), pytest.raises(livesdk.LiveTimeout, match="not ended") as caught:
        session.wait_closed(0.05)
    assert caught.value.phase == "wait_closed"
    emulator.inject(Close())
    assert settled(lambda: session.is_closed)
    with pytest.raises(livesdk.LiveTimeout, match="callbacks"):
        session.wait_closed(0.05)
    gate.set()
    assert session.wait_closed(float("inf")).code == 1000


def test_endless_timeouts_are_allowed(connect, serve):
    session = connect(serve())
    session.send_client_content("x", turn_complete=False, timeout=float("inf"))
    assert session.ask("Hello", timeout=float("inf")).text
    waiting = Caught(session.wait_ended, float("inf"))
    session.close(float("inf"))
    assert waiting.outcome() is True


def test_a_late_error_comes_before_the_end_or_not_at_all(connect, serve):
    heard = Heard()
    session = connect(serve(), heard.callbacks())
    session.close()
    session._connection.report(livesdk.LiveError("late"))
    assert heard.kinds == ["open", "message", "close"]
    assert our_threads() == []


@pytest.mark.parametrize("timeout", [float("nan"), "5", True, b"1"])
def test_a_timeout_that_is_no_number_is_refused_and_changes_nothing(connect, serve, timeout):
    session = connect(serve())
    waits = [
        lambda: session.ask("Hello", timeout=timeout),
        lambda: session.receive(timeout=timeout),
        lambda: list(session.receive_turn(timeout=timeout)),
        lambda: session.send_client_content("Hello", timeout=timeout),
        lambda: session.send_realtime_input(text="Hello", timeout=timeout),
        lambda: session.wait_closed(timeout),
        lambda: session.wait_ended(timeout),
        lambda: session.close(timeout),
    ]
    for wait in waits:
        with within(1.0), pytest.raises(livesdk.ConfigError, match="timeout: expected seconds"):
            wait()
    assert session.ask("Hello", timeout=PATIENCE).text


@pytest.mark.parametrize(
    "timeout", [None, float("inf"), 1e300, 10**400], ids=["None", "inf", "float", "int"]
)
def test_a_timeout_may_be_as_long_as_one_likes(connect, serve, timeout):
    session = connect(serve())
    assert session.ask("Hello", timeout=timeout).text
    session.send_client_content("Hello", timeout=timeout)
    assert list(session.receive_turn(timeout=timeout))
    session.close(timeout)
    assert session.wait_ended(timeout)
    assert session.wait_closed(timeout).clean


@pytest.mark.parametrize(
    "wrong", [{"reason": None}, {"reason": b"x"}, {"code": 1000.0}, {"code": True}]
)
def test_a_close_with_something_wrong_closes_nothing(connect, serve, wrong):
    session = connect(serve())
    with pytest.raises(livesdk.ConfigError):
        session.close(**wrong)
    assert session.ask("Hello", timeout=PATIENCE).text


# ---------------------------------------------------------------- programs that forget, and Ctrl-C

_PROGRAM = """
import sys, threading, livesdk
client = livesdk.Client(api_key="any", http_options={"base_url": sys.argv[1]})
gate = threading.Event()
"""
_IN_A_POOL = """
from concurrent.futures import ThreadPoolExecutor
pool = ThreadPoolExecutor(1)
session = client.live.connect("m", None, {"onclose": len, "dispatch": pool.submit})
"""
_RECEIVING = """
session = client.live.connect("m")
threading.Thread(target=lambda: list(session.receive()), daemon=True).start()
"""


@pytest.mark.parametrize(
    "rest",
    [
        "session = client.live.connect('m')",
        "session = client.live.connect('m', None, {'onmessage': lambda: gate.wait(60)})",
        "session = client.live.connect('m', None, {'onclose': print, 'dispatch': 'reader'})",
        "session = client.live.connect('m', None, {'onmessage': print, 'dispatch': 'manual'})",
        _IN_A_POOL,
        _RECEIVING,
        "session = client.live.connect('m')\nsession.ask('Hello')\nraise SystemExit(0)",
        "import atexit\nsession = client.live.connect('m')\natexit.register(session.close)",
    ],
)
def test_a_program_that_forgets_its_session_exits_at_once_and_silently(serve, rest):
    emulator = serve(Scenario(openings=[[Wait(0.1), Burst(500)]]))
    source = _PROGRAM + rest
    with within(5.0):  # most of it is the interpreter's start
        done = run_script(source, emulator.base_url, timeout=10)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Error" not in done.stdout


_WAITS = {
    "ask": "session.ask('Hello', timeout=60)",
    "receive": "list(session.receive())",
    "wait_closed": "session.wait_closed()",
    "wait_ended": "session.wait_ended(60)",
    "pump": "session.pump(60)",
    "send": "session.send_client_content('x' * 20_000_000, timeout=60)",
    "close": "session.close(60)",
    "receive_turn": "list(session.receive_turn(timeout=60))",
    "stream": "session.send_media_stream(iter(lambda: bytes(640), None))",
    "conversation": "talk()",
    "connect, setup": "connect()",
    "connect, upgrade": "connect()",
    "connect, tls": "connect(base_url=url.replace('http', 'https'))",
    "connect, proxy": "connect(base_url='http://a.test', proxy=url)",
    "connect, dns": "connect()",
}
_INTERRUPTED = """
import socket, sys, threading, time, livesdk
what, url = sys.argv[1:]
callbacks = {"onclose": len, "dispatch": "manual"} if what == "pump" else None
def connect(base_url=url, **options):
    client = livesdk.Client(api_key="any", http_options={"base_url": base_url}, **options)
    return client.live.connect("m", None, callbacks, timeout=60)
def talk():
    from livesdk.audio.files import CallableOutput, IteratorInput
    silence = IteratorInput(iter(lambda: bytes(640), None))
    with livesdk.AudioConversation(session, microphone=silence, speaker=CallableOutput(len)) as it:
        it.wait()
livesdk.Client(api_key="any").live  # all that it takes is imported: Ctrl-C meets the wait
if what == "connect, dns":
    socket.getaddrinfo = lambda *a, **b: time.sleep(60)
if "connect" not in what:
    session = connect()
    if callbacks:
        session.pump()
try:
    print("ready", flush=True)
    %s
except KeyboardInterrupt:
    print("interrupted", flush=True)
if "connect" not in what:
    session.close(0.3)
print([t.name for t in threading.enumerate() if "livesdk" in t.name and "connect" not in what])
"""


@pytest.mark.parametrize("what", _WAITS)
def test_ctrl_c_ends_every_wait(raw, what):
    script = {"send": deaf}.get(what, mute_from_the_start if "connect" in what else mute)
    before_the_upgrade = what in ("connect, upgrade", "connect, tls", "connect, proxy")
    server = raw(script=script, upgrade=not before_the_upgrade)
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", _INTERRUPTED % _WAITS[what], what, server.base_url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as program:
        assert program.stdout.readline() == "ready\n"
        threading.Event().wait(0.2)  # nothing tells that the wait has begun
        program.send_signal(signal.SIGINT)
        with within(3.0):
            output, errors = program.communicate(timeout=20)
    assert (output, errors, program.returncode) == ("interrupted\n[]\n", "", 0)


def mute_from_the_start(peer):
    with contextlib.suppress(OSError):
        while peer.sock.recv(4096):
            pass
