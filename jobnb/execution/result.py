"""The result of a run in this process: its events, by kind and by node, and its outputs' values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from jobnb.definitions.checks.asset_check import AssetCheckEvaluation
from jobnb.definitions.jobs.job_config import job_words
from jobnb.definitions.keys import AssetKey, CoercibleToAssetKey
from jobnb.definitions.user_events import (
    AssetMaterialization,
    AssetObservation,
    ExpectationResult,
)
from jobnb.errors import (
    InvariantViolationError,
    StepExecutionError,
    StepOutputNotFoundError,
    did_you_mean,
)
from jobnb.events import Event, EventType, StepFailed, StepFailureData
from jobnb.events.data import StepOutputHandle
from jobnb.events.event import with_job
from jobnb.execution.io import held_value
from jobnb.execution.run import MISSING, RunScope
from jobnb.execution.user_events import (
    as_evaluation,
    as_expectation,
    as_materialization,
    as_observation,
)
from jobnb.state import RunState, fold

if TYPE_CHECKING:
    from jobnb.definitions.jobs.job_definition import JobDefinition
    from jobnb.plan.step import Plan, Step, StepOutput
    from jobnb.storage.instance import Instance
    from jobnb.storage.run import JobRun


class RunEvents:
    """The events of a run in this process.

    Args:
        run: The run.
    """

    def __init__(self, run: RunScope) -> None:
        self._run = run

    @cached_property
    def state(self) -> RunState:
        """The state of the run and of each step."""
        return fold(self._run.events)

    @property
    def all_events(self) -> Sequence[Event]:
        """All events, in order, without log lines."""
        told = (e for e in self._run.events if e.event_type is not EventType.LOG_MESSAGE)
        return with_job(told, self._run.record.job_name or self._run.plan.job.name)

    @property
    def log_lines(self) -> Sequence[Event]:
        """The log lines of the run's code."""
        return [e for e in self._run.events if e.event_type is EventType.LOG_MESSAGE]

    @property
    def all_node_events(self) -> Sequence[Event]:
        """The events of steps."""
        return [event for event in self.all_events if event.is_step_event]

    @property
    def all_node_steps(self) -> Sequence[str]:
        """The keys of the steps."""
        return list(self._run.plan.step_keys)

    def events_for_node(self, node_name: str) -> Sequence[Event]:
        """Return the events of a node's steps, or of a graph's."""
        self._steps_of(node_name)
        return [e for e in self.all_node_events if _belongs(str(e.step_key), node_name)]

    def filter_events(self, event_filter: Callable[[Event], bool]) -> Sequence[Event]:
        """Return the events for which a function is true."""
        return [event for event in self.all_events if event_filter(event)]

    def _of_type(self, kind: EventType, node: str | None = None) -> Sequence[Event]:
        events = self.all_events if node is None else self.events_for_node(node)
        return [event for event in events if event.event_type is kind]

    def asset_materializations_for_node(self, node_name: str) -> Sequence[AssetMaterialization]:
        """Return the materializations of a node."""
        return [
            as_materialization(event)
            for event in self._of_type(EventType.ASSET_MATERIALIZATION, node_name)
        ]

    def asset_observations_for_node(self, node_name: str) -> Sequence[AssetObservation]:
        """Return the observations of a node."""
        return [
            as_observation(event) for event in self._of_type(EventType.ASSET_OBSERVATION, node_name)
        ]

    def expectation_results_for_node(self, node_str: str) -> Sequence[ExpectationResult]:
        """Return the expectation results of a node."""
        return [
            as_expectation(event)
            for event in self._of_type(EventType.STEP_EXPECTATION_RESULT, node_str)
        ]

    def get_asset_materialization_events(self) -> Sequence[Event]:
        """Return the events of assets made."""
        return self._of_type(EventType.ASSET_MATERIALIZATION)

    def get_asset_check_evaluations(self) -> Sequence[AssetCheckEvaluation]:
        """Return the evaluations of checks, in order."""
        return [as_evaluation(e) for e in self._of_type(EventType.ASSET_CHECK_EVALUATION)]

    def get_asset_observation_events(self) -> Sequence[Event]:
        """Return the events of assets looked at."""
        return self._of_type(EventType.ASSET_OBSERVATION)

    def get_asset_materialization_planned_events(self) -> Sequence[Event]:
        """Return the events of assets that the run meant to make."""
        return self._of_type(EventType.ASSET_MATERIALIZATION_PLANNED)

    def get_step_success_events(self) -> Sequence[Event]:
        """Return the events of steps that succeeded."""
        return self._of_type(EventType.STEP_SUCCESS)

    def get_step_failure_events(self) -> Sequence[Event]:
        """Return the events of steps that failed."""
        return self._of_type(EventType.STEP_FAILURE)

    def get_step_skipped_events(self) -> Sequence[Event]:
        """Return the events of steps that were skipped."""
        return self._of_type(EventType.STEP_SKIPPED)

    def get_failed_step_keys(self) -> frozenset[str]:
        """Return the keys of the steps that failed."""
        return frozenset(self._run.failed_steps)

    def get_job_failure_event(self) -> Event:
        """Return the event of the run's failure."""
        return self._only(EventType.RUN_FAILURE)

    def get_job_success_event(self) -> Event:
        """Return the event of the run's success."""
        return self._only(EventType.RUN_SUCCESS)

    def get_run_failure_event(self) -> Event:
        """Return the event of the run's failure."""
        return self._only(EventType.RUN_FAILURE)

    def get_run_success_event(self) -> Event:
        """Return the event of the run's success."""
        return self._only(EventType.RUN_SUCCESS)

    def _only(self, kind: EventType) -> Event:
        found = self._of_type(kind)
        if found:
            return found[0]
        words = self._run.plan.words
        raise InvariantViolationError(
            f"{words[0].upper()}{words[1:]} has no {kind.value} event: "
            f"it ended as {self.state.status.value}."
        )

    def failure_data_for_node(self, node_str: str) -> StepFailureData | None:
        """Return the failure of a node, in Dagster's form; None if it did not fail."""
        found = self._of_type(EventType.STEP_FAILURE, node_str)
        return StepFailureData(found[0]) if found and isinstance(found[0], StepFailed) else None

    def retry_attempts_for_node(self, node_str: str) -> int:
        """Count the retries of a node."""
        return len(self._of_type(EventType.STEP_RESTARTED, node_str))

    def is_node_success(self, node_str: str) -> bool:
        """Whether a node succeeded."""
        return bool(self._of_type(EventType.STEP_SUCCESS, node_str))

    def is_node_failed(self, node_str: str) -> bool:
        """Whether a node failed."""
        return bool(self._of_type(EventType.STEP_FAILURE, node_str))

    def is_node_skipped(self, node_str: str) -> bool:
        """Whether a node was skipped."""
        return bool(self._of_type(EventType.STEP_SKIPPED, node_str))

    def is_node_untouched(self, node_str: str) -> bool:
        """Whether nothing happened in a node."""
        return not self.events_for_node(node_str)

    def _steps_of(self, node_name: str) -> list[Step]:
        found = [s for s in self._run.plan.steps if _belongs(s.key, node_name)]
        if found:
            return found
        bare = node_name.split("[", maxsplit=1)[0]
        hint = did_you_mean(bare, [s.key for s in self._run.plan.steps], noun="Its nodes are")
        raise InvariantViolationError(
            f"{job_words(self._run.plan.job.name, begins=True)} has no node {node_name!r}. {hint}"
        )


