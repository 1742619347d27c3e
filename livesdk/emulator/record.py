"""What the emulator remembers of its clients: connections, frames, how they ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any, Callable, Union

import attrs

from .casing import camel

__all__ = ["Connection", "Frame", "Headers", "Journal", "Wanted"]

Frame = dict[str, Any]
"""A frame from the client, as decoded from its JSON and not changed."""

Wanted = Union[str, Callable[[Frame], bool]]
"""A kind such as ``"toolResponse"`` or ``"realtimeInput.audio"``, or a predicate on the frame."""


class Headers(Mapping[str, str]):
    """Request headers; names are looked up without regard to case."""

    def __init__(self, lower: Mapping[str, str]) -> None:
        self._lower = dict(lower)

    def __getitem__(self, name: str) -> str:
        return self._lower[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._lower)

    def __len__(self) -> int:
        return len(self._lower)


@attrs.define(eq=False)
class Connection:
    """One connection of a client, as the emulator saw it.

    Attributes:
        number: 1 for the first connection of this emulator.
        path: The path of the upgrade request, without the query.
        query: The query parameters, decoded.
        headers: The request headers, looked up without regard to case.
        status: The HTTP status that answered the upgrade; 0 while there is none.
        frames: The client's frames as decoded JSON, in order.
        pongs: The payloads of the pongs received.
        handles: The resumption handles given out, in order; each with the number of the client's
            last message that it stands for, 1 for the first after the setup.
        close_code: The code of the first close frame, whoever sent it; 1006 if the connection ended
            without one, ``None`` while it lives.
        close_reason: The reason of that frame, empty without one.
        closed_by: ``"client"``, ``"server"`` or ``"network"``; ``None`` while it lives.
        opened_at: When the upgrade request arrived (``time.monotonic()``).
        closed_at: When the connection ended, ``None`` while it lives.
    """

    number: int
    path: str
    query: dict[str, str]
    headers: Headers
    _changed: threading.Condition = attrs.field(repr=False)
    status: int = 0
    frames: list[Frame] = attrs.field(factory=list, repr=False)
    pongs: list[bytes] = attrs.field(factory=list, repr=False)
    handles: dict[str, int] = attrs.field(factory=dict, repr=False)
    close_code: int | None = None
    close_reason: str | None = None
    closed_by: str | None = None
    opened_at: float = attrs.field(factory=time.monotonic)
    closed_at: float | None = None

    def wait_for(self, wanted: Wanted, count: int = 1, timeout: float = 5.0) -> list[Frame]:
        """Wait until this client has sent ``count`` such frames, and return those there are.

        Args:
            wanted: See :data:`Wanted`.
            count: How many.
            timeout: In seconds.

        Raises:
            TimeoutError: They did not come; the text says what came.
        """
        return _await_frames(self._changed, lambda: self.frames, wanted, count, timeout)

    def wait_closed(self, timeout: float = 5.0) -> bool:
        """Wait until the connection has ended; return whether it has within ``timeout`` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: self.closed_at is not None, timeout)

    def wait_pong(self, payload: bytes, timeout: float = 5.0) -> bool:
        """Wait until a pong with this payload has come; return whether it has."""
        with self._changed:
            return self._changed.wait_for(lambda: payload in self.pongs, timeout)


class Journal:
    """All connections and frames of one emulator.  Any thread.

    Args:
        keep_frames: Without, frames are forgotten as they come.
    """

    def __init__(self, *, keep_frames: bool = True) -> None:
        self._keep_frames = keep_frames
        self.changed = threading.Condition()
        self._connections: list[Connection] = []
        self._frames: list[Frame] = []

    @property
    def connections(self) -> list[Connection]:
        """A copy of the list."""
        with self.changed:
            return list(self._connections)

    @property
    def frames(self) -> list[Frame]:
        """A copy of the list, over all connections, in the order of arrival."""
        with self.changed:
            return list(self._frames)

    def open(self, path: str, query: dict[str, str], headers: dict[str, str]) -> Connection:
        """Note a new connection."""
        with self.changed:
            number = len(self._connections) + 1
            connection = Connection(number, path, query, Headers(headers), self.changed)
            self._connections.append(connection)
            self.changed.notify_all()
            return connection

    def frame(self, connection: Connection, frame: Frame) -> None:
        """Note a frame of the client."""
        if not self._keep_frames:
            return
        with self.changed:
            connection.frames.append(frame)
            self._frames.append(frame)
            self.changed.notify_all()

    def pong(self, connection: Connection, payload: bytes) -> None:
        """Note a pong."""
        with self.changed:
            connection.pongs.append(payload)
            self.changed.notify_all()

    def handle(self, connection: Connection, handle: str, consumed: int) -> None:
        """Note a resumption handle, and what it stands for."""
        if not self._keep_frames:
            return
        with self.changed:
            connection.handles[handle] = consumed
            self.changed.notify_all()

    def close(self, connection: Connection, code: int, reason: str, by: str) -> None:
        """Note the end of a connection."""
        with self.changed:
            connection.close_code, connection.close_reason = code, reason
            connection.closed_by, connection.closed_at = by, time.monotonic()
            self.changed.notify_all()

    def wait_for(self, wanted: Wanted, count: int, timeout: float) -> list[Frame]:
        """Wait for frames over all connections; see :meth:`Connection.wait_for`."""
        return _await_frames(self.changed, lambda: self._frames, wanted, count, timeout)

    def wait_connections(self, count: int, timeout: float) -> list[Connection]:
        """Wait until ``count`` connections have been opened, ended ones included."""
        with self.changed:
            if not self.changed.wait_for(lambda: len(self._connections) >= count, timeout):
                raise TimeoutError(
                    f"{len(self._connections)} of {count} connections within {timeout} s"
                )
            return list(self._connections)


def _await_frames(
    changed: threading.Condition,
    frames: Callable[[], list[Frame]],
    wanted: Wanted,
    count: int,
    timeout: float,
) -> list[Frame]:
    matches = _matcher(wanted)

    def found() -> list[Frame]:
        return [frame for frame in frames() if matches(frame)]

    with changed:
        if not changed.wait_for(lambda: len(found()) >= count, timeout):
            seen = ", ".join(_kind(frame) for frame in frames()[-20:]) or "nothing"
            raise TimeoutError(
                f"{len(found())} of {count} frames {wanted!r} within {timeout} s; "
                f"the client sent: {seen}"
            )
        return found()


def _matcher(wanted: Wanted) -> Callable[[Frame], bool]:
    if not isinstance(wanted, str):
        return wanted
    keys = wanted.split(".")

    def has_keys(frame: Frame) -> bool:
        here: Any = camel(frame)
        for key in keys:
            if not isinstance(here, dict) or key not in here:
                return False
            here = here[key]
        return True

    return has_keys


def _kind(frame: Frame) -> str:
    """``realtimeInput.audio`` and the like."""
    return "+".join(
        f"{key}.{'+'.join(map(str, body))}" if isinstance(body, dict) and body else str(key)
        for key, body in frame.items()
    )
