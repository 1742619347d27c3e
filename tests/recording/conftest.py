"""Recordings of sessions with an emulator, each in a file of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from recording.kit import recorded

from livesdk.recording import Replay


@pytest.fixture
def record(tmp_path: Path) -> Callable[..., Replay]:
    """Record what a function does with a session; return the recording."""

    def run(converse: Callable[..., Any], *replies: Any, **options: Any) -> Replay:
        path = tmp_path / "session.jsonl"
        with recorded(path, *replies, **options) as (_, session, recorder):
            converse(session)
        assert recorder.error is None
        return Replay(path)

    return run
