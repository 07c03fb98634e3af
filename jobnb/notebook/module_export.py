"""Export the definitions of a notebook as a Python module, for jobnb or for Dagster."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from jobnb.definitions.locations.definitions import Definitions
from jobnb.notebook.cell_source import call, decorated_source
from jobnb.notebook.cell_tags import tags_of
from jobnb.notebook.code_cells import explore_tags
from jobnb.notebook.definition_code import DefinitionCode, plain_source
from jobnb.notebook.document import read_notebook
from jobnb.notebook.load_limit import LoadLimit
from jobnb.notebook.location import LoadedModule, load_module
from jobnb.notebook.module_imports import (
    Imported,
    import_lines,
    imported_by,
    used,
    with_imports,
)
from jobnb.notebook.module_statements import Statement, is_builtin, last_giver, statements_of
from jobnb.registry.catalogue import can_be_known, kind_of, names_of

_PARTS = {
    "assets": "asset",
    "asset_checks": "check",
    "jobs": "job",
    "schedules": "schedule",
    "sensors": "sensor",
}
"""The parameters of `Definitions`, and the kinds of definitions that they take."""
_OWN = (
    *("asset", "asset_check", "op", "AssetCheckResult", "AssetIn", "AssetKey", "Definitions"),
    *("Out", "ResourceParam", "RetryPolicy", "load_assets_from_modules"),
)
"""The names that an export may write itself."""


@dataclass(frozen=True)
class LeftOut:
    """A statement of the notebook that is not in the module.

    Attributes:
        cell: The number of its code cell.
        code: Its first line.
    """

    cell: int
    code: str

    def __str__(self) -> str:
        return f"cell [{self.cell}]: {self.code}"


@dataclass
class ExportedModule:
    """A notebook as a module.

    Attributes:
        text: Its code.
        counts: How many definitions of each kind it has.
        left_out: The statements with effects that are not in it.
        problems: What it does not have, in sentences.
    """

    text: str
    counts: dict[str, int]
    left_out: list[LeftOut] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def export_module(
    path: str | Path, *, for_dagster: bool = False, limit: LoadLimit | None = None
) -> ExportedModule:
    """Export the definitions of a notebook, and the code that they need.

    The notebook's code is executed in this process, except what starts runs; see
    `load_definitions`.

    Args:
        path: A notebook, or a `.py` file of cells.
        for_dagster: Whether the module imports Dagster instead of jobnb.
        limit: How long it may take to load; 120 s if not given.

    Returns:
        The module's code, and what is not in it.

    Raises:
        NotebookError: If the notebook cannot be read, or its code raises.
    """
    loaded = load_module(path, limit=limit)
    statements, title = _read(Path(path), loaded)
    return _Export(Path(path), loaded, statements, title, for_dagster).module()


def _read(path: Path, loaded: LoadedModule) -> tuple[list[Statement], str]:
    """Return the statements of all cells, and the notebook's title."""
    code, found, above, number, title = DefinitionCode(), [], [], 0, ""
    node = read_notebook(path)
    explores = explore_tags(node.metadata)
    for cell in node.cells:
        if cell.cell_type == "markdown":
            if not title and cell.source.startswith("# "):
                title, _, rest = cell.source[2:].partition("\n")
                above.extend([rest.strip()] if rest.strip() else [])
            else:
                above.append(cell.source.strip())
            continue
        if cell.cell_type != "code" or not cell.source.strip():
            continue
        number += 1
        if explores.intersection(tags_of(cell)):
            continue
        defined = loaded.cells.get(f"{path}, cell [{number}]")
        source = decorated_source(defined) if defined else plain_source(cell.source)
        for each in statements_of(source, number, _as_comments(above)):
            each.is_out = not code.wants(each.node)
            found.append(each)
        above = []
    return found, title.strip()


def _as_comments(texts: Iterable[str]) -> str:
    blocks = ("\n".join(f"# {line}".rstrip() for line in each.splitlines()) for each in texts)
    return "\n#\n".join(filter(None, blocks))


