"""A short text there and back: from the call to the reply in the callback thread.

Both ends are pinned to one processor, so that no wake-up crosses from one to another; the row
without pinning shows what that crossing costs.  Plain and over TLS.  Floor: a blocking socket and
``json.loads`` in one thread, without a callback (``_client_floor.py``).
"""

from __future__ import annotations

import statistics
from typing import Any

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
    for name, arguments, cpu in (
        ("plain, one processor", (), pinned),
        ("TLS, one processor", ("--tls",), pinned),
        ("plain, not pinned", (), None),
    ):
        with server(*arguments, cpu=cpu) as at:
            found = in_turn(rounds, "round_trip", at, sides=AND_FLOOR, cpu=cpu, count=count)
        for percent, goal in ((50, 0.3), (99, 0.4)):
            mine, theirs, least = (_percentile(side, percent) for side in found)
            aim = at_most(mine / theirs, goal) if cpu is not None else "–"
            table.add(
                name,
                f"p{percent}",
                microseconds(mine),
                microseconds(theirs),
                times(mine / theirs),
                aim,
                microseconds(least),
                times(least / theirs),
            )
    return [table]


def _percentile(runs: Any, percent: int) -> float:
    """The median over the runs of one percentile of each."""
    return statistics.median(
        statistics.quantiles(found["times"], n=100)[percent - 1] for found in runs
    )


if __name__ == "__main__":
    run(main)
