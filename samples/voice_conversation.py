"""A spoken conversation: microphone and loudspeaker, or WAV files where there are none.

Echo first: while the model speaks, silence is sent, because a microphone beside a loudspeaker would
hear the model.  With headphones, ``--echo none`` lets you cut in by voice.

    python -m pip install "livesdk[audio]"
    export GOOGLE_API_KEY=...
    python voice_conversation.py
    python voice_conversation.py --wav question.wav --out answer.wav
"""

import argparse
import sys
from pathlib import Path

import livesdk
from livesdk.audio import Microphone, Speaker, WavInput, WavOutput


def show(piece: livesdk.TranscriptPiece) -> None:
    print(f"{piece.speaker}: {piece.text.strip()}", flush=True)


def tell(playback: livesdk.Playback) -> None:
    if playback.state == "interrupted":
        print(f"(cut off after {playback.played_ms / 1000:.1f} s)", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description="Talk to the model.")
    parser.add_argument("--wav", type=Path, help="ask with this file, and end after the answer")
    parser.add_argument("--out", type=Path, help="write what is heard into this file")
    parser.add_argument("--echo", default="half-duplex", choices=["half-duplex", "none", "webrtc"])
    parser.add_argument("--model", default="gemini-3.8-live")
    args = parser.parse_args()

    config = {
        "response_modalities": ["AUDIO"],
        "input_audio_transcription": {},
        "output_audio_transcription": {},
    }
    speaker = WavOutput(args.out) if args.out else Speaker()
    with livesdk.Client().live.connect(model=args.model, config=config) as session:
        conversation = session.start_audio_conversation(
            microphone=WavInput(args.wav) if args.wav else Microphone(),
            speaker=speaker,
            echo=args.echo,
            on_transcript=show,
            on_playback=tell,
        )
        try:
            if args.wav:
                conversation.finish(timeout=60)  # until the answer was heard
            else:
                conversation.wait()  # until Ctrl-C, or an error
        except KeyboardInterrupt:
            pass
        session.stop_audio_conversation()
    print(f"{speaker.played_ms / 1000:.1f} s heard")
    return 1 if conversation.error else 0


if __name__ == "__main__":
    sys.exit(main())
