"""Running a job for its history: values are stored by IO managers, and read back from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

from jobnb.definitions.graph import GraphDefinition
from jobnb.definitions.job import JobDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.errors import InvariantViolationError
from jobnb.execution.begin import begin_run
from jobnb.execution.reexecution import ReexecutionOptions
from jobnb.execution.result import ExecuteInProcessResult
from jobnb.execution.run_job import conduct
from jobnb.storage.instance import Instance

__all__ = ["JobExecutionResult", "ReconstructableJob", "execute_job", "reconstructable"]


class JobExecutionResult(ExecuteInProcessResult):
    """What a run of `execute_job` gave: its events, and the values that its IO managers hold.

    Source: Dagster's `JobExecutionResult`.
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        """Nothing to close: values are loaded when they are asked for."""


class ReconstructableJob:
    """A job, or the function that makes it anew."""

    def __init__(self, target: JobDefinition | Callable[[], Any]) -> None:
        self.target = target

    def get_definition(self) -> JobDefinition:
        """The job.

        Raises:
            InvariantViolationError: If the function gives something else.
        """
        made = self.target if isinstance(self.target, JobDefinition) else self.target()
        if isinstance(made, GraphDefinition):
            made = made.to_job()
        if isinstance(made, JobDefinition):
            return made
        name = getattr(self.target, "__name__", repr(self.target))
        raise InvariantViolationError(
            f"The function {name!r} gave {made!r}. It must return a job, as @job or to_job() make."
        )

    def __repr__(self) -> str:
        name = getattr(self.target, "name", None) or getattr(self.target, "__name__", "?")
        return f"reconstructable({name})"


def reconstructable(target: JobDefinition | Callable[[], Any]) -> ReconstructableJob:
    """What `execute_job` takes: a job, or a function that makes one.

    Args:
        target: A job, or a function without arguments that returns one.

    Raises:
        InvariantViolationError: If it is neither, or a function without a name.

    Example:
        >>> from jobnb import job, op
        >>> @op
        ... def five():
        ...     return 5
        >>> @job
        ... def numbers():
        ...     five()
        >>> reconstructable(numbers)
        reconstructable(numbers)

    Source: Dagster's `reconstructable`.
    """
    if isinstance(target, JobDefinition):
        return ReconstructableJob(target)
    if not callable(target):
        raise InvariantViolationError(
            f"reconstructable takes a job, or a function that returns one, not {target!r}."
        )
    if getattr(target, "__name__", "") == "<lambda>":
        raise InvariantViolationError(
            "reconstructable cannot take a lambda: another process could not find it. "
            "Write a function with a name."
        )
    return ReconstructableJob(target)


def execute_job(
    job: ReconstructableJob | JobDefinition,
    instance: Instance,
    run_config: Any = None,
    tags: Mapping[str, Any] | None = None,
    raise_on_error: bool = False,
    op_selection: Sequence[str] | None = None,
    reexecution_options: ReexecutionOptions | None = None,
    asset_selection: Sequence[AssetKey] | None = None,
) -> JobExecutionResult:
    """Run a job with its own resources and wait for its end; an earlier run can be repeated.

    Args:
        job: The job, or what `reconstructable` gives.
        instance: Where the history and the values go.
        run_config: A `RunConfig` or dict; that of the repeated run, or of the job, if absent.
        tags: Tags of the run, beside those of the job.
        raise_on_error: Whether a failure is raised, after all that could run has run.
        op_selection: Ops to run, as `["*a", "b+"]`.
        reexecution_options: Which run is repeated, and which of its steps.
        asset_selection: Assets to make.

    Returns:
        A `JobExecutionResult`; its values are loaded through the job's IO managers.

    Raises:
        InvalidConfigError: If the run config does not fit; nothing has run then.
        InvalidSubsetError: If a selection names what is not there.
        RunNotFoundError: If the run to repeat is not there.
        Exception: What the first failing step raised, if `raise_on_error`.

    Example:
        >>> from jobnb import Instance, job, op
        >>> @op
        ... def five():
        ...     return 5
        >>> @job
        ... def numbers():
        ...     five()
        >>> with Instance.ephemeral() as instance:
        ...     execute_job(numbers, instance).output_for_node("five")
        5

    Source: Dagster's `execute_job`.
    """
    __tracebackhide__ = True
    definition = job.get_definition() if isinstance(job, ReconstructableJob) else job
    run = begin_run(
        definition,
        instance,
        run_config=run_config,
        tags=tags,
        op_selection=op_selection,
        asset_selection=asset_selection,
        options=reexecution_options,
    )
    conduct(run, raise_on_error)
    return JobExecutionResult(run)
