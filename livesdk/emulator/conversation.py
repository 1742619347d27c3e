"""Turns: how an answer is carried out, interrupted, held by a function call, and completed.

::

    hear ──▶ begin ──▶ steps … ──▶ generationComplete ─ playback ─▶ turnComplete + usage ──▶ quiet
                        │  ▲
              blocking Call │ toolResponse          interrupt: interrupted, toolCallCancellation,
                        ▼  │                                   turnComplete; the rest is discarded
                       waits

What a script does after its own ``TurnComplete`` happens beside the turns that follow: input then
begins one of its own, and takes the floor from what was still to be said.

Everything happens in the connection's thread.
"""

from __future__ import annotations

import itertools
import random
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Callable

import attrs

from . import brain, steps, usage
from .functions import in_words
from .memory import Entry
from .profile import Profile
from .scenario import Input, Script
from .speech import Speaker
from .stage import Stage
from .tasks import Pause, Task
from .voice import Voice

__all__ = ["Conversation"]

_CONTENT = (
    steps.Say,
    steps.SayAudio,
    steps.SayTone,
    steps.SayResults,
    steps.Call,
    steps.TurnComplete,
    steps.GenerationComplete,
    steps.Silence,
)
_SAYS = (*_CONTENT, steps.Interrupt)  # what belongs to its turn, and to no other
Result = tuple[str, Mapping[str, Any]]


@attrs.define(eq=False)
class _Turn:
    """One answer under way."""

    counted: Counter[str]  # the frames seen when it began, and those waited for since
    task: Task | None = None
    results: list[Result] = attrs.Factory(list)
    calls: set[str] = attrs.Factory(set)
    generated: bool = False  # generationComplete has been sent
    completed: bool = False  # turnComplete has been sent, and nothing since
    goes_on: bool = False  # it was a filler's: IN_PROGRESS
    silent: bool = False
    left: bool = False  # over, and performing its last steps beside the turns


_IN_FLIGHT = 0.25
"""Seconds for which input may have been on its way when a call went out."""


@attrs.frozen
class _OpenCall:
    id: str
    name: str
    blocking: bool
    at: float = attrs.field(factory=time.monotonic)


