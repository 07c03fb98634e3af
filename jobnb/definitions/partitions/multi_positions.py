"""Where each combination of keys stands: dimensions as rows of rows."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache, cached_property
from math import prod
from typing import Any

from jobnb.definitions.partitions.multi_dimensions import (
    DimensionedPartitions,
    PartitionDimensionDefinition,
)
from jobnb.definitions.partitions.multi_partition_key import (
    SEPARATOR,
    MultiPartitionKey,
    check_part,
)
from jobnb.definitions.partitions.partition_keys import (
    DynamicPartitionsStore,
    PartitionKeyRange,
    none_of,
)
from jobnb.definitions.partitions.partition_loading import now_or
from jobnb.definitions.partitions.position_rows import block, blocks, rows
from jobnb.definitions.partitions.position_runs import PositionRuns, joined
from jobnb.errors import UnknownPartitionError

__all__ = ["MultiPositions"]

_ROOM = 1 << 40  # positions along a dimension that may grow without end


def _placing(dimension: PartitionDimensionDefinition) -> Callable[[str], int | None]:
    def placed(part: str) -> int | None:
        return dimension.partitions_def.placed(check_part(dimension.name, part))

    return placed


class MultiPositions(DimensionedPartitions):
    """The positions of partitions with several dimensions: the last one varies fastest."""

    @cached_property
    def sizes(self) -> list[int]:
        """For each dimension but the first, how many positions it has room for."""
        limits = [each.partitions_def.position_limit for each in self._dimensions[1:]]
        return [_ROOM if limit is None else limit for limit in limits]

    @cached_property
    def position_limit(self) -> int | None:
        """A number that no position reaches, or None where there is none."""
        limits = [each.partitions_def.position_limit for each in self._dimensions]
        return None if None in limits else prod(limit or 0 for limit in limits)

    def _place(self, partition_key: str, find: Sequence[Callable[[str], int | None]]) -> int | None:
        parts = self._parts(partition_key)
        if parts is None:
            return None
        position = 0
        for part, each, size in zip(parts, find, (1, *self.sizes), strict=True):
            place = each(part)
            if place is None:
                return None
            position = position * size + place
        return position

    def position_of(self, partition_key: str) -> int | None:
        """Where a key stands, or None where it can be no key."""
        find = [each.partitions_def.position_of for each in self._dimensions]
        return self._place(partition_key, find)

    def placed(self, partition_key: str) -> int | None:
        """Where a key stands, also where a part is seen for the first time."""
        return self._place(partition_key, [_placing(each) for each in self._dimensions])

    def _all_placed(self, partition_keys: Sequence[str]) -> list[int | None]:
        find = [cache(_placing(each)) for each in self._dimensions]  # parts come again and again
        return [self._place(key, find) for key in partition_keys]

    def key_at(self, position: int) -> MultiPartitionKey:
        """The key at a position."""
        parts = []
        for each, size in zip(reversed(self._dimensions[1:]), reversed(self.sizes), strict=True):
            position, place = divmod(position, size)
            parts.append((each.name, each.partitions_def.key_at(place)))
        first = self._dimensions[0]
        parts.append((first.name, first.partitions_def.key_at(position)))
        return MultiPartitionKey.of_parts(tuple(reversed(parts)))

    def block(self, positions: Sequence[PositionRuns]) -> PositionRuns:
        """Where all combinations of some positions of each dimension stand."""
        return block(positions, self.sizes)

    def blocks(self, positions: PositionRuns) -> Iterator[tuple[PositionRuns, ...]]:
        """Some positions as blocks: combinations of positions of each dimension."""
        return blocks(positions, self.sizes)

    def dimension_positions(
        self,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> list[PositionRuns]:
        """For each dimension, where the keys that exist stand."""
        now = now_or(current_time)
        return [
            each.partitions_def.positions(now, dynamic_partitions_store)
            for each in self._dimensions
        ]

    def positions(
        self,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> PositionRuns:
        """Where the combinations of keys that exist stand."""
        return self.block(self.dimension_positions(current_time, dynamic_partitions_store))

    def positions_in_range(
        self,
        partition_key_range: PartitionKeyRange,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> PositionRuns:
        """Where the existing keys from the start to the end of a range stand.

        Raises:
            UnknownPartitionError: If the start or the end does not exist.
        """
        for key in (partition_key_range.start, partition_key_range.end):
            self.validate_partition_key(key, None, dynamic_partitions_store)
        (run,) = super().positions_in_range(partition_key_range).runs or ((0, 0),)
        return self.positions(None, dynamic_partitions_store).between(*run)

    def _unknown(self, partition_keys: Sequence[str]) -> UnknownPartitionError:
        for each, part in zip(self._dimensions, self._parts(partition_keys[0]) or (), strict=False):
            if each.partitions_def.placed(part) is None:
                hint = f"In the dimension {each.name!r}, {part!r} is none."
                return UnknownPartitionError(f"{none_of(partition_keys)} {hint}")
        names = f" {SEPARATOR} ".join(self.partition_dimension_names)
        return UnknownPartitionError(f"{none_of(partition_keys)} Keys are written {names}.")

    # Text

    def told_positions(self, positions: PositionRuns) -> dict[str, Any]:
        """Some positions as rows of what each dimension tells."""
        return self._told(positions, 0)

    def _told(self, positions: PositionRuns, place: int) -> dict[str, Any]:
        definition = self._dimensions[place].partitions_def
        sizes = self.sizes[place:]
        if not sizes:
            return definition.told_positions(positions)
        return {
            "rows": [
                [definition.told_positions(outer), self._told(inner, place + 1)]
                for outer, inner in rows(positions, prod(sizes))
            ]
        }

    def positions_from(self, told: Mapping[str, Any]) -> PositionRuns:
        """The positions that `told_positions` told of.

        Raises:
            UnknownPartitionError: If it names keys that cannot be of these partitions.
        """
        return self._from(told, 0)

    def _from(self, told: Mapping[str, Any], place: int) -> PositionRuns:
        definition = self._dimensions[place].partitions_def
        sizes = self.sizes[place:]
        if not sizes:
            return definition.positions_from(told)
        return joined(
            block([definition.positions_from(outer), self._from(inner, place + 1)], [prod(sizes)])
            for outer, inner in told["rows"]
        )

    def get_serializable_unique_identifier(
        self, dynamic_partitions_store: DynamicPartitionsStore | None = None
    ) -> str:
        """A hash of the dimensions: definitions with the same dimensions share it."""
        parts = [
            f"{name}={each.get_serializable_unique_identifier(dynamic_partitions_store)}"
            for name, each in self._dimensions
        ]
        return hashlib.sha1("\n".join(parts).encode(), usedforsecurity=False).hexdigest()
