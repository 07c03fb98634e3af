"""`ConfigurableResource`: a resource whose config is the fields of a typed class."""

from __future__ import annotations

import contextlib
import typing
from abc import abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from typing import Annotated, Any, ClassVar, Generic, Self, TypeVar

from jobnb.config import Config, derived, resolve_fields, schema_of
from jobnb.config.plain import by_field_name, field_name
from jobnb.definitions.plain import docstring
from jobnb.definitions.resources.io import IOManager
from jobnb.definitions.resources.resource import (
    InitResourceContext,
    ResourceDefinition,
    ScopedResources,
    entered,
    is_resource,
    resource_def_of,
)
from jobnb.errors import InvalidDefinitionError, InvariantViolationError


class ConfigurableResourceDefinition(ResourceDefinition):
    """Sets up a `ConfigurableResource` in a run: config, nested resources, open, close.

    Args:
        cls: The class.
        data: The values of fields that are set.
        origin: The object that the user gave; the same one given twice is set up once.
    """

    def __init__(self, cls: type[Any], data: Mapping[str, Any], origin: Any) -> None:
        super().__init__(self.opened, description=docstring(cls))
        self.configurable_resource_cls = cls
        self.data = dict(data)
        self.origin = origin
        self.nested = {
            name: resource_def_of(self.data[name])
            for name in sorted(cls.__resource_fields__)
            if is_resource(self.data.get(name))
        }
        self.within = {
            name: found
            for name, value in self.data.items()
            if name not in self.nested and (found := list(_resources_in(value)))
        }
        loose = (resource_def_of(each) for found in self.within.values() for each in found)
        self.parts = (*self.nested.items(), *((None, each) for each in loose))
        for _, part in self.parts:
            self.required_resource_keys |= part.required_resource_keys
        self._schema: Any = None
        self._schemas: dict[frozenset[int], Any] = {}

    @property
    def is_settled(self) -> bool:
        """Whether it has all the config it needs."""
        return self._is_settled(frozenset())

    def _is_settled(self, apart: frozenset[int]) -> bool:
        """Whether it has all config, apart from that of some nested resources."""
        fields = self.configurable_resource_cls.model_fields.items()
        return all(name in self.data or not info.is_required() for name, info in fields) and all(
            each._is_settled(apart)
            for each in self.nested.values()
            if isinstance(each, ConfigurableResourceDefinition) and id(each) not in apart
        )

    @property
    def config_schema(self) -> Any:
        """The config it takes at launch; values that it has are the defaults."""
        if self._schema is None:
            self._schema = schema_of(self._launch_model())
        return self._schema

    @config_schema.setter
    def config_schema(self, value: Any) -> None:
        self._schema = value

    def schema_beside(self, others: Collection[ResourceDefinition]) -> Any:
        """Return the config it takes where other resources are configured under their own keys.

        Nested ones among these are not configured a second time as its fields.
        """
        apart = frozenset(map(id, others)) & frozenset(map(id, self.held()))
        if not apart:
            return self.config_schema
        if apart not in self._schemas:
            self._schemas[apart] = schema_of(self._launch_model(apart))
        return self._schemas[apart]

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
            default = self.data.get(name, info.default)
            if info.default_factory is not None and name not in self.data:
                default = info.get_default(call_default_factory=True)
            fields[name] = (
                None,
                ... if name not in self.data and info.is_required() else default,
            )
        return derived(cls, fields)

    def check_variables(
        self, config: Any, path: tuple[str, ...], what: str, apart: Collection[int] = ()
    ) -> None:
        """Validate that the environment variables of its fields, and of nested ones, can be read.

        Raises:
            InvalidConfigError: If variables are not set, or their values do not fit.
        """
        given = _fields_of(config)
        cls = self.configurable_resource_cls
        own = {**self.data, **given}
        for name in (*self.nested, *self.within):
            own[name] = None  # The variables of nested resources are checked below.
        resolve_fields(cls.model_construct(**own), path, what)
        for name, part in self.nested.items():
            if id(part) not in apart:
                part.check_variables(given.get(name), (*path, name), what, apart)

    @contextlib.contextmanager
    def opened(self, context: InitResourceContext) -> Iterator[Any]:
        """Open the resource for a run."""
        with contextlib.ExitStack() as stack:
            values = self._values(context, stack)
            made = self.configurable_resource_cls.model_construct(**values)
            fields = {name: each for name, each in values.items() if name not in self.nested}
            context = context.replace_config({**fields, **resolve_fields(made)})
            made = made._ready(context, values)
            opened = _opened_by(made.yield_for_execution(context), stack)
            yield entered(opened.create_resource(context), stack)

    def config_with(self, given: Any) -> dict[str, Any]:
        """Return its fields but for nested resources, with variables read, by config's names.

        Args:
            given: The config that a run gives it.
        """
        cls = self.configurable_resource_cls
        apart = {*self.nested, *self.within}
        own = {**self.data, **_fields_of(given), **dict.fromkeys(apart)}
        made = cls.model_construct(**own)
        read = resolve_fields(made)
        return {
            field_name(name, info): read.get(name, getattr(made, name, None))
            for name, info in cls.model_fields.items()
            if name not in apart
        }

    def _values(self, context: InitResourceContext, stack: contextlib.ExitStack) -> dict[str, Any]:
        """Return the field values in a run, with nested resources opened."""
        config = context.resource_config
        given = _fields_of(config)
        # Fields without given config hold copies of the defaults.
        if not isinstance(config, Mapping):
            named = getattr(config, "model_fields_set", ())
            given = {k: v for k, v in given.items() if k in named or k not in self.within}
        values = {**self.data, **given}
        for name, value in values.items():
            if name in self.nested:
                part = context.replace_config(given.get(name))
                values[name] = self._open(self.nested[name], part, stack)
            else:
                opening = partial(self._open_within, name, context=context, stack=stack)
                values[name] = with_resources_changed(value, opening)
        return values

    def _open_within(
        self, name: str, value: Any, context: InitResourceContext, stack: contextlib.ExitStack
    ) -> Any:
        """Open a resource inside a list or the like, which no config reaches."""
        definition = resource_def_of(value)
        if isinstance(definition, ConfigurableResourceDefinition) and not definition.is_settled:
            shared = getattr(context, "shared", {})
            if id(definition) not in shared:
                raise InvalidDefinitionError(
                    f"{value!r} in {name!r} lacks config, which cannot be given there. "
                    "Give the resource a key of its own too, and its config under that."
                )
        return self._open(definition, context.replace_config(None), stack)

    def _open(
        self,
        definition: ResourceDefinition,
        context: InitResourceContext,
        stack: contextlib.ExitStack,
    ) -> Any:
        shared = getattr(context, "shared", {})
        if id(definition) in shared:
            return shared[id(definition)]
        return entered(definition.call(context), stack)


