"""The official Python client interrupts, resumes, is sent away and plays; prints what it saw.

Run as a program, because that client is asyncio.  Arguments: the emulator's base URL and its
``ca_file``: this client speaks TLS whatever the URL says.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import sys
import warnings
from typing import Any

os.environ["SSL_CERT_FILE"] = sys.argv[2]  # for music, which takes no other way

from google import genai
from google.genai import types

warnings.simplefilter("ignore")

WEATHER = types.FunctionDeclaration(
    name="get_weather",
    behavior="BLOCKING",
    parameters=types.Schema(type="OBJECT", properties={"city": types.Schema(type="STRING")}),
)
CONFIG: dict[str, Any] = {
    "response_modalities": ["AUDIO"],
    "output_audio_transcription": {},
    "input_audio_transcription": {},
    "tools": [types.Tool(function_declarations=[WEATHER])],
}


def said(text: str) -> dict[str, Any]:
    return {"turns": {"role": "user", "parts": [{"text": text}]}}


class Seen:
    """What arrived since it was last asked."""

    def __init__(self) -> None:
        self.handle = ""
        self.clear()

    def clear(self) -> None:
        self.text, self.heard, self.audio, self.tokens = "", "", 0, 0
        self.interrupted, self.go_away = False, None
        self.calls: list[Any] = []
        self.cancelled: list[str] = []

    def add(self, message: types.LiveServerMessage) -> None:
        self.audio += len(message.data or b"")
        update = message.session_resumption_update
        if update and update.resumable:
            self.handle = update.new_handle or ""
        if message.usage_metadata:
            self.tokens = message.usage_metadata.total_token_count or 0
        if message.go_away:
            self.go_away = message.go_away.time_left
        if message.tool_call:
            self.calls += message.tool_call.function_calls or []
        if message.tool_call_cancellation:
            self.cancelled += message.tool_call_cancellation.ids or []
        content = message.server_content
        if content:
            self.interrupted = self.interrupted or bool(content.interrupted)
            self.text += (content.output_transcription and content.output_transcription.text) or ""
            self.heard += (content.input_transcription and content.input_transcription.text) or ""


async def until(messages: Any, seen: Seen, wanted: Any) -> None:
    async for message in messages:
        seen.add(message)
        if wanted(message):
            return


def turn_complete(message: types.LiveServerMessage) -> bool:
    return bool(message.server_content and message.server_content.turn_complete)


async def endless(session: Any) -> Any:
    """Every message; that client's ``receive`` ends with each turn."""
    while True:
        async for message in session.receive():
            yield message


async def live(client: Any) -> dict[str, Any]:
    told: dict[str, Any] = {}
    seen = Seen()
    config = {**CONFIG, "session_resumption": {}}
    async with client.aio.live.connect(model="gemini-3.8-live", config=config) as session:
        messages = endless(session)
        await session.send_client_content(**said("Tell me a story"))
        await until(messages, seen, lambda message: message.data)
        await session.send_client_content(**said("Stop"))
        await until(messages, seen, lambda message: seen.interrupted and turn_complete(message))
        told["interrupted"] = seen.text
        seen.clear()
        await until(messages, seen, turn_complete)
        told["after"], told["tokens"] = seen.text, seen.tokens
        seen.clear()
        await session.send_client_content(**said("How is the weather in Rome?"))
        await until(messages, seen, lambda message: seen.calls)
        told["calls"] = [[call.name, call.args] for call in seen.calls]
        ids = [call.id for call in seen.calls]
        await session.send_client_content(**said("Never mind"))
        await until(messages, seen, lambda message: seen.cancelled)
        told["cancelled"] = seen.cancelled == ids
        seen.clear()
        await session.send_realtime_input(audio_stream_end=True)
        await until(messages, seen, turn_complete)
        await session.send_client_content(**said("goodbye"))
        await until(messages, seen, lambda message: seen.go_away)
        told["go_away"] = seen.go_away
        await until(messages, seen, lambda message: message.session_resumption_update)
    seen.clear()
    config = {**CONFIG, "session_resumption": {"handle": seen.handle}}
    async with client.aio.live.connect(model="gemini-3.8-live", config=config) as session:
        await session.send_client_content(**said("What did I say?"))
        await until(endless(session), seen, turn_complete)
        told["resumed"] = seen.text
    return told


async def music(client: Any) -> dict[str, Any]:
    async with client.aio.live.music.connect(model="models/lyria-realtime-exp") as session:
        prompts = [types.WeightedPrompt(text="jazz", weight=1.0)]
        await session.set_weighted_prompts(prompts=prompts)
        config = types.LiveMusicGenerationConfig(bpm=100, scale="C_MAJOR_A_MINOR")
        await session.set_music_generation_config(config=config)
        await session.play()
        async for message in session.receive():
            if message.server_content and message.server_content.audio_chunks:
                chunk = message.server_content.audio_chunks[0]
                await session.pause()
                source = chunk.source_metadata
                return {
                    "audio": len(chunk.data) % 4,
                    "type": chunk.mime_type,
                    "prompt": source.client_content.weighted_prompts[0].text,
                    "bpm": source.music_generation_config.bpm,
                }
    return {}


async def main() -> None:
    context = ssl.create_default_context(cafile=sys.argv[2])
    options = types.HttpOptions(base_url=sys.argv[1], async_client_args={"ssl": context})
    client = genai.Client(api_key="any", http_options=options)
    print(json.dumps({"live": await live(client), "music": await music(client)}))


asyncio.run(main())
