"""Execute the runs of a backfill: the plan of a group is built once and reused."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from jobnb.automation.backfill_chunks import Chunk, Group
from jobnb.automation.backfill_nodes import BackfillNode
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.locations.definitions import Definitions
from jobnb.definitions.partitions.partition_subset import PartitionsSubset
from jobnb.errors import (
    ExecutionInterruptedError,
    InvalidConfigError,
    PartitionConfigError,
    ResourceFunctionError,
)
from jobnb.events import AssetMaterialized, Event, RunFailed
from jobnb.execution.lineage import Lineage
from jobnb.execution.output_capture import capturing
from jobnb.execution.partition_reader import PartitionReader
from jobnb.execution.run import RunScope
from jobnb.execution.runner import run_all
from jobnb.execution.spec import ASSET_JOB
from jobnb.execution.start import in_memory_resources, open_run, run_tags, warn_of_others
from jobnb.execution.stopping import Stop
from jobnb.execution.trace import error_info
from jobnb.plan.build import build_plan
from jobnb.plan.partitions import RunPartitions
from jobnb.plan.step import Plan
from jobnb.staleness.versions import CodeVersions
from jobnb.storage.instance import Instance
from jobnb.storage.run import BACKFILL_TAG
from jobnb.storage.run_log import RunBatch


@dataclass(frozen=True)
class Setting:
    """The options that all runs of a backfill share.

    Attributes:
        backfill_id: The id of the backfill.
        definitions: The assets, where it makes some; None where it runs a job.
        instance: Where the history goes.
        tags: Tags of each run.
        run_config: The config; of a job, what is laid on top of the config that a run has anyway.
        resources: Resources by key, in place of those that are defined.
    """

    backfill_id: str
    definitions: Definitions | None
    instance: Instance
    tags: Mapping[str, str]
    run_config: Any = None
    resources: Mapping[str, Any] | None = None


_NOTHING: frozenset[str | None] = frozenset()


class Outcome(NamedTuple):
    """The outcome of a run.

    Args:
        success: Whether all went well.
        made: The assets that it made, each with the partitions that it made of it.
        failed: The steps that failed; none where the run could not begin.
    """

    success: bool
    made: Mapping[AssetKey, frozenset[str | None]] = MappingProxyType({})
    failed: frozenset[str] = frozenset()

    def missing(self, node: BackfillNode, keys: Sequence[str | None]) -> dict[str | None, int]:
        """Return the partitions that the run did not materialize, each with how many assets.

        A step that made some of its partitions before it failed has made these.

        Args:
            node: The node.
            keys: The partitions of the run; None stands for a run that has none.
        """
        if node.job is not None:
            return {} if self.success else dict.fromkeys(keys, 1)
        lacks: dict[str | None, int] = {}
        for asset in node.keys:
            made = self.made.get(asset, _NOTHING)
            for key in keys:
                if key not in made and None not in made:
                    lacks[key] = lacks.get(key, 0) + 1
        return lacks

    def blames(self, node: BackfillNode) -> bool:
        """Whether it is a node's own fault if the node was not made."""
        inside = f"{node.name}."
        own = (key.split("[")[0] for key in self.failed)
        return (
            node.job is not None
            or not self.failed
            or any(key == node.name or key.startswith(inside) for key in own)
        )


class _GroupPlans:
    """What the runs of one group share, with the plan of each.

    Args:
        job: The job that they run.
        setting: What all runs of the backfill share.
        in_memory: Whether values that only one run reads stay in memory.
    """

    def __init__(self, job: JobDefinition, setting: Setting, in_memory: bool) -> None:
        own = setting.resources
        self.job = job
        self._resources = in_memory_resources(job, own) if in_memory else own
        self._given = None if setting.run_config is None else _raw(setting.run_config)
        # Where each partition has a config of its own, this one is only looked at.
        self.differ = job.partitioned_config is not None
        self.plan = build_plan(
            job,
            run_config=None if self.differ else self._laid_on_top(job.run_config),
            resources=self._resources,
            check_config=not self.differ,
        )
        self.reader = PartitionReader(self.plan, setting.instance)
        self.lineage = Lineage(self.plan)

    def _laid_on_top(self, own: Any) -> Any:
        """Return the config of a run: its own, and on top what was given by hand."""
        if self._given is None:
            return {} if own is None else own
        from jobnb.config.yaml import merged

        return merged(_raw(own), self._given)

    def _built(self, run_config: Any, partitions: RunPartitions) -> Plan:
        return build_plan(
            self.job,
            run_config=run_config,
            partitions=partitions,
            resources=self._resources,
        )

    def plan_for(self, partitions: RunPartitions | None) -> Plan:
        """Return the plan of the run for some partitions.

        Raises:
            PartitionConfigError: If its config or tags cannot be had, or do not fit.
        """
        config = self.job.partitioned_config
        if config is None or partitions is None:
            return msgspec.structs.replace(self.plan, partitions=partitions)
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

    def see_that_it_fits(self, target: PartitionsSubset) -> None:
        """Raise an error unless the given config fits that of the first partition.

        Raises:
            InvalidConfigError: If it does not, and without it the config is right.
        """
        config, key = self.job.partitioned_config, next(iter(target), None)
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


