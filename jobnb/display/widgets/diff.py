"""The live view of what has changed: its graph, and for each definition reasons and code."""

from __future__ import annotations

from typing import Any

from traitlets import Bool, Dict

from jobnb.display.diff_views import diff_picture, diff_view, stale_cells, stale_words
from jobnb.display.environment import has_front_end
from jobnb.display.view import bundle
from jobnb.display.widgets.assemble import css, esm
from jobnb.display.widgets.follow import keep_up
from jobnb.display.widgets.graph import GRAPH_PARTS, GraphView
from jobnb.display.widgets.live_and_static import widget_bundle
from jobnb.display.widgets.view import answers
from jobnb.staleness.differences import DefinitionsDiff

_MOST = 300


class DiffView(GraphView):
    """The live view of the differences between definitions.

    Args:
        diff: The differences.

    Attributes:
        told: What is shown beside the graph: what changed, and what becomes stale.

    Example:
        >>> from jobnb.staleness.differences import DefinitionChange
        >>> change = DefinitionChange("op", "count", "changed", ("code changed",), ("-1", "+2"))
        >>> view = DiffView(DefinitionsDiff("a.py", "b.py", (change,)))
        >>> view.answer("code", kind="op", name="count")
        ['-1', '+2']
    """

    _esm = esm(*GRAPH_PARTS, "diff.js")
    _css = css("graph_view.css", "diff.css")

    told = Dict().tag(sync=True)
    behind = Bool(False, help="Whether something may have changed since.").tag(sync=True)

    def __init__(self, diff: DefinitionsDiff, **traits: Any) -> None:
        self._diff = diff
        super().__init__(diff_picture(diff), told=_told(diff), **traits)
        if diff.asked is not None:
            self.session = diff.asked[0]
            keep_up(self)

    @answers("keep_up")
    def keep_up(self) -> bool:
        """Compare again with what is defined by now; return whether something else differs."""
        before, self._diff = self._diff, self._diff.again()
        with self.guard, self.hold_sync():
            self.behind = False
            if self._diff == before:
                return False
            self.show(diff_picture(self._diff))
            self.told = _told(self._diff)
        return True

    @answers("code")
    def code(self, kind: str, name: str) -> list[str]:
        """Return the lines of a definition's code that differ."""
        found = (e.code for e in self._diff.changes if (e.kind, e.name) == (kind, name))
        return list(next(found, ()))

    def _repr_mimebundle_(self, **parameters: Any) -> Any:
        """Return text, HTML and a picture always; alive where there is a front end."""
        live = widget_bundle(self) if has_front_end() else {}
        return {**bundle(diff_view(self._diff)), **live}


def _told(diff: DefinitionsDiff) -> dict[str, Any]:
    changes = [
        {
            "kind": each.kind,
            "name": each.name,
            "change": each.change,
            "reasons": list(each.reasons),
            "lines": len(each.code),
        }
        for each in diff.changes[:_MOST]
    ]
    stale = [
        dict(zip(("name", "because", "partitions", "took"), stale_cells(each), strict=True))
        for each in diff.stale[:_MOST]
    ]
    return {
        "title": f"{diff.before} → {diff.after}",
        "counts": diff.counts,
        "changes": changes,
        "stale": stale,
        "words": stale_words(diff) if diff else "",
        "more": max(len(diff.changes) - _MOST, 0),
        "moreStale": max(len(diff.stale) - _MOST, 0),
    }
