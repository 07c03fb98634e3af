"""Which modules are the user's own, and so are read, and which are libraries, known by name.

The notebook is the user's own, and so is every module outside of the folders that packages are
installed to: it is edited beside the notebook, and an edit must be noticed. Installed packages
count by name alone, not by version: a new pandas would make everything stale at once, and
kernel, CI and colleagues seldom have the same. To make a version count, set `code_version`.

What runs is what is loaded, so of a module that a notebook has imported the loaded functions and
values are read, and an edit of its file counts when it is loaded again (`importlib.reload`,
`%autoreload`, a new kernel); until then a note says that the file was edited. A module that a
function imports itself may not be loaded yet, and is never loaded just to be inspected: its file
is read instead, the statements that define the names in use.
"""

from __future__ import annotations
import __future__

import ast
import dis
import sys
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from hashlib import sha256
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from itertools import takewhile
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple

from jobnb.code.bytecode_facts import facts_of, plain_text
from jobnb.code.name_usage import name_usage_of

_OURS = str(Path(__file__).resolve().parents[1])
_PACKAGES = ("site-packages", "dist-packages")
_MOST_STATEMENTS = 20_000
_ALL = "*"
_UNKNOWN = (0, 0)
_CONSTANTS = (int, float, complex, str, bytes, bool, type(None))


def is_own(module: str | None) -> bool:
    """Whether the code of a module is the user's own.

    Example:
        >>> is_own("__main__"), is_own("json"), is_own("jobnb.registry.session")
        (True, False, False)
    """
    if module == "__main__":
        return True
    if not isinstance(module, str):
        return False
    loaded = sys.modules.get(module)
    if loaded is None:
        return True  # Created on the spot, as by `exec`.
    spec = getattr(loaded, "__spec__", None)
    if spec is not None and spec.origin in ("built-in", "frozen"):
        return False
    file = getattr(loaded, "__file__", None)
    if not file:
        return module not in sys.builtin_module_names
    return _is_outside(file)


@cache
def _is_outside(file: str) -> bool:
    """Whether a file is in none of the folders that packages are installed to."""
    path = Path(file).resolve()
    return not any(part in _PACKAGES for part in path.parts) and not any(
        path.is_relative_to(folder) for folder in _installed()
    )


@cache
def _installed() -> tuple[str, ...]:
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    found = {str(Path(sysconfig.get_path(name)).resolve()) for name in names}
    return (_OURS, *sorted(found))


def absolute_name(name: str, known: dict[str, Any]) -> str:
    """Return the full name of a module that is imported relatively, as `.tools`."""
    level = len(name) - len(name.lstrip("."))
    if not level:
        return name
    package = known.get("__package__")
    if package is None:
        package = str(known.get("__name__", ""))
        package = package if "__path__" in known else package.rpartition(".")[0]
    parts = package.split(".")
    return ".".join(filter(None, [*parts[: len(parts) - level + 1], name[level:]]))


# --- the text of modules ---------------------------------------------------


class _Statement(NamedTuple):
    """A statement of a module.

    Attributes:
        token: The hash of what it does.
        binds: The names that it binds.
        loads: The names that it reads when it is executed, as a decorator does.
        only_binds: Whether binding names is all that it does when it is executed.
        imports: The module and attribute behind each name that it imports.
        annotated: The names in annotations of functions.
        code: The compiled statement.
        touches: The names that it may change although it does not bind them.
    """

    token: str
    binds: frozenset[str]
    loads: frozenset[str]
    only_binds: bool
    imports: dict[str, tuple[str, tuple[str, ...]]]
    annotated: frozenset[str]
    code: CodeType
    touches: frozenset[str] = frozenset()


class _Source(NamedTuple):
    """A Python file at one moment.

    Attributes:
        stamp: Its modification time and size.
        statements: Its statements.
        functions: The hash of each function and method without decorators.
        constants: The names bound to plain values, with the values.
        places: The numbers of the statements that define each name.
    """

    stamp: tuple[int, int]
    statements: tuple[_Statement, ...]
    functions: dict[str, str]
    constants: dict[str, str]
    places: dict[str, list[int]]

    def bringing(self, name: str) -> Sequence[int]:
        """Return the numbers of the statements that define a name, or all of them."""
        return range(len(self.statements)) if name == _ALL else self.places.get(name, ())

    def binding(self, name: str) -> list[_Statement]:
        """Return the statements that bind a name."""
        found = (self.statements[index] for index in self.places.get(name, ()))
        return [each for each in found if name in each.binds]


