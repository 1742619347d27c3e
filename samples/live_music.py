"""Music from weighted prompts, steered while it plays, into a WAV file.

The service makes it faster than it plays: 48 kHz, stereo.

    export GOOGLE_API_KEY=...
    python live_music.py --seconds 20 --output music.wav
"""

import argparse
import sys
from pathlib import Path

import livesdk
from livesdk import pcm

RATE_HZ, CHANNELS = 48_000, 2


def record(session: livesdk.MusicSession, seconds: float) -> bytes:
    """Collect so many seconds; the music comes faster than it plays."""
    sound = bytearray()
    wanted = int(seconds * RATE_HZ) * CHANNELS * 2
    for message in session.receive():
        if message.filtered_prompt:
            print(f"Refused: {message.filtered_prompt.text}")
        sound += message.audio or b""
        if len(sound) >= wanted:
            break
    return bytes(sound[:wanted])


def main() -> int:
    parser = argparse.ArgumentParser(description="Make music.")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--output", type=Path, default=Path("music.wav"))
    args = parser.parse_args()

    client = livesdk.Client()
    with client.live.music.connect(config={"bpm": 90, "density": 0.4}) as session:
        session.set_weighted_prompts([livesdk.WeightedPrompt(text="calm piano", weight=1.0)])
        session.play()
        sound = record(session, args.seconds / 2)

        # New prompts fade in; of the config only what changes is given.
        session.set_weighted_prompts(["calm piano", {"text": "strings", "weight": 0.5}])
        session.set_music_generation_config(brightness=0.8)
        sound += record(session, args.seconds / 2)
        session.stop()

    args.output.write_bytes(pcm.wav_bytes(sound, RATE_HZ, CHANNELS))
    length_ms = pcm.duration_ms(sound, RATE_HZ, CHANNELS)
    print(f"{length_ms / 1000:.1f} s of music in {args.output.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
