"""The errors of jobnb: each message names the user's own thing and a next step.

Every class is a `JobnbError` (except the one for an interrupt) and, where a caller would naturally
catch a builtin (`KeyError` for an unknown name, `ValueError` for a bad value), that builtin too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Any, Literal, NamedTuple


class JobnbError(Exception):
    """The base of all errors that jobnb raises."""

    def __str__(self) -> str:
        # KeyError and its subclasses would show the repr of the message, with quotes.
        return str(self.args[0]) if self.args else ""


class InvalidDefinitionError(JobnbError, ValueError):
    """A definition is invalid, whatever is run."""


class InvalidInvocationError(JobnbError, TypeError):
    """A function or method was called with arguments that it does not take."""


class InvariantViolationError(JobnbError, RuntimeError):
    """Something was used at a time or place where it is not available."""


class NoValueYetError(InvalidInvocationError, InvariantViolationError):
    """What stands for an output while a graph is composed was used as if it were the value."""


class InvalidSubsetError(JobnbError, ValueError):
    """A selection names something unknown, or selects nothing."""


class UnknownJobError(InvalidSubsetError, InvariantViolationError):
    """There is no job, schedule or sensor of that name."""


class MissingResourceError(InvalidInvocationError, InvalidDefinitionError):
    """A function is called directly without a resource that it needs."""


class UnknownResourceError(JobnbError, KeyError):
    """A resource key is not provided."""


class UnknownAttributeError(JobnbError, AttributeError):
    """A session, run or history is asked for something that it does not have."""


class UnknownInputError(JobnbError, KeyError):
    """A step is asked for an input that it does not have."""


class UnknownPartitionError(JobnbError, KeyError):
    """A partition key is not in the partitions definition."""


class PartitionNeededError(InvariantViolationError):
    """A run of partitioned assets was requested without a partition.

    Args:
        facts: The assets, and their partitions.
        next_step: What to do in Python; the command line and the launchpad say it their own way.
        reason: Whether partitions are there and none was named, there are none yet, or the assets
            have different ones.
    """

    def __init__(
        self,
        facts: str,
        next_step: str = "",
        reason: Literal["none named", "none yet", "different"] = "none named",
    ) -> None:
        gap = "\n" if "\n" in facts else " "
        super().__init__(f"{facts}{gap}{next_step}".rstrip())
        self.facts, self.next_step, self.reason = facts, next_step, reason


class DifferentPartitionsError(InvalidDefinitionError):
    """The assets of a job have different partitions, and one run cannot be for all of them.

    Args:
        facts: The assets, and their partitions.
        next_step: What to do in Python; the command line says it its own way.
    """

    def __init__(self, facts: str, next_step: str) -> None:
        super().__init__(f"{facts}\n{next_step}")
        self.facts = facts


class NotResumableError(InvariantViolationError):
    """A run cannot be repeated from where it failed: it did not fail, or goes on.

    Args:
        facts: The run, and how it stands.
        next_step: What to do in Python; the command line says it its own way.
    """

    def __init__(self, facts: str, next_step: str = "") -> None:
        super().__init__(f"{facts} {next_step}".rstrip())
        self.facts = facts


class UnmetExecutorRequirementsError(JobnbError, RuntimeError):
    """An executor needs something that this run does not have."""


class StepTimeoutError(JobnbError, TimeoutError):
    """A step exceeded its time-out."""


class WorkerLostError(JobnbError, RuntimeError):
    """The process that executed a step died."""


class RunNotFoundError(InvariantViolationError, KeyError):
    """A run id is not in the instance."""


class StorageError(JobnbError, OSError):
    """The history cannot be read or written."""

    may_pass = False
    """Whether it may be over in a moment: a server that restarts, a file that is locked."""


class NotebookError(JobnbError, RuntimeError):
    """A notebook cannot be read, executed or written."""


class EvaluationErrorReason(Enum):
    """The kinds of problems of a config.

    Source: Dagster's `DagsterEvaluationErrorReason`.
    """

    RUNTIME_TYPE_MISMATCH = "RUNTIME_TYPE_MISMATCH"
    MISSING_REQUIRED_FIELD = "MISSING_REQUIRED_FIELD"
    FIELD_NOT_DEFINED = "FIELD_NOT_DEFINED"
    SELECTOR_FIELD_ERROR = "SELECTOR_FIELD_ERROR"
    FAILED_POST_PROCESSING = "FAILED_POST_PROCESSING"


class EvaluationStackPathEntry(NamedTuple):
    """A field on the way to a problem of a config."""

    field_name: str


class EvaluationStackListItemEntry(NamedTuple):
    """A place in a list on the way to a problem of a config."""

    list_index: int


class EvaluationStack(NamedTuple):
    """The way to a problem of a config.

    Source: Dagster's `EvaluationStack`.
    """

    entries: Sequence[EvaluationStackPathEntry | EvaluationStackListItemEntry]

    @property
    def levels(self) -> list[str]:
        """The names of the fields."""
        return [e.field_name for e in self.entries if isinstance(e, EvaluationStackPathEntry)]


_REASONS = {
    "missing": EvaluationErrorReason.MISSING_REQUIRED_FIELD,
    "unexpected": EvaluationErrorReason.FIELD_NOT_DEFINED,
    "selector": EvaluationErrorReason.SELECTOR_FIELD_ERROR,
    "missing_env": EvaluationErrorReason.FAILED_POST_PROCESSING,
    "invalid_env": EvaluationErrorReason.FAILED_POST_PROCESSING,
}


class LoadTimeoutError(NotebookError, TimeoutError):
    """The code of a notebook, file or module did not end within the time to load it."""


class Problem(NamedTuple):
    """One problem of a config: its path, what is wrong, and what would be right."""

    path: tuple[str, ...]
    message: str
    value: Any = None
    kind: str = "invalid"

    def __str__(self) -> str:
        return f"{' > '.join(self.path)}: {self.message}" if self.path else self.message

    @property
    def reason(self) -> EvaluationErrorReason:
        """Dagster's name for the kind of problem.

        Example:
            >>> Problem(("ops", "load"), "is not a field here.", kind="unexpected").reason.value
            'FIELD_NOT_DEFINED'
        """
        return _REASONS.get(self.kind, EvaluationErrorReason.RUNTIME_TYPE_MISMATCH)

    @property
    def stack(self) -> EvaluationStack:
        """Dagster's form of the path; it ends above a field that is missing or unknown.

        Example:
            >>> Problem(("ops", "load", "years", "0"), "must be an integer.").stack.levels
            ['ops', 'load', 'years']
        """
        path = self.path[:-1] if self.kind in ("missing", "unexpected") else self.path
        return EvaluationStack(
            [
                EvaluationStackListItemEntry(int(part))
                if part.isdecimal()
                else EvaluationStackPathEntry(part)
                for part in path
            ]
        )


class InvalidConfigError(JobnbError, ValueError):
    """A config is invalid; `problems` lists everything that is wrong."""

    def __init__(self, message: str, problems: Sequence[Problem] = ()) -> None:
        self.problems = tuple(problems)
        lines = "".join(f"\n  {problem}" for problem in self.problems)
        super().__init__(message + lines)

    @property
    def errors(self) -> tuple[Problem, ...]:
        """Dagster's name for `problems`."""
        return self.problems

    @property
    def error_messages(self) -> list[str]:
        """The messages of the problems, each with its path."""
        return [str(each) for each in self.problems]


