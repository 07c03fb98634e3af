"""`ConfigurableResource`: a resource whose config is the typed fields of a class."""

from __future__ import annotations

import contextlib
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, ClassVar, Generic, Self, TypeVar

from jobnb.config import Config, resolve_fields
from jobnb.config.fields import by_field_name
from jobnb.definitions.resources.configurable_definition import (
    ConfigurableResourceDefinition,
    with_resources_changed,
)
from jobnb.definitions.resources.resource import ResourceDefinition
from jobnb.definitions.resources.resource_context import InitResourceContext, ScopedResources
from jobnb.errors import InvalidDefinitionError, InvariantViolationError

__all__ = [
    "ConfigurableResource",
    "PartialResource",
    "ResourceDependency",
]

T = TypeVar("T")
_MARK = "jobnb_resource_dependency"

if typing.TYPE_CHECKING:
    ResourceDependency = Annotated[T, _MARK]
else:

    class ResourceDependency:
        """Marks a field of a resource as another resource: `db: ResourceDependency[Database]`.

        Source: Dagster's `ResourceDependency`.
        """

        def __class_getitem__(cls, item: Any) -> Any:
            return Annotated[Any, _MARK, _Wanted(item)]


class _Wanted:
    """Remembers of what type a resource dependency is."""

    def __init__(self, kind: Any) -> None:
        self.kind = kind


class ConfigurableResource(Config, Generic[T]):
    """A resource whose config is its typed fields; fields may be other resources.

    An op or asset takes it as a parameter annotated with the class. Override
    `setup_for_execution` and `teardown_after_execution`, or `yield_for_execution`, for what it
    opens and closes; override `create_resource` to hand steps something else than itself.

    Example:
        >>> from jobnb import ConfigurableResource
        >>> class Warehouse(ConfigurableResource):
        ...     path: str
        ...
        ...     def table(self, name: str) -> str:
        ...         return f"{self.path}/{name}"
        >>> Warehouse(path="/data").table("orders")
        '/data/orders'

    Source: Dagster's `ConfigurableResource`.
    """

    __jobnb_resource__: ClassVar[bool] = True
    __resource_fields__: ClassVar[frozenset[str]] = frozenset()
    model_config: ClassVar[Any] = {
        "frozen": True,
        "extra": "forbid",
        "arbitrary_types_allowed": True,
        "ignored_types": (ResourceDefinition,),
    }
    _context: Any = None
    _definition: Any = None

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Let fields that are resources take any resource, ready or yet to be configured."""
        super().__pydantic_init_subclass__(**kwargs)
        found = {name for name, info in cls.model_fields.items() if _is_resource_field(info)}
        cls.__resource_fields__ = frozenset(found)
        for name in found:
            info = cls.model_fields[name]
            info.annotation, info.metadata = Any, []
        if found:
            cls.model_rebuild(force=True)

    # --- what subclasses override -----------------------------------------

    def setup_for_execution(self, context: InitResourceContext) -> None:
        """Open what the resource needs, before the first step."""

    def teardown_after_execution(self, context: InitResourceContext) -> None:
        """Close it again, after the last step, however the run ended."""

    @contextlib.contextmanager
    def yield_for_execution(self, context: InitResourceContext) -> Iterator[Any]:
        """Open and close around the run; by default through the two methods above."""
        set_up: Callable[[InitResourceContext], object] = self.setup_for_execution
        ready = False
        try:
            # In one line: no interrupt comes between, and leaves open what was just set up.
            ready = set_up(context) is None or True
            yield self
        finally:
            if ready:
                self.teardown_after_execution(context)

    def create_resource(self, context: InitResourceContext) -> Any:
        """What steps get: this object, unless overridden."""
        return self

    # --- how it is used ---------------------------------------------------

    @classmethod
    def configure_at_launch(cls, **kwargs: Any) -> PartialResource:
        """The resource, with what config is missing to be given when a run is launched."""
        return PartialResource(cls, kwargs)

    def get_resource_definition(self) -> ConfigurableResourceDefinition:
        """The definition that a run sets up."""
        if self._definition is None:
            data = {name: getattr(self, name) for name in type(self).model_fields}
            extra = self.__pydantic_extra__ or {}
            self._definition = ConfigurableResourceDefinition(type(self), {**data, **extra}, self)
        made: ConfigurableResourceDefinition = self._definition
        return made

    def get_resource_context(self) -> InitResourceContext:
        """The context with which the resource was set up.

        Raises:
            InvariantViolationError: If it was not set up.
        """
        if self._context is None:
            raise InvariantViolationError(
                f"{type(self).__name__} has no context: it has not been set up for a run."
            )
        context: InitResourceContext = self._context
        return context

    @property
    def nested_resources(self) -> dict[str, Any]:
        """The resources that are its fields, by name, as they were given."""
        return {name: getattr(self, name, None) for name in sorted(self.__resource_fields__)}

    @classmethod
    def from_resource_context(
        cls, context: InitResourceContext, nested_resources: Mapping[str, Any] | None = None
    ) -> Any:
        """What steps get, from the context that a function with `@resource` has."""
        config = context.resource_config or {}
        return cls(**{**config, **(nested_resources or {})}).create_resource(context)

    @classmethod
    @contextlib.contextmanager
    def from_resource_context_cm(
        cls, context: InitResourceContext, nested_resources: Mapping[str, Any] | None = None
    ) -> Iterator[Any]:
        """The same, open while it lasts: set up before and torn down after."""
        made = cls(**{**(context.resource_config or {}), **(nested_resources or {})})
        ready = made._ready(context, nested_resources or {})
        with ready.yield_for_execution(context) as opened:
            yield opened.create_resource(context)

    def process_config_and_initialize(self) -> Any:
        """What steps get, with variables read and nested resources made, outside of a run."""
        context = _outside_of_a_run()
        return self._ready(context, {}).create_resource(context)

    @contextlib.contextmanager
    def process_config_and_initialize_cm(self) -> Iterator[Any]:
        """The same, open while it lasts, as are the resources that it holds.

        Example:
            >>> from jobnb import ConfigurableResource
            >>> class Warehouse(ConfigurableResource):
            ...     path: str
            >>> with Warehouse(path="/data").process_config_and_initialize_cm() as warehouse:
            ...     warehouse.path
            '/data'
        """
        with self.get_resource_definition().opened(_outside_of_a_run()) as opened:
            yield opened

    def with_resource_context(self, resource_context: InitResourceContext) -> Self:
        """A copy that knows the context."""
        copy = self.model_copy()
        copy._context = resource_context
        return copy

    def with_replaced_resource_context(self, context: InitResourceContext) -> Self:
        """Dagster's newer name for `with_resource_context`."""
        return self.with_resource_context(context)

    def _ready(self, context: InitResourceContext, nested: Mapping[str, Any]) -> Self:
        """A copy with variables read and nested resources in place."""
        values: dict[str, Any] = {}
        for name in type(self).model_fields:
            value = getattr(self, name)
            made = nested[name] if name in nested else with_resources_changed(value, _initialized)
            if made is not value:
                values[name] = made
        values = {**resolve_fields(self), **values}
        made = self.model_copy(update=values)
        made._context = context
        return made


