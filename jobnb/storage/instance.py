"""The instance: the history of runs and the stored values, on disk or in memory."""

from __future__ import annotations

import gc
import os
import sys
import threading
import weakref
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from jobnb.definitions.arguments import suggests_names
from jobnb.definitions.engine_protocol import engine
from jobnb.definitions.parts import answered_by
from jobnb.errors import InvariantViolationError
from jobnb.events import Event
from jobnb.storage.asset_history import AssetHistory, NamedHistory
from jobnb.storage.backfill import BackfillHistory
from jobnb.storage.code_history import CodeHistory
from jobnb.storage.dagster_views import (
    ComputeLogManager,
    DaemonStatus,
    EventLogStorage,
    InstanceRef,
    RunStorage,
    Scheduler,
    ScheduleStorage,
    daemon_statuses,
)
from jobnb.storage.event_history import EventHistory
from jobnb.storage.history import (
    DATABASE_VARIABLE,
    HOME_VARIABLE,
    History,
    default_home,
    made_home,
    named_database,
    unusable,
)
from jobnb.storage.partition_history import PartitionHistory
from jobnb.storage.pools import PoolHistory
from jobnb.storage.recorded_runs import RecordedRuns
from jobnb.storage.run import JobRun
from jobnb.storage.run_control import RunControl
from jobnb.storage.run_coordinator import (
    DefaultRunCoordinator,
    QueuedRunCoordinator,
    RunQueue,
)
from jobnb.storage.run_history import RunHistory
from jobnb.storage.run_launcher import DefaultRunLauncher
from jobnb.storage.run_log import RunBatch, RunLog
from jobnb.storage.tick_history import TickHistory

if TYPE_CHECKING:
    from jobnb.storage.database import Database

_FILE = "history.db"
_ONLY_HERE = (
    "An ephemeral instance lives in one process and cannot be sent to another. "
    "Use Instance.get() or Instance.local_temp()."
)
S = TypeVar("S")

_cache: dict[tuple[Path, str | None], Instance] = {}
_cache_lock = threading.RLock()


