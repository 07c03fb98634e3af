"""Files that steps write and pass on as handles, through a resource that stores them."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import IO, Any

from jobnb.definitions.resources.resource import ResourceDefinition
from jobnb.errors import InvalidInvocationError, StorageError

_READING = ("r", "rb")
_WRITING = ("w", "wb")


class FileHandle(ABC):
    """A reference to a file that a step can pass on.

    Source: Dagster's `FileHandle`.
    """

    @property
    @abstractmethod
    def path_desc(self) -> str:
        """The path of the file, for people."""


class LocalFileHandle(FileHandle):
    """A file on this machine.

    Args:
        path: Where it is.

    Example:
        >>> LocalFileHandle("/data/flights.csv").path_desc
        '/data/flights.csv'

    Source: Dagster's `LocalFileHandle`.
    """

    def __init__(self, path: str) -> None:
        self._path = os.fspath(path)

    @property
    def path(self) -> str:
        """The path of the file."""
        return self._path

    @property
    def path_desc(self) -> str:
        """The path of the file."""
        return self._path

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LocalFileHandle) and other.path == self.path

    def __hash__(self) -> int:
        return hash(self._path)

    def __repr__(self) -> str:
        return f"LocalFileHandle({self._path!r})"


class LocalFileManager:
    """Writes files of fresh names into a folder, and reads them by their handles.

    Args:
        base_dir: The folder; it is made when it is first written to.
    """

    def __init__(self, base_dir: str | os.PathLike[str]) -> None:
        self.base_dir = os.fspath(base_dir)
        self._copies: list[str] = []

    @contextmanager
    def read(self, file_handle: FileHandle, mode: str = "rb") -> Iterator[IO[Any]]:
        """Open the file for the duration of the block.

        Args:
            file_handle: What a write gave.
            mode: "r" for text, "rb" for bytes.

        Raises:
            StorageError: If it is not there.
        """
        with self._opened(file_handle, _checked(mode, _READING)) as file:
            yield file

    def read_data(self, file_handle: FileHandle) -> bytes:
        """Return all that is in the file."""
        with self.read(file_handle) as file:
            data: bytes = file.read()
        return data

    def write_data(self, data: bytes, ext: str | None = None) -> LocalFileHandle:
        """Write bytes to a new file.

        Args:
            data: The bytes.
            ext: The ending of its name, without the dot.
        """
        return self._written("wb", ext, lambda file: file.write(data))

    def write(self, file_obj: IO[Any], mode: str = "wb", ext: str | None = None) -> LocalFileHandle:
        """Write what an open file still holds to a new file.

        Args:
            file_obj: The open file.
            mode: "w" if it gives text, "wb" if it gives bytes.
            ext: The ending of the new file's name, without the dot.
        """
        checked = _checked(mode, _WRITING)
        return self._written(checked, ext, lambda file: shutil.copyfileobj(file_obj, file))

    def copy_handle_to_local_temp(self, file_handle: FileHandle) -> str:
        """Return the path of a copy that the caller may change; `delete_local_temp` removes it."""
        with self.read(file_handle) as file:
            handle, path = tempfile.mkstemp()
            self._copies.append(path)
            with os.fdopen(handle, "wb") as copy:
                shutil.copyfileobj(file, copy)
        return path

    def delete_local_temp(self) -> None:
        """Remove the copies that were made."""
        copies, self._copies = self._copies, []
        for path in copies:
            Path(path).unlink(missing_ok=True)

    def _opened(self, file_handle: FileHandle, mode: str) -> IO[Any]:
        try:
            return Path(file_handle.path_desc).open(mode, encoding=_encoding(mode))
        except OSError as error:
            raise StorageError(
                f"The file {file_handle.path_desc!r} cannot be read: {error.strerror or error}."
            ) from error

    def _written(
        self, mode: str, ext: str | None, write: Callable[[IO[Any]], Any]
    ) -> LocalFileHandle:
        folder, name = Path(self.base_dir), str(uuid.uuid4())
        target = folder / (f"{name}.{ext}" if ext else name)
        unfinished = folder / f".writing-{name}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with unfinished.open(mode, encoding=_encoding(mode)) as file:
                write(file)
            unfinished.replace(target)  # whole or not at all
        except OSError as error:
            raise StorageError(
                f"No file can be written in {self.base_dir!r}: {error.strerror or error}."
            ) from error
        finally:
            unfinished.unlink(missing_ok=True)
        return LocalFileHandle(str(target))

    def __repr__(self) -> str:
        return f"LocalFileManager({self.base_dir!r})"


def _checked(mode: str, allowed: tuple[str, ...]) -> str:
    if mode not in allowed:
        raise InvalidInvocationError(
            f"The mode {mode!r} is not one of {', '.join(map(repr, allowed))}."
        )
    return mode


def _encoding(mode: str) -> str | None:
    return None if "b" in mode else "utf-8"


class _LocalFiles(ResourceDefinition):
    """`local_file_manager`: its config schema is built when it is first read."""

    @cached_property
    def config_schema(self) -> Any:
        """The folder, if it is not that of the instance."""
        from jobnb.config import Field, StringSource

        return {"base_dir": Field(StringSource, is_required=False, description="The folder.")}


@contextmanager
def _of_a_run(context: Any) -> Iterator[LocalFileManager]:
    """Create the manager of a run; its copies are deleted with the run."""
    given = (context.resource_config or {}).get("base_dir")
    folder = given or Path(context.instance.storage_directory(), "file_manager")
    manager = LocalFileManager(folder)
    try:
        yield manager
    finally:
        manager.delete_local_temp()


local_file_manager = _LocalFiles(_of_a_run, description="Files on this machine, by handle.")
"""A resource whose value writes files and reads them again by their handles.

Config: `base_dir`, the folder; one of the instance if left out.

Source: Dagster's `local_file_manager`.
"""
del local_file_manager.__dict__["config_schema"]  # what is built when it is first read
