"""What a session has come to so far: turns, interruptions, times to the first audio, tokens.

Pure: told of messages, inputs and times, it never waits or looks at a clock.  Whoever shares one
between threads holds a lock around each call.

::

    input ──▶ content … ──▶ turnComplete (usage: one bill) ──▶ IDLE (one turn)
                   an interaction may have several turnComplete, with fillers (Protocol §13.3)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Optional

from attrs import Factory

from ._records import define
from .protocol import completes_interaction, speaks
from .tools import ToolCounts
from .types.messages import LiveServerMessage, ModalityTokenCount, UsageMetadata

__all__ = ["SessionStats", "Tally", "sum_usage", "tokens_by_modality"]

_TIMES = 1000
"""Of so many turns the time to the first audio is kept."""


@define(kw_only=True)
class SessionStats:
    """Counters of a session, as of the moment they were asked for.

    Attributes:
        messages_sent: Messages handed over to be sent, media that was dropped later included.
        messages_received: Messages that arrived, the answer to the setup included.
        bytes_sent: Bytes on the wire after the upgrade, TLS aside.
        bytes_received: The same, received.
        turns: Answers of the model that are complete.
        interruptions: How often the model was interrupted.
        reconnects: Connections that took over from the first one.
        time_to_first_audio: Seconds from the last input to the first audio, of each turn that had
            both; of the last thousand.  While a microphone streams on, each chunk is an input.
        media_dropped_ms: Realtime media that was dropped because the network was too slow.
        media_queued_ms: Realtime media that waits for room.
        media_held_back_ms: Realtime media that was not sent because a BLOCKING call was open.
        callbacks_queued_bytes: What waits for slow callbacks: the frames, and about what Python
            needs for the objects in them.
        inbox_queued_bytes: What waits for ``receive()``; likewise.
        tokens: Billed tokens by modality, over all turns.
        tools: What became of the calls of functions that run themselves.
    """

    messages_sent: int = 0
    messages_received: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    turns: int = 0
    interruptions: int = 0
    reconnects: int = 0
    time_to_first_audio: list[float] = Factory(list)
    media_dropped_ms: float = 0.0
    media_queued_ms: float = 0.0
    media_held_back_ms: float = 0.0
    callbacks_queued_bytes: int = 0
    inbox_queued_bytes: int = 0
    tokens: dict[str, int] = Factory(dict)
    tools: ToolCounts = Factory(ToolCounts)


class Tally:
    """Counts; see the module.

    Attributes:
        turns: Interactions that have ended.
        interruptions: Messages that said ``interrupted``.
        interrupted_at: When the last of them came.
        mid_turn: The model has begun to answer and not completed it; its ``turnComplete`` is still
            to come, also after ``generationComplete`` and after an interruption.
        busy: An answer is due, under way, or will go on.
        hears: The user was heard, and the model has not answered yet.
        first_audio: Seconds from the last input to the first audio, of each turn that had both;
            of the last thousand.
    """

    def __init__(self) -> None:
        self.turns = 0
        self.interruptions = 0
        self.interrupted_at: Optional[float] = None
        self.mid_turn = False
        self.busy = False
        self.hears = False
        self.first_audio: list[float] = []
        self._input_at: Optional[float] = None
        self._unfinished = False  # something was said since the last turn ended, by either side
        self._timed = False  # the turn at hand has had its first audio
        self._billed = UsageMetadata()  # by the bills that are settled
        self._bill: Optional[UsageMetadata] = None  # the newest snapshot of the one at hand
        self._bill_complete = False

    def prompted(self, at: float) -> None:
        """Something was sent that asks for an answer."""
        self._input_at = at
        self.busy = self._unfinished = True
        self._settle_bill()

    def withdrawn(self) -> None:
        """What asks for an answer could not be sent."""
        self.busy = self.mid_turn

    def fed(self, at: float) -> None:
        """Audio or a picture was sent; the server decides whether it asks for an answer.

        One step, so that it needs no lock: it is taken fifty times a second.
        """
        self._input_at = at

    def said(self, message: LiveServerMessage, at: float) -> None:
        """Take a piece of what the model says into account: a message that holds nothing else."""
        self.mid_turn = self.busy = self._unfinished = True
        self.hears = False
        if self._bill_complete:
            self._settle_bill()
        if not (self._timed or message._is_text) and message.audio:
            self._heard(at)

    def received(self, message: LiveServerMessage, at: float) -> bool:
        """Take a message into account; True if it ends a turn."""
        content = message.server_content
        completes_turn = bool(content and content.turn_complete)
        if content and content.interrupted:
            self.interrupted_at = at
            self.interruptions += 1
        if speaks(message):
            self.mid_turn = self.busy = self._unfinished = True
            self.hears = False
        elif content and content.input_transcription:
            self.hears = self._unfinished = True
        if content and (content.input_transcription or completes_turn or self.mid_turn):
            self._settle_bill()
        if not self._timed and message.audio:
            self._heard(at)
        if message.usage_metadata:
            self._bill = message.usage_metadata
        if completes_turn:
            self.mid_turn, self._unfinished, self._bill_complete = False, True, True
        return completes_interaction(message) and self._end_turn()

    def connection_lost(self, *, again: bool) -> bool:
        """Another connection begins; an answer that was due comes ``again``, or not at all.

        Returns:
            Whether one was due or under way.
        """
        was_busy = self.busy or self.mid_turn
        self.mid_turn = self.hears = self._unfinished = self._timed = False
        self.busy = was_busy and again
        self._bill_complete = True  # what was reported so far was billed
        return was_busy

    def _heard(self, at: float) -> None:
        """The first audio of a turn came."""
        self._timed = True
        if self._input_at is not None:
            self.first_audio.append(at - self._input_at)
            del self.first_audio[:-_TIMES]
            self._input_at = None

    def _end_turn(self) -> bool:
        ended = self._unfinished  # an IDLE that only repeats the last one ends nothing
        self.turns += ended
        self._unfinished = self._timed = self.busy = self.mid_turn = self.hears = False
        return ended

    def _settle_bill(self) -> None:
        """Another turn begins: what is reported from here on is its own bill."""
        if self._bill_complete:
            if self._bill is not None:
                self._billed = sum_usage((self._billed, self._bill))
            self._bill, self._bill_complete = None, False

    @property
    def usage(self) -> UsageMetadata:
        """What was billed: the last usage message of each turn, added up."""
        return sum_usage((self._billed, self._bill) if self._bill else (self._billed,))


_COUNTS = (
    "prompt_token_count",
    "cached_content_token_count",
    "response_token_count",
    "tool_use_prompt_token_count",
    "thoughts_token_count",
    "total_token_count",
)
_DETAILS = (
    "prompt_tokens_details",
    "cache_tokens_details",
    "response_tokens_details",
    "tool_use_prompt_tokens_details",
)


def sum_usage(parts: Iterable[UsageMetadata]) -> UsageMetadata:
    """Add up what turns cost; each part is the last usage message of one turn (Protocol §8.4)."""
    total = UsageMetadata()
    for part in parts:
        for name in _COUNTS:
            count = getattr(part, name)
            if count is not None:
                setattr(total, name, (getattr(total, name) or 0) + count)
        for name in _DETAILS:
            merged = _merged_details(getattr(total, name), getattr(part, name))
            setattr(total, name, merged)
        total.traffic_type = part.traffic_type or total.traffic_type
        total.service_tier = part.service_tier or total.service_tier
    return total


def _merged_details(
    left: Optional[list[ModalityTokenCount]], right: Optional[list[ModalityTokenCount]]
) -> Optional[list[ModalityTokenCount]]:
    if not left and not right:
        return None
    counts: dict[Any, int] = {}
    for item in (*(left or ()), *(right or ())):
        counts[item.modality] = counts.get(item.modality, 0) + (item.token_count or 0)
    return [ModalityTokenCount(modality=key, token_count=count) for key, count in counts.items()]


def tokens_by_modality(usage: UsageMetadata) -> dict[str, int]:
    """Add up prompts, tools' prompts and responses by modality.

    Cached tokens are among those of the prompt already; those of thoughts have no modality.
    """
    counts: dict[str, int] = {}
    for items in (
        usage.prompt_tokens_details,
        usage.tool_use_prompt_tokens_details,
        usage.response_tokens_details,
    ):
        for item in items or ():
            name = str(item.modality or "MODALITY_UNSPECIFIED")
            counts[name] = counts.get(name, 0) + (item.token_count or 0)
    return counts
