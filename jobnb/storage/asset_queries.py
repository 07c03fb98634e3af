"""Looking assets up, and forgetting them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, delete, select, update

from jobnb.definitions.keys import AssetKey
from jobnb.errors import StorageError
from jobnb.events import Event, EventType
from jobnb.storage import tables
from jobnb.storage.event_queries import events_of_kind, job_names, read_event
from jobnb.storage.partition_notes import forget_partitions, forget_run_partitions
from jobnb.storage.records import AssetEntry, AssetRecord, EventLogRecord, entry_of
from jobnb.storage.rows import readable, tell_unreadable

__all__ = ["all_keys", "asset_records", "forget_run", "remove_assets", "remove_partitions"]

assets, indexed = tables.assets, tables.indexed_events

_MADE = EventType.ASSET_MATERIALIZATION.value
_GROUP = 500  # keys per statement: databases bound the number of parameters


def all_keys(connection: Connection) -> list[AssetKey]:
    """Every asset that the history knows, in order."""
    return sorted(readable(connection.scalars(select(assets.c.asset_key)), _key, "an asset"))


def asset_records(
    connection: Connection, keys: Sequence[AssetKey] | None = None
) -> list[AssetRecord]:
    """What is known of these assets, or of all; one that is not known is left out."""
    if keys is None:
        rows = list(connection.execute(select(assets)))
    else:
        rows = [row for group in _groups(keys) for row in connection.execute(group)]
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
    """The last materialization; from the index of events, where the asset's row is damaged."""
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
    """Forget assets: their events are found no more; the logs of the runs stay as they are."""
    for key in keys:
        text = key.to_string()
        connection.execute(delete(assets).where(assets.c.asset_key == text))
        connection.execute(delete(indexed).where(indexed.c.asset_key == text))
        forget_partitions(connection, text)


def remove_partitions(connection: Connection, key: AssetKey, names: Sequence[str]) -> None:
    """Forget some partitions of an asset; what is known of the others stays."""
    text = key.to_string()
    forget_partitions(connection, text, names)
    latest = _latest_left(connection, text)
    if latest is not None:
        connection.execute(update(assets).where(assets.c.asset_key == text).values(latest))
    else:
        nothing = {"storage_id": None, "time": None, "body": None}
        connection.execute(update(assets).where(assets.c.asset_key == text).values(nothing))


def forget_run(connection: Connection, run_id: str) -> None:
    """After a run was taken out: its assets go back to what an earlier run made, if any did."""
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
    """What is kept of an asset that a run has told of and not made."""
    return {"run_id": run_id, "storage_id": None, "time": None, "body": None}


def _planned_by(connection: Connection, wanted: set[str]) -> dict[str, str]:
    """The last runs that planned these assets, by the texts of their keys."""
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
    """The latest materialization that is left; without one, whatever else tells of the asset."""
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
