"""Functions that the model may call, answered by hand.

Declare them, look at ``message.tool_calls``, and send a response for each id.  The work is done by
a pool of threads, so that a slow function delays nothing else.

    export GOOGLE_API_KEY=...
    python function_calling.py "What is the weather in Paris and London?"
"""

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import livesdk

GET_WEATHER = livesdk.FunctionDeclaration(
    name="get_weather",
    description="The weather in a city at this moment.",
    parameters_json_schema={
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
)


def get_weather(city: str) -> dict[str, Any]:
    return {"city": city, "celsius": 21, "sky": "clear"}


def answer(session: livesdk.Session, call: livesdk.FunctionCall) -> None:
    try:
        result: dict[str, Any] = {"output": get_weather(**(call.args or {}))}
    except TypeError as error:  # the model made up an argument: tell it
        result = {"error": str(error)}
    session.send_tool_response(
        livesdk.FunctionResponse(id=call.id, name=call.name, response=result)
    )


def main() -> int:
    parser = argparse.ArgumentParser(description="Let the model call a function.")
    parser.add_argument("question", nargs="?", default="What is the weather in Paris and London?")
    parser.add_argument("--model", default="gemini-3.8-live")
    args = parser.parse_args()

    config = livesdk.LiveConnectConfig(
        response_modalities=["AUDIO"],
        output_audio_transcription=livesdk.AudioTranscriptionConfig(),
        tools=[GET_WEATHER],
    )
    connected = livesdk.Client().live.connect(model=args.model, config=config)
    with ThreadPoolExecutor() as pool, connected as session:

        def on_message(message: livesdk.LiveServerMessage) -> None:
            for call in message.tool_calls:
                pool.submit(answer, session, call)

        session.on("message", on_message)
        turn = session.ask(args.question)
        for done in turn.function_calls:
            print(f"{done.name}({done.args}) -> {done.response}")
        print(f"Model: {turn.output_transcript}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
