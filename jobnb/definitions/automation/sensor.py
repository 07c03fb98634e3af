"""Sensors: functions that look now and then whether runs are to be launched."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any, Self

from jobnb.definitions.announce import announce_from_caller
from jobnb.definitions.arguments import check_words, telling_nearest
from jobnb.definitions.automation.execution_data import SensorExecutionData
from jobnb.definitions.automation.results import DefaultSensorStatus, SensorType
from jobnb.definitions.automation.targets import (
    DirectTarget,
    Target,
    TargetedJob,
    anonymous_job,
    as_job,
    targets_of,
)
from jobnb.definitions.automation.user_function import UserFunction
from jobnb.definitions.engine_protocol import engine
from jobnb.definitions.keys import check_name
from jobnb.definitions.plain import docstring
from jobnb.definitions.selections.selection import AssetSelection
from jobnb.errors import InvalidDefinitionError, InvalidInvocationError

if TYPE_CHECKING:
    from jobnb.automation.sensor_context import SensorEvaluationContext

DEFAULT_INTERVAL = 30
"""Seconds between two evaluations of a sensor that does not say."""


class SensorDefinition:
    """Looks now and then, with a function, whether runs are to be launched.

    Args:
        name: Its name; that of the function if absent.
        evaluation_fn: Takes a context, or nothing, and resources by annotation. Returns (or
            yields) run requests, or returns a `SkipReason` or a `SensorResult`.
        job_name: The name of the job, where it is not given as such.
        minimum_interval_seconds: How many seconds are between two evaluations at least; 30 if
            absent.
        description: In words, Markdown.
        job: The job that it launches.
        jobs: Several jobs; each request then says which.
        default_status: Whether it runs without anybody having started it.
        asset_selection: The assets that its runs make, in place of a job.
        required_resource_keys: The resources that the function takes from its context.
        target: Newer name: a job, or which assets the runs make.

    Raises:
        InvalidDefinitionError: If there is no function, or what it launches is said twice.

    Source: Dagster's `SensorDefinition`.
    """

    sensor_type = SensorType.STANDARD
    """What it looks at."""
    _builder = "build_sensor_context"
    _extra = 0

    def __init__(
        self,
        name: str | None = None,
        *,
        evaluation_fn: Callable[..., Any] | None = None,
        job_name: str | None = None,
        minimum_interval_seconds: int | None = None,
        description: str | None = None,
        job: Any = None,
        jobs: Sequence[Any] | None = None,
        default_status: DefaultSensorStatus = DefaultSensorStatus.STOPPED,
        asset_selection: Any = None,
        required_resource_keys: Iterable[str] | None = None,
        target: Any = None,
    ) -> None:
        if evaluation_fn is None:
            raise InvalidDefinitionError(
                f"The sensor {name!r} has no function. Pass evaluation_fn=, or use @sensor."
            )
        self.name = check_name(name or getattr(evaluation_fn, "__name__", ""), "a sensor")
        self._what = f"sensor {self.name!r}"
        others = {"asset_selection": asset_selection, "target": target}
        self._targets: list[Target] = targets_of(self._what, job_name, job, jobs, others)
        if target is not None:
            self._targets = [DirectTarget(anonymous_job(self.name, target))]
        self.asset_selection = (
            AssetSelection.from_coercible(asset_selection) if asset_selection is not None else None
        )
        self._function = UserFunction(
            evaluation_fn, self._what, required_resource_keys or (), self._extra
        )
        self.minimum_interval_seconds = _interval(minimum_interval_seconds, self._what)
        about = check_words(description, "description", self._what)
        self.description = about or docstring(evaluation_fn)
        self.default_status = _status(default_status, self._what)
        announce_from_caller(self)

    # --- what it is ---------------------------------------------------------

    @property
    def targets(self) -> list[Target]:
        """The jobs or assets that it launches."""
        return list(self._targets)

    @property
    def jobs(self) -> list[TargetedJob]:
        """The jobs that it launches, as far as it knows them as such.

        Raises:
            InvalidDefinitionError: If it knows none.
        """
        found = [each.target for each in self._targets if isinstance(each, DirectTarget)]
        if found:
            return found
        raise InvalidDefinitionError(f"The {self._what} has no job. Pass job= or jobs= to it.")

    @property
    def job(self) -> TargetedJob:
        """The job that it launches.

        Raises:
            InvalidDefinitionError: If there is none, or more than one.
        """
        found = self.jobs
        if len(found) == 1:
            return found[0]
        names = ", ".join(each.name for each in found)
        raise InvalidDefinitionError(f"The {self._what} has several jobs ({names}). Use jobs.")

    @property
    def job_name(self) -> str | None:
        """The name of the job that it launches; None if it launches assets or nothing.

        Raises:
            InvalidInvocationError: If there are several.
        """
        if len(self._targets) > 1:
            names = ", ".join(each.job_name for each in self._targets)
            raise InvalidInvocationError(f"The {self._what} has several jobs ({names}).")
        return self._targets[0].job_name if self._targets else None

    @property
    def functions(self) -> tuple[Callable[..., Any], ...]:
        """The functions of the user that a tick calls."""
        return (self._function.fn,)

    @property
    def required_resource_keys(self) -> frozenset[str]:
        """The resources that its function takes."""
        return self._function.required_resource_keys

    def has_loadable_targets(self) -> bool:
        """Whether it knows one of its jobs as such, not by name only."""
        return any(isinstance(each, DirectTarget) for each in self._targets)

    def load_targets(self) -> list[TargetedJob]:
        """Return the jobs that it knows as such."""
        return [each.target for each in self._targets if isinstance(each, DirectTarget)]

    def with_updated_jobs(self, new_jobs: Sequence[Any]) -> Self:
        """Return the same sensor of other jobs."""
        made = copy(self)
        made._targets = [DirectTarget(as_job(each, self._what)) for each in new_jobs]
        made.asset_selection = None
        return made

    def with_updated_job(self, new_job: Any) -> Self:
        """Return the same sensor of another job."""
        return self.with_updated_jobs([new_job])

    # --- evaluating it ------------------------------------------------------

    def evaluate_tick(self, context: SensorEvaluationContext) -> SensorExecutionData:
        """Find out what it would launch; nothing is launched.

        Args:
            context: From `build_sensor_context`.

        Returns:
            The run requests, or why there are none, and the new cursor.

        Raises:
            InvalidInvocationError: If its function returns what is no request, or a request for
                a job that it does not launch.

        Example:
            >>> from jobnb import RunRequest, build_sensor_context
            >>> @sensor(job_name="load")
            ... def new_files(context):
            ...     seen = int(context.cursor or 0)
            ...     context.update_cursor(str(seen + 1))
            ...     return RunRequest(run_key=f"file-{seen}")
            >>> found = new_files.evaluate_tick(build_sensor_context(cursor="4"))
            >>> found.run_requests[0].run_key, found.cursor
            ('file-4', '5')
        """
        return engine().evaluate_sensor(self, context)

    def asked(self, context: Any) -> Any:
        """Call its function: what it returns, as it was returned."""
        return self._function.call(context)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call its function itself, as a unit test does.

        Raises:
            InvalidInvocationError: If the context is missing.
        """
        return self._function.invoke(args, kwargs, self._builder)

    def __repr__(self) -> str:
        names = ", ".join(each.job_name for each in self._targets)
        of = f" of {names}" if names else ""
        return f"{type(self).__name__}({self.name!r}{of})"


