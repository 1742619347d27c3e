"""Utterances: the same, in whatever order their pieces arrive."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, strategies as st
from session.opened import DONE, PATIENCE, content, opened, says, spoken

from livesdk import codec
from livesdk.emulator import Close, Interrupt, Say, Send
from livesdk.transcript import Transcript

pytestmark = pytest.mark.requires("emulator")


def user(text=None, **fields):
    return content(inputTranscription={**({"text": text} if text is not None else {}), **fields})


def model(text=None, **fields):
    return content(outputTranscription={**({"text": text} if text is not None else {}), **fields})


CUT = content(interrupted=True)


def heard(*frames, ended=False):
    transcript = Transcript()
    for frame in frames:
        transcript.add(codec.decode(json.dumps(frame)))
    return [(u.speaker, u.text) for u in transcript.utterances(ended=ended)]


@st.composite
def _merged(draw, left, right):
    """Merge two lists anyhow, the order within each kept."""
    left, right, merged = list(left), list(right), []
    while left or right:
        side = left if not right or (left and draw(st.booleans())) else right
        merged.append(side.pop(0))
    return merged


INPUT = [user("What "), user("time"), user("?", finished=True)]
OUTPUT = [model(), model("It "), spoken("x"), model("is noon."), content(generationComplete=True)]


@given(_merged(INPUT, OUTPUT), st.booleans())
def test_pieces_of_both_sides_may_come_in_any_order(frames, finished):
    if finished:
        frames = [*frames, model(finished=True)]
    expected = [("user", "What time?"), ("model", "It is noon.")]
    assert heard(*frames, DONE) == expected


@given(_merged(INPUT, [model("Done.", finished=True)]))
def test_the_user_comes_first_even_where_the_model_finished_first(frames):
    assert heard(*frames) == [("user", "What time?"), ("model", "Done.")]
    assert heard(*frames, DONE, *frames, DONE) == [("user", "What time?"), ("model", "Done.")] * 2


@given(_merged([user("a "), user("b")], [model("c "), model("d")]))
def test_a_turn_closes_what_nothing_finished(frames):
    assert heard(*frames) == []
    assert heard(*frames, DONE) == [("user", "a b"), ("model", "c d")]
    idle = {"interactionStatus": "IDLE"}
    assert heard(*frames, idle) == [("user", "a b"), ("model", "c d")]


def test_finished_closes_an_utterance_in_the_middle_of_a_turn():
    assert heard(user("One.", finished=True), user("Two.")) == [("user", "One.")]
    assert heard(user("One.", finished=True), user("Two."), DONE) == [
        ("user", "One."),
        ("user", "Two."),
    ]
    assert heard(user("One."), user(finished=True), user(finished=True)) == [("user", "One.")]


def test_another_speaker_label_closes_an_utterance_and_no_label_says_nothing():
    frames = (
        user("Hi ", speakerLabel="A"),
        user("all. "),
        user("Hello.", speakerLabel="B"),
        user("!", speakerLabel="B"),
    )
    assert heard(*frames, DONE) == [("user", "Hi all. "), ("user", "Hello.!")]


def test_an_interruption_closes_and_what_the_user_says_next_is_of_the_next_turn():
    frames = (
        user("Tell a story."),
        model("Once "),
        {"serverContent": {"interrupted": True, "outputTranscription": {"text": "upon"}}},
        user("Stop "),
        DONE,
        user("it!"),
        model("Fine."),
        DONE,
    )
    assert heard(*frames) == [
        ("user", "Tell a story."),
        ("model", "Once upon"),
        ("user", "Stop it!"),
        ("model", "Fine."),
    ]


def test_in_one_frame_too_the_interruption_comes_before_the_users_words():
    frame = {"interrupted": True, "turnComplete": True, "inputTranscription": {"text": "Stop "}}
    assert heard(model("Once"), {"serverContent": frame}, user("it!"), DONE) == [
        ("model", "Once"),
        ("user", "Stop it!"),
    ]


def test_without_the_end_of_the_interrupted_turn_the_next_one_closes_as_ever():
    frames = (model("Once"), CUT, user("Stop!"), spoken("Fine."), model("Fine."), DONE)
    assert heard(*frames) == [("model", "Once"), ("user", "Stop!"), ("model", "Fine.")]


def test_guesses_and_empty_pieces_are_never_part_of_it():
    guess = content(interimInputTranscription={"text": "Watt"})
    assert heard(guess, user(""), model(), user("What?"), guess, DONE) == [("user", "What?")]


def test_an_utterance_knows_what_the_service_said_of_it():
    replies = says(
        user("Hallo", languageCode="de", speakerLabel="A", finished=True),
        model("Guten "),
        CUT,
        DONE,
    )
    with opened(replies) as (_, session):
        session.ask("x", timeout=PATIENCE)
        first, second = session.transcripts
    assert (first.speaker, first.text, first.finished) == ("user", "Hallo", True)
    assert (first.language_code, first.speaker_label, first.interrupted) == ("de", "A", False)
    assert (second.speaker, second.text, second.finished) == ("model", "Guten ", False)
    assert second.interrupted


def test_a_session_assembles_what_both_sides_said():
    config = {"response_modalities": ["AUDIO"], "output_audio_transcription": {}}
    with opened("It is noon.", [Say("Once upon"), Interrupt()], config=config) as (_, session):
        session.ask("What time is it?", timeout=PATIENCE)
        turn = session.ask("Tell a story", timeout=PATIENCE)
        assert turn.output_transcript == "Once upon"
        assert [(u.text, u.interrupted) for u in session.transcripts] == [
            ("It is noon.", False),
            ("Once upon", True),
        ]


def test_the_end_of_the_session_closes_what_is_open():
    with opened() as (emulator, session):
        emulator.inject(Send(user("Are you")), Send(model("I ")), Close(1000))
        session.wait_closed(PATIENCE)
        assert [u.text for u in session.transcripts] == ["Are you", "I "]


def test_the_last_thousand_are_kept():
    transcript = Transcript()
    for number in range(1500):
        transcript.add(codec.decode(json.dumps(user(str(number), finished=True))))
        transcript.add(codec.decode(json.dumps(DONE)))
    kept = [utterance.text for utterance in transcript.utterances()]
    assert kept == [str(number) for number in range(500, 1500)]


def test_the_pieces_themselves_are_delivered_as_they_come():
    with opened(says(user("a"), model("b"), DONE)) as (_, session):
        session.send_client_content("x")
        found = [m.server_content for m in session.receive_turn(timeout=PATIENCE)]
    assert found[0].input_transcription.text == "a"
    assert found[1].output_transcription.text == "b"
