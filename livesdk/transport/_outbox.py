"""What waits to go out on one connection, and what of it went: frames, without socket or lock.

::

    queue ─▶ (the socket) ─▶ went_out ─▶ journal, until acknowledged
    media  beyond a second of it the oldest is dropped
    kept   media for the time when this connection, or the next one, takes it

Row of ``DESIGN`` §4: the transport holds its lock around every call.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Optional, Union

from attrs import define

from ._interface import Leftover, Outbound, TransportStats

__all__ = ["Outbox", "Outgoing"]

_JOURNAL_LIMIT = 32 * 1024 * 1024
"""Bytes that wait for being acknowledged; beyond it the oldest cannot be sent again."""


@define(eq=False)
class Outgoing:
    """One frame in the outbound path.

    Attributes:
        view: What of it is still to go out.
        payload: The message that it carries; ``None`` for control frames and the setup.
        media_ms: How much realtime media that is.
        is_media: It may be dropped before it starts to go out.
        nobody_waits: It was given to ``release``, so that no sender has to be told of its end.
        counts: It is a message, and no media.
        started: Part of it is out.
        done: All of it is out.
    """

    view: Union[bytes, memoryview]
    payload: Optional[bytes] = None
    media_ms: float = 0.0
    is_media: bool = False
    nobody_waits: bool = False
    counts: bool = True
    started: bool = False
    done: bool = False


class Outbox:
    """The frames of one connection; see the module.

    Args:
        stats: To count with.
        max_media_ms: How much realtime media may wait.
        held: Nothing is to go out before :meth:`release`.
        outlived: The session may outlive this connection: media is kept for the next one.
        journals: Remember what went out until it is acknowledged.

    Attributes:
        queue: In order; the first of them may be partly out.
        held: As given, until it is released.
        outlived: As given, until :meth:`leftover` was asked for.
    """

    def __init__(
        self,
        stats: TransportStats,
        *,
        max_media_ms: float,
        held: bool,
        outlived: bool,
        journals: bool,
    ) -> None:
        self.queue: deque[Outgoing] = deque()
        self.held = held
        self.outlived = outlived
        self._stats = stats
        self._max_media_ms = max_media_ms
        self._kept: list[Outgoing] = []
        self._journal: Optional[deque[Outbound]] = deque() if journals else None
        self._journal_bytes = 0
        self._journal_from = 0  # how many messages went out before the first in the journal
        self._forgotten = 0  # of those, how many were never acknowledged

    # -------------------------------------------------------------------------------------- media

    def keep(self, media: Iterable[Outgoing], *, first: bool = False) -> None:
        """Keep media for later; ``first``: it was given before all that is kept already."""
        at = 0 if first else len(self._kept)
        self._kept[at:at] = media
        self._drop_old(self._kept)

    def drop_old_media(self) -> None:
        """Keep at most a second of media waiting for the socket, the newest."""
        self._drop_old(self.queue)

    def _drop_old(self, frames: Union[deque[Outgoing], list[Outgoing]]) -> None:
        waiting = [frame for frame in frames if frame.is_media and not frame.started]
        excess = sum(frame.media_ms for frame in waiting) - self._max_media_ms
        for frame in waiting[:-1]:
            if excess <= 0:
                break
            excess -= frame.media_ms
            frames.remove(frame)
            self._stats.media_dropped_ms += frame.media_ms
        self.count()

    def _save(self, frames: Iterable[Outgoing]) -> None:
        """Keep the media among frames that will not go out here."""
        if self.outlived:
            self.keep([frame for frame in frames if frame.is_media], first=True)

    # --------------------------------------------------------------------------- in and out again

    def release(self, first: Iterable[Outgoing]) -> None:
        """Queue these messages, and what was kept behind them."""
        self.held = False
        for frame in first:
            frame.nobody_waits = True
            self.queue.append(frame)
        self.queue.extend(self._kept)
        self._kept = []
        self.drop_old_media()

    def make_way(self) -> None:
        """A close frame is next: media that did not start does not go before it."""
        self._save([frame for frame in self.queue if not frame.started])
        self.queue = deque(frame for frame in self.queue if frame.started or not frame.is_media)

    def take_back(self, frame: Outgoing) -> None:
        """Remove a frame that did not start, if it is still here."""
        if frame in self.queue:
            self.queue.remove(frame)
            self.count()

    def went_out(self, frame: Outgoing) -> None:
        """Count the first of the queue, which is out; its message goes into the journal."""
        self.queue.popleft()
        frame.done = True
        stats, payload = self._stats, frame.payload
        stats.frames_sent += 1
        if payload is None:
            return
        stats.media_sent_ms += frame.media_ms
        if frame.counts:
            stats.messages_sent += 1
        if self._journal is not None:
            self._journal.append(Outbound(payload, frame.media_ms))
            self._journal_bytes += len(payload)
            while self._journal_bytes > _JOURNAL_LIMIT:
                self._journal_bytes -= len(self._journal.popleft().payload)
                self._journal_from += 1
                self._forgotten += 1

    def count(self) -> None:
        """Bring the counters of what waits up to date."""
        waiting = (*self.queue, *self._kept)
        self._stats.frames_queued = len(waiting)
        self._stats.media_queued_ms = sum(frame.media_ms for frame in waiting)

    # ------------------------------------------------------------------------- the next connection

    def acknowledged(self, count: int) -> None:
        """The peer has taken so many messages, of all that went out."""
        while self._journal and self._journal_from < count:
            self._journal_bytes -= len(self._journal.popleft().payload)
            self._journal_from += 1
        if count >= self._journal_from:
            self._forgotten = 0

    def lose(self) -> None:
        """Nothing goes out any more: who waits for a frame is told, by whom it belongs to."""
        self._save(self.queue)
        self.queue = deque(frame for frame in self.queue if frame.nobody_waits)
        self.count()

    def leftover(self) -> Leftover:
        """Give away what the next connection has to send, once this one is lost."""
        self.outlived = self.held = False
        sent = [*(self._journal or ()), *_messages(self.queue)]
        media = _messages(self._kept)
        self._kept.clear()
        self.queue.clear()
        self.count()
        return Leftover(sent, media, self._forgotten)


def _messages(frames: Iterable[Outgoing]) -> list[Outbound]:
    return [Outbound(each.payload, each.media_ms) for each in frames if each.payload is not None]
