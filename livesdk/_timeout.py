"""Timeouts as programs give them."""

from __future__ import annotations

import math
from typing import Any, Optional

from .errors import ConfigError

__all__ = ["LONGEST", "seconds_of_timeout"]

LONGEST = 20 * 24 * 3600.0
"""Seconds of the longest wait: what the system's ``poll`` takes, and nobody outlives."""


def seconds_of_timeout(timeout: Optional[float]) -> float:
    """Return the seconds to wait: at least none, and for ``None`` as many as there can be.

    Raises:
        ConfigError: It is no number.
    """
    if timeout is None:
        return LONGEST
    given: Any = timeout
    is_number = isinstance(given, (int, float)) and not isinstance(given, bool)
    if not is_number or (isinstance(given, float) and math.isnan(given)):
        raise ConfigError(f"timeout: expected seconds or None, got {timeout!r:.40}")
    return float(min(max(0.0, given), LONGEST))
