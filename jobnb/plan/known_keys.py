"""What a parameter's bare name means among the assets that there are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.assets.source_asset import SourceAsset
from jobnb.definitions.checks.asset_check import AssetCheckKey
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.locations.definitions import Definitions
from jobnb.definitions.selections.selection import AssetSelection, StatusOf
from jobnb.plan.graphs import AssetGraph
from jobnb.plan.selecting import resolve_all


def with_known_keys(
    assets: Iterable[AssetsDefinition], sources: Iterable[SourceAsset]
) -> list[AssetsDefinition]:
    """The assets, where a parameter's bare name may mean a key of the same prefix or group.

    `orders` taken by `warehouse/revenue` is `orders` if there is one, else `warehouse/orders`,
    else the one asset of that name in the same group.
    """
    assets = list(assets)
    known = {key for each in assets for key in each.keys} | {each.key for each in sources}
    by_group: dict[tuple[str, str], list[AssetKey]] | None = None
    result = []
    for each in assets:
        upstream = each.keys_by_input_name
        changes: dict[str, AssetKey] = {}
        for name, key in upstream.items():
            if key in known or len(key.path) > 1:
                continue
            own = each.ordered_keys[0]
            beside = AssetKey([*own.path[:-1], *key.path])
            if beside in known:
                changes[name] = beside
                continue
            by_group = _by_group(assets) if by_group is None else by_group
            same = by_group.get((each.group_names_by_key[own], key.path[-1]), [])
            if len(same) == 1:
                changes[name] = same[0]
        result.append(_renamed(each, changes) if changes else each)
    return result


def resolve_among(
    definitions: Definitions, selection: Any, status_of: StatusOf | None = None
) -> tuple[set[AssetKey], set[AssetCheckKey]]:
    """Resolve the keys of the assets and of the checks of definitions that a selection names."""
    assets = with_known_keys(definitions.assets, definitions.source_assets)
    graph = AssetGraph([*assets, *definitions.source_assets, *definitions.asset_checks])
    return resolve_all(AssetSelection.from_coercible(selection), graph, status_of)


def _renamed(assets: AssetsDefinition, changes: dict[str, AssetKey]) -> AssetsDefinition:
    """The same, where some inputs are other assets."""
    upstream = assets.keys_by_input_name
    moved = {upstream[name]: key for name, key in changes.items()}
    return assets.with_changes(
        keys_by_input_name={**upstream, **changes},
        asset_deps=None,
        partition_mappings={moved.get(k, k): m for k, m in assets.partition_mappings.items()},
    )


def _by_group(assets: Iterable[AssetsDefinition]) -> dict[tuple[str, str], list[AssetKey]]:
    found: dict[tuple[str, str], list[AssetKey]] = defaultdict(list)
    for each in assets:
        for key, group in each.group_names_by_key.items():
            found[group, key.path[-1]].append(key)
    return found
