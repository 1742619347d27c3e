"""The scripts of ``bench/`` run and print their tables; what they measure is not judged here."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parent.parent / "bench"


@pytest.fixture
def run(tmp_path):
    def run(*arguments: str) -> str:
        env = {**os.environ, "PYTHONPYCACHEPREFIX": str(tmp_path), "PYTHONIOENCODING": "utf-8"}
        found = subprocess.run(
            [sys.executable, str(BENCH), *arguments, "--quick"],
            env=env,
            capture_output=True,
            encoding="utf-8",
            timeout=180,
            check=False,
        )
        assert found.returncode == 0, found.stderr
        return found.stdout

    return run


@pytest.mark.requires("genai")
@pytest.mark.timeout(200)
def test_decode_prints_a_ratio_for_each_frame(run):
    table = run("decode")
    rows = [line for line in table.splitlines() if "×" in line and "≤" in line]
    assert len(rows) == 6
    [second] = [line for line in table.splitlines() if line.startswith("1 s of audio")]
    assert float(re.findall(r"([\d.]+) ×", second)[0]) < 1


@pytest.mark.requires("genai")
@pytest.mark.timeout(200)
def test_encode_prints_a_ratio_for_each_chunk(run):
    rows = [line for line in run("encode").splitlines() if line.startswith(("20 ms", "100 ms"))]
    assert len(rows) == 4


@pytest.mark.requires("genai")
@pytest.mark.timeout(200)
def test_startup_prints_times_and_loads_nothing_large(run):
    table = run("startup")
    assert "import, peak memory" in table
    assert "none ✓" in table


@pytest.mark.requires("emulator")
@pytest.mark.long
@pytest.mark.timeout(200)
def test_audio_prints_quality_cost_and_delay(run):
    table = run("audio")
    rows = [line for line in table.splitlines() if "→" in line]
    assert len(rows) == 5
    assert all("≥ 85 ✓" in row for row in rows)
    assert "both 48 kHz, resampled" in table
    assert "80 ms" in table


def test_an_unknown_table_is_refused():
    found = subprocess.run(
        [sys.executable, str(BENCH), "speed"], capture_output=True, encoding="utf-8", check=False
    )
    assert found.returncode == 2
    assert "unknown: speed" in found.stderr
