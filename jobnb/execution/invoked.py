"""What a direct call of an op gives: the same as its function, checked on the way."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Coroutine, Generator
from inspect import isasyncgen, iscoroutine, isgenerator
from typing import Any

from jobnb.definitions.checks.asset_check import AssetCheckResult
from jobnb.definitions.ops.op import OpDefinition
from jobnb.definitions.ops.output import NO_VALUE, DynamicOutput, MaterializeResult, Output
from jobnb.definitions.resources.resource_context import ScopedResources
from jobnb.definitions.types import NOTHING, DataType, TypeCheckContext
from jobnb.errors import InvariantViolationError
from jobnb.execution.compute import asset_output, output_called, read_result
from jobnb.execution.context import OpExecutionContext
from jobnb.execution.inputs import failed_check


def checked(op: OpDefinition[..., Any], result: Any, context: OpExecutionContext) -> Any:
    """The result of the function; what it gives later is checked when it does.

    Raises:
        TypeCheckDidNotPass: If an output is not of its type.
        InvariantViolationError: If the outputs are not those of the op.
    """
    if iscoroutine(result):
        return _awaited(op, result, context)
    if isasyncgen(result):
        return _asynchronous(op, result, context)
    if isgenerator(result):
        return _yielded(op, result, context)

    if isinstance(result, AssetCheckResult):
        return result

    def check(name: str, value: Any, _given: Any) -> None:
        if value is not NO_VALUE:
            _check_output(op, name, value, context)

    read_result(op, op.name, result, check, lambda _event: None, context.bound_step)
    return result


async def _awaited(
    op: OpDefinition[..., Any], result: Coroutine[Any, Any, Any], context: OpExecutionContext
) -> Any:
    return checked(op, await result, context)


def _yielded(
    op: OpDefinition[..., Any], result: Generator[Any, Any, Any], context: OpExecutionContext
) -> Generator[Any, Any, Any]:
    seen: set[str] = set()
    for item in result:
        _check_item(op, item, seen, context)
        yield item
    _check_all_came(op, seen, context)


async def _asynchronous(
    op: OpDefinition[..., Any], result: AsyncGenerator[Any, Any], context: OpExecutionContext
) -> AsyncGenerator[Any, None]:
    seen: set[str] = set()
    async for item in result:
        _check_item(op, item, seen, context)
        yield item
    _check_all_came(op, seen, context)


def _check_item(
    op: OpDefinition[..., Any], item: Any, seen: set[str], context: OpExecutionContext
) -> None:
    if isinstance(item, (Output, DynamicOutput)):
        name = output_called(op, op.name, item.output_name)
        _check_output(op, name, item.value, context)
        context.gave(name, getattr(item, "mapping_key", None))
        seen.add(name)
    elif isinstance(item, MaterializeResult):
        name = asset_output(op, op.name, item, context.bound_step)
        if item.has_value:
            _check_output(op, name, item.value, context)
        seen.add(name)


def _check_all_came(
    op: OpDefinition[..., Any], seen: set[str], context: OpExecutionContext
) -> None:
    asked = context.selected_output_names
    for name, out in op.outs.items():
        if name not in asked or name in seen:
            continue
        if out.is_required and not out.is_dynamic and out.dagster_type is not NOTHING:
            raise InvariantViolationError(
                f"{op.name!r} did not give its output {name!r}. Yield it, or declare it with "
                "Out(is_required=False)."
            )


def _check_output(
    op: OpDefinition[..., Any], name: str, value: Any, context: OpExecutionContext
) -> None:
    data_type = op.outs[name].dagster_type
    check_value(op, f"output {name!r}", data_type, value, context)


def check_value(
    op: OpDefinition[..., Any],
    place: str,
    data_type: DataType,
    value: Any,
    context: OpExecutionContext,
) -> None:
    """Check a value against its type.

    Raises:
        TypeCheckDidNotPass: If it is not of it.
    """
    passes = data_type.passes
    if passes is None or passes(value):
        return
    resources = ScopedResources(context.resources._asdict())
    seen = TypeCheckContext(context.run_id, context.log, resources, data_type)
    verdict = data_type.type_check(seen, value)
    if not verdict.success:
        raise failed_check(f"{place} of {op.name!r}", data_type, verdict)
