"""The errors jobnb raises: each is a sentence with the user's own name in it and a next step.

Every class is a `JobnbError` (but for the one of an interrupt) and, where a caller would naturally
catch a builtin (`KeyError` for an unknown name, `ValueError` for a bad value), that builtin too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

__all__ = [
    "DAGSTER_NAMES",
    "ConfigMappingFunctionError",
    "ExecutionInterruptedError",
    "InvalidConfigDefinitionError",
    "InvalidConfigError",
    "InvalidDefinitionError",
    "InvalidInvocationError",
    "InvalidSubsetError",
    "InvariantViolationError",
    "JobnbError",
    "NoValueYetError",
    "NotebookError",
    "PartitionConfigError",
    "PartitionNeededError",
    "Problem",
    "ResourceFunctionError",
    "RetryRequested",
    "RunNotFoundError",
    "StepExecutionError",
    "StepNotFoundError",
    "StepOutputNotFoundError",
    "StepTimeoutError",
    "StorageError",
    "TypeCheckDidNotPass",
    "TypeCheckError",
    "UnknownPartitionError",
    "UnknownResourceError",
    "UnmetExecutorRequirementsError",
    "UnreadableConfigError",
    "UserCodeExecutionError",
    "WorkerLostError",
    "did_you_mean",
]


class JobnbError(Exception):
    """Anything that jobnb itself refuses or reports."""

    def __str__(self) -> str:
        # KeyError and its children would show the repr of the message, quotes and all.
        return str(self.args[0]) if self.args else ""


class InvalidDefinitionError(JobnbError, ValueError):
    """A definition cannot be right, whatever is run."""


class InvalidInvocationError(JobnbError, TypeError):
    """An op, asset or hook was called with arguments it does not take."""


class InvariantViolationError(JobnbError, RuntimeError):
    """Something was asked for at a moment, or in a place, where it cannot be had."""


class NoValueYetError(InvalidInvocationError, InvariantViolationError):
    """What stands for an output while a graph is composed was used as if it were the value."""


class InvalidSubsetError(JobnbError, ValueError):
    """A selection names what is not there, or selects nothing."""


class UnknownResourceError(JobnbError, KeyError):
    """A resource key that nothing provides."""


class UnknownPartitionError(JobnbError, KeyError):
    """A partition key that the partitions definition does not have."""


class PartitionNeededError(InvariantViolationError):
    """Assets have partitions, and a run was asked for that is for none of them.

    Args:
        facts: Which assets, and which partitions they have.
        next_step: What to do in Python; other places know another way.
    """

    def __init__(self, facts: str, next_step: str = "") -> None:
        gap = "\n" if "\n" in facts else " "
        super().__init__(f"{facts}{gap}{next_step}".rstrip())
        self.facts = facts


class UnmetExecutorRequirementsError(JobnbError, RuntimeError):
    """An executor needs what this run cannot give."""


class StepTimeoutError(JobnbError, TimeoutError):
    """A step took longer than its time-out."""


class WorkerLostError(JobnbError, RuntimeError):
    """The process that did a step is gone."""


class RunNotFoundError(JobnbError, KeyError):
    """A run id that the instance does not know."""


class StorageError(JobnbError, OSError):
    """The home of the history cannot be read or written."""


class NotebookError(JobnbError, RuntimeError):
    """A notebook cannot be read, executed or written."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a config: where, what, and what would be right."""

    path: tuple[str, ...]
    message: str
    value: Any = None
    kind: str = "invalid"

    def __str__(self) -> str:
        return f"{' > '.join(self.path)}: {self.message}" if self.path else self.message


class InvalidConfigError(JobnbError, ValueError):
    """Config that does not fit; `problems` holds every one of them."""

    def __init__(self, message: str, problems: Sequence[Problem] = ()) -> None:
        self.problems = tuple(problems)
        lines = "".join(f"\n  {problem}" for problem in self.problems)
        super().__init__(message + lines)

    @property
    def errors(self) -> tuple[Problem, ...]:
        """Dagster's name for `problems`."""
        return self.problems


class UnreadableConfigError(InvalidConfigError, InvariantViolationError):
    """Config that cannot be read: a file that is not there, a text that is no YAML."""


class InvalidConfigDefinitionError(InvalidDefinitionError):
    """A config schema that is not one."""


class UserCodeExecutionError(JobnbError, RuntimeError):
    """The user's own function raised; `user_exception` is what it raised."""

    def __init__(self, message: str, user_exception: BaseException | None = None) -> None:
        super().__init__(message)
        self.user_exception = user_exception


