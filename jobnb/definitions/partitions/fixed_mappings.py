"""Mappings by which every partition is made from the same upstream ones."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from datetime import datetime

from jobnb.definitions.partitions.partition import PartitionsDefinition
from jobnb.definitions.partitions.partition_keys import DynamicPartitionsStore, check_partition_keys
from jobnb.definitions.partitions.partition_mapping import (
    PartitionMapping,
    UpstreamPartitionsResult,
)
from jobnb.definitions.partitions.partition_subset import PartitionsSubset
from jobnb.errors import InvalidDefinitionError, UnknownPartitionError

__all__ = ["AllPartitionMapping", "LastPartitionMapping", "SpecificPartitionsPartitionMapping"]


class _SameForAll(PartitionMapping):
    """Every downstream partition, and one without partitions, is made from the same ones."""

    @abstractmethod
    def _upstream(
        self,
        upstream: PartitionsDefinition,
        current_time: datetime | None,
        store: DynamicPartitionsStore | None,
    ) -> PartitionsSubset:
        """The upstream partitions."""

    def get_upstream_mapped_partitions_result_for_partitions(
        self,
        downstream_partitions_subset: PartitionsSubset | None,
        upstream_partitions_def: PartitionsDefinition,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> UpstreamPartitionsResult:
        """The same upstream partitions for all; none where no downstream partition is given."""
        if downstream_partitions_subset is not None and downstream_partitions_subset.is_empty:
            return UpstreamPartitionsResult(upstream_partitions_def.empty_subset())
        found = self._upstream(upstream_partitions_def, current_time, dynamic_partitions_store)
        return UpstreamPartitionsResult(found)

    def get_downstream_partitions_for_partitions(
        self,
        upstream_partitions_subset: PartitionsSubset,
        downstream_partitions_def: PartitionsDefinition,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> PartitionsSubset:
        """All downstream partitions, if one of the upstream ones that matter is given."""
        upstream = upstream_partitions_subset.partitions_def
        matter = self._upstream(upstream, current_time, dynamic_partitions_store)
        if (upstream_partitions_subset & matter).is_empty:
            return downstream_partitions_def.empty_subset()
        return downstream_partitions_def.subset_with_all_partitions(
            current_time, dynamic_partitions_store
        )

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class AllPartitionMapping(_SameForAll):
    """Each partition is made from all upstream ones.

    Source: Dagster's `AllPartitionMapping`.
    """

    def _upstream(
        self,
        upstream: PartitionsDefinition,
        current_time: datetime | None,
        store: DynamicPartitionsStore | None,
    ) -> PartitionsSubset:
        return upstream.subset_with_all_partitions(current_time, store)


class LastPartitionMapping(_SameForAll):
    """Each partition is made from the last upstream one.

    Source: Dagster's `LastPartitionMapping`.
    """

    def _upstream(
        self,
        upstream: PartitionsDefinition,
        current_time: datetime | None,
        store: DynamicPartitionsStore | None,
    ) -> PartitionsSubset:
        last = upstream.get_last_partition_key(current_time, store)
        return upstream.subset_with_partition_keys([] if last is None else [last])


class SpecificPartitionsPartitionMapping(_SameForAll):
    """Each partition is made from the same upstream ones.

    Args:
        partition_keys: The keys of the upstream partitions.

    Example:
        >>> from jobnb.definitions.partitions.static_partitions import StaticPartitionsDefinition
        >>> airports = StaticPartitionsDefinition(["EWR", "JFK", "LGA"])
        >>> mapping = SpecificPartitionsPartitionMapping(["JFK"])
        >>> list(
        ...     mapping.get_upstream_mapped_partitions_result_for_partitions(
        ...         None, airports
        ...     ).partitions_subset
        ... )
        ['JFK']

    Source: Dagster's `SpecificPartitionsPartitionMapping`.
    """

    def __init__(self, partition_keys: Sequence[str]) -> None:
        self.partition_keys = check_partition_keys(
            partition_keys, "a SpecificPartitionsPartitionMapping"
        )

    def _upstream(
        self,
        upstream: PartitionsDefinition,
        current_time: datetime | None,
        store: DynamicPartitionsStore | None,
    ) -> PartitionsSubset:
        return upstream.subset_with_partition_keys(self.partition_keys)

    def validate_partition_mapping(
        self,
        upstream_partitions_def: PartitionsDefinition,
        downstream_partitions_def: PartitionsDefinition | None,
    ) -> None:
        """Make sure that the upstream asset can have the partitions.

        Raises:
            InvalidDefinitionError: If it cannot; it names those that it cannot have.
        """
        try:
            upstream_partitions_def.subset_with_partition_keys(self.partition_keys)
        except UnknownPartitionError as error:
            raise InvalidDefinitionError(
                f"A SpecificPartitionsPartitionMapping names upstream partitions: {error}"
            ) from None

    def __eq__(self, other: object) -> bool:
        if isinstance(other, SpecificPartitionsPartitionMapping):
            return self.partition_keys == other.partition_keys
        return NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self.partition_keys))

    def __repr__(self) -> str:
        return f"SpecificPartitionsPartitionMapping({self.partition_keys!r})"
