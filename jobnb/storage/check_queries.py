"""Looking up what checks said: the last of each, and all that one ever said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, func, select

from jobnb.definitions.checks.asset_check import AssetCheckKey
from jobnb.definitions.keys import AssetKey
from jobnb.errors import StorageError
from jobnb.events import AssetCheckEvaluated, EventType
from jobnb.storage import tables
from jobnb.storage.event_queries import find_records, job_names, read_event
from jobnb.storage.records import EventLogEntry, EventLogRecord, EventRecordsFilter, entry_of
from jobnb.storage.rows import readable

__all__ = ["check_history", "latest_checks"]

indexed = tables.indexed_events

_FEW, _MANY = 20, 1000
"""How many evaluations of an asset are read for the last of each of its checks: mostly the few
suffice; of assets that have more, many are."""
_GROUP = 500  # keys per statement: databases bound the number of parameters
_PAGE = 200


def latest_checks(
    connection: Connection, keys: Sequence[AssetKey]
) -> dict[AssetCheckKey, EventLogEntry]:
    """What each check of these assets said last, in one query for hundreds of assets."""
    found: dict[AssetCheckKey, EventLogEntry] = {}
    again = _read_latest(connection, keys, _FEW, found)
    _read_latest(connection, again, _MANY, found)
    return found


def _read_latest(
    connection: Connection,
    keys: Sequence[AssetKey],
    most: int,
    found: dict[AssetCheckKey, EventLogEntry],
) -> list[AssetKey]:
    """Add what the last evaluations of each asset tell; gives the assets that have more."""
    counts = dict.fromkeys(keys, 0)
    latest: dict[AssetCheckKey, tuple[str, AssetCheckEvaluated]] = {}
    for run_id, event in _last_of_each(connection, keys, most):
        key = AssetKey(event.asset)
        counts[key] += 1
        latest.setdefault(AssetCheckKey(key, event.check), (run_id, event))
    names = job_names(connection, {run_id for run_id, _ in latest.values()})
    for check, (run_id, event) in latest.items():
        found.setdefault(check, entry_of(event, run_id, names.get(run_id, "")))
    return [key for key, count in counts.items() if count == most]


def _last_of_each(
    connection: Connection, keys: Sequence[AssetKey], most: int
) -> Iterator[tuple[str, AssetCheckEvaluated]]:
    """The last evaluations of each asset, newest first."""
    place = func.row_number().over(
        partition_by=indexed.c.asset_key, order_by=indexed.c.storage_id.desc()
    )
    kind = EventType.ASSET_CHECK_EVALUATION.value
    for start in range(0, len(keys), _GROUP):
        texts = [key.to_string() for key in keys[start : start + _GROUP]]
        ranked = (
            select(indexed.c.storage_id, place.label("place"))
            .where(indexed.c.kind == kind, indexed.c.asset_key.in_(texts))
            .subquery()
        )
        query = (
            select(indexed.c.run_id, indexed.c.body)
            .join(ranked, ranked.c.storage_id == indexed.c.storage_id)
            .where(ranked.c.place <= most)
            .order_by(indexed.c.storage_id.desc())
        )
        yield from readable(connection.execute(query), _evaluation, "what a check said")


def _evaluation(row: Any) -> tuple[str, AssetCheckEvaluated]:
    run_id, body = row
    event = read_event(body)
    if not isinstance(event, AssetCheckEvaluated):
        raise StorageError(f"{event.event_type.value} is none.")
    return run_id, event


def check_history(
    connection: Connection, check: AssetCheckKey, limit: int, cursor: int | None
) -> list[EventLogRecord]:
    """What a check said, newest first; `cursor` is the storage id that the last page ended with."""
    found: list[EventLogRecord] = []
    while True:
        wanted = EventRecordsFilter(
            EventType.ASSET_CHECK_EVALUATION, check.asset, before_cursor=cursor
        )
        page = find_records(connection, wanted, _PAGE, ascending=False)
        for record in page:
            said = record.event_log_entry.asset_check_evaluation
            if said is not None and said.check_name == check.name:
                found.append(record)
            if len(found) == limit:
                return found
        if len(page) < _PAGE:
            return found
        cursor = page[-1].storage_id
