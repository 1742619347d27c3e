"""Sending from many threads, to peers that read, read slowly, or do not read."""

from __future__ import annotations

import socket
import threading
import time
from collections import defaultdict
from typing import Any

import pytest
from rawserver import CLOSE, PING, PONG, TEXT, Peer, RawServer, frame
from transport.kit import PATIENCE, receive, soon, stay_open
from waiting import Caught, until, within

from livesdk.errors import LiveTimeout
from livesdk.transport import Lost, WebSocketTransport, _websocket

SMALL_BUFFER = 16 * 1024
BIG = b"x" * (8 << 20)  # more than the buffers of both ends hold


class Reader:
    """A server that notes the client's frames, once it is let."""

    def __init__(self, *, reads: bool = True) -> None:
        self.frames: list[tuple[int, bytes]] = []
        self.peer: Peer | None = None
        self._may_read = threading.Event()
        self._upgraded = threading.Event()
        if reads:
            self.read()

    def __call__(self, peer: Peer) -> None:
        peer.upgrade()
        self.peer = peer
        self._upgraded.set()
        while not self._may_read.wait(0.05):
            if peer.released.is_set():
                return
        while True:
            self.frames.append(peer.frame())

    def read(self) -> None:
        self._may_read.set()

    def send(self, data: bytes) -> None:
        assert self._upgraded.wait(PATIENCE)
        assert self.peer is not None
        self.peer.send(data)

    def await_frames(self, count: int) -> list[tuple[int, bytes]]:
        until(lambda: len(self.frames) >= count)
        return self.frames


def block(transport: WebSocketTransport) -> Caught:
    """Fill every buffer on the way; return the send that does not come to its end."""
    task = Caught(lambda: transport.send(BIG, soon()))
    until(lambda: is_blocked(transport))
    return task


def is_blocked(transport: WebSocketTransport) -> bool:
    """Tell whether a frame went out in part; TLS counts its bytes only as a whole."""
    return any(item.started for item in list(transport._outbox.queue))


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536, 3_000_001])
def test_what_is_sent_arrives(connect, speech, size):
    reader = Reader()
    with RawServer(reader, tls=speech.server) as server:
        transport = connect(server.url, context=speech.client)
        transport.send(b"s" * size, soon())
        transport.send_media(b"m" * size, 20.0)
        transport.receive(time.monotonic() + 0.05)  # the reader flushes what had no room
        while len(reader.frames) < 2 and transport.stats.frames_queued:
            transport.receive(time.monotonic() + 0.05)
        assert reader.await_frames(2) == [(TEXT, b"s" * size), (TEXT, b"m" * size)]
        until(lambda: transport.stats.frames_queued == 0)
        assert transport.stats.frames_sent == 2
        transport.close()


def test_frames_of_many_threads_never_interleave(connect, speech):
    sizes = [0, 5, 125, 126, 4096, 65535, 65536, 300_000, 3_000_000]
    reader = Reader()

    def send_all(transport: WebSocketTransport, name: int) -> None:
        for index in range(27):
            size = sizes[(index + name) % len(sizes)] if index % 9 else 700 * name
            body = b"%d:%d:" % (name, index) + bytes([97 + name]) * size
            transport.send(body, time.monotonic() + 60)

    with RawServer(reader, tls=speech.server, receive_buffer=64 * 1024) as server:
        transport = connect(server.url, context=speech.client)
        listening = Caught(lambda: pump(transport))
        tasks = [Caught(lambda name=name: send_all(transport, name)) for name in range(16)]
        for _ in range(20):
            reader.send(frame(PING, b"between"))
        for task in tasks:
            task.result(60)
        frames = reader.await_frames(16 * 27 + 20)
        transport.abort()
        listening.result()
    orders = defaultdict(list)
    for opcode, body in frames:
        if opcode == PONG:
            assert body == b"between"
            continue
        name, index, rest = body.split(b":", 2)
        assert rest == bytes([97 + int(name)]) * len(rest)
        orders[int(name)].append(int(index))
    assert orders == {name: list(range(27)) for name in range(16)}


