"""A job that runs after another one, in one line."""

from __future__ import annotations

from typing import Any

from jobnb.definitions.automation.results import DefaultSensorStatus
from jobnb.definitions.automation.run_status_sensor import RunStatusSensorDefinition
from jobnb.definitions.automation.targets import as_job
from jobnb.definitions.jobs.run_request import RunRequest
from jobnb.definitions.partitions.partition_keys import PARTITION_TAG


def job_after(
    earlier: Any,
    job: Any,
    *,
    run_status: Any = "SUCCESS",
    name: str | None = None,
    default_status: DefaultSensorStatus = DefaultSensorStatus.RUNNING,
    minimum_interval_seconds: int | None = None,
) -> RunStatusSensorDefinition:
    """Create a sensor that launches a job once after each run of another one.

    A job with partitions is launched for the partition of that run, if it had one.

    Args:
        earlier: The job that it waits for, or its name.
        job: The job that it launches.
        run_status: The status that the run is to reach, a `RunStatus` or its name.
        name: The name of the sensor; `<job>_after_<earlier>` if absent.
        default_status: Whether it runs without anybody having started it.
        minimum_interval_seconds: How many seconds are between two evaluations at least.

    Raises:
        InvalidDefinitionError: If one of the two is no job, or there is no such status.

    Example:
        >>> from jobnb import job, op
        >>> @op
        ... def work(): ...
        >>> @job
        ... def load():
        ...     work()
        >>> @job
        ... def report():
        ...     work()
        >>> job_after(load, report).name
        'report_after_load'
    """
    target = as_job(job, "job after a job")
    before = earlier if isinstance(earlier, str) else as_job(earlier, "job after a job").name

    def launch_after(context: Any) -> RunRequest:
        run = context.dagster_run
        has_partitions = getattr(target, "partitions_def", None) is not None
        partition = run.tags.get(PARTITION_TAG) if has_partitions else None
        return RunRequest(run_key=run.run_id, partition_key=partition)

    return RunStatusSensorDefinition(
        name or f"{target.name}_after_{before}",
        run_status,
        launch_after,
        minimum_interval_seconds,
        f"Launches {target.name} after {before}.",
        [earlier],
        default_status=default_status,
        request_job=target,
    )
