"""The demo's conversation: steps that talk to a session, show it, and check what came.

Everything runs in one thread: a step sends, then takes the messages of the answer one by one.  On
the emulator every check counts; where the service's model is free to do otherwise, it is said and
the story goes on.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

import attrs
from rich.progress import BarColumn, Progress, TextColumn

from .. import pcm
from ..errors import SessionClosed
from ..turn import Turn, TurnBuilder
from ._console import Speech, Terminal
from ._service import CommandError

if TYPE_CHECKING:
    from ..session import Session
    from ..types import LiveServerMessage

__all__ = ["CONFIG", "HEARD", "STEPS", "Outcome", "Stage", "Step", "scenario"]

HEARD = "Hello, this is a recording. Can you hear me?"
_RECORDING = Path(__file__).with_name("assets") / "question.wav"
_WEATHER = {"sky": "sunny", "degrees": 21}
_CUT_IN_AFTER_MS = 1500.0
_CUT_IN = "Please say: I am listening."
_PATIENCE = 30.0

_GET_WEATHER = {
    "name": "get_weather",
    "description": "Tells the weather in a city at this moment.",
    "behavior": "BLOCKING",
    "parameters": {
        "type": "OBJECT",
        "properties": {"city": {"type": "STRING"}},
        "required": ["city"],
    },
}

CONFIG: dict[str, Any] = {
    "response_modalities": ["AUDIO"],
    "system_instruction": "Answer in one short sentence, unless a story is asked for.",
    "input_audio_transcription": {},
    "output_audio_transcription": {},
    "tools": [{"function_declarations": [_GET_WEATHER]}],
}


def scenario() -> Any:
    """Return what the emulator is told: it has no ear of its own for words."""
    from ..emulator import Scenario

    told: dict[str, Any] = {"heard": [HEARD], "chunk_interval": 0.015}
    return Scenario(**told)


@attrs.frozen(kw_only=True)
class Outcome:
    """What the summary tells of a step."""

    first_audio: Optional[float] = None
    audio_ms: float = 0.0
    summary: str = ""

    @classmethod
    def of(cls, turn: Turn, summary: str) -> Outcome:
        """Sum up a step by its turn."""
        return cls(first_audio=turn.time_to_first_audio, audio_ms=turn.audio_ms, summary=summary)


class Stage:
    """What a step works with.

    Args:
        terminal: Where it is shown.
        session: Open.
        strict: The other side is the emulator, which does as it is told.
        output: Where ``reply.wav`` goes.
    """

    def __init__(self, terminal: Terminal, session: Session, *, strict: bool, output: Path) -> None:
        self.terminal = terminal
        self.session = session
        self.strict = strict
        self.output = output
        self._asked_at = time.monotonic()

    def check(self, holds: object, otherwise: str, *, model_is_free: bool = False) -> None:
        """Go on if it holds, or if it is the service's model that chose otherwise."""
        if holds:
            return
        if self.strict or not model_is_free:
            raise CommandError(otherwise)
        self.terminal.fact("note", f"{otherwise}; a model may do that", "yellow")

    def say(self, text: str) -> None:
        """Send what the user types."""
        self.terminal.fact("you", text, "bold")
        self.ask(text)

    def ask(self, text: str) -> None:
        """Send a text without showing it."""
        self._asked_at = time.monotonic()
        self.session.send_client_content(text, turn_complete=True)

    def stream(self, recording: Path, on_progress: Callable[..., Any]) -> None:
        """Send a recording as fast as it was spoken; blocks until it is over."""
        self.session.send_media_stream(recording, realtime=True, on_progress=on_progress)
        self._asked_at = time.monotonic()

    def hear(self, on_message: Optional[Callable[[LiveServerMessage, Turn], Any]] = None) -> Turn:
        """Show the model's turn as it comes, and return it."""
        builder = TurnBuilder(self._asked_at)
        heard = Speech(self.terminal.out, "heard", "bold")
        speech = Speech(self.terminal.out, "model", "cyan")
        try:
            for message in self.session.receive_turn(timeout=_PATIENCE):
                builder.add(message, time.monotonic())
                content = message.server_content
                if content and content.input_transcription:
                    heard.say(content.input_transcription.text or "")
                if message.audio or message.tool_calls:
                    heard.end()
                if content and content.output_transcription:
                    speech.say(content.output_transcription.text or "")
                if on_message is not None:
                    on_message(message, builder.result())
        finally:
            heard.end()
            speech.end()
        return self._whole(builder.result())

    def _whole(self, turn: Turn) -> Turn:
        """Return the turn, if it came to its end."""
        info = self.session.close_info
        if turn.ended_by is None and info is not None:
            raise SessionClosed(info)
        return turn


@attrs.frozen
class Step:
    """A title, and what is done and checked under it."""

    title: str
    run: Callable[[Stage], Outcome]


# ------------------------------------------------------------------------------------- the steps


def _text(stage: Stage) -> Outcome:
    stage.say("Hello! My name is Ada.")
    turn = stage.hear()
    _check_answer(stage, turn)
    return Outcome.of(turn, "answered in sound and text")


def _memory(stage: Stage) -> Outcome:
    stage.say("What did I say my name is?")
    turn = stage.hear()
    _check_answer(stage, turn)
    knows = "ada" in turn.output_transcript.lower()
    stage.check(knows, "the second turn did not remember the first", model_is_free=True)
    return Outcome.of(turn, "remembered the name")


