"""A conversation that outlives its connections, and the program.

A connection to the service lives for some ten minutes, and networks for less.  With
``session_resumption`` in the config the session takes another one by itself; the program is told.
The handle is a string: kept in a file, it brings the conversation back in the next run.

    export GOOGLE_API_KEY=...
    python staying_connected.py --handle-file conversation.handle
    python staying_connected.py --handle-file conversation.handle    # goes on from there
"""

import argparse
import sys
import threading
from pathlib import Path

import livesdk


def ask(session: livesdk.Session, question: str) -> None:
    """Ask; once more if the connection was lost before the answer was whole."""
    print(f"You: {question}")
    turn = session.ask(question)
    if turn.ended_by == "reconnected":
        turn = session.ask(question)
    print(f"Model: {turn.output_transcript}")


def main() -> int:
    parser = argparse.ArgumentParser(description="Talk over several connections.")
    parser.add_argument("--model", default="gemini-3.8-live")
    parser.add_argument("--handle-file", type=Path, help="where the handle is kept")
    args = parser.parse_args()

    handle = None
    if args.handle_file and args.handle_file.exists():
        handle = args.handle_file.read_text().strip()
    has_handle, moved = threading.Event(), threading.Event()

    def look(message: livesdk.LiveServerMessage) -> None:
        update = message.session_resumption_update
        if update and update.resumable:
            has_handle.set()

    def told(info: livesdk.ReconnectInfo) -> None:
        how = "restored" if info.state_restored else "a fresh session"
        print(f"(another connection after {info.gap:.1f} s: {how})")
        if info.messages_at_risk and info.mid_turn:
            print("(the last question may be lost: ask again)")
        moved.set()

    with livesdk.Client().live.connect(
        model=args.model,
        config={
            "response_modalities": ["AUDIO"],
            "output_audio_transcription": {},
            "session_resumption": {"handle": handle} if handle else {},
        },
        callbacks=livesdk.LiveCallbacks(
            onmessage=look,
            on_reconnect=told,
            on_go_away=lambda away: print(f"(the server leaves in {away.time_left})"),
        ),
        # the default where resumption is configured; here with another patience
        reconnect=livesdk.ReconnectPolicy(seconds=300),
    ) as session:
        ask(session, "My name is Ada.")
        has_handle.wait(10)
        session.resume()  # what happens by itself when a connection ends, here to show it
        moved.wait(10)  # callbacks have a thread of their own: let it print first
        ask(session, "What did I say before?")
        has_handle.wait(10)
        if args.handle_file and session.resumption_handle:
            args.handle_file.write_text(session.resumption_handle)
        print(f"{session.stats.reconnects} reconnection")
    return 0


if __name__ == "__main__":
    sys.exit(main())
