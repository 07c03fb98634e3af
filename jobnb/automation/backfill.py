"""A backfill in the background: threads execute its runs; its owner holds this object."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from operator import is_
from typing import Any, ClassVar

from traitlets import Unicode

from jobnb.automation.backfill_chunks import Chunk, Group, levels_of, shared
from jobnb.automation.backfill_nodes import BackfillNode
from jobnb.automation.backfill_progress import BackfillProgress, ended, with_counts
from jobnb.automation.backfill_work import BackfillRuns, Outcome, printing
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.partitions.partition_mapping import PartitionMapping
from jobnb.definitions.partitions.partition_subset import PartitionsSubset
from jobnb.errors import JobnbError
from jobnb.events import RunCanceling
from jobnb.execution.log import listening
from jobnb.execution.run import RunScope
from jobnb.execution.stopping import Interrupts, Stop
from jobnb.execution.task import RunCanceledError, StillRunningError, Task
from jobnb.execution.watch import waiting_backfills, watched
from jobnb.plan.partitions import RunPartitions
from jobnb.storage.backfill import BackfillStatus, PartitionBackfill, name_of_backfill
from jobnb.storage.instance import Instance
from jobnb.storage.run import JobRun, RunsFilter

_logger = logging.getLogger("jobnb.automation")
_TELLING = 0.5  # seconds between two times at which how far it is is stored, at least


class BlockedNodes:
    """Records failures, and what depends on them.

    Args:
        store: Keeps the keys of dynamic partitions.
    """

    def __init__(self, store: Instance) -> None:
        self._store = store
        self._lost: dict[str, PartitionsSubset | None] = {}
        self._blocked: dict[Group, tuple[list[Any], PartitionsSubset | bool]] = {}
        self._lock = threading.RLock()

    def note(self, chunk: Chunk, outcome: Outcome) -> tuple[int, int]:
        """Record what a run did not materialize.

        Returns:
            How many partitions of the chunk's assets failed, and how many were not tried since
            these did.
        """
        failed = blocked = 0
        partitions = chunk.partitions
        keys: tuple[str | None, ...] = (None,) if partitions is None else tuple(partitions.keys)
        for node in chunk.group.nodes:
            missing = outcome.missing(node, keys)
            if not missing:
                continue
            self._lose(node, _part(partitions, missing))
            if outcome.blames(node):
                failed += sum(missing.values())
            else:
                blocked += sum(missing.values())
        return failed, blocked

    def _lose(self, node: BackfillNode, partitions: RunPartitions | None) -> None:
        with self._lock:
            if node.definition is None or partitions is None:
                self._lost[node.name] = None
                return
            more = node.definition.subset_with_partition_keys(partitions.keys)
            before = self._lost.get(node.name)
            self._lost[node.name] = more if before is None else before | more

    def free_part(self, chunk: Chunk) -> Chunk | None:
        """Return the part of a chunk that can be tried: nothing downstream of a failure."""
        with self._lock:
            if not self._lost:
                return chunk
            blocked = self._blocked_of(chunk.group)
            if blocked is False:
                return chunk
            if blocked is True or chunk.partitions is None:
                self._lose_all(chunk.group, chunk.partitions)
                return None
            keys = chunk.partitions.keys
            held = tuple(key for key in keys if key in blocked)
            if not held:
                return chunk
            self._lose_all(chunk.group, RunPartitions(chunk.group.definition, held))
            free = tuple(key for key in keys if key not in blocked)
        return Chunk(chunk.group, RunPartitions(chunk.group.definition, free)) if free else None

    def _lose_all(self, group: Group, partitions: RunPartitions | None) -> None:
        for node in group.nodes:
            self._lose(node, partitions)

    def _blocked_of(self, group: Group) -> PartitionsSubset | bool:
        """Return the partitions of a group that cannot be made; True for all, False for none."""
        near = {edge.upstream for node in group.nodes for edge in node.edges}
        near |= {node.name for node in group.nodes if node.own_mapping is not None}
        # Subsets are frozen: as long as these are the same objects, nothing more was lost.
        seen: list[Any] = [self._lost.get(name, self) for name in sorted(near)]
        known = self._blocked.get(group)
        if known is not None and all(map(is_, known[0], seen)):
            return known[1]
        found = self._find_blocked(group)
        self._blocked[group] = (seen, found)
        return found

    def _find_blocked(self, group: Group) -> PartitionsSubset | bool:
        definition = group.definition
        blocked = definition.empty_subset() if definition is not None else None
        for node in group.nodes:
            for edge in node.edges:
                if edge.upstream not in self._lost:
                    continue
                lost = self._lost[edge.upstream]
                if lost is None or edge.mapping is None:
                    return True
                if definition is None or blocked is None:
                    if self._needs(edge.mapping, lost):
                        return True
                    continue
                blocked |= edge.mapping.get_downstream_partitions_for_partitions(
                    lost, definition, dynamic_partitions_store=self._store
                )
            own = self._lost.get(node.name)
            if node.own_mapping is not None and own is not None and blocked is not None:
                assert definition is not None
                blocked |= node.own_mapping.get_downstream_partitions_for_partitions(
                    own, definition, dynamic_partitions_store=self._store
                )
        return blocked if blocked is not None else False

    def _needs(self, mapping: PartitionMapping, lost: PartitionsSubset) -> bool:
        """Whether an asset without partitions depends on one of those that were lost."""
        found = mapping.get_upstream_mapped_partitions_result_for_partitions(
            None, lost.partitions_def, dynamic_partitions_store=self._store
        )
        return not (found.partitions_subset & lost).is_empty


def _part(partitions: RunPartitions | None, keys: Collection[str | None]) -> RunPartitions | None:
    """Return the partitions that are among some keys."""
    if partitions is None or len(keys) == len(partitions.keys):
        return partitions
    held = tuple(key for key in partitions.keys if key in keys)
    return RunPartitions(partitions.definition, held)


watchers: list[Callable[[Backfill], AbstractContextManager[None]]] = []
"""What is entered while someone waits for one, in the thread that waits."""


class BackfillFailedError(JobnbError, RuntimeError):
    """Not all partitions of a backfill were materialized."""


class Backfill(Task[BackfillProgress]):
    """A backfill in the background; created by `session.backfill` and `job.backfill`.

    `status`, `progress`, `current_step` and `version` are traits, as those of a run. `await` and
    `result` give the counts, or raise what went wrong.

    Example:
        >>> from jobnb import Instance, Session, StaticPartitionsDefinition, asset
        >>> @asset(partitions_def=StaticPartitionsDefinition(["a", "b", "c"]))
        ... def letters(context):
        ...     return context.partition_key
        >>> session = Session().add(letters)
        >>> backfill = session.backfill("letters", ["a", "c"], instance=Instance.ephemeral())
        >>> print(backfill.result())
        2 of 2 partitions done (100%): 2 made
        >>> backfill.status
        'COMPLETED'
    """

    begun: ClassVar[list[Callable[[Any], None]]] = []
    status = Unicode(BackfillStatus.REQUESTED.value, read_only=True)

    def __init__(
        self,
        record: PartitionBackfill,
        instance: Instance,
        groups: Sequence[Group],
        runs: BackfillRuns,
        max_parallel: int,
    ) -> None:
        self._open(record, instance, groups)
        self._batch = instance.open_batch()
        self._runs = runs
        self._blocking = BlockedNodes(instance)
        self._max_parallel = max_parallel
        self._untried: dict[AssetKey, list[str]] = {}
        self._keeping = threading.Lock()
        self._told_counts, self._next_telling = self._counts, 0.0
        if instance.is_persistent:
            instance.control.listen(self._lease, self.cancel)
        self._begin()

    def _open(self, record: PartitionBackfill, instance: Instance, groups: Sequence[Group]) -> None:
        """Set what a backfill has, whatever process does it."""
        super().__init__(record.backfill_id, f"jobnb backfill {record.backfill_id}")
        self._began = time.time()
        self._record = record
        self._groups = groups
        self._instance = instance
        self._counts = BackfillProgress(sum(group.size for group in groups))
        self._scopes: dict[RunScope, Stop] = {}
        self._canceled: str | None = None

    @property
    def _lease(self) -> str:
        """Its name among the runs that have leases."""
        return name_of_backfill(self._record.backfill_id)

    @staticmethod
    def begin(
        record: PartitionBackfill,
        instance: Instance,
        groups: Sequence[Group],
        runs: BackfillRuns,
        max_parallel: int,
        *,
        again: bool = False,
    ) -> Backfill:
        """Record a backfill and begin it; an interrupt that comes meanwhile cancels it.

        Raises:
            ExecutionInterruptedError: If one came; the backfill has ended then.
        """
        with Interrupts(lambda: f"The backfill {record.backfill_id}") as interrupts:
            (instance.update_backfill if again else instance.add_backfill)(record)
            backfill = Backfill(record, instance, groups, runs, max_parallel)
            interrupts.undo = backfill.undo
            return backfill

    # --- what it is -------------------------------------------------------

    @property
    def backfill_id(self) -> str:
        """Its id."""
        return self._record.backfill_id

    @property
    def record(self) -> PartitionBackfill:
        """The record of the backfill."""
        return self._record

    @property
    def job(self) -> JobDefinition | None:
        """The job that it runs, if it runs one."""
        return next((node.job for group in self._groups for node in group.nodes), None)

    @property
    def instance(self) -> Instance:
        """The instance of its history."""
        return self._instance

    @property
    def counts(self) -> BackfillProgress:
        """The numbers of its partitions by status, so far."""
        return self._counts

    @property
    def began(self) -> float:
        """When it began, or was resumed, in seconds since the epoch."""
        return self._began

    @property
    def runs(self) -> list[JobRun]:
        """Its runs in the history, the latest first."""
        return list(self._instance.get_runs(RunsFilter.for_backfill(self.backfill_id)))

    # --- waiting for it ---------------------------------------------------

    def wait(self, timeout: float | None = None) -> Backfill:
        """Wait for its end, at most `timeout` seconds; an interrupt ends the waiting only."""
        if not self._ended.is_set():
            with watched(self, watchers or waiting_backfills):
                super().wait(timeout)
        return self

    def result(
        self, timeout: float | None = None, *, raise_on_error: bool = True
    ) -> BackfillProgress:
        """Wait for its end and give the counts.

        Args:
            timeout: Seconds to wait at most.
            raise_on_error: Whether a failure is raised.

        Raises:
            StillRunningError: If it has not ended by then.
            RunCanceledError: If it was canceled and `raise_on_error`.
            BackfillFailedError: If some partitions could not be made and `raise_on_error`.
        """
        __tracebackhide__ = True
        if not self.wait(timeout).is_finished:
            raise StillRunningError(
                f"The backfill {self.backfill_id} has not ended after {timeout} s ({self._counts})."
                " Wait longer, or stop it with cancel()."
            )
        if raise_on_error:
            self._raise_failure()
        return self._counts

    def _raise_failure(self) -> None:
        __tracebackhide__ = True
        if self._error is not None:
            raise self._error
        again = f'session.resume_backfill("{self.backfill_id}")'
        if self._canceled is not None:
            raise RunCanceledError(
                f"The backfill {self.backfill_id} was canceled ({self._counts}). "
                f"{self._canceled} Resume it with {again}.".replace("  ", " ")
            )
        if self.status == BackfillStatus.FAILED.value:
            raise BackfillFailedError(
                f"The backfill {self.backfill_id} could not make all partitions ({self._counts}). "
                f"Look at backfill.runs, mend what failed, and resume it with {again}."
            )

    # --- acting on it -----------------------------------------------------

    def cancel(self, reason: str = "") -> bool:
        """Ask it to stop: active runs are canceled, no more begin; what was made is kept.

        Args:
            reason: Why, for the logs.

        Returns:
            Whether it had not ended.
        """
        with self._turn:
            if self._ended.is_set():
                return False
            self._canceled = reason or "Someone asked for it."
            under_way = list(self._scopes.items())
        for scope, stop in under_way:
            _request(scope, stop, reason)
        return True

    # --- the work ----------------------------------------------------------

    def _do(self) -> None:
        for level in levels_of(self._groups):
            self._do_level(level)

    def _do_level(self, groups: list[Group]) -> None:
        """Execute the runs that may go side by side; those of a serial group in turn."""
        side_by_side = [group for group in groups if not group.is_serial]
        chunks = (chunk for group in side_by_side for chunk in group.chunks())
        if self._max_parallel == 1:
            self._do_all(chunks)
        else:
            lock = threading.Lock()
            with ThreadPoolExecutor(self._max_parallel, "jobnb backfill") as pool:
                for done in [
                    pool.submit(self._do_all, shared(chunks, lock))
                    for _ in range(self._max_parallel)
                ]:
                    done.result()
        for group in groups:
            if group.is_serial:
                self._do_all(group.chunks())

    def _do_all(self, chunks: Iterator[Chunk]) -> None:
        with printing() as current, listening():
            for chunk in chunks:
                if self._canceled is not None:
                    return
                part = self._blocking.free_part(chunk)
                if part is not chunk:
                    self._leave_out(chunk, part)
                if part is not None:
                    self._do_run(part, current)

    def _leave_out(self, chunk: Chunk, tried: Chunk | None) -> None:
        """Count what of a chunk is not tried, as an upstream asset failed."""
        self._count(blocked=chunk.size - (tried.size if tried is not None else 0))
        if chunk.partitions is None:
            return
        kept = set(tried.partitions.keys) if tried is not None and tried.partitions else set()
        names = [str(key) for key in chunk.partitions.keys if key not in kept]
        with self._turn:
            for node in chunk.group.nodes:
                for key in node.keys:
                    self._untried.setdefault(key, []).extend(names)

    def _look(self) -> None:
        try:
            self._keep_untried()
            self._keep_counts()
        except Exception as error:  # noqa: BLE001 - tried again; at the end it is told
            _logger.info("How far the backfill is could not be stored yet: %r", error)

    def _keep_counts(self) -> None:
        """Store how far it is, for those who look from other processes."""
        now = time.monotonic()
        counts = self._counts
        if now < self._next_telling or counts == self._told_counts or self._ended.is_set():
            return
        with self._keeping:
            if not self._record.status.is_finished:
                self._instance.update_backfill(with_counts(self._record, counts))
        self._told_counts = counts
        self._next_telling = time.monotonic() + max(_TELLING, 20 * (time.monotonic() - now))

    def _keep_untried(self) -> None:
        """Keep which partitions were not tried: no run tells it."""
        with self._keeping:
            with self._turn:
                untried, self._untried = self._untried, {}
            try:
                if untried:
                    self._instance.note_untried_partitions(self.backfill_id, untried)
            except BaseException:
                with self._turn:
                    for key, names in untried.items():
                        self._untried.setdefault(key, []).extend(names)
                raise

    def _do_run(self, chunk: Chunk, current: Any) -> None:
        stop = Stop()
        scope = self._runs.scope(chunk, self._batch, stop)
        with self._turn:
            self._scopes[scope] = stop
            canceled = self._canceled
        current.scope = scope
        if canceled is not None:
            _request(scope, stop, canceled)
        try:
            outcome = self._runs.do(scope)
        finally:
            current.scope = None
            with self._turn:
                del self._scopes[scope]
        if outcome is not None:
            self._note(chunk, outcome)

    def _note(self, chunk: Chunk, outcome: Outcome) -> None:
        failed, blocked = self._blocking.note(chunk, outcome)
        self._count(made=chunk.size - failed - blocked, failed=failed, blocked=blocked)

    def _count(self, **more: int) -> None:
        with self._turn:
            self._counts = self._counts.plus(**more)

    def _settle(self) -> None:
        try:
            self._batch.close()
            self._keep_untried()
        except Exception as error:  # noqa: BLE001 - raised again where it is waited for
            self._error = self._error or error
        self._instance.control.unlisten(self._lease)
        with self._keeping:
            self._record = ended(self._record, self._counts, self._error, self._canceled)
            self._instance.update_backfill(self._record)

    def _stops(self) -> list[Stop]:
        return list(self._scopes.values())

    def _refresh(self) -> None:
        """Update the traits."""
        news = (self._record.status.value, self._counts.fraction, self._current_step())
        if news != (self.status, self.progress, self.current_step):
            self.set_trait("version", self.version + 1)
        self.set_trait("status", news[0])
        self.set_trait("progress", news[1])
        self.set_trait("current_step", news[2])

    def _current_step(self) -> str:
        for scope in self._scopes:
            partitions = scope.plan.partitions
            key = scope.current_key or ""
            return f"{key} {partitions.keys[0]}" if partitions is not None else key
        return ""

    def __repr__(self) -> str:
        return f"<Backfill {self.backfill_id}: {self.status}, {self._counts}>"


def _request(scope: RunScope, stop: Stop, reason: str) -> None:
    def tell() -> None:
        scope.append(RunCanceling(time.time(), scope.plan.job.name))

    stop.request(reason, tell)
