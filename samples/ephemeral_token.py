"""A token for a program that must not hold the key.

A server with the key makes a token that soon expires and is bound to one model and instruction;
another program connects with it.  Here both are one program.

    export GOOGLE_API_KEY=...
    python ephemeral_token.py
"""

import argparse
import datetime as dt
import sys

import livesdk


def make_token(model: str) -> str:
    """Run where the key is."""
    fixed = livesdk.LiveConnectConfig(system_instruction="You are a polite receptionist.")
    token = livesdk.Client().auth_tokens.create(
        livesdk.CreateAuthTokenConfig(
            uses=1,
            expire_time=dt.datetime.now(dt.timezone.utc) + dt.timedelta(minutes=5),
            live_connect_constraints=livesdk.LiveConnectConstraints(model=model, config=fixed),
            lock_additional_fields=[],  # only what is set above; None would fix everything
        )
    )
    if token.name is None:
        raise RuntimeError("a token without a name")
    return token.name  # the name is the secret


def use_token(token: str, model: str) -> str:
    """Run where the key is not."""
    client = livesdk.Client(api_key=token)
    config = {"response_modalities": ["AUDIO"], "output_audio_transcription": {}}
    with client.live.connect(model=model, config=config) as session:
        return session.ask("Hello!").output_transcript


def main() -> int:
    parser = argparse.ArgumentParser(description="Make a token and use it.")
    parser.add_argument("--model", default="gemini-3.8-live")
    args = parser.parse_args()

    token = make_token(args.model)
    print(f"A token of {len(token)} characters.")
    print(f"Model: {use_token(token, args.model)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
