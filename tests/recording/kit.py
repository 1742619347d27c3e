"""A session with an emulator, recorded."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from session.opened import TEXT, client_of

import livesdk
from livesdk.emulator import Emulator, Scenario
from livesdk.recording import Recorder


@contextlib.contextmanager
def recorded(
    file: Any,
    *replies: Any,
    config: Any = None,
    callbacks: Any = None,
    audio: bool = True,
    **scenario: Any,
) -> Iterator[tuple[Emulator, livesdk.Session, Recorder]]:
    """Record a session with an emulator that answers with ``replies``, until the block is left."""
    with contextlib.ExitStack() as stack:
        wanted = Scenario(replies=replies, **scenario)
        emulator = stack.enter_context(Emulator(wanted, voice="tones"))
        recorder = stack.enter_context(Recorder(file, audio=audio))
        connect = client_of(emulator).live.connect
        session = connect("m", config or TEXT, callbacks, recorder=recorder)
        with session:
            yield emulator, session, recorder


def refused(file: Any, *openings: Any, callbacks: Any = None) -> tuple[Recorder, Exception]:
    """Record a session that never opens; return the recorder and what ``connect`` raised."""
    with Emulator(Scenario(openings=openings)) as emulator, Recorder(file) as recorder:
        try:
            client_of(emulator).live.connect("m", TEXT, callbacks, recorder=recorder)
        except livesdk.LiveError as error:
            return recorder, error
    raise AssertionError("it opened")
