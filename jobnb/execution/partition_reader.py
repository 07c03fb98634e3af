"""Which partitions of its upstream assets a step reads, by the partition mappings."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.checks.asset_checks_definition import AssetChecksDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.partitions.partition import PartitionsDefinition
from jobnb.definitions.partitions.partition_subset import PartitionsSubset
from jobnb.errors import UnknownPartitionError
from jobnb.plan.asset_graph import AssetGraphDefinition
from jobnb.plan.partitions import RunPartitions

if TYPE_CHECKING:
    from jobnb.plan.step import Plan, Step


class PartitionReader:
    """Resolves partition mappings for the steps of a plan, for any partitions of a run.

    Args:
        plan: The plan.
        store: Keeps the keys of dynamic partitions.
    """

    def __init__(self, plan: Plan, store: Any) -> None:
        self._plan = plan
        self._store = store
        self._definitions = _definitions(plan.job.graph)
        self._checks: Mapping[str, AssetChecksDefinition] = (
            getattr(plan.job.graph, "checks_by_node", None) or {}
        )
        self._follows: dict[tuple[int, AssetKey], bool] = {}

    def definition_of(self, key: AssetKey | None) -> PartitionsDefinition | None:
        """Return the partitions definition of an asset, in the job or outside of it."""
        return self._definitions.get(key) if key is not None else None

    def follows(self, step: Step, key: AssetKey) -> bool:
        """Whether a step reads, of an asset, exactly the partitions that it runs for."""
        place = (step.index, key)
        found = self._follows.get(place)
        if found is None:
            found = self._follows[place] = self._is_identity(step, key)
        return found

    @cached_property
    def mapped_slots(self) -> frozenset[int]:
        """The outputs that some step reads for other partitions than its own."""
        if not self._definitions:
            return frozenset()
        return frozenset(
            wait.slot
            for step in self._plan.steps
            for each in step.inputs
            if each.asset_key is not None and not self.follows(step, each.asset_key)
            for wait in each.waits_for
        )

    def _is_identity(self, step: Step, key: AssetKey) -> bool:
        reader, own = self._reader(step)
        upstream = self.definition_of(key)
        if upstream is None:
            return True
        if own is None or reader is None:
            return reader is None
        given = reader.get_partition_mapping(key)
        if own != upstream:
            return False
        from jobnb.definitions.partitions.default_mapping import default_partition_mapping
        from jobnb.definitions.partitions.partition_mapping import IdentityPartitionMapping

        return (
            given is None
            or isinstance(given, IdentityPartitionMapping)
            or bool(given == default_partition_mapping(upstream, own))
        )

    def _reader(
        self, step: Step
    ) -> tuple[AssetsDefinition | AssetChecksDefinition | None, PartitionsDefinition | None]:
        """Return the asset of the step, and its partitions; nothing for an op."""
        if step.assets_def is not None:
            return step.assets_def, step.assets_def.partitions_def
        checks = self._checks.get(step.path[0])
        if checks is None:
            return None, None
        of_assets = (self.definition_of(key) for key in sorted(checks.asset_keys))
        own = checks.partitions_def or next((each for each in of_assets if each is not None), None)
        return checks, own

    def keys_for(
        self, step: Step, key: AssetKey | None, partitions: RunPartitions | None
    ) -> tuple[str, ...] | None:
        """Return the partitions of an asset that a step reads; None where the asset has none.

        Raises:
            UnknownPartitionError: If it needs partitions that do not exist.
        """
        if key is None or key not in self._definitions:
            return None
        if self.follows(step, key):
            return partitions.keys if partitions is not None else self._every(step, key)
        found = self._mapped(step, key, partitions)
        if step.assets_def is not None and key in step.assets_def.keys and partitions is not None:
            # An asset made from itself: what this run makes now was not there before it.
            own = frozenset(partitions.keys)
            found = [each for each in found if each not in own]
        return tuple(found)

    def _every(self, step: Step, key: AssetKey) -> tuple[str, ...]:
        """Return the partitions that an op or a check reads in a run without partitions."""
        if step.assets_def is not None:
            return ()
        every = self._definitions[key].get_partition_keys(dynamic_partitions_store=self._store)
        if step.path[0] in self._checks:  # it looks at what there is
            made = self._store.get_materialized_partitions(key)
            return tuple(each for each in every if each in made)
        return tuple(every)

    def _mapped(self, step: Step, key: AssetKey, partitions: RunPartitions | None) -> list[str]:
        from jobnb.definitions.partitions.default_mapping import fitting_partition_mapping

        reader, own = self._reader(step)
        assert reader is not None
        upstream, given = self._definitions[key], reader.get_partition_mapping(key)
        mapping = fitting_partition_mapping(given, upstream, own)
        result = mapping.get_upstream_mapped_partitions_result_for_partitions(
            _own_subset(own, partitions), upstream, dynamic_partitions_store=self._store
        )
        lacking = list(result.required_but_nonexistent_partition_keys)
        if lacking:
            raise _nonexistent(step, key, partitions, lacking)
        return list(result.partitions_subset)


def _definitions(graph: Any) -> dict[AssetKey, PartitionsDefinition]:
    if not isinstance(graph, AssetGraphDefinition):
        return {}
    found = {}
    for each in (*graph.layer.assets, *graph.assets_by_node.values()):
        if each.partitions_def is not None:
            found.update(dict.fromkeys(each.keys, each.partitions_def))
    for source in graph.layer.sources:
        if source.partitions_def is not None:
            found[source.key] = source.partitions_def
    return found


def _own_subset(
    own: PartitionsDefinition | None, partitions: RunPartitions | None
) -> PartitionsSubset | None:
    if own is None:
        return None
    return own.subset_with_partition_keys(partitions.keys if partitions is not None else ())


def _nonexistent(
    step: Step, key: AssetKey, partitions: RunPartitions | None, lacking: list[str]
) -> UnknownPartitionError:
    shown = ", ".join(map(repr, lacking[:5])) + (
        f" and {len(lacking) - 5} more" if len(lacking) > 5 else ""
    )
    own = partitions.keys if partitions is not None else ()
    made = f"partition {own[0]!r} of " if len(own) == 1 else ""
    return UnknownPartitionError(
        f"{step.key!r} makes {made}its asset from partitions of {key.to_user_string()!r} that do "
        f"not exist: {shown}. Give its input a partition mapping that leaves them out, as "
        "TimeWindowPartitionMapping(allow_nonexistent_upstream_partitions=True), or run it for "
        "later partitions."
    )