def _speech(stage: Stage) -> Outcome:
    _stream(stage)
    turn = stage.hear()
    _check_answer(stage, turn)
    stage.check(
        "hear me" in turn.input_transcript.lower(),
        "no transcript of the recording came",
        model_is_free=True,
    )
    _save(stage, turn)
    return Outcome.of(turn, f"saved as {stage.output.name}")


def _function(stage: Stage) -> Outcome:
    stage.say("What is the weather in Paris?")
    turn = stage.hear(lambda message, _: _answer_calls(stage, message))
    cities = [call.args.get("city") for call in turn.function_calls if call.name == "get_weather"]
    stage.check(cities, "the model did not call the function", model_is_free=True)
    called_well = all(isinstance(city, str) and "paris" in city.lower() for city in cities)
    stage.check(called_well, f"the function was called with {cities}, not with Paris")
    _check_answer(stage, turn)
    told = any(word in turn.output_transcript.lower() for word in ("21", "twenty-one", "sunny"))
    stage.check(told, "the function's result is not in the answer", model_is_free=True)
    return Outcome.of(turn, "called, answered, told")


def _interruption(stage: Stage) -> Outcome:
    cut_in_at: list[float] = []

    def cut_in(_message: LiveServerMessage, turn: Turn) -> None:
        if not cut_in_at and turn.audio_ms >= _CUT_IN_AFTER_MS:
            cut_in_at.append(time.monotonic())
            stage.ask(_CUT_IN)

    stage.say("Please tell me a long story.")
    story = stage.hear(cut_in)
    stage.check(cut_in_at, "the story ended before it could be interrupted", model_is_free=True)
    stage.check(story.interrupted, "no interruption was reported", model_is_free=True)
    if not cut_in_at:
        return Outcome.of(story, "too short to interrupt")
    stage.terminal.fact("you", _CUT_IN, "bold")
    after = (stage.session.interrupted_at or time.monotonic()) - cut_in_at[0]
    if story.interrupted:
        what = f"the story stopped {1000 * after:.0f} ms after these words were sent"
        stage.terminal.fact("cut", what, "yellow")
    turn = stage.hear()
    _check_answer(stage, turn)
    said = "listening" in turn.output_transcript.lower()
    stage.check(said, "the new input was not answered", model_is_free=True)
    return Outcome.of(turn, f"cut in after {story.audio_ms / 1000:.1f} s of story")


def _end(stage: Stage) -> Outcome:
    usage = stage.session.usage
    total = usage.total_token_count or 0
    spoken, answered = usage.prompt_token_count or 0, usage.response_token_count or 0
    stage.check(total > 0, "no usage was reported")
    stage.terminal.fact("tokens", f"{total} in all: {spoken} in, {answered} out")
    stage.session.close()
    info = stage.session.close_info
    stage.check(info and info.clean, f"the session did not end cleanly: {info}")
    stage.terminal.fact("closed", str(info))
    return Outcome(summary=f"{total} tokens, closed cleanly")


STEPS = (
    Step("Text", _text),
    Step("Memory", _memory),
    Step("Speech from a file", _speech),
    Step("A function call", _function),
    Step("An interruption", _interruption),
    Step("Usage and the end", _end),
)


# ----------------------------------------------------------------------------------- what they do


def _check_answer(stage: Stage, turn: Turn) -> None:
    stage.check(turn.ended_by, "the answer did not end")
    stage.check(turn.audio, "no audio came")
    stage.check(turn.output_transcript, "no text of the answer came", model_is_free=True)


def _stream(stage: Stage) -> None:
    """Send the recording as fast as it was spoken, with a bar."""
    columns = (
        TextColumn("   [bold]you[/]    "),
        BarColumn(bar_width=30),
        TextColumn("{task.description}"),
    )
    name = _RECORDING.name
    with Progress(*columns, console=stage.terminal.out) as progress:
        task = progress.add_task(name, total=None)

        def show(sent_ms: float, total_ms: Optional[float]) -> None:
            told = f"{name}, {sent_ms / 1000:.1f} s"
            progress.update(task, completed=sent_ms, total=total_ms, description=told)

        stage.stream(_RECORDING, show)


def _save(stage: Stage, turn: Turn) -> None:
    turn.save_wav(stage.output)
    audio, rate_hz, _ = pcm.read_wav(stage.output)
    is_sound = pcm.level_dbfs(audio) > pcm.SILENCE_DBFS
    stage.check(is_sound, f"{stage.output} is silent")
    what = f"{stage.output}, {pcm.duration_ms(audio, rate_hz) / 1000:.1f} s"
    stage.terminal.fact("saved", what)


def _answer_calls(stage: Stage, message: LiveServerMessage) -> None:
    for call in message.tool_calls:
        arguments = ", ".join(f"{name}={value!r}" for name, value in (call.args or {}).items())
        stage.terminal.fact("calls", f"{call.name}({arguments})", "magenta")
        stage.terminal.fact("gets", json.dumps(_WEATHER), "magenta")
        stage.session.send_tool_response(
            {"id": call.id, "name": call.name, "response": dict(_WEATHER)}
        )
