"""A turn: where it begins and ends, and everything it knows."""

from __future__ import annotations

import base64
import itertools
import queue
import threading
import wave

import pytest
from session.opened import DONE, PATIENCE, arrival, content, opened, says, spoken
from session.rig import Heard
from waiting import Caught, settled

import livesdk
from livesdk import codec, pcm
from livesdk.emulator import (
    Call,
    CancelCalls,
    Close,
    Drop,
    GenerationComplete,
    Interrupt,
    Say,
    SayAudio,
    Send,
    Silence,
    TurnComplete,
    Wait,
)
from livesdk.turn import Answer, TurnBuilder

pytestmark = pytest.mark.requires("emulator")

AUDIO = {"response_modalities": ["AUDIO"], "output_audio_transcription": {}}


def idle(**fields):
    return content(turnComplete=True, interactionStatus="IDLE", **fields)


def message(frame):
    import json

    return codec.decode(json.dumps(frame))


def sound(data, mime_type="audio/pcm;rate=24000"):
    blob = {"mimeType": mime_type, "data": base64.b64encode(data).decode()}
    return content(modelTurn={"parts": [{"inlineData": blob}]})


# ---------------------------------------------------------------------------- where it ends


def test_without_status_a_turn_ends_with_turn_complete():
    with opened(says(spoken("One."), DONE, spoken("not of it"))) as (_, session):
        turn = session.ask("x", timeout=PATIENCE)
        assert (turn.text, turn.ended_by, turn.interaction_status) == (
            "One.",
            "turn_complete",
            None,
        )


@pytest.mark.parametrize("filler", ["IN_PROGRESS", "REQUIRES_ACTION", "A_STATUS_OF_THE_FUTURE"])
def test_a_turn_goes_on_until_the_interaction_is_idle(filler):
    frames = (
        spoken("Let me think. "),
        content(turnComplete=True, interactionStatus=filler),
        spoken("Four."),
        idle(),
    )
    with opened(says(*frames)) as (_, session):
        turn = session.ask("x", timeout=PATIENCE)
        assert (turn.text, turn.ended_by) == ("Let me think. Four.", "idle")
        assert turn.interaction_status == "IDLE"
        assert session.stats.turns == 1
    with opened(says(*frames)) as (_, session):
        session.send_client_content("x")
        texts = [m.text for m in session.receive_turn(timeout=PATIENCE)]
        assert texts == ["Let me think. ", None, "Four.", None]


@pytest.mark.parametrize("last", [{"interactionStatus": "IDLE"}, content(interactionStatus="IDLE")])
def test_idle_may_come_alone_and_at_the_top(last):
    busy = content(turnComplete=True, interactionStatus="IN_PROGRESS")
    with opened(says(spoken("a"), busy, last)) as (_, session):
        turn = session.ask("x", timeout=PATIENCE)
        assert (turn.text, turn.ended_by) == ("a", "idle")
        assert session.stats.turns == 1


def test_an_unspecified_status_counts_as_none():
    done = content(turnComplete=True, interactionStatus="INTERACTION_STATUS_UNSPECIFIED")
    with opened(says(spoken("a"), done)) as (_, session):
        assert session.ask("x", timeout=PATIENCE).text == "a"


def test_receive_turn_ends_with_the_turn_and_the_next_begins_with_what_follows():
    with opened("One.", "Two.") as (_, session):
        for wanted in ("One.", "Two."):
            session.send_client_content("x")
            turn = list(session.receive_turn(timeout=PATIENCE))
            assert "".join(m.text or "" for m in turn) == wanted
            assert turn[-1].server_content.turn_complete


def test_an_idle_that_is_said_again_belongs_to_no_turn():
    again = {"interactionStatus": "IDLE"}
    frames = (spoken("One."), idle(), again, spoken("Two."), idle(), again)
    with opened() as (emulator, session):
        emulator.inject(*map(Send, frames))
        turns = [list(session.receive_turn(timeout=PATIENCE)) for _ in range(2)]
    assert ["".join(m.text or "" for m in turn) for turn in turns] == ["One.", "Two."]


def test_a_silent_answer_that_only_idle_ends_is_a_turn():
    with opened(says({"interactionStatus": "IDLE"})) as (_, session):
        assert session.ask("x", timeout=PATIENCE).ended_by == "idle"
        session.send_client_content("x")


def test_receive_turn_misses_nothing_from_its_call_on():
    heard = Heard()
    with opened("One.", callbacks=heard.callbacks()) as (_, session):
        turn = session.receive_turn(timeout=PATIENCE)
        session.send_client_content("x")
        assert settled(lambda: "One." in heard.texts)
        assert "".join(m.text or "" for m in turn) == "One."