def pump(transport: WebSocketTransport) -> None:
    """Be the reader until the end."""
    try:
        while True:
            transport.receive(None)
    except Lost:
        pass


def test_media_and_messages_of_one_thread_keep_their_order(connect, speech):
    reader = Reader()
    with RawServer(reader, tls=speech.server) as server:
        transport = connect(server.url, context=speech.client)
        for number in range(100):
            if number % 3:
                transport.send_media(b"%d" % number, 1.0)
            else:
                transport.send(b"%d" % number, soon())
        bodies = [int(body) for _, body in reader.await_frames(100)]
        transport.close()
    assert bodies == list(range(100))


def test_a_send_that_did_not_start_times_out_and_is_not_sent(connect, speech):
    reader = Reader(reads=False)
    with RawServer(reader, tls=speech.server, receive_buffer=SMALL_BUFFER) as server:
        transport = connect(server.url, context=speech.client)
        blocked = block(transport)
        with within(0.3 + 0.8), pytest.raises(LiveTimeout, match="nothing was sent") as caught:
            transport.send(b"late", time.monotonic() + 0.3)
        assert caught.value.phase == "send"
        assert blocked.is_alive()
        reader.read()
        blocked.result()
        transport.send(b"after", soon())
        assert [body for _, body in reader.await_frames(2)] == [BIG, b"after"]
        transport.close()


def test_a_send_that_stops_half_way_fails_the_connection(connect, speech):
    reader = Reader(reads=False)
    with RawServer(reader, tls=speech.server, receive_buffer=SMALL_BUFFER) as server:
        transport = connect(server.url, context=speech.client)
        with within(0.3 + 2.0), pytest.raises(Lost, match="middle of a message"):
            transport.send(BIG, time.monotonic() + 0.3)
        with pytest.raises(Lost, match="middle of a message"):
            transport.send(b"more", soon())
        with pytest.raises(Lost, match="middle of a message"):
            transport.send_media(b"more", 20.0)
        with pytest.raises(Lost, match="middle of a message"):
            transport.receive(soon())


def test_waiting_senders_end_with_the_connection(connect, speech):
    with RawServer(Reader(reads=False), tls=speech.server, receive_buffer=SMALL_BUFFER) as server:
        transport = connect(server.url, context=speech.client)
        first = Caught(lambda: transport.send(BIG, time.monotonic() + 2.0))
        until(lambda: is_blocked(transport))
        others = [Caught(lambda: transport.send(b"x", soon())) for _ in range(5)]
        for task in (first, *others):
            with pytest.raises(Lost):
                task.result()
        assert transport.stats.frames_queued == 0


def test_old_media_are_dropped_beyond_a_second(connect, speech):
    reader = Reader(reads=False)
    with RawServer(reader, tls=speech.server, receive_buffer=SMALL_BUFFER) as server:
        transport = connect(server.url, context=speech.client)
        blocked = block(transport)
        with within(2.0):
            for number in range(200):
                transport.send_media(b"%d" % number, 20.0)
        assert transport.stats.media_queued_ms == 1000.0
        assert transport.stats.media_dropped_ms == 3000.0
        reader.read()
        blocked.result()
        until(lambda: transport.receive(time.monotonic()) is None and not transport._outbox.queue)
        bodies = [body for _, body in reader.await_frames(51)[1:]]
        assert bodies == [b"%d" % number for number in range(150, 200)]
        assert transport.stats.media_queued_ms == 0.0
        transport.close()


def test_a_message_is_not_dropped_among_media(connect):
    reader = Reader(reads=False)
    with RawServer(reader, receive_buffer=SMALL_BUFFER) as server:
        transport = connect(server.url)
        blocked = block(transport)
        transport.send_media(b"old", 900.0)
        message = Caught(lambda: transport.send(b"message", soon()))
        until(lambda: transport.stats.frames_queued == 3)
        transport.send_media(b"new", 900.0)
        transport.send_media(b"larger than the whole allowance", 5000.0)
        assert transport.stats.media_dropped_ms == 1800.0
        reader.read()
        blocked.result()
        message.result()
        until(lambda: transport.receive(time.monotonic()) is None and not transport._outbox.queue)
        bodies = [body for _, body in reader.await_frames(3)[1:]]
        assert bodies == [b"message", b"larger than the whole allowance"]
        transport.close()


