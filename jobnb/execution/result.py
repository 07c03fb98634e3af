"""What a run in this process gave: its events, and the values of its outputs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from jobnb.definitions.keys import AssetKey, CoercibleToAssetKey
from jobnb.errors import InvariantViolationError, StepOutputNotFoundError, did_you_mean
from jobnb.execution.io import held_value
from jobnb.execution.run import MISSING
from jobnb.execution.run_events import RunEvents

if TYPE_CHECKING:
    from jobnb.definitions.jobs.job_definition import JobDefinition
    from jobnb.plan.step import Plan, Step, StepOutput
    from jobnb.storage.instance import Instance
    from jobnb.storage.run import JobRun


class MissingOutputError(StepOutputNotFoundError, InvariantViolationError):
    """An output was asked for that did not come, or was not kept."""


class ExecuteInProcessResult(RunEvents):
    """What a run in this process gave.

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

    @property
    def success(self) -> bool:
        """Whether every step did what it should."""
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
        """The run, as it stands at its end."""
        return self._run.record.with_status(self.state.status)

    @property
    def run(self) -> JobRun:
        """The run, as it stands at its end."""
        return self.dagster_run

    @property
    def fresh_assets(self) -> Sequence[AssetKey]:
        """What was asked for and not made again, because it was fresh (`stale_only=True`)."""
        return list(self._run.fresh)

    @property
    def plan(self) -> Plan:
        """What the run was to do."""
        return self._run.plan

    @property
    def instance(self) -> Instance:
        """Where its history is."""
        return self._run.instance

    # --- values ----------------------------------------------------------

    def output_for_node(self, node_str: str, output_name: str = "result") -> Any:
        """The value of an output.

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
        """The value of an output of the job's graph."""
        outputs = self._run.plan.outputs
        if output_name not in outputs:
            hint = did_you_mean(output_name, outputs, noun="Its outputs are")
            raise InvariantViolationError(
                f"The graph {self.job_def.name!r} has no output {output_name!r}. "
                + (hint or "Return the output of an op from it.")
            )
        return self.output_for_node(*outputs[output_name])

    def asset_value(self, asset_key: CoercibleToAssetKey) -> Any:
        """The value of an asset that the run made."""
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
        """The step and output that an output of a nested graph is."""
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