def test_after_an_end_in_order_a_loop_over_turns_ends():
    with opened("One.") as (emulator, session):
        session.send_client_content("x")
        emulator.wait_for("clientContent")
        waiting = session.receive_turn(timeout=PATIENCE)
        emulator.inject(Wait(0.05), Close(1000))
        assert "".join(m.text or "" for m in waiting) == "One."
        turns = (list(session.receive_turn()) for _ in itertools.count())
        with pytest.raises(livesdk.SessionClosed):
            all(turn == [] for turn in turns)


def test_an_empty_turn_is_an_empty_turn():
    with opened([TurnComplete()]) as (_, session):
        turn = session.ask("x", timeout=PATIENCE)
        assert (turn.text, turn.audio, turn.function_calls) == ("", b"", [])
        assert turn.ended_by is not None
        assert turn.time_to_first_audio is None
        assert not turn.generation_complete


def test_a_turn_that_takes_too_long_raises_and_the_session_lives():
    with opened([Say("Well"), Silence()], "Here.") as (_, session):
        with pytest.raises(livesdk.LiveTimeout) as caught:
            session.ask("x", timeout=0.2)
        assert caught.value.phase == "turn"
        assert session.ask("y", timeout=PATIENCE).text == "Here."


def test_so_does_receive_turn():
    with opened("Here.") as (_, session):
        with pytest.raises(livesdk.LiveTimeout) as caught:
            list(session.receive_turn(timeout=0.05))
        assert caught.value.phase == "turn"
        assert session.ask("y", timeout=PATIENCE).text == "Here."


def test_a_clean_end_in_the_middle_is_told_by_the_turn_and_an_abnormal_one_raises():
    with opened([Say("Well"), Close(1000)]) as (_, session):
        turn = session.ask("x", timeout=PATIENCE)
        assert (turn.text, turn.ended_by, turn.close_info.code) == ("Well", "closed", 1000)
    with opened([Say("Well"), Drop()]) as (_, session), pytest.raises(livesdk.SessionClosed):
        session.ask("x", timeout=PATIENCE)


def test_stop_receiving_cuts_ask_off_with_what_there_is():
    callbacks = {"onmessage": lambda message: message.text and begun.set()}
    begun = threading.Event()
    with opened([Say("Well"), Silence()], callbacks=callbacks) as (_, session):
        asking = Caught(session.ask, "x", timeout=PATIENCE)
        assert begun.wait(PATIENCE)
        session.stop_receiving()
        turn = asking.result()
        assert (turn.text, turn.ended_by) == ("Well", None)


# ------------------------------------------------------- the answer, and what is still being said


def first_words(session):
    for found in session.receive():
        if found.text:
            return found.text
    return None


def test_the_end_of_the_turn_that_ask_interrupts_is_not_taken_for_its_own():
    with opened([Say("Once upon a time"), Silence()], "Yes?") as (_, session):
        session.send_client_content("Tell a story.")
        assert first_words(session)
        turn = session.ask("Stop!", timeout=PATIENCE)
        assert (turn.text, turn.interrupted) == ("Yes?", False)
        rest = session.receive_turn(timeout=PATIENCE)  # the end of the story is not lost
        assert any(m.server_content and m.server_content.interrupted for m in rest)


def test_nor_where_the_model_has_said_everything_but_not_completed_the_turn():
    with opened([Say("Once"), GenerationComplete(), Silence()], "Yes?") as (_, session):
        session.send_client_content("Tell a story.")
        for found in session.receive():
            if found.server_content and found.server_content.generation_complete:
                break
        assert session.ask("Stop!", timeout=PATIENCE).text == "Yes?"


@pytest.mark.parametrize(
    "late",
    [
        {"generationComplete": True},
        {"interrupted": True},
        {"outputTranscription": {"text": "One."}},
        {"outputTranscription": {}},
        {"modelTurn": {}},
    ],
)
def test_what_comes_late_after_a_turn_begins_none(late):
    steps = [Say("One."), TurnComplete(), Send(content(**late)), Send({"theMark": {}})]
    with opened(steps, "Two.", "Three.") as (_, session):
        arrived = arrival(session, "theMark")
        assert session.ask("1", timeout=PATIENCE).text == "One."
        assert arrived.wait(PATIENCE)
        assert session.ask("2", timeout=PATIENCE).text == "Two."
        assert session.ask("3", timeout=PATIENCE).text == "Three."
        assert session.stats.turns == 3


def test_nor_where_an_answer_was_due_and_not_a_word_of_it_had_come():
    with opened([Wait("never"), Say("Once")], "Yes?") as (_, session):
        with pytest.raises(livesdk.LiveTimeout):
            session.ask("Tell a story.", timeout=0.1)
        assert session.ask("Stop!", timeout=PATIENCE).text == "Yes?"


