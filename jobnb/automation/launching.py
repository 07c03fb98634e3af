"""Launch run requests: checked before a tick is decided, launched after that."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import msgspec

from jobnb.definitions.checks.asset_check import AssetCheckKey
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.jobs.run_request import RunRequest
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.locations.definitions import Definitions
from jobnb.definitions.partitions.dynamic_partitions import KeysAsRequested
from jobnb.errors import JobnbError, StepExecutionError, StorageError
from jobnb.execution.background import Run
from jobnb.execution.launch import launch
from jobnb.execution.spec import RunSpec
from jobnb.execution.start import subset_of
from jobnb.plan.build import build_plan
from jobnb.plan.partitions import run_partitions
from jobnb.staleness.survey import as_it_stands
from jobnb.state import RunStatus
from jobnb.storage.instance import Instance
from jobnb.storage.process import is_gone, this_process
from jobnb.storage.run import SCHEDULE_TAG, SENSOR_TAG, JobRun, new_run_id
from jobnb.storage.ticks import Instigator, TickRun

RUN_KEY_TAG = "dagster/run_key"

MOST_PROCESSES = max(4, 2 * (os.cpu_count() or 1))
"""How many runs in processes of their own a loop has at once, unless it is told otherwise."""

_LOOK = 0.2
_logger = logging.getLogger("jobnb.automation")

Launch = Callable[[RunSpec], object]
"""Launches a run and returns at once."""


def launch_run(spec: RunSpec) -> object:
    """Launch a run in the background of this process."""
    return launch(spec)


class LoopStoppedError(JobnbError):
    """The loop was stopped before it could launch a run; the next one does."""


class Launcher:
    """Launches the runs of a loop, each in a process of its own unless that cannot be.

    Only so many are in progress at once; the others wait for them, and where the loop is stopped
    before, the next one launches them.

    Args:
        detach: Whether runs have processes of their own, which outlive the loop.
        most: How many such processes there are at once.
    """

    def __init__(self, detach: bool = True, most: int = MOST_PROCESSES) -> None:
        self.detach = detach
        self.count = 0
        self._most = most
        self._going: list[Run] = []
        self._turn = threading.Lock()  # each evaluation launches from a thread of its own
        self._places = threading.Lock()
        self._queued: dict[str, JobRun] = {}  # recorded as such, by their ids
        self._canceled: set[str] = set()
        self.stopped = threading.Event()

    def __call__(self, spec: RunSpec) -> Run | None:
        """Launch a run.

        Returns:
            The run; None where it was canceled while it waited for its place.

        Raises:
            LoopStoppedError: If there is no place for it, and the loop is stopped.
        """
        if not self.detach or spec.instance.is_ephemeral:
            return self._kept(launch(spec))
        if self.free < 1:
            self._queue(spec)
        with self._places:
            self._wait_for_a_place(spec)
            if spec.run_id in self._canceled:
                return None
            if self._queued.pop(spec.run_id or "", None) is not None:
                spec.instance.delete_run(spec.run_id or "")  # it is recorded anew, with its plan
            return self._kept(_detached(spec))

    @property
    def free(self) -> int:
        """How many more processes there may be now."""
        return self._most - sum(each.outlives for each in self.going())

    def expect(self, specs: Sequence[RunSpec]) -> None:
        """Record runs that it is about to launch as queued, as far as there is no place for them.

        Args:
            specs: The runs, in their order; none of them was recorded before.
        """
        if self.detach:
            for spec in specs[max(self.free, 0) :]:
                self._queue(spec)

    def _queue(self, spec: RunSpec) -> None:
        """Record a run as queued, so that it is seen; what cannot be written is no harm."""
        if spec.run_id is None or spec.run_id in self._queued or spec.instance.is_ephemeral:
            return
        instance = spec.instance
        record = JobRun(
            spec.job.name,
            spec.run_id,
            tags={**spec.job.tags, **(spec.tags or {})},
            notebook=instance.launcher,
            is_detached=True,
            status=RunStatus.QUEUED,
        )
        with suppress(JobnbError):
            self._queued[spec.run_id] = instance.create_run(record)

    def _see_canceled(self, instance: Instance) -> None:
        """End queued runs that somebody has canceled."""
        with suppress(StorageError):  # a server that is away comes back
            for run_id, reason in instance.control.requests(list(self._queued)).items():
                self._canceled.add(run_id)
                instance.report_run_canceled(self._queued.pop(run_id), reason or None)

    def _forget_queued(self, instance: Instance) -> None:
        """Remove what waits from the history: the next loop launches it."""
        while self._queued:
            with suppress(JobnbError):
                instance.delete_run(self._queued.popitem()[0])

    def _kept(self, run: Run) -> Run:
        with self._turn:
            self._going = [each for each in self._going if not each.is_finished]
            self._going.append(run)
            self.count += 1
        return run

    def _wait_for_a_place(self, spec: RunSpec) -> None:
        while self.free < 1:
            self._see_canceled(spec.instance)
            if spec.run_id in self._canceled:
                return
            if self.stopped.wait(_LOOK):
                self._forget_queued(spec.instance)
                raise LoopStoppedError(f"{spec.words} waits for the next loop: this one stops.")

    def going(self) -> list[Run]:
        """Return the runs that have not ended."""
        with self._turn:
            return [each for each in self._going if not each.is_finished]

    def end(self, grace: float) -> tuple[int, int]:
        """Wait for the runs; cancel those that are active in this process.

        Args:
            grace: Seconds to wait at most.

        Returns:
            How many go on in processes of their own, and how many were canceled.
        """
        deadline = time.monotonic() + grace
        for run in self.going():
            run.wait(max(0.0, deadline - time.monotonic()))
        left = self.going()
        own = [run for run in left if not run.outlives]
        for run in own:
            run.cancel("The loop that had launched it was asked to end.")
        for run in own:
            run.wait(10.0)
        return len(left) - len(own), len(own)


def _detached(spec: RunSpec) -> Run:
    """Return a run in a process of its own; in this one where a definition cannot go to another."""
    try:
        return launch(spec, detach=True)
    except StepExecutionError as error:
        _logger.warning("%s runs in the process of the loop. %s", spec.words, error)
        return launch(spec)


@dataclass(frozen=True)
class PreparedRun:
    """A run that a tick will launch.

    Attributes:
        run: What is kept of it.
        config: Its config as it was requested: what is kept is plain JSON.
    """

    run: TickRun
    config: Any


def prepared(
    request: RunRequest,
    job_name: str,
    definitions: Definitions,
    instigator: Instigator,
    instance: Instance,
    partitions_requests: Sequence[Any] = (),
) -> PreparedRun:
    """Return a request as a run that can be launched, with the id that the run will have.

    Args:
        request: What was requested.
        job_name: The job that it is for.
        definitions: The code location.
        instigator: The schedule or sensor.
        instance: The history.
        partitions_requests: Keys of dynamic partitions that come or go along with the run.

    Raises:
        JobnbError: If it could not run: its config does not fit, there is no such partition...
    """
    tag = SCHEDULE_TAG if instigator.kind == "SCHEDULE" else SENSOR_TAG
    tags = {**request.tags, tag: instigator.name}
    if request.run_key is not None:
        tags[RUN_KEY_TAG] = request.run_key
    assets, checks = request.asset_selection, request.asset_check_keys
    run = TickRun(
        run_id=new_run_id(),
        job_name=job_name,
        run_key=request.run_key,
        config=_plain(request.run_config) or None,
        tags=tags,
        assets=None if assets is None else [list(key.path) for key in assets],
        checks=None if checks is None else [_told(key) for key in checks],
        partition=request.partition_key,
        stale_only=request.stale_assets_only,
    )
    config = request.run_config or None
    store = KeysAsRequested(instance, partitions_requests)
    _check(_spec(run, config, definitions, instance), store)
    return PreparedRun(run, config)


def _told(key: AssetCheckKey) -> tuple[list[str], str]:
    return list(AssetKey.from_coercible(key.asset_key).path), key.name


def _plain(config: Mapping[str, Any] | None) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(config or {}, enc_hook=str))
    return found


def _spec(run: TickRun, config: Any, definitions: Definitions, instance: Instance) -> RunSpec:
    job: JobDefinition = definitions.get_job_def(run.job_name)
    return RunSpec(
        job=job,
        instance=instance,
        config=config,
        partition=run.partition,
        asset_selection=None if run.assets is None else [AssetKey(path) for path in run.assets],
        asset_check_selection=(
            None
            if run.checks is None
            else [AssetCheckKey(AssetKey(path), name) for path, name in run.checks]
        ),
        tags=run.tags,
        run_id=run.run_id,
        stale_only=run.stale_only,
    )


def _check(spec: RunSpec, store: Any) -> None:
    """Plan it, so that a tick whose runs could not run launches none of them."""
    job = as_it_stands(spec.job, spec.instance)
    job = subset_of(job, None, spec.asset_selection, spec.asset_check_selection)
    partitions = run_partitions(job, spec.partition, store)
    build_plan(job, run_config=spec.config, partitions=partitions)


def expect_runs(
    runs: Sequence[TickRun], definitions: Definitions, instance: Instance, start: Launch
) -> None:
    """Have runs that are about to be launched be seen as queued, where they have to wait.

    Args:
        runs: The runs, none of which was recorded before.
        definitions: The code location.
        instance: The history.
        start: Launches them.
    """
    if isinstance(start, Launcher) and start.free < len(runs):
        with suppress(JobnbError):  # what cannot be launched is told when it is launched
            start.expect([_spec(run, run.config, definitions, instance) for run in runs])


def ensure_launched(
    run: TickRun,
    config: Any,
    definitions: Callable[[], Definitions],
    instance: Instance,
    start: Launch,
    *,
    resumed: bool,
) -> bool:
    """Launch a run, unless it was launched before; whether it was launched now.

    Args:
        run: The run.
        config: Its config.
        definitions: Gives the code location.
        instance: The history.
        start: Launches it.
        resumed: Whether another loop, which is gone, may have launched it.
    """
    if resumed and not _is_missing(run.run_id, instance):
        return False
    start(_spec(run, config, definitions(), instance))
    return True


def _is_missing(run_id: str, instance: Instance) -> bool:
    """Whether a run is not there; one that was recorded and never began is taken out for that."""
    record = instance.get_run_record_by_id(run_id)
    if record is None:
        return True
    holder = instance.control.holder(run_id)
    if holder is not None and holder != this_process() and is_gone(holder) is False:
        return False  # its process has it, and is about to begin
    status = record.dagster_run.status
    waits = status is RunStatus.QUEUED and holder != this_process()  # of one that is gone
    never_began = record.start_time is None and (
        waits or status in (RunStatus.NOT_STARTED, RunStatus.STARTING, RunStatus.FAILURE)
    )
    if never_began and not instance.events(run_id, limit=2)[1:]:
        instance.delete_run(run_id)
        return True
    return False
