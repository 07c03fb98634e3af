"""Choose the executor of a run: the job's, the requested one, or that of the config."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from jobnb.definitions.jobs.executor import (
    STRATEGIES,
    ExecutorDefinition,
    executor_named,
    executor_of,
)
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.errors import InvalidConfigError, did_you_mean
from jobnb.storage.process import has_threads

if TYPE_CHECKING:
    from jobnb.execution.executors.worker_pool import WorkerPool
    from jobnb.execution.run import RunScope


def with_executor(job: JobDefinition, wanted: Any) -> JobDefinition:
    """Return the job with the executor that is asked for: a name or a definition; its own if None.

    Raises:
        InvalidDefinitionError: If it is neither, or there is none of this name.
    """
    if wanted is None:
        return job
    definition = executor_of(wanted)
    known = job.kept.get("with_executor")
    if known is None or known.executor_def is not definition:
        # Kept, so that the next launch finds its plan.
        known = job.kept["with_executor"] = job.with_executor_def(definition)
    made: JobDefinition = known
    return made


class AskedExecutor(NamedTuple):
    """The executor that was asked for at a launch, as the record of the run has it.

    Args:
        name: Its name; None for the job's, and for one of the user's own.
        config: What it was configured with, secrets by name.
    """

    name: str | None = None
    config: Mapping[str, Any] = {}

    @property
    def again(self) -> str | ExecutorDefinition | None:
        """The same, to ask for it again."""
        if self.name is None or not self.config:
            return self.name
        return executor_named(self.name).configured(self.config)


JOBS_OWN = AskedExecutor()
"""None was asked for."""


def asked_executor(wanted: str | ExecutorDefinition | None) -> AskedExecutor:
    """Return what is recorded of the executor that is asked for."""
    if wanted is None:
        return JOBS_OWN
    definition = executor_of(wanted)
    if definition.strategy not in STRATEGIES or definition.own_config is None:
        return JOBS_OWN
    if not definition.own_config:
        return AskedExecutor(definition.strategy)
    from jobnb.config import raw_config, without_secrets

    schema = executor_named(definition.strategy).config_schema
    config = without_secrets(schema, raw_config(definition.own_config))
    return AskedExecutor(definition.strategy, config)


def worker_pool_of(run: RunScope, strategy: str, config: Mapping[str, Any]) -> WorkerPool | None:
    """Return the worker pool that executes the steps; None if they run one by one in this process.

    Args:
        run: The run.
        strategy: How its steps are run; see `chosen`.
        config: The config of the executor.

    Raises:
        InvalidConfigError: If the config makes no sense, or there is no such executor.
    """
    if strategy == "in_process" or (strategy in STRATEGIES and not has_threads()):
        return None
    if strategy == "threads":
        from jobnb.execution.executors.threads import PLACES, ThreadWorkerPool

        return ThreadWorkerPool(run, places_of(config, PLACES))
    if strategy == "async":
        from jobnb.execution.executors.async_loop import (  # brings asyncio
            ASYNC_PLACES,
            AsyncWorkerPool,
        )

        return AsyncWorkerPool(run, places_of(config, ASYNC_PLACES))
    if strategy == "multiprocess":
        from jobnb.execution.executors.processes import (
            ProcessWorkerPool,  # brings multiprocessing along
        )

        return ProcessWorkerPool(run, places_of(config, os.cpu_count() or 1), config)
    if strategy == "dask":
        from jobnb.execution.executors.dask_cluster import DaskWorkerPool

        return DaskWorkerPool(run, places_of(config, 0) or None, config)
    raise InvalidConfigError(
        f"There is no executor {strategy!r}. {did_you_mean(strategy, STRATEGIES, noun='Use')}"
    )


def chosen(run: RunScope) -> tuple[str | None, Mapping[str, Any]]:
    """Return the executor of a run and its config.

    Returns:
        One of `STRATEGIES`, None for an executor of the user's own; and the config.

    Raises:
        InvalidConfigError: If its config names several executors.
    """
    if run.in_process:
        return "in_process", run.plan.execution_config
    strategy = run.plan.job.executor_def.strategy
    if strategy is None:
        return None, run.plan.execution_config
    return chosen_of(run, strategy, run.plan.execution_config)


def chosen_of(
    run: RunScope, strategy: str, config: Mapping[str, Any]
) -> tuple[str, Mapping[str, Any]]:
    """Return the one of `STRATEGIES` that an executor of jobnb's own is, and its config.

    Raises:
        InvalidConfigError: If its config names several executors.
    """
    if strategy not in ("default", "multi_or_in_process"):
        return strategy, config
    named = [name for name in STRATEGIES if config.get(name) is not None]
    if len(named) > 1:
        raise InvalidConfigError(
            f"The config of {run.plan.words} names several executors: "
            f"{', '.join(named)}. Keep one under execution > config."
        )
    if not named:
        return ("in_process" if strategy == "default" else "multiprocess"), config
    return named[0], config[named[0]]


def places_of(config: Mapping[str, Any], otherwise: int) -> int:
    """Return how many steps run at once.

    Raises:
        InvalidConfigError: If it is less than one; 0 stands for what is usual, as in Dagster.
    """
    wanted = config.get("max_concurrent")
    if not wanted:
        return otherwise
    if wanted < 0:
        raise InvalidConfigError(
            f"max_concurrent of the executor is {wanted}. Give a number from 1, or leave it out."
        )
    return int(wanted)
