"""A conversation written down in advance: what to answer to what, and what goes wrong.

>>> scenario = Scenario(
...     replies=[
...         "Good morning.",  # to the first input
...         [Call("get_time"), Say("It is noon.")],  # to the second
...         Reply(match="bye", steps=[Say("Bye."), Close()]),  # to any that says so
...     ],
...     heard=["what time is it"],
...     openings=[HttpStatus(503), ()],  # the first connection is refused
... )

What no reply matches is answered by the default brain, or by silence with ``auto_reply=False``.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from re import Pattern
from typing import Any, Callable, Union

import attrs

from ..errors import ConfigError
from ..recording import RecordedEvent, Replay
from ..recording._follow import connections_of
from . import values
from .faults import OpeningFault
from .steps import Say, Step

__all__ = ["Input", "Reply", "Scenario", "Script", "as_steps"]


def _texts(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(texts)


@attrs.frozen(kw_only=True)
class Input:
    """What a client said, as replies see it.

    Attributes:
        kind: ``"text"``, ``"audio"`` or ``"toolResponse"``.
        text: The words, or what stands for them.
        frame: The client frame that ended the input.
        images: How many images came with it.
        turn: 1 for the first input of this connection.
    """

    kind: str
    text: str
    frame: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
    images: int = 0
    turn: int = 1


Match = Union[None, str, Pattern[str], Callable[[Input], bool]]


def as_steps(given: str | Step | Sequence[str | Step]) -> tuple[Step, ...]:
    """Return the steps given: one or several, texts to be said.

    Raises:
        ConfigError: There is something else among them.
    """
    if isinstance(given, (str, Step)) or not isinstance(given, Sequence):
        given = [given]
    steps = tuple(Say(item) if isinstance(item, str) else item for item in given)
    for step in steps:
        if not isinstance(step, Step):
            raise ConfigError(f"a step or a text is expected, not {step!r}")
    return steps


def _as_answer(given: str | Step | Sequence[str | Step]) -> tuple[Step, ...]:
    steps = as_steps(given)
    for step in steps:
        if isinstance(step, OpeningFault):
            raise ConfigError(
                f"{type(step).__name__} says how a connection begins: it belongs into"
                " Scenario(openings=[…]), or into emulator.inject(…), not into a reply"
            )
    return steps


@attrs.frozen(kw_only=True)
class Reply:
    r"""An answer, and what it answers.

    Example: ``Reply(match=re.compile(r"\btime\b"), steps=["It is noon."], times=1)``.

    Attributes:
        match: A part of the text regardless of case, a regular expression, a predicate on the
            :class:`Input`; ``None`` for whatever comes next.  Only a predicate is asked about
            what a function returned outside its turn: ``heard.kind == "toolResponse"``.
        steps: What to do; texts are said.
        times: How often at most; by default once without ``match`` and without end with one.
    """

    match: Match = None
    steps: tuple[Step, ...] = attrs.field(converter=_as_answer)
    times: int | None = attrs.field(
        default=None, validator=attrs.validators.optional(values.whole(0))
    )

    def matches(self, heard: Input) -> bool:
        """Whether this reply answers that."""
        if heard.kind == "toolResponse" and not callable(self.match):
            return False  # its words repeat those of the question, and would be answered for ever
        if self.match is None:
            return True
        if isinstance(self.match, str):
            return self.match.lower() in heard.text.lower()
        if isinstance(self.match, re.Pattern):
            return self.match.search(heard.text) is not None
        return bool(self.match(heard))


def _as_replies(given: Sequence[Any]) -> tuple[Reply, ...]:
    if isinstance(given, (str, Step, Reply)):
        raise ConfigError(f"Scenario.replies: expected a list, got {given!r:.60}; add brackets")
    return tuple(item if isinstance(item, Reply) else Reply(steps=item) for item in given)


def _as_openings(given: Sequence[Any]) -> tuple[tuple[Step, ...], ...]:
    return tuple(() if item is None else as_steps(item) for item in given)


def _is_replay(_scenario: Any, _attribute: Any, given: Any) -> None:
    if not isinstance(given, Replay):
        raise ConfigError(f"Scenario.recording: expected a Replay, not {given!r:.60}")


@attrs.frozen(kw_only=True)
class Scenario:
    """What the emulator does, as data.  It may serve several emulators; each plays it anew.

    Example: ``Scenario(replies=["Hello.", [Say("Wait"), Drop()]], text_frames=True)``.

    Attributes:
        replies: Texts, steps, sequences of steps, or :class:`Reply`.  Looked through in order; the
            first that matches and is not used up is performed.  The script goes on over
            reconnections; with several clients at once, match by text.
        heard: What audio input says, utterance by utterance; after the last one a description such
            as "(2.1 s of speech)" stands for it.
        phrases: What is recognised in real speech, with the extra ``voice``: an utterance that says
            one of these says just that; any other goes on to ``heard``.  A few phrases told apart,
            no dictation.
        openings: What happens to the first, second, … connection: an opening fault, steps to
            perform after ``setupComplete``, a sequence of both, or ``None``.  Later ones open
            normally.
        auto_reply: Whether the default brain answers what no reply matches.
        text_frames: Send text frames; the service sends binary ones.
        resumption: Whether ``sessionResumption`` is served; without, updates say not resumable.
        setup_complete: Extra keys of ``setupComplete``.
        function_behavior: What functions without ``behavior`` are: ``"BLOCKING"``,
            ``"NON_BLOCKING"``, or ``None`` for the model's own way under ``strict_models`` and
            blocking otherwise.
        refuse_input_during_calls: Close with 1008 on realtime input while a blocking call is open,
            as older models do; what was on its way when the call went out (250 ms) is borne.
        interaction_status: Whether ``interactionStatus`` is told; by default as the model does.
        chunk_ms: Audio in one frame, in milliseconds.
        chunk_interval: Seconds between two chunks of an answer.
        playback_delay: Seconds between ``generationComplete`` and ``turnComplete``, or
            ``"realtime"`` for as long as the audio would be playing.
        recording: Play this session back, as ``Replay(path)``, in place of all answers above: each
            frame of the server once the client has sent what had been sent by then, of each kind
            as many frames (sound and pictures by amount).  The first connection gets what the
            first one recorded got, and so on; after the last it begins anew.
        recording_speed: 1.0 keeps the pace of the recording, 2.0 halves its pauses; ``None`` leaves
            them out.
    """

    replies: tuple[Reply, ...] = attrs.field(default=(), converter=_as_replies)
    heard: tuple[str, ...] = attrs.field(default=(), converter=_texts)
    phrases: tuple[str, ...] = attrs.field(default=(), converter=_texts)
    openings: tuple[tuple[Step, ...], ...] = attrs.field(default=(), converter=_as_openings)
    auto_reply: bool = True
    text_frames: bool = False
    resumption: bool = True
    setup_complete: dict[str, Any] = attrs.Factory(dict)
    function_behavior: str | None = attrs.field(
        default=None, validator=values.one_of("BLOCKING", "NON_BLOCKING", None)
    )
    refuse_input_during_calls: bool = False
    interaction_status: bool | None = None
    chunk_ms: int = attrs.field(default=60, validator=values.whole(1))
    chunk_interval: float = attrs.field(default=0.01, validator=values.amount)
    playback_delay: float | str = attrs.field(default=0.02, validator=values.playback_delay)
    recording: Replay | None = attrs.field(
        default=None,
        repr=False,
        validator=attrs.validators.optional(_is_replay),
    )
    recording_speed: float | None = attrs.field(
        default=None, validator=attrs.validators.optional(values.speed)
    )


class Script:
    """How far a scenario has been played.  Any thread."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self._lock = threading.Lock()
        self._used = [0] * len(scenario.replies)
        self._heard = list(scenario.heard)
        self._openings: list[tuple[Step, ...]] = list(scenario.openings)
        self._injected: list[tuple[Step, ...]] = []  # by connection
        replay = scenario.recording
        self._recorded = connections_of(replay.events) if replay is not None else []
        self._next_recorded = 0

    def next_recorded(self) -> list[RecordedEvent]:
        """Return what the server said on the recorded connection whose turn it is."""
        with self._lock:
            number, self._next_recorded = self._next_recorded, self._next_recorded + 1
        return self._recorded[number % len(self._recorded)] if self._recorded else []

    def reply(self, heard: Input) -> tuple[Step, ...] | None:
        """Return the steps that answer this input and count them as used, or ``None``."""
        for number, reply in enumerate(self.scenario.replies):
            if self._is_left(number) and reply.matches(heard) and self._use(number):
                return reply.steps
        return None

    def next_heard(self) -> str | None:
        """Return what the next utterance says, if the scenario knows."""
        with self._lock:
            return self._heard.pop(0) if self._heard else None

    def next_opening(self) -> tuple[Step, ...]:
        """Return what happens to the connection that opens now."""
        with self._lock:
            opening = self._openings.pop(0) if self._openings else ()
            injected = self._injected.pop(0) if self._injected else ()
            return (*opening, *injected)

    def inject(self, faults: Sequence[Step]) -> None:
        """Add faults to the first opening to come that has not been given any."""
        with self._lock:
            self._injected.append(tuple(faults))

    def _is_left(self, number: int) -> bool:
        reply = self.scenario.replies[number]
        limit = reply.times if reply.times is not None or reply.match is not None else 1
        return limit is None or self._used[number] < limit

    def _use(self, number: int) -> bool:
        with self._lock:
            if not self._is_left(number):
                return False
            self._used[number] += 1
            return True
