"""Whether the model is waiting for a function, so that realtime media must be held back.

The service ends sessions that send audio or video while a BLOCKING call is open (1008).  Which
calls block: those of functions declared so, and of functions that do not say, where the model's
family blocks by default (Protocol §13.5, §15).

The reader adds, anybody removes; each step is one operation on a list, which needs no lock.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable
from typing import Optional

from ..types.content import FunctionCall
from ..types.enums import Behavior
from ..types.tools import FunctionDeclaration

__all__ = ["Gate"]


class Gate:
    """The open BLOCKING calls of a session.

    Args:
        blocks_by_default: What a declaration without ``behavior`` means.

    Attributes:
        open: The ids of the calls, and the names of those that have none: where there are any,
            realtime media must not be sent.  Do not change it.
        newest_at: When the last of them came, by ``time.monotonic``.
    """

    def __init__(self, *, blocks_by_default: bool) -> None:
        self._default = blocks_by_default
        self._blocking: frozenset[str] = frozenset()
        self.open: list[str] = []
        self.newest_at = 0.0

    def declare(self, declared: Iterable[FunctionDeclaration]) -> None:
        """Take the declarations that hold from now on; open calls stay as they are."""
        self._blocking = frozenset(
            function.name or ""
            for function in declared
            if function.behavior == Behavior.BLOCKING
            or (function.behavior in (None, Behavior.UNSPECIFIED) and self._default)
        )

    def called(self, calls: Iterable[FunctionCall]) -> None:
        """Calls came in, none of them again."""
        for call in calls:
            if self.blocks(call.name):
                self.newest_at = time.monotonic()
                self.open.append(call.id or call.name or "")

    def blocks(self, name: Optional[str]) -> bool:
        """The model waits for calls of this function."""
        return name in self._blocking

    def over(self, call_id: Optional[str], name: Optional[str] = None) -> None:
        """A call was answered, cancelled, or took too long."""
        with contextlib.suppress(ValueError):  # one that blocks nothing
            self.open.remove(call_id or name or "")

    def clear(self) -> None:
        """The connection of all open calls is gone."""
        self.open.clear()
