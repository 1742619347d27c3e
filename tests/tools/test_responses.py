"""What a function returns, and the response that the model gets."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import uuid
from decimal import Decimal
from pathlib import PurePosixPath

import attrs
import numpy as np
import pytest

from livesdk.tools.responses import response_of


@dataclasses.dataclass
class Place:
    city: str
    seen: dt.date


@attrs.frozen
class Reading:
    celsius: np.float32
    place: Place


class Unit(enum.Enum):
    KELVIN = "K"


NAME = uuid.UUID(int=7)
PLACE = Place("Rome", dt.date(2026, 11, 21))
ROME = {"city": "Rome", "seen": "2026-11-21"}


@pytest.mark.parametrize(
    ("returned", "expected"),
    [
        (PLACE, ROME),
        (
            Reading(np.float32(0.5), PLACE),
            {"celsius": 0.5, "place": {"city": "Rome", "seen": "2026-11-21"}},
        ),
        (Unit.KELVIN, "K"),
        ([Unit.KELVIN, None, True, 0], ["K", None, True, 0]),
        (np.int64(3), 3),
        (np.array([[1, 2], [3, 4]], "int16"), [[1, 2], [3, 4]]),
        (np.bool_(True), True),
        ({"a"}, ["a"]),
        ((1, 2.5), [1, 2.5]),
        (dt.datetime(2026, 1, 2, 3, 4, tzinfo=dt.timezone.utc), "2026-01-02T03:04:00+00:00"),
        (dt.time(3, 4), "03:04:00"),
        (Decimal("1.10"), "1.10"),
        (PurePosixPath("/tmp/x"), "/tmp/x"),
        (NAME, str(NAME)),
    ],
)
def test_values_without_a_notation_in_json_are_written_as_one_would(returned, expected):
    response = response_of(returned).response
    assert response == {"result": expected}
    assert type(response["result"]) is type(expected)
    assert response_of({"it": returned}).response == {"it": expected}


def test_keys_are_text_as_the_json_module_has_them():
    response = response_of({1: "a", 2.5: "b", Unit.KELVIN: "d", "e": "f"}).response
    assert response == {"1": "a", "2.5": "b", "K": "d", "e": "f"}
    assert response_of({False: 1}).response == {"false": 1}


@pytest.mark.parametrize("odd", [object(), Place, len, 1j])
def test_what_nobody_could_read_stays_to_be_refused(odd):
    assert response_of(odd).response == {"result": odd}


def test_a_result_within_itself_stays_to_be_refused():
    result: dict[str, object] = {}
    result["me"] = result
    assert response_of(result).response is result
