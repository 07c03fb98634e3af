"""Which partitions of an asset a failed run never tried: skipped, or blocked by a check."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from sqlalchemy import Connection, select

from jobnb.events import AssetPlanned, EventType, StepSkipped
from jobnb.events.event import Event
from jobnb.state import StepStatus, fold
from jobnb.storage import tables
from jobnb.storage.event_queries import chunk_events
from jobnb.storage.writing import key_text

__all__ = ["untried"]

partitions, chunks = tables.asset_partitions, tables.event_chunks

_SKIPPED = EventType.STEP_SKIPPED.value
_GROUP = 500  # runs per statement: databases bound the number of parameters


def untried(
    connection: Connection, key: str, known: dict[str, StepStatus | None]
) -> dict[str, StepStatus]:
    """The partitions whose last run failed without trying them, each with how its step stands.

    Args:
        connection: The connection.
        key: The text of the asset's key.
        known: How the asset's step stood in a run that failed; None where it was tried. What is
            read is added.
    """
    own = (partitions.c.asset_key == key, partitions.c.failed_run_id.is_not(None))
    failed = select(partitions.c.partition, partitions.c.failed_run_id).where(*own)
    rows = [(name, run_id) for name, run_id in connection.execute(failed)]
    unread = list(dict.fromkeys(run_id for _, run_id in rows if run_id not in known))
    for start in range(0, len(unread), _GROUP):
        known |= _steps_left_out(connection, key, unread[start : start + _GROUP])
    found = ((name, known[run_id]) for name, run_id in rows)
    return {name: status for name, status in found if status is not None}


def _steps_left_out(
    connection: Connection, key: str, runs: list[str]
) -> Mapping[str, StepStatus | None]:
    """How the step of an asset stands in each of these runs, where it was not tried."""
    told = chunks.c.kinds.contains(f" {_SKIPPED} ")
    skipping = list(
        connection.scalars(select(chunks.c.run_id).where(chunks.c.run_id.in_(runs), told))
    )
    events: dict[str, list[Event]] = defaultdict(list)
    query = select(chunks.c.run_id, chunks.c.body).where(chunks.c.run_id.in_(skipping))
    for run_id, body in connection.execute(query.order_by(chunks.c.run_id, chunks.c.first_seq)):
        events[run_id].extend(chunk_events(body))
    return dict.fromkeys(runs) | {run_id: _of_asset(read, key) for run_id, read in events.items()}


def _of_asset(events: list[Event], key: str) -> StepStatus | None:
    steps = set(_planned_steps(events, key))
    if not steps.intersection(each.step_key for each in events if isinstance(each, StepSkipped)):
        return None
    state = fold(events)
    stands = {state.steps[step].status for step in steps if step in state.steps}
    for status in (StepStatus.BLOCKED, StepStatus.SKIPPED):
        if status in stands:
            return status
    return None


def _planned_steps(events: list[Event], key: str) -> Iterator[str]:
    for each in events:
        if isinstance(each, AssetPlanned) and key_text(each.asset) == key and each.step_key:
            yield each.step_key
