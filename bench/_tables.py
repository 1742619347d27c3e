"""Tables of ratios, printed as reStructuredText, which is also how RESULTS.rst keeps them."""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version


@dataclass
class Table:
    title: str
    columns: list[str]
    rows: list[list[str]] = field(default_factory=list)
    note: str = ""

    def add(self, *cells: object) -> None:
        self.rows.append([str(cell) for cell in cells])

    def __str__(self) -> str:
        widths = [
            max(len(row[index]) for row in (self.columns, *self.rows))
            for index in range(len(self.columns))
        ]
        rule = "  ".join("=" * width for width in widths)
        lines = [self.title, "-" * len(self.title), ""]
        lines += [rule, _line(self.columns, widths), rule]
        lines += [_line(row, widths) for row in self.rows]
        lines += [rule]
        if self.note:
            lines += ["", self.note]
        return "\n".join(lines) + "\n"


def _line(cells: list[str], widths: list[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths)).rstrip()


def at_most(value: float, goal: float) -> str:
    """``0.28 (goal: at most 0.3, met)``, as two cells."""
    return f"≤ {goal:g} {'✓' if value <= goal else '✗'}"


def at_least(value: float, goal: float) -> str:
    return f"≥ {goal:g} {'✓' if value >= goal else '✗'}"


def times(value: float) -> str:
    """A ratio, with as many digits as it deserves."""
    return f"{value:.0f} ×" if value >= 20 else f"{value:.1f} ×" if value >= 3 else f"{value:.2f} ×"


def microseconds(seconds: float) -> str:
    micros = seconds * 1e6
    return (
        f"{micros:.0f} µs"
        if micros >= 100
        else f"{micros:.2g} µs"
        if micros < 10
        else f"{micros:.1f} µs"
    )


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:.3g} ms" if seconds < 0.1 else f"{seconds * 1e3:.0f} ms"


def versions() -> Table:
    table = Table("Versions", ["what", "version"])
    table.add("Python", f"{platform.python_version()} ({platform.machine()}, {sys.platform})")
    for name in (
        "livesdk",
        "websocket-client",
        "attrs",
        "cattrs",
        "pybase64",
        "numpy",
        "google-genai",
        "pydantic",
        "websockets",
    ):
        try:
            table.add(name, version(name))
        except PackageNotFoundError:
            table.add(name, "as it lies here" if name == "livesdk" else "–")
    return table
