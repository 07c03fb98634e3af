"""Tables of an asset's or a job's partitions by status, and what both have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Self

from jobnb.definitions.keys import AssetKey
from jobnb.definitions.partitions.multi_partitions import MultiPartitionsDefinition
from jobnb.definitions.partitions.partition import PartitionsDefinition
from jobnb.definitions.partitions.partition_subset import PartitionsSubset
from jobnb.definitions.partitions.position_runs import PositionRuns
from jobnb.definitions.partitions.static_partitions import StaticPartitionsDefinition
from jobnb.definitions.partitions.time_window import TimeWindowPartitionsDefinition
from jobnb.errors import (
    InvalidDefinitionError,
    InvalidSubsetError,
    InvariantViolationError,
    did_you_mean,
)
from jobnb.storage.backfill import PartitionBackfill
from jobnb.storage.partition_history import AssetPartitionStatus

if TYPE_CHECKING:
    from jobnb.definitions.jobs.job_definition import JobDefinition
    from jobnb.state import StepStatus
    from jobnb.storage.instance import Instance


class StatusTable(ABC):
    """Partitions with their statuses, read from the history when used.

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
    def _statuses_of(self, keys: Sequence[str]) -> Mapping[str, AssetPartitionStatus | None]:
        """Return the status of each of these partitions."""

    @abstractmethod
    def last_run(self, key: str) -> tuple[str, float] | None:
        """Return the run that a partition was last made by, and when; None if it never was."""

    @abstractmethod
    def is_filled_by(self, backfill: PartitionBackfill) -> bool:
        """Whether a backfill makes some of these partitions."""

    @abstractmethod
    def to_pandas(self) -> Any:
        """Return a frame with a row for each partition."""

    @property
    def keys(self) -> Sequence[str]:
        """All present keys, in order."""
        return self.partitions_def.get_partition_keys(dynamic_partitions_store=self.instance)

    def __len__(self) -> int:
        return self.partitions_def.get_num_partitions(dynamic_partitions_store=self.instance)

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys)

    def statuses(self, keys: Sequence[str] | None = None) -> list[str]:
        """Return the status of each partition, in the order of the keys: a word of `STATUSES`."""
        keys = self.keys if keys is None else keys
        words: dict[AssetPartitionStatus | None, str] = {}
        for word, status in self.STATUSES.items():
            words.setdefault(status, word)
        found = self._statuses_of(keys)
        return [words[found[key]] for key in keys]

    @property
    def counts(self) -> Mapping[str, int]:
        """The number of partitions by status."""
        found = Counter(self.statuses())
        return {word: found[word] for word in self.STATUSES}

    def subset(self, *statuses: str) -> PartitionsSubset:
        """Return the partitions that stand in one of these ways.

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
        """Return the partitions at some places among `keys`, which are all there are, in order."""
        if not _is_placed_in_order(self.partitions_def):
            return self.partitions_def.subset_with_partition_keys(keys[at] for at in places)
        # No key is read: where they stand is known.
        found = self.partitions_def.positions(dynamic_partitions_store=self.instance)
        positions = list(found)
        return PartitionsSubset(
            self.partitions_def, PositionRuns.of(positions[at] for at in places)
        )

    def backfill(self, partitions: Iterable[str] | None = None, **parameters: Any) -> Any:
        """Materialize some of the partitions in the background.

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


LEFT_OUT = ("skipped", "blocked")
"""The statuses of partitions that a failed run did not try."""


