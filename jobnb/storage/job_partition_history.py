"""The part of an instance that knows how the partitions of jobs stand: by their last runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from jobnb.definitions.partitions.partition import PartitionsDefinition
from jobnb.definitions.partitions.partition_keys import (
    RANGE_END_TAG,
    RANGE_START_TAG,
    SUBSET_TAG,
    PartitionKeyRange,
)
from jobnb.errors import JobnbError
from jobnb.state import RunStatus
from jobnb.storage.history import History
from jobnb.storage.partition_history import AssetPartitionStatus

__all__ = ["JobPartitionHistory"]

_STANDING = {
    RunStatus.SUCCESS: AssetPartitionStatus.MATERIALIZED,
    RunStatus.FAILURE: AssetPartitionStatus.FAILED,
}


class JobPartitionHistory(History):
    """Partitions of jobs: for which of them a job ran, and how the last run ended."""

    def get_job_status_by_partition(
        self,
        job_name: str,
        partition_keys: Iterable[str],
        partitions_def: PartitionsDefinition | None = None,
        since: float | None = None,
    ) -> Mapping[str, AssetPartitionStatus | None]:
        """How each of these partitions of a job stands by its last run; None if it never ran.

        A run that was canceled changes nothing. MATERIALIZED says that the last run succeeded.

        Args:
            job_name: The job.
            partition_keys: The partitions.
            partitions_def: What they are partitions of; with it, runs for several count too.
            since: Only runs that go on or ended at this moment or later, in seconds since the
                epoch.

        Example:
            >>> from jobnb import Instance, StaticPartitionsDefinition, job, op
            >>> @op
            ... def load(context):
            ...     return context.partition_key
            >>> @job(partitions_def=StaticPartitionsDefinition(["a", "b"]))
            ... def letters():
            ...     load()
            >>> instance = Instance.ephemeral()
            >>> done = letters.execute_in_process(partition_key="b", instance=instance)
            >>> instance.get_job_status_by_partition("letters", ["a", "b"])
            {'a': None, 'b': <AssetPartitionStatus.MATERIALIZED: 'MATERIALIZED'>}
        """
        from jobnb.storage import job_partition_queries

        last = self._read(lambda c: job_partition_queries.last_runs(c, job_name, since))
        if partitions_def is not None:
            several = self._read(lambda c: job_partition_queries.runs_for_several(c, job_name))
            for run in several:
                if since is None or run.ended is None or run.ended >= since:
                    for key in self._keys_in(run.tags, partitions_def):
                        if key not in last or last[key][0] < run.place:
                            last[key] = (run.place, run.status)
        under_way = AssetPartitionStatus.IN_PROGRESS
        told = {key: _STANDING.get(status, under_way) for key, (_, status) in last.items()}
        return {key: told.get(key) for key in partition_keys}

    def get_last_job_runs(
        self,
        job_name: str,
        partition_key: str | None = None,
        partitions_def: PartitionsDefinition | None = None,
    ) -> Mapping[str, tuple[str, float]]:
        """By partition, the last run of a job that was not canceled, and when it was created.

        Args:
            job_name: The job.
            partition_key: For this partition only.
            partitions_def: What it is a partition of; with it, runs for several count too.
        """
        from jobnb.storage import job_partition_queries

        last = self._read(lambda c: job_partition_queries.begun_runs(c, job_name, partition_key))
        if partitions_def is not None:
            several = self._read(lambda c: job_partition_queries.runs_for_several(c, job_name))
            for run in several:
                for key in self._keys_in(run.tags, partitions_def):
                    asked = partition_key is None or key == partition_key
                    if asked and (key not in last or last[key][0] < run.place):
                        last[key] = (run.place, run.run_id, run.created)
        return {key: (run_id, created) for key, (_, run_id, created) in last.items()}

    def _keys_in(
        self, tags: Mapping[str, str], partitions_def: PartitionsDefinition
    ) -> Iterator[str]:
        """The partitions that the tags of a run name, of those that there still are."""
        store: Any = self
        try:
            if SUBSET_TAG in tags:
                yield from map(str, partitions_def.deserialize_subset(tags[SUBSET_TAG]))
            elif RANGE_START_TAG in tags and RANGE_END_TAG in tags:
                ends = PartitionKeyRange(tags[RANGE_START_TAG], tags[RANGE_END_TAG])
                yield from map(str, partitions_def.get_partition_keys_in_range(ends, store))
        except JobnbError:
            return  # the job has other partitions by now
