"""The house: imports go down its floors only, imports inside functions included.

`python -m tests.test_house` draws the picture in jobnb/README.md again.
"""

from __future__ import annotations

import ast
import re
import tomllib
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import pytest

import jobnb

PACKAGE = Path(jobnb.__file__).parent
PROJECT = PACKAGE.parent


def module_name(file: Path) -> str:
    parts = file.relative_to(PROJECT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def imports_of(node: ast.AST) -> set[str]:
    """All that a file imports, wherever in it, but for what only a type checker reads."""
    found: set[str] = set()
    for child in ast.iter_child_nodes(node):
        if is_for_types(child):
            continue
        if isinstance(child, ast.ImportFrom):
            assert not child.level, "imports are absolute"
            found |= {f"{child.module}.{alias.name}" for alias in child.names}
            found.add(str(child.module))
        elif isinstance(child, ast.Import):
            found |= {alias.name for alias in child.names}
        found |= imports_of(child)
    return found


@cache
def import_graph() -> dict[str, set[str]]:
    files = {module_name(file): file for file in PACKAGE.rglob("*.py")}
    graph = {}
    for name, file in files.items():
        named = imports_of(ast.parse(file.read_text()))
        # `from package import module` names the module; the package alone is not what is used.
        used = {each for each in named if each in files and each != name}
        graph[name] = {
            each
            for each in used
            if not any(other.startswith(f"{each}.") for other in used)
            or files[each].name != "__init__.py"
        }
    return graph


def contracts() -> list[dict[str, Any]]:
    """The contracts in pyproject.toml that say which rooms stand above which."""
    config = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["importlinter"]
    return [each for each in config["contracts"] if each["type"] == "layers"]


def floors(place: int = 0) -> list[set[str]]:
    """The rooms from the top floor down, as a contract says: the first one is of the house."""
    contract = contracts()[place]
    inside = "".join(f"{room}." for room in contract.get("containers", ()))
    return [
        {inside + room.strip(" ()") for room in layer.replace("|", ":").split(":")}
        for layer in contract["layers"]
    ]


def floor_of(module: str, levels: list[set[str]]) -> int | None:
    for height, rooms in enumerate(levels):
        if any(module == room or module.startswith(f"{room}.") for room in rooms):
            return height
    return None


def test_no_files_import_each_other_in_a_circle():
    try:
        TopologicalSorter(import_graph()).prepare()
    except CycleError as error:
        raise AssertionError(" <- ".join(error.args[1])) from None


@pytest.mark.parametrize("place", range(len(contracts())))
def test_no_import_goes_up_a_floor(place: int):
    levels = floors(place)
    assert len(levels) >= 10
    upward = [
        f"{name} -> {used}"
        for name, imports in import_graph().items()
        for used in imports
        if (own := floor_of(name, levels)) is not None
        and (other := floor_of(used, levels)) is not None
        and other < own
    ]
    assert upward == []


def test_nothing_below_the_roof_imports_the_engine():
    users = [name for name, imports in import_graph().items() if "jobnb.engine" in imports]
    assert users == []


def test_one_file_alone_walks_the_json_schema_of_a_config():
    walkers = [module_name(file) for file in PACKAGE.rglob("*.py") if '"$defs"' in file.read_text()]
    assert walkers == ["jobnb.config.places"]


# --- the page about it --------------------------------------------------------------

PAGE = PACKAGE / "README.md"
_PICTURE = re.compile(r"```mermaid\n.*?```\n", re.DOTALL)


def room_of(module: str) -> str:
    return module.split(".")[1]


def picture() -> str:
    """Which room imports which, as Mermaid: from the top floor down."""
    rooms = [sorted(room_of(each) for each in floor) for floor in floors()]
    here = {room for floor in rooms for room in floor}
    arrows = {
        (room_of(name), room_of(used))
        for name, imports in import_graph().items()
        for used in imports
        if "." in name and "." in used and room_of(name) in here and room_of(used) in here
    }
    heights = {room: height for height, floor in enumerate(rooms) for room in floor}
    drawn = [
        f"    {one} --> {other}"
        for one, other in sorted(arrows, key=lambda pair: (heights[pair[0]], *pair))
        if one != other and other != "errors"  # every room imports the errors
    ]
    return "```mermaid\nflowchart TD\n" + "\n".join(drawn) + "\n```\n"


def test_the_page_about_the_house_shows_the_imports_as_they_are():
    assert _PICTURE.search(PAGE.read_text())[0] == picture(), "run python -m tests.test_house"


def test_the_page_about_the_house_names_every_room():
    text = PAGE.read_text()
    rooms = {room_of(each) for floor in floors() for each in floor} - {"server"}
    assert {room for room in rooms if f"`{room}" not in text} == set()


def test_the_files_that_the_pages_name_are_there():
    named = re.findall(
        r"`((?:jobnb|tests|notebooks|\.ci)/[\w./-]+)`", (PROJECT / "CONTRIBUTING.md").read_text()
    )
    named += [f"jobnb/{each}" for each in re.findall(r"`(\w+/[\w./]+\.py)`", PAGE.read_text())]
    assert named
    assert [each for each in named if not (PROJECT / each).exists()] == []


if __name__ == "__main__":
    PAGE.write_text(_PICTURE.sub(lambda _: picture(), PAGE.read_text()))
