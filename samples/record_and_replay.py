"""A session written down, and played back without a network.

The recording holds every frame of both sides, and no key. Where the replayed model calls a
function, it runs again: a good way to look at what went wrong once.

    export GOOGLE_API_KEY=...
    python record_and_replay.py session.jsonl
"""

import argparse
import sys

import livesdk
from livesdk.recording import Recorder, Replay

QUESTIONS = ["Hello there.", "get_weather in Paris, please."]
CONFIG = {"response_modalities": ["AUDIO"], "output_audio_transcription": {}}


def get_weather(city: str) -> dict[str, str]:
    """Tell the weather in a city."""
    return {"city": city, "sky": "sunny"}


def converse(session: livesdk.Session) -> list[livesdk.Turn]:
    return [session.ask(question, timeout=60) for question in QUESTIONS]


def main() -> int:
    parser = argparse.ArgumentParser(description="Record a conversation and play it back.")
    parser.add_argument("--model", default="gemini-3.8-live")
    parser.add_argument("file", nargs="?", default="session.jsonl")
    args = parser.parse_args()

    config = {**CONFIG, "tools": [get_weather]}
    # The file is complete once the recorder's block is left.
    with Recorder(args.file) as recorder:
        connect = livesdk.Client().live.connect
        with connect(model=args.model, config=config, recorder=recorder) as session:
            turns = converse(session)
    for question, turn in zip(QUESTIONS, turns):
        print(f"You: {question}")
        print(f"Model: {turn.output_transcript}")

    replay = Replay(args.file)
    kinds = [event.kind for event in replay.events if event.direction == "client"]
    print(f"{args.file}: {replay.header.model}, the client sent {', '.join(kinds)}")

    # The same program, answered by the file: in no time, or at its pace with realtime=True.
    with replay.session(tools=[get_weather]) as session:
        again = converse(session)
    same = [turn.audio for turn in again] == [turn.audio for turn in turns]
    print(f"replayed: {len(again)} turns, {'the same' if same else 'another'} sound")
    return 0


if __name__ == "__main__":
    sys.exit(main())
