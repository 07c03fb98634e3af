"""Export the definitions of a notebook as a Python module, for jobnb or for Dagster."""

from __future__ import annotations

import ast
import builtins
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from jobnb.definitions.locations.definitions import Definitions
from jobnb.notebook.cell_source import call, decorated_source
from jobnb.notebook.cell_tags import tags_of
from jobnb.notebook.code_cells import explore_tags
from jobnb.notebook.dagster_lacks import (
    STAND_INS,
    giver_of,
    lacked_by_dagster,
    with_stand_ins,
)
from jobnb.notebook.definition_code import DefinitionCode, plain_source
from jobnb.notebook.document import read_notebook
from jobnb.notebook.load_limit import LoadLimit
from jobnb.notebook.location import LoadedModule, load_module
from jobnb.notebook.module_imports import (
    ImportedName,
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
class OmittedStatement:
    """A statement of the notebook that is not in the module.

    Attributes:
        cell: The number of its code cell.
        code: Its first line.
        reason: Why Dagster cannot execute it; empty if it just defines nothing.
    """

    cell: int
    code: str
    reason: str = ""

    def __str__(self) -> str:
        return f"cell [{self.cell}]: {self.code}" + (f" ({self.reason})" if self.reason else "")


@dataclass
class ExportedModule:
    """A notebook as a module.

    Attributes:
        text: Its code.
        counts: How many definitions of each kind it has.
        left_out: The statements that are not in it: those with effects, and what Dagster lacks.
        problems: What it does not have, in sentences.
    """

    text: str
    counts: dict[str, int]
    left_out: list[OmittedStatement] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def export_module(
    path: str | Path, *, for_dagster: bool = False, limit: LoadLimit | None = None
) -> ExportedModule:
    """Export the definitions of a notebook, and the code that they need.

    For Dagster, what it does not have is left out, with what needs it, and named with the reason.

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
        self._stars: set[ImportedName] = set()  # The `import *` that something needs.
        self._problems: list[str] = []
        self._lacked: dict[int, str] = {}  # What Dagster cannot execute, and why.

    def module(self) -> ExportedModule:
        """Return the module."""
        everything = self._definitions()
        named, wanted = everything, self._needed_for(everything)
        if self._for_dagster:
            self._lacked = lacked_by_dagster(self._statements, self._loaded.variables, self._givers)
            named = {name: value for name, value in everything.items() if self._is_had(name)}
        resources, handled = self._resources()
        reads = {name for text in resources for name in _names_in(text)}
        kept = self._needed_for({*named, *reads}, tells=True)
        ending, own = self._ending(named, resources)
        text = self._text(kept, ending, own | reads)
        lost = {number for number in wanted if number in self._lacked}
        left = self._left_out(kept, handled, lost)
        counts = self._counts(everything, named)
        return ExportedModule(f"{self._heading(left)}\n\n{text}", counts, left, self._problems)

    def _is_had(self, name: str) -> bool:
        """Whether Dagster can have what a name is."""
        return last_giver(name, self._givers) not in self._lacked

    def _counts(self, everything: dict[str, Any], named: dict[str, Any]) -> dict[str, int]:
        """Count the definitions of each kind, without those that only lacked names hold."""
        there = {id(each) for value in named.values() for each in _each_of(value)}
        lost = {id(each) for value in everything.values() for each in _each_of(value)} - there
        entries = self._loaded.session.catalogue.entries()
        return dict(Counter(each.kind for each in entries if id(each.definition) not in lost))

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
            id(each)
            for module in self._loaded.variables.values()
            if isinstance(module, ModuleType)
            for value in vars(module).values()
            for each in (value, *(_each_of(value) if isinstance(value, Definitions) else ()))
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

    def _needed_for(self, names: Iterable[str], *, tells: bool = False) -> list[int]:
        """Return the statements that define some names and modules, and what they need, in order.

        Args:
            names: The names.
            tells: Whether what is missing is told as a problem.
        """
        modules = set(self._modules_made())
        seeds = {last_giver(name, self._givers) for name in {*names, *modules}} - {None}
        told: set[str] = set()
        before = len(self._problems)
        kept = self._with_needed({each for each in seeds if each is not None}, told)
        if not tells:
            del self._problems[before:]
        if modules and not self._for_dagster:
            kept = sorted({*kept, *self._adding(modules)})
        return kept

    def _with_needed(self, wanted: set[int], told: set[str]) -> list[int]:
        """Return the statements that some need, in order, with these."""
        kept: set[int] = set()
        waiting = sorted(wanted)
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
            giver = giver_of(name, number, statement, self._givers)
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
            is_out = each.is_out or number in self._lacked or number in known
            if changed and not is_out and self._are_plain(changed):
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
            elif number in self._lacked:
                found.extend(_resources_of(each.node))
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

    def _modules_made(self) -> Iterator[str]:
        """Iterate over the modules that are added to the session and that its own code makes."""
        return (name for name in self._modules_added() if name in self._givers)

    def _adding(self, modules: set[str]) -> Iterator[int]:
        """Iterate over the calls that add modules, and that let those for Dagster find jobnb."""
        spelled = {e.gives for e in self._imports if "dagster_compat" in (e.name, e.module[6:])}
        for number, each in enumerate(self._statements):
            called = each.node.value if isinstance(each.node, ast.Expr) else None
            names = {*_names_in(called)} if called else set()
            if spelled & names or (modules & names and any(_calls_of_add(each.node))):
                yield number

    # --- the text -------------------------------------------------------------

    def _ending(self, named: dict[str, Any], resources: list[str]) -> tuple[str, set[str]]:
        """Return the `Definitions` of the module, unless it has some, and the names it needs."""
        if any(isinstance(value, Definitions) for value in named.values()):
            return "", set()
        arguments, catalogue = [], self._loaded.session.catalogue
        own: set[str] = set()
        added = self._modules_added()
        whole = [each for name in added for each in self._whole(name)]
        modules = [name for name in added if not any(self._whole(name))]
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
                own |= {"load_assets_from_modules"}
                several.append(f"*load_assets_from_modules([{', '.join(modules)}])")
            if names or several:
                arguments.append(call(f"{parameter}=", [])[:-2] + _list([*names, *several]))
        if resources:
            merged = ", ".join(f"**{each}" for each in resources)
            arguments.append(
                f"resources={resources[0] if len(resources) == 1 else f'{{{merged}}}'}"
            )
        own |= {"Definitions", *added}
        if not whole:
            return (call("defs = Definitions", arguments), own) if arguments else ("", set())
        if not arguments and len(whole) == 1:
            return f"defs = {whole[0]}", {*added}
        parts = [*whole, *([call("Definitions", arguments)] if arguments else [])]
        return call("defs = Definitions.merge", parts), own

    def _whole(self, module: str) -> Iterator[str]:
        """Iterate over the `Definitions` that a module holds."""
        for name, value in vars(self._loaded.variables[module]).items():
            if isinstance(value, Definitions):
                yield f"{module}.{name}"

    def _text(self, kept: list[int], ending: str, names: set[str]) -> str:
        statements = self._headed([self._statements[number] for number in kept])
        wanted = names.union(*(each.reads for each in statements)) if statements else names
        imports = used([*(ImportedName("jobnb", name) for name in _OWN), *self._imports], wanted)
        imports.extend(self._stars)
        if self._for_dagster:
            if any(each.is_ours for each in self._stars):
                by_star = (ImportedName("jobnb", name) for name in STAND_INS)
                imports.extend(each for each in used(by_star, wanted - self._givers.keys()))
            imports, brought = with_stand_ins(imports)
            converted = [
                replace(each, text=with_imports(each.text, ImportedName.for_dagster))
                for each in statements
            ]
            statements = [*statements_of(brought), *converted]
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

    def _left_out(
        self, kept: list[int], handled: set[int], lost: set[int]
    ) -> list[OmittedStatement]:
        there = {*kept, *handled} - lost
        return [
            OmittedStatement(each.cell, each.heading, self._lacked[number])
            if number in lost
            else OmittedStatement(each.cell, each.first_line)
            for number, each in enumerate(self._statements)
            if number not in there and not each.is_import and (number in lost or _has_effects(each))
        ]

    def _heading(self, left: list[OmittedStatement]) -> str:
        title = (self._title or f"The definitions of {self._path.name}").rstrip(".")
        lines = [f"{title}.", "", f"Exported from {self._path.name} by `jobnb export`."]
        for told, several in (
            ("it defines nothing", [each for each in left if not each.reason]),
            ("Dagster does not have what it needs", [each for each in left if each.reason]),
        ):
            if several:
                lead = "" if lines[-1].startswith("Exported") else "\n"
                lines += [
                    f"{lead}Left out, because {told}:",
                    "",
                    *(f"- {each}" for each in several),
                ]
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


def _resources_of(node: ast.stmt) -> Iterator[str]:
    """Iterate over the resources of `Definitions` that are given to a name, as Python."""
    made = node.value if isinstance(node, ast.Assign) else None
    if isinstance(made, ast.Call) and ast.unparse(made.func).rpartition(".")[2] == "Definitions":
        for keyword in made.keywords:
            if keyword.arg == "resources":
                yield ast.unparse(keyword.value)


def _names_in(text: str | ast.expr) -> Iterator[str]:
    for node in ast.walk(ast.parse(text, mode="eval") if isinstance(text, str) else text):
        if isinstance(node, ast.Name) and not hasattr(builtins, node.id):
            yield node.id
