"""Speech in any language, interpreted into another while it is spoken.

The translation model answers every utterance with the same in the other language.

    export GOOGLE_API_KEY=...
    python translation.py speech.wav --to de --output german.wav
"""

import argparse
import sys
from pathlib import Path

import livesdk
from livesdk import pcm


def main() -> int:
    parser = argparse.ArgumentParser(description="Translate speech.")
    parser.add_argument("speech", type=Path, help="a WAV file of 16-bit samples")
    parser.add_argument("--to", default="en", help="the language, for example de or pt-BR")
    parser.add_argument("--output", type=Path, default=Path("translated.wav"))
    parser.add_argument("--model", default="gemini-3.5-live-translate-preview")
    args = parser.parse_args()

    transcribed = livesdk.AudioTranscriptionConfig()
    config = livesdk.LiveConnectConfig(
        response_modalities=["AUDIO"],
        translation_config=livesdk.TranslationConfig(target_language_code=args.to),
        input_audio_transcription=transcribed,
        output_audio_transcription=transcribed,
    )
    audio = []
    with livesdk.Client().live.connect(model=args.model, config=config) as session:
        session.send_media_stream(args.speech)
        for message in session.receive_turn(timeout=60):
            audio.append(message.audio or b"")
            content = message.server_content
            if content and content.input_transcription:
                print(f"heard: {content.input_transcription.text}")
        for utterance in session.transcripts:
            if utterance.speaker == "model":
                print(f"{args.to}: {utterance.text}")
    args.output.write_bytes(pcm.wav_bytes(b"".join(audio), rate_hz=24_000))
    return 0


if __name__ == "__main__":
    sys.exit(main())
