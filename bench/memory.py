"""Whether memory grows: over sessions one after another, and over an hour of audio in one."""

from __future__ import annotations

from typing import Any

from _processes import client, server
from _run import run
from _tables import Table

_GROWTH = 1.05
"""Half of the way to the whole may cost this much at most."""


def main(quick: bool) -> list[Table]:
    table = Table(
        "Memory", ["over", "a tenth of it", "half", "all", "growth in the second half", "goal"]
    )
    sessions, turns, count = (20, 10, 10) if quick else (500, 60, 600)
    with server() as at:
        _add(
            table,
            f"{sessions} sessions",
            client("livesdk", "opened_and_closed", at, sessions=sessions),
        )
    with server("--frame", "100ms", "--count", str(count)) as at:
        found = client("livesdk", "hour", at, turns=turns)
    _add(table, f"{found['seconds'] / 60:.0f} minutes of audio", found)
    return [table]


def _add(table: Table, name: str, found: dict[str, Any]) -> None:
    tenth, half, whole = found["resident"]
    shown = [f"{kilobytes / 1024:.1f} MB" for kilobytes in (tenth, half, whole)]
    growth = whole / half
    table.add(name, *shown, f"{growth - 1:+.1%}", f"flat {'✓' if growth <= _GROWTH else '✗'}")


if __name__ == "__main__":
    run(main)
