"""Callbacks, and the thread they run in.

thread    (default) a thread of livesdk's own
reader    the thread that reads the socket: no hand-over, but a slow callback delays the network
manual    the program's own loop, when it calls session.pump(); for Tk, Qt and games
executor  any pool or loop that takes a function; the order is kept

    export GOOGLE_API_KEY=...
    python callbacks_and_threads.py --dispatch manual
"""

import argparse
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import livesdk


class Listener:
    """Shows what is called, in which thread; a callback takes one argument or none."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.threads: set[str] = set()

    def on_open(self) -> None:
        """Run once, first."""
        self.note("open")

    def on_message(self, message: livesdk.LiveServerMessage) -> None:
        """Run for every message, in order."""
        self.threads.add(threading.current_thread().name)
        if message.server_content and message.server_content.turn_complete:
            self.note("the turn is complete")
            self.done.set()

    def on_error(self, error: Exception) -> None:
        """Run for each problem; most do not end the session."""
        self.note(f"error: {error}")

    def on_close(self, info: livesdk.CloseInfo) -> None:
        """Run once, last."""
        self.note(f"closed: {info}")

    def note(self, text: str) -> None:
        """Print, and remember the thread."""
        self.threads.add(threading.current_thread().name)
        print(text)


def main() -> int:
    parser = argparse.ArgumentParser(description="Show where callbacks run.")
    parser.add_argument(
        "--dispatch", choices=["thread", "reader", "manual", "executor"], default="thread"
    )
    parser.add_argument("--model", default="gemini-3.8-live")
    args = parser.parse_args()

    listener = Listener()
    with ThreadPoolExecutor(thread_name_prefix="pool") as pool:
        callbacks = livesdk.LiveCallbacks(
            onopen=listener.on_open,
            onmessage=listener.on_message,
            onerror=listener.on_error,
            onclose=listener.on_close,
            dispatch=pool.submit if args.dispatch == "executor" else args.dispatch,
        )
        session = livesdk.Client().live.connect(model=args.model, callbacks=callbacks)
        session.send_client_content("Hello!", turn_complete=True)
        if args.dispatch == "manual":
            while not listener.done.is_set():  # the main loop; in Tk: root.after(50, pump)
                session.pump(timeout=0.05)
        listener.done.wait(timeout=60)
        session.close()
        if args.dispatch == "manual":
            session.pump()  # onclose is a callback too
    print(f"callbacks ran in: {', '.join(sorted(listener.threads))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
