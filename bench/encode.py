"""Encode one chunk of the microphone into the text of a frame; no network.

Floor: one ``b"%b%b%b"`` of prefix, ``base64.b64encode`` and suffix.  Peer: google-genai's
``send_realtime_input``, up to the WebSocket.  Two rows a chunk: the codec alone, and all that
``session.send_realtime_input`` does before the connection takes over, which is what the peer's
figure holds.
"""

from __future__ import annotations

import base64

import _frames as frames
from _peer import Peer
from _run import run
from _tables import Table, at_least, at_most, microseconds, times
from _timing import interleaved

import livesdk
from livesdk import codec
from livesdk.service import Options
from livesdk.types import LiveClientSetup

MIME_TYPE = "audio/pcm;rate=16000"
PREFIX = b'{"realtimeInput":{"audio":{"mimeType":"audio/pcm;rate=16000","data":"'


class Connection:
    """Takes what is sent."""

    payload = b""

    def notice_fork(self) -> None:
        """There is none."""

    def send_media(self, payload: bytes, duration_ms: float) -> None:  # noqa: ARG002  # its signature
        self.payload = payload


def session() -> livesdk.Session:
    """Make a session that is connected to nothing."""
    made = livesdk.Session(
        access=livesdk.Client(api_key="none")._access,
        setup=LiveClientSetup(model="models/none"),
        dial=None,
        callbacks=livesdk.LiveCallbacks(),
        conversations=livesdk.AudioConversation,
        options=Options(),
    )
    made._connection.transport.close()
    made._connection = Connection()  # type: ignore[assignment]  # all that it needs here
    return made


def main(quick: bool) -> list[Table]:
    table = Table(
        "Encode", ["chunk", "livesdk", "floor", "× floor", "goal", "peer", "quicker", "goal"]
    )
    peer = Peer()
    ours = session()
    rounds, seconds = (3, 0.002) if quick else (41, 0.01)
    for milliseconds in (20, 40, 100):
        data = frames.pcm(milliseconds, 16_000)
        sides = [
            lambda: codec.encode_realtime_blob("audio", data, MIME_TYPE),  # noqa: B023
            lambda: ours.send_realtime_input(audio=data),  # noqa: B023
            lambda: b"%b%b%b" % (PREFIX, base64.b64encode(data), b'"}}}'),  # noqa: B023
            lambda: peer.encode(data, MIME_TYPE),  # noqa: B023
        ]
        alone, whole, least_work, theirs = interleaved(sides, rounds=rounds, seconds=seconds)
        for name, time in (("codec", alone), ("call", whole)):
            of_floor, of_peer = time / least_work, theirs / time
            table.add(
                f"{milliseconds} ms, {name}",
                microseconds(time),
                microseconds(least_work),
                times(of_floor),
                at_most(of_floor, 1.3) if name == "codec" else "–",
                microseconds(theirs),
                times(of_peer),
                at_least(of_peer, 20),
            )
    return [table]


if __name__ == "__main__":
    run(main)
