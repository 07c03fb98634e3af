"""The context in which a resource is created."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, Self

from jobnb.errors import UnknownResourceError, did_you_mean


class IAttachDifferentObjectToOpContext(ABC):
    """A resource that appears as another object in `context.resources`.

    A step that takes it as an annotated parameter gets the resource itself.

    Source: Dagster's `IAttachDifferentObjectToOpContext`.
    """

    @abstractmethod
    def get_object_to_set_on_execution_context(self) -> Any:
        """Return the object that `context.resources` has."""


class ScopedResources:
    """The resources that an op or manager requires, as attributes.

    Args:
        values: The resources by key.
        owner: The owner, for error messages.
    """

    __slots__ = ("_owner", "_values")

    def __init__(self, values: Mapping[str, Any], owner: str = "This") -> None:
        object.__setattr__(self, "_values", values)
        object.__setattr__(self, "_owner", owner)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        values = self._values
        if name in values:
            found = values[name]
            attaches = isinstance(found, IAttachDifferentObjectToOpContext)
            return found.get_object_to_set_on_execution_context() if attaches else found
        hint = did_you_mean(name, values, noun="It has")
        raise MissingResourceError(
            f"{self._owner} uses the resource {name!r}, which it did not ask for. {hint} "
            f'Add it to required_resource_keys={{"{name}"}}, or take it as a parameter.'
        )

    def _asdict(self) -> dict[str, Any]:
        return dict(self._values)

    @property
    def original_resource_dict(self) -> dict[str, Any]:
        """The resources by key."""
        return dict(self._values)

    def _close(self) -> None:
        """Tear down what was set up for a unit test; those of a run are the run's."""
        close = getattr(self._values, "close", None)
        if close is not None:
            close()

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values.values())

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._values]

    def __repr__(self) -> str:
        return f"<resources {', '.join(self._values) or 'none'}>"


class MissingResourceError(UnknownResourceError, AttributeError):
    """An attribute of `resources` does not exist."""


def close_scoped(resources: object) -> None:
    """Tear down resources that were set up for a unit test; leave those of a run alone."""
    if isinstance(resources, ScopedResources):
        resources._close()


class InitResourceContext:
    """The context in which a resource is created.

    Args:
        resource_config: Its config.
        resources: The resources it requires.
        resource_def: Its definition.
        instance: The instance of the run.
        dagster_run: The run, or None outside of one.
        log_manager: The log manager.

    Source: Dagster's `InitResourceContext`.
    """

    def __init__(
        self,
        resource_config: Any,
        resources: Any,
        resource_def: Any = None,
        instance: Any = None,
        dagster_run: Any = None,
        log_manager: Any = None,
    ) -> None:
        self.resource_config = resource_config
        self.resources = resources
        self.resource_def = resource_def
        self.instance = instance
        self.dagster_run = dagster_run
        self.log_manager = log_manager

    @property
    def run(self) -> Any:
        """The run, or None outside of one."""
        return self.dagster_run

    @property
    def run_id(self) -> str | None:
        """The id of the run, or None outside of one."""
        return self.dagster_run.run_id if self.dagster_run else None

    @property
    def log(self) -> Any:
        """The log manager; a plain Python logger outside of a run."""
        return self.log_manager or logging.getLogger("jobnb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        close_scoped(self.resources)

    def replace_config(self, config: Any) -> InitResourceContext:
        """Return a copy with another config."""
        return InitResourceContext(
            config,
            self.resources,
            self.resource_def,
            self.instance,
            self.dagster_run,
            self.log_manager,
        )


def build_init_resource_context(
    config: Any = None, resources: Mapping[str, Any] | None = None, instance: Any = None
) -> InitResourceContext:
    """Build a context to create a resource in a unit test.

    Args:
        config: The value of `context.resource_config`.
        resources: The contents of `context.resources`: values or definitions by key.
        instance: The value of `context.instance`.

    Example:
        >>> from jobnb import build_init_resource_context
        >>> build_init_resource_context(config={"url": "x"}).resource_config
        {'url': 'x'}

    Source: Dagster's `build_init_resource_context`.
    """
    from jobnb.definitions.engine_protocol import engine

    values = engine().resource_values(resources or {}, instance)
    return InitResourceContext(
        {} if config is None else config, ScopedResources(values, "The resource"), None, instance
    )
