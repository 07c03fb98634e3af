"""The contexts of IO managers during a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jobnb.definitions.keys import AssetKey
from jobnb.definitions.resources.io_context import InputContext, OutputContext
from jobnb.definitions.resources.resource import ScopedResources
from jobnb.definitions.types import NOTHING
from jobnb.errors import InvalidDefinitionError
from jobnb.execution.pickling import unpacked
from jobnb.execution.run import HANDLED, MISSING, RunScope
from jobnb.plan.step import FromAsset, Step, StepInput, StepOutput


def resources_of(run: RunScope, manager_key: str) -> tuple[Any, ScopedResources]:
    """Return the config of an IO manager, and the resources it asked for."""
    definition = run.plan.resources[manager_key]
    needed = {key: run.resources[key] for key in definition.required_resource_keys}
    if manager_key not in run.manager_configs:
        given = run.plan.resource_config.get(manager_key)
        run.manager_configs[manager_key] = definition.config_with(given)
    config = run.manager_configs[manager_key]
    return config, ScopedResources(needed, f"The IO manager {manager_key!r}")


def manager_of(run: RunScope, manager_key: str, does: str) -> Callable[..., Any]:
    """Return the method of an IO manager that stores or loads.

    Raises:
        InvalidDefinitionError: If the resource has none.
    """
    manager = run.resources[manager_key]
    found: Callable[..., Any] | None = getattr(manager, does, None)
    if found is None:
        raise InvalidDefinitionError(
            f"The resource {manager_key!r} is no IO manager: {type(manager).__name__!r} has "
            f"no {does}. Give an IOManager under this key, or another io_manager_key."
        )
    return found


def _manager_config(config: Mapping[str, Mapping[str, Any]], step: Step, name: str) -> Any:
    """Return the config that a manager gets for an input or output, if any."""
    return config.get(step.key, {}).get(name) if config else None


def output_context(
    run: RunScope,
    step: Step,
    output: StepOutput,
    key: str,
    mapping_key: str | None,
    output_metadata: Mapping[str, Any] | None = None,
) -> OutputContext:
    """Return the context in which an IO manager stores an output of this run."""
    config, resources = resources_of(run, output.manager_key)
    assets_def = step.assets_def
    return OutputContext(
        step_key=key,
        name=output.name,
        job_name=run.plan.job.name,
        run_id=_made_in(run, step, output, key, mapping_key) if run.origins else run.run_id,
        definition_metadata=_output_metadata(step, output),
        output_metadata=output_metadata,
        mapping_key=mapping_key,
        config=_manager_config(run.plan.storing, step, output.name),
        dagster_type=output.data_type,
        log_manager=run.log,
        resource_config=config,
        resources=resources,
        step_context=step,
        op_def=step.op,
        partition_key=run.plan.partition_key,
        asset_key=output.asset_key,
        asset_partitions_def=assets_def.partitions_def if assets_def else None,
        asset_partition_keys=_keys_of(run),
        instance=run.instance,
    )


def _made_in(
    run: RunScope, step: Step, output: StepOutput, key: str, mapping_key: str | None
) -> str:
    """Return the run that made a value, or makes it."""
    element = key[len(step.key) + 1 : -1] if step.region is not None else mapping_key
    return run.origins.get((output.slot, element or None), run.run_id)


def _output_metadata(step: Step, output: StepOutput) -> Mapping[str, Any]:
    """Return the metadata of an output's definition, with that of the asset that it is."""
    own = output.definition.metadata
    if output.asset_key is None or step.assets_def is None:
        return own
    said = step.assets_def.metadata_by_key.get(output.asset_key)
    return {**own, **said} if said else own


def _keys_of(run: RunScope) -> tuple[str, ...] | None:
    """Return the partitions that the run makes."""
    partitions = run.plan.partitions
    return partitions.keys if partitions is not None else None


def asset_output_context(run: RunScope, source: FromAsset) -> OutputContext:
    """Return the context of the stored value of an asset outside of this run, as far as known."""
    return OutputContext(
        name=source.key.path[-1] if source.key is not None else None,
        metadata=source.metadata,
        asset_key=source.key,
        step_key="none",  # as in Dagster: no step of this run makes it
        asset_partitions_def=run.partition_reader.definition_of(source.key),
        partition_key=run.plan.partition_key,
        log_manager=run.log,
        instance=run.instance,
    )


def input_context(
    run: RunScope,
    step: Step,
    each: StepInput,
    upstream: OutputContext | None,
    manager_key: str,
    asset_key: AssetKey | None = None,
) -> InputContext:
    """Return the context in which an IO manager loads an input."""
    config, resources = resources_of(run, manager_key)
    asset_key = asset_key or each.asset_key
    is_partitioned = getattr(run.plan.job.graph, "is_partitioned", False)
    reader = run.partition_reader if is_partitioned else None
    return InputContext(
        name=each.name,
        job_name=run.plan.job.name,
        op_def=step.op,
        config=_manager_config(run.plan.loading, step, each.name),
        metadata=each.definition.metadata,
        upstream_output=upstream,
        dagster_type=each.data_type,
        log_manager=run.log,
        resource_config=config,
        resources=resources,
        step_context=step,
        asset_key=asset_key,
        partition_key=run.plan.partition_key,
        asset_partitions_def=reader and reader.definition_of(asset_key),
        asset_partitions_subset=reader and reader.keys_for(step, asset_key, run.plan.partitions),
        instance=run.instance,
    )


def value_context(
    run: RunScope, step: Step, output: StepOutput, key: str, mapping_key: str | None
) -> InputContext:
    """Return the context in which an IO manager loads an output's value after the run."""
    upstream = output_context(run, step, output, key, mapping_key)
    config, resources = resources_of(run, output.manager_key)
    return InputContext(
        job_name=run.plan.job.name,
        metadata=_output_metadata(step, output),
        upstream_output=upstream,
        dagster_type=output.data_type,
        log_manager=run.log,
        resource_config=config,
        resources=resources,
        asset_key=output.asset_key,
        partition_key=run.plan.partition_key,
        asset_partitions_def=step.assets_def.partitions_def if step.assets_def else None,
        asset_partitions_subset=_keys_of(run),
        instance=run.instance,
    )


def held_value(run: RunScope, step: Step, output: StepOutput) -> Any:
    """Return the value of an output, loaded where an IO manager holds it; MISSING if there is none.

    A dict by mapping key where the output is dynamic or the step mapped over one.
    """
    held, kept = run.values[output.slot], run.kept.get(output.slot)
    if held is MISSING or not (output.definition.is_dynamic or step.region is not None):
        return _loaded(run, step, output, None, held, kept)
    known: Mapping[str, Any] = kept or {}
    own = run.elements.get(step.index, held)  # not those that an earlier run made
    return {
        key: _loaded(run, step, output, key, each, known.get(key))
        for key, each in held.items()
        if key in own
    }


def _loaded(
    run: RunScope, step: Step, output: StepOutput, element: str | None, held: Any, kept: Any
) -> Any:
    if held is not HANDLED:
        return unpacked(held)
    if kept is not None:
        return kept
    if output.data_type is NOTHING:
        return None
    own = element if output.definition.is_dynamic else None
    context = value_context(run, step, output, step_key_of(step, element), own)
    return run.stop.call(manager_of(run, output.manager_key, "load_input"), context)


def step_key_of(step: Step, mapping_key: str | None) -> str:
    """Return the key of a step, or of one of its runs over a dynamic output."""
    if step.region is None or mapping_key is None:
        return step.key
    return f"{step.key}[{mapping_key}]"
