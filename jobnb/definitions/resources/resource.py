"""Resources: objects that ops and assets use, set up once per run; and their contexts."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ContextDecorator, ExitStack, contextmanager
from inspect import GEN_SUSPENDED, getgeneratorstate, unwrap
from types import GeneratorType
from typing import Any, Self, overload

from jobnb import errors
from jobnb.definitions.arguments import check_resource_keys, telling_nearest
from jobnb.definitions.keys import check_name
from jobnb.definitions.ops.function import Function
from jobnb.definitions.plain import checked_schema, docstring
from jobnb.errors import (
    InvalidConfigError,
    InvalidDefinitionError,
    InvalidInvocationError,
    InvariantViolationError,
    ResourceFunctionError,
    UnknownResourceError,
    did_you_mean,
)


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

    owned = ScopedResources(engine().resource_values(resources or {}, instance), "The resource")
    return InitResourceContext({} if config is None else config, owned, None, instance)


class ResourceDefinition:
    """Creates a resource for each run.

    Args:
        resource_fn: Takes an `InitResourceContext` (or nothing) and returns the resource, or
            yields it once and tears it down after.
        config_schema: The config schema, read from `context.resource_config`.
        description: A description.
        required_resource_keys: Other resources it uses, read from `context.resources`.
        version: The version of the code.

    Source: Dagster's `ResourceDefinition`.
    """

    #: Marks the class for functions whose parameters are annotated: no value is of it in a run.
    is_resource_maker = True
    #: The nested resources, each with the field that configures it, or None.
    parts: Sequence[tuple[str | None, ResourceDefinition]] = ()

    def __init__(
        self,
        resource_fn: Callable[..., Any],
        config_schema: Any = None,
        description: str | None = None,
        required_resource_keys: Iterable[str] | None = None,
        version: str | None = None,
    ) -> None:
        self.resource_fn = resource_fn
        self.config_schema = checked_schema(config_schema, "a resource")
        self.description = description
        self.required_resource_keys = check_resource_keys(required_resource_keys, "resource")
        self.version = version
        self.wants_context = True

    @property
    def takes_any_config(self) -> bool:
        """Whether its function gets the config unchecked, as it declares no schema."""
        return self.config_schema is None

    def call(self, context: Any) -> Any:
        """Call the function; return the resource, a generator or a context manager."""
        return self.resource_fn(context) if self.wants_context else self.resource_fn()

    def check_variables(
        self, config: Any, path: tuple[str, ...], what: str, apart: Collection[int] = ()
    ) -> None:
        """Validate that the environment variables its own config names can be read.

        Args:
            config: The config of the run for it.
            path: Where that config is.
            what: What the config is of, for messages.
            apart: The ids of resources that are checked under keys of their own.
        """

    def held(self) -> Iterator[ResourceDefinition]:
        """Iterate over the nested resources, at any depth."""
        for _, each in self.parts:
            yield each
            yield from each.held()

    @classmethod
    def hardcoded_resource(cls, value: Any, description: str | None = None) -> ResourceDefinition:
        """Return a resource that is this value."""
        return HardcodedResource(value, description)

    @classmethod
    def none_resource(cls, description: str | None = None) -> ResourceDefinition:
        """Return a resource that is None, for tests."""
        return HardcodedResource(None, description)

    @classmethod
    def mock_resource(cls, description: str | None = None) -> ResourceDefinition:
        """Return a resource that is a `unittest.mock.MagicMock`, for tests."""

        def make(_context: Any) -> Any:
            from unittest import mock

            return mock.MagicMock()

        return ResourceDefinition(make, description=description)

    @classmethod
    def string_resource(cls, description: str | None = None) -> ResourceDefinition:
        """Return a resource that is the string in its config."""
        return ResourceDefinition(
            lambda context: context.resource_config, config_schema=str, description=description
        )

    def configured(
        self, config_or_config_fn: Any, config_schema: Any = None, description: str | None = None
    ) -> ResourceDefinition:
        """Return a resource with some or all of its config set.

        Args:
            config_or_config_fn: The config, or a function from an outer config to it.
            config_schema: The schema of that function's argument.
            description: A description.
        """
        from jobnb.config import configured_schema

        schema = configured_schema(
            self.config_schema, config_or_config_fn, config_schema, "a resource"
        )
        return self._with_schema(schema, description or self.description)

    def _with_schema(self, schema: Any, description: str | None) -> ResourceDefinition:
        clone = self.__class__.__new__(self.__class__)
        clone.__dict__.update(self.__dict__, config_schema=schema, description=description)
        return clone

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Create the resource as a unit test does: pass `build_init_resource_context()`."""
        given = [*args, *kwargs.values()]
        if len(given) > 1:
            raise InvalidInvocationError(
                "A resource is called with one argument at most: its context. "
                "Use build_init_resource_context()."
            )
        made = self._called_with(given[0] if given else None)
        if not isinstance(made, GeneratorType):
            return made
        return contextmanager(lambda: made)()  # `with` opens and closes it

    def _called_with(self, context: Any) -> Any:
        if self.wants_context:
            self._check_resources(context)
        if not self.wants_context or context is not None:
            return self.call(self._with_config(context))
        try:
            context = self._with_config(build_init_resource_context())
        except InvalidConfigError as error:
            raise InvalidInvocationError(
                f"The resource is called without a context, and takes config. {error} Pass "
                "build_init_resource_context(config=...)."
            ) from None
        return self.call(context)

    def _check_resources(self, context: Any) -> None:
        """Refuse the context of a direct call that lacks what the resource asked for."""
        resources = getattr(context, "resources", None)
        missing = [k for k in sorted(self.required_resource_keys) if not hasattr(resources, k)]
        if missing:
            raise errors.MissingResourceError(
                f"The resource needs the resources {', '.join(map(repr, missing))}. Pass "
                f"build_init_resource_context(resources={{{missing[0]!r}: ...}})."
            )

    def config_with(self, given: Any) -> Any:
        """Return all its config, as contexts tell it.

        Args:
            given: The config that a run gives it.
        """
        return given

    def _with_config(self, context: Any) -> Any:
        """Return the context of a direct call with the config that a run would validate."""
        if not hasattr(context, "replace_config"):
            return context
        if context.resource_config == {}:
            context = context.replace_config(None)  # what no one gave is an empty dict
        if self.config_schema is None:
            return context
        from jobnb.config import bind_value

        about: dict[str, Any] = {"path": ("config",), "what": "the resource"}
        if context.resource_config is not None:
            about["raw"] = context.resource_config
        return context.replace_config(bind_value(self.config_schema, **about))