class BackfillRuns:
    """Executes the runs of a backfill.

    Args:
        setting: What they share.
        groups: What they make.
        jobs: The job of each group; resolved if absent.

    Raises:
        InvalidDefinitionError: If what is run does not hold together.
        InvalidConfigError: If the run config does not fit, whatever the partition.
    """

    def __init__(
        self,
        setting: Setting,
        groups: Sequence[Group],
        jobs: Mapping[Group, JobDefinition] | None = None,
    ) -> None:
        self._setting = setting
        self._code_versions = CodeVersions()
        self._unready: dict[RunScope, BaseException] = {}
        self._lock = threading.Lock()
        # Values that only one run reads need not be stored where the history is in memory.
        alone = len(groups) == 1 and (not groups[0].is_serial or groups[0].nodes[0].job is not None)
        in_memory = setting.instance.is_ephemeral and alone
        self._prepared = {
            group: _GroupPlans(
                self._resolved(group) if jobs is None else jobs[group], setting, in_memory
            )
            for group in groups
        }
        for group, prepared in self._prepared.items():
            if group.target is not None:
                prepared.see_that_it_fits(group.target)

    def job_of(self, group: Group) -> JobDefinition:
        """Return the job that makes a group."""
        return self._prepared[group].job

    def plan_of(self, group: Group) -> Plan:
        """Return the plan of the runs that make a group, without partitions."""
        return self._prepared[group].plan

    def _resolved(self, group: Group) -> JobDefinition:
        job = group.nodes[0].job
        if job is not None:
            return job
        assert self._setting.definitions is not None
        made = self._setting.definitions.job_of_assets(ASSET_JOB, group.keys)
        warn_of_others(self._setting.instance, made, group.keys)
        return made

    def scope(self, chunk: Chunk, batch: RunBatch, stop: Stop) -> RunScope:
        """Open the run that makes a chunk; nothing of it has been done yet."""
        setting, partitions = self._setting, chunk.partitions
        prepared = self._prepared[chunk.group]
        problem: PartitionConfigError | None = None
        job, instance = prepared.job, setting.instance
        try:
            plan = prepared.plan_for(partitions)
            tags = run_tags(job, setting.tags, partitions, instance)
        except PartitionConfigError as error:
            assert partitions is not None
            problem = error
            plan = msgspec.structs.replace(prepared.plan, partitions=partitions, run_config={})
            tags = {**job.tags, **setting.tags, **partitions.tags(instance)}
        tags[BACKFILL_TAG] = setting.backfill_id
        scope = open_run(
            plan, instance, tags=tags, stop=stop, batch=batch, versions=self._code_versions
        )
        scope.partition_reader = prepared.reader
        if not prepared.differ:
            scope.lineage = prepared.lineage  # which reports the config, too
        if problem is not None:
            with self._lock:
                self._unready[scope] = problem
        return scope

    def do(self, scope: RunScope) -> Outcome | None:
        """Execute a run to its end, in this thread.

        Returns:
            What came of it; None where it was stopped.
        """
        with self._lock:
            problem = self._unready.pop(scope, None)
        if problem is not None:
            scope.append(RunFailed(time.time(), scope.plan.job.name, (), error_info(problem)))
            scope.run_log.close()
            return Outcome(False)
        began = True
        try:
            run_all(scope)
        except ExecutionInterruptedError:
            return None
        except ResourceFunctionError:
            began = False  # the log of the run reports it
        made: dict[AssetKey, frozenset[str | None]] = {}
        for each in scope.events:
            if type(each) is AssetMaterialized:
                key = AssetKey(each.asset)
                made[key] = made.get(key, _NOTHING) | {each.partition}
        failed = frozenset(scope.failed_steps)
        return Outcome(began and not failed, made, failed)


def _raw(config: Any) -> dict[str, Any]:
    from jobnb.config import raw_config

    return raw_config(config)


class _Current:
    """The run that a thread executes."""

    scope: RunScope | None = None

    def append(self, event: Event) -> None:
        """Add an event to its log."""
        if self.scope is not None:
            self.scope.append(event)

    def step_key(self) -> str | None:
        """Return the step that it is at."""
        return self.scope.current_key if self.scope is not None else None


@contextmanager
def printing() -> Iterator[_Current]:
    """Log what this thread prints in the run that it executes, for the block."""
    current = _Current()
    with capturing(current.append, current.step_key):
        yield current
