"""The mapping between partitions and others that have them as one of their dimensions."""

from __future__ import annotations

from datetime import datetime

from jobnb.definitions.partitions.multi_partitions import MultiPartitionsDefinition
from jobnb.definitions.partitions.partition import PartitionsDefinition
from jobnb.definitions.partitions.partition_keys import DynamicPartitionsStore
from jobnb.definitions.partitions.partition_mapping import (
    PartitionMapping,
    UpstreamPartitionsResult,
    needs_partitions,
)
from jobnb.definitions.partitions.partition_subset import PartitionsSubset
from jobnb.definitions.partitions.position_runs import joined
from jobnb.errors import InvalidDefinitionError

__all__ = ["MultiToSingleDimensionPartitionMapping", "dimensions_like"]


def dimensions_like(multi: MultiPartitionsDefinition, single: PartitionsDefinition) -> list[str]:
    """The names of the dimensions that have the same partitions as another definition."""
    return [each.name for each in multi.partitions_defs if each.partitions_def == single]


class MultiToSingleDimensionPartitionMapping(PartitionMapping):
    """Goes from partitions along several dimensions to one of them, or from one to several.

    A key of the one dimension belongs to all keys of several that have it as their part.

    Args:
        partition_dimension_name: The dimension; it may be left out if only one has the same
            partitions as the other asset.

    Example:
        >>> from jobnb.definitions.partitions.static_partitions import StaticPartitionsDefinition
        >>> colours, sizes = (StaticPartitionsDefinition(each) for each in (["red"], ["S", "L"]))
        >>> both = MultiPartitionsDefinition({"colour": colours, "size": sizes})
        >>> mapping = MultiToSingleDimensionPartitionMapping("size")
        >>> list(
        ...     mapping.get_upstream_mapped_partitions_result_for_partitions(
        ...         both.subset_with_partition_keys(["red|L"]), sizes
        ...     ).partitions_subset
        ... )
        ['L']

    Source: Dagster's `MultiToSingleDimensionPartitionMapping`.
    """

    def __init__(self, partition_dimension_name: str | None = None) -> None:
        self.partition_dimension_name = partition_dimension_name

    def get_upstream_mapped_partitions_result_for_partitions(
        self,
        downstream_partitions_subset: PartitionsSubset | None,
        upstream_partitions_def: PartitionsDefinition,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> UpstreamPartitionsResult:
        """The upstream partitions with the same key in the dimension.

        Raises:
            InvalidDefinitionError: If not one asset has the other's partitions as a dimension.
        """
        needs_partitions(self, downstream_partitions_subset, "downstream")
        assert downstream_partitions_subset is not None  # just seen
        found = self._across(
            downstream_partitions_subset,
            upstream_partitions_def,
            current_time,
            dynamic_partitions_store,
        )
        return UpstreamPartitionsResult(found)

    def get_downstream_partitions_for_partitions(
        self,
        upstream_partitions_subset: PartitionsSubset,
        downstream_partitions_def: PartitionsDefinition,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> PartitionsSubset:
        """The downstream partitions with the same key in the dimension.

        Raises:
            InvalidDefinitionError: If not one asset has the other's partitions as a dimension.
        """
        return self._across(
            upstream_partitions_subset,
            downstream_partitions_def,
            current_time,
            dynamic_partitions_store,
        )

    def _across(
        self,
        subset: PartitionsSubset,
        target: PartitionsDefinition,
        current_time: datetime | None,
        store: DynamicPartitionsStore | None,
    ) -> PartitionsSubset:
        multi, place = self._dimension(subset.partitions_def, target)
        if multi is subset.partitions_def:
            parts = joined(block[place] for block in multi.blocks(subset.positions))
            return PartitionsSubset(target, parts)
        every = multi.dimension_positions(current_time, store)
        every[place] = subset.positions
        return PartitionsSubset(target, multi.block(every))

    def _dimension(
        self, one: PartitionsDefinition, other: PartitionsDefinition
    ) -> tuple[MultiPartitionsDefinition, int]:
        """Which of both has several dimensions, and which of them the other one is."""
        for multi, single in ((one, other), (other, one)):
            if isinstance(multi, MultiPartitionsDefinition) and not isinstance(
                single, MultiPartitionsDefinition
            ):
                return multi, multi.place_of_dimension(self._name(multi, single))
        raise InvalidDefinitionError(
            "A MultiToSingleDimensionPartitionMapping goes between partitions with several "
            f"dimensions and one of them, not between {one!r} and {other!r}."
        )

    def _name(self, multi: MultiPartitionsDefinition, single: PartitionsDefinition) -> str:
        alike = dimensions_like(multi, single)
        name = self.partition_dimension_name
        if name is None and len(alike) == 1:
            return alike[0]
        if name in alike:
            return str(name)
        told = f"{', '.join(map(repr, alike))} are" if len(alike) > 1 else "none is"
        raise InvalidDefinitionError(
            f"A MultiToSingleDimensionPartitionMapping({name or ''}) needs one dimension, of "
            f"{', '.join(map(repr, multi.partition_dimension_names))}, with the partitions "
            f"{single!r}; {told if name is None else f'{name!r} is not'} one."
        )

    def validate_partition_mapping(
        self,
        upstream_partitions_def: PartitionsDefinition,
        downstream_partitions_def: PartitionsDefinition | None,
    ) -> None:
        """Make sure that one asset has the other's partitions as a dimension.

        Raises:
            InvalidDefinitionError: If not.
        """
        needs_partitions(self, downstream_partitions_def, "downstream")
        assert downstream_partitions_def is not None  # just seen
        self._dimension(upstream_partitions_def, downstream_partitions_def)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, MultiToSingleDimensionPartitionMapping):
            return self.partition_dimension_name == other.partition_dimension_name
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self.partition_dimension_name)

    def __repr__(self) -> str:
        return f"MultiToSingleDimensionPartitionMapping({self.partition_dimension_name!r})"
