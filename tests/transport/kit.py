"""What the tests of the transport share."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

from rawserver import Peer

from livesdk.transport import CloseFrame, Message, WebSocketTransport, lasting

PATIENCE = 20.0
"""Seconds until a wait counts as a hang."""


def soon() -> float:
    return time.monotonic() + PATIENCE


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """Hold the block to a time; a busy machine may pause a thread for a while."""
    started = time.monotonic()
    yield
    taken = time.monotonic() - started
    assert taken < seconds, f"took {taken:.2f} s, may take {seconds}"


def receive(transport: WebSocketTransport) -> Message | CloseFrame:
    """Return the next message or close frame."""
    deadline = soon()
    while time.monotonic() < deadline:
        event = transport.receive(deadline)
        if event is not None:
            return event
    raise AssertionError("nothing arrived")


def payload(transport: WebSocketTransport) -> str | bytes:
    event = receive(transport)
    assert isinstance(event, Message), event
    return lasting(event.payload)


def stay_open(peer: Peer, greeting: bytes = b"") -> None:
    """Be a server that upgrades, sends what it is given, and then is silent."""
    peer.upgrade(greeting)
    peer.hold()


class Task:
    """A function in a thread, and what came of it."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self._function = function
        self.result: Any = None
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.result = self._function()
        except BaseException as error:  # noqa: BLE001  # looked at where the test waits
            self.error = error

    @property
    def is_running(self) -> bool:
        return self._thread.is_alive()

    def wait(self, timeout: float = PATIENCE) -> Any:
        self._thread.join(timeout)
        assert not self._thread.is_alive(), "still running"
        if self.error is not None:
            raise self.error
        return self.result


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def until(true: Callable[[], bool]) -> None:
    """Wait for what nothing tells of, such as another thread's counters."""
    deadline = soon()
    pause = threading.Event()
    while not true():
        assert time.monotonic() < deadline, "it never came to be"
        pause.wait(0.005)
