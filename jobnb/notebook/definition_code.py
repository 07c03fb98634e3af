"""Select the code of a notebook that defines jobs and assets, without the code that runs them.

Listing a notebook's jobs must not wait for its runs. So statements that start one are left out,
and with them the statements that need their results.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

from jobnb.errors import JobnbError
from jobnb.notebook.cell_options import is_definition_cell, parts_of_cell

# Calls that run something or show something; a definition never needs what they return.
_RUNS = frozenset(
    {
        "backfill",
        "display",
        "evaluate_tick",
        "execute_in_process",
        "execute_job",
        "execute_notebook",
        "get_ipython",
        "launch",
        "launchpad",
        "materialize",
        "materialize_to_memory",
        "observe",
        "observe_assets",
        "resume_backfill",
        "tick_now",
    }
)
# The session's methods for its history; as bare names, these words are too common.
_ON_SESSION = frozenset(
    {
        "automation",
        "debug",
        "diff",
        "instance",
        "partitions",
        "peek",
        "runs",
        "stale",
        "status",
        "value",
    }
)
_DEFERRED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_MUST_WORK = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.Import,
    ast.ImportFrom,
)
_TRANSPARENT = ("%%time", "%%capture")


def plain_source(source: str) -> str:
    """Return a cell's text as Python: magics become calls of `get_ipython()`."""
    first, _, rest = source.lstrip().partition("\n")
    if first.split(" ")[0] in _TRANSPARENT:
        return "\n" + plain_source(rest)
    if not any(line.lstrip()[:1] in ("%", "!", "?") or "=" in line for line in source.splitlines()):
        return source
    from IPython.core.inputtransformer2 import TransformerManager

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # A marker of line breaks that nobody types.
        above = len(source) - len(source.lstrip("\n"))  # IPython leaves blank lines out.
        return "\n" * above + str(TransformerManager().transform_cell(source))


class DefinitionCode:
    """Selects the statements that define; tracks the names of those left out."""

    def __init__(self) -> None:
        self._missing: set[str] = set()
        self._some_run_is_out = False

    def pick(self, source: str, filename: str) -> ast.Module:
        """Return the statements of a piece of code that are to be executed.

        Args:
            source: Python code.
            filename: Its name in tracebacks.

        Returns:
            The module to compile.

        Raises:
            SyntaxError: If it is no Python.
        """
        module = ast.parse(source, filename)
        module.body = [statement for statement in module.body if self.wants(statement)]
        return module

    @property
    def missing(self) -> frozenset[str]:
        """The names that only the statements left out define."""
        return frozenset(self._missing)

    def defines(self, definition: Any) -> None:
        """Note that a cell has defined an asset or op under its name."""
        self._missing.discard(definition.__name__)

    def forgives(self, statement: ast.stmt, error: BaseException) -> bool:
        """Whether a statement may fail: it may need a result that was left out.

        A definition may not fail; neither may anything before the first run.
        """
        if not self._some_run_is_out or isinstance(statement, _MUST_WORK):
            return False
        if isinstance(error, (JobnbError, SystemExit)):
            return False
        self._missing |= set(names_given(statement))
        return True

    def wants(self, statement: ast.stmt) -> bool:
        """Whether a statement is to be executed; statements are asked for in their order."""
        given = set(names_given(statement))
        if _is_main_guard(statement):
            return False
        if any(map(self._is_out, _at_once(statement))):
            self._missing |= given
            self._some_run_is_out = True
            return False
        self._missing -= given
        return True

    def _is_out(self, node: ast.AST) -> bool:
        """Whether a statement starts a run, or needs what was left out."""
        if isinstance(node, (ast.Await, ast.AsyncFor, ast.AsyncWith)):
            return True
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            return node.id in self._missing
        if isinstance(node, ast.Attribute):
            return node.attr in _ON_SESSION and _name_of(node.value) == "session"
        if not isinstance(node, ast.Call):
            return False
        return _name_of(node.func) in _RUNS


def _name_of(node: ast.AST) -> str:
    """Return the last part of a dotted name."""
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _at_once(node: ast.AST) -> Iterator[ast.AST]:
    """Iterate over the parts that are evaluated with the statement, not later inside a function."""
    yield node
    for child in _own_parts(node):
        yield from _at_once(child)


