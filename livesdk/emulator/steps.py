"""What a scripted answer is made of: records, performed one after the other.

A turn that ends without saying otherwise is completed by the emulator: ``generationComplete``, a
pause for playback, then ``turnComplete`` with usage.  Faults (``faults.py``) are steps as well.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from . import values

__all__ = [
    "Call",
    "CancelCalls",
    "GenerationComplete",
    "GoAway",
    "Interrupt",
    "Say",
    "SayAudio",
    "SayResults",
    "SayTone",
    "Send",
    "SendRaw",
    "Silence",
    "Step",
    "TurnComplete",
    "Usage",
    "Wait",
    "WaitFor",
    "grouped",
]


@attrs.frozen
class Step:
    """The root of all steps and faults."""


@attrs.frozen
class Say(Step):
    """Say a text in the session's modality: text parts, or audio with its transcript.

    Example: ``Say("It is noon.")``, or ``Say("The user wants the time.", thought=True)``.

    Attributes:
        text: What to say.
        thought: Send it as thought text, in either modality.
    """

    text: str
    thought: bool = attrs.field(default=False, kw_only=True)


@attrs.frozen
class SayAudio(Step):
    """Send this sound, cut into chunks; with a transcript if one is given and asked for.

    Example: ``SayAudio(livesdk.pcm.silence(500), transcript="(a pause)")``.

    Attributes:
        pcm: 16-bit little-endian, mono, 24 000 Hz, whole samples.
        transcript: What is said in it.
    """

    pcm: bytes = attrs.field(repr=lambda pcm: f"<{len(pcm)} bytes>", validator=values.samples)
    transcript: str = attrs.field(default="", kw_only=True)


@attrs.frozen
class SayTone(Step):
    """Send a tone of so many milliseconds.

    Example: ``SayTone(400, frequency_hz=880)``.
    """

    milliseconds: float = attrs.field(validator=values.amount)
    frequency_hz: float = attrs.field(default=440.0, kw_only=True, validator=values.amount)


@attrs.frozen
class Call(Step):
    """Call a function of the client.  Calls that directly follow each other share one frame.

    A blocking call holds the turn until it is answered; what follows it is performed then.  If
    nothing follows, the result is told in words.

    Example: ``Call("get_weather", {"city": "Paris"}, id="function-call-7")``.

    Attributes:
        name: The function; it need not be declared.
        args: Its arguments.
        id: The call's id; made up if not given.
        blocking: As declared if not given.
    """

    name: str
    args: Mapping[str, Any] = attrs.Factory(dict)
    id: str | None = attrs.field(default=None, kw_only=True)
    blocking: bool | None = attrs.field(default=None, kw_only=True)


@attrs.frozen
class CancelCalls(Step):
    """Cancel calls: those named, or all that are open.  Example: ``CancelCalls(["id-1"])``."""

    ids: Sequence[str] = ()


@attrs.frozen
class SayResults(Step):
    """Tell in words what the functions of this turn returned.  Example: ``SayResults()``."""


@attrs.frozen
class Interrupt(Step):
    """Declare the turn interrupted: ``interrupted``, cancellations, ``turnComplete``.

    Example: ``[Say("One, two, three"), Interrupt()]``.
    """


@attrs.frozen
class GenerationComplete(Step):
    """Send ``generationComplete``.  Example: ``GenerationComplete()``."""


@attrs.frozen
class TurnComplete(Step):
    """Complete the turn here, with usage.

    Input that comes later begins a turn of its own: of the steps that follow, those that say
    something are then left out, and the others happen beside it.  After ``"IN_PROGRESS"`` the turn
    goes on, and input interrupts it.

    Example: ``[Say("Let me think."), TurnComplete(status="IN_PROGRESS"), Say("Four.")]``.

    Attributes:
        status: The ``interactionStatus`` to tell; what suits the model if not given.
        reason: The ``turnCompleteReason``; none if not given.
    """

    status: str | None = attrs.field(default=None, kw_only=True)
    reason: str | None = attrs.field(default=None, kw_only=True)


@attrs.frozen
class Silence(Step):
    """Say nothing and never complete the turn.  Example: ``[Say("Well"), Silence()]``."""


@attrs.frozen
class Usage(Step):
    """Send usage in a frame of its own.  Example: ``Usage({"totalTokenCount": 42})``."""

    counts: Mapping[str, Any]


@attrs.frozen
class Send(Step):
    """Send this frame as it is.

    Example: ``Send({"serverContent": {"waitingForInput": True}})``.
    """

    message: Mapping[str, Any]


@attrs.frozen
class SendRaw(Step):
    """Send these bytes or characters as one message, whatever they mean.

    Example: ``SendRaw("[]")`` as a text frame, ``SendRaw(bytes(4))`` as a binary one.

    Attributes:
        payload: What to send.
        text: Whether it goes as a text frame; by default a ``str`` does and ``bytes`` do not.
    """

    payload: str | bytes
    text: bool | None = attrs.field(default=None, kw_only=True)


@attrs.frozen
class Wait(Step):
    """Wait so many seconds, or until ``emulator.release(name)``.

    Example: ``Wait(0.05)``, ``Wait("the test is ready")``.
    """

    until: float | str = attrs.field(validator=values.moment)


@attrs.frozen
class WaitFor(Step):
    """Wait until the client has sent ``count`` frames of a kind since these steps began.

    Frames that an earlier ``WaitFor`` of the same kind has waited for do not count again.

    Example: ``WaitFor("realtimeInput.audio", count=3)``.
    """

    kind: str
    count: int = attrs.field(default=1, kw_only=True, validator=values.whole(1))


@attrs.frozen
class GoAway(Step):
    """Announce the end of the connection; it stays open until told otherwise.

    Example: ``[Say("One."), TurnComplete(), GoAway("0.5s"), Wait(0.5), Close(1000)]``.

    Attributes:
        time_left: A duration as on the wire.
    """

    time_left: str = attrs.field(default="10s", validator=values.duration)


def grouped(wanted: Sequence[Step]) -> Iterator[list[Step]]:
    """Calls that follow each other, together; all else alone.  A trailing call is told about."""
    items = list(wanted)
    if items and isinstance(items[-1], Call):
        items.append(SayResults())
    for is_call, group in itertools.groupby(items, lambda step: isinstance(step, Call)):
        if is_call:
            yield list(group)
        else:
            yield from ([step] for step in group)
