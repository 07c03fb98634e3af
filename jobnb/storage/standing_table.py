"""How the partitions of an asset or a job stand, as a table: what both have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from jobnb.definitions.partitions.multi_partitions import MultiPartitionsDefinition
from jobnb.definitions.partitions.partition import PartitionsDefinition
from jobnb.definitions.partitions.partition_subset import PartitionsSubset
from jobnb.definitions.partitions.position_runs import PositionRuns
from jobnb.definitions.partitions.static_partitions import StaticPartitionsDefinition
from jobnb.definitions.partitions.time_window import TimeWindowPartitionsDefinition
from jobnb.errors import InvalidSubsetError, InvariantViolationError, did_you_mean
from jobnb.storage.backfill import PartitionBackfill
from jobnb.storage.partition_history import AssetPartitionStatus

if TYPE_CHECKING:
    from jobnb.storage.instance import Instance

__all__ = ["StandingTable"]


class StandingTable(ABC):
    """Partitions, each with how it stands; read when it is looked at.

    Args:
        name: Whose partitions.
        partitions_def: The partitions.
        instance: Whose history.
        backfill: Makes some of them, where that can be done from here.

    Attributes:
        STATUSES: How a partition can stand, in a word.
        DEED: What is done with a partition, in a word.
        WHEN: What was done with it at the time of its last run, in a word.
    """

    STATUSES: ClassVar[Mapping[str, AssetPartitionStatus | None]]
    DEED: ClassVar[str]
    WHEN: ClassVar[str]

    def __init__(
        self,
        name: str,
        partitions_def: PartitionsDefinition,
        instance: Instance,
        backfill: Callable[..., Any] | None = None,
    ) -> None:
        self.name = name
        self.partitions_def = partitions_def
        self.instance = instance
        self._backfill = backfill

    @abstractmethod
    def _standing(self, keys: Sequence[str]) -> Mapping[str, AssetPartitionStatus | None]:
        """How each of these partitions stands."""

    @abstractmethod
    def last_run(self, key: str) -> tuple[str, float] | None:
        """The run that a partition was last made by, and when; None if it never was."""

    @abstractmethod
    def is_filled_by(self, backfill: PartitionBackfill) -> bool:
        """Whether a backfill makes some of these partitions."""

    @abstractmethod
    def to_pandas(self) -> Any:
        """A frame with a row for each partition."""

    @property
    def keys(self) -> Sequence[str]:
        """All keys that there are now, in order."""
        return self.partitions_def.get_partition_keys(dynamic_partitions_store=self.instance)

    def __len__(self) -> int:
        return self.partitions_def.get_num_partitions(dynamic_partitions_store=self.instance)

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys)

    def statuses(self, keys: Sequence[str] | None = None) -> list[str]:
        """How each partition stands, in the order of the keys: a word of `STATUSES`."""
        keys = self.keys if keys is None else keys
        words: dict[AssetPartitionStatus | None, str] = {}
        for word, status in self.STATUSES.items():
            words.setdefault(status, word)
        found = self._standing(keys)
        return [words[found[key]] for key in keys]

    @property
    def counts(self) -> Mapping[str, int]:
        """How many partitions stand how."""
        found = Counter(self.statuses())
        return {word: found[word] for word in self.STATUSES}

    def subset(self, *statuses: str) -> PartitionsSubset:
        """The partitions that stand in one of these ways.

        Args:
            *statuses: Words of `STATUSES`.

        Raises:
            InvalidSubsetError: If one is none of these.
        """
        for status in statuses:
            if status not in self.STATUSES:
                hint = did_you_mean(status, self.STATUSES, noun="There are")
                raise InvalidSubsetError(f"A partition is never {status!r}. {hint}")
        keys = self.keys
        return self.subset_at(
            keys, (at for at, word in enumerate(self.statuses(keys)) if word in statuses)
        )

    def subset_at(self, keys: Sequence[str], places: Iterable[int]) -> PartitionsSubset:
        """The partitions at some places among `keys`, which are all there are, in order."""
        if not _is_placed_in_order(self.partitions_def):
            return self.partitions_def.subset_with_partition_keys(keys[at] for at in places)
        # No key is read: where they stand is known.
        found = self.partitions_def.positions(dynamic_partitions_store=self.instance)
        positions = list(found)
        return PartitionsSubset(
            self.partitions_def, PositionRuns.of(positions[at] for at in places)
        )

    def backfill(self, partitions: Iterable[str] | None = None, **parameters: Any) -> Any:
        """Make some of the partitions in the background.

        Args:
            partitions: Their keys; all if absent.
            **parameters: Those of `session.backfill`.

        Raises:
            InvariantViolationError: If nothing here makes them.
        """
        if self._backfill is None:
            raise InvariantViolationError(
                f"Nothing here makes {self.name!r}. Ask its session: session.partitions(...)."
            )
        return self._backfill(partitions=partitions, **parameters)

    def __repr__(self) -> str:
        told = ", ".join(
            f"{count:,} {word.replace('_', ' ')}" for word, count in self.counts.items() if count
        )
        return f"<partitions of {self.name}: {told or 'none'}>"


def _is_placed_in_order(partitions_def: PartitionsDefinition) -> bool:
    """Whether positions are in the order of the keys; those of dynamic ones are as first seen."""
    if isinstance(partitions_def, MultiPartitionsDefinition):
        return all(_is_placed_in_order(d.partitions_def) for d in partitions_def.partitions_defs)
    return isinstance(partitions_def, (TimeWindowPartitionsDefinition, StaticPartitionsDefinition))
