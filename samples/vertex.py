"""Vertex AI: a project and a location instead of an API key.

With ``pip install ".[vertex]"`` the machine's own credentials are used.  Any object with
``token``, ``valid`` and ``refresh`` will do instead; here one around a token from the shell.

    gcloud auth application-default login
    python vertex.py --project my-project
    ACCESS_TOKEN=$(gcloud auth print-access-token) python vertex.py --project my-project
"""

import argparse
import os
import sys
from typing import Any

import livesdk


class GivenToken:
    """Credentials that cannot refresh themselves."""

    valid = True

    def __init__(self, token: str) -> None:
        self.token = token

    def refresh(self, request: Any) -> None:
        """Fetch a new token; called when ``valid`` is false, before dialling."""


def main() -> int:
    parser = argparse.ArgumentParser(description="Talk to Gemini on Vertex AI.")
    parser.add_argument("--project", required=True)
    parser.add_argument("--location", default="us-central1", help='or "global", "us", "eu"')
    parser.add_argument("--model", default="gemini-live-2.5-flash-native-audio")
    args = parser.parse_args()

    token = os.environ.get("ACCESS_TOKEN")
    client = livesdk.Client(
        vertexai=True,
        project=args.project,
        location=args.location,
        credentials=GivenToken(token) if token else None,
    )
    config = livesdk.LiveConnectConfig(
        output_audio_transcription=livesdk.AudioTranscriptionConfig()
    )
    with client.live.connect(model=args.model, config=config) as session:
        print(f"session {session.session_id}")
        print(f"Model: {session.ask('Hello!').output_transcript}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
