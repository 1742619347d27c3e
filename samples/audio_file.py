"""Speech from a WAV file in, the spoken answer into another one.

The file is sent in its own time, as a microphone would; what comes back meanwhile waits.

    export GOOGLE_API_KEY=...
    python audio_file.py question.wav --output answer.wav
"""

import argparse
import sys
from pathlib import Path

import livesdk
from livesdk import pcm


def main() -> int:
    parser = argparse.ArgumentParser(description="Ask with a WAV file, answer into another.")
    parser.add_argument("question", type=Path, help="a WAV file of 16-bit samples, any rate")
    parser.add_argument("--output", type=Path, default=Path("answer.wav"))
    parser.add_argument("--model", default="gemini-3.8-live")
    args = parser.parse_args()

    transcribed = livesdk.AudioTranscriptionConfig()
    config = livesdk.LiveConnectConfig(
        response_modalities=["AUDIO"],
        input_audio_transcription=transcribed,  # what the model understood
        output_audio_transcription=transcribed,  # what it says
        speech_config=livesdk.SpeechConfig(voice="Kore"),
    )
    audio = []
    rate_hz = 24_000
    with livesdk.Client().live.connect(model=args.model, config=config) as session:
        session.send_media_stream(args.question)  # paced; ends with audioStreamEnd
        for message in session.receive_turn(timeout=60):
            if message.audio:
                audio.append(message.audio)
                rate_hz = message.sample_rate_hz or rate_hz
        for utterance in session.transcripts:
            print(f"{utterance.speaker}: {utterance.text}")

    sound = b"".join(audio)
    args.output.write_bytes(pcm.wav_bytes(sound, rate_hz))
    print(f"{pcm.duration_ms(sound, rate_hz) / 1000:.1f} s of speech in {args.output.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
