"""A server of bytes whose connections each have a script of their own, and what they were told."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from rawserver import CLOSE
from session.rig import PATIENCE, SETUP_COMPLETE, Peer, Raw

import livesdk

MODEL = "models/m"
FAST = livesdk.ReconnectPolicy(first_delay=0.02, longest_delay=0.1, dial_timeout=3.0)
TEXT = {"response_modalities": ["TEXT"], "session_resumption": {}}


class Station:
    """The server's side of one connection, message by message."""

    def __init__(self, peer: Peer, number: int, earlier: list[Station]) -> None:
        self.peer = peer
        self.number = number
        self.began = time.monotonic()
        self.earlier_ended = all(station.ended for station in earlier)
        self.setup: dict[str, Any] = {}
        self.was_set_up = threading.Event()
        self.messages: list[dict[str, Any]] = []
        self.close_code: int | None = None
        self.ended = False

    @property
    def handle(self) -> Any:
        """What the client's setup brought."""
        return self.setup.get("sessionResumption", {}).get("handle")

    def take_setup(self) -> dict[str, Any]:
        self.setup = json.loads(self.peer.read()[1])["setup"]
        self.was_set_up.set()
        return self.setup

    def open(self) -> None:
        self.take_setup()
        self.peer.send(SETUP_COMPLETE)

    def send(self, **message: Any) -> None:
        self.peer.send(message)

    def gives(self, handle: str, **more: Any) -> None:
        self.send(sessionResumptionUpdate={"newHandle": handle, "resumable": True, **more})

    def says(self, text: str, *, done: bool = True) -> None:
        content: dict[str, Any] = {"modelTurn": {"parts": [{"text": text}]}}
        if done:
            content["turnComplete"] = True
        self.send(serverContent=content)

    def read(self, *wanted: str) -> dict[str, Any]:
        """Read until a message with one of these keys has come, and return it."""
        while True:
            opcode, payload = self.peer.read()
            if opcode == CLOSE:
                self.close_code = int.from_bytes(payload[:2], "big") if payload else 1005
                self.ended = True
                self.peer.send(payload, CLOSE)
                raise ConnectionError("the client closed")
            if opcode in (1, 2):
                message = json.loads(payload)
                self.messages.append(message)
                if not wanted or set(message) & set(wanted):
                    return message

    def read_on(self) -> None:
        """Read until the client leaves."""
        with contextlib.suppress(ConnectionError):
            while True:
                self.read("nothing ever")

    def close(self, code: int, reason: str = "") -> None:
        self.ended = True
        self.peer.close(code, reason)
        self.peer.read_all()

    def of(self, key: str) -> list[Any]:
        return [message[key] for message in self.messages if key in message]


Script = Callable[[Station], None]


class Line(Raw):
    """One script for each connection, in turn; the last one serves all that follow."""

    def __init__(self, *scripts: Script) -> None:
        super().__init__(self._serve_next)
        self._scripts = list(scripts)
        self.stations: list[Station] = []
        self._arrived = threading.Condition()

    def _serve_next(self, peer: Peer) -> None:
        with self._arrived:
            station = Station(peer, len(self.stations), list(self.stations))
            self.stations.append(station)
            self._arrived.notify_all()
        script = self._scripts[min(station.number, len(self._scripts) - 1)]
        try:
            script(station)
        finally:
            station.ended = True

    def refuse_all(self) -> None:
        """Let nobody connect from now on."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def wait(self, count: int) -> Station:
        """Wait for so many connections and the setup of the last of them; return that."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.stations) >= count, PATIENCE)
            station = self.stations[count - 1]
        assert station.was_set_up.wait(PATIENCE)
        return station


def nice(station: Station) -> None:
    """Complete the setup, give a handle, and listen."""
    station.open()
    station.gives(f"handle-{station.number}")
    station.read_on()


@contextlib.contextmanager
def connected(
    line: Line, callbacks: Any = None, *, config: Any = None, **options: Any
) -> Iterator[livesdk.Session]:
    options.setdefault("reconnect", FAST)
    of_client = {"api_key": "any", **options.pop("client", {})}
    client = livesdk.Client(http_options={"base_url": line.base_url}, proxy="", **of_client)
    session = client.live.connect(MODEL, config or TEXT, callbacks, timeout=5.0, **options)
    try:
        yield session
    finally:
        session.close(1.0)
