"""Contexts for unit tests, to call an op or asset directly."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Self

import msgspec

from jobnb.definitions.checks.asset_check import AssetCheckSpec
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.ops.op import OpDefinition
from jobnb.definitions.partitions.partition_keys import PARTITION_TAG, PartitionKeyRange
from jobnb.definitions.resources.resource import ScopedResources, resource_def_of
from jobnb.errors import InvalidInvocationError, InvariantViolationError
from jobnb.execution.context import (
    AssetCheckExecutionContext,
    AssetExecutionContext,
    StepExecutionContext,
)
from jobnb.execution.progress import progress_event
from jobnb.execution.resources import build_resources
from jobnb.execution.run import RunScope
from jobnb.execution.whole_config import whole_config
from jobnb.plan.build import build_plan
from jobnb.plan.partitions import RunPartitions
from jobnb.plan.step import Plan, Step, StepInput, StepOutput
from jobnb.storage.instance import Instance
from jobnb.storage.run import JobRun

_EMPTY_JOB = "ephemeral"


class DirectContext(AssetExecutionContext):
    """The context of a direct call, with what the test gives."""

    def __init__(
        self,
        resources: Mapping[str, Any] | None,
        config: Any,
        resources_config: Mapping[str, Any] | None,
        instance: Instance | None,
        partition_key: str | None,
        partition_key_range: Any,
        mapping_key: str | None,
        run_tags: Mapping[str, str] | None,
    ) -> None:
        self._stack = ExitStack()
        self._owned = instance is None
        instance = instance or Instance.ephemeral()
        defs = {key: resource_def_of(value) for key, value in (resources or {}).items()}
        made = self._stack.enter_context(
            build_resources(defs, instance=instance, resource_config=_as_config(resources_config))
        )
        self._given = made._asdict()
        self._range = partition_key_range
        tags = {**(run_tags or {}), **({PARTITION_TAG: partition_key} if partition_key else {})}
        record = JobRun(_EMPTY_JOB, run_id="EPHEMERAL", tags=tags)
        plan = _no_plan(_partitions_of(None, partition_key, partition_key_range, instance))
        run = RunScope(plan, instance, record, instance.open_log(record), True)
        run.resources = self._given
        step = Step(0, "", (), nothing_op(), config=config)
        super().__init__(StepExecutionContext(run, step, "", mapping_key))

    @property
    def resources(self) -> ScopedResources:
        """All resources that the test gave."""
        return ScopedResources(self._given, "The call")

    @property
    def op_def(self) -> Any:
        """The called op.

        Raises:
            InvariantViolationError: Before it is called.
        """
        if not self._step.key:
            raise InvariantViolationError("The context has not been used to call an op yet.")
        return self._step.op

    @property
    def op(self) -> Any:
        """The called op."""
        return self.op_def

    def bind(
        self,
        op: OpDefinition[..., Any],
        assets_def: Any,
        config: Any,
        checks: Sequence[AssetCheckSpec] = (),
    ) -> None:
        """Bind the context to a call of this op."""
        inputs, outputs = _asset_places(op, assets_def)
        self._step = Step(
            0,
            op.name,
            (op.name,),
            op,
            inputs,
            outputs,
            config=config,
            assets_def=assets_def,
            checks=tuple(checks),
        )
        self._key = op.name
        definition = assets_def.partitions_def if assets_def is not None else None
        if definition is not None and self._range is not None:
            found = _partitions_of(definition, None, self._range, self._run.instance)
            self._run.plan = msgspec.structs.replace(self._run.plan, partitions=found)

    def provide(self, resources: Mapping[str, Any]) -> None:
        """Set up resources that were passed to the call itself."""
        if resources:
            wanted = build_resources(resources, instance=self.instance)
            self._given = {**self._given, **self._stack.enter_context(wanted)._asdict()}
            self._run.resources = self._given

    def report_progress(
        self, done: float, total: float | None = None, message: str | None = None
    ) -> None:
        """Check a report of progress; nobody watches a direct call.

        Raises:
            InvalidInvocationError: If the numbers make no sense.
        """
        progress_event(self._key, done, total, message)

    @property
    def given_config(self) -> Any:
        """The config that the test gave."""
        return self._step.config

    @property
    def user_events(self) -> list[Any]:
        """The events of the call so far."""
        return list(self._events)

    def get_events(self) -> list[Any]:
        """Return the events of the call so far, by Dagster's name."""
        return self.user_events

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        self._stack.close()

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            self._stack.close()


class DirectCheckContext(DirectContext, AssetCheckExecutionContext):
    """The context of a direct call of a check."""


def nothing_op() -> OpDefinition[..., Any]:
    """Return an op that does nothing, where a test names none."""
    return OpDefinition(lambda _context, _inputs: None, "nothing", outs={})


def _partitions_of(
    definition: Any, key: str | None, ends: PartitionKeyRange | None, instance: Instance
) -> RunPartitions | None:
    """Return the partitions of a test; a range is expanded once the asset is known."""
    if key is not None:
        return RunPartitions(definition, (key,))
    if ends is None:
        return None
    if definition is None:
        return RunPartitions(None, tuple(dict.fromkeys((ends.start, ends.end))))
    return RunPartitions(definition, tuple(definition.get_partition_keys_in_range(ends, instance)))


