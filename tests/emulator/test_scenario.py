"""Scripts: which reply answers what, and what each step does."""

from __future__ import annotations

import re

import pytest
from emulator.phone import audio_of, kinds, text_of
from websockets.exceptions import InvalidStatus

from livesdk import pcm
from livesdk.emulator import (
    Burst,
    Call,
    Close,
    DelaySetup,
    GenerationComplete,
    GoAway,
    HttpStatus,
    Input,
    Interrupt,
    RefuseSetup,
    Reply,
    Say,
    SayAudio,
    SayTone,
    Scenario,
    Send,
    SendRaw,
    Silence,
    SplitFrames,
    StopReading,
    TurnComplete,
    Usage,
    Wait,
    WaitFor,
)
from livesdk.errors import ConfigError


def test_replies_are_given_in_order_and_then_the_brain_goes_on(phone):
    _, caller = phone(Scenario(replies=["one", Say("two"), [Say("three"), "four"]]))
    assert [caller.ask("x") for _ in range(4)] == [
        "one",
        "two",
        "three four",
        "You said: x. This is turn 4.",
    ]


def test_replies_match_by_text_pattern_and_predicate(phone):
    seen: list[Input] = []

    def is_third(heard: Input) -> bool:
        seen.append(heard)
        return heard.turn == 3

    _, caller = phone(
        Scenario(
            replies=[
                Reply(match="TIME", steps="noon"),
                Reply(match=re.compile(r"\bday\b"), steps="Monday", times=1),
                Reply(match=is_third, steps="third"),
                Reply(steps="anything"),
            ]
        )
    )
    answers = [caller.ask(text) for text in ("what time?", "what day?", "what day?", "day", "time")]
    assert answers == ["noon", "Monday", "third", "anything", "noon"]
    assert seen[-1].kind == "text"
    assert "clientContent" in seen[-1].frame


def test_without_the_brain_what_nothing_matches_is_not_answered(phone):
    _, caller = phone(Scenario(replies=[Reply(match="hi", steps="ho")], auto_reply=False))
    caller.say("who is there?")
    assert caller.ask("hi") == "ho"


def test_a_script_goes_on_over_connections(emulate, dial):
    emulator = emulate(Scenario(replies=["one", "two"]))
    answers = []
    for _ in range(2):
        caller = dial(emulator)
        caller.setup()
        answers.append(caller.ask("x"))
    assert answers == ["one", "two"]


def test_a_scenario_is_played_anew_by_each_emulator(emulate, dial):
    scenario = Scenario(replies=["one"])
    for _ in range(2):
        caller = dial(emulate(scenario))
        caller.setup()
        assert caller.ask("x") == "one"


def test_sound_and_tones_are_sent_as_given(phone):
    sound = pcm.tone(500, 150, 24_000)
    _, caller = phone(
        Scenario(replies=[[SayAudio(sound, transcript="beep"), SayTone(50)]]),
        generationConfig={"responseModalities": ["AUDIO"]},
        outputAudioTranscription={},
    )
    caller.say("go")
    frames = caller.until("turnComplete")
    assert b"".join(audio_of(frames)).startswith(sound)
    assert len(b"".join(audio_of(frames))) == len(sound) + 2 * 1200
    assert text_of(frames) == "beep"


def test_any_frame_and_any_bytes_can_be_sent(phone):
    steps = [
        Send({"a": 1}),
        SendRaw("[]"),
        SendRaw(b"\x00"),
        SendRaw(b"{}", text=True),
        Usage({"totalTokenCount": 5}),
    ]
    _, caller = phone(Scenario(replies=[steps]))
    caller.say("go")
    assert caller.next() == {"a": 1}
    assert [caller.socket.recv(5) for _ in range(3)] == ["[]", b"\x00", "{}"]
    assert caller.next() == {"usageMetadata": {"totalTokenCount": 5}}


def test_the_end_of_a_turn_can_be_told_by_hand(phone):
    steps = [
        Say("filler"),
        TurnComplete(status="IN_PROGRESS"),
        Say("answer"),
        GenerationComplete(),
        TurnComplete(reason="NEED_MORE_INPUT"),
    ]
    _, caller = phone(Scenario(replies=[steps]))
    caller.say("go")
    first = caller.until("turnComplete")
    assert kinds(first) == ["modelTurn", "usageMetadata", "turnComplete", "interactionStatus"]
    second = caller.until("turnComplete")
    assert kinds(second)[:2] == ["modelTurn", "generationComplete"]
    assert second[-1]["serverContent"]["turnCompleteReason"] == "NEED_MORE_INPUT"
    assert caller.ask("again").startswith("You said")  # nothing more came of the first


