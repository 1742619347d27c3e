"""Functions of the client: which are called, with what, and what comes of the answers."""

from __future__ import annotations

import re

import pytest
from emulator.phone import VERTEX, VERTEX_MODEL, kinds, text_of

from livesdk.emulator import (
    Call,
    CancelCalls,
    Drop,
    DuplicateCall,
    Reply,
    Say,
    Scenario,
    Send,
    Wait,
    WaitFor,
)
from livesdk.emulator.functions import in_words, make_args, named_in


def _tools(behavior=None, *names):
    functions = [
        {
            "name": name,
            "parameters": {
                "type": "OBJECT",
                "properties": {"city": {"type": "STRING"}},
                "required": ["city"],
            },
            **({"behavior": behavior} if behavior else {}),
        }
        for name in names or ("get_weather",)
    ]
    return [{"functionDeclarations": functions}]


def _calls(frames):
    return frames[-1]["toolCall"]["functionCalls"]


def test_a_named_function_is_called_and_holds_the_turn(phone):
    _, caller = phone(tools=_tools())
    caller.say("What is the weather like in Paris?")
    frames = caller.until("toolCall")
    assert kinds(frames) == ["toolCall"]
    call = _calls(frames)[0]
    assert (call["name"], call["args"]) == ("get_weather", {"city": "Paris"})
    assert call["id"].startswith("function-call-")
    with pytest.raises(TimeoutError):
        caller.next(timeout=0.1)
    caller.respond(call, {"output": {"sky": "clear", "celsius": 21}})
    answer = caller.until("turnComplete")
    assert text_of(answer) == "get_weather says: sky clear, celsius 21."


def test_several_calls_share_a_frame_and_all_are_waited_for(phone):
    _, caller = phone(tools=_tools())
    caller.say("Weather in Paris and London please")
    calls = _calls(caller.until("toolCall"))
    assert [call["args"]["city"] for call in calls] == ["Paris", "London"]
    assert calls[0]["id"] != calls[1]["id"]
    caller.respond(calls[1], {"output": "rain"})
    with pytest.raises(TimeoutError):
        caller.next(timeout=0.05)
    caller.respond(calls[0], {"output": "sun"})
    assert text_of(caller.until("turnComplete")) == "get_weather says: rain. get_weather says: sun."


def test_an_error_is_told_as_a_failure(phone):
    _, caller = phone(tools=_tools())
    caller.say("get_weather")
    caller.respond(_calls(caller.until("toolCall"))[0], {"error": "no network"})
    assert text_of(caller.until("turnComplete")) == "get_weather failed: no network."


def test_new_content_cancels_a_held_call_in_the_services_order(phone):
    _, caller = phone(tools=_tools())
    caller.say("get_weather")
    call = _calls(caller.until("toolCall"))[0]
    caller.say("Never mind")
    frames = caller.until("turnComplete")
    assert kinds(frames) == ["interrupted", "toolCallCancellation", "usageMetadata", "turnComplete"]
    assert frames[1]["toolCallCancellation"] == {"ids": [call["id"]]}
    assert "Never mind" in text_of(caller.until("turnComplete"))
    caller.respond(call, {"output": "late"})  # dropped
    assert "late" not in caller.ask("Well?")


def test_a_non_blocking_call_lets_the_turn_end_and_is_told_when_idle(phone):
    _, caller = phone(tools=_tools("NON_BLOCKING"))
    caller.say("get_weather")
    frames = caller.until("turnComplete")
    call = next(f for f in frames if "toolCall" in f)["toolCall"]["functionCalls"][0]
    assert "I have asked get_weather" in text_of(frames)
    caller.respond(call, {"output": "sun"})
    assert text_of(caller.until("turnComplete")) == "get_weather says: sun."


def _story_with_open_call():
    return Scenario(
        replies=[
            Reply(match="ask", steps=[Call("f", blocking=False, id="c1"), Say("Asked.")]),
            Reply(
                match="talk", steps=[Say("One two three four five six"), Wait("go"), Say("end.")]
            ),
        ],
    )


def test_a_result_for_when_idle_waits_for_the_end_of_the_turn(phone):
    emulator, caller = phone(_story_with_open_call())
    caller.say("ask")
    caller.until("turnComplete")
    caller.say("talk")
    caller.until("modelTurn")
    caller.respond({"id": "c1", "name": "f"}, {"output": "result"})
    emulator.release("go")
    assert "result" not in text_of(caller.until("turnComplete"))
    assert text_of(caller.until("turnComplete")) == "f says: result."