def test_media_go_out_while_the_reader_waits(connect, speech):
    reader = Reader(reads=False)
    with RawServer(reader, tls=speech.server, receive_buffer=SMALL_BUFFER) as server:
        transport = connect(server.url, context=speech.client)
        blocked = block(transport)
        listening = Caught(lambda: pump(transport))
        transport.send_media(b"media", 20.0)
        reader.read()
        blocked.result()
        assert reader.await_frames(2)[1] == (TEXT, b"media")
        transport.abort()
        listening.result()


def test_pings_are_answered_while_a_message_is_being_sent(connect, speech):
    reader = Reader(reads=False)
    with RawServer(reader, tls=speech.server, receive_buffer=SMALL_BUFFER) as server:
        transport = connect(server.url, context=speech.client)
        listening = Caught(lambda: pump(transport))
        blocked = block(transport)
        second = Caught(lambda: transport.send(b"second", soon()))
        until(lambda: transport.stats.frames_queued == 2)
        reader.send(frame(PING, b"are you there?"))
        until(lambda: transport.stats.frames_queued == 3)
        reader.read()
        blocked.result()
        second.result()
        frames = reader.await_frames(3)
        assert frames[1:] == [(TEXT, b"second"), (PONG, b"are you there?")]
        transport.abort()
        listening.result()


def test_a_peer_that_pings_and_never_reads_is_held_to_a_bound(connect, speech):
    def talk(peer: Peer) -> None:
        peer.upgrade()
        flood = frame(PING, b"x" * 125) * 1000
        for _ in range(100):
            peer.send(flood)
        peer.hold()

    with RawServer(talk, tls=speech.server, receive_buffer=4096) as server:
        transport = connect(server.url, context=speech.client)
        until(
            lambda: (
                transport.receive(soon()) is None if transport._outbox.queue else _step(transport)
            )
        )
        deadline = soon()
        while transport.stats.bytes_received < 127 * 100_000 and time.monotonic() < deadline:
            transport.receive(time.monotonic() + 0.01)
        assert transport.stats.bytes_received >= 127 * 100_000
        assert transport.stats.frames_queued <= 1024
        transport.close()


def _step(transport: WebSocketTransport) -> bool:
    transport.receive(time.monotonic() + 0.01)
    return transport.stats.bytes_received > 0


