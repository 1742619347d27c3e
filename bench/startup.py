"""Import with what every program touches, and cold start: from the start of a process to a reply.

Each figure is the median over fresh processes, A B A B, with compiled modules.  "import" is
four names touched: ``Client``, ``LiveConnectConfig``, ``LiveServerMessage``, the session's class;
"and make" adds one config and one message, because both sides build classes when they are first
used.  Nothing is put off past the measurement: the cold start ends with a typed reply in hand.

"libraries": Python with those that livesdk stands on, and not livesdk itself.  How little of the
peer's they take stands last: a goal below that can be met by using others only.
"""

from __future__ import annotations

import statistics
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from _processes import SIDES, in_turn, server
from _run import run
from _tables import Table, at_most, milliseconds, times


def main(quick: bool) -> list[Table]:
    rounds = 1 if quick else 15
    in_turn(1, "imported", sides=_SIDES)  # compiles what is not compiled yet
    warm = in_turn(rounds, "imported", sides=_SIDES)
    with server() as at:
        cold = in_turn(rounds, "cold", at, sides=_SIDES)
    table = Table(
        "Startup", ["what", "livesdk", "peer", "ratio", "goal", "libraries", "their ratio"]
    )
    for name, key, shown in (
        ("import", "import", milliseconds),
        ("import and make", "import and make", milliseconds),
        ("import, peak memory", "peak_kb", _megabytes),
    ):
        _add(table, name, key, warm, shown)
    for name, key, shown in (
        ("cold start to a reply", "wall", milliseconds),
        ("cold start, processor time", "cpu", milliseconds),
        ("cold start, peak memory", "peak_kb", _megabytes),
    ):
        _add(table, name, key, cold, shown)
    loaded = sorted({name for found in (*warm[0], *cold[0]) for name in found["loaded"]})
    table.add(
        "of numpy, pyaudio, asyncio loaded",
        ", ".join(loaded) or "none",
        "",
        "",
        "none " + ("✗" if loaded else "✓"),
        "",
        "",
    )
    size = sum(map(_installed, ("livesdk", "websocket-client", "attrs", "cattrs", "pybase64")))
    table.add(
        "installed, beside NumPy", f"{size / 1e6:.1f} MB", "", "", at_most(size / 1e6, 3), "", ""
    )
    return [table]


_SIDES = (*SIDES, "libraries")


def _add(table: Table, name: str, key: str, found: Any, shown: Any) -> None:
    mine, theirs, libraries = (statistics.median(run[key] for run in side) for side in found)
    goal = 0.45 if key == "peak_kb" else 0.2
    ratio = mine / theirs
    table.add(
        name,
        shown(mine),
        shown(theirs),
        times(ratio),
        at_most(ratio, goal),
        shown(libraries),
        times(libraries / theirs),
    )


def _megabytes(kilobytes: float) -> str:
    return f"{kilobytes / 1024:.1f} MB"


def _installed(name: str) -> int:
    """Bytes of a distribution, compiled modules left out."""
    if name == "livesdk":
        import livesdk

        files = Path(livesdk.__file__).parent.rglob("*")
        return sum(f.stat().st_size for f in files if f.is_file() and f.suffix != ".pyc")
    try:
        files_of = distribution(name).files or ()
    except PackageNotFoundError:
        return 0
    paths = (Path(file.locate()) for file in files_of if file.suffix != ".pyc")
    return sum(path.stat().st_size for path in paths if path.is_file())


if __name__ == "__main__":
    run(main)
