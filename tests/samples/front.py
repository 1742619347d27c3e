"""One address for tokens and sessions, as the service has it.

The emulator speaks WebSocket only. This answers POST itself, and hands everything else to it.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import select
import socket
import threading
from collections.abc import Iterator
from typing import Any

TOKEN = "auth_tokens/made-by-the-test"


class Front(http.server.ThreadingHTTPServer):
    """Stands before an emulator.

    Attributes:
        asked: The body of each POST.
    """

    def __init__(self, port_behind: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behind = ("127.0.0.1", port_behind)
        self.asked: list[dict[str, Any]] = []

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Front
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.server.asked.append(json.loads(self.rfile.read(length)))
        body = json.dumps({"name": TOKEN}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self.close_connection = True
        head = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        with socket.create_connection(self.server.behind) as behind:
            behind.sendall(f"{self.requestline}\r\n{head}\r\n".encode("latin-1"))
            _relay(self.connection, behind)

    def log_message(self, *_: Any) -> None:
        """Be quiet."""


def _relay(left: socket.socket, right: socket.socket) -> None:
    """Carry bytes both ways until one side ends."""
    other = {left: right, right: left}
    while True:
        for sock in select.select([left, right], [], [])[0]:
            with contextlib.suppress(ConnectionError):
                received = sock.recv(65536)
                if received:
                    other[sock].sendall(received)
                    continue
            return


@contextlib.contextmanager
def front_of(port_behind: int) -> Iterator[Front]:
    with Front(port_behind) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
