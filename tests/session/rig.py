"""What tests of sessions share: a client, a listener that remembers, a server of bytes."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import livesdk
from livesdk.emulator import Emulator

MODEL = "models/m"  # no family: nothing is warned about
CONFIG = {"response_modalities": ["TEXT"]}
PATIENCE = 5.0
SETUP_COMPLETE = b'{"setupComplete": {}}'
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
_ACCEPT = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 §1.3


def client_for(server: Emulator | Raw, **options: Any) -> livesdk.Client:
    options.setdefault("api_key", "any")
    options.setdefault("http_options", {"base_url": server.base_url})
    if options["http_options"]["base_url"].startswith("https") and isinstance(server, Emulator):
        options.setdefault("ca_file", server.ca_file)
    return livesdk.Client(**options)


class Heard:
    """Callbacks that remember what they were told, in order."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []
        self.threads: list[str] = []
        self._changed = threading.Condition()

    def callbacks(self, **more: Any) -> livesdk.LiveCallbacks:
        own = {f"on{event}": self.hears(event) for event in ("open", "message", "error", "close")}
        return livesdk.LiveCallbacks(**{**own, **more})

    def hears(self, event: str) -> Callable[[Any], None]:
        def callback(argument: Any) -> None:
            self.note(event, argument)

        return callback

    def note(self, event: str, argument: Any = None) -> None:
        with self._changed:
            self.events.append((event, argument))
            self.threads.append(threading.current_thread().name)
            self._changed.notify_all()

    @property
    def kinds(self) -> list[str]:
        with self._changed:
            return [event for event, _ in self.events]

    def all(self, event: str) -> list[Any]:
        with self._changed:
            return [argument for kind, argument in self.events if kind == event]

    def wait(self, event: str, count: int = 1, timeout: float = PATIENCE) -> Any:
        """Wait for so many of these events; return what the last one told."""
        with self._changed:
            arrived = self._changed.wait_for(
                lambda: sum(kind == event for kind, _ in self.events) >= count, timeout
            )
        assert arrived, f"{event}: not {count} within {timeout} s, but {self.kinds}"
        return self.all(event)[count - 1]

    @property
    def texts(self) -> str:
        return "".join(message.text or "" for message in self.all("message"))


class Raw:
    """A server of bytes: one thread a connection, which runs ``script(peer)``.

    Args:
        script: What to do with a :class:`Peer` after the upgrade; by default complete the setup and
            answer a close.
        upgrade: Whether to answer the upgrade before that.
    """

    def __init__(
        self, script: Callable[[Peer], None] | None = None, *, upgrade: bool = True
    ) -> None:
        self._script = script or Peer.be_nice
        self._upgrade = upgrade
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.peers: list[Peer] = []
        self.over = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Raw:  # noqa: PYI034  # typing has Self from 3.11 on
        self._begin(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for peer in self.peers:
            with contextlib.suppress(OSError):
                peer.sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE)

    def _begin(self, function: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=function, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            peer = Peer(sock, self.over)
            self.peers.append(peer)
            self._begin(self._serve, peer)

    def _serve(self, peer: Peer) -> None:
        try:
            if self._upgrade:
                peer.upgrade()
            self._script(peer)
        except OSError:
            pass
        finally:
            peer.sock.close()
            peer.ended.set()


class Peer:
    """The server's side of one connection, byte by byte."""

    def __init__(self, sock: socket.socket, over: threading.Event) -> None:
        self.sock = sock
        self.over = over
        self.ended = threading.Event()
        self.frames: list[tuple[int, bytes]] = []

    def upgrade(self) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self._exactly(1)
        match = re.search(rb"(?i)sec-websocket-key: (\S+)", head)
        assert match
        accept = base64.b64encode(hashlib.sha1(match[1] + _ACCEPT).digest())
        self.sock.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = self.sock.recv(count - len(data))
            if not more:
                raise ConnectionError("the client is gone")
            data += more
        return data

    def send(self, payload: bytes | dict[str, Any], opcode: int = BINARY) -> None:
        self.send_at_once((payload, opcode))

    def send_at_once(self, *frames: tuple[bytes | dict[str, Any], int]) -> None:
        """Send frames so that one read brings them all."""
        self.sock.sendall(b"".join(self._frame(*frame) for frame in frames))

    def _frame(self, payload: bytes | dict[str, Any], opcode: int) -> bytes:
        if isinstance(payload, dict):
            payload = json.dumps(payload).encode()
        size = len(payload)
        if size < 126:
            head = struct.pack("!BB", 0x80 | opcode, size)
        elif size < 1 << 16:
            head = struct.pack("!BBH", 0x80 | opcode, 126, size)
        else:
            head = struct.pack("!BBQ", 0x80 | opcode, 127, size)
        return head + payload

    def close(self, code: int, reason: str = "") -> None:
        self.send(code.to_bytes(2, "big") + reason.encode(), CLOSE)

    def read(self) -> tuple[int, bytes]:
        """Return the next frame of the client, unmasked."""
        first, size = self._exactly(2)
        size &= 0x7F
        if size == 126:
            size = int.from_bytes(self._exactly(2), "big")
        elif size == 127:
            size = int.from_bytes(self._exactly(8), "big")
        key = self._exactly(4)
        data = self._exactly(size)
        frame = (first & 0x0F, bytes(byte ^ key[i % 4] for i, byte in enumerate(data)))
        self.frames.append(frame)
        return frame

    def read_all(self) -> None:
        """Read until the client is gone."""
        with contextlib.suppress(OSError):
            while True:
                self.read()

    def open(self) -> None:
        """Take the setup and complete it."""
        self.read()
        self.send(SETUP_COMPLETE)

    def be_nice(self) -> None:
        """Complete the setup and answer a close."""
        self.open()
        while True:
            opcode, payload = self.read()
            if opcode == CLOSE:
                self.send(payload, CLOSE)
                self.read_all()
                return

    def of(self, opcode: int) -> list[bytes]:
        return [payload for kind, payload in self.frames if kind == opcode]


def say(text: str) -> dict[str, Any]:
    """Return a server message with a text part."""
    return {"serverContent": {"modelTurn": {"parts": [{"text": text}]}}}


def our_threads() -> list[str]:
    """Name the SDK's threads, not the emulator's."""
    return [
        thread.name
        for thread in threading.enumerate()
        if thread.name.startswith(("livesdk-reader", "livesdk-callbacks"))
    ]


# What google-auth says on 3.9 is not about us; setup.cfg has the same for the tests themselves.
_WARNINGS = ["-W", "error", "-W", "ignore:You are using a Python version:FutureWarning"]


def run_script(source: str, *arguments: str, timeout: float = 30.0) -> Any:
    """Run a program of its own; return the completed process, output as text."""
    return subprocess.run(
        [sys.executable, *_WARNINGS, "-c", source, *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
