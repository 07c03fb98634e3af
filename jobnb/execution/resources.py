"""Setting resources up for a run, and tearing them down after it, whatever happens."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from inspect import isgenerator
from typing import Any

from jobnb.definitions.resource import HardcodedResource, ResourceDefinition, resource_def_of
from jobnb.definitions.resource_context import InitResourceContext, ScopedResources
from jobnb.errors import ResourceFunctionError
from jobnb.events import EngineNote, ResourceFailed, ResourceStarted, ResourceSucceeded
from jobnb.execution.run import RunScope
from jobnb.execution.trace import error_info

__all__ = ["build_resources", "open_resources", "resource_values", "set_up"]


@contextmanager
def open_resources(run: RunScope) -> Iterator[None]:
    """While it lasts, the run's resources are set up.

    Raises:
        ResourceFunctionError: If one cannot be set up; those set up before are torn down.
    """
    definitions = run.plan.resources
    if not definitions:
        yield
        return
    keys = tuple(definitions)
    run.append(ResourceStarted(time.time(), keys))
    stack = ExitStack()
    try:
        run.resources, took = _make_all(run, definitions, stack)
        run.append(ResourceSucceeded(time.time(), keys, took))
        yield
    finally:
        _tear_down(run, stack)


def _make_all(
    run: RunScope, definitions: Mapping[str, ResourceDefinition], stack: ExitStack
) -> tuple[dict[str, Any], dict[str, float]]:
    made: dict[str, Any] = {}
    took: dict[str, float] = {}
    for key, definition in definitions.items():
        began = time.perf_counter()
        try:
            made[key] = set_up(definition, _context(run, key, definition, made), stack)
        except Exception as error:
            run.append(ResourceFailed(time.time(), (key,), error_info(error)))
            raise ResourceFunctionError(
                f"The resource {key!r} could not be set up: {type(error).__name__}: {error}.",
                error,
            ) from error
        took[key] = time.perf_counter() - began
    return made, took


def _tear_down(run: RunScope, stack: ExitStack) -> None:
    try:
        stack.close()
    except Exception as error:
        # The steps are done: what they made stands, and the log tells of the rest.
        note = f"A resource could not be torn down: {type(error).__name__}: {error}."
        run.append(EngineNote(time.time(), note, error=error_info(error)))


def _context(
    run: RunScope, key: str, definition: ResourceDefinition, made: Mapping[str, Any]
) -> Any:
    if isinstance(definition, HardcodedResource):
        return None  # most are, and a context would not be looked at
    needed = {each: made[each] for each in definition.required_resource_keys}
    return InitResourceContext(
        run.plan.resource_config.get(key),
        ScopedResources(needed, f"The resource {key!r}"),
        definition,
        run.instance,
        run.record,
        run.log,
    )


def set_up(definition: ResourceDefinition, context: Any, stack: ExitStack) -> Any:
    """The resource; what it needs to be torn down goes on the stack."""
    if isinstance(definition, HardcodedResource):
        return definition.value
    made = definition.call(context)
    if isgenerator(made):
        value = next(made)
        stack.callback(_finish, made)
        return value
    if isinstance(made, AbstractContextManager) and getattr(made, "gen", None) is not None:
        # A function decorated with contextlib.contextmanager, as Dagster allows.
        return stack.enter_context(made)
    return made


def _finish(generator: Iterator[Any]) -> None:
    """Run what stands after the yield of a resource."""
    for _ in generator:
        raise ResourceFunctionError("A resource yielded twice. Yield the resource once.")


@contextmanager
def build_resources(
    resources: Mapping[str, Any],
    instance: Any = None,
    resource_config: Mapping[str, Any] | None = None,
    dagster_run: Any = None,
    log_manager: Any = None,
) -> Iterator[ScopedResources]:
    """While it lasts, these resources are set up, outside of any run.

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
    defs = {key: resource_def_of(value) for key, value in resources.items()}
    made: dict[str, Any] = {}

    def make(key: str) -> Any:
        if key not in made:
            definition = defs[key]
            needed = {k: make(k) for k in definition.required_resource_keys if k in defs}
            config = _config(definition, key, configs.get(key))
            context = InitResourceContext(
                config, ScopedResources(needed), definition, instance, dagster_run, log_manager
            )
            made[key] = set_up(definition, context, stack)
        return made[key]

    for key in defs:
        make(key)
    return made


def _config(definition: ResourceDefinition, key: str, given: Any) -> Any:
    if isinstance(definition, HardcodedResource) or definition.config_schema is None:
        return None
    from jobnb.config import bind_value, schema_of

    schema, path = schema_of(definition.config_schema), ("resources", key, "config")
    if isinstance(given, Mapping) and given.get("config") is not None:
        return bind_value(schema, given["config"], path, f"resource {key!r}")
    return bind_value(schema, path=path, what=f"resource {key!r}")


def resource_values(resources: Mapping[str, Any], instance: Any) -> Mapping[str, Any]:
    """Resources set up for a unit test; they are torn down when the process ends, if ever."""
    stack = ExitStack()
    return _build(resources, stack, instance, {}, None, None)