def test_what_stands_after_the_end_of_a_turn_does_not_touch_the_next_one(phone):
    rest = [GoAway("10s"), Wait("late"), Close(1008, "The operation was aborted.")]
    emulator, caller = phone(
        Scenario(replies=[[Say("One."), TurnComplete(), *rest], "Two."]), sessionResumption={}
    )
    caller.say("1")
    assert text_of(caller.until("turnComplete")) == "One."
    assert kinds(caller.until("sessionResumptionUpdate"))[0] == "goAway"  # and the turn is over
    caller.say("2")
    frames = caller.until("turnComplete")
    assert "interrupted" not in kinds(frames)
    assert text_of(frames) == "Two."
    emulator.release("late")
    assert caller.end() == (1008, "The operation was aborted.")


def test_what_was_still_to_be_said_makes_way_for_new_input(phone):
    rest = [Wait("late"), Say("And?"), Call("f"), Interrupt(), TurnComplete(), Send({"a": 1})]
    emulator, caller = phone(Scenario(replies=[["One.", TurnComplete(), *rest], "Two.", "Three."]))
    assert [caller.ask("1"), caller.ask("2")] == ["One.", "Two."]
    emulator.release("late")
    assert caller.next() == {"a": 1}
    assert caller.ask("3") == "Three."


def test_the_last_steps_of_a_turn_leave_a_later_one_alone(phone):
    first = ["One.", TurnComplete(), Wait("first"), Wait(0), Send({"a": 1})]
    second = ["Two.", TurnComplete(), Wait("second"), Say("Two and a half.")]
    emulator, caller = phone(Scenario(replies=[first, second]))
    assert [caller.ask("1"), caller.ask("2")] == ["One.", "Two."]
    emulator.release("first")
    assert caller.next() == {"a": 1}
    emulator.release("second")
    assert text_of(caller.until("turnComplete")) == "Two and a half."


def test_input_that_waited_for_the_end_of_a_turn_has_the_floor_then(phone):
    steps = [Say("One."), Wait("end"), TurnComplete(), Wait("late"), Say("And?")]
    emulator, caller = phone(
        Scenario(replies=[steps, "Two."]),
        realtimeInputConfig={"activityHandling": "NO_INTERRUPTION"},
    )
    caller.say("1")
    caller.until("modelTurn")
    caller.send({"realtimeInput": {"text": "2"}})
    emulator.wait_for("realtimeInput.text")
    emulator.release("end")
    assert text_of(caller.until("turnComplete")) == ""
    assert text_of(caller.until("turnComplete")) == "Two."


def test_what_follows_a_filler_can_be_interrupted(phone):
    steps = [Say("Hm."), TurnComplete(status="IN_PROGRESS"), Wait("late"), Say("Four.")]
    emulator, caller = phone(Scenario(replies=[steps, "Two."]))
    assert caller.ask("1") == "Hm."
    caller.say("2")
    assert kinds(caller.until("turnComplete"))[0] == "interrupted"
    emulator.release("late")
    assert text_of(caller.until("turnComplete")) == "Two."
    assert caller.ask("3").startswith("You said: 3.")


def test_a_turn_can_interrupt_itself_and_go_on(phone):
    _, caller = phone(Scenario(replies=[[Say("one"), Interrupt(), Say("two")]]))
    caller.say("go")
    assert kinds(caller.until("turnComplete"))[-3] == "interrupted"
    assert text_of(caller.until("turnComplete")) == "two"


def test_silence_never_ends_the_turn(phone):
    _, caller = phone(Scenario(replies=[[Say("Well"), Silence()]]))
    caller.say("go")
    caller.until("modelTurn")
    with pytest.raises(TimeoutError):
        caller.next(timeout=0.1)
    caller.say("Hello?")
    assert kinds(caller.until("turnComplete"))[0] == "interrupted"


def test_a_turn_waits_for_a_gate_and_for_frames(phone):
    steps = [
        Wait("open"),
        Say("one"),
        WaitFor("realtimeInput.audio", count=2),
        Say("two"),
        Wait(0.01),
    ]
    emulator, caller = phone(Scenario(replies=[steps]))
    caller.say("go")
    with pytest.raises(TimeoutError):
        caller.next(timeout=0.05)
    emulator.release("open")
    assert text_of(caller.until("modelTurn")) == "one"
    caller.talk(bytes(6400))
    assert text_of(caller.until("turnComplete")) == " two"