def _asset_places(
    op: OpDefinition[..., Any], assets_def: Any
) -> tuple[tuple[StepInput, ...], tuple[StepOutput, ...]]:
    """Return the inputs and outputs of an asset's op, with their assets."""
    if assets_def is None:
        return (), ()
    ins, outs = assets_def.keys_by_input_name, assets_def.keys_by_output_name
    inputs = tuple(
        StepInput(name, None, (), each.dagster_type, each, ins.get(name))
        for name, each in op.ins.items()
    )
    outputs = tuple(
        StepOutput(
            name,
            slot,
            each.dagster_type,
            each,
            each.io_manager_key,
            outs.get(name),
            outs.get(name) in assets_def.keys,
        )
        for slot, (name, each) in enumerate(op.outs.items())
    )
    return inputs, outputs


def _no_plan(partitions: RunPartitions | None) -> Plan:
    from jobnb.definitions.ops.graph_definition import GraphDefinition

    job = JobDefinition(GraphDefinition(_EMPTY_JOB))
    plan = build_plan(job, check_config=False)
    return msgspec.structs.replace(plan, partitions=partitions)


def _as_config(configs: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return config by resource key as run config has it; Dagster's tests leave `config` out."""
    return {
        key: value if isinstance(value, Mapping) and set(value) == {"config"} else {"config": value}
        for key, value in (configs or {}).items()
    }


def build_op_context(
    resources: Mapping[str, Any] | None = None,
    op_config: Any = None,
    resources_config: Mapping[str, Any] | None = None,
    instance: Instance | None = None,
    config: Any = None,
    partition_key: str | None = None,
    partition_key_range: Any = None,
    mapping_key: str | None = None,
    run_tags: Mapping[str, str] | None = None,
) -> DirectContext:
    """Return a context to call an op with in a unit test.

    Use it as a context manager where resources must be torn down.

    Args:
        resources: Resources by key: values or definitions.
        op_config: The op's config.
        resources_config: Config by resource key.
        instance: What `context.instance` is; an ephemeral one if absent.
        config: An older name of `op_config`.
        partition_key: The partition.
        partition_key_range: The range of partitions.
        mapping_key: The mapping key, for an op mapped over a dynamic output.
        run_tags: Tags of the run.

    Example:
        >>> from jobnb import build_op_context, op
        >>> @op
        ... def scaled(context, number):
        ...     return number * context.op_config["by"]
        >>> scaled(build_op_context(op_config={"by": 3}), 2)
        6

    Source: Dagster's `build_op_context`.
    """
    if op_config is not None and config is not None:
        raise InvalidInvocationError("build_op_context has op_config and config. Keep one.")
    return DirectContext(
        resources,
        config if op_config is None else op_config,
        resources_config,
        instance,
        partition_key,
        partition_key_range,
        mapping_key,
        run_tags,
    )


def build_asset_context(
    resources: Mapping[str, Any] | None = None,
    resources_config: Mapping[str, Any] | None = None,
    asset_config: Any = None,
    instance: Instance | None = None,
    partition_key: str | None = None,
    partition_key_range: Any = None,
    run_tags: Mapping[str, str] | None = None,
) -> DirectContext:
    """Return a context to call an asset with in a unit test; see `build_op_context`.

    Args:
        resources: Resources by key: values or definitions.
        resources_config: Config by resource key.
        asset_config: The asset's config.
        instance: What `context.instance` is; an ephemeral one if absent.
        partition_key: The partition.
        partition_key_range: The range of partitions.
        run_tags: Tags of the run.

    Source: Dagster's `build_asset_context`.
    """
    return DirectContext(
        resources,
        asset_config,
        resources_config,
        instance,
        partition_key,
        partition_key_range,
        None,
        run_tags,
    )


def build_asset_check_context(
    resources: Mapping[str, Any] | None = None,
    resources_config: Mapping[str, Any] | None = None,
    asset_config: Any = None,
    instance: Instance | None = None,
    partition_key: str | None = None,
) -> DirectCheckContext:
    """Return a context to call a check with in a unit test; see `build_op_context`.

    Args:
        resources: Resources by key: values or definitions.
        resources_config: Config by resource key.
        asset_config: The check's config.
        instance: What `context.instance` is; an ephemeral one if absent.
        partition_key: The partition that is looked at.

    Example:
        >>> from jobnb import asset_check, build_asset_check_context
        >>> @asset_check(asset="orders")
        ... def enough(context, orders):
        ...     return len(orders) >= context.resources.least
        >>> enough(build_asset_check_context({"least": 2}), [3])
        False

    Source: Dagster's `build_asset_check_context`.
    """
    return DirectCheckContext(
        resources,
        asset_config,
        resources_config,
        instance,
        partition_key,
        None,
        None,
        None,
    )


def validate_run_config(job_def: Any = None, run_config: Any = None) -> dict[str, Any]:
    """Check a run config against a job, without running anything.

    Args:
        job_def: The job.
        run_config: A `RunConfig` or dict.

    Returns:
        What each op, resource and logger gets, with the defaults of what it leaves out; an op of
        a graph stands under its path, as `clean.parse`.

    Raises:
        InvalidConfigError: If it does not fit; all problems at once.

    Source: Dagster's `validate_run_config`.
    """
    return whole_config(build_plan(job_def, run_config=run_config or None))
