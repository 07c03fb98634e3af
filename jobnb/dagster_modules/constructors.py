"""Dagster's constructors of classes that jobnb makes from other parameters."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

from jobnb import Instance
from jobnb.definitions.types.loader import DataTypeLoaderContext
from jobnb.errors import InvalidInvocationError
from jobnb.execution.log import RunLogger
from jobnb.storage.run_coordinator import QueuedRunCoordinator
from jobnb.storage.run_launcher import DefaultRunLauncher

if TYPE_CHECKING:
    from jobnb.storage.run import JobRun


class AlsoOwn(type):
    """A class under Dagster's name: jobnb's own objects are its instances, too.

    Only its constructor differs; `own` is jobnb's class.
    """

    own: ClassVar[type]

    def __instancecheck__(cls, given: object) -> bool:
        wanted = cls.own if "own" in cls.__dict__ else cls
        return isinstance(given, wanted) if wanted is not cls else super().__instancecheck__(given)

    def __subclasscheck__(cls, given: type) -> bool:
        wanted = cls.own if "own" in cls.__dict__ else cls
        return issubclass(given, wanted) if wanted is not cls else super().__subclasscheck__(given)


# --- the instance --------------------------------------------------------------------


class InstanceType(Enum):
    """Where the history of an instance is: on disk or in memory.

    Source: Dagster's `InstanceType`.
    """

    PERSISTENT = "PERSISTENT"
    EPHEMERAL = "EPHEMERAL"


class LocalArtifactStorage(NamedTuple):
    """The folder of an instance.

    Source: Dagster's `LocalArtifactStorage`.
    """

    base_dir: str


class InMemoryRunStorage(NamedTuple):
    """A history in memory. Source: Dagster's `InMemoryRunStorage`."""

    preload: Sequence[Any] | None = None


class InMemoryEventLogStorage(InMemoryRunStorage):
    """A history in memory. Source: Dagster's `InMemoryEventLogStorage`."""


class SqliteRunStorage(NamedTuple):
    """A history in a folder. Source: Dagster's `SqliteRunStorage`."""

    base_dir: str

    @classmethod
    def from_local(cls, base_dir: str) -> Self:
        """Return that of a folder."""
        return cls(base_dir)


class SqliteEventLogStorage(SqliteRunStorage):
    """A history in a folder. Source: Dagster's `SqliteEventLogStorage`."""


class SqliteScheduleStorage(SqliteRunStorage):
    """A history in a folder. Source: Dagster's `SqliteScheduleStorage`."""


class SyncInMemoryRunLauncher(DefaultRunLauncher):
    """Does runs in this process. Source: Dagster's `SyncInMemoryRunLauncher`."""


class NoOpComputeLogManager(NamedTuple):
    """Keeps nothing of what steps print. Source: Dagster's `NoOpComputeLogManager`."""

    inst_data: Any = None


_IN_MEMORY = (InMemoryRunStorage,)
_ON_DISK = (SqliteRunStorage,)
_HERE = (*_IN_MEMORY, *_ON_DISK)


class DagsterInstance(Instance, metaclass=AlsoOwn):
    """An instance made of Dagster's storages: jobnb keeps all of them in one history.

    `DagsterInstance.ephemeral()`, `.local_temp()` and `.get()` are shorter.

    Args:
        instance_type: Whether the history is on disk.
        local_artifact_storage: The folder of stored values, and of a history on disk.
        run_storage: In memory or of a folder; a history in memory if it is.
        event_storage: The same.
        run_coordinator: How many runs are in progress at once.
        compute_log_manager: Of a background run, what steps print is in the history anyway.
        run_launcher: Runs are done in this process, or detached.
        scheduler: None; loops and `jobnb daemon` evaluate schedules.
        schedule_storage: As `run_storage`.
        settings: Settings that other parts of jobnb read.
        secrets_loader: None: environment variables hold secrets.
        ref: The folder and database, from `get_ref()`.
        _kwargs: Not used.

    Raises:
        InvalidInvocationError: If a part is none of those; jobnb cannot keep a history there.

    Source: Dagster's `DagsterInstance`.
    """

    own = Instance

    def __init__(
        self,
        instance_type: InstanceType,
        local_artifact_storage: LocalArtifactStorage,
        run_storage: Any,
        event_storage: Any,
        run_coordinator: Any,
        compute_log_manager: Any,
        run_launcher: Any,
        scheduler: Any = None,
        schedule_storage: Any = None,
        settings: Mapping[str, Any] | None = None,
        secrets_loader: Any = None,
        ref: Any = None,
        **_kwargs: Any,
    ) -> None:
        storages = {"run_storage": run_storage, "event_storage": event_storage}
        _check_parts(
            {**storages, "schedule_storage": schedule_storage},
            {"scheduler": scheduler, "secrets_loader": secrets_loader},
        )
        folder = ref.home if ref is not None else local_artifact_storage.base_dir
        in_memory = instance_type is InstanceType.EPHEMERAL or any(
            isinstance(each, _IN_MEMORY) for each in storages.values()
        )
        super().__init__(None if in_memory else folder, getattr(ref, "url", None), settings)
        self._given_directory = str(Path(folder, "storage")) if in_memory else None
        if isinstance(run_coordinator, QueuedRunCoordinator):
            self.set_run_coordinator(run_coordinator)


