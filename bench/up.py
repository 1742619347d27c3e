"""The whole path up: processor time of the client's process for chunks of the microphone.

From the bytes a device gives to the socket; a text at the end, and its answer, show that all went
out.  The server only counts, and its time is not counted.  Floor: ``sendall`` of a frame that is
ready (``_client_floor.py``).

The peer brings websockets with it, whose mask in C livesdk uses where it is installed; the last
rows show what livesdk takes where it is not.
"""

from __future__ import annotations

from _processes import AND_FLOOR, in_turn, server
from _run import run
from _tables import Table
from down import add

ROWS = [
    # name, milliseconds, goal, whether websockets may be used
    ("20 ms", 20, 10.0, True),
    ("100 ms", 100, 5.0, True),
    ("20 ms, no websockets", 20, None, False),
    ("100 ms, no websockets", 100, None, False),
]


def main(quick: bool) -> list[Table]:
    table = Table(
        "Path up, processor time of 10 000 chunks",
        ["chunk", "livesdk", "peer", "less", "goal", "floor", "× floor", "floor, less"],
    )
    count = 200 if quick else 10_000
    for name, milliseconds, goal, in_c in ROWS:
        with server() as at:
            found = in_turn(
                1 if quick else 5,
                "up",
                at,
                sides=AND_FLOOR,
                count=count,
                milliseconds=milliseconds,
                in_c=in_c,
            )
        add(table, name, count, found, goal)
    return [table]


if __name__ == "__main__":
    run(main)
