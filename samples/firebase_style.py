"""The classes and names of Firebase AI Logic, on the same session.

A ``LiveGenerativeModel`` describes; ``connect()`` opens a session.  With ``--project`` the program
speaks through a Firebase project, else to the Gemini Developer API.

    export GOOGLE_API_KEY=...
    python firebase_style.py
    FIREBASE_API_KEY=... python firebase_style.py --project my-project
"""

import argparse
import os
import sys
from typing import Optional

import livesdk
from livesdk import ResponseModality, ResponseStatus


def client_of(project: Optional[str]) -> livesdk.Client:
    if project is None:
        return livesdk.Client()
    key = os.environ["FIREBASE_API_KEY"]
    return livesdk.Client(firebase=livesdk.FirebaseOptions(project=project, api_key=key))


def main() -> int:
    parser = argparse.ArgumentParser(description="Talk as Firebase programs do.")
    parser.add_argument("--project", help="a Firebase project")
    parser.add_argument("--model", default="gemini-3.8-live")
    args = parser.parse_args()

    model = livesdk.LiveGenerativeModel(
        client_of(args.project),
        args.model,
        generation_config=livesdk.LiveGenerationConfig(
            response_modalities=[ResponseModality.AUDIO],
            speech_config=livesdk.SpeechConfig(voice=livesdk.Voices.FENRIR),
            output_audio_transcription=livesdk.AudioTranscriptionConfig(),
        ),
        system_instruction="You are a friendly parrot.",
    )
    session = model.connect()
    session.send("Hello, parrot!", turn_complete=True)
    for response in session.receive_turn():  # receive() goes on until the session ends
        content = response.server_content
        if content and content.output_transcription:
            print(content.output_transcription.text or "", end="")
    print()

    session.send_text_realtime("And goodbye.")
    for response in session.receive_turn():
        if response.status is ResponseStatus.INTERRUPTED:
            print("(interrupted)")
    session.close()
    print(f"closed: {session.is_closed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
