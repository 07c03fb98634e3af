"""Load the definitions of a notebook or Python file, without running its runs."""

from __future__ import annotations

import ast
import contextlib
import io
import linecache
import os
import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobnb.definitions.locations.definitions import Definitions
from jobnb.errors import JobnbError, NotebookError
from jobnb.notebook.attributes import definitions_of
from jobnb.notebook.cell_function import CellFunction
from jobnb.notebook.cell_magics import define, read_definition_cell, show_text
from jobnb.notebook.cell_options import is_definition_cell
from jobnb.notebook.code_cells import code_pieces
from jobnb.notebook.definition_code import DefinitionCode, plain_source
from jobnb.notebook.load_limit import LoadLimit

if TYPE_CHECKING:
    from jobnb.registry.session import Session


def load_definitions(
    path: str | Path,
    attribute: str | None = None,
    folder: str | Path | None = None,
    limit: LoadLimit | None = None,
) -> Definitions:
    r"""Load the definitions of a notebook or Python file.

    Its code is executed in this process, except the statements that start runs and those that need
    their results, and except the cells tagged `explore` (or as `explore_tags` tells).

    Args:
        path: An `.ipynb`, `.py` or `.md` file.
        attribute: The variable or function that gives the definitions; all that the code defines
            if not given.
        folder: The folder to execute it in; its own if not given.
        limit: How long it may take; 120 s if not given.

    Returns:
        Its jobs, assets and resources.

    Raises:
        NotebookError: If it cannot be read, its code raises or does not end in time, or it has no
            such attribute.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "pipeline.py")
        ...     _ = file.write_text("from jobnb import job\n@job\ndef daily(): ...")
        ...     load_definitions(file).job_names
        ['daily']
    """
    limit = limit or LoadLimit()
    with _loading(Path(path), folder, limit) as loaded:
        if attribute is not None:
            return limit.call(
                lambda: definitions_of(loaded.module, attribute, str(path)), str(path)
            )
        return loaded.session.snapshot()


@dataclass(frozen=True)
class LoadedModule:
    """A notebook or Python file, loaded.

    Attributes:
        session: What it defines.
        module: Its code, executed.
        cells: The functions of `%%asset` and `%%op` cells, by the name of the cell in tracebacks.
    """

    session: Session
    module: types.ModuleType
    cells: dict[str, CellFunction]

    @property
    def variables(self) -> dict[str, Any]:
        """Its variables."""
        return vars(self.module)


def load_module(
    path: str | Path, folder: str | Path | None = None, limit: LoadLimit | None = None
) -> LoadedModule:
    """Load a notebook or Python file as `load_definitions` does.

    Raises:
        NotebookError: If it cannot be read, or its code raises or does not end in time.
    """
    with _loading(Path(path), folder, limit or LoadLimit()) as loaded:
        return loaded


@contextlib.contextmanager
def _loading(source: Path, folder: str | Path | None, limit: LoadLimit) -> Iterator[LoadedModule]:
    """Execute the code of a file, and stay in its place."""
    from jobnb.registry.session import Session

    pieces = [
        (name, plain_source(text) if is_cell and not is_definition_cell(text) else text)
        for name, text, is_cell in code_pieces(source)
    ]
    module = types.ModuleType("__main__")
    module.__file__ = str(source.absolute())
    with (
        Session.capture() as captured,
        _called_session(captured),
        _place(source.absolute().parent, Path(folder or source.parent).absolute(), module),
    ):
        cells = limit.call(lambda: _execute(pieces, module), str(source))
        yield LoadedModule(captured, module, cells)


def _execute(pieces: list[tuple[str, str]], module: types.ModuleType) -> dict[str, CellFunction]:
    code, cells = DefinitionCode(), {}
    features = 0  # `from __future__ import annotations` holds from there on, as in a kernel
    for name, text in pieces:
        # Tracebacks and the hash of a definition's source look the lines up here.
        if is_definition_cell(text):
            show_text(name, text)
            cells[name] = _define_one(text, code, module, name)
            continue
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        try:
            tree = code.pick(text, name)
        except (SyntaxError, ValueError) as error:
            line = getattr(error, "lineno", None)
            raise NotebookError(f"{name}, line {line}: {getattr(error, 'msg', error)}.") from error
        for statement in tree.body:
            features |= _execute_one(statement, code, module, name, features)
    return cells


def _define_one(
    text: str, code: DefinitionCode, module: types.ModuleType, name: str
) -> CellFunction:
    """Define the asset or op of a `%%asset` or `%%op` cell."""
    try:
        cell = read_definition_cell(text, vars(module), name, code.missing)
        code.defines(define(cell, vars(module), name))
    except SyntaxError as error:
        raise NotebookError(f"{name}, line {error.lineno}: {error.msg}.") from error
    except JobnbError as error:
        raise NotebookError(f"{name}, line 1 raised {type(error).__name__}: {error}") from error
    return cell


def _execute_one(
    statement: ast.stmt,
    code: DefinitionCode,
    module: types.ModuleType,
    name: str,
    features: int,
) -> int:
    """Execute a statement; return the features that hold after it: given, or imported by it."""
    whole = ast.Module([statement], [])
    compiled = compile(whole, name, "exec", flags=features, dont_inherit=True)
    found: int = compiled.co_flags & annotations.compiler_flag
    try:
        exec(compiled, vars(module))  # noqa: S102 (its purpose)
    except (Exception, SystemExit) as error:
        if code.forgives(statement, error):
            return found
        what = f"{type(error).__name__}: {error}".rstrip(": ")
        raise NotebookError(f"{name}{_line_in(error, name)} raised {what}") from error
    return found


def _line_in(error: BaseException, name: str) -> str:
    """Return the line of the piece that raised an error."""
    found, trace = "", error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == name:
            found = f", line {trace.tb_lineno}"
        trace = trace.tb_next
    return found


@contextlib.contextmanager
def _called_session(captured: Any) -> Iterator[None]:
    """Make `jobnb.session` the session that collects the definitions."""
    import jobnb

    before = jobnb.session
    vars(jobnb)["session"] = captured
    try:
        yield
    finally:
        vars(jobnb)["session"] = before


@contextlib.contextmanager
def _place(beside: Path, folder: Path, module: types.ModuleType) -> Iterator[None]:
    """Execute in a folder, as `__main__`, with its printed output discarded.

    Args:
        beside: The folder of the file: what is in it can be imported, too.
        folder: The folder to execute in.
        module: The module that it is executed as.
    """
    before: Any = sys.modules.get("__main__")
    sys.modules["__main__"] = module
    backend = os.environ.get("MPLBACKEND")
    os.environ["MPLBACKEND"] = "Agg"  # Figures must not look for a screen.
    places = [str(place) for place in dict.fromkeys((folder, beside))]
    sys.path[:0] = places
    try:
        with contextlib.chdir(folder), contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        sys.modules["__main__"] = before
        os.environ.pop("MPLBACKEND")
        if backend is not None:
            os.environ["MPLBACKEND"] = backend
        for place in places:
            with contextlib.suppress(ValueError):
                sys.path.remove(place)
