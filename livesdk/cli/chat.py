"""``livesdk chat``: turns by keyboard, by pipe, or one from the command line."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

import attrs
import click

from ._console import Speech, Terminal
from ._files import check_not_read, check_writable
from ._service import (
    MODEL,
    CommandError,
    Service,
    open_service,
    show_service,
)
from ._tools import ShownCall, shown_tools

if TYPE_CHECKING:
    from typing_extensions import Self

    from ..recording import Recorder
    from ..retry import ReconnectInfo
    from ..session import Session
    from ..turn import Turn
    from ..types import LiveServerMessage

__all__ = ["chat", "command"]

_PATIENCE = 120.0
_COMMANDS = "/quit or Ctrl-D ends, /usage counts tokens, /help says this"


@attrs.frozen(kw_only=True)
class _Wish:
    """What the options ask for."""

    model: str
    voice: Optional[str]
    system: Optional[str]
    modality: str
    save_audio: Optional[Path]
    as_json: bool
    tools: tuple[Any, ...] = ()
    recorder: Optional[Recorder] = None

    @property
    def config(self) -> dict[str, Any]:
        """For ``connect``."""
        speaks = self.modality == "AUDIO"
        config: dict[str, Any] = {"response_modalities": [self.modality]}
        if speaks:
            config["output_audio_transcription"] = {}
        if self.voice:
            config["speech_config"] = self.voice
        if self.system:
            config["system_instruction"] = self.system
        if self.tools:
            config["tools"] = list(self.tools)
        return config


@click.command("chat", short_help="Talk by keyboard, or ask one thing.")
@click.argument("text", nargs=-1)
@click.option("--model", default=MODEL, show_default=True, help="The model to talk to.")
@click.option("--voice", help="A voice by its name, such as Kore or Puck.")
@click.option("--system", help="A system instruction.")
@click.option(
    "--modality",
    type=click.Choice(["audio", "text"], case_sensitive=False),
    default="audio",
    show_default=True,
    help="How the model answers; audio is shown by its transcript.",
)
@click.option(
    "--save-audio",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write all that the model says into this WAV file.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a turn, and no more.")
@click.option(
    "--tool",
    "tools",
    multiple=True,
    metavar="MODULE:FUNCTION",
    help="A Python function that the model may call; can be given several times.",
)
@click.option("--emulator", is_flag=True, help="Stay on this machine, even with a key.")
@click.pass_obj
def command(terminal: Terminal, /, **options: Any) -> None:
    """Talk to a model: by keyboard, one line of a pipe a turn, or the TEXT once.

    Without a key in GOOGLE_API_KEY or GEMINI_API_KEY an emulator in this process answers.
    """
    chat(terminal, **options)


def chat(
    terminal: Terminal,
    *,
    text: tuple[str, ...],
    model: str,
    voice: Optional[str],
    system: Optional[str],
    modality: str,
    save_audio: Optional[Path],
    as_json: bool,
    tools: tuple[str, ...],
    emulator: bool,
    recorder: Optional[Recorder] = None,
) -> None:
    """Do what the command does; ``recorder`` writes it down."""
    if modality.lower() == "text" and (voice or save_audio):
        raise click.UsageError("--voice and --save-audio need --modality audio.")
    if not text:
        check_not_read(save_audio, "--save-audio")
    calls: list[ShownCall] = []

    def show(call: ShownCall) -> None:
        calls.append(call)
        terminal.note(str(call))

    wish = _Wish(
        model=model,
        voice=voice,
        system=system,
        modality=modality.upper(),
        save_audio=save_audio,
        as_json=as_json,
        tools=tuple(shown_tools(tools, show)),
        recorder=recorder,
    )
    with _Recording(save_audio) as recording, open_service(emulator=emulator) as service:
        show_service(terminal.err.print, service)
        _converse(_Chat(terminal, wish, recording, calls), service, " ".join(text))
    if save_audio is not None:
        terminal.note(str(recording))


class _Recording:
    """Keeps what the model says, and writes it on leaving the block, however that happens."""

    def __init__(self, path: Optional[Path]) -> None:
        self._path = path
        self._audio: list[bytes] = []
        self._rate_hz = 24_000

    def add(self, turn: Turn) -> None:
        """Keep the audio of a turn."""
        if self._path is not None and turn.audio:
            self._audio.append(turn.audio)
            self._rate_hz = turn.sample_rate_hz

    def __enter__(self) -> Self:
        """Find out now whether the file can be written."""
        if self._path is not None:
            check_writable(self._path, "--save-audio")
        return self

    def __exit__(self, *error: object) -> None:
        """Write the file, unless there is nothing to write."""
        if self._path is not None and self._audio:
            from ..pcm import wav_bytes

            self._path.write_bytes(wav_bytes(b"".join(self._audio), self._rate_hz))

    def __str__(self) -> str:
        """Tell what was kept, and where."""
        seconds = sum(map(len, self._audio)) / 2 / self._rate_hz
        return f"Saved {seconds:.1f} s of audio in {self._path}." if self._audio else "No audio."


def _converse(chat: _Chat, service: Service, text: str) -> None:
    wish, connect = chat.wish, service.client.live.connect
    hooks = {"on_reconnect": chat.reconnected}
    with connect(wish.model, wish.config, hooks, recorder=wish.recorder, reconnect=True) as session:
        if text:
            chat.turn(session, text, label=None)
            return
        label = "model" if sys.stdin.isatty() else None
        for line in _lines(chat.terminal, quiet=chat.wish.as_json):
            if not line.startswith("/"):
                chat.turn(session, line, label=label)
            elif line == "/quit":
                return
            else:
                chat.obey(session, line)


def _lines(terminal: Terminal, *, quiet: bool) -> Iterator[str]:
    """Give what is typed or piped in, line by line, without empty ones."""
    prompts = sys.stdin.isatty()
    if prompts:
        terminal.note(f"Type, and press Enter. {_COMMANDS}.")
    while True:
        try:
            line = _prompted(terminal, quiet=quiet) if prompts else sys.stdin.readline()
            line.encode()  # some locales let other bytes through, as halves of surrogate pairs
        except UnicodeError as error:
            encoding = sys.stdin.encoding.upper()
            raise CommandError(
                f"standard input is not text in {encoding}: convert it before, with iconv say"
            ) from error
        if not line:
            break
        if line.strip():
            yield line.strip()
    if prompts:
        terminal.err.print()  # the prompt's own line


def _prompted(terminal: Terminal, *, quiet: bool) -> str:
    """Return a typed line with its end; empty at Ctrl-D."""
    if quiet:  # input() would write its prompt where the JSON goes
        terminal.err.print("   you     ", end="")
        return sys.stdin.readline()
    try:
        import readline  # noqa: F401  # gives input() keys and a history

    except ImportError:
        pass
    try:
        return input("   you     ") + "\n"
    except EOFError:
        return ""


class _Chat:
    """Takes turns, and shows them in the way that is wished for."""

    def __init__(
        self, terminal: Terminal, wish: _Wish, recording: _Recording, calls: list[ShownCall]
    ) -> None:
        self._calls = calls
        self.terminal = terminal
        self.wish = wish
        self._recording = recording

    def turn(self, session: Session, text: str, *, label: Optional[str]) -> None:
        """Say something, and show the answer while it comes; once more if it was cut."""
        turn = self._answer(session, text, label)
        if turn.ended_by is None and not session.is_closed:
            self.terminal.note("(the connection was lost on the way: asking again)")
            turn = self._answer(session, text, label)
        self._report(text, turn)

    def _answer(self, session: Session, text: str, label: Optional[str]) -> Turn:
        from ..turn import TurnBuilder

        builder = TurnBuilder(time.monotonic())
        session.send_client_content(text, turn_complete=True)
        speech = Speech(self.terminal.out, label, "cyan")
        try:
            for message in session.receive_turn(timeout=_PATIENCE):
                builder.add(message, time.monotonic())
                if not self.wish.as_json:
                    speech.say(_words(message))
        finally:
            speech.end()
            self._recording.add(builder.result())
        return builder.result()

    def reconnected(self, info: ReconnectInfo) -> None:
        """Tell of another connection."""
        if not self.wish.as_json:
            restored = "the conversation goes on" if info.state_restored else "a fresh session"
            self.terminal.note(f"(another connection: {restored})")

    def obey(self, session: Session, line: str) -> None:
        """Do what a line with a slash asks for."""
        if line == "/usage":
            self.terminal.note(f"{session.usage.total_token_count or 0} tokens so far")
        else:
            known = "" if line == "/help" else f"{line} is not known: "
            self.terminal.note(f"{known}{_COMMANDS}")

    def _report(self, text: str, turn: Turn) -> None:
        if self.wish.as_json:
            sys.stdout.write(
                json.dumps(_record(text, turn, self._calls), ensure_ascii=False, default=repr)
                + "\n"
            )
            sys.stdout.flush()
            self._calls.clear()
        elif turn.ended_by is None:
            raise CommandError("the session ended before the answer did — start the command again")
        elif not (turn.text or turn.output_transcript):
            self.terminal.note("(no words came)")


def _words(message: LiveServerMessage) -> str:
    """What a message says: text, or the transcript of its audio."""
    content = message.server_content
    spoken = content.output_transcription if content else None
    return (message.text or "") + ((spoken.text or "") if spoken else "")


def _record(text: str, turn: Turn, calls: list[ShownCall]) -> dict[str, Any]:
    """A turn as ``--json`` prints it."""
    usage, first = turn.usage, turn.time_to_first_audio
    return {
        "input": text,
        "text": turn.text or turn.output_transcript,
        "thoughts": turn.thoughts or None,
        "audio_ms": round(turn.audio_ms, 1),
        "sample_rate_hz": turn.sample_rate_hz if turn.audio else None,
        "time_to_first_audio_ms": None if first is None else round(1000 * first, 1),
        "interrupted": turn.interrupted,
        "function_calls": [attrs.asdict(call, recurse=False) for call in calls],
        "ended_by": turn.ended_by,
        "usage": {
            "prompt": usage.prompt_token_count,
            "response": usage.response_token_count,
            "total": usage.total_token_count,
        },
    }
