"""What the model still has to say to the results of its functions.

::

    result sent ──▶ it speaks ──▶ it is done: that was to the result
              │
              ├──▶ it is done, without a word: its turnComplete may have crossed the result, so wait
              └──▶ nothing comes for a while: it has nothing to say (Protocol §13.5, WHEN_IDLE)

Pure: told of messages, results and times.  Whoever shares one between threads holds a lock.
"""

from __future__ import annotations

from typing import Optional

from ..protocol import completes_interaction, speaks
from ..types.messages import LiveServerMessage

__all__ = ["Owed"]

_SPEAKS_WITHIN = 5.0
"""Seconds after a result in which the model begins to speak to it, if it will."""


class Owed:
    """See the module.

    Attributes:
        since: When the result was sent to which nothing was said so far; ``None``: there is none.
    """

    __slots__ = ("_may_cross", "_speaks", "_was_done", "since")

    def __init__(self) -> None:
        self.since: Optional[float] = None
        self._speaks = False  # it has begun to
        self._may_cross = False  # the end of the turn before may be on its way
        self._was_done = False  # the model has come to an end since it called

    def called(self) -> None:
        """Calls came."""
        self._was_done = False

    def sent(self, at: float, *, blocking: bool) -> None:
        """A result was sent; the model waited for that of a ``blocking`` call, and for no other."""
        self.since, self._speaks = at, False
        self._may_cross = not (blocking or self._was_done)

    def spoke(self) -> None:
        """The model said something."""
        self._speaks = True

    def received(self, message: LiveServerMessage) -> None:
        """Take a message into account."""
        if speaks(message):
            self.spoke()
        if not completes_interaction(message):
            return
        self._was_done = True
        if self._speaks or not self._may_cross:
            self.since = None
        self._may_cross = False

    def forget(self) -> None:
        """Nothing will be said to what was sent."""
        self.since = None

    @property
    def ends_at(self) -> Optional[float]:
        """When it is to be taken for silent; ``None`` if nothing is owed, or it speaks already."""
        return None if self.since is None or self._speaks else self.since + _SPEAKS_WITHIN
