"""What a backfill does not try, since what it is made from could not be made."""

from __future__ import annotations

import threading
from collections.abc import Collection
from operator import is_
from typing import Any

from jobnb.automation.backfill_chunks import Chunk, Group
from jobnb.automation.backfill_nodes import BackfillNode
from jobnb.automation.backfill_work import Outcome
from jobnb.definitions.partitions.partition_mapping import PartitionMapping
from jobnb.definitions.partitions.partition_subset import PartitionsSubset
from jobnb.plan.partitions import RunPartitions
from jobnb.storage.instance import Instance


class Blocking:
    """Remembers what failed, and tells what is made from it.

    Args:
        store: Keeps the keys of dynamic partitions.
    """

    def __init__(self, store: Instance) -> None:
        self._store = store
        self._lost: dict[str, PartitionsSubset | None] = {}
        self._blocked: dict[Group, tuple[list[Any], PartitionsSubset | bool]] = {}
        self._lock = threading.RLock()

    def note(self, chunk: Chunk, outcome: Outcome) -> tuple[int, int]:
        """Remember what a run did not make.

        Returns:
            How many partitions of the chunk's assets failed, and how many were not tried since
            these did.
        """
        failed = blocked = 0
        partitions = chunk.partitions
        keys: tuple[str | None, ...] = (None,) if partitions is None else tuple(partitions.keys)
        for node in chunk.group.nodes:
            missing = outcome.missing(node, keys)
            if not missing:
                continue
            self._lose(node, _part(partitions, missing))
            if outcome.blames(node):
                failed += sum(missing.values())
            else:
                blocked += sum(missing.values())
        return failed, blocked

    def _lose(self, node: BackfillNode, partitions: RunPartitions | None) -> None:
        with self._lock:
            if node.definition is None or partitions is None:
                self._lost[node.name] = None
                return
            more = node.definition.subset_with_partition_keys(partitions.keys)
            before = self._lost.get(node.name)
            self._lost[node.name] = more if before is None else before | more

    def free_part(self, chunk: Chunk) -> Chunk | None:
        """What of a chunk can be tried: not what is made from something that failed."""
        with self._lock:
            if not self._lost:
                return chunk
            blocked = self._blocked_of(chunk.group)
            if blocked is False:
                return chunk
            if blocked is True or chunk.partitions is None:
                self._lose_all(chunk.group, chunk.partitions)
                return None
            keys = chunk.partitions.keys
            held = tuple(key for key in keys if key in blocked)
            if not held:
                return chunk
            self._lose_all(chunk.group, RunPartitions(chunk.group.definition, held))
            free = tuple(key for key in keys if key not in blocked)
        return Chunk(chunk.group, RunPartitions(chunk.group.definition, free)) if free else None

    def _lose_all(self, group: Group, partitions: RunPartitions | None) -> None:
        for node in group.nodes:
            self._lose(node, partitions)

    def _blocked_of(self, group: Group) -> PartitionsSubset | bool:
        """The partitions of a group that cannot be made; True for all, False for none."""
        near = {edge.upstream for node in group.nodes for edge in node.edges}
        near |= {node.name for node in group.nodes if node.own_mapping is not None}
        # Subsets are frozen: as long as these are the same objects, nothing more was lost.
        seen: list[Any] = [self._lost.get(name, self) for name in sorted(near)]
        known = self._blocked.get(group)
        if known is not None and all(map(is_, known[0], seen)):
            return known[1]
        found = self._find_blocked(group)
        self._blocked[group] = (seen, found)
        return found

    def _find_blocked(self, group: Group) -> PartitionsSubset | bool:
        definition = group.definition
        blocked = definition.empty_subset() if definition is not None else None
        for node in group.nodes:
            for edge in node.edges:
                if edge.upstream not in self._lost:
                    continue
                lost = self._lost[edge.upstream]
                if lost is None or edge.mapping is None:
                    return True
                if definition is None or blocked is None:
                    if self._needs(edge.mapping, lost):
                        return True
                    continue
                blocked |= edge.mapping.get_downstream_partitions_for_partitions(
                    lost, definition, dynamic_partitions_store=self._store
                )
            own = self._lost.get(node.name)
            if node.own_mapping is not None and own is not None and blocked is not None:
                assert definition is not None
                blocked |= node.own_mapping.get_downstream_partitions_for_partitions(
                    own, definition, dynamic_partitions_store=self._store
                )
        return blocked if blocked is not None else False

    def _needs(self, mapping: PartitionMapping, lost: PartitionsSubset) -> bool:
        """Whether an asset without partitions is made from one of those that were lost."""
        found = mapping.get_upstream_mapped_partitions_result_for_partitions(
            None, lost.partitions_def, dynamic_partitions_store=self._store
        )
        return not (found.partitions_subset & lost).is_empty


def _part(partitions: RunPartitions | None, keys: Collection[str | None]) -> RunPartitions | None:
    """Those of the partitions that are among some keys."""
    if partitions is None or len(keys) == len(partitions.keys):
        return partitions
    held = tuple(key for key in partitions.keys if key in keys)
    return RunPartitions(partitions.definition, held)