def test_ctrl_c_takes_a_waiting_frame_back(connect, monkeypatch):
    reader = Reader(reads=False)
    with RawServer(reader, receive_buffer=SMALL_BUFFER) as server:
        transport = connect(server.url)
        blocked = block(transport)

        def interrupt(*_args: object, **_options: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            real = _websocket.wait_ready
            mine = threading.current_thread()
            patched.setattr(
                _websocket,
                "wait_ready",
                lambda *args, **options: (
                    interrupt() if threading.current_thread() is mine else real(*args, **options)
                ),
            )
            with pytest.raises(KeyboardInterrupt):
                transport.send(b"interrupted", soon())
        reader.read()
        blocked.result()
        transport.send(b"after", soon())
        assert [body for _, body in reader.await_frames(2)[1:]] == [b"after"]
        transport.close()


class Interrupted(socket.socket):
    """A socket with Ctrl-C right behind its first send."""

    def send(self, data: Any, flags: int = 0) -> int:
        super().send(data, flags)
        raise KeyboardInterrupt


def test_ctrl_c_before_a_send_takes_its_frame_back(connect, monkeypatch):
    reader = Reader()

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with RawServer(reader) as server:
        transport = connect(server.url)
        with monkeypatch.context() as patched:
            patched.setattr(transport, "_flush", interrupted)
            with pytest.raises(KeyboardInterrupt):
                transport.send(b"first", soon())
        transport.send(b"second", soon())
        assert [body for _, body in reader.await_frames(1)] == [b"second"]
        transport.close()


def test_ctrl_c_within_a_send_never_sends_bytes_twice(connect):
    reader = Reader()
    with RawServer(reader) as server:
        transport = connect(server.url)
        assert transport._sock is not None
        transport._sock = Interrupted(fileno=transport._sock.detach())
        transport._sock.setblocking(False)
        with pytest.raises(KeyboardInterrupt):
            transport.send(b"interrupted", soon())
        with pytest.raises(Lost, match="interrupted"):
            transport.send(b"after", soon())
        transport.close()


def test_nothing_follows_a_close_frame(connect, speech):
    reader = Reader()
    with RawServer(reader, tls=speech.server) as server:
        transport = connect(server.url, context=speech.client)
        transport.send_close(4001, "ü" * 100)
        transport.send_close(1000, "again")
        transport.ping()
        with pytest.raises(Lost, match="closing"):
            transport.send(b"late", soon())
        with pytest.raises(Lost, match="closing"):
            transport.send_media(b"late", 20.0)
        reader.await_frames(1)
        transport.close()
    assert reader.frames == [(CLOSE, (4001).to_bytes(2, "big") + "ü".encode() * 61)]


def test_a_close_frame_waits_for_the_message_before_it(connect, speech):
    reader = Reader(reads=False)
    with RawServer(reader, tls=speech.server, receive_buffer=SMALL_BUFFER) as server:
        transport = connect(server.url, context=speech.client)
        blocked = block(transport)
        listening = Caught(lambda: pump(transport))
        transport.send_media(b"dropped", 20.0)
        transport.send_close(1000, "")
        reader.read()
        blocked.result()
        frames = reader.await_frames(2)
        assert [opcode for opcode, _ in frames] == [TEXT, CLOSE]
        transport.abort()
        listening.result()


def test_nothing_is_sent_before_the_connection_is_open(transport):
    with pytest.raises(Lost, match="not open"):
        transport.send(b"early", soon())
    with pytest.raises(Lost, match="not open"):
        transport.send_media(b"early", 20.0)
    transport.send_close(1000, "")


def test_our_ping_is_answered_without_a_word(connect):
    def talk(peer: Peer) -> None:
        peer.upgrade()
        opcode, payload = peer.frame()
        assert opcode == PING
        peer.send(frame(PONG, payload) + frame(TEXT, b"after"))
        peer.hold()

    with RawServer(talk) as server:
        transport = connect(server.url)
        transport.ping()
        assert receive(transport).payload == "after"
        transport.close()


def test_waiting_for_room_costs_no_processor(connect, speech):
    def send(transport: WebSocketTransport) -> float:
        with pytest.raises(Lost):
            transport.send(BIG, time.monotonic() + 1.0)
        return time.thread_time()

    def listen(transport: WebSocketTransport) -> float:
        pump(transport)
        return time.thread_time()

    with RawServer(stay_open, tls=speech.server, receive_buffer=SMALL_BUFFER) as server:
        transport = connect(server.url, context=speech.client)
        sending = Caught(lambda: send(transport))
        until(lambda: is_blocked(transport))
        listening = Caught(lambda: listen(transport))
        assert sending.result() < 0.5
        assert listening.result() < 0.3
        server.release()


@pytest.mark.parametrize("closing", [False, True])
def test_media_that_a_connection_did_not_get_out_is_left_over_in_its_order(
    connect, speech, closing
):
    words = [BIG, b"second", b"third"]
    with RawServer(stay_open, tls=speech.server, receive_buffer=SMALL_BUFFER) as server:
        transport = connect(server.url, context=speech.client, outlived=True)
        for word in words:
            transport.send_media(word, 20.0)
        assert transport.stats.frames_queued == 3
        if closing:
            transport.send_close(1000, "")
            transport.send_media(b"fourth", 20.0)
            words.append(b"fourth")
        left = [message.payload for message in transport.leftover().media]
        assert [word[:10] for word in left] == [word[:10] for word in words]
        server.release()
