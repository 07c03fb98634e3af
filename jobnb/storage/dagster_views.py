"""Dagster's storages of an instance: the same history under the names that they have there.

`instance.run_storage.get_runs()` is `instance.get_runs()`. Dagster keeps runs, events, schedules
and printed output in four storages; here they are one history, which these views read.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import msgspec

from jobnb.errors import InvalidInvocationError, did_you_mean
from jobnb.events import Logged

if TYPE_CHECKING:
    from jobnb.storage.instance import Instance
    from jobnb.storage.records import EventLogEntry

_HEARTBEAT_SECONDS = 120.0
_DAEMONS = ("SENSOR", "SCHEDULER", "BACKFILL", "ASSET")


class StorageView:
    """A view on the history of an instance.

    Args:
        instance: The instance.
    """

    answers: ClassVar[Mapping[str, str]] = {}
    """The method of the instance that answers each of Dagster's."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance

    def __getattr__(self, name: str) -> Any:
        if name in self.answers:
            return getattr(self._instance, self.answers[name])
        hint = did_you_mean(name, self.answers, noun="It has") if not name.startswith("_") else ""
        raise AttributeError(f"{type(self).__name__} has no {name!r}. {hint}".rstrip())

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.answers]


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


class RunStorage(StorageView):
    """`instance.run_storage`: runs and backfills.

    Example:
        >>> from jobnb.storage.instance import Instance
        >>> from jobnb.storage.run import JobRun
        >>> runs = Instance.ephemeral().run_storage
        >>> runs.add_run(JobRun("daily", "r1")).job_name, runs.has_run("r1")
        ('daily', True)
    """

    answers: ClassVar[Mapping[str, str]] = {
        "add_run": "create_run",
        **_same(
            *("add_backfill", "add_run_tags", "delete_run", "get_backfill", "get_backfills"),
            *(
                "get_run_by_id",
                "get_run_group",
                "get_run_ids",
                "get_run_records",
                "get_run_tag_keys",
            ),
            *("get_run_tags", "get_runs", "get_runs_count", "has_run", "update_backfill"),
        ),
    }


class EventLogStorage(StorageView):
    """`instance.event_log_storage`: events, and what they say of assets and partitions."""

    answers: ClassVar[Mapping[str, str]] = {
        "all_asset_keys": "get_asset_keys",
        "end_watch": "end_watch_event_logs",
        "get_stats_for_run": "get_run_stats",
        "set_concurrency_slots": "set_concurrency_limit",
        "watch": "watch_event_logs",
        **_same(
            *("add_dynamic_partitions", "delete_dynamic_partition", "get_asset_records"),
            *("get_dynamic_partitions", "get_event_records", "get_latest_materialization_events"),
            *("get_materialization_count_by_partition", "get_materialized_partitions"),
            *("get_records_for_run", "has_asset_key", "has_dynamic_partition"),
            *("delete_concurrency_limit", "get_concurrency_info", "get_concurrency_keys"),
            "free_concurrency_slots_for_run",
        ),
    }

    def get_logs_for_run(
        self, run_id: str, cursor: str | None = None, of_type: Any = None, limit: int | None = None
    ) -> Sequence[EventLogEntry]:
        """Return the log of a run, oldest first.

        Args:
            run_id: The run.
            cursor: Only what came after it.
            of_type: Of this kind, or of these kinds, only.
            limit: How many at most.
        """
        page = self._instance.get_records_for_run(run_id, cursor, of_type, limit)
        return [record.event_log_entry for record in page.records]

    def wipe_asset(self, asset_key: Any) -> None:
        """Forget what is known of an asset."""
        self._instance.wipe_assets([asset_key])


class ScheduleStorage(StorageView):
    """`instance.schedule_storage`: the state and the ticks of schedules and sensors."""

    answers: ClassVar[Mapping[str, str]] = _same(
        "all_instigator_state", "get_tick", "get_ticks", "wipe_all_schedules"
    )

    def wipe(self) -> None:
        """Forget all of them."""
        self._instance.wipe_all_schedules()


