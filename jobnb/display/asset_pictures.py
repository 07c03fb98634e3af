"""Pictures of assets: each asset a card, frames around groups, missing upstreams dashed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.assets.source_asset import SourceAsset
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.ops.graph_definition import GraphDefinition
from jobnb.definitions.ops.inout import DEFAULT_GROUP
from jobnb.definitions.ops.op import OpDefinition
from jobnb.display.picture import Card, Edge, Mark, Picture, output_type
from jobnb.display.text import shorten
from jobnb.markdown import plain

_KIND_TAGS = ("kind", "dagster/compute_kind")
_LONG_TOOLTIP = 1200


def asset_picture(
    assets: Iterable[AssetsDefinition],
    sources: Iterable[SourceAsset] = (),
    *,
    title: str,
    only: Collection[AssetKey] | None = None,
    marks: Mapping[str, Mark] | None = None,
    description: str = "",
) -> Picture:
    """Return the picture of assets; cards are named by their keys as people write them.

    Args:
        assets: The assets that can be materialized.
        sources: The source assets.
        title: The title of the picture.
        only: The assets to draw, with what they need directly; all if absent.
        marks: The state of each.
        description: In words.
    """
    made = {key: each for each in assets for key in each.keys}
    loaded = {each.key: each for each in sources}
    shown = [key for key in made if only is None or key in only]
    upstream = {key: sorted(made[key].asset_deps.get(key, ())) for key in shown}
    around = dict.fromkeys(dep for deps in upstream.values() for dep in deps if dep not in upstream)
    around |= dict.fromkeys(key for key in loaded if only is None or key in only)
    cards = [asset_card(key, made[key]) for key in shown]
    cards += [_outside_card(key, made, loaded) for key in around]
    edges = [_edge(made[key], dep, key, made, loaded) for key in shown for dep in upstream[key]]
    edges += _outside_edges([loaded[key] for key in around if key in loaded], upstream, around)
    return Picture(title, tuple(cards), tuple(edges), (), dict(marks or {}), description)


def asset_card(key: AssetKey, definition: AssetsDefinition) -> Card:
    """Return the card of one asset."""
    group = definition.group_names_by_key.get(key, DEFAULT_GROUP)
    return Card(
        key=key.to_user_string(),
        title=key.to_user_string(),
        kind=asset_kind(key, definition),
        subtitle=asset_type(key, definition),
        shape="asset",
        group=() if group == DEFAULT_GROUP else (group,),
        tooltip=_tooltip(key, definition),
    )


def made_with(key: AssetKey, definition: AssetsDefinition) -> list[str]:
    """Return the names of the other assets of the same function or graph."""
    others = set(definition.keys_by_output_name.values()) - {key}
    return sorted(each.to_user_string() for each in others)


def _tooltip(key: AssetKey, definition: AssetsDefinition) -> str:
    words = plain(definition.descriptions_by_key.get(key, ""))[:_LONG_TOOLTIP]
    others = made_with(key, definition)
    if not others:
        return words
    together = shorten(f"Made together with {', '.join(others)}.", 200)
    return f"{words}\n{together}".lstrip()


def asset_kind(key: AssetKey, definition: AssetsDefinition) -> str:
    """Return a short word for an asset's technology: its kinds, else a tag of its op."""
    kinds = definition.kinds_by_key.get(key)
    if kinds:
        return ", ".join(sorted(kinds))
    node = definition.node_def
    found = next((node.tags[name] for name in _KIND_TAGS if name in node.tags), "")
    return found or ("graph" if isinstance(node, GraphDefinition) else "")


def source_kind(source: SourceAsset) -> str:
    """Return a short word for a source asset: its kinds, else whether it is observed."""
    if source.kinds:
        return ", ".join(sorted(source.kinds))
    if source.is_virtual:
        return "virtual"
    return "observed source" if source.is_observable else "source"


def asset_type(key: AssetKey, definition: AssetsDefinition) -> str:
    """Return the type of the asset, if its function declares one."""
    names = [name for name, made in definition.keys_by_output_name.items() if made == key]
    node = definition.node_def
    return output_type(node, names[0]) if names and isinstance(node, OpDefinition) else ""


def _outside_card(
    key: AssetKey,
    made: Mapping[AssetKey, AssetsDefinition],
    loaded: Mapping[AssetKey, SourceAsset],
) -> Card:
    """Return the card of an upstream asset that is not shown itself: a source, or missing."""
    name = key.to_user_string()
    if key in made:
        card = asset_card(key, made[key])
        return Card(name, name, card.kind, card.subtitle, "source", card.group, card.tooltip)
    if key in loaded:
        source = loaded[key]
        group = () if source.group_name == DEFAULT_GROUP else (source.group_name,)
        words = plain(source.description or "")[:_LONG_TOOLTIP]
        return Card(name, name, source_kind(source), "", "source", group, words)
    hint = "Nothing defines this asset yet."
    return Card(name, name, "not defined", shape="missing", tooltip=hint)


def _outside_edges(
    sources: Iterable[SourceAsset], shown: Collection[AssetKey], around: Collection[AssetKey]
) -> list[Edge]:
    """Return the upstream edges of external assets, as far as they are drawn."""
    return [
        Edge(dep.asset_key.to_user_string(), source.key.to_user_string(), kind="nothing")
        for source in sources
        for dep in source.deps
        if dep.asset_key in shown or dep.asset_key in around
    ]


def _edge(
    definition: AssetsDefinition,
    start: AssetKey,
    end: AssetKey,
    made: Mapping[AssetKey, Any],
    loaded: Mapping[AssetKey, Any],
) -> Edge:
    names = (start.to_user_string(), end.to_user_string())
    if start not in made and start not in loaded:
        return Edge(*names, kind="missing")
    return Edge(*names, kind="nothing" if _only_orders(definition, start) else "data")


def _only_orders(definition: AssetsDefinition, start: AssetKey) -> bool:
    """Whether the upstream asset is only ordered before, not loaded."""
    node = definition.node_def
    if not isinstance(node, OpDefinition) or not node.is_decorated:
        return False
    inputs = [name for name, key in definition.keys_by_input_name.items() if key == start]
    return bool(inputs) and not any(name in node.function.input_names for name in inputs)
