"""The scripts of ``bench/`` run and print their tables.

What they measure on a busy machine says little.  Only what no noise brings about is held here: that
a frame takes as long as with the peer, time after time.  ``bench/RESULTS.rst`` is for the rest.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
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


def ratios(table: str, place: int) -> dict[str, float]:
    """One ratio of each row by the row's name: the first one in it, or a later one."""
    found = {}
    for line in table.splitlines():
        every = re.findall(r"([\d.]+) ×", line)
        if len(every) > place:
            found[re.split("  +", line)[0]] = float(every[place])
    return found


def too_slow(run: Callable[..., str], name: str, least: Mapping[str, float]) -> dict[str, float]:
    """Rows that were never so many times quicker than the peer, in three runs."""
    for _ in range(3):
        found = ratios(run(name), 1)  # behind the ratio to the floor
        least = {row: times for row, times in least.items() if found[row] < times}
        if not least:
            break
    return {row: found[row] for row in least}


@pytest.mark.requires("genai")
@pytest.mark.timeout(200)
def test_decode_prints_a_ratio_for_each_frame(run):
    table = run("decode")
    rows = [line for line in table.splitlines() if "×" in line and "≤" in line]
    assert len(rows) == 6
    [second] = [line for line in table.splitlines() if line.startswith("1 s of audio")]
    assert float(re.findall(r"([\d.]+) ×", second)[0]) < 1


AT_LEAST = {
    "decode": ["text", "transcript", "40 ms of audio", "100 ms of audio", "1 s of audio"],
    "encode": [f"{ms} ms, {of}" for ms in (20, 40, 100) for of in ("codec", "call")],
}


@pytest.mark.requires("genai")
@pytest.mark.timeout(400)
@pytest.mark.parametrize(("name", "times"), [("decode", 4), ("encode", 5)])
def test_text_and_audio_are_several_times_quicker_than_with_the_peer(run, name, times):
    assert too_slow(run, name, dict.fromkeys(AT_LEAST[name], times)) == {}


@pytest.mark.requires("genai")
@pytest.mark.timeout(600)
def test_a_round_trip_takes_less_time_than_with_the_peer(run):
    of_peer = []
    while len(of_peer) < 9 and not any(ratio < 1 for ratio in of_peer):
        rows = [line for line in run("round_trip").splitlines() if re.search(r" p(50|99) ", line)]
        assert len(rows) == 8
        of_peer += [float(re.findall(r"([\d.]+) ×", row)[0]) for row in rows if " p50 " in row]
    assert min(of_peer) < 1


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