class ConfigMappingFunctionError(UserCodeExecutionError):
    """The function of a config mapping raised or returned no run config."""


class PartitionConfigError(UserCodeExecutionError):
    """What gives the run config or the tags of a partition raised, or gave nothing that fits."""


class ResourceFunctionError(UserCodeExecutionError):
    """A resource could not be set up."""


class StepExecutionError(UserCodeExecutionError):
    """A step failed in the user's own code."""

    def __init__(
        self, message: str, user_exception: BaseException | None = None, step_key: str = ""
    ) -> None:
        super().__init__(message, user_exception)
        self.step_key = step_key


class StepNotFoundError(JobnbError, KeyError):
    """A step key that the plan does not have."""


class StepOutputNotFoundError(JobnbError, KeyError):
    """An output that a step should have yielded and did not, or that was not kept."""


class ExecutionInterruptedError(KeyboardInterrupt):
    """The run was interrupted; what it had opened is closed again.

    It is no `Exception`, as in Dagster: a loop that goes on after errors ends at Ctrl-C.
    """


class TypeCheckError(JobnbError, TypeError):
    """A type check could not be done, or gave something that is no verdict."""


class TypeCheckDidNotPass(JobnbError, TypeError):
    """A value is not of the type that its input or output declares."""

    def __init__(
        self,
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        dagster_type: Any = None,
    ) -> None:
        super().__init__(description or "The type check did not pass.")
        self.description = description
        self.metadata = dict(metadata or {})
        self.dagster_type = dagster_type


class AssetCheckFailedError(JobnbError, ValueError):
    """A blocking check of an asset did not pass."""


class RetryRequested(JobnbError):
    """Raise inside an op to run the step again.

    Args:
        max_retries: How many times at most.
        seconds_to_wait: Seconds before the next attempt.

    Source: Dagster's `RetryRequested`.
    """

    def __init__(self, max_retries: int = 1, seconds_to_wait: float | None = None) -> None:
        super().__init__(f"The op asked to be run again, at most {max_retries} more times.")
        self.max_retries = max_retries
        self.seconds_to_wait = seconds_to_wait


def did_you_mean(name: str, known: Iterable[str], *, noun: str = "There is") -> str:
    """A sentence that helps with a misspelt name: the nearest match, else what is known.

    >>> did_you_mean("yeer", ["year", "month"])
    "Did you mean 'year'?"
    >>> did_you_mean("x", ["year", "month"])
    "There is: 'year', 'month'."
    """
    names = list(known)
    near = get_close_matches(name, names, n=1, cutoff=0.6)
    if near:
        return f"Did you mean {near[0]!r}?"
    if not names:
        return ""
    shown = ", ".join(repr(n) for n in names[:8])
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return f"{noun}: {shown}{more}."


DAGSTER_NAMES = {
    "AssetCheckFailedError": "DagsterAssetCheckFailedError",
    "ConfigMappingFunctionError": "DagsterConfigMappingFunctionError",
    "ExecutionInterruptedError": "DagsterExecutionInterruptedError",
    "InvalidConfigDefinitionError": "DagsterInvalidConfigDefinitionError",
    "InvalidConfigError": "DagsterInvalidConfigError",
    "InvalidDefinitionError": "DagsterInvalidDefinitionError",
    "InvalidInvocationError": "DagsterInvalidInvocationError",
    "InvalidSubsetError": "DagsterInvalidSubsetError",
    "InvariantViolationError": "DagsterInvariantViolationError",
    "JobnbError": "DagsterError",
    "ResourceFunctionError": "DagsterResourceFunctionError",
    "RunNotFoundError": "DagsterRunNotFoundError",
    "StepExecutionError": "DagsterExecutionStepExecutionError",
    "StepNotFoundError": "DagsterExecutionStepNotFoundError",
    "StepOutputNotFoundError": "DagsterStepOutputNotFoundError",
    "TypeCheckDidNotPass": "DagsterTypeCheckDidNotPass",
    "TypeCheckError": "DagsterTypeCheckError",
    "UnknownPartitionError": "DagsterUnknownPartitionError",
    "UnknownResourceError": "DagsterUnknownResourceError",
    "UnmetExecutorRequirementsError": "DagsterUnmetExecutorRequirementsError",
    "UserCodeExecutionError": "DagsterUserCodeExecutionError",
}
"""How Dagster calls the errors that have another name there."""
