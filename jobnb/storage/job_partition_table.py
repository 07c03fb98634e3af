"""How the partitions of one job stand, as a table: each by its last run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Self

from jobnb.errors import InvalidDefinitionError
from jobnb.storage.backfill import PartitionBackfill
from jobnb.storage.partition_history import AssetPartitionStatus
from jobnb.storage.standing_table import StandingTable

if TYPE_CHECKING:
    from jobnb.definitions.jobs.job_definition import JobDefinition
    from jobnb.storage.instance import Instance

__all__ = ["JobPartitionTable"]


class JobPartitionTable(StandingTable):
    """The partitions of a job, each with how its last run ended; read when it is looked at.

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
        >>> table.counts["missing"], table.subset("succeeded").get_partition_keys()
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
        """Give the table of a job's partitions.

        Raises:
            InvalidDefinitionError: If it has none.
        """
        if job.partitions_def is None:
            raise InvalidDefinitionError(
                f"The job {job.name!r} has no partitions. Give it a partitions_def or a "
                "PartitionedConfig."
            )
        return cls(job.name, job.partitions_def, instance, backfill)

    def _standing(self, keys: Sequence[str]) -> Mapping[str, AssetPartitionStatus | None]:
        return self.instance.get_job_status_by_partition(self.name, keys, self.partitions_def)

    def last_run(self, key: str) -> tuple[str, float] | None:
        """The last run for a partition, and when it began; None if there was none."""
        return self.instance.get_last_job_runs(self.name, key, self.partitions_def).get(key)

    def is_filled_by(self, backfill: PartitionBackfill) -> bool:
        """Whether a backfill runs the job."""
        return backfill.job_name == self.name

    def to_pandas(self) -> Any:
        """A frame with a row for each partition: key, status, its last run and when that began."""
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