class _Load(NamedTuple):
    """A module as it was loaded.

    Attributes:
        spec: Its spec, which is a new object whenever it is loaded again.
        stamp: The stamp of its file when it was first read.
        source: The source that was loaded; None if unknown.
    """

    spec: Any
    stamp: tuple[int, int]
    source: _Source | None = None


class ModuleText(NamedTuple):
    """The code that a use of a module depends on.

    Attributes:
        text: The hashes of all statements that it depends on.
        modules: The modules of these statements.
    """

    text: str
    modules: tuple[str, ...]


_sources: dict[str, list[_Source]] = {}  # By file, the latest last.
_loads: dict[str, _Load] = {}
_MOST_SOURCES = 3


class OwnModules:
    """Reads the user's modules without loading them, each file once."""

    def __init__(self) -> None:
        self._known: dict[str, _Source | None] = {}
        self._specs: dict[str, ModuleSpec | None] = {}
        self._edited: dict[str, bool] = {}

    def read(self, module: str, path: tuple[str, ...]) -> ModuleText | None:
        """Return what is used of a module; None if it is not the user's or has no Python file.

        Args:
            module: Its name.
            path: The dotted attribute that is used.
        """
        waiting = list(dict.fromkeys(self._places(module, path)))
        seen, found = set(waiting), {}
        for name, wanted in waiting:  # which grows meanwhile
            source = self._source(name)
            for index in source.bringing(wanted) if source is not None else ():
                if source is None or (name, index) in found:
                    continue
                each = source.statements[index]
                found[name, index] = each.token
                for place in self._used_by(name, each, wanted == _ALL):
                    if place not in seen and len(found) < _MOST_STATEMENTS:
                        seen.add(place)
                        waiting.append(place)
        if not waiting:
            return None
        names = sorted({name for name, _ in waiting})
        tokens = [(name, token) for (name, _), token in sorted(found.items())]
        text = repr((tokens, [name for name in names if _is_unknown(name)]))
        return ModuleText(sha256(text.encode()).hexdigest(), tuple(names))

    def was_edited(self, module: str) -> bool:
        """Whether the file of a loaded module differs from what was loaded."""
        if module not in self._edited:
            self._edited[module] = self._is_behind(module)
        return self._edited[module]

    # --- what brings a name about ------------------------------------------

    def _places(
        self, module: str, path: tuple[str, ...], depth: int = 20
    ) -> Iterator[tuple[str, str]]:
        """Iterate over the names in modules that a path leads to."""
        spec = self._spec(module)
        if spec is None or not depth:
            return
        steps = tuple(takewhile(lambda step: step not in ("()", "[]"), path))
        if not steps or steps[0] == "*":
            yield module, _ALL
            return
        step, rest = steps[0], steps[1:]
        source = self._source(module)
        bound = source.binding(step) if source is not None else []
        is_module = False
        for each in bound:
            if step in each.imports:
                name, further = each.imports[step]
                name = self._absolute(name, module)
                if (name, further) == (module, (step,)):  # `from . import step`
                    is_module = True
                else:
                    yield from self._places(name, (*further, *rest), depth - 1)
        if bound:
            yield module, step
        if bound and not is_module:
            return
        if spec.submodule_search_locations and self._spec(f"{module}.{step}") is not None:
            yield from self._places(f"{module}.{step}", rest, depth - 1)
            return
        yield module, "__getattr__"
        for each in source.binding("*") if source is not None else ():
            if "*" in each.imports:
                name = self._absolute(each.imports["*"][0], module)
                yield from self._places(name, steps, depth - 1)

    def _used_by(
        self, module: str, statement: _Statement, is_all: bool
    ) -> Iterator[tuple[str, str]]:
        """Iterate over the names that a statement uses, here and in other modules."""
        for name, path in statement.imports.values() if is_all else ():
            if path:
                yield from self._places(self._absolute(name, module), path)
        for scope, name, *further in name_usage_of(statement.code).reads:
            if scope == "import":
                yield from self._places(self._absolute(name, module), tuple(further))
            elif scope == "global":
                yield from self._places(module, (name, *further))
        for name in statement.annotated:
            yield from self._places(module, (name,))

    def _absolute(self, name: str, module: str) -> str:
        spec = self._spec(module)
        return absolute_name(name, {"__package__": spec.parent if spec is not None else ""})

    # --- files -------------------------------------------------------------

    def _spec(self, name: str) -> ModuleSpec | None:
        """Return the spec of a module of the user's; None for others."""
        if name not in self._specs:
            found = _find(name, self._spec)
            origin = found.origin if found is not None else None
            folders = list(found.submodule_search_locations or ()) if found is not None else []
            place = origin if origin and origin.endswith(".py") else next(iter(folders), "")
            self._specs[name] = found if place and _is_outside(place) else None
        return self._specs[name]

    def _source(self, name: str) -> _Source | None:
        """Return the loaded source of a module, else that of its file."""
        if name not in self._known:
            spec = self._spec(name)
            file = spec.origin if spec is not None else None
            module = sys.modules.get(name)
            source = _source_of(file) if file and file.endswith(".py") else None
            if source is not None and module is not None:
                source = _loaded(name, module, _sources[str(file)])
            self._known[name] = source
        return self._known[name]

    def _is_behind(self, name: str) -> bool:
        module = sys.modules.get(name)
        file = str(getattr(module, "__file__", None) or "")
        stamp = _stamp(file) if file.endswith(".py") else None
        if module is None or stamp is None:
            return False
        known = _loads.get(name)
        if known is None or known.spec is not module.__spec__:
            _loads[name] = _Load(module.__spec__, stamp)
            return False
        if known.stamp == stamp:
            return False
        source = _source_of(file)
        return source is not None and not all(_agree(module, source))


