"""Every step, fault and record shows an example, and every example is right."""

from __future__ import annotations

import inspect
import re

import pytest

import livesdk
from livesdk import emulator
from livesdk.emulator import OpeningFault, Step, scenario

_RECORDS = [
    getattr(emulator, name)
    for name in emulator.__all__
    if inspect.isclass(getattr(emulator, name)) and issubclass(getattr(emulator, name), Step)
] + [emulator.Reply, emulator.Scenario]


@pytest.mark.parametrize("record", [r for r in _RECORDS if r not in (Step, OpeningFault)])
def test_the_example_makes_the_record(record):
    example = re.search(r"Example: (.*?)(?:\.\n|\.$|\n\n)", inspect.getdoc(record) or "", re.DOTALL)
    assert example, f"{record.__name__} has no example"
    snippets = re.findall(r"``(.*?)``", example[1], re.DOTALL)
    assert snippets
    names = {**vars(emulator), "livesdk": livesdk, "re": re}
    made = [eval(snippet, names) for snippet in snippets if "(" in snippet]
    flat = [item for value in made for item in (value if isinstance(value, list) else [value])]
    assert any(isinstance(item, record) for item in flat)


def test_the_example_of_a_scenario_is_right():
    code = re.findall(r"^(?:>>>|\.\.\.) (.*)$", scenario.__doc__ or "", re.MULTILINE)
    names = dict(vars(emulator))
    exec("\n".join(code), names)
    assert len(names["scenario"].replies) == 3
