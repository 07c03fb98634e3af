"""How the partitions of one asset stand, as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from jobnb.definitions.keys import AssetKey
from jobnb.definitions.partitions.multi_partitions import MultiPartitionsDefinition
from jobnb.definitions.partitions.partition import PartitionsDefinition
from jobnb.definitions.partitions.partition_subset import PartitionsSubset
from jobnb.definitions.partitions.position_runs import PositionRuns
from jobnb.definitions.partitions.static_partitions import StaticPartitionsDefinition
from jobnb.definitions.partitions.time_window import TimeWindowPartitionsDefinition
from jobnb.errors import InvalidSubsetError, InvariantViolationError, did_you_mean
from jobnb.storage.partition_history import AssetPartitionStatus

if TYPE_CHECKING:
    from jobnb.storage.instance import Instance

__all__ = ["STATUSES", "PartitionTable"]

STATUSES: Mapping[str, AssetPartitionStatus | None] = {
    "missing": None,
    "materialized": AssetPartitionStatus.MATERIALIZED,
    "failed": AssetPartitionStatus.FAILED,
    "in_progress": AssetPartitionStatus.IN_PROGRESS,
}
"""How a partition can stand, in a word."""


class PartitionTable:
    """The partitions of an asset, each with how it stands; read when it is looked at.

    `session.partitions("asset")` gives it; a cell shows it as a calendar or matrix in which
    partitions can be selected and made.

    Args:
        asset_key: The asset.
        partitions_def: Its partitions.
        instance: Whose history.
        backfill: Makes some of them, where that can be done from here.

    Example:
        >>> from jobnb import Instance, StaticPartitionsDefinition, asset, materialize
        >>> letters_def = StaticPartitionsDefinition(["a", "b"])
        >>> @asset(partitions_def=letters_def)
        ... def letters(): ...
        >>> instance = Instance.ephemeral()
        >>> made = materialize([letters], instance=instance, partition_key="b")
        >>> table = PartitionTable(letters.key, letters_def, instance)
        >>> table.counts["missing"], table.subset("materialized").get_partition_keys()
        (1, ['b'])
    """

    def __init__(
        self,
        asset_key: AssetKey,
        partitions_def: PartitionsDefinition,
        instance: Instance,
        backfill: Callable[..., Any] | None = None,
    ) -> None:
        self.asset_key = asset_key
        self.partitions_def = partitions_def
        self.instance = instance
        self._backfill = backfill

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
        words = {status: word for word, status in STATUSES.items()}
        found = self.instance.get_status_by_partition(self.asset_key, keys, self.partitions_def)
        return [words[found[key]] for key in keys]

    @property
    def counts(self) -> Mapping[str, int]:
        """How many partitions stand how."""
        found = Counter(self.statuses())
        return {word: found[word] for word in STATUSES}

    def subset(self, *statuses: str) -> PartitionsSubset:
        """The partitions that stand in one of these ways.

        Args:
            *statuses: `missing`, `materialized`, `failed` or `in_progress`.

        Raises:
            InvalidSubsetError: If one is none of these.
        """
        for status in statuses:
            if status not in STATUSES:
                hint = did_you_mean(status, STATUSES, noun="There are")
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
            InvariantViolationError: If nothing here makes the asset.
        """
        if self._backfill is None:
            raise InvariantViolationError(
                f"Nothing here makes {self.asset_key.to_user_string()!r}. "
                "Ask its session: session.partitions(...)."
            )
        return self._backfill(partitions=partitions, **parameters)

    def to_pandas(self) -> Any:
        """A frame with a row for each partition: key, status, when and by which run it was made."""
        import pandas as pd

        keys = self.keys
        latest = self.instance.get_latest_materialization_by_partition(self.asset_key, keys)
        made = [latest.get(key) for key in keys]
        times = [datetime.fromtimestamp(m.timestamp, UTC) if m else None for m in made]
        return pd.DataFrame(
            {
                "partition": list(keys),
                "status": self.statuses(keys),
                "made": pd.to_datetime(pd.Series(times, dtype="object"), utc=True),
                "run_id": [each.run_id if each else None for each in made],
            }
        )

    def __repr__(self) -> str:
        told = ", ".join(
            f"{count:,} {word.replace('_', ' ')}" for word, count in self.counts.items() if count
        )
        return f"<partitions of {self.asset_key.to_user_string()}: {told or 'none'}>"


def _is_placed_in_order(partitions_def: PartitionsDefinition) -> bool:
    """Whether positions are in the order of the keys; those of dynamic ones are as first seen."""
    if isinstance(partitions_def, MultiPartitionsDefinition):
        return all(_is_placed_in_order(d.partitions_def) for d in partitions_def.partitions_defs)
    return isinstance(partitions_def, (TimeWindowPartitionsDefinition, StaticPartitionsDefinition))
