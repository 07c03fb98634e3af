"""The `@multi_asset` decorator: a function that materializes several assets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jobnb.definitions.announce import announce
from jobnb.definitions.arguments import check_shapes, telling_nearest
from jobnb.definitions.assets.asset_function import (
    FunctionAsset,
    Upstream,
    op_tags_of,
    read_upstream,
)
from jobnb.definitions.assets.asset_outs import SeveralAssets, internal_deps
from jobnb.definitions.assets.asset_spec import AssetDep, AssetSpec, listed
from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.checks.asset_check import checks_of
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.lazy import lazy
from jobnb.definitions.ops.function import Function
from jobnb.definitions.ops.inout import AssetIn, AssetOut
from jobnb.definitions.ops.op import OpDefinition, look_like
from jobnb.definitions.ops.retry import RetryPolicy
from jobnb.definitions.plain import docstring
from jobnb.errors import InvalidDefinitionError

if TYPE_CHECKING:
    from jobnb.definitions.checks.asset_check import AssetCheckSpec
    from jobnb.definitions.ops.hook import HookDefinition
    from jobnb.definitions.partitions.partition import PartitionsDefinition


class SpecifiedAssets(FunctionAsset):
    """Assets of a function, each with its own deps."""

    def __init__(self, deps_by_key: Mapping[AssetKey, set[AssetKey]], **rest: Any) -> None:
        super().__init__(**rest)
        self._said_deps = deps_by_key

    @lazy
    def asset_deps(self) -> Mapping[AssetKey, set[AssetKey]]:
        """The upstream of each asset, from its spec and the function's parameters."""
        named = set().union(*self._said_deps.values())
        taken = set(self.keys_by_input_name.values()) - named
        return {key: deps | taken for key, deps in self._said_deps.items()}

    def with_changes(self, **parameters: Any) -> AssetsDefinition:
        """Return a copy with some parameters changed."""
        return super().with_changes(**{"asset_deps": self.asset_deps, **parameters})


@telling_nearest
def multi_asset(
    *,
    outs: Mapping[str, AssetOut] | None = None,
    name: str | None = None,
    ins: Mapping[str, AssetIn] | None = None,
    deps: Iterable[Any] | None = None,
    description: str | None = None,
    config_schema: Any = None,
    required_resource_keys: Iterable[str] | None = None,
    compute_kind: str | None = None,
    internal_asset_deps: Mapping[str, set[AssetKey]] | None = None,
    partitions_def: PartitionsDefinition | None = None,
    backfill_policy: Any = None,
    op_tags: Mapping[str, Any] | None = None,
    can_subset: bool = False,
    resource_defs: Mapping[str, Any] | None = None,
    group_name: str | None = None,
    retry_policy: RetryPolicy | None = None,
    code_version: str | None = None,
    non_argument_deps: Iterable[Any] | None = None,
    specs: Sequence[AssetSpec] | None = None,
    hooks: Iterable[HookDefinition] | None = None,
    check_specs: Sequence[AssetCheckSpec] | None = None,
    pool: str | None = None,
) -> Callable[[Callable[..., Any]], AssetsDefinition]:
    """Define several assets with one function.

    Its parameters are read as those of an `@asset`. It returns one value for each output, in
    order, or yields `Output(value, output_name)`. With `specs` it stores the values itself, and
    returns nothing or yields `MaterializeResult(asset_key=...)`.

    Args:
        outs: The assets, by output name.
        name: The name of the op; the function's name if not given.
        ins: More about upstream assets, by parameter.
        deps: Assets that must be materialized before, and are not loaded.
        description: A description; the function's docstring if not given.
        config_schema: The config schema, read from `context.op_config`.
        required_resource_keys: Resources read from `context.resources`.
        compute_kind: A short word shown on the cards: `pandas`, `plot`, `sql`.
        internal_asset_deps: The upstream assets of each output; all of them if not given.
        partitions_def: The partitions of the assets.
        backfill_policy: How partitions are backfilled.
        op_tags: Tags of the step.
        can_subset: Whether it can be subset: it reads `context.selected_output_names` or
            `context.selected_asset_keys`, and skips the others.
        resource_defs: Resources by key.
        group_name: The group of all of them.
        retry_policy: The retry policy.
        code_version: The version of the code.
        non_argument_deps: An older name of `deps`.
        specs: The assets, instead of `outs`.
        hooks: Hooks of the step.
        check_specs: The checks that the function evaluates too: it yields an `AssetCheckResult`
            for each.
        pool: The pool that the step takes a place in; see `Instance.set_concurrency_limit`.

    Returns:
        A decorator that returns an `AssetsDefinition`.

    Raises:
        InvalidDefinitionError: If outs, specs and deps do not fit together; lists all of them.

    Example:
        >>> from jobnb import AssetOut, materialize, multi_asset
        >>> @multi_asset(outs={"low": AssetOut(), "high": AssetOut()})
        ... def bounds():
        ...     return 1, 9
        >>> materialize([bounds]).asset_value("high")
        9

    Source: Dagster's `@multi_asset`.
    """

    def decorate(fn: Callable[..., Any]) -> AssetsDefinition:
        op_name = name or fn.__name__
        check_shapes(
            "multi-asset", op_name, outs=outs, ins=ins, deps=deps, description=description,
            internal_asset_deps=internal_asset_deps, can_subset=can_subset,
            resource_defs=resource_defs, compute_kind=compute_kind, group_name=group_name,
            non_argument_deps=non_argument_deps,
        )  # fmt: skip
        function = Function(fn, frame_depth=2)
        assets = _several(op_name, outs, specs, group_name, code_version, internal_asset_deps)
        older = non_argument_deps
        if specs is not None:
            older = [*listed(older), *_outside_deps(op_name, specs, deps)]
        upstream = read_upstream(op_name, assets.keys.values(), function, ins, deps, older)
        node: OpDefinition[..., Any] = OpDefinition(
            function,
            op_name,
            upstream.op_ins,
            assets.outs,
            description or docstring(fn),
            config_schema,
            required_resource_keys,
            op_tags_of(op_tags, compute_kind),
            code_version,
            retry_policy,
            pool=pool,
        )
        made = _defined(
            assets,
            upstream,
            specs,
            internal_deps(op_name, assets.keys, _takes(function, upstream), internal_asset_deps),
            node_def=node,
            partitions_def=partitions_def or _partitions(op_name, specs),
            resource_defs=resource_defs,
            backfill_policy=_one_policy(op_name, backfill_policy, assets),
            can_subset=can_subset,
            hook_defs=hooks,
            check_specs_by_output_name=checks_of(op_name, check_specs, assets.keys.values()),
            **_with_kind(assets, compute_kind),
        )
        look_like(made, fn)
        announce(made, fn.__module__)
        return made

    return decorate


