"""Receiving: messages, violations, deadlines, and the ways a connection ends by itself."""

from __future__ import annotations

import itertools
import threading
import time
import tracemalloc

import pytest
from rawserver import (
    BINARY,
    CLOSE,
    CONT,
    PING,
    PONG,
    TEXT,
    Peer,
    RawServer,
    close_frame,
    frame,
    text,
)
from relay import Relay
from transport.kit import PATIENCE, payload, receive, soon, stay_open
from waiting import Caught, until, within

from livesdk.transport import CloseFrame, Lost, WebSocketTransport, _websocket
from livesdk.transport._waiting import wait_ready


def test_messages_of_every_shape_arrive(connect, speech):
    def talk(peer: Peer) -> None:
        peer.upgrade()
        peer.send(text("hällo") + frame(BINARY, b"\x00\xff"))
        peer.send(frame(TEXT, b"a", fin=False))
        peer.send(frame(PING, b"1") + frame(CONT, b"b", fin=False) + frame(PONG))
        peer.send(frame(CONT, b"c"))
        assert peer.frame() == (PONG, b"1")
        peer.send(frame(BINARY, b"big" * 1_000_000))
        peer.hold()

    with RawServer(talk, tls=speech.server) as server:
        transport = connect(server.url, context=speech.client)
        assert payload(transport) == "hällo"
        assert payload(transport) == b"\x00\xff"
        assert payload(transport) == "abc"
        assert payload(transport) == b"big" * 1_000_000
        assert transport.stats.messages_received == 4
        assert transport.stats.bytes_received > 3_000_000


def test_large_messages_arrive_as_they_are_and_their_memory_is_let_go(connect, speech):
    sizes = [5_000, 70_000, 20, 300_000, 64_000, 64_000, 1_000_000, 0, 4_096, 64_000]
    sent = [bytes([number]) * size for number, size in enumerate(sizes * 6)]
    go_on = threading.Event()

    def talk(peer: Peer) -> None:
        peer.upgrade()
        peer.send(b"".join(frame(BINARY, payload) for payload in sent))
        assert go_on.wait(PATIENCE)
        peer.send(frame(BINARY, b"first half", fin=False) + frame(CONT, b", and the rest"))
        peer.hold()

    with RawServer(talk, tls=speech.server) as server:
        transport = connect(server.url, context=speech.client)
        found = [payload(transport) for _ in sent]
        assert [len(one) for one in found] == [len(one) for one in sent]
        assert found == sent
        assert transport.receive(time.monotonic() + 0.3) is None
        assert transport._reader._view is None
        go_on.set()
        assert payload(transport) == b"first half, and the rest"


def test_after_large_messages_a_deadline_holds_as_ever(connect, speech, monkeypatch):
    monkeypatch.setattr(_websocket, "_LINGER", PATIENCE)

    def talk(peer: Peer) -> None:
        stay_open(peer, frame(BINARY, bytes(500_000)))

    with RawServer(talk, tls=speech.server) as server:
        transport = connect(server.url, context=speech.client)
        assert payload(transport) == bytes(500_000)
        assert transport._intake.is_large
        with within(1.0):
            assert transport.receive(time.monotonic()) is None


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(TEXT, b"\xff"), 1007),
        (frame(TEXT, b"\xce", fin=False) + frame(CONT, b"x"), 1007),
        (frame(TEXT, b"masked", mask=bytes(4)), 1002),
        (frame(TEXT, b"rsv", bits=0x40), 1002),
        (frame(5, b"?"), 1002),
        (frame(CONT, b"?"), 1002),
        (close_frame(1005), 1002),
        (frame(BINARY, bytes(1001)), 1009),
    ],
)
def test_a_violation_is_told_to_both_sides(connect, speech, data, code):
    told = []

    def talk(peer: Peer) -> None:
        peer.upgrade()
        peer.send(data)
        told.append(peer.frame())
        assert peer.recv() == b""

    with RawServer(talk, tls=speech.server) as server:
        transport = connect(server.url, context=speech.client, max_message_bytes=1000)
        with pytest.raises(Lost) as caught:
            receive(transport)
        assert caught.value.code == code
        with pytest.raises(Lost) as again:
            transport.send(b"more", soon())
        assert again.value.code == code
        transport.close()
    opcode, body = told[0]
    assert (opcode, int.from_bytes(body[:2], "big")) == (CLOSE, code)


