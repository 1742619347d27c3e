"""The port: accepts connections, gives each its line, and ends them all."""

from __future__ import annotations

import functools
import socket
import ssl
import threading
import time
from typing import Callable

from .._log import get_logger
from .server import Line, OpenApp

__all__ = ["Listener"]

_log = get_logger(__name__)


class Listener:
    """Accepts connections on one loopback port and keeps the lines that live."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        tls: ssl.SSLContext | None,
        open_app: OpenApp,
        on_end: Callable[[Line, int, str, str], None],
    ) -> None:
        self._tls = tls
        self._open_app = open_app
        self._on_end = on_end
        self._lock = threading.Lock()
        self._lines: set[Line] = set()
        self._count = 0
        self._stopping = False
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server((host, port), family=family, backlog=256)
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(
            target=self._accept, name="livesdk-emulator-accept", daemon=True
        )
        self._thread.start()

    def lines(self) -> list[Line]:
        """Return the connections that live.  Any thread."""
        with self._lock:
            return list(self._lines)

    def stop(self, seconds: float) -> bool:
        """Close the port and every connection (1001), wait, drop the rest.

        Returns:
            Whether every thread has ended within about ``seconds``.
        """
        deadline = time.monotonic() + seconds
        self._stopping = True
        self._knock()
        self._thread.join(seconds)
        self._socket.close()
        lines = self.lines()
        for line in lines:
            line.post(functools.partial(line.close, 1001, ""))
        for line in lines:
            line.join(max(0.0, (deadline - time.monotonic()) / 2))
        for line in lines:
            line.post(functools.partial(line.drop, reset=True))
        ended = [line.join(max(0.05, deadline - time.monotonic())) for line in lines]
        return all(ended) and not self._thread.is_alive()

    def _knock(self) -> None:
        """Wake ``accept`` by connecting: closing a socket elsewhere does not, on every system."""
        family, address = self._socket.family, self._socket.getsockname()
        with socket.socket(family, socket.SOCK_STREAM) as knock:
            knock.settimeout(1)
            try:
                knock.connect(address)
            except OSError:
                _log.debug("the listener was gone already")

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._socket.accept()
            except OSError:
                return
            if self._stopping:
                sock.close()
                return
            self._welcome(sock)

    def _welcome(self, sock: socket.socket) -> None:
        with self._lock:
            self._count += 1
            line = Line(
                sock,
                name=f"livesdk-emulator-{self._count}",
                tls=self._tls,
                open_app=self._open_app,
                on_end=self._ended,
            )
            self._lines.add(line)
        line.start()

    def _ended(self, line: Line, code: int, reason: str, by: str) -> None:
        with self._lock:
            self._lines.discard(line)
        self._on_end(line, code, reason, by)
