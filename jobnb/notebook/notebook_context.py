"""`get_context`, `yield_result` and `yield_event`: a notebook of dagstermill in its kernel.

In a run they reach the step that the notebook is executed for; while somebody works in the
notebook, the context is one for development, and the values and events are given back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from jobnb.definitions.ops.op import OpDefinition
from jobnb.errors import NotebookError
from jobnb.execution.testing import build_op_context
from jobnb.notebook.step_in_kernel import this_step

V = TypeVar("V")
_OP, _JOB = "this_op", "ephemeral_dagstermill_pipeline"


class DagstermillError(NotebookError):
    """What dagstermill's own errors are caught by.

    Source: dagstermill's `DagstermillError`.
    """


class DagstermillExecutionContext:
    """The context of a notebook: that of its step, and the names that only dagstermill has.

    Args:
        context: The context of the step; one for development outside of runs.
        in_run: Whether a run executes the notebook.

    Source: dagstermill's `DagstermillExecutionContext`.
    """

    def __init__(self, context: Any, *, in_run: bool) -> None:
        self._context = context
        self._in_run = in_run

    @property
    def op_def(self) -> Any:
        """The op that the notebook is."""
        return self._context.op_def if self._in_run else OpDefinition(_nothing, _OP, outs={})

    @property
    def job_name(self) -> str:
        """The name of the job."""
        return str(self._context.job_name) if self._in_run else _JOB

    @property
    def resolved_run_config(self) -> Mapping[str, Any]:
        """The config of the run."""
        config: Mapping[str, Any] = self._context.run_config
        return config

    @property
    def node(self) -> Any:
        """The op, at its place in the graph."""
        return self._context.op if self._in_run else self.op_def

    @property
    def logging_tags(self) -> dict[str, str]:
        """What log lines say of the run."""
        context = self._context
        step = {"step_key": context.step_key} if self._in_run else {}
        return {
            "job_name": self.job_name,
            "op_name": self.op_def.name,
            "run_id": context.run_id,
            **step,
        }

    def __getattr__(self, name: str) -> Any:
        """Return what the context of a step has."""
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._context, name)

    def __repr__(self) -> str:
        return f"<context of the notebook of {self.op_def.name!r}>"


def _nothing(_context: Any, _inputs: Any) -> None:
    """Do nothing: an op for development."""


def get_context(
    op_config: Any = None,
    resource_defs: Mapping[str, Any] | None = None,
    logger_defs: Mapping[str, Any] | None = None,  # noqa: ARG001 - dagstermill's
    run_config: Mapping[str, Any] | None = None,
) -> DagstermillExecutionContext:
    """Return the context of the notebook: that of the step in a run, else one for development.

    Args:
        op_config: The op's config, for development.
        resource_defs: Resources by key, for development.
        logger_defs: Not used: `context.log` is one of Python's loggers.
        run_config: A run config, for development: resources read their part of it.

    Returns:
        The context.

    Example:
        >>> get_context(op_config={"year": 2013}).op_config
        {'year': 2013}

    Source: dagstermill's `get_context`.
    """
    step = this_step()
    if step is not None:
        return DagstermillExecutionContext(step.context, in_run=True)
    given = run_config or {}
    own = (given.get("ops") or {}).get(_OP) or {}
    context = build_op_context(
        resources=resource_defs,
        op_config=op_config if op_config is not None else own.get("config"),
        resources_config=given.get("resources"),
    )
    return DagstermillExecutionContext(context, in_run=False)


def yield_result(value: V, output_name: str = "result") -> V | None:
    """Hand a value back to the run as an output of the notebook's op.

    Args:
        value: The value; it is pickled.
        output_name: The output.

    Returns:
        None in a run; the value itself while you work in the notebook.

    Raises:
        NotebookError: If the op has no such output, or the value cannot leave the kernel.

    Example:
        >>> yield_result(3)
        3

    Source: dagstermill's `yield_result`.
    """
    step = this_step()
    if step is None:
        return value
    step.yield_result(value, output_name)
    return None


def yield_event(dagster_event: V) -> V | None:
    """Tell the run an event from the notebook.

    Args:
        dagster_event: An `AssetMaterialization`, `AssetObservation` or `ExpectationResult`, which
            is logged now; or a `Failure` or `RetryRequested`, which the step raises after the last
            cell.

    Returns:
        None in a run; the event itself while you work in the notebook.

    Raises:
        InvariantViolationError: If it is anything else.

    Source: dagstermill's `yield_event`.
    """
    step = this_step()
    if step is None:
        return dagster_event
    step.yield_event(dagster_event)
    return None
