"""The schedules and sensors of a code location: their jobs, and their problems."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from jobnb.definitions.automation.schedule import ScheduleDefinition
from jobnb.definitions.automation.sensor import SensorDefinition
from jobnb.definitions.automation.targets import DirectTarget, TargetedJob
from jobnb.errors import InvalidInvocationError, JobnbError, UnknownJobError, did_you_mean

if TYPE_CHECKING:
    from jobnb.definitions.jobs.job_definition import JobDefinition

_Launching = TypeVar("_Launching", ScheduleDefinition, SensorDefinition)


def of_wrong_kind(schedules: Iterable[Any], sensors: Iterable[Any]) -> list[str]:
    """Describe the values that are no schedules or sensors."""
    problems = [
        f"{each!r} is not a schedule. Use ScheduleDefinition or @schedule."
        for each in schedules
        if not isinstance(each, ScheduleDefinition)
    ]
    return problems + [
        f"{each!r} is not a sensor. Decorate its function with @sensor."
        for each in sensors
        if not isinstance(each, SensorDefinition)
    ]


def brought_jobs(things: Iterable[ScheduleDefinition | SensorDefinition]) -> list[TargetedJob]:
    """Return the jobs that schedules and sensors hold, each once."""
    found = [
        target.target
        for each in things
        for target in each.targets
        if isinstance(target, DirectTarget)
    ]
    return list({id(job): job for job in found}.values())


def launching_problems(
    jobs: Mapping[str, TargetedJob | None],
    schedules: Sequence[ScheduleDefinition],
    sensors: Sequence[SensorDefinition],
    asset_job: str,
) -> list[str]:
    """Describe names that two things have, and targets that do not exist.

    Args:
        jobs: The jobs of the code location by name, None for one that is made when asked for.
        schedules: Its schedules.
        sensors: Its sensors.
        asset_job: The name of the job of all assets, which is always there.
    """
    known = dict(jobs)
    problems = [
        f"Two jobs are called {job.name!r}: one of them comes with a schedule or sensor."
        for job in brought_jobs([*schedules, *sensors])
        if known.setdefault(job.name, job) not in (job, None)
    ]
    sensor_names = {each.name for each in sensors}
    problems += [
        f"A schedule and a sensor are called {each.name!r}."
        for each in schedules
        if each.name in sensor_names
    ]
    problems += absent_jobs(schedules, sensors, [*known, asset_job], known)
    return [each.rstrip() for each in dict.fromkeys(problems)]


def absent_jobs(
    schedules: Iterable[ScheduleDefinition],
    sensors: Iterable[SensorDefinition],
    known: Iterable[str],
    shown: Iterable[str],
) -> list[str]:
    """Describe the targets of schedules and sensors that do not exist.

    Args:
        schedules: The schedules of the code location.
        sensors: Its sensors.
        known: The names of all its jobs.
        shown: Those of them that are told where there is no such job.
    """
    launching: list[ScheduleDefinition | SensorDefinition] = [*schedules, *sensors]
    there, told = set(known), list(shown)
    problems: list[str] = []
    for each in launching:
        noun = "schedule" if isinstance(each, ScheduleDefinition) else "sensor"
        problems += [
            f"The {noun} {each.name!r} launches the job {target.job_name!r}, which is not there. "
            + did_you_mean(target.job_name, told, noun="There are")
            for target in each.targets
            if target.job_name not in there
        ]
    return [each.rstrip() for each in problems]


def lacking_resources(
    schedules: Iterable[ScheduleDefinition],
    sensors: Iterable[SensorDefinition],
    known: Mapping[str, Any],
) -> list[str]:
    """Describe the resources of schedules and sensors that are not provided."""
    launching: list[ScheduleDefinition | SensorDefinition] = [*schedules, *sensors]
    return [
        f"{each.name!r}: its function takes the resource {key!r}, which nothing provides. "
        + did_you_mean(key, known, noun="There are")
        for each in launching
        for key in sorted(each.required_resource_keys)
        if key not in known
    ]


def resolved_schedules(
    schedules: Iterable[ScheduleDefinition], find_job: Callable[[str], JobDefinition]
) -> list[ScheduleDefinition]:
    """Return schedules as their code location knows them: with the partitions of its jobs.

    Args:
        schedules: As they were written.
        find_job: Gives the job of a name.
    """
    return [each.resolved_by(find_job) for each in schedules]


def unknown_times(
    schedules: Iterable[ScheduleDefinition], find_job: Callable[[str], JobDefinition]
) -> list[str]:
    """Describe the schedules whose times cannot be known: those of a job without partitions."""
    problems = []
    for each in resolved_schedules(schedules, find_job):
        try:
            _ = each.times
        except JobnbError as error:
            problems.append(f"The schedule {each.name!r}: {error}")
    return problems


def check_no_conflict(assets: Iterable[Any], resources: Mapping[str, Any]) -> None:
    """Raise an error for a resource that is given to assets with their own of that key.

    Raises:
        InvalidInvocationError: If one is given; lists all of them.
    """
    problems = [
        f"{each!r} brings its own {key!r}"
        for each in assets
        for key in sorted(set(getattr(each, "resource_defs", None) or ()) & set(resources))
    ]
    if problems:
        raise InvalidInvocationError(
            "Resources are given twice: "
            + ", ".join(problems)
            + ". Take them out of the assets, or give those here another key."
        )


def launching_named(things: Iterable[_Launching], name: str, noun: str) -> _Launching:
    """Return the schedule or sensor of a name.

    Raises:
        UnknownJobError: If there is none.
    """
    known = {each.name: each for each in things}
    if name in known:
        return known[name]
    hint = did_you_mean(name, known, noun="There are")
    raise UnknownJobError(f"There is no {noun} called {name!r}. {hint}".rstrip())
