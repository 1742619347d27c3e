"""A slow search that runs while the talking goes on, and can be called off.

``NON_BLOCKING`` lets the model go on at once; ``WHEN_IDLE`` lets it come back to the result when it
has finished speaking.  The context says when nobody waits for the result any more.

    export GOOGLE_API_KEY=...
    python tools_slow_search.py "Search the archive for tea, and meanwhile tell me a story."
"""

import argparse
import sys
import threading
from typing import Any

import livesdk

QUESTION = "Use search_archive for tea."

found = threading.Event()


@livesdk.tool(behavior="NON_BLOCKING", scheduling="WHEN_IDLE", timeout=30)
def search_archive(words: str, context: livesdk.ToolContext) -> dict[str, Any]:
    """Search the archive, which takes its time.

    Args:
        words: What to look for.
    """
    for shelf in range(1, 6):
        print(f"  looking on shelf {shelf} ...")
        if context.cancelled.wait(0.3):
            print("  called off")
            return {}
    found.set()
    return {"found": f"three boxes about {words}"}


def main() -> int:
    parser = argparse.ArgumentParser(description="Search while the conversation goes on.")
    parser.add_argument("question", nargs="?", default=QUESTION)
    parser.add_argument("--model", default="gemini-3.8-live")
    parser.add_argument("--stay", type=float, default=20, help="seconds to stay on the line")
    args = parser.parse_args()

    config = livesdk.LiveConnectConfig(
        response_modalities=["AUDIO"],
        output_audio_transcription=livesdk.AudioTranscriptionConfig(),
        tools=[search_archive],
    )
    turns_after_search = threading.Event()

    def on_message(message: livesdk.LiveServerMessage) -> None:
        content = message.server_content
        if content and content.output_transcription:
            print(content.output_transcription.text or "", end="", flush=True)
        if content and content.turn_complete:
            print()
            if found.is_set():
                turns_after_search.set()

    callbacks = livesdk.LiveCallbacks(onmessage=on_message)
    connected = livesdk.Client().live.connect(args.model, config, callbacks)
    with connected as session:
        session.send_client_content(args.question)
        turns_after_search.wait(args.stay)
        print(f"calls: {session.stats.tools.answered}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
