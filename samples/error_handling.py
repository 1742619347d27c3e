"""What can go wrong, as which exception, and what to do about it.

Everything that livesdk raises on purpose is a ``LiveError``; each line below is one branch of that
tree.  Exceptions say what to do in their text, and carry the facts as attributes.

    export GOOGLE_API_KEY=...
    python error_handling.py
"""

import argparse
import sys

import livesdk

UNREACHABLE = {"base_url": "http://127.0.0.1:1"}


def wrong_argument(client: livesdk.Client, model: str) -> None:
    client.live.connect(model=model, config={"response_modality": "AUDIO", "temprature": 1})


def no_server(_: livesdk.Client, model: str) -> None:
    livesdk.Client(api_key="any", http_options=UNREACHABLE).live.connect(model=model)


def wrong_key(_: livesdk.Client, model: str) -> None:
    livesdk.Client(api_key="wrong").live.connect(model=model)


def refused_setup(client: livesdk.Client, _: str) -> None:
    client.live.connect(model="no-such-model")


def answer_too_late(client: livesdk.Client, model: str) -> None:
    with client.live.connect(model=model) as session:
        session.ask("Tell me a long story.", timeout=0.01)


def use_after_close(client: livesdk.Client, model: str) -> None:
    session = client.live.connect(model=model)
    session.close()
    session.send_client_content("Are you there?", turn_complete=True)


def explain(error: livesdk.LiveError) -> str:
    if isinstance(error, livesdk.ConfigError):
        return "correct the call; nothing was sent"
    if isinstance(error, livesdk.AuthenticationError):
        return "check the key; trying again does not help"
    if isinstance(error, livesdk.ConnectError):
        return f"check the network ({error.phase}); try again later"
    if isinstance(error, livesdk.SetupError):
        return f"correct model or config (close code {error.code})"
    if isinstance(error, livesdk.LiveTimeout):
        return "wait longer, or ask again; the session lives"
    if isinstance(error, livesdk.SessionClosed):
        return f"connect again; it was closed by the {error.info.initiated_by} side"
    return "see the text"


MISTAKES = [wrong_argument, no_server, wrong_key, refused_setup, answer_too_late, use_after_close]


def main() -> int:
    parser = argparse.ArgumentParser(description="Make every mistake once.")
    parser.add_argument("--model", default="gemini-3.8-live")
    args = parser.parse_args()

    client = livesdk.Client()
    for mistake in MISTAKES:
        try:
            mistake(client, args.model)
        except livesdk.LiveError as error:
            print(f"{mistake.__name__}: {type(error).__name__}: {error}")
            print(f"    -> {explain(error)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
