"""Call an op or asset directly, as a unit test does: the function itself, with its checks."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Coroutine, Generator, Mapping, Sequence
from inspect import isasyncgen, iscoroutine, isgenerator
from typing import Any

from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.checks.asset_check import AssetCheckResult, AssetCheckSpec
from jobnb.definitions.checks.asset_checks_definition import AssetChecksDefinition
from jobnb.definitions.ops.graph_definition import GraphDefinition
from jobnb.definitions.ops.op import OpDefinition
from jobnb.definitions.ops.output import NO_VALUE, DynamicOutput, MaterializeResult, Output
from jobnb.definitions.resources.resource import ScopedResources
from jobnb.definitions.types import NOTHING, DataType, TypeCheckContext
from jobnb.errors import (
    InvalidInvocationError,
    InvariantViolationError,
    MissingResourceError,
    did_you_mean,
)
from jobnb.execution.compute import asset_output, output_called, read_result
from jobnb.execution.context import OpExecutionContext
from jobnb.execution.inputs import failed_check
from jobnb.execution.testing import DirectContext, build_asset_check_context, build_op_context


def checked(op: OpDefinition[..., Any], result: Any, context: OpExecutionContext) -> Any:
    """Return the result of the function; what it gives later is checked when it does.

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


def invoke(definition: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call the function of an op or asset with what it would get in a run.

    Args:
        definition: The op, or the definition of assets or of their checks.
        args: A context first, where the function takes one; then inputs in order.
        kwargs: Inputs, config and resources by name; or `context`.

    Raises:
        InvalidInvocationError: If the arguments are not what it takes.

    Source: Dagster's direct invocation of ops and assets.
    """
    __tracebackhide__ = True
    assets_def = definition if isinstance(definition, AssetsDefinition) else None
    op: Any = getattr(definition, "node_def", definition)
    if isinstance(op, GraphDefinition):
        raise InvalidInvocationError(
            f"The graph {op.name!r} cannot be called outside of a composition. "
            f"Run it: {op.name}.execute_in_process(input_values={{...}})."
        )
    only_checks = isinstance(definition, AssetChecksDefinition)
    checks = getattr(definition, "check_specs", ())
    return _call(op, assets_def, args, dict(kwargs), only_checks, checks)


def _call(
    op: OpDefinition[..., Any],
    assets_def: AssetsDefinition | None,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    only_checks: bool,
    checks: Sequence[AssetCheckSpec],
) -> Any:
    __tracebackhide__ = True
    context, args = _context(op, args, kwargs)
    values = _given(op, args, kwargs)
    if context is None:
        context = build_asset_check_context() if only_checks else build_op_context()
    call = _prepared(op, assets_def, context, values, checks)
    if not op.is_decorated:
        return checked(op, op.function.fn(context, call), context)
    if op.function.context_name:
        call[op.function.context_name] = context
    _check_missing(op, call)
    if only_checks:
        return op.function.fn(**call)
    return checked(op, op.function.fn(**call), context)


def _context(
    op: OpDefinition[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[OpExecutionContext | None, tuple[Any, ...]]:
    name = op.function.context_name if op.is_decorated else "context"
    if args and isinstance(args[0], OpExecutionContext):
        return args[0], args[1:]
    if name is None:
        return None, args
    if name in kwargs:
        context: OpExecutionContext | None = kwargs.pop(name)
        return context, args
    if args and args[0] is None:
        return None, args[1:]
    raise InvalidInvocationError(
        f"{op.name!r} takes a context. Pass one first: {op.name}(build_op_context(), ...)."
    )


def _given(
    op: OpDefinition[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[str, Any]:
    """Return the caller's arguments by name: inputs, config and resources, in order."""
    function = op.function
    names = list(op.input_names)
    if op.is_decorated:
        names = [name for name in function.parameters if name != function.context_name]
    if len(args) > len(names):
        raise InvalidInvocationError(
            f"{op.name!r} is called with {len(args)} arguments but takes {len(names)}: "
            f"{', '.join(names) or 'none'}."
        )
    values = dict(zip(names, args, strict=False))
    for name, value in kwargs.items():
        if name in values:
            raise InvalidInvocationError(f"{op.name!r} is given {name!r} twice.")
        if name not in names and not (op.is_decorated and function.has_var_keyword):
            hint = did_you_mean(name, names, noun="It takes")
            raise InvalidInvocationError(f"{op.name!r} takes no {name!r}. {hint}")
        values[name] = value
    return values


def _prepared(
    op: OpDefinition[..., Any],
    assets_def: AssetsDefinition | None,
    context: OpExecutionContext,
    values: dict[str, Any],
    checks: Sequence[AssetCheckSpec],
) -> dict[str, Any]:
    """Return the checked arguments of the function but the context, which learns of the call."""
    function = op.function
    names = function.resource_names if op.is_decorated else ()
    given = {name: values.pop(name) for name in names if name in values}
    config_name = function.config_name if op.is_decorated else None
    config = values.pop(config_name, None) if config_name else None
    if isinstance(context, DirectContext):
        _see_once(op, context, given, config)
        context.provide(given)
        config = _config(op, config if config is not None else context.given_config)
        context.bind(op, assets_def, config, checks)
        _check_resources(op, context)
    call = {**_inputs(op, values), **given}
    for name in names:
        if name in context.resources:
            call[name] = context.resources.original_resource_dict[name]
    if config_name:
        call[config_name] = config
    for name, definition in op.ins.items():
        if name in call and definition.dagster_type is not NOTHING:
            check_value(op, f"input {name!r}", definition.dagster_type, call[name], context)
    return call


def _see_once(
    op: OpDefinition[..., Any], context: DirectContext, given: Mapping[str, Any], config: Any
) -> None:
    """Raise an error for what comes both with the context and as an argument.

    Raises:
        InvalidInvocationError: If something does.
    """
    twice = [f"the resource {key!r}" for key in given if key in context.resources]
    if config is not None and context.given_config is not None:
        twice.append("its config")
    if twice:
        raise InvalidInvocationError(
            f"{op.name!r} is given {' and '.join(twice)} twice: with the context and as an "
            "argument. Keep one."
        )


def _inputs(op: OpDefinition[..., Any], values: dict[str, Any]) -> dict[str, Any]:
    """Return the inputs that were given, and the defaults of the others."""
    known = [n for n in op.input_names if not op.is_decorated or n in op.function.parameters]
    defaults = {
        name: definition.default_value
        for name, definition in op.ins.items()
        if name in known and definition.has_default
    }
    return {**defaults, **values}


def _check_resources(op: OpDefinition[..., Any], context: DirectContext) -> None:
    missing = sorted(key for key in op.required_resource_keys if key not in context.resources)
    if missing:
        raise MissingResourceError(
            f"{op.name!r} needs the resources {', '.join(map(repr, missing))}. Pass them in "
            f"build_op_context(resources={{'{missing[0]}': ...}})"
            + (" or by name." if op.is_decorated and op.function.resource_names else ".")
        )


def _config(op: OpDefinition[..., Any], raw: Any) -> Any:
    schema = op.config_schema
    if schema is None:
        return raw  # an op that says nothing of its config takes any
    from jobnb.config import bind_value, schema_of

    described = schema_of(schema)
    path = ("ops", op.name, "config")
    what = f"op {op.name!r}"
    if raw is None:
        return bind_value(described, path=path, what=what)
    return bind_value(described, raw, path, what)


def _check_missing(op: OpDefinition[..., Any], call: Mapping[str, Any]) -> None:
    function = op.function
    missing = [n for n in function.parameters if n not in call and n not in function.defaults]
    if not missing:
        return
    raise InvalidInvocationError(
        f"{op.name!r} lacks {', '.join(map(repr, missing))}. Pass a value for each."
    )
