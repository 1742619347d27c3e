"""What the coverage-guided fuzzer drives: ``python harness.py TARGET SECONDS CORPUS``.

Every target takes bytes and raises where a rule is broken; what may be raised by the code under
test is caught inside.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(include=["livesdk", "websocket"]):
    import websocket

    from livesdk import codec
    from livesdk.errors import ConnectError, DecodeError
    from livesdk.transport import _frames, _upgrade
    from livesdk.types.messages import LiveServerMessage
    from livesdk.types.music import LiveMusicServerMessage

LIMIT = 1000
SECRET = "a-very-secret-key"


def decode(data: bytes) -> None:
    """Any bytes are a message or a ``DecodeError``, and a message can be read."""
    for cls in (LiveServerMessage, LiveMusicServerMessage):
        try:
            message: Any = codec.decode(data, cls)
        except DecodeError:
            continue
        repr(message)
        for name in dir(cls):
            if not name.startswith("_"):
                getattr(message, name)


def frames(data: bytes) -> None:
    """However bytes are cut, the same events come, and no message above the limit."""
    whole = _events([data])
    assert whole == _events(data[at : at + 1] for at in range(len(data)))
    middle = data[0] if data else 0
    assert whole == _events([data[:middle], data[middle:]])


def _events(pieces: Any) -> list[Any]:
    reader, found = _frames.FrameReader(LIMIT), []
    try:
        for piece in pieces:
            reader.feed(piece)
            while (event := reader.next()) is not None:
                if isinstance(event, _frames.Message):
                    assert len(event.payload) <= LIMIT
                    found.append(event.payload)
                else:
                    found.append(event)
    except _frames.Violation as violation:
        found.append(violation.code)
    return found


class Line:
    """A line on which the peer has said all it says."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def send(self, view: memoryview) -> None:
        assert view

    def recv(self, size: int) -> bytes:
        piece, self._data = self._data[:size], self._data[size:]
        if not piece:
            raise ConnectionError("the peer closed the connection")
        return piece

    read_head = _upgrade.Line.read_head


def upgrade(data: bytes) -> None:
    """Whatever answers an upgrade, an error of the tree comes, or one that dialling turns to it."""
    secrets = _upgrade.Secrets(lambda: {"x-goog-api-key": SECRET})
    caught = None
    try:
        _upgrade.upgrade(Line(data), "ws://a.test/", secrets)
    except ConnectError as error:
        caught = error
    except (OSError, ValueError, websocket.WebSocketException):
        return
    assert caught, "nobody can know the key of the handshake"
    assert SECRET not in str(caught)


TARGETS = {"decode": decode, "frames": frames, "upgrade": upgrade}


def main() -> None:
    target, seconds, corpus = sys.argv[1:4]
    arguments = [
        sys.argv[0],
        f"-max_total_time={seconds}",
        "-max_len=4096",
        "-timeout=10",
        "-rss_limit_mb=1024",
        "-print_final_stats=1",
        f"-artifact_prefix={corpus}/crash-",
        corpus,
    ]
    dictionary = Path(corpus).with_suffix(".dict")
    if dictionary.exists():
        arguments.insert(1, f"-dict={dictionary}")
    atheris.Setup(arguments, TARGETS[target])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
