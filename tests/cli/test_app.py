"""The frame of the command: options, errors, what is loaded, and life without the extras."""

from __future__ import annotations

import subprocess
import sys

import pytest

import livesdk

pytestmark = [pytest.mark.requires("cli", "emulator"), pytest.mark.long]


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=50, check=False
    )


def test_the_version_is_told(cli):
    result = cli("--version")
    assert result.exit_code == 0
    assert result.stdout == f"livesdk {livesdk.__version__}\n"


def test_every_command_is_listed_and_explains_itself(cli):
    listed = cli("--help")
    assert listed.exit_code == 0
    for name in ("demo", "chat", "serve", "doctor"):
        assert f"\n  {name} " in listed.stdout
        result = cli(name, "--help")
        assert result.exit_code == 0
        assert "--debug" in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [["tell"], ["chat", "--colour"], ["serve", "--port", "x"], ["chat", "--modality", "smell"]],
)
def test_a_wrong_command_line_is_2(cli, arguments):
    result = cli(*arguments)
    assert result.exit_code == 2
    assert "Error: " in result.stderr
    assert not result.stdout


@pytest.mark.parametrize("module", ["click", "rich"])
def test_without_the_extra_it_says_what_to_install(module):
    result = python(
        f"import sys; sys.modules[{module!r}] = None\n"
        "from livesdk.cli import main; sys.exit(main([]))"
    )
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert 'python -m pip install "livesdk[cli,emulator]"' in result.stderr


@pytest.mark.parametrize("command", ["demo", "chat", "serve"])
def test_without_the_emulator_it_says_what_to_install(cli, command, monkeypatch):
    monkeypatch.setitem(sys.modules, "websockets", None)
    result = cli(command)
    assert result.exit_code == 1
    assert 'python -m pip install "livesdk[emulator]"' in result.stderr


def test_help_loads_nothing_heavy():
    result = python(
        "import sys; from livesdk.cli import main; main(['--help'])\n"
        "heavy = {'numpy', 'websockets', 'websocket', 'asyncio', 'livesdk.client'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    assert result.returncode == 0, result.stderr


def test_the_module_is_the_command(program):
    running = program("--version")
    assert running.end() == 0
    assert running.stdout == f"livesdk {livesdk.__version__}\n"


def test_an_unforeseen_error_is_one_sentence(cli, monkeypatch):
    def break_down(**_options: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("livesdk.cli.chat.open_service", break_down)
    result = cli("chat", "Hello")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ZeroDivisionError: by zero — this should not happen")
    assert "Traceback" not in result.stderr


def test_debugging_shows_logs_and_tracebacks(program):
    running = program("chat", "--debug", "--emulator", "--save-audio", "no/such/folder.wav", "Hi")
    assert running.end() == 1
    assert "Traceback" in running.stderr
    assert "folder.wav cannot be written" in running.stderr


def test_the_programs_own_plans_for_sigterm_stay(cli):
    import signal

    before = signal.getsignal(signal.SIGTERM)
    assert cli("chat", "Hello").exit_code == 0
    assert signal.getsignal(signal.SIGTERM) is before
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        assert cli("chat", "Hello").exit_code == 0
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)


def test_logs_stop_with_the_command(cli):
    import logging

    before = logging.getLogger("livesdk").handlers[:]
    assert cli("-v", "chat", "Hello").exit_code == 0
    assert logging.getLogger("livesdk").handlers == before


def test_output_that_the_terminal_cannot_show_is_no_error(program):
    import os

    environ = {**os.environ, "PYTHONIOENCODING": "ascii"}
    running = program("chat", "say: naïve ✓ 日本", env=environ)
    assert running.end() == 0, running.stderr
    assert running.stdout.startswith("na?ve ? ??")
