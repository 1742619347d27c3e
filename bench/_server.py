"""The other end, in a process of its own: raw sockets, frames that are encoded already.

Started by the scripts as ``_server.py [--tls] [--frame KIND] [--count N] [--apart S] [--every S]``;
prints one line of JSON with its port, and ends when its standard input does.

Every short message of a client (not a chunk of audio) is answered with ``count`` frames of ``kind``
and one that ends the turn: as many frames in one write as 64 KB hold, so that the server is quicker
than any client; with ``apart``, one by one and so many seconds apart.  With ``every``, each
connection gets a chunk of audio every so many seconds instead, from its setup on, which begins with
the time it was sent at.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import hashlib
import heapq
import json
import os
import selectors
import socket
import ssl
import struct
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any, Optional

import _frames as frames

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 §1.3
_SHORT = 300
_WRITE = 1 << 16
"""Bytes of one write."""
_STAMP = 9
"""Bytes of audio that are replaced by the time: 12 letters of base64."""

KINDS = {
    "text": frames.TEXT,
    "40ms": frames.audio(40),
    "100ms": frames.audio(100),
    "1s": frames.audio(1000),
}


def framed(payload: bytes, opcode: int = 0x82) -> bytes:
    """Write one final, unmasked frame; binary, as the service does."""
    size = len(payload)
    if size < 126:
        return struct.pack("!BB", opcode, size) + payload
    if size < 1 << 16:
        return struct.pack("!BBH", opcode, 126, size) + payload
    return struct.pack("!BBQ", opcode, 127, size) + payload


def upgraded(request: bytes) -> bytes:
    lines = request.split(b"\r\n")
    [key] = [
        line.split(b":")[1].strip()
        for line in lines
        if line.lower().startswith(b"sec-websocket-key:")
    ]
    accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )


class Incoming:
    """Counts the frames in a stream of bytes, and says how long each is and whether it closes."""

    def __init__(self) -> None:
        self._data = b""

    def feed(self, data: bytes) -> Iterator[tuple[int, int]]:
        data = self._data + data if self._data else data
        at, end = 0, len(data)
        while end - at >= 2:
            size, head = data[at + 1] & 0x7F, 6
            if size == 126:
                head = 8
                size = int.from_bytes(data[at + 2 : at + 4], "big")
            elif size == 127:
                head = 14
                size = int.from_bytes(data[at + 2 : at + 10], "big")
            if at + head + size > end:
                break
            yield data[at] & 0x0F, size
            at += head + size
        self._data = data[at:]


# ------------------------------------------------------------------- one thread for a connection


def joined(answer: list[bytes]) -> list[bytes]:
    """Put frames together, as many as one write holds."""
    writes = [bytearray()]
    for frame in answer:
        if writes[-1] and len(writes[-1]) + len(frame) > _WRITE:
            writes.append(bytearray())
        writes[-1] += frame
    return [bytes(write) for write in writes]


def serve(sock: socket.socket, answer: list[bytes], apart: float) -> None:
    with contextlib.suppress(OSError), sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        request = b""
        while b"\r\n\r\n" not in request:
            request += sock.recv(65536)
        request, _, rest = request.partition(b"\r\n\r\n")
        sock.sendall(upgraded(request))
        incoming, is_setup = Incoming(), True
        while True:
            for opcode, size in incoming.feed(rest):
                if opcode == 0x8:
                    sock.sendall(framed(b"\x03\xe8", 0x88))
                    return
                if is_setup:
                    is_setup = False
                    sock.sendall(framed(frames.SETUP_COMPLETE))
                elif size < _SHORT and opcode in (1, 2):
                    for write in answer:
                        sock.sendall(write)
                        if apart:
                            time.sleep(apart)
            rest = sock.recv(1 << 16)
            if not rest:
                return


# ---------------------------------------------------------------- many connections, on one thread


class Crowd:
    """All connections on one thread, each with a chunk of audio at its own times."""

    def __init__(self, listener: socket.socket, every: float) -> None:
        self._listener = listener
        self._every = every
        self._selector = selectors.DefaultSelector()
        self._due: list[tuple[float, int, socket.socket]] = []
        before, _, self._behind = framed(frames.audio(100)).partition(b'"data": "')
        self._before = before + b'"data": "'
        self._behind = self._behind[_STAMP * 4 // 3 :]

    def run(self) -> None:
        self._selector.register(self._listener, selectors.EVENT_READ)
        while True:
            wait = max(0.0, self._due[0][0] - time.monotonic()) if self._due else None
            for key, _ in self._selector.select(wait):
                if key.fileobj is self._listener:
                    self._accept()
                else:
                    self._read(key.fileobj, key.data)
            self._send_due()

    def _accept(self) -> None:
        sock, _ = self._listener.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(sock, selectors.EVENT_READ, _Member())

    def _read(self, sock: Any, member: _Member) -> None:
        try:
            data = sock.recv(1 << 16)
            if not data:
                raise ConnectionError
            if not member.is_upgraded:
                member.request += data
                request, is_whole, data = member.request.partition(b"\r\n\r\n")
                if not is_whole:
                    return
                sock.sendall(upgraded(request))
                member.is_upgraded = True
            for opcode, _size in member.incoming.feed(data):
                if opcode == 0x8:
                    sock.sendall(framed(b"\x03\xe8", 0x88))
                elif not member.is_open:
                    member.is_open = True
                    sock.sendall(framed(frames.SETUP_COMPLETE))
                    sock.setblocking(False)
                    due = time.monotonic() + self._every
                    heapq.heappush(self._due, (due, sock.fileno(), sock))
        except OSError:
            self._selector.unregister(sock)
            sock.close()

    def _send_due(self) -> None:
        now = time.monotonic()
        while self._due and self._due[0][0] <= now:
            due, number, sock = heapq.heappop(self._due)
            stamp = base64.b64encode(struct.pack("<d", time.monotonic()) + b"\0")
            frame = self._before + stamp + self._behind
            try:
                sent = sock.send(frame)
                if sent < len(frame):  # whole frames only: wait for this one
                    sock.setblocking(True)
                    sock.sendall(frame[sent:])
                    sock.setblocking(False)
            except BlockingIOError:
                pass  # the client is behind: it misses this chunk
            except OSError:
                continue
            heapq.heappush(self._due, (due + self._every, number, sock))


class _Member:
    """What is known of one connection of the crowd."""

    def __init__(self) -> None:
        self.request = b""
        self.is_upgraded = False
        self.is_open = False
        self.incoming = Incoming()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--frame", default="text", choices=KINDS)
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--apart", type=float, default=0.0)
    parser.add_argument("--every", type=float, default=0.0)
    parser.add_argument("--cpu", type=int)
    options = parser.parse_args()
    if options.cpu is not None:
        os.sched_setaffinity(0, {options.cpu})
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    context: Optional[ssl.SSLContext] = None
    told: dict[str, Any] = {"port": listener.getsockname()[1]}
    if options.tls:
        from livesdk.emulator.tls import Certificates

        certificates = Certificates.make("127.0.0.1")
        context, told["ca_file"] = certificates.context, certificates.ca_file
    print(json.dumps(told), flush=True)
    threading.Thread(target=_accept, args=(listener, context, options), daemon=True).start()
    sys.stdin.read()


def _accept(listener: socket.socket, context: Optional[ssl.SSLContext], options: Any) -> None:
    if options.every:
        Crowd(listener, options.every).run()
    answer = [framed(KINDS[options.frame])] * options.count
    answer.append(framed(frames.TURN_COMPLETE if options.count else frames.ANSWER))
    if not options.apart:
        answer = joined(answer)
    while True:
        sock, _ = listener.accept()
        with contextlib.suppress(OSError):
            if context is not None:
                sock = context.wrap_socket(sock, server_side=True)
            given = (sock, answer, options.apart)
            threading.Thread(target=serve, args=given, daemon=True).start()


if __name__ == "__main__":
    main()
