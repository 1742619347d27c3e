"""livesdk's side of the tasks; started by ``_processes.client``."""

from __future__ import annotations

import json
import os
import queue
import struct
import sys
import threading
import time
from typing import Any

import _measure as measure

BEGIN = time.perf_counter()
import livesdk  # noqa: E402  # measured

NAMES = (livesdk.Client, livesdk.LiveConnectConfig, livesdk.LiveServerMessage, livesdk.Session)
IMPORTED = time.perf_counter() - BEGIN
MODEL = "gemini-live-test"


def connect(at: dict[str, Any], **callbacks: Any) -> Any:
    scheme = "wss" if "ca_file" in at else "ws"
    client = livesdk.Client(
        api_key="none",
        http_options={"base_url": f"{scheme}://127.0.0.1:{at['port']}"},
        ca_file=at.get("ca_file"),
    )
    return client, lambda: client.live.connect(
        model=MODEL,
        config={"response_modalities": ["AUDIO"]},
        callbacks=livesdk.LiveCallbacks(**callbacks) if callbacks else None,
    )


def imported(**_: Any) -> dict[str, Any]:
    """Import with four names touched, and one object of each class made."""
    begin = time.perf_counter()
    livesdk.LiveConnectConfig(response_modalities=["AUDIO"])
    livesdk.LiveServerMessage()
    made = time.perf_counter() - begin
    return {"import": IMPORTED, "import and make": IMPORTED + made, **measure.process()}


def cold(at: dict[str, Any], **_: Any) -> dict[str, Any]:
    """From the start of the process to the first typed reply."""
    _client, dial = connect(at)
    with dial() as session:
        turn = session.ask("Hi")
    assert turn.text == "Paris.", turn
    return {"wall": measure.since_start(), **measure.process()}


def round_trip(at: dict[str, Any], count: int, **_: Any) -> dict[str, Any]:
    """Send a short text, and wait for the reply: in the callback thread, and back in this one."""
    replies: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def onmessage(message: Any) -> None:
        replies.put((time.perf_counter(), message))

    _client, dial = connect(at, onmessage=onmessage)
    heard, back = [], []
    with dial() as session:
        replies.get(timeout=10)  # setupComplete
        for _round in range(count):
            begin = time.perf_counter()
            session.send_client_content(turns="What is the capital of France?", turn_complete=True)
            arrived, message = replies.get(timeout=10)
            back.append(time.perf_counter() - begin)
            heard.append(arrived - begin)
        assert message.text == "Paris."
    return {"times": heard[count // 10 :], "back": back[count // 10 :]}


def down(at: dict[str, Any], count: int, **_: Any) -> dict[str, Any]:
    """Take ``count`` messages in the callback thread."""
    done = threading.Event()
    seen = 0

    def onmessage(message: Any) -> None:
        nonlocal seen
        seen += 1
        content = message.server_content
        if content is not None and content.turn_complete:
            done.set()

    _client, dial = connect(at, onmessage=onmessage)
    with dial() as session:
        spent = measure.Cpu()
        session.send_client_content(turns="Go", turn_complete=True)
        assert done.wait(300)
        found = spent.stop()
    assert seen == count + 2, seen  # setupComplete, and the end
    return found


def up(at: dict[str, Any], milliseconds: int, count: int, in_c: bool, **_: Any) -> dict[str, Any]:
    """Send ``count`` chunks, then a text, and wait for its answer."""
    if not in_c:
        sys.modules["websockets"] = None  # type: ignore[assignment]  # as if it were not installed
    chunk = os.urandom(32 * milliseconds)
    replies: queue.SimpleQueue[Any] = queue.SimpleQueue()
    _client, dial = connect(at, onmessage=replies.put)
    with dial() as session:
        replies.get(timeout=10)
        spent = measure.Cpu()
        for number in range(count):
            session.send_realtime_input(audio=chunk)
            if number % 20 == 19:
                while session.stats.media_queued_ms > 200:  # the peer waits for room too
                    time.sleep(0.001)
        session.send_client_content(turns="Done", turn_complete=True)
        replies.get(timeout=60)
        found = spent.stop()
        assert not session.stats.media_dropped_ms, session.stats
    return found


def crowd(at: dict[str, Any], sessions: int, seconds: float, **_: Any) -> dict[str, Any]:
    """Many sessions, 100 ms each way every 100 ms; callbacks inline, one timer for all senders."""
    delays: list[float] = []
    counting = False

    def onmessage(message: Any) -> None:
        data = message.audio
        if data is not None and counting:
            delays.append(time.monotonic() - struct.unpack_from("<d", data)[0])

    _client, dial = connect(at, onmessage=onmessage, dispatch="reader")
    before = measure.resident_kb()
    opened = [dial() for _ in range(sessions)]
    each_kb = (measure.resident_kb() - before) / sessions
    chunk = os.urandom(3200)
    spent = measure.Cpu()
    counting = True
    begin = time.monotonic()
    sent, dues = 0, sessions * int(seconds * 10)
    for number in range(dues):
        due = begin + number * 0.1 / sessions
        now = time.monotonic()
        if now > begin + seconds + 1:
            break
        if due > now:
            time.sleep(due - now)
        opened[number % sessions].send_realtime_input(audio=chunk)
        sent += 1
    counting = False
    found = spent.stop()
    for session in opened:
        dropped = session.stats.media_dropped_ms
        assert not dropped, dropped
        session.close(timeout=0)
    return {**found, "sent": sent, "due": dues, "delays": delays, "kb": each_kb}


def first_audio(**_: Any) -> dict[str, Any]:
    """Decode the first chunk of audio of a process, after the setup was answered."""
    import _frames as frames

    from livesdk import codec

    codec.decode(frames.SETUP_COMPLETE)
    frame = frames.audio(40)
    begin = time.perf_counter()
    audio = codec.decode(frame).audio
    return {"wall": time.perf_counter() - begin, "bytes": len(audio or b"")}


def opened_and_closed(at: dict[str, Any], sessions: int, **_: Any) -> dict[str, Any]:
    """One session after another."""
    _client, dial = connect(at)
    marks = []
    for number in range(sessions):
        with dial() as session:
            session.ask("Hi")
        if number + 1 in (sessions // 10, sessions // 2, sessions):
            marks.append(measure.resident_kb())
    return {"resident": marks, "threads": threading.active_count()}


def hour(at: dict[str, Any], turns: int, **_: Any) -> dict[str, Any]:
    """Turn after turn of audio in one session."""
    ends: queue.SimpleQueue[Any] = queue.SimpleQueue()
    heard = 0

    def onmessage(message: Any) -> None:
        nonlocal heard
        heard += len(message.audio or b"")
        if message.server_content and message.server_content.turn_complete:
            ends.put(None)

    _client, dial = connect(at, onmessage=onmessage)
    marks = []
    with dial() as session:
        for number in range(turns):
            session.send_client_content(turns="Go", turn_complete=True)
            ends.get(timeout=60)
            if number + 1 in (turns // 10, turns // 2, turns):
                marks.append(measure.resident_kb())
    return {"resident": marks, "seconds": heard / 48_000}


if __name__ == "__main__":
    measure.run(globals(), json.loads(sys.argv[1]))
