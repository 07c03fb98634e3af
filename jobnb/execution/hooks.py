"""Run hooks after a step; one that fails does not change the step's result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import time as now
from typing import Any

from jobnb.definitions.ops.hook import HookDefinition, HookExecutionResult
from jobnb.definitions.resources.resource import ScopedResources
from jobnb.events import Event, HookCompleted, HookErrored, HookSkipped, StepRestarted
from jobnb.execution.context import StepExecutionContext
from jobnb.execution.io import held_value
from jobnb.execution.run import MISSING, RunScope
from jobnb.execution.trace import error_info
from jobnb.plan.step import Step


class HookContext:
    """The context of a hook.

    Args:
        step_execution_context: The attempt after which it runs.
        hook_def: The hook.
        error: What the step raised; None if it succeeded.

    Source: Dagster's `HookContext`.
    """

    def __init__(
        self,
        step_execution_context: StepExecutionContext,
        hook_def: HookDefinition,
        error: BaseException | None = None,
    ) -> None:
        self._run, self._step, self.step_key = step_execution_context[:3]
        self.hook_def = hook_def
        self.op_exception = error

    @property
    def run_id(self) -> str:
        """The id of the run."""
        return self._run.run_id

    @property
    def job_name(self) -> str:
        """The name of the job that runs."""
        return self._run.plan.job.name

    @property
    def instance(self) -> Any:
        """The instance of the history."""
        return self._run.instance

    @property
    def log(self) -> Any:
        """The logger of the run."""
        return self._run.log

    @property
    def op(self) -> Any:
        """The op that ran, under its name in the graph."""
        return self._run.plan.job.graph.node_at(self._step.path)

    @property
    def step(self) -> Step:
        """The step that ran."""
        return self._step

    @property
    def op_config(self) -> Any:
        """Its config."""
        return self._step.plain_config

    @property
    def op_output_values(self) -> Mapping[str, Any]:
        """The outputs by name; a dict by mapping key for a dynamic one."""
        run, step, found = self._run, self._step, {}
        for out in step.outputs:
            value = held_value(run, step, out)
            if value is not MISSING and step.region is not None and not out.definition.is_dynamic:
                value = value.get(self.step_key[len(step.key) + 1 : -1], MISSING)
            if value is not MISSING:
                found[out.name] = value
        return found

    @property
    def required_resource_keys(self) -> frozenset[str]:
        """The resources that the hook requires."""
        return self.hook_def.required_resource_keys

    @property
    def resources(self) -> ScopedResources:
        """The resources that the hook requires, as attributes."""
        values = self._run.resources
        return ScopedResources(
            {key: values[key] for key in self.required_resource_keys},
            f"The hook {self.hook_def.name!r}",
        )


def run_hooks(
    run: RunScope, step: Step, key: str, error: BaseException | None, *, retries: bool = False
) -> None:
    """Run the hooks of a step after an attempt.

    Args:
        run: The run.
        step: The step.
        key: Its key.
        error: What failed it for good; None after a success, or if it is tried again.
        retries: It is tried again: only hooks on events hear of this attempt.
    """
    happened = "retry" if retries else "success" if error is None else "failure"
    past = len(run.events)  # a hook does not hear of those before it
    for hook in step.hooks:
        if hook.trigger not in (happened, "events"):
            run.append(HookSkipped(now(), key, hook.name))
            continue
        seen = HookContext(StepExecutionContext(run, step, key), hook, error)
        try:
            if hook.trigger == "events":
                events = _of_attempt(run.events[:past], key)
                result = run.stop.call(hook.hook_fn, seen, events)
            else:
                result = run.stop.call(hook.hook_fn, seen)
        except KeyboardInterrupt:
            raise
        except Exception as problem:  # noqa: BLE001 - a hook leaves its step as it was
            run.append(HookErrored(now(), key, hook.name, error_info(problem)))
            continue
        skipped = isinstance(result, HookExecutionResult) and result.is_skipped
        run.append((HookSkipped if skipped else HookCompleted)(now(), key, hook.name))


def _of_attempt(events: Sequence[Event], key: str) -> list[Event]:
    """Return the events of the last attempt of a step."""
    own = [event for event in events if event.step_key == key]
    begun = [at for at, event in enumerate(own) if isinstance(event, StepRestarted)]
    return own[begun[-1] :] if begun else own