def _opened_by(manager: contextlib.AbstractContextManager[Any], stack: contextlib.ExitStack) -> Any:
    """Enter a context manager, as of `yield_for_execution`; the stack closes it."""
    if isinstance(manager, contextlib.ContextDecorator):
        return entered(manager, stack)
    return stack.enter_context(manager)


def with_resources_changed(value: Any, change: Callable[[Any], Any]) -> Any:
    """Replace each resource in a value, at any depth of lists, mappings and configs."""
    if is_resource(value):
        return change(value)
    if isinstance(value, Config):
        fields = {name: getattr(value, name) for name in type(value).model_fields}
        made = {name: with_resources_changed(each, change) for name, each in fields.items()}
        return value.model_copy(update=made) if _differ(fields, made) else value
    if isinstance(value, dict):
        made = {key: with_resources_changed(each, change) for key, each in value.items()}
        return made if _differ(value, made) else value
    if type(value) in (list, tuple):
        items = [with_resources_changed(each, change) for each in value]
        same = all(new is old for new, old in zip(items, value, strict=True))
        return value if same else type(value)(items)
    return value


def _differ(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return any(other[name] is not each for name, each in one.items())


def _resources_in(value: Any) -> Iterator[Any]:
    found: list[Any] = []
    with_resources_changed(value, found.append)
    yield from found


def _fields_of(config: Any) -> dict[str, Any]:
    if config is None:
        return {}
    if isinstance(config, Mapping):
        return dict(config)
    return {name: getattr(config, name) for name in type(config).model_fields}


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
            return Annotated[Any, _MARK, _DependencyType(item)]


class _DependencyType:
    """The type of a resource dependency."""

    def __init__(self, kind: Any) -> None:
        self.kind = kind


class ConfigurableResource(Config, Generic[T]):
    """A resource whose config is its typed fields; fields may be other resources.

    An op or asset takes it as a parameter annotated with the class. Override
    `setup_for_execution` and `teardown_after_execution`, or `yield_for_execution`, to open and
    close it; override `create_resource` to pass steps another object.

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
        """Let fields that are resources take any resource, set up or not."""
        super().__pydantic_init_subclass__(**kwargs)
        found = {name for name, info in cls.model_fields.items() if _is_resource_field(info)}
        cls.__resource_fields__ = frozenset(found)
        for name in found:
            info = cls.model_fields[name]
            info.annotation, info.metadata = Any, []
        if found:
            cls.model_rebuild(force=True)

    # --- methods to override ----------------------------------------------

    def setup_for_execution(self, context: InitResourceContext) -> None:
        """Open the resource, before the first step."""

    def teardown_after_execution(self, context: InitResourceContext) -> None:
        """Close the resource, after the last step, however the run ended."""

    @contextlib.contextmanager
    def yield_for_execution(self, context: InitResourceContext) -> Iterator[Any]:
        """Open and close around the run; by default with the two methods above."""
        set_up: Callable[[InitResourceContext], object] = self.setup_for_execution
        ready = False
        try:
            # On one line, so that no interrupt between them leaves the resource open.
            ready = set_up(context) is None or True
            yield self
        finally:
            if ready:
                self.teardown_after_execution(context)

    def create_resource(self, context: InitResourceContext) -> Any:
        """Return the object that steps get: this one, unless overridden."""
        return self

    # --- usage ------------------------------------------------------------

    @classmethod
    def configure_at_launch(cls, **kwargs: Any) -> PartialResource:
        """Return the resource with its missing config to be given at launch."""
        return PartialResource(cls, kwargs)

    def get_resource_definition(self) -> ConfigurableResourceDefinition:
        """Return the definition that a run sets up."""
        if self._definition is None:
            data = {name: getattr(self, name) for name in type(self).model_fields}
            extra = self.__pydantic_extra__ or {}
            self._definition = ConfigurableResourceDefinition(type(self), {**data, **extra}, self)
        made: ConfigurableResourceDefinition = self._definition
        return made

    def get_resource_context(self) -> InitResourceContext:
        """Return the context with which the resource was set up.

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
        """Return the object that steps get, from the context of a `@resource` function."""
        config = context.resource_config or {}
        return cls(**{**config, **(nested_resources or {})}).create_resource(context)

    @classmethod
    @contextlib.contextmanager
    def from_resource_context_cm(
        cls, context: InitResourceContext, nested_resources: Mapping[str, Any] | None = None
    ) -> Iterator[Any]:
        """Open it from the context of a `@resource` function and close it at the end."""
        made = cls(**{**(context.resource_config or {}), **(nested_resources or {})})
        ready = made._ready(context, nested_resources or {})
        with ready.yield_for_execution(context) as opened:
            yield opened.create_resource(context)

    def process_config_and_initialize(self) -> Any:
        """Return the object that steps get, with variables read, outside of a run."""
        context = _outside_of_a_run()
        return self._ready(context, {}).create_resource(context)

    @contextlib.contextmanager
    def process_config_and_initialize_cm(self) -> Iterator[Any]:
        """Open it with its nested resources outside of a run, and close them at the end.

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
        """Return a copy with the context."""
        copy = self.model_copy()
        copy._context = resource_context
        return copy

    def with_replaced_resource_context(self, context: InitResourceContext) -> Self:
        """Dagster's newer name for `with_resource_context`."""
        return self.with_resource_context(context)

    def _ready(self, context: InitResourceContext, nested: Mapping[str, Any]) -> Self:
        """Return a copy with variables read and nested resources in place."""
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
    """A resource with some config to be given at launch."""

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
        """Return the definition that a run sets up."""
        if self._definition is None:
            self._definition = ConfigurableResourceDefinition(self.resource_cls, self.data, self)
        return self._definition

    def __repr__(self) -> str:
        return f"{self.resource_cls.__name__}.configure_at_launch({self.data!r})"


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
    """Creates an IO manager from the config in its fields.

    Source: Dagster's `ConfigurableIOManagerFactory`.
    """

    @abstractmethod
    def create_io_manager(self, context: Any) -> IOManager:
        """Create the IO manager for one run.

        Args:
            context: The `InitResourceContext` of the run.
        """

    def create_resource(self, context: Any) -> IOManager:
        """Create the IO manager, as the method of a resource."""
        return self.create_io_manager(context)
