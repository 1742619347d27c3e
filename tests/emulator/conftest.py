"""Emulators and connections to them, cleared away after each test."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Callable

import pytest
from emulator.phone import GEMINI, Phone
from websockets.sync.client import connect

from livesdk.emulator import Emulator, Scenario


@pytest.fixture
def emulate() -> Iterator[Callable[..., Emulator]]:
    """Start emulators; they stop after the test."""
    with contextlib.ExitStack() as stack:

        def start(scenario: Scenario | None = None, **options: Any) -> Emulator:
            options.setdefault("voice", "tones")
            return stack.enter_context(Emulator(scenario, **options))

        yield start


@pytest.fixture
def dial() -> Iterator[Callable[..., Phone]]:
    """Connect to an emulator; the connections are closed after the test."""
    with contextlib.ExitStack() as stack:

        def call(
            emulator: Emulator,
            path: str = f"{GEMINI}?key=any",
            headers: dict[str, str] | None = None,
            **options: Any,
        ) -> Phone:
            url = emulator.base_url.replace("http", "ws", 1) + path
            options.setdefault("proxy", None)
            options.setdefault("max_size", None)
            options.setdefault("close_timeout", 1)
            connection = connect(url, additional_headers=headers or {}, **options)
            return Phone(stack.enter_context(connection))

        yield call


@pytest.fixture
def phone(
    emulate: Callable[..., Emulator], dial: Callable[..., Phone]
) -> Callable[..., tuple[Emulator, Phone]]:
    """Start an emulator with a scenario, connect, and set up in text modality."""

    def ready(scenario: Scenario | None = None, **setup: Any) -> tuple[Emulator, Phone]:
        emulator = emulate(scenario)
        connected = dial(emulator)
        connected.setup(**setup)
        return emulator, connected

    return ready
