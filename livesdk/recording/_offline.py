"""A transport without a network: what the server said comes from a recording.

Row of ``DESIGN`` §4: one condition around how far it has been played.  Whoever waits for a frame's
time or for the client waits on it, so that ``close()`` ends the wait.
"""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Sequence
from typing import Optional, Union

from ..errors import CloseInfo
from ..transport import (
    CloseFrame,
    Dial,
    Leftover,
    Lost,
    Message,
    Outbound,
    Transport,
    TransportStats,
)
from ._follow import Follower, joined
from ._lines import RecordedEvent

__all__ = ["OfflineTransport"]


class OfflineTransport(Transport):
    """Plays a recording.

    Args:
        events: Of the whole recording.
        stats: To count with.
        waits: For what the client had sent, before the answer to it.
        speed: 1 for the pace of the recording; ``None``: at once.
    """

    def __init__(
        self,
        events: Sequence[RecordedEvent],
        stats: TransportStats,
        *,
        waits: bool,
        speed: Optional[float],
    ) -> None:
        self.stats = stats
        self.last_received = time.monotonic()
        self._follower = Follower(
            [event for event in joined(events) if event.direction != "session"], waits=waits
        )
        self._end = _end_of(events)
        self._waits = waits
        self._speed = speed
        self._condition = threading.Condition(threading.Lock())  # around all below, and above
        self._due: Optional[tuple[float, RecordedEvent]] = None
        self._anchor = 0.0
        self._goodbye: Optional[CloseFrame] = None
        self._lost: Optional[Lost] = None
        self._woken = False

    # ------------------------------------------------------------------------- opening and ending

    def open(self, request: Dial, deadline: float) -> None:  # noqa: ARG002  # nobody is dialled
        with self._condition:
            self._check()
            self._anchor = self.last_received = time.monotonic()

    def _check(self) -> None:
        if self._lost is not None:
            raise Lost(self._lost.code, self._lost.reason)

    def send_close(self, code: int, reason: str) -> bool:
        with self._condition:
            self._goodbye = self._goodbye or CloseFrame(code, reason)
            self._condition.notify_all()
        return True

    def wake(self) -> None:
        with self._condition:
            self._woken = True
            self._condition.notify_all()

    def abort(self) -> None:
        self._lose("aborted")

    def close(self) -> None:
        self._lose("closed")

    def _lose(self, reason: str) -> None:
        with self._condition:
            self._lost = self._lost or Lost(1006, reason)
            self._condition.notify_all()

    def forget(self) -> None:
        """There are no descriptors to be dropped."""

    # -------------------------------------------------------------------------------- the client

    def send_setup(self, payload: bytes, deadline: float) -> None:
        self.send(payload, deadline)

    def keep(self, media: Sequence[Outbound]) -> None:
        """Nothing is ever left."""

    def release(self, first: Sequence[Outbound] = ()) -> None:
        for message in first:
            self.send(message.payload, 0.0)

    def hold(self) -> bool:
        """Nobody sends what would have to wait."""
        return True

    def acknowledged(self, count: int) -> None:
        """Nothing is kept."""

    def leftover(self) -> Leftover:
        """Everything arrived."""
        self._lose("closed")
        return Leftover()

    def send(
        self,
        payload: bytes,
        deadline: float,  # noqa: ARG002  # there is always room
        media_ms: Optional[float] = None,  # noqa: ARG002  # and nothing is counted apart
    ) -> None:
        frame = json.loads(payload)
        with self._condition:
            self._check()
            if self._goodbye is not None:
                raise Lost(1006, "closing")
            self.stats.frames_sent += 1
            self.stats.messages_sent += 0 if "setup" in frame else 1
            self.stats.bytes_sent += len(payload)
            if "setup" not in frame:
                self._follower.sent(frame)
            self._condition.notify_all()

    def send_media(self, payload: bytes, duration_ms: float) -> None:  # noqa: ARG002  # likewise
        self.send(payload, 0.0)

    def ping(self) -> None:
        """Nobody would answer."""

    # -------------------------------------------------------------------------------- the server

    def receive(self, deadline: Optional[float]) -> Union[Message, CloseFrame, None]:
        with self._condition:
            while True:
                self._check()
                if self._goodbye is not None:
                    return self._goodbye
                if self._woken:
                    self._woken = False
                    return None
                now = time.monotonic()
                due_at = self._next_due(now)
                if self._due is not None and due_at is not None and due_at <= now:
                    return self._deliver(now)
                if due_at is None and self._is_played:
                    return self._at_end()
                if deadline is not None and now >= deadline:
                    return None
                moments = [moment for moment in (due_at, deadline) if moment is not None]
                wait = min(moments, default=math.inf) - now
                self._condition.wait(min(max(0.0, wait), threading.TIMEOUT_MAX))

    def next(self) -> None:
        """Each frame has a moment of its own."""

    def _next_due(self, now: float) -> Optional[float]:
        """Return when the next frame is due; ``None`` while the client owes one, and at the end."""
        if self._due is None:
            if not self._follower.is_ready:
                self._anchor = 0.0  # what follows is timed from when the client has sent it
                return None
            if self._follower.is_over:
                return None
            event, gap = self._follower.take()
            base = self._anchor or now
            self._due = (base + (gap / self._speed if self._speed else 0.0), event)
        return self._due[0]

    def _deliver(self, now: float) -> Message:
        assert self._due is not None  # the caller looked
        due_at, event = self._due
        self._due, self._anchor = None, due_at
        self.last_received = now
        payload = event.payload
        self.stats.messages_received += 1
        self.stats.bytes_received += len(payload)
        return Message(payload)

    @property
    def _is_played(self) -> bool:
        """All was played; where the client closed the session, it is waited for to do so again."""
        by_client = self._end is not None and self._end.initiated_by == "local"
        return self._follower.is_over and not (self._waits and by_client)

    def _at_end(self) -> CloseFrame:
        end = self._end
        if end is None:
            return CloseFrame(1000, "the recording ends here")
        if end.initiated_by == "network" or end.code == 1006:
            raise Lost(end.code, end.reason)
        return CloseFrame(end.code, end.reason)


def _end_of(events: Sequence[RecordedEvent]) -> Optional[CloseInfo]:
    """Return how it ended; ``None`` where the recording does not say, as after a crash."""
    told: Optional[CloseInfo] = None
    for event in reversed(events):
        if event.direction == "server" or (told is not None and told.initiated_by == "local"):
            break
        if event.direction == "session" and event.info is not None:
            told = event.info  # what the connection met says more than what became of the session
    return told
