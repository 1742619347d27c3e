"""How far a recording has been played, and what the client owes before it goes on.  Pure.

A server's frame is due once the client has sent what it had sent by then: of each kind as many
frames, one for one.  Sound and pictures are counted by amount, because they may be cut in another
way, and are not waited for any longer once a later frame of another kind is there: some may have
been dropped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Optional

from ._lines import RecordedEvent, kind_of

__all__ = ["Follower", "connections_of", "setup_end_of"]

_MEDIA = frozenset({"realtimeInput.audio", "realtimeInput.video", "realtimeInput.mediaChunks"})


class Follower:
    """One recording on its way; not for two threads at once.

    Args:
        events: What to play, without the client's setup.
        waits: For the client; else its frames are passed over.
    """

    def __init__(self, events: Sequence[RecordedEvent], *, waits: bool) -> None:
        self._events = events
        self._waits = waits
        self._next = 0
        self._last_at = events[0].at if events else 0.0
        self._frames: Counter[str] = Counter()  # sent by the client, and not accounted for yet
        self._amount: Counter[str] = Counter()  # of media, likewise

    def sent(self, frame: Mapping[str, Any]) -> None:
        """The client sent this, in camelCase."""
        kind = kind_of(frame)
        if kind in _MEDIA:
            self._amount[kind] += _amount_of(frame)
        else:
            self._frames[kind] += 1

    @property
    def is_over(self) -> bool:
        """Everything was taken."""
        self._pass_client()
        return self._next >= len(self._events)

    @property
    def is_ready(self) -> bool:
        """The client owes nothing."""
        self._pass_client()
        return self._next >= len(self._events) or not self._is_client()

    def take(self) -> tuple[RecordedEvent, float]:
        """Return what is due, and the seconds between it and what came before; if it is ready."""
        event = self._events[self._next]
        gap = event.at - self._last_at
        self._last_at = event.at
        self._next += 1
        return event, max(0.0, gap)

    def _is_client(self) -> bool:
        return self._events[self._next].direction == "client"

    def _pass_client(self) -> None:
        while self._next < len(self._events) and self._is_client():
            event = self._events[self._next]
            if self._waits and not self._is_paid(event):
                return
            if self._waits:
                self._last_at = event.at
            self._next += 1

    def _is_paid(self, event: RecordedEvent) -> bool:
        """Account for what the client sent, if it did send this."""
        if event.kind == "setup" or event.frame is None:
            return True  # of a later connection: whoever connects has said it
        if event.kind not in _MEDIA:
            self._frames[event.kind] -= 1
            paid = self._frames[event.kind] >= 0
            self._frames[event.kind] += 0 if paid else 1
            return paid
        amount = _amount_of(event.frame)
        if self._amount[event.kind] < amount and not any(self._frames.values()):
            return False
        self._amount[event.kind] = max(0, self._amount[event.kind] - amount)
        return True


def _amount_of(frame: Mapping[str, Any]) -> int:
    """How many characters of base64 a frame of media carries."""
    body = next(iter(frame.values()))
    value = next(iter(body.values()))
    blobs = value if isinstance(value, list) else [value]
    found = (blob.get("data") for blob in blobs if isinstance(blob, Mapping))
    return sum(len(data) for data in found if isinstance(data, str))


def connections_of(events: Sequence[RecordedEvent]) -> list[list[RecordedEvent]]:
    """Return the events of each connection; each begins after the client's setup."""
    found: list[list[RecordedEvent]] = []
    for event in events:
        if event.direction == "client" and event.kind == "setup":
            found.append([])
        elif found:
            found[-1].append(event)
    return found


def setup_end_of(events: Sequence[RecordedEvent]) -> Optional[int]:
    """Return which event completed the setup; ``None`` if none did."""
    return next(
        (
            index
            for index, event in enumerate(events)
            if event.direction == "server" and _completes_setup(event)
        ),
        None,
    )


def joined(events: Sequence[RecordedEvent]) -> list[RecordedEvent]:
    """Return the events of all connections as a program sees them: with one setup and answer."""
    kept: list[RecordedEvent] = []
    awaits_answer, setups = False, 0
    for event in events:
        if event.kind == "setup" and event.direction == "client":
            setups += 1
            awaits_answer = setups > 1
        elif awaits_answer and event.direction == "server" and _completes_setup(event):
            awaits_answer = False
        elif not event.by_session:
            kept.append(event)
    return kept


def _completes_setup(event: RecordedEvent) -> bool:
    return event.frame is not None and "setupComplete" in event.frame
