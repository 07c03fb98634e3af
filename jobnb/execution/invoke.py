"""Calling an op or asset directly, as a unit test does: the function itself, with its checks."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from jobnb.definitions.assets_definition import AssetsDefinition
from jobnb.definitions.graph import GraphDefinition
from jobnb.definitions.op import OpDefinition
from jobnb.errors import InvalidInvocationError, did_you_mean
from jobnb.execution.compute import run_async
from jobnb.execution.context import OpExecutionContext
from jobnb.execution.testing import DirectContext, build_op_context

__all__ = ["invoke"]


def invoke(definition: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call the function of an op or asset with what it would get in a run.

    Args:
        definition: The op or assets definition.
        args: A context first, where the function takes one; then inputs in order.
        kwargs: Inputs, config and resources by name; or `context`.

    Raises:
        InvalidInvocationError: If the arguments are not what it takes.

    Source: Dagster's direct invocation of ops and assets.
    """
    __tracebackhide__ = True
    assets_def = definition if isinstance(definition, AssetsDefinition) else None
    op = assets_def.node_def if assets_def is not None else definition
    if isinstance(op, GraphDefinition):
        raise InvalidInvocationError(
            f"The graph {op.name!r} cannot be called outside of a composition. "
            f"Run it: {op.name}.execute_in_process(input_values={{...}})."
        )
    return _call(op, assets_def, args, dict(kwargs))


def _call(
    op: OpDefinition[..., Any],
    assets_def: AssetsDefinition | None,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    __tracebackhide__ = True
    function = op.function
    context, args = _context(op, args, kwargs)
    config = kwargs.pop(function.config_name, None) if function.config_name else None
    values = _inputs(op, args, kwargs)
    context, given = _prepared(op, assets_def, context, config)
    if not op.is_decorated:
        return function.fn(context, values)
    call = {**given, **values}
    if function.context_name:
        call[function.context_name] = context
    _check_missing(op, call)
    result = function.fn(**call)
    return run_async(result) if inspect.isasyncgen(result) else result


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


def _inputs(
    op: OpDefinition[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[str, Any]:
    """The inputs by name; resources given by name are left to the function."""
    function = op.function
    names = [n for n in op.input_names if not op.is_decorated or n in function.parameters]
    resources = set(function.resource_names) if op.is_decorated else set()
    if len(args) > len(names):
        raise InvalidInvocationError(
            f"{op.name!r} is called with {len(args)} inputs but takes {len(names)}: "
            f"{', '.join(names) or 'none'}."
        )
    values = dict(zip(names, args, strict=False))
    for name, value in kwargs.items():
        if name in values:
            raise InvalidInvocationError(f"{op.name!r} is given its input {name!r} twice.")
        if name not in names and name not in resources and not function.has_var_keyword:
            hint = did_you_mean(name, [*names, *resources], noun="It takes")
            raise InvalidInvocationError(f"{op.name!r} takes no {name!r}. {hint}")
        values[name] = value
    for name, definition in op.ins.items():
        if name in names and name not in values and definition.has_default:
            values[name] = definition.default_value
    return values


def _prepared(
    op: OpDefinition[..., Any],
    assets_def: AssetsDefinition | None,
    context: OpExecutionContext | None,
    config: Any,
) -> tuple[OpExecutionContext, dict[str, Any]]:
    """The context of the call, and the config and resources that the function takes."""
    context = context if context is not None else build_op_context()
    given: dict[str, Any] = {}
    function = op.function
    if isinstance(context, DirectContext):
        raw = config if config is not None else context.given_config
        bound = _config(op, raw)
        context.bind(op, assets_def, bound)
        if op.is_decorated and function.config_name:
            given[function.config_name] = bound
    elif op.is_decorated and function.config_name:
        given[function.config_name] = config
    if op.is_decorated:
        for name in function.resource_names:
            if name in context.resources:
                given[name] = getattr(context.resources, name)
    return context, given


def _config(op: OpDefinition[..., Any], raw: Any) -> Any:
    schema = op.config_schema
    if schema is None:
        if raw:
            raise InvalidInvocationError(f"{op.name!r} takes no config but is given {raw!r}.")
        return None
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
    resources = [name for name in missing if name in function.resource_names]
    hint = (
        f"Pass resources by name or in build_op_context(resources={{'{resources[0]}': ...}})."
        if resources
        else "Pass a value for each."
    )
    raise InvalidInvocationError(f"{op.name!r} lacks {', '.join(map(repr, missing))}. {hint}")


