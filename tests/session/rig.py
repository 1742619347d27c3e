"""What tests of sessions share: a client, a listener that remembers, a server of bytes."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

from rawserver import BINARY, CLOSE, frame, frame_from, head_from, key_of, upgrade_answer

import livesdk
from livesdk.emulator import Emulator

MODEL = "models/m"  # no family: nothing is warned about
CONFIG = {"response_modalities": ["TEXT"]}
PATIENCE = 5.0
SETUP_COMPLETE = b'{"setupComplete": {}}'


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
        self.sock.sendall(upgrade_answer(key_of(head_from(self._exactly))))

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
        self.sock.sendall(b"".join(frame(opcode, _octets(each)) for each, opcode in frames))

    def close(self, code: int, reason: str = "") -> None:
        self.send(code.to_bytes(2, "big") + reason.encode(), CLOSE)

    def read(self) -> tuple[int, bytes]:
        """Return the next frame of the client, unmasked."""
        found = frame_from(self._exactly)
        self.frames.append(found)
        return found

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


def _octets(payload: bytes | dict[str, Any]) -> bytes:
    return json.dumps(payload).encode() if isinstance(payload, dict) else payload


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
