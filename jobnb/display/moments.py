"""Times as people read them, all in one format, and whether there is a history to tell of."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from jobnb.storage.home import has_history as is_there

__all__ = ["has_history", "moment"]


def has_history(session: Any) -> bool:
    """Whether there is a history: a look at something does not make its folder."""
    return is_there(getattr(session, "home", None))


def moment(time: float) -> str:
    """A time in the time zone of whoever reads: `2013-01-31 09:30:00`; `whenText` in `dom.js`.

    A time that no calendar has is empty.
    """
    try:
        return f"{datetime.fromtimestamp(time).astimezone():%Y-%m-%d %H:%M:%S}"
    except (OverflowError, OSError, ValueError):
        return ""
