"""Errors as GraphQL tells them: objects of the unions that the answers are."""

from __future__ import annotations

import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jobnb.definitions.partitions.partition_keys import (
    PARTITION_TAG,
    RANGE_END_TAG,
    RANGE_START_TAG,
)
from jobnb.errors import (
    DifferentPartitionsError,
    InvalidInvocationError,
    JobnbError,
    NotResumableError,
    PartitionNeededError,
)
from jobnb.events import ErrorInfo
from jobnb.server.nodes import Node, type_named

if TYPE_CHECKING:
    from graphql import GraphQLResolveInfo

    from jobnb.server.jobs import Pipeline


def python_error(error: BaseException) -> PythonError:
    """Return an exception as an answer; of an error of jobnb its sentence, without the frames."""
    own = isinstance(error, JobnbError)
    stack = [] if own else traceback.format_exception(error)
    cause = error.__cause__
    return PythonError(
        message=told(error),
        class_name=type(error).__name__,
        stack=stack,
        cause=None if cause is None or own else python_error(cause),
    )


def told(error: BaseException) -> str:
    """Return what an error says to a client, which has tags and mutations and no parameters."""
    if isinstance(error, PartitionNeededError):
        if error.reason == "none yet":
            return f"{error.facts} Add some with addDynamicPartition."
        if error.reason == "none named":
            return f"{error.facts} {_NAME_SOME}"
    if isinstance(error, (DifferentPartitionsError, PartitionNeededError)):
        return (
            f"{error.facts} No one run can make them all, as their partitions differ. Select "
            "those that share theirs with assetSelection, or make all with launchPartitionBackfill."
        )
    if isinstance(error, NotResumableError):
        return f"{error.facts} Repeat all of it with the strategy ALL_STEPS."
    return str(error)


_NAME_SOME = (
    f"Name one with the tag {PARTITION_TAG}, or several with {RANGE_START_TAG} and "
    f"{RANGE_END_TAG}. To make each in a run of its own: launchPartitionBackfill."
)


def python_error_of(info: ErrorInfo | None) -> PythonError | None:
    """Return the exception that an event reports, or None."""
    if info is None:
        return None
    place = [f"{part}\n" for part in (info.where, info.source) if part]
    return PythonError(
        message=f"{info.cls_name}: {info.message}",
        class_name=info.cls_name,
        stack=[*place, *info.stack],
        cause=python_error_of(info.cause),
    )


def selects(info: GraphQLResolveInfo[Any], name: str) -> bool:
    """Whether a query asks for fields of a type where it names the types it can deal with.

    Dagster's own client reads `message` of errors for which it has not asked for one.
    """
    from graphql import FragmentSpreadNode, InlineFragmentNode

    left: list[Any] = [node.selection_set for node in info.field_nodes]
    while left:
        for each in getattr(left.pop(), "selections", ()):
            if isinstance(each, FragmentSpreadNode):
                each = info.fragments.get(each.name.value)  # noqa: PLW2901
                each = getattr(each, "definition", each)  # noqa: PLW2901
            elif not isinstance(each, InlineFragmentNode):
                continue
            condition = getattr(each, "type_condition", None)
            if condition is not None and condition.name.value in (name, "Error"):
                return True
            left.append(getattr(each, "selection_set", None))
    return False


@dataclass(frozen=True)
class ErrorChainLink(Node):
    """An error that another one came from."""

    error: PythonError
    is_explicit_link: bool = True

    @property
    def message(self) -> str:
        """What it says."""
        return self.error.message


@dataclass(frozen=True)
class PythonError(Node):
    """An exception."""

    message: str
    class_name: str | None = None
    stack: list[str] = field(default_factory=list)
    cause: PythonError | None = None

    @property
    def causes(self) -> list[PythonError]:
        """The error that it came from, and so on."""
        return [] if self.cause is None else [self.cause, *self.cause.causes]

    @property
    def error_chain(self) -> list[ErrorChainLink]:
        """The same as links."""
        return [ErrorChainLink(each) for each in self.causes]


@dataclass(frozen=True)
class _ProblemNode(Node):
    message: str


class UnauthorizedError(_ProblemNode):
    """Something that is not allowed."""


class ConflictingExecutionParamsError(_ProblemNode):
    """Two things were asked for that do not go together."""


class RunConflict(_ProblemNode):
    """There is a run with this id."""


