"""IO managers whose config is the fields of a class."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from jobnb.definitions.resources.configurable_resource import ConfigurableResource
from jobnb.definitions.resources.io import IOManager

__all__ = ["ConfigurableIOManager", "ConfigurableIOManagerFactory"]


class ConfigurableIOManager(ConfigurableResource[Any], IOManager):
    """An IO manager whose config is the fields of the class.

    Example:
        >>> class Folder(ConfigurableIOManager):
        ...     path: str
        ...
        ...     def handle_output(self, context, obj): ...
        ...     def load_input(self, context): ...
        >>> Folder(path="/data").path
        '/data'

    Source: Dagster's `ConfigurableIOManager`.
    """


class ConfigurableIOManagerFactory(ConfigurableResource[Any]):
    """Config as the fields of the class, and a method that makes the IO manager of it.

    Source: Dagster's `ConfigurableIOManagerFactory`.
    """

    @abstractmethod
    def create_io_manager(self, context: Any) -> IOManager:
        """The IO manager, for one run.

        Args:
            context: The `InitResourceContext` of the run.
        """

    def create_resource(self, context: Any) -> IOManager:
        """The IO manager, as resources are made."""
        return self.create_io_manager(context)
