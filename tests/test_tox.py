"""What the environments of tox.ini run is what there is to run."""

from __future__ import annotations

import configparser
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
READS_IT = re.compile(r"environ\S*LIVESDK_STRESS\b")


@pytest.fixture
def stress():
    """Settings of the environment that tries things by the thousand."""
    read = configparser.RawConfigParser()
    read.read(ROOT / "tox.ini", encoding="utf-8")
    return read["testenv:stress"]


@pytest.fixture
def run_by_stress(stress):
    """Paths, as its command names them."""
    return re.findall(r"tests/[\w/.]+", stress["commands"])


def test_stress_runs_all_that_can_do_more(run_by_stress):
    others = {path for path in (ROOT / "tests").rglob("*.py") if path.name != Path(__file__).name}
    able = {path for path in others if READS_IT.search(path.read_text("utf-8"))}
    paths = [ROOT / path for path in run_by_stress]
    assert len(able) == 3
    assert [path for path in able if not any(p in (path, *path.parents) for p in paths)] == []


def test_what_stress_runs_can_be_collected_with_its_settings(stress, run_by_stress):
    [word] = re.findall(r"LIVESDK_STRESS = (\S+)", stress["set_env"])
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, *run_by_stress],
        cwd=ROOT,
        env={**os.environ, "LIVESDK_STRESS": word, "PYTEST_ADDOPTS": ""},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    for path in run_by_stress:
        assert path in done.stdout
