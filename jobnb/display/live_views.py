"""How a run that goes on in the background looks where it cannot be watched."""

from __future__ import annotations

from typing import Any

from jobnb.display.attempt import attempt
from jobnb.display.graph_pictures import job_picture
from jobnb.display.run_views import RunLook, run_view
from jobnb.display.view import View
from jobnb.display.widgets.follow import cards_of_plan
from jobnb.state import fold

__all__ = ["live_run_view"]


def live_run_view(run: Any) -> View:
    """A background run as it stands now: its graph, failures, steps and log."""
    events = run.events()
    look = RunLook(
        state=fold(events),
        run_id=run.run_id,
        picture=attempt(lambda: job_picture(run.plan.job), None),
        cards_of_step=cards_of_plan(run.plan),
        events=events,
        tags=attempt(lambda: dict(run.record.tags), {}),
    )
    return run_view(look)
