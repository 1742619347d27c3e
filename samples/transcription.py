"""Live captions: speech becomes text while it is spoken.

The transcription model never answers.  A hypothesis replaces the one before; the final text of an
utterance is appended.

    export GOOGLE_API_KEY=...
    python transcription.py speech.wav
"""

import argparse
import sys
import threading
from pathlib import Path

import livesdk


def main() -> int:
    parser = argparse.ArgumentParser(description="Transcribe speech.")
    parser.add_argument("speech", type=Path, help="a WAV file of 16-bit samples")
    parser.add_argument("--language", action="append", help="what to expect, for example en-US")
    parser.add_argument("--model", default="gemini-3.5-transcribe-live")
    args = parser.parse_args()

    config = livesdk.LiveConnectConfig(
        response_modalities=["TEXT"],
        input_audio_transcription=livesdk.AudioTranscriptionConfig(language_codes=args.language),
    )
    with livesdk.Client().live.connect(model=args.model, config=config) as session:
        # One thread sends, another receives: both are allowed at once.
        sender = threading.Thread(target=session.send_media_stream, args=(args.speech,))
        sender.start()
        for message in session.receive_turn(timeout=60):
            content = message.server_content
            if content and content.interim_input_transcription:
                print(f"... {content.interim_input_transcription.text}")
            if content and content.input_transcription:
                print(f">>> {content.input_transcription.text}")
        sender.join()
    return 0


if __name__ == "__main__":
    sys.exit(main())
