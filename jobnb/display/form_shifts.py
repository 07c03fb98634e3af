"""Where rows went: entries are moved, renamed and taken away while somebody still types in them.

A person sees a form as it was a moment ago. What is done to a row then is meant for the entry
that was seen, wherever it is now.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from jobnb.display.form_rows import Rows, row_id

__all__ = ["Shifts", "shift_of"]

_MOST = 40  # that are remembered
To = Mapping[str, str | None]


class Shifts:
    """What was moved in a form, in order.

    Example:
        >>> shifts = Shifts()
        >>> shifts.add("ops/load/config/codes", {"0": "1", "1": "0"})
        >>> shifts.now("ops/load/config/codes/1", seen=0)
        'ops/load/config/codes/0'
        >>> shifts.now("ops/load/config/codes/1", seen=shifts.count)
        'ops/load/config/codes/1'
    """

    def __init__(self) -> None:
        self.count = 0
        self._kept: deque[tuple[int, str, To]] = deque(maxlen=_MOST)

    def add(self, holder: str, to: To) -> None:
        """Entries of a row went elsewhere, or to nowhere (None)."""
        self.count += 1
        self._kept.append((self.count, holder, to))

    def now(self, row: str, seen: int) -> str | None:
        """The row that somebody means who saw the form after so many shifts; None if it went."""
        for number, holder, to in self._kept:
            if number > seen and row.startswith(f"{holder}/"):
                part, *below = row[len(holder) + 1 :].split("/")
                goes = to.get(part, part)
                if goes is None:
                    return None
                row = "/".join([holder, goes, *below])
        return row

    @property
    def told(self) -> list[list[Any]]:
        """The last ones, JSON-ready: number, row, and where its entries went."""
        return [[number, holder, dict(to)] for number, holder, to in self._kept]


def shift_of(rows: Rows, row: str, action: str, control: Any) -> tuple[str, To] | None:
    """Which entries go elsewhere when something is done to a row."""
    found = rows.found[row]
    if action not in ("move", "remove", "rename") or not found.path:
        return None
    above = rows.found[row_id(found.path[:-1])]
    here, holder = row_id(found.path[-1:]), row_id(above.path)
    if action == "rename":
        return holder, {here: row_id((str(control),))}
    if not isinstance(above.value, list):
        return holder, {here: None}
    if action == "remove":
        after = range(int(here) + 1, len(above.value))
        return holder, {here: None} | {str(n): str(n - 1) for n in after}
    there = str(int(here) + (1 if control == "down" else -1))
    return holder, {here: there, there: here}