def _belongs(step_key: str, node_name: str) -> bool:
    return step_key == node_name or step_key.startswith((f"{node_name}.", f"{node_name}["))


class MissingOutputError(StepOutputNotFoundError, InvariantViolationError):
    """The requested output was not yielded, or was not kept."""


class ExecuteInProcessResult(RunEvents):
    """The result of a run in this process.

    Args:
        job_def: The job.
        dagster_run: The record of its run.
        event_list: The events of the run, in order.
        output_capture: The values of outputs, by `StepOutputHandle`.

    Example:
        >>> from jobnb import job, op
        >>> @op
        ... def five():
        ...     return 5
        >>> @job
        ... def numbers():
        ...     five()
        >>> result = numbers.execute_in_process()
        >>> result.success, result.output_for_node("five")
        (True, 5)

    Source: Dagster's `ExecuteInProcessResult`.
    """

    def __init__(
        self,
        job_def: JobDefinition,
        dagster_run: JobRun,
        event_list: Sequence[Event],
        output_capture: Mapping[StepOutputHandle, Any] | None = None,
    ) -> None:
        super().__init__(_told_run(job_def, dagster_run, event_list, output_capture or {}))

    @classmethod
    def of(cls, run: RunScope) -> Self:
        """Return the result of a run that has ended here."""
        made = cls.__new__(cls)
        made._run = run
        return made

    @property
    def success(self) -> bool:
        """Whether the run succeeded."""
        return self.state.is_success

    @property
    def run_id(self) -> str:
        """The id of the run."""
        return self._run.run_id

    @property
    def job_def(self) -> JobDefinition:
        """The job that ran."""
        return self._run.plan.job

    @cached_property
    def dagster_run(self) -> JobRun:
        """The record of the run at its end."""
        return self._run.record.with_status(self.state.status)

    @property
    def run(self) -> JobRun:
        """The record of the run at its end."""
        return self.dagster_run

    @property
    def fresh_assets(self) -> Sequence[AssetKey]:
        """The assets not materialized again, being fresh (`stale_only=True`)."""
        return list(self._run.fresh)

    @property
    def plan(self) -> Plan:
        """The plan of the run."""
        return self._run.plan

    @property
    def instance(self) -> Instance:
        """The instance of its history."""
        return self._run.instance

    # --- values ----------------------------------------------------------

    def output_for_node(self, node_str: str, output_name: str = "result") -> Any:
        """Return the value of an output.

        Args:
            node_str: The node; `graph.node` for one in a nested graph.
            output_name: The output.

        Returns:
            The value; a dict by mapping key where the output is dynamic or mapped over one.

        Raises:
            MissingOutputError: If the output did not come, or was not kept.
        """
        step, output = self._output(node_str, output_name)
        return self._value(step, output)

    def output_value(self, output_name: str = "result") -> Any:
        """Return the value of an output of the job's graph."""
        outputs = self._run.plan.outputs
        if output_name not in outputs:
            hint = did_you_mean(output_name, outputs, noun="Its outputs are")
            raise InvariantViolationError(
                f"The graph {self.job_def.name!r} has no output {output_name!r}. "
                + (hint or "Return the output of an op from it.")
            )
        return self.output_for_node(*outputs[output_name])

    def asset_value(self, asset_key: CoercibleToAssetKey) -> Any:
        """Return the value of an asset that the run made."""
        key = AssetKey.from_coercible(asset_key)
        found = [
            (step, output)
            for step in self._run.plan.steps
            for output in step.outputs
            if output.asset_key == key
        ]
        if found:  # a function that runs in parts has an output for each asset in each of them
            asked = next((each for each in found if each[1].is_asked), found[0])
            return self._value(*asked)
        known = [each.to_user_string() for each in self._run.plan.asset_keys]
        hint = did_you_mean(key.to_user_string(), known, noun="It makes")
        raise InvariantViolationError(
            f"The run of {self.job_def.name!r} does not make {key.to_user_string()!r}. {hint}"
        )

    def _output(self, node_str: str, output_name: str) -> tuple[Step, StepOutput]:
        plan = self._run.plan
        index = plan.step_by_key.get(node_str)
        if index is None:
            node_str, output_name = self._inside(node_str, output_name)
            index = plan.step_by_key[node_str]
        step = plan.steps[index]
        output = step.output(output_name)
        if output is None:
            names = [each.name for each in step.outputs]
            hint = did_you_mean(output_name, names, noun="Its outputs are")
            raise InvariantViolationError(f"{node_str!r} has no output {output_name!r}. {hint}")
        return step, output

    def _inside(self, node_str: str, output_name: str) -> tuple[str, str]:
        """Return the step and output that an output of a nested graph is."""
        from jobnb.definitions.ops.graph_definition import GraphDefinition
        from jobnb.plan.flatten import output_at

        self._steps_of(node_str)
        graph, path = self.job_def.graph, tuple(node_str.split("."))
        for name in path[:-1]:
            inner = graph.node_named(name).definition
            if not isinstance(inner, GraphDefinition):
                break
            graph = inner
        definition = graph.node_named(path[-1]).definition
        if output_name not in definition.output_names:
            hint = did_you_mean(output_name, definition.output_names, noun="Its outputs are")
            raise InvariantViolationError(f"{node_str!r} has no output {output_name!r}. {hint}")
        return output_at(graph, path[:-1], path[-1], output_name)

    def _value(self, step: Step, output: StepOutput) -> Any:
        value = held_value(self._run, step, output)
        if value is MISSING:
            raise MissingOutputError(self._why_missing(step, output))
        return value

    def _why_missing(self, step: Step, output: StepOutput) -> str:
        state = self.state.steps.get(step.key)
        status = state.status.value if state else "not run"
        if status == "succeeded" and not self._run.keep_outputs:
            return (
                f"The output {output.name!r} of {step.key!r} was let go after its last reader. "
                "Run with keep_outputs=True to look at it afterwards."
            )
        return f"The output {output.name!r} of {step.key!r} is not there: the step is {status}" + (
            " and did not yield it." if status == "succeeded" else "."
        )

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} of {self.state.title!r}: {self.state.status.value}, "
            f"run {self.run_id[:8]}{_left_out(self._run.fresh)}>"
        )


