"""One Live session: what each client message means for it (Protocol §3 to §8)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from . import steps
from .addresses import Refusal
from .base import Guest, House, SessionBase, refuse
from .checks import check_tools
from .conversation import Conversation
from .memory import Entry, Snapshot, from_content
from .models import refuse_tools
from .output import Output
from .profile import Profile, text_of
from .resumption import Resumption
from .stage import LineLike
from .uplink import Uplink

__all__ = ["LiveSession"]

_CONSUMED_EVERY = 25  # client messages between two updates of the transparent mode


class LiveSession(SessionBase):
    """A conversation with one client."""

    _profile: Profile
    _conversation: Conversation
    _uplink: Uplink
    _resumption: Resumption

    def __init__(self, line: LineLike, output: Output, house: House, guest: Guest) -> None:
        super().__init__(line, output, house, guest)
        self._index = 0  # of the client's last message; the setup is 0 (§13.7)
        self._pending: list[Entry] = []  # content whose turn is not complete
        self._awaits_history = False
        self._is_handling = False
        self._owes_handle = False

    # Opening.

    def _prepare(self, setup: dict[str, Any]) -> None:
        scenario = self._house.script.scenario
        snapshot = self._resumed(setup)
        self._profile = Profile.read(
            setup, self._guest.address, scenario, strict=self._house.strict_models
        )
        self._resumption = Resumption(
            self._output,
            self._house.handles,
            setup.get("sessionResumption"),
            served=scenario.resumption,
            on_issue=self._note_handle,
        )
        self._pending = list(snapshot.pending)
        self._conversation = Conversation(
            self._stage,
            self._profile,
            self._house.script,
            self._house.voice,
            history=self._first_history(setup, snapshot),
            on_busy=self._resumption.busy,
            on_quiet=self._quiet,
        )
        self._uplink = Uplink(self._output, self._profile, self._house.script, self._conversation)
        self._uplink.images = snapshot.images
        history = setup.get("historyConfig", {})
        self._awaits_history = bool(history.get("initialHistoryInClientContent"))

    def _resumed(self, setup: Mapping[str, Any]) -> Snapshot:
        model = str(setup.get("model", ""))
        handle = setup.get("sessionResumption", {}).get("handle")
        if not handle:
            return Snapshot(model)
        known = self._house.handles.find(handle) if self._house.script.scenario.resumption else None
        if known is None:
            refuse("Invalid or expired session resumption handle.")
        if known.model != model:
            refuse("A resumed session cannot change its model.")
        return known

    def _first_history(self, setup: Mapping[str, Any], snapshot: Snapshot) -> list[Entry]:
        """What was said before, or ``prefixTurns`` (§3.1), which a resumed session has already."""
        if setup.get("sessionResumption", {}).get("handle"):
            return list(snapshot.history)
        turns = setup.get("prefixTurns", [])
        return [entry for turn in turns for entry in self._read_turn(turn)]

    def _setup_complete(self) -> dict[str, Any]:
        complete = super()._setup_complete()
        if self._guest.address.is_vertex:
            complete["setupComplete"].setdefault("sessionId", str(uuid.uuid4()))
        return complete

    def _begin(self) -> None:
        self._tell_handle()

    def _quiet(self) -> None:
        """A handle is due; not before the message at hand is part of what it stands for."""
        self._owes_handle = True
        if not self._is_handling:
            self._tell_handle()

    def _tell_handle(self) -> None:
        self._owes_handle = False
        snapshot = Snapshot(
            self._profile.model,
            tuple(self._conversation.history),
            tuple(self._pending),
            self._uplink.images,
        )
        self._resumption.quiet(snapshot, self._index)

    def _note_handle(self, handle: str, consumed: int) -> None:
        self._house.journal.handle(self._guest.connection, handle, consumed)

    # What the connection and the emulator tell.

    def poke(self) -> None:
        """See the base; turns wait too."""
        super().poke()
        if self._setup_task is not None:
            self._conversation.poke()

    def perform(self, wanted: Sequence[steps.Step]) -> None:
        """See the base; steps that say something become a turn."""
        if self._is_open:
            self._conversation.inject(wanted)
        else:
            super().perform(wanted)

    def ended(self) -> None:
        """See the base."""
        super().ended()
        if self._setup_task is not None:
            self._conversation.stop()

    # Client messages.

    def _handle(self, frame: dict[str, Any]) -> None:
        self._index += 1
        self._is_handling = True
        self._take(frame)
        self._is_handling = False
        if self._resumption.transparent and self._index % _CONSUMED_EVERY == 0:
            self._owes_handle = True  # now and then, so that the client can forget
        if self._owes_handle and self._conversation.is_quiet:
            self._tell_handle()

    def _take(self, frame: dict[str, Any]) -> None:
        if "clientContent" in frame:
            self._client_content(frame["clientContent"], frame)
        elif "realtimeInput" in frame:
            self._realtime_input(frame["realtimeInput"])
        elif "toolResponse" in frame:
            self._tool_response(frame["toolResponse"])
        elif "contextUpdate" in frame:
            self._context_update(frame["contextUpdate"])

    def _client_content(self, body: dict[str, Any], frame: dict[str, Any]) -> None:
        complete = bool(body.get("turnComplete"))
        entries = [entry for turn in body.get("turns", []) for entry in self._read_turn(turn)]
        if self._awaits_history:
            self._conversation.history += entries
            self._awaits_history = not complete
            return
        if self._house.strict_models and self._profile.row.history_only:
            refuse("Request contains an invalid argument.")
        if complete or self._profile.interrupted_by_open_content:
            self._conversation.interrupt()
        self._pending += entries
        if complete:
            self._conversation.hear("text", self._user_input(), frame)

    def _read_turn(self, content: dict[str, Any]) -> list[Entry]:
        if content.get("role") == "system":
            if not self._guest.address.is_vertex:
                refuse("Please use a valid role: user, model.")
            self._profile.system_instruction = text_of(content)
            return []
        entry = from_content(content)
        if entry.role not in ("user", "model"):
            refuse("Please use a valid role: user, model.")
        return [entry]

    def _user_input(self) -> Entry:
        """What the user said last, in one; what came before becomes history."""
        first = len(self._pending)
        while first and self._pending[first - 1].role == "user":
            first -= 1
        self._conversation.history += self._pending[:first]
        last, self._pending = self._pending[first:], []
        images = sum(entry.images for entry in last) + self._uplink.take_images()
        return Entry("user", " ".join(entry.text for entry in last if entry.text), images)

    def _realtime_input(self, body: dict[str, Any]) -> None:
        if self._awaits_history:
            return  # the history comes first (§3.11)
        held = self._conversation.should_be_silent
        if held and self._house.script.scenario.refuse_input_during_calls:
            refuse(Refusal(1008, "Operation is not implemented, or supported, or enabled."))
        self._uplink.handle(body)

    def _tool_response(self, body: dict[str, Any]) -> None:
        vertex = self._guest.address.is_vertex
        for response in body.get("functionResponses", []):
            if not vertex and not response.get("id"):
                refuse("* toolResponse.functionResponses.id: required field is not set.")
            if vertex and response.get("willContinue"):  # official clients send false
                refuse("Unknown name \"willContinue\" at 'tool_response.function_responses'.")
            # §6 wants both of these; one alone is taken, because official clients send it so.
            if "response" not in response and not response.get("name"):
                refuse("* toolResponse.functionResponses.name: required field is not set.")
        self._conversation.respond(body.get("functionResponses", []))

    def _context_update(self, body: dict[str, Any]) -> None:
        if not body:
            refuse("contextUpdate must set systemInstruction or tools.")
        if self._house.strict_models and not self._profile.row.context_update:
            refuse("contextUpdate is not supported for this model.")
        tools: list[dict[str, Any]] = body.get("tools", {}).get("tools", [])
        self._check(check_tools(tools, self._guest.address, at="context_update.tools.tools"))
        if self._house.strict_models:
            self._check(refuse_tools(tools, self._profile.row))
        if "systemInstruction" in body:
            self._profile.system_instruction = text_of(body["systemInstruction"])
        if "tools" in body:
            self._profile.tools = list(tools)
