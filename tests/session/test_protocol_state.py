"""The table of states, and what is remembered between messages."""

from __future__ import annotations

import itertools
import json

import pytest

from livesdk import LiveServerMessage, LocalProtocolError, codec, protocol
from livesdk.protocol import TRANSITIONS, Event, Memory, State, completes_interaction, next_state


def message(**frame):
    return codec.decode(json.dumps(frame), LiveServerMessage)


# The table once more, as rows of text: "." where something cannot happen.
_TABLE = """
                 OPENED        ACCEPTED  GO_AWAY       LOST          STAYED      CLOSE    ENDED
    NEW          SETUP         .         .             .             .           CLOSING  CLOSED
    SETUP        .             OPEN      .             .             .           CLOSING  CLOSED
    OPEN         .             .         GOING_AWAY    RECONNECTING  .           CLOSING  CLOSED
    GOING_AWAY   .             .         GOING_AWAY    RECONNECTING  .           CLOSING  CLOSED
    RECONNECTING RECONNECTING  OPEN      RECONNECTING  RECONNECTING  GOING_AWAY  CLOSING  CLOSED
    CLOSING      CLOSING       CLOSING   CLOSING       CLOSING       CLOSING     CLOSING  CLOSED
    CLOSED       .             .         .             .             .           CLOSED   CLOSED
"""


def rows():
    head, *lines = [line.split() for line in _TABLE.strip().splitlines()]
    for state, *cells in lines:
        for event, cell in zip(head, cells):
            yield State[state], Event[event], None if cell == "." else State[cell]


@pytest.mark.parametrize(("state", "event", "expected"), list(rows()))
def test_what_follows(state, event, expected):
    if expected is None:
        with pytest.raises(LocalProtocolError, match=f"{event.name} cannot happen while"):
            next_state(state, event)
    else:
        assert next_state(state, event) is expected


def test_the_table_is_whole():
    assert {(state, event) for state, event, _ in rows()} == set(itertools.product(State, Event))
    assert set(TRANSITIONS) == set(State)


def test_the_end_is_reached_from_anywhere_and_left_for_nowhere():
    for state in State:
        assert next_state(state, Event.ENDED) is State.CLOSED
    assert set(TRANSITIONS[State.CLOSED].values()) == {State.CLOSED}


def test_every_state_is_drawn():
    for state in State:
        assert state.name in (protocol.__doc__ or "")


# ------------------------------------------------------------------------- the end of a turn


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        ({"serverContent": {"turnComplete": True}}, True),
        ({"serverContent": {"generationComplete": True}}, False),
        ({"serverContent": {"interrupted": True}}, False),
        ({"serverContent": {"interrupted": True, "turnComplete": True}}, True),
        ({"serverContent": {"turnComplete": True, "interactionStatus": "IN_PROGRESS"}}, False),
        ({"serverContent": {"turnComplete": True, "interactionStatus": "IDLE"}}, True),
        ({"serverContent": {"interactionStatus": "IDLE"}}, True),
        ({"serverContent": {"turnComplete": True, "interactionStatus": "REQUIRES_ACTION"}}, False),
        ({"serverContent": {"turnComplete": True, "interactionStatus": "OF_TOMORROW"}}, False),
        (
            {
                "serverContent": {
                    "turnComplete": True,
                    "interactionStatus": "INTERACTION_STATUS_UNSPECIFIED",
                }
            },
            True,
        ),
        (
            {
                "serverContent": {"interactionStatus": "IDLE"},
                "interactionStatus": "INTERACTION_STATUS_UNSPECIFIED",
            },
            True,
        ),
        ({"toolCall": {"functionCalls": [{"id": "1", "name": "f"}]}}, False),
        ({"goAway": {"timeLeft": "1s"}}, False),
        ({}, False),
    ],
)
def test_whether_a_message_completes_the_interaction(frame, expected):
    assert completes_interaction(message(**frame)) is expected


# ------------------------------------------------------------------------------------ memory

_TEXT = {"serverContent": {"modelTurn": {"parts": [{"text": "x"}]}}}
_FILLER = {"serverContent": {"turnComplete": True}, "interactionStatus": "IN_PROGRESS"}
_CALLS = {"toolCall": {"functionCalls": [{"id": "1", "name": "f"}, {"id": "2", "name": "g"}]}}


def remembering(*frames):
    memory = Memory()
    for frame in frames:
        memory.received(message(**frame))
    return memory


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        ([], False),
        ([_TEXT], True),
        ([{"serverContent": {"outputTranscription": {"text": "x"}}}], True),
        ([{"serverContent": {"inputTranscription": {"text": "x"}}}], False),
        ([_TEXT, {"serverContent": {"generationComplete": True}}], False),
        ([_TEXT, {"serverContent": {"interrupted": True}}], False),
        ([_TEXT, {"serverContent": {"turnComplete": True}}], False),
        ([_TEXT, {"serverContent": {"turnComplete": True}}, _TEXT], True),
        ([_TEXT, _FILLER], True),
        ([_TEXT, {"serverContent": {"generationComplete": True}}, _FILLER], True),
        ([_TEXT, _FILLER, {"interactionStatus": "IDLE"}], False),
        ([{"serverContent": {**_TEXT["serverContent"], "turnComplete": True}}], False),
        ([_CALLS], True),
        ([_CALLS, {"toolCallCancellation": {"ids": ["1"]}}], True),
        ([_CALLS, {"toolCallCancellation": {"ids": ["1", "2", "3"]}}], False),
    ],
)
def test_whether_an_end_now_would_cut_something_off(frames, expected):
    assert remembering(*frames).mid_turn is expected


def test_responses_end_calls():
    memory = remembering(_CALLS)
    memory.responded("1")
    memory.responded("unknown")
    memory.responded(None)
    assert memory.pending_calls == {"2"}
    memory.responded("2")
    assert not memory.mid_turn


def test_the_newest_resumable_handle_is_kept():
    def update(**fields):
        return {"sessionResumptionUpdate": fields}

    memory = remembering(
        update(newHandle="a", resumable=True),
        update(newHandle="b", resumable=False),
        update(resumable=True),
        update(),
    )
    assert memory.handle == "a"
    memory.received(message(**update(newHandle="c", resumable=True)))
    assert memory.handle == "c"


def test_the_session_id_is_kept_and_not_forgotten():
    memory = remembering({"setupComplete": {"sessionId": "s"}}, {"setupComplete": {}})
    assert memory.session_id == "s"


def test_every_member_of_a_message_counts():
    everything = {
        **_CALLS,
        **_TEXT,
        "sessionResumptionUpdate": {"newHandle": "h", "resumable": True},
        "setupComplete": {"sessionId": "s"},
    }
    memory = remembering(everything)
    assert (memory.session_id, memory.handle) == ("s", "h")
    assert memory.pending_calls == {"1", "2"}
    assert memory.generating
