"""Load the inputs of a step: one prepared function for each."""

from __future__ import annotations

from time import time as now
from typing import Any

from jobnb.definitions.keys import AssetKey
from jobnb.definitions.metadata import to_json
from jobnb.definitions.resources.io_context import InputContext
from jobnb.definitions.types import NOTHING, DataType, TypeCheckContext
from jobnb.definitions.user_events import AssetObservation
from jobnb.errors import TypeCheckDidNotPass, ValueNotStoredError
from jobnb.events import AssetObserved, InputChecked, InputLoaded
from jobnb.execution.compute import UserCodeBoundary
from jobnb.execution.io import (
    asset_output_context,
    input_context,
    manager_of,
    output_context,
    step_key_of,
)
from jobnb.execution.run import HANDLED, MISSING, RunScope
from jobnb.plan.step import (
    FromAsset,
    FromConfig,
    FromMany,
    FromOutput,
    FromValue,
    Step,
    StepInput,
    StepOutput,
)


def load_inputs(run: RunScope, step: Step, key: str, mapping_key: str | None) -> dict[str, Any]:
    """Load the inputs of a step, then check their types, and record both.

    Nothing is prepared for it: most steps run once, and what was made for one use costs more than
    it saves.

    Args:
        run: The run.
        step: The step.
        key: The step's key, with the mapping key if it has one.
        mapping_key: The element of a dynamic output that the step runs for.
    """
    values: dict[str, Any] = {}
    for each in step.inputs:
        source = each.source
        if type(source) is FromOutput:
            values[each.name] = _from_output(run, step, each, source, key, mapping_key)
        elif source is not None:
            values[each.name] = _from_elsewhere(run, step, each, source, key, mapping_key)
    for each in step.inputs:
        if each.source is None:
            continue
        value, data_type = values[each.name], each.data_type
        passes = data_type.passes
        if passes is None or passes(value):
            run.append(InputChecked(now(), key, each.name, data_type.display_name))
        else:
            _check(run, key, each.name, data_type, value)
    return values


def load_input(
    run: RunScope, step: Step, each: StepInput, key: str, mapping_key: str | None
) -> Any:
    """Load one input of a step, whatever its type; MISSING if it did not come."""
    source = each.source
    if isinstance(source, FromOutput):
        return _from_output(run, step, each, source, key, mapping_key)
    return _from_elsewhere(run, step, each, source, key, mapping_key)


def _reads_others(run: RunScope, step: Step, output: StepOutput) -> bool:
    """Whether a step reads other partitions of an asset than the run makes."""
    if output.asset_key is None or run.plan.partitions is None:
        return False
    return output.slot in run.partition_reader.mapped_slots and not run.partition_reader.follows(
        step, output.asset_key
    )


def _check(run: RunScope, key: str, name: str, data_type: DataType, value: Any) -> None:
    """Run the full type check, with words for what is wrong."""
    context = TypeCheckContext(run.run_id, run.log, _resources(run), data_type)
    with UserCodeBoundary("TypeCheck", f'type-checking input "{name}" of step "{key}"'):
        verdict = run.stop.call(data_type.type_check, context, value)
    metadata = to_json(verdict.metadata)
    run.append(
        InputChecked(
            now(), key, name, data_type.display_name, verdict.success, verdict.description, metadata
        )
    )
    if not verdict.success:
        raise failed_check(f"input {name!r} of {key!r}", data_type, verdict)


def _resources(run: RunScope) -> Any:
    from jobnb.definitions.resources.resource import ScopedResources

    return ScopedResources(run.resources)


def failed_check(place: str, data_type: DataType, verdict: Any) -> TypeCheckDidNotPass:
    """Return the error for a value of the wrong type."""
    why = f" {verdict.description}" if verdict.description else ""
    return TypeCheckDidNotPass(
        f"The {place} is not of type {data_type.display_name!r}.{why}",
        metadata=verdict.metadata,
        dagster_type=data_type,
    )


def _from_elsewhere(
    run: RunScope, step: Step, each: StepInput, source: Any, key: str, mapping_key: str | None
) -> Any:
    if isinstance(source, FromMany):
        return _fan_in(run, step, each, source, key, mapping_key)
    if isinstance(source, FromConfig):
        return _from_config(run, step, each, source.config)
    if isinstance(source, FromAsset):
        return _from_asset(run, step, each, source, key)
    assert isinstance(source, FromValue)
    return source.value


def _fan_in(
    run: RunScope, step: Step, each: StepInput, source: FromMany, key: str, mapping_key: str | None
) -> list[Any]:
    """Return a list of what came; what did not come, since it is optional, is left out."""
    loaded = [
        item.value
        if type(item) is FromValue
        else _from_output(run, step, each, item, key, mapping_key)  # type: ignore[arg-type]
        for item in source.items
    ]
    return [value for value in loaded if value is not MISSING]


