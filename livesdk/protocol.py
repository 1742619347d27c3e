"""The state of one connection, as a table, and what must be remembered between messages.

Pure: told of events and messages, it never waits, sends or looks at a clock.

::

    NEW ──opened──▶ SETUP ──accepted──▶ OPEN ──go_away──▶ GOING_AWAY
     │                │                 ▲ │                   │
     │                │         accepted│ └──lost──┐  ┌──lost─┘ ▲
     │                │                 │          ▼  ▼         │stayed
     │                │                 └────── RECONNECTING ───┘
     └────close───────┴────── close (from all of them) ──▶ CLOSING ──ended──▶ CLOSED
                          (ended leads to CLOSED from anywhere)
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Optional, Union

from attrs import Factory

from ._records import define
from .errors import LocalProtocolError
from .types.enums import InteractionStatus
from .types.messages import LiveServerContent, LiveServerMessage

__all__ = [
    "TRANSITIONS",
    "Event",
    "Memory",
    "Seen",
    "State",
    "completes_interaction",
    "next_state",
    "seconds_of",
    "shows_arrival",
    "speaks",
]


class State(Enum):
    """Where a connection stands."""

    NEW = "new"
    SETUP = "setup"
    OPEN = "open"
    GOING_AWAY = "going away"
    RECONNECTING = "reconnecting"
    CLOSING = "closing"
    CLOSED = "closed"


class Event(Enum):
    """What happens to a connection."""

    OPENED = "the upgrade is done, and the setup is next"
    ACCEPTED = "the server completed the setup"
    GO_AWAY = "the server will close soon"
    LOST = "the connection is over, and another one is to take its place"
    STAYED = "it was to be left in order, and is not yet"
    CLOSE = "the program asked to close"
    ENDED = "there is no connection any more"


TRANSITIONS: dict[State, dict[Event, State]] = {
    State.NEW: {
        Event.OPENED: State.SETUP,
        Event.CLOSE: State.CLOSING,
        Event.ENDED: State.CLOSED,
    },
    State.SETUP: {
        Event.ACCEPTED: State.OPEN,
        Event.CLOSE: State.CLOSING,
        Event.ENDED: State.CLOSED,
    },
    State.OPEN: {
        Event.GO_AWAY: State.GOING_AWAY,
        Event.LOST: State.RECONNECTING,
        Event.CLOSE: State.CLOSING,
        Event.ENDED: State.CLOSED,
    },
    State.GOING_AWAY: {
        Event.GO_AWAY: State.GOING_AWAY,
        Event.LOST: State.RECONNECTING,
        Event.CLOSE: State.CLOSING,
        Event.ENDED: State.CLOSED,
    },
    State.RECONNECTING: {
        Event.OPENED: State.RECONNECTING,
        Event.ACCEPTED: State.OPEN,
        Event.GO_AWAY: State.RECONNECTING,  # while the old connection is being left
        Event.LOST: State.RECONNECTING,
        Event.STAYED: State.GOING_AWAY,
        Event.CLOSE: State.CLOSING,
        Event.ENDED: State.CLOSED,
    },
    State.CLOSING: {
        Event.OPENED: State.CLOSING,
        Event.ACCEPTED: State.CLOSING,
        Event.GO_AWAY: State.CLOSING,
        Event.LOST: State.CLOSING,
        Event.STAYED: State.CLOSING,
        Event.CLOSE: State.CLOSING,
        Event.ENDED: State.CLOSED,
    },
    State.CLOSED: {
        Event.CLOSE: State.CLOSED,
        Event.ENDED: State.CLOSED,
    },
}


def next_state(state: State, event: Event) -> State:
    """Return the state after ``event``; :class:`LocalProtocolError` where the table has none."""
    try:
        return TRANSITIONS[state][event]
    except KeyError:
        raise LocalProtocolError(f"{event.name} cannot happen while {state.value}") from None


def completes_interaction(message: LiveServerMessage) -> bool:
    """Tell whether the model is done and waits for the user (Protocol §13.3).

    Where an interaction status is sent, only IDLE says so: ``turnComplete`` with IN_PROGRESS is a
    filler, and more follows.  Any other or future status counts as not done.
    """
    status = _interaction_status(message)
    if status is not None:
        return status == InteractionStatus.IDLE
    content = message.server_content
    return bool(content and content.turn_complete)


def _interaction_status(message: LiveServerMessage) -> Union[InteractionStatus, str, None]:
    """Return the status, wherever it stands; ``None`` where none is told."""
    content = message.server_content
    for status in (message.interaction_status, content.interaction_status if content else None):
        if status is not None and status != InteractionStatus.INTERACTION_STATUS_UNSPECIFIED:
            return status
    return None


def speaks(message: LiveServerMessage) -> bool:
    """Tell whether the model says or does something: what nothing but a turn of it has.

    A transcript may come late, and so may the news that it is done generating; neither begins a
    turn.
    """
    content = message.server_content
    turn = content.model_turn if content else None
    return bool((turn is not None and turn.parts) or message.tool_calls)


def shows_arrival(message: LiveServerMessage) -> bool:
    """Tell whether the model says or does anything, so that it has what was sent before."""
    content = message.server_content
    if message.tool_calls:
        return True
    return content is not None and bool(
        content.model_turn
        or content.output_transcription
        or content.generation_complete
        or content.interrupted
        or content.turn_complete
    )


class Seen:
    """The newest ids of calls, so that one that comes again is not taken for another."""

    def __init__(self) -> None:
        self._ids: dict[str, None] = {}

    def __contains__(self, call_id: object) -> bool:
        return call_id in self._ids

    def add(self, call_id: str) -> None:
        """Remember an id, and forget the oldest of ten thousand."""
        self._ids[call_id] = None
        if len(self._ids) > _REMEMBERED:
            self._ids.pop(next(iter(self._ids)), None)

    def clear(self) -> None:
        """Forget all."""
        self._ids.clear()


_REMEMBERED = 10_000


@define
class Memory:
    """What the messages so far have said, as far as it matters for ending and resuming.

    Attributes:
        session_id: As the setup was answered; ``None`` on the Developer API.
        handle: The newest handle that came with ``resumable`` (Protocol §13.7).
        resumable: The last update came with a handle: what was said until then is kept.
        pending_calls: Function calls that wait for a response.
        generating: The model has begun a turn and not ended it.
        cancelled: Calls that the model took back: nothing is to be sent for them.
    """

    session_id: Optional[str] = None
    handle: Optional[str] = None
    resumable: bool = False
    pending_calls: set[str] = Factory(set)
    generating: bool = False
    cancelled: Seen = Factory(Seen)
    _over: Seen = Factory(Seen)  # calls that were answered or cancelled

    @property
    def mid_turn(self) -> bool:
        """An end now would cut something off."""
        return self.generating or bool(self.pending_calls)

    def received(self, message: LiveServerMessage) -> None:
        """Take a message into account; every member of it, not the first that is set."""
        if message.setup_complete:
            self.session_id = message.setup_complete.session_id or self.session_id
        update = message.session_resumption_update
        if update:
            self.resumable = bool(update.resumable and update.new_handle)
            if self.resumable:
                self.handle = update.new_handle
        if message.server_content:
            self._content(message.server_content)
        for call in message.tool_calls:
            if call.id and call.id not in self._over:
                self.pending_calls.add(call.id)
        if message.tool_call_cancellation:
            for call_id in message.tool_call_cancellation.ids or ():
                self.responded(call_id)
                self.cancelled.add(call_id)
        if completes_interaction(message):
            self.generating = False
        elif _interaction_status(message) is not None:
            self.generating = True  # what is complete was a filler, and more follows

    def _content(self, content: LiveServerContent) -> None:
        if content.model_turn or content.output_transcription:
            self.generating = True
        if content.interrupted or content.generation_complete:
            self.generating = False

    def responded(self, call_id: Optional[str]) -> None:
        """A response to a call was sent, or none is wanted any more."""
        if call_id:
            self._over.add(call_id)
            self.pending_calls.discard(call_id)

    def connection_lost(self) -> None:
        """What was under way on that connection is so no more."""
        self.pending_calls.clear()
        self.cancelled.clear()
        self._over.clear()
        self.generating = self.resumable = False


_DURATION = r"([0-9]{1,9}(?:\.[0-9]{1,9})?)s"


def seconds_of(duration: Optional[str]) -> Optional[float]:
    """Return the seconds of a duration such as ``"9.5s"``; ``None`` if it is none."""
    match = re.fullmatch(_DURATION, duration or "")
    return float(match[1]) if match else None
