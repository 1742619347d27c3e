"""Calls whose arguments come in pieces are one call with all of them."""

from __future__ import annotations

from typing import Any

import pytest
from session.rig import Peer, Raw, say
from waiting import settled

import livesdk
from livesdk import codec, tool
from livesdk.tools import Pieces
from livesdk.types import FunctionCall, PartialArg

PATIENCE = 10


def piece(*partial: dict[str, Any], more: bool = True, **fields: Any) -> FunctionCall:
    made = [codec.check(each, PartialArg) for each in partial]
    return FunctionCall(id="1", partial_args=made or None, will_continue=more, **fields)


def put_together(*pieces: FunctionCall) -> Any:
    table = Pieces()
    wholes = [table.add(each) for each in pieces]
    assert wholes[:-1] == [None] * (len(pieces) - 1)
    return wholes[-1]


def test_a_call_in_one_piece_is_that_very_call():
    call = FunctionCall(id="1", name="f", args={"a": 1})
    assert Pieces().add(call) is call


def test_strings_grow_until_they_are_complete():
    whole = put_together(
        piece(name="f"),
        piece({"jsonPath": "$.city", "stringValue": "Par", "willContinue": True}),
        piece({"jsonPath": "$.city", "stringValue": "is"}),
        piece({"jsonPath": "$.city", "stringValue": "Rome"}),  # said anew
        piece(more=False),
    )
    assert (whole.id, whole.name, whole.args) == ("1", "f", {"city": "Rome"})


@pytest.mark.parametrize(
    ("partial", "args"),
    [
        ({"jsonPath": "$.a", "numberValue": 1.5}, {"a": 1.5}),
        ({"jsonPath": "$.a", "boolValue": False}, {"a": False}),
        ({"jsonPath": "$.a", "nullValue": "NULL_VALUE"}, {"a": None}),
        ({"jsonPath": "$.a.b", "stringValue": "x"}, {"a": {"b": "x"}}),
        ({"jsonPath": "$.a[1].b", "stringValue": "x"}, {"a": [None, {"b": "x"}]}),
        ({"jsonPath": "$['a b'].c", "stringValue": "x"}, {"a b": {"c": "x"}}),
        ({"jsonPath": "a", "stringValue": "x"}, {"a": "x"}),
        ({"jsonPath": "$.a[999999999]", "stringValue": "x"}, {}),
        ({"jsonPath": "$", "stringValue": "x"}, {}),
        ({"stringValue": "x"}, {}),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_value_goes_where_its_path_says(partial, args):
    assert put_together(piece(partial, name="f"), piece(more=False)).args == args


def test_args_beside_pieces_count_and_stay_as_they_came():
    given = {"a": {"b": 1}}
    first = piece(name="f", args=given)
    whole = put_together(first, piece({"jsonPath": "$.a.c", "numberValue": 2}, more=False))
    assert whole.args == {"a": {"b": 1, "c": 2}}
    assert given == {"a": {"b": 1}}


def test_a_lost_connection_forgets_what_was_begun():
    table = Pieces()
    assert table.add(piece(name="f", args={"old": 1})) is None
    table.clear()
    whole = table.add(piece(name="f", more=False, args={"new": 1}))
    assert whole is not None
    assert whole.args == {"new": 1}


def test_a_function_runs_once_its_arguments_are_whole():
    runs = []

    @tool(behavior="BLOCKING")
    def look(city: str) -> str:
        runs.append(city)
        return f"sunny in {city}"

    def send(peer: Peer, **fields: Any) -> None:
        peer.send({"toolCall": {"functionCalls": [{"id": "a", "name": "look", **fields}]}})

    def script(peer: Peer) -> None:
        peer.open()
        peer.read()
        path = {"jsonPath": "$.city"}
        send(peer, willContinue=True)
        parts = [{**path, "stringValue": "Par", "willContinue": True}]
        send(peer, willContinue=True, partialArgs=parts)
        send(peer, willContinue=True, partialArgs=[{**path, "stringValue": "is"}])
        send(peer)
        assert b"sunny in Paris" in peer.read()[1]
        peer.send(say("It is sunny."))
        peer.send({"serverContent": {"turnComplete": True}})
        peer.read_all()

    with Raw(script) as server:
        client = livesdk.Client(api_key="any", http_options={"base_url": server.base_url})
        with client.live.connect("m", {"tools": [look]}) as session:
            turn = session.ask("go", timeout=PATIENCE)
            assert runs == ["Paris"]
            assert [call.args for call in turn.function_calls] == [{"city": "Paris"}]
            assert settled(lambda: not session._calls.must_wait)
