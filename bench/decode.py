"""Decode one frame into a typed message; no network.

Floor: ``json.loads``, and ``base64.b64decode`` of the audio.  Peer: google-genai's ``_receive``.
"""

from __future__ import annotations

import base64
import json
from functools import partial
from typing import Any

import _frames as frames
from _peer import Peer
from _run import run
from _tables import Table, at_least, at_most, microseconds, times
from _timing import interleaved

from livesdk import codec

ROWS = [
    # name, frame, at most × floor, at least × quicker than the peer
    ("text", frames.TEXT, 1.3, 12.0),
    ("transcript", frames.TRANSCRIPT, 1.3, 12.0),
    ("tool call", frames.TOOL_CALL, 1.3, 12.0),
    ("end of turn, usage", frames.TURN_COMPLETE, None, None),
    ("40 ms of audio", frames.audio(40), 0.5, 8.0),
    ("100 ms of audio", frames.audio(100), 0.3, 8.0),
    ("1 s of audio", frames.audio(1000), 0.1, 8.0),
]


def floor(frame: bytes) -> Any:
    found = json.loads(frame)
    content = found.get("serverContent")
    if content and "modelTurn" in content:
        for part in content["modelTurn"]["parts"]:
            if "inlineData" in part:
                return base64.b64decode(part["inlineData"]["data"])
    return found


def main(quick: bool) -> list[Table]:
    table = Table(
        "Decode",
        ["frame", "bytes", "livesdk", "floor", "× floor", "goal", "peer", "quicker", "goal"],
    )
    peer = Peer()
    rounds, seconds = (3, 0.002) if quick else (41, 0.01)
    for name, frame, most, least in ROWS:
        sides = [partial(side, frame) for side in (codec.decode, floor, peer.decode)]
        ours, least_work, theirs = interleaved(sides, rounds=rounds, seconds=seconds)
        of_floor, of_peer = ours / least_work, theirs / ours
        table.add(
            name,
            len(frame),
            microseconds(ours),
            microseconds(least_work),
            times(of_floor),
            at_most(of_floor, most) if most else "–",
            microseconds(theirs),
            times(of_peer),
            at_least(of_peer, least) if least else "–",
        )
    return [table]


if __name__ == "__main__":
    run(main)
