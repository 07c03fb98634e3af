"""How whole assets stand, all partitions counted: which are missing, which are stale and why."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING

import msgspec

from jobnb.definitions.keys import AssetKey
from jobnb.definitions.locations.definitions import Definitions
from jobnb.definitions.partitions.default_mapping import fitting_partition_mapping
from jobnb.definitions.partitions.partition import PartitionsDefinition
from jobnb.definitions.partitions.partition_subset import PartitionsSubset
from jobnb.staleness.causes import (
    AssetStatus,
    AssetStatuses,
    Cause,
    PartitionCounts,
)
from jobnb.staleness.statuses import Place, known_of
from jobnb.staleness.verdicts import Defined, Known, in_order, own_causes, status_of
from jobnb.storage.instance import Instance
from jobnb.storage.partition_history import AssetPartitionStatus

if TYPE_CHECKING:
    from jobnb.registry.session import Session

__all__ = ["Survey", "session_survey"]

_MOST_CAUSES = 8
Part = PartitionsSubset | bool
"""Some partitions; of an asset without any, whether it is meant."""


class _Standing(msgspec.Struct):
    """How an asset stands.

    Attributes:
        status: In words.
        stale: What of it is stale.
        to_make: What of it is not fresh, or made from what is to be made.
    """

    status: AssetStatus
    stale: Part
    to_make: Part


class Survey:
    """How all partitions of all assets stand beside what is defined now.

    What is stale makes stale what is made from it, by the partition mappings.

    Args:
        definitions: What is defined.
        instance: Where it was made.
        place: Tells where an asset is written, as `cell 7`.
        among: The assets that are to be made: what others would give them is there already. All
            if absent.
    """

    def __init__(
        self,
        definitions: Definitions,
        instance: Instance,
        place: Place | None = None,
        among: Collection[AssetKey] | None = None,
    ) -> None:
        self._instance = instance
        self._known: Known = known_of(definitions, instance, place)
        self._among = set(self._known.defined if among is None else among)
        self._partitioned = {
            source.key: source.partitions_def
            for source in definitions.source_assets
            if source.partitions_def is not None
        }
        self._standings: dict[AssetKey, _Standing] = {}
        for key in in_order(self._known.defined):
            asset = self._known.defined[key]
            own = asset.assets.partitions_def
            if own is None:
                self._standings[key] = self._whole(asset)
            else:
                self._partitioned[key] = own
                self._standings[key] = self._in_parts(asset, own)

    def statuses(self, keys: Collection[AssetKey] | None = None) -> AssetStatuses:
        """How the assets stand, upstream first; all if no keys are given."""
        wanted = self._standings.keys() if keys is None else self._standings.keys() & set(keys)
        found = ((key, each.status) for key, each in self._standings.items() if key in wanted)
        return AssetStatuses(dict(found))

    def to_make(self, key: AssetKey) -> Part:
        """What of an asset is missing, failed, stale, or made from what is to be made."""
        return self._standings[key].to_make

    # --- assets without partitions ----------------------------------------

    def _whole(self, asset: Defined) -> _Standing:
        made = self._known.made.get(asset.key)
        failed = self._known.failed.get(asset.key)
        own = tuple(own_causes(asset, made, self._known)) if made is not None else ()
        above = list(self._above(asset))
        causes = own
        if made is not None:
            causes = _joined([own, *(each.status.causes for _, each in above if each.stale)])
        to_make = made is None or failed is not None or bool(own)
        to_make = to_make or any(each.to_make for key, each in above if key in self._among)
        status = status_of(asset.key, made, causes, failed)
        return _Standing(status, bool(causes), to_make)

    def _above(self, asset: Defined) -> Iterator[tuple[AssetKey, _Standing]]:
        """What it is made from, of what is made here."""
        for key in asset.upstream:
            standing = self._standings.get(key)
            if standing is not None:
                yield key, standing

    # --- assets with partitions -------------------------------------------

    def _in_parts(self, asset: Defined, own: PartitionsDefinition) -> _Standing:
        every = own.subset_with_all_partitions(dynamic_partitions_store=self._instance)
        keys = [str(key) for key in every]
        self._look_up(asset, keys)
        records = self._known.partitions.look_up(asset.key, keys)
        causes = {
            key: told
            for key, record in records.items()
            if (told := tuple(own_causes(asset, record, self._known)))
        }
        changed = own.subset_with_partition_keys(causes)
        made = own.subset_with_partition_keys(records)
        failed = own.subset_with_partition_keys(self._failed(asset.key, keys, own))
        stale, told_of = changed, list(causes.values())
        to_make = changed | failed | (every - made)
        for key, above in self._above(asset):
            below = self._below(asset, own, key, above.stale) & made
            if not below.is_empty:
                stale = stale | below
                told_of.append(above.status.causes)
            if key in self._among:
                to_make = to_make | (self._below(asset, own, key, above.to_make) & every)
        counts = PartitionCounts(len(keys), len(every - made - failed), len(stale), len(failed))
        return _Standing(self._status(asset.key, counts, _joined(told_of)), stale, to_make)

    def _look_up(self, asset: Defined, keys: list[str]) -> None:
        """Read what is to be known of all partitions at once."""
        self._known.partitions.look_up(asset.key, keys)
        for key in asset.upstream:
            definition = self._partitioned.get(key)
            if definition is not None and key not in self._standings:
                every = definition.get_partition_keys(dynamic_partitions_store=self._instance)
                self._known.partitions.look_up(key, list(every))

    def _failed(self, key: AssetKey, keys: list[str], own: PartitionsDefinition) -> list[str]:
        standing = self._instance.get_status_by_partition(key, keys, own)
        return [each for each, how in standing.items() if how is AssetPartitionStatus.FAILED]

    def _below(
        self, asset: Defined, own: PartitionsDefinition, key: AssetKey, part: Part
    ) -> PartitionsSubset:
        """The partitions that are made from a part of an asset."""
        if not part:
            return own.empty_subset()
        if isinstance(part, bool):
            return own.subset_with_all_partitions(dynamic_partitions_store=self._instance)
        theirs = part.partitions_def
        given = asset.assets.get_partition_mapping(key)
        if given is None and own == theirs:
            return part
        return fitting_partition_mapping(
            given, theirs, own
        ).get_downstream_partitions_for_partitions(
            part, own, dynamic_partitions_store=self._instance
        )

    def _status(
        self, key: AssetKey, counts: PartitionCounts, causes: tuple[Cause, ...]
    ) -> AssetStatus:
        made = self._known.made.get(key)
        return AssetStatus(
            key,
            counts.worst,
            causes,
            made.time if made is not None else None,
            made.run_id if made is not None else "",
            counts=counts,
        )


def _joined(causes: Iterable[tuple[Cause, ...]]) -> tuple[Cause, ...]:
    """The causes, each once, and not too many."""
    return tuple(dict.fromkeys(each for some in causes for each in some))[:_MOST_CAUSES]


def session_survey(session: Session, keys: Collection[AssetKey] | None) -> AssetStatuses:
    """How whole assets of a session stand, all if no keys are given."""
    return Survey(session.snapshot(), session.instance, session.place_of).statuses(keys)
