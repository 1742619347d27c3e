"""Handles: when they come, what they bring back, and the numbers of the transparent mode."""

from __future__ import annotations

import pytest
from emulator.phone import VERTEX, VERTEX_MODEL, kinds

from livesdk import pcm
from livesdk.emulator import Call, Scenario

_BEARER = {"Authorization": "Bearer t"}


def _update(frames):
    return frames[-1]["sessionResumptionUpdate"]


def _handle(caller):
    while True:
        update = _update(caller.until("sessionResumptionUpdate"))
        if update.get("resumable"):
            return update["newHandle"]


def test_without_the_config_there_are_no_updates(phone):
    _, caller = phone()
    caller.ask("Hello")
    caller.ask("Hello")
    caller.say("x")
    assert "sessionResumptionUpdate" not in kinds(caller.until("turnComplete"))


def test_handles_rotate_and_do_not_come_while_generating(phone):
    _, caller = phone(sessionResumption={})
    first = _handle(caller)
    caller.say("Hello")
    frames = caller.until("turnComplete")
    assert frames[0] == {"sessionResumptionUpdate": {"resumable": False}}
    assert kinds(frames).count("sessionResumptionUpdate") == 1
    second = _handle(caller)
    assert first != second


def test_not_while_a_call_is_open(phone):
    _, caller = phone(Scenario(replies=[[Call("f", id="c", blocking=False)]]), sessionResumption={})
    _handle(caller)
    caller.say("go")
    caller.until("turnComplete")
    caller.respond({"id": "c", "name": "f"}, {"output": 1})
    assert "modelTurn" in kinds(caller.until("turnComplete"))
    assert _handle(caller)


def test_a_handle_brings_the_history_back_and_nothing_later(emulate, dial):
    emulator = emulate()
    caller = dial(emulator)
    caller.setup(sessionResumption={})
    _handle(caller)
    caller.ask("My name is Ada")
    handle = _handle(caller)
    caller.ask("Something later")
    caller.socket.close()
    again = dial(emulator)
    again.setup(sessionResumption={"handle": handle})
    again.until("sessionResumptionUpdate")
    assert again.ask("What did I say?") == 'Before, you said "My name is Ada".'


def test_prefix_turns_come_back_once(emulate, dial):
    emulator = emulate()
    turns = [{"role": "user", "parts": [{"text": "My name is Ada"}]}]
    first = dial(emulator)
    first.setup(prefix_turns=turns, sessionResumption={})
    handle = _handle(first)
    again = dial(emulator)
    again.setup(prefix_turns=turns, sessionResumption={"handle": handle})
    assert again.ask("What did I say?") == 'Before, you said "My name is Ada".'


def test_open_content_is_part_of_what_comes_back(emulate, dial):
    emulator = emulate()
    caller = dial(emulator, VERTEX, _BEARER)
    setup = {"model": VERTEX_MODEL, "sessionResumption": {"transparent": True}}
    caller.setup(**setup)
    _handle(caller)
    for number in range(25):
        caller.say(f"{number}", complete=False)
    handle = _handle(caller)
    again = dial(emulator, VERTEX, _BEARER)
    again.setup(model=VERTEX_MODEL, sessionResumption={"handle": handle, "transparent": True})
    again.send({"clientContent": {"turnComplete": True}})
    frames = again.until("turnComplete")
    assert "0 1 2" in "".join(
        part["text"]
        for frame in frames
        for part in frame.get("serverContent", {}).get("modelTurn", {}).get("parts", [])
    )


def test_transparent_updates_number_the_messages_as_strings_from_1(emulate, dial):
    caller = dial(emulate(), VERTEX, _BEARER)
    caller.setup(model=VERTEX_MODEL, sessionResumption={"transparent": True})
    assert _update(caller.until("sessionResumptionUpdate"))["lastConsumedClientMessageIndex"] == "0"
    caller.say("one", complete=False)
    caller.ask("two")
    update = _update(caller.until("sessionResumptionUpdate"))
    assert update["lastConsumedClientMessageIndex"] == "2"


def test_the_record_tells_what_each_handle_stands_for(emulate, dial):
    emulator = emulate()
    caller = dial(emulator)
    caller.setup(sessionResumption={})
    first = _handle(caller)
    caller.say("one", complete=False)
    caller.ask("two")
    second = _handle(caller)
    (connection,) = emulator.connections
    assert connection.handles == {first: 0, second: 2}
    assert list(connection.handles) == [first, second]


@pytest.mark.parametrize("forget", [False, True])
def test_dead_handles_are_refused_with_1007(emulate, dial, forget):
    emulator = emulate()
    caller = dial(emulator)
    caller.setup(sessionResumption={})
    handle = _handle(caller) if forget else "made-up"
    if forget:
        emulator.forget_handles()
    again = dial(emulator)
    again.send({"setup": {"model": "models/m", "sessionResumption": {"handle": handle}}})
    code, reason = again.end()
    assert code == 1007
    assert "handle" in reason


def test_the_model_cannot_change_on_resumption(emulate, dial):
    emulator = emulate()
    caller = dial(emulator)
    caller.setup(sessionResumption={})
    again = dial(emulator)
    handle = _handle(caller)
    again.send({"setup": {"model": "models/other", "sessionResumption": {"handle": handle}}})
    assert again.end()[0] == 1007


def test_resumption_can_be_out_of_order(phone):
    _, caller = phone(Scenario(resumption=False), sessionResumption={})
    caller.say("Hello")
    frames = caller.until("turnComplete")
    updates = [f["sessionResumptionUpdate"] for f in frames if "sessionResumptionUpdate" in f]
    assert updates == [{"resumable": False}]


def test_a_message_is_not_called_consumed_before_it_is_in_the_history(emulate, dial):
    caller = dial(emulate(), VERTEX, _BEARER)
    caller.setup(model=VERTEX_MODEL, sessionResumption={"transparent": True})
    _handle(caller)
    caller.say("Tell me a story")
    caller.until("modelTurn")
    caller.say("Stop")
    frames = caller.until("interrupted") + caller.until("turnComplete")
    answer = caller.until("turnComplete")
    assert "sessionResumptionUpdate" not in kinds(frames + answer)
    update = _update(caller.until("sessionResumptionUpdate"))
    assert update["lastConsumedClientMessageIndex"] == "2"


def test_no_handle_comes_in_the_middle_of_an_utterance(phone):
    _, caller = phone(Scenario(heard=["hi"]), sessionResumption={})
    _handle(caller)
    caller.say("Tell me a story")
    caller.until("modelTurn")
    caller.talk(pcm.tone(300, 400, 16_000))
    caller.until("interrupted")
    caller.until("turnComplete")
    with pytest.raises(TimeoutError):
        caller.next(timeout=0.05)
    caller.talk(pcm.silence(700, 16_000))
    caller.until("turnComplete")
    assert _handle(caller)


def test_images_that_wait_come_back_too(emulate, dial):
    emulator = emulate()
    caller = dial(emulator, VERTEX, _BEARER)
    transparent = {"transparent": True}
    caller.setup(model=VERTEX_MODEL, sessionResumption=transparent)
    _handle(caller)
    for _ in range(25):
        caller.send({"realtimeInput": {"video": {"mimeType": "image/png", "data": "AAAA"}}})
    transparent["handle"] = _handle(caller)
    again = dial(emulator, VERTEX, _BEARER)
    again.setup(model=VERTEX_MODEL, sessionResumption=transparent)
    assert again.ask("What do you see?").endswith("I see 25 frames.")
