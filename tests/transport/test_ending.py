"""Abort, close and fork: every thread wakes, and nothing is left behind."""

from __future__ import annotations

import os
import resource
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from rawserver import TEXT, Peer, RawServer, text
from transport.kit import payload, receive, soon, stay_open
from waiting import Caught, descriptors, until, within

from livesdk.transport import Lost, WebSocketTransport, _waiting

BIG = b"x" * (8 << 20)
AT_ONCE = 0.2 + 0.8  # and what a busy machine adds


def echo(peer: Peer) -> None:
    peer.upgrade()
    while True:
        opcode, body = peer.frame()
        if opcode == TEXT:
            peer.send(text(body.decode()))


def exchange(transport: WebSocketTransport, words: str) -> None:
    transport.send(words.encode(), soon())
    assert payload(transport) == words


def lose(function: object) -> None:
    with pytest.raises(Lost):
        function()  # type: ignore[operator]  # a lambda


def test_abort_wakes_every_thread(connect, speech):
    with RawServer(stay_open, tls=speech.server, receive_buffer=4096) as server:
        transport = connect(server.url, context=speech.client)
        tasks = [Caught(lambda: lose(lambda: [transport.receive(None) for _ in range(3)]))]
        tasks += [Caught(lambda: lose(lambda: transport.send(BIG, soon()))) for _ in range(4)]
        until(lambda: transport._waiting == 4)
        with within(AT_ONCE):
            transport.abort()
            for task in tasks:
                task.result()
        lose(lambda: transport.send(b"x", soon()))
        lose(lambda: transport.send_media(b"x", 20.0))
        transport.ping()
        transport.send_close(1000, "")
        transport.abort()


def test_close_frees_every_descriptor_when_the_last_thread_is_back(connect, speech):
    with RawServer(stay_open, tls=speech.server, receive_buffer=4096) as server:
        connect(server.url, context=speech.client).close()
        server_side = descriptors()
        transport = connect(server.url, context=speech.client)
        tasks = [Caught(lambda: lose(lambda: transport.send(BIG, soon()))) for _ in range(4)]
        until(lambda: transport._waiting == 4)
        with within(AT_ONCE):
            transport.close()
            for task in tasks:
                task.result()
        assert transport._sock is None
        assert transport._waiting == 0
        until(lambda: descriptors() <= server_side + 1)  # the server's end of the connection
        transport.close()
        lose(lambda: transport.receive(None))
        lose(lambda: transport.send(b"x", soon()))


def test_many_connections_leave_nothing(connect, speech):
    with RawServer(echo, tls=speech.server) as server:
        exchange(first := connect(server.url, context=speech.client), "warm")
        first.close()
        until(lambda: sum(t.name == "rawserver" for t in threading.enumerate()) == 1)
        before, threads = descriptors(), threading.active_count()
        for number in range(50):
            transport = connect(server.url, context=speech.client)
            exchange(transport, f"{number}")
            transport.close()
        until(lambda: threading.active_count() <= threads)
        assert descriptors() <= before


def test_close_and_abort_race_with_everything(connect, speech):
    with RawServer(echo, tls=speech.server) as server:
        for _ in range(30):
            transport = connect(server.url, context=speech.client)
            start = threading.Barrier(5)

            def run(action: str, transport=transport, start=start) -> None:
                start.wait()
                try:
                    for number in range(20):
                        if action == "send":
                            transport.send(b"x" * number * 1000, soon())
                        elif action == "media":
                            transport.send_media(b"x" * number, 20.0)
                        elif action == "abort" and number == 10:
                            transport.abort()
                        elif action == "receive":
                            transport.receive(soon())
                        elif action == "ping":
                            transport.ping()
                except Lost:
                    pass

            tasks = [
                Caught(lambda action=action: run(action))
                for action in ("send", "media", "abort", "receive", "ping")
            ]
            for task in tasks:
                task.result()
            transport.close()
            assert transport._sock is None
            assert transport.stats.frames_queued == 0


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_forget_in_a_child_leaves_the_parents_connection_alone(connect, speech):
    with RawServer(echo, tls=speech.server) as server:
        transport = connect(server.url, context=speech.client)
        exchange(transport, "before")
        assert transport._sock is not None
        descriptor = transport._sock.fileno()
        child = os.fork()
        if child == 0:
            code = 1
            try:
                transport.forget()
                try:
                    os.fstat(descriptor)
                except OSError:
                    code = 0
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        exchange(transport, "after")
        transport.close()


@pytest.fixture
def many_open() -> Iterator[None]:
    """Make every new descriptor a number above 1024, which ``select`` cannot take."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 1300:
        pytest.skip("the system allows too few descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 1300), hard))
    taken = [os.open(os.devnull, os.O_RDONLY)]
    try:
        while taken[-1] <= 1024:
            taken.append(os.dup(taken[0]))
        yield
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_descriptors_above_1024_work(connect, speech, many_open):
    with RawServer(echo, tls=speech.server) as server:
        transport = connect(server.url, context=speech.client)
        assert transport._sock is not None
        assert transport._sock.fileno() > 1024
        exchange(transport, "high")
        exchange(transport, "y" * (16 << 20))
        transport.close()


def test_systems_without_poll_work(connect, speech, monkeypatch):
    monkeypatch.setattr(_waiting, "_HAS_POLL", False)
    with RawServer(echo, tls=speech.server) as server:
        transport = connect(server.url, context=speech.client)
        exchange(transport, "without poll")
        exchange(transport, "y" * (16 << 20))
        task = Caught(lambda: lose(lambda: [transport.receive(None) for _ in range(3)]))
        transport.abort()
        task.result()
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            with pytest.raises(ConnectionError):
                connect(f"ws://127.0.0.1:{unused.getsockname()[1]}/")


def test_a_peer_that_closes_its_half_ends_a_waiting_send_without_a_spin(connect):
    def talk(peer: Peer) -> None:
        peer.upgrade()
        peer.sock.shutdown(socket.SHUT_WR)
        peer.hold()

    def send(transport: WebSocketTransport) -> float:
        lose(lambda: transport.send(BIG, time.monotonic() + 1.0))
        return time.thread_time()

    with RawServer(talk, receive_buffer=4096) as server:
        transport = connect(server.url)
        assert Caught(lambda: send(transport)).result() < 0.5
        with pytest.raises(Lost):
            receive(transport)
        server.release()


def test_a_peer_that_resets_ends_a_waiting_send(connect):
    gate = threading.Event()

    def talk(peer: Peer) -> None:
        peer.upgrade()
        assert gate.wait(20)
        peer.reset()

    with RawServer(talk, receive_buffer=4096) as server:
        transport = connect(server.url)
        task = Caught(lambda: lose(lambda: transport.send(BIG, soon())))
        until(lambda: transport._waiting == 1)
        with within(AT_ONCE):
            gate.set()
            task.result()


def test_a_frame_that_another_thread_gets_out_frees_its_sender(connect):
    """The socket may be full again by then, with what comes behind it."""
    gate = threading.Event()

    def talk(peer: Peer) -> None:
        peer.upgrade()
        assert gate.wait(20)
        peer.frame()
        peer.hold()

    with RawServer(talk, receive_buffer=4096) as server:
        transport = connect(server.url)
        first = Caught(lambda: transport.send(BIG, soon()))
        until(lambda: transport._waiting == 1)
        second = Caught(lambda: lose(lambda: transport.send(BIG, soon())))
        until(lambda: transport._waiting == 2)
        gate.set()
        first.result()
        assert second.is_alive()
        transport.abort()
        second.result()
        server.release()
