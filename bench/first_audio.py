"""The first chunk of audio that a process decodes, after the answer to its setup.

A side that builds its schemas then does it in the middle of a call.
"""

from __future__ import annotations

import statistics

from _processes import in_turn
from _run import run
from _tables import Table, at_most, microseconds


def main(quick: bool) -> list[Table]:
    ours, peer = in_turn(1 if quick else 9, "first_audio")
    mine, theirs = (statistics.median(found["wall"] for found in side) for side in (ours, peer))
    table = Table("First audio", ["what", "livesdk", "peer", "ratio", "goal"])
    table.add(
        "first 40 ms decoded",
        microseconds(mine),
        microseconds(theirs),
        f"1/{theirs / mine:.0f}",
        at_most(mine / theirs, 0.02),
    )
    return [table]


if __name__ == "__main__":
    run(main)
