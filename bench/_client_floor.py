"""The least that the standard library needs for the same bytes; started by ``_processes.client``.

One blocking socket in one thread.  Up: ``sendall`` of a frame that is ready, masked with zeros.
Down: ``recv`` of what is there, ``json.loads``, ``base64.b64decode``.  No class, check, queue,
timer or second thread: nobody can be much below it, so that a goal beyond it cannot be met on the
machine that says so.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import ssl
import struct
import sys
import time
from collections.abc import Iterator
from typing import Any

import _measure as measure

UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def ready(message: dict[str, Any]) -> bytes:
    """Write a text frame; a mask of zeros leaves the bytes as they are."""
    payload = json.dumps(message).encode()
    size = len(payload)
    if size < 126:
        return struct.pack("!BBI", 0x81, 0x80 | size, 0) + payload
    return struct.pack("!BBHI", 0x81, 0x80 | 126, size, 0) + payload


def said(text: str) -> bytes:
    turn = {"role": "user", "parts": [{"text": text}]}
    return ready({"clientContent": {"turns": [turn], "turnComplete": True}})


def connected(at: dict[str, Any]) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", at["port"]))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if "ca_file" in at:
        context = ssl.create_default_context(cafile=at["ca_file"])
        sock = context.wrap_socket(sock, server_hostname="127.0.0.1")
    sock.sendall(UPGRADE)
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):  # nothing follows before the setup
        answer += sock.recv(1)
    sock.sendall(ready({"setup": {"model": "models/any"}}))
    assert "setupComplete" in next(messages(sock))
    return sock


def messages(sock: socket.socket) -> Iterator[Any]:
    """Read, and give out each message, audio decoded."""
    data = b""
    while True:
        at, end = 0, len(data)
        while end - at >= 2:
            size, head = data[at + 1], 2
            if size == 126:
                if end - at < 4:
                    break
                size, head = int.from_bytes(data[at + 2 : at + 4], "big"), 4
            elif size == 127:
                if end - at < 10:
                    break
                size, head = int.from_bytes(data[at + 2 : at + 10], "big"), 10
            if end - at < head + size:
                break
            message = json.loads(data[at + head : at + head + size])
            at += head + size
            for part in message.get("serverContent", {}).get("modelTurn", {}).get("parts", ()):
                if "inlineData" in part:
                    part["inlineData"]["data"] = base64.b64decode(part["inlineData"]["data"])
            yield message
        got = sock.recv(65536)
        assert got, "the server is gone"
        data = data[at:] + got


def is_end(message: Any) -> bool:
    return bool(message.get("serverContent", {}).get("turnComplete"))


def round_trip(at: dict[str, Any], count: int, **_: Any) -> dict[str, Any]:
    frame = said("What is the capital of France?")
    times = []
    with connected(at) as sock:
        incoming = messages(sock)
        for _round in range(count):
            begin = time.perf_counter()
            sock.sendall(frame)
            while not is_end(next(incoming)):
                pass
            times.append(time.perf_counter() - begin)
    return {"times": times[count // 10 :]}


def down(at: dict[str, Any], count: int, **_: Any) -> dict[str, Any]:
    with connected(at) as sock:
        spent = measure.Cpu()
        sock.sendall(said("Go"))
        seen = 1
        for message in messages(sock):
            if is_end(message):
                break
            seen += 1
        found = spent.stop()
    assert seen == count + 1, seen
    return found


def up(at: dict[str, Any], milliseconds: int, count: int, **_: Any) -> dict[str, Any]:
    data = base64.b64encode(os.urandom(32 * milliseconds)).decode()
    blob = {"mimeType": "audio/pcm;rate=16000", "data": data}
    frame = ready({"realtimeInput": {"audio": blob}})
    with connected(at) as sock:
        spent = measure.Cpu()
        for _number in range(count):
            sock.sendall(frame)
        sock.sendall(said("Done"))
        assert any(map(is_end, messages(sock)))
        return spent.stop()


if __name__ == "__main__":
    measure.run(globals(), json.loads(sys.argv[1]))
