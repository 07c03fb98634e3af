"""Rename an asset in a history: its records, those of partitions, and its stored values go along.

The logs of runs stay as they were written. Values are linked or copied to their new places before
the records change and removed from the old ones afterwards: whatever is cut off in between, a value
is found under the name that the records have.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, bindparam, delete, select, update

from jobnb.definitions.checks.asset_check import AssetCheckKey
from jobnb.definitions.keys import AssetKey
from jobnb.errors import InvalidSubsetError, InvariantViolationError, did_you_mean
from jobnb.events import AssetMaterialized, EventType, encode_event
from jobnb.storage import tables
from jobnb.storage.asset_queries import RENAMED
from jobnb.storage.event_queries import read_event
from jobnb.storage.files import make_folder, stored_files
from jobnb.storage.formats import BLOCKED
from jobnb.storage.records import UNREADABLE
from jobnb.storage.run import decode_run, encode_run
from jobnb.storage.tables import UNDER_WAY
from jobnb.storage.value_paths import asset_place
from jobnb.storage.writing import upsert

assets, indexed, kvs = tables.assets, tables.indexed_events, tables.kvs

_MADE = EventType.ASSET_MATERIALIZATION.value
_PAGE = 2000


class ValueMove(NamedTuple):
    """A stored value's file, and the one that it becomes."""

    before: Path
    after: Path


def check_renaming(connection: Connection, old: AssetKey, new: AssetKey) -> None:
    """Check that an asset can take a name.

    Raises:
        InvalidSubsetError: If the history does not know the asset.
        InvariantViolationError: If the name has a history of its own, or a run materializes it now.
    """
    made: dict[str, int | None] = {
        row.asset_key: row.storage_id
        for row in connection.execute(select(assets.c.asset_key, assets.c.storage_id))
    }
    if made.get(old.to_string()) is None:
        known = [_key(text).to_user_string() for text, last in made.items() if last is not None]
        hint = did_you_mean(old.to_user_string(), known, noun="It has")
        raise InvalidSubsetError(
            f"The history has no materialization of {old.to_user_string()!r}. {hint}".rstrip()
        )
    if made.get(new.to_string()) is not None:
        raise InvariantViolationError(
            f"Asset {new.to_user_string()!r} was materialized itself, and {old.to_user_string()!r} "
            "cannot take its place. Give it another name, or delete what is recorded of it with "
            f"session.instance.wipe_assets([{new.to_user_string()!r}])."
        )
    runs = tables.runs
    going = select(runs.c.run_id, runs.c.body).where(
        runs.c.status.in_([status.value for status in UNDER_WAY])
    )
    for run_id, body in connection.execute(going):
        if old in (decode_run(body).asset_selection or ()):
            raise InvariantViolationError(
                f"The run {run_id} materializes {old.to_user_string()!r} now. "
                "Wait for its end, or cancel it, and rename then."
            )


def rename_records(
    connection: Connection,
    old: AssetKey,
    new: AssetKey,
    read_tags: Sequence[str],
    moves: Sequence[ValueMove] = (),
) -> None:
    """Rename an asset in all records that are looked up, in the open transaction.

    Args:
        connection: The connection.
        old: Its name so far.
        new: The name that it gets.
        read_tags: What stands before its name in the tags of assets that have read it.
        moves: Where its values lie then: metadata that names a file names the new one.
    """
    check_renaming(connection, old, new)
    before, after = old.to_string(), new.to_string()
    paths = {str(each.before): str(each.after) for each in moves}
    connection.execute(delete(assets).where(assets.c.asset_key == after))
    _rename_runs(connection, old, new)
    for page in _pages(connection, indexed.c.asset_key == before):
        _write(connection, {number: _renamed(body, new, paths) for number, body in page})
    own = indexed.c.asset_key == before
    connection.execute(update(indexed).where(own).values(asset_key=after))
    for table in (assets, tables.asset_partitions, tables.partition_plans):
        own = table.c.asset_key == before
        connection.execute(update(table).where(own).values(asset_key=after))
    _rename_in_tags(connection, old, new, read_tags)
    _note(connection, before, after)


def _rename_runs(connection: Connection, old: AssetKey, new: AssetKey) -> None:
    """Rename the asset in what was asked of the runs that materialized it: they can run again."""
    runs = tables.runs
    own = select(indexed.c.run_id).where(indexed.c.asset_key == old.to_string()).distinct()
    query = select(runs.c.run_id, runs.c.body).where(runs.c.run_id.in_(own))
    for run_id, body in connection.execute(query).all():
        try:
            run = decode_run(body)
        except UNREADABLE:
            continue
        name, later = (f"asset {key.to_user_string()}" for key in (old, new))
        asked, checks = run.asset_selection, run.asset_check_selection
        run = msgspec.structs.replace(
            run,
            asset_selection=asked and frozenset(new if key == old else key for key in asked),
            asset_check_selection=checks
            and frozenset(AssetCheckKey(new, c.name) if c.asset == old else c for c in checks),
            code_versions={later if k == name else k: v for k, v in run.code_versions.items()},
        )
        row = update(runs).where(runs.c.run_id == run_id)
        connection.execute(row.values(body=encode_run(run)))


