"""What the model still has to say to results: told of results, messages and times."""

from __future__ import annotations

import pytest

from livesdk import codec
from livesdk.tools import Owed
from livesdk.types import LiveServerMessage

TEXT = {"serverContent": {"modelTurn": {"parts": [{"text": "It is sunny."}]}}}
DONE = {"serverContent": {"turnComplete": True}}
FILLER = {"serverContent": {"turnComplete": True}, "interactionStatus": "IN_PROGRESS"}
IDLE = {"interactionStatus": "IDLE"}


def open_after(*steps, blocking=False):
    """Call; then "result" stands for one that is sent, all else for a message that comes."""
    owed = Owed()
    owed.called()
    for step in steps:
        if step == "result":
            owed.sent(10.0, blocking=blocking)
        else:
            owed.received(codec.decode(codec.dumps(step), LiveServerMessage))
    return owed


@pytest.mark.parametrize(
    ("steps", "is_open"),
    [
        ([], False),
        (["result"], True),
        (["result", TEXT], True),
        (["result", TEXT, DONE], False),
        (["result", DONE], True),  # it crossed the result
        (["result", DONE, DONE], False),
        (["result", DONE, TEXT, DONE], False),
        ([DONE, "result"], True),
        ([DONE, "result", DONE], False),  # that one cannot have crossed it
        ([TEXT, "result", DONE], True),
        (["result", TEXT, FILLER], True),
        (["result", TEXT, FILLER, IDLE], False),
        (["result", TEXT, "result", DONE], True),
    ],
)
def test_the_end_that_belongs_to_a_result_is_told_from_the_one_before(steps, is_open):
    assert (open_after(*steps).since is not None) is is_open


def test_a_model_that_waited_is_done_with_the_next_end():
    assert open_after("result", DONE, blocking=True).since is None


def test_it_is_waited_for_until_it_speaks():
    assert open_after().ends_at is None
    assert open_after("result").ends_at == 15.0
    assert open_after("result", DONE).ends_at == 15.0
    assert open_after("result", TEXT).ends_at is None
    owed = open_after("result")
    owed.forget()
    assert owed.ends_at is None
    assert owed.since is None
