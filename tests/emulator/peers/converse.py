"""The official Python client holds a conversation; prints what came of it as JSON.

Arguments: the emulator's base URL.  ``SSL_CERT_FILE`` names its authority, because this client
speaks TLS whatever the URL says.
"""

from __future__ import annotations

import asyncio
import json
import sys
import warnings

from google import genai
from google.genai import types

warnings.simplefilter("ignore")

_TOOL = {
    "function_declarations": [
        {
            "name": "get_weather",
            "parameters": {
                "type": "OBJECT",
                "properties": {"city": {"type": "STRING"}},
                "required": ["city"],
            },
        }
    ]
}
_CONFIG = {
    "response_modalities": ["AUDIO"],
    "output_audio_transcription": {},
    "input_audio_transcription": {},
    "session_resumption": {},
    "system_instruction": "Be brief.",
    "speech_config": {"voice_config": {"prebuilt_voice_config": {"voice_name": "Kore"}}},
    "context_window_compression": {"sliding_window": {}},
    "tools": [_TOOL],
}


async def turn(session) -> dict:
    """Receive one turn, answering calls."""
    told = {"text": "", "heard": "", "audio": 0, "calls": [], "tokens": 0}
    async for message in session.receive():
        told["audio"] += len(message.data or b"")
        content = message.server_content
        if content and content.output_transcription:
            told["text"] += content.output_transcription.text or ""
        if content and content.input_transcription:
            told["heard"] += content.input_transcription.text or ""
        if message.usage_metadata:
            told["tokens"] = message.usage_metadata.total_token_count
        if message.tool_call:
            calls = message.tool_call.function_calls
            told["calls"] += [[call.name, call.args] for call in calls]
            await session.send_tool_response(
                function_responses=[
                    types.FunctionResponse(id=c.id, name=c.name, response={"output": "sunny"})
                    for c in calls
                ]
            )
    return told


async def live(client) -> list[dict]:
    """Text, a function, sound, and a changed instruction."""
    told = []
    async with client.aio.live.connect(model="gemini-3.8-live", config=_CONFIG) as session:
        await session.send_client_content(turns={"role": "user", "parts": [{"text": "Hello"}]})
        told.append(await turn(session))
        await session.send_realtime_input(text="What is the weather in Rome?")
        told.append(await turn(session))
        loud = b"".join(
            (12000 if at // 20 % 2 else -12000).to_bytes(2, "little", signed=True)
            for at in range(12_000)
        )
        for sound in (loud, bytes(24_000)):
            blob = types.Blob(data=sound, mime_type="audio/pcm;rate=16000")
            await session.send_realtime_input(audio=blob)
        told.append(await turn(session))
        await session.send_context_update(system_instruction="Be kind.", tools=[])
        question = {"role": "user", "parts": [{"text": "What are your instructions?"}]}
        await session.send_client_content(turns=question)
        told.append(await turn(session))
    return told


async def music(client) -> dict:
    """One chunk of music."""
    async with client.aio.live.music.connect(model="models/lyria-realtime-exp") as session:
        await session.set_weighted_prompts(prompts=[types.WeightedPrompt(text="jazz", weight=1.0)])
        await session.set_music_generation_config(config=types.LiveMusicGenerationConfig(bpm=100))
        await session.play()
        async for message in session.receive():
            if message.server_content and message.server_content.audio_chunks:
                chunk = message.server_content.audio_chunks[0]
                return {
                    "audio": len(chunk.data),
                    "bpm": chunk.source_metadata.music_generation_config.bpm,
                }
    return {}


async def main(base_url: str) -> None:
    """Hold both and print."""
    client = genai.Client(api_key="any", http_options={"base_url": base_url})
    print(json.dumps({"live": await live(client), "music": await music(client)}))


asyncio.run(main(sys.argv[1]))
