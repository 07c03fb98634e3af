"""Where the history is: the folder, and the database where it is not in the folder.

Also what is written beside it: the notebook, script or module whose runs it keeps.
"""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from pathlib import Path

from jobnb.errors import StorageError

__all__ = ["DATABASE_VARIABLE", "HOME_VARIABLE", "NOTEBOOK_VARIABLE", "default_home",
           "has_history", "launcher", "made_home", "named_database", "seen_from",
           "unusable"]  # fmt: skip

HOME_VARIABLE = "JOBNB_HOME"
DATABASE_VARIABLE = "JOBNB_DATABASE"
NOTEBOOK_VARIABLE = "JOBNB_NOTEBOOK"
"""Holds the notebook of a kernel that `jobnb execute` has started."""


def default_home() -> Path:
    """The folder in `$JOBNB_HOME`, else `.jobnb` here.

    Raises:
        StorageError: If it names the home of a user that there is not.
    """
    return _expanded(os.environ.get(HOME_VARIABLE) or ".jobnb").absolute()


def _expanded(home: str | os.PathLike[str]) -> Path:
    try:
        return Path(home).expanduser()
    except RuntimeError as error:
        raise unusable(Path(home), error) from error


def named_database() -> str | None:
    """The URL of the database in `$JOBNB_DATABASE`; None where the history is in the folder."""
    return os.environ.get(DATABASE_VARIABLE) or None


def has_history(home: str | os.PathLike[str] | None = None) -> bool:
    """Whether a history can be looked at without making its folder first.

    Args:
        home: The folder; that of `default_home()` if absent.
    """
    if named_database() is not None:
        return True
    try:
        return (_expanded(home) if home else default_home()).is_dir()
    except ValueError:  # no folder has such a name
        return False


def launcher(home: Path | None) -> str | None:
    """What launches runs here: the path of the notebook or script, or the name of the module.

    Args:
        home: The folder of the history: a path is told as seen from the folder around it.

    Returns:
        None where nobody knows, as in an interactive Python.
    """
    main = sys.modules.get("__main__")
    own: str | None = getattr(main, "__vsc_ipynb_file__", None)  # of a notebook in VS Code
    if own is None and _in_kernel():
        own = os.environ.get(NOTEBOOK_VARIABLE) or os.environ.get("JPY_SESSION_NAME")
        return seen_from(home, own.removeprefix("RTC:")) if own else None
    spec = getattr(main, "__spec__", None)
    if own is None and spec is not None:
        return str(spec.name).removesuffix(".__main__")
    own = own or getattr(main, "__file__", None)
    return seen_from(home, str(own)) if own else None


def _in_kernel() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return hasattr(shell, "kernel")


@lru_cache(maxsize=64)
def seen_from(home: Path | None, path: str) -> str:
    """A path as it is told: from the folder around the history, if it lies in there."""
    found = Path(path).absolute()
    around = Path.cwd() if home is None else home.parent
    return found.relative_to(around).as_posix() if found.is_relative_to(around) else str(found)


def made_home(home: str | os.PathLike[str]) -> Path:
    """The folder, made where it is missing; one of our own tells git to leave it alone.

    Raises:
        StorageError: If it cannot be made, read or written.
    """
    home = Path(home).absolute()
    try:
        new = not home.exists()
        home.mkdir(parents=True, exist_ok=True)
        if new and home.name == ".jobnb":
            (home / ".gitignore").write_text("*\n", encoding="utf-8")
        if not os.access(home, os.R_OK | os.W_OK | os.X_OK):
            raise PermissionError("it cannot be read and written")
    except (OSError, ValueError) as error:
        raise unusable(home, error) from error
    return home


def unusable(path: Path, error: Exception) -> StorageError:
    """The error of a folder that cannot be used."""
    reason = getattr(error, "strerror", None) or str(error)
    return StorageError(
        f"Cannot keep the history in {str(path)!r}: {reason}. "
        f"Set {HOME_VARIABLE} to a folder that can be written."
    )
