"""How a command ends by a signal: Ctrl-C, and SIGTERM in the same way, so that files are whole."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Optional

__all__ = ["Terminated", "code_of", "termination"]

_SIGNALS = 128
"""What a shell adds to the number of the signal that ended a program."""


class Terminated(KeyboardInterrupt):
    """SIGTERM came."""


def code_of(error: Optional[BaseException]) -> int:
    """Return the exit code after Ctrl-C, 130, or after SIGTERM, 143."""
    number = signal.SIGTERM if isinstance(error, Terminated) else signal.SIGINT
    return _SIGNALS + number


@contextmanager
def termination() -> Iterator[None]:
    """Have SIGTERM raise :class:`Terminated` in the block, unless the program has other plans."""
    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _terminate(_number: int, _frame: Optional[FrameType]) -> None:
    raise Terminated