def test_steps_can_be_performed_from_outside(phone):
    emulator, caller = phone()
    emulator.inject(GoAway("9.5s"))
    assert caller.next() == {"goAway": {"timeLeft": "9.5s"}}
    emulator.inject(Say("By the way"))
    assert text_of(caller.until("turnComplete")) == "By the way"
    emulator.send({"serverContent": {"waitingForInput": True}})
    assert caller.next() == {"serverContent": {"waitingForInput": True}}
    caller.say("Tell me a story")
    caller.until("modelTurn")
    emulator.inject(Interrupt(), Say("Sorry"))
    assert "interrupted" in kinds(caller.until("turnComplete"))
    assert text_of(caller.until("turnComplete")) == "Sorry"
    emulator.inject(GoAway("0s"), Wait(0.01), Close(1008, "The operation was aborted."))
    assert caller.end() == (1008, "The operation was aborted.")


def test_lists_and_texts_can_be_injected_as_they_stand_in_replies(phone, dial):
    emulator, caller = phone()
    emulator.inject(["By the", Say("way")], "again")
    assert text_of(caller.until("turnComplete")) == "By the way again"
    emulator.inject([HttpStatus(503)], [Wait(0), Close(1000)])
    assert caller.end() == (1000, "")
    with pytest.raises(InvalidStatus):
        dial(emulator)


@pytest.mark.parametrize("wrong", [42, None, {"goAway": {}}, [Close(), 42], Close, b"text"])
def test_what_is_no_step_cannot_be_injected(phone, wrong):
    emulator, caller = phone()
    with pytest.raises(ConfigError, match="a step or a text is expected"):
        emulator.inject(Close(), wrong)
    assert caller.ask("Hello").startswith("Hello!")  # nothing of it was performed


def test_text_frames_and_more_of_the_setup_reply_on_request(emulate, dial):
    signature = {"voiceConsentSignature": {"signature": "s"}}
    caller = dial(emulate(Scenario(text_frames=True, setup_complete=signature)))
    assert caller.setup() == [{"setupComplete": signature}]
    caller.say("Hi")
    assert isinstance(caller.socket.recv(5), str)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Scenario(replies=[Reply(steps=[42])]),
        lambda: Scenario(replies=[42]),
        lambda: Scenario(openings=[42]),
    ],
)
def test_what_is_no_step_is_refused(wrong):
    with pytest.raises(ConfigError):
        wrong()


@pytest.mark.parametrize("replies", ["Good morning", Say("Good morning"), Reply(steps="Good")])
def test_replies_that_are_no_list_are_refused(replies):
    with pytest.raises(ConfigError, match="add brackets"):
        Scenario(replies=replies)


def test_a_fault_of_the_opening_is_no_answer():
    with pytest.raises(ConfigError, match=r"HttpStatus says how a connection begins.*openings"):
        Scenario(replies=[[Say("One"), HttpStatus(503)]])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Wait(-1), "Wait.until: expected seconds, 0 or more, or the name of a gate"),
        (lambda: Wait(""), "Wait.until"),
        (lambda: DelaySetup(float("nan")), "DelaySetup.until"),
        (lambda: GoAway("soon"), 'GoAway.time_left: expected a duration such as "9.5s"'),
        (lambda: WaitFor("clientContent", count=0), "WaitFor.count: expected an integer of 1 or"),
        (lambda: SayTone("long"), "SayTone.milliseconds: expected a number of 0 or more"),
        (lambda: SayAudio(b"odd"), "SayAudio.pcm: expected whole samples"),
        (lambda: HttpStatus("503"), "HttpStatus.status: expected an integer from 100 to 599"),
        (lambda: Close(42), "Close.code: expected an integer from 1000 to 4999, got 42"),
        (lambda: RefuseSetup(True), "RefuseSetup.code"),
        (lambda: SplitFrames(0), "SplitFrames.pieces"),
        (lambda: StopReading(-0.1), "StopReading.seconds"),
        (lambda: Burst(-1), "Burst.count"),
        (lambda: Reply(steps="Hi", times=-1), "Reply.times"),
        (lambda: Scenario(chunk_ms=0), "Scenario.chunk_ms"),
        (lambda: Scenario(chunk_interval="fast"), "Scenario.chunk_interval"),
        (lambda: Scenario(playback_delay="real"), 'seconds, 0 or more, or "realtime"'),
        (lambda: Scenario(function_behavior="blocking"), "one of 'BLOCKING', 'NON_BLOCKING', None"),
        (lambda: Scenario(recording_speed=0), "Scenario.recording_speed: expected a number above"),
    ],
)
def test_what_can_never_be_done_is_refused_when_it_is_written(make, words):
    with pytest.raises(ConfigError) as caught:
        make()
    assert words in str(caught.value)
