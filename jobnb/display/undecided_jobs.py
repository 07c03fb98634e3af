"""Jobs whose selection asks how assets stand: what is drawn of them, and the words that say so."""

from __future__ import annotations

from typing import Any

from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.display.attempt import attempt
from jobnb.display.moments import has_history
from jobnb.display.text import shorten
from jobnb.staleness.standing_jobs import as_it_stands

__all__ = ["as_seen"]


def as_seen(job: JobDefinition, session: Any = None) -> tuple[JobDefinition, str]:
    """The job to draw, and what is to be said of it; nothing of most jobs.

    Args:
        job: The job.
        session: Knows how assets stand, if there is one.
    """
    layer = job.asset_layer
    if layer is None or not (layer.is_undecided or layer.status_of):
        return job, ""
    asked = shorten(str(layer.selection), 120)
    if session is not None and has_history(session):
        decided = attempt(lambda: as_it_stands(job, session.instance), job)
        if attempt(lambda: bool(decided.nodes), False) and decided is not job:
            return decided, f"{asked}: what stands so now; looked up again at each launch"
        if decided is not job:
            return job, f"{asked}: nothing stands so now; drawn is all that could be selected"
    return job, f"{asked}: looked up at each launch; drawn is all that could be selected"
