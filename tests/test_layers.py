"""The floor plan: imports only go down, and outside libraries come in by one door each."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

_SPEC = importlib.util.find_spec("livesdk")
assert _SPEC is not None
assert _SPEC.submodule_search_locations
HOUSE = Path(_SPEC.submodule_search_locations[0])

# Each row may import from the rows below it, never from its own or a higher one.  The rooms of a
# row are alike in that they do not know each other.
PLAN = (
    ("the street", "__main__"),
    ("attic", "cli"),
    ("upper floor: the second door", "model"),
    ("upper floor: the first door", "client"),
    ("upper floor: what the doors hand in", "auth_tokens conversation recording"),
    ("ground floor: music", "music"),
    ("ground floor: session", "session"),
    ("ground floor: its other names", "_firebase_names"),
    ("ground floor: its sending half", "senders"),
    ("ground floor: its parts", "calls lifecycle playing streaming tally"),
    ("ground floor: connection", "connection history older_forms"),
    ("ground floor: the loop over connections", "recovery sending"),
    ("ground floor: its reading side", "reader"),
    ("wings: what a session is told", "configure service turn"),
    ("wings: what a message means", "tools transcript"),
    ("wings: the wire", "codec endpoint families protocol"),
    ("wings: what goes over it", "types"),
    ("left wing", "audio credentials dispatch inbox transport video"),
    ("right wing: sound", "pcm"),
    ("right wing: reasons", "_timeout reached retry"),
    ("right wing: what programs give", "_checks"),
    ("cellar", "_lock _log _secret _version errors"),
    ("foundations", "_records"),
)
FLOOR = {room: -number for number, (_, rooms) in enumerate(PLAN) for room in rooms.split()}
GARDEN_HOUSE = "emulator"
BORROWED = {"types", "codec", "errors", "pcm", "recording", "_log", "_version"}

RIGHT_WING = (
    "codec configure endpoint families history older_forms pcm protocol reached retry sending tally"
    " transcript turn"
)
NOT_PURE = {"random", "select", "selectors", "socket", "ssl", "subprocess", "threading", "time"}

# Who may import what; a room or one file of it.
DOORS = {
    "asyncio": [],
    "cattrs": ["codec"],
    "click": ["cli"],
    "google": ["credentials"],
    "json": ["cli", "codec", "emulator", "recording"],
    "livekit": ["audio"],
    "numpy": ["audio", "cli", "pcm"],
    "pyaudio": ["audio/_pyaudio.py"],
    "pybase64": ["codec"],
    "python_socks": [],
    "rich": ["cli"],
    "ssl": ["auth_tokens", "cli", "client", "emulator", "transport"],
    "websocket": ["transport"],
    "websockets": ["emulator/server.py"],
}


@attrs.frozen
class Import:
    """One import statement: which file, of what, and whether it is run at import."""

    file: str
    line: int
    target: str
    typing_only: bool

    @property
    def room(self) -> str:
        return self.file.split("/", 1)[0].removesuffix(".py")

    @property
    def other(self) -> str:
        """The room of ours that is imported, or an empty string."""
        parts = self.target.split(".")
        return parts[1] if parts[0] == "livesdk" and len(parts) > 1 else ""

    def __str__(self) -> str:
        return f"livesdk/{self.file}:{self.line} imports {self.target}"


def imports_of(path: Path) -> Iterator[Import]:
    file = path.relative_to(HOUSE).as_posix()
    package = ["livesdk", *file.split("/")[:-1]]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for statement in node.body
        for inner in ast.walk(statement)
    }
    for node in ast.walk(tree):
        for target in targets_of(node, package):
            yield Import(file, node.lineno, target, id(node) in typing_only)


def targets_of(node: ast.AST, package: list[str]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (name.name for name in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = package[: len(package) - node.level + 1] if node.level else []
        module = [*base, *(node.module.split(".") if node.module else [])]
        if module == ["livesdk"]:
            yield from (f"livesdk.{name.name}" for name in node.names)
        else:
            yield ".".join(module)


IMPORTS = [found for path in sorted(HOUSE.rglob("*.py")) for found in imports_of(path)]
OURS = [found for found in IMPORTS if found.other and found.other != found.room]


def test_every_room_stands_in_the_plan():
    rooms = {found.room for found in IMPORTS}
    assert rooms - FLOOR.keys() - {GARDEN_HOUSE, "__init__"} == set()


def test_imports_only_go_down():
    up = [
        str(found)
        for found in OURS
        if found.room not in (GARDEN_HOUSE, "__init__")
        and found.other in FLOOR
        and not found.typing_only
        and FLOOR[found.other] >= FLOOR[found.room]
    ]
    assert up == []


def test_nobody_comes_in_by_the_roof():
    """``livesdk`` itself loads every room, so no room may ask it for a name."""
    assert [str(found) for found in IMPORTS if found.target == "livesdk"] == []
    asked = [
        str(found)
        for found in OURS
        if found.other not in FLOOR and found.other not in (GARDEN_HOUSE, "__version__")
    ]
    assert asked == []


def test_the_garden_house_borrows_little_and_only_the_attic_goes_there():
    borrowed = [
        str(found)
        for found in OURS
        if found.room == GARDEN_HOUSE and found.other not in BORROWED and not found.typing_only
    ]
    assert borrowed == []
    visitors = {found.room for found in OURS if found.other == GARDEN_HOUSE}
    assert visitors <= {"cli"}


@pytest.mark.parametrize("library", sorted(DOORS))
def test_a_library_comes_in_by_its_door(library):
    elsewhere = [
        str(found)
        for found in IMPORTS
        if found.target.split(".")[0] == library
        and not found.typing_only
        and found.room not in DOORS[library]
        and found.file not in DOORS[library]
    ]
    assert elsewhere == []


def test_the_right_wing_knows_no_clock_thread_or_socket():
    impure = [
        str(found)
        for found in IMPORTS
        if found.room in RIGHT_WING.split() and found.target.split(".")[0] in NOT_PURE
    ]
    assert impure == []


@pytest.mark.parametrize("library", ["numpy", "pyaudio", "click", "rich", "google", "livekit"])
def test_what_is_heavy_or_optional_is_imported_where_it_is_needed(library):
    """Not at the top of a module that the core loads."""
    at_the_top = [
        f"livesdk/{path.relative_to(HOUSE).as_posix()}"
        for path in sorted(HOUSE.rglob("*.py"))
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        for target in targets_of(node, ["livesdk"])
        if target.split(".")[0] == library
    ]
    allowed = ("livesdk/cli/", "livesdk/audio/_")
    assert [file for file in at_the_top if not file.startswith(allowed)] == []


def test_the_reading_of_imports_sees_every_form(tmp_path):
    source = """
import a.b, c
from d import e
from . import f
from .g.h import i
def lazily():
    import j
if TYPE_CHECKING:
    from .k import l
"""
    nodes = ast.walk(ast.parse(source))
    found = {target for node in nodes for target in targets_of(node, ["livesdk"])}
    assert found == {"a.b", "c", "d", "livesdk.f", "livesdk.g.h", "j", "livesdk.k"}
