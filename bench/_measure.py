"""What a client's process knows of itself.  Imports nothing that would be loaded otherwise."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any


def run(tasks: dict[str, Any], given: dict[str, Any]) -> None:
    """Run one task, and print what it returns."""
    cpu = given.pop("cpu")
    if cpu is not None:
        os.sched_setaffinity(0, {cpu})
    found = tasks[given.pop("task")](**given)
    if hasattr(found, "send"):
        import asyncio

        found = asyncio.run(found)
    print(json.dumps(found), flush=True)


def usage() -> Any:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF)


class Cpu:
    """Counts processor time, of all threads, and wall time from now on."""

    def __init__(self) -> None:
        self._begin, self._wall = usage(), time.perf_counter()

    def stop(self) -> dict[str, float]:
        end, begin = usage(), self._begin
        return {
            "cpu": end.ru_utime - begin.ru_utime + end.ru_stime - begin.ru_stime,
            "wall": time.perf_counter() - self._wall,
        }


def process() -> dict[str, Any]:
    """The peak of memory, the processor time, and which of the large modules are loaded."""
    found = usage()
    return {
        "peak_kb": _peak_kb(),
        "cpu": found.ru_utime + found.ru_stime,
        "loaded": [name for name in ("numpy", "pyaudio", "asyncio") if name in sys.modules],
    }


def _peak_kb() -> float:
    """The most memory this program had; Linux counts its parent's into ``ru_maxrss``."""
    try:
        with open("/proc/self/status") as status:  # noqa: PTH123  # pathlib is not to be loaded
            return next(float(line.split()[1]) for line in status if line.startswith("VmHWM"))
    except OSError:
        return usage().ru_maxrss / (1024 if sys.platform == "darwin" else 1)  # type: ignore[no-any-return]


def since_start() -> float:
    """Seconds since this process was started, as the operating system has it."""
    try:
        with open("/proc/self/stat") as stat:  # noqa: PTH123  # pathlib is not to be loaded
            ticks = int(stat.read().rpartition(")")[2].split()[19])
        return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError):
        return 0.0


def resident_kb() -> float:
    """The memory in use at this moment, after collecting garbage."""
    import gc

    gc.collect()
    try:
        with open("/proc/self/statm") as statm:  # noqa: PTH123
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1024
    except OSError:
        import psutil

        return psutil.Process().memory_info().rss / 1024  # type: ignore[no-any-return]
