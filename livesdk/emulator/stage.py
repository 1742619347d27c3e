"""The mechanical steps: what can be done to a connection whatever it speaks, Live or music."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Callable, Protocol

from . import faults, steps
from .output import Output
from .tasks import Clock, Pause, Task

__all__ = ["Gates", "LineLike", "Stage"]


class LineLike(Clock, Protocol):
    """What a session may do to its connection."""

    @property
    def backlog(self) -> int:
        """Bytes that the client has not taken yet."""
        ...

    def ping(self, payload: bytes) -> None:
        """Send a ping."""

    def close(self, code: int, reason: str) -> None:
        """Send a close frame."""

    def drop(self, *, reset: bool = False) -> None:
        """End without one."""

    def stop_reading(self, seconds: float | None) -> None:
        """Leave what the client sends."""


class Gates:
    """Names that a test has released.  Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: set[str] = set()

    def release(self, name: str) -> None:
        """Open a gate for good."""
        with self._lock:
            self._open.add(name)

    def is_open(self, name: str) -> bool:
        """Whether the name has been released."""
        with self._lock:
            return name in self._open


class Stage:
    """Where steps are performed: one connection, what it has seen, and what runs beside its turns.

    Attributes:
        line: The connection.
        output: Its sending side.
        seen: How many frames of each kind the client has sent: ``"realtimeInput"``,
            ``"realtimeInput.audio"``.
        pongs: Payloads of its pongs.
    """

    def __init__(self, line: LineLike, output: Output, gates: Gates) -> None:
        self.line = line
        self.output = output
        self.seen: Counter[str] = Counter()
        self.pongs: list[bytes] = []
        self._gates = gates
        self._asides: list[Task] = []

    def note(self, frame: Mapping[str, Any]) -> None:
        """Count a frame (in camelCase) and wake what waits for it, except the turns."""
        for key, body in frame.items():
            self.seen[key] += 1
            if isinstance(body, dict):
                self.seen.update(f"{key}.{name}" for name in body)

    def poke(self) -> None:
        """Let what runs beside the turns go on if it can."""
        for task in list(self._asides):
            task.poke()
        self._asides = [task for task in self._asides if not task.done]

    def run_aside(self, wanted: Sequence[steps.Step]) -> None:
        """Perform mechanical steps beside whatever else goes on."""
        task = Task(self.line, self._in_order(wanted))
        self.keep(task)
        task.start()

    def keep(self, task: Task) -> None:
        """Let a task go on beside whatever else goes on."""
        self._asides.append(task)

    def stop(self) -> None:
        """Forget what runs beside the turns."""
        for task in self._asides:
            task.cancel()

    def wait(self, until: float | str) -> Pause:
        """What ``Wait`` and ``DelaySetup`` wait for."""
        if isinstance(until, str):
            name = until
            return lambda: self._gates.is_open(name)
        return until

    def can(self, step: steps.Step) -> bool:
        """Whether this is a mechanical step."""
        return type(step) in _MECHANICAL

    def perform(self, step: steps.Step, counted: Counter[str]) -> Iterator[Pause]:
        """Perform one mechanical step.

        Args:
            step: The step.
            counted: What :attr:`seen` was when these steps began; ``WaitFor`` moves it on.
        """
        action = _ACTIONS.get(type(step))
        if action is not None:
            action(self, step)
        elif isinstance(step, steps.WaitFor):
            counted[step.kind] += step.count
            goal = counted[step.kind]
            yield lambda: self.seen[step.kind] >= goal
        else:
            yield from _WAITS[type(step)](self, step)

    def _in_order(self, wanted: Sequence[steps.Step]) -> Iterator[Pause]:
        counted = Counter(self.seen)
        for step in wanted:
            yield from self.perform(step, counted)


def _send_raw(stage: Stage, step: steps.SendRaw) -> None:
    payload = step.payload
    is_text = isinstance(payload, str) if step.text is None else step.text
    stage.output.raw(payload.encode() if isinstance(payload, str) else payload, is_text=is_text)


def _split(stage: Stage, step: faults.SplitFrames) -> None:
    stage.output.pieces = step.pieces


def _unknown_fields(stage: Stage, _step: faults.UnknownFields) -> None:
    stage.output.unknown_fields = True


def _duplicate(stage: Stage, _step: faults.DuplicateCall) -> None:
    stage.output.message(stage.output.last_call)


def _burst(stage: Stage, step: faults.Burst) -> None:
    for number in range(step.count):
        if step.message is None:
            stage.output.parts({"text": f"{number} "})
        else:
            stage.output.message(step.message)


def _wait(stage: Stage, step: steps.Wait) -> Iterator[Pause]:
    yield stage.wait(step.until)


def _ping(stage: Stage, step: faults.Ping) -> Iterator[Pause]:
    stage.line.ping(step.payload)
    if step.wait:
        yield lambda: step.payload in stage.pongs


_Action = Callable[[Stage, Any], None]
_Waiting = Callable[[Stage, Any], Iterator[Pause]]

_ACTIONS: dict[type[steps.Step], _Action] = {
    steps.Send: lambda stage, step: stage.output.message(step.message),
    steps.SendRaw: _send_raw,
    steps.GoAway: lambda stage, step: stage.output.message(
        {"goAway": {"timeLeft": step.time_left}}
    ),
    steps.Usage: lambda stage, step: stage.output.message({"usageMetadata": dict(step.counts)}),
    faults.BadJson: lambda stage, step: stage.output.raw(step.payload.encode(), is_text=False),
    faults.BadUtf8: lambda stage, step: stage.output.raw(b'{"a": "\xff\xfe"}', is_text=step.text),
    faults.SplitFrames: _split,
    faults.UnknownFields: _unknown_fields,
    faults.Close: lambda stage, step: stage.line.close(step.code, step.reason),
    faults.Drop: lambda stage, step: stage.line.drop(reset=step.rst),
    faults.StopReading: lambda stage, step: stage.line.stop_reading(step.seconds),
    faults.DuplicateCall: _duplicate,
    faults.Burst: _burst,
}
_WAITS: dict[type[steps.Step], _Waiting] = {
    steps.Wait: _wait,
    faults.Ping: _ping,
}
_MECHANICAL = frozenset({*_ACTIONS, *_WAITS, steps.WaitFor})
