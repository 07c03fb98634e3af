"""The `@job` decorator: compose ops and graphs into a job."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, overload

from jobnb.definitions.announce import announce
from jobnb.definitions.arguments import telling_nearest
from jobnb.definitions.engine_protocol import engine
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.ops.graph import read_graph
from jobnb.definitions.plain import docstring

if TYPE_CHECKING:
    from jobnb.definitions.jobs.executor import ExecutorDefinition
    from jobnb.definitions.jobs.logger import LoggerDefinition
    from jobnb.definitions.ops.hook import HookDefinition
    from jobnb.definitions.ops.retry import RetryPolicy
    from jobnb.definitions.partitions.partition import PartitionsDefinition


@overload
def job(compose_fn: Callable[..., Any]) -> JobDefinition: ...
@overload
def job(
    compose_fn: None = None,
    *,
    name: str | None = None,
    description: str | None = None,
    resource_defs: Mapping[str, Any] | None = None,
    config: Any = None,
    tags: Mapping[str, Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    logger_defs: Mapping[str, LoggerDefinition] | None = None,
    executor_def: ExecutorDefinition | None = None,
    hooks: Iterable[HookDefinition] | None = None,
    op_retry_policy: RetryPolicy | None = None,
    version_strategy: Any = None,
    partitions_def: PartitionsDefinition | None = None,
    input_values: Mapping[str, Any] | None = None,
) -> Callable[[Callable[..., Any]], JobDefinition]: ...
@telling_nearest
def job(
    compose_fn: Callable[..., Any] | None = None,
    *,
    name: str | None = None,
    description: str | None = None,
    resource_defs: Mapping[str, Any] | None = None,
    config: Any = None,
    tags: Mapping[str, Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    logger_defs: Mapping[str, LoggerDefinition] | None = None,
    executor_def: ExecutorDefinition | None = None,
    hooks: Iterable[HookDefinition] | None = None,
    op_retry_policy: RetryPolicy | None = None,
    version_strategy: Any = None,
    partitions_def: PartitionsDefinition | None = None,
    input_values: Mapping[str, Any] | None = None,
) -> Any:
    """Define a job with a function that calls ops and graphs.

    Args:
        compose_fn: The function; the decorator also works without parentheses.
        name: The name; that of the function if not given.
        description: A description; the function's docstring if not given.
        resource_defs: Resources by key.
        config: A `RunConfig`, a dict, a `ConfigMapping` or a `PartitionedConfig`.
        tags: Tags of each run.
        metadata: Metadata shown beside the job.
        logger_defs: Loggers by name.
        executor_def: The executor.
        hooks: Hooks of every step.
        op_retry_policy: The retry policy of ops that have none.
        version_strategy: Not used: code versions are hashes of the code.
        partitions_def: The partitions that runs of the job choose from.
        input_values: Values of the function's parameters, by name.

    Example:
        >>> from jobnb import job, op
        >>> @op
        ... def hello():
        ...     return "hello"
        >>> @job(tags={"team": "docs"})
        ... def greet():
        ...     hello()
        >>> greet.execute_in_process().output_for_node("hello")
        'hello'

    Source: Dagster's `@job`.
    """

    def decorate(fn: Callable[..., Any]) -> JobDefinition:
        graph_def = read_graph(fn, name, description, None, None, None, None)
        made = JobDefinition(
            graph_def,
            resource_defs,
            executor_def,
            logger_defs,
            name or fn.__name__,
            config,
            description or docstring(fn),
            partitions_def,
            tags,
            metadata,
            hooks,
            op_retry_policy,
            version_strategy,
            input_values=input_values,
        )
        made.__doc__ = fn.__doc__
        if config is not None:
            engine().check_own_config(made)
        announce(made, fn.__module__)
        return made

    return decorate(compose_fn) if compose_fn is not None else decorate
