"""google-genai's side of the tasks, the same in its own style; started by ``_processes.client``."""

from __future__ import annotations

import json
import os
import struct
import sys
import time
import warnings
from typing import Any

import _measure as measure

warnings.simplefilter("ignore")
BEGIN = time.perf_counter()
from google import genai  # noqa: E402  # measured
from google.genai import live, types  # noqa: E402

NAMES = (genai.Client, types.LiveConnectConfig, types.LiveServerMessage, live.AsyncSession)
IMPORTED = time.perf_counter() - BEGIN
import asyncio  # noqa: E402  # loaded already: for the tasks below

MODEL = "gemini-live-test"


def connecting(at: dict[str, Any]) -> Any:
    client = genai.Client(
        api_key="none", http_options={"base_url": f"https://127.0.0.1:{at['port']}"}
    )
    if "ca_file" not in at:  # it speaks TLS only; let it speak plainly
        api = client._api_client
        api._websocket_base_url = lambda *_: f"ws://127.0.0.1:{at['port']}"
        api._websocket_ssl_ctx = {}
    return lambda: client.aio.live.connect(model=MODEL, config={"response_modalities": ["AUDIO"]})


def imported(**_: Any) -> dict[str, Any]:
    begin = time.perf_counter()
    types.LiveConnectConfig(response_modalities=["AUDIO"])
    types.LiveServerMessage()
    made = time.perf_counter() - begin
    return {"import": IMPORTED, "import and make": IMPORTED + made, **measure.process()}


async def cold(at: dict[str, Any], **_: Any) -> dict[str, Any]:
    async with connecting(at)() as session:
        text = await turn(session, "Hi")
    assert text == "Paris."
    return {"wall": measure.since_start(), **measure.process()}


async def turn(session: Any, text: str) -> str:
    await session.send_client_content(
        turns=types.Content(role="user", parts=[types.Part(text=text)]), turn_complete=True
    )
    return "".join([message.text or "" async for message in session.receive()])


async def round_trip(at: dict[str, Any], count: int, **_: Any) -> dict[str, Any]:
    times = []
    async with connecting(at)() as session:
        for _round in range(count):
            begin = time.perf_counter()
            text = await turn(session, "What is the capital of France?")
            times.append(time.perf_counter() - begin)
        assert text == "Paris."
    return {"times": times[count // 10 :]}


async def down(at: dict[str, Any], count: int, **_: Any) -> dict[str, Any]:
    async with connecting(at)() as session:
        spent = measure.Cpu()
        await session.send_client_content(
            turns=types.Content(role="user", parts=[types.Part(text="Go")]), turn_complete=True
        )
        seen = 0
        async for _message in session.receive():
            seen += 1
        found = spent.stop()
    assert seen == count + 1, seen
    return found


async def up(at: dict[str, Any], milliseconds: int, count: int, **_: Any) -> dict[str, Any]:
    chunk = os.urandom(32 * milliseconds)
    async with connecting(at)() as session:
        spent = measure.Cpu()
        for _number in range(count):
            await session.send_realtime_input(
                audio=types.Blob(data=chunk, mime_type="audio/pcm;rate=16000")
            )
        await turn(session, "Done")
        return spent.stop()


async def crowd(at: dict[str, Any], sessions: int, seconds: float, **_: Any) -> dict[str, Any]:
    delays: list[float] = []
    counting = False
    sent = 0

    async def hear(session: Any) -> None:
        while True:
            async for message in session.receive():
                data = message.data
                if data is not None and counting:
                    delays.append(time.monotonic() - struct.unpack_from("<d", data)[0])

    async def speak(session: Any, begin: float) -> None:
        nonlocal sent
        blob = types.Blob(data=chunk, mime_type="audio/pcm;rate=16000")
        for number in range(int(seconds * 10)):
            now = time.monotonic()
            if now > end:
                return
            await asyncio.sleep(max(0.0, begin + number * 0.1 - now))
            await session.send_realtime_input(audio=blob)
            sent += time.monotonic() <= end

    dial = connecting(at)
    before = measure.resident_kb()
    managers = [dial() for _ in range(sessions)]
    opened = [await manager.__aenter__() for manager in managers]
    each_kb = (measure.resident_kb() - before) / sessions
    chunk = os.urandom(3200)
    hearing = [asyncio.create_task(hear(session)) for session in opened]
    spent = measure.Cpu()
    counting = True
    begin = time.monotonic()
    end = begin + seconds + 1
    speaking = [
        asyncio.create_task(speak(session, begin + index * 0.1 / sessions))
        for index, session in enumerate(opened)
    ]
    await asyncio.wait(speaking, timeout=seconds + 1)
    counting = False
    found = spent.stop()
    assert not any(task.done() for task in hearing)
    print(
        json.dumps(
            {
                **found,
                "sent": sent,
                "due": sessions * int(seconds * 10),
                "delays": delays,
                "kb": each_kb,
            }
        ),
        flush=True,
    )
    os._exit(0)  # closing five hundred sessions politely is not measured
    return {}


async def first_audio(**_: Any) -> dict[str, Any]:
    import _frames as frames
    from _peer import Peer

    peer = Peer()
    peer.decode(frames.SETUP_COMPLETE)
    frame = frames.audio(40)
    begin = time.perf_counter()
    audio = peer.decode(frame).data
    return {"wall": time.perf_counter() - begin, "bytes": len(audio or b"")}


async def opened_and_closed(at: dict[str, Any], sessions: int, **_: Any) -> dict[str, Any]:
    dial = connecting(at)
    marks = []
    for number in range(sessions):
        async with dial() as session:
            await turn(session, "Hi")
        if number + 1 in (sessions // 10, sessions // 2, sessions):
            marks.append(measure.resident_kb())
    return {"resident": marks}


async def hour(at: dict[str, Any], turns: int, **_: Any) -> dict[str, Any]:
    heard = 0
    marks = []
    async with connecting(at)() as session:
        for number in range(turns):
            await session.send_client_content(
                turns=types.Content(role="user", parts=[types.Part(text="Go")]), turn_complete=True
            )
            async for message in session.receive():
                heard += len(message.data or b"")
            if number + 1 in (turns // 10, turns // 2, turns):
                marks.append(measure.resident_kb())
    return {"resident": marks, "seconds": heard / 48_000}


if __name__ == "__main__":
    measure.run(globals(), json.loads(sys.argv[1]))
