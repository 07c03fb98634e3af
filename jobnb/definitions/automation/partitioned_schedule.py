"""`build_schedule_from_partitioned_job`: a run of each partition in time, once it is over."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any, Self

from jobnb.definitions.arguments import telling_nearest
from jobnb.definitions.assets.asset_job import AssetJobDefinition
from jobnb.definitions.automation.cron_schedule import CronSchedule
from jobnb.definitions.automation.results import DefaultScheduleStatus, SkipReason
from jobnb.definitions.automation.schedule import ScheduleDefinition
from jobnb.definitions.automation.targets import TargetedJob, as_job
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.lazy import lazy
from jobnb.definitions.partitions.multi_partitions import MultiPartitionsDefinition
from jobnb.definitions.partitions.partitioned_config import PartitionedConfig
from jobnb.definitions.partitions.time_window import TimeWindowPartitionsDefinition
from jobnb.errors import InvalidDefinitionError

if TYPE_CHECKING:
    from jobnb.automation.schedule_context import ScheduleEvaluationContext


class PartitionedScheduleDefinition(ScheduleDefinition):
    """A schedule that comes at the end of each partition in time of a job.

    Made by `build_schedule_from_partitioned_job`. Of an asset job that has no partitions of its
    own, the cron schedule is known once its assets are.
    """

    def __init__(
        self,
        job: TargetedJob,
        name: str | None,
        description: str | None,
        shifts: Mapping[str, int | None],
        default_status: DefaultScheduleStatus,
        tags: Mapping[str, str] | None,
    ) -> None:
        self._shifts = dict(shifts)
        self._find_job: Callable[[str], JobDefinition] | None = None
        super().__init__(
            name,
            cron_schedule="@daily",
            description=description,
            job=job,
            default_status=default_status,
            tags=tags,
        )
        self._given_cron = None
        if not _waits_for_assets(job):
            _ = self.times

    def _read_cron(self) -> None:
        """Derive the cron from the partitions, once they are known."""

    def resolved_by(self, find_job: Callable[[str], JobDefinition]) -> Self:
        """Return the same with the job, and thus the partitions, that its code location gives."""
        made = copy(self)
        made._find_job = find_job
        for name in ("partitions_def", "time_partitions", "times"):
            made.__dict__.pop(name, None)
        return made

    def _resolved_job(self) -> JobDefinition:
        job = self.job
        if isinstance(job, JobDefinition):
            return job
        if self._find_job is not None and _waits_for_assets(job):
            return self._find_job(self.job_name)
        return job.resolved_for_partitions()

    @lazy
    def partitions_def(self) -> Any:
        """The partitions of its job."""
        found = self._resolved_job().partitions_def
        if found is None:
            raise InvalidDefinitionError(
                f"The job {self.job_name!r} has no partitions. Give it a partitions_def, or use "
                "ScheduleDefinition(job=..., cron_schedule=...)."
            )
        return found

    @lazy
    def time_partitions(self) -> TimeWindowPartitionsDefinition:
        """The partitions in time: those of the job, or their one dimension in time."""
        found = self.partitions_def
        if isinstance(found, MultiPartitionsDefinition):
            several = [each.partitions_def for each in found.partitions_defs]
            in_time = [each for each in several if isinstance(each, TimeWindowPartitionsDefinition)]
            found = in_time[0] if len(in_time) == 1 else found
        if isinstance(found, TimeWindowPartitionsDefinition):
            return found
        raise InvalidDefinitionError(
            f"The partitions of the job {self.job_name!r} are not in time ({found!r}): nothing "
            "says when each is over. Use ScheduleDefinition(job=..., cron_schedule=...)."
        )

    @lazy
    def times(self) -> CronSchedule:
        """The moments at which it comes."""
        return CronSchedule(self.cron_schedule, self.execution_timezone, f"The {self._what}")

    @property
    def cron_schedule(self) -> str | Sequence[str]:
        """The times: the end of each partition, or a given time after it."""
        return self.time_partitions.get_cron_schedule(**self._shifts)

    @property
    def execution_timezone(self) -> str | None:
        """The time zone of its partitions."""
        return self.time_partitions.timezone

    def asked(self, context: ScheduleEvaluationContext) -> Any:
        """Request a run of the partition that is over."""
        now = context.scheduled_execution_time
        store = context.instance if context.has_instance else None
        last = self.time_partitions.get_last_partition_key(now, store)
        if last is None:
            return SkipReason(f"No partition of the job {self.job_name!r} is over yet.")
        job, tags = self._resolved_job(), self._tags
        return [
            job.run_request_for_partition(key, run_key=key, tags=tags)
            for key in self._keys(str(last), now, store)
        ] or SkipReason(f"The job {self.job_name!r} has no partitions of {last}.")

    def _keys(self, last: str, now: Any, store: Any) -> Sequence[str]:
        found = self.partitions_def
        if not isinstance(found, MultiPartitionsDefinition):
            return [last]
        in_time = next(
            each.name for each in found.partitions_defs
            if each.partitions_def is self.time_partitions
        )  # fmt: skip
        return found.get_multipartition_keys_with_dimension_value(
            in_time, last, current_time=now, dynamic_partitions_store=store
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}: the partitions of {self.job_name!r})"


def _waits_for_assets(job: TargetedJob) -> bool:
    """Whether the partitions of a job are those of assets that are not known yet."""
    return (
        isinstance(job, AssetJobDefinition)
        and job.partitions_def is None
        and not isinstance(job.config, PartitionedConfig)
    )


@telling_nearest
def build_schedule_from_partitioned_job(
    job: Any,
    description: str | None = None,
    name: str | None = None,
    minute_of_hour: int | None = None,
    hour_of_day: int | None = None,
    day_of_week: int | None = None,
    day_of_month: int | None = None,
    default_status: DefaultScheduleStatus = DefaultScheduleStatus.STOPPED,
    tags: Mapping[str, str] | None = None,
) -> ScheduleDefinition:
    """Define a schedule that runs each time partition of a job after its end.

    Args:
        job: A job with partitions in time, or an asset job of assets that have these.
        description: In words, Markdown.
        name: Its name; that of the job with `_schedule` if absent.
        minute_of_hour: Wait to this minute.
        hour_of_day: Wait to this hour; not for hourly partitions.
        day_of_week: Wait to this day of the week, 0 is Sunday; for weekly partitions only.
        day_of_month: Wait to this day of the month; for monthly partitions only.
        default_status: Whether it runs without anybody having started it.
        tags: Tags of the runs.

    Raises:
        InvalidDefinitionError: If the job has no partitions in time.
        InvalidInvocationError: If a given time does not fit such partitions.

    Example:
        >>> from jobnb import DailyPartitionsDefinition, job, op
        >>> @op
        ... def load(): ...
        >>> @job(partitions_def=DailyPartitionsDefinition("2024-01-01"))
        ... def daily():
        ...     load()
        >>> build_schedule_from_partitioned_job(daily, hour_of_day=3).cron_schedule
        '0 3 * * *'

    Source: Dagster's `build_schedule_from_partitioned_job`.
    """
    shifts = {
        "minute_of_hour": minute_of_hour,
        "hour_of_day": hour_of_day,
        "day_of_week": day_of_week,
        "day_of_month": day_of_month,
    }
    made = as_job(job, "schedule of a partitioned job")
    return PartitionedScheduleDefinition(made, name, description, shifts, default_status, tags)