def _initialized(value: Any) -> Any:
    return (
        value.process_config_and_initialize() if isinstance(value, ConfigurableResource) else value
    )


def _outside_of_a_run() -> InitResourceContext:
    return InitResourceContext({}, ScopedResources({}))


def _is_resource_field(info: Any) -> bool:
    if _MARK in info.metadata:
        return True
    annotation = typing.get_origin(info.annotation) or info.annotation
    return isinstance(annotation, type) and issubclass(annotation, ConfigurableResource)


class PartialResource:
    """A resource some of whose config is given when a run is launched."""

    __jobnb_resource__ = True

    def __init__(self, cls: type[ConfigurableResource[Any]], data: Mapping[str, Any]) -> None:
        data = by_field_name(cls, data)
        unknown = [name for name in data if name not in cls.model_fields]
        if unknown and cls.model_config.get("extra") != "allow":
            from jobnb.errors import did_you_mean

            hint = did_you_mean(unknown[0], cls.model_fields, noun="Its fields are")
            raise InvalidDefinitionError(f"{cls.__name__} has no field {unknown[0]!r}. {hint}")
        self.resource_cls = cls
        self.data = dict(data)
        self._definition: ConfigurableResourceDefinition | None = None

    def get_resource_definition(self) -> ConfigurableResourceDefinition:
        """The definition that a run sets up."""
        if self._definition is None:
            self._definition = ConfigurableResourceDefinition(self.resource_cls, self.data, self)
        return self._definition

    def __repr__(self) -> str:
        return f"{self.resource_cls.__name__}.configure_at_launch({self.data!r})"
