"""The body of a `%%asset` or `%%op` cell as a function: its inputs, and what it returns."""

from __future__ import annotations

import ast
import builtins
import io
import symtable
import tokenize
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobnb.errors import InvalidDefinitionError
from jobnb.notebook.cell_options import CellLine, key_source

_OWN_SCOPE = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_LOOPS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(frozen=True)
class CellContext:
    """What a cell finds around it.

    Attributes:
        variables: The notebook's variables.
        keys: The keys of the assets known so far, in words.
        later: Names that the notebook has where it is run, though not here.
    """

    variables: Mapping[str, Any]
    keys: Collection[str] = ()
    later: Collection[str] = ()

    def key_of(self, name: str) -> str | None:
        """Return the key of the asset that a name stands for; None if it is no asset."""
        keys = _keys_of(self.variables.get(name))
        if keys:
            same = [key for key in keys if key.rpartition("/")[2].replace("-", "_") == name]
            return same[0] if same else keys[0] if len(keys) == 1 else None
        return name if name in self.keys and not hasattr(builtins, name) else None

    def has(self, name: str) -> bool:
        """Whether a name is a variable of the notebook or of Python."""
        return name in self.variables or name in self.later or hasattr(builtins, name)


def _keys_of(value: Any) -> list[str]:
    """Return the keys of a definition of assets; empty for anything else."""
    from jobnb.definitions.assets.assets_definition import AssetsDefinition
    from jobnb.definitions.assets.source_asset import SourceAsset

    if isinstance(value, AssetsDefinition):
        return sorted(key.to_user_string() for key in value.keys)
    return [value.key.to_user_string()] if isinstance(value, SourceAsset) else []


@dataclass(frozen=True)
class CellFunction:
    """A cell as a function.

    Attributes:
        line: The first line, parsed.
        inputs: The key of each input, by its name.
        resources: The names that are resources.
        has_context: Whether it reads `context`.
        has_config: Whether it reads `config`, and the line says of which class.
        text: The cell below its first line, as Python.
        returned: The last expression, which is the value; None if there is none. Its lines are
            those of the cell.
        is_async: Whether it awaits anything.
        has_statements: Whether it says anything.
    """

    line: CellLine
    inputs: Mapping[str, str]
    resources: tuple[str, ...]
    has_context: bool
    has_config: bool
    text: str
    returned: ast.expr | None
    is_async: bool
    has_statements: bool

    @property
    def parameters(self) -> tuple[str, ...]:
        """The parameters in order."""
        context = ("context",) if self.has_context else ()
        config = ("config",) if self.has_config else ()
        return (*context, *config, *self.resources, *self.inputs)

    @property
    def annotations(self) -> dict[str, str]:
        """The annotations by parameter, each as Python."""
        found = {"config": self.line.last("config")} if self.has_config else {}
        found |= dict.fromkeys(self.resources, "ResourceParam[object]")
        returns = self.line.last("returns")
        return {**found, "return": returns} if returns else found

    @property
    def arguments(self) -> dict[str, str]:
        """The decorator's arguments, each as Python."""
        found = self.line.arguments()
        named = {name: key for name, key in self.inputs.items() if key != name}
        if named and self.line.kind == "asset":
            each = (f"{name!r}: AssetIn(key={key_source(key)})" for name, key in named.items())
            found = {"ins": f"{{{', '.join(each)}}}", **found}
        return found

    def head(self, *, annotated: bool) -> str:
        """Return the line that begins the function."""
        word = "async def" if self.is_async else "def"
        notes = self.annotations if annotated else {}
        named = (f"{name}: {notes[name]}" if name in notes else name for name in self.parameters)
        returns = f" -> {notes['return']}" if "return" in notes else ""
        return f"{word} {self.line.name}({', '.join(named)}){returns}:"

    @property
    def body(self) -> str:
        """The statements below `head`, indented, the last expression returned."""
        lines = self.text.splitlines(keepends=True)
        if not self.has_statements:
            return "    pass"
        if self.returned is not None:
            number, column = self.returned.lineno - 2, self.returned.col_offset
            line = lines[number].encode()
            lines[number] = (line[:column] + b"return " + line[column:]).decode()
        return _indented("".join(lines))


def _indented(text: str) -> str:
    """Indent Python code, but for what is inside texts of several lines."""
    inside: set[int] = set()
    begun: list[int] = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        kind = tokenize.tok_name[token.type]
        if kind == "STRING":
            inside.update(range(token.start[0] + 1, token.end[0] + 1))
        elif kind.endswith("STRING_START"):
            begun.append(token.start[0])
        elif kind.endswith("STRING_END"):
            inside.update(range(begun.pop() + 1, token.end[0] + 1))
    lines = enumerate(text.splitlines(keepends=True), 1)
    return "".join(
        line if number in inside or not line.strip() else f"    {line}" for number, line in lines
    )


