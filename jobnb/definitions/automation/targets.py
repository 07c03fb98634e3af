"""The targets of a schedule or sensor: jobs, by name or as such, or a selection of assets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

from jobnb.definitions.arguments import check_several
from jobnb.definitions.assets.asset_job import AssetJobDefinition
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.ops.graph_definition import GraphDefinition
from jobnb.definitions.plain import is_text
from jobnb.definitions.selections.selection import AssetSelection
from jobnb.errors import InvalidDefinitionError

TargetedJob = JobDefinition | AssetJobDefinition

_jobs_of_graphs: WeakKeyDictionary[GraphDefinition, JobDefinition] = WeakKeyDictionary()
"""A schedule and a sensor of one graph launch one job."""


class Target:
    """A job that is known by name only.

    Args:
        job_name: The name.
        op_selection: Accepted as Dagster does.
    """

    __slots__ = ("job_name", "op_selection")

    def __init__(self, job_name: str, op_selection: Sequence[str] | None = None) -> None:
        self.job_name = job_name
        self.op_selection = op_selection

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.job_name!r})"


class DirectTarget(Target):
    """A job that is known as such.

    Args:
        target: The job.
    """

    __slots__ = ("target",)

    def __init__(self, target: TargetedJob) -> None:
        super().__init__(target.name)
        self.target = target


def as_job(thing: Any, what: str) -> TargetedJob:
    """Return a job, also where a graph was given.

    Raises:
        InvalidDefinitionError: If it is neither.
    """
    if isinstance(thing, GraphDefinition):
        if thing not in _jobs_of_graphs:
            _jobs_of_graphs[thing] = thing.to_job()
        return _jobs_of_graphs[thing]
    if isinstance(thing, (JobDefinition, AssetJobDefinition)):
        return thing
    raise InvalidDefinitionError(
        f"The {what} has the job {thing!r}. Give what @job, graph.to_job() or define_asset_job() "
        "makes, or a name as job_name=."
    )


def anonymous_job(name: str, target: Any) -> TargetedJob:
    """Return the job of what was given as `target`: a job, or which assets it makes."""
    if isinstance(target, (JobDefinition, AssetJobDefinition, GraphDefinition)):
        return as_job(target, name)
    return AssetJobDefinition(
        f"__anonymous_asset_job_{name}", AssetSelection.from_coercible(target)
    )


def targets_of(
    what: str,
    job_name: str | None,
    job: Any,
    jobs: Sequence[Any] | None,
    others: dict[str, Any] | None = None,
) -> list[Target]:
    """Return the targets that the parameters give.

    Args:
        what: Whose they are.
        job_name: The name of a job.
        job: A job.
        jobs: Several jobs.
        others: Other parameters that say it, of which the caller takes care.

    Raises:
        InvalidDefinitionError: If more than one of them was given.
    """
    several_jobs = None if jobs in ([], ()) else jobs
    given = {"job_name": job_name, "job": job, "jobs": several_jobs, **(others or {})}
    names = [name for name, value in given.items() if value is not None]
    if len(names) > 1:
        raise InvalidDefinitionError(
            f"The {what} has {' and '.join(names)}, which say the same. Keep one."
        )
    if job_name is not None:
        if not (is_text(job_name) and job_name):
            raise InvalidDefinitionError(
                f"The {what} has the job_name {job_name!r}. Give the name of a job as text, or the "
                "job itself as job=."
            )
        return [Target(job_name)]
    several = [job] if job is not None else check_several(jobs, "jobs", what, "jobs")
    found = [DirectTarget(as_job(each, what)) for each in several]
    seen: set[str] = set()
    for each in found:
        if each.job_name in seen:
            raise InvalidDefinitionError(f"The {what} has two jobs called {each.job_name!r}.")
        seen.add(each.job_name)
    return list(found)
