"""The writing side, as users have it."""

from __future__ import annotations

import os
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Optional, Union

from ..errors import ConfigError, LiveError
from ._tape import Tape

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Recorder"]


class Recorder:
    """Writes one session down, as JSON Lines: every frame of both sides, and how it ended.

    ::

        with Recorder("session.jsonl") as recorder:
            with client.live.connect(model, recorder=recorder) as session:
                session.ask("Hello")

    Frames are written as they were sent, but without secrets.  The writing is done by a thread of
    its own, within milliseconds; what is written is with the operating system at once, so that a
    crash loses the last moment at most.  The file is complete when :meth:`close` has returned; the
    end of the session closes it as well, but does not wait for that.

    If it cannot be written any further, ``onerror`` is told once, :attr:`error` keeps why, and the
    session goes on.  Every method may be called from any thread.

    Args:
        file: A path, whose file is replaced when the session connects, or a file open for writing
            bytes, which stays open.
        audio: False: write only how long sound and pictures were.  A replay then plays silence of
            the same length.

    Raises:
        ConfigError: ``file`` is neither.
    """

    def __init__(self, file: Union[str, os.PathLike[str], BinaryIO], *, audio: bool = True) -> None:
        given: Any = file
        if not (isinstance(given, (str, os.PathLike)) or hasattr(given, "write")):
            raise ConfigError(f"Recorder: expected a path or a binary file, got {file!r:.60}")
        self._tape = Tape(file, audio=audio)

    def __enter__(self) -> Self:
        """Return the recorder itself; leaving the block closes it."""
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()

    @property
    def error(self) -> Optional[LiveError]:
        """Why the recording stopped before the session did; ``None`` if it did not."""
        return self._tape.error

    def close(self, timeout: float = 5.0) -> None:
        """Record nothing more, and wait until all is written; any number of times.

        Args:
            timeout: Seconds to wait for a slow disk.
        """
        self._tape.close(timeout)
