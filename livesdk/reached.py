"""What of ours the server is known to have, and what a resumption would bring back.

Pure.  A handle says nothing of which messages it stands for (Protocol §13.7, but for transparent
resumption).  It is given out when a turn is over, and stands for what the model had heard when that
turn began: what was sent after that may be lost with the connection.
"""

from __future__ import annotations

__all__ = ["Reached", "Sent"]

Sent = tuple[int, float]
"""So many messages, and milliseconds of media, ever sent."""


class Reached:
    """One session's; the reader changes it.

    Attributes:
        awaits_model: The model has said nothing since messages of ours last mattered.
        owes_history: A history was sent, and nothing shows that it has arrived.
        had_handle: The session was given a handle at some time.
    """

    __slots__ = ("_at_handle", "_at_turn", "awaits_model", "had_handle", "owes_history")

    def __init__(self, *, had_handle: bool) -> None:
        self._at_handle: Sent = (0, 0.0)
        self._at_turn: Sent = (0, 0.0)
        self.awaits_model = True
        self.owes_history = False
        self.had_handle = had_handle

    def opened(self, sent: Sent, *, owes_history: bool) -> None:
        """A connection stands; ``sent`` includes what the program knows nothing of."""
        self._at_handle = self._at_turn = sent
        self.awaits_model, self.owes_history = True, owes_history

    def model_spoke(self, sent: Sent) -> None:
        """The model begins to answer, so what was sent before has arrived."""
        self._at_turn = sent
        self.awaits_model = self.owes_history = False

    def handle_given(self) -> None:
        """The server gave out a handle."""
        self._at_handle, self.had_handle = self._at_turn, True

    def since_handle(self, sent: Sent) -> Sent:
        """Return how much was sent since what the newest handle stands for."""
        return sent[0] - self._at_handle[0], sent[1] - self._at_handle[1]

    def has_all(self, sent: Sent) -> bool:
        """Tell whether another connection would know all messages; media counts for nothing."""
        return sent[0] == self._at_handle[0] and not self.owes_history
