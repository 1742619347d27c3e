"""A device that the model controls, with the caller's own thread to say yes or no.

The tool runs in a worker thread; it asks the main thread, which owns the terminal, and waits for
its answer or for the call to be taken back.

    export GOOGLE_API_KEY=...
    python tools_device.py "Use open_valve with 30 percent." --yes
"""

import argparse
import queue
import sys
import threading
from typing import Annotated, Any

import attrs

import livesdk


@attrs.define
class Question:
    """What the main thread is asked."""

    text: str
    answered: threading.Event = attrs.Factory(threading.Event)
    allowed: bool = False


questions: "queue.Queue[Question]" = queue.Queue()


@livesdk.tool(behavior="BLOCKING", timeout=60)
def open_valve(
    percent: Annotated[float, "how far, from 0 to 100"], context: livesdk.ToolContext
) -> dict[str, Any]:
    """Open the valve; a person has to agree."""
    question = Question(f"Open the valve to {percent:g} percent?")
    questions.put(question)
    while not question.answered.wait(0.05):
        if context.cancelled.is_set():  # the model, or the end of the session, took it back
            return {}
    if not question.allowed:
        return {"error": "the operator said no"}
    return {"valve": percent}


def main() -> int:
    parser = argparse.ArgumentParser(description="Control a device, with a person's consent.")
    parser.add_argument("order", nargs="?", default="Use open_valve with 30 percent.")
    parser.add_argument("--yes", action="store_true", help="agree to everything")
    parser.add_argument("--model", default="gemini-3.8-live")
    args = parser.parse_args()

    config = livesdk.LiveConnectConfig(
        response_modalities=["AUDIO"],
        output_audio_transcription=livesdk.AudioTranscriptionConfig(),
        tools=[open_valve],
    )
    session = livesdk.Client().live.connect(model=args.model, config=config)
    with session:
        done: list[livesdk.Turn] = []
        asking = threading.Thread(target=lambda: done.append(session.ask(args.order)))
        asking.start()
        while asking.is_alive():
            try:
                question = questions.get(timeout=0.1)
            except queue.Empty:
                continue
            question.allowed = args.yes or input(f"{question.text} [y/N] ").lower() == "y"
            print(f"{question.text} {'yes' if question.allowed else 'no'}")
            question.answered.set()
    for turn in done:
        print(f"Model: {turn.output_transcript}")
        for call in turn.function_calls:
            print(f"{call.name}({call.args}) -> {call.response}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
