"""Queries for assets, and their deletion."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, delete, func, select, update

from jobnb.definitions.checks.asset_check import AssetCheckKey
from jobnb.definitions.keys import AssetKey
from jobnb.errors import StorageError
from jobnb.events import AssetCheckEvaluated, Event, EventType
from jobnb.storage import tables
from jobnb.storage.event_queries import events_of_kind, find_records, job_names, read_event
from jobnb.storage.records import (
    UNREADABLE,
    AssetEntry,
    AssetRecord,
    EventLogEntry,
    EventLogRecord,
    EventRecordsFilter,
    FailedAssetStep,
    LatestMaterialization,
    entry_of,
    readable,
    tell_unreadable,
)
from jobnb.storage.writing import forget_partitions, forget_run_partitions

assets, indexed = tables.assets, tables.indexed_events

RENAMED = "jobnb/renamed_assets"
_MADE = EventType.ASSET_MATERIALIZATION.value
_GROUP = 500  # keys per statement: databases bound the number of parameters


def earlier_names(connection: Connection) -> dict[AssetKey, list[AssetKey]]:
    """Return the names that renamed assets had before, the latest first."""
    kvs = tables.kvs
    text = connection.scalar(select(kvs.c.value).where(kvs.c.key == RENAMED))
    found: dict[str, list[str]] = msgspec.json.decode(text) if text else {}
    return {_key(new): [_key(old) for old in before] for new, before in found.items()}


def all_keys(connection: Connection) -> list[AssetKey]:
    """Return every asset that the history knows, in order."""
    return sorted(readable(connection.scalars(select(assets.c.asset_key)), _key, "an asset"))


def asset_records(
    connection: Connection, keys: Sequence[AssetKey] | None = None
) -> list[AssetRecord]:
    """Return the records of these assets, or of all; unknown ones are left out."""
    if keys is None:
        rows = list(connection.execute(select(assets)))
    else:
        rows = [row for group in _groups(keys) for row in connection.execute(group)]
    if not rows:
        return []
    names = job_names(connection, {row.run_id for row in rows})
    found = readable(rows, lambda row: _record(connection, row, names), "an asset")
    return sorted(found, key=lambda record: record.asset_entry.asset_key)


def _groups(keys: Sequence[AssetKey]) -> Iterable[Any]:
    texts = sorted({key.to_string() for key in keys})
    for start in range(0, len(texts), _GROUP):
        yield select(assets).where(assets.c.asset_key.in_(texts[start : start + _GROUP]))


def _record(connection: Connection, row: Any, names: dict[str, str]) -> AssetRecord:
    last = None
    event = _last_event(connection, row) if row.storage_id is not None else None
    if event is not None:
        entry = entry_of(event, row.run_id, names.get(row.run_id, ""))
        last = EventLogRecord(row.storage_id, entry)
    return AssetRecord(row.id, AssetEntry(_key(row.asset_key), last, row.run_id))


def _last_event(connection: Connection, row: Any) -> Event | None:
    """Return the last materialization, from the index of events if the asset's row is damaged."""
    try:
        return read_event(row.body)
    except StorageError as error:
        tell_unreadable(f"what was last made of the asset {row.asset_key}", error)
    same = connection.scalars(select(indexed.c.body).where(indexed.c.storage_id == row.storage_id))
    return next(readable(same.all(), read_event, "an event"), None)


def _key(text: str) -> AssetKey:
    key = AssetKey.from_db_string(text)
    if key is None:
        raise ValueError("an asset without a key")
    return key


def remove_assets(connection: Connection, keys: Sequence[AssetKey]) -> None:
    """Delete assets from the index; the logs of the runs stay as they are."""
    for key in keys:
        text = key.to_string()
        connection.execute(delete(assets).where(assets.c.asset_key == text))
        connection.execute(delete(indexed).where(indexed.c.asset_key == text))
        forget_partitions(connection, text)


