"""The IO managers that come with jobnb."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from jobnb.definitions.resources.io import IOManagerDefinition
from jobnb.errors import InvariantViolationError
from jobnb.storage.files import FileIOManager
from jobnb.storage.memory import InMemoryIOManager, MemoryIOManager, mem_io_manager

__all__ = [
    "FileIOManager",
    "InMemoryIOManager",
    "MemoryIOManager",
    "fs_io_manager",
    "mem_io_manager",
]


class _FilesDefinition(IOManagerDefinition):
    """`fs_io_manager`: its config schema is built when it is first read."""

    @cached_property
    def config_schema(self) -> Any:
        """The folder, where it is not that of the instance."""
        from jobnb.config import Field, StringSource

        folder = Field(StringSource, is_required=False, description="Where values are stored.")
        return {"base_dir": folder}


def file_manager(context: Any) -> FileIOManager:
    """The manager of a run: in `base_dir` of its config, else where its instance stores."""
    base_dir = (context.resource_config or {}).get("base_dir")
    return FileIOManager(base_dir or values_directory(context))


def values_directory(context: Any) -> str:
    """Where the instance of a run stores values.

    Raises:
        InvariantViolationError: If there is no instance.
    """
    if context.instance is None:
        raise InvariantViolationError(
            "fs_io_manager does not know where to store values: there is no instance. "
            'Give it a folder: {"base_dir": ...}.'
        )
    return str(context.instance.storage_directory())


fs_io_manager = _FilesDefinition(
    file_manager,
    description="Stores values as files: data frames as Parquet, all else pickled.",
)
del fs_io_manager.__dict__["config_schema"]  # what is built when it is first read
