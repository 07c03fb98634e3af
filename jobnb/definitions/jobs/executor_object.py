"""Executors as objects: what the function of an executor may return instead of a pool."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobnb.events.event import Event


class RetryMode(Enum):
    """Whether retry policies and retry requests are followed.

    Source: Dagster's `RetryMode`.
    """

    ENABLED = "enabled"
    DISABLED = "disabled"
    DEFERRED = "deferred"

    @property
    def enabled(self) -> bool:
        """Whether the executor itself retries steps."""
        return self is RetryMode.ENABLED

    @property
    def disabled(self) -> bool:
        """Whether nothing is retried."""
        return self is RetryMode.DISABLED

    @property
    def deferred(self) -> bool:
        """Whether who has called the executor retries steps."""
        return self is RetryMode.DEFERRED


class Executor(ABC):
    """Runs the steps of a run, and yields their events as they come.

    The function of an `@executor` returns one. It hands the steps to another, for which
    `in_process_executor.executor_creation_fn(init_context)` gives one, and does something of its
    own before, between or after.

    Example:
        >>> from jobnb import executor, in_process_executor
        >>> class Counting(Executor):
        ...     def __init__(self, inner):
        ...         self.inner, self.count = inner, 0
        ...
        ...     @property
        ...     def retries(self):
        ...         return self.inner.retries
        ...
        ...     def execute(self, plan_context, execution_plan):
        ...         for event in self.inner.execute(plan_context, execution_plan):
        ...             self.count += 1
        ...             yield event
        >>> @executor
        ... def counting(init_context):
        ...     return Counting(in_process_executor.executor_creation_fn(init_context))

    Source: Dagster's `Executor`.
    """

    @abstractmethod
    def execute(self, plan_context: Any, execution_plan: Any) -> Iterator[Event]:
        """Run the steps, and yield their events.

        Args:
            plan_context: The run: `run_id`, `job_name`, `run_config`, `dagster_run`, `instance`,
                `log`.
            execution_plan: Its plan: `step_keys`.
        """

    @property
    @abstractmethod
    def retries(self) -> RetryMode:
        """Whether retry policies and retry requests are followed."""


class NamedExecutor(Executor):
    """One of jobnb's own executors.

    Args:
        strategy: Its name: "in_process", "multiprocess" and so on.
        config: Its config.
    """

    def __init__(self, strategy: str, config: Mapping[str, Any] | None = None) -> None:
        self._strategy, self._config = strategy, dict(config or {})

    def execute(self, plan_context: Any, execution_plan: Any) -> Iterator[Event]:
        """Run the steps, and yield their events.

        Args:
            plan_context: The run.
            execution_plan: Its plan.
        """
        events: Iterator[Event] = plan_context.run_steps(self._strategy, self._config)
        return events

    @property
    def retries(self) -> RetryMode:
        """Whether retry policies and retry requests are followed."""
        given = self._config.get("retries") or {"enabled": {}}
        return RetryMode(next(iter(given)))

    def __repr__(self) -> str:
        return f"NamedExecutor({self._strategy!r})"


def _retries(mode: RetryMode) -> dict[str, Any]:
    return {"retries": {"disabled" if mode is RetryMode.DISABLED else "enabled": {}}}


class InProcessExecutor(NamedExecutor):
    """Runs the steps one by one in this process.

    Args:
        retries: Whether retries are followed.
        marker_to_close: Accepted as Dagster does.

    Source: Dagster's `InProcessExecutor`.
    """

    def __init__(self, retries: RetryMode, marker_to_close: str | None = None) -> None:
        super().__init__("in_process", _retries(retries))
        self.marker_to_close = marker_to_close


class MultiprocessExecutor(NamedExecutor):
    """Runs the steps side by side in processes.

    Args:
        retries: Whether retries are followed.
        max_concurrent: How many steps run at once.
        tag_concurrency_limits: How many steps with a tag run at once.
        start_method: How processes are started.
        explicit_forkserver_preload: Modules that a fork server loads.

    Source: Dagster's `MultiprocessExecutor`.
    """

    def __init__(
        self,
        retries: RetryMode,
        max_concurrent: int | None,
        tag_concurrency_limits: list[dict[str, Any]] | None = None,
        start_method: str | None = None,
        explicit_forkserver_preload: list[str] | None = None,
    ) -> None:
        config = _retries(retries)
        limits = {
            "max_concurrent": max_concurrent,
            "tag_concurrency_limits": tag_concurrency_limits,
        }
        config |= {name: given for name, given in limits.items() if given is not None}
        if start_method is not None:
            modules = {"preload_modules": explicit_forkserver_preload}
            config["start_method"] = {
                start_method: modules if explicit_forkserver_preload else {},
            }
        super().__init__("multiprocess", config)
