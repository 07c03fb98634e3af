"""The scope of an active run: what its steps share."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from contextvars import ContextVar
from copy import copy
from functools import cached_property
from typing import TYPE_CHECKING, Any
from weakref import WeakSet, WeakValueDictionary

from jobnb.definitions.jobs.executor import STRATEGIES
from jobnb.definitions.keys import AssetKey
from jobnb.events import Event
from jobnb.execution.log import RunLogger, console_of
from jobnb.execution.pickling import unpacked
from jobnb.execution.resource_usage import Meter
from jobnb.execution.stopping import Stopping
from jobnb.plan.step import Plan, Step
from jobnb.storage.instance import Instance
from jobnb.storage.process import keep_for_ever
from jobnb.storage.run import JobRun
from jobnb.storage.run_log import BatchLog, FollowedLog, RunLog

if TYPE_CHECKING:
    from jobnb.execution.lineage import Lineage
    from jobnb.execution.partition_reader import PartitionReader
    from jobnb.execution.pools import Pools
    from jobnb.execution.provenance import Provenance
    from jobnb.staleness.versions import CodeVersions

current_run: ContextVar[RunScope | None] = ContextVar("jobnb_run", default=None)
"""The run whose steps run in this thread."""


class _Mark:
    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text

    def __reduce__(self) -> str:
        return self.text  # in another process it is that process's own


MISSING: Any = _Mark("MISSING")
"""In a slot: its output has not come, or will not."""
HANDLED: Any = _Mark("HANDLED")
"""In a slot: its value is with an IO manager."""


_scopes: WeakValueDictionary[str, RunScope] = WeakValueDictionary()


def _leave_all() -> None:
    for scope in list(_scopes.values()):
        scope.leave()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_all)


def value_in_memory(run_id: str, step_key: str, output_name: str, element: str | None) -> Any:
    """Return a value of a run of this process that is stored nowhere; MISSING if it is gone."""
    scope = _scopes.get(run_id)
    index = scope.plan.step_by_key.get(step_key) if scope is not None else None
    output = scope.plan.steps[index].output(output_name) if scope and index is not None else None
    if scope is None or output is None:
        return MISSING
    value = unpacked(scope.values[output.slot])
    if element is not None:
        value = unpacked(value.get(element, MISSING)) if isinstance(value, dict) else MISSING
    return MISSING if value is HANDLED else value


def drop(event: Event) -> None:
    """Ignore an event."""


class RunScope:
    """What the steps of one run share: the plan, values, resources and the log.

    Args:
        plan: What it does.
        instance: Where the history goes.
        record: The run as it is stored.
        log: Where its events go.
        keep_outputs: Whether values stay after their last reader.
        chosen: The numbers of the steps that run; None for all.
        stop: The signal that stops it; None if it never is.

    Attributes:
        elements: Of mapped steps that run for some elements only: these, by number of the step.
        origins: By slot and element, the earlier run that stored what this one only loads.
        attempt: The step that runs now, its key, its mapping key and how often it was retried.
        context: The context of that attempt, if anything has asked for one.
        opened: Closes the resources that are set up.
        manager_configs: The config of each IO manager that was asked for it.
        fresh: The assets that were asked for and are left as they are.
        notes: Messages to log when it begins.
        provenance: The versions of the assets that it makes; None before it begins.
        code_versions: Code that was read before, where several runs are of the same definitions.
        in_process: Whether its steps run one by one in this process, whatever the executor is.
        is_remote: Whether this is a worker's part of it, whose events another process shows.
        thread_scopes: What the threads that do its steps side by side see of it.
        pools: The places in pools that its steps take; None if they take none.
        around: Entered while its resources and steps are active.
        meter: Measures the steps that run in its thread.
        pack: Packs what a step gave for another process, before it is told that it succeeded.
    """

    def __init__(
        self,
        plan: Plan,
        instance: Instance,
        record: JobRun,
        log: RunLog | BatchLog | FollowedLog,
        keep_outputs: bool,
        chosen: frozenset[int] | None = None,
        stop: Stopping | None = None,
    ) -> None:
        self.plan = plan
        self.instance = instance
        self.record = record
        self.run_log = log
        self.append: Callable[[Event], None] = log.events.append
        self.keep_outputs = keep_outputs
        self.chosen = chosen
        self.stop = stop or Stopping()
        self.opened = ExitStack()
        self.in_process = False
        self.is_remote = False
        self.thread_scopes: WeakSet[RunScope] = WeakSet()
        self.pools: Pools | None = None
        self.around: AbstractContextManager[None] = nullcontext()
        self.meter = Meter()
        self.pack: Callable[[Step, str | None], None] | None = None
        self.elements: Mapping[int, frozenset[str]] = {}
        self.origins: dict[tuple[int, str | None], str] = {}
        self.values: list[Any] = [MISSING] * len(plan.readers)
        self.readers: list[int] = list(plan.readers)
        self.kept: dict[int, Any] = {}
        self.failed_slots: set[int] = set()
        self.failed_steps: dict[str, BaseException] = {}
        self.resources: Mapping[str, Any] = {}
        self.manager_configs: dict[str, Any] = {}
        self.current_key: str | None = None
        self.attempt: tuple[Any, str, str | None, int] | None = None
        self.context: Any = None
        self.provenance: Provenance | None = None
        self.code_versions: CodeVersions | None = None
        self.fresh: tuple[AssetKey, ...] = ()
        self.notes: list[str] = []
        _scopes[record.run_id] = self

    def leave(self) -> None:
        """In a forked process, leave the run and its resources to the parent."""
        self.stop.left = True
        self.append = drop
        for scope in list(self.thread_scopes):
            scope.stop.left = True
            scope.append = drop
        keep_for_ever(self.opened.pop_all())

    def for_thread(self, stop: Stopping, append: Callable[[Event], None] | None = None) -> RunScope:
        """Return the same run for a thread that does one of its steps while others do others.

        All is shared but what is known of the step that runs.

        Args:
            stop: The signal that stops that step.
            append: Where its events go; to the run's log if None.
        """
        made = copy(self)
        made.stop = stop
        made.append = append or self.append
        made.meter = Meter()
        self.thread_scopes.add(made)
        made.current_key = made.attempt = made.context = None
        made.log = RunLogger(
            made.append,
            lambda: made.current_key,
            self.log.listeners,
            self.log.console,
            self.log.about,
        )
        return made

    @property
    def run_id(self) -> str:
        """The id of the run."""
        return self.record.run_id

    @cached_property
    def groups(self) -> Sequence[tuple[int, ...]]:
        """The numbers of the steps to run, in order; see `Plan.order`."""
        if self.chosen is None:
            return self.plan.order
        parts = (tuple(i for i in group if i in self.chosen) for group in self.plan.order)
        return [group for group in parts if group]

    @cached_property
    def partition_reader(self) -> PartitionReader:
        """Resolves which partitions of upstream assets the steps read."""
        from jobnb.execution.partition_reader import PartitionReader  # ops read no assets

        return PartitionReader(self.plan, self.instance)

    @cached_property
    def lineage(self) -> Lineage:
        """The inputs and code of the plan's assets."""
        from jobnb.execution.lineage import Lineage  # ops have none

        kept = self.plan.kept
        if "lineage" not in kept:
            kept["lineage"] = Lineage(self.plan)
        found: Lineage = kept["lineage"]
        return found

    @cached_property
    def follows_retries(self) -> bool:
        """Whether failed steps are retried; the executor's config can forbid it."""
        config = self.plan.execution_config
        if self.plan.job.executor_def.strategy is None:
            return True  # what config another executor takes is its own affair
        chosen = next((config[name] for name in STRATEGIES if config.get(name)), config)
        return "disabled" not in (chosen.get("retries") or {})

    @property
    def events(self) -> list[Event]:
        """All events so far."""
        return self.run_log.events

    @cached_property
    def log(self) -> RunLogger:
        """The logger of the run."""
        console = None if self.is_remote else console_of(self)
        record = self.record
        about = {"run_id": record.run_id, "job_name": record.job_name, "job_tags": record.tags}
        return RunLogger(self.append, self._key_here, self._loggers(), console, about)

    def _key_here(self) -> str | None:
        """Return the key of the step that runs in this thread."""
        scope = current_run.get()
        return (scope if scope and scope.record is self.record else self).current_key

    def _loggers(self) -> list[Any]:
        job, made = self.plan.job, []
        listening = self.plan.logger_config or job.loggers
        for name, definition in job.loggers.items():
            if name not in listening:
                continue
            from jobnb.definitions.jobs.logger import InitLoggerContext

            config = self.plan.logger_config.get(name)
            context = InitLoggerContext(config, definition, job_def=job, run_id=self.run_id)
            # Called as a test calls it where no config was bound: its defaults are filled in.
            call = definition if config is None else definition.logger_fn
            made.append(call(context))
        return made
