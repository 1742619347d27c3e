"""What seldom happens: TLS that wants the other direction, signals, an abort in between."""

from __future__ import annotations

import gc
import select
import signal
import socket
import ssl
import struct
import threading
import time
from typing import Any, Callable

import pytest
from rawserver import Peer, RawServer, text
from transport.kit import payload, soon, stay_open
from waiting import Caught, descriptors, until, within

from livesdk.errors import ConnectError
from livesdk.transport import Dial, Lost, WebSocketTransport


class ReadsFirst(socket.socket):
    """Cannot write before there is something to read, as TLS 1.2 when it renegotiates."""

    def send(self, data: Any, flags: int = 0) -> int:
        if not select.select([self], [], [], 0)[0]:
            raise ssl.SSLWantReadError
        return super().send(data, flags)


class WritesFirst(socket.socket):
    """Cannot read at every other attempt before it has written, though it has room for that."""

    turn = 0

    def recv(self, size: int, flags: int = 0) -> bytes:
        self.turn += 1
        if self.turn % 2:
            raise ssl.SSLWantWriteError
        return super().recv(size, flags)


def exchange_for(transport: WebSocketTransport, kind: Callable[..., socket.socket]) -> None:
    """Put another kind of socket in the place of the present one."""
    assert transport._sock is not None
    transport._sock = kind(fileno=transport._sock.detach())
    transport._sock.setblocking(False)


def test_a_write_that_wants_to_read_waits_for_that_and_does_not_spin(connect):
    gate = threading.Event()

    def talk(peer: Peer) -> None:
        peer.upgrade()
        assert not gate.wait(0.5)
        peer.send(text("something to read"))
        assert peer.frame()[1] == b"at last"
        gate.set()

    def send(transport: WebSocketTransport) -> float:
        transport.send(b"at last", soon())
        return time.thread_time()

    with RawServer(talk) as server:
        transport = connect(server.url)
        exchange_for(transport, ReadsFirst)
        assert Caught(lambda: send(transport)).result() < 0.2
        assert gate.wait(20)
        assert payload(transport) == "something to read"


def test_a_reader_with_frames_to_send_does_not_spin_either(connect):
    def listen(transport: WebSocketTransport) -> float:
        assert transport.receive(time.monotonic() + 0.5) is None
        return time.thread_time()

    with RawServer(stay_open) as server:
        transport = connect(server.url)
        exchange_for(transport, ReadsFirst)
        transport.send_media(b"x", 20.0)
        assert transport.stats.frames_queued == 1
        transport.receive(time.monotonic())  # takes the wake-up
        assert Caught(lambda: listen(transport)).result() < 0.2
        server.release()


def test_a_read_that_wants_to_write_goes_on_when_there_is_room(connect):
    with RawServer(lambda peer: stay_open(peer, text("one") + text("two"))) as server:
        transport = connect(server.url)
        exchange_for(transport, WritesFirst)
        with within(5):
            assert payload(transport) == "one"
            assert payload(transport) == "two"
        server.release()


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="no such signals here")
def test_signals_change_nothing(connect):
    caught = []
    before = signal.signal(signal.SIGUSR1, lambda *_: caught.append(1))
    stop = threading.Event()
    main = threading.get_ident()

    def bother() -> None:
        while not stop.wait(0.01):
            signal.pthread_kill(main, signal.SIGUSR1)

    try:
        with RawServer(stay_open, receive_buffer=4096) as server:
            transport = connect(server.url)
            task = Caught(bother)
            started = time.monotonic()
            assert transport.receive(started + 0.3) is None
            assert time.monotonic() >= started + 0.3
            with pytest.raises(Lost):
                transport.send(b"x" * (8 << 20), time.monotonic() + 0.3)
            stop.set()
            task.result()
            server.release()
    finally:
        stop.set()
        signal.signal(signal.SIGUSR1, before)
    assert caught


# Where the connection is gone by then, wrap_socket() itself drops the socket it has just made.
@pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")
@pytest.mark.requires("emulator")
@pytest.mark.parametrize("moment", ["before", "after"])
def test_an_abort_while_tls_takes_the_socket_over_leaves_nothing(certificates, trusting, moment):
    class Context:
        """Aborts around the moment in which the plain socket becomes another object."""

        def __init__(self, transport: WebSocketTransport) -> None:
            self.transport = transport

        def wrap_socket(self, sock: socket.socket, **options: Any) -> ssl.SSLSocket:
            if moment == "before":
                self.transport.abort()
            made = trusting.wrap_socket(sock, **options)
            if moment == "after":
                self.transport.abort()
            return made

    with RawServer(stay_open, tls=certificates.context) as server:
        before = descriptors()
        for _ in range(5):
            transport = WebSocketTransport()
            request = Dial(
                url=server.url,
                headers={},
                proxy="",
                ssl_context=lambda made=transport: Context(made),  # type: ignore[misc,return-value]
            )
            with pytest.raises(Lost):
                transport.open(request, soon())
            transport.close()
        until(lambda: descriptors() <= before)


@pytest.mark.parametrize("aborts", [False, True])
def test_a_connection_that_is_reset_before_tls_begins_leaves_nothing_unclosed(trusting, aborts):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        transport = WebSocketTransport()

        def make_context():
            peer, _ = listener.accept()
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if aborts:
                transport.abort()
            peer.close()
            assert select.select([transport._sock], [], [], 5)[0]
            return trusting

        request = Dial(
            url=f"wss://127.0.0.1:{listener.getsockname()[1]}",
            headers={},
            proxy="",
            ssl_context=make_context,
        )
        with pytest.raises(
            Lost if aborts else ConnectError, match="aborted" if aborts else "reset"
        ):
            transport.open(request, soon())
        transport.close()
        gc.collect()  # which would complain


def test_aborts_at_any_moment_of_a_dial_end_it(speech):
    """Many dials, each aborted a little later than the one before."""
    with RawServer(stay_open, tls=speech.server) as server:
        for number in range(60):
            transport = WebSocketTransport()
            request = Dial(
                url=server.url,
                headers={},
                proxy="",
                ssl_context=lambda: speech.client,  # type: ignore[arg-type,return-value]
            )
            task = Caught(lambda made=transport, asked=request: made.open(asked, soon()))
            threading.Event().wait(number * 0.0002)
            transport.abort()
            with within(2):
                try:
                    task.result()
                except Lost:
                    pass
                else:
                    with pytest.raises(Lost):
                        transport.receive(soon())
            transport.close()
            assert transport._sock is None
