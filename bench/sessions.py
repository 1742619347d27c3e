"""Five hundred sessions in one process, each sending and getting 100 ms of audio every 100 ms.

livesdk dispatches inline and paces all senders from one timer; the peer has a task for each sender
and each receiver on one event loop.  A callback's delay counts from the moment the server sends.
"""

from __future__ import annotations

import statistics
from typing import Any

from _processes import in_turn, server
from _run import run
from _tables import Table, at_most, microseconds, milliseconds, times


def main(quick: bool) -> list[Table]:
    sessions, seconds, rounds = (20, 1.0, 1) if quick else (500, 10.0, 3)
    with server("--every", "0.1") as at:
        ours, peer = in_turn(rounds, "crowd", at, sessions=sessions, seconds=seconds)
    table = Table(f"{sessions} sessions", ["what", "livesdk", "peer", "ratio", "goal"])
    sent = [
        statistics.median(found["sent"] / found["due"] for found in side) for side in (ours, peer)
    ]
    got = [
        statistics.median(len(found["delays"]) / found["due"] for found in side)
        for side in (ours, peer)
    ]
    for name, (mine, theirs) in (("sent", sent), ("received", got)):
        aim = f"all {'✓' if mine > 0.99 else '✗'}"
        table.add(name, f"{mine:.1%}", f"{theirs:.1%}", "", aim)
    for percent in (50, 99):
        mine, theirs = _delay(ours, percent), _delay(peer, percent)
        aim = at_most(mine * 1000, 5) if percent == 99 else "–"
        table.add(
            f"delay of callbacks, p{percent}",
            milliseconds(mine),
            milliseconds(theirs),
            times(mine / theirs),
            aim,
        )
    mine, theirs = (statistics.median(map(_cpu_of_a_chunk, side)) for side in (ours, peer))
    table.add(
        "processor time of a chunk",
        microseconds(mine),
        microseconds(theirs),
        times(mine / theirs),
        at_most(mine / theirs, 0.7),
    )
    mine, theirs = (statistics.median(found["kb"] for found in side) for side in (ours, peer))
    table.add(
        "memory of a session",
        f"{mine:.0f} KB",
        f"{theirs:.0f} KB",
        times(mine / theirs),
        at_most(mine, 50),
    )
    return [table]


def _cpu_of_a_chunk(found: Any) -> float:
    """Of one that was sent or received: a side that falls behind does not get cheaper by it."""
    return found["cpu"] / (found["sent"] + len(found["delays"]))


def _delay(runs: Any, percent: int) -> float:
    return statistics.median(
        statistics.quantiles(found["delays"], n=100)[percent - 1] for found in runs
    )


if __name__ == "__main__":
    run(main)
