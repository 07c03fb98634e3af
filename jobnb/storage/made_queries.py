"""What was last made or observed of many assets at once: versions, not whole events."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, func, select

from jobnb.definitions.keys import AssetKey
from jobnb.events import EventType
from jobnb.storage import tables
from jobnb.storage.made import Failed, Made
from jobnb.storage.rows import UNREADABLE, readable

__all__ = ["failed_steps", "last_made", "last_observed", "partitions_made", "partitions_print"]

assets, indexed, runs = tables.assets, tables.indexed_events, tables.runs

_GROUP = 500  # keys per statement: databases bound the number of parameters
_FAILURES = 500  # how far back failures are looked at


class _Told(msgspec.Struct):
    """Of an event only what is asked for: the rest is not even decoded."""

    tags: dict[str, str] = {}
    partition: str | None = None


_read = msgspec.json.Decoder(_Told).decode


def last_made(
    connection: Connection, keys: Collection[AssetKey] | None = None
) -> dict[AssetKey, Made]:
    """The last materialization of these assets, or of all; many are had in one query."""
    columns = select(assets.c.asset_key, assets.c.storage_id, assets.c.run_id, assets.c.time,
                     assets.c.body).where(assets.c.storage_id.is_not(None))  # fmt: skip
    wanted = None if keys is None else {key.to_string(): key for key in keys}
    return _by_key(_rows(connection, columns, assets.c.asset_key, wanted), wanted)


def last_observed(connection: Connection, keys: Collection[AssetKey]) -> dict[AssetKey, Made]:
    """The last observation of these assets."""
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
) -> dict[str, Made]:
    """The last materialization of each partition of an asset, or of these; or after an event."""
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
    """How many partitions were made, and the sum of the numbers of the events that made them."""
    by = tables.asset_partitions
    numbers = select(func.count(by.c.storage_id), func.coalesce(func.sum(by.c.storage_id), 0))
    count, total = connection.execute(numbers.where(by.c.asset_key == key.to_string())).one()
    return int(count), int(total)


def failed_steps(connection: Connection) -> Iterator[Failed]:
    """The latest failures of steps in runs that make assets, the newest first."""
    query = (
        select(indexed.c.step_key, indexed.c.run_id, indexed.c.time, indexed.c.body)
        .where(indexed.c.kind == EventType.STEP_FAILURE.value)
        .order_by(indexed.c.storage_id.desc())
        .limit(_FAILURES)
    )
    for row in connection.execute(query):
        yield Failed(row.step_key or "", row.run_id, row.time, _error_class(row.body))


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


def _by_key(rows: Iterable[Any], wanted: Mapping[str, AssetKey] | None) -> dict[AssetKey, Made]:
    def read(row: Any) -> tuple[AssetKey | None, Made]:
        text, *columns = row
        key = wanted.get(text) if wanted is not None else AssetKey.from_db_string(text)
        return key, _made(*columns)

    found = readable(rows, read, "what was made of an asset")
    return {key: made for key, made in found if key is not None}


def _made(storage_id: int, run_id: str, time: float, body: bytes) -> Made:
    told = _read(body)
    return Made(storage_id, run_id, time, told.partition, told.tags)
