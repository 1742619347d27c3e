"""What options may be given: numbers that can be counted with, and sound devices."""

from __future__ import annotations

import math
from typing import Any, Optional, Union

import click

__all__ = ["Amount", "device"]

_LONGEST_INDEX = 9  # digits; more than any machine has devices


class Amount(click.FloatRange):
    """A number between bounds.  Neither ``nan``, which no bound keeps out, nor infinity."""

    def convert(
        self, value: Any, param: Optional[click.Parameter], ctx: Optional[click.Context]
    ) -> float:
        """Take a number out of what was given."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


def device(given: Optional[str]) -> Union[int, str, None]:
    """Return a device by its index, or by a part of its name."""
    if given is not None and given.isdecimal() and len(given) <= _LONGEST_INDEX:
        return int(given)
    return given
