"""Frames as the service sends them: UTF-8 JSON, indented by two, with a newline at the end."""

from __future__ import annotations

import base64
import json
import random
from typing import Any

_random = random.Random(20)


def pcm(milliseconds: int, rate_hz: int = 24_000) -> bytes:
    """Noise: sound that no encoder can shorten, and of which no two bytes follow a pattern."""
    return _random.randbytes(rate_hz * 2 * milliseconds // 1000)


def frame(message: dict[str, Any]) -> bytes:
    return json.dumps(message, indent=2).encode() + b"\n"


def content(**members: Any) -> dict[str, Any]:
    return {"serverContent": members}


def audio(milliseconds: int) -> bytes:
    data = base64.b64encode(pcm(milliseconds)).decode()
    part = {"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": data}}
    return frame(content(modelTurn={"parts": [part]}))


SETUP_COMPLETE = frame({"setupComplete": {}})
TEXT = frame(content(modelTurn={"parts": [{"text": "Paris is the capital of France."}]}))
TRANSCRIPT = frame(content(outputTranscription={"text": " is the capital"}))
TOOL_CALL = frame(
    {
        "toolCall": {
            "functionCalls": [
                {
                    "name": "get_weather",
                    "args": {"city": "Tokyo", "unit": "celsius"},
                    "id": "function-call-4711",
                }
            ]
        }
    }
)
USAGE = {
    "promptTokenCount": 1234,
    "responseTokenCount": 56,
    "totalTokenCount": 1290,
    "promptTokensDetails": [
        {"modality": "TEXT", "tokenCount": 1200},
        {"modality": "AUDIO", "tokenCount": 34},
    ],
    "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": 56}],
}
TURN_COMPLETE = frame({**content(turnComplete=True), "usageMetadata": USAGE})
ANSWER = frame(content(modelTurn={"parts": [{"text": "Paris."}]}, turnComplete=True))
"""A whole turn in one frame."""
