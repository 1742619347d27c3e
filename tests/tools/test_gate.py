"""Realtime media is held back exactly while a BLOCKING call is open."""

from __future__ import annotations

import pytest

from livesdk.tools import Gate
from livesdk.types import FunctionCall, FunctionDeclaration


def declared(**behaviors):
    return [FunctionDeclaration(name=n, behavior=b) for n, b in behaviors.items()]


@pytest.mark.parametrize(
    ("behavior", "default", "shut"),
    [
        ("BLOCKING", False, True),
        ("BLOCKING", True, True),
        ("NON_BLOCKING", True, False),
        (None, True, True),
        (None, False, False),
        ("UNSPECIFIED", True, True),
    ],
)
def test_which_calls_block(behavior, default, shut):
    gate = Gate(blocks_by_default=default)
    gate.declare(declared(f=behavior))
    gate.called([FunctionCall(id="1", name="f")])
    assert bool(gate.open) is shut


def test_it_opens_when_the_last_call_is_over():
    gate = Gate(blocks_by_default=True)
    gate.declare(declared(f=None, g=None))
    gate.called([FunctionCall(id="1", name="f"), FunctionCall(id="2", name="g")])
    gate.over("1")
    assert gate.open
    gate.over("2")
    gate.over("2")
    assert not gate.open


def test_calls_without_an_id_go_by_name():
    gate = Gate(blocks_by_default=True)
    gate.declare(declared(f=None))
    gate.called([FunctionCall(name="f")])
    gate.called([FunctionCall(name="f")])
    assert gate.open
    gate.over(None, "f")
    assert gate.open  # the second one is still open
    gate.over(None, "f")
    assert not gate.open


def test_functions_nobody_declared_do_not_block():
    gate = Gate(blocks_by_default=True)
    gate.declare([])
    gate.called([FunctionCall(id="1", name="f")])
    assert not gate.open


def test_a_lost_connection_opens_it_and_new_declarations_count_from_then_on():
    gate = Gate(blocks_by_default=False)
    gate.declare(declared(f="BLOCKING"))
    gate.called([FunctionCall(id="1", name="f")])
    gate.declare(declared(f="NON_BLOCKING"))
    assert gate.open
    gate.clear()
    gate.called([FunctionCall(id="2", name="f")])
    assert not gate.open
