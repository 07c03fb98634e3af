"""Partition mappings between partitions with several dimensions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import product
from typing import NamedTuple

from jobnb.definitions.partitions.multi_partition_key import MultiPartitionKey
from jobnb.definitions.partitions.multi_partitions import MultiPartitionsDefinition
from jobnb.definitions.partitions.partition import PartitionsDefinition
from jobnb.definitions.partitions.partition_keys import DynamicPartitionsStore
from jobnb.definitions.partitions.partition_loading import now_or
from jobnb.definitions.partitions.partition_mapping import (
    PartitionMapping,
    UpstreamPartitionsResult,
    needs_partitions,
)
from jobnb.definitions.partitions.partition_subset import PartitionsSubset
from jobnb.definitions.partitions.position_runs import PositionRuns, joined
from jobnb.errors import InvalidDefinitionError, did_you_mean


class DimensionPartitionMapping(NamedTuple):
    """The downstream dimension of an upstream one, and the mapping between their keys.

    Args:
        dimension_name: The downstream dimension.
        partition_mapping: The mapping between the keys of both.

    Source: Dagster's `DimensionPartitionMapping`.
    """

    dimension_name: str
    partition_mapping: PartitionMapping


class MultiPartitionMapping(PartitionMapping):
    """Maps each upstream dimension to a downstream one.

    Dimensions that are not named are not restricted: all their keys are mapped to each other.

    Args:
        downstream_mappings_by_upstream_dimension: By upstream dimension, the downstream one and
            the mapping between both.

    Raises:
        InvalidDefinitionError: If it is no such dict, or names a downstream dimension twice.

    Example:
        >>> from jobnb.definitions.partitions.partition_mapping import IdentityPartitionMapping
        >>> from jobnb.definitions.partitions.static_partitions import StaticPartitionsDefinition
        >>> keys = StaticPartitionsDefinition(["1", "2"])
        >>> up = MultiPartitionsDefinition({"a": keys, "b": keys})
        >>> down = MultiPartitionsDefinition({"c": keys, "d": keys})
        >>> mapping = MultiPartitionMapping(
        ...     {"a": DimensionPartitionMapping("d", IdentityPartitionMapping())}
        ... )
        >>> list(
        ...     mapping.get_upstream_mapped_partitions_result_for_partitions(
        ...         down.subset_with_partition_keys(["1|2"]), up
        ...     ).partitions_subset
        ... )
        ['2|1', '2|2']

    Source: Dagster's `MultiPartitionMapping`.
    """

    def __init__(
        self, downstream_mappings_by_upstream_dimension: Mapping[str, DimensionPartitionMapping]
    ) -> None:
        given = downstream_mappings_by_upstream_dimension
        if not _is_by_dimension(given):
            raise InvalidDefinitionError(
                "A MultiPartitionMapping is a dict with a DimensionPartitionMapping for each "
                f"upstream dimension, not {given!r}."
            )
        counts = Counter(each.dimension_name for each in given.values())
        twice = [name for name, count in counts.items() if count > 1]
        if twice:
            raise InvalidDefinitionError(
                "In a MultiPartitionMapping each downstream dimension belongs to one upstream "
                f"dimension; {', '.join(map(repr, twice))} belongs to several."
            )
        self.downstream_mappings_by_upstream_dimension = dict(given)

    def get_upstream_mapped_partitions_result_for_partitions(
        self,
        downstream_partitions_subset: PartitionsSubset | None,
        upstream_partitions_def: PartitionsDefinition,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> UpstreamPartitionsResult:
        """Return the upstream partitions by the mappings of the dimensions.

        Raises:
            InvalidDefinitionError: If one of the assets lacks the dimensions.
        """
        needs_partitions(self, downstream_partitions_subset, "downstream")
        assert downstream_partitions_subset is not None  # just seen
        up, down = self._both(upstream_partitions_def, downstream_partitions_subset.partitions_def)
        now = now_or(current_time)
        every = up.dimension_positions(now, dynamic_partitions_store)
        found: list[PositionRuns] = []
        missing: dict[str, None] = {}
        for block in down.blocks(downstream_partitions_subset.positions):
            parts, absent = list(every), {}
            for pair in self._pairs(up, down):
                result = pair.upstream(block[pair.down_place], now, dynamic_partitions_store)
                parts[pair.up_place] = result.partitions_subset.positions
                absent[pair.up_place] = result.required_but_nonexistent_partition_keys
            found.append(up.block(parts))
            missing.update(dict.fromkeys(_with_absent_parts(up, parts, absent)))
        return UpstreamPartitionsResult(PartitionsSubset(up, joined(found)), list(missing))

    def get_downstream_partitions_for_partitions(
        self,
        upstream_partitions_subset: PartitionsSubset,
        downstream_partitions_def: PartitionsDefinition,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> PartitionsSubset:
        """Return the downstream partitions by the mappings of the dimensions.

        Raises:
            InvalidDefinitionError: If one of the assets lacks the dimensions.
        """
        up, down = self._both(upstream_partitions_subset.partitions_def, downstream_partitions_def)
        now = now_or(current_time)
        every = down.dimension_positions(now, dynamic_partitions_store)
        found: list[PositionRuns] = []
        for block in up.blocks(upstream_partitions_subset.positions):
            parts = list(every)
            for pair in self._pairs(up, down):
                result = pair.downstream(block[pair.up_place], now, dynamic_partitions_store)
                parts[pair.down_place] = result.positions
            found.append(down.block(parts))
        return PartitionsSubset(down, joined(found))

    def validate_partition_mapping(
        self,
        upstream_partitions_def: PartitionsDefinition,
        downstream_partitions_def: PartitionsDefinition | None,
    ) -> None:
        """Check that both assets have the dimensions, and that their mappings fit.

        Raises:
            InvalidDefinitionError: If not.
        """
        needs_partitions(self, downstream_partitions_def, "downstream")
        up, down = self._both(upstream_partitions_def, downstream_partitions_def)
        for pair in self._pairs(up, down):
            pair.mapping.validate_partition_mapping(pair.up, pair.down)

    def _both(
        self, upstream: object, downstream: object
    ) -> tuple[MultiPartitionsDefinition, MultiPartitionsDefinition]:
        mappings = self.downstream_mappings_by_upstream_dimension
        up = _with_dimensions(upstream, "upstream", mappings)
        down = _with_dimensions(
            downstream, "downstream", [m.dimension_name for m in mappings.values()]
        )
        return up, down

    def _pairs(
        self, up: MultiPartitionsDefinition, down: MultiPartitionsDefinition
    ) -> Iterator[_Pair]:
        for upstream, (name, mapping) in self.downstream_mappings_by_upstream_dimension.items():
            yield _Pair(
                up.place_of_dimension(upstream),
                up.get_partitions_def_for_dimension(upstream),
                down.place_of_dimension(name),
                down.get_partitions_def_for_dimension(name),
                mapping,
            )

    def __eq__(self, other: object) -> bool:
        if isinstance(other, MultiPartitionMapping):
            mine = self.downstream_mappings_by_upstream_dimension
            return mine == other.downstream_mappings_by_upstream_dimension
        return NotImplemented

    def __hash__(self) -> int:
        return hash(frozenset(self.downstream_mappings_by_upstream_dimension.items()))

    def __repr__(self) -> str:
        return f"MultiPartitionMapping({self.downstream_mappings_by_upstream_dimension!r})"


class _Pair(NamedTuple):
    """An upstream dimension and its downstream one."""

    up_place: int
    up: PartitionsDefinition
    down_place: int
    down: PartitionsDefinition
    mapping: PartitionMapping

    def upstream(
        self, positions: PositionRuns, now: datetime, store: DynamicPartitionsStore | None
    ) -> UpstreamPartitionsResult:
        """Return the upstream positions of some downstream ones."""
        return self.mapping.get_upstream_mapped_partitions_result_for_partitions(
            PartitionsSubset(self.down, positions), self.up, now, store
        )

    def downstream(
        self, positions: PositionRuns, now: datetime, store: DynamicPartitionsStore | None
    ) -> PartitionsSubset:
        """Return the downstream positions of some upstream ones."""
        return self.mapping.get_downstream_partitions_for_partitions(
            PartitionsSubset(self.up, positions), self.down, now, store
        )


def _is_by_dimension(given: object) -> bool:
    return isinstance(given, Mapping) and all(
        isinstance(name, str)
        and isinstance(each, DimensionPartitionMapping)
        and isinstance(each.partition_mapping, PartitionMapping)
        for name, each in given.items()
    )


def _with_dimensions(
    definition: object, side: str, names: Iterable[str]
) -> MultiPartitionsDefinition:
    if not isinstance(definition, MultiPartitionsDefinition):
        raise InvalidDefinitionError(
            "A MultiPartitionMapping goes between partitions with several dimensions, but those "
            f"of the {side} asset are {definition!r}."
        )
    unknown = [name for name in names if name not in definition.partition_dimension_names]
    if unknown:
        nearest = did_you_mean(unknown[0], definition.partition_dimension_names, noun="There are")
        raise InvalidDefinitionError(
            f"A MultiPartitionMapping names {', '.join(map(repr, unknown))}, which is no dimension "
            f"of the {side} asset. {nearest}"
        )
    return definition


def _with_absent_parts(
    up: MultiPartitionsDefinition,
    parts: Sequence[PositionRuns],
    absent: Mapping[int, Sequence[str]],
) -> list[str]:
    """Return the keys with at least one part that does not exist."""
    if not any(absent.values()):
        return []
    choices = [
        [
            *((definition.key_at(position), True) for position in parts[place]),
            *((key, False) for key in absent.get(place, ())),
        ]
        for place, (_, definition) in enumerate(up.partitions_defs)
    ]
    wanted = (each for each in product(*choices) if not all(exists for _, exists in each))
    names = up.partition_dimension_names
    return [
        MultiPartitionKey(dict(zip(names, (key for key, _ in each), strict=True)))
        for each in wanted
    ]


def dimensions_like(multi: MultiPartitionsDefinition, single: PartitionsDefinition) -> list[str]:
    """Return the names of the dimensions that have the same partitions as another definition."""
    return [each.name for each in multi.partitions_defs if each.partitions_def == single]


class MultiToSingleDimensionPartitionMapping(PartitionMapping):
    """Maps partitions with several dimensions to one dimension, or one to several.

    A key of the one dimension is mapped to all keys that contain it.

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
        """Return the upstream partitions with the same key in the dimension.

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
        """Return the downstream partitions with the same key in the dimension.

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
        """Return the side with several dimensions, and the index of the mapped one."""
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
        """Check that one asset has the other's partitions as a dimension.

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
