"""The loop that executes steps in order, one after the other, in this process."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from time import time as now
from typing import Any

from jobnb.errors import ExecutionInterruptedError, ResourceFunctionError
from jobnb.events import (
    AssetCheckPlanned,
    AssetPlanned,
    EngineNote,
    ErrorInfo,
    Event,
    RunCanceled,
    RunFailed,
    RunStarted,
    RunSucceeded,
)
from jobnb.execution.executors.choice import chosen, worker_pool_of
from jobnb.execution.executors.coordinator import Coordinator
from jobnb.execution.executors.limits import runner_of
from jobnb.execution.log import listening
from jobnb.execution.mapped_values import close_empty, let_go, passing_slots, put_in_order
from jobnb.execution.max_runtime import RunTimeoutError, ended_from_outside
from jobnb.execution.pools import Pools, has_pools
from jobnb.execution.provenance import Provenance
from jobnb.execution.queue import await_turn
from jobnb.execution.resources import close_resources, open_resources
from jobnb.execution.run import MISSING, RunScope, current_run
from jobnb.execution.step import StepRunner
from jobnb.execution.stopping import Interrupts
from jobnb.execution.trace import error_info


def run_all(run: RunScope) -> None:
    """Execute a plan; the run's log records how it ended.

    Raises:
        ExecutionInterruptedError: If it was interrupted; resources are torn down then.
        ResourceFunctionError: If a resource could not be set up.
        InvariantViolationError: If this is a copy (a fork) of the process that does the run.
    """
    try:
        _run_all(run)
    except BaseException as error:
        if not run.stop.left:
            raise
        run.stop.part(error, run.plan.words)


def _run_all(run: RunScope) -> None:
    name = run.plan.job.name
    token = current_run.set(run)
    end: Event
    try:
        run.stop.begin()
        await_turn(run)
        if has_pools(run.plan, run.instance):
            run.pools = Pools(run.run_id, run.instance, run.append)
        _announce(run)
        with ended_from_outside(run), run.around, listening(run):
            strategy, config = chosen(run)
            workers = worker_pool_of(run, strategy, config)
            try:
                if workers is None:
                    _run_here(run, config)
                else:
                    if workers.shares_resources:
                        open_resources(run)
                    Coordinator(run, workers, config).run_all()
            finally:
                close_resources(run)
        run.stop.check()
        end = (
            RunFailed(now(), name, tuple(run.failed_steps))
            if run.failed_steps
            else RunSucceeded(now(), name)
        )
    except KeyboardInterrupt as interrupt:
        end = _interrupted(run, interrupt)
        words = run.plan.words
        if run.stop.is_failure and isinstance(run.stop, Interrupts):
            raise RunTimeoutError(
                f"{words[0].upper()}{words[1:]} failed: {run.stop.reason} What had succeeded is "
                f"kept (run {run.run_id})."
            ) from None
        raise ExecutionInterruptedError(
            f"{words[0].upper()}{words[1:]} was interrupted; what had succeeded is kept "
            f"(run {run.run_id})."
        ) from interrupt
    except BaseException as error:
        # Nothing of the user's code gets here but a resource that could not be set up,
        # or a process that is told to exit.
        failed = ResourceFunctionError if isinstance(error, ResourceFunctionError) else None
        cause = error.user_exception if failed and isinstance(error, failed) else error
        end = RunFailed(now(), name, (), error_info(cause or error))
        raise
    finally:
        run.stop.shield()
        run.current_key = run.attempt = run.context = None
        run.meter.leave()
        if run.pools is not None and not run.stop.left:
            run.pools.close()
        current_run.reset(token)
        if not run.stop.left:
            run.append(end)
        run.stop.end()
        run.run_log.close()


def _announce(run: RunScope) -> None:
    plan = run.plan
    keys = tuple(plan.steps[index].key for group in run.groups for index in group)
    run.append(RunStarted(now(), plan.job.name, keys))
    for note in run.notes:
        run.append(EngineNote(now(), note))
    _plan_assets(run)
    run.run_log.commit()


def _interrupted(run: RunScope, interrupt: KeyboardInterrupt) -> RunCanceled | RunFailed:
    """Return the outcome of an interrupted run: by its cancellation, or by Ctrl-C."""
    stop, name = run.stop, run.plan.job.name
    if not stop.wanted:
        return RunCanceled(now(), name, error_info(interrupt))
    why = ErrorInfo("Stopped", stop.reason) if stop.reason else None
    if stop.is_failure:
        return RunFailed(now(), name, tuple(run.failed_steps), why)
    return RunCanceled(now(), name, why)


def _plan_assets(run: RunScope) -> None:
    if run.plan.job.asset_layer is not None:
        run.provenance = Provenance(run)
    keys = run.plan.partitions.keys if run.plan.partitions is not None else ()
    for step in run.plan.steps:
        for spec in step.checks:
            if run.chosen is None or step.index in run.chosen:
                path = tuple(spec.asset_key.path)
                run.append(AssetCheckPlanned(now(), step.key, path, spec.name))
        if step.assets_def is not None and (run.chosen is None or step.index in run.chosen):
            own = keys if step.assets_def.partitions_def is not None else ()
            for out in step.outputs:
                if out.asset_key is not None and out.is_asked:
                    path = tuple(out.asset_key.path)
                    for key in own or (None,):
                        run.append(AssetPlanned(now(), step.key, path, key and str(key)))


def _run_here(run: RunScope, config: Mapping[str, Any]) -> None:
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
            runner = runner_of(run, first, config)
            runner()
            runner.release()
        else:
            _run_region(run, first.region, [runner_of(run, steps[i], config) for i in group])
    took = (now() - began) * 1000
    run.append(EngineNote(now(), f"Finished steps in process (pid: {pid}) in {took:.0f}ms"))


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