class HardcodedResource(ResourceDefinition):
    """A resource that is an existing value."""

    def __init__(self, value: Any, description: str | None = None) -> None:
        super().__init__(lambda _context: value, description=description)
        self.value = value


def is_resource(value: Any) -> bool:
    """Whether a value is a resource, or a class of them, and not an object used as one.

    Decided by the class: a mock or a proxy has every attribute.
    """
    if isinstance(value, ResourceDefinition):
        return True
    kind = value if isinstance(value, type) else type(value)
    return getattr(kind, "__jobnb_resource__", False) is True


def entered(made: Any, stack: ExitStack, close: Callable[..., Any] | None = None) -> Any:
    """Return the resource that a function created; the stack closes it.

    A generator yields it, and a context manager that is also a decorator (as of
    `contextlib.contextmanager`) returns it when it is entered. Other context managers, such as an
    open file, are resources themselves.

    Args:
        made: The result of the function.
        stack: Closes the resource.
        close: Calls the closing function; directly if None.

    Raises:
        InvariantViolationError: If a generator yields nothing.
    """
    if isinstance(made, GeneratorType):
        generator: Any = made
    elif isinstance(made, ContextDecorator):
        generator = getattr(made, "gen", None)
        if not isinstance(generator, GeneratorType):
            return stack.enter_context(made)  # type: ignore[arg-type]
    else:
        return made
    end = (_finish, made) if generator is made else (made.__exit__, None, None, None)

    def leave() -> None:
        # Pushed before the generator starts, so that an interrupt after its yield does not leave it
        # open. If it never reached its yield, closing it does nothing.
        if getgeneratorstate(generator) == GEN_SUSPENDED:
            _at_once(*end) if close is None else close(*end)

    stack.callback(leave)
    if generator is not made:
        return made.__enter__()
    value = next(generator, _NOTHING)
    if value is _NOTHING:
        raise InvariantViolationError("Its function yielded nothing. Yield the resource once")
    return value


_NOTHING: Any = object()


def _at_once(function: Callable[..., Any], *arguments: Any) -> Any:
    return function(*arguments)


def _finish(generator: Generator[Any]) -> None:
    """Run the code after the yield of a resource function."""
    for _ in generator:
        raise ResourceFunctionError("A resource yielded twice. Yield the resource once.")


def resource_def_of(value: Any) -> ResourceDefinition:
    """Return the definition of a resource, or of a plain object used as one."""
    if isinstance(value, ResourceDefinition):
        return value
    if is_resource(value):
        given: Any = value
        ready = given.configure_at_launch() if isinstance(value, type) else given
        made: ResourceDefinition = ready.get_resource_definition()
        return made
    return HardcodedResource(value)


def resource_defs_of(resources: Mapping[str, Any] | None) -> dict[str, ResourceDefinition]:
    """Return the resource definitions by key; plain objects become resources.

    Raises:
        InvalidDefinitionError: If a key is no name: code reads them as `context.resources.key`.
    """
    given = resources or {}
    return {check_name(key, "a resource"): resource_def_of(given[key]) for key in given}