class _Export:
    """Selects and writes the statements that define.

    Args:
        path: The notebook.
        loaded: What it defines.
        statements: Its statements.
        title: Its title.
        for_dagster: Whether the module is to import Dagster.
    """

    def __init__(
        self,
        path: Path,
        loaded: LoadedModule,
        statements: list[Statement],
        title: str,
        for_dagster: bool,
    ) -> None:
        self._path = path
        self._loaded = loaded
        self._statements = statements
        self._title = title
        self._for_dagster = for_dagster
        self._givers: dict[str, list[int]] = {}
        for number, each in enumerate(statements):
            for name in each.gives if not each.is_import and not each.is_out else ():
                self._givers.setdefault(name, []).append(number)
        self._imports = [
            each for one in statements if one.is_import for each in imported_by(one.node)
        ]
        self._imported = {*_OWN, *(each.gives for each in self._imports)}
        self._stars: set[Imported] = set()  # The `import *` that something needs.
        self._problems: list[str] = []

    def module(self) -> ExportedModule:
        """Return the module."""
        resources, resource_statements = self._resources()
        named = self._definitions()
        seeds = {last_giver(name, self._givers) for name in named}
        reads = {name for text in resources for name in _names_in(text)}
        seeds |= {last_giver(name, self._givers) for name in reads}
        kept = self._with_needed({each for each in seeds if each is not None})
        ending, own = self._ending(named, resources)
        text = self._text(kept, ending, own | reads)
        left = self._left_out(kept, resource_statements)
        counts: dict[str, int] = {}
        for entry in self._loaded.session.catalogue.entries():
            counts[entry.kind] = counts.get(entry.kind, 0) + 1
        heading = self._heading(left)
        return ExportedModule(f"{heading}\n\n{text}", counts, left, self._problems)

    # --- what is needed -------------------------------------------------------

    def _definitions(self) -> dict[str, Any]:
        """Return the variables that hold definitions of the session, or several of them."""
        catalogue = self._loaded.session.catalogue
        known = {id(entry.definition): entry for entry in catalogue.entries()}
        found: dict[str, Any] = {}
        for name in self._givers:
            value = self._loaded.variables.get(name)
            if id(value) in known or isinstance(value, Definitions):
                found[name] = value
        reached = {id(each) for value in found.values() for each in _each_of(value)}
        for name in self._givers:
            several = list(_each_of(self._loaded.variables.get(name)))
            if name not in found and any(id(e) in known and id(e) not in reached for e in several):
                found[name] = self._loaded.variables[name]
                reached |= {id(each) for each in several}
        for name in self._givers:
            value = self._loaded.variables.get(name)
            if name not in found and self._made_of(value):
                found[name] = value
        beside = {
            id(value)
            for module in self._loaded.variables.values()
            if isinstance(module, ModuleType)
            for value in vars(module).values()
        }
        for key, entry in known.items():
            if key not in reached and key not in beside:
                self._problems.append(
                    f"The {entry.kind} {entry.name!r} is not in it: no variable of the notebook "
                    "holds it. Give it one."
                )
        return found

    def _made_of(self, value: Any) -> set[str]:
        """Return the keys of the known assets that a list replaces, as `with_resources` does."""
        several = value if isinstance(value, (list, tuple)) else ()
        known = self._loaded.session.catalogue.by_name("asset")
        assets = [each for each in several if kind_of(each) == "asset"]
        names = {name for each in assets for name in names_of(each)}
        return names if names <= known.keys() else set()

    def _with_needed(self, wanted: set[int]) -> list[int]:
        """Return the statements that some need, in order, with these."""
        kept: set[int] = set()
        waiting = sorted(wanted)
        told: set[str] = set()
        for number in waiting:  # The list grows while it is read.
            if number in kept:
                continue
            kept.add(number)
            waiting.extend(self._needs(number, told))
            waiting.extend(self._changing(kept, kept.union(waiting)))
        return sorted(kept)

    def _needs(self, number: int, told: set[str]) -> Iterator[int]:
        statement = self._statements[number]
        for name in statement.reads:
            before = number if name in statement.reads_at_once else None
            giver = last_giver(name, self._givers, before)
            if giver is None:
                giver = last_giver(name, self._givers)
            if giver is not None:
                yield giver
            elif name in self._imported or is_builtin(name) or name in told:
                continue
            elif name in self._loaded.variables and "*" in self._imported:
                self._stars |= {each for each in self._imports if each.name == "*"}
            else:
                told.add(name)
                self._problems.append(
                    f"It has no {name!r}, which `{statement.first_line}` needs: only code that "
                    "was left out gives it."
                )

    def _changing(self, kept: set[int], known: set[int]) -> Iterator[int]:
        """Iterate over the statements that change the values of names that are kept."""
        names = {name for each in kept for name in self._statements[each].gives}
        for number, each in enumerate(self._statements):
            changed = each.changes & names
            if number not in known and not each.is_out and changed and self._are_plain(changed):
                yield number

    def _are_plain(self, names: Iterable[str]) -> bool:
        """Whether these are values of the notebook, no definitions."""
        values = (self._loaded.variables.get(name) for name in names)
        return not any(can_be_known(e) or isinstance(e, (Definitions, ModuleType)) for e in values)

    # --- resources of the session ---------------------------------------------

    def _resources(self) -> tuple[list[str], set[int]]:
        """Return the resources that are added to the session, as Python, and the statements."""
        found: list[str] = []
        numbers: set[int] = set()
        for number, each in enumerate(self._statements):
            text = _resources_added(each.node)
            if text is not None:
                found.append(text)
                numbers.add(number)
        return found, numbers

    def _modules_added(self) -> list[str]:
        """Return the names of the modules that are added to the session."""
        found: list[str] = []
        for each in self._statements:
            for node in _calls_of_add(each.node):
                names = [arg.id for arg in node.args if isinstance(arg, ast.Name)]
                values = self._loaded.variables
                found.extend(name for name in names if isinstance(values.get(name), ModuleType))
        return found

    # --- the text -------------------------------------------------------------

    def _ending(self, named: dict[str, Any], resources: list[str]) -> tuple[str, set[str]]:
        """Return the `Definitions` of the module, unless it has some, and the names it needs."""
        if any(isinstance(value, Definitions) for value in named.values()):
            return "", set()
        arguments, own, catalogue = [], {"Definitions"}, self._loaded.session.catalogue
        modules = self._modules_added()
        replaced = {name for value in named.values() for name in self._made_of(value)}
        for parameter, kind in _PARTS.items():
            known = {id(each) for each in catalogue.definitions(kind)}
            names = [
                name
                for name, value in named.items()
                if id(value) in known and not (kind == "asset" and replaced >= {*names_of(value)})
            ]
            several = [
                f"*{name}" if isinstance(value, (list, tuple, set)) else f"*{name}.values()"
                for name, value in named.items()
                if id(value) not in known and any(kind_of(each) == kind for each in _each_of(value))
            ]
            if kind == "asset" and modules:
                own |= {"load_assets_from_modules", *modules}
                several.append(f"*load_assets_from_modules([{', '.join(modules)}])")
            if names or several:
                arguments.append(call(f"{parameter}=", [])[:-2] + _list([*names, *several]))
        if resources:
            merged = ", ".join(f"**{each}" for each in resources)
            arguments.append(
                f"resources={resources[0] if len(resources) == 1 else f'{{{merged}}}'}"
            )
        if not arguments:
            return "", set()
        return call("defs = Definitions", arguments), own

    def _text(self, kept: list[int], ending: str, names: set[str]) -> str:
        statements = self._headed([self._statements[number] for number in kept])
        wanted = names.union(*(each.reads for each in statements)) if statements else names
        imports = used([*(Imported("jobnb", name) for name in _OWN), *self._imports], wanted)
        imports.extend(self._stars)
        if self._for_dagster:
            imports = [each.for_dagster() for each in imports]
            statements = [
                replace(each, text=with_imports(each.text, Imported.for_dagster))
                for each in statements
            ]
        sections = import_lines(imports, self._path.absolute().parent)
        body = "".join(_spaced(statements))
        blocks = [each.strip("\n") for each in (sections, body) if each.strip("\n")]
        starts_plain = bool(statements) and (
            bool(statements[0].above) or not statements[0].is_definition
        )
        head = ("\n\n" if starts_plain else "\n\n\n").join(blocks)
        return "\n\n\n".join(filter(None, [head, ending])) + "\n"

    def _headed(self, kept: list[Statement]) -> list[Statement]:
        """Put what stands above a cell above the first of its statements that is kept."""
        above = {each.cell: each.above for each in reversed(self._statements) if not each.is_import}
        found: list[Statement] = []
        for each in kept:
            is_first = not found or found[-1].cell != each.cell
            lead = above[each.cell] if is_first and not each.above else each.above
            found.append(replace(each, above=lead))
        return found

    def _left_out(self, kept: list[int], handled: set[int]) -> list[LeftOut]:
        there = {*kept, *handled}
        return [
            LeftOut(each.cell, each.first_line)
            for number, each in enumerate(self._statements)
            if number not in there and not each.is_import and _has_effects(each)
        ]

    def _heading(self, left: list[LeftOut]) -> str:
        title = (self._title or f"The definitions of {self._path.name}").rstrip(".")
        lines = [f"{title}.", "", f"Exported from {self._path.name} by `jobnb export`."]
        if left:
            lines += ["Left out, because it defines nothing:", "", *(f"- {each}" for each in left)]
        text = "\n".join(lines).replace("\\", "\\\\").replace('"""', "'''")
        return f'"""{text}\n"""'


