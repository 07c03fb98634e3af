"""The contexts that IO managers see during a run."""

from __future__ import annotations

from typing import Any

from jobnb.definitions.io_context import InputContext, OutputContext
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.resource_context import ScopedResources
from jobnb.execution.run import RunScope
from jobnb.plan.step import FromAsset, Step, StepInput, StepOutput

__all__ = ["asset_output_context", "input_context", "output_context"]


def _resources(run: RunScope, manager_key: str) -> tuple[Any, ScopedResources]:
    """The config of an IO manager, and the resources it asked for."""
    definition = run.plan.resources[manager_key]
    needed = {key: run.resources[key] for key in definition.required_resource_keys}
    config = run.plan.resource_config.get(manager_key)
    return config, ScopedResources(needed, f"The IO manager {manager_key!r}")


def output_context(
    run: RunScope, step: Step, output: StepOutput, key: str, mapping_key: str | None
) -> OutputContext:
    """What an IO manager sees when it stores an output of this run."""
    config, resources = _resources(run, output.manager_key)
    assets_def = step.assets_def
    return OutputContext(
        step_key=key,
        name=output.name,
        job_name=run.plan.job.name,
        run_id=run.run_id,
        metadata=output.definition.metadata,
        mapping_key=mapping_key,
        dagster_type=output.data_type,
        log_manager=run.log,
        resource_config=config,
        resources=resources,
        step_context=step,
        op_def=step.op,
        partition_key=run.plan.partition_key,
        asset_key=output.asset_key,
        asset_partitions_def=assets_def.partitions_def if assets_def else None,
        instance=run.instance,
    )


def asset_output_context(run: RunScope, source: FromAsset) -> OutputContext:
    """What stored the value of an asset that this run does not make, as far as is known."""
    return OutputContext(
        name="result",
        metadata=source.metadata,
        asset_key=source.key,
        log_manager=run.log,
        instance=run.instance,
    )


def input_context(
    run: RunScope,
    step: Step,
    each: StepInput,
    key: str,
    upstream: OutputContext,
    manager_key: str,
    asset_key: AssetKey | None = None,
) -> InputContext:
    """What an IO manager sees when it loads an input."""
    config, resources = _resources(run, manager_key)
    return InputContext(
        name=each.name,
        job_name=run.plan.job.name,
        op_def=step.op,
        metadata=each.definition.metadata,
        upstream_output=upstream,
        dagster_type=each.data_type,
        log_manager=run.log,
        resource_config=config,
        resources=resources,
        step_context=step,
        asset_key=asset_key or each.asset_key,
        partition_key=run.plan.partition_key,
        instance=run.instance,
    )
