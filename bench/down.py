"""The whole path down: processor time of the client's process, from the socket to the callback.

The server is quicker than any client; its own time is not counted.  In the last row it lets each
message arrive alone, as they do in life: then waking up costs more than all else, on every side.

Floor: one blocking socket, ``json.loads`` and ``base64.b64decode``, in one thread
(``_client_floor.py``).  How much less than the peer the floor takes stands last: where the goal is
more than that, only what the standard library does not have can reach it.
"""

from __future__ import annotations

import statistics
from typing import Any, Optional

from _processes import AND_FLOOR, in_turn, server
from _run import run
from _tables import Table, at_least, times

ROWS: list[tuple[str, str, int, float, Optional[float]]] = [
    # name, kind, count, seconds apart, goal
    ("text", "text", 10_000, 0.0, 10.0),
    ("40 ms", "40ms", 10_000, 0.0, 7.0),
    ("100 ms", "100ms", 10_000, 0.0, 5.0),
    ("1 s", "1s", 10_000, 0.0, 4.0),
    ("40 ms, alone", "40ms", 2000, 0.0005, None),
]


def main(quick: bool) -> list[Table]:
    table = Table(
        "Path down, processor time of 10 000 messages",
        ["message", "livesdk", "peer", "less", "goal", "floor", "× floor", "floor, less"],
    )
    for name, kind, whole, apart, goal in ROWS:
        count = 200 if quick else whole
        with server("--frame", kind, "--count", str(count), "--apart", str(apart)) as at:
            found = in_turn(1 if quick else 5, "down", at, sides=AND_FLOOR, count=count)
        add(table, name, count, found, goal)
    return [table]


def add(table: Table, name: str, count: int, found: Any, goal: Optional[float]) -> None:
    mine, theirs, least = (
        statistics.median(run["cpu"] for run in side) * 10_000 / count for side in found
    )
    table.add(
        name,
        f"{mine:.3f} s",
        f"{theirs:.3f} s",
        times(theirs / mine),
        "–" if goal is None else at_least(theirs / mine, goal),
        f"{least:.3f} s",
        times(mine / least),
        times(theirs / least),
    )


if __name__ == "__main__":
    run(main)
