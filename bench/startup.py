"""Import with what every program touches, and cold start: from the start of a process to a reply.

Each figure is the median over fresh processes, A B A B, with compiled modules.  "import" is
four names touched: ``Client``, ``LiveConnectConfig``, ``LiveServerMessage``, the session's class;
"and make" adds one config and one message, because both sides build classes when they are first
used.  Nothing is put off past the measurement: the cold start ends with a typed reply in hand.
"""

from __future__ import annotations

import statistics
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from _processes import in_turn, server
from _run import run
from _tables import Table, at_most, milliseconds, times


def main(quick: bool) -> list[Table]:
    rounds = 1 if quick else 15
    in_turn(1, "imported")  # compiles what is not compiled yet
    ours, peer = in_turn(rounds, "imported")
    with server() as at:
        ours_cold, peer_cold = in_turn(rounds, "cold", at)
    table = Table("Startup", ["what", "livesdk", "peer", "ratio", "goal"])
    for name, key, shown in (
        ("import", "import", milliseconds),
        ("import and make", "import and make", milliseconds),
        ("import, peak memory", "peak_kb", _megabytes),
    ):
        _add(table, name, key, ours, peer, shown)
    for name, key, shown in (
        ("cold start to a reply", "wall", milliseconds),
        ("cold start, processor time", "cpu", milliseconds),
        ("cold start, peak memory", "peak_kb", _megabytes),
    ):
        _add(table, name, key, ours_cold, peer_cold, shown)
    loaded = sorted({name for found in (*ours, *ours_cold) for name in found["loaded"]})
    table.add(
        "of numpy, pyaudio, asyncio loaded",
        ", ".join(loaded) or "none",
        "",
        "",
        "none " + ("✗" if loaded else "✓"),
    )
    size = sum(map(_installed, ("livesdk", "websocket-client", "attrs", "cattrs", "pybase64")))
    table.add("installed, beside NumPy", f"{size / 1e6:.1f} MB", "", "", at_most(size / 1e6, 3))
    return [table]


def _add(table: Table, name: str, key: str, ours: Any, peer: Any, shown: Any) -> None:
    mine, theirs = (statistics.median(found[key] for found in side) for side in (ours, peer))
    goal = 0.45 if key == "peak_kb" else 0.2
    ratio = mine / theirs
    table.add(name, shown(mine), shown(theirs), times(ratio), at_most(ratio, goal))


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
