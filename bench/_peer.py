"""google-genai's own code for one frame, driven without a network or an event loop.

``AsyncSession`` gets a WebSocket that hands out and takes frames at once, so that its coroutines
run to their end in one step; asyncio's own cost is not counted against it here.
"""

from __future__ import annotations

from typing import Any

MODEL = "gemini-live-test"


class _Socket:
    """Stands for the WebSocket."""

    frame = b""
    sent = ""

    async def recv(self, decode: Any = None) -> bytes:  # noqa: ARG002  # its signature
        return self.frame

    async def send(self, text: str) -> None:
        self.sent = text


class Peer:
    def __init__(self) -> None:
        from google import genai
        from google.genai import types
        from google.genai.live import AsyncSession

        client = genai.Client(api_key="none")
        self.types = types
        self.socket = _Socket()
        self.session = AsyncSession(api_client=client._api_client, websocket=self.socket)

    def decode(self, frame: bytes) -> Any:
        self.socket.frame = frame
        return _run(self.session._receive())

    def encode(self, data: bytes, mime_type: str) -> str:
        blob = self.types.Blob(data=data, mime_type=mime_type)
        _run(self.session.send_realtime_input(audio=blob))
        return self.socket.sent


def _run(coroutine: Any) -> Any:
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it should not have waited")