@overload
def resource(config_schema: Callable[..., Any]) -> ResourceDefinition: ...
@overload
def resource(
    config_schema: Any = None,
    description: str | None = None,
    required_resource_keys: Iterable[str] | None = None,
    version: str | None = None,
) -> Callable[[Callable[..., Any]], ResourceDefinition]: ...
@telling_nearest
def resource(
    config_schema: Any = None,
    description: str | None = None,
    required_resource_keys: Iterable[str] | None = None,
    version: str | None = None,
) -> Any:
    """Define a resource with a function.

    Args:
        config_schema: The config schema; without parentheses, the function itself.
        description: A description; the function's docstring if not given.
        required_resource_keys: Other resources it uses.
        version: The version of the code.

    Example:
        >>> from jobnb import resource
        >>> @resource
        ... def connection():
        ...     yield "open"
        >>> connection.description is None
        True

    Source: Dagster's `@resource`.
    """

    def decorate(fn: Callable[..., Any]) -> ResourceDefinition:
        made = ResourceDefinition(
            fn, schema, description or docstring(fn), required_resource_keys, version
        )
        made.wants_context = takes_argument(fn)
        made.__doc__ = fn.__doc__
        return made

    if is_function(config_schema):
        schema = None
        return decorate(config_schema)
    schema = config_schema
    return decorate


def takes_argument(fn: Callable[..., Any]) -> bool:
    """Return whether the function of a resource takes a context.

    Raises:
        InvalidDefinitionError: If it needs more arguments than that one.
    """
    function = Function(unwrap(fn))  # what `contextmanager` makes takes anything
    _context, *more = function.parameters or ("",)
    needed = [name for name in more if name not in function.defaults]
    if needed:
        raise InvalidDefinitionError(
            f"The function {getattr(fn, '__name__', fn)!r} is called with the context only, and "
            f"needs {' and '.join(map(repr, needed))} as well. Read config from "
            "context.resource_config and other resources from context.resources."
        )
    return bool(function.parameters) or function.has_var_positional


def is_function(value: Any) -> bool:
    """Whether a decorator was used without parentheses."""
    return callable(value) and not isinstance(value, type) and hasattr(value, "__code__")


def make_values_resource(**kwargs: Any) -> ResourceDefinition:
    """Define a resource that is what its config says: a dict of values, or anything at all.

    Args:
        **kwargs: A config type for each value; anything at all if there are none.

    Source: Dagster's `make_values_resource`.
    """
    return ResourceDefinition(
        lambda context: context.resource_config, config_schema=dict(kwargs) or Any
    )


Resources = Mapping[str, Any]


def resources_for(
    who: str,
    required: Iterable[str],
    own: Mapping[str, Any],
    offered: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the resources of `who`, with those it needs from the offered ones.

    Raises:
        InvalidInvocationError: If there are two for one key.
        InvalidDefinitionError: If one is missing; all problems at once. A missing IO manager called
            `io_manager` is left to the job.
    """
    found = dict(own)
    problems: list[str] = []
    twice = sorted(key for key in own if key in offered)
    if twice:
        raise InvalidInvocationError(
            f"{who} has resources of its own for {', '.join(map(repr, twice))}. Take out one of "
            "the two."
        )
    waiting = sorted(required)
    seen: set[str] = set()
    while waiting:
        key = waiting.pop(0)
        if key in seen:
            continue
        seen.add(key)
        if key not in own and key in offered:
            found[key] = offered[key]
        if key in found:
            waiting += sorted(resource_def_of(found[key]).required_resource_keys)
        elif key != "io_manager":
            hint = did_you_mean(key, offered, noun="There are") or "Add it."
            problems.append(f"The resource {key!r} is not provided. {hint}")
    if problems:
        raise InvalidDefinitionError(
            f"{who} cannot be given these resources:\n  " + "\n  ".join(problems)
        )
    return found


def with_resources(
    definitions: Iterable[Any],
    resource_defs: Mapping[str, Any],
    resource_config_by_key: Mapping[str, Any] | None = None,
) -> list[Any]:
    """Return copies of assets and source assets with the resources they need.

    Args:
        definitions: Assets and source assets.
        resource_defs: Resources by key.
        resource_config_by_key: Config of resources, by key as `{"config": ...}`.

    Raises:
        InvalidDefinitionError: If a resource is missing.
        InvalidInvocationError: If there are two for one key, or the config of one is of no form.

    Example:
        >>> from jobnb import asset, materialize, with_resources
        >>> @asset(required_resource_keys={"server"})
        ... def orders(context):
        ...     return context.resources.server
        >>> materialize(with_resources([orders], {"server": "local"})).asset_value("orders")
        'local'

    Source: Dagster's `with_resources`.
    """
    offered = dict(resource_defs)
    for key, given in (resource_config_by_key or {}).items():
        if key not in offered:
            continue  # nothing asks for it: one dict of config serves several sets of resources
        if not isinstance(given, Mapping) or set(given) - {"config"}:
            raise InvalidInvocationError(
                f"The config of the resource {key!r} is {given!r}. "
                f"Write {{{key!r}: {{'config': ...}}}}."
            )
        offered[key] = resource_def_of(offered[key]).configured(given.get("config", {}))
    return [_bound(each, offered) for each in definitions]


def _bound(definition: Any, offered: Mapping[str, Any]) -> Any:
    if (bind := getattr(definition, "with_resources", None)) is None:
        raise InvalidDefinitionError(
            f"{definition!r} takes no resources beforehand: give assets and source assets."
        )
    return bind(offered)