def test_a_result_that_interrupts_does(phone):
    _, caller = phone(_story_with_open_call())
    caller.say("ask")
    caller.until("turnComplete")
    caller.say("talk")
    caller.until("modelTurn")
    caller.respond({"id": "c1", "name": "f"}, {"output": "result"}, scheduling="INTERRUPT")
    assert "interrupted" in kinds(caller.until("turnComplete"))
    assert text_of(caller.until("turnComplete")) == "f says: result."


def test_a_silent_result_starts_nothing(phone):
    _, caller = phone(_story_with_open_call())
    caller.say("ask")
    caller.until("turnComplete")
    caller.respond({"id": "c1", "name": "f"}, {"output": "result"}, scheduling="SILENT")
    assert "result" not in caller.ask("Hello")


@pytest.mark.parametrize("match", ["weather", re.compile("weather")])
def test_the_result_of_a_function_does_not_match_the_reply_that_called_it(phone, match):
    steps = [Call("get_weather", id="c1"), Say("Sunny.")]
    _, caller = phone(
        Scenario(replies=[Reply(match=match, steps=steps)]), tools=_tools("NON_BLOCKING")
    )
    caller.say("What is the weather like?")
    assert text_of(caller.until("turnComplete")) == "Sunny."
    caller.respond({"id": "c1", "name": "get_weather"}, {"output": "rain"})
    frames = caller.until("turnComplete")
    assert text_of(frames) == "get_weather says: rain."
    assert "toolCall" not in kinds(frames)


def test_a_predicate_can_answer_the_result_of_a_function(phone):
    replies = [
        Reply(match="ask", steps=[Call("f", blocking=False, id="c1"), Say("Asked.")]),
        Reply(match=lambda heard: heard.kind == "toolResponse", steps="Thanks."),
    ]
    _, caller = phone(Scenario(replies=replies))
    assert caller.ask("ask") == "Asked."
    caller.respond({"id": "c1", "name": "f"}, {"output": "ask again"})
    assert text_of(caller.until("turnComplete")) == "Thanks."


def test_results_in_parts_keep_the_call_open(phone):
    _, caller = phone(_story_with_open_call())
    caller.say("ask")
    caller.until("turnComplete")
    call = {"id": "c1", "name": "f"}
    caller.respond(call, {"output": 1}, willContinue=True)
    assert text_of(caller.until("turnComplete")) == "f says: 1."
    caller.respond(call, {"output": 2}, willContinue=True)
    assert text_of(caller.until("turnComplete")) == "f says: 2."
    caller.respond(call, {}, willContinue=False)
    caller.respond(call, {"output": 3})  # too late
    assert caller.ask("Hello").startswith("Hello!")


def test_status_stays_in_progress_while_a_call_is_open(phone):
    _, caller = phone(
        Scenario(interaction_status=True),
        tools=_tools("NON_BLOCKING"),
    )
    caller.say("get_weather")
    frames = caller.until("turnComplete")
    assert frames[-1]["serverContent"]["interactionStatus"] == "IN_PROGRESS"
    call = next(f for f in frames if "toolCall" in f)["toolCall"]["functionCalls"][0]
    caller.respond(call, {"output": 1}, scheduling="SILENT")
    assert caller.next() == {"serverContent": {"interactionStatus": "IDLE"}}


def test_the_developer_api_wants_ids(phone):
    _, caller = phone(tools=_tools())
    caller.say("get_weather")
    caller.until("toolCall")
    caller.send({"toolResponse": {"functionResponses": [{"name": "get_weather", "response": {}}]}})
    assert caller.end()[0] == 1007


def test_vertex_takes_a_response_by_name_and_refuses_parts(emulate, dial):
    caller = dial(emulate(), VERTEX, {"Authorization": "Bearer t"})
    caller.setup(model=VERTEX_MODEL, tools=_tools())
    caller.say("get_weather")
    frames = caller.until("toolCall")
    assert len(_calls(frames)[0]["id"]) == 36
    response = {"name": "get_weather", "response": {"output": "sun"}}
    caller.send({"toolResponse": {"functionResponses": [{**response, "willContinue": False}]}})
    assert "sun" in text_of(caller.until("turnComplete"))
    caller.send({"toolResponse": {"functionResponses": [{**response, "willContinue": True}]}})
    assert caller.end()[0] == 1007