def test_an_interruption_of_the_answer_itself_ends_it():
    with opened([Say("Once"), Interrupt()]) as (_, session):
        turn = session.ask("Tell a story.", timeout=PATIENCE)
        assert (turn.text, turn.interrupted, turn.generation_complete) == ("Once", True, False)
        assert session.stats.interruptions == 1


def answered(*frames, mid_turn=False, busy=False):
    answer = Answer(0.0, mid_turn=mid_turn, busy=busy)
    messages = [message(frame) for frame in frames]
    for at, found in enumerate(messages):
        answer.take(found, float(at))
    places = [place for place, found in enumerate(messages) if found is answer.last]
    return answer.turn().text, *(places or [None])


CUT = content(interrupted=True)


@pytest.mark.parametrize(
    ("frames", "state", "expected"),
    [
        ([spoken("a"), DONE, spoken("b")], {}, ("a", 1)),
        ([spoken("a"), CUT, DONE], {}, ("a", 2)),
        # in the middle of a turn: its end comes first, whatever it looks like
        ([CUT, DONE, spoken("b"), DONE], {"mid_turn": True}, ("b", 3)),
        ([DONE, spoken("b"), DONE], {"mid_turn": True}, ("b", 2)),
        ([spoken("a"), DONE, spoken("b"), DONE], {"mid_turn": True, "busy": True}, ("b", 3)),
        ([content(interrupted=True, turnComplete=True), DONE], {"mid_turn": True}, ("", 1)),
        # an answer was due
        ([CUT, DONE, spoken("b"), DONE], {"busy": True}, ("b", 3)),
        ([spoken("a"), CUT, DONE, spoken("b"), DONE], {"busy": True}, ("b", 4)),
        ([spoken("b"), DONE], {"busy": True}, ("b", 1)),
        ([CUT, DONE, spoken("b"), CUT, DONE], {"busy": True}, ("b", 4)),
        # the interrupted turn ends although a tool of it still runs
        (
            [CUT, content(turnComplete=True, interactionStatus="IN_PROGRESS"), spoken("b"), idle()],
            {"mid_turn": True},
            ("b", 3),
        ),
        # still going on
        ([spoken("a")], {}, ("a", None)),
        ([spoken("a")], {"mid_turn": True}, ("", None)),
    ],
)
def test_which_turn_is_the_answer(frames, state, expected):
    assert answered(*frames, **state) == expected


# ----------------------------------------------------------------------------- what it knows


def test_a_turn_keeps_the_facts_apart():
    frames = (
        content(inputTranscription={"text": "What "}),
        content(inputTranscription={"text": "time?"}),
        content(modelTurn={"parts": [{"text": "Hmm.", "thought": True}, {"text": "It is "}]}),
        content(outputTranscription={"text": "It "}),
        sound(b"\1\0\2\0"),
        content(outputTranscription={"text": "is noon."}),
        sound(b"\3\0"),
        content(modelTurn={"parts": [{"text": "noon."}]}),
        {"usageMetadata": {"totalTokenCount": 1}},
        content(generationComplete=True),
        {**idle(turnCompleteReason="NEED_MORE_INPUT"), "usageMetadata": {"totalTokenCount": 9}},
    )
    with opened(says(*frames)) as (_, session):
        turn = session.ask("What time?", timeout=PATIENCE)
    assert turn.text == "It is noon."
    assert turn.thoughts == "Hmm."
    assert turn.audio == b"\1\0\2\0\3\0"
    assert turn.sample_rate_hz == 24_000
    assert turn.audio_ms == 0.125
    assert turn.input_transcript == "What time?"
    assert turn.output_transcript == "It is noon."
    assert turn.usage.total_token_count == 9
    assert turn.generation_complete
    assert turn.turn_complete_reason == "NEED_MORE_INPUT"
    assert turn.interaction_status == "IDLE"
    assert not turn.interrupted
    assert turn.ended_by == "idle"
    assert turn.close_info is None
    assert 0 < turn.time_to_first_audio < PATIENCE
    assert len(turn.messages) == len(frames)
    assert "<6 bytes>" in repr(turn)


def test_a_turn_may_be_written_as_a_wav_file(tmp_path):
    said = pcm.tone(440, 100)
    with opened([SayAudio(said, transcript="la")], says(DONE), config=AUDIO) as (_, session):
        session.ask("Sing!", timeout=PATIENCE).save_wav(tmp_path / "song.wav")
        session.ask("Silence!", timeout=PATIENCE).save_wav(str(tmp_path / "nothing.wav"))
    assert pcm.read_wav(tmp_path / "song.wav") == (said, 24_000, 1)
    with wave.open(str(tmp_path / "nothing.wav")) as file:
        assert file.getnframes() == 0


