"""What is installed: the version, the type marker, and the wheel rather than the working copy."""

from __future__ import annotations

import configparser
import importlib.util
import os
import re
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

import pytest

HERE = Path(__file__).parent

installed_afresh = pytest.mark.skipif(
    "TOX_ENV_NAME" not in os.environ, reason="only tox installs the package afresh"
)


def installed() -> Path:
    spec = importlib.util.find_spec("livesdk")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def names_of(requirements: Iterable[str]) -> set[str]:
    found = {re.split("[^A-Za-z0-9_-]", line.strip())[0] for line in requirements}
    return {name.replace("_", "-") for name in found if name}


def stated() -> set[str]:
    """The core dependencies, as the design lists them."""
    text = (HERE.parent / "docs/design.rst").read_text("utf-8")
    section = text.partition("\n7. What it needs\n")[2].partition("\n8. ")[0]
    return names_of(re.findall(r"\* - ``(\S+)``", section))


def test_the_core_depends_on_what_the_design_states_and_on_nothing_else() -> None:
    setup = configparser.ConfigParser()
    setup.read(HERE.parent / "setup.cfg", encoding="utf-8")
    assert stated() == names_of(setup["options"]["install_requires"].splitlines())
    assert stated() == {
        "attrs",
        "cattrs",
        "docstring-parser",
        "numpy",
        "pybase64",
        "websocket-client",
    }


@installed_afresh
def test_what_is_installed_depends_on_the_same() -> None:
    core = [line for line in metadata.requires("livesdk") or () if "extra ==" not in line]
    assert names_of(core) == stated()


@installed_afresh
def test_the_tests_see_the_installed_package_and_not_the_working_copy() -> None:
    assert installed() != HERE.parent / "livesdk"
    assert "site-packages" in installed().parts


@installed_afresh
def test_the_version_is_written_once() -> None:
    namespace: dict[str, str] = {}
    exec((installed() / "_version.py").read_text("utf-8"), namespace)
    assert metadata.version("livesdk") == namespace["__version__"]


@installed_afresh
def test_the_type_marker_is_shipped() -> None:
    assert (installed() / "py.typed").is_file()


@installed_afresh
def test_every_file_of_the_package_is_shipped() -> None:
    source = HERE.parent / "livesdk"
    wanted = {
        path.relative_to(source)
        for path in source.rglob("*")
        if path.is_file() and path.suffix not in {".pyc", ".pyo"}
    }
    assert {path for path in wanted if not (installed() / path).is_file()} == set()


@installed_afresh
def test_no_core_dependency_has_an_upper_bound() -> None:
    core = [line for line in metadata.requires("livesdk") or () if "extra ==" not in line]
    assert core
    assert [line for line in core if "<" in line or "==" in line or "~=" in line] == []
