"""A short text there and back: from the call to the reply in the callback thread.

Both ends are pinned to one processor, so that no wake-up crosses from one to another; the row
without pinning shows what that crossing costs.  Plain and over TLS.  Where the thread that asked
waits for the callback, it takes another change of threads: the last row.  Floor: a blocking socket
and ``json.loads`` in one thread, without a callback (``_client_floor.py``).
"""

from __future__ import annotations

import statistics
from typing import Any, Optional

from _processes import AND_FLOOR, in_turn, one_cpu, server
from _run import run
from _tables import Table, at_most, microseconds, times


def main(quick: bool) -> list[Table]:
    table = Table(
        "Round trip",
        ["connection", "of", "livesdk", "peer", "ratio", "goal", "floor", "its ratio"],
    )
    rounds, count = (1, 100) if quick else (7, 2000)
    pinned = one_cpu()
    back = []
    for name, arguments, cpu in (
        ("plain, one processor", (), pinned),
        ("TLS, one processor", ("--tls",), pinned),
        ("plain, not pinned", (), None),
    ):
        with server(*arguments, cpu=cpu) as at:
            found = in_turn(rounds, "round_trip", at, sides=AND_FLOOR, cpu=cpu, count=count)
        for percent, goal in ((50, 0.3), (99, 0.4)):
            mine, theirs, least = (_percentile(side, percent) for side in found)
            _add(table, name, percent, mine, theirs, least, goal if cpu is not None else None)
            if name == "plain, one processor":
                back.append((percent, _percentile(found[0], percent, "back"), theirs, least))
    for percent, mine, theirs, least in back:
        _add(table, "plain, where it was asked", percent, mine, theirs, least, None)
    return [table]


def _add(
    table: Table,
    name: str,
    percent: int,
    mine: float,
    theirs: float,
    least: float,
    goal: Optional[float],
) -> None:
    table.add(
        name,
        f"p{percent}",
        microseconds(mine),
        microseconds(theirs),
        times(mine / theirs),
        "–" if goal is None else at_most(mine / theirs, goal),
        microseconds(least),
        times(least / theirs),
    )


def _percentile(runs: Any, percent: int, of: str = "times") -> float:
    """The median over the runs of one percentile of each."""
    return statistics.median(statistics.quantiles(found[of], n=100)[percent - 1] for found in runs)


if __name__ == "__main__":
    run(main)
