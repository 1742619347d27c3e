"""The command in this process and in one of its own."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run a command here, in an empty folder; the result has exit_code, stdout and stderr."""
    from click.testing import CliRunner

    from livesdk.cli._app import livesdk

    apart = "mix_stderr" in inspect.signature(CliRunner).parameters  # click 8.1
    runner = CliRunner(**({"mix_stderr": False} if apart else {}))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return lambda *arguments, **options: runner.invoke(
        livesdk, [str(argument) for argument in arguments], prog_name="livesdk", **options
    )


class Program:
    """``livesdk`` in a process of its own; its stdout is read as it comes."""

    def __init__(self, arguments: tuple[str, ...], **options: Any) -> None:
        environ = {**os.environ, "COLUMNS": "80", "PYTHONIOENCODING": "utf-8", "TERM": "dumb"}
        options = {"stdin": subprocess.DEVNULL, "env": environ, **options}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "livesdk", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            **options,
        )
        self._changed = threading.Condition()
        self.stdout, self.stderr = "", ""
        self._readers = [
            threading.Thread(target=self._read, args=(name,), daemon=True)
            for name in ("stdout", "stderr")
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, name: str) -> None:
        stream = getattr(self.process, name)
        for line in stream:
            with self._changed:
                setattr(self, name, getattr(self, name) + line)
                self._changed.notify_all()

    def wait_for(self, text: str, stream: str = "stdout", timeout: float = 30) -> str:
        with self._changed:
            came = self._changed.wait_for(lambda: text in getattr(self, stream), timeout)
        assert came, f"{text!r} did not come: {self.stdout}{self.stderr}"
        return getattr(self, stream)

    def end(self, timeout: float = 30) -> int:
        code = self.process.wait(timeout)
        for reader in self._readers:
            reader.join(timeout)
        return code

    def clear_away(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.end()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None and not stream.closed:
                stream.close()


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """Start a command in a process of its own, in an empty folder."""
    started: list[Program] = []

    def start(*arguments: object, **options: Any) -> Program:
        options.setdefault("cwd", tmp_path)
        started.append(Program(tuple(map(str, arguments)), **options))
        return started[-1]

    yield start
    for each in started:
        each.clear_away()


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Start an emulator that the commands take for the service."""
    import contextlib

    from livesdk.emulator import Emulator, Scenario

    with contextlib.ExitStack() as stack:

        def start(scenario: Scenario | None = None, **options: Any) -> Emulator:
            options.setdefault("voice", "tones")
            emulator = stack.enter_context(Emulator(scenario, **options))
            monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", emulator.base_url)
            monkeypatch.setenv("GEMINI_API_KEY", "AIza-very-secret")
            return emulator

        yield start
