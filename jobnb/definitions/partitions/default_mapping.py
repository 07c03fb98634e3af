"""The default partition mapping between two assets."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from inspect import signature
from typing import Any

from jobnb.definitions.partitions.fixed_mappings import AllPartitionMapping
from jobnb.definitions.partitions.multi_mapping import (
    MultiToSingleDimensionPartitionMapping,
    dimensions_like,
)
from jobnb.definitions.partitions.multi_partitions import MultiPartitionsDefinition
from jobnb.definitions.partitions.partition import PartitionsDefinition
from jobnb.definitions.partitions.partition_keys import DynamicPartitionsStore
from jobnb.definitions.partitions.partition_mapping import (
    IdentityPartitionMapping,
    PartitionMapping,
    UpstreamPartitionsResult,
)
from jobnb.definitions.partitions.partition_subset import PartitionsSubset
from jobnb.definitions.partitions.time_window import TimeWindowPartitionsDefinition
from jobnb.definitions.partitions.time_window_mapping import TimeWindowPartitionMapping
from jobnb.errors import InvalidDefinitionError


def default_partition_mapping(
    upstream_partitions_def: PartitionsDefinition,
    downstream_partitions_def: PartitionsDefinition | None,
) -> PartitionMapping:
    """Return the partition mapping that two assets have by default.

    Time windows are mapped by overlap, equal partitions by key, and partitions with several
    dimensions to one of them by that part of the key; otherwise each downstream partition depends
    on all upstream ones.

    Args:
        upstream_partitions_def: The partitions of the upstream asset.
        downstream_partitions_def: Those of the downstream asset, or None if it has none.

    Raises:
        InvalidDefinitionError: If several dimensions could be the mapped one.

    Example:
        >>> from jobnb.definitions.partitions.calendar_partitions import DailyPartitionsDefinition
        >>> days = DailyPartitionsDefinition("2013-01-01")
        >>> type(default_partition_mapping(days, days)).__name__
        'TimeWindowPartitionMapping'
        >>> default_partition_mapping(days, None)
        AllPartitionMapping()
    """
    up, down = upstream_partitions_def, downstream_partitions_def
    if isinstance(up, TimeWindowPartitionsDefinition) and isinstance(
        down, TimeWindowPartitionsDefinition
    ):
        return TimeWindowPartitionMapping()
    if up == down:
        return IdentityPartitionMapping()
    if isinstance(up, MultiPartitionsDefinition) != isinstance(down, MultiPartitionsDefinition):
        return _to_a_dimension(up, down)
    return AllPartitionMapping()


def _to_a_dimension(
    up: PartitionsDefinition, down: PartitionsDefinition | None
) -> PartitionMapping:
    multi, single = (up, down) if isinstance(up, MultiPartitionsDefinition) else (down, up)
    if single is None or not isinstance(multi, MultiPartitionsDefinition):
        return AllPartitionMapping()
    alike = dimensions_like(multi, single)
    if len(alike) > 1:
        raise InvalidDefinitionError(
            f"The partitions {single!r} are those of the dimensions "
            f"{' and '.join(map(repr, alike))}: say which one counts with "
            f"partition_mapping=MultiToSingleDimensionPartitionMapping({alike[0]!r})."
        )
    return MultiToSingleDimensionPartitionMapping(alike[0]) if alike else AllPartitionMapping()


def fitting_partition_mapping(
    given: PartitionMapping | None,
    upstream_partitions_def: PartitionsDefinition,
    downstream_partitions_def: PartitionsDefinition | None,
) -> PartitionMapping:
    """Return the given mapping after checking that it fits, or the default one.

    Args:
        given: The user's mapping, if any.
        upstream_partitions_def: The partitions of the upstream asset.
        downstream_partitions_def: Those of the downstream asset, or None if it has none.

    Raises:
        InvalidDefinitionError: If the mapping does not fit the partitions, or no default does.
    """
    if given is None:
        return default_partition_mapping(upstream_partitions_def, downstream_partitions_def)
    given.validate_partition_mapping(upstream_partitions_def, downstream_partitions_def)
    if wants_both(given):
        return NewerMapping(given, upstream_partitions_def, downstream_partitions_def)
    return given


def wants_both(mapping: PartitionMapping) -> bool:
    """Whether the methods of a mapping take the definitions of both assets."""
    return _wants_both(type(mapping))


@cache
def _wants_both(kind: type[PartitionMapping]) -> bool:
    asked = kind.get_upstream_mapped_partitions_result_for_partitions
    return "downstream_partitions_def" in signature(asked).parameters


class NewerMapping(PartitionMapping):
    """Calls a mapping with the arguments of newer Dagster versions.

    Args:
        mapping: The mapping.
        upstream: The partitions of the upstream asset.
        downstream: The partitions of the downstream asset.
    """

    def __init__(
        self,
        mapping: Any,
        upstream: PartitionsDefinition,
        downstream: PartitionsDefinition | None,
    ) -> None:
        self._mapping = mapping
        self._upstream = upstream
        self._downstream = downstream

    def get_upstream_mapped_partitions_result_for_partitions(
        self,
        downstream_partitions_subset: PartitionsSubset | None,
        upstream_partitions_def: PartitionsDefinition,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> UpstreamPartitionsResult:
        """Return the upstream partitions of some downstream ones."""
        found: UpstreamPartitionsResult = (
            self._mapping.get_upstream_mapped_partitions_result_for_partitions(
                downstream_partitions_subset=downstream_partitions_subset,
                downstream_partitions_def=self._downstream,
                upstream_partitions_def=upstream_partitions_def,
                current_time=current_time,
                dynamic_partitions_store=dynamic_partitions_store,
            )
        )
        return found

    def get_downstream_partitions_for_partitions(
        self,
        upstream_partitions_subset: PartitionsSubset,
        downstream_partitions_def: PartitionsDefinition,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> PartitionsSubset:
        """Return the downstream partitions of some upstream ones."""
        found: PartitionsSubset = self._mapping.get_downstream_partitions_for_partitions(
            upstream_partitions_subset=upstream_partitions_subset,
            upstream_partitions_def=self._upstream,
            downstream_partitions_def=downstream_partitions_def,
            current_time=current_time,
            dynamic_partitions_store=dynamic_partitions_store,
        )
        return found

    def __repr__(self) -> str:
        return repr(self._mapping)
