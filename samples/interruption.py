"""Cutting in while the model speaks.

Audio arrives faster than it plays, so a player has minutes of it queued.  When the user cuts in,
``interrupted`` arrives, and what is queued must be thrown away.

    export GOOGLE_API_KEY=...
    python interruption.py
"""

import argparse
import sys
import threading
from collections import deque

import livesdk
from livesdk import pcm


class Player:
    """Stands for a sound card: takes chunks, forgets them when told."""

    def __init__(self) -> None:
        self.queue: deque[bytes] = deque()
        self.has_audio = threading.Event()
        self.interrupted = threading.Event()

    def on_message(self, message: livesdk.LiveServerMessage) -> None:
        """Run for every message, in order."""
        if message.server_content and message.server_content.interrupted:
            dropped = pcm.duration_ms(b"".join(self.queue), rate_hz=24_000)
            self.queue.clear()  # audio of the same message belongs to the dropped speech too
            self.interrupted.set()
            print(f"Interrupted: {dropped / 1000:.1f} s of speech not played.")
        elif message.audio:
            self.queue.append(message.audio)
            self.has_audio.set()


def main() -> int:
    parser = argparse.ArgumentParser(description="Interrupt the model.")
    parser.add_argument("--model", default="gemini-3.8-live")
    args = parser.parse_args()

    player = Player()
    with livesdk.Client().live.connect(
        model=args.model,
        config={"response_modalities": ["AUDIO"], "output_audio_transcription": {}},
        callbacks=livesdk.LiveCallbacks(onmessage=player.on_message),
    ) as session:
        session.send_client_content("Tell me a long story.", turn_complete=True)
        player.has_audio.wait(timeout=30)

        turn = session.ask("Stop. Count to 3 instead.")  # new input cuts the old answer off
        player.interrupted.wait(timeout=30)
        print(f"Then: {turn.output_transcript}")
        print(f"{session.stats.interruptions} interruption in {session.stats.turns} turns")
    return 0


if __name__ == "__main__":
    sys.exit(main())
