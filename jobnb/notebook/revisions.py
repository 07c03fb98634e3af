"""Two states of a notebook to compare: two files, or a file and what git has of it."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from jobnb.errors import NotebookError
from jobnb.notebook.code_source import home_of
from jobnb.notebook.load_limit import LoadLimit
from jobnb.notebook.location import LoadedModule, load_module
from jobnb.staleness.differences import DefinitionsDiff, compare
from jobnb.storage.history import has_history
from jobnb.storage.instance import Instance

_SUFFIXES = (".ipynb", ".py", ".md")


def diff_of_files(path: str | Path, other: str, limit: LoadLimit | None = None) -> DefinitionsDiff:
    """Compare the definitions of a notebook with those of another, or of a revision of it.

    Args:
        path: A notebook or Python file.
        other: Another one, which `path` is compared with; or a revision of git, from which `path`
            came to be what it is.
        limit: How long each may take to load; 120 s if not given.

    Returns:
        The differences, from `path` to the other file, or from the revision to `path`. What becomes
        stale, and how long it took, is read from the history beside `path`.

    Raises:
        NotebookError: If one cannot be loaded, or git does not have the revision.
    """
    mine = Path(path)
    loaded = load_module(mine, limit=limit)
    if Path(other).exists() or other.endswith(_SUFFIXES):
        before, after = loaded, load_module(other, limit=limit)
        names = (mine.name, Path(other).name)
    else:
        before, after = load_revision(mine, other, limit), loaded
        names = (f"{mine.name} at {other}", mine.name)
    home = home_of(mine)
    if not has_history(home):
        return compare(before.session, after.session, None, names)
    with Instance.from_home(home) as instance:
        return compare(before.session, after.session, instance, names)


def load_revision(path: Path, revision: str, limit: LoadLimit | None = None) -> LoadedModule:
    """Load a file as git has it at a revision; modules beside it are those of now.

    Raises:
        NotebookError: If git does not have it.
    """
    folder = path.absolute().parent
    found = subprocess.run(  # noqa: S603 - no shell, and the revision is one argument
        ["git", "-C", str(folder), "show", "--end-of-options", f"{revision}:./{path.name}"],  # noqa: S607
        capture_output=True,
        check=False,
    )
    if found.returncode:
        reason = found.stderr.decode(errors="replace").strip().partition("\n")[0]
        raise NotebookError(
            f"{str(revision)!r} is no file, and no revision of {path} in git: "
            f"{reason.removeprefix('fatal: ').rstrip('.')}."
        )
    with tempfile.TemporaryDirectory() as temporary:
        old = Path(temporary, path.name)
        old.write_bytes(found.stdout)
        return load_module(old, folder, limit)
