"""Read and write notebook files: one clear error, and a file is written whole or not at all."""

from __future__ import annotations

import json
import os
import secrets
import sys
import tempfile
import warnings
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO

from jobnb.errors import NotebookError
from jobnb.notebook.markdown_notebooks import markdown_cells, node_of
from jobnb.notebook.percent_notebooks import percent_cells


def read_notebook(path: str | Path) -> Any:
    """Read a notebook, in the newest minor version of format 4.

    Args:
        path: The `.ipynb` file, or a `.py` file of cells that begin with `# %%`, or a `.md` file
            with its code in fences.

    Returns:
        The notebook, an `nbformat.NotebookNode`.

    Raises:
        NotebookError: If there is no such file, or it is no notebook.
    """
    if Path(path).suffix in (".py", ".md"):
        told = _read(Path(path)), str(path)
        cells = percent_cells(*told) if Path(path).suffix == ".py" else markdown_cells(*told)
        _nbformat()  # which node_of imports
        return node_of(*cells)
    text = _text_of(Path(path))
    nbformat = _nbformat()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Cells without ids get some.
        try:
            node = nbformat.reads(text, as_version=4)
            nbformat.validate(node)
        except Exception as error:
            raise NotebookError(
                f"{path} is no notebook that can be read: {_first(error)}"
            ) from error
    return node


@cache
def _nbformat() -> ModuleType:
    """Import nbformat without the grammar of IRIs.

    Its dependency jsonschema imports `rfc3987_syntax` where that is installed, as it is beside
    JupyterLab, and this compiles a grammar in a million calls: it took longer than all else in
    executing a small notebook. What jsonschema gets in its place imports it at the first IRI.
    """
    if _GRAMMAR in sys.modules or "jsonschema" in sys.modules:
        return import_module("nbformat")
    later = ModuleType(_GRAMMAR)
    vars(later)["is_valid_syntax"] = _is_valid_syntax
    sys.modules[_GRAMMAR] = later
    try:
        return import_module("nbformat")
    finally:
        del sys.modules[_GRAMMAR]


_GRAMMAR = "rfc3987_syntax"


def _is_valid_syntax(term: str, value: str) -> bool:
    return bool(import_module(_GRAMMAR).is_valid_syntax(term, value))


def _text_of(path: Path) -> str:
    text = _read(path)
    try:
        parsed = json.loads(text)
    except ValueError as error:
        raise NotebookError(f"{path} is no notebook: it is not JSON ({error}).") from error
    if not isinstance(parsed, dict) or "nbformat" not in parsed:
        raise NotebookError(f"{path} is no notebook: it is JSON, but has no 'nbformat'.")
    return text


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotebookError(f"There is no notebook {path}{_neighbours(path)}.") from None
    except IsADirectoryError:
        raise NotebookError(f"{path} is a folder; name the notebook in it.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise NotebookError(f"The notebook {path} cannot be read: {_first(error)}") from error


def _neighbours(path: Path) -> str:
    """Suggest files beside one that does not exist."""
    try:
        found = sorted(other.name for other in path.parent.glob("*.ipynb"))[:5]
    except OSError:
        found = []
    return f"; beside it there is {', '.join(found)}" if found else ""


def _first(error: BaseException) -> str:
    """Return the first line of an error, without the file name that the message has already."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def new_notebook(cells: Iterable[tuple[str, str]]) -> Any:
    """Return a notebook of cells, each as its type (`code` or `markdown`) and text."""
    new = _nbformat().v4
    make = {"code": new.new_code_cell, "markdown": new.new_markdown_cell}
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    made = [make[kind](text) for kind, text in cells]
    return new.new_notebook(cells=made, metadata={"kernelspec": kernel})


def dump_notebook(node: Any) -> str:
    """Return the notebook's text, ending in one line break."""
    import nbformat

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return str(nbformat.writes(node)).rstrip("\n") + "\n"


def check_writable(path: str | Path) -> None:
    """Raise now if a file could not be written later, after an hour of work.

    Raises:
        NotebookError: If the file's folder is missing or not writable, or the path is a folder.
    """
    target = Path(path)
    if target.is_dir():
        raise NotebookError(f"{target} cannot be written: it is a folder.")
    folder = target.parent
    if not folder.is_dir():
        raise NotebookError(f"{target} cannot be written: there is no folder {folder}.")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise NotebookError(f"{target} cannot be written: {_first(error)}.") from error


def write_whole(path: str | Path, text: str) -> None:
    """Write a text file atomically: a reader sees the old one or the new one.

    Raises:
        NotebookError: If it cannot be written.
    """
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        with _opened_new(temporary, target) as stream:
            stream.write(text.encode("utf-8", "replace"))  # A lone surrogate is replaced.
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(target)
    except OSError as error:
        raise NotebookError(f"{target} cannot be written: {_first(error)}.") from error
    finally:
        with suppress(OSError):  # It still exists only if something went wrong.
            temporary.unlink(missing_ok=True)


def _opened_new(temporary: Path, target: Path) -> BinaryIO:
    """Create a file with the permissions of the one it will replace, or the default ones.

    The umask is not touched to read it: it is process-wide, and other threads create files.
    """
    if not target.exists():
        return temporary.open("xb")
    private = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    temporary.chmod(target.stat().st_mode & 0o777)
    return os.fdopen(private, "wb")