def test_strict_models_decide_what_a_function_is_by_default(emulate, dial):
    caller = dial(emulate(strict_models=True))
    caller.send({"setup": {"model": "models/gemini-3.8-live", "tools": _tools()}})
    caller.until("setupComplete")
    caller.say("get_weather")
    assert "toolCall" in kinds(caller.until("turnComplete"))


def test_realtime_input_during_a_call_can_be_refused(phone, monkeypatch):
    monkeypatch.setattr("livesdk.emulator.conversation._IN_FLIGHT", 60.0)
    emulator, caller = phone(Scenario(refuse_input_during_calls=True), tools=_tools())
    caller.say("get_weather")
    caller.until("toolCall")
    caller.talk(bytes(3200))  # may have been on its way
    emulator.wait_for("realtimeInput.audio")
    emulator.inject(Send({"taken": {}}))
    caller.until("taken")
    monkeypatch.setattr("livesdk.emulator.conversation._IN_FLIGHT", -1.0)
    caller.talk(bytes(3200))
    assert caller.end()[0] == 1008


def test_a_call_can_come_twice_and_be_cancelled(phone):
    steps = [
        Call("f", id="c1", blocking=False), DuplicateCall(), CancelCalls(["c1"]), Say("Done."),
    ]  # fmt: skip
    _, caller = phone(Scenario(replies=[steps]))
    caller.say("go")
    frames = caller.until("turnComplete")
    assert kinds(frames)[:3] == ["toolCall", "toolCall", "toolCallCancellation"]
    assert frames[0] == frames[1]


def test_steps_after_a_call_follow_its_answer(phone):
    steps = [Call("f", {"x": 1}), Say("Thanks."), WaitFor("clientContent"), Say("Bye.")]
    _, caller = phone(Scenario(replies=[steps]))
    caller.say("go")
    caller.respond(_calls(caller.until("toolCall"))[0], {"output": 1})
    assert text_of(caller.until("modelTurn")) == "Thanks."


def test_a_connection_is_dropped_during_a_call_from_outside(phone):
    emulator, caller = phone(Scenario(replies=[[Call("f"), Say("Thanks.")]]))
    caller.say("go")
    caller.until("toolCall")
    emulator.inject(Drop())
    assert caller.end() == (1006, "")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("please call get_weather in Paris", ["get_weather"]),
        ("get weather", ["get_weather"]),
        ("How is the weather?", ["get_weather"]),
        ("turn on the lights", ["set_light"]),
        ("the lights and the weather", ["set_light", "get_weather"]),
        ("getWeather now, not light", ["get_weather"]),
        ("What time is it?", []),
        ("get me a call", []),
    ],
)
def test_functions_are_named_by_name_or_telling_word(text, names):
    assert named_in(text, ["get_weather", "set_light", "find_user_by_id"]) == names


@pytest.mark.parametrize(
    ("schema", "text", "args"),
    [
        ({}, "x", {}),
        ({"type": "OBJECT", "properties": {"a": {"type": "INTEGER"}}}, "add 7", {"a": 7}),
        (
            {"type": "object", "properties": {"a": {"type": "number"}, "b": {"type": "number"}}},
            "add 2.5 and -3",
            {"a": 2.5, "b": -3.0},
        ),
        (
            {"type": "object", "properties": {"on": {"type": "boolean"}}},
            "switch it off",
            {"on": False},
        ),
        (
            {"type": "OBJECT", "properties": {"unit": {"type": "STRING", "enum": ["c", "f"]}}},
            "in f please",
            {"unit": "f"},
        ),
        (
            {"properties": {"tags": {"type": "array", "items": {"type": "string"}}}},
            'use "red"',
            {"tags": ["red"]},
        ),
        (
            {
                "type": "object",
                "properties": {"p": {"$ref": "#/$defs/P"}, "n": {"type": ["integer", "null"]}},
                "required": ["p"],
                "$defs": {"P": {"type": "object", "properties": {"q": {"const": 5}}}},
            },
            "x",
            {"p": {"q": 5}},
        ),
        (
            {"properties": {"v": {"anyOf": [{"type": "null"}, {"type": "integer", "minimum": 3}]}}},
            "x",
            {"v": 3},
        ),
        ({"properties": {"day": {"type": "string", "format": "date"}}}, "x", {"day": "2026-01-31"}),
    ],
)
def test_arguments_have_the_declared_types(schema, text, args):
    assert make_args({"name": "f", "parametersJsonSchema": schema}, text) == [args]


def test_results_are_put_into_words():
    assert in_words({"output": {"a": 1, "b": [True, None]}}) == "a 1, b yes, nothing"
    assert in_words({}) == "nothing"
