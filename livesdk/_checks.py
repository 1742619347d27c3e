"""What programs give, checked: numbers, functions, and names that may be misspelt."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Iterable
from typing import Any, Optional

from .errors import ConfigError

__all__ = [
    "check_duration",
    "check_function",
    "check_positive",
    "check_whole_number",
    "meant",
    "plain_function",
]


def check_positive(name: str, given: Any) -> None:
    """Raise :class:`ConfigError` unless it is a number above 0, and not without end."""
    is_number = isinstance(given, (int, float)) and not isinstance(given, bool)
    if not is_number or not 0 < given < math.inf:
        raise ConfigError(f"{name}: expected a number above 0, got {given!r:.40}")


def check_whole_number(name: str, given: Any, most: Optional[int] = None) -> None:
    """Raise :class:`ConfigError` unless it is a positive integer, such as a sample rate."""
    if isinstance(given, bool) or not isinstance(given, int) or given <= 0:
        raise ConfigError(f"{name}: expected a positive integer, got {given!r:.40}")
    if most is not None and given > most:
        raise ConfigError(f"{name}: expected {most} at most, got {given!r:.40}")


def check_duration(name: str, given: Any, most: float = math.inf) -> None:
    """Raise :class:`ConfigError` unless it is a number of seconds, or milliseconds, from 0 on."""
    is_number = isinstance(given, (int, float)) and not isinstance(given, bool)
    if not (is_number and 0 <= given <= most):  # nan is not
        limits = "from 0 on" if most == math.inf else f"from 0 to {most:g}"
        raise ConfigError(f"{name}: expected a number {limits}, got {given!r:.40}")


def check_function(name: str, given: Any) -> None:
    """Raise :class:`ConfigError` unless it can be called, and does its work when it is."""
    if not callable(given):
        raise ConfigError(f"{name}: expected a function, got {given!r:.60}")
    if inspect.iscoroutinefunction(plain_function(given)):
        raise ConfigError(f"{name}: a coroutine would never run here; pass a plain function")


def plain_function(function: Any) -> Any:
    """Return the function inside partials, and the ``__call__`` of objects."""
    while isinstance(function, functools.partial):
        function = function.func
    if inspect.isroutine(function) or inspect.isclass(function):
        return function
    return type(function).__call__ if callable(function) else function


def meant(name: str, known: Iterable[str]) -> str:
    """Return advice on a misspelt name, to be put behind a message; empty if none is near."""
    import difflib  # for mistakes only

    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
