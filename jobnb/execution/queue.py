"""A run that waits for its turn, in the process that will do it."""

from __future__ import annotations

from time import time as now

from jobnb.events import EngineNote, RunQueued, RunStarting
from jobnb.execution.run import RunScope
from jobnb.state import RunStatus


def await_turn(run: RunScope) -> None:
    """Wait until a run may begin, if it was queued; it can be canceled meanwhile."""
    if run.record.status is not RunStatus.QUEUED:
        return
    run.append(RunQueued(now(), run.plan.job.name))
    queue, told = run.instance.run_queue, False
    while not (turn := queue.ask(run.run_id)).is_mine:
        if not told:
            told = True
            words = (
                f"It waits for its turn: {turn.place} queued run{'s'[: turn.place != 1]} before it."
            )
            run.append(EngineNote(now(), words))
        run.run_log.commit()
        run.stop.pause(turn.pause)
    run.stop.check()
    run.append(RunStarting(now()))
    run.run_log.commit()
