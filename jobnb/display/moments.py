"""Times as people read them, and whether there is a history to tell of."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Any

__all__ = ["has_history", "moment"]


def has_history(session: Any) -> bool:
    """Whether there is a history: a look at something does not make its folder."""
    home = getattr(session, "home", None) or os.environ.get("JOBNB_HOME") or ".jobnb"
    return Path(home).expanduser().exists()


def moment(time: float) -> str:
    """A time as people here read it; short for today."""
    moment, now = datetime.fromtimestamp(time).astimezone(), datetime.now().astimezone()
    same_day = moment.date() == now.date()
    return moment.strftime("%H:%M" if same_day else "%Y-%m-%d %H:%M")
