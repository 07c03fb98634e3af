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
from pathlib import Path
from typing import Any

from jobnb.definitions.locations.definitions import Definitions
from jobnb.errors import JobnbError, NotebookError
from jobnb.notebook.cell_magics import define_cell, show_text
from jobnb.notebook.cell_options import is_definition_cell
from jobnb.notebook.definition_code import DefinitionCode, plain_source


def load_definitions(path: str | Path) -> Definitions:
    r"""Load the definitions of a notebook or Python file.

    Its code is executed in this process, in its own folder, except the statements that start runs
    and those that need their results.

    Args:
        path: An `.ipynb` or `.py` file.

    Returns:
        Its jobs, assets and resources.

    Raises:
        NotebookError: If it cannot be read, or its code raises.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "pipeline.py")
        ...     _ = file.write_text("from jobnb import job\n@job\ndef daily(): ...")
        ...     load_definitions(file).job_names
        ['daily']
    """
    from jobnb.registry.session import Session

    source = Path(path)
    pieces = list(_pieces(source))
    module = types.ModuleType("__main__")
    module.__file__ = str(source.absolute())
    with (
        Session.capture() as captured,
        _called_session(captured),
        _place(source.absolute().parent, module),
    ):
        _execute(pieces, module)
        definitions: Definitions = captured.snapshot()
    return definitions


def home_of(path: str | Path | None) -> Path:
    """Return the home of the history that belongs to a notebook or file; this folder's for None."""
    named = os.environ.get("JOBNB_HOME")
    if named:
        return Path(named).expanduser()
    folder = Path.cwd() if path is None else Path(path).absolute().parent
    return folder / ".jobnb"


def _pieces(path: Path) -> Iterator[tuple[str, str]]:
    """Iterate over the pieces of code, each with its name in tracebacks."""
    if path.suffix == ".py":
        yield str(path), _python_text(path)
        return
    from jobnb.notebook.document import read_notebook

    node = read_notebook(path)
    code = [cell for cell in node.cells if cell.cell_type == "code" and cell.source.strip()]
    for number, cell in enumerate(code, 1):
        name, text = f"{path}, cell [{number}]", cell.source
        yield name, text if is_definition_cell(text) else plain_source(text)


def _python_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotebookError(f"There is no file {path}.") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise NotebookError(f"The file {path} cannot be read: {reason}.") from error


def _execute(pieces: list[tuple[str, str]], module: types.ModuleType) -> None:
    code = DefinitionCode()
    for name, text in pieces:
        # Tracebacks and the hash of a definition's source look the lines up here.
        if is_definition_cell(text):
            show_text(name, text)
            _define_one(text, code, module, name)
            continue
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        try:
            tree = code.pick(text, name)
        except (SyntaxError, ValueError) as error:
            line = getattr(error, "lineno", None)
            raise NotebookError(f"{name}, line {line}: {getattr(error, 'msg', error)}.") from error
        for statement in tree.body:
            _execute_one(statement, code, module, name)


def _define_one(text: str, code: DefinitionCode, module: types.ModuleType, name: str) -> None:
    """Define the asset or op of a `%%asset` or `%%op` cell."""
    try:
        code.defines(define_cell(text, vars(module), name, code.missing))
    except SyntaxError as error:
        raise NotebookError(f"{name}, line {error.lineno}: {error.msg}.") from error
    except JobnbError as error:
        raise NotebookError(f"{name}, line 1 raised {type(error).__name__}: {error}") from error


def _execute_one(
    statement: ast.stmt, code: DefinitionCode, module: types.ModuleType, name: str
) -> None:
    compiled = compile(ast.Module([statement], []), name, "exec")
    try:
        exec(compiled, vars(module))  # noqa: S102 (its purpose)
    except (Exception, SystemExit) as error:
        if code.forgives(statement, error):
            return
        what = f"{type(error).__name__}: {error}".rstrip(": ")
        raise NotebookError(f"{name}{_line_in(error, name)} raised {what}") from error


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
def _place(folder: Path, module: types.ModuleType) -> Iterator[None]:
    """Execute in the code's folder, as `__main__`, with its printed output discarded."""
    before: Any = sys.modules.get("__main__")
    sys.modules["__main__"] = module
    backend = os.environ.get("MPLBACKEND")
    os.environ["MPLBACKEND"] = "Agg"  # Figures must not look for a screen.
    sys.path.insert(0, str(folder))
    try:
        with contextlib.chdir(folder), contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        sys.modules["__main__"] = before
        os.environ.pop("MPLBACKEND")
        if backend is not None:
            os.environ["MPLBACKEND"] = backend
        with contextlib.suppress(ValueError):
            sys.path.remove(str(folder))
