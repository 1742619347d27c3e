"""Pictures beside the conversation: video frames from anything that can be iterated over.

Frames go out one a second from a thread of their own; about that many are looked at.  By default
they are made up; ``--folder`` shows pictures, ``--screen`` the screen (with Pillow).

    export GOOGLE_API_KEY=...
    python video_frames.py --folder holiday/ --question "Where was this?"
"""

import argparse
import itertools
import struct
import sys
import threading
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import livesdk


def colours() -> Iterator[bytes]:
    """Red, green, blue, for ever: PNG files of one colour, 64 by 64."""
    for rgb in itertools.cycle([(255, 0, 0), (0, 255, 0), (0, 0, 255)]):
        header = struct.pack(">2I5B", 64, 64, 8, 2, 0, 0, 0)
        rows = (b"\0" + bytes(rgb) * 64) * 64
        chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
        yield b"\x89PNG\r\n\x1a\n" + b"".join(
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
            for kind, body in chunks
        )


def folder(path: Path) -> Iterator[bytes]:
    for file in sorted(path.iterdir()):
        if file.suffix.lower() in {".jpg", ".jpeg", ".png", ".webp"}:
            yield file.read_bytes()


def screen() -> Iterator[Any]:
    from PIL import ImageGrab

    while True:
        yield ImageGrab.grab()


def show(session: livesdk.Session, frames: Iterable[Any], interval: float, count: int) -> None:
    for frame in itertools.islice(frames, count):
        session.send_realtime_input(video=frame)  # JPEG, PNG or WEBP bytes, or a PIL image
        if session.wait_ended(interval):  # sleeps, but not longer than the session lives
            return


def main() -> int:
    parser = argparse.ArgumentParser(description="Show pictures to the model.")
    parser.add_argument("--folder", type=Path, help="a folder of JPEG, PNG or WEBP files")
    parser.add_argument("--screen", action="store_true", help="show the screen (needs Pillow)")
    parser.add_argument("--question", default="What do you see?")
    parser.add_argument("--interval", type=float, default=1.0, help="seconds between frames")
    parser.add_argument("--count", type=int, default=3, help="how many frames")
    parser.add_argument("--model", default="gemini-3.8-live")
    args = parser.parse_args()

    frames = screen() if args.screen else folder(args.folder) if args.folder else colours()
    config = {"response_modalities": ["AUDIO"], "output_audio_transcription": {}}
    with livesdk.Client().live.connect(model=args.model, config=config) as session:
        camera = threading.Thread(target=show, args=(session, frames, args.interval, args.count))
        camera.start()
        camera.join()  # a conversation would go on meanwhile
        print(session.ask(args.question).output_transcript)
    return 0


if __name__ == "__main__":
    sys.exit(main())
