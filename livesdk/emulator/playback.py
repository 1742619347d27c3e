"""A session from a recording: what the server said then, while the client says its part again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..recording import RecordedEvent
from ..recording._follow import Follower, setup_end_of
from .base import Guest, House, SessionBase
from .output import Output
from .stage import LineLike
from .tasks import Pause, Task

__all__ = ["PlaybackSession"]


class PlaybackSession(SessionBase):
    """One connection of a recording.  The client's frames are checked as ever, then counted."""

    def __init__(self, line: LineLike, output: Output, house: House, guest: Guest) -> None:
        super().__init__(line, output, house, guest)
        self._events = house.script.next_recorded()
        self._speed = house.script.scenario.recording_speed
        self._task: Task | None = None

    def ended(self) -> None:
        """See the base."""
        super().ended()
        if self._task is not None:
            self._task.cancel()

    def poke(self) -> None:
        """See the base; the recording waits too."""
        super().poke()
        if self._task is not None:
            self._task.poke()

    def _prepare(self, setup: dict[str, Any]) -> None:  # noqa: ARG002  # any setup will do
        """Take what comes before the answer to the setup apart from what follows it."""
        answered = setup_end_of(self._events)
        rest = self._events
        self._answer: RecordedEvent | None = None
        if answered is not None:
            self._answer = self._events[answered]
            rest = [*self._events[:answered], *self._events[answered + 1 :]]
        self._follower = Follower(rest, waits=True)

    def _answer_setup(self) -> Iterator[Pause]:
        if self._answer is None:  # it was refused, or cut off
            yield from self._play()
        else:
            yield from super()._answer_setup()

    def _setup_complete(self) -> dict[str, Any]:
        assert self._answer is not None
        assert self._answer.frame is not None  # that is how it was found
        return self._answer.frame

    def _begin(self) -> None:
        self._task = Task(self._line, self._play())
        self._task.start()

    def _handle(self, frame: dict[str, Any]) -> None:
        self._follower.sent(frame)  # the base wakes the task

    def _play(self) -> Iterator[Pause]:
        while not self._follower.is_over:
            if not self._follower.is_ready:
                yield lambda: self._follower.is_ready
                continue
            event, gap = self._follower.take()
            if self._speed:
                yield gap / self._speed
            if self._ends(event):
                return

    def _ends(self, event: RecordedEvent) -> bool:
        """Do what happened then; True if that was the end of the connection."""
        if event.direction == "server":
            payload = event.payload
            octets = payload.encode() if isinstance(payload, str) else payload
            self._output.raw(octets, is_text=event.is_text)
        elif event.info is not None and event.info.initiated_by == "network":
            self._line.drop()
            return True
        elif event.info is not None and event.info.initiated_by == "remote":
            self._line.close(event.info.code, event.info.reason)
            return True
        return False  # where the client closed, it is left to do so again