class Scheduler(StorageView):
    """`instance.scheduler`: starts and stops schedules; a loop or `jobnb daemon` evaluates them."""

    answers: ClassVar[Mapping[str, str]] = _same("start_schedule", "stop_schedule")


class CapturedLogData(NamedTuple):
    """What a step has printed.

    Source: Dagster's `CapturedLogData`.
    """

    log_key: Sequence[str]
    stdout: bytes | None
    stderr: bytes | None
    cursor: str | None


class ComputeLogManager(StorageView):
    """`instance.compute_log_manager`: what steps of background runs and workers printed."""

    @staticmethod
    def build_log_key_for_run(run_id: str, step_key: str) -> list[str]:
        """Return the key of the output of a step."""
        return [run_id, "compute_logs", step_key]

    def get_log_data(
        self, log_key: Sequence[str], cursor: str | None = None, max_bytes: int | None = None
    ) -> CapturedLogData:
        """Return what a step has printed.

        Args:
            log_key: The run and the step; see `build_log_key_for_run`.
            cursor: That of an earlier answer: only what came after it.
            max_bytes: How many bytes of each stream at most.

        Raises:
            InvalidInvocationError: If it is no such key.
        """
        if len(log_key) < 2:
            raise InvalidInvocationError(
                f"The log_key is {log_key!r}. Use build_log_key_for_run(run_id, step_key)."
            )
        run_id, step_key = log_key[0], log_key[-1]
        seen = [int(part) for part in (cursor or "0:0").split(":")]
        texts = (self._printed(run_id, step_key, name) for name in ("stdout", "stderr"))
        parts = [text[at:][:max_bytes] for text, at in zip(texts, seen, strict=True)]
        places = [at + len(part) for at, part in zip(seen, parts, strict=True)]
        return CapturedLogData(
            log_key, parts[0] or None, parts[1] or None, ":".join(map(str, places))
        )

    def is_capture_complete(self, log_key: Sequence[str]) -> bool:
        """Whether the run has ended, so that nothing more comes."""
        run = self._instance.get_run_by_id(log_key[0])
        return run is not None and run.is_finished

    def _printed(self, run_id: str, step_key: str, stream: str) -> bytes:
        lines = (
            each.text
            for each in self._instance.events(run_id)
            if isinstance(each, Logged) and each.logger == stream and each.step_key == step_key
        )
        return "".join(f"{line}\n" for line in lines).encode()


class DaemonStatus(msgspec.Struct, frozen=True):
    """Whether something evaluates schedules and sensors at present.

    Attributes:
        daemon_type: What is evaluated, as "SCHEDULER".
        healthy: Whether a loop does so; None if none ever did.
        last_heartbeat: When it was seen last, in seconds since the epoch.
        required: Always true: without a loop nothing is evaluated.

    Source: Dagster's `DaemonStatus`.
    """

    daemon_type: str
    healthy: bool | None
    last_heartbeat: float | None
    required: bool = True


def daemon_statuses(
    instance: Instance, daemon_types: Collection[str] | None = None
) -> dict[str, DaemonStatus]:
    """Return by kind whether a loop evaluates what the history has: in a kernel or a daemon.

    Args:
        instance: The instance.
        daemon_types: Only these kinds; all if None.
    """
    seen = max((loop.seen for loop in instance.ticks.loops()), default=None)
    healthy = None if seen is None else time.time() - seen < _HEARTBEAT_SECONDS
    wanted = _DAEMONS if daemon_types is None else daemon_types
    return {kind: DaemonStatus(kind, healthy, seen) for kind in wanted}


class InstanceRef(msgspec.Struct, frozen=True):
    """Where an instance is, so that another process finds it.

    Args:
        home: Its folder.
        url: The URL of its database; None for the file in the folder.

    Source: Dagster's `InstanceRef`.
    """

    home: str
    url: str | None = None

    @staticmethod
    def from_dir(base_dir: str) -> InstanceRef:
        """Return that of a folder."""
        return InstanceRef(base_dir)
