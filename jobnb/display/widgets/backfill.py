"""The live view of a backfill: progress, first failures, buttons to cancel or resume."""

from __future__ import annotations

import time
from typing import Any

from traitlets import Dict, List, Unicode

from jobnb.automation.backfill import Backfill
from jobnb.display.backfill_views import (
    backfill_status,
    backfill_view,
    first_failures,
    parts_of,
    why_ended,
)
from jobnb.display.environment import has_front_end
from jobnb.display.picture import Status, duration_text
from jobnb.display.view import bundle
from jobnb.display.widgets.assemble import css, esm
from jobnb.display.widgets.live_and_static import widget_bundle
from jobnb.display.widgets.run_data import error_data
from jobnb.display.widgets.view import View, answers
from jobnb.errors import InvalidSubsetError
from jobnb.registry.session import current_session


class BackfillView(View):
    """The live view of a backfill: progress, first failures, buttons to cancel or resume it.

    Args:
        backfill: The result of `session.backfill`.
    """

    _esm = esm("parts/dom.js", "parts/marks.js", "parts/failures.js", "backfill.js")
    _css = css("run.css")

    head = Dict().tag(sync=True)
    can = List(Unicode()).tag(sync=True)
    failures = List(Dict()).tag(sync=True)

    def __init__(self, backfill: Backfill, **traits: Any) -> None:
        self._backfill = backfill
        super().__init__(**traits)
        self._follow()

    def _repr_mimebundle_(self, **parameters: Any) -> Any:
        """Return text, HTML and a picture always; alive where there is a front end."""
        live = widget_bundle(self) if has_front_end() else {}
        return {**bundle(backfill_view(self._backfill)), **live}

    def _follow(self) -> None:
        self._backfill.observe(self.refresh, names=["version", "status"])
        self.refresh()

    def refresh(self, _change: Any = None) -> None:
        """Show the present state; called by the backfill."""
        backfill = self._backfill
        told = [
            {"step": each.where, **error_data(each.error, each.metadata)}
            for each in first_failures(backfill)
        ]
        with self.guard, self.hold_sync():
            self.head = _head(backfill)
            self.can = self._deeds()
            if told != self.failures:
                self.failures = told
        if backfill.is_finished:
            self.renew_twins()

    def _deeds(self) -> list[str]:
        """Return the actions available at present."""
        backfill = self._backfill
        if not backfill.is_finished:
            return ["cancel"]
        return ["resume"] if backfill.counts.made < backfill.counts.total else []

    @answers("act")
    def act(self, deed: str) -> bool:
        """Run the action of a button."""
        if deed not in self.can:
            raise InvalidSubsetError(f"The backfill cannot do {deed!r} now.")
        if deed == "cancel":
            return self._backfill.cancel()
        before = self._backfill
        self._backfill = current_session().resume_backfill(
            before.backfill_id, instance=before.instance
        )
        before.unobserve(self.refresh, names=["version", "status"])
        self._follow()
        return True


def _head(backfill: Backfill) -> dict[str, Any]:
    counts, record = backfill.counts, backfill.record
    took = (record.end_timestamp or time.time()) - record.backfill_timestamp
    left = took * (counts.total - counts.done) / counts.done if counts.done else None
    clock = duration_text(took)
    if not backfill.is_finished and left is not None:
        clock += f" · about {duration_text(left)} left"
    return {
        "title": record.title,
        "backfill_id": backfill.backfill_id,
        "status": backfill_status(backfill).value,
        "clock": clock,
        "now": backfill.current_step,
        "why": why_ended(backfill),
        "done": counts.done,
        "total": counts.total,
        "parts": [
            {"word": word, "status": status.value, "count": count}
            for word, status, count in parts_of(backfill)
            if status is not Status.NONE
        ],
    }