def _interval(given: Any, what: str) -> int:
    if given is None:
        return DEFAULT_INTERVAL
    is_number = isinstance(given, (int, float)) and not isinstance(given, bool)
    if not is_number or not 0 <= given < math.inf:
        raise InvalidDefinitionError(
            f"The {what} has minimum_interval_seconds={given!r}. Give seconds, 0 or more."
        )
    return int(given) if int(given) == given else given


def _status(given: Any, what: str) -> DefaultSensorStatus:
    if not isinstance(given, DefaultSensorStatus):
        raise InvalidDefinitionError(
            f"The {what} has the default_status {given!r}. It is DefaultSensorStatus.RUNNING or "
            "DefaultSensorStatus.STOPPED."
        )
    return given


@telling_nearest
def sensor(
    job_name: str | None = None,
    *,
    name: str | None = None,
    minimum_interval_seconds: int | None = None,
    description: str | None = None,
    job: Any = None,
    jobs: Sequence[Any] | None = None,
    default_status: DefaultSensorStatus = DefaultSensorStatus.STOPPED,
    asset_selection: Any = None,
    required_resource_keys: Iterable[str] | None = None,
    target: Any = None,
) -> Callable[[Callable[..., Any]], SensorDefinition]:
    """Define a sensor by a function that returns what to launch at each evaluation.

    Args:
        job_name: The name of the job, where it is not given as such.
        name: The name; that of the function if absent.
        minimum_interval_seconds: How many seconds are between two evaluations at least; 30 if
            absent.
        description: In words; the function's docstring if absent.
        job: The job that it launches.
        jobs: Several jobs; each request then says which.
        default_status: Whether it runs without anybody having started it.
        asset_selection: The assets that its runs make, in place of a job.
        required_resource_keys: The resources that the function takes from its context.
        target: Newer name: a job, or which assets the runs make.

    Raises:
        InvalidDefinitionError: If what it launches is said twice.

    Example:
        >>> from jobnb import SkipReason
        >>> @sensor(job_name="load", minimum_interval_seconds=60)
        ... def new_files():
        ...     return SkipReason("No file has come.")
        >>> new_files().skip_message
        'No file has come.'

    Source: Dagster's `@sensor`.
    """

    def decorate(fn: Callable[..., Any]) -> SensorDefinition:
        return SensorDefinition(
            name,
            evaluation_fn=fn,
            job_name=job_name,
            minimum_interval_seconds=minimum_interval_seconds,
            description=description,
            job=job,
            jobs=jobs,
            default_status=default_status,
            asset_selection=asset_selection,
            required_resource_keys=required_resource_keys,
            target=target,
        )

    return decorate
