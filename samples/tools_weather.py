"""A function that runs itself: hand it over, and the model uses it.

What the model sees comes from the signature, the annotations and the docstring.

    export GOOGLE_API_KEY=...
    python tools_weather.py "What is the weather in Paris and in London?"
"""

import argparse
import sys
from typing import Any, Literal

import livesdk

SKIES = {"Paris": "sunny", "London": "rainy"}


def get_weather(city: str, unit: Literal["celsius", "fahrenheit"] = "celsius") -> dict[str, Any]:
    """Tell the weather in a city at this moment.

    Args:
        city: The city's name.
        unit: Of the temperature.
    """
    degrees = 21 if unit == "celsius" else 70
    return {"city": city, "sky": SKIES.get(city, "clear"), "degrees": degrees, "unit": unit}


def main() -> int:
    parser = argparse.ArgumentParser(description="Let the model call a function.")
    parser.add_argument("question", nargs="?", default="What is the weather in Paris and London?")
    parser.add_argument("--model", default="gemini-3.8-live")
    args = parser.parse_args()

    config = livesdk.LiveConnectConfig(
        response_modalities=["AUDIO"],
        output_audio_transcription=livesdk.AudioTranscriptionConfig(),
        tools=[get_weather],
    )
    with livesdk.Client().live.connect(model=args.model, config=config) as session:
        turn = session.ask(args.question)
    for call in turn.function_calls:
        print(f"{call.name}({call.args}) -> {call.response}")
    print(f"Model: {turn.output_transcript}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
