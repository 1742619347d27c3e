"""``livesdk music``: music from prompts, to a loudspeaker or a WAV file."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

import click
from rich.progress import BarColumn, Progress, TextColumn

from ._console import Terminal, plain
from ._files import check_writable
from ._options import Amount, check_device, device
from ._service import open_service, show_service

if TYPE_CHECKING:
    from ..audio import AudioOutput

__all__ = ["command"]

_MODEL = "models/lyria-realtime-exp"


@click.command("music", short_help="Play music from prompts.")
@click.argument("prompts", nargs=-1, required=True, metavar="PROMPT[:WEIGHT]...")
@click.option("--seconds", type=Amount(0.1, 86_400), help="How long; until Ctrl-C if not given.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write into this WAV file in place of a loudspeaker.",
)
@click.option("--speaker", metavar="DEVICE", help="Index or part of the name; see devices.")
@click.option("--bpm", type=click.IntRange(60, 200), help="Beats a minute.")
@click.option("--density", type=Amount(0, 1), help="How many notes.")
@click.option("--brightness", type=Amount(0, 1), help="How bright.")
@click.option("--guidance", type=Amount(0, 6), help="How close to the prompts.")
@click.option("--model", default=_MODEL, show_default=True, help="The model that plays.")
@click.option("--emulator", is_flag=True, help="Stay on this machine, even with a key.")
@click.pass_obj
def command(
    terminal: Terminal,
    /,
    prompts: tuple[str, ...],
    seconds: Optional[float],
    out: Optional[Path],
    speaker: Optional[str],
    model: str,
    emulator: bool,
    **sound: Any,
) -> None:
    """Play music from prompts, each with a weight: "minimal techno:1.5" "piano:0.5".

    A weight is 1 unless given. Without a key in GOOGLE_API_KEY or GEMINI_API_KEY an emulator in
    this process hums.
    """
    from ..playing import play_music

    weighted = [_prompt(text) for text in prompts]
    output = _output(out, speaker)
    config = {name: value for name, value in sound.items() if value is not None}
    with open_service(emulator=emulator) as service:
        show_service(terminal.err.print, service)
        music = service.client.live.music.connect(
            model, config or None, {"onmessage": _notes_to(terminal)}
        )
        with music as session:
            session.set_weighted_prompts(weighted)
            session.play()
            try:
                with output, _bar(terminal) as progress:
                    task = progress.add_task("playing", total=seconds)
                    play_music(
                        session,
                        output,
                        seconds=seconds,
                        on_progress=lambda ms: progress.update(task, completed=ms / 1000),
                    )
            except KeyboardInterrupt:  # the way out, where no length is given
                _sum_up(terminal, output, out)
                raise
            _sum_up(terminal, output, out)


def _sum_up(terminal: Terminal, output: AudioOutput, out: Optional[Path]) -> None:
    where = f", written to {out}" if out is not None else ""
    terminal.note(f"{output.played_ms / 1000:.1f} s of music{where}.")


def _prompt(text: str) -> dict[str, Any]:
    """Take ``text:weight`` apart; a colon without a number behind it belongs to the text."""
    words, _, number = text.rpartition(":")
    try:
        weight = float(number)
    except ValueError:
        weight = math.nan
    if not math.isfinite(weight) or ":" not in text:  # "nan" and "infinity" are words
        words, weight = text, 1.0
    if not words.strip():
        raise click.UsageError(f"{text!r}: a prompt is missing.")
    if weight == 0:
        raise click.UsageError(f"{text!r}: a weight may be anything but 0; leave the prompt out.")
    return {"text": words.strip(), "weight": weight}


def _output(out: Optional[Path], speaker: Optional[str]) -> AudioOutput:
    from ..audio import Speaker, WavOutput

    if out is not None:
        check_writable(out, "--out")
        return WavOutput(out, rate_hz=48_000, channels=2)
    wanted = device(speaker)
    check_device(wanted, "output")
    return Speaker(wanted, rate_hz=48_000, channels=2, block_ms=40, prebuffer_ms=500)


def _notes_to(terminal: Terminal) -> Any:
    """Say which prompts the service refused."""

    def onmessage(message: Any) -> None:
        refused = message.filtered_prompt
        if refused is not None:
            terminal.note(
                f"refused: {plain(refused.text or '')} {plain(refused.filtered_reason or '')}"
            )

    return onmessage


def _bar(terminal: Terminal) -> Progress:
    return Progress(
        TextColumn("   {task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.1f} s"),
        console=terminal.err,
        transient=True,
        disable=not terminal.err.is_terminal,
    )
