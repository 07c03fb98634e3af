"""`execute_job`, and jobs that can be loaded again, in this process or another.

Such a run stores values with IO managers, and loads them from there.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any, Self

from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.ops.graph_definition import GraphDefinition
from jobnb.errors import InvariantViolationError, did_you_mean
from jobnb.events import Event, OutputHandled
from jobnb.events.data import StepOutputHandle
from jobnb.execution.executors.lazy_resources import LazyResources
from jobnb.execution.reexecution import ReexecutionOptions
from jobnb.execution.resources import close_resources
from jobnb.execution.result import ExecuteInProcessResult, keep_value
from jobnb.execution.run import HANDLED
from jobnb.execution.runner import conduct
from jobnb.execution.spec import RunSpec
from jobnb.execution.start import start
from jobnb.execution.stopping import Interrupts
from jobnb.storage.instance import Instance

if TYPE_CHECKING:
    from jobnb.plan.step import Step, StepOutput
    from jobnb.storage.run import JobRun


class ReconstructableJob:
    """A job, or the function that defines it, so that it can be loaded again."""

    def __init__(self, target: JobDefinition | Callable[[], Any]) -> None:
        self.target = target

    def get_definition(self) -> JobDefinition:
        """Return the job.

        Raises:
            InvariantViolationError: If the function gives something else.
        """
        made = self.target if isinstance(self.target, JobDefinition) else self.target()
        if isinstance(made, GraphDefinition):
            made = made.to_job()
        if isinstance(made, JobDefinition):
            return made
        raise InvariantViolationError(
            f"The function {_name_of(self.target)!r} gave {made!r}. It must return a job, as "
            "@job or to_job() make."
        )

    def __repr__(self) -> str:
        return f"reconstructable({_name_of(self.target)})"


def _name_of(target: Any) -> str:
    return str(getattr(target, "name", None) or getattr(target, "__name__", "?"))


def reconstructable(target: JobDefinition | Callable[[], Any]) -> ReconstructableJob:
    """Return the argument of `execute_job` for a job, or for a function that defines one.

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


def build_reconstructable_job(
    reconstructor_module_name: str,
    reconstructor_function_name: str,
    reconstructable_args: tuple[Any, ...] | None = None,
    reconstructable_kwargs: Mapping[str, Any] | None = None,
    reconstructor_working_directory: str | None = None,
) -> ReconstructableJob:
    """Return the argument of `execute_job` for a function with arguments.

    Nothing is imported before the job is asked for.

    Args:
        reconstructor_module_name: The module of the function.
        reconstructor_function_name: Its name there.
        reconstructable_args: What it is called with.
        reconstructable_kwargs: What it is called with, by name.
        reconstructor_working_directory: A folder in which modules are looked for too.

    Example:
        >>> again = build_reconstructable_job("pipelines", "make_job", ("daily",))
        >>> again
        reconstructable(pipelines.make_job)

    Source: Dagster's `build_reconstructable_job`.
    """
    return ReconstructableJob(
        _Call(
            reconstructor_module_name,
            reconstructor_function_name,
            tuple(reconstructable_args or ()),
            dict(reconstructable_kwargs or {}),
            reconstructor_working_directory,
        )
    )


class _Call:
    """A call that works in any process: it names its function instead of holding it."""

    def __init__(
        self,
        module: str,
        function: str,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        folder: str | None,
    ) -> None:
        self.module = module
        self.function = function
        self.args = args
        self.kwargs = kwargs
        self.folder = folder
        self.name = f"{module}.{function}"

    def __call__(self) -> Any:
        with _also_in(self.folder):
            function = self._found(_imported(self.module))
            return function(*self.args, **self.kwargs)

    def _found(self, module: ModuleType) -> Callable[..., Any]:
        found: Any = getattr(module, self.function, None)
        if callable(found):
            return found  # type: ignore[no-any-return]
        hint = did_you_mean(self.function, list(vars(module)), noun="It has")
        raise InvariantViolationError(
            f"The module {self.module!r} has no function {self.function!r}. {hint}".rstrip()
        )


def _imported(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and not name.startswith(error.name):
            raise  # it was found, and lacks something itself
        raise InvariantViolationError(
            f"There is no module {name!r}. Give the folder it is in as "
            "reconstructor_working_directory."
        ) from error


@contextmanager
def _also_in(folder: str | None) -> Iterator[None]:
    """Search modules in the folder first, for the duration of the block."""
    if folder is None:
        yield
        return
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)


class JobExecutionResult(ExecuteInProcessResult):
    """The result of `execute_job`: its events, and the values in its IO managers.

    Args:
        job_def: The job.
        reconstruct_context: Returns a context manager of what has the `instance` that values are
            loaded with; None if there are none to load.
        event_list: The events of the run, in order.
        dagster_run: The record of its run.

    Source: Dagster's `JobExecutionResult`.
    """

    _reconstruct: Callable[[], AbstractContextManager[Any]] | None = None

    def __init__(
        self,
        job_def: JobDefinition,
        reconstruct_context: Callable[[], AbstractContextManager[Any]] | None,
        event_list: Sequence[Event],
        dagster_run: JobRun,
    ) -> None:
        super().__init__(job_def, dagster_run, event_list)
        self._reconstruct = reconstruct_context
        if reconstruct_context is not None:
            self._keep_stored(event_list)

    def _keep_stored(self, events: Sequence[Event]) -> None:
        """Note which values IO managers hold."""
        for event in events:
            if isinstance(event, OutputHandled):
                handle = StepOutputHandle(event.step_key, event.output_name, event.mapping_key)
                keep_value(self._run, handle, HANDLED)

    def _value(self, step: Step, output: StepOutput) -> Any:
        if self._reconstruct is None:
            return super()._value(step, output)
        with self._reconstruct() as context:
            self._run.instance = context.instance
            self._run.resources = LazyResources(self._run)
            try:
                return super()._value(step, output)
            finally:
                close_resources(self._run)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        """Close nothing: values are loaded when requested."""


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
        return JobExecutionResult.of(run)
