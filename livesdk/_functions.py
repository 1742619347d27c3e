"""What stands behind something callable that a program gave."""

from __future__ import annotations

import functools
import inspect
from typing import Any

__all__ = ["plain_function"]


def plain_function(function: Any) -> Any:
    """Return the function inside partials, and the ``__call__`` of objects."""
    while isinstance(function, functools.partial):
        function = function.func
    if inspect.isroutine(function) or inspect.isclass(function):
        return function
    return type(function).__call__ if callable(function) else function
