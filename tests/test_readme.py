"""README.rst: its programs run, and the demo prints what stands there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.rst").read_text("utf-8")

pytestmark = [pytest.mark.requires("emulator"), pytest.mark.long]

_LABEL = re.compile(r"^ {3}(\w+) +(.*)$")
_STORY = "   model   Once"


def blocks_after(start: str) -> list[tuple[int, str]]:
    """Line number and text of every indented block that follows a line like that."""
    found = []
    lines = README.splitlines()
    for number, line in enumerate(lines):
        if line == start:
            block = []
            for inner in lines[number + 1 :]:
                if inner and not inner.startswith("    "):
                    break
                block.append(inner[4:])
            found.append((number + 1, "\n".join(block).strip("\n")))
    return found


PROGRAMS = blocks_after(".. code-block:: python")


@pytest.mark.parametrize(
    "program", [text for _, text in PROGRAMS], ids=[f"line{n}" for n, _ in PROGRAMS]
)
def test_every_program_runs(
    program: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import livesdk.cli
    from livesdk.emulator import Emulator

    recording = Path(livesdk.cli.__file__).with_name("assets") / "question.wav"
    shutil.copy(recording, tmp_path / "question.wav")
    monkeypatch.chdir(tmp_path)
    with Emulator(voice="tones") as emulator:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", emulator.base_url)
        monkeypatch.setenv("GEMINI_API_KEY", "any")
        names: dict[str, object] = {"__name__": "readme"}
        exec(compile(program, "README.rst", "exec"), names)
        for name, test in names.items():
            if name.startswith("test_") and callable(test):
                test()
        assert all(connection.status == 101 for connection in emulator.connections)
    for path in tmp_path.glob("*.wav"):
        assert path.stat().st_size > 10_000, path
    assert "Error" not in capsys.readouterr().out


@pytest.mark.timeout(20)
def test_the_firebase_program_ends_where_interruption_and_completion_share_a_frame(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from livesdk.emulator import Emulator, Scenario, Send, Silence

    [program] = [text for _, text in PROGRAMS if "LiveGenerativeModel" in text]
    frame = {"serverContent": {"interrupted": True, "turnComplete": True}}
    with Emulator(Scenario(replies=[[Send(frame), Silence()]])) as emulator:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", emulator.base_url)
        monkeypatch.setenv("GEMINI_API_KEY", "any")
        exec(compile(program, "README.rst", "exec"), {"__name__": "readme"})


def test_there_are_programs() -> None:
    assert len(PROGRAMS) >= 8


def masked(text: str) -> list[str]:
    """Lines without what differs from run to run: numbers, and how far the story came."""
    lines, in_story = [], False
    for line in text.splitlines():
        in_story = line.startswith(_STORY) or (in_story and line.startswith(" " * 11))
        told = _STORY if in_story else re.sub(r"\d+(\.\d+)?", "#", line)
        told = re.sub(r"[━─╸╺-]+", "-", re.sub(r"\s+", " ", told)).strip()
        if told and lines[-1:] != [told]:
            lines.append(told)
    return lines


@pytest.mark.requires("cli")
@pytest.mark.timeout(120)
def test_the_demo_prints_what_stands_there(tmp_path: Path) -> None:
    (_, block) = blocks_after("::")[0]
    environ = {**os.environ, "COLUMNS": "80", "PYTHONIOENCODING": "utf-8", "TERM": "dumb"}
    shown = subprocess.run(
        [sys.executable, "-m", "livesdk", "demo"],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert shown.returncode == 0, shown.stderr
    assert masked(shown.stdout) == masked(block)
