"""Resources with typed config around functions of older code: `dagster._config.pythonic_config`."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from jobnb.config import plain_config
from jobnb.definitions.resources.configurable_resource import ConfigurableResource
from jobnb.definitions.resources.resource import InitResourceContext, ResourceDefinition, entered


class _Adapter(ConfigurableResource[Any]):
    """A resource whose fields are the config of another one."""

    _made: Any = None

    @property
    def _wrapped(self) -> ResourceDefinition:
        raise NotImplementedError

    @contextmanager
    def yield_for_execution(self, context: InitResourceContext) -> Iterator[Any]:
        """Open the wrapped resource, and close it at the end."""
        with ExitStack() as stack:
            self._made = entered(self._call(context), stack)
            yield self

    def create_resource(self, context: InitResourceContext) -> Any:
        """Return the wrapped resource's object."""
        return self._made if self._made is not None else self._call(context)

    def _call(self, context: InitResourceContext) -> Any:
        return self._wrapped(context.replace_config(plain_config(self)))


class ConfigurableLegacyResourceAdapter(_Adapter):
    """A function with `@resource`, whose config is the fields of the class.

    Source: Dagster's `ConfigurableLegacyResourceAdapter`.
    """

    @property
    @abstractmethod
    def wrapped_resource(self) -> ResourceDefinition:
        """The resource that is set up with this config."""

    @property
    def _wrapped(self) -> ResourceDefinition:
        return self.wrapped_resource


class ConfigurableLegacyIOManagerAdapter(_Adapter):
    """A function with `@io_manager`, whose config is the fields of the class.

    Source: Dagster's `ConfigurableLegacyIOManagerAdapter`.
    """

    @property
    @abstractmethod
    def wrapped_io_manager(self) -> ResourceDefinition:
        """The IO manager that is set up with this config."""

    @property
    def _wrapped(self) -> ResourceDefinition:
        return self.wrapped_io_manager
