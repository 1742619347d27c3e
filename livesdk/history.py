"""What a fresh session is told of an earlier conversation (Protocol §3.11, §13.7).

Told once, as the first ``clientContent``; never to a session that is resumed, which knows it.
Newer models are told beforehand that it is history, and no question; to the others it is content
after which no answer is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Optional

import attrs

from . import codec, sending
from .endpoint import Access
from .errors import ConfigError
from .families import family_of
from .types.config import HistoryConfig
from .types.requests import LiveClientMessage, LiveClientSetup

__all__ = ["GivenHistory", "History", "SentHistory", "history_of", "setup_for_history"]


def setup_for_history(setup: LiveClientSetup) -> LiveClientSetup:
    """Announce the history in the setup, where the model wants that and the config says nothing."""
    family = family_of(setup.model or "")
    if setup.history_config is not None or family is None or not family.history_first:
        return setup
    return attrs.evolve(setup, history_config=HistoryConfig(initial_history_in_client_content=True))


def history_of(given: Any, setup: LiveClientSetup, access: Access) -> Optional[History]:
    """Return what a session knows of its history: the ``history`` of ``connect()``, or its own."""
    if given is not None:
        return GivenHistory(given, setup, access)
    return SentHistory(setup) if _announces(setup) else None


def _announces(setup: LiveClientSetup) -> bool:
    config = setup.history_config
    return bool(config and config.initial_history_in_client_content)


class History:
    """What fresh sessions are told, or will be.

    Attributes:
        is_due: The server takes content for history, and answers nothing, until a turn is complete;
            it is for the program to send it.
    """

    is_due = False

    @property
    def is_announced(self) -> bool:
        """The setup of a fresh session says that a history comes."""
        return True

    def payloads(self) -> Sequence[bytes]:
        """Return the messages that tell it to a fresh session; on the reader."""
        raise NotImplementedError

    def sent(self, payload: bytes, *, is_last: bool) -> None:
        """The program sent a part of it, since it was due."""


class SentHistory(History):
    """The history that the program sends by itself, after a setup that announces one.

    It is kept: the server awaits it on each fresh connection, and answers nothing before it came.
    """

    def __init__(self, setup: LiveClientSetup) -> None:
        resumption = setup.session_resumption
        self.is_due = not (resumption and resumption.handle)  # else the setup announces none
        self._payloads: tuple[bytes, ...] = ()

    @property
    def is_announced(self) -> bool:
        """Not where the session took up an earlier one: nobody here knows its history."""
        return self.is_due or bool(self._payloads)

    def payloads(self) -> Sequence[bytes]:
        """Return what was sent of it so far."""
        return self._payloads

    def sent(self, payload: bytes, *, is_last: bool) -> None:
        """Keep a part; the last one asks for an answer, and gets none."""
        self._payloads += (payload,)
        self.is_due = not is_last


class GivenHistory(History):
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
        self._ends_history = _announces(setup)
        self._access = access
        self._checked = self._made()
        self._is_first = True

    def payloads(self) -> Sequence[bytes]:
        """Return the message; for the first time as it was checked in ``connect()``."""
        message = self._checked if self._is_first else self._made()
        self._is_first = False
        return () if message is None else (codec.encode(message),)

    def _made(self) -> Optional[LiveClientMessage]:
        turns = self._turns()
        if not turns and not self._ends_history:
            return None  # where it was announced, an empty one has to say that it is over
        try:
            return sending.client_content(turns or None, self._ends_history, self._access)
        except ConfigError as error:
            raise ConfigError(f"history: {error}") from error
