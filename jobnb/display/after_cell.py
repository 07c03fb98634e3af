"""Show below a cell what it made stale, and which assets it may only have renamed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from jobnb.display.environment import attempt, has_front_end, has_history
from jobnb.display.reaction_texts import after_cell_lines
from jobnb.registry.session import session

if TYPE_CHECKING:
    from jobnb.staleness.renames import PossibleRename

_WAIT = 0.4  # seconds for which a cell's end may be held up, so that nothing is shown for nothing


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