def _own_parts(node: ast.AST) -> Iterator[ast.AST]:
    """Iterate over the children of a node; of a function only its decorators and defaults."""
    if not isinstance(node, _DEFERRED):
        yield from ast.iter_child_nodes(node)
        return
    yield from getattr(node, "decorator_list", [])
    yield from node.args.defaults
    yield from (default for default in node.args.kw_defaults if default is not None)


def names_given(statement: ast.stmt) -> Iterator[str]:
    """Iterate over the names that a statement binds in its own scope."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield statement.name
        return
    for node in _at_once(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).partition(".")[0]
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name


def _is_main_guard(statement: ast.stmt) -> bool:
    """Whether it is `if __name__ == "__main__":`, which runs only as a script."""
    if not isinstance(statement, ast.If) or not isinstance(statement.test, ast.Compare):
        return False
    sides = [statement.test.left, *statement.test.comparators]
    return any(isinstance(side, ast.Name) and side.id == "__name__" for side in sides)


# Calls that may import or build names that do not occur in the code.
_OPEN = frozenset(
    {"Definitions", "__import__", "add", "eval", "exec", "execfile", "format", "globals"}
    | {"import_module", "join", "replace", "run_path", "setattr", "type", "with_resources"}
)
_SAYING = frozenset({"debug", "error", "exception", "info", "print", "warning"})
_NAMING = frozenset({"key", "key_prefix", "keys", "name", "prefix"})


class DefinedNames:
    """The names that occur in a notebook's code, and whether it can define any other.

    Args:
        sources: The code of its cells.

    Attributes:
        words: Every name and text in it.
        is_sure: Whether nothing in it can define other names.
    """

    def __init__(self, sources: Iterable[str]) -> None:
        self.words: set[str] = set()
        self.is_sure = True
        try:
            for cell in sources:
                source = self._body(cell) if is_definition_cell(cell) else cell
                tree = ast.parse(plain_source(source))
                said = {id(part) for node in ast.walk(tree) for part in _said(node)}
                for node in ast.walk(tree):
                    self._read(node, id(node) in said)
        except (SyntaxError, JobnbError):
            self.is_sure = False

    def _body(self, cell: str) -> str:
        """Note the names of a `%%asset` or `%%op` cell, and return the code of its body."""
        line, body = parts_of_cell(cell)
        self.words |= {line.name, *line.path, *line.checks()}
        return body

    def _read(self, node: ast.AST, is_said: bool) -> None:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            self.words |= {node.value, *node.value.split("/")}
        for name in (getattr(node, part, None) for part in ("id", "attr", "name", "asname", "arg")):
            if isinstance(name, str):
                self.words.add(name)
        if not is_said and _may_name_more(node):
            self.is_sure = False


def _said(node: ast.AST) -> Iterator[ast.AST]:
    """Iterate over the texts that are only printed, logged or raised: they name nothing."""
    is_call = isinstance(node, ast.Call) and _name_of(node.func) in _SAYING
    if is_call or isinstance(node, (ast.Raise, ast.Assert)):
        yield from ast.walk(node)


def _may_name_more(node: ast.AST) -> bool:
    if isinstance(node, ast.alias):
        return node.name == "*"
    if isinstance(node, ast.keyword):
        return node.arg is None or (node.arg in _NAMING and not _is_literal(node.value))
    if isinstance(node, ast.BinOp):
        sides = (node.left, node.right)
        return any(isinstance(each, ast.Constant) and isinstance(each.value, str) for each in sides)
    if not isinstance(node, ast.Call):
        return isinstance(node, ast.JoinedStr)
    called = _name_of(node.func)
    if called == "run_line_magic":
        return ast.unparse(node.args[0]) in ("'run'", "'load'", "'macro'", "'store'")
    if called == "define_asset_job":
        return not all(map(_is_literal, node.args[:1]))
    return called in _OPEN or called.startswith("load_")


def _is_literal(node: ast.AST) -> bool:
    return all(isinstance(each, (ast.Constant, ast.List, ast.Load)) for each in ast.walk(node))