def _find(name: str, parent_of: Callable[[str], ModuleSpec | None]) -> ModuleSpec | None:
    """Return the spec of a module, without loading it or its package."""
    package, _, last = name.rpartition(".")
    if not last or name == "__main__" or name.partition(".")[0] in sys.stdlib_module_names:
        return None
    loaded = sys.modules.get(name)
    if loaded is not None and getattr(loaded, "__spec__", None) is not None:
        return loaded.__spec__
    try:
        if not package:
            return find_spec(name) if loaded is None else None
        above = parent_of(package)
        folders = above.submodule_search_locations if above is not None else None
        return PathFinder.find_spec(name, folders) if folders is not None else None
    except (ImportError, ValueError, AttributeError):
        return None


def _stamp(file: str) -> tuple[int, int] | None:
    try:
        about = Path(file).stat()
    except OSError:
        return None
    return about.st_mtime_ns, about.st_size


def _source_of(file: str) -> _Source | None:
    """Read a file, or return the cached source if it was not written since."""
    stamp, known = _stamp(file), _sources.setdefault(file, [])
    if known and known[-1].stamp == stamp:
        return known[-1]
    try:
        source = _parsed(Path(file).read_bytes(), stamp or _UNKNOWN)
    except (OSError, SyntaxError, ValueError):
        return None
    known.append(source)
    del known[:-_MOST_SOURCES]
    return source


def _loaded(name: str, module: ModuleType, known: list[_Source]) -> _Source:
    """Choose the version of a file that is the loaded one."""
    load, now = _loads.get(name), known[-1]
    if load is not None and load.spec is module.__spec__:
        if load.source is not None:
            return load.source
        if load.stamp == now.stamp:
            _loads[name] = load._replace(source=now)
            return now
    best = max(reversed(known), key=lambda source: _agree(module, source))
    is_known = _agree(module, best)[0]
    stamp = best.stamp if is_known else _UNKNOWN
    _loads[name] = _Load(module.__spec__, stamp, best if is_known else now)
    return best if is_known else now


def _agree(module: ModuleType, source: _Source) -> tuple[bool, bool]:
    """Whether the functions, and the plain values, of a loaded module match a source."""
    functions = all(
        _token_of(module, name.split(".")) == token for name, token in source.functions.items()
    )
    live = vars(module)
    constants = all(
        name in live and type(live[name]) in _CONSTANTS and plain_text(live[name]) == text
        for name, text in source.constants.items()
    )
    return functions, constants


def _is_unknown(name: str) -> bool:
    """Whether a module was loaded from a source that is not available."""
    load, module = _loads.get(name), sys.modules.get(name)
    if load is None or module is None or load.spec is not module.__spec__:
        return False
    return load.stamp == _UNKNOWN


def _token_of(module: ModuleType, parts: list[str]) -> str:
    value: Any = module
    for part in parts:
        value = vars(value).get(part) if isinstance(value, (ModuleType, type)) else None
    return facts_of(value.__code__).token if type(value) is FunctionType else ""


# --- statements ------------------------------------------------------------


def _parsed(text: bytes, stamp: tuple[int, int]) -> _Source:
    tree = ast.parse(text)
    late = any(isinstance(e, ast.ImportFrom) and e.module == "__future__" for e in tree.body)
    flags = __future__.annotations.compiler_flag if late else 0
    # Compiled with the module's `__future__` imports, which change the code.
    whole = compile(tree, "<module>", "exec", dont_inherit=True)
    statements: list[_Statement] = []
    functions: dict[str, str] = {}
    constants: dict[str, str] = {}
    for each in tree.body:
        if isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant):
            continue
        functions.update(_plain_functions(each, whole))
        constants.update(_constants(each))
        statements.append(_statement(each, flags))
    places: dict[str, list[int]] = {}
    whole_statements = tuple(_with_touches(statements))
    for index, statement in enumerate(whole_statements):
        for name in statement.binds | statement.touches:
            places.setdefault(name, []).append(index)
    return _Source(stamp, whole_statements, functions, constants, places)


