"""The graph whose nodes materialize, observe or check assets: what a plan reads in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from jobnb.definitions.lazy import lazy
from jobnb.definitions.ops.graph_definition import GraphDefinition
from jobnb.errors import InvalidDefinitionError
from jobnb.plan.asset_checks import guards_of

if TYPE_CHECKING:
    from jobnb.definitions.assets.asset_job import AssetLayer
    from jobnb.definitions.assets.assets_definition import AssetsDefinition
    from jobnb.definitions.assets.source_asset import SourceAsset
    from jobnb.definitions.checks.asset_checks_definition import AssetChecksDefinition
    from jobnb.definitions.keys import AssetKey
    from jobnb.definitions.ops.dependency import Dependency
    from jobnb.definitions.ops.node import Node


class _Unneeded:
    """Marks an input that the assets of a part do not depend on."""

    def __repr__(self) -> str:
        return "UNNEEDED"


UNNEEDED: Any = _Unneeded()


class LoadableAsset(msgspec.Struct, frozen=True):
    """How the stored value of an asset is loaded."""

    manager_key: str
    metadata: Mapping[str, Any]


class AssetGraphDefinition(GraphDefinition):
    """A graph whose nodes materialize, observe or check assets.

    Args:
        name: The name of the job.
        nodes: Its nodes by name.
        dependencies: For each node, what feeds its inputs.
        sources: Assets that are loaded, by node and input.
        assets_by_node: The assets that each node materializes.
        observed_by_node: The source assets that each of the other nodes observes.
        layer: All assets around the job.
        checks_by_node: The checks that each of the other nodes evaluates.
        tells_checks: Whether the job's selection names checks explicitly.
        left_out: The nodes that a selection by status leaves out at present.
    """

    def __init__(
        self,
        name: str,
        nodes: dict[str, Node],
        dependencies: dict[str, dict[str, Dependency]],
        sources: Mapping[str, Mapping[str, AssetKey]],
        assets_by_node: Mapping[str, AssetsDefinition],
        observed_by_node: Mapping[str, tuple[SourceAsset, ...]],
        layer: AssetLayer,
        checks_by_node: Mapping[str, AssetChecksDefinition],
        tells_checks: bool = False,
        left_out: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(name, placed=(nodes, dependencies), node_input_source_assets=sources)
        self.assets_by_node = assets_by_node
        self.observed_by_node = observed_by_node
        self.layer = layer
        self.checks_by_node = checks_by_node
        self.tells_checks = tells_checks
        self.left_out = left_out
        self.guards = guards_of(self, checks_by_node.values(), assets_by_node)

    @lazy
    def _made(self) -> Mapping[AssetKey, AssetsDefinition]:
        """Map each key that something around the job makes to its definition."""
        return {key: each for each in self.layer.assets for key in each.ordered_keys}

    @lazy
    def _sources(self) -> Mapping[AssetKey, SourceAsset]:
        """Map each key to the source asset around the job that declares it."""
        return {each.key: each for each in self.layer.sources}

    def loadable(self, key: AssetKey) -> LoadableAsset | None:
        """Return how the value of an asset around the job is loaded, or None if it is unknown."""
        source = self._sources.get(key)
        if source is not None:  # which wins over an assets definition
            return LoadableAsset(source.io_manager_key, source.raw_metadata)
        made = self._made.get(key)
        return loadable_of(made, key) if made is not None else None

    @lazy
    def is_partitioned(self) -> bool:
        """Whether anything around the job has partitions."""
        layer = self.layer
        several: list[Iterable[AssetsDefinition | SourceAsset | AssetChecksDefinition]] = [
            layer.assets, layer.sources, layer.checks, self.assets_by_node.values()
        ]  # fmt: skip
        return any(each.partitions_def is not None for some in several for each in some)

    @lazy
    def partitioned(self) -> list[AssetsDefinition | SourceAsset]:
        """The definitions whose partitions a run may be for: also those only checked."""
        checked = (key for each in self.checks_by_node.values() for key in sorted(each.asset_keys))
        known: Mapping[AssetKey, AssetsDefinition | SourceAsset] = (
            {**self._made, **self._sources} if self.checks_by_node else {}
        )
        around = (known.get(key) for key in checked)
        found = [*self.assets_by_node.values(), *(each for each in around if each is not None)]
        return list({id(each): each for each in found}.values())

    @lazy
    def resource_defs(self) -> dict[str, Any]:
        """The resources that the assets bring along.

        Raises:
            InvalidDefinitionError: If two assets bring different resources for one key.
        """
        found: dict[str, Any] = {}
        owners: dict[str, Any] = {}
        problems: list[str] = []
        around: list[Any] = [*self.layer.sources, *self.layer.assets, *self.layer.checks]
        for each in around:
            for key, given in each.resource_defs.items():
                if found.setdefault(key, given) is not given:
                    problems.append(f"{owners[key]!r} and {each!r} bring different {key!r}.")
                owners.setdefault(key, each)
        if problems:
            raise InvalidDefinitionError(
                f"The assets of {self.name!r} do not agree on resources:\n  "
                + "\n  ".join(problems)
                + "\nGive both the same object, or use another key."
            )
        return found


def loadable_of(assets_def: AssetsDefinition, key: AssetKey) -> LoadableAsset:
    """Return how the value of one of a definition's assets is loaded."""
    out = assets_def.node_def.out_of(assets_def.output_name_of(key))
    said = assets_def.metadata_by_key.get(key)
    return LoadableAsset(out.io_manager_key, {**out.metadata, **said} if said else out.metadata)
