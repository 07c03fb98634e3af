"""`PartitionMapping`: which upstream partitions a downstream partition depends on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from jobnb.definitions.partitions.partition import PartitionsDefinition
from jobnb.definitions.partitions.partition_keys import DynamicPartitionsStore
from jobnb.definitions.partitions.partition_subset import PartitionsSubset
from jobnb.definitions.partitions.position_runs import PositionRuns
from jobnb.errors import InvalidDefinitionError


class UpstreamPartitionsResult(NamedTuple):
    """The upstream partitions of some downstream ones.

    Args:
        partitions_subset: The upstream partitions that exist.
        required_but_nonexistent_partition_keys: The keys that are needed and do not exist.

    Source: Dagster's `UpstreamPartitionsResult`.
    """

    partitions_subset: PartitionsSubset
    required_but_nonexistent_partition_keys: Sequence[str] = ()


class PartitionMapping(ABC):
    """Maps partitions of a downstream asset to those of an upstream one.

    Source: Dagster's `PartitionMapping`.
    """

    @abstractmethod
    def get_upstream_mapped_partitions_result_for_partitions(
        self,
        downstream_partitions_subset: PartitionsSubset | None,
        upstream_partitions_def: PartitionsDefinition,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> UpstreamPartitionsResult:
        """Return the upstream partitions of some downstream ones.

        Args:
            downstream_partitions_subset: The downstream partitions; None where there are none.
            upstream_partitions_def: The partitions of the upstream asset.
            current_time: The current time, for time partitions.
            dynamic_partitions_store: The store of dynamic partition keys.
        """

    @abstractmethod
    def get_downstream_partitions_for_partitions(
        self,
        upstream_partitions_subset: PartitionsSubset,
        downstream_partitions_def: PartitionsDefinition,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> PartitionsSubset:
        """Return the downstream partitions of some upstream ones.

        Args:
            upstream_partitions_subset: The upstream partitions.
            downstream_partitions_def: The partitions of the downstream asset.
            current_time: The current time, for time partitions.
            dynamic_partitions_store: The store of dynamic partition keys.
        """

    def validate_partition_mapping(
        self,
        upstream_partitions_def: PartitionsDefinition,
        downstream_partitions_def: PartitionsDefinition | None,
    ) -> None:
        """Check that the mapping fits partitions of two assets.

        Raises:
            InvalidDefinitionError: If it does not.
        """
        needs_partitions(self, upstream_partitions_def, "upstream")


def needs_partitions(mapping: PartitionMapping, what: object | None, side: str) -> None:
    """Check that an asset has partitions, for a mapping between partitions.

    Raises:
        InvalidDefinitionError: If it has none.
    """
    if what is None:
        raise InvalidDefinitionError(
            f"{type(mapping).__name__} maps partitions to partitions, but the {side} asset has "
            "none: give it a partitions_def, or use AllPartitionMapping, LastPartitionMapping or "
            "SpecificPartitionsPartitionMapping."
        )


class IdentityPartitionMapping(PartitionMapping):
    """Each partition depends on the upstream one with the same key.

    Example:
        >>> from jobnb.definitions.partitions.static_partitions import StaticPartitionsDefinition
        >>> some = StaticPartitionsDefinition(["JFK", "LGA"])
        >>> more = StaticPartitionsDefinition(["JFK", "LGA", "EWR"])
        >>> found = IdentityPartitionMapping().get_upstream_mapped_partitions_result_for_partitions(
        ...     more.subset_with_all_partitions(), some
        ... )
        >>> list(found.partitions_subset), found.required_but_nonexistent_partition_keys
        (['JFK', 'LGA'], ['EWR'])

    Source: Dagster's `IdentityPartitionMapping`.
    """

    def get_upstream_mapped_partitions_result_for_partitions(
        self,
        downstream_partitions_subset: PartitionsSubset | None,
        upstream_partitions_def: PartitionsDefinition,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> UpstreamPartitionsResult:
        """Return the upstream partitions with the same keys.

        Raises:
            InvalidDefinitionError: If the downstream asset has no partitions.
        """
        needs_partitions(self, downstream_partitions_subset, "downstream")
        assert downstream_partitions_subset is not None  # Validated above.
        if downstream_partitions_subset.partitions_def == upstream_partitions_def:
            return UpstreamPartitionsResult(downstream_partitions_subset)
        every = upstream_partitions_def.positions(current_time, dynamic_partitions_store)
        found, missing = _with_same_keys(
            downstream_partitions_subset, upstream_partitions_def, every
        )
        return UpstreamPartitionsResult(PartitionsSubset(upstream_partitions_def, found), missing)

    def get_downstream_partitions_for_partitions(
        self,
        upstream_partitions_subset: PartitionsSubset,
        downstream_partitions_def: PartitionsDefinition,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> PartitionsSubset:
        """Return the downstream partitions with the same keys."""
        if upstream_partitions_subset.partitions_def == downstream_partitions_def:
            return upstream_partitions_subset
        every = downstream_partitions_def.positions(current_time, dynamic_partitions_store)
        found, _ = _with_same_keys(upstream_partitions_subset, downstream_partitions_def, every)
        return PartitionsSubset(downstream_partitions_def, found)

    def validate_partition_mapping(
        self,
        upstream_partitions_def: PartitionsDefinition,
        downstream_partitions_def: PartitionsDefinition | None,
    ) -> None:
        """Check that both assets have partitions.

        Raises:
            InvalidDefinitionError: If the downstream one has none.
        """
        needs_partitions(self, downstream_partitions_def, "downstream")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


def _with_same_keys(
    subset: PartitionsSubset, definition: PartitionsDefinition, every: PositionRuns
) -> tuple[PositionRuns, list[str]]:
    """Return the positions of a subset's keys in another definition, and the keys not in it."""
    places = [(key, definition.position_of(key)) for key in subset]
    found = PositionRuns.of(place for _, place in places if place is not None and place in every)
    missing = [key for key, place in places if place is None or place not in every]
    return found, missing
