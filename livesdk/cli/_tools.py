"""``--tool module:function``: functions from the shell's folder, shown while they run."""

from __future__ import annotations

import functools
import importlib
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Optional

import attrs

from .._log import get_logger, shorten
from ..types import FunctionResponse
from ._service import CommandError

__all__ = ["ShownCall", "shown_tools"]

_log = get_logger(__name__)


@attrs.frozen(kw_only=True)
class ShownCall:
    """A call that ended.

    Attributes:
        name: The function's.
        args: By name, as they were passed.
        result: What it returned.
        error: What it raised, in words.
        ms: How long it took.
    """

    name: str
    args: dict[str, Any]
    result: Any = None
    error: Optional[str] = None
    ms: float = 0.0

    def __str__(self) -> str:
        """Read as one line: ``get_weather(city='Paris') → {'sky': 'clear'} (3 ms)``."""
        args = ", ".join(f"{name}={value!r}" for name, value in self.args.items())
        outcome = repr(self.result) if self.error is None else " ".join(self.error.split())
        return f"{self.name}({shorten(args)}) → {shorten(outcome)} ({self.ms:.0f} ms)"


def shown_tools(
    references: Iterable[str], show: Callable[[ShownCall], None]
) -> list[Callable[..., Any]]:
    """Import functions, and have each call of them shown when it ends.

    Args:
        references: ``module:function``, or ``module:object.method``.
        show: Called in the thread that ran the function, one call at a time.

    Raises:
        CommandError: No such module or function.
    """
    lock = threading.Lock()  # so that lines do not mix

    def show_one(call: ShownCall) -> None:
        with lock:
            show(call)

    return [_shown(_imported(reference), show_one) for reference in references]


def _imported(reference: str) -> Any:
    name, _, path = reference.partition(":")
    if not name or not path:
        raise CommandError(f"--tool {reference}: expected module:function")
    folder = str(Path.cwd())
    if folder not in sys.path:  # as `python -m` has it, and the command has not
        sys.path.insert(0, folder)
    try:
        found: Any = importlib.import_module(name)
    except Exception as error:  # whatever the module does when it is imported
        raise CommandError(
            f"--tool {reference}: {name} cannot be imported: {type(error).__name__}: {error}"
        ) from error
    for part in path.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise CommandError(f"--tool {reference}: {name} has no function {path}")
    return found


def _shown(function: Callable[..., Any], show: Callable[[ShownCall], None]) -> Callable[..., Any]:
    name = getattr(function, "__name__", type(function).__name__)

    @functools.wraps(function)
    def run(*values: Any, **args: Any) -> Any:
        began = time.monotonic()
        try:
            result = function(*values, **args)
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            show(ShownCall(name=name, args=args, error=text, ms=_ms_since(began)))
            _log.debug("%s raised", name, exc_info=True)
            return FunctionResponse(response={"error": text})  # as if it had been raised further
        show(ShownCall(name=name, args=args, result=result, ms=_ms_since(began)))
        return result

    return run


def _ms_since(began: float) -> float:
    return (time.monotonic() - began) * 1000
