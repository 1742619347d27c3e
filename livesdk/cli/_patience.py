"""How long ``livesdk talk`` waits for the answer to a file: as long as one may still come."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ._service import CommandError

if TYPE_CHECKING:
    from ..audio import WavInput
    from ..conversation import AudioConversation
    from ._talking import TalkView

__all__ = ["hear_out"]

_TICK = 0.25
_QUIET_DBFS = -50.0
_SOON = 5.0
"""Seconds of quiet until it is said that nobody was heard; of noise, four times as many."""
_ENOUGH = 15.0
"""Seconds of quiet after the file until no answer is waited for any more."""
_OWED = 60.0
"""The same where the user was heard last, and the model may be thinking."""


def hear_out(conversation: AudioConversation, file: WavInput, view: TalkView, name: str) -> None:
    """Wait until a file was asked and the answer heard; say so if nobody seems to speak.

    Args:
        conversation: It runs.
        file: What is asked.
        view: Shows the conversation, and knows who was heard.
        name: The file's.

    Raises:
        CommandError: No answer came.
    """
    patience = _Patience(conversation, file, view)
    while conversation.running and not conversation.finish(_TICK):
        if patience.is_over(time.monotonic()):
            break
    if conversation.running and "model" not in view.heard:
        raise CommandError(f"no answer came — is there speech in {name}?")


class _Patience:
    """Counts the time in which neither side was heard."""

    def __init__(self, conversation: AudioConversation, file: WavInput, view: TalkView) -> None:
        self._conversation = conversation
        self._file = file
        self._view = view
        self._began = self._stirred = time.monotonic()
        self._told = False

    def is_over(self, now: float) -> bool:
        """Look around; True if nothing more is to be expected."""
        being_asked = self._file.position_ms < self._file.duration_ms - 1
        loud = being_asked and self._file.level_dbfs > _QUIET_DBFS
        session = self._conversation.session
        if loud or self._conversation.speaker.active or session.reconnecting:
            self._stirred = now
        quiet = now - max(self._stirred, self._view.heard_at)
        if quiet >= _SOON or now - self._began >= 4 * _SOON:
            self._tell()
        owed = self._view.last_heard == "user"
        return not being_asked and quiet >= (_OWED if owed else _ENOUGH)

    def _tell(self) -> None:
        if not (self._told or self._view.heard):
            self._view.note("No speech was heard so far.")
        self._told = True
