"""The runs of a job's backfill: one for each partition, with the config of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from jobnb.automation.backfill_nodes import nodes_of_graph
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.partitions.partition_subset import PartitionsSubset
from jobnb.errors import (
    ExecutionInterruptedError,
    InvalidConfigError,
    PartitionConfigError,
    ResourceFunctionError,
)
from jobnb.events import RunFailed
from jobnb.execution.lineage import Lineage
from jobnb.execution.partition_reader import PartitionReader
from jobnb.execution.run import RunScope
from jobnb.execution.runner import run_all
from jobnb.execution.start import in_memory_resources, open_run, run_tags
from jobnb.execution.stopping import Stop
from jobnb.execution.trace import error_info
from jobnb.plan.asset_job import AssetGraphDefinition
from jobnb.plan.build import build_plan
from jobnb.plan.config_tree import ConfigTrees
from jobnb.plan.partitions import RunPartitions
from jobnb.plan.step import Plan
from jobnb.staleness.code_versions import CodeVersions
from jobnb.storage.instance import Instance
from jobnb.storage.run import BACKFILL_TAG
from jobnb.storage.run_batch import RunBatch

__all__ = ["JobLedger", "JobPart", "JobRuns", "JobSetting", "OneRun", "goes_in_order"]


@dataclass(frozen=True, eq=False)
class OneRun:
    """What one run is for: a partition.

    Attributes:
        partitions: The partition.
    """

    partitions: RunPartitions
    size: int = 1


@dataclass(frozen=True, eq=False)
class JobPart:
    """The partitions of a job's backfill.

    Attributes:
        target: The partitions.
        is_serial: Whether some are made from earlier ones, so that they go one after the other.
    """

    target: PartitionsSubset
    is_serial: bool
    level: int = 0

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.target)

    def chunks(self) -> Iterator[OneRun]:
        """Its runs, in order."""
        definition = self.target.partitions_def
        for key in self.target:
            yield OneRun(RunPartitions(definition, (definition.typed_key(key),)))


class JobLedger:
    """The account of a job's backfill: no run is kept from being tried by another one."""

    def free_part(self, chunk: OneRun) -> OneRun:
        """All can be tried."""
        return chunk

    def note(self, chunk: OneRun, succeeded: bool) -> tuple[int, int]:
        """One failed, or none did."""
        return (0 if succeeded else chunk.size), 0


@dataclass(frozen=True)
class JobSetting:
    """What all runs of a job's backfill share.

    Attributes:
        backfill_id: The id of the backfill.
        job: The job.
        instance: Where the history goes.
        tags: Tags of each run.
        run_config: What is laid on top of the config that a run has anyway.
        resources: Resources by key, in place of those of the job.
    """

    backfill_id: str
    job: JobDefinition
    instance: Instance
    tags: Mapping[str, str]
    run_config: Any = None
    resources: Mapping[str, Any] | None = None


