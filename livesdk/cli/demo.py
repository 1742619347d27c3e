"""``livesdk demo``: a whole conversation in a few seconds, watched and checked."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.markup import escape

from ._console import Terminal, plain
from ._files import check_writable
from ._service import (
    MODEL,
    CommandError,
    Service,
    open_service,
    show_service,
)

if TYPE_CHECKING:
    from ._story import Outcome, Stage, Step

__all__ = ["command"]


@click.command("demo", short_help="Watch a whole conversation, step by step.")
@click.option("--emulator", is_flag=True, help="Stay on this machine, even with a key.")
@click.option("--model", default=MODEL, show_default=True, help="The model to talk to.")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    default=Path("reply.wav"),
    show_default=True,
    help="Where the answer to the spoken question is written.",
)
@click.pass_obj
def command(terminal: Terminal, emulator: bool, model: str, output: Path) -> None:
    """Watch a conversation: text, memory, speech, a function call, an interruption.

    With GOOGLE_API_KEY or GEMINI_API_KEY in the environment it talks to the Gemini API, otherwise
    to an emulator in this process. The exit code is 0 only if every step did what it should.
    """
    from ._story import scenario

    check_writable(output, "--output")
    started = time.monotonic()
    with open_service(emulator=emulator, scenario=scenario) as service:
        show_service(terminal.line, service)
        outcomes = _play(terminal, service, model, output)
    _summarise(terminal, outcomes)
    took = time.monotonic() - started
    done = f"All {len(outcomes)} steps did what they should, in {took:.1f} s."
    terminal.line(f"{terminal.mark(good=True)} [bold]{done}[/]")


def _play(
    terminal: Terminal, service: Service, model: str, output: Path
) -> list[tuple[Step, Outcome]]:
    from ._story import CONFIG, STEPS, Stage

    started = time.monotonic()
    with service.client.live.connect(model, CONFIG) as session:
        took_ms = 1000 * (time.monotonic() - started)
        terminal.line(f"Connected to {escape(plain(model))} in {took_ms:.0f} ms.")
        stage = Stage(terminal, session, strict=service.is_emulator, output=output)
        return [(step, _perform(stage, number, step)) for number, step in enumerate(STEPS, start=1)]


def _perform(stage: Stage, number: int, step: Step) -> Outcome:
    stage.terminal.line(f"\n[bold cyan]{number}[/]  [bold]{step.title}[/]")
    try:
        return step.run(stage)
    except CommandError as error:
        stage.terminal.line(f"   {stage.terminal.mark(good=False)}")
        raise CommandError(f"step {number}, {step.title.lower()}: {error}") from error


def _summarise(terminal: Terminal, outcomes: list[tuple[Step, Outcome]]) -> None:
    from rich import box
    from rich.table import Table

    table = Table("", "step", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("first audio", justify="right")
    table.add_column("audio", justify="right")
    table.add_column("what came of it")
    for step, outcome in outcomes:
        first = outcome.first_audio
        table.add_row(
            terminal.mark(good=True),
            step.title,
            "" if first is None else _milliseconds(first),
            f"{outcome.audio_ms / 1000:.1f} s" if outcome.audio_ms else "",
            escape(plain(outcome.summary)),
        )
    terminal.line()
    terminal.out.print(table)


def _milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:.{0 if seconds >= 0.01 else 1}f} ms"
