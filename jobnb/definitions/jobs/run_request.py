"""What a schedule or sensor returns to have a run launched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jobnb.definitions.keys import AssetKey
from jobnb.errors import InvalidDefinitionError

if TYPE_CHECKING:
    from jobnb.definitions.checks.asset_check import AssetCheckKey
    from jobnb.definitions.jobs.job_definition import JobDefinition

__all__ = ["RunRequest"]


class RunRequest:
    """A request for one run.

    Args:
        run_key: Two requests with the same key launch one run.
        run_config: The config of the run, as a `RunConfig` or dict.
        tags: Tags of the run.
        job_name: The job, where several are possible.
        asset_selection: The assets to make, where not all of the job's.
        stale_assets_only: Whether only stale assets of the selection are made.
        partition_key: The partition that the run is for.
        asset_check_keys: The checks to make; those of the assets if absent.

    Source: Dagster's `RunRequest`.
    """

    def __init__(
        self,
        run_key: str | None = None,
        run_config: Any = None,
        tags: Mapping[str, str] | None = None,
        job_name: str | None = None,
        asset_selection: Sequence[AssetKey] | None = None,
        stale_assets_only: bool = False,
        partition_key: str | None = None,
        asset_check_keys: Sequence[AssetCheckKey] | None = None,
    ) -> None:
        from jobnb.config import raw_config

        self.run_key = run_key
        self.run_config = raw_config(run_config)
        self.tags = dict(tags or {})
        self.job_name = job_name
        self.asset_selection = list(asset_selection) if asset_selection else None
        self.stale_assets_only = stale_assets_only
        self.partition_key = partition_key
        self.asset_check_keys = None if asset_check_keys is None else list(asset_check_keys)

    def for_partition(self, job: JobDefinition, partition_key: str) -> RunRequest:
        """The same for one partition of a job, with the config and tags of the partition.

        Raises:
            InvalidDefinitionError: If the job has no partitions.
        """
        if job.partitions_def is None:
            raise InvalidDefinitionError(
                f"The job {job.name!r} has no partitions. Give it a partitions_def or a "
                "PartitionedConfig."
            )
        config = job.partitioned_config
        given = self.run_config or None
        if given is None and config is not None:
            given = config.get_run_config_for_partition_key(partition_key)
        return RunRequest(
            self.run_key,
            given,
            {**self.tags, **job.get_tags_for_partition_key(partition_key)},
            job.name,
            self.asset_selection,
            self.stale_assets_only,
            partition_key,
            self.asset_check_keys,
        )

    def __repr__(self) -> str:
        return f"RunRequest(run_key={self.run_key!r}, job_name={self.job_name!r})"
