"""Loading the inputs of a step: one prepared function for each."""

from __future__ import annotations

from collections.abc import Callable
from time import time as now
from typing import Any

from jobnb.definitions.metadata import to_json
from jobnb.definitions.types import DataType, TypeCheckContext
from jobnb.errors import TypeCheckDidNotPass
from jobnb.events import InputChecked, InputLoaded
from jobnb.execution.io import (
    asset_output_context,
    input_context,
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

__all__ = ["LoadInput", "failed_check", "input_loader"]

LoadInput = Callable[[str, "str | None"], Any]
"""Takes the step's key and the mapping key that it runs for."""


def input_loader(run: RunScope, step: Step, each: StepInput) -> LoadInput:
    """A function that loads an input, tells of it and checks its type."""
    source = each.source
    if isinstance(source, FromOutput) and not source.maps and not source.collects:
        return _plain_loader(run, step, each, source)
    load = _loader(run, step, each)
    name, data_type, append = each.name, each.data_type, run.append
    passes, type_name = data_type.passes, data_type.display_name

    def loaded(key: str, mapping_key: str | None) -> Any:
        value = load(key, mapping_key)
        if passes is None or passes(value):
            append(InputChecked(now(), key, name, type_name))
        else:
            _check(run, key, name, data_type, value)
        return value

    return loaded


def _plain_loader(run: RunScope, step: Step, each: StepInput, source: FromOutput) -> LoadInput:
    """The same for the most frequent case, an output of an earlier step, in one function."""
    upstream = run.plan.steps[source.step]
    output = upstream.outputs[0]
    if output.slot != source.slot:
        output = next(out for out in upstream.outputs if out.slot == source.slot)
    name, data_type, definition = each.name, each.data_type, each.definition
    values, slot, append = run.values, source.slot, run.append
    up_key, out_name = upstream.key, output.name
    manager_key = definition.input_manager_key or output.manager_key
    managed = manager_key != output.manager_key or _reads_others(run, step, output)
    passes, type_name = data_type.passes, data_type.display_name

    def load(key: str, _mapping_key: str | None) -> Any:
        value = values[slot]
        if value is HANDLED or managed:
            value = through_manager(run, step, each, source, None)
        append(InputLoaded(now(), key, name, manager_key, up_key, out_name))
        if passes is None or passes(value):
            append(InputChecked(now(), key, name, type_name))
        else:
            _check(run, key, name, data_type, value)
        return value

    return load


def _reads_others(run: RunScope, step: Step, output: StepOutput) -> bool:
    """Whether a step reads other partitions of an asset than the run makes."""
    if output.asset_key is None or run.plan.partitions is None:
        return False
    return output.slot in run.partition_reader.mapped_slots and not run.partition_reader.follows(
        step, output.asset_key
    )


def _check(run: RunScope, key: str, name: str, data_type: DataType, value: Any) -> None:
    """The full check, with words for what is wrong."""
    verdict = data_type.type_check(
        TypeCheckContext(run.run_id, run.log, _resources(run), data_type), value
    )
    metadata = to_json(verdict.metadata)
    run.append(
        InputChecked(
            now(), key, name, data_type.display_name, verdict.success, verdict.description, metadata
        )
    )
    if not verdict.success:
        raise failed_check(f"input {name!r} of {key!r}", data_type, verdict)


def _resources(run: RunScope) -> Any:
    from jobnb.definitions.resources.resource_context import ScopedResources

    return ScopedResources(run.resources)


def failed_check(place: str, data_type: DataType, verdict: Any) -> TypeCheckDidNotPass:
    """The error for a value of the wrong type."""
    why = f" {verdict.description}" if verdict.description else ""
    return TypeCheckDidNotPass(
        f"The {place} is not of type {data_type.display_name!r}.{why}",
        metadata=verdict.metadata,
        dagster_type=data_type,
    )


def _loader(run: RunScope, step: Step, each: StepInput) -> LoadInput:
    source = each.source
    if isinstance(source, FromOutput):
        return _from_output(run, step, each, source)
    if isinstance(source, FromMany):
        return _fan_in(run, step, each, source)
    if isinstance(source, FromConfig):
        return _from_config(run, step, each, source.config)
    if isinstance(source, FromAsset):
        return _from_asset(run, step, each, source)
    assert isinstance(source, FromValue)
    value = source.value
    return lambda _key, _mapping_key: value


def _fan_in(run: RunScope, step: Step, each: StepInput, source: FromMany) -> LoadInput:
    """A list of what came; what did not come, since it is optional, is left out."""
    name, steps, append = each.name, run.plan.steps, run.append
    own_manager = each.definition.input_manager_key

    def one(item: FromOutput, key: str, mapping_key: str | None) -> Any:
        # Everything but a value at hand takes the way of a single input.
        return _from_output(run, step, each, item)(key, mapping_key)

    def load(key: str, mapping_key: str | None) -> list[Any]:
        values, loaded = run.values, []
        for item in source.items:
            if isinstance(item, FromValue):
                loaded.append(item.value)
                continue
            value = values[item.slot]
            if value is HANDLED or item.maps or item.collects or own_manager is not None:
                value = one(item, key, mapping_key)
            elif value is not MISSING:
                up = steps[item.step]
                manager_key = _manager_of(up, item.output)
                append(InputLoaded(now(), key, name, manager_key, up.key, item.output))
            if value is not MISSING:
                loaded.append(value)
        return loaded

    return load


def _manager_of(upstream: Step, output_name: str) -> str:
    outputs = upstream.outputs
    output = outputs[0] if len(outputs) == 1 else upstream.output(output_name)
    return output.manager_key if output is not None else "io_manager"


def _from_output(run: RunScope, step: Step, each: StepInput, source: FromOutput) -> LoadInput:
    upstream = run.plan.steps[source.step]
    if source.collects:
        return _collected(run, step, each, source)
    output = upstream.output(source.output)
    assert output is not None
    values, slot, append = run.values, source.slot, run.append
    name, manager_key = each.name, each.definition.input_manager_key or output.manager_key
    up_key, out_name, dynamic = upstream.key, output.name, output.definition.is_dynamic
    managed = manager_key != output.manager_key or _reads_others(run, step, output)

    if not source.maps:

        def load(key: str, _mapping_key: str | None) -> Any:
            value = values[slot]
            if value is MISSING:
                return value
            if value is HANDLED or managed:
                value = through_manager(run, step, each, source, None)
            append(InputLoaded(now(), key, name, manager_key, up_key, out_name))
            return value

        return load

    def load_element(key: str, mapping_key: str | None) -> Any:
        value = values[slot][mapping_key]
        if value is HANDLED or managed:
            value = through_manager(run, step, each, source, mapping_key)
        origin = up_key if dynamic else f"{up_key}[{mapping_key}]"
        append(InputLoaded(now(), key, name, manager_key, origin, out_name))
        return value

    return load_element


def _collected(run: RunScope, step: Step, each: StepInput, source: FromOutput) -> LoadInput:
    upstream = run.plan.steps[source.step]
    output = upstream.output(source.output)
    assert output is not None
    dynamic = output.definition.is_dynamic
    manager_key = each.definition.input_manager_key or output.manager_key
    managed = manager_key != output.manager_key or _reads_others(run, step, output)

    def load(key: str, _mapping_key: str | None) -> Any:
        values = []
        for mapping_key, held in run.values[source.slot].items():
            stored = held is HANDLED or managed
            values.append(through_manager(run, step, each, source, mapping_key) if stored else held)
            origin = upstream.key if dynamic else f"{upstream.key}[{mapping_key}]"
            run.append(InputLoaded(now(), key, each.name, manager_key, origin, source.output))
        return values

    return load


def through_manager(
    run: RunScope,
    step: Step,
    each: StepInput,
    source: FromOutput,
    mapping_key: str | None,
) -> Any:
    """The value that an IO manager holds."""
    upstream = run.plan.steps[source.step]
    output = upstream.output(source.output)
    assert output is not None
    up_key = step_key_of(upstream, mapping_key)
    own = mapping_key if output.definition.is_dynamic else None
    made_by = output_context(run, upstream, output, up_key, own)
    manager_key = each.definition.input_manager_key or output.manager_key
    context = input_context(run, step, each, made_by, manager_key)
    return run.resources[manager_key].load_input(context)


def _from_config(run: RunScope, step: Step, each: StepInput, config: Any) -> LoadInput:
    from jobnb.definitions.types import DataTypeLoaderContext

    loader = each.data_type.loader
    assert loader is not None

    def load(_key: str, _mapping_key: str | None) -> Any:
        context = DataTypeLoaderContext(_resources(run), run.plan.job, step.op, run.log)
        return loader.construct_from_config_value(context, config)

    return load


def _from_asset(run: RunScope, step: Step, each: StepInput, source: FromAsset) -> LoadInput:
    manager_key = each.definition.input_manager_key or source.manager_key

    def load(key: str, _mapping_key: str | None) -> Any:
        made_by = asset_output_context(run, source) if source.key is not None else None
        context = input_context(run, step, each, made_by, manager_key, source.key)
        value = run.resources[manager_key].load_input(context)
        run.append(InputLoaded(now(), key, each.name, manager_key))
        return value

    return load
