"""The live view of what followed from a cell: assets that became stale, and possible renames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from traitlets import Dict, List, Unicode

from jobnb.display.environment import attempt, has_front_end
from jobnb.display.html import join, tag
from jobnb.display.reaction_texts import after_cell_lines, reaction_words
from jobnb.display.view import View as Picture
from jobnb.display.view import bundle
from jobnb.display.widgets.assemble import css, esm
from jobnb.display.widgets.live_and_static import widget_bundle
from jobnb.display.widgets.view import View, answers
from jobnb.errors import InvalidSubsetError
from jobnb.execution.reactive import Reaction
from jobnb.registry.session import Session
from jobnb.staleness.renames import PossibleRename

_MOST = 50


class AfterCellView(View):
    """What followed from a cell, with buttons that keep values, cancel the run and stop reacting.

    Args:
        session: Whose cell it was.
        reaction: What followed from it; None if the session does not react.
        offers: The assets that it may only have renamed.
    """

    _esm = esm("parts/dom.js", "parts/marks.js", "after_cell.js")
    _css = css("run.css", "after_cell.css")

    reaction = Dict().tag(sync=True)
    renames = List(Dict()).tag(sync=True)
    said = Unicode("").tag(sync=True)

    def __init__(
        self,
        session: Session,
        reaction: Reaction | None,
        offers: Sequence[PossibleRename] = (),
        **traits: Any,
    ) -> None:
        self._session = session
        self._reaction = reaction
        self._offers = list(offers)
        super().__init__(**traits)
        self._refresh()
        if reaction is not None:
            reaction.observe(self._refresh)

    def _refresh(self, _change: Any = None) -> None:
        """Show the present state; called in the thread that reacts."""
        with self.guard, self.hold_sync():
            self.renames = [
                {"old": each.old.to_user_string(), "new": each.new.to_user_string()}
                for each in self._offers
            ]
            self.reaction = _data(self._reaction) if self._reaction is not None else {}
        attempt(self.renew_twins, None)

    @answers("rename")
    def rename(self, new: str, keep: bool) -> str:
        """Keep the values of an asset under its new name, or take it for another asset."""
        found = next((e for e in self._offers if e.new.to_user_string() == new), None)
        if found is None:
            raise InvalidSubsetError(f"There is nothing to decide about {new!r} any more.")
        if keep:
            self._session.rename(found.old, found.new)
        self._offers.remove(found)
        old = found.old.to_user_string()
        self.said = (
            f"{new} has the values and the history of {old} now."
            if keep
            else f"{new} is an asset of its own; {old} keeps its values."
        )
        self._refresh()
        self._session.catalogue.version += 1  # views of it stand otherwise now
        return self.said

    @answers("cancel")
    def cancel(self) -> bool:
        """Cancel the run that materializes what became stale."""
        run = self._reaction.run if self._reaction is not None else None
        return run is not None and bool(run.cancel())

    @answers("off")
    def off(self) -> None:
        """Stop reacting to cells."""
        self._session.reactive = None
        self.said = "Cells have no effect on assets any more: session.reactive is None."

    def _repr_mimebundle_(self, **parameters: Any) -> Any:
        """Return text, HTML and a picture always; alive where there is a front end."""
        lines = after_cell_lines(self._reaction, self._offers) + ([self.said] if self.said else [])
        html = join([tag("p", line) for line in lines])
        live = widget_bundle(self) if has_front_end() else {}
        return {**bundle(Picture("after the cell", "\n".join(lines), html)), **live}


def _data(reaction: Reaction) -> dict[str, Any]:
    stale = list(reaction.stale.values())
    return {
        "state": reaction.state,
        "words": reaction_words(reaction),
        "problem": reaction.problem,
        "run": reaction.run.run_id[:8] if reaction.run is not None else "",
        "stale": [
            {"name": each.key.to_user_string(), "why": "; ".join(each.reasons)}
            for each in stale[:_MOST]
        ],
        "more": max(len(stale) - _MOST, 0),
    }