class Conversation:
    """The turns of one session.

    Attributes:
        history: What was said, both sides.
        user_speaking: Results that interrupt wait for the end of this.
    """

    def __init__(
        self,
        stage: Stage,
        profile: Profile,
        script: Script,
        voice: Voice,
        *,
        history: Sequence[Entry],
        on_busy: Callable[[], None],
        on_quiet: Callable[[], None],
    ) -> None:
        self._stage = stage
        self._output = stage.output
        self._profile = profile
        self._script = script
        self._speaker = Speaker(stage, profile, voice)
        self._on_busy = on_busy
        self._on_quiet = on_quiet
        self.history = list(history)
        self.user_speaking = False
        self._turn: _Turn | None = None
        self._open: dict[str, _OpenCall] = {}
        self._queue: list[Callable[[], None]] = []
        self._numbers = itertools.count(1)
        self._told_in_progress = False

    # What the session asks.

    @property
    def is_busy(self) -> bool:
        """A turn is under way."""
        return self._turn is not None

    @property
    def is_quiet(self) -> bool:
        """Nobody speaks, no call is open, and nothing waits."""
        at_rest = self._turn is None and not self.user_speaking
        return at_rest and not self._open and not self._queue

    @property
    def should_be_silent(self) -> bool:
        """A blocking call has been open for so long that the client must know of it."""
        latest = time.monotonic() - _IN_FLIGHT
        return any(call.blocking and call.at < latest for call in self._open.values())

    def hear(self, kind: str, entry: Entry, frame: Mapping[str, Any]) -> None:
        """Take a finished input of the user and answer it: now, or after the turn under way."""
        self._make_way()
        if self._turn is not None:
            self._queue.append(lambda: self.hear(kind, entry, frame))
            return
        number = next(self._numbers)
        heard = Input(kind=kind, text=entry.text, frame=frame, images=entry.images, turn=number)
        wanted = self._script.reply(heard)
        if wanted is None and self._script.scenario.auto_reply:
            wanted = brain.answer(heard, self._mind())
        self.history.append(entry)
        if wanted is not None:
            self.begin(wanted)

    def begin(self, wanted: Sequence[steps.Step]) -> None:
        """Start a turn of the model, or queue it behind the one under way."""
        self._make_way()
        if self._turn is not None:
            self._queue.append(lambda: self.begin(wanted))
            return
        self._speaker.reset()
        turn = self._turn = _Turn(Counter(self._stage.seen))
        turn.task = Task(self._stage.line, self._conduct(turn, wanted))
        self._on_busy()
        turn.task.start()

    def inject(self, wanted: Sequence[steps.Step]) -> None:
        """Perform steps now: as a turn if they say something, beside the turns otherwise."""
        if any(isinstance(step, steps.Interrupt) for step in wanted):
            self.interrupt()
            wanted = [step for step in wanted if not isinstance(step, steps.Interrupt)]
        if any(isinstance(step, _CONTENT) for step in wanted):
            self.begin(wanted)
        elif wanted:
            self._run_aside(wanted)

    def interrupt(self, *, by: str | None = None) -> None:
        """Break off the turn under way, if there is one; ``by`` a call, which goes on."""
        self._make_way()
        turn, self._turn = self._turn, None
        if turn is None:
            return
        assert turn.task is not None
        turn.task.cancel()
        self._announce_interruption(turn, by)
        self._settle()

    def respond(self, responses: Sequence[Mapping[str, Any]]) -> None:
        """Take function responses; those to calls unknown or cancelled are dropped (§13.5)."""
        for response in responses:
            call = self._called(response)
            if call is None:
                continue
            if not response.get("willContinue"):
                del self._open[call.id]
            result = (call.name, response.get("response", {}))
            self.history.append(Entry("tool", f"{call.name}: {in_words(result[1])}"))
            if call.blocking and self._turn is not None:
                self._turn.results.append(result)
            else:
                self._deliver(result, response, call.id)

    def poke(self) -> None:
        """Go on if what the turn waits for has come."""
        if self._turn is not None and self._turn.task is not None:
            self._turn.task.poke()

    def stop(self) -> None:
        """The connection is over."""
        if self._turn is not None and self._turn.task is not None:
            self._turn.task.cancel()

    # Results that come outside their turn.

    def _called(self, response: Mapping[str, Any]) -> _OpenCall | None:
        """The call by its id; without one, Vertex takes the name (§13.5)."""
        if response.get("id"):
            return self._open.get(str(response["id"]))
        return next((c for c in self._open.values() if c.name == response.get("name")), None)

    def _deliver(self, result: Result, response: Mapping[str, Any], call_id: str) -> None:
        scheduling = response.get("scheduling", "WHEN_IDLE")
        nothing_new = not response.get("response") and not response.get("willContinue")
        if scheduling == "SILENT" or nothing_new:
            self._settle()
            return
        if scheduling == "INTERRUPT" and not self.user_speaking:
            self.interrupt(by=call_id)
        text = brain.tell_results([result])
        heard = Input(kind="toolResponse", text=text, frame=response)
        wanted = self._script.reply(heard)
        if wanted is None and self._script.scenario.auto_reply:
            wanted = (steps.Say(text),)
        if wanted is None:
            self._settle()
        elif self.user_speaking:
            self._queue.append(lambda: self.begin(wanted or ()))
        else:
            self.begin(wanted)

    # One turn.

    def _conduct(self, turn: _Turn, wanted: Sequence[steps.Step]) -> Iterator[Pause]:
        groups = list(steps.grouped(wanted))
        while groups:
            group = groups.pop(0)
            if not (turn.left and isinstance(group[0], _SAYS)):
                yield from self._perform(turn, group)
            says_more = any(isinstance(rest[0], _SAYS) for rest in groups)
            if groups and not turn.left and (self._queue or not says_more):
                self._make_way()
        if turn.silent or turn.left:
            return
        if not turn.completed:
            yield from self._finish(turn)
        self._turn = None
        self._settle()

    def _make_way(self) -> None:
        """End the turn under way if it is complete; what it has still to do happens beside."""
        turn = self._turn
        if turn is None or not turn.completed or turn.goes_on:
            return
        assert turn.task is not None
        self._stage.keep(turn.task)
        self._turn, turn.left = None, True
        self._stage.line.call_later(0, self._settle)

    def _perform(self, turn: _Turn, group: Sequence[steps.Step]) -> Iterator[Pause]:
        step = group[0]
        if self._stage.can(step):
            yield from self._stage.perform(step, turn.counted)
            return
        if not isinstance(
            step, (steps.TurnComplete, steps.CancelCalls, steps.Interrupt, steps.Silence)
        ):
            turn.completed = turn.generated = False
        if isinstance(step, steps.Say):
            yield from (
                self._speaker.think(step.text) if step.thought else self._speaker.say(step.text)
            )
        elif isinstance(step, steps.SayAudio):
            yield from self._speaker.play(step.pcm, step.transcript)
        elif isinstance(step, steps.SayTone):
            yield from self._speaker.tone(step.frequency_hz, step.milliseconds)
        elif isinstance(step, steps.SayResults):
            yield from self._speaker.say(self._results_in_words(turn))
        elif isinstance(step, steps.Call):
            yield from self._call(turn, [item for item in group if isinstance(item, steps.Call)])
        else:
            self._punctuate(turn, step)

    def _punctuate(self, turn: _Turn, step: steps.Step) -> None:
        if isinstance(step, steps.GenerationComplete):
            self._generated(turn)
        elif isinstance(step, steps.TurnComplete):
            self._complete(turn, status=step.status, reason=step.reason)
        elif isinstance(step, steps.Interrupt):
            self._announce_interruption(turn)
        elif isinstance(step, steps.CancelCalls):
            self._cancel(step.ids or list(self._open))
        elif isinstance(step, steps.Silence):
            turn.silent = True

    def _finish(self, turn: _Turn) -> Iterator[Pause]:
        if not turn.generated:
            self._generated(turn)
        delay = self._script.scenario.playback_delay
        yield self._speaker.audio_ms / 1000 if isinstance(delay, str) else delay
        self._complete(turn)

    def _generated(self, turn: _Turn) -> None:
        turn.generated = True
        self._output.content(generationComplete=True)

    def _complete(
        self, turn: _Turn, *, status: str | None = None, reason: str | None = None
    ) -> None:
        """Send ``turnComplete`` with usage, and remember what was said."""
        turn.goes_on = status == "IN_PROGRESS"
        content: dict[str, Any] = {"turnComplete": True}
        if status is None and self._profile.says_status:
            status = "IN_PROGRESS" if self._open else "IDLE"
        if status is not None:
            content["interactionStatus"] = status
            self._told_in_progress = status == "IN_PROGRESS"
        if reason is not None:
            content["turnCompleteReason"] = reason
        said = Entry("model", "".join(self._speaker.said), audio_ms=self._speaker.audio_ms)
        counts = usage.count(
            self.history, said, extra=self._overhead(), vertex=self._profile.address.is_vertex
        )
        self._output.message({"serverContent": content, "usageMetadata": counts})
        if said.text or said.audio_ms:
            self.history.append(said)
        self._speaker.reset()
        turn.completed, turn.generated = True, False

    def _announce_interruption(self, turn: _Turn, by: str | None = None) -> None:
        """In the order of §13.3."""
        self._output.content(interrupted=True)
        self._cancel([call for call in self._open if call in turn.calls and call != by])
        self._complete(turn)

    def _settle(self) -> None:
        """After a turn or a result: go on with what waits, or be quiet."""
        if self._turn is None and self._queue:
            self._stage.line.call_later(0, self._next)
        elif self.is_quiet:
            if self._told_in_progress:
                self._told_in_progress = False
                self._output.content(interactionStatus="IDLE")
            self._on_quiet()

    def _next(self) -> None:
        if self._turn is None and self._queue and not self.user_speaking:
            self._queue.pop(0)()

    def go_on(self) -> None:
        """The user stopped speaking, and no answer is due."""
        self._settle()

    # Calls.

    def _call(self, turn: _Turn, wanted: Sequence[steps.Call]) -> Iterator[Pause]:
        calls = [self._register(turn, call) for call in wanted]
        self._output.message(
            {
                "toolCall": {
                    "functionCalls": [
                        {"id": call.id, "name": call.name, "args": dict(step.args)}
                        for call, step in zip(calls, wanted)
                    ]
                }
            }
        )
        if self._profile.address.is_vertex:
            self._generated(turn)
        held = {call.id for call in calls if call.blocking}
        if held:
            yield lambda: held.isdisjoint(self._open)

    def _register(self, turn: _Turn, step: steps.Call) -> _OpenCall:
        blocking = self._profile.is_blocking(step.name) if step.blocking is None else step.blocking
        call = _OpenCall(step.id or self._new_id(), step.name, blocking)
        self._open[call.id] = call
        turn.calls.add(call.id)
        return call

    def _new_id(self) -> str:
        """As each backend makes them (§8.3)."""
        if self._profile.address.is_vertex:
            return str(uuid.uuid4())
        return f"function-call-{random.getrandbits(63)}"

    def _cancel(self, ids: Sequence[str]) -> None:
        for call_id in ids:
            self._open.pop(call_id, None)
        if ids:
            self._output.message({"toolCallCancellation": {"ids": list(ids)}})

    def _results_in_words(self, turn: _Turn) -> str:
        if turn.results:
            return brain.tell_results(turn.results)
        waiting = [self._open[call].name for call in turn.calls if call in self._open]
        if waiting:
            return f"I have asked {' and '.join(sorted(waiting))}, and shall tell you the answer."
        return brain.tell_results([])

    # What it knows.

    def _mind(self) -> brain.Mind:
        return brain.Mind(
            model=self._profile.model,
            history=list(self.history),
            system_instruction=self._profile.system_instruction,
            tools=self._profile.tools,
            generation=self._profile.generation,
        )

    def _overhead(self) -> int:
        tools = str(self._profile.tools) if self._profile.tools else ""
        return len(self._profile.system_instruction + tools) // 4

    def _run_aside(self, wanted: Sequence[steps.Step]) -> None:
        apart = [step for step in wanted if isinstance(step, steps.CancelCalls)]
        for step in apart:
            self._cancel(step.ids or list(self._open))
        self._stage.run_aside([step for step in wanted if step not in apart])
        if apart:
            self.poke()
