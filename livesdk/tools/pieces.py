"""Calls whose arguments come in pieces, put together (Vertex AI; Protocol §8.3).  Pure.

::

    {id, name, willContinue}  {id, partialArgs: [{jsonPath, stringValue, …}], willContinue} …  {id}
        ─▶ one call with all of its arguments
"""

from __future__ import annotations

import copy
import re
from typing import Any, Optional, Union

from .._records import define
from ..types.content import FunctionCall, PartialArg

__all__ = ["Pieces"]

_STEP = r"""\.?([^.\[\]$"']+)|\[(\d+)\]|\[["']([^"']*)["']\]"""
_LONGEST = 10_000
"""Items of a list that a path may name: a number of nine digits is no reason for so much memory."""


@define(eq=False)
class _Begun:
    """A call of which more is to come; the strings at the growing paths are not complete."""

    name: Optional[str]
    args: dict[str, Any]
    growing: set[str]


class Pieces:
    """Puts the calls of one connection together."""

    def __init__(self) -> None:
        self._begun: dict[str, _Begun] = {}

    def add(self, call: FunctionCall) -> Optional[FunctionCall]:
        """Take a call, or a piece of one; return the call once it is whole, else ``None``."""
        key = call.id or call.name or ""
        begun = self._begun.pop(key, None)
        if begun is None:
            if not (call.will_continue or call.partial_args):
                return call  # by far the most
            begun = _Begun(call.name, {}, set())
        begun.args.update(copy.deepcopy(call.args or {}))
        for piece in call.partial_args or ():
            _put(begun.args, piece, begun.growing)
        if call.will_continue:
            self._begun[key] = begun
            return None
        return FunctionCall(id=call.id, name=begun.name or call.name, args=begun.args)

    def clear(self) -> None:
        """Forget what was begun: its connection is gone."""
        self._begun.clear()


def _put(args: dict[str, Any], piece: PartialArg, growing: set[str]) -> None:
    path = piece.json_path or ""
    steps = [
        int(index) if index else name or quoted for name, index, quoted in re.findall(_STEP, path)
    ]
    if not steps or any(isinstance(step, int) and step >= _LONGEST for step in steps):
        return  # nobody can say what it means
    place: Any = args
    for step, following in zip(steps, steps[1:]):
        place = _at(place, step, [] if isinstance(following, int) else {})
    value: Any = piece.string_value
    if value is None:
        value = piece.number_value if piece.bool_value is None else piece.bool_value
    if isinstance(value, str) and path in growing:
        before = _at(place, steps[-1], "")
        value = (before if isinstance(before, str) else "") + value
    _set(place, steps[-1], value)
    (growing.add if piece.will_continue else growing.discard)(path)


def _at(place: Any, step: Union[str, int], otherwise: Any) -> Any:
    """Return what is at a step, or put something there."""
    try:
        found = place[step]
    except (LookupError, TypeError):
        found = None
    if found is None:
        found = otherwise
        _set(place, step, found)
    return found


def _set(place: Any, step: Union[str, int], value: Any) -> None:
    if isinstance(place, list) and isinstance(step, int):
        place.extend([None] * (step + 1 - len(place)))
        place[step] = value
    elif isinstance(place, dict):
        place[str(step)] = value