def _with_body(source: str, body: Sequence[ast.stmt]) -> ast.Module:
    """Return a function, written without its statements, with these."""
    module = ast.parse(source)
    function = module.body[0]
    assert isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
    function.body = list(body) or function.body
    return module


def read_cell(line: CellLine, text: str, filename: str, around: CellContext) -> CellFunction:
    """Read the body of a cell as a function.

    A free name that is the key of an asset becomes an input; so does one that nothing defines
    yet, unless it is only called. Other names are read from the notebook.

    Args:
        line: The first line, parsed.
        text: The rest, as Python.
        filename: The cell's name in tracebacks.
        around: The notebook's variables and assets.

    Raises:
        SyntaxError: If it is no Python; it points into the cell.
        InvalidDefinitionError: If it has no value, or reads its own.
    """
    body = ast.parse(f"\n{text}", filename).body
    returned = _returned(line, body)
    found = _FreeNames(line, body)
    inputs, resources, wanted = line.inputs(), line.names("resources"), line.last("config")
    for name in found.names:
        if name in inputs or name in resources or name == "context":
            continue
        if name == "config" and wanted:
            continue
        key = around.key_of(name)
        if key == line.key and line.kind == "asset":
            if name in found.set_later:
                continue  # Python says itself that it has no value yet.
            raise InvalidDefinitionError(
                f"The asset {key!r} reads its own value, as {name!r}. Give the value in the cell "
                "another name."
            )
        if key is not None or not (around.has(name) or found.is_surely_no_input(name)):
            inputs[name] = key or name
    ordered = {name: inputs[name] for name in found.names if name in inputs}
    return CellFunction(
        line,
        {**ordered, **{name: key for name, key in inputs.items() if name not in ordered}},
        tuple(resources),
        "context" in found.names,
        bool(wanted),
        text,
        returned,
        _awaits(body),
        bool(body),
    )


