"""The `@asset` decorator: a function that materializes one asset."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

from jobnb.definitions.announce import announce
from jobnb.definitions.arguments import check_shapes, telling_nearest
from jobnb.definitions.assets.asset_function import (
    FunctionAsset,
    asset_op_name,
    kind_words,
    op_tags_of,
    own_key,
    read_upstream,
)
from jobnb.definitions.assets.asset_spec import check_labels, check_owners
from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.assets.condition_type import is_given
from jobnb.definitions.assets.own_past import check_own_past
from jobnb.definitions.checks.asset_check import checks_of
from jobnb.definitions.keys import CoercibleToAssetKey, check_name
from jobnb.definitions.ops.function import Function
from jobnb.definitions.ops.inout import INFER, AssetIn, Out
from jobnb.definitions.ops.op import OpDefinition, look_like
from jobnb.definitions.ops.retry import RetryPolicy
from jobnb.definitions.plain import docstring
from jobnb.definitions.resources.io import check_io_manager
from jobnb.errors import InvalidDefinitionError

if TYPE_CHECKING:
    from jobnb.definitions.checks.asset_check import AssetCheckSpec
    from jobnb.definitions.ops.hook import HookDefinition
    from jobnb.definitions.partitions.partition import PartitionsDefinition


@overload
def asset(compute_fn: Callable[..., Any]) -> AssetsDefinition: ...
@overload
def asset(
    compute_fn: None = None,
    *,
    name: str | None = None,
    key_prefix: str | Sequence[str] | None = None,
    ins: Mapping[str, AssetIn] | None = None,
    deps: Iterable[Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    description: str | None = None,
    config_schema: Any = None,
    required_resource_keys: Iterable[str] | None = None,
    resource_defs: Mapping[str, Any] | None = None,
    io_manager_def: Any = None,
    io_manager_key: str | None = None,
    compute_kind: str | None = None,
    dagster_type: Any = None,
    partitions_def: PartitionsDefinition | None = None,
    op_tags: Mapping[str, Any] | None = None,
    group_name: str | None = None,
    output_required: bool = True,
    freshness_policy: Any = None,
    auto_materialize_policy: Any = None,
    backfill_policy: Any = None,
    retry_policy: RetryPolicy | None = None,
    code_version: str | None = None,
    key: CoercibleToAssetKey | None = None,
    non_argument_deps: Iterable[Any] | None = None,
    tags: Mapping[str, str] | None = None,
    owners: Sequence[str] | None = None,
    kinds: Iterable[str] | None = None,
    hooks: Iterable[HookDefinition] | None = None,
    automation_condition: Any = None,
    check_specs: Sequence[AssetCheckSpec] | None = None,
    pool: str | None = None,
) -> Callable[[Callable[..., Any]], AssetsDefinition]: ...
@telling_nearest
def asset(
    compute_fn: Callable[..., Any] | None = None,
    *,
    name: str | None = None,
    key_prefix: str | Sequence[str] | None = None,
    ins: Mapping[str, AssetIn] | None = None,
    deps: Iterable[Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    description: str | None = None,
    config_schema: Any = None,
    required_resource_keys: Iterable[str] | None = None,
    resource_defs: Mapping[str, Any] | None = None,
    io_manager_def: Any = None,
    io_manager_key: str | None = None,
    compute_kind: str | None = None,
    dagster_type: Any = None,
    partitions_def: PartitionsDefinition | None = None,
    op_tags: Mapping[str, Any] | None = None,
    group_name: str | None = None,
    output_required: bool = True,
    freshness_policy: Any = None,
    auto_materialize_policy: Any = None,
    backfill_policy: Any = None,
    retry_policy: RetryPolicy | None = None,
    code_version: str | None = None,
    key: CoercibleToAssetKey | None = None,
    non_argument_deps: Iterable[Any] | None = None,
    tags: Mapping[str, str] | None = None,
    owners: Sequence[str] | None = None,
    kinds: Iterable[str] | None = None,
    hooks: Iterable[HookDefinition] | None = None,
    automation_condition: Any = None,
    check_specs: Sequence[AssetCheckSpec] | None = None,
    pool: str | None = None,
) -> Any:
    """Define an asset with a function.

    Each parameter of the function is the upstream asset of that name, except a first one called
    `context`, one called `config` that is annotated, and those annotated with a resource.

    Args:
        compute_fn: The function; the decorator also works without parentheses.
        name: The last part of the key; the function's name if not given.
        key_prefix: Parts of the key before the name.
        ins: More about upstream assets, by parameter.
        deps: Assets that must be materialized before, and are not loaded.
        metadata: Metadata shown beside the asset and for its IO manager.
        description: A description; the function's docstring if not given.
        config_schema: The config schema, read from `context.op_config`.
        required_resource_keys: Resources read from `context.resources`.
        resource_defs: Resources by key.
        io_manager_def: The IO manager that stores it.
        io_manager_key: The resource that stores it.
        compute_kind: A short word shown on the asset's card: `pandas`, `plot`, `sql`.
        dagster_type: Its type; from the annotation if not given.
        partitions_def: Its partitions.
        op_tags: Tags of its step.
        group_name: The group it belongs to.
        output_required: Whether the function must return it.
        freshness_policy: How fresh it should be.
        auto_materialize_policy: When it should be materialized automatically.
        backfill_policy: How its partitions are backfilled.
        retry_policy: The retry policy.
        code_version: The version of the code.
        key: The whole key, instead of name and key_prefix.
        non_argument_deps: An older name of `deps`.
        tags: Tags of the asset.
        owners: Owners: e-mail addresses or `team:name`.
        kinds: Short words for its technology or form.
        hooks: Hooks of its step.
        automation_condition: When it should be materialized.
        check_specs: The checks that the function evaluates too: it yields an `AssetCheckResult`
            for each, or returns them with `MaterializeResult(check_results=...)`.
        pool: The pool that its step takes a place in; see `Instance.set_concurrency_limit`.

    Returns:
        An `AssetsDefinition` that replaces the function.

    Example:
        >>> from jobnb import asset, materialize
        >>> @asset
        ... def numbers():
        ...     return [1, 2, 3]
        >>> @asset
        ... def total(numbers):
        ...     return sum(numbers)
        >>> materialize([numbers, total]).asset_value("total")
        6

    Source: Dagster's `@asset`.
    """

    def decorate(fn: Callable[..., Any]) -> AssetsDefinition:
        asset_key = own_key(fn, name, key_prefix, key)
        check_shapes(
            "asset", asset_key, ins=ins, deps=deps, metadata=metadata,
            description=description, resource_defs=resource_defs, io_manager_key=io_manager_key,
            compute_kind=compute_kind, output_required=output_required, group_name=group_name,
            code_version=code_version, non_argument_deps=non_argument_deps, tags=tags,
            owners=owners, kinds=kinds, hooks=hooks, check_specs=check_specs,
        )  # fmt: skip
        check_io_manager(io_manager_def, asset_key)
        op_name = asset_op_name(asset_key)
        function = Function(fn, frame_depth=depth)
        upstream = read_upstream(asset_key, (asset_key,), function, ins, deps, non_argument_deps)
        check_own_past(asset_key, function, upstream.ins, partitions_def)
        resources, io_key = dict(resource_defs or {}), io_manager_key
        if io_manager_def is not None and io_manager_key is not None:
            raise InvalidDefinitionError(
                f"The asset {asset_key.to_user_string()!r} has an io_manager_def and the "
                f"io_manager_key {io_manager_key!r}. Keep one."
            )
        if io_manager_def is not None:
            io_key = f"{op_name}__io_manager"
            resources[io_key] = io_manager_def
        kind = INFER if dagster_type is None else dagster_type
        out = Out(kind, None, output_required, io_key, metadata, code_version)
        node: OpDefinition[..., Any] = OpDefinition(
            function,
            op_name,
            upstream.op_ins,
            {"result": out},
            description or docstring(fn),
            config_schema,
            required_resource_keys,
            op_tags_of(op_tags, compute_kind) if compute_kind else op_tags,
            code_version,
            retry_policy,
            pool=pool,
        )
        words = kind_words(kinds, compute_kind) if kinds or compute_kind else None
        policy, condition = auto_materialize_policy, automation_condition
        group = check_name(group_name, "a group") if group_name else None
        made = FunctionAsset(
            upstream.ins,
            upstream.keys,
            keys_by_output_name={"result": asset_key},
            node_def=node,
            partitions_def=partitions_def,
            partition_mappings=upstream.partition_mappings,
            resource_defs=resources,
            group_names_by_key=group and {asset_key: group},
            metadata_by_key={asset_key: dict(metadata)} if metadata else None,
            freshness_policies_by_key={asset_key: freshness_policy} if freshness_policy else None,
            auto_materialize_policies_by_key={asset_key: policy} if policy else None,
            backfill_policy=backfill_policy,
            tags_by_key={asset_key: check_labels(tags, asset_key)} if tags else None,
            owners_by_key={asset_key: check_owners(owners, asset_key)} if owners else None,
            kinds_by_key={asset_key: words} if words else None,
            automation_conditions_by_key={asset_key: condition} if is_given(condition) else None,
            hook_defs=hooks,
            check_specs_by_output_name=checks_of(op_name, check_specs, (asset_key,)),
        )
        look_like(made, fn)
        announce(made, fn.__module__)
        return made

    if compute_fn is not None:
        depth = 4  # that of the caller of what is decorated here
        return decorate(compute_fn)
    depth = 2
    return decorate
