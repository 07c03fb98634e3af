"""`RunRequest`: what a schedule or sensor returns to launch a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from jobnb.definitions.arguments import check_flag, check_several
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.partitions.dynamic_partitions import KeysAsRequested
from jobnb.definitions.partitions.partition_keys import PARTITION_TAG, DynamicPartitionsStore
from jobnb.definitions.plain import check_tags, ill_text, is_text
from jobnb.errors import InvalidDefinitionError, InvalidInvocationError, did_you_mean

if TYPE_CHECKING:
    from jobnb.definitions.checks.asset_check import AssetCheckKey
    from jobnb.definitions.jobs.job_definition import JobDefinition


_PARTS = (
    "run_key", "run_config", "tags", "job_name", "asset_selection", "stale_assets_only",
    "partition_key", "asset_check_keys",
)  # fmt: skip


class RunRequest:
    """A request for one run.

    Args:
        run_key: Two requests with the same key launch one run.
        run_config: The config of the run, as a `RunConfig` or dict.
        tags: Tags of the run.
        job_name: The job, where several are possible.
        asset_selection: The assets to materialize, if not all of the job's.
        stale_assets_only: Whether only stale assets of the selection are materialized.
        partition_key: The partition that the run is for.
        asset_check_keys: The checks to evaluate; those of the assets if not given.

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

        for name, text in (("run_key", run_key), ("job_name", job_name),
                           ("partition_key", partition_key)):  # fmt: skip
            if text is not None and not is_text(text):
                raise InvalidDefinitionError(f"{name} is text, not {text!r}{ill_text(text)}.")
        self.run_key = run_key
        self.run_config = raw_config(run_config)
        self.tags = dict(check_tags(tags, "a RunRequest"))
        self.job_name = job_name
        self.asset_selection = _asset_keys(asset_selection)
        self.stale_assets_only = check_flag(stale_assets_only, "stale_assets_only", "RunRequest")
        self.partition_key = partition_key
        checks = check_several(asset_check_keys, "asset_check_keys", "RunRequest", "AssetCheckKey")
        self.asset_check_keys = None if asset_check_keys is None else checks

    def for_partition(self, job: JobDefinition, partition_key: str) -> RunRequest:
        """Return a copy for one partition of a job, with the partition's config and tags.

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

    def with_replaced_attrs(self, **kwargs: Any) -> RunRequest:
        """Return a copy with some attributes replaced.

        Args:
            **kwargs: Attributes by name, as the class takes them.

        Raises:
            InvalidInvocationError: If there is no such attribute.
        """
        parts = {name: getattr(self, name) for name in _PARTS}
        for name in kwargs.keys() - parts.keys():
            raise InvalidInvocationError(
                f"A RunRequest has no {name!r}. {did_you_mean(name, _PARTS, noun='It has')}"
            )
        return RunRequest(**{**parts, **kwargs})

    def with_resolved_tags_and_config(
        self,
        target_definition: Any,
        dynamic_partitions_requests: Sequence[Any] = (),
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> RunRequest:
        """Return a copy with the job's config and tags for its partition.

        Args:
            target_definition: The job, or an asset job.
            dynamic_partitions_requests: Keys that are added or deleted along with the run.
            current_time: The current time, for time partitions.
            dynamic_partitions_store: The store of dynamic partition keys.

        Raises:
            InvalidInvocationError: If it names no partition.
            InvalidDefinitionError: If the job has no partitions.
            UnknownPartitionError: If it has no such partition.

        Example:
            >>> from jobnb import job, op, static_partitioned_config
            >>> @static_partitioned_config(["JFK", "LGA"])
            ... def by_airport(key):
            ...     return {"ops": {"load": {"config": key}}}
            >>> @op(config_schema=str)
            ... def load(): ...
            >>> @job(config=by_airport)
            ... def flights():
            ...     load()
            >>> RunRequest(partition_key="JFK").with_resolved_tags_and_config(flights).run_config
            {'ops': {'load': {'config': 'JFK'}}}
        """
        key = self.partition_key
        if key is None:
            raise InvalidInvocationError(
                "The RunRequest names no partition: there is no config to look up. Give it a "
                "partition_key."
            )
        job: Any = target_definition
        if not hasattr(job, "get_tags_for_partition_key"):
            job = job.resolved_for_partitions()
        if job.partitions_def is not None:
            store = KeysAsRequested(dynamic_partitions_store, dynamic_partitions_requests)
            job.partitions_def.validate_partition_key(key, current_time, store)
        return self.for_partition(job, key).with_replaced_attrs(job_name=self.job_name)

    def has_resolved_partition(self) -> bool:
        """Whether it has the tags of a partition already."""
        return PARTITION_TAG in self.tags

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RunRequest):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in _PARTS)

    __hash__ = None  # type: ignore[assignment]  # its config and tags are dicts

    def __repr__(self) -> str:
        given = {name: getattr(self, name) for name in _PARTS}
        told = ", ".join(f"{name}={value!r}" for name, value in given.items() if value)
        return f"RunRequest({told})"


def _asset_keys(given: Any) -> list[AssetKey] | None:
    found = check_several(given, "asset_selection", "RunRequest", "keys of assets")
    return [AssetKey.from_coercible(each) for each in found] or None
