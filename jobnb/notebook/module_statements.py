"""The statements of a notebook with what each gives, reads and changes."""

from __future__ import annotations

import ast
import builtins
import symtable
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from jobnb.notebook.cell_function import NameOrder
from jobnb.notebook.definition_code import names_given

_DEFINED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_HEADINGS = ("def ", "async def ", "class ")
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


@dataclass(eq=False)
class Statement:
    """A statement at the top of a cell or module.

    Attributes:
        cell: The number of its code cell.
        node: Its tree.
        text: Its code, with the comments right above it and behind it.
        above: What stands above it: comments of their own, and Markdown cells, as comments.
        is_out: Whether it starts a run or needs what a run gave.
    """

    cell: int
    node: ast.stmt
    text: str
    above: str = ""
    is_out: bool = False
    gives: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self.gives = frozenset(names_given(self.node))

    @property
    def is_import(self) -> bool:
        """Whether it only imports."""
        return isinstance(self.node, (ast.Import, ast.ImportFrom))

    @property
    def is_definition(self) -> bool:
        """Whether it is a function or class."""
        return isinstance(self.node, _DEFINED)

    @property
    def first_line(self) -> str:
        """The first line of its code that is no comment."""
        lines = (line.strip() for line in self.text.splitlines())
        return next((line for line in lines if line and not line.startswith("#")), "")

    @property
    def heading(self) -> str:
        """The line that names a function or class, below its decorators; else the first line."""
        lines = (line for line in self.text.splitlines() if line.startswith(_HEADINGS))
        return next(lines, self.first_line) if self.is_definition else self.first_line

    @cached_property
    def reads(self) -> frozenset[str]:
        """The names that it reads from elsewhere, at once or later."""
        table = symtable.symtable(ast.unparse(self.node), "<statement>", "exec")
        order = NameOrder()
        order.visit(self.node)
        own = {name for name in self.gives if not order.first.get(name, False)}
        return (frozenset(_free(table)) - own) | self._augmented

    @cached_property
    def _augmented(self) -> frozenset[str]:
        target = getattr(self.node, "target", None)
        is_sum = isinstance(self.node, ast.AugAssign) and isinstance(target, ast.Name)
        return frozenset([target.id]) if is_sum and isinstance(target, ast.Name) else frozenset()

    @cached_property
    def reads_at_once(self) -> frozenset[str]:
        """Those of `reads` that it needs when it is executed, and not when a function is called."""
        now = {node.id for node in _at_once(self.node) if isinstance(node, ast.Name)}
        return (self.reads & now) | self._augmented

    @cached_property
    def changes(self) -> frozenset[str]:
        """The names whose values it changes: `limits["x"] = 1`, `names.append("x")`."""
        return frozenset(_changed(self.node))


def _free(table: symtable.SymbolTable) -> Iterator[str]:
    is_top = table.get_type() == "module"
    for symbol in table.get_symbols():
        if symbol.is_referenced() and (is_top or symbol.is_global()):
            yield symbol.get_name()
    for child in table.get_children():
        yield from _free(child)


def _at_once(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    parts: Iterable[ast.AST] = ast.iter_child_nodes(node)
    if isinstance(node, _FUNCTIONS):
        arguments = node.args
        defaults = [*arguments.defaults, *filter(None, arguments.kw_defaults)]
        notes = [each.annotation for each in ast.walk(arguments) if isinstance(each, ast.arg)]
        returns = getattr(node, "returns", None)
        parts = [*getattr(node, "decorator_list", ()), *defaults, *filter(None, [*notes, returns])]
    for each in parts:
        yield from _at_once(each)


def _changed(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign)):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            if isinstance(target, (ast.Attribute, ast.Subscript)):
                yield from _root(target)
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        if isinstance(node.value.func, ast.Attribute):
            yield from _root(node.value.func)
    elif isinstance(node, (ast.For, ast.If, ast.With, ast.While, ast.Try)):
        for each in (part for part in ast.walk(node) if isinstance(part, ast.stmt)):
            if each is not node and not isinstance(each, _DEFINED):
                yield from _changed(each)


def _root(node: ast.expr) -> Iterator[str]:
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    if isinstance(node, ast.Name):
        yield node.id


def statements_of(source: str, cell: int = 0, above: str = "") -> list[Statement]:
    """Split code into statements with their comments.

    Args:
        source: Python code.
        cell: The number of its cell.
        above: What stands above the first of them.

    Raises:
        SyntaxError: If it is no Python.
    """
    tree = ast.parse(source)
    lines = source.splitlines()
    found: list[Statement] = []
    at = 0  # The number of lines that belong to earlier statements.
    for number, node in enumerate(tree.body):
        first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ()))])
        last = node.end_lineno or node.lineno
        following = tree.body[number + 1] if number + 1 < len(tree.body) else None
        if first <= at or (following is not None and following.lineno == last):
            text = ast.get_source_segment(source, node) or ast.unparse(node)
            free, own = "", text
        else:
            free, near = _comments(lines[at : first - 1])
            own = "\n".join([*near, *lines[first - 1 : last]]).rstrip()
            if "#" not in lines[last - 1]:
                own = own.removesuffix(";")  # In a notebook it hides the value.
        at = max(at, last)
        parts = [each for each in (above, free) if each]
        found.append(Statement(cell, node, own, "\n\n".join(parts)))
        above = ""
    return found


def trailing_comments(source: str) -> str:
    """Return the comments below the last statement."""
    body = ast.parse(source).body
    lines = source.splitlines()
    return "\n".join(lines[(body[-1].end_lineno or 0) if body else 0 :]).strip("\n")


def _comments(lines: list[str]) -> tuple[str, list[str]]:
    """Split what stands above a statement: comments of their own, and those right above it."""
    at = len(lines)
    while at and lines[at - 1].strip():
        at -= 1
    blocks = "\n".join(lines[:at]).strip("\n")
    return blocks, lines[at:]


def is_builtin(name: str) -> bool:
    """Whether Python itself has a name."""
    return hasattr(builtins, name) or name in ("__name__", "__file__", "__doc__")


def last_giver(name: str, givers: Mapping[str, list[int]], before: int | None = None) -> int | None:
    """Return the last statement that defines a name, by number; only before another, if given."""
    found = [each for each in givers.get(name, ()) if before is None or each < before]
    return found[-1] if found else None
