"""Sensors that are called for runs with a status."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, overload

from jobnb.definitions.arguments import check_flag, check_several, telling_nearest
from jobnb.definitions.automation.results import DefaultSensorStatus, SensorType
from jobnb.definitions.automation.sensor import SensorDefinition
from jobnb.errors import InvalidDefinitionError

_STATUSES = ("QUEUED", "STARTING", "STARTED", "SUCCESS", "FAILURE", "CANCELING", "CANCELED")

Decorator = Callable[[Callable[..., Any]], "RunStatusSensorDefinition"]


class RunStatusSensorDefinition(SensorDefinition):
    """Calls its function for each run that reached a status since the last evaluation.

    Args:
        name: Its name; that of the function if absent.
        run_status: The status, a `RunStatus`.
        run_status_sensor_fn: Takes the context, and resources by annotation; may return run
            requests or a `SkipReason`.
        minimum_interval_seconds: How many seconds are between two evaluations at least.
        description: In words, Markdown.
        monitored_jobs: The jobs whose runs count; those of its code location if absent.
        monitor_all_repositories: Whether the runs of all code locations count.
        default_status: Whether it runs without anybody having started it.
        request_job: The job that it launches, if it does.
        request_jobs: Several jobs; each request then says which.
        required_resource_keys: The resources that the function takes from its context.

    Source: Dagster's `RunStatusSensorDefinition`.
    """

    sensor_type = SensorType.RUN_STATUS
    for_failure = False
    """Whether its context reports a failure."""
    _builder = "build_run_status_sensor_context"

    def __init__(
        self,
        name: str | None,
        run_status: Any,
        run_status_sensor_fn: Callable[..., Any],
        minimum_interval_seconds: int | None = None,
        description: str | None = None,
        monitored_jobs: Sequence[Any] | None = None,
        monitor_all_repositories: bool = False,
        default_status: DefaultSensorStatus = DefaultSensorStatus.STOPPED,
        request_job: Any = None,
        request_jobs: Sequence[Any] | None = None,
        required_resource_keys: Iterable[str] | None = None,
    ) -> None:
        if monitored_jobs is not None and monitor_all_repositories:
            raise InvalidDefinitionError(
                f"The sensor {name!r} has monitored_jobs and monitor_all_repositories. Keep one."
            )
        self.run_status = str(getattr(run_status, "value", run_status))
        super().__init__(
            name,
            evaluation_fn=run_status_sensor_fn,
            minimum_interval_seconds=minimum_interval_seconds,
            description=description,
            job=request_job,
            jobs=request_jobs,
            default_status=default_status,
            required_resource_keys=required_resource_keys,
        )
        self.monitors_all = check_flag(
            monitor_all_repositories, "monitor_all_repositories", self._what
        )
        if str(getattr(run_status, "value", run_status)) not in _STATUSES:
            raise InvalidDefinitionError(
                f"The {self._what} looks for {run_status!r}. Give a status of runs: "
                f"RunStatus.SUCCESS, or one of {', '.join(_STATUSES)}."
            )
        self.monitored_job_names = (
            None
            if monitored_jobs is None
            else [
                _name_of(each, self._what)
                for each in check_several(monitored_jobs, "monitored_jobs", self._what, "jobs")
            ]
        )

    def monitors(self, job_name: str, known: Iterable[str] | None) -> bool:
        """Whether runs of a job count.

        Args:
            job_name: The job.
            known: The jobs of the code location; None where that is not known.
        """
        if self.monitors_all:
            return True
        if self.monitored_job_names is not None:
            return job_name in self.monitored_job_names
        return known is None or job_name in known

    def react(self, context: Any) -> Any:
        """Call its function for one run; `context` says which."""
        return self._function.call(context)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call its function itself, as a unit test does, with `build_run_status_sensor_context`.

        Raises:
            InvalidInvocationError: If the context is missing.
        """
        if self.for_failure and args and hasattr(args[0], "for_run_failure"):
            args = (args[0].for_run_failure(), *args[1:])
        return super().__call__(*args, **kwargs)


class RunFailureSensorDefinition(RunStatusSensorDefinition):
    """A run status sensor with the failure in its context; see `@run_failure_sensor`."""

    for_failure = True


def _name_of(job: Any, what: str) -> str:
    named = getattr(job, "job_name", None) or getattr(job, "name", None)
    name = job if isinstance(job, str) else named
    if isinstance(name, str):
        return name
    raise InvalidDefinitionError(
        f"The {what} monitors {job!r}. Give jobs: what @job, to_job() or define_asset_job() makes."
    )


