"""Emulators, and sessions with them, cleared away after each test."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Callable

import pytest
from session.rig import CONFIG, MODEL, Raw, client_for

from livesdk import Session
from livesdk.emulator import Emulator, Scenario


@pytest.fixture
def serve() -> Iterator[Callable[..., Emulator]]:
    """Start emulators; they stop after the test."""
    with contextlib.ExitStack() as stack:

        def start(scenario: Scenario | None = None, **options: Any) -> Emulator:
            options.setdefault("voice", "tones")
            return stack.enter_context(Emulator(scenario, **options))

        yield start


@pytest.fixture
def raw() -> Iterator[Callable[..., Raw]]:
    """Start servers of bytes; they stop after the test."""
    with contextlib.ExitStack() as stack:

        def start(**options: Any) -> Raw:
            return stack.enter_context(Raw(**options))

        yield start


@pytest.fixture
def connect() -> Iterator[Callable[..., Session]]:
    """Open sessions, for text unless told otherwise; they are closed after the test."""
    with contextlib.ExitStack() as stack:

        def call(
            server: Emulator | Raw,
            callbacks: Any = None,
            *,
            config: Any = None,
            timeout: float = 5.0,
            callback_errors: str = "report",
            **options: Any,
        ) -> Session:
            session = client_for(server, **options).live.connect(
                MODEL,
                CONFIG if config is None else config,
                callbacks,
                timeout=timeout,
                callback_errors=callback_errors,
            )
            stack.callback(session.close, 1.0)
            return session

        yield call
