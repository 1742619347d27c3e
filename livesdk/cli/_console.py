"""All that is written to a terminal: two consoles, a few styles, and text as it arrives.

What the service says is printed as text, never read as markup, and without control characters:
a model must not move the cursor of whoever reads it.
"""

from __future__ import annotations

import io
import re
import sys
from typing import Optional

from rich.console import Console
from rich.markup import escape

__all__ = ["Speech", "Terminal", "plain"]

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]+")
_LABEL_WIDTH = 8
_WIDEST = 100


def plain(text: str) -> str:
    """Return the text with its control characters, tabs included, turned into spaces."""
    return _CONTROL.sub(" ", text)


class Terminal:
    """Where a command writes: results to ``out``, everything else to ``err``."""

    def __init__(self) -> None:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")  # a character that does not exist there
        self.out = Console(highlight=False)
        self.err = Console(highlight=False, stderr=True)

    def mark(self, *, good: bool) -> str:
        """Return a tick or a cross, in what the terminal can show."""
        simple = self.out.options.ascii_only
        if good:
            return "[green]ok[/]" if simple else "[green]✓[/]"
        return "[red]x[/]" if simple else "[red]✗[/]"

    def line(self, markup: str = "") -> None:
        """Write a line of our own words, with rich's markup."""
        self.out.print(markup)

    def fact(self, label: str, text: str, style: str = "") -> None:
        """Write one labelled line under a heading; the text is taken as it is."""
        speech = Speech(self.out, label, style)
        speech.say(text)
        speech.end()

    def finding(self, subject: str, text: str, *, good: Optional[bool]) -> None:
        """Write one line of a check: a mark, a subject, what was found; not wrapped."""
        mark = "[dim]-[/]" if good is None else self.mark(good=good)
        if not subject:
            mark, text = " ", f"→ {text}" if not self.out.options.ascii_only else f"-> {text}"
        style = "dim" if good is None else ""
        row = f"{escape(plain(subject)):18} [{style or 'default'}]{escape(plain(text))}[/]"
        self.out.print(f"  {mark} {row}", soft_wrap=True)

    def note(self, text: str) -> None:
        """Say something beside the results."""
        self.err.print(f"[dim]{escape(plain(text))}[/]", soft_wrap=not self.err.is_terminal)

    def complain(self, text: str) -> None:
        """Say what went wrong."""
        self.err.print(f"[red]Error:[/] {escape(plain(text))}", soft_wrap=True)


class Speech:
    """Text that comes in pieces, written at once, wrapped between words, set in by its label.

    Args:
        console: Where to.
        label: What stands before it; ``None``: the bare text from the left border, not wrapped.
        style: Of the label.
    """

    def __init__(self, console: Console, label: Optional[str] = None, style: str = "") -> None:
        self._console = console
        self._label = label
        self._style = style
        self._indent = "" if label is None else "   " + " " * _LABEL_WIDTH
        self._column = 0
        self._begun = False

    def say(self, piece: str) -> None:
        """Write a piece."""
        if not self._begun:
            piece = piece.lstrip()
            if not piece:
                return
            self._begin()
        for word in re.findall(r"\n|[^\S\n]*[^\s]+|[^\S\n]+", piece):
            self._word(word)

    def end(self, note: str = "") -> None:
        """Finish the line, if there is one."""
        if self._begun:
            self._write(note, "dim")
            self._write("\n")
        self._begun = False

    def _begin(self) -> None:
        self._begun = True
        if self._label is not None:
            self._write("   ")
            self._write(f"{self._label:{_LABEL_WIDTH}}", self._style)
        self._column = len(self._indent)

    def _word(self, word: str) -> None:
        width = min(self._console.width, _WIDEST)
        too_long = self._label is not None and self._column + len(word) > width
        if word == "\n" or too_long:
            self._write("\n" + self._indent)
            self._column = len(self._indent)
            word = word.lstrip()
        self._write(plain(word))
        self._column += len(word)

    def _write(self, text: str, style: str = "") -> None:
        if text:
            self._console.print(text, style=style, end="", markup=False, soft_wrap=True)
