"""A phone line: 8 000 Hz, µ-law, 20 ms a packet, as telephone gateways speak it.

The gateway's packets go into a queue, and what is to be heard comes out of a function, in real
time; an interruption leaves at most one packet on its way.  Here a thread plays the gateway, with a
WAV file as the caller.

    export GOOGLE_API_KEY=...
    python phone_line.py caller.wav
"""

import argparse
import queue
import sys
import threading
from pathlib import Path
from typing import Optional

import livesdk
from livesdk import pcm
from livesdk.audio import CallableOutput, IteratorInput

RATE_HZ = 8_000
PACKET = 160  # bytes: 20 ms


class Gateway:
    """Stands for a provider's connection: packets come in on its own thread."""

    def __init__(self, caller: Path) -> None:
        data, rate_hz, channels = pcm.read_wav(caller)
        narrow = pcm.resample(pcm.mix_to_mono(data, channels), rate_hz, RATE_HZ)
        self._says = pcm.mulaw_encode(narrow)
        self.packets: queue.Queue[Optional[bytes]] = queue.Queue()
        self.heard = bytearray()
        self.hung_up = threading.Event()

    def ring(self) -> None:
        """Put the caller's packets into the queue, one every 20 ms."""
        for packet in pcm.chunks(self._says, PACKET):
            self.packets.put(packet)
            self.hung_up.wait(0.02)
        self.packets.put(None)  # the caller has said everything

    def play(self, packet: bytes) -> None:
        """Take a packet that the caller hears."""
        self.heard += packet


def main() -> int:
    parser = argparse.ArgumentParser(description="Answer a phone line.")
    parser.add_argument("caller", type=Path, help="a WAV file: what the caller says")
    parser.add_argument("--model", default="gemini-3.8-live")
    args = parser.parse_args()

    gateway = Gateway(args.caller)
    line = threading.Thread(target=gateway.ring)
    config = {"response_modalities": ["AUDIO"], "output_audio_transcription": {}}
    with livesdk.Client().live.connect(model=args.model, config=config) as session:
        conversation = session.start_audio_conversation(
            microphone=IteratorInput(gateway.packets, rate_hz=RATE_HZ, encoding="mulaw"),
            speaker=CallableOutput(gateway.play, rate_hz=RATE_HZ, encoding="mulaw"),
            echo="none",  # the telephone network cancels it
        )
        line.start()
        conversation.finish(timeout=60)
        gateway.hung_up.set()
        line.join()
        session.stop_audio_conversation()
        for utterance in session.transcripts:
            print(f"{utterance.speaker}: {utterance.text}")
    print(f"{len(gateway.heard) / RATE_HZ:.1f} s were heard on the line")
    return 1 if conversation.error else 0


if __name__ == "__main__":
    sys.exit(main())
