"""Retry policies: how often, and after which delay, a failed step is retried."""

from __future__ import annotations

import random
from collections.abc import Callable
from enum import Enum
from typing import Any

import msgspec

from jobnb.definitions.arguments import check_kind
from jobnb.errors import InvalidDefinitionError


class Backoff(Enum):
    """The growth of the delay from one retry to the next.

    LINEAR: once, twice, three times the delay. EXPONENTIAL: 1, 3, 7, 15 times the delay.

    Source: Dagster's `Backoff`.
    """

    LINEAR = "LINEAR"
    EXPONENTIAL = "EXPONENTIAL"


class Jitter(Enum):
    """The randomization of delays of steps that failed together.

    FULL: anything from zero to the wait. PLUS_MINUS: the wait, give or take one delay.

    Source: Dagster's `Jitter`.
    """

    FULL = "FULL"
    PLUS_MINUS = "PLUS_MINUS"


class RetryPolicy(msgspec.Struct, frozen=True):
    """The number of retries of a failed step, and their delay.

    Args:
        max_retries: How many retries after the first attempt.
        delay: Seconds to wait before a retry.
        backoff: How the delay grows with each retry.
        jitter: How the delay is randomized.

    Raises:
        InvalidDefinitionError: If a number is negative, or there is backoff or jitter of no delay.

    Example:
        >>> RetryPolicy(max_retries=3, delay=2, backoff=Backoff.LINEAR).calculate_delay(3)
        6.0

    Source: Dagster's `RetryPolicy`.
    """

    max_retries: int = 1
    delay: float | None = None
    backoff: Backoff | None = None
    jitter: Jitter | None = None

    def __post_init__(self) -> None:
        """Validate the fields."""
        if not _is_number(self.max_retries, int):
            raise InvalidDefinitionError(
                f"max_retries of a RetryPolicy is an integer from 0, not {self.max_retries!r}."
            )
        if self.delay is not None and not _is_number(self.delay, (int, float)):
            raise InvalidDefinitionError(
                f"delay of a RetryPolicy is 0 or more seconds, not {self.delay!r}."
            )
        for field, kind in (("backoff", Backoff), ("jitter", Jitter)):
            self._check_choice(field, kind)

    def _check_choice(self, field: str, kind: type[Enum]) -> None:
        value = getattr(self, field)
        if value is None:
            return
        if not isinstance(value, kind):
            allowed = ", ".join(f"{kind.__name__}.{item.name}" for item in kind)
            raise InvalidDefinitionError(
                f"{field} of a RetryPolicy is one of {allowed}, not {value!r}."
            )
        if self.delay is None:
            raise InvalidDefinitionError(
                f"A RetryPolicy with {field} needs a delay to apply it to: pass delay=."
            )

    def calculate_delay(
        self, attempt_num: int, random: Callable[[], float] = random.random
    ) -> float:
        """Return the seconds to wait before the retry that follows attempt `attempt_num` (from 1).

        Args:
            attempt_num: How many attempts have failed.
            random: Returns a number from 0 to 1, for jitter.
        """
        delay = float(self.delay or 0)
        wait = delay
        if self.backoff is Backoff.LINEAR:
            wait = delay * attempt_num
        elif self.backoff is Backoff.EXPONENTIAL:
            wait = delay * (2.0 ** min(attempt_num, 1000) - 1)
        if self.jitter is Jitter.FULL:
            return wait * random()
        if self.jitter is Jitter.PLUS_MINUS:
            return max(0.0, wait + delay * (2 * random() - 1))
        return wait


def _is_number(value: object, kind: type | tuple[type, ...]) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool) and value >= 0  # type: ignore[operator]


def check_retry_policy(given: Any, owner: str, name: str = "retry_policy") -> Any:
    """Return the retry policy of a definition, or None.

    Args:
        given: What the user gave.
        owner: Whose it is, in words.
        name: The parameter.

    Raises:
        InvalidDefinitionError: If it is anything else.
    """
    return check_kind(given, RetryPolicy, name, owner, "RetryPolicy(max_retries=3)")
