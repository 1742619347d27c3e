"""How a program tests itself against the emulator: no key, no network, no luck involved.

A ``Scenario`` says what the model answers and what goes wrong; the emulator keeps every frame.

    pip install ".[emulator]"
    python testing_with_the_emulator.py      # or: pytest testing_with_the_emulator.py
"""

import sys

import livesdk
from livesdk.emulator import Call, Drop, Emulator, Reply, Say, Scenario


def order_tea(client: livesdk.Client) -> str:
    """The program under test: asks, runs one function, tries once more if the line breaks."""
    config = {
        "response_modalities": ["TEXT"],
        "tools": [{"name": "boil_water", "description": "Boil water."}],
    }
    try:
        with client.live.connect(model="any", config=config) as session:

            def on_message(message: livesdk.LiveServerMessage) -> None:
                for call in message.tool_calls:
                    answer = {"id": call.id, "name": call.name, "response": {"output": "boiling"}}
                    session.send_tool_response(answer)

            session.on("message", on_message)
            return session.ask("Tea, please.").text
    except livesdk.SessionClosed:
        return order_tea(client)


def client_for(emulator: Emulator) -> livesdk.Client:
    return livesdk.Client(api_key="any", http_options={"base_url": emulator.base_url})


def test_runs_the_function() -> None:
    scenario = Scenario(replies=[[Call("boil_water"), Say("Here is your tea.")]])
    with Emulator(scenario) as emulator:
        assert order_tea(client_for(emulator)) == "Here is your tea."
        [frame] = emulator.wait_for("toolResponse")
    [response] = frame["toolResponse"]["functionResponses"]
    assert response["response"] == {"output": "boiling"}


def test_tries_again_when_the_line_breaks() -> None:
    scenario = Scenario(
        replies=[
            Reply(match="tea", steps=[Say("Here is"), Drop()], times=1),
            Reply(match="tea", steps="Here is your tea, at last."),
        ]
    )
    with Emulator(scenario) as emulator:
        assert order_tea(client_for(emulator)) == "Here is your tea, at last."
        assert len(emulator.connections) == 2


def main() -> int:
    for test in (test_runs_the_function, test_tries_again_when_the_line_breaks):
        test()
        print(f"{test.__name__}: ok")
    return 0


if __name__ == "__main__":
    sys.exit(main())
