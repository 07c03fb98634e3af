"""Set up resources for a run, and tear them down after it, whatever happens."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import cached_property
from typing import Any

from jobnb.definitions.resources.resource import (
    HardcodedResource,
    InitResourceContext,
    ResourceDefinition,
    ScopedResources,
    entered,
    resource_def_of,
)
from jobnb.errors import ResourceFunctionError
from jobnb.events import EngineNote, ResourceFailed, ResourceStarted, ResourceSucceeded
from jobnb.execution.run import RunScope
from jobnb.execution.stopping import Stopping
from jobnb.execution.trace import error_info
from jobnb.plan.resources import in_order


def open_resources(run: RunScope) -> None:
    """Set up the run's resources; `close_resources` has to follow, whatever happens.

    Raises:
        ResourceFunctionError: If one cannot be set up.
    """
    definitions = run.plan.resources
    if not definitions:
        return
    keys = tuple(definitions)
    run.append(ResourceStarted(time.time(), keys))
    run.resources, took = _make_all(run, definitions)
    run.append(ResourceSucceeded(time.time(), keys, took))


def close_resources(run: RunScope) -> None:
    """Tear down the open resources; nothing interrupts the run from now on."""
    try:
        run.stop.shield()
    finally:
        _tear_down(run)


def _make_all(
    run: RunScope, definitions: Mapping[str, ResourceDefinition]
) -> tuple[dict[str, Any], dict[str, float]]:
    configs = run.plan.resource_config
    about = run.instance, run.record, run.log
    opener = _ResourceSetup(definitions, configs.get, run.opened, run.stop, *about)
    try:
        return opener.open_all(), opener.took
    except ResourceFunctionError as error:
        run.append(ResourceFailed(time.time(), opener.failed, error_info(error)))
        raise


def opener_of(run: RunScope, stack: ExitStack) -> _ResourceSetup:
    """Return a function that sets up single resources of a run, with those that they need.

    Args:
        run: The run.
        stack: Takes what is to be torn down.
    """
    about = run.instance, run.record, run.log
    return _ResourceSetup(
        run.plan.resources, run.plan.resource_config.get, stack, Stopping(), *about
    )


def _tear_down(run: RunScope) -> None:
    try:
        run.opened.close()
    except KeyboardInterrupt:
        raise
    except Exception as error:  # noqa: BLE001
        # The steps are done: what they made stands, and the log reports the rest.
        info = error_info(error)
        note = f"A resource could not be torn down: {info}."
        run.append(EngineNote(time.time(), note, error=info))


class _ResourceContext(InitResourceContext):
    """The context of a resource that may hold others; `shared` are the open ones."""

    shared: Mapping[int, Any] = {}

    def replace_config(self, config: Any) -> InitResourceContext:
        """Return the same with another config."""
        made = _ResourceContext(
            config,
            self.resources,
            self.resource_def,
            self.instance,
            self.dagster_run,
            self.log_manager,
        )
        made.shared = self.shared
        return made


class _ResourceSetup:
    """Sets up resources, each once, after those that they need or hold.

    Args:
        definitions: The resources by key.
        config_of: Gives the config of a key.
        stack: Takes what is to be torn down.
        stop: Is told when the user's code is at work.
        about: What a resource sees of the run: instance, run and logger.
    """

    def __init__(
        self,
        definitions: Mapping[str, ResourceDefinition],
        config_of: Callable[[str], Any],
        stack: ExitStack,
        stop: Stopping,
        *about: Any,
    ) -> None:
        self.definitions = definitions
        self.config_of = config_of
        self.stack = stack
        self.stop = stop
        self.about = about
        self.made: dict[str, Any] = {}
        self.took: dict[str, float] = {}
        self.failed: tuple[str, ...] = ()
        self.shared: dict[int, Any] = {}

    @cached_property
    def key_of(self) -> dict[int, str]:
        """The keys of the resources, by their ids."""
        return {id(each): key for key, each in self.definitions.items()}

    @cached_property
    def holders(self) -> Counter[int]:
        """The number of resources that hold each resource, by their ids."""
        return Counter(id(each) for each in _held(self.definitions.values()))

    def open_all(self) -> dict[str, Any]:
        """Return all of them, by key."""
        for key in self.definitions:
            self.open(key)
        return self.made

    def open(self, key: str) -> Any:
        """Return the resource of a key; it is set up if it is not yet."""
        if key in self.made:
            return self.made[key]
        definition = self.definitions[key]
        needed = {
            each: self.open(each)
            for each in sorted(definition.required_resource_keys)
            if each in self.definitions
        }
        context = _ResourceContext(
            self.config_of(key),
            ScopedResources(needed, f"The resource {key!r}"),
            definition,
            *self.about,
        )
        context.shared = self.shared
        began = time.perf_counter()
        self._open_held(key, definition, context)
        self.made[key] = self.shared[id(definition)] = self._set_up(key, definition, context)
        self.took[key] = time.perf_counter() - began
        return self.made[key]

    def _open_held(
        self, key: str, definition: ResourceDefinition, context: InitResourceContext
    ) -> None:
        """Open what it holds and others have too: theirs and its own are to be the same."""
        for name, each in _nested(definition):
            if id(each) in self.shared:
                continue
            if id(each) in self.key_of:
                self.open(self.key_of[id(each)])
                continue
            inner = context.replace_config(_part(context.resource_config, name))
            self._open_held(key, each, inner)
            if self.holders[id(each)] > 1:
                self.shared[id(each)] = self._set_up(key, each, inner)

    def _set_up(self, key: str, definition: ResourceDefinition, context: Any) -> Any:
        try:
            return set_up(definition, context, self.stack, self.stop)
        except KeyboardInterrupt:
            raise
        except Exception as error:
            self.failed = (key,)
            raise ResourceFunctionError(
                f"The resource {key!r} could not be set up: {error_info(error)}.", error
            ) from error


def _nested(definition: ResourceDefinition) -> list[tuple[str | None, ResourceDefinition]]:
    """Return the resources that a resource holds, with the field that configures each."""
    return [each for each in definition.parts if not isinstance(each[1], HardcodedResource)]


def _held(definitions: Iterable[ResourceDefinition]) -> Iterator[ResourceDefinition]:
    """Iterate over each resource that another holds, once for each that holds it."""
    waiting, seen = list(definitions), set[int]()
    while waiting:
        definition = waiting.pop()
        if id(definition) in seen:
            continue
        seen.add(id(definition))
        inner = [each for _, each in _nested(definition)]
        yield from inner
        waiting.extend(inner)


def _part(config: Any, name: str | None) -> Any:
    """Return the config of a field that is a resource; those in a list have none."""
    if name is None:
        return None
    return config.get(name) if isinstance(config, Mapping) else getattr(config, name, None)


def set_up(definition: ResourceDefinition, context: Any, stack: ExitStack, stop: Stopping) -> Any:
    """Return the resource; what it needs to be torn down goes on the stack."""
    made = stop.call(definition.call, context)
    return stop.call(entered, made, stack, stop.close)


@contextmanager
def build_resources(
    resources: Mapping[str, Any],
    instance: Any = None,
    resource_config: Mapping[str, Any] | None = None,
    dagster_run: Any = None,
    log_manager: Any = None,
) -> Iterator[ScopedResources]:
    """Set up resources outside of any run, for the duration of the block.

    Args:
        resources: Values or definitions by key.
        instance: What the resources see as `context.instance`.
        resource_config: Config by resource key, each as `{"config": ...}`.
        dagster_run: What they see as `context.dagster_run`.
        log_manager: Where they log.

    Example:
        >>> from jobnb import build_resources
        >>> with build_resources({"limit": 3}) as resources:
        ...     resources.limit
        3

    Source: Dagster's `build_resources`.
    """
    with ExitStack() as stack:
        yield ScopedResources(
            _build(resources, stack, instance, resource_config or {}, dagster_run, log_manager),
            "This",
        )


def _build(
    resources: Mapping[str, Any],
    stack: ExitStack,
    instance: Any,
    configs: Mapping[str, Any],
    dagster_run: Any,
    log_manager: Any,
) -> dict[str, Any]:
    given = {key: resource_def_of(value) for key, value in resources.items()}
    defs = in_order(given, given)
    bound = {key: bound_config(each, key, configs.get(key)) for key, each in defs.items()}
    about = instance, dagster_run, log_manager
    return _ResourceSetup(defs, bound.get, stack, Stopping(), *about).open_all()


def bound_config(definition: ResourceDefinition, key: str, given: Any) -> Any:
    """Return the value of a resource's config, given as `{"config": ...}` or left out."""
    if isinstance(definition, HardcodedResource) or definition.config_schema is None:
        return None
    from jobnb.config import bind_value, schema_of

    schema, path = schema_of(definition.config_schema), ("resources", key, "config")
    if isinstance(given, Mapping) and given.get("config") is not None:
        return bind_value(schema, given["config"], path, f"resource {key!r}")
    return bind_value(schema, path=path, what=f"resource {key!r}")


class HeldResources(dict[str, Any]):
    """Resources set up for a unit test, by key, until they are closed or unused.

    Args:
        values: The resources.
        stack: What tears them down.
    """

    def __init__(self, values: Mapping[str, Any], stack: ExitStack) -> None:
        super().__init__(values)
        self._stack = stack

    def close(self) -> None:
        """Tear the resources down, once."""
        self._stack.close()

    def __del__(self) -> None:
        with suppress(Exception):
            self._stack.close()


def resource_values(resources: Mapping[str, Any], instance: Any) -> Mapping[str, Any]:
    """Return resources set up for a unit test; they stand as long as its context."""
    stack = ExitStack()
    return HeldResources(_build(resources, stack, instance, {}, None, None), stack)