def remove_partitions(connection: Connection, key: AssetKey, names: Sequence[str]) -> None:
    """Delete the records of some partitions of an asset; those of the others stay."""
    text = key.to_string()
    forget_partitions(connection, text, names)
    latest = _latest_left(connection, text)
    if latest is not None:
        connection.execute(update(assets).where(assets.c.asset_key == text).values(latest))
    else:
        nothing = {"storage_id": None, "time": None, "body": None}
        connection.execute(update(assets).where(assets.c.asset_key == text).values(nothing))


def forget_run(connection: Connection, run_id: str) -> None:
    """Restore the records of a deleted run's assets from earlier runs, if there are any."""
    forget_run_partitions(connection, run_id)
    texts = list(connection.scalars(select(assets.c.asset_key).where(assets.c.run_id == run_id)))
    left = {text: _latest_left(connection, text) for text in texts}
    planned = _planned_by(connection, {text for text, latest in left.items() if latest is None})
    for text, made in left.items():
        own = assets.c.asset_key == text
        latest = made or (_unmade(planned[text]) if text in planned else None)
        if latest is None:
            connection.execute(delete(assets).where(own))
        else:
            connection.execute(update(assets).where(own).values(latest))


def _unmade(run_id: str) -> dict[str, Any]:
    """Return the row of an asset that a run recorded without materializing it."""
    return {"run_id": run_id, "storage_id": None, "time": None, "body": None}


def _planned_by(connection: Connection, wanted: set[str]) -> dict[str, str]:
    """Return the last runs that planned these assets, by the texts of their keys."""
    found: dict[str, str] = {}
    if wanted:
        for _, run_id, event in events_of_kind(connection, EventType.ASSET_MATERIALIZATION_PLANNED):
            text = event.asset_key.to_string() if event.asset_key is not None else ""
            if text in wanted:
                found.setdefault(text, run_id)
                if len(found) == len(wanted):
                    break
    return found


def _latest_left(connection: Connection, text: str) -> dict[str, Any] | None:
    """Return the latest remaining materialization, or else the latest other event of the asset."""
    columns = (indexed.c.run_id, indexed.c.storage_id, indexed.c.time, indexed.c.body)
    about = select(*columns, indexed.c.kind).where(indexed.c.asset_key == text)
    made = about.where(indexed.c.kind == _MADE).order_by(indexed.c.storage_id.desc()).limit(1)
    row = connection.execute(made).first()
    if row is not None:
        return {"run_id": row.run_id, "storage_id": row.storage_id, "time": row.time,
                "body": row.body}  # fmt: skip
    other = connection.execute(about.order_by(indexed.c.storage_id.desc()).limit(1)).first()
    if other is None:
        return None
    return _unmade(other.run_id)


# --- what was made ----------------------------------------------------------------


assets, indexed, runs = tables.assets, tables.indexed_events, tables.runs

_FAILURES = 500  # how far back failures are looked at


class _EventFields(msgspec.Struct):
    """Decode only the requested fields of an event."""

    tags: dict[str, str] = {}
    partition: str | None = None


_read = msgspec.json.Decoder(_EventFields).decode


def last_made(
    connection: Connection, keys: Collection[AssetKey] | None = None
) -> dict[AssetKey, LatestMaterialization]:
    """Return the last materialization of these assets, or of all; many are had in one query."""
    columns = select(assets.c.asset_key, assets.c.storage_id, assets.c.run_id, assets.c.time,
                     assets.c.body).where(assets.c.storage_id.is_not(None))  # fmt: skip
    wanted = None if keys is None else {key.to_string(): key for key in keys}
    return _by_key(_rows(connection, columns, assets.c.asset_key, wanted), wanted)


def last_observed(
    connection: Connection, keys: Collection[AssetKey]
) -> dict[AssetKey, LatestMaterialization]:
    """Return the last observation of these assets."""
    wanted = {key.to_string(): key for key in keys}
    kind = indexed.c.kind == EventType.ASSET_OBSERVATION.value
    latest = select(func.max(indexed.c.storage_id)).where(kind, indexed.c.asset_key.is_not(None))
    numbers = latest.group_by(indexed.c.asset_key).scalar_subquery()
    columns = select(indexed.c.asset_key, indexed.c.storage_id, indexed.c.run_id, indexed.c.time,
                     indexed.c.body).where(kind, indexed.c.storage_id.in_(numbers))  # fmt: skip
    return _by_key(_rows(connection, columns, indexed.c.asset_key, wanted), wanted)


