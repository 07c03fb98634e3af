"""Where the history is: the folder, and the database where it is not in the folder."""

from __future__ import annotations

import os
from pathlib import Path

from jobnb.errors import StorageError

__all__ = ["DATABASE_VARIABLE", "HOME_VARIABLE", "default_home", "has_history", "made_home",
           "named_database", "unusable"]  # fmt: skip

HOME_VARIABLE = "JOBNB_HOME"
DATABASE_VARIABLE = "JOBNB_DATABASE"


def default_home() -> Path:
    """The folder in `$JOBNB_HOME`, else `.jobnb` here."""
    return Path(os.environ.get(HOME_VARIABLE) or ".jobnb").expanduser().absolute()


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
    return (Path(home).expanduser() if home else default_home()).is_dir()


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
    except OSError as error:
        raise unusable(home, error) from error
    return home


def unusable(path: Path, error: OSError) -> StorageError:
    """The error of a folder that cannot be used."""
    reason = error.strerror or str(error)
    return StorageError(
        f"Cannot keep the history in {str(path)!r}: {reason}. "
        f"Set {HOME_VARIABLE} to a folder that can be written."
    )
