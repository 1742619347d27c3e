"""``livesdk record``: a chat that is written down as it goes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import chat
from ._files import check_apart, check_not_read, check_writable
from ._service import CommandError

if TYPE_CHECKING:
    from ._console import Terminal

__all__ = ["command"]


@click.pass_obj
def _record(terminal: Terminal, /, out: Path, no_audio: bool, **options: Any) -> None:
    """Chat, and write the session into OUT: every frame of both sides, without secrets.

    It takes the options of chat. livesdk replay shows the file again, and serves it.
    """
    from ..recording import Recorder, Replay

    check_apart(out, "OUT", options["save_audio"], "--save-audio")
    if not options["text"]:
        check_not_read(out, "OUT")
    check_writable(out, "OUT")
    with Recorder(out, audio=not no_audio) as recorder:
        chat.chat(terminal, recorder=recorder, **options)
    if recorder.error is not None:
        raise CommandError(str(recorder.error))
    replay = Replay(out)
    terminal.note(f"Recorded {len(replay.events)} events in {replay.duration:.1f} s: {out}")


command = click.Command(
    "record",
    callback=_record,
    help=_record.__doc__,
    short_help="Chat, and write the session down.",
    params=[
        click.Argument(["out"], type=click.Path(dir_okay=False, path_type=Path)),
        *chat.command.params,
        click.Option(
            ["--no-audio"], is_flag=True, help="Write only how long sound and pictures were."
        ),
    ],
)
