"""`PartitionsSubset`: a set of partitions whose size does not grow with their number."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from jobnb.definitions.partitions.partition_keys import DynamicPartitionsStore, PartitionKeyRange
from jobnb.definitions.partitions.position_runs import NO_POSITIONS, PositionRuns
from jobnb.errors import InvalidInvocationError, InvalidSubsetError, UnknownPartitionError

if TYPE_CHECKING:
    from jobnb.definitions.partitions.partition import PartitionsDefinition


_VERSION = 1


class PartitionsSubset:
    """A frozen set of partition keys of one definition, stored as runs of positions.

    Args:
        partitions_def: The partitions that the keys are of.
        positions: The positions of the keys; usually the definition creates its subsets.

    A subset may hold keys that do not exist now: windows that have not ended, and keys of
    dynamic partitions that were deleted.

    Example:
        >>> from jobnb.definitions.partitions.calendar_partitions import DailyPartitionsDefinition
        >>> days = DailyPartitionsDefinition("2013-01-01", end_date="2014-01-01")
        >>> january = days.empty_subset().with_partition_key_range(
        ...     PartitionKeyRange("2013-01-01", "2013-01-31")
        ... )
        >>> rest = days.subset_with_all_partitions() - january
        >>> len(january), len(rest), "2013-02-01" in rest
        (31, 334, True)

    Source: Dagster's `PartitionsSubset`.
    """

    __slots__ = ("partitions_def", "positions")

    def __init__(
        self, partitions_def: PartitionsDefinition, positions: PositionRuns = NO_POSITIONS
    ) -> None:
        self.partitions_def = partitions_def
        self.positions = positions

    @classmethod
    def empty_subset(cls, partitions_def: PartitionsDefinition) -> PartitionsSubset:
        """Return the subset without any key."""
        return cls(partitions_def)

    @property
    def is_empty(self) -> bool:
        """Whether there is no key in it."""
        return not self.positions

    # Keys

    def get_partition_keys(self, current_time: datetime | None = None) -> Collection[str]:
        """Return the keys, in the order of the definition.

        Keys of time windows are a list. Others are a view, as of a dictionary's keys: it has an
        order too, and equals a set of the same keys.
        """
        return self._keys(self)

    def get_partition_keys_not_in_subset(
        self,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> Collection[str]:
        """Return the keys that exist and are not in this subset: a list or a view, as of the keys.

        Args:
            current_time: The current time, for time partitions.
            dynamic_partitions_store: The store of dynamic partition keys.
        """
        every = self.partitions_def.positions(current_time, dynamic_partitions_store)
        return self._keys(map(self.partitions_def.key_at, every - self.positions))

    def _keys(self, keys: Iterable[str]) -> Collection[str]:
        return list(keys) if self.partitions_def.is_in_time else dict.fromkeys(keys).keys()

    def get_partition_key_ranges(
        self,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> Sequence[PartitionKeyRange]:
        """Return the keys as the fewest possible ranges.

        Args:
            current_time: The current time, for time partitions.
            dynamic_partitions_store: The store of dynamic partition keys.
        """
        return self.partitions_def.key_ranges(
            self.positions, current_time, dynamic_partitions_store
        )

    def key_at(self, index: int) -> str:
        """Return the key at an index, from 0, without computing the others.

        Raises:
            IndexError: If there are not that many keys.
        """
        return self.partitions_def.key_at(self.positions.nth(index))

    def index_of(self, partition_key: str) -> int:
        """Return the index of a key in the subset.

        Raises:
            UnknownPartitionError: If it is not in the subset.
        """
        position = self.partitions_def.position_of(partition_key)
        if position is None or position not in self.positions:
            raise UnknownPartitionError(f"The partition {partition_key!r} is not in this subset.")
        return self.positions.rank(position)

    def __iter__(self) -> Iterator[str]:
        return map(self.partitions_def.key_at, self.positions)

    def __len__(self) -> int:
        return self.positions.count

    def __contains__(self, partition_key: object) -> bool:
        if not isinstance(partition_key, str):
            return False
        position = self.partitions_def.position_of(partition_key)
        return position is not None and position in self.positions

    # Algebra

    def _with(self, positions: PositionRuns) -> PartitionsSubset:
        return PartitionsSubset(self.partitions_def, positions)

    def with_partition_keys(self, partition_keys: Iterable[str]) -> PartitionsSubset:
        """Return the union of this subset and some keys.

        Raises:
            UnknownPartitionError: If some cannot be keys of the definition; names them all.
        """
        return self._with(self.positions | self.partitions_def.positions_of(partition_keys))

    def with_partition_key_range(
        self,
        partition_key_range: PartitionKeyRange,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> PartitionsSubset:
        """Return the union of this subset and a range of keys, both ends included.

        Raises:
            UnknownPartitionError: If the start or the end is no key.
        """
        more = self.partitions_def.positions_in_range(partition_key_range, dynamic_partitions_store)
        return self._with(self.positions | more)

    def __or__(self, other: PartitionsSubset) -> PartitionsSubset:
        return self._with(self.positions | self._checked(other))

    def __and__(self, other: PartitionsSubset) -> PartitionsSubset:
        return self._with(self.positions & self._checked(other))

    def __sub__(self, other: PartitionsSubset) -> PartitionsSubset:
        return self._with(self.positions - self._checked(other))

    def _checked(self, other: PartitionsSubset) -> PositionRuns:
        if self.partitions_def is not other.partitions_def and (
            self.partitions_def != other.partitions_def
        ):
            raise InvalidInvocationError(
                "Two subsets can be joined or compared if they are of the same partitions; these "
                f"are of {self.partitions_def!r} and {other.partitions_def!r}."
            )
        return other.positions

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PartitionsSubset):
            return NotImplemented
        return (self.partitions_def, self.positions) == (other.partitions_def, other.positions)

    def __hash__(self) -> int:
        return hash((self.partitions_def, self.positions))

    def __repr__(self) -> str:
        shown = ", ".join(repr(self.key_at(index)) for index in range(min(3, len(self))))
        more = f", and {len(self) - 3} more" if len(self) > 3 else ""
        return f"PartitionsSubset({shown}{more})"

    # Text

    def serialize(self) -> str:
        """Encode the subset as JSON text that stays valid if the definition's start moves."""
        told = self.partitions_def.positions_json(self.positions)
        return json.dumps({"version": _VERSION, **told}, separators=(",", ":"))

    @classmethod
    def deserialize(cls, partitions_def: PartitionsDefinition, serialized: str) -> PartitionsSubset:
        """Decode a subset.

        Raises:
            InvalidSubsetError: If the text is no subset of such partitions.
            UnknownPartitionError: If it names keys that the definition cannot have.
        """
        told = _read(serialized)
        try:
            return cls(partitions_def, partitions_def.positions_from(told))
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, UnknownPartitionError):
                raise
            raise InvalidSubsetError(
                f"{serialized[:80]!r} does not tell of a subset of {partitions_def!r}: it was "
                "written for partitions of another kind."
            ) from None

    from_serialized = deserialize

    def __reduce__(self) -> tuple[Any, ...]:
        return PartitionsSubset.deserialize, (self.partitions_def, self.serialize())


def _read(serialized: str) -> dict[str, Any]:
    try:
        told = json.loads(serialized)
    except (ValueError, TypeError) as error:
        raise InvalidSubsetError(f"{serialized!r:.80} is no partitions subset: {error}.") from None
    if not isinstance(told, dict) or told.get("version") != _VERSION:
        raise InvalidSubsetError(
            f"{serialized[:80]!r} is no partitions subset, or one that a later version wrote."
        )
    return told