def _check_parts(storages: Mapping[str, Any], absent: Mapping[str, Any]) -> None:
    """See that an instance is made of parts that jobnb has, and tell all that it has not."""
    strange = [
        f"{name}={type(part).__name__}(...)"
        for name, part in storages.items()
        if part is not None and not isinstance(part, _HERE)
    ]
    strange += [f"{name}={part!r}" for name, part in absent.items() if part is not None]
    if strange:
        raise InvalidInvocationError(
            f"jobnb has one history and no {', '.join(strange)}. Make an instance with "
            'DagsterInstance.local_temp(folder), or in a database with jobnb.Instance(url="...").'
        )


# --- logs ----------------------------------------------------------------------------


class DagsterLogHandler(logging.Handler):
    """A handler that hands lines, with what is known of the run, to loggers and handlers.

    Args:
        logging_metadata: What they read in `record.dagster_meta`.
        loggers: The loggers.
        handlers: The handlers.

    Source: Dagster's `DagsterLogHandler`.
    """

    def __init__(
        self,
        logging_metadata: Mapping[str, Any],
        loggers: Sequence[logging.Logger],
        handlers: Sequence[logging.Handler],
    ) -> None:
        super().__init__()
        self.logging_metadata = logging_metadata
        self._loggers, self._handlers = loggers, handlers

    def emit(self, record: logging.LogRecord) -> None:
        """Hand a line on."""
        told = {**self.logging_metadata, "orig_message": record.getMessage()}
        record.dagster_meta = {**told, **getattr(record, "dagster_meta", {})}
        for logger in self._loggers:
            if logger.isEnabledFor(record.levelno):
                logger.handle(record)
        for handler in self._handlers:
            if record.levelno >= handler.level:
                handler.handle(record)


class DagsterLogManager(RunLogger, metaclass=AlsoOwn):
    """A logger that passes its lines to a handler; `context.log` is one of a run.

    Args:
        dagster_handler: Takes the lines.
        level: The lowest level of lines that it takes.
        managed_loggers: Loggers whose lines it has too, within `with log_manager:`.

    Example:
        >>> shown = logging.getLogger("shown")
        >>> log = DagsterLogManager(DagsterLogHandler({"run_id": "r1"}, [shown], []))
        >>> log.info("hello")

    Source: Dagster's `DagsterLogManager`.
    """

    own = RunLogger

    def __init__(
        self,
        dagster_handler: logging.Handler,
        level: int = logging.NOTSET,
        managed_loggers: Sequence[logging.Logger] | None = None,
    ) -> None:
        super().__init__(lambda _event: None, lambda: None, [])
        self.setLevel(level)
        self.dagster_handler = dagster_handler
        self._managed = list(managed_loggers or ())

    @classmethod
    def create(
        cls,
        loggers: Sequence[logging.Logger],
        handlers: Sequence[logging.Handler] | None = None,
        instance: Instance | None = None,
        dagster_run: JobRun | None = None,
    ) -> DagsterLogManager:
        """Return one that passes its lines to loggers and handlers.

        Args:
            loggers: The loggers.
            handlers: The handlers.
            instance: Its settings may name a level and loggers: `python_logs`.
            dagster_run: What is known of the lines.
        """
        told: Mapping[str, Any] = (instance.settings if instance else {}).get("python_logs") or {}
        run = dagster_run
        about = {"run_id": run.run_id, "job_name": run.job_name} if run is not None else {}
        names = told.get("managed_python_loggers") or ()
        level = logging.getLevelNamesMapping()[str(told.get("python_log_level", "NOTSET"))]
        handler = DagsterLogHandler(about, loggers, handlers or [])
        return cls(handler, level, [logging.getLogger(name) for name in names])

    def keep(self, record: logging.LogRecord, name: str = "") -> None:
        """Pass a line on."""
        self.dagster_handler.handle(record)

    def begin_python_log_capture(self) -> None:
        """Take the lines of the managed loggers, too."""
        for each in self._managed:
            each.addHandler(self.dagster_handler)

    def end_python_log_capture(self) -> None:
        """Take them no more."""
        for each in self._managed:
            each.removeHandler(self.dagster_handler)

    def __enter__(self) -> Self:
        self.begin_python_log_capture()
        return self

    def __exit__(self, *problem: object) -> None:
        """Take the lines of other loggers no more."""
        self.end_python_log_capture()


# --- loaders -------------------------------------------------------------------------


class DagsterTypeLoaderContext(DataTypeLoaderContext, metaclass=AlsoOwn):
    """The context of a loader; a test makes one of what the loader reads.

    Args:
        plan_data: Not jobnb's: see `job_def`.
        execution_data: Not jobnb's: see `resources`.
        log_manager: The log manager.
        step: Not jobnb's: see `op_def`.
        output_capture: Not jobnb's.
        known_state: Not jobnb's.
        resources: The resources that the loader requires.
        job_def: The job that runs.
        op_def: The op whose input is loaded.

    Raises:
        InvalidInvocationError: If it is made of parts of a run of Dagster's.

    Source: Dagster's `DagsterTypeLoaderContext`.
    """

    own = DataTypeLoaderContext

    def __init__(
        self,
        plan_data: Any = None,
        execution_data: Any = None,
        log_manager: Any = None,
        step: Any = None,
        output_capture: Any = None,
        known_state: Any = None,
        *,
        resources: Any = None,
        job_def: Any = None,
        op_def: Any = None,
    ) -> None:
        given = {
            "plan_data": plan_data,
            "execution_data": execution_data,
            "step": step,
            "output_capture": output_capture,
            "known_state": known_state,
        }
        strange = [name for name, part in given.items() if part is not None]
        if strange:
            raise InvalidInvocationError(
                f"The context of a loader is not made of {', '.join(strange)} here. Give it what "
                "the loader reads: resources=..., job_def=..., op_def=..., log_manager=...."
            )
        super().__init__(resources, job_def, op_def, log_manager)