def _several(
    op_name: str,
    outs: Mapping[str, AssetOut] | None,
    specs: Sequence[AssetSpec] | None,
    group_name: str | None,
    code_version: str | None,
    internal_asset_deps: Mapping[str, set[AssetKey]] | None,
) -> SeveralAssets:
    if (outs is None) == (specs is None):
        raise InvalidDefinitionError(
            f"The assets of {op_name!r} are given as outs or as specs: one of them, not "
            f"{'none' if outs is None else 'both'}."
        )
    if specs is None:
        return SeveralAssets.of_outs(op_name, outs or {}, group_name)
    if internal_asset_deps is not None:
        raise InvalidDefinitionError(
            f"{op_name!r} has specs and internal_asset_deps. Name what an asset is made from in "
            "AssetSpec(deps=...)."
        )
    return SeveralAssets.of_specs(op_name, specs, group_name, code_version)


def _outside_deps(
    op_name: str, specs: Sequence[AssetSpec], deps: Iterable[Any] | None
) -> list[AssetDep]:
    """Return the deps of the specs that the function does not materialize itself."""
    if deps is not None:
        raise InvalidDefinitionError(
            f"{op_name!r} has specs and deps. Name what an asset is made from in "
            "AssetSpec(deps=...)."
        )
    own = {spec.key for spec in specs}
    outside = (dep for spec in specs for dep in spec.deps)
    return list({dep.asset_key: dep for dep in outside if dep.asset_key not in own}.values())


def _takes(function: Function, upstream: Upstream) -> set[AssetKey]:
    """Return all keys that inputs may mean; annotations are not evaluated yet."""
    named = {name for name in function.parameters if name != "context" and name not in upstream.ins}
    taken = {each.key_for(name) for name, each in upstream.ins.items()}
    return {*taken, *upstream.keys.values(), *map(AssetKey, named)}


def _defined(
    assets: SeveralAssets,
    upstream: Upstream,
    specs: Sequence[AssetSpec] | None,
    deps_by_key: Mapping[AssetKey, set[AssetKey]] | None,
    **rest: Any,
) -> AssetsDefinition:
    parts: dict[str, Any] = {
        "ins": upstream.ins,
        "deps": upstream.keys,
        "keys_by_output_name": assets.keys,
        "partition_mappings": upstream.partition_mappings,
        **rest,
    }
    if specs is None:
        return FunctionAsset(asset_deps=deps_by_key, **parts)
    said = {spec.key: {dep.asset_key for dep in spec.deps} for spec in specs}
    return SpecifiedAssets(said, **parts)


def _partitions(op_name: str, specs: Sequence[AssetSpec] | None) -> PartitionsDefinition | None:
    """Return the partitions that the specs agree on."""
    found = [spec.partitions_def for spec in specs or ()]
    if any(each != found[0] for each in found):
        raise InvalidDefinitionError(
            f"The specs of {op_name!r} have different partitions. Give all of them the same."
        )
    return found[0] if found else None


def _one_policy(op_name: str, policy: Any, assets: SeveralAssets) -> Any:
    policies = assets.backfill_policies
    if policy is None and len(policies) > 1:
        raise InvalidDefinitionError(
            f"The outs of {op_name!r} have different backfill policies, but run together. Give "
            "all of them the same, or @multi_asset(backfill_policy=...)."
        )
    return policy if policy is not None or not policies else policies[0]


def _with_kind(assets: SeveralAssets, compute_kind: str | None) -> dict[str, Any]:
    said: dict[str, Any] = dict(assets.said)
    if compute_kind:
        kinds = said.get("kinds_by_key", {})
        said["kinds_by_key"] = {
            key: kinds.get(key) or frozenset((compute_kind,)) for key in assets.keys.values()
        }
    return said
