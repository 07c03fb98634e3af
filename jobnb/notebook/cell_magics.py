"""`%%asset` and `%%op`: a cell whose last expression is the value of an asset or op."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Mapping, MutableMapping
from types import CodeType, FrameType, FunctionType
from typing import Any

from jobnb.errors import InvalidDefinitionError
from jobnb.notebook.cell_completion import complete_cells_no_more, complete_cells_with
from jobnb.notebook.cell_function import CellContext, CellFunction, read_cell
from jobnb.notebook.cell_options import KINDS, OPTIONS, parts_of_cell
from jobnb.notebook.definition_code import plain_source


def define_cell(
    source: str,
    variables: MutableMapping[str, Any],
    filename: str,
    later: frozenset[str] = frozenset(),
) -> Any:
    """Define what a `%%asset` or `%%op` cell says, as its decorator would.

    Args:
        source: The whole cell.
        variables: The notebook's variables; the definition becomes one of them.
        filename: The cell's name in tracebacks.
        later: Names that the notebook has where it is run, though not among the variables.

    Returns:
        The asset or op.

    Raises:
        SyntaxError: If the rest of the cell is no Python.
        InvalidInvocationError: If its first line has an unknown option.
        InvalidDefinitionError: If it has no name or no value.
    """
    cell = read_definition_cell(source, variables, filename, later)
    return define(cell, variables, filename)


def read_definition_cell(
    source: str,
    variables: Mapping[str, Any],
    filename: str,
    later: frozenset[str] = frozenset(),
) -> CellFunction:
    """Read a `%%asset` or `%%op` cell as `define_cell` does, without defining anything."""
    from jobnb.registry.session import current_session

    line, rest = parts_of_cell(source)
    keys = current_session().catalogue.by_name("asset")
    return read_cell(line, plain_source(rest), filename, CellContext(variables, keys, later))


def define(cell: CellFunction, variables: MutableMapping[str, Any], filename: str) -> Any:
    """Define what a cell says, and its checks; the definition becomes a variable."""
    checks = cell.line.checks()  # Read first: of a cell with a mistake nothing is defined.
    function = _function(cell, variables, filename)
    names = _names()
    arguments = {
        name: _evaluate(text, f"{name}={text}", cell, variables, names)
        for name, text in cell.arguments.items()
    }
    definition = names[cell.line.kind](**arguments)(function)
    variables[cell.line.name] = definition
    for name, text in checks.items():
        described = names["asset_check"](asset=definition, name=name, description=text)
        variables[name] = described(_check(name, text, cell, variables, filename))
    return definition


def _function(cell: CellFunction, variables: MutableMapping[str, Any], filename: str) -> Any:
    """Compile a cell as a function of the notebook."""
    # Written as one function, so that whatever looks for its source finds it, line for line.
    checks = "".join(f" --check {each.strip()}" for each in cell.line.options.get("check", ()))
    first = f"{cell.head(annotated=False)}  # %%{cell.line.kind} {cell.line.key}{checks}"
    source = f"{first}\n{cell.body}"
    _keep_text(filename, source)
    scope: dict[str, Any] = {}
    exec(compile(source, filename, "exec", dont_inherit=True), variables, scope)  # type: ignore[arg-type] # noqa: S102 (its purpose)
    function: FunctionType = scope[cell.line.name]
    names = _names()
    function.__annotations__ = {
        name: _evaluate(text, f"the type of {name!r}, {text}", cell, variables, names)
        for name, text in cell.annotations.items()
    }
    return function


def _evaluate(
    text: str, what: str, cell: CellFunction, variables: Mapping[str, Any], names: dict[str, Any]
) -> Any:
    """Evaluate an argument in the notebook.

    Raises:
        InvalidDefinitionError: If it raises.
    """
    try:
        return eval(text, dict(variables), names)  # noqa: S307 (the user's own code)
    except Exception as error:
        told = f"{type(error).__name__}: {error}"
        raise InvalidDefinitionError(
            f"%%{cell.line.kind} {cell.line.key}: {what} cannot be evaluated: {told}."
        ) from error


def _check(
    name: str, text: str, cell: CellFunction, variables: MutableMapping[str, Any], filename: str
) -> Any:
    scope: dict[str, Any] = {}
    source = f"def {name}({cell.line.name}): return bool({text})"
    code: CodeType = compile(source, filename, "exec", dont_inherit=True)
    exec(code, variables, scope)  # type: ignore[arg-type] # noqa: S102 (its purpose)
    check = scope[name]
    # Its line of the cell is that of the asset's function, so it has its own source with it.
    head = f"def {name}({cell.line.name}):  # %%{cell.line.kind} {cell.line.key}"
    check.cell_source = f"{head}\n    return bool({text})"
    return check


def _names() -> dict[str, Any]:
    """Return the names that jobnb writes itself in decorators' arguments."""
    from jobnb.definitions.assets.asset import asset
    from jobnb.definitions.checks.asset_check_decorators import asset_check
    from jobnb.definitions.keys import AssetKey
    from jobnb.definitions.ops.function import ResourceParam
    from jobnb.definitions.ops.inout import AssetIn, Out
    from jobnb.definitions.ops.op import op
    from jobnb.definitions.ops.retry import RetryPolicy

    found = (asset, asset_check, AssetIn, AssetKey, op, Out, ResourceParam, RetryPolicy)
    return {each.__name__: each for each in found}


