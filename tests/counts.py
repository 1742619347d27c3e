"""What tests count, added up over a run and printed at its end.

::

    def test_garbage(tally):
        for data in inputs:
            try_it(data)
            tally("inputs tried")
        tally("messages lost", 0)  # a name that was never counted is not printed: 0 is worth a line

Every test's own part is kept with its report, so it works the same with ``-n 4``; of a test that
was run again the last run counts.
"""

from __future__ import annotations

import threading
from collections import Counter
from typing import Callable

import pytest

__all__ = ["Counts", "Tally"]

Tally = Callable[..., None]

_PROPERTY = "counted: "


class Counts:
    """The plugin; ``conftest.py`` registers one."""

    def __init__(self) -> None:
        self._by_test: dict[str, dict[str, int]] = {}

    @pytest.fixture
    def tally(self, request: pytest.FixtureRequest) -> Tally:
        """Add to a count: ``tally(name)`` or ``tally(name, amount)``; any thread."""
        properties = request.node.user_properties
        properties[:] = [pair for pair in properties if not pair[0].startswith(_PROPERTY)]
        lock = threading.Lock()
        at: dict[str, int] = {}  # where among the properties each name is

        def add(name: str, amount: int = 1) -> None:
            with lock:
                if name not in at:
                    at[name] = len(properties)
                    properties.append((_PROPERTY + name, 0))
                key, so_far = properties[at[name]]
                properties[at[name]] = (key, so_far + amount)

        return add

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        own = {
            name.removeprefix(_PROPERTY): amount
            for name, amount in report.user_properties
            if name.startswith(_PROPERTY)
        }
        if report.when == "teardown" and own:
            self._by_test[report.nodeid] = {name: int(str(n)) for name, n in own.items()}

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        total: Counter[str] = Counter()
        for own in self._by_test.values():
            for name, amount in own.items():
                total[name] += amount
        if total:
            terminalreporter.section("counts")
        for name in sorted(total):
            terminalreporter.line(f"{name}: {total[name]:,}")
