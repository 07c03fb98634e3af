"""The imports of an exported module: those that its code uses, sorted, and of Dagster if wanted."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jobnb.notebook.cell_source import WIDTH


@cache
def _dagster_names() -> dict[str, str]:
    """Return Dagster's spelling of jobnb's names, where they differ."""
    from jobnb.dagster_compat import SPELLINGS

    return {own: theirs for theirs, own in SPELLINGS.items()}


@dataclass(frozen=True, order=True)
class ImportedName:
    """A name that an import gives.

    Attributes:
        module: The module; with its dots, if it is relative.
        name: What is imported from it; empty for `import module`.
        alias: The name behind `as`; empty if there is none.
    """

    module: str
    name: str = ""
    alias: str = ""

    @property
    def gives(self) -> str:
        """The name in the importing module."""
        return self.alias or self.name or self.module.partition(".")[0]

    @property
    def is_ours(self) -> bool:
        """Whether it is jobnb, or of it."""
        return self.module.partition(".")[0] == "jobnb"

    def for_dagster(self) -> ImportedName:
        """Return the import of the same thing from Dagster."""
        if not self.is_ours:
            return self
        if not self.name:
            return ImportedName("dagster", "", self.alias or "jobnb")
        theirs = _dagster_names().get(self.name, self.name)
        alias = self.alias or (self.name if theirs != self.name else "")
        return ImportedName("dagster", theirs, alias if alias != theirs else "")

    def from_dagster(self) -> ImportedName:
        """Return the import of the same thing from jobnb; itself, if jobnb does not have it."""
        from jobnb import HOME_OF
        from jobnb.dagster_compat import SPELLINGS

        first = self.module.partition(".")[0]
        if first != "dagster":
            return self
        if not self.name:
            is_whole = self.module == "dagster"
            return ImportedName("jobnb", "", self.alias or "dagster") if is_whole else self
        if self.name == "*":
            return ImportedName("jobnb.dagster_compat", "*")
        own = SPELLINGS.get(self.name, self.name)
        if own not in HOME_OF:
            return self
        alias = self.alias or (self.name if own != self.name else "")
        return ImportedName("jobnb", own, alias if alias != own else "")


def imported_by(node: ast.stmt) -> list[ImportedName]:
    """List the names that an import statement gives."""
    if isinstance(node, ast.Import):
        return [ImportedName(each.name, "", each.asname or "") for each in node.names]
    if isinstance(node, ast.ImportFrom):
        module = "." * node.level + (node.module or "")
        return [ImportedName(module, each.name, each.asname or "") for each in node.names]
    return []


def with_imports(text: str, convert: Callable[[ImportedName], ImportedName]) -> str:
    """Return code with its imports converted, also those inside functions.

    Args:
        text: Python code.
        convert: Returns what to import instead; the same, where nothing changes.
    """
    edits: list[tuple[int, int, list[str]]] = []
    for node in ast.walk(ast.parse(text)):
        several = imported_by(node) if isinstance(node, ast.stmt) else []
        converted = [convert(each) for each in several]
        if isinstance(node, ast.stmt) and converted != several:
            groups: dict[str, list[ImportedName]] = {}
            for each in converted:
                about = each.module if each.name else f"import {each.module}"
                groups.setdefault(about, []).append(each)
            indent = " " * node.col_offset
            lines = [
                f"{indent}{line}"
                for group in groups.values()
                for line in _statement(group, WIDTH - len(indent)).splitlines()
            ]
            edits.append((node.lineno, node.end_lineno or node.lineno, lines))
    found = text.splitlines()
    for first, last, new in sorted(edits, reverse=True):
        found[first - 1 : last] = new
    return "\n".join(found)


def _line(several: list[ImportedName]) -> str:
    if several[0].name:
        return f"from {several[0].module} import {', '.join(map(_member, several))}"
    return f"import {', '.join(_member(each) for each in several)}"


def _member(each: ImportedName) -> str:
    shown = each.name or each.module
    return f"{shown} as {each.alias}" if each.alias and each.alias != shown else shown


def import_lines(several: Iterable[ImportedName], folder: Path) -> str:
    """Return import statements in sections: Python's own, installed ones, those beside it.

    Args:
        several: The names to import.
        folder: Where modules of the user's own are.
    """
    sections: dict[int, dict[tuple[bool, str], list[ImportedName]]] = {}
    for each in sorted(set(several), key=lambda one: _rank(one.name or one.module)):
        star = " *" if each.name == "*" else ""  # It stands alone.
        about = (True, each.module + star) if each.name else (False, f"{each.module} {each.alias}")
        sections.setdefault(_section(each.module, folder), {}).setdefault(about, []).append(each)
    blocks = []
    for _, section in sorted(sections.items()):
        groups = sorted(section.items(), key=lambda item: (item[0][0], item[0][1].lower()))
        blocks.append("\n".join(_statement(group) for _, group in groups))
    return "\n\n".join(blocks)


def _rank(name: str) -> tuple[int, str, str]:
    """Rank constants, then classes, then the rest, as linters sort them."""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
    return kind, name.lower(), name


def _statement(group: list[ImportedName], width: int = WIDTH) -> str:
    line = _line(group)
    if len(line) <= width or not group[0].name:
        return line
    members = "".join(f"    {_member(each)},\n" for each in group)
    return f"from {group[0].module} import (\n{members})"


def _section(module: str, folder: Path) -> int:
    first = module.partition(".")[0]
    if module == "__future__":
        return 0
    if first in sys.stdlib_module_names:
        return 1
    is_beside = not first or (folder / f"{first}.py").exists() or (folder / first).is_dir()
    return 3 if is_beside else 2


def used(several: Iterable[ImportedName], names: Collection[str]) -> list[ImportedName]:
    """Keep the imports that give some of these names; the last one of each name."""
    found = {each.gives: each for each in several if each.gives in names}
    kept = list(found.values())
    return kept + [each for each in several if each.module == "__future__"]
