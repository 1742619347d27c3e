"""``livesdk replay``: a recorded session, shown again or served to other programs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Optional

import click
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn

from ._console import Speech, Terminal, plain
from ._options import Amount
from ._service import need_emulator
from .serve import serve

if TYPE_CHECKING:
    from ..recording import RecordedEvent, Replay

__all__ = ["command"]


@click.command("replay", short_help="Show a recorded session again, or serve it.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--realtime", is_flag=True, help="At the pace of the recording.")
@click.option(
    "--speed",
    type=Amount(0.01, 1000),
    help="So many times as fast; implies --realtime.",
)
@click.option(
    "--serve",
    "port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help="Serve it to other programs at this port, until Ctrl-C; 0 picks a free one.",
)
@click.pass_obj
def command(
    terminal: Terminal, file: Path, realtime: bool, speed: Optional[float], port: Optional[int]
) -> None:
    """Show who said what in FILE, which livesdk record or a Recorder has written.

    With --serve it answers any program as the recorded server did, each frame once the program has
    sent what had been sent by then.
    """
    from ..recording import Replay

    pace = speed or (1.0 if realtime else None)
    replay = Replay(file)
    if port is not None:
        _serve(terminal, replay, port, pace)
        return
    _introduce(terminal, replay)
    with _bar(terminal, replay.duration, pace) as progressed:
        story = _Story(terminal)
        for event in _paced(replay, pace, progressed):
            story.tell(event, replay.message_of(event))
        story.end()


def _serve(terminal: Terminal, replay: Replay, port: int, pace: Optional[float]) -> None:
    need_emulator()
    from ..emulator import Emulator, Scenario

    scenario = Scenario(recording=replay, recording_speed=pace)
    _introduce(terminal, replay)
    emulator = Emulator(scenario, port=port, record=False)
    serve(terminal, emulator, port=port, option="--serve")


def _introduce(terminal: Terminal, replay: Replay) -> None:
    header = replay.header
    sound = "" if header.audio else ", without its sound"
    about = f"{header.model or header.service}, {replay.duration:.1f} s, {header.started}{sound}"
    terminal.err.print(f"[dim]{escape(plain(about))}[/]")


def _paced(
    replay: Replay, pace: Optional[float], progressed: Callable[[float], None]
) -> Iterator[RecordedEvent]:
    """Give the events, each in its time."""
    nobody = threading.Event()  # a wait that Ctrl-C ends
    before = 0.0
    for event in replay.events:
        if pace is not None:
            nobody.wait((event.at - before) / pace)
        before = event.at
        progressed(event.at)
        yield event


@contextmanager
def _bar(
    terminal: Terminal, duration: float, pace: Optional[float]
) -> Iterator[Callable[[float], None]]:
    """Show how far it is, where it takes its time and somebody sees it."""
    columns = (TextColumn("   "), BarColumn(), TextColumn("{task.completed:.1f} s"))
    shown = terminal.err.is_terminal and pace is not None and not terminal.out.is_terminal
    with Progress(*columns, console=terminal.err, transient=True, disable=not shown) as progress:
        task = progress.add_task("", total=duration)
        yield lambda at: progress.update(task, completed=at)


class _Story:
    """Tells events as lines: who said what, calls, and what happened to the session."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._speech: Optional[Speech] = None
        self._speaker = ""
        self._sent: dict[str, int] = {}  # media of the user, by kind

    def tell(self, event: RecordedEvent, message: Any) -> None:
        """Tell one event; ``message`` is that of the server, if it is one."""
        if event.direction == "client":
            self._client(event)
        elif event.direction == "session":
            self._fact("", f"{event.kind}{f': {event.info}' if event.info else ''}", "dim")
        elif message is None:
            self._fact("server", "(a frame that cannot be decoded)", "red")
        else:
            self._server(message)

    def end(self) -> None:
        """Finish the line, and tell what the user sent meanwhile."""
        if self._speech is not None:
            self._speech.end()
        self._speech, self._speaker = None, ""
        sent, self._sent = self._sent, {}
        if sent:
            counts = ", ".join(f"{count} of {kind}" for kind, count in sent.items())
            self._terminal.fact("you", f"(chunks: {counts})", "green")

    def _say(self, speaker: str, text: str, style: str) -> None:
        if not text:
            return
        if self._speaker != speaker:
            self.end()
            self._speech, self._speaker = Speech(self._terminal.out, speaker, style), speaker
        assert self._speech is not None  # just made
        self._speech.say(text)

    def _fact(self, label: str, text: str, style: str) -> None:
        self.end()
        self._terminal.fact(label, text, style)

    def _client(self, event: RecordedEvent) -> None:
        kind, frame = event.kind, event.frame or {}
        body: Any = next(iter(frame.values()), None)
        if kind.startswith("realtimeInput.") and isinstance(body, dict):
            self._realtime(kind.partition(".")[2], next(iter(body.values())))
        elif kind == "clientContent" and isinstance(body, dict):
            self._fact("you", _words_in(body), "green")
        elif kind == "toolResponse" and isinstance(body, dict):
            for response in body.get("functionResponses") or ():
                self._fact("result", f"{response.get('name')}: {response.get('response')}", "blue")
        elif kind != "setup":
            self._fact("you", f"{kind}: {body}", "green")

    def _realtime(self, kind: str, value: Any) -> None:
        if kind == "text":
            self._fact("you", str(value), "green")
        elif kind in ("audio", "video", "mediaChunks"):
            self._sent[kind] = self._sent.get(kind, 0) + 1

    def _server(self, message: Any) -> None:
        content = getattr(message, "server_content", None)
        heard = getattr(content, "input_transcription", None)
        spoken = getattr(content, "output_transcription", None)
        self._say("heard", (heard.text or "") if heard else "", "green")
        self._say("model", getattr(message, "text", None) or "", "cyan")
        self._say("model", (spoken.text or "") if spoken else "", "cyan")
        for call in getattr(message, "tool_calls", ()):
            arguments = ", ".join(f"{key}={value!r}" for key, value in (call.args or {}).items())
            self._fact("call", f"{call.name}({arguments})", "blue")
        if getattr(content, "interrupted", None):
            self._fact("", "(interrupted)", "dim")
        if getattr(content, "turn_complete", None):
            self.end()
        if getattr(message, "go_away", None) is not None:
            self._fact("", "the server will go away", "dim")


def _words_in(body: dict[str, Any]) -> str:
    """What the turns of a client's frame say, of prompts of music too."""
    prompts = body.get("weightedPrompts")
    if prompts:
        return ", ".join(f"{prompt.get('text')}:{prompt.get('weight')}" for prompt in prompts)
    parts = [part for turn in body.get("turns") or () for part in turn.get("parts") or ()]
    return " ".join(str(part.get("text", "(no text)")) for part in parts) or "(go on)"
