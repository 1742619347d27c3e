"""What ``livesdk talk`` shows: who says what, what was cut off, and how loud it is.

On a terminal a few lines at the bottom are alive: the utterance that is growing, two level meters,
and how far a file is.  Elsewhere the transcript is printed as it comes, and nothing else.
All of it runs on the conversation's thread for hooks.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Optional

from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ._console import Speech, Terminal, plain

if TYPE_CHECKING:
    from typing_extensions import Self

    from ..conversation import Levels, Playback, TranscriptPiece

__all__ = ["TalkView"]

_STYLES = {"user": "cyan", "model": "green"}
_LABELS = {"user": "you", "model": "model"}
_FLOOR_DBFS = -60.0
_METER_WIDTH = 30

Position = Callable[[], tuple[float, float]]
"""How far a file is, and how long: milliseconds."""


class TalkView:
    """Shows a conversation; its methods are the conversation's hooks.

    Args:
        terminal: Where to.
        position: Of the file that is being asked, if one is.

    Attributes:
        heard: Who was heard: "user", "model".
        last_heard: Who was heard last.
        heard_at: When that was, by ``time.monotonic``; 0 if never.
    """

    def __init__(self, terminal: Terminal, position: Optional[Position] = None) -> None:
        self._terminal = terminal
        self._position = position
        self._speaker: Optional[str] = None
        self._text = ""
        self._levels: Optional[Levels] = None
        self._speech: Optional[Speech] = None
        self._live: Optional[Live] = None
        self.heard: set[str] = set()
        self.last_heard: Optional[str] = None
        self.heard_at = 0.0
        if terminal.out.is_terminal:
            self._live = Live(
                console=terminal.out,
                refresh_per_second=12,
                transient=True,
                get_renderable=self._draw,
            )

    def __enter__(self) -> Self:
        """Begin to draw."""
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._finish_line()
        if self._live is not None:
            self._live.stop()

    # ---------------------------------------------------------------------------------- the hooks

    def on_transcript(self, piece: TranscriptPiece) -> None:
        """Show a piece of what is said."""
        self._note_heard(piece.speaker)
        if piece.speaker != self._speaker:
            self._finish_line()
            self._speaker = piece.speaker
        self._text += piece.text
        if self._live is None:
            if self._speech is None:
                self._speech = Speech(
                    self._terminal.out, _LABELS[piece.speaker], _STYLES[piece.speaker]
                )
            self._speech.say(piece.text)
        if piece.finished:
            self._finish_line()

    def on_playback(self, playback: Playback) -> None:
        """Show that the model's voice was cut off, or has come to its end."""
        self._note_heard("model")
        if playback.state == "interrupted":
            self._finish_line()
            heard, dropped = playback.played_ms / 1000, playback.discarded_ms / 1000
            self._print(
                Text(f"   interrupted: {heard:.1f} s heard, {dropped:.1f} s dropped", "yellow")
            )
        elif playback.state == "finished" and self._speaker == "model":
            self._finish_line()

    def on_level(self, levels: Levels) -> None:
        """Keep the levels for the next drawing."""
        self._levels = levels

    def _note_heard(self, speaker: str) -> None:
        self.heard.add(speaker)
        self.last_heard = speaker
        self.heard_at = time.monotonic()

    # ------------------------------------------------------------------------------------- drawing

    def note(self, text: str) -> None:
        """Say something beside the conversation."""
        if self._live is None:
            self._terminal.note(text)
        else:  # above what is drawn
            self._print(Text(f"   {text}", "dim"))

    def _finish_line(self) -> None:
        if self._speech is not None:
            self._speech.end()
            self._speech = None
        elif self._text.strip() and self._speaker is not None:
            self._print(self._line())
        self._speaker, self._text = None, ""

    def _line(self) -> Text:
        speaker = self._speaker or "user"
        label = (f"   {_LABELS[speaker]:8}", _STYLES[speaker])
        return Text.assemble(label, plain(self._text.strip()))

    def _print(self, text: Text) -> None:
        self._terminal.out.print(text, soft_wrap=self._live is None)

    def _draw(self) -> Any:
        rows: list[Any] = []
        if self._text.strip():
            rows.append(self._line())
        table = Table.grid(padding=(0, 1))
        if self._levels is not None:
            for name, level in (
                ("in", self._levels.input_dbfs),
                ("out", self._levels.output_dbfs),
            ):
                table.add_row(f"   {name:3}", _meter(level), f"{max(level, -99):4.0f} dB")
        if self._position is not None:
            done, length = self._position()
            bar = ProgressBar(total=max(length, 1), completed=done, width=_METER_WIDTH)
            table.add_row("   file", bar, f"{done / 1000:.1f} of {length / 1000:.1f} s")
        return Group(*rows, table)


def _meter(level_dbfs: float) -> ProgressBar:
    above = max(0.0, min(level_dbfs, 0.0) - _FLOOR_DBFS)
    style = "red" if level_dbfs > -3 else "yellow" if level_dbfs > -12 else "green"  # of dBFS
    return ProgressBar(
        total=-_FLOOR_DBFS,
        completed=above,
        width=_METER_WIDTH,
        complete_style=style,
        finished_style=style,
    )
