"""Running a job for its history: values are stored by IO managers, and read back from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.execution.in_process import conduct
from jobnb.execution.reconstructable import ReconstructableJob
from jobnb.execution.reexecution import ReexecutionOptions
from jobnb.execution.result import ExecuteInProcessResult
from jobnb.execution.spec import RunSpec
from jobnb.execution.start import start
from jobnb.execution.stopping import Interrupts
from jobnb.storage.instance import Instance


class JobExecutionResult(ExecuteInProcessResult):
    """What a run of `execute_job` gave: its events, and the values that its IO managers hold.

    Source: Dagster's `JobExecutionResult`.
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        """Nothing to close: values are loaded when they are asked for."""


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
    spec = RunSpec(
        job=job.get_definition() if isinstance(job, ReconstructableJob) else job,
        instance=instance,
        config=run_config,
        tags=tags,
        op_selection=op_selection,
        asset_selection=asset_selection,
        repeats=reexecution_options,
    )
    with Interrupts(lambda: spec.words) as interrupts:
        run = start(spec, interrupts)
        conduct(run, raise_on_error)
        return JobExecutionResult(run)