class InvalidPipelineRunsFilterError(_ProblemNode):
    """The filter of runs cannot be read."""


class ReloadNotSupported(_ProblemNode):
    """A location cannot be loaded again."""


class RepositoryLocationNotFound(_ProblemNode):
    """There is no such location."""


class AssetNotFoundError(_ProblemNode):
    """There is no such asset."""


class SolidStepStatusUnavailableError(_ProblemNode):
    """Nothing is known of the steps of an op."""


@dataclass(frozen=True)
class InvalidStepError(Node):
    """There is no such step."""

    invalid_step_key: str


@dataclass(frozen=True)
class InvalidOutputError(Node):
    """A step has no such output."""

    step_key: str
    invalid_output_name: str


@dataclass(frozen=True)
class InvalidSubsetError(Node):
    """A selection of ops or assets names what is not there."""

    message: str
    pipeline: Pipeline


@dataclass(frozen=True)
class PresetNotFoundError(_ProblemNode):
    """A job has no such preset."""

    preset: str


@dataclass(frozen=True)
class ModeNotFoundError(_ProblemNode):
    """A job has no such mode."""

    mode: str


@dataclass(frozen=True)
class NoModeProvidedError(_ProblemNode):
    """No mode was named; there is one only."""

    pipeline_name: str


@dataclass(frozen=True)
class PipelineNotFoundError(_ProblemNode):
    """There is no such job."""

    pipeline_name: str
    repository_name: str
    repository_location_name: str


@dataclass(frozen=True)
class PipelineSnapshotNotFoundError(_ProblemNode):
    """There is no such snapshot of a job."""

    snapshot_id: str


@dataclass(frozen=True)
class DagsterTypeNotFoundError(_ProblemNode):
    """A job knows no such type."""

    dagster_type_name: str


@dataclass(frozen=True)
class RunNotFoundError(Node):
    """There is no such run."""

    run_id: str

    @property
    def message(self) -> str:
        """What it says."""
        return f"There is no run {self.run_id!r} in this history."


@dataclass(frozen=True)
class RunGroupNotFoundError(Node):
    """There is no such run."""

    run_id: str

    @property
    def message(self) -> str:
        """What it says."""
        return f"There is no run {self.run_id!r} in this history."


@dataclass(frozen=True)
class RepositoryNotFoundError(_ProblemNode):
    """There is no such repository."""

    repository_name: str
    repository_location_name: str


@dataclass(frozen=True)
class ResourceNotFoundError(_ProblemNode):
    """There is no such resource."""

    resource_name: str


@dataclass(frozen=True)
class PartitionSetNotFoundError(_ProblemNode):
    """A job has no partitions."""

    partition_set_name: str


@dataclass(frozen=True)
class DuplicateDynamicPartitionError(_ProblemNode):
    """A partition is there already."""

    partitions_def_name: str
    partition_name: str


@dataclass(frozen=True)
class BackfillNotFoundError(_ProblemNode):
    """There is no such backfill."""

    backfill_id: str


@dataclass(frozen=True)
class ScheduleNotFoundError(_ProblemNode):
    """There is no such schedule."""

    schedule_name: str


@dataclass(frozen=True)
class SensorNotFoundError(_ProblemNode):
    """There is no such sensor."""

    sensor_name: str


@dataclass(frozen=True)
class InstigationStateNotFoundError(_ProblemNode):
    """There is no such schedule or sensor."""

    name: str


def refused_change(why: str, info: GraphQLResolveInfo[Any]) -> Node:
    """Return the answer to a mutation where nothing may be changed, of a type that it can have.

    Args:
        why: Why nothing may.
        info: What the query asks for.

    Raises:
        InvalidInvocationError: If its answer cannot be an error.
    """
    from graphql import GraphQLUnionType, get_named_type

    kind = get_named_type(info.return_type)
    names = {each.name for each in kind.types} if isinstance(kind, GraphQLUnionType) else set()
    able = [name for name in ("UnauthorizedError", "PythonError", "ReloadNotSupported")
            if name in names]  # fmt: skip
    for name in (*(each for each in able if selects(info, each)), *able):
        if name == "PythonError":
            return PythonError(message=why, class_name="UnauthorizedError", stack=[], cause=None)
        refused: Node = type_named(name)(why)
        return refused
    raise InvalidInvocationError(why)
