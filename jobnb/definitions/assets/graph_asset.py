"""`@graph_asset` and `@graph_multi_asset`: assets of a graph of several ops."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

from jobnb.definitions.announce import announce
from jobnb.definitions.arguments import check_shapes, telling_nearest
from jobnb.definitions.assets.asset_function import asset_op_name, own_key
from jobnb.definitions.assets.asset_outs import SeveralAssets
from jobnb.definitions.assets.asset_spec import check_labels, check_owners
from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.assets.condition_type import is_given
from jobnb.definitions.checks.asset_check import checks_of, see_free
from jobnb.definitions.keys import AssetKey, CoercibleToAssetKey, check_name
from jobnb.definitions.ops.dependency import GraphIn, GraphOut
from jobnb.definitions.ops.graph import read_graph
from jobnb.definitions.ops.graph_definition import GraphDefinition
from jobnb.definitions.ops.inout import AssetIn, AssetOut
from jobnb.errors import InvalidDefinitionError

if TYPE_CHECKING:
    from jobnb.definitions.checks.asset_check import AssetCheckSpec
    from jobnb.definitions.ops.hook import HookDefinition
    from jobnb.definitions.partitions.partition import PartitionsDefinition


@overload
def graph_asset(compose_fn: Callable[..., Any]) -> AssetsDefinition: ...
@overload
def graph_asset(
    compose_fn: None = None,
    *,
    name: str | None = None,
    description: str | None = None,
    ins: Mapping[str, AssetIn] | None = None,
    config: Any = None,
    key_prefix: str | Sequence[str] | None = None,
    group_name: str | None = None,
    partitions_def: PartitionsDefinition | None = None,
    metadata: Mapping[str, Any] | None = None,
    freshness_policy: Any = None,
    auto_materialize_policy: Any = None,
    backfill_policy: Any = None,
    resource_defs: Mapping[str, Any] | None = None,
    hooks: Iterable[HookDefinition] | None = None,
    tags: Mapping[str, str] | None = None,
    owners: Sequence[str] | None = None,
    automation_condition: Any = None,
    code_version: str | None = None,
    key: CoercibleToAssetKey | None = None,
    kinds: Iterable[str] | None = None,
    check_specs: Sequence[AssetCheckSpec] | None = None,
) -> Callable[[Callable[..., Any]], AssetsDefinition]: ...
@telling_nearest
def graph_asset(
    compose_fn: Callable[..., Any] | None = None,
    *,
    name: str | None = None,
    description: str | None = None,
    ins: Mapping[str, AssetIn] | None = None,
    config: Any = None,
    key_prefix: str | Sequence[str] | None = None,
    group_name: str | None = None,
    partitions_def: PartitionsDefinition | None = None,
    metadata: Mapping[str, Any] | None = None,
    freshness_policy: Any = None,
    auto_materialize_policy: Any = None,
    backfill_policy: Any = None,
    resource_defs: Mapping[str, Any] | None = None,
    hooks: Iterable[HookDefinition] | None = None,
    tags: Mapping[str, str] | None = None,
    owners: Sequence[str] | None = None,
    automation_condition: Any = None,
    code_version: str | None = None,
    key: CoercibleToAssetKey | None = None,
    kinds: Iterable[str] | None = None,
    check_specs: Sequence[AssetCheckSpec] | None = None,
) -> Any:
    """Define an asset with a function that composes ops, as a `@graph` does.

    Args:
        compose_fn: The function; its parameters are upstream assets.
        name: The last part of the key; the function's name if not given.
        description: A description; the function's docstring if not given.
        ins: More about upstream assets, by parameter.
        config: A `ConfigMapping`, or a dict of config for the nodes.
        key_prefix: Parts of the key before the name.
        group_name: The group it belongs to.
        partitions_def: Its partitions.
        metadata: Metadata shown beside the asset.
        freshness_policy: How fresh it should be.
        auto_materialize_policy: When it should be materialized automatically.
        backfill_policy: How its partitions are backfilled.
        resource_defs: Resources by key.
        hooks: Hooks of its steps.
        tags: Tags of the asset.
        owners: Owners: e-mail addresses or `team:name`.
        automation_condition: When it should be materialized.
        code_version: The version of the code.
        key: The whole key, instead of name and key_prefix.
        kinds: Short words for its technology or form.
        check_specs: The checks that ops of the graph evaluate; see below.

    With `check_specs` the function returns a dict: the output of the asset as `"result"`, and of
    each check the output of the op that returns its `AssetCheckResult`, as `"<asset>_<check>"`.

    Returns:
        An `AssetsDefinition` that replaces the function.

    Raises:
        InvalidDefinitionError: If the function returns no output of an op, or leaves out an input.

    Example:
        >>> from jobnb import graph_asset, materialize, op
        >>> @op
        ... def fetch():
        ...     return [1, 2]
        >>> @op
        ... def total(numbers):
        ...     return sum(numbers)
        >>> @graph_asset
        ... def revenue():
        ...     return total(fetch())
        >>> materialize([revenue]).asset_value("revenue")
        3

        >>> from jobnb import AssetCheckResult, AssetCheckSpec
        >>> @op
        ... def look(number):
        ...     return AssetCheckResult(passed=number > 0)
        >>> @graph_asset(check_specs=[AssetCheckSpec("positive", asset="profit")])
        ... def profit():
        ...     made = total(fetch())
        ...     return {"result": made, "profit_positive": look(made)}
        >>> [each.passed for each in materialize([profit]).get_asset_check_evaluations()]
        [True]

    Source: Dagster's `@graph_asset`.
    """

    def decorate(fn: Callable[..., Any]) -> AssetsDefinition:
        asset_key = own_key(fn, name, key_prefix, key)
        what = f"The asset {asset_key.to_user_string()!r}"
        check_shapes(
            "asset", asset_key, description=description, ins=ins,
            metadata=metadata, resource_defs=resource_defs, tags=tags, owners=owners, kinds=kinds,
            hooks=hooks, check_specs=check_specs, group_name=group_name,
        )  # fmt: skip
        checks = checks_of(asset_op_name(asset_key), check_specs, (asset_key,))
        out = {each: GraphOut() for each in ("result", *checks)} if checks else None
        graph = _composed(asset_op_name(asset_key), fn, ins, out, description, config)
        if not checks and graph.output_names != ("result",):
            raise InvalidDefinitionError(
                f"{what} returns {', '.join(graph.output_names) or 'nothing'}. Return the output "
                "of one op, or use @graph_multi_asset for several assets."
            )
        said: dict[str, Any] = {
            "group_names_by_key": check_name(group_name, "a group") if group_name else None,
            "metadata_by_key": dict(metadata or {}),
            "freshness_policies_by_key": freshness_policy,
            "auto_materialize_policies_by_key": auto_materialize_policy,
            "automation_conditions_by_key": automation_condition,
            "tags_by_key": check_labels(tags, asset_key),
            "owners_by_key": check_owners(owners, asset_key),
            "kinds_by_key": frozenset(kinds or ()),
            "code_versions_by_key": code_version,
        }
        return _announced(
            fn,
            graph,
            ins,
            {"result": asset_key},
            check_specs_by_output_name=checks,
            partitions_def=partitions_def,
            backfill_policy=backfill_policy,
            resource_defs=resource_defs,
            hook_defs=hooks,
            **{
                parameter: {asset_key: value}
                for parameter, value in said.items()
                if is_given(value)
            },
        )

    return decorate(compose_fn) if compose_fn is not None else decorate


@telling_nearest
def graph_multi_asset(
    *,
    outs: Mapping[str, AssetOut],
    name: str | None = None,
    ins: Mapping[str, AssetIn] | None = None,
    partitions_def: PartitionsDefinition | None = None,
    backfill_policy: Any = None,
    group_name: str | None = None,
    can_subset: bool = False,
    resource_defs: Mapping[str, Any] | None = None,
    hooks: Iterable[HookDefinition] | None = None,
    config: Any = None,
    check_specs: Sequence[AssetCheckSpec] | None = None,
) -> Callable[[Callable[..., Any]], AssetsDefinition]:
    """Define several assets with a function that composes ops, as a `@graph` does.

    Args:
        outs: The assets, by output name.
        name: The name of the graph; the function's name if not given.
        ins: More about upstream assets, by parameter.
        partitions_def: The partitions of the assets.
        backfill_policy: How partitions are backfilled.
        group_name: The group of all of them.
        can_subset: Whether it can be subset: only the ops that they need run.
        resource_defs: Resources by key.
        hooks: Hooks of the steps.
        config: A `ConfigMapping`, or a dict of config for the nodes.
        check_specs: The checks that ops of the graph evaluate: the function returns the output of
            each as `"<asset>_<check>"`, beside those of the assets.

    Returns:
        A decorator that returns an `AssetsDefinition`.

    Raises:
        InvalidDefinitionError: If what the function returns is not what `outs` names.

    Example:
        >>> from jobnb import AssetOut, graph_multi_asset, materialize, op
        >>> @op
        ... def one():
        ...     return 1
        >>> @op
        ... def ten_times(number):
        ...     return number * 10
        >>> @graph_multi_asset(outs={"small": AssetOut(), "large": AssetOut()})
        ... def numbers():
        ...     small = one()
        ...     return {"small": small, "large": ten_times(small)}
        >>> materialize([numbers]).asset_value("large")
        10

    Source: Dagster's `@graph_multi_asset`.
    """

    def decorate(fn: Callable[..., Any]) -> AssetsDefinition:
        own_name = name or fn.__name__
        assets = SeveralAssets.of_outs(own_name, outs, group_name)
        checks = checks_of(own_name, check_specs, assets.keys.values())
        see_free(own_name, checks, outs)
        out = {each: GraphOut(outs[each].description) for each in outs}
        out |= {each: GraphOut(spec.description) for each, spec in checks.items()}
        versions = {assets.keys[key]: o.code_version for key, o in outs.items() if o.code_version}
        policies = assets.backfill_policies
        return _announced(
            fn,
            _composed(own_name, fn, ins, out, None, config),
            ins,
            assets.keys,
            check_specs_by_output_name=checks,
            partitions_def=partitions_def,
            backfill_policy=backfill_policy or (policies[0] if policies else None),
            can_subset=can_subset,
            resource_defs=resource_defs,
            hook_defs=hooks,
            code_versions_by_key=versions,
            **assets.said,
        )

    return decorate


def _composed(
    name: str,
    fn: Callable[..., Any],
    ins: Mapping[str, AssetIn] | None,
    out: Mapping[str, GraphOut] | None,
    description: str | None,
    config: Any,
) -> GraphDefinition:
    """Compose the graph and check that all its inputs are used."""
    graph_ins = {each: GraphIn() for each in ins or {}}
    return read_graph(fn, name, description, graph_ins, out, None, config)


def _announced(
    fn: Callable[..., Any],
    graph: GraphDefinition,
    ins: Mapping[str, AssetIn] | None,
    keys: Mapping[str, AssetKey],
    **rest: Any,
) -> AssetsDefinition:
    given = ins or {}
    inputs = {
        each: given[each].key_for(each) if each in given else AssetKey(each)
        for each in graph.input_names
    }
    made = AssetsDefinition(
        keys_by_input_name=inputs,
        keys_by_output_name=keys,
        node_def=graph,
        partition_mappings={
            inputs[each]: said.partition_mapping
            for each, said in given.items()
            if said.partition_mapping is not None
        },
        **rest,
    )
    made.__doc__ = fn.__doc__
    announce(made, fn.__module__)
    return made
