"""The screen beside a spoken conversation: one picture a second, while you talk about it.

Pictures are taken on a thread of the conversation's own, when they are due.  Where the screen
cannot be seen, ``--folder`` shows pictures instead.

    python -m pip install "livesdk[audio]" Pillow
    export GOOGLE_API_KEY=...
    python screen_sharing.py --echo none
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import livesdk
from livesdk.audio import Microphone, Speaker, WavInput, WavOutput

LONGEST_SIDE = 1024  # more is not looked at


def screen() -> Iterator[Any]:
    from PIL import ImageGrab

    while True:
        picture = ImageGrab.grab().convert("RGB")
        picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
        yield picture


def folder(path: Path) -> Iterator[bytes]:
    while True:
        for file in sorted(path.glob("*.jpg")):
            yield file.read_bytes()


def main() -> int:
    parser = argparse.ArgumentParser(description="Talk about what is on the screen.")
    parser.add_argument("--folder", type=Path, help="show the JPEG files in here instead")
    parser.add_argument("--fps", type=float, default=1.0, help="pictures a second")
    parser.add_argument("--wav", type=Path, help="ask with this file instead of a microphone")
    parser.add_argument("--out", type=Path, help="answer into this file instead of a loudspeaker")
    parser.add_argument("--echo", default="half-duplex", choices=["half-duplex", "none", "webrtc"])
    parser.add_argument("--model", default="gemini-3.8-live")
    args = parser.parse_args()

    config = {"response_modalities": ["AUDIO"], "output_audio_transcription": {}}
    with (
        livesdk.Client().live.connect(model=args.model, config=config) as session,
        livesdk.AudioConversation(
            session,
            microphone=WavInput(args.wav) if args.wav else Microphone(),
            speaker=WavOutput(args.out) if args.out else Speaker(),
            echo=args.echo,
            video=folder(args.folder) if args.folder else screen(),
            video_fps=args.fps,
            on_transcript=lambda piece: print(piece.text, end="", flush=True),
        ) as conversation,
    ):
        try:
            conversation.finish(timeout=60) if args.wav else conversation.wait()
        except KeyboardInterrupt:
            pass
    print()
    return 1 if conversation.error else 0


if __name__ == "__main__":
    sys.exit(main())
