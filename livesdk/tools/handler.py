"""One function for all calls, where a program would rather look at the call by itself.  Pure."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from ..types.content import FunctionCall
from .declare import ToolContext, ToolOptions

__all__ = ["CallHandler", "Handler"]

Handler = Callable[[FunctionCall], Any]


class CallHandler:
    """Stands where a :class:`FunctionTool` does, for calls of any name.

    Args:
        function: Called with each :class:`FunctionCall`; returns what tools may return.
    """

    options = ToolOptions(timeout=None)  # it may ask a person

    def __init__(self, function: Handler) -> None:
        self._function = function

    def bind(self, args: Mapping[str, Any], context: ToolContext) -> Callable[[], Any]:
        """Return the call that is ready to be made."""
        call = FunctionCall(id=context.call_id, name=context.name, args=dict(args))
        return functools.partial(self._function, call)
