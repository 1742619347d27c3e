"""Side by side: A B A B, and the median of each, because machines are shared and noisy."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any


def interleaved(sides: Sequence[Callable[[], Any]], *, rounds: int, seconds: float) -> list[float]:
    """Return the median seconds of one call of each side.

    Each round lasts about ``seconds`` a side, and the garbage collector stays on: it is part of
    what objects cost.
    """
    counts = [max(1, int(seconds / _once(side))) for side in sides]
    measured: list[list[float]] = [[] for _ in sides]
    gc.collect()
    for _ in range(rounds):
        for side, count, results in zip(sides, counts, measured):
            calls = range(count)
            begin = time.perf_counter()
            for _call in calls:
                side()
            results.append((time.perf_counter() - begin) / count)
    return [statistics.median(results) for results in measured]


def _once(side: Callable[[], Any]) -> float:
    side()  # the first call may be dear
    begin = time.perf_counter()
    for _ in range(5):
        side()
    return max((time.perf_counter() - begin) / 5, 1e-7)
