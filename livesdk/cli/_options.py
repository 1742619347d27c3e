"""What options may be given: numbers that can be counted with, and sound devices."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Optional, Union

import click

if TYPE_CHECKING:
    from ..audio._backend import Direction

__all__ = ["Amount", "check_device", "device"]

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


def check_device(wanted: Union[int, str, None], direction: Direction) -> None:
    """Look whether there is such a device, before anybody is told to speak.

    Raises:
        AudioError: There is none, or PyAudio is not installed; the text says what to do.
    """
    from ..audio.devices import choose, list_devices

    choose(list_devices(), wanted, direction)
