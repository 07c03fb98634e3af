"""The filesystem IO manager as a class with its folder as a field."""

from __future__ import annotations

from typing import Any

from jobnb.definitions.resources.configurable_resource import ConfigurableIOManagerFactory
from jobnb.storage.files import FileIOManager, values_directory


class FilesystemIOManager(ConfigurableIOManagerFactory):
    """Stores values as files: data frames as Parquet, executed notebooks as .ipynb.

    Args:
        base_dir: The folder; that of the instance if left out.

    Example:
        >>> FilesystemIOManager(base_dir="/data").base_dir
        '/data'

    Source: Dagster's `FilesystemIOManager`.
    """

    base_dir: str | None = None

    def create_io_manager(self, context: Any) -> FileIOManager:
        """Return the manager of a run."""
        return FileIOManager(self.base_dir or values_directory(context))