def partitions_made(
    connection: Connection,
    key: AssetKey,
    partitions: Sequence[str] | None = None,
    after: int | None = None,
) -> dict[str, LatestMaterialization]:
    """Return the last materialization of each partition of an asset, or of some partitions."""
    by = tables.asset_partitions
    query = (
        select(by.c.storage_id, indexed.c.run_id, indexed.c.time, indexed.c.body)
        .join(indexed, indexed.c.storage_id == by.c.storage_id)
        .where(by.c.asset_key == key.to_string())
    )
    if after is not None:
        query = query.where(by.c.storage_id > after)
    if partitions is not None and len(partitions) <= _GROUP:
        query = query.where(by.c.partition.in_(list(partitions)))
    found = readable(connection.execute(query), lambda row: _made(*row), "a materialization")
    wanted = None if partitions is None else set(partitions)
    return {
        each.partition: each
        for each in found
        if each.partition is not None and (wanted is None or each.partition in wanted)
    }


def partitions_print(connection: Connection, key: AssetKey) -> tuple[int, int]:
    """Return the number of materialized partitions, and the sum of their events' numbers."""
    by = tables.asset_partitions
    numbers = select(func.count(by.c.storage_id), func.coalesce(func.sum(by.c.storage_id), 0))
    count, total = connection.execute(numbers.where(by.c.asset_key == key.to_string())).one()
    return int(count), int(total)


def failed_steps(connection: Connection) -> Iterator[FailedAssetStep]:
    """Iterate over the latest failures of steps in runs that make assets, the newest first."""
    query = (
        select(indexed.c.step_key, indexed.c.run_id, indexed.c.time, indexed.c.body)
        .where(indexed.c.kind == EventType.STEP_FAILURE.value)
        .order_by(indexed.c.storage_id.desc())
        .limit(_FAILURES)
    )
    for row in connection.execute(query):
        yield FailedAssetStep(row.step_key or "", row.run_id, row.time, _error_class(row.body))


def _error_class(body: bytes) -> str:
    try:
        return str((msgspec.json.decode(body).get("error") or {}).get("cls_name", ""))
    except UNREADABLE:
        return ""


def _rows(
    connection: Connection, query: Select[Any], column: Any, wanted: Collection[str] | None
) -> Iterable[Any]:
    if wanted is not None and len(wanted) <= _GROUP:
        query = query.where(column.in_(sorted(wanted)))
    return connection.execute(query)


def _by_key(
    rows: Iterable[Any], wanted: Mapping[str, AssetKey] | None
) -> dict[AssetKey, LatestMaterialization]:
    def read(row: Any) -> tuple[AssetKey | None, LatestMaterialization]:
        text, *columns = row
        key = wanted.get(text) if wanted is not None else AssetKey.from_db_string(text)
        return key, _made(*columns)

    found = readable(rows, read, "what was made of an asset")
    return {key: made for key, made in found if key is not None}


def _made(storage_id: int, run_id: str, time: float, body: bytes) -> LatestMaterialization:
    told = _read(body)
    return LatestMaterialization(storage_id, run_id, time, told.partition, told.tags)


# --- what checks said -------------------------------------------------------------


indexed = tables.indexed_events

_FEW, _MANY = 20, 1000
"""How many evaluations of an asset are read for the last of each of its checks: mostly the few
suffice; of assets that have more, many are."""
_PAGE = 200


def latest_checks(
    connection: Connection, keys: Sequence[AssetKey]
) -> dict[AssetCheckKey, EventLogEntry]:
    """Return the last evaluation of each check of these assets, with one query for hundreds."""
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
    """Iterate over the last evaluations of each asset, newest first."""
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
    """Return evaluations of a check, newest first; `cursor` is the last storage id of a page."""
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
