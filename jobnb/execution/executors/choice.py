"""The executor of a run: the job's, the requested one or that of the config; it runs the steps."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from time import time as now
from typing import TYPE_CHECKING, Any, NamedTuple

from jobnb.definitions.jobs.executor import (
    STRATEGIES,
    ExecutorDefinition,
    executor_named,
    executor_of,
)
from jobnb.definitions.jobs.executor_object import Executor, RetryMode
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.errors import InvalidConfigError, InvariantViolationError, did_you_mean
from jobnb.events import EngineNote, Event, EventType
from jobnb.events.event import with_job
from jobnb.execution.mapped_values import close_empty, let_go, passing_slots, put_in_order
from jobnb.execution.resources import open_resources
from jobnb.execution.run import MISSING, RunScope
from jobnb.execution.step import StepRunner
from jobnb.storage.process import has_threads

if TYPE_CHECKING:
    from jobnb.execution.executors.worker_pool import WorkerPool
    from jobnb.plan.step import Step

# --- which one ---------------------------------------------------------------------


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
    """
    if run.in_process:
        return "in_process", run.plan.execution_config
    strategy = run.plan.job.executor_def.strategy
    if strategy is None:
        return None, run.plan.execution_config
    return chosen_of(strategy, run.plan.execution_config)


def chosen_of(strategy: str, config: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Return the one of `STRATEGIES` that an executor of jobnb's own is, and its config."""
    if strategy not in ("default", "multi_or_in_process"):
        return strategy, config
    named = [name for name in STRATEGIES if config.get(name) is not None]
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


# --- running the steps with it --------------------------------------------------------


def run_steps(run: RunScope) -> None:
    """Run all steps with the run's executor.

    Raises:
        InvariantViolationError: If an executor of the user's own ends before they have.
    """
    strategy, config = chosen(run)
    if strategy is not None:
        for _ in _turns(run, strategy, config):
            pass
        return
    from jobnb.execution.executors.futures import (
        custom_worker_pool_of,
        made_executor,
    )  # brings concurrent.futures along

    made = made_executor(run, config)
    if isinstance(made, Executor):
        _follow(run, made)
        return
    for _ in _turns_of(run, custom_worker_pool_of(run, made), config):
        pass


def _turns(run: RunScope, strategy: str, config: Mapping[str, Any]) -> Iterator[None]:
    """Run all steps with one of jobnb's own executors; whoever asks for a turn lets it go on."""
    workers = worker_pool_of(run, strategy, config)
    if workers is None:
        yield from _turns_here(run, config)
    else:
        yield from _turns_of(run, workers, config)


def _turns_of(run: RunScope, workers: WorkerPool, config: Mapping[str, Any]) -> Iterator[None]:
    """Run the steps side by side, on workers."""
    from jobnb.execution.executors.coordinator import Coordinator  # not for steps one by one

    if workers.shares_resources:
        open_resources(run)
    yield from Coordinator(run, workers, config).turns()


# --- executors that yield events -----------------------------------------------------


class PlanContext:
    """What an executor of the user's own reads of a run, and has its steps run with.

    Args:
        run: The run.
        executor: The executor.

    Source: Dagster's `PlanOrchestrationContext`.
    """

    def __init__(self, run: RunScope, executor: Executor) -> None:
        self._run = run
        self.executor = executor
        self.log = run.log
        self.instance = run.instance
        self.dagster_run = run.record
        self.run_id = run.run_id
        self.job_def = run.plan.job
        self.job_name = run.record.job_name or run.plan.job.name
        self.run_config = run.record.run_config

    def run_steps(self, strategy: str, config: Mapping[str, Any]) -> Iterator[Event]:
        """Run the steps, and yield their events as they come.

        Args:
            strategy: How: "in_process", "multiprocess" and so on.
            config: The config of that executor.
        """
        run = self._run
        seen = len(run.events)
        for _ in _turns(run, *chosen_of(strategy, config)):
            yield from self._news(seen)
            seen = len(run.events)
        yield from self._news(seen)

    def _news(self, seen: int) -> list[Event]:
        told = (e for e in self._run.events[seen:] if e.event_type is not EventType.LOG_MESSAGE)
        return with_job(told, self.job_name)


_ENDS = (EventType.STEP_SUCCESS, EventType.STEP_FAILURE, EventType.STEP_SKIPPED)


def _follow(run: RunScope, executor: Executor) -> None:
    """Let an executor of the user's own run the steps."""
    run.follows_retries = executor.retries is not RetryMode.DISABLED
    for _ in executor.execute(PlanContext(run, executor), run.plan):
        run.stop.check()
    ended = {str(e.step_key).partition("[")[0] for e in run.events if e.event_type in _ENDS}
    asked = [run.plan.steps[index] for group in run.groups for index in group]
    left = [step.key for step in asked if step.region is None and step.key not in ended]
    if left:
        name = run.plan.job.executor_def.name
        raise InvariantViolationError(
            f"The executor {name!r} ended without the steps {', '.join(left)}. Let its execute() "
            "yield all events of the executor that it hands the steps to: yield from "
            "inner.execute(plan_context, execution_plan)."
        )


# --- in this process -----------------------------------------------------------------


def _turns_here(run: RunScope, config: Mapping[str, Any]) -> Iterator[None]:
    """Run the steps one by one in this process; a turn is a step, or those of a dynamic output."""
    pid = os.getpid()
    run.append(EngineNote(now(), f"Executing steps in process (pid: {pid})", pid=pid))
    open_resources(run)
    began = now()
    steps, stop = run.plan.steps, run.stop
    for group in run.groups:
        if stop.wanted:
            stop.check()
        first = steps[group[0]]
        if first.region is None:
            runner = _runner_of(run, first, config)
            runner()
            runner.release()
        else:
            _run_region(run, first.region, [_runner_of(run, steps[i], config) for i in group])
        yield
    took = (now() - began) * 1000
    run.append(EngineNote(now(), f"Finished steps in process (pid: {pid}) in {took:.0f}ms"))


def _runner_of(run: RunScope, step: Step, config: Mapping[str, Any]) -> StepRunner:
    """Return the runner of a step; most steps have no tags, and no time limit."""
    if not step.tags and config.get("step_timeout") is None:
        return StepRunner(run, step)
    from jobnb.execution.executors.limits import limited_runner

    return limited_runner(run, step, config)


def _run_region(run: RunScope, region: int, runners: Sequence[StepRunner]) -> None:
    """Run the steps mapped over one dynamic output: all of them for each element in turn."""
    elements = run.values[region]
    if elements is MISSING:
        for runner in runners:
            runner()  # tells that it is skipped, and why
    else:
        for runner in runners:
            for slot in runner.outputs:
                if run.values[slot] is MISSING:
                    run.values[slot] = {}
        passing = passing_slots(run, runners)
        mapping_keys = list(elements)
        some = [run.elements.get(runner.step.index) for runner in runners] if run.elements else ()
        for mapping_key in mapping_keys:
            if run.stop.wanted:
                run.stop.check()
            for runner in _those_for(mapping_key, runners, some) if some else runners:
                runner(mapping_key)
            let_go(run, passing, mapping_key)
        if some:
            put_in_order(run, runners, mapping_keys)
        if mapping_keys:
            close_empty(run, [runner for runner in runners if not {*runner.outputs} & passing])
    for runner in runners:
        runner.release()


def _those_for(
    mapping_key: str, runners: Sequence[StepRunner], some: Sequence[frozenset[str] | None]
) -> list[StepRunner]:
    """Return the steps that run for an element, where some only run for some."""
    return [r for r, only in zip(runners, some, strict=True) if only is None or mapping_key in only]