class JobRuns:
    """Does the runs of a job's backfill.

    Args:
        setting: What they share.

    Raises:
        InvalidDefinitionError: If the job does not hold together.
        InvalidConfigError: If the run config does not fit, whatever the partition.
    """

    def __init__(self, setting: JobSetting) -> None:
        job = setting.job
        self._setting = setting
        in_memory = setting.instance.is_ephemeral
        own = setting.resources
        self._resources = in_memory_resources(job, own) if in_memory else own
        self._code_versions = CodeVersions()
        self._given = None if setting.run_config is None else _raw(setting.run_config)
        self._trees = ConfigTrees()
        self._unready: dict[RunScope, BaseException] = {}
        self._lock = threading.Lock()
        # Where each partition has a config of its own, this one is only looked at.
        self._plan = build_plan(
            job,
            run_config=None if self._differ else self._laid_on_top(job.run_config),
            resources=self._resources,
            check_config=not self._differ,
        )
        self._reader = PartitionReader(self._plan, setting.instance)
        self._lineage = Lineage(self._plan)

    @property
    def _differ(self) -> bool:
        """Whether each partition has a config of its own."""
        return self._setting.job.partitioned_config is not None

    def _laid_on_top(self, own: Any) -> Any:
        """The config of a run: its own, and on top what was given by hand."""
        if self._given is None:
            return {} if own is None else own
        from jobnb.config.yaml import merged

        return merged(_raw(own), self._given)

    def see_that_it_fits(self, target: PartitionsSubset) -> None:
        """See that what was given by hand fits on top of the config of the first partition.

        Raises:
            InvalidConfigError: If it does not, and without it the config is right.
        """
        config, key = self._setting.job.partitioned_config, next(iter(target), None)
        if config is None or self._given is None or key is None:
            return
        definition = target.partitions_def
        partitions = RunPartitions(definition, (definition.typed_key(key),))
        try:
            own = config.get_run_config_for_partition_key(key)
            self._built(own, partitions)
        except (PartitionConfigError, InvalidConfigError):
            return  # that is told by the run of the partition
        self._built(self._laid_on_top(own), partitions)

    def _built(self, run_config: Any, partitions: RunPartitions) -> Plan:
        return build_plan(
            self._setting.job,
            run_config=run_config,
            partitions=partitions,
            resources=self._resources,
            trees=self._trees,
        )

    def _plan_for(self, partitions: RunPartitions) -> Plan:
        """The plan of the run for a partition.

        Raises:
            PartitionConfigError: If its config or tags cannot be had, or do not fit.
        """
        config = self._setting.job.partitioned_config
        if config is None:
            return msgspec.structs.replace(self._plan, partitions=partitions)
        key = partitions.keys[0]
        own = config.get_run_config_for_partition_key(key)
        try:
            return self._built(self._laid_on_top(own), partitions)
        except InvalidConfigError as error:
            given = "" if self._given is None else ", with what was given on top,"
            raise PartitionConfigError(
                f"The run config that {config.name!r} gave for the partition {str(key)!r}{given} "
                f"does not fit. {error}",
                error,
            ) from error

    def scope(self, chunk: OneRun, batch: RunBatch, stop: Stop) -> RunScope:
        """A run for a partition; nothing of it has been done yet."""
        setting, partitions = self._setting, chunk.partitions
        problem: PartitionConfigError | None = None
        job, instance = setting.job, setting.instance
        try:
            plan = self._plan_for(partitions)
            tags = run_tags(job, setting.tags, partitions, instance)
        except PartitionConfigError as error:
            problem = error
            plan = msgspec.structs.replace(self._plan, partitions=partitions, run_config={})
            tags = {**job.tags, **setting.tags, **partitions.tags(instance)}
        tags[BACKFILL_TAG] = setting.backfill_id
        scope = open_run(plan, instance, tags=tags, stop=stop, batch=batch)
        scope.partition_reader, scope.code_versions = self._reader, self._code_versions
        if not self._differ:
            scope.lineage = self._lineage  # which tells of the config, too
        if problem is not None:
            with self._lock:
                self._unready[scope] = problem
        return scope

    def do(self, scope: RunScope, stop: Stop) -> bool | None:
        """Do a run to its end, in this thread.

        Returns:
            Whether it succeeded; None where it was stopped.
        """
        with self._lock:
            problem = self._unready.pop(scope, None)
        if problem is not None:
            scope.append(RunFailed(time.time(), scope.plan.job.name, (), error_info(problem)))
            scope.run_log.close()
            return False
        try:
            run_all(scope)
        except ExecutionInterruptedError:
            return None
        except ResourceFunctionError:
            return False  # the log of the run tells of it
        return not scope.failed_steps


def _raw(config: Any) -> dict[str, Any]:
    from jobnb.config import raw_config

    return raw_config(config)


def goes_in_order(job: JobDefinition) -> bool:
    """Whether a partition of the job may be made from another one of it."""
    if not isinstance(job.graph, AssetGraphDefinition):
        return False
    nodes = nodes_of_graph(job.graph).values()
    return any(
        node.own_mapping is not None
        or any(edge.mapping is not None and not edge.is_identity for edge in node.edges)
        for node in nodes
    )
