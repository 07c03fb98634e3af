"""The parts of `dagster._core.storage.file_manager` that file managers of its libraries use."""

from __future__ import annotations

import tempfile
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import IO, Any, Self

from jobnb.dagster_modules.checks import CheckError
from jobnb.storage.file_handles import FileHandle, LocalFileManager


class FileManager(ABC):
    """Stores files and returns handles that steps pass on.

    Source: Dagster's `FileManager`.
    """

    @abstractmethod
    def copy_handle_to_local_temp(self, file_handle: FileHandle) -> str:
        """Return the path of a copy on this machine."""

    @abstractmethod
    def delete_local_temp(self) -> None:
        """Remove the copies that were made."""

    @abstractmethod
    def read(self, file_handle: FileHandle, mode: str = "rb") -> AbstractContextManager[IO[Any]]:
        """Open the file for the duration of the block."""

    @abstractmethod
    def read_data(self, file_handle: FileHandle) -> bytes:
        """Return all that is in the file."""

    @abstractmethod
    def write(self, file_obj: IO[Any], mode: str = "wb", ext: str | None = None) -> FileHandle:
        """Write what an open file still holds to a new file."""

    @abstractmethod
    def write_data(self, data: bytes, ext: str | None = None) -> FileHandle:
        """Write bytes to a new file."""


FileManager.register(LocalFileManager)


class TempfileManager:
    """Makes temporary files and folders, and removes them when it is closed.

    Source: Dagster's `TempfileManager`.

    Example:
        >>> import os
        >>> with TempfileManager() as made:
        ...     path = made.tempfile().name
        ...     os.path.exists(path)
        True
        >>> os.path.exists(path)
        False
    """

    def __init__(self) -> None:
        self._made = ExitStack()

    def tempfile(self) -> Any:
        """Return a new file, open, that stays until all are removed; its path is its `name`."""
        file = tempfile.NamedTemporaryFile("w+b", delete=False)  # noqa: SIM115 - closed below
        self._made.callback(Path(file.name).unlink, missing_ok=True)
        return self._made.enter_context(file)

    def tempdir(self) -> str:
        """Return the path of a new folder."""
        return self._made.enter_context(tempfile.TemporaryDirectory())

    def close(self) -> None:
        """Remove all."""
        self._made.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        self.close()


def check_file_like_obj(obj: object) -> None:
    """Check that an object can be read or written, as a file can.

    Raises:
        CheckError: If it cannot.
    """
    if obj is None or not (hasattr(obj, "read") or hasattr(obj, "write")):
        raise CheckError(f"{obj!r} is no open file: it can neither be read nor written.")