class PartitionTable(StatusTable):
    """The partitions of an asset with their statuses, read from the history when used.

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
        >>> table.counts["missing"], list(table.subset("materialized").get_partition_keys())
        (1, ['b'])
    """

    STATUSES: ClassVar[Mapping[str, AssetPartitionStatus | None]] = {
        "missing": None,
        "materialized": AssetPartitionStatus.MATERIALIZED,
        "failed": AssetPartitionStatus.FAILED,
        "in_progress": AssetPartitionStatus.IN_PROGRESS,
        **dict.fromkeys(LEFT_OUT, AssetPartitionStatus.FAILED),
    }
    DEED = "Materialize"
    WHEN = "made"

    def __init__(
        self,
        asset_key: AssetKey,
        partitions_def: PartitionsDefinition,
        instance: Instance,
        backfill: Callable[..., Any] | None = None,
    ) -> None:
        super().__init__(asset_key.to_user_string(), partitions_def, instance, backfill)
        self.asset_key = asset_key
        self._left_out: dict[str, StepStatus | None] = {}

    def _statuses_of(self, keys: Sequence[str]) -> Mapping[str, AssetPartitionStatus | None]:
        return self.instance.get_status_by_partition(self.asset_key, keys, self.partitions_def)

    def statuses(self, keys: Sequence[str] | None = None) -> list[str]:
        """Return the status of each partition, in the order of the keys: a word of `STATUSES`.

        Of those whose last run failed, `skipped` and `blocked` are distinguished from `failed`.
        """
        keys = self.keys if keys is None else keys
        found = super().statuses(keys)
        if "failed" not in found:
            return found
        never_tried = self.instance.untried_partitions(self.asset_key, self._left_out)
        return [
            never_tried[key].value if word == "failed" and key in never_tried else word
            for key, word in zip(keys, found, strict=True)
        ]

    def last_run(self, key: str) -> tuple[str, float] | None:
        """Return the run that last made a partition, and when; None if it was never made."""
        found = self.instance.get_latest_materialization_by_partition(self.asset_key, [key])
        made = found.get(key)
        return (made.run_id, made.timestamp) if made is not None else None

    def is_filled_by(self, backfill: PartitionBackfill) -> bool:
        """Whether a backfill makes the asset."""
        return self.asset_key in backfill.asset_selection

    def to_pandas(self) -> Any:
        """Return a frame with a row per partition: key, status, time and run."""
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


class JobPartitionTable(StatusTable):
    """The partitions of a job with their last runs, read from the history when used.

    `session.partitions("job")` gives it; a cell shows it as a calendar or matrix in which
    partitions can be selected and launched.

    Args:
        name: The name of the job.
        partitions_def: Its partitions.
        instance: Whose history.
        backfill: Runs some of them, where that can be done from here.

    Example:
        >>> from jobnb import Instance, StaticPartitionsDefinition, job, op
        >>> letters_def = StaticPartitionsDefinition(["a", "b"])
        >>> @op
        ... def load(): ...
        >>> @job(partitions_def=letters_def)
        ... def letters():
        ...     load()
        >>> instance = Instance.ephemeral()
        >>> done = letters.execute_in_process(partition_key="b", instance=instance)
        >>> table = JobPartitionTable("letters", letters_def, instance)
        >>> table.counts["missing"], list(table.subset("succeeded").get_partition_keys())
        (1, ['b'])
    """

    STATUSES: ClassVar[Mapping[str, AssetPartitionStatus | None]] = {
        "missing": None,
        "succeeded": AssetPartitionStatus.MATERIALIZED,
        "failed": AssetPartitionStatus.FAILED,
        "in_progress": AssetPartitionStatus.IN_PROGRESS,
    }
    DEED = "Launch"
    WHEN = "began"

    @classmethod
    def of_job(cls, job: JobDefinition, instance: Instance, backfill: Any) -> Self:
        """Create the table of a job's partitions.

        Raises:
            InvalidDefinitionError: If it has none.
        """
        if job.partitions_def is None:
            raise InvalidDefinitionError(
                f"The job {job.name!r} has no partitions. Give it a partitions_def or a "
                "PartitionedConfig."
            )
        return cls(job.name, job.partitions_def, instance, backfill)

    def _statuses_of(self, keys: Sequence[str]) -> Mapping[str, AssetPartitionStatus | None]:
        return self.instance.get_job_status_by_partition(self.name, keys, self.partitions_def)

    def last_run(self, key: str) -> tuple[str, float] | None:
        """Return the last run for a partition, and when it began; None if there was none."""
        return self.instance.get_last_job_runs(self.name, key, self.partitions_def).get(key)

    def is_filled_by(self, backfill: PartitionBackfill) -> bool:
        """Whether a backfill runs the job."""
        return backfill.job_name == self.name

    def to_pandas(self) -> Any:
        """Return a frame with a row per partition: key, status, last run and its beginning."""
        import pandas as pd

        keys = self.keys
        latest = self.instance.get_last_job_runs(self.name, partitions_def=self.partitions_def)
        runs = [latest.get(key) for key in keys]
        times = [datetime.fromtimestamp(run[1], UTC) if run else None for run in runs]
        return pd.DataFrame(
            {
                "partition": list(keys),
                "status": self.statuses(keys),
                "began": pd.to_datetime(pd.Series(times, dtype="object"), utc=True),
                "run_id": [run[0] if run else None for run in runs],
            }
        )
