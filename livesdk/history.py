"""What a fresh session is told of an earlier conversation (Protocol §3.11, §13.7).

Told once, as the first ``clientContent``; never to a session that is resumed, which knows it.
Newer models are told beforehand that it is history, and no question; to the others it is content
after which no answer is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Optional

import attrs

from . import sending
from .endpoint import Access
from .errors import ConfigError
from .families import family_of
from .types.config import HistoryConfig
from .types.requests import LiveClientMessage, LiveClientSetup

__all__ = ["History", "setup_for_history"]


def setup_for_history(setup: LiveClientSetup) -> LiveClientSetup:
    """Announce the history in the setup, where the model wants that and the config says nothing."""
    family = family_of(setup.model or "")
    if setup.history_config is not None or family is None or not family.history_first:
        return setup
    return attrs.evolve(setup, history_config=HistoryConfig(initial_history_in_client_content=True))


class History:
    """The ``history`` of ``connect()``: turns, or a function that returns them.

    Args:
        given: As ``turns`` of ``send_client_content``; or a function without arguments that returns
            such, called in ``connect()``, and on the reader's thread for each fresh session later.
        setup: The setup that it follows.
        access: The backend.

    Raises:
        ConfigError: It is none; before anything is sent.
    """

    def __init__(self, given: Any, setup: LiveClientSetup, access: Access) -> None:
        self._turns: Callable[[], Any] = given if callable(given) else lambda: given
        config = setup.history_config
        self._ends_history = bool(config and config.initial_history_in_client_content)
        self._access = access
        self._checked = self._made()
        self._is_first = True

    def message(self) -> Optional[LiveClientMessage]:
        """Return the message for a fresh session; ``None`` if there is no history."""
        if self._is_first:
            self._is_first = False
            return self._checked
        return self._made()

    def _made(self) -> Optional[LiveClientMessage]:
        turns = self._turns()
        if not turns and not self._ends_history:
            return None  # where it was announced, an empty one has to say that it is over
        try:
            return sending.client_content(turns or None, self._ends_history, self._access)
        except ConfigError as error:
            raise ConfigError(f"history: {error}") from error
