"""Contexts for unit tests of hooks."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack, suppress
from types import SimpleNamespace
from typing import Any, Self

from jobnb.definitions.ops.hook import HookDefinition
from jobnb.definitions.ops.node import Node
from jobnb.definitions.resources.resource import ScopedResources
from jobnb.execution.context import StepExecutionContext
from jobnb.execution.hooks import HookContext
from jobnb.execution.resources import build_resources
from jobnb.execution.run import RunScope
from jobnb.execution.testing import nothing_op
from jobnb.plan.step import Step
from jobnb.storage.instance import Instance
from jobnb.storage.run import JobRun


class DirectHookContext(HookContext):
    """The context of a direct call of a hook."""

    def __init__(
        self,
        resources: Mapping[str, Any],
        op: Any,
        run_id: str | None,
        job_name: str | None,
        op_exception: Exception | None,
        instance: Instance | None,
    ) -> None:
        self._stack = ExitStack()
        instance = instance or Instance.ephemeral()
        self._made = self._stack.enter_context(build_resources(resources, instance=instance))
        job = SimpleNamespace(name=job_name, loggers={})
        plan = SimpleNamespace(job=job, readers=(), logger_config={})
        record = JobRun(job_name or "", run_id=run_id or "EPHEMERAL")
        run: Any = RunScope(plan, instance, record, instance.open_log(record), True)  # type: ignore[arg-type]
        used = op or nothing_op()
        definition, name = getattr(used, "node_def", used), used.name
        self._node = Node(name, definition, used.tags, frozenset(), used.retry_policy)
        hook = HookDefinition("direct", lambda _context: None, ())
        step = Step(0, name, (name,), definition)
        super().__init__(StepExecutionContext(run, step, name), hook, op_exception)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        self._stack.close()

    def __del__(self) -> None:
        with suppress(Exception):
            self._stack.close()

    @property
    def op(self) -> Node:
        """The op that the test gave, under the name of its use."""
        return self._node

    @property
    def resources(self) -> ScopedResources:
        """All resources that the test gave."""
        return self._made


def build_hook_context(
    resources: Mapping[str, Any] | None = None,
    op: Any = None,
    run_id: str | None = None,
    job_name: str | None = None,
    op_exception: Exception | None = None,
    instance: Instance | None = None,
) -> DirectHookContext:
    """Return a context to call a hook with in a unit test.

    Args:
        resources: Resources by key: values or definitions.
        op: The op that the hook runs after.
        run_id: The id of the run.
        job_name: The name of the job.
        op_exception: What the op raised.
        instance: What `context.instance` is; an ephemeral one if absent.

    Example:
        >>> from jobnb import build_hook_context, success_hook
        >>> @success_hook
        ... def note(context):
        ...     return context.job_name
        >>> note(build_hook_context(job_name="daily"))
        'daily'

    Source: Dagster's `build_hook_context`.
    """
    return DirectHookContext(resources or {}, op, run_id, job_name, op_exception, instance)
