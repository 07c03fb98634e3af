"""The outputs of a step: type-checked, stored and recorded."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from time import time as now
from typing import Any

from jobnb.definitions.metadata import normalize, to_json
from jobnb.definitions.ops.output import NO_VALUE
from jobnb.definitions.partitions.partition_keys import PARTITION_TAG
from jobnb.definitions.resources.resource import ScopedResources
from jobnb.definitions.types import NOTHING, TypeCheckContext
from jobnb.definitions.user_events import AssetMaterialization
from jobnb.errors import InvariantViolationError
from jobnb.events import AssetMaterialized, OutputHandled, OutputYielded
from jobnb.execution.compute import UserCodeBoundary
from jobnb.execution.context import OpExecutionContext
from jobnb.execution.inputs import failed_check
from jobnb.execution.io import manager_of, output_context
from jobnb.execution.run import HANDLED, MISSING, RunScope
from jobnb.execution.user_events import tell
from jobnb.plan.step import Step, StepOutput
from jobnb.storage.files import FileIOManager
from jobnb.storage.values import MemoryIOManager


def handle_output(
    run: RunScope,
    step: Step,
    output: StepOutput,
    key: str,
    mapping_key: str | None,
    value: Any,
    given: Any = None,
    context: OpExecutionContext | None = None,
) -> None:
    """Check a value, store it and report it.

    Args:
        run: The run.
        step: The step.
        output: The output.
        key: The step's key, with the mapping key if it has one.
        mapping_key: The element of a dynamic output that the step runs for.
        value: What the function gave.
        given: The `Output` or `MaterializeResult` it came in, if it came in one.
        context: What the function was given, if it was.
    """
    if given is not None or not _is_plain(run, step, output, value, context):
        _handle_in_full(run, step, output, key, mapping_key, value, given, context)
        return
    # As most are: it stays in memory, and nothing is to be said of it.
    append = run.append
    append(OutputYielded(now(), key, output.name, output.data_type.display_name))
    run.values[output.slot] = value
    if output.asset_key is not None:
        _materialized(run, step, output, key, {}, None, context)
    append(OutputHandled(now(), key, output.name, output.manager_key))


def _is_plain(
    run: RunScope, step: Step, output: StepOutput, value: Any, context: OpExecutionContext | None
) -> bool:
    data_type = output.data_type
    if step.region is not None or data_type is NOTHING or output.definition.is_dynamic:
        return False
    if not _stays_in_memory(run, step, output) or value is NO_VALUE:
        return False
    if context is not None and context._output_metadata:
        return False
    passes = data_type.passes
    return passes is None or passes(value)


def _handle_in_full(
    run: RunScope,
    step: Step,
    output: StepOutput,
    key: str,
    mapping_key: str | None,
    value: Any,
    given: Any,
    context: OpExecutionContext | None,
) -> None:
    if value is NO_VALUE:
        _record_only(run, step, output, key, given, context)
        return
    dynamic = output.definition.is_dynamic
    own = given.mapping_key if dynamic and given is not None else None
    if context is not None and given is not None:
        context.gave(output.name, own)
    metadata = _metadata(given, context, output.name, own)
    _check_output(run, key, output, value, own, metadata, given)
    told_of = _raw_metadata(given, context, output.name, own)
    element = own if dynamic else mapping_key
    more = _store(run, step, output, key, own, value, element, told_of)
    if output.asset_key is not None:
        _materialized(run, step, output, key, {**metadata, **more}, given, context)
    if output.data_type is not NOTHING:
        run.append(OutputHandled(now(), key, output.name, output.manager_key, own, more))


def _record_only(
    run: RunScope,
    step: Step,
    output: StepOutput,
    key: str,
    given: Any,
    context: OpExecutionContext | None,
) -> None:
    """Record an output that the function stored itself; its readers load it from the manager."""
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
    """Return the metadata of an output: what came with it and what the context was told."""
    raw = _raw_metadata(given, context, name, mapping_key)
    return to_json(raw) if raw else {}


def _raw_metadata(
    given: Any, context: OpExecutionContext | None, name: str, mapping_key: str | None
) -> Mapping[str, Any] | None:
    own = given.metadata if given is not None else None
    added = context.get_output_metadata(name, mapping_key) if context is not None else None
    return {**(own or {}), **added} if added else own


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
        resources = ScopedResources(run.resources)
        context = TypeCheckContext(run.run_id, run.log, resources, data_type)
        with UserCodeBoundary("TypeCheck", f'type-checking output "{output.name}" of step "{key}"'):
            verdict = run.stop.call(data_type.type_check, context, value)
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
    metadata: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Store the value for its readers; return the metadata that the IO manager added."""
    told: dict[str, Any] = {}
    held = value
    in_memory = _stays_in_memory(run, step, output)
    if output.data_type is NOTHING:
        if output.asset_key is not None and not in_memory:
            held = HANDLED  # whoever takes it by value has an IO manager that knows where it is
    elif not in_memory:
        with UserCodeBoundary(
            "ExecutionHandleOutput", f'handling output "{output.name}" of step "{key}"'
        ):
            told = _through_manager(run, step, output, key, own, value, metadata)
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
    run: RunScope,
    step: Step,
    output: StepOutput,
    key: str,
    own: str | None,
    value: Any,
    given: Mapping[str, Any] | None,
) -> dict[str, Any]:
    context = output_context(run, step, output, key, own, given)
    store = manager_of(run, output.manager_key, "handle_output")
    result = run.stop.call(store, context, value)
    metadata: dict[str, Any] = {}
    if isinstance(result, Generator):
        result = run.stop.each(result)
    for event in _events_of(result, output.manager_key, key):
        if isinstance(event, AssetMaterialization):
            tell(run, key, event)
        elif isinstance(event, dict):
            metadata.update(normalize(event))
        else:
            raise _no_event(output.manager_key, key, "yielded", event)
    for event in context.get_logged_events():
        tell(run, key, event)
    return to_json({**context.get_logged_metadata(), **metadata})


