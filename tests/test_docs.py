"""The documentation: its examples run, its references and the code's citations of it resolve."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import livesdk
from livesdk import pcm
from livesdk.emulator import Emulator, Scenario

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.rst"))
PACKAGE = Path(livesdk.__file__).parent


class Block(NamedTuple):
    """A code block of Python."""

    page: Path
    line: int
    source: str
    is_run: bool


def blocks_of(page: Path) -> Iterator[Block]:
    """Find the blocks of a page; ``.. not run: why`` stands before those that cannot run here."""
    lines = page.read_text("utf-8").splitlines()
    last_words = ""
    for number, line in enumerate(lines):
        if line == ".. code-block:: python":
            body = itertools.takewhile(
                lambda text: not text or text.startswith("   "), lines[number + 1 :]
            )
            source = "\n" * (number + 1) + "\n".join(text[3:] for text in body) + "\n"
            yield Block(page, number + 2, source, not last_words.startswith(".. not run: "))
        last_words = line or last_words


@pytest.fixture
def _surroundings(tmp_path, monkeypatch) -> Iterator[None]:
    """What the examples take for granted: a key, a server, a WAV file."""
    sound = pcm.tone(300, 600, 16_000) + pcm.silence(100, 16_000)
    (tmp_path / "speech.wav").write_bytes(pcm.wav_bytes(sound, 16_000))
    monkeypatch.chdir(tmp_path)
    with Emulator(Scenario(heard=["what time is it"]), voice="tones") as emulator:
        monkeypatch.setenv("GOOGLE_API_KEY", "any")
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", emulator.base_url)
        yield


@pytest.mark.requires("emulator")
@pytest.mark.timeout(120)
@pytest.mark.usefixtures("_surroundings")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_examples_of_a_page_run_one_after_the_other(page):
    names: dict[str, object] = {"__name__": "example"}
    for block in blocks_of(page):
        code = compile(block.source, str(block.page), "exec")
        if block.is_run:
            exec(code, names)


@pytest.mark.requires("emulator")
def test_the_recipe_for_pytest_works_as_it_stands(tmp_path):
    blocks = blocks_of(DOCS / "emulator.rst")
    recipe = next(block for block in blocks if "def test_" in block.source)
    (tmp_path / "test_recipe.py").write_text(recipe.source, "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_recipe.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "2 passed" in done.stdout, done.stdout


def sections_of(page: str) -> set[str]:
    """Return the numbers at the head of a page's sections."""
    text = (DOCS / page).read_text("utf-8")
    return set(re.findall(r"^(\d+(?:\.\d+)?)\.? .+\n[=~^-]{4,}$", text, re.MULTILINE))


def citations(pattern: str) -> set[tuple[str, str]]:
    """Return ``(section, where)`` of what the package cites, standards aside."""
    standards = re.compile(r"(?:RFC|FIPS|SEC) [\d-]+(?:[\s#]+§[\d.]+(?:,| and)?)+")
    return {
        (section, f"{path.relative_to(PACKAGE)}")
        for path in PACKAGE.rglob("*.py")
        for section in re.findall(pattern, standards.sub("", path.read_text("utf-8")))
    }


def test_every_section_of_the_protocol_that_the_code_cites_exists():
    known = sections_of("protocol.rst")
    assert {str(number) for number in range(1, 21)} <= known
    # "§4" is the protocol's, unless it is another document's
    cited = citations(r"(?<!DESIGN`` )(?<!DESIGN )§(\d+(?:\.\d+)?)")
    assert {(section, where) for section, where in cited if section not in known} == set()


def test_every_section_of_the_design_that_the_code_cites_exists():
    known = sections_of("design.rst")
    cited = citations(r"DESIGN(?:``)? §(\d+)")
    assert cited
    assert {(section, where) for section, where in cited if section not in known} == set()


def test_the_emulator_page_has_a_line_for_every_step_and_fault():
    from livesdk import emulator

    page = (DOCS / "emulator.rst").read_text("utf-8")
    records = set(emulator.__all__) - {"Connection", "Input", "OpeningFault", "Step"}
    assert {name for name in records if f"{name}(" not in page} == set()


def test_every_public_error_is_on_the_page_of_errors():
    page = (DOCS / "errors.rst").read_text("utf-8")
    names = {
        name
        for name in dir(livesdk)
        if isinstance(getattr(livesdk, name), type)
        and issubclass(getattr(livesdk, name), livesdk.LiveError)
    } - {"ServiceConnectionHandshakeFailedException"}
    assert {name for name in names if name not in page} == set()


def test_every_page_is_in_the_index():
    index = (DOCS / "index.rst").read_text("utf-8")
    assert {page.stem for page in PAGES if f"   {page.stem}\n" not in index} == {"index"}


def test_references_to_other_pages_resolve():
    for page in PAGES:
        found = re.findall(r":doc:`(?:[^`<]*<)?(\w+)>?`", page.read_text("utf-8"))
        assert {name for name in found if not (DOCS / f"{name}.rst").exists()} == set(), page
