"""IO managers: store the outputs of steps, and load them as inputs of others."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, overload

from jobnb.definitions.arguments import check_kind, telling_nearest
from jobnb.definitions.plain import checked_schema, docstring
from jobnb.definitions.resources.io_context import InputContext, OutputContext
from jobnb.definitions.resources.resource import ResourceDefinition, is_function, takes_argument
from jobnb.errors import InvalidDefinitionError


class InputManager(ABC):
    """Loads inputs.

    Source: Dagster's `InputManager`.
    """

    @abstractmethod
    def load_input(self, context: InputContext) -> Any:
        """Load the value of an input.

        Args:
            context: Describes the value: its asset, partitions, step and config.
        """


class IOManager(InputManager):
    """Stores outputs, and loads them as inputs.

    Example:
        >>> class InDict(IOManager):
        ...     def __init__(self):
        ...         self.values = {}
        ...
        ...     def handle_output(self, context, obj):
        ...         self.values[tuple(context.get_identifier())] = obj
        ...
        ...     def load_input(self, context):
        ...         return self.values[tuple(context.get_identifier())]

    Source: Dagster's `IOManager`.
    """

    @abstractmethod
    def handle_output(self, context: OutputContext, obj: Any) -> Any:
        """Store the value of an output.

        Args:
            context: Describes the value: its asset, partitions, step and config.
            obj: The value.
        """


class IOManagerDefinition(ResourceDefinition):
    """Creates an IO manager for each run.

    Args:
        resource_fn: Takes an `InitResourceContext` (or nothing) and returns the IO manager.
        config_schema: The config schema, read from `context.resource_config`.
        description: A description.
        required_resource_keys: Other resources it uses.
        version: The version of the code.
        input_config_schema: The config schema of every input that it loads.
        output_config_schema: The config schema of every output that it stores.

    Source: Dagster's `IOManagerDefinition`.
    """

    def __init__(
        self,
        resource_fn: Callable[..., Any],
        config_schema: Any = None,
        description: str | None = None,
        required_resource_keys: Iterable[str] | None = None,
        version: str | None = None,
        input_config_schema: Any = None,
        output_config_schema: Any = None,
    ) -> None:
        super().__init__(resource_fn, config_schema, description, required_resource_keys, version)
        self.input_config_schema = checked_schema(input_config_schema, "an input")
        self.output_config_schema = checked_schema(output_config_schema, "an output")

    @staticmethod
    def hardcoded_io_manager(
        value: IOManager, description: str | None = None
    ) -> IOManagerDefinition:
        """Return the definition of an existing IO manager.

        Raises:
            InvalidDefinitionError: If it is none.
        """
        check_kind(value, IOManager, "value", "hardcoded IO manager", "FilesystemIOManager()")
        return IOManagerDefinition(lambda _context: value, description=description)


class InputManagerDefinition(ResourceDefinition):
    """Creates an input manager for each run.

    Args:
        resource_fn: Takes an `InitResourceContext` (or nothing) and returns the input manager.
        config_schema: The config schema.
        description: A description.
        input_config_schema: The config schema of every input that it loads.
        required_resource_keys: Other resources it uses.
        version: The version of the code.

    Source: Dagster's `InputManagerDefinition`.
    """

    def __init__(
        self,
        resource_fn: Callable[..., Any],
        config_schema: Any = None,
        description: str | None = None,
        input_config_schema: Any = None,
        required_resource_keys: Iterable[str] | None = None,
        version: str | None = None,
    ) -> None:
        super().__init__(resource_fn, config_schema, description, required_resource_keys, version)
        self.input_config_schema = input_config_schema


class FunctionInputManager(InputManager):
    """An input manager that is one function."""

    def __init__(self, fn: Callable[..., Any]) -> None:
        self._fn = fn
        self._wants_context = takes_argument(fn)

    def load_input(self, context: InputContext) -> Any:
        """Call the function; an input manager that it returns loads the value."""
        loaded = self._fn(context) if self._wants_context else self._fn()
        return loaded.load_input(context) if isinstance(loaded, InputManager) else loaded


def check_io_manager(given: Any, key: Any) -> None:
    """Check that the `io_manager_def` of an asset, if it is given, is an IO manager or makes one.

    Raises:
        InvalidDefinitionError: If it is not.
    """
    if given is None or isinstance(given, (InputManager, ResourceDefinition)):
        return
    methods = ("handle_output", "load_input", "create_io_manager")
    if not isinstance(given, type) and any(hasattr(given, each) for each in methods):
        return
    made = f"Call it, {given.__name__}()" if isinstance(given, type) else "Give one"
    raise InvalidDefinitionError(
        f"The io_manager_def of the asset {key.to_user_string()!r} is {given!r}, which is no IO "
        f"manager. {made}: FilesystemIOManager(), say."
    )


@overload
def io_manager(config_schema: Callable[..., Any]) -> IOManagerDefinition: ...
@overload
def io_manager(
    config_schema: Any = None,
    description: str | None = None,
    output_config_schema: Any = None,
    input_config_schema: Any = None,
    required_resource_keys: Iterable[str] | None = None,
    version: str | None = None,
) -> Callable[[Callable[..., Any]], IOManagerDefinition]: ...
@telling_nearest
def io_manager(
    config_schema: Any = None,
    description: str | None = None,
    output_config_schema: Any = None,
    input_config_schema: Any = None,
    required_resource_keys: Iterable[str] | None = None,
    version: str | None = None,
) -> Any:
    """Define an IO manager with a function that returns one.

    Args:
        config_schema: The config schema; without parentheses, the function itself.
        description: A description; the function's docstring if not given.
        output_config_schema: The config schema of every output that it stores.
        input_config_schema: The config schema of every input that it loads.
        required_resource_keys: Other resources it uses.
        version: The version of the code.

    Example:
        >>> from jobnb.storage.values import InMemoryIOManager
        >>> @io_manager
        ... def in_memory(context):
        ...     return InMemoryIOManager()
        >>> isinstance(in_memory, ResourceDefinition)
        True

    Source: Dagster's `@io_manager`.
    """

    def decorate(fn: Callable[..., Any], schema: Any = config_schema) -> IOManagerDefinition:
        made = IOManagerDefinition(
            fn, schema, description or docstring(fn), required_resource_keys, version,
            input_config_schema, output_config_schema,
        )  # fmt: skip
        made.wants_context = takes_argument(fn)
        made.__doc__ = fn.__doc__
        return made

    return decorate(config_schema, None) if is_function(config_schema) else decorate


@overload
def input_manager(config_schema: Callable[..., Any]) -> InputManagerDefinition: ...
@overload
def input_manager(
    config_schema: Any = None,
    description: str | None = None,
    input_config_schema: Any = None,
    required_resource_keys: Iterable[str] | None = None,
    version: str | None = None,
) -> Callable[[Callable[..., Any]], InputManagerDefinition]: ...
def input_manager(
    config_schema: Any = None,
    description: str | None = None,
    input_config_schema: Any = None,
    required_resource_keys: Iterable[str] | None = None,
    version: str | None = None,
) -> Any:
    """Define an input manager with a function that loads an input.

    Args:
        config_schema: The config schema; without parentheses, the function itself.
        description: A description; the function's docstring if not given.
        input_config_schema: The config schema of every input that it loads.
        required_resource_keys: Other resources it uses.
        version: The version of the code.

    Example:
        >>> @input_manager
        ... def answer():
        ...     return 42

    Source: Dagster's `@input_manager`.
    """

    def decorate(fn: Callable[..., Any], schema: Any = config_schema) -> InputManagerDefinition:
        manager = FunctionInputManager(fn)
        made = InputManagerDefinition(
            lambda: manager, schema, description or docstring(fn),
            input_config_schema, required_resource_keys, version,
        )  # fmt: skip
        made.wants_context = False
        made.__doc__ = fn.__doc__
        return made

    return decorate(config_schema, None) if is_function(config_schema) else decorate