def _left_out(fresh: Sequence[AssetKey]) -> str:
    count = f"{len(fresh)} fresh asset{'s' if len(fresh) > 1 else ''}"
    return f", {count} not made again" if fresh else ""


def _told_run(
    job: JobDefinition,
    record: JobRun,
    events: Sequence[Event],
    values: Mapping[StepOutputHandle, Any],
) -> RunScope:
    """Return a run as its events tell it, with the values of its outputs."""
    from jobnb.plan.build import build_plan
    from jobnb.storage.instance import Instance
    from jobnb.storage.run_log import FollowedLog

    log = FollowedLog(record)
    log.events.extend(events)
    plan = build_plan(job, check_config=False)
    run = RunScope(plan, Instance.ephemeral(), record, log, keep_outputs=True)
    for event in events:
        if isinstance(event, StepFailed):
            why = StepExecutionError(str(event.error), step_key=event.step_key)
            run.failed_steps[event.step_key] = why
    for handle, value in values.items():
        keep_value(run, handle, value)
    return run


def keep_value(run: RunScope, handle: StepOutputHandle, value: Any) -> None:
    """Keep the value of an output where the result looks for it."""
    key, _, element = handle.step_key.removesuffix("]").partition("[")
    index = run.plan.step_by_key.get(key)
    output = run.plan.steps[index].output(handle.output_name) if index is not None else None
    if output is None:
        raise InvariantViolationError(
            f"{job_words(run.plan.job.name, begins=True)} has no output {handle.output_name!r} of "
            f"a step {handle.step_key!r}, of which a value is given."
        )
    name = handle.mapping_key or element
    if not name:
        run.values[output.slot] = value
        return
    if run.values[output.slot] is MISSING:
        run.values[output.slot] = {}
    run.values[output.slot][name] = value