@suggests_names
class Instance:
    """The history of runs, their events and assets, and where values are stored.

    Make one with `Instance.ephemeral()`, `Instance.local_temp()` or `Instance.get()`.

    Args:
        home: The folder of the history and of values; None keeps the history in memory.
        url: The URL of another database than the SQLite file in `home`, for example
            `postgresql://user:password@host/name`. Values stay in `home`.
        settings: Settings that other parts of jobnb read.

    Attributes:
        noted_code: The versions of code whose text is known to be stored, by what they are of.

    Raises:
        StorageError: If the history cannot be opened.

    Example:
        >>> with Instance.ephemeral() as instance:
        ...     instance.get_runs_count()
        0

    Source: Dagster's `DagsterInstance`.
    """

    def __init__(
        self,
        home: str | os.PathLike[str] | None = None,
        url: str | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        durable = home is not None or url is not None
        self._home = made_home(home or default_home()) if durable else None
        self._url = url
        self._settings = dict(settings or {})
        self._storage: str | None = None
        self._given_directory: str | None = None
        self._temporary: str | None = None
        self._cleaner: weakref.finalize[Any, Any] | None = None
        self._parts: dict[type, Any] = {}
        self.noted_code: set[tuple[str, str]] = set()
        self._history = History(_opener(self._home, url), durable=durable, home=self._home)

    # -- making one

    @staticmethod
    def ephemeral(
        tempdir: str | None = None,
        preload: Sequence[tuple[JobRun, Sequence[Event]]] | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> Instance:
        """Return an instance in memory, gone with the process.

        Args:
            tempdir: Where values are stored; a temporary folder if left out.
            preload: Runs with their events that it begins with.
            settings: Settings that other parts of jobnb read.

        Source: Dagster's `DagsterInstance.ephemeral`.
        """
        instance = Instance(settings=settings)
        instance._given_directory = tempdir
        for run, events in preload or ():
            log = instance.open_log(instance.create_run(run))
            log.events.extend(events)
            log.close()
        return instance

    @staticmethod
    def local_temp(
        tempdir: str | None = None, overrides: Mapping[str, Any] | None = None
    ) -> Instance:
        """Return an instance on disk in a folder of its own, for trying things out.

        Args:
            tempdir: The folder; a temporary one, removed at `dispose`, if left out.
            overrides: Settings that other parts of jobnb read.

        Source: Dagster's `DagsterInstance.local_temp`.
        """
        if tempdir is not None:
            return Instance(home=tempdir, settings=overrides)
        made = _new_folder()
        instance = Instance(home=made, settings=overrides)
        instance._remove_at_end(made)
        return instance

    @staticmethod
    def get() -> Instance:
        """Return the instance in `$JOBNB_HOME`, else in `.jobnb` in the current folder.

        Where `$JOBNB_DATABASE` is the URL of a database, that one has the history.

        Returns:
            The same object for the same folder, until it is disposed of.

        Source: Dagster's `DagsterInstance.get`.
        """
        return Instance.from_home(default_home())

    @staticmethod
    def from_home(home: str | os.PathLike[str], url: str | None = None) -> Instance:
        """Return the instance of a folder: one object per folder in a process.

        Args:
            home: The folder.
            url: The URL of its database; `$JOBNB_DATABASE` if absent, else the file in the folder.
        """
        return _shared(home, url or named_database())

    # -- what it is

    @property
    def home(self) -> Path | None:
        """The folder of the history; None for one in memory."""
        return self._home

    @property
    def launcher(self) -> str | None:
        """The notebook, script or module that launches runs here; see `JobRun.notebook`."""
        return self._history.launcher

    def launched_by(self, path: str | os.PathLike[str]) -> None:
        """Record a notebook or script as the launcher of what runs meanwhile."""
        self._history.launched_by(path)

    def launched_as(self, name: str | None) -> None:
        """Record what launches runs here, by the name that another process has it by."""
        self._history.launched_as(name)

    def only_read(self) -> None:
        """Refuse all changes of the history from now on, in this process."""
        self._opened().only_reads = True

    @property
    def root_directory(self) -> str:
        """The folder of the history; for one in memory, that of its values."""
        return str(self._home) if self._home is not None else self._own_directory()

    @property
    def is_ephemeral(self) -> bool:
        """Whether it is lost with the process."""
        return not self._history.durable

    @property
    def is_persistent(self) -> bool:
        """Whether it outlives the process."""
        return self._history.durable

    @property
    def settings(self) -> Mapping[str, Any]:
        """Settings that other parts of jobnb read."""
        return self._settings

    def get_settings(self, settings_key: str) -> Any:
        """Return one of the settings, whatever its YAML holds, or None."""
        return self._settings.get(settings_key)

    def storage_directory(self) -> str:
        """Return the folder in which values are stored; it is made when it is first asked for."""
        if self._storage is None:
            path = Path(self.root_directory) / "storage"
            try:
                path.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise unusable(path, error) from error
            self._storage = str(path)
        return self._storage

    def info_str(self) -> str:
        """Return a few lines on where this instance keeps what."""
        lines = {
            "home": str(self._home) if self._home is not None else "(in memory)",
            "history": self._opened().shown_url,
            "values": str(Path(self.root_directory) / "storage"),
            "runs": str(self.get_runs_count()),
            "assets": str(len(self.get_asset_keys())),
        }
        return "\n".join(f"{name}: {value}" for name, value in lines.items()) + "\n"

    # -- writing runs

    def create_run(self, run: JobRun) -> JobRun:
        """Add a run to the history.

        Raises:
            InvariantViolationError: If its id is there already.
            InvalidDefinitionError: If one of its texts cannot be stored.
        """
        return self._history.create_run(run)

    add_run = create_run

    def open_log(self, run: JobRun, *, is_new: bool = False) -> RunLog:
        """Return the log to write a run's events to.

        Args:
            run: The run; it must have been created.
            is_new: Whether it has not: it is written with its first events, in one transaction.

        Example:
            >>> from jobnb.events import RunStarted
            >>> instance = Instance.ephemeral()
            >>> log = instance.open_log(instance.create_run(JobRun("daily")))
            >>> log.events.append(RunStarted(1.0, "daily"))
            >>> log.close()
            >>> instance.get_run_by_id(log.run.run_id).status.value
            'STARTED'
        """
        return self._history.open_log(run, is_new=is_new)

    def open_batch(self) -> RunBatch:
        """Return a batch of short runs, written together; see `RunBatch`."""
        return self._history.open_batch()

    @property
    def code(self) -> CodeHistory:
        """The text of the code that runs ran."""
        return self._part(CodeHistory)

    # -- runs of other processes

    @property
    def control(self) -> RunControl:
        """Acts on runs of whatever process: which one does it, asking it to end."""
        return self._part(RunControl)

    # -- limits

    @property
    def pools(self) -> PoolHistory:
        """Pools of steps: their limits, and the places that are taken."""
        return self._part(PoolHistory)

    set_concurrency_limit = answered_by(PoolHistory, PoolHistory.set_concurrency_limit)
    delete_concurrency_limit = answered_by(PoolHistory, PoolHistory.delete_concurrency_limit)
    get_concurrency_keys = answered_by(PoolHistory, PoolHistory.get_concurrency_keys)
    get_concurrency_info = answered_by(PoolHistory, PoolHistory.get_concurrency_info)
    free_concurrency_slots_for_run = answered_by(
        PoolHistory, PoolHistory.free_concurrency_slots_for_run
    )

    @property
    def run_queue(self) -> RunQueue:
        """The queue of runs, for what does them."""
        return self._part(RunQueue)

    @property
    def run_coordinator(self) -> QueuedRunCoordinator | DefaultRunCoordinator:
        """What says when a run begins: at once, or in its turn."""
        return self.run_queue.run_coordinator

    @property
    def run_launcher(self) -> DefaultRunLauncher:
        """Ends runs, whatever process does them."""
        return DefaultRunLauncher().of(self)

    set_run_coordinator = answered_by(RunQueue, RunQueue.set_run_coordinator)

    # -- schedules and sensors

    @property
    def ticks(self) -> TickHistory:
        """The states and ticks of schedules and sensors, for the loop that evaluates them."""
        return self._part(TickHistory)

    get_ticks = answered_by(TickHistory, TickHistory.get_ticks)
    get_tick = answered_by(TickHistory, TickHistory.get_tick)
    all_instigator_state = answered_by(TickHistory, TickHistory.all_instigator_state)
    start_schedule = answered_by(TickHistory, TickHistory.start_schedule)
    stop_schedule = answered_by(TickHistory, TickHistory.stop_schedule)
    start_sensor = answered_by(TickHistory, TickHistory.start_sensor)
    stop_sensor = answered_by(TickHistory, TickHistory.stop_sensor)
    wipe_all_schedules = answered_by(TickHistory, TickHistory.wipe_all_schedules)

    # -- what Dagster has in storages of their own

    @property
    def run_storage(self) -> RunStorage:
        """Its runs and backfills."""
        return RunStorage(self)

    @property
    def event_log_storage(self) -> EventLogStorage:
        """Its events, and what they say of assets and partitions."""
        return EventLogStorage(self)

    @property
    def schedule_storage(self) -> ScheduleStorage:
        """The state and the ticks of its schedules and sensors."""
        return ScheduleStorage(self)

    @property
    def scheduler(self) -> Scheduler:
        """Starts and stops its schedules."""
        return Scheduler(self)

    @property
    def compute_log_manager(self) -> ComputeLogManager:
        """What steps have printed."""
        return ComputeLogManager(self)

    def get_daemon_statuses(
        self, daemon_types: Collection[str] | None = None
    ) -> dict[str, DaemonStatus]:
        """Return by kind whether a loop evaluates schedules and sensors at present."""
        return daemon_statuses(self, daemon_types)

    def get_ref(self) -> InstanceRef:
        """Return where it is.

        Raises:
            InvariantViolationError: If it is in memory: no other process finds it.
        """
        if self._home is None:
            raise InvariantViolationError(_ONLY_HERE)
        return InstanceRef(str(self._home), self._url)

    @staticmethod
    def from_ref(instance_ref: InstanceRef) -> Instance:
        """Return the instance that `get_ref` told of: one object per folder in a process."""
        return _shared(instance_ref.home, instance_ref.url)

    @staticmethod
    def from_config(config_dir: str, config_filename: str = "dagster.yaml") -> Instance:
        """Return an instance in a folder, with the settings of a YAML file there.

        Args:
            config_dir: The folder.
            config_filename: The file; without it there are no settings.

        Raises:
            InvariantViolationError: If the file is no YAML mapping.
        """
        return Instance(
            config_dir, named_database(), _settings_in(Path(config_dir, config_filename))
        )

    create_run_for_job = answered_by(RecordedRuns, RecordedRuns.create_run_for_job)
    create_reexecuted_run = answered_by(RecordedRuns, RecordedRuns.create_reexecuted_run)

    def launch_run(self, run_id: str, workspace: Any = None) -> JobRun:
        """Launch a run that was recorded, in the background.

        Args:
            run_id: The run.
            workspace: Where its job is: a `Definitions`, repository or session; the session of this
                kernel if None.

        Raises:
            RunNotFoundError: If there is no such run.
            InvariantViolationError: If it has begun already.
            InvalidSubsetError: If there is no such job.
        """
        return engine().launch_recorded(self, run_id, workspace)

    def submit_run(self, run_id: str, workspace: Any = None) -> JobRun:
        """Launch a run that was recorded; where runs wait in a queue, it waits for its turn."""
        return engine().launch_recorded(self, run_id, workspace)

    def resume_run(self, run_id: str, workspace: Any = None, attempt_number: int = 1) -> JobRun:
        """Launch what a run that ended early has not done, as a run of its own.

        Args:
            run_id: The run.
            workspace: Where its job is, as for `launch_run`.
            attempt_number: Not used: the history counts the runs.

        Raises:
            RunNotFoundError: If there is no such run.
            InvariantViolationError: If it goes on, or nothing of it is left to do.
        """
        return engine().resume_recorded(self, run_id, workspace)

    # -- what its parts answer

    get_runs = answered_by(RunHistory, RunHistory.get_runs)
    get_run_records = answered_by(RunHistory, RunHistory.get_run_records)
    get_run_by_id = answered_by(RunHistory, RunHistory.get_run_by_id)
    get_run_record_by_id = answered_by(RunHistory, RunHistory.get_run_record_by_id)
    get_run_ids = answered_by(RunHistory, RunHistory.get_run_ids)
    get_runs_count = answered_by(RunHistory, RunHistory.get_runs_count)
    has_run = answered_by(RunHistory, RunHistory.has_run)
    get_run_group = answered_by(RunHistory, RunHistory.get_run_group)
    get_run_tags = answered_by(RunHistory, RunHistory.get_run_tags)
    get_run_tag_keys = answered_by(RunHistory, RunHistory.get_run_tag_keys)
    get_run_notebooks = answered_by(RunHistory, RunHistory.get_run_notebooks)
    made_elsewhere = answered_by(RunHistory, RunHistory.made_elsewhere)
    launched_elsewhere = answered_by(RunHistory, RunHistory.launched_elsewhere)
    add_run_tags = answered_by(RunHistory, RunHistory.add_run_tags)
    delete_run = answered_by(RunHistory, RunHistory.delete_run)
    run_state = answered_by(RunHistory, RunHistory.run_state)
    get_run_stats = answered_by(RunHistory, RunHistory.get_run_stats)
    get_run_step_stats = answered_by(EventHistory, EventHistory.get_run_step_stats)

    events = answered_by(EventHistory, EventHistory.events)
    all_logs = answered_by(EventHistory, EventHistory.all_logs)
    logs_after = answered_by(EventHistory, EventHistory.logs_after)
    get_records_for_run = answered_by(EventHistory, EventHistory.get_records_for_run)
    get_event_records = answered_by(EventHistory, EventHistory.get_event_records)
    add_event_listener = answered_by(EventHistory, EventHistory.add_event_listener)
    watch_event_logs = answered_by(EventHistory, EventHistory.watch_event_logs)
    end_watch_event_logs = answered_by(EventHistory, EventHistory.end_watch_event_logs)
    report_event = answered_by(EventHistory, EventHistory.report_event)
    report_dagster_event = answered_by(EventHistory, EventHistory.report_dagster_event)
    handle_new_event = answered_by(EventHistory, EventHistory.handle_new_event)
    report_engine_event = answered_by(EventHistory, EventHistory.report_engine_event)
    report_run_canceling = answered_by(EventHistory, EventHistory.report_run_canceling)
    report_run_canceled = answered_by(EventHistory, EventHistory.report_run_canceled)
    report_run_failed = answered_by(EventHistory, EventHistory.report_run_failed)

    get_asset_keys = answered_by(AssetHistory, AssetHistory.get_asset_keys)
    all_asset_keys = answered_by(AssetHistory, AssetHistory.all_asset_keys)
    has_asset_key = answered_by(AssetHistory, AssetHistory.has_asset_key)
    get_asset_records = answered_by(AssetHistory, AssetHistory.get_asset_records)
    get_latest_materialization_event = answered_by(
        AssetHistory, AssetHistory.get_latest_materialization_event
    )
    get_latest_materialization_events = answered_by(
        AssetHistory, AssetHistory.get_latest_materialization_events
    )
    get_latest_asset_check_evaluations = answered_by(
        AssetHistory, AssetHistory.get_latest_asset_check_evaluations
    )
    get_asset_check_evaluation_records = answered_by(
        AssetHistory, AssetHistory.get_asset_check_evaluation_records
    )
    get_latest_data_version_record = answered_by(
        AssetHistory, AssetHistory.get_latest_data_version_record
    )
    last_made = answered_by(AssetHistory, AssetHistory.last_made)
    last_observed = answered_by(AssetHistory, AssetHistory.last_observed)
    partitions_made = answered_by(AssetHistory, AssetHistory.partitions_made)
    partitions_print = answered_by(AssetHistory, AssetHistory.partitions_print)
    failed_steps = answered_by(AssetHistory, AssetHistory.failed_steps)
    wipe_assets = answered_by(AssetHistory, AssetHistory.wipe_assets)
    earlier_names = answered_by(AssetHistory, AssetHistory.earlier_names)
    move_asset = answered_by(AssetHistory, AssetHistory.move_asset)

    get_materialized_partitions = answered_by(
        PartitionHistory, PartitionHistory.get_materialized_partitions
    )
    get_partitions_made_since = answered_by(
        PartitionHistory, PartitionHistory.get_partitions_made_since
    )
    get_materialization_count_by_partition = answered_by(
        PartitionHistory, PartitionHistory.get_materialization_count_by_partition
    )
    get_status_by_partition = answered_by(
        PartitionHistory, PartitionHistory.get_status_by_partition
    )
    unfinished_partitions = answered_by(PartitionHistory, PartitionHistory.unfinished_partitions)
    note_untried_partitions = answered_by(
        PartitionHistory, PartitionHistory.note_untried_partitions
    )
    untried_partitions = answered_by(PartitionHistory, PartitionHistory.untried_partitions)
    get_latest_materialization_by_partition = answered_by(
        PartitionHistory, PartitionHistory.get_latest_materialization_by_partition
    )
    wipe_asset_partitions = answered_by(PartitionHistory, PartitionHistory.wipe_asset_partitions)
    get_job_status_by_partition = answered_by(
        PartitionHistory, PartitionHistory.get_job_status_by_partition
    )
    get_last_job_runs = answered_by(PartitionHistory, PartitionHistory.get_last_job_runs)
    add_dynamic_partitions = answered_by(PartitionHistory, PartitionHistory.add_dynamic_partitions)
    get_dynamic_partitions = answered_by(PartitionHistory, PartitionHistory.get_dynamic_partitions)
    get_paginated_dynamic_partitions = answered_by(
        PartitionHistory, PartitionHistory.get_paginated_dynamic_partitions
    )
    has_dynamic_partition = answered_by(PartitionHistory, PartitionHistory.has_dynamic_partition)
    delete_dynamic_partition = answered_by(
        PartitionHistory, PartitionHistory.delete_dynamic_partition
    )

    get_backfills = answered_by(BackfillHistory, BackfillHistory.get_backfills)
    get_backfill = answered_by(BackfillHistory, BackfillHistory.get_backfill)
    add_backfill = answered_by(BackfillHistory, BackfillHistory.add_backfill)
    update_backfill = answered_by(BackfillHistory, BackfillHistory.update_backfill)

    save_preset = answered_by(NamedHistory, NamedHistory.save_preset)
    get_presets = answered_by(NamedHistory, NamedHistory.get_presets)
    delete_preset = answered_by(NamedHistory, NamedHistory.delete_preset)
    set_values = answered_by(NamedHistory, NamedHistory.set_values)
    get_values = answered_by(NamedHistory, NamedHistory.get_values)

    # -- emptying and closing

    def wipe(self) -> None:
        """Delete the history: runs, events, assets, partitions, presets. Stored values stay."""
        from jobnb.storage import named_queries

        for log in self._history.open_logs():
            log.discard()
            self._history.forget_log(log)
        self._history.write(named_queries.wipe)

    def dispose(self) -> None:
        """Write what is pending and close everything; safe to call twice."""
        self._history.close()
        with _cache_lock:
            for key in [key for key, found in _cache.items() if found is self]:
                del _cache[key]
        if self._cleaner is not None:
            self._cleaner()

    def __enter__(self) -> Self:
        self._history.check_open()
        return self

    def __exit__(self, *exc: object) -> None:
        self.dispose()

    def __reduce__(self) -> tuple[Callable[..., Instance], tuple[Path | None, str | None]]:
        if self._home is None:
            raise InvariantViolationError(_ONLY_HERE)
        return _shared, (self._home, self._url)

    def __repr__(self) -> str:
        return f"Instance(home={str(self._home)!r})" if self._home else "Instance.ephemeral()"

    def _own_directory(self) -> str:
        if self._given_directory is not None:
            return self._given_directory
        with _cache_lock:
            if self._temporary is None:
                self._temporary = _new_folder()
                self._remove_at_end(self._temporary)
        return self._temporary

    def _remove_at_end(self, folder: str) -> None:
        # With the history rather than with this object: a log that is written holds that.
        self._cleaner = weakref.finalize(self._history, _remove, folder, os.getpid())

    def _part(self, kind: type[S]) -> S:
        found: S | None = self._parts.get(kind)
        if found is None:
            found = self._parts[kind] = kind(self._history)  # type: ignore[call-arg]
        return found

    def _opened(self) -> Database:
        return self._history.database()


def _new_folder() -> str:
    """Make a temporary folder, which not every instance needs."""
    import tempfile

    return tempfile.mkdtemp(prefix="jobnb-")


def _remove(folder: str, pid: int) -> None:
    """Remove a temporary folder, if this is the process that made it and not a copy of that."""
    if os.getpid() == pid:
        import shutil  # which is loaded since the folder was made

        shutil.rmtree(folder, ignore_errors=True)


def _shared(home: str | os.PathLike[str], url: str | None) -> Instance:
    key = (Path(os.path.abspath(home)), url)  # noqa: PTH100 - resolve() would follow links
    with _cache_lock:
        found = _cache.get(key)
        if found is None or found._history.closed:
            found = _cache[key] = Instance(home=key[0], url=url)
        return found


def _settings_in(path: Path) -> Mapping[str, Any]:
    """Read the settings of a file; none if there is no such file."""
    if not path.exists():
        return {}
    import yaml

    try:
        found = yaml.safe_load(path.read_text()) or {}
    except yaml.YAMLError as error:
        raise InvariantViolationError(f"{path} is no YAML: {error}") from None
    if not isinstance(found, dict):
        raise InvariantViolationError(f"{path} holds {found!r}. Write settings by name.")
    return found


def _opener(home: Path | None, url: str | None) -> Callable[[], Database]:
    """Return a function that opens the database without keeping the instance alive."""

    def open_database() -> Database:
        first = "sqlalchemy" not in sys.modules
        from jobnb.storage import writing  # noqa: F401 a run's first commit must not wait for it
        from jobnb.storage.database import Database, file_url

        if first:
            # What the import leaves to the garbage collector it takes now, not in a step.
            gc.collect()
        if url is not None:
            return Database(url)
        if home is None:
            return Database()
        what = f"the history in {str(home)!r}"
        return Database(file_url(home / _FILE), what, partial(made_home, home))

    return open_database


def _leave_lock() -> None:
    global _cache_lock  # noqa: PLW0603
    _cache_lock = threading.RLock()  # a thread that a copy of the process has not may hold it


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_lock)


@contextmanager
def instance_for_test(
    overrides: Mapping[str, Any] | None = None,
    set_dagster_home: bool = True,
    temp_dir: str | None = None,
) -> Iterator[Instance]:
    """Create an instance on disk for one test, and delete it afterwards.

    Args:
        overrides: Settings that other parts of jobnb read.
        set_dagster_home: Whether `Instance.get()` gives this one meanwhile, here and in child
            processes.
        temp_dir: The folder; a temporary one if left out.

    Example:
        >>> with instance_for_test() as instance:
        ...     Instance.get() is instance
        True

    Source: Dagster's `instance_for_test`.
    """
    home = Path(temp_dir or _new_folder()).absolute()
    before = {name: os.environ.get(name) for name in (HOME_VARIABLE, DATABASE_VARIABLE)}
    instance = Instance(home=home, settings=overrides)
    if temp_dir is None:
        instance._remove_at_end(str(home))
    if set_dagster_home:
        _set({HOME_VARIABLE: str(home), DATABASE_VARIABLE: None})
        with _cache_lock:
            _cache[home, None] = instance
    try:
        yield instance
    finally:
        instance.dispose()
        if set_dagster_home:
            _set(before)


def _set(variables: Mapping[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
