"""From the upstream keys of assets and checks to the edges of an asset job's graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.assets.source_asset import SourceAsset
from jobnb.definitions.checks.asset_checks_definition import AssetChecksDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.ops.dependency import Dependency, DependencyDefinition, ValueDependency
from jobnb.definitions.ops.op import OpDefinition
from jobnb.definitions.types import Nothing
from jobnb.errors import did_you_mean
from jobnb.plan.asset_choice import observed_output
from jobnb.plan.asset_parts import UNNEEDED, Part

__all__ = ["EdgeReader"]

Reader = AssetsDefinition | AssetChecksDefinition


class EdgeReader:
    """Turns upstream keys into edges, and collects what cannot be.

    Args:
        parts: What the nodes of the graph make; parts of one definition in their order.
        observed: The source assets that nodes of the graph look at, by node.
        known: All assets around the job.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        observed: Mapping[str, Sequence[SourceAsset]],
        known: set[AssetKey],
    ) -> None:
        self.made_by = {key: part for part in parts for key in part.assets.keys}
        self.observed_by = {
            each.key: DependencyDefinition(name, observed_output(each))
            for name, found in observed.items()
            for each in found
        }
        self.parts = parts
        self.known = known
        self.problems: list[str] = []

    def edges(
        self, reader: Reader, part: int = 0
    ) -> tuple[dict[str, Dependency], dict[str, AssetKey]]:
        """What feeds each input: an output in the graph, or a stored value.

        Args:
            reader: The assets or checks whose inputs they are.
            part: Which part of its definition it is, from 1; 0 where it is not split.
        """
        edges: dict[str, Dependency] = {}
        loaded: dict[str, AssetKey] = {}
        needed = _needed(reader) if part and isinstance(reader, AssetsDefinition) else None
        for name, key in reader.keys_by_input_name.items():
            maker = self.made_by.get(key)
            if maker is not None and maker.assets is not reader:
                if needed is None or key in needed:
                    edges[name] = _output_of(maker, key)
                elif not _only_orders(reader, name):
                    self._feed_unneeded(edges, reader, name, maker, key)
                continue
            if (
                self.observed_by and key in self.observed_by
            ):  # it waits until the source asset was looked at
                edges[f"{name}__observed"] = self.observed_by[key]
            if _only_orders(reader, name):
                continue
            if key in self.known:
                loaded[name] = key
            else:
                self._unknown(reader, name, key)
        if needed is not None and isinstance(reader, AssetsDefinition):
            self._after_earlier_parts(edges, reader, needed)
        return edges, loaded

    def _feed_unneeded(
        self,
        edges: dict[str, Dependency],
        reader: Reader,
        name: str,
        maker: Part,
        key: AssetKey,
    ) -> None:
        """What this part is not made from is given if it is there by then."""
        places = {id(part.assets): place for place, part in enumerate(self.parts)}
        if places[id(maker.assets)] < places[id(reader)]:
            edges[name] = _output_of(maker, key)
        elif not _has_default(reader, name):
            edges[name] = ValueDependency(UNNEEDED)

    def _after_earlier_parts(
        self, edges: dict[str, Dependency], reader: AssetsDefinition, needed: set[AssetKey]
    ) -> None:
        """What is made from another asset of the same function waits for the part that makes it."""
        for output, key in reader.keys_by_output_name.items():
            maker = self.made_by.get(key)
            if key in needed and maker is not None and maker.assets is not reader:
                edges[f"{output}__before"] = _output_of(maker, key)

    def _unknown(self, reader: Reader, name: str, key: AssetKey) -> None:
        text = key.to_user_string()
        noun = "asset" if isinstance(reader, AssetsDefinition) else "check"
        hint = did_you_mean(text, sorted(k.to_user_string() for k in self.known))
        self.problems.append(
            f"The {noun} {reader.node_def.name!r} takes {text!r}, which nothing makes. {hint} "
            f'Define it, or declare it as SourceAsset("{text}").'
        )


def _output_of(part: Part, key: AssetKey) -> DependencyDefinition:
    return DependencyDefinition(part.name, part.assets.output_name_of(key))


def _needed(assets_def: AssetsDefinition) -> set[AssetKey]:
    """What the selected assets of a definition are made from."""
    deps = assets_def.asset_deps
    return {dep for key in assets_def.keys for dep in deps.get(key, ())}


def _has_default(reader: Reader, input_name: str) -> bool:
    node = reader.node_def
    return isinstance(node, OpDefinition) and node.ins[input_name].has_default


def _only_orders(reader: Reader, input_name: str) -> bool:
    node = reader.node_def
    if not isinstance(node, OpDefinition):
        return False
    given = node.given_ins.get(input_name)
    return given is not None and given.dagster_type is Nothing
