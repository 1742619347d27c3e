"""A TCP relay that does to a connection what networks do.

::

    with Relay(("127.0.0.1", port)) as relay:
        relay.up.stall()  # bytes from the client stay here from now on
        relay.down.cut_at(100)  # the server's 101st byte never arrives
        connect(relay.address)

``up`` is what goes from the client to the server, ``down`` the way back.  What is set holds for the
connections that stand and for those to come; bytes are counted anew for each connection.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from typing import Any, final

_PIECE = 16 * 1024


class Way:
    """One direction: what happens to the bytes."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._stalled = False
        self._cut: int | None = None
        self._reset = False
        self._drip: float | None = None
        self._delay = 0.0
        self._ended = False
        self.passed = 0
        """Bytes that went through, over all connections."""

    def stall(self) -> None:
        """Hold everything back, and read no more of it, so that the sender's buffers fill."""
        self._set(_stalled=True)

    def flow(self) -> None:
        """Let it through again, at full speed."""
        self._set(_stalled=False, _drip=None, _delay=0.0)

    def drip(self, seconds: float) -> None:
        """Let one byte through, then wait so long, and so on."""
        self._set(_drip=seconds)

    def delay(self, seconds: float) -> None:
        """Wait so long before each piece."""
        self._set(_delay=seconds)

    def cut_at(self, offset: int, *, reset: bool = False) -> None:
        """End both ways after so many bytes of this one: by FIN, or by RST."""
        self._set(_cut=offset, _reset=reset)

    def wait_passed(self, count: int, timeout: float = 10.0) -> bool:
        """Wait until so many bytes went through."""
        with self._condition:
            return self._condition.wait_for(lambda: self.passed >= count, timeout)

    def _set(self, **values: Any) -> None:
        with self._condition:
            for name, value in values.items():
                setattr(self, name, value)
            self._condition.notify_all()

    def _may_read(self) -> bool:
        """Wait until bytes may come; False at the end."""
        with self._condition:
            self._condition.wait_for(lambda: self._ended or not self._stalled)
            return not self._ended

    def _admit(self, seen: int) -> int:
        """Wait for leave; return how many bytes may go on at once, 0 for the end."""
        if not self._may_read():
            return 0
        with self._condition:
            pause = self._drip if self._drip is not None else self._delay
            if pause:
                self._condition.wait_for(lambda: self._ended, pause)
            allowed = _PIECE if self._drip is None else 1
            if self._cut is not None:
                allowed = min(allowed, self._cut - seen)
            return 0 if self._ended else max(0, allowed)

    def _count(self, size: int) -> None:
        with self._condition:
            self.passed += size
            self._condition.notify_all()


@final
class Relay:
    """A listener on the loopback interface, with two threads a connection.

    Args:
        target: Where connections go.
        on_connect: Called for each of them before anything passes, and may say what is to happen.
    """

    def __init__(
        self, target: tuple[str, int], *, on_connect: Callable[[], None] | None = None
    ) -> None:
        self.up = Way()
        self.down = Way()
        self._target = target
        self._on_connect = on_connect
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._listener.getsockname()[:2]
        """Where to connect."""
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._ended = False
        self._start(self._accept)

    @property
    def port(self) -> int:
        return self.address[1]

    def reset(self) -> None:
        """End every connection by RST, now."""
        with self._lock:
            for sock in self._sockets:
                _end(sock, reset=True)

    def close(self) -> None:
        with self._lock:
            self._ended = True
        for way in (self.up, self.down):
            way._set(_ended=True)
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            sockets, threads = list(self._sockets), list(self._threads)
        for sock in sockets:
            _end(sock, reset=False)
        for thread in threads:
            thread.join(10)
        for sock in sockets:
            sock.close()

    def __enter__(self) -> Relay:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _start(self, target: Any, *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, name="relay", daemon=True)
        with self._lock:
            self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client = self._listener.accept()[0]
                server = socket.create_connection(self._target, 10)
            except OSError:
                return
            for sock in (client, server):
                sock.settimeout(None)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._sockets += [client, server]
                ended = self._ended
            if ended:
                client.close()
                server.close()
                return
            if self._on_connect is not None:
                self._on_connect()
            pumps = [(self.up, client, server), (self.down, server, client)]
            left = [len(pumps)]
            for pump in pumps:
                self._start(self._serve, left, *pump)

    def _serve(self, left: list[int], way: Way, *ends: socket.socket) -> None:
        self._pump(way, *ends)
        with self._lock:
            left[0] -= 1
            if not left[0]:  # nobody reads there any more
                self._sockets = [sock for sock in self._sockets if sock not in ends]
                for sock in ends:
                    sock.close()
            if not self._ended:
                self._threads.remove(threading.current_thread())

    def _pump(self, way: Way, source: socket.socket, sink: socket.socket) -> None:
        seen = 0
        try:
            while way._may_read():
                data = source.recv(_PIECE)
                if not data:
                    with contextlib.suppress(OSError):
                        sink.shutdown(socket.SHUT_WR)
                    return
                while data:
                    allowed = way._admit(seen)
                    if not allowed:
                        raise ConnectionAbortedError
                    sink.sendall(data[:allowed])
                    seen += len(data[:allowed])
                    way._count(len(data[:allowed]))
                    data = data[allowed:]
                if way._cut is not None and seen >= way._cut:
                    break
        except OSError:
            pass
        _end(source, reset=way._reset)
        _end(sink, reset=way._reset)


def _end(sock: socket.socket, *, reset: bool) -> None:
    with contextlib.suppress(OSError):
        if reset:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.shutdown(socket.SHUT_RD)  # a thread that reads here comes back
            sock.close()
        else:
            sock.shutdown(socket.SHUT_RDWR)