def test_an_announced_gigabyte_takes_no_memory(connect):
    def talk(peer: Peer) -> None:
        peer.upgrade()
        peer.send(b"\x82\x7f" + (1 << 30).to_bytes(8, "big"))
        for _ in range(1000):
            peer.send(bytes(1 << 20))

    with RawServer(talk) as server:
        transport = connect(server.url)
        tracemalloc.start()
        try:
            with pytest.raises(Lost) as caught:
                receive(transport)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        transport.close()
    assert caught.value.code == 1009
    assert peak < 3_000_000  # the server's own megabyte among it


def test_a_close_frame_is_received_and_echoed(connect, speech):
    answers = []

    def talk(peer: Peer) -> None:
        peer.upgrade()
        peer.send(text("last") + close_frame(1008, "wörds".encode()))
        answers.append(peer.frame())

    with RawServer(talk, tls=speech.server) as server:
        transport = connect(server.url, context=speech.client)
        assert payload(transport) == "last"
        assert receive(transport) == CloseFrame(1008, "wörds")
        with pytest.raises(Lost):
            transport.send(b"late", soon())
        transport.close()
    assert answers == [(CLOSE, (1008).to_bytes(2, "big"))]


def test_an_empty_close_frame_is_echoed_empty(connect):
    answers = []

    def talk(peer: Peer) -> None:
        peer.upgrade(close_frame())
        answers.append(peer.frame())

    with RawServer(talk) as server:
        transport = connect(server.url)
        assert receive(transport) == CloseFrame(1005, "")
        transport.close()
    assert answers == [(CLOSE, b"")]


def test_after_our_close_frame_the_answer_is_not_answered(connect, speech):
    frames = []

    def talk(peer: Peer) -> None:
        peer.upgrade()
        frames.append(peer.frame())
        peer.send(text("still talking") + close_frame(1000))
        frames.append(peer.recv())

    with RawServer(talk, tls=speech.server) as server:
        transport = connect(server.url, context=speech.client)
        transport.send_close(1000, "bye")
        assert payload(transport) == "still talking"
        assert receive(transport) == CloseFrame(1000, "")
        transport.close()
    assert frames == [(CLOSE, b"\x03\xe8bye"), b""]


@pytest.mark.parametrize("offset", [0, 1, 3, 50])
@pytest.mark.parametrize("reset", [False, True])
def test_a_connection_that_is_cut_ends_as_1006_after_what_arrived(connect, offset, reset):
    whole = text("whole message")

    def talk(peer: Peer) -> None:
        peer.upgrade()
        assert peer.frame()[1] == b"go"
        peer.send(whole + text("the one that is cut " * 10))
        peer.hold()

    with RawServer(talk) as server, Relay(server.address) as relay:
        transport = connect(f"ws://localhost:{relay.port}/")
        until(lambda: relay.down.passed > 100)  # the answer to the upgrade, counted
        relay.down.cut_at(relay.down.passed + len(whole) + offset, reset=reset)
        transport.send(b"go", soon())
        if not reset:  # RST may overtake what was sent before it
            assert payload(transport) == "whole message"
        with pytest.raises(Lost) as caught:
            drain(transport)
        assert caught.value.code == 1006
        assert caught.value.reason
        server.release()


