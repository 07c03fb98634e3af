"""What comes out of a step: checked, stored and told of."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from time import time as now
from typing import Any

from jobnb.definitions.keys import AssetKey
from jobnb.definitions.metadata import normalize, to_json
from jobnb.definitions.ops.asset_result import NO_VALUE
from jobnb.definitions.ops.user_events import (
    AssetMaterialization,
    AssetObservation,
    ExpectationResult,
)
from jobnb.definitions.partitions.partition_keys import PARTITION_TAG
from jobnb.definitions.resources.resource_context import ScopedResources
from jobnb.definitions.types import NOTHING, TypeCheckContext
from jobnb.errors import InvariantViolationError
from jobnb.events import (
    AssetMaterialized,
    AssetObserved,
    ExpectationChecked,
    OutputHandled,
    OutputYielded,
)
from jobnb.execution.context import OpExecutionContext
from jobnb.execution.inputs import failed_check
from jobnb.execution.io import output_context
from jobnb.execution.run import HANDLED, MISSING, RunScope
from jobnb.plan.step import Step, StepOutput
from jobnb.storage.values import FileIOManager, MemoryIOManager

__all__ = ["HandleOutput", "output_handler", "tell"]

HandleOutput = Callable[..., None]
"""Takes the step's key, its mapping key, the value, and an `Output` and a context if there are."""


def output_handler(run: RunScope, step: Step, output: StepOutput) -> HandleOutput:
    """A function that checks a value, stores it and tells of it."""
    manager = run.resources[output.manager_key]
    in_memory = type(manager) is MemoryIOManager and not _is_by_partition(run, step, output)
    data_type, name, slot = output.data_type, output.name, output.slot
    passes, type_name = data_type.passes, data_type.display_name
    values, append, manager_key = run.values, run.append, output.manager_key
    dynamic, mapped = output.definition.is_dynamic, step.region is not None
    stored = data_type is not NOTHING
    plain = in_memory and stored and output.asset_key is None and not dynamic and not mapped

    def handle(
        key: str,
        mapping_key: str | None,
        value: Any,
        given: Any = None,
        context: OpExecutionContext | None = None,
    ) -> None:
        told = context is not None and context._output_metadata
        if plain and given is None and not told and (passes is None or passes(value)):
            append(OutputYielded(now(), key, name, type_name))
            values[slot] = value
            append(OutputHandled(now(), key, name, manager_key))
            return
        if value is NO_VALUE:
            _told_only(run, step, output, key, given, context)
            return
        own = given.mapping_key if dynamic and given is not None else None
        metadata = _metadata(given, context, name, own)
        _check_output(run, key, output, value, own, metadata, given)
        element = own if dynamic else mapping_key
        more = _store(run, step, output, key, own, value, element, in_memory)
        if output.asset_key is not None:
            _materialized(run, step, output, key, {**metadata, **more}, given, context)
        if stored:
            append(OutputHandled(now(), key, name, manager_key, own, more))

    return handle


def _told_only(
    run: RunScope,
    step: Step,
    output: StepOutput,
    key: str,
    given: Any,
    context: OpExecutionContext | None,
) -> None:
    """The function stored the value itself; who takes it loads it from where the manager looks."""
    metadata = _metadata(given, context, output.name, None)
    version = given.data_version.value if given.data_version is not None else None
    name, type_name = output.name, output.data_type.display_name
    run.append(OutputYielded(now(), key, name, type_name, None, True, None, metadata, version))
    run.values[output.slot] = HANDLED
    if output.asset_key is not None:
        _materialized(run, step, output, key, metadata, given, context)


def _metadata(
    given: Any, context: OpExecutionContext | None, name: str, mapping_key: str | None
) -> dict[str, Any]:
    """The metadata of an output: what came with it and what the context was told."""
    metadata = to_json(given.metadata) if given is not None and given.metadata else {}
    if context is not None:
        added = context.get_output_metadata(name, mapping_key)
        if added:
            metadata = {**to_json(added), **metadata}
    return metadata


def _check_output(
    run: RunScope,
    key: str,
    output: StepOutput,
    value: Any,
    mapping_key: str | None,
    metadata: dict[str, Any],
    given: Any,
) -> None:
    data_type = output.data_type
    version = getattr(given, "data_version", None)
    told = version.value if version is not None else None
    passes = data_type.passes
    verdict = None
    if passes is not None and not passes(value):
        verdict = data_type.type_check(
            TypeCheckContext(run.run_id, run.log, ScopedResources(run.resources), data_type), value
        )
    run.append(
        OutputYielded(
            now(),
            key,
            output.name,
            data_type.display_name,
            mapping_key,
            verdict is None or verdict.success,
            verdict.description if verdict is not None else None,
            {**to_json(verdict.metadata), **metadata} if verdict is not None else metadata,
            told,
        )
    )
    if verdict is not None and not verdict.success:
        raise failed_check(f"output {output.name!r} of {key!r}", data_type, verdict)