def _statement(node: ast.stmt, flags: int) -> _Statement:
    annotated = frozenset(_without_annotations(node))
    code = compile(ast.Module([node], []), "<module>", "exec", flags, dont_inherit=True)
    steps = list(dis.get_instructions(code))
    binds = {each.argval for each in steps if each.opname in ("STORE_NAME", "STORE_GLOBAL")}
    imports = dict(_imports(node))
    binds |= {"*"} & imports.keys()
    loads = {each.argval for each in steps if each.opname == "LOAD_NAME"}
    return _Statement(
        facts_of(code).token,
        frozenset(binds),
        frozenset(loads),
        _only_binds(node),
        imports,
        annotated,
        code,
    )


def _without_annotations(node: ast.stmt) -> Iterator[str]:
    """Remove the annotations of functions in a statement; iterate over the names in them."""
    for each in ast.walk(node):
        if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from _names_in(each.returns)
            each.returns = None
        elif isinstance(each, ast.arg):
            yield from _names_in(each.annotation)
            each.annotation = None


def _names_in(node: ast.expr | None) -> Iterator[str]:
    for each in ast.walk(node) if node is not None else ():
        if isinstance(each, ast.Name):
            yield each.id
        elif isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield from (part for part in each.value.split(".")[:1] if part.isidentifier())


def _imports(node: ast.stmt) -> Iterator[tuple[str, tuple[str, tuple[str, ...]]]]:
    """Iterate over the names that a statement imports, outside of functions, with their sources."""
    waiting: list[ast.AST] = [node]
    for each in waiting:  # which grows meanwhile
        if isinstance(each, ast.Import):
            for alias in each.names:
                top = alias.name.partition(".")[0]
                yield (alias.asname, (alias.name, ())) if alias.asname else (top, (top, ()))
        elif isinstance(each, ast.ImportFrom):
            module = "." * each.level + (each.module or "")
            for alias in each.names:
                yield alias.asname or alias.name, (module, (alias.name,))
        elif not isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            waiting += ast.iter_child_nodes(each)


def _only_binds(node: ast.stmt) -> bool:
    """Whether executing a statement does nothing but bind names."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return not node.decorator_list
    if isinstance(node, ast.Assign):
        return all(isinstance(each, (ast.Name, ast.Tuple)) for each in node.targets)
    if isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'":
        return True  # Nothing of it is executed.
    if isinstance(node, ast.AnnAssign):
        return isinstance(node.target, ast.Name)
    return isinstance(node, (ast.Import, ast.ImportFrom))


def _with_touches(statements: list[_Statement]) -> Iterator[_Statement]:
    """Iterate over statements with the names that they may change through what they call."""
    leads: dict[str, set[str]] = {}
    for each in statements:
        for name in each.binds - each.imports.keys():
            usage = name_usage_of(each.code)
            trails = usage.reads | usage.sets | usage.changes | usage.rebinds
            leads.setdefault(name, set()).update(one[1] for one in trails if one[0] == "global")
    for each in statements:
        reached = set(each.loads if not each.only_binds else ())
        waiting = list(reached)
        for name in waiting:  # which grows meanwhile
            further = leads.get(name, set()) & leads.keys() - reached
            reached |= further
            waiting += further
        yield each._replace(touches=frozenset(reached)) if reached else each


def _plain_functions(node: ast.stmt, code: CodeType) -> Iterator[tuple[str, str]]:
    """Iterate over the functions and methods without decorators in a statement."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not node.decorator_list:
        yield from ((node.name, facts_of(each).token) for each in _codes(code, node.name))
    elif isinstance(node, ast.ClassDef) and not node.decorator_list:
        for body in _codes(code, node.name):
            for each in node.body:
                if isinstance(each, ast.FunctionDef) and not each.decorator_list:
                    for inner in _codes(body, each.name):
                        yield f"{node.name}.{each.name}", facts_of(inner).token


def _codes(code: CodeType, name: str) -> Iterator[CodeType]:
    yield from (e for e in code.co_consts if isinstance(e, CodeType) and e.co_name == name)


def _constants(node: ast.stmt) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
        for target in node.targets:
            if isinstance(target, ast.Name) and type(node.value.value) in _CONSTANTS:
                yield target.id, plain_text(node.value.value)
