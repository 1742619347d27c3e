"""What holds for every test: needs, counts, a clean environment, no thread left behind."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Generator, Iterator

import pytest
from hypothesis import settings

from counts import Counts
from needs import NEEDS, required

# A machine's keys, proxies and certificates must not decide what a test finds.
_OUTSIDE = (
    "GCLOUD_PROJECT",  # google-auth's, as the credentials and the quota's
    "GEMINI_API_KEY",
    "GOOGLE_API_KEY",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_CLOUD_LOCATION",
    "GOOGLE_CLOUD_PROJECT",
    "GOOGLE_CLOUD_QUOTA_PROJECT",
    "GOOGLE_GEMINI_BASE_URL",
    "GOOGLE_GENAI_API_VERSION",
    "GOOGLE_GENAI_USE_ENTERPRISE",
    "GOOGLE_GENAI_USE_VERTEXAI",
    "GOOGLE_VERTEX_BASE_URL",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    *(f"{scheme}_proxy" for scheme in ("all", "http", "https", "no", "ws", "wss")),
)

_THREAD_GRACE = 2.0

# Threads and a busy machine make the time of one example say nothing.
settings.register_profile("default", deadline=None)
settings.register_profile("fuzz", deadline=None, max_examples=20_000)
settings.load_profile("default")


def pytest_addoption(parser: pytest.Parser) -> None:
    environments = sorted({need.environment for need in NEEDS.values()})
    parser.addoption(
        "--environment",
        choices=environments,
        help="run only what this tox environment is for (default: everything)",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Counts(), "counts")
    for name in _OUTSIDE:
        os.environ.pop(name, None)
        os.environ.pop(name.upper(), None)
    # In the background of a shell it is ignored, and the programs that tests start inherit that.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        unknown = _needs_of(item) - NEEDS.keys()
        if unknown:
            raise pytest.UsageError(f"{item.nodeid} requires {unknown}: not in tests/needs.py")
    chosen = config.getoption("environment")
    if chosen is not None:
        elsewhere = [item for item in items if chosen not in _environments_of(item)]
        items[:] = [item for item in items if chosen in _environments_of(item)]
        config.hook.pytest_deselected(items=elsewhere)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    for name in sorted(_needs_of(item)):
        if not NEEDS[name].present():
            pytest.skip(f"needs {name}: {NEEDS[name].hint}")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        held = sorted(name for name in _needs_of(item) if required(name))
        if held:
            _fail(report, f"LIVESDK_REQUIRE does not let this test skip ({', '.join(held)})")
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if report.skipped and required("all"):
        _fail(report, "a file that skips as a whole names no need: mark its tests with requires")
    return report


@pytest.fixture(autouse=True)
def _no_thread_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + _THREAD_GRACE
    started = [thread for thread in threading.enumerate() if thread not in before]
    ours = [thread for thread in started if thread.name.startswith("livesdk-")]
    for thread in ours:
        thread.join(max(0.0, deadline - time.monotonic()))
    left = [thread for thread in ours if thread.is_alive()]
    if left:
        pytest.fail("threads left behind:\n" + "\n".join(map(_where, left)), pytrace=False)


def _needs_of(item: pytest.Item) -> set[str]:
    return {name for mark in item.iter_markers("requires") for name in mark.args}


def _environments_of(item: pytest.Item) -> set[str]:
    own = {NEEDS[name].environment for name in _needs_of(item)} - {"py"}
    return own or {"py"}


def _fail(report: pytest.TestReport | pytest.CollectReport, why: str) -> None:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
    report.outcome = "failed"
    report.longrepr = f"{why}: {reason}"


def _where(thread: threading.Thread) -> str:
    frame = sys._current_frames().get(thread.ident or 0)
    stack = "".join(traceback.format_stack(frame)) if frame else ""
    return f"{thread.name}\n{stack}"