def _store(
    run: RunScope,
    step: Step,
    output: StepOutput,
    key: str,
    own: str | None,
    value: Any,
    element: str | None,
    in_memory: bool,
) -> dict[str, Any]:
    """Put the value where readers find it; gives what the IO manager told of it."""
    told: dict[str, Any] = {}
    held = value
    if output.data_type is NOTHING and output.asset_key is not None:
        held = HANDLED  # whoever takes it by value has an IO manager that knows where it is
    elif output.data_type is not NOTHING and not in_memory:
        told = _through_manager(run, step, output, key, own, value)
        held = HANDLED
        if run.keep_outputs and not _reloads(run.resources[output.manager_key]):
            _put(run.kept, output.slot, element, value)
    if element is None:
        run.values[output.slot] = held
    else:
        if run.values[output.slot] is MISSING:
            run.values[output.slot] = {}
        run.values[output.slot][element] = held
    return told


def _put(kept: dict[int, Any], slot: int, element: str | None, value: Any) -> None:
    if element is None:
        kept[slot] = value
    else:
        kept.setdefault(slot, {})[element] = value


def _reloads(manager: Any) -> bool:
    """Whether what the manager stored can be had again, so that it need not be kept in memory."""
    return type(manager) is FileIOManager


def _through_manager(
    run: RunScope, step: Step, output: StepOutput, key: str, own: str | None, value: Any
) -> dict[str, Any]:
    context = output_context(run, step, output, key, own)
    result = run.resources[output.manager_key].handle_output(context, value)
    metadata: dict[str, Any] = {}
    for event in _events_of(result):
        if isinstance(event, AssetMaterialization):
            tell(run, key, event)
        elif isinstance(event, dict):
            metadata.update(normalize(event))
        else:
            raise InvariantViolationError(
                f"The IO manager {output.manager_key!r} yielded {event!r} for {key!r}. "
                "handle_output may yield AssetMaterialization objects or dicts of metadata."
            )
    for event in context.get_logged_events():
        tell(run, key, event)
    return to_json({**context.get_logged_metadata(), **metadata})


def _events_of(result: Any) -> Iterable[Any]:
    return result if hasattr(result, "__next__") else ()


def _materialized(
    run: RunScope,
    step: Step,
    output: StepOutput,
    key: str,
    metadata: dict[str, Any],
    given: Any,
    context: OpExecutionContext | None,
) -> None:
    assert output.asset_key is not None
    assert run.provenance is not None
    version = getattr(given, "data_version", None)
    if version is None and context is not None:
        version = context._data_versions.get(output.asset_key)
    own = getattr(given, "tags", None)
    path = tuple(output.asset_key.path)
    for partition in _partitions(run, step):
        tags = run.provenance.tags(output.asset_key, getattr(version, "value", version), partition)
        if own:
            tags = {**own, **tags}
        if partition is not None:
            tags |= _dimension_tags(partition)
        more = context.get_asset_metadata(output.asset_key, partition) if context else None
        told = {**metadata, **to_json(more)} if more else metadata
        name = partition and str(partition)
        run.append(AssetMaterialized(now(), key, path, name, None, told, tags))


def _partitions(run: RunScope, step: Step) -> tuple[str | None, ...]:
    """The partitions that a step makes; None alone where it makes an asset as a whole."""
    assert step.assets_def is not None
    if step.assets_def.partitions_def is None or run.plan.partitions is None:
        return (None,)
    return run.plan.partitions.keys


def _dimension_tags(partition: str) -> dict[str, str]:
    parts: dict[str, str] = getattr(partition, "keys_by_dimension", {})
    return {f"{PARTITION_TAG}/{name}": part for name, part in parts.items()}


def _is_by_partition(run: RunScope, step: Step, output: StepOutput) -> bool:
    """Whether the value is needed by the partition, not as the one that the step gave."""
    partitions = run.plan.partitions
    if output.asset_key is None or partitions is None:
        return False
    assert step.assets_def is not None
    if step.assets_def.partitions_def is None:
        return False
    return partitions.single is None or output.slot in run.partition_reader.mapped_slots


def tell(run: RunScope, key: str, event: Any) -> None:
    """Put what user code tells of itself into the log.

    Raises:
        InvariantViolationError: If it is nothing that can be told.
    """
    if isinstance(event, (AssetMaterialization, AssetObservation)):
        kind = AssetMaterialized if isinstance(event, AssetMaterialization) else AssetObserved
        run.append(
            kind(
                now(),
                key,
                tuple(AssetKey.from_coercible(event.asset_key).path),
                event.partition,
                event.description,
                to_json(event.metadata),
                dict(event.tags or {}),
            )
        )
    elif isinstance(event, ExpectationResult):
        run.append(
            ExpectationChecked(
                now(), key, event.success, event.label, event.description, to_json(event.metadata)
            )
        )
    else:
        raise InvariantViolationError(
            f"{key!r} told of {event!r}. It can tell of AssetMaterialization, AssetObservation "
            "and ExpectationResult, and yield Output and DynamicOutput."
        )