class UnreadableConfigError(InvalidConfigError, InvariantViolationError):
    """A config cannot be read: the file does not exist, or the text is no YAML."""


class UnfedInputError(
    InvalidDefinitionError, InvalidConfigError, InvalidSubsetError, InvalidInvocationError
):
    """Inputs have no value: nothing feeds them, the run config does not, the selection cuts them.

    Dagster tells these apart by its class of error; it is each of them.
    """


class InvalidConfigDefinitionError(InvalidDefinitionError):
    """A config schema is invalid."""


class UserCodeExecutionError(JobnbError, RuntimeError):
    """The user's function raised; `user_exception` is its exception."""

    def __init__(self, message: str, user_exception: BaseException | None = None) -> None:
        super().__init__(message)
        self.user_exception = user_exception


class ConfigMappingFunctionError(UserCodeExecutionError):
    """The function of a config mapping raised, or returned no run config."""


class PartitionConfigError(UserCodeExecutionError):
    """The function for a partition's run config or tags raised, or returned something invalid."""


class ResourceFunctionError(UserCodeExecutionError):
    """A resource could not be set up."""


class StepExecutionError(UserCodeExecutionError):
    """A step failed in the user's code."""

    def __init__(
        self, message: str, user_exception: BaseException | None = None, step_key: str = ""
    ) -> None:
        super().__init__(message, user_exception)
        self.step_key = step_key


class StepNotFoundError(JobnbError, KeyError):
    """A step key is not in the plan."""


class StepOutputNotFoundError(InvariantViolationError, KeyError):
    """A step did not yield an output that it should have, or the output was not stored."""


class ValueNotStoredError(StepOutputNotFoundError, FileNotFoundError):
    """Nothing is stored where a value is loaded from; Dagster lets out a `FileNotFoundError`."""


class ExecutionInterruptedError(KeyboardInterrupt):
    """The run was interrupted; its resources have been closed.

    It is no `Exception`, as in Dagster, so that a loop that catches errors still ends at Ctrl-C.
    """


class TypeCheckError(JobnbError, TypeError):
    """A type check raised, or returned something that is no result."""


class TypeCheckDidNotPass(JobnbError, TypeError):
    """A value does not have the type that its input or output declares."""

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

    def __reduce__(self) -> tuple[Any, ...]:  # a pickle would give it its own message otherwise
        return type(self), (self.max_retries, self.seconds_to_wait)


def did_you_mean(name: str, known: Iterable[str], *, noun: str = "There is") -> str:
    """Return a sentence that helps with a misspelled name: the nearest match, else what is known.

    >>> did_you_mean("yeer", ["year", "month"])
    "Did you mean 'year'?"
    >>> did_you_mean("x", ["year", "month"])
    "There is: 'year', 'month'."
    """
    names = list(known)
    from difflib import get_close_matches  # only for a name that is wrong

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
