"""The moments that queries give, in seconds since the epoch."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from jobnb.errors import InvalidInvocationError

_FIRST = datetime(2, 1, 1, tzinfo=UTC).timestamp()
_LAST = datetime(9998, 12, 31, tzinfo=UTC).timestamp()
"""The calendar's first and last years are left out: a time zone may lead over its ends."""


def moment_of(seconds: float, name: str) -> datetime:
    """Return the moment that an argument gives in seconds since the epoch.

    Args:
        seconds: The seconds.
        name: The argument.

    Raises:
        InvalidInvocationError: If the calendar has no such moment.

    Example:
        >>> moment_of(86400, "cursor").isoformat()
        '1970-01-02T00:00:00+00:00'
    """
    if not math.isfinite(seconds) or not _FIRST <= seconds <= _LAST:
        raise InvalidInvocationError(
            f"{name} is {seconds:g}: give a time in seconds since 1970, "
            f"from {_FIRST:.0f} (the year 2) to {_LAST:.0f} (the year 9998)."
        )
    return datetime.fromtimestamp(seconds, UTC)


def seconds_of(text: str, name: str) -> float:
    """Return the seconds that an argument gives as text.

    Raises:
        InvalidInvocationError: If it is no number, or no moment.
    """
    try:
        seconds = float(text)
    except ValueError:
        raise InvalidInvocationError(
            f"{name} is {text!r}: give the time of a tick, in seconds."
        ) from None
    return moment_of(seconds, name).timestamp()