@pytest.mark.requires("emulator")
def test_tls_that_is_cut_ends_as_1006(connect, certificates, trusting):
    def talk(peer: Peer) -> None:
        stay_open(peer, text("hello"))

    with RawServer(talk, tls=certificates.context) as server, Relay(server.address) as relay:
        transport = connect(f"wss://localhost:{relay.port}/", context=trusting)
        assert payload(transport) == "hello"
        relay.reset()
        with pytest.raises(Lost) as caught:
            receive(transport)
        assert caught.value.code == 1006
        server.release()


def drain(transport: WebSocketTransport) -> None:
    while True:
        receive(transport)


def silent(peer: Peer) -> None:
    stay_open(peer)


def dripping(peer: Peer) -> None:
    peer.upgrade()
    peer.drip(frame(BINARY, bytes(60_000)), 0.01)


def pinging(peer: Peer) -> None:
    peer.upgrade()
    for _ in itertools.count():
        peer.send(frame(PONG, b"x" * 100) * 500)


def fragmenting(peer: Peer) -> None:
    peer.upgrade()
    peer.send(frame(TEXT, fin=False))
    for _ in itertools.count():
        peer.send(frame(CONT, fin=False) * 5000)


@pytest.mark.parametrize("talk", [silent, dripping, pinging, fragmenting])
def test_receive_returns_at_its_deadline_whatever_the_peer_does(connect, speech, talk):
    with RawServer(talk, tls=speech.server) as server:
        transport = connect(server.url, context=speech.client)
        with within(0.2 + 0.8):
            assert transport.receive(time.monotonic() + 0.2) is None
        transport.close()
        server.release()


def test_wake_makes_receive_return(connect, speech):
    with RawServer(stay_open, tls=speech.server) as server:
        transport = connect(server.url, context=speech.client)
        task = Caught(lambda: transport.receive(None))
        with within(0.5):
            transport.wake()
            assert task.result() is None
        transport.wake()
        transport.wake()
        assert transport.receive(soon()) is None
        assert transport.receive(time.monotonic() + 0.05) is None


def test_a_wake_is_not_lost_where_bytes_come_at_the_same_moment(connect, speech):
    def talk(peer: Peer) -> None:
        peer.upgrade()
        peer.frame()
        peer.send(frame(PONG))
        peer.hold()

    with RawServer(talk, tls=speech.server) as server:
        transport = connect(server.url, context=speech.client)
        assert transport.receive(time.monotonic() + 0.05) is None
        transport._intake.drained = True  # as it is while the reader waits
        transport.send(b"now", soon())
        wait_ready(transport._sock, PATIENCE, read=True)
        transport.wake()
        with within(2.0):
            assert transport.receive(soon()) is None
        assert transport.receive(time.monotonic() + 0.05) is None


@pytest.mark.parametrize("deadline", [None, float("inf"), 1e12])
def test_a_deadline_may_be_as_far_as_one_likes(connect, deadline):
    with RawServer(lambda peer: stay_open(peer, text("x"))) as server:
        transport = connect(server.url)
        assert transport.receive(deadline).payload == "x"
        task = Caught(lambda: transport.receive(deadline))
        transport.wake()
        assert task.result() is None


def test_what_came_before_a_violation_is_delivered(connect):
    with RawServer(lambda peer: stay_open(peer, text("good") + frame(3))) as server:
        transport = connect(server.url)
        assert payload(transport) == "good"
        with pytest.raises(Lost):
            receive(transport)


def test_last_received_tells_when_bytes_came(connect):
    def talk(peer: Peer) -> None:
        peer.upgrade()
        peer.frame()
        peer.send(frame(PONG))
        peer.hold()

    with RawServer(talk) as server:
        transport = connect(server.url)
        before = transport.last_received
        transport.ping()
        deadline = time.monotonic() + PATIENCE
        while transport.last_received == before and time.monotonic() < deadline:
            transport.receive(time.monotonic() + 0.05)
        assert before < transport.last_received <= time.monotonic()
        assert isinstance(transport, WebSocketTransport)
