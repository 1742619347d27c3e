"""What a turn comes to: text, audio, transcripts, calls, usage.

Pure: told of messages and times, it never waits or looks at a clock.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, Optional, Union

from attrs import Factory, field

from . import pcm
from ._records import define
from .errors import CloseInfo
from .protocol import completes_interaction
from .tools import Pieces
from .transcript import Utterance
from .types.content import FunctionCall, FunctionResponse
from .types.enums import InteractionStatus, TurnCompleteReason
from .types.messages import LiveServerContent, LiveServerMessage, UsageMetadata

__all__ = ["Answer", "Turn", "TurnBuilder", "TurnCall", "Utterance"]


@define
class TurnCall:
    """A function that the model called in a turn, and what became of it.

    Attributes:
        id: As in the call.
        name: Of the function.
        args: By name.
        response: What was sent back, if anything was: ``FunctionResponse.response``.
        duration_ms: From the arrival of the call to its response.
        cancelled: The model took the call back.
    """

    id: Optional[str]
    name: str
    args: dict[str, Any]
    response: Optional[dict[str, Any]] = None
    duration_ms: Optional[float] = None
    cancelled: bool = False

    @property
    def error(self) -> Optional[str]:
        """What went wrong, where the response says so; ``None`` otherwise."""
        error = (self.response or {}).get("error")
        return None if error is None else str(error)


EndedBy = Literal["turn_complete", "idle", "closed", "reconnected"]


@define(kw_only=True)
class Turn:
    """Everything the model said and did in answer to one input.

    Attributes:
        text: Text parts, thoughts left out; empty for spoken answers.
        audio: PCM, 16-bit little-endian, mono, at ``sample_rate_hz``.
        sample_rate_hz: 24 000 unless the service says otherwise.
        input_transcript: What the user was heard to say.
        output_transcript: What the model said.
        thoughts: Text that is not meant for the user.
        function_calls: One :class:`TurnCall` a call, in order.
        usage: The last usage message of the turn; empty if none came.
        generation_complete: The model said all it wanted.
        turn_complete_reason: Why it ended, where the service says.
        interaction_status: The last one sent.
        interrupted: The user cut in.
        ended_by: ``"turn_complete"``, ``"idle"``, ``"closed"`` (see ``close_info``),
            ``"reconnected"`` (the connection was lost on the way, and the rest with it: ask again)
            or ``None`` while the turn goes on.
        close_info: How the session ended, where that ended the turn.
        time_to_first_audio: Seconds from the input to the first audio; ``None`` without audio.
        messages: Every message of the turn.
    """

    text: str = ""
    audio: bytes = field(default=b"", repr=lambda audio: f"<{len(audio)} bytes>")
    sample_rate_hz: int = 24_000
    input_transcript: str = ""
    output_transcript: str = ""
    thoughts: str = ""
    function_calls: list[TurnCall] = Factory(list)
    usage: UsageMetadata = Factory(UsageMetadata)
    generation_complete: bool = False
    turn_complete_reason: Union[TurnCompleteReason, str, None] = None
    interaction_status: Union[InteractionStatus, str, None] = None
    interrupted: bool = False
    ended_by: Optional[EndedBy] = None
    close_info: Optional[CloseInfo] = None
    time_to_first_audio: Optional[float] = None
    messages: list[LiveServerMessage] = field(factory=list, repr=False)

    @property
    def is_complete(self) -> bool:
        """The model came to its end, or was interrupted: nothing is missing.

        False where the session or its connection ended first, or the time was up.
        """
        return self.ended_by in ("turn_complete", "idle")

    @property
    def audio_ms(self) -> float:
        """How long the audio plays."""
        return len(self.audio) / 2 / self.sample_rate_hz * 1000

    def save_wav(self, path: Union[str, os.PathLike[str]]) -> None:
        """Write the audio as a WAV file; an empty one if there is no audio."""
        samples = self.audio[: len(self.audio) & ~1]
        Path(path).write_bytes(pcm.wav_bytes(samples, self.sample_rate_hz))


class TurnBuilder:
    """Collects the messages of one turn.

    Args:
        started: When the input was sent, in seconds of any clock that ``add`` uses as well.
    """

    def __init__(self, started: float) -> None:
        self._started = started
        self._turn = Turn()
        self._texts: list[str] = []
        self._thoughts: list[str] = []
        self._audio: list[bytes] = []
        self._calls: list[tuple[TurnCall, float]] = []  # with the moment each arrived
        self._pieces = Pieces()
        self._input: list[str] = []
        self._output: list[str] = []

    def add(self, message: LiveServerMessage, at: float) -> bool:
        """Take a message; True if the model is done with it."""
        turn = self._turn
        turn.messages.append(message)
        if message.server_content:
            self._add_content(message.server_content)
        self._add_media(message, at)
        for call in message.tool_calls:
            self._add_call(call, at)
        if message.tool_call_cancellation:
            self._cancel(message.tool_call_cancellation.ids or ())
        if message.usage_metadata:
            turn.usage = message.usage_metadata
        turn.interaction_status = message.interaction_status or turn.interaction_status
        if not completes_interaction(message):
            return False
        turn.ended_by = "idle" if turn.interaction_status == "IDLE" else "turn_complete"
        return True

    def _add_content(self, content: LiveServerContent) -> None:
        turn = self._turn
        if content.input_transcription and content.input_transcription.text:
            self._input.append(content.input_transcription.text)
        if content.output_transcription and content.output_transcription.text:
            self._output.append(content.output_transcription.text)
        turn.generation_complete = turn.generation_complete or bool(content.generation_complete)
        turn.interrupted = turn.interrupted or bool(content.interrupted)
        turn.turn_complete_reason = content.turn_complete_reason or turn.turn_complete_reason
        turn.interaction_status = content.interaction_status or turn.interaction_status

    def _add_media(self, message: LiveServerMessage, at: float) -> None:
        if message.text:
            self._texts.append(message.text)
        if message.thoughts:
            self._thoughts.append(message.thoughts)
        audio = message.audio
        if audio:
            if self._turn.time_to_first_audio is None:
                self._turn.time_to_first_audio = at - self._started
                self._turn.sample_rate_hz = message.sample_rate_hz or self._turn.sample_rate_hz
            self._audio.append(audio)

    def _add_call(self, call: FunctionCall, at: float) -> None:
        whole = self._pieces.add(call)
        args = (whole or call).args or {}
        for known, _ in self._calls:
            if call.id and known.id == call.id:  # sent twice, or in pieces (Protocol §8.3)
                known.args = {**known.args, **args}
                return
        self._calls.append((TurnCall(call.id, call.name or "", args), at))
        self._turn.function_calls.append(self._calls[-1][0])

    def _cancel(self, ids: Iterable[str]) -> None:
        cancelled = set(ids)
        for call in self._turn.function_calls:
            if call.id in cancelled:
                call.cancelled = True

    def responded(self, responses: Iterable[FunctionResponse], at: float) -> None:
        """Note responses that are being sent."""
        for response in responses:
            for call, called_at in self._answered_by(response):
                call.response = response.response
                call.duration_ms = (at - called_at) * 1000

    def withdrawn(self, responses: Iterable[FunctionResponse]) -> None:
        """Those responses could not be sent."""
        for response in responses:
            for call, _ in self._calls:
                if call.response is response.response:
                    call.response = call.duration_ms = None

    def _answered_by(self, response: FunctionResponse) -> list[tuple[TurnCall, float]]:
        """Find the call by its id; without one, which Vertex allows, by its name."""
        if response.id:
            return [item for item in self._calls if item[0].id == response.id]
        open_ones = [
            item
            for item in self._calls
            if item[0].response is None and item[0].name == response.name
        ]
        return open_ones[:1]

    @property
    def messages(self) -> list[LiveServerMessage]:
        """Those so far."""
        return self._turn.messages

    def closed(self, info: CloseInfo) -> None:
        """The session ended before the turn did."""
        self._turn.ended_by = "closed"
        self._turn.close_info = info

    def cut(self) -> None:
        """The connection was lost before the turn ended, and the next one knows nothing of it."""
        self._turn.ended_by = "reconnected"

    def result(self) -> Turn:
        """Return the turn as far as it is known."""
        turn = self._turn
        turn.text = "".join(self._texts)
        turn.thoughts = "".join(self._thoughts)
        turn.audio = b"".join(self._audio)
        turn.input_transcript = "".join(self._input)
        turn.output_transcript = "".join(self._output)
        return turn


class Answer:
    """Finds the turn that answers a prompt among the messages that arrive.

    A prompt interrupts what the model is saying; the end of that is not the end of the answer.

    Args:
        started: When the prompt was sent.
        mid_turn: The model was in the middle of a turn then: its end comes first.
        busy: An answer was due then.  If an interruption comes first, it is of that one.

    Attributes:
        first: The first message of the answer.
        last: The message that ends it; ``None`` while it goes on.
        is_paused: The model is done, and a tool is not.
        is_settled: It ended without another message: when its last tool was done, or cut short.
        was_cut: It was cut short.
    """

    def __init__(self, started: float, *, mid_turn: bool, busy: bool) -> None:
        self.first: Optional[LiveServerMessage] = None
        self.last: Optional[LiveServerMessage] = None
        self._started = started
        self.is_settled = self.was_cut = False
        self.is_paused = False
        self._earlier = mid_turn  # what comes is of the turn before
        self._suspects = busy and not mid_turn
        self._builder = TurnBuilder(started)

    def take(self, message: LiveServerMessage, at: float, *, tools_run: bool = False) -> None:
        """Take the next message into account.

        Args:
            message: The message.
            at: When it came.
            tools_run: A tool of this turn still runs, so the model's being done ends nothing.
        """
        if self.last is not None or self.is_settled:
            return
        content = message.server_content
        if self._suspects and content and content.interrupted:
            self._earlier, self._suspects = True, False
        done = self._builder.add(message, at)
        if not self._earlier:
            self.first = self.first or message
            self.is_paused = done and tools_run
            self.last = message if done and not tools_run else None
        elif done or (content and content.turn_complete):
            self._earlier = False
            self._builder = TurnBuilder(self._started)

    def cut(self) -> None:
        """The connection was lost, and the rest of the turn with it."""
        if self.last is None and not self.is_settled:
            if self._earlier:  # nothing came of this one
                self._builder = TurnBuilder(self._started)
            self._earlier, self.is_settled, self.was_cut = False, True, True
            self._builder.cut()

    def restart(self) -> None:
        """The prompt was sent again, on another connection: the answer begins anew."""
        if self.last is None and not self.is_settled:
            self.is_paused = self._earlier = self._suspects = False
            self._builder = TurnBuilder(self._started)

    def tools_settled(self) -> None:
        """No tool runs any more, and the model has nothing to say to what it got."""
        self.is_settled = self.is_paused

    def responded(self, responses: Iterable[FunctionResponse], at: float) -> None:
        """Note responses that are being sent."""
        self._builder.responded(responses, at)

    def withdrawn(self, responses: Iterable[FunctionResponse]) -> None:
        """Those responses could not be sent."""
        self._builder.withdrawn(responses)

    def takes(self, message: LiveServerMessage) -> bool:
        """Tell whether a message is one of the answer's."""
        return not self._earlier and any(one is message for one in self._builder.messages)

    def turn(self, close_info: Optional[CloseInfo] = None) -> Turn:
        """Return the turn; ``close_info`` says how the session ended, if it did before the turn."""
        if self._earlier:
            self._builder = TurnBuilder(self._started)
        if close_info is not None and self.last is None:
            self._builder.closed(close_info)
        return self._builder.result()
