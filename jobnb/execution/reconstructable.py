"""Jobs that can be made anew: in this process, or in another that knows only where to look."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.ops.graph_definition import GraphDefinition
from jobnb.errors import InvariantViolationError, did_you_mean


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
        raise InvariantViolationError(
            f"The function {_name_of(self.target)!r} gave {made!r}. It must return a job, as "
            "@job or to_job() make."
        )

    def __repr__(self) -> str:
        return f"reconstructable({_name_of(self.target)})"


def _name_of(target: Any) -> str:
    return str(getattr(target, "name", None) or getattr(target, "__name__", "?"))


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


def build_reconstructable_job(
    reconstructor_module_name: str,
    reconstructor_function_name: str,
    reconstructable_args: tuple[Any, ...] | None = None,
    reconstructable_kwargs: Mapping[str, Any] | None = None,
    reconstructor_working_directory: str | None = None,
) -> ReconstructableJob:
    """What `execute_job` takes, for a job that a function with arguments makes.

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
    """A call that can be made anywhere: it names its function instead of holding it."""

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
            f"There is no module {name!r}. Give the folder it lies in as "
            "reconstructor_working_directory."
        ) from error


@contextmanager
def _also_in(folder: str | None) -> Iterator[None]:
    """While it lasts, modules are looked for in the folder first."""
    if folder is None:
        yield
        return
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)
