"""Schedules: when which runs are launched by the clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any, Self

from jobnb.definitions.announce import announce_from_caller
from jobnb.definitions.arguments import (
    check_dict,
    check_function,
    check_resource_keys,
    check_words,
    telling_nearest,
)
from jobnb.definitions.automation.cron_schedule import CronSchedule
from jobnb.definitions.automation.execution_data import ScheduleExecutionData
from jobnb.definitions.automation.results import DefaultScheduleStatus, SkipReason
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
from jobnb.definitions.plain import check_tags, docstring
from jobnb.errors import InvalidConfigError, InvalidDefinitionError, InvalidInvocationError

if TYPE_CHECKING:
    from jobnb.automation.schedule_context import ScheduleEvaluationContext
    from jobnb.definitions.jobs.job_definition import JobDefinition

RunConfigFunction = Callable[["ScheduleEvaluationContext"], Mapping[str, Any]]
TagsFunction = Callable[["ScheduleEvaluationContext"], Mapping[str, str]]
Condition = Callable[["ScheduleEvaluationContext"], bool]


class ScheduleDefinition:
    """Launches runs of a job at the times that a cron schedule names.

    Args:
        name: Its name; that of the job with `_schedule` if absent.
        cron_schedule: Five fields or a nickname such as `@daily`, or several of these.
        job_name: The name of the job, where it is not given as such.
        run_config: The config of the runs.
        run_config_fn: Gives that config from the context, in place of `run_config`.
        tags: Tags of the runs.
        tags_fn: Gives those tags from the context, in place of `tags`.
        should_execute: Tells from the context whether a run is launched this time.
        environment_vars: Accepted as Dagster does; not used.
        execution_timezone: The time zone of the cron schedule; UTC if absent.
        execution_fn: Gives run requests from the context, in place of config and tags.
        description: In words, Markdown.
        job: The job: from `@job`, `define_asset_job`, or a graph.
        default_status: Whether it runs without anybody having started it.
        required_resource_keys: The resources that its functions take from their context.
        target: Newer name: a job, or which assets the runs make.

    Raises:
        InvalidDefinitionError: If a cron schedule or the time zone cannot be read, or something
            is said twice or not at all.

    Example:
        >>> from jobnb import job, op
        >>> @op
        ... def hello(): ...
        >>> @job
        ... def greet():
        ...     hello()
        >>> ScheduleDefinition(job=greet, cron_schedule="0 6 * * 1-5").name
        'greet_schedule'

    Source: Dagster's `ScheduleDefinition`.
    """

    def __init__(
        self,
        name: str | None = None,
        *,
        cron_schedule: str | Sequence[str] | None = None,
        job_name: str | None = None,
        run_config: Any = None,
        run_config_fn: RunConfigFunction | None = None,
        tags: Mapping[str, str] | None = None,
        tags_fn: TagsFunction | None = None,
        should_execute: Condition | None = None,
        environment_vars: Mapping[str, str] | None = None,
        execution_timezone: str | None = None,
        execution_fn: Callable[..., Any] | None = None,
        description: str | None = None,
        job: Any = None,
        default_status: DefaultScheduleStatus = DefaultScheduleStatus.STOPPED,
        required_resource_keys: Iterable[str] | None = None,
        target: Any = None,
    ) -> None:
        what = f"schedule {name!r}" if name else "schedule"
        if target is not None and name is None and not hasattr(target, "name"):
            raise InvalidDefinitionError(
                "A schedule whose target is a selection of assets needs a name: pass name=."
            )
        found = targets_of(what, job_name, job, None, {"target": target})
        if target is not None:
            found = [DirectTarget(anonymous_job(str(name or target.name), target))]
        if not found:
            raise InvalidDefinitionError(f"The {what} launches nothing. Pass job= or job_name=.")
        self._target: Target = found[0]
        self.name = check_name(name or f"{self._target.job_name}_schedule", "a schedule")
        self._what = f"schedule {self.name!r}"
        self._given_cron = cron_schedule
        self._given_timezone = execution_timezone
        self.description = check_words(description, "description", self._what)
        self.environment_vars = check_dict(
            environment_vars, "environment_vars", self._what, "names and values"
        )
        self.default_status = _status(default_status, self._what)
        self._tags = check_tags(tags, f"the {self._what}") if tags is not None else None
        self._run_config = _config(run_config, self._what)
        self._run_config_fn = check_function(run_config_fn, "run_config_fn", self._what)
        self._tags_fn = check_function(tags_fn, "tags_fn", self._what)
        self._should_execute = check_function(should_execute, "should_execute", self._what)
        self._resource_keys = check_resource_keys(required_resource_keys, self._what)
        self._execution_fn = (
            UserFunction(execution_fn, self._what, self._resource_keys)
            if execution_fn is not None
            else None
        )
        self._decorated = False
        self._check()
        announce_from_caller(self)

    def _check(self) -> None:
        pairs = (
            ("tags", "tags_fn", self._tags, self._tags_fn),
            ("run_config", "run_config_fn", self._run_config, self._run_config_fn),
            ("execution_fn", "run_config", self._execution_fn, self._run_config),
            ("execution_fn", "run_config_fn", self._execution_fn, self._run_config_fn),
            ("execution_fn", "tags", self._execution_fn, self._tags),
            ("execution_fn", "tags_fn", self._execution_fn, self._tags_fn),
            ("execution_fn", "should_execute", self._execution_fn, self._should_execute),
        )
        for one, other, first, second in pairs:
            # Of {} and a function, the function says it: a default that was passed on is no choice.
            if first not in (None, {}) and second not in (None, {}):
                raise InvalidDefinitionError(
                    f"The {self._what} has {one} and {other}, which say the same. Keep one."
                )
        self._read_cron()

    def _decorate(self, function: UserFunction) -> None:
        self._execution_fn, self._decorated = function, True

    def _read_cron(self) -> None:
        if self._given_cron is None:
            raise InvalidDefinitionError(
                f"The {self._what} does not say when it comes. Pass cron_schedule='@daily', say."
            )
        self._times = CronSchedule(self._given_cron, self._given_timezone, f"The {self._what}")

    # --- what it is ---------------------------------------------------------

    @property
    def cron_schedule(self) -> str | Sequence[str]:
        """The cron strings, as they were given."""
        assert self._given_cron is not None
        return self._given_cron

    @property
    def execution_timezone(self) -> str | None:
        """The time zone of its cron schedule; None means UTC."""
        return self._given_timezone

    @property
    def times(self) -> CronSchedule:
        """The moments at which it comes."""
        return self._times

    @property
    def job(self) -> TargetedJob:
        """The job that it launches.

        Raises:
            InvalidDefinitionError: If it knows the job by name only.
        """
        if isinstance(self._target, DirectTarget):
            return self._target.target
        raise InvalidDefinitionError(
            f"The {self._what} knows its job {self.job_name!r} by name only. Pass job= to it."
        )

    @property
    def job_name(self) -> str:
        """The name of the job that it launches."""
        return self._target.job_name

    @property
    def targets(self) -> list[Target]:
        """The jobs or assets that it launches."""
        return [self._target]

    @property
    def tags(self) -> Mapping[str, str]:
        """The tags that it gives its runs, where they are fixed."""
        return dict(self._tags or {})

    @property
    def functions(self) -> tuple[Callable[..., Any], ...]:
        """The functions of the user that a tick calls."""
        own = self._execution_fn.fn if self._execution_fn is not None else None
        given = (own, self._run_config_fn, self._tags_fn, self._should_execute)
        return tuple(each for each in given if each is not None)

    @property
    def required_resource_keys(self) -> frozenset[str]:
        """The resources that its functions take."""
        function = self._execution_fn
        return self._resource_keys if function is None else function.required_resource_keys

    def has_loadable_target(self) -> bool:
        """Whether it knows its job as such, not by name only."""
        return isinstance(self._target, DirectTarget)

    def load_target(self) -> TargetedJob:
        """Return the job that it launches; the same as `job`."""
        return self.job

    def resolved_by(self, find_job: Callable[[str], JobDefinition]) -> Self:
        """Return the same, as a code location knows it; `find_job` gives a job of it by name."""
        return self

    def with_updated_job(self, new_job: Any) -> Self:
        """Return the same schedule of another job."""
        made = copy(self)
        made._target = DirectTarget(as_job(new_job, self._what))
        return made

    # --- evaluating it ------------------------------------------------------

    def evaluate_tick(self, context: ScheduleEvaluationContext) -> ScheduleExecutionData:
        """Find out what it would launch; nothing is launched.

        Args:
            context: From `build_schedule_context`.

        Returns:
            The run requests, or why there are none.

        Raises:
            UserCodeExecutionError: If one of its functions raises.
            InvalidInvocationError: If a function returns what is no request.

        Example:
            >>> from datetime import datetime
            >>> from jobnb import build_schedule_context
            >>> @schedule(cron_schedule="@daily", job_name="report")
            ... def nightly(context):
            ...     return {"day": context.scheduled_execution_time.isoformat()}
            >>> context = build_schedule_context(scheduled_execution_time=datetime(2024, 5, 1))
            >>> nightly.evaluate_tick(context).run_requests[0].run_config
            {'day': '2024-05-01T00:00:00'}
        """
        return engine().evaluate_schedule(self, context)

    def asked(self, context: ScheduleEvaluationContext) -> Any:
        """Call its functions: what they return, as it was returned."""
        if self._should_execute is not None and not self._should_execute(context):
            return SkipReason(f"should_execute of the {self._what} returned False.")
        if self._execution_fn is not None:
            return self._execution_fn.call(context)
        if self._run_config_fn is not None:
            return self._run_config_fn(context)
        return self._run_config if self._run_config is not None else {}

    def tags_of(self, context: ScheduleEvaluationContext) -> Mapping[str, str]:
        """Return the tags of a run of which only the config was given."""
        if self._tags_fn is not None:
            return check_tags(self._tags_fn(context), f"tags_fn of the {self._what}")
        return self._tags or {}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the decorated function itself, as a unit test does.

        Raises:
            InvalidInvocationError: If it was not made with `@schedule`, or the context is missing.
        """
        if self._execution_fn is None or not self._decorated:
            raise InvalidInvocationError(
                f"The {self._what} has no decorated function to call. Use "
                "evaluate_tick(build_schedule_context())."
            )
        return self._execution_fn.invoke(args, kwargs, "build_schedule_context")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}: {self._times})"