def show_text(filename: str, source: str) -> None:
    """Let tracebacks show a cell that defines nothing yet, its first line as a comment."""
    _keep_text(filename, f"# {source.lstrip()}")


def _keep_text(filename: str, text: str) -> None:
    linecache.cache[filename] = len(text), None, text.splitlines(keepends=True), filename


# --- in a shell -------------------------------------------------------------


def register(shell: Any) -> None:
    """Register `%%asset` and `%%op` with a shell."""
    from IPython.core.magic import no_var_expand

    for kind in KINDS:
        shell.register_magic_function(no_var_expand(_magic(kind, shell)), "cell", kind)
    complete_cells_with(shell)


def unregister(shell: Any) -> None:
    """Remove the magics from a shell."""
    for kind in KINDS:
        shell.magics_manager.magics["cell"].pop(kind, None)
    complete_cells_no_more(shell)


def _magic(kind: str, shell: Any) -> Any:
    def magic(line: str, cell: str) -> None:
        source = f"%%{kind} {line}\n{cell}"
        filename = _cell_file(shell, source)
        try:
            define_cell(source, shell.user_ns, filename)
        except SyntaxError as error:  # It names the cell and the line itself.
            raise error.with_traceback(None) from None

    magic.__name__, magic.__doc__ = kind, _help(kind)
    return magic


def _cell_file(shell: Any, source: str) -> str:
    """Return the name of the running cell in tracebacks, where its text is found."""
    filename = _calling_cell(shell)
    if filename is None:
        filename = str(shell.compile.cache(source, shell.execution_count))
    show_text(filename, source)
    return filename


def _calling_cell(shell: Any) -> str | None:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        filename = frame.f_code.co_filename
        if frame.f_globals is shell.user_ns and filename in shell.compile._filename_map:
            return filename
        frame = frame.f_back
    return None


def _help(kind: str) -> str:
    known = {name: each for name, each in OPTIONS.items() if each.fits(kind)}
    width = max(len(f"--{name} {each.takes}") for name, each in known.items())
    lines = [f"  {f'--{name} {each.takes}':<{width}}  {each.help}" for name, each in known.items()]
    what = "an asset" if kind == "asset" else "an op"
    return "\n".join(
        [
            f"%%{kind} NAME [OPTIONS]",
            "",
            f"The cell defines {what}: its last expression is the value. Names of assets,",
            "and names that nothing defines, are inputs; others are read from the notebook.",
            "",
            *lines,
        ]
    )
