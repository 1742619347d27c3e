"""When the model last came to the end of what it had to say.

The reader writes, one attribute in one step; anybody reads, without a lock.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Optional

from ..protocol import completes_interaction
from ..types.messages import LiveServerMessage

__all__ = ["LastTurn"]


class LastTurn:
    """The end of the model's last turn; a filler, and a turn whose functions run, have none.

    Args:
        tools_run: Tells whether functions run, or the model has still to speak to a result.
    """

    def __init__(self, tools_run: Callable[[], bool]) -> None:
        self._tools_run = tools_run
        self._end: tuple[float, Optional[LiveServerMessage]] = (0.0, None)

    def offer(self, message: LiveServerMessage) -> None:
        """Take a message into account; on the reader, after the session has."""
        # one that only repeats the end of the last turn is none
        if completes_interaction(message) and (message._ends_turn or self._tools_run()):
            self._end = (time.monotonic(), message)

    def cut_short(self, lost_at: float) -> None:
        """Nothing more comes of what was said until ``lost_at``; on the reader."""
        self._end = (max(self._end[0], lost_at), None)

    def is_after(self, moment: float) -> bool:
        """Tell whether it came after a moment, by ``time.monotonic``, and no function runs on."""
        at, message = self._end
        return at >= moment and (message is None or message._ends_turn)
