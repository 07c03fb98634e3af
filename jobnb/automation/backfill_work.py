"""Doing the runs of a backfill: the plan of a group is made once, and run for other partitions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from jobnb.automation.backfill_chunks import Chunk, Group
from jobnb.automation.backfill_nodes import BackfillNode
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.locations.definitions import Definitions
from jobnb.errors import ExecutionInterruptedError, ResourceFunctionError
from jobnb.events import AssetMaterialized, Event
from jobnb.execution.lineage import Lineage
from jobnb.execution.output_capture import capturing
from jobnb.execution.partition_reader import PartitionReader
from jobnb.execution.run import RunScope
from jobnb.execution.runner import run_all
from jobnb.execution.spec import ASSET_JOB
from jobnb.execution.start import in_memory_resources, open_run, run_tags, warn_of_others
from jobnb.execution.stopping import Stop
from jobnb.plan.build import build_plan
from jobnb.plan.step import Plan
from jobnb.staleness.code_versions import CodeVersions
from jobnb.storage.instance import Instance
from jobnb.storage.run import BACKFILL_TAG
from jobnb.storage.run_batch import RunBatch

__all__ = ["BackfillRuns", "Setting", "printing"]


@dataclass(frozen=True)
class Setting:
    """What all runs of a backfill share."""

    backfill_id: str
    definitions: Definitions
    instance: Instance
    tags: Mapping[str, str]
    run_config: Any = None
    resources: Mapping[str, Any] | None = None


class Outcome(NamedTuple):
    """What came of a run.

    Args:
        made: The assets that it made.
        failed: The steps that failed; none where the run could not begin.
    """

    made: frozenset[AssetKey]
    failed: frozenset[str]

    def blames(self, node: BackfillNode) -> bool:
        """Whether it is a node's own fault if the node was not made."""
        inside = f"{node.name}."
        own = (key.split("[")[0] for key in self.failed)
        return not self.failed or any(key == node.name or key.startswith(inside) for key in own)


class BackfillRuns:
    """Makes the runs of a backfill.

    Args:
        setting: What they share.
        groups: What they make.

    Raises:
        InvalidConfigError: If the run config does not fit.
    """

    def __init__(self, setting: Setting, groups: Sequence[Group]) -> None:
        self._setting = setting
        self._code_versions = CodeVersions()
        # Values that only one run reads need not be stored where the history is in memory.
        alone = len(groups) == 1 and not groups[0].is_serial
        self._in_memory = setting.instance.is_ephemeral and alone
        self._plans = {group: self._prepared(group) for group in groups}

    def _prepared(self, group: Group) -> tuple[Plan, PartitionReader, Lineage]:
        setting = self._setting
        job = setting.definitions.job_of_assets(ASSET_JOB, group.keys)
        warn_of_others(setting.instance, job, group.keys)
        own = setting.resources
        resources = in_memory_resources(job, own) if self._in_memory else own
        plan = build_plan(job, run_config=setting.run_config, resources=resources)
        return plan, PartitionReader(plan, setting.instance), Lineage(plan)

    def scope(self, chunk: Chunk, batch: RunBatch, stop: Stop) -> RunScope:
        """A run that makes a chunk; nothing of it has been done yet."""
        setting, partitions = self._setting, chunk.partitions
        plan, reader, lineage = self._plans[chunk.group]
        plan = msgspec.structs.replace(plan, partitions=partitions)
        tags = run_tags(plan.job, setting.tags, partitions, setting.instance)
        tags[BACKFILL_TAG] = setting.backfill_id
        scope = open_run(plan, setting.instance, tags=tags, stop=stop, batch=batch)
        scope.partition_reader, scope.lineage = reader, lineage
        scope.code_versions = self._code_versions
        return scope

    def do(self, scope: RunScope, stop: Stop) -> Outcome | None:
        """Do a run to its end, in this thread.

        Returns:
            What came of it; None where it was stopped.
        """
        try:
            run_all(scope)
        except ExecutionInterruptedError:
            return None
        except ResourceFunctionError:
            pass  # the log of the run tells of it
        paths = {each.asset for each in scope.events if type(each) is AssetMaterialized}
        return Outcome(frozenset(map(AssetKey, paths)), frozenset(scope.failed_steps))


class _Current:
    """The run that a thread is at."""

    scope: RunScope | None = None

    def append(self, event: Event) -> None:
        """Add an event to its log."""
        if self.scope is not None:
            self.scope.append(event)

    def step_key(self) -> str | None:
        """The step that it is at."""
        return self.scope.current_key if self.scope is not None else None


@contextmanager
def printing() -> Iterator[_Current]:
    """While it lasts, what this thread prints goes to the log of the run that it is at."""
    current = _Current()
    with capturing(current.append, current.step_key):
        yield current
