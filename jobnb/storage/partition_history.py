"""The part of an instance that reads partitions' statuses, and stores dynamic partitions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any

from jobnb.definitions.keys import AssetKey, CoercibleToAssetKey
from jobnb.definitions.partitions.partition_keys import (
    RANGE_END_TAG,
    RANGE_START_TAG,
    SUBSET_TAG,
    PartitionKeyRange,
    check_partition_keys,
)
from jobnb.definitions.plain import check_text
from jobnb.errors import JobnbError
from jobnb.state import RunStatus, StepStatus
from jobnb.storage.cursors import cursor_place
from jobnb.storage.records import EventLogRecord

if TYPE_CHECKING:
    from jobnb.definitions.partitions.partition import PartitionsDefinition
    from jobnb.definitions.partitions.partition_loading import PaginatedResults
    from jobnb.storage.history import History


class AssetPartitionStatus(Enum):
    """The status of a partition of an asset.

    Source: Dagster's `AssetPartitionStatus`.
    """

    MATERIALIZED = "MATERIALIZED"
    IN_PROGRESS = "IN_PROGRESS"
    FAILED = "FAILED"


_STANDING = {
    RunStatus.SUCCESS: AssetPartitionStatus.MATERIALIZED,
    RunStatus.FAILURE: AssetPartitionStatus.FAILED,
}


class PartitionHistory:
    """Reads which partitions were materialized or failed; stores the keys of dynamic ones.

    Args:
        history: What it reads and writes.
    """

    def __init__(self, history: History) -> None:
        self._history = history

    def get_materialized_partitions(
        self,
        asset_key: CoercibleToAssetKey,
        before_cursor: int | None = None,
        after_cursor: int | None = None,
    ) -> set[str]:
        """Return the partitions of an asset that were made, whatever happened to them since.

        Args:
            asset_key: The asset.
            before_cursor: Only by events before this storage id.
            after_cursor: Only by events after this storage id.

        Example:
            >>> from jobnb import Instance, StaticPartitionsDefinition, asset, materialize
            >>> @asset(partitions_def=StaticPartitionsDefinition(["a", "b"]))
            ... def letters(): ...
            >>> instance = Instance.ephemeral()
            >>> made = materialize([letters], instance=instance, partition_key="b")
            >>> instance.get_materialized_partitions("letters")
            {'b'}

        Source: Dagster's `DagsterInstance.get_materialized_partitions`.
        """
        from jobnb.storage import partition_queries

        key = _text(asset_key)
        return self._history.read(
            lambda connection: partition_queries.made_partitions(
                connection, key, before_cursor, after_cursor
            )
        )

    def get_partitions_made_since(
        self, asset_key: CoercibleToAssetKey, timestamp: float
    ) -> set[str]:
        """Return the partitions of an asset that were last made after a moment.

        Args:
            asset_key: The asset.
            timestamp: In seconds since the epoch.
        """
        from jobnb.storage import partition_queries

        key = _text(asset_key)
        return self._history.read(
            lambda connection: partition_queries.made_since(connection, key, timestamp)
        )

    def get_materialization_count_by_partition(
        self, asset_keys: Sequence[CoercibleToAssetKey], after_cursor: int | None = None
    ) -> Mapping[AssetKey, Mapping[str, int]]:
        """Count the materializations of each partition.

        Args:
            asset_keys: The assets.
            after_cursor: Only events after this storage id count.

        Source: Dagster's `DagsterInstance.get_materialization_count_by_partition`.
        """
        from jobnb.storage import partition_queries

        keys = {each: each.to_string() for each in map(AssetKey.from_coercible, asset_keys)}
        found = self._history.read(
            lambda connection: partition_queries.made_counts(
                connection, list(keys.values()), after_cursor
            )
        )
        return {key: found.get(text, {}) for key, text in keys.items()}

    def get_status_by_partition(
        self,
        asset_key: CoercibleToAssetKey,
        partition_keys: Sequence[str],
        partitions_def: Any = None,
    ) -> Mapping[str, AssetPartitionStatus | None]:
        """Return each partition's status; None if it was never tried.

        A partition under way is IN_PROGRESS whatever it was before; one whose last run failed is
        FAILED until it is made again; a run that was canceled changes nothing.

        Args:
            asset_key: The asset.
            partition_keys: The partitions.
            partitions_def: Accepted as Dagster does.

        Source: Dagster's `DagsterInstance.get_status_by_partition`.
        """
        from jobnb.storage import partition_queries

        key = _text(asset_key)
        made, failed, begun = self._history.read(
            lambda connection: partition_queries.standing(connection, key)
        )
        known: dict[str, AssetPartitionStatus] = dict.fromkeys(
            made, AssetPartitionStatus.MATERIALIZED
        )
        known.update(dict.fromkeys(failed, AssetPartitionStatus.FAILED))
        known.update(dict.fromkeys(begun, AssetPartitionStatus.IN_PROGRESS))
        return dict(zip(partition_keys, map(known.get, partition_keys), strict=True))

    def unfinished_partitions(
        self, asset_key: CoercibleToAssetKey
    ) -> tuple[Sequence[str], Sequence[str]]:
        """Return the partitions of an asset that failed since they were made, and those under way.

        Args:
            asset_key: The asset.
        """
        from jobnb.storage import partition_queries

        key = _text(asset_key)
        return self._history.read(lambda connection: partition_queries.unfinished(connection, key))

    def untried_partitions(
        self,
        asset_key: CoercibleToAssetKey,
        known: dict[str, StepStatus | None] | None = None,
    ) -> Mapping[str, StepStatus]:
        """Return the partitions whose last run failed without trying them: skipped, or blocked.

        Args:
            asset_key: The asset.
            known: How the asset's step stood in a run that failed; None where it was tried. What
                is read is added: a run that has ended stays as it is.
        """
        from jobnb.storage import partition_queries

        key, seen = _text(asset_key), {} if known is None else known
        return self._history.read(
            lambda connection: partition_queries.untried(connection, key, seen)
        )

    def note_untried_partitions(
        self, backfill_id: str, partitions: Mapping[AssetKey, Iterable[str]]
    ) -> None:
        """Record that a backfill did not try partitions, as an upstream asset failed.

        Args:
            backfill_id: The backfill.
            partitions: The keys of the partitions, by asset.
        """
        from jobnb.storage import writing

        places = [(_text(key), name) for key, names in partitions.items() for name in names]
        note = writing.note_untried
        self._history.write(lambda connection: note(connection, backfill_id, places))

    def get_latest_materialization_by_partition(
        self, asset_key: CoercibleToAssetKey, partition_keys: Iterable[str] | None = None
    ) -> Mapping[str, EventLogRecord]:
        """Return the last materialization of each materialized partition.

        Args:
            asset_key: The asset.
            partition_keys: Of these only.
        """
        from jobnb.storage import partition_queries

        key = _text(asset_key)
        return self._history.read(
            lambda connection: partition_queries.latest_records(connection, key, partition_keys)
        )

    def wipe_asset_partitions(
        self, asset_key: CoercibleToAssetKey, partition_keys: Sequence[str]
    ) -> None:
        """Delete the records of partitions of an asset; logs of runs stay.

        Source: Dagster's `DagsterInstance.wipe_asset_partitions`.
        """
        from jobnb.storage import asset_queries

        key = AssetKey.from_coercible(asset_key)
        self._history.write(
            lambda connection: asset_queries.remove_partitions(connection, key, partition_keys)
        )

    # -- partitions of jobs, by their last runs

    def get_job_status_by_partition(
        self,
        job_name: str,
        partition_keys: Iterable[str],
        partitions_def: PartitionsDefinition | None = None,
        since: float | None = None,
    ) -> Mapping[str, AssetPartitionStatus | None]:
        """Return the status of the last run by partition, or None.

        A run that was canceled changes nothing. MATERIALIZED says that the last run succeeded.

        Args:
            job_name: The job.
            partition_keys: The partitions.
            partitions_def: What they are partitions of; with it, runs for several count too.
            since: Only runs that are active or ended at this moment or later, in seconds since the
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
        from jobnb.storage import partition_queries

        last = self._history.read(lambda c: partition_queries.last_runs(c, job_name, since))
        if partitions_def is not None:
            several = self._history.read(lambda c: partition_queries.runs_for_several(c, job_name))
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
        """Return a job's last run, not canceled, by partition, with its time.

        Args:
            job_name: The job.
            partition_key: For this partition only.
            partitions_def: What it is a partition of; with it, runs for several count too.
        """
        from jobnb.storage import partition_queries

        last = self._history.read(
            lambda c: partition_queries.begun_runs(c, job_name, partition_key)
        )
        if partitions_def is not None:
            several = self._history.read(lambda c: partition_queries.runs_for_several(c, job_name))
            for run in several:
                for key in self._keys_in(run.tags, partitions_def):
                    asked = partition_key is None or key == partition_key
                    if asked and (key not in last or last[key][0] < run.place):
                        last[key] = (run.place, run.run_id, run.created)
        return {key: (run_id, created) for key, (_, run_id, created) in last.items()}

    def _keys_in(
        self, tags: Mapping[str, str], partitions_def: PartitionsDefinition
    ) -> Iterator[str]:
        """Iterate over the partitions in the tags of a run, of those that still exist."""
        try:
            if SUBSET_TAG in tags:
                yield from map(str, partitions_def.deserialize_subset(tags[SUBSET_TAG]))
            elif RANGE_START_TAG in tags and RANGE_END_TAG in tags:
                ends = PartitionKeyRange(tags[RANGE_START_TAG], tags[RANGE_END_TAG])
                yield from map(str, partitions_def.get_partition_keys_in_range(ends, self))
        except JobnbError:
            return  # the job has other partitions by now

    # -- dynamic partitions

    def add_dynamic_partitions(
        self, partitions_def_name: str, partition_keys: Sequence[str]
    ) -> None:
        """Add partitions to a dynamic definition; those that it has stay where they are.

        Raises:
            InvalidDefinitionError: If one of the keys cannot be a key.

        Source: Dagster's `DagsterInstance.add_dynamic_partitions`.
        """
        from jobnb.storage import named_queries

        check_text(partitions_def_name, "The name of dynamic partitions")
        given = (
            partition_keys if isinstance(partition_keys, str) else [*dict.fromkeys(partition_keys)]
        )
        keys = check_partition_keys(given, f"the dynamic partitions {partitions_def_name!r}")
        self._history.write(
            lambda connection: named_queries.add_partitions(connection, partitions_def_name, keys)
        )

    def get_dynamic_partitions(self, partitions_def_name: str) -> Sequence[str]:
        """Return the partitions of a dynamic definition, in the order in which they were added.

        Source: Dagster's `DagsterInstance.get_dynamic_partitions`.
        """
        from jobnb.storage import named_queries

        return self._history.read(
            lambda connection: named_queries.partitions(connection, partitions_def_name)
        )

    def get_paginated_dynamic_partitions(
        self,
        partitions_def_name: str,
        limit: int,
        ascending: bool,
        cursor: str | None = None,
    ) -> PaginatedResults:
        """Return some partitions of a dynamic definition.

        Args:
            partitions_def_name: The definition.
            limit: How many at most.
            ascending: In the order in which they were added; else the latest first.
            cursor: That of the page before.

        Source: Dagster's `DagsterInstance.get_paginated_dynamic_partitions`.
        """
        from jobnb.storage import named_queries

        after = cursor_place(cursor, "dynamic partitions")
        rows = self._history.read(
            lambda connection: named_queries.partition_page(
                connection, partitions_def_name, limit + 1, ascending, after
            )
        )
        page = rows[:limit]
        last = str(page[-1][0]) if page else (cursor or "")
        from jobnb.definitions.partitions.partition_loading import PaginatedResults

        return PaginatedResults([key for _, key in page], last, len(rows) > limit)

    def has_dynamic_partition(self, partitions_def_name: str, partition_key: str) -> bool:
        """Whether a dynamic definition has a partition.

        Source: Dagster's `DagsterInstance.has_dynamic_partition`.
        """
        from jobnb.storage import named_queries

        return self._history.read(
            lambda connection: named_queries.has_partition(
                connection, partitions_def_name, partition_key
            )
        )

    def delete_dynamic_partition(self, partitions_def_name: str, partition_key: str) -> None:
        """Delete a dynamic partition; deleting an unknown one is no error.

        Source: Dagster's `DagsterInstance.delete_dynamic_partition`.
        """
        from jobnb.storage import named_queries

        self._history.write(
            lambda connection: named_queries.remove_partition(
                connection, partitions_def_name, partition_key
            )
        )


def _text(asset_key: CoercibleToAssetKey) -> str:
    return AssetKey.from_coercible(asset_key).to_string()
