"""The part of a notebook's code that defines, without the part that runs.

To know which jobs a notebook has, nobody wants to wait for its runs. So statements that start
one are left out, and with them the statements that need what those would have given.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator

from jobnb.errors import JobnbError

__all__ = ["DefinitionCode", "plain_source"]

# Calls that run something or show something; a definition never needs what they return.
_RUNS = frozenset(
    {
        "backfill",
        "display",
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
    }
)
# What a session tells of its history; the words are too common to mean this elsewhere.
_ON_SESSION = frozenset({"instance", "partitions", "peek", "runs", "stale", "status", "value"})
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
    """A cell's text as Python: magics become calls of `get_ipython()`."""
    first, _, rest = source.lstrip().partition("\n")
    if first.split(" ")[0] in _TRANSPARENT:
        return "\n" + plain_source(rest)
    if not any(line.lstrip()[:1] in ("%", "!", "?") or "=" in line for line in source.splitlines()):
        return source
    from IPython.core.inputtransformer2 import TransformerManager

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of line ends that nobody would type
        return str(TransformerManager().transform_cell(source))


class DefinitionCode:
    """Picks the statements that define; remembers what the others would have given."""

    def __init__(self) -> None:
        self._missing: set[str] = set()
        self._some_run_is_out = False

    def pick(self, source: str, filename: str) -> ast.Module:
        """The statements of a piece of code that are worth executing.

        Args:
            source: Python code.
            filename: What a traceback calls it.

        Returns:
            The module to compile.

        Raises:
            SyntaxError: If it is no Python.
        """
        module = ast.parse(source, filename)
        module.body = [statement for statement in module.body if self._wanted(statement)]
        return module

    def forgives(self, statement: ast.stmt, error: BaseException) -> bool:
        """Whether a statement may fail: it may lack what a run that was left out would have done.

        A definition may not; neither may anything before the first run.
        """
        if not self._some_run_is_out or isinstance(statement, _MUST_WORK):
            return False
        if isinstance(error, (JobnbError, SystemExit)):
            return False
        self._missing |= set(_names_given(statement))
        return True

    def _wanted(self, statement: ast.stmt) -> bool:
        given = set(_names_given(statement))
        if _is_main_guard(statement):
            return False
        if any(map(self._is_out, _at_once(statement))):
            self._missing |= given
            self._some_run_is_out = True
            return False
        self._missing -= given
        return True

    def _is_out(self, node: ast.AST) -> bool:
        """Whether a part of a statement starts a run, or needs what was left out."""
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
    """The last part of a dotted name."""
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _at_once(node: ast.AST) -> Iterator[ast.AST]:
    """The parts that are evaluated when the statement is, not later inside a function."""
    yield node
    for child in _own_parts(node):
        yield from _at_once(child)


def _own_parts(node: ast.AST) -> Iterator[ast.AST]:
    """The children of a node; of a function only its decorators and its defaults."""
    if not isinstance(node, _DEFERRED):
        yield from ast.iter_child_nodes(node)
        return
    yield from getattr(node, "decorator_list", [])
    yield from node.args.defaults
    yield from (default for default in node.args.kw_defaults if default is not None)


def _names_given(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement binds where it stands."""
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
    """Whether it is `if __name__ == "__main__":`, which is for running only."""
    if not isinstance(statement, ast.If) or not isinstance(statement.test, ast.Compare):
        return False
    sides = [statement.test.left, *statement.test.comparators]
    return any(isinstance(side, ast.Name) and side.id == "__name__" for side in sides)
