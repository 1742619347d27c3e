"""Sessions on an emulator, over a real socket, and what the emulator heard of them."""

from __future__ import annotations

import base64
import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import livesdk
from livesdk.emulator import (
    Emulator,
    Reply,
    Scenario,
    Send,
    Silence,
    Step,
    StopReading,
    TurnComplete,
)

TEXT = {"response_modalities": ["TEXT"]}
MANUAL = {
    "response_modalities": ["TEXT"],
    "realtime_input_config": {"automatic_activity_detection": {"disabled": True}},
}
PATIENCE = 10.0


def client_of(emulator: Emulator, **options: Any) -> livesdk.Client:
    options.setdefault("api_key", "any")
    return livesdk.Client(http_options={"base_url": emulator.base_url}, proxy="", **options)


@contextlib.contextmanager
def opened(
    *replies: Any,
    config: Any = None,
    callbacks: Any = None,
    model: str = "gemini-test",
    client: dict[str, Any] | None = None,
    **scenario: Any,
) -> Iterator[tuple[Emulator, livesdk.Session]]:
    """Open a session in text modality on an emulator that answers with ``replies``."""
    scenario.setdefault("auto_reply", bool(replies))
    wanted = Scenario(replies=replies, **scenario)
    with Emulator(wanted, voice="tones") as emulator:
        connect = client_of(emulator, **(client or {})).live.connect
        with connect(model, config or TEXT, callbacks) as session:
            yield emulator, session


@contextlib.contextmanager
def music(**scenario: Any) -> Iterator[tuple[Emulator, livesdk.MusicSession]]:
    with contextlib.ExitStack() as stack:
        emulator = stack.enter_context(Emulator(Scenario(**scenario)))
        yield emulator, stack.enter_context(client_of(emulator).live.music.connect())


def heard(emulator: Emulator, session: Any) -> list[dict[str, Any]]:
    """Return all frames after the setup, once everything sent so far has arrived."""
    marker = f"marker {len(emulator.frames)}"
    if isinstance(session, livesdk.MusicSession):
        session.set_weighted_prompts(marker)
        marked = {"clientContent": {"weightedPrompts": [{"text": marker, "weight": 1.0}]}}
    else:
        session.send_client_content(marker, turn_complete=False)
        turn = {"role": "user", "parts": [{"text": marker}]}
        marked = {"clientContent": {"turns": [turn], "turnComplete": False}}
    emulator.wait_for(lambda frame: frame == marked, timeout=PATIENCE)
    return [frame for frame in emulator.frames if "setup" not in frame and not _is_marker(frame)]


def _is_marker(frame: dict[str, Any]) -> bool:
    return "marker " in str(frame.get("clientContent", ""))


def blob(mime_type: str, data: bytes) -> dict[str, str]:
    """As on the wire."""
    return {"mimeType": mime_type, "data": base64.b64encode(data).decode()}


def pcm_of(frame: dict[str, Any]) -> bytes:
    return base64.b64decode(frame["realtimeInput"]["audio"]["data"])


def says(*messages: dict[str, Any]) -> list[Step]:
    """A turn that consists of exactly these frames."""
    return [*(Send(message) for message in messages), Silence()]


def content(**fields: Any) -> dict[str, Any]:
    return {"serverContent": fields}


def spoken(text: str) -> dict[str, Any]:
    return content(modelTurn={"parts": [{"text": text}]})


DONE = {"serverContent": {"turnComplete": True}}


def arrival(session: livesdk.Session, key: str) -> threading.Event:
    """Return what is set once a message with ``key`` has arrived, and those before it are kept."""
    arrived = threading.Event()
    session.on("message", lambda message: key in message.raw and arrived.set())
    return arrived


def stop_reading(
    emulator: Emulator, session: livesdk.Session, seconds: float | None = None
) -> None:
    """Let the emulator read nothing any more; returns once it does not."""
    emulator.inject(StopReading(seconds), Send({"stopped": {}}))
    for message in session.receive():
        if "stopped" in message.raw:
            return


def fill_the_buffers(session: livesdk.Session) -> None:
    """Send audio until nothing more goes out, and much of it waits in front of what follows."""
    chunk = bytes(320_000)
    while True:
        before = session.stats
        for _ in range(4):
            session.send_realtime_input(audio=chunk)
        after = session.stats
        if (
            after.media_dropped_ms > before.media_dropped_ms
            and after.bytes_sent == before.bytes_sent
        ):
            return


__all__ = [
    "DONE",
    "MANUAL",
    "PATIENCE",
    "TEXT",
    "Reply",
    "TurnComplete",
    "arrival",
    "blob",
    "client_of",
    "content",
    "fill_the_buffers",
    "heard",
    "music",
    "opened",
    "pcm_of",
    "says",
    "spoken",
    "stop_reading",
]