def _from_output(
    run: RunScope,
    step: Step,
    each: StepInput,
    source: FromOutput,
    key: str,
    mapping_key: str | None,
) -> Any:
    """Return the value of an output of an earlier step; MISSING where it did not come."""
    if source.collects:
        return _collected(run, step, each, source, key)
    value = run.values[source.slot]
    if value is MISSING:
        return value
    upstream = run.plan.steps[source.step]
    origin = upstream.key
    output = _output_of(upstream, source)
    if source.maps:
        assert mapping_key is not None
        value = value[mapping_key]
        if not output.definition.is_dynamic:
            origin = f"{origin}[{mapping_key}]"
    stored_by = output.manager_key
    manager_key = each.definition.input_manager_key or stored_by
    if (
        value is HANDLED
        or manager_key != stored_by
        or (run.plan.partitions is not None and _reads_others(run, step, output))
    ):
        element = mapping_key if source.maps else None
        value, told = through_manager(run, step, each, source, element, key)
    else:
        told = _metadata_of(each)
    run.append(InputLoaded(now(), key, each.name, manager_key, origin, output.name, told))
    return value


def _metadata_of(each: StepInput) -> dict[str, Any]:
    """Return the metadata that an input was defined with."""
    own = each.definition.metadata
    return to_json(own) if own else {}


def _output_of(upstream: Step, source: FromOutput) -> StepOutput:
    """Return the output that a source is."""
    outputs = upstream.outputs
    if outputs[0].slot == source.slot:
        return outputs[0]
    return next(each for each in outputs if each.slot == source.slot)


def _collected(
    run: RunScope, step: Step, each: StepInput, source: FromOutput, key: str
) -> list[Any]:
    upstream = run.plan.steps[source.step]
    output = _output_of(upstream, source)
    dynamic = output.definition.is_dynamic
    manager_key = each.definition.input_manager_key or output.manager_key
    managed = manager_key != output.manager_key or _reads_others(run, step, output)
    values = []
    for mapping_key, held in run.values[source.slot].items():
        value, told = (
            through_manager(run, step, each, source, mapping_key, key)
            if held is HANDLED or managed
            else (held, _metadata_of(each))
        )
        values.append(value)
        origin = upstream.key if dynamic else f"{upstream.key}[{mapping_key}]"
        run.append(InputLoaded(now(), key, each.name, manager_key, origin, source.output, told))
    return values


def through_manager(
    run: RunScope,
    step: Step,
    each: StepInput,
    source: FromOutput,
    mapping_key: str | None,
    key: str,
) -> tuple[Any, dict[str, Any]]:
    """Return the value that an IO manager holds, and what the manager reports it."""
    upstream = run.plan.steps[source.step]
    output = _output_of(upstream, source)
    up_key = step_key_of(upstream, mapping_key)
    own = mapping_key if output.definition.is_dynamic else None
    made_by = output_context(run, upstream, output, up_key, own)
    manager_key = each.definition.input_manager_key or output.manager_key
    context = input_context(run, step, each, made_by, manager_key)
    try:
        return _loaded(run, each, key, context, manager_key)
    except ValueNotStoredError as error:
        if output.data_type is not NOTHING:
            raise
        name = output.asset_key.to_user_string() if output.asset_key else upstream.key
        raise ValueNotStoredError(
            f"{name!r} is annotated with `-> None`, so no value of it is stored, and {key!r} takes "
            f"one as {each.name!r}. Declare that it only comes first, with deps=[{name!r}] or "
            "In(Nothing), or annotate what it returns."
        ) from error


def _loaded(
    run: RunScope, each: StepInput, key: str, context: InputContext, manager_key: str
) -> tuple[Any, dict[str, Any]]:
    load = manager_of(run, manager_key, "load_input")
    with UserCodeBoundary("ExecutionLoadInput", f'loading input "{context.name}" of step "{key}"'):
        value = run.stop.call(load, context)
    for seen in context.consume_events():
        _observe(run, key, seen)
    return value, {**_metadata_of(each), **to_json(context.consume_metadata())}


def _observe(run: RunScope, key: str, seen: AssetObservation) -> None:
    """Record what an IO manager tells of the asset that it loads."""
    path = tuple(AssetKey.from_coercible(seen.asset_key).path)
    run.append(
        AssetObserved(
            now(), key, path, seen.partition, seen.description, to_json(seen.metadata), {}, True
        )
    )


def _from_config(run: RunScope, step: Step, each: StepInput, config: Any) -> Any:
    from jobnb.definitions.types import DataTypeLoaderContext

    loader = each.data_type.loader
    assert loader is not None
    context = DataTypeLoaderContext(_resources(run), run.plan.job, step.op, run.log)
    with UserCodeBoundary("TypeLoading", f'loading input "{each.name}" of step "{step.key}"'):
        return run.stop.call(loader.construct_from_config_value, context, config)


def _from_asset(run: RunScope, step: Step, each: StepInput, source: FromAsset, key: str) -> Any:
    manager_key = each.definition.input_manager_key or source.manager_key
    made_by = asset_output_context(run, source) if source.key is not None else None
    context = input_context(run, step, each, made_by, manager_key, source.key)
    value, told = _loaded(run, each, key, context, manager_key)
    run.append(InputLoaded(now(), key, each.name, manager_key, metadata=told))
    return value
