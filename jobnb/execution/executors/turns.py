"""Run the steps of a run in turns, with the executor that was chosen."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from time import time as now
from typing import TYPE_CHECKING, Any

from jobnb.definitions.jobs.executor_object import Executor, RetryMode
from jobnb.errors import InvariantViolationError
from jobnb.events import EngineNote, Event, EventType
from jobnb.events.event import with_job
from jobnb.execution.executors.choice import chosen, chosen_of, worker_pool_of
from jobnb.execution.mapped_values import close_empty, let_go, passing_slots, put_in_order
from jobnb.execution.resources import open_resources
from jobnb.execution.run import MISSING, RunScope
from jobnb.execution.step import StepRunner

if TYPE_CHECKING:
    from jobnb.execution.executors.worker_pool import WorkerPool
    from jobnb.plan.step import Step


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
        for _ in _turns(run, *chosen_of(run, strategy, config)):
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