def _config(given: Any, what: str) -> Any:
    """Return the config of a schedule, if it is one."""
    if given is not None and not isinstance(given, Mapping):
        from jobnb.config import raw_config

        try:
            raw_config(given)
        except InvalidConfigError as error:
            raise InvalidDefinitionError(f"The run_config of the {what}: {error}") from None
    return given


def _status(given: Any, what: str) -> DefaultScheduleStatus:
    if not isinstance(given, DefaultScheduleStatus):
        raise InvalidDefinitionError(
            f"The {what} has the default_status {given!r}. It is DefaultScheduleStatus.RUNNING or "
            "DefaultScheduleStatus.STOPPED."
        )
    return given


@telling_nearest
def schedule(
    cron_schedule: str | Sequence[str],
    *,
    job_name: str | None = None,
    name: str | None = None,
    tags: Mapping[str, str] | None = None,
    tags_fn: TagsFunction | None = None,
    should_execute: Condition | None = None,
    environment_vars: Mapping[str, str] | None = None,
    execution_timezone: str | None = None,
    description: str | None = None,
    job: Any = None,
    default_status: DefaultScheduleStatus = DefaultScheduleStatus.STOPPED,
    required_resource_keys: Iterable[str] | None = None,
    target: Any = None,
) -> Callable[[Callable[..., Any]], ScheduleDefinition]:
    """Define a schedule by a function that returns what to launch at each tick.

    The function takes a context, or nothing, and resources by annotation. It returns (or
    yields) run requests, a `SkipReason`, or the run config of one run as a dict.

    Args:
        cron_schedule: Five fields or a nickname such as `@daily`, or several of these.
        job_name: The name of the job, where it is not given as such.
        name: The name; that of the function if absent.
        tags: Tags of a run of which the function gives the config only.
        tags_fn: Gives those tags from the context.
        should_execute: Tells from the context whether the function is called this time.
        environment_vars: Accepted as Dagster does; not used.
        execution_timezone: The time zone of the cron schedule; UTC if absent.
        description: In words; the function's docstring if absent.
        job: The job: from `@job`, `define_asset_job`, or a graph.
        default_status: Whether it runs without anybody having started it.
        required_resource_keys: The resources that the function takes from its context.
        target: Newer name: a job, or which assets the runs make.

    Raises:
        InvalidDefinitionError: If a cron schedule or the time zone cannot be read, or something
            is said twice or not at all.

    Example:
        >>> from jobnb import RunRequest
        >>> @schedule(cron_schedule="@hourly", job_name="report")
        ... def hourly():
        ...     return RunRequest(tags={"by": "the hour"})
        >>> hourly().tags
        {'by': 'the hour'}

    Source: Dagster's `@schedule`.
    """

    def decorate(fn: Callable[..., Any]) -> ScheduleDefinition:
        named = name or getattr(fn, "__name__", "")
        made = ScheduleDefinition(
            check_name(named, "a schedule"),
            cron_schedule=cron_schedule,
            job_name=job_name,
            tags=tags,
            tags_fn=tags_fn,
            should_execute=should_execute,
            environment_vars=environment_vars,
            execution_timezone=execution_timezone,
            description=description or docstring(fn),
            job=job,
            default_status=default_status,
            required_resource_keys=required_resource_keys,
            target=target,
        )
        made._decorate(UserFunction(fn, made._what, required_resource_keys or ()))
        return made

    return decorate
