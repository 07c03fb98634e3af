"""Two states of a notebook to compare: two files, or a file and what git has of it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib import invalidate_caches
from pathlib import Path
from typing import Any

from jobnb.code.modules import is_own
from jobnb.errors import NotebookError
from jobnb.notebook.code_source import home_of
from jobnb.notebook.load_limit import LoadLimit
from jobnb.notebook.location import load_module
from jobnb.notebook.revision_tree import OldFile, file_at, revisions_in
from jobnb.staleness.differences import DefinitionsDiff, DefinitionsState, compare_states, state_of
from jobnb.storage.history import has_history
from jobnb.storage.instance import Instance

_SUFFIXES = (".ipynb", ".py", ".md")


def diff_of_files(
    path: str | Path, other: str, limit: LoadLimit | None = None, until: str | None = None
) -> DefinitionsDiff:
    """Compare the definitions of a notebook with those of another, or of a revision of it.

    Each state has the modules that belong to it: those beside the other file, or of the revision.

    Args:
        path: A notebook or Python file.
        other: Another one, which `path` is compared with; or a revision of git, from which `path`
            came to be what it is; or two, as `main..topic`.
        limit: How long each may take to load; 120 s if not given.
        until: A later revision; the file as it is now if not given.

    Returns:
        The differences, from `path` to the other file, or from the revision to `path`. What becomes
        stale, and how long it took, is read from the history beside `path`.

    Raises:
        NotebookError: If one cannot be loaded, or git does not have the revision.
    """
    mine = Path(path)
    if mine.suffix not in _SUFFIXES and not mine.exists():
        files = [each for each in (other, until) if each and each.endswith(_SUFFIXES)]
        raise NotebookError(
            f"There is no file {str(path)!r}. Name the notebook first, then what it is compared "
            f"with: jobnb diff {(files or ['NOTEBOOK'])[0]} {path}."
        )
    is_file = Path(other).exists() or other.endswith(_SUFFIXES)
    if is_file and until is not None:
        raise NotebookError(
            f"{other!r} is a file, and {until!r} a revision. Name one notebook and two revisions: "
            f"jobnb diff {mine.name} main HEAD; or two notebooks."
        )
    if is_file:
        names = mine.name, Path(other).name
        earlier, later = _loaded(mine, limit), _loaded(Path(other), limit)
    else:
        first, last = (other, until) if until is not None else revisions_in(other, mine)
        names = _at(mine, first), _at(mine, last)
        earlier, later = _loaded_at(mine, first, limit), _loaded_at(mine, last, limit)
    with earlier as before:
        pass  # Its modules go before the others are imported, which may have the same names.
    home = home_of(mine)
    with later as after:
        if not has_history(home):
            return compare_states(before, after, None, names)
        with Instance.from_home(home) as instance:
            return compare_states(before, after, instance, names)


def _at(path: Path, revision: str | None) -> str:
    return path.name if revision is None else f"{path.name} at {revision}"


@contextmanager
def _loaded_at(
    path: Path, revision: str | None, limit: LoadLimit | None
) -> Iterator[DefinitionsState]:
    """Load a file as git has it at a revision, or as it is now."""
    if revision is None:
        with _loaded(path, limit) as state:
            yield state
        return
    with file_at(path, revision) as old:
        try:
            with _loaded(old.file, limit, old) as state:
                yield state
        except NotebookError as error:
            told = str(error).replace(str(old.file), _at(path, revision))
            raise NotebookError(told.replace(str(old.tree), f"{old.top} at {revision}")) from error


@contextmanager
def _loaded(
    path: Path, limit: LoadLimit | None, old: OldFile | None = None
) -> Iterator[DefinitionsState]:
    """Load a file with the modules that belong to it, which are there during the block."""
    with _modules_of(path.absolute().parent, old):
        yield state_of(load_module(path, limit=limit).session)


@contextmanager
def _modules_of(folder: Path, old: OldFile | None) -> Iterator[None]:
    """Import the modules of a folder, or of a revision's tree, anew for the block."""
    roots = [folder] if old is None else [old.tree, old.top]
    loaded = _modules_in(roots)
    places = list(sys.path)
    if old is not None:
        sys.path[:] = [str(old.in_tree(Path(place))) for place in places]
    _forget(loaded)
    try:
        yield
    finally:
        _forget(_modules_in(roots))
        sys.modules.update(loaded)
        sys.path[:] = places


def _forget(names: Iterable[str]) -> None:
    for name in names:
        del sys.modules[name]
    invalidate_caches()


def _modules_in(roots: Sequence[Path]) -> dict[str, Any]:
    """Return the user's own modules in some folders by name."""
    # A copy is read: to look at a module may import another.
    return {name: module for name, module in list(sys.modules.items()) if _is_in(module, roots)}


def _is_in(module: Any, roots: Sequence[Path]) -> bool:
    """Whether a module is the user's own and its file in one of some folders."""
    name, file = getattr(module, "__name__", None), getattr(module, "__file__", None)
    if name == "__main__" or not is_own(name):
        return False
    files = [file] if file else list(getattr(module, "__path__", ()))
    return any(Path(each).resolve().is_relative_to(root) for each in files for root in roots)
