"""A plain WebSocket client, so that the SDK and the emulator cannot share a mistake."""

from __future__ import annotations

import base64
import contextlib
import json
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from livesdk import pcm

GEMINI = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
VERTEX = "/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent"
MUSIC = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateMusic"
VERTEX_MODEL = "projects/p/locations/global/publishers/google/models/m"
PATIENCE = 5.0

Frame = dict[str, Any]


class Phone:
    """One connection, and the few things tests do with it."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    def send(self, frame: Any) -> None:
        self.socket.send(json.dumps(frame))

    def setup(self, **setup: Any) -> list[Frame]:
        """Send a setup, for text unless told otherwise; return the frames up to the answer."""
        setup.setdefault("model", "models/m")
        setup.setdefault("generationConfig", {"responseModalities": ["TEXT"]})
        self.send({"setup": setup})
        return self.until("setupComplete")

    def say(self, text: str, *, complete: bool = True) -> None:
        turns = [{"role": "user", "parts": [{"text": text}]}]
        self.send({"clientContent": {"turns": turns, "turnComplete": complete}})

    def ask(self, text: str) -> str:
        """Say something and return the text of the whole answer."""
        self.say(text)
        return text_of(self.until("turnComplete"))

    def respond(self, call: Frame, response: Frame, **more: Any) -> None:
        answer = {"id": call["id"], "name": call["name"], "response": response, **more}
        self.send({"toolResponse": {"functionResponses": [answer]}})

    def talk(self, sound: bytes, rate_hz: int = 16_000, chunk_ms: int = 100) -> None:
        """Stream sound in chunks, as fast as it goes."""
        for chunk in pcm.chunks(sound, 2 * rate_hz * chunk_ms // 1000):
            data = base64.b64encode(chunk).decode()
            blob = {"mimeType": f"audio/pcm;rate={rate_hz}", "data": data}
            self.send({"realtimeInput": {"audio": blob}})

    def next(self, timeout: float = PATIENCE) -> Frame:
        return json.loads(self.socket.recv(timeout))

    def until(self, wanted: str, timeout: float = PATIENCE) -> list[Frame]:
        """Return the frames up to the first that has this key, at the top or in serverContent."""
        frames = []
        while True:
            frames.append(self.next(timeout))
            if wanted in frames[-1] or wanted in (frames[-1].get("serverContent") or {}):
                return frames

    def end(self, timeout: float = PATIENCE) -> tuple[int, str]:
        """Wait for the end; return code and reason, 1006 without a close frame."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                self.socket.recv(timeout)
        self.socket.close()
        code = self.socket.protocol.close_rcvd
        return (code.code, code.reason) if code is not None else (1006, "")


def text_of(frames: list[Frame]) -> str:
    """The answer's words: text parts without thoughts, and output transcripts."""
    words = []
    for frame in frames:
        content = frame.get("serverContent", {})
        words += [
            part["text"]
            for part in content.get("modelTurn", {}).get("parts", [])
            if "text" in part and not part.get("thought")
        ]
        words.append(content.get("outputTranscription", {}).get("text", ""))
    return "".join(words)


def audio_of(frames: list[Frame]) -> list[bytes]:
    """The audio parts, decoded."""
    return [
        base64.b64decode(part["inlineData"]["data"])
        for frame in frames
        for part in frame.get("serverContent", {}).get("modelTurn", {}).get("parts", [])
        if "inlineData" in part
    ]


def kinds(frames: list[Frame]) -> list[str]:
    """What each frame says, the fields of serverContent in place of it."""
    found = []
    for frame in frames:
        found += [key for key in frame if key != "serverContent"]
        found += list(frame.get("serverContent", {}))
    return found


def speech(milliseconds: float, rate_hz: int = 16_000) -> bytes:
    """Something that a speech detector takes for speech, and the silence that ends it."""
    return pcm.tone(300, milliseconds, rate_hz) + pcm.silence(700, rate_hz)