def _events_of(result: Any, manager_key: str, key: str) -> Iterable[Any]:
    """Return the events in the result of handle_output; nothing for an empty one."""
    if isinstance(result, Generator):
        return result
    if isinstance(result, (AssetMaterialization, dict)):
        return (result,)
    if result is None or (isinstance(result, _MAY_BE_EMPTY) and not result):
        return ()
    raise _no_event(manager_key, key, "returned", result)


_MAY_BE_EMPTY = (bool, int, float, str, bytes, list, tuple, set, frozenset)


def _no_event(manager_key: str, key: str, did: str, told: Any) -> InvariantViolationError:
    return InvariantViolationError(
        f"The IO manager {manager_key!r} {did} {told!r:.80} for {key!r}. "
        "handle_output returns nothing, an AssetMaterialization or a dict of metadata, or "
        "yields some of these."
    )


def _materialized(
    run: RunScope,
    step: Step,
    output: StepOutput,
    key: str,
    metadata: dict[str, Any],
    given: Any,
    context: OpExecutionContext | None,
) -> None:
    asset_key, provenance = output.asset_key, run.provenance
    assert asset_key is not None
    assert provenance is not None
    version = getattr(given, "data_version", None) if given is not None else None
    if version is None and context is not None and context._data_versions:
        version = context._data_versions.get(asset_key)
    own = getattr(given, "tags", None) if given is not None else None
    path = tuple(asset_key.path)
    for partition in _partitions(run, step):
        tags = provenance.tags(asset_key, getattr(version, "value", version), partition)
        if own:
            tags = {**own, **tags}
        if partition is not None:
            tags |= _dimension_tags(partition)
        more = context.get_asset_metadata(asset_key, partition) if context is not None else None
        told = {**metadata, **to_json(more)} if more else metadata
        name = partition and str(partition)
        run.append(AssetMaterialized(now(), key, path, name, None, told, tags))


def _partitions(run: RunScope, step: Step) -> tuple[str | None, ...]:
    """Return the partitions that a step makes; None alone where it makes an asset as a whole."""
    assert step.assets_def is not None
    if step.assets_def.partitions_def is None or run.plan.partitions is None:
        return (None,)
    return run.plan.partitions.keys


def _dimension_tags(partition: str) -> dict[str, str]:
    parts: dict[str, str] = getattr(partition, "keys_by_dimension", {})
    return {f"{PARTITION_TAG}/{name}": part for name, part in parts.items()}


def _stays_in_memory(run: RunScope, step: Step, output: StepOutput) -> bool:
    """Whether readers take the value as it is, and no IO manager is asked."""
    if type(run.resources[output.manager_key]) is not MemoryIOManager:
        return False
    partitions = run.plan.partitions
    if partitions is None or output.asset_key is None:
        return True
    assert step.assets_def is not None
    if step.assets_def.partitions_def is None:
        return True
    # It is needed by the partition, not as the one that the step gave.
    return partitions.single is not None and output.slot not in run.partition_reader.mapped_slots