def _spaced(statements: Iterable[Statement]) -> Iterator[str]:
    """Iterate over the texts of statements, each with the blank lines that belong before it."""
    was_big = True
    for each in statements:
        is_big = each.is_definition
        if each.above:
            yield f"\n\n\n{each.above}\n\n\n" if is_big else f"\n\n\n{each.above}\n\n"
        else:
            yield "\n\n\n" if is_big or was_big else "\n"
        yield each.text
        was_big = is_big


def _list(names: list[str]) -> str:
    short = f"[{', '.join(names)}]"
    if len(short) <= 60:
        return short
    return "[\n" + "".join(f"        {each},\n" for each in names) + "    ]"


def _each_of(value: Any) -> Iterator[Any]:
    """Iterate over the definitions in a value: itself, or those of a list, dict or Definitions."""
    if isinstance(value, Definitions):
        for part in (*_PARTS, "source_assets"):
            yield from getattr(value, part)
    elif isinstance(value, (list, tuple, set, frozenset)):
        yield from value
    elif isinstance(value, dict):
        yield from value.values()
    else:
        yield value


def _has_effects(statement: Statement) -> bool:
    """Whether a statement does something else than to show a value or to give a name."""
    node = statement.node
    if isinstance(node, ast.Expr):
        return any(isinstance(each, (ast.Call, ast.Await)) for each in ast.walk(node))
    return statement.is_out or bool(statement.changes)


def _calls_of_add(node: ast.stmt) -> Iterator[ast.Call]:
    called = node.value if isinstance(node, ast.Expr) else None
    if isinstance(called, ast.Call) and isinstance(called.func, ast.Attribute):
        owner = ast.unparse(called.func.value).rpartition(".")[2]
        if called.func.attr == "add" and owner == "session":
            yield called


def _resources_added(node: ast.stmt) -> str | None:
    for each in _calls_of_add(node):
        for keyword in each.keywords:
            if keyword.arg == "resources":
                return ast.unparse(keyword.value)
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
        target = node.targets[0]
        if ast.unparse(target.value).endswith("session.resources"):
            return f"{{{ast.unparse(target.slice)}: {ast.unparse(node.value)}}}"
    return None


def _names_in(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text, mode="eval")):
        if isinstance(node, ast.Name) and not hasattr(builtins, node.id):
            yield node.id
