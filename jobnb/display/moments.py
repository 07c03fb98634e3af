"""Times as people read them, and whether there is a history to tell of."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from jobnb.storage.home import has_history as is_there

__all__ = ["has_history", "moment"]


def has_history(session: Any) -> bool:
    """Whether there is a history: a look at something does not make its folder."""
    return is_there(getattr(session, "home", None))


def moment(time: float) -> str:
    """A time as people here read it; short for today."""
    moment, now = datetime.fromtimestamp(time).astimezone(), datetime.now().astimezone()
    same_day = moment.date() == now.date()
    return moment.strftime("%H:%M" if same_day else "%Y-%m-%d %H:%M")
