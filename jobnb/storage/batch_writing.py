"""Writing what is new of several runs in one transaction."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from jobnb.storage.process import Holder
from jobnb.storage.run_log import RunPart
from jobnb.storage.whole_runs import is_whole, write_whole_runs
from jobnb.storage.writing import insert_run, write_events

__all__ = ["write_parts"]


def write_parts(
    connection: Connection, parts: Sequence[RunPart], holder: Holder | None
) -> set[str]:
    """Add the new events of several runs, and the runs that are new, in the open transaction.

    Returns:
        The ids of the runs that are not there.
    """
    missing: set[str] = set()
    whole = [part for part in parts if part.is_new and is_whole(part.events)]
    write_whole_runs(connection, [(part.run, part.events) for part in whole])
    for part in parts:
        if part.is_new and is_whole(part.events):
            continue
        if part.is_new:
            insert_run(connection, part.run, holder)
        run_id = part.run.run_id
        if part.events and not write_events(connection, run_id, part.events, holder):
            missing.add(run_id)
    return missing
