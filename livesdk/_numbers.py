"""Numbers as programs give them: above 0, or not below it."""

from __future__ import annotations

import math
from typing import Any, Optional

from .errors import ConfigError

__all__ = ["check_duration", "check_positive", "check_whole_number"]


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
