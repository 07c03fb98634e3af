"""`ConfigurableResource`: a resource whose config is the typed fields of a class."""

from __future__ import annotations

import contextlib
import typing
from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, Any, ClassVar, Generic, Self, TypeVar

from jobnb.config import Config, derived, resolve_fields, schema_of
from jobnb.definitions.resource import ResourceDefinition, resource_def_of
from jobnb.definitions.resource_context import InitResourceContext, ScopedResources
from jobnb.errors import InvalidDefinitionError, InvariantViolationError

__all__ = [
    "ConfigurableResource",
    "ConfigurableResourceDefinition",
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
        self.setup_for_execution(context)
        try:
            yield self
        finally:
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

    @classmethod
    def from_resource_context(
        cls, context: InitResourceContext, nested_resources: Mapping[str, Any] | None = None
    ) -> Any:
        """What steps get, from the context that a function with `@resource` has."""
        config = context.resource_config or {}
        return cls(**{**config, **(nested_resources or {})}).create_resource(context)

    def process_config_and_initialize(self) -> Any:
        """What steps get, with variables read and nested resources made, outside of a run."""
        return self._ready(InitResourceContext({}, ScopedResources({})), {}).create_resource(
            InitResourceContext({}, ScopedResources({}))
        )

    def with_replaced_resource_context(self, context: InitResourceContext) -> Self:
        """A copy that knows the context."""
        copy = self.model_copy()
        copy._context = context
        return copy

    def _ready(self, context: InitResourceContext, nested: Mapping[str, Any]) -> Self:
        """A copy with variables read and nested resources in place."""
        values = resolve_fields(self)
        for name in type(self).__resource_fields__:
            value = nested.get(name, getattr(self, name))
            if isinstance(value, ConfigurableResource) and name not in nested:
                value = value.process_config_and_initialize()
            values[name] = value
        made = self.model_copy(update=values)
        made._context = context
        return made


def _is_resource_field(info: Any) -> bool:
    if _MARK in info.metadata:
        return True
    annotation = typing.get_origin(info.annotation) or info.annotation
    return isinstance(annotation, type) and issubclass(annotation, ConfigurableResource)


class PartialResource:
    """A resource some of whose config is given when a run is launched."""

    __jobnb_resource__ = True

    def __init__(self, cls: type[ConfigurableResource[Any]], data: Mapping[str, Any]) -> None:
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


class ConfigurableResourceDefinition(ResourceDefinition):
    """How a run sets a `ConfigurableResource` up: config, nested resources, open, close.

    Args:
        cls: The class.
        data: The values that its fields have already.
        origin: The object that was given; the same one given twice is set up once.
    """

    def __init__(
        self, cls: type[ConfigurableResource[Any]], data: Mapping[str, Any], origin: Any
    ) -> None:
        super().__init__(self._open, description=cls.__doc__)
        self.configurable_resource_cls = cls
        self.data = dict(data)
        self.origin = origin
        self.nested = {
            name: resource_def_of(self.data[name])
            for name in cls.__resource_fields__
            if isinstance(
                self.data.get(name), (ResourceDefinition, ConfigurableResource, PartialResource)
            )
        }
        for each in self.nested.values():
            self.required_resource_keys |= each.required_resource_keys
        self._schema: Any = None
        self._schemas: dict[frozenset[int], Any] = {}

    @property
    def is_settled(self) -> bool:
        """Whether it has all the config it needs."""
        return self._is_settled(frozenset())

    def _is_settled(self, apart: frozenset[int]) -> bool:
        """The same where the config of some that it holds is no concern of its own."""
        fields = self.configurable_resource_cls.model_fields.items()
        return all(name in self.data or not info.is_required() for name, info in fields) and all(
            each._is_settled(apart)
            for each in self.nested.values()
            if isinstance(each, ConfigurableResourceDefinition) and id(each) not in apart
        )

    @property
    def config_schema(self) -> Any:
        """The config it takes at launch: what it has already is the default."""
        if self._schema is None:
            self._schema = schema_of(self._launch_model())
        return self._schema

    @config_schema.setter
    def config_schema(self, value: Any) -> None:
        self._schema = value

    def schema_beside(self, others: Collection[ResourceDefinition]) -> Any:
        """The config it takes where these others are configured under keys of their own.

        Those of them that it holds are not configured a second time as its fields.
        """
        apart = frozenset(map(id, others)) & frozenset(map(id, self.held()))
        if not apart:
            return self.config_schema
        if apart not in self._schemas:
            self._schemas[apart] = schema_of(self._launch_model(apart))
        return self._schemas[apart]

    def held(self) -> Iterator[ResourceDefinition]:
        """The resources that are its fields, and theirs."""
        for each in self.nested.values():
            yield each
            if isinstance(each, ConfigurableResourceDefinition):
                yield from each.held()

    def _launch_model(self, apart: frozenset[int] = frozenset()) -> type[Config]:
        cls = self.configurable_resource_cls
        fields: dict[str, Any] = {}
        for name, info in cls.model_fields.items():
            if name in cls.__resource_fields__:
                inner = self.nested.get(name)
                if isinstance(inner, ConfigurableResourceDefinition) and id(inner) not in apart:
                    model = inner._launch_model(apart)
                    settled = inner._is_settled(apart)
                    fields[name] = (model, model.model_construct() if settled else ...)
                continue
            annotation: Any = info.annotation
            for extra in info.metadata:
                annotation = Annotated[annotation, extra]
            default = self.data.get(name, info.default)
            if info.default_factory is not None and name not in self.data:
                default = info.get_default(call_default_factory=True)
            fields[name] = (
                annotation,
                ... if name not in self.data and info.is_required() else default,
            )
        made = derived(cls.__name__, fields, cls.__doc__)
        for name, field in made.model_fields.items():
            field.description = cls.model_fields[name].description
        return made

    @contextlib.contextmanager
    def _open(self, context: InitResourceContext) -> Iterator[Any]:
        """The resource for a run, open."""
        with contextlib.ExitStack() as stack:
            config = context.resource_config
            given = _fields_of(config)
            nested = {
                name: self._open_nested(name, each, given.pop(name, None), context, stack)
                for name, each in self.nested.items()
            }
            values = {**self.data, **given, **nested}
            made = self.configurable_resource_cls.model_construct(**values)
            made = made._ready(
                context, {k: values[k] for k in made.__resource_fields__ if k in values}
            )
            opened = stack.enter_context(made.yield_for_execution(context))
            yield opened.create_resource(context)

    def _open_nested(
        self,
        name: str,
        definition: ResourceDefinition,
        config: Any,
        context: InitResourceContext,
        stack: contextlib.ExitStack,
    ) -> Any:
        shared = getattr(context, "shared", None) or {}
        if id(definition) in shared:
            return shared[id(definition)]
        if isinstance(definition, ConfigurableResourceDefinition):
            return stack.enter_context(definition._open(context.replace_config(config)))
        made = definition.call(context.replace_config(config))
        if hasattr(made, "__next__"):
            value = next(made)
            stack.callback(lambda: next(made, None))
            return value
        return made


def _fields_of(config: Any) -> dict[str, Any]:
    if config is None:
        return {}
    if isinstance(config, Mapping):
        return dict(config)
    return {name: getattr(config, name) for name in type(config).model_fields}