def test_the_rate_of_the_audio_is_what_the_server_says():
    with opened(says(sound(b"\0\0", "audio/pcm;rate=16000"), DONE)) as (_, session):
        turn = session.ask("x", timeout=PATIENCE)
        assert (turn.sample_rate_hz, turn.audio_ms) == (16_000, 0.0625)
    with opened(says(sound(b"\0\0", "audio/pcm"), DONE)) as (_, session):
        assert session.ask("x", timeout=PATIENCE).sample_rate_hz == 24_000


def test_the_time_to_the_first_audio_counts_from_the_prompt():
    builder = TurnBuilder(10.0)
    builder.add(message(spoken("no audio")), 10.5)
    builder.add(message(sound(b"\0\0")), 12.0)
    builder.add(message(sound(b"\0\0")), 13.0)
    assert builder.result().time_to_first_audio == 2.0


# ---------------------------------------------------------------------------- function calls


def test_calls_answered_by_a_callback_are_in_the_turn_with_response_and_duration():
    def answer(found):
        for call in found.tool_calls:
            session.send_tool_response(
                {"id": call.id, "name": call.name, "response": {"of": call.name}}
            )

    calls = [Call("f", {"x": 1}, id="1", blocking=True), Call("g", id="2", blocking=True)]
    steps = [*calls, Say("Done.")]
    for _ in range(20):  # the answer may be complete before the response was noted
        with opened(steps, callbacks={"onmessage": answer}) as (_, session):
            turn = session.ask("x", timeout=PATIENCE)
            first, second = turn.function_calls
            assert (first.id, first.name, first.args) == ("1", "f", {"x": 1})
            assert (first.response, second.response) == ({"of": "f"}, {"of": "g"})
            assert 0 <= first.duration_ms <= second.duration_ms < PATIENCE * 1000
            assert not first.cancelled
            assert turn.text == "Done."


def test_a_cancelled_call_says_so():
    steps = [
        Call("f", id="1", blocking=False),
        Call("g", id="2", blocking=False),
        CancelCalls(["1"]),
        Say("Never mind."),
        Send(idle()),
        Silence(),
    ]
    with opened(steps) as (_, session):
        turn = session.ask("x", timeout=PATIENCE)
        assert [(call.name, call.cancelled) for call in turn.function_calls] == [
            ("f", True),
            ("g", False),
        ]


def test_a_call_that_arrives_twice_is_one_and_pieces_of_its_arguments_are_put_together():
    builder = TurnBuilder(0.0)
    for args in ({"a": 1}, {"a": 1}, {"b": 2}):
        call = {"id": "1", "name": "f", "args": args}
        builder.add(message({"toolCall": {"functionCalls": [call]}}), 0.0)
    [call] = builder.result().function_calls
    assert call.args == {"a": 1, "b": 2}


def test_without_ids_responses_find_their_calls_by_name():
    builder = TurnBuilder(0.0)
    calls = [{"name": "f"}, {"name": "g"}, {"name": "f"}]
    builder.add(message({"toolCall": {"functionCalls": calls}}), 1.0)
    for number, name in enumerate(["f", "g", "f"]):
        given = livesdk.types.FunctionResponse(name=name, response={"n": number})
        builder.responded([given], 2.0)
    found = [call.response["n"] for call in builder.result().function_calls]
    assert found == [0, 1, 2]


def test_a_response_that_could_not_be_sent_is_not_in_the_turn():
    failed = queue.Queue()

    def answer(found):
        for call in found.tool_calls:
            session.close(0)
            with pytest.raises(livesdk.SessionClosed):
                session.send_tool_response({"id": call.id, "name": "f", "response": {}})
            failed.put(call)

    with opened([Call("f", blocking=True)], callbacks={"onmessage": answer}) as (_, session):
        turn = session.ask("x", timeout=PATIENCE)
        failed.get(timeout=PATIENCE)
        [call] = turn.function_calls
        assert (call.response, call.duration_ms) == (None, None)
        assert turn.ended_by == "closed"


@pytest.mark.parametrize("prompt", [None, "", [], ()])
def test_to_ask_for_nothing_is_refused_and_nothing_is_sent(prompt):
    with opened("Well?") as (emulator, session):
        with pytest.raises(livesdk.ConfigError, match="nothing to say"):
            session.ask(prompt)
        assert session.stats.messages_sent == 0
        assert session.ask("Hello").is_complete
    assert len(emulator.frames) == 2


def test_a_turn_that_the_session_did_not_outlive_is_not_complete():
    with opened([Say("The dose is 5"), Close(1000)]) as (_, session):
        turn = session.ask("How much?")
    assert (turn.text, turn.ended_by, turn.is_complete) == ("The dose is 5", "closed", False)
