"""A conversation of several turns that begins with a history of its own.

``ask`` sends a text and returns the model's whole turn: text, audio, transcript, usage.

    export GOOGLE_API_KEY=...
    python multi_turn.py
"""

import argparse
import sys

import livesdk

HISTORY = [
    livesdk.UserContent("My name is Ada, and I have a dog called Turing."),
    livesdk.ModelContent("Nice to meet you both!"),
]
QUESTIONS = ["Hello again.", "Say something about dogs.", "What did I say before?"]


def main() -> int:
    parser = argparse.ArgumentParser(description="Ask several questions in one conversation.")
    parser.add_argument("--model", default="gemini-3.8-live")
    parser.add_argument("questions", nargs="*", default=QUESTIONS)
    args = parser.parse_args()

    # A dict will do as well as LiveConnectConfig; it is checked before anything is sent.
    config = {"response_modalities": ["AUDIO"], "output_audio_transcription": {}}
    with livesdk.Client().live.connect(model=args.model, config=config) as session:
        # Added to the conversation; the model waits for more.
        session.send_client_content(HISTORY, turn_complete=False)
        for question in args.questions:
            turn = session.ask(question, timeout=60)
            print(f"You: {question}")
            print(f"Model: {turn.output_transcript}  ({turn.audio_ms / 1000:.1f} s of speech)")
        print(f"{session.stats.turns} turns, {session.usage.total_token_count} tokens")
    return 0


if __name__ == "__main__":
    sys.exit(main())
