"""Queries for what is stored by name: dynamic partitions, presets, small values."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, select

from jobnb.errors import StorageError
from jobnb.storage import tables
from jobnb.storage.records import UNREADABLE, readable
from jobnb.storage.writing import upsert

names, presets, kvs = tables.dynamic_partitions, tables.presets, tables.kvs

_OWN = "jobnb/"  # keys of our own, which users neither see nor change


def add_partitions(connection: Connection, definition: str, keys: Sequence[str]) -> None:
    """Add partitions; those that are there stay where they are."""
    now = time.time()
    rows = [{"definition": definition, "partition": k, "created": now} for k in dict.fromkeys(keys)]
    if rows:
        connection.execute(upsert(connection, names, ("definition", "partition"), ()), rows)


def partitions(connection: Connection, definition: str) -> list[str]:
    """Return the partitions, oldest first."""
    query = select(names.c.partition).where(names.c.definition == definition)
    return list(connection.scalars(query.order_by(names.c.id)))


def has_partition(connection: Connection, definition: str, key: str) -> bool:
    """Whether there is such a partition."""
    own = (names.c.definition == definition) & (names.c.partition == key)
    return connection.scalar(select(names.c.id).where(own)) is not None


def partition_page(
    connection: Connection, definition: str, limit: int, ascending: bool, after: int | None
) -> list[tuple[int, str]]:
    """Return some of the partitions after a position, oldest or newest first."""
    place = names.c.id
    query = select(place, names.c.partition).where(names.c.definition == definition)
    if after is not None:
        query = query.where(place > after if ascending else place < after)
    query = query.order_by(place.asc() if ascending else place.desc()).limit(limit)
    return [(row[0], row[1]) for row in connection.execute(query)]


def remove_partition(connection: Connection, definition: str, key: str) -> None:
    """Delete a partition."""
    own = (names.c.definition == definition) & (names.c.partition == key)
    connection.execute(delete(names).where(own))


def save_preset(
    connection: Connection, job_name: str, name: str, preset: Mapping[str, Any]
) -> None:
    """Keep a preset; one of that name is replaced."""
    row = {"job_name": job_name, "name": name, "updated": time.time(),
           "body": msgspec.json.encode(dict(preset))}  # fmt: skip
    changed = ("updated", "body")
    connection.execute(upsert(connection, presets, ("job_name", "name"), changed), [row])


def find_presets(connection: Connection, job_name: str) -> dict[str, dict[str, Any]]:
    """Return the presets of a job."""
    query = select(presets.c.name, presets.c.body).where(presets.c.job_name == job_name)
    rows = connection.execute(query.order_by(presets.c.name))
    return dict(readable(rows, _preset, f"a preset of the job {job_name!r}"))


def _preset(row: Any) -> tuple[str, dict[str, Any]]:
    name, body = row
    try:
        return name, msgspec.json.decode(body, type=dict[str, Any])
    except UNREADABLE as error:
        raise StorageError(f"{name!r}: {error}") from error


def remove_preset(connection: Connection, job_name: str, name: str) -> None:
    """Delete a preset."""
    own = (presets.c.job_name == job_name) & (presets.c.name == name)
    connection.execute(delete(presets).where(own))


def set_values(connection: Connection, pairs: Mapping[str, str]) -> None:
    """Keep small texts."""
    rows = [{"key": f"user/{key}", "value": value} for key, value in pairs.items()]
    if rows:
        connection.execute(upsert(connection, kvs, "key", ("value",)), rows)


def get_values(connection: Connection, keys: Sequence[str]) -> dict[str, str]:
    """Return the small texts under these keys."""
    query = select(kvs.c.key, kvs.c.value).where(kvs.c.key.in_([f"user/{key}" for key in keys]))
    return {key.removeprefix("user/"): value for key, value in connection.execute(query)}


def wipe(connection: Connection) -> None:
    """Empty every table but the version of the tables and the settings of the home."""
    for table in reversed(tables.metadata.sorted_tables):
        if table is tables.pools:
            continue  # limits are no history
        own = kvs.c.key.startswith(_OWN, autoescape=True)
        connection.execute(delete(table).where(~own) if table is kvs else delete(table))
