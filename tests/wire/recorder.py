"""A WebSocket server that writes down what it gets and says what it is told; nothing of livesdk."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import threading
from pathlib import Path
from typing import Any

from typing_extensions import Self

GOLDEN = Path(__file__).parent / "golden"
PATIENCE = 5.0


def golden(name: str) -> list[dict[str, Any]]:
    """Return the cases of one file of golden frames."""
    return json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))


def camel_cased(value: Any) -> Any:
    """Spell protocol keys as JavaScript does, and leave the user's own alone."""
    if isinstance(value, list):
        return [camel_cased(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        re.sub(r"_([a-z])", lambda found: found.group(1).upper(), key): _spelled(key, item)
        for key, item in value.items()
    }


def _spelled(key: str, value: Any) -> Any:
    if key in _USER_DATA:
        return value
    if key == "properties":
        return {name: camel_cased(schema) for name, schema in value.items()}
    return camel_cased(value)


_USER_DATA = {
    "args",
    "headers",
    "labels",
    "parameters_json_schema",
    "response",
    "response_json_schema",
}


def look(value: Any, path: str) -> Any:
    """Follow a path such as ``tool_calls.0.id``; bytes come as base64."""
    for step in path.split("."):
        if value is None:
            return None
        value = value[int(step)] if step.isdigit() else getattr(value, step)
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


class Recorder:
    """Serves while its ``with`` block runs.

    Args:
        *says: What to send after the answer to the setup: objects, or text and bytes as they are.
        setup: The answer to the setup.
    """

    def __init__(self, *says: Any, setup: Any = None) -> None:
        self._says = says
        self._setup = {"setupComplete": {}} if setup is None else setup
        self._ended = threading.Semaphore(0)
        self.frames: list[Any] = []
        self.opcodes: list[type] = []
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []

    def __enter__(self) -> Self:
        from websockets.sync.server import serve  # tests that need it are marked

        self._server = serve(self._talk, "127.0.0.1", 0)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        port = self._server.socket.getsockname()[1]
        self.base_url = f"http://127.0.0.1:{port}"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join(PATIENCE)

    def all_frames(self) -> list[Any]:
        """Wait for one more connection to end, and return every frame so far."""
        assert self._ended.acquire(timeout=PATIENCE)
        return self.frames

    def _talk(self, socket: Any) -> None:
        from websockets.exceptions import ConnectionClosed

        self.paths.append(socket.request.path)
        self.headers.append({name.lower(): value for name, value in socket.request.headers.items()})
        with contextlib.suppress(ConnectionClosed):
            self._write_down(socket.recv())
            for item in (self._setup, *self._says):
                socket.send(item if isinstance(item, (str, bytes)) else json.dumps(item))
            for frame in socket:
                self._write_down(frame)
        self._ended.release()

    def _write_down(self, frame: Any) -> None:
        self.opcodes.append(type(frame))
        self.frames.append(json.loads(frame))