def _pages(connection: Connection, where: Any) -> Iterator[list[tuple[int, bytes]]]:
    """Iterate over events of the index, some at a time."""
    last = -1
    query = select(indexed.c.storage_id, indexed.c.body).where(where)
    while True:
        part = query.where(indexed.c.storage_id > last).order_by(indexed.c.storage_id).limit(_PAGE)
        page = [(number, body) for number, body in connection.execute(part)]
        if not page:
            return
        last = page[-1][0]
        yield page


def _renamed(body: bytes, new: AssetKey, paths: Mapping[str, str]) -> bytes:
    """Return an event of the asset under its new name, and of its value at the new place."""
    try:
        event: Any = read_event(body)
    except UNREADABLE:
        return body
    changed: dict[str, Any] = {"asset": tuple(new.path)}
    told = (getattr(event, "metadata", None) or {}).get("path")
    if isinstance(told, dict) and told.get("value") in paths:
        changed["metadata"] = {**event.metadata, "path": {**told, "value": paths[told["value"]]}}
    return encode_event(msgspec.structs.replace(event, **changed))


def _rename_in_tags(
    connection: Connection, old: AssetKey, new: AssetKey, read_tags: Sequence[str]
) -> None:
    """Rename the asset in what others recorded of having read it."""
    name, later = old.to_user_string(), new.to_user_string()
    signs = [msgspec.json.encode(f"{tag}{name}") for tag in read_tags]
    for page in _pages(connection, indexed.c.kind == _MADE):
        changed: dict[int, bytes] = {}
        for number, body in page:
            event = read_event(body) if any(sign in body for sign in signs) else None
            if isinstance(event, AssetMaterialized):
                names = {f"{tag}{name}": f"{tag}{later}" for tag in read_tags}
                tags = {names.get(key, key): value for key, value in event.tags.items()}
                changed[number] = encode_event(msgspec.structs.replace(event, tags=tags))
        _write(connection, changed)


def _write(connection: Connection, bodies: Mapping[int, bytes]) -> None:
    """Replace events of the index, and of those that are an asset's latest the copy."""
    if not bodies:
        return
    latest = set(connection.scalars(select(assets.c.storage_id)))
    for table, some in (
        (indexed, bodies),
        (assets, {n: bodies[n] for n in bodies.keys() & latest}),
    ):
        if some:
            row = update(table).where(table.c.storage_id == bindparam("at"))
            rows = [{"at": number, "text": body} for number, body in some.items()]
            connection.execute(row.values(body=bindparam("text")), rows)


def _note(connection: Connection, before: str, after: str) -> None:
    """Record the name that the asset had; what reads it may still call it so."""
    text = connection.scalar(select(kvs.c.value).where(kvs.c.key == RENAMED))
    found: dict[str, list[str]] = json.loads(text) if text else {}
    found[after] = [each for each in (before, *found.pop(before, ())) if each != after]
    row = {"key": RENAMED, "value": json.dumps(found)}
    connection.execute(upsert(connection, kvs, "key", ("value",)), [row])


def _key(text: str) -> AssetKey:
    key = AssetKey.from_db_string(text)
    assert key is not None
    return key


# --- stored values ----------------------------------------------------------------


def value_moves(
    folder: Path, old: AssetKey, new: AssetKey, partitions: Iterable[str]
) -> list[ValueMove]:
    """Return where the stored values of an asset lie, and where under its new name.

    Args:
        folder: The folder of values.
        old: Its name so far.
        new: The name that it gets.
        partitions: Its partitions that were materialized.
    """
    parts: list[list[str] | None] = [None]
    for name in partitions:
        parts += [[name], *([name.split("|")] if "|" in name else ())]
    return [
        ValueMove(path, _place(folder.joinpath(*asset_place(new.path, part).parts), ending))
        for part in parts
        for path, ending, _ in stored_files(folder.joinpath(*asset_place(old.path, part).parts))
    ]


def _place(stem: Path, ending: str) -> Path:
    plain = stem.with_name(stem.name + ("" if ending == BLOCKED else ending))
    return stem.with_name(stem.name + BLOCKED) if plain.is_dir() else plain


def put_in_place(moves: Iterable[ValueMove], folder: Path) -> None:
    """Put each value to its new place as well; the old one keeps it until `remove_old`."""
    for before, after in moves:
        make_folder(after.parent, folder)
        beside = after.with_name(f".writing-{secrets.token_hex(8)}")
        try:
            os.link(before, beside)
        except OSError:  # another disk, or a system without links
            shutil.copy2(before, beside)
        os.replace(beside, after)  # noqa: PTH105 - the one call that replaces on every system


def remove_old(moves: Iterable[ValueMove]) -> None:
    """Remove values from their old places."""
    for before, _ in moves:
        before.unlink(missing_ok=True)
        with suppress(OSError):  # others lie there
            before.parent.rmdir()
