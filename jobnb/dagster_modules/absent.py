"""Classes of Dagster's that its libraries build upon at import, and jobnb has no use for.

Importing such a library works; making an object of such a class is an error that says
what to use instead.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, NamedTuple, NoReturn

from jobnb.errors import InvalidInvocationError


class CapturedLogContext(NamedTuple):
    """Where the output of a step lies.

    Source: Dagster's `CapturedLogContext`.
    """

    log_key: Any
    external_stdout_url: str | None = None
    external_stderr_url: str | None = None
    external_url: str | None = None


class ComputeIOType(Enum):
    """The two streams of a process.

    Source: Dagster's `ComputeIOType`.
    """

    STDOUT = "stdout"
    STDERR = "stderr"


IO_TYPE_EXTENSION = {ComputeIOType.STDOUT: "out", ComputeIOType.STDERR: "err"}


class Absent:
    """The parent of the classes that cannot be used."""

    instead = ""

    def __new__(cls, *_: Any, **__: Any) -> NoReturn:
        """Say what to use instead.

        Raises:
            InvalidInvocationError: Always.
        """
        raise InvalidInvocationError(f"jobnb does not offer {cls.__name__!r}. {cls.instead}")


class ConfigurableClass(Absent):
    """What `dagster.yaml` names. Source: Dagster's `ConfigurableClass`."""

    instead = "There is no dagster.yaml: the history is in $JOBNB_HOME, or in .jobnb/."


class ConfigurableClassData(ConfigurableClass):
    """What `dagster.yaml` says of a class. Source: Dagster's `ConfigurableClassData`."""


class LocalComputeLogManager(Absent):
    """Stores the output of steps. Source: Dagster's `LocalComputeLogManager`."""

    instead = (
        "What steps print is kept in the history, beside the run's events: "
        "`instance.all_logs(run_id)`."
    )


class CloudStorageComputeLogManager(LocalComputeLogManager):
    """Stores the output of steps. Source: Dagster's `CloudStorageComputeLogManager`."""

    def __class_getitem__(cls, _params: Any) -> type:
        return cls


class PollingComputeLogSubscriptionManager(LocalComputeLogManager):
    """Follows the output of steps. Source: Dagster's `PollingComputeLogSubscriptionManager`."""
