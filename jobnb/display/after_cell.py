"""Show below a cell what it made stale, and which assets it may only have renamed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from jobnb.display.environment import attempt, has_front_end, has_history
from jobnb.display.text import counted
from jobnb.registry.session import session

if TYPE_CHECKING:
    from jobnb.execution.reactive import Reaction
    from jobnb.staleness.renames import PossibleRename

_WAIT = 0.4  # seconds for which a cell's end may be held up, so that nothing is shown for nothing
_MOST_NAMES = 6


class AfterCell:
    """Offers renames, and shows what a reactive session makes of a cell.

    Args:
        shell: The IPython shell whose cells these are.
        is_read: Whether someone may be looking.
    """

    def __init__(self, shell: Any, is_read: Callable[[], bool]) -> None:
        self._shell = shell
        self._is_read = is_read
        self._offered: set[PossibleRename] = set()
        shell.events.register("post_run_cell", self._after)

    def detach(self) -> None:
        """Stop showing anything."""
        self._shell.events.unregister("post_run_cell", self._after)

    def _after(self, result: Any) -> None:
        if result.success and self._is_read():
            attempt(self._show, None)

    def _show(self) -> None:
        reaction, offers = session.reaction, self._offers()
        if reaction is not None and reaction.wait(_WAIT) and reaction.state == "nothing":
            reaction = None
        if reaction is None and not offers:
            return
        if not has_front_end():
            sys.stdout.write("\n".join([*after_cell_lines(reaction, offers), ""]))
            return
        from jobnb.display.widgets.after_cell import AfterCellView

        AfterCellView(session, reaction, offers)._ipython_display_()

    def _offers(self) -> list[PossibleRename]:
        """Return the renames that this cell's assets may be, each once."""
        cell = session.catalogue.watch.done
        if cell is None or not session.catalogue.watch.is_attended or not has_history(session):
            return []
        names = {e.name for e in session.catalogue.of_cell(cell.id) if e.kind == "asset"}
        if not names:
            return []
        found = [e for e in session.renames() if e.new.to_user_string() in names]
        new = [each for each in found if each not in self._offered]
        self._offered.update(new)
        return new


def after_cell_lines(reaction: Reaction | None, offers: Sequence[PossibleRename] = ()) -> list[str]:
    """Return it as lines of text."""
    lines = [f"{each.new.to_user_string()!r}: {each.words}." for each in offers]
    if reaction is None:
        return lines
    if reaction.problem:
        lines.append(f"Nothing was launched: {reaction.problem}")
    stale = list(reaction.stale.values())
    if stale:
        more = [f"and {len(stale) - _MOST_NAMES} more"] if len(stale) > _MOST_NAMES else []
        names = [each.key.to_user_string() for each in stale[:_MOST_NAMES]]
        lines.append(f"{reaction_words(reaction)}: {', '.join([*names, *more])}.")
    return lines


def reaction_words(reaction: Reaction) -> str:
    """Return what became stale and what is done about it, in a few words."""
    became = f"{counted(len(reaction.stale), 'asset')} became stale"
    return {
        "looking": "Looking at what became stale",
        "running": f"{became}, materializing in the background",
        "ended": f"{became} and was materialized"
        if len(reaction.stale) == 1
        else f"{became} and were materialized",
        "canceled": f"{became}; the run was canceled",
        "failed": f"{became}; the run failed",
    }.get(reaction.state, became)
