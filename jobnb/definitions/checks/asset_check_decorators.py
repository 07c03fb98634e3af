"""`@asset_check` and `@multi_asset_check`: functions that check assets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jobnb.definitions.announce import announce
from jobnb.definitions.arguments import check_shapes, telling_nearest
from jobnb.definitions.checks.asset_check import AssetCheckSpec, see_distinct
from jobnb.definitions.checks.asset_checks_definition import AssetChecksDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.ops.function import Function
from jobnb.definitions.ops.inout import AssetIn, In, Out
from jobnb.definitions.ops.op import OpDefinition, look_like
from jobnb.definitions.ops.retry import RetryPolicy
from jobnb.definitions.plain import docstring
from jobnb.errors import InvalidDefinitionError

if TYPE_CHECKING:
    from jobnb.definitions.partitions.partition import PartitionsDefinition


Decorator = Callable[[Callable[..., Any]], AssetChecksDefinition]


@telling_nearest
def asset_check(
    *,
    asset: Any,
    name: str | None = None,
    description: str | None = None,
    blocking: bool = False,
    additional_ins: Mapping[str, AssetIn] | None = None,
    additional_deps: Iterable[Any] | None = None,
    required_resource_keys: Iterable[str] | None = None,
    resource_defs: Mapping[str, Any] | None = None,
    config_schema: Any = None,
    compute_kind: str | None = None,
    op_tags: Mapping[str, Any] | None = None,
    retry_policy: RetryPolicy | None = None,
    metadata: Mapping[str, Any] | None = None,
    automation_condition: Any = None,
    partitions_def: PartitionsDefinition | None = None,
) -> Decorator:
    """Define a check of an asset with a function.

    The function takes the asset's value as its one parameter, under any name; without a
    parameter the value is not loaded. It may also take a context, config and resources, and
    other assets named in `additional_ins`. It returns an `AssetCheckResult`, or True or False.

    Args:
        asset: The asset that is checked: a key, a string or a definition.
        name: The check's name; the function's if not given.
        description: The condition, in words; the function's docstring if not given.
        blocking: Whether downstream assets in the same run wait for the check, and are
            skipped if it fails as an error.
        additional_ins: Other assets that are loaded, by parameter.
        additional_deps: Other assets that must be materialized before, and are not loaded.
        required_resource_keys: Resources read from `context.resources`.
        resource_defs: Resources by key.
        config_schema: The config schema, read from `context.op_config`.
        compute_kind: A short word shown beside it.
        op_tags: Tags of its step.
        retry_policy: The retry policy.
        metadata: Metadata shown beside the check.
        automation_condition: When it should be evaluated.
        partitions_def: The partitions that it checks; those of the asset if not given.

    Returns:
        An `AssetChecksDefinition` that replaces the function.

    Raises:
        InvalidDefinitionError: If it takes assets that it does not name.

    Example:
        >>> from jobnb import asset, asset_check, materialize
        >>> @asset
        ... def orders():
        ...     return [3, None]
        >>> @asset_check(asset=orders)
        ... def no_nulls(orders):
        ...     return None not in orders
        >>> result = materialize([orders, no_nulls])
        >>> [each.passed for each in result.get_asset_check_evaluations()]
        [False]

    Source: Dagster's `@asset_check`.
    """

    def decorate(fn: Callable[..., Any]) -> AssetChecksDefinition:
        check_shapes("check", name or fn.__name__, description=description, metadata=metadata,
                     blocking=blocking, additional_ins=additional_ins)  # fmt: skip
        spec = AssetCheckSpec(
            name or fn.__name__,
            asset,
            description or docstring(fn),
            additional_deps,
            blocking,
            metadata,
            automation_condition,
            partitions_def,
        )
        function = Function(fn, frame_depth=2)
        ins = _inputs(spec, function, additional_ins or {})
        definition = AssetChecksDefinition(
            node_def=OpDefinition(
                function,
                spec.get_python_identifier(),
                {key: each for key, (each, _) in ins.items()},
                {spec.get_python_identifier(): Out(None, is_required=False)},
                spec.description,
                config_schema,
                required_resource_keys,
                {**(op_tags or {}), **({"kind": compute_kind} if compute_kind else {})},
                None,
                retry_policy,
            ),
            specs=[spec],
            keys_by_input_name={key: asset_key for key, (_, asset_key) in ins.items()},
            resource_defs=resource_defs,
            partition_mappings=_mappings(additional_ins or {}),
        )
        look_like(definition, fn)
        announce(definition, fn.__module__)
        return definition

    return decorate


@telling_nearest
def multi_asset_check(
    *,
    specs: Sequence[AssetCheckSpec],
    name: str | None = None,
    description: str | None = None,
    can_subset: bool = False,
    compute_kind: str | None = None,
    op_tags: Mapping[str, Any] | None = None,
    resource_defs: Mapping[str, Any] | None = None,
    required_resource_keys: Iterable[str] | None = None,
    retry_policy: RetryPolicy | None = None,
    config_schema: Any = None,
    ins: Mapping[str, AssetIn] | None = None,
) -> Decorator:
    """Define several checks, of one asset or of several, with a function.

    The function yields (or returns a list of) `AssetCheckResult` objects that name their check,
    and their asset where it checks several.

    Args:
        specs: The checks.
        name: The name of its step; the function's if not given.
        description: A description; the function's docstring if not given.
        can_subset: Whether it can be subset; the selected checks are in
            `context.selected_asset_check_keys`.
        compute_kind: A short word shown beside it.
        op_tags: Tags of its step.
        resource_defs: Resources by key.
        required_resource_keys: Resources read from `context.resources`.
        retry_policy: The retry policy.
        config_schema: The config schema.
        ins: The assets that are loaded, by parameter; a parameter without one is the checked asset
            of its name.

    Returns:
        An `AssetChecksDefinition` that replaces the function.

    Raises:
        InvalidDefinitionError: If there is no check, or two of one name.

    Source: Dagster's `@multi_asset_check`.
    """
    specs = list(specs)

    def decorate(fn: Callable[..., Any]) -> AssetChecksDefinition:
        op_name = name or fn.__name__
        see_distinct(op_name, specs)
        function = Function(fn, frame_depth=2)
        made = _several_inputs(op_name, specs, function, ins or {})
        definition = AssetChecksDefinition(
            node_def=OpDefinition(
                function,
                op_name,
                {key: each for key, (each, _) in made.items()},
                {each.get_python_identifier(): Out(None, is_required=False) for each in specs},
                description or docstring(fn),
                config_schema,
                required_resource_keys,
                {**(op_tags or {}), **({"kind": compute_kind} if compute_kind else {})},
                None,
                retry_policy,
            ),
            specs=specs,
            keys_by_input_name={key: asset_key for key, (_, asset_key) in made.items()},
            resource_defs=resource_defs,
            partition_mappings=_mappings(ins or {}),
            can_subset=can_subset,
        )
        look_like(definition, fn)
        announce(definition, fn.__module__)
        return definition

    return decorate


Inputs = dict[str, tuple[In, AssetKey]]


def _inputs(spec: AssetCheckSpec, function: Function, additional: Mapping[str, AssetIn]) -> Inputs:
    """Return the asset of each input of the op."""
    free = [each for each in function.input_names if each not in additional]
    if len(free) > 1:
        raise InvalidDefinitionError(
            f"The check {spec.name!r} takes {', '.join(free)}, but only one can be the asset that "
            f"it checks. Name the others: additional_ins={{{free[1]!r}: AssetIn({free[1]!r})}}."
        )
    made: Inputs = {each: (In(), spec.asset_key) for each in free}
    made |= _named(additional)
    waited = [] if free else [spec.asset_key]
    return made | _only_ordering([*waited, *(spec.additional_deps or ())], made)


def _several_inputs(
    name: str, specs: Sequence[AssetCheckSpec], function: Function, ins: Mapping[str, AssetIn]
) -> Inputs:
    by_name = {each.asset_key.path[-1]: each.asset_key for each in specs}
    unknown = [each for each in function.input_names if each not in ins and each not in by_name]
    if unknown:
        raise InvalidDefinitionError(
            f"{name!r} takes {unknown[0]!r}, which is none of the assets that it checks: "
            f"{', '.join(sorted(by_name))}. Name it: ins={{{unknown[0]!r}: AssetIn(...)}}."
        )
    made = _named(ins)
    made |= {each: (In(), by_name[each]) for each in function.input_names if each not in ins}
    deps = [key for each in specs for key in (each.asset_key, *(each.additional_deps or ()))]
    return made | _only_ordering(deps, made)


def _mappings(ins: Mapping[str, AssetIn]) -> dict[AssetKey, Any]:
    """Return the partition mappings of the `AssetIn`s."""
    given = {each.key_for(name): each.partition_mapping for name, each in ins.items()}
    return {key: mapping for key, mapping in given.items() if mapping is not None}


def _named(ins: Mapping[str, AssetIn]) -> Inputs:
    return {name: (each.to_in(), each.key_for(name)) for name, each in ins.items()}


def _only_ordering(keys: Iterable[AssetKey], made: Inputs) -> Inputs:
    """Return inputs that wait for assets without loading them."""
    from jobnb.definitions.types import Nothing

    loaded = {key for _, key in made.values()}
    return {
        key.to_python_identifier("made"): (In(Nothing), key)
        for key in dict.fromkeys(keys)
        if key not in loaded
    }
