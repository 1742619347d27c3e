"""Pictures beside the sound: a camera, a screen, a folder of images, one picture a second.

Blocks the thread that calls; :class:`livesdk.AudioConversation` has one for it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Optional

from ._checks import check_positive

if TYPE_CHECKING:
    from .session import Session

__all__ = ["send_video"]

_TICK_S = 0.1


def send_video(
    session: Session,
    frames: Iterable[Any],
    *,
    fps: float = 1.0,
    stop: Optional[threading.Event] = None,
    on_progress: Optional[Callable[[int], Any]] = None,
) -> int:
    """Send pictures from an iterable at a steady pace, until it ends or is stopped.

    Each picture is taken from the iterable when it is due, so that what is sent is what is to be
    seen at that moment; one that comes late is not made up for.

    Args:
        session: Where to.
        frames: Pictures in any form that ``send_realtime_input(video=...)`` takes: JPEG, PNG or
            WEBP bytes, PIL images, blobs, ``(mime_type, bytes)``.
        fps: Pictures a second; the service looks at about one.
        stop: Ends it when set.
        on_progress: Called after each picture with how many were sent.

    Returns:
        How many were sent.

    Raises:
        ConfigError: A picture is none, or ``fps`` is no number above 0.
        SessionClosed: The session ended on the way.
    """
    check_positive("fps", fps)
    stopped = stop or threading.Event()
    sent = 0
    due = time.monotonic()
    frames = iter(frames)
    while not stopped.is_set():
        try:
            picture = next(frames)
        except StopIteration:
            break
        session.send_realtime_input(video=picture)
        sent += 1
        if on_progress is not None:
            on_progress(sent)
        due = max(due + 1 / fps, time.monotonic())
        if not _wait_until(due, session, stopped):
            break
    return sent


def _wait_until(due: float, session: Session, stopped: threading.Event) -> bool:
    """Wait; False if stopped or if the session ended meanwhile."""
    while not (stopped.is_set() or session.is_closed):
        left = due - time.monotonic()
        if left <= 0:
            return True
        stopped.wait(min(left, _TICK_S))
    return not session.is_closed and not stopped.is_set()
