"""Cursors of pages that are numbers, as a database takes them."""

from __future__ import annotations

from jobnb.errors import InvariantViolationError

_MOST = 2**62
"""More than any row has; one more, too, fits into a column of a database."""


def held(number: int) -> int:
    """Return a number, or the nearest one that a database holds.

    Example:
        >>> held(7), held(10**30) == 2**62
        (7, True)
    """
    return max(-_MOST, min(int(number), _MOST))


def cursor_place(cursor: str | None, what: str) -> int | None:
    """Return the place that a cursor says; behind all others for one that is too high.

    Args:
        cursor: That of the page before; empty or None for the first page.
        what: What the pages are of, as an error calls it.

    Raises:
        InvariantViolationError: If it is no such cursor.

    Example:
        >>> cursor_place("12", "an event log"), cursor_place("", "an event log")
        (12, None)
    """
    if not cursor:
        return None
    try:
        return held(int(cursor))
    except ValueError:
        raise InvariantViolationError(
            f"{cursor[:80]!r} is no cursor of {what}. Use the one that came with the last page."
        ) from None
