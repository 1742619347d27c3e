"""A chat in text: one question, or a conversation at the keyboard.

The model speaks; what it says is shown as it is transcribed, piece by piece.

    export GOOGLE_API_KEY=...
    python text_chat.py "What is the capital of Peru?"
    python text_chat.py          # type; an empty line or Ctrl-D ends it
"""

import argparse
import sys

import livesdk


def answer(session: livesdk.Session, text: str) -> None:
    session.send_client_content(text, turn_complete=True)
    for message in session.receive_turn(timeout=60):
        content = message.server_content
        if content and content.output_transcription:
            print(content.output_transcription.text or "", end="", flush=True)
    print()


def chat(session: livesdk.Session) -> None:
    print("You: ", end="", flush=True)
    for line in sys.stdin:
        if not line.strip():
            break
        print("Model: ", end="")
        answer(session, line.strip())
        print("You: ", end="", flush=True)
    print()


def main() -> int:
    parser = argparse.ArgumentParser(description="Chat with a Gemini Live model.")
    parser.add_argument("question", nargs="?", help="ask this and leave (default: a conversation)")
    parser.add_argument("--model", default="gemini-3.8-live")
    parser.add_argument("--system", default="Answer in one or two sentences.")
    args = parser.parse_args()

    config = livesdk.LiveConnectConfig(
        response_modalities=["AUDIO"],
        output_audio_transcription=livesdk.AudioTranscriptionConfig(),  # what is said, as text
        system_instruction=args.system,
    )
    client = livesdk.Client()  # takes GOOGLE_API_KEY from the environment
    with client.live.connect(model=args.model, config=config) as session:
        if args.question:
            answer(session, args.question)
        else:
            chat(session)
    return 0


if __name__ == "__main__":
    sys.exit(main())
