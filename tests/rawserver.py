"""A server of bare bytes: each connection runs a function of the test, in a thread.

::

    def talk(peer: Peer) -> None:
        peer.upgrade()
        peer.send(text("hello"))
        assert peer.frame() == (TEXT, b"an answer")


    with RawServer(talk) as server:
        connect(server.url)

What goes wrong in the function is raised by the ``with`` statement's end.  ``peer.hold()`` waits
for that end, so that a connection can stay open and silent.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import re
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from typing import final

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


def frame(
    opcode: int, payload: bytes = b"", *, fin: bool = True, bits: int = 0, mask: bytes = b""
) -> bytes:
    """Return a frame, right or wrong; ``bits`` are the reserved ones, 0x70 at most."""
    first, masked = (0x80 if fin else 0) | bits | opcode, 0x80 if mask else 0
    size = len(payload)
    if size <= 125:
        head = bytes([first, masked | size])
    elif size < 1 << 16:
        head = bytes([first, masked | 126]) + size.to_bytes(2, "big")
    else:
        head = bytes([first, masked | 127]) + size.to_bytes(8, "big")
    return head + mask + payload


def text(payload: str) -> bytes:
    return frame(TEXT, payload.encode())


def close_frame(code: int | None = None, reason: bytes = b"") -> bytes:
    return frame(CLOSE, b"" if code is None else code.to_bytes(2, "big") + reason)


def upgrade_answer(key: str, **headers: str) -> bytes:
    """Return the head of the answer to an upgrade; what is given replaces what is right."""
    digest = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
    given = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Accept": base64.b64encode(digest).decode(),
    }
    given.update({name.replace("_", "-"): value for name, value in headers.items()})
    lines = [f"{name}: {value}" for name, value in given.items() if value]
    return "\r\n".join(["HTTP/1.1 101 Switching Protocols", *lines, "", ""]).encode()


def head_from(read: Callable[[int], bytes]) -> str:
    """Read the head of an HTTP request; ``read`` returns so many bytes."""
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        data += read(1)
    return data.decode("latin-1")


def key_of(head: str) -> str:
    """Return the key in the head of a request for an upgrade."""
    found = re.search(r"(?im)^Sec-WebSocket-Key: *(\S+)", head)
    assert found, head
    return found[1]


def frame_from(read: Callable[[int], bytes]) -> tuple[int, bytes]:
    """Read one frame of a client, which must be final and masked; ``read`` as above."""
    first, second = read(2)
    assert first & 0xF0 == 0x80, f"not a final frame without reserved bits: {first:#x}"
    assert second & 0x80, "a client has to mask"
    size = second & 0x7F
    if size == 126:
        size = int.from_bytes(read(2), "big")
        assert size > 125, "the shortest form of the length has to be used"
    elif size == 127:
        size = int.from_bytes(read(8), "big")
        assert size > 0xFFFF, "the shortest form of the length has to be used"
    key = read(4)
    data = read(size)
    mask = (key * (size // 4 + 1))[:size]
    mixed = int.from_bytes(data, "big") ^ int.from_bytes(mask, "big")
    return first & 0x0F, mixed.to_bytes(size, "big")


class Gone(Exception):
    """The client ended the connection."""


class Peer:
    """One client's connection, from the server's side; calls wait at most 30 seconds."""

    def __init__(self, sock: socket.socket, released: threading.Event) -> None:
        self.sock = sock
        self.request = ""
        self.released = released
        sock.settimeout(30)
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data: bytes) -> None:
        try:
            self.sock.sendall(data)
        except OSError as error:
            raise Gone from error

    def drip(self, data: bytes, seconds: float) -> None:
        """Send byte by byte, until the end of the test or of the client."""
        for byte in data:
            self.send(bytes([byte]))
            if self.released.wait(seconds):
                raise Gone

    def recv(self, size: int = 65536) -> bytes:
        """Return some bytes, or none at the end."""
        try:
            return self.sock.recv(size)
        except (ConnectionError, ssl.SSLError, OSError) as error:
            if isinstance(error, socket.timeout):
                raise
            return b""

    def read(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            piece = self.recv(size - len(data))
            if not piece:
                raise Gone
            data += piece
        return bytes(data)

    def read_request(self) -> str:
        """Read the head of an HTTP request."""
        self.request = head_from(self.read)
        return self.request

    def answer(self, **headers: str) -> bytes:
        """Return the head of the answer to the request; what is given replaces what is right."""
        return upgrade_answer(key_of(self.request), **headers)

    def upgrade(self, then: bytes = b"") -> None:
        """Do the server's part of the handshake; ``then`` goes out with the answer."""
        self.read_request()
        self.send(self.answer() + then)

    def frame(self) -> tuple[int, bytes]:
        """Read one frame of the client, which must be final and masked."""
        return frame_from(self.read)

    def hold(self) -> None:
        """Wait for the end of the test."""
        assert self.released.wait(60)

    def reset(self) -> None:
        """End the connection by RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


@final
class RawServer:
    """A listener on the loopback interface.

    Args:
        talk: Called with each client, in a thread of its own.
        tls: Speak TLS first.
        receive_buffer: Of each connection, in bytes; small ones make a client block early.
    """

    def __init__(
        self,
        talk: Callable[[Peer], None],
        *,
        tls: ssl.SSLContext | None = None,
        receive_buffer: int | None = None,
    ) -> None:
        self._talk = talk
        self._tls = tls
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._released = threading.Event()
        self.errors: list[BaseException] = []
        self.clients = 0
        self._listener = socket.socket()
        if receive_buffer:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(128)
        self.address: tuple[str, int] = self._listener.getsockname()[:2]
        self._start(self._accept)

    @property
    def port(self) -> int:
        return self.address[1]

    @property
    def url(self) -> str:
        return f"{'wss' if self._tls else 'ws'}://localhost:{self.port}/path"

    def release(self) -> None:
        """End every ``hold`` and ``drip``."""
        self._released.set()

    def close(self) -> None:
        self.release()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            threads = list(self._threads)
        for thread in threads:
            thread.join(30)

    def __enter__(self) -> RawServer:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        self.close()
        if self.errors and kind is None:
            raise self.errors[0]

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, name="rawserver", daemon=True)
        with self._lock:
            self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                sock = self._listener.accept()[0]
            except OSError:
                return
            self.clients += 1
            self._start(self._serve, sock)

    def _serve(self, sock: socket.socket) -> None:
        try:
            sock.settimeout(30)
            if self._tls:
                sock = self._tls.wrap_socket(sock, server_side=True)
            self._talk(Peer(sock, self._released))
        except (Gone, ssl.SSLError, ConnectionError):
            pass  # what a client may do at any time
        except BaseException as error:  # noqa: BLE001  # raised where the test waits
            self.errors.append(error)
        finally:
            sock.close()
