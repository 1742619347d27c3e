"""What a step or a scenario may be given: checked when it is made, not while a client waits."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from ..errors import ConfigError

__all__ = [
    "amount",
    "close_code",
    "duration",
    "moment",
    "needs",
    "one_of",
    "playback_delay",
    "samples",
    "speed",
    "whole",
]


_DURATION = re.compile(r"\d+(\.\d+)?s")


def needs(what: str, holds: Callable[[Any], bool]) -> Callable[[Any, Any, Any], None]:
    """Make a validator for attrs that raises :class:`ConfigError` with what is expected."""

    def check(instance: Any, attribute: Any, value: Any) -> None:
        if not holds(value):
            where = f"{type(instance).__name__}.{attribute.name}"
            raise ConfigError(f"{where}: expected {what}, got {value!r:.60}")

    return check


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_amount(value: Any) -> bool:
    is_number = isinstance(value, float) or _is_whole(value)
    return is_number and math.isfinite(value) and value >= 0


def whole(least: int, most: float = math.inf) -> Callable[[Any, Any, Any], None]:
    """An integer from ``least`` to ``most``."""
    span = f"of {least} or more" if most == math.inf else f"from {least} to {most}"
    return needs(f"an integer {span}", lambda value: _is_whole(value) and least <= value <= most)


def one_of(*words: str | None) -> Callable[[Any, Any, Any], None]:
    """One of these."""
    return needs(f"one of {', '.join(map(repr, words))}", lambda value: value in words)


amount = needs("a number of 0 or more", _is_amount)
moment = needs(
    "seconds, 0 or more, or the name of a gate",
    lambda value: _is_amount(value) or (isinstance(value, str) and bool(value)),
)
playback_delay = needs(
    'seconds, 0 or more, or "realtime"', lambda value: _is_amount(value) or value == "realtime"
)
speed = needs("a number above 0", lambda value: _is_amount(value) and value > 0)
duration = needs(
    'a duration such as "9.5s"; anything else can be sent with Send',
    lambda value: isinstance(value, str) and bool(_DURATION.fullmatch(value)),
)
samples = needs(
    "whole samples of 16 bits, as bytes",
    lambda value: isinstance(value, (bytes, bytearray, memoryview)) and len(value) % 2 == 0,
)
close_code = whole(1000, 4999)