def _monitored(
    name: str | None, monitored_jobs: Sequence[Any] | None, job_selection: Sequence[Any] | None
) -> Sequence[Any] | None:
    if monitored_jobs is not None and job_selection is not None:
        raise InvalidDefinitionError(
            f"The sensor {name!r} has monitored_jobs and job_selection, which say the same. "
            "Keep the first."
        )
    return monitored_jobs if monitored_jobs is not None else job_selection


@telling_nearest
def run_status_sensor(
    run_status: Any,
    name: str | None = None,
    minimum_interval_seconds: int | None = None,
    description: str | None = None,
    monitored_jobs: Sequence[Any] | None = None,
    job_selection: Sequence[Any] | None = None,
    monitor_all_repositories: bool = False,
    default_status: DefaultSensorStatus = DefaultSensorStatus.STOPPED,
    request_job: Any = None,
    request_jobs: Sequence[Any] | None = None,
) -> Decorator:
    """Define a sensor whose function is called for each run that reaches a status.

    A job that runs after another one is one line in it: `return RunRequest()` with
    `request_job=`.

    Args:
        run_status: The status, a `RunStatus`.
        name: The name; that of the function if absent.
        minimum_interval_seconds: How many seconds are between two evaluations at least.
        description: In words; the function's docstring if absent.
        monitored_jobs: The jobs whose runs count; those of its code location if absent.
        job_selection: The same, Dagster's older name.
        monitor_all_repositories: Whether the runs of all code locations count.
        default_status: Whether it runs without anybody having started it.
        request_job: The job that it launches, if it does.
        request_jobs: Several jobs; each request then says which.

    Raises:
        InvalidDefinitionError: If something is said twice.

    Example:
        >>> from jobnb import RunRequest, RunStatus
        >>> @run_status_sensor(run_status=RunStatus.SUCCESS, monitored_jobs=["load"])
        ... def report_after_load(context):
        ...     return RunRequest(run_key=context.dagster_run.run_id)
        >>> report_after_load.name
        'report_after_load'

    Source: Dagster's `@run_status_sensor`.
    """

    def decorate(fn: Callable[..., Any]) -> RunStatusSensorDefinition:
        return RunStatusSensorDefinition(
            name,
            run_status,
            fn,
            minimum_interval_seconds,
            description,
            _monitored(name, monitored_jobs, job_selection),
            monitor_all_repositories,
            default_status,
            request_job,
            request_jobs,
        )

    return decorate


@overload
def run_failure_sensor(name: Callable[..., Any]) -> RunFailureSensorDefinition: ...
@overload
def run_failure_sensor(
    name: str | None = None,
    minimum_interval_seconds: int | None = None,
    description: str | None = None,
    monitored_jobs: Sequence[Any] | None = None,
    job_selection: Sequence[Any] | None = None,
    monitor_all_repositories: bool = False,
    default_status: DefaultSensorStatus = DefaultSensorStatus.STOPPED,
    request_job: Any = None,
    request_jobs: Sequence[Any] | None = None,
) -> Callable[[Callable[..., Any]], RunFailureSensorDefinition]: ...
@telling_nearest
def run_failure_sensor(
    name: str | Callable[..., Any] | None = None,
    minimum_interval_seconds: int | None = None,
    description: str | None = None,
    monitored_jobs: Sequence[Any] | None = None,
    job_selection: Sequence[Any] | None = None,
    monitor_all_repositories: bool = False,
    default_status: DefaultSensorStatus = DefaultSensorStatus.STOPPED,
    request_job: Any = None,
    request_jobs: Sequence[Any] | None = None,
) -> Any:
    """Define a sensor whose function is called for each run that fails.

    Args:
        name: The name; that of the function if absent. The decorator also works without
            parentheses.
        minimum_interval_seconds: How many seconds are between two evaluations at least.
        description: In words; the function's docstring if absent.
        monitored_jobs: The jobs whose runs count; those of its code location if absent.
        job_selection: The same, Dagster's older name.
        monitor_all_repositories: Whether the runs of all code locations count.
        default_status: Whether it runs without anybody having started it.
        request_job: The job that it launches, if it does.
        request_jobs: Several jobs; each request then says which.

    Raises:
        InvalidDefinitionError: If something is said twice.

    Example:
        >>> @run_failure_sensor
        ... def tell(context):
        ...     print(context.dagster_run.job_name, "failed")
        >>> tell.name
        'tell'

    Source: Dagster's `@run_failure_sensor`.
    """
    given_name = None if callable(name) else name

    def decorate(fn: Callable[..., Any]) -> RunFailureSensorDefinition:
        return RunFailureSensorDefinition(
            given_name,
            "FAILURE",
            fn,
            minimum_interval_seconds,
            description,
            _monitored(given_name, monitored_jobs, job_selection),
            monitor_all_repositories,
            default_status,
            request_job,
            request_jobs,
        )

    return decorate(name) if callable(name) else decorate