def _returned(line: CellLine, body: list[ast.stmt]) -> ast.expr | None:
    """Return the last expression of a cell; None if the cell returns or yields by itself."""
    last = body[-1] if body else None
    if isinstance(last, ast.Expr):
        is_yield = any(isinstance(each, (ast.Yield, ast.YieldFrom)) for each in _of_scope([last]))
        return None if is_yield else last.value
    if isinstance(last, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
        targets = last.targets if isinstance(last, ast.Assign) else [last.target]
        free = {
            name for each in _of_scope(body) if isinstance(each, ast.Global) for name in each.names
        }
        name = getattr(targets[0], "id", None)
        if name is not None and name not in free:
            raise InvalidDefinitionError(
                f"%%{line.kind} {line.key}: the cell ends with an assignment to {name!r}, so it "
                f"has no value. End it with the line `{name}`."
            )
    return None


def _of_scope(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Iterate over the nodes that belong to the cell's own scope."""
    for node in nodes:
        yield node
        if not isinstance(node, _OWN_SCOPE):
            yield from _of_scope(ast.iter_child_nodes(node))


def _awaits(body: Iterable[ast.stmt]) -> bool:
    kinds = (ast.Await, ast.AsyncFor, ast.AsyncWith)
    return any(
        isinstance(node, kinds) or (isinstance(node, ast.comprehension) and node.is_async)
        for node in _of_scope(body)
    )


class _FreeNames:
    """The free names of a cell: those that it reads and has not set before.

    Args:
        line: The first line of the cell.
        body: Its statements.

    Attributes:
        names: The names, in the order in which they are met.
        set_later: Those that the cell itself sets later, as in `orders = orders.dropna()`.
    """

    def __init__(self, line: CellLine, body: list[ast.stmt]) -> None:
        free, own, told = _scopes(body)
        met = NameOrder()
        for each in body:
            met.visit(each)
        self.set_later = {name for name, loads in met.first.items() if loads and name in own}
        wanted = (free | self.set_later) - told
        met_in_order = [name for name in met.read if name in wanted]
        self.names = [*met_in_order, *sorted(wanted.difference(met_in_order))]
        self._values = met.values

    def is_surely_no_input(self, name: str) -> bool:
        """Whether a name that nothing defines is no asset: it is only called, or set later."""
        return name not in self._values or name in self.set_later


def _scopes(body: list[ast.stmt]) -> tuple[set[str], set[str], set[str]]:
    """Return the global names that a cell reads, its own names, and those it declares global."""
    source = ast.unparse(_with_body("async def cell(): pass", body))
    top = symtable.symtable(source, "<cell>", "exec").get_children()[0]
    free: set[str] = set()
    told: set[str] = set()
    tables = [top]
    for table in tables:  # The list grows while it is read.
        tables.extend(table.get_children())
        for symbol in table.get_symbols():
            if symbol.is_declared_global():
                told.add(symbol.get_name())
            elif symbol.is_global() and symbol.is_referenced():
                free.add(symbol.get_name())
    own = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_local()}
    return free, own, told


class NameOrder(ast.NodeVisitor):
    """Notes names in the order of evaluation, and how each is met first.

    Attributes:
        read: The names that are read.
        first: Whether a name is read before it is set.
        values: The names that are read otherwise than to be called.
    """

    def __init__(self) -> None:
        self.read: dict[str, None] = {}
        self.first: dict[str, bool] = {}
        self.values: set[str] = set()
        self._hidden: list[set[str]] = []
        self._depth = 0  # What a nested function reads is read when it is called.

    def visit_Name(self, node: ast.Name) -> None:
        loads = isinstance(node.ctx, ast.Load)
        if any(node.id in each for each in self._hidden):
            return
        if not self._depth:
            self.first.setdefault(node.id, loads)
        if loads:
            self.read.setdefault(node.id)
            self.values.add(node.id)

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Name):
            was = node.func.id in self.values
            self.visit(node.func)
            if not was:
                self.values.discard(node.func.id)
        else:
            self.visit(node.func)
        for each in (*node.args, *node.keywords):
            self.visit(each)

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        for each in node.targets:
            self.visit(each)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)
        self.visit(node.annotation)
        self.visit(node.target)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self.visit(ast.copy_location(ast.Name(node.target.id, ast.Load()), node.target))
        self.visit(node.value)
        self.visit(node.target)

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        for each in (node.iter, node.target, *node.body, *node.orelse):
            self.visit(each)

    visit_AsyncFor = visit_For  # noqa: N815

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.visit(node.value)
        self.visit(node.target)

    def _visit_comprehension(self, node: Any) -> None:
        self.visit(node.generators[0].iter)
        targets = {
            each.id
            for generator in node.generators
            for each in ast.walk(generator.target)
            if isinstance(each, ast.Name)
        }
        self._hidden.append(targets)
        for number, each in enumerate(node.generators):
            for part in (*([each.iter] if number else ()), *each.ifs):
                self.visit(part)
        values = (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,)
        for each in values:
            self.visit(each)
        self._hidden.pop()

    visit_ListComp = visit_SetComp = _visit_comprehension  # noqa: N815
    visit_DictComp = visit_GeneratorExp = _visit_comprehension  # noqa: N815

    def _visit_function(self, node: Any) -> None:
        for each in (*getattr(node, "decorator_list", ()), *node.args.defaults):
            self.visit(each)
        for each in node.args.kw_defaults:
            if each is not None:
                self.visit(each)
        parameters = {each.arg for each in ast.walk(node.args) if isinstance(each, ast.arg)}
        if not isinstance(node, ast.Lambda):
            self.first.setdefault(node.name, False)
        self._hidden.append(parameters | _set_in(node))
        self._depth += 1
        for each in node.body if isinstance(node.body, list) else [node.body]:
            self.visit(each)
        self._depth -= 1
        self._hidden.pop()

    visit_FunctionDef = visit_AsyncFunctionDef = visit_Lambda = _visit_function  # noqa: N815

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for each in (*node.decorator_list, *node.bases, *node.keywords):
            self.visit(each)
        self.first.setdefault(node.name, False)
        self._hidden.append(set())
        for each in node.body:
            self.visit(each)
        self._hidden.pop()

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        for each in node.names:
            self.first.setdefault((each.asname or each.name).partition(".")[0], False)

    visit_ImportFrom = visit_Import  # noqa: N815

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.type is not None:
            self.visit(node.type)
        if node.name:
            self.first.setdefault(node.name, False)
        for each in node.body:
            self.visit(each)

    def visit_MatchAs(self, node: ast.MatchAs | ast.MatchStar) -> None:
        if node.name:
            self.first.setdefault(node.name, False)
        self.generic_visit(node)

    visit_MatchStar = visit_MatchAs  # noqa: N815

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        if node.rest:
            self.first.setdefault(node.rest, False)
        self.generic_visit(node)


def _set_in(function: Any) -> set[str]:
    """Return the names that a nested function sets itself."""
    if isinstance(function, ast.Lambda):
        return set()
    return {
        node.id
        for node in _of_scope(function.body)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
