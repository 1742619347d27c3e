"""What Live and music sessions share: decoding, the record, the opening, and injected steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn, TypeVar

import attrs

from ..codec import parse
from ..errors import DecodeError
from . import faults, steps
from .addresses import BAD_TOKEN, Address, Refusal
from .casing import camel
from .checks import Complaint, check_frame, check_setup
from .memory import Handles
from .output import Output
from .record import Connection, Journal
from .scenario import Script
from .stage import Gates, LineLike, Stage
from .tasks import Pause, Task
from .tokens import Token
from .voice import Voice

__all__ = ["Guest", "House", "Opening", "Refused", "SessionBase", "refuse"]

_Fault = TypeVar("_Fault", bound=faults.OpeningFault)


@attrs.frozen(kw_only=True)
class House:
    """What all sessions of one emulator share."""

    script: Script
    journal: Journal
    handles: Handles
    gates: Gates
    voice: Voice
    strict_models: bool


class Opening:
    """What happens as one connection opens: its faults, and the steps after ``setupComplete``."""

    def __init__(self, wanted: Sequence[steps.Step]) -> None:
        self._faults = [step for step in wanted if isinstance(step, faults.OpeningFault)]
        self.steps = [step for step in wanted if not isinstance(step, faults.OpeningFault)]

    def find(self, kind: type[_Fault]) -> _Fault | None:
        """Return the fault of this kind, or ``None``."""
        return next((fault for fault in self._faults if isinstance(fault, kind)), None)


@attrs.frozen(kw_only=True)
class Guest:
    """One caller: where from, where to, and what awaits.

    Attributes:
        refusal: The close that its first frame meets, because of its credential.
        token: The ephemeral token of this emulator that it came with.
    """

    address: Address
    connection: Connection
    opening: Opening
    refusal: Refusal | None
    token: Token | None = None


class Refused(Exception):
    """A frame breaks a rule, so the connection is closed."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


def refuse(why: Refusal | str) -> NoReturn:
    """Raise :class:`Refused`, with 1007 where only the reason is given."""
    raise Refused(Refusal(1007, why) if isinstance(why, str) else why)


class SessionBase:
    """One session, first frame to last.  All of it happens in its connection's thread."""

    def __init__(self, line: LineLike, output: Output, house: House, guest: Guest) -> None:
        self._line = line
        self._output = output
        self._stage = Stage(line, output, house.gates)
        self._house = house
        self._guest = guest
        self._setup_task: Task | None = None
        self._is_open = False

    # What the connection tells (server.App).

    def opened(self) -> None:
        """The upgrade is done; the client speaks first."""
        self._guest.connection.status = 101

    def received(self, payload: bytes) -> None:
        """A message of the client."""
        try:
            frame = _decode(payload)
            self._house.journal.frame(self._guest.connection, frame)
            self._check(self._guest.refusal or self._expiry())
            self._check(check_frame(frame, self._guest.address))
            clean = camel(frame)
            self._stage.note(clean)
            self._route(clean)
        except Refused as refused:
            self._line.close(refused.refusal.code, refused.refusal.reason)
        self.poke()

    def ponged(self, payload: bytes) -> None:
        """A pong of the client."""
        self._house.journal.pong(self._guest.connection, payload)
        self._stage.pongs.append(payload)
        self.poke()

    def ended(self) -> None:
        """The connection is over."""
        if self._setup_task is not None:
            self._setup_task.cancel()
        self._stage.stop()

    # What the emulator asks for, in the connection's thread.

    def poke(self) -> None:
        """Something happened: let go on what waits for it."""
        if self._setup_task is not None:
            self._setup_task.poke()
        self._stage.poke()

    def perform(self, wanted: Sequence[steps.Step]) -> None:
        """Perform steps now, beside whatever goes on."""
        self._stage.run_aside([step for step in wanted if self._stage.can(step)])

    def push(self, message: Mapping[str, Any]) -> None:
        """Send a frame now."""
        self._output.message(message)

    # The rules that hold for both services.

    @staticmethod
    def _check(found: Refusal | Complaint) -> None:
        """Refuse if a check found something."""
        if found is not None:
            refuse(found)

    def _route(self, frame: dict[str, Any]) -> None:
        if "setup" in frame:
            if self._setup_task is not None:
                refuse("Setup message must be sent only once.")
            self._accept(frame["setup"])
            return
        if self._setup_task is None:
            refuse("The first message must be a setup message.")
        if self._is_open:  # a client that does not wait for setupComplete is not heard
            self._handle(frame)

    def _expiry(self) -> Refusal | None:
        token = self._guest.token
        return BAD_TOKEN if token is not None and token.is_expired else None

    def _accept(self, setup: dict[str, Any]) -> None:
        token = self._guest.token
        if token is not None:
            setup = token.fix(setup)
        self._check(
            check_setup(setup, self._guest.address, strict_models=self._house.strict_models)
        )
        is_new = not setup.get("sessionResumption", {}).get("handle")
        if token is not None and is_new and not token.begin_session():
            refuse(BAD_TOKEN)
        self._prepare(setup)
        self._setup_task = Task(self._line, self._answer_setup())
        self._setup_task.start()

    def _answer_setup(self) -> Iterator[Pause]:
        opening = self._guest.opening
        delay = opening.find(faults.DelaySetup)
        if delay is not None:
            yield self._stage.wait(delay.until)
        refused = opening.find(faults.RefuseSetup)
        if refused is not None:
            self._line.close(refused.code, refused.reason)
            return
        if opening.find(faults.SilentSetup) is not None:
            return
        reply = opening.find(faults.SetupReply)
        self._output.message(reply.message if reply is not None else self._setup_complete())
        self._is_open = True
        self._begin()
        if opening.steps:
            self.perform(opening.steps)

    def _setup_complete(self) -> dict[str, Any]:
        return {"setupComplete": dict(self._house.script.scenario.setup_complete)}

    # What differs.

    def _prepare(self, setup: dict[str, Any]) -> None:
        """Read a setup that has been checked."""
        raise NotImplementedError

    def _begin(self) -> None:
        """``setupComplete`` has been sent."""

    def _handle(self, frame: dict[str, Any]) -> None:
        """Take a frame other than the setup."""
        raise NotImplementedError


def _decode(payload: bytes) -> dict[str, Any]:
    try:
        frame = parse(payload)
    except DecodeError as error:
        refuse(f"Invalid JSON payload received. {error}")
    if not isinstance(frame, dict):
        refuse("Invalid JSON payload received. The root must be a message.")
    return frame
