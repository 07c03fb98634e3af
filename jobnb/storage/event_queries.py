"""Queries for events: within a run by its chunks, across runs by the index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, or_, select

from jobnb.errors import StorageError
from jobnb.events import EngineNote, ErrorInfo, Event, EventType, decode_event, decode_events
from jobnb.storage import tables
from jobnb.storage.cursors import held
from jobnb.storage.records import UNREADABLE, EventLogRecord, EventRecordsFilter, entry_of, readable
from jobnb.storage.writing import INDEXED_KINDS, LOADING_KIND

chunks, indexed = tables.event_chunks, tables.indexed_events

_GROUP = 500  # run ids per statement: databases bound the number of parameters
_OBSERVED = EventType.ASSET_OBSERVATION.value
_PAGE = 16  # chunks read at a time where the end is not known


def read_event(body: bytes) -> Event:
    """Return one event of the index."""
    try:
        return decode_event(body)
    except UNREADABLE as error:
        raise StorageError(_unreadable(error)) from error


def chunk_events(body: bytes, when: float = 0.0) -> list[Event]:
    """Return the events of one row; in the place of one that cannot be read is a note of that.

    Args:
        body: What the row holds.
        when: The time of a note where no event before it tells one.
    """
    try:
        return decode_events(body)
    except UNREADABLE as error:
        why = error
    try:
        parts = msgspec.json.decode(body, type=list[msgspec.Raw])
    except UNREADABLE:
        return [_note(when, why)]
    found: list[Event] = []
    for part in parts:
        try:
            found.append(decode_event(part))
        except UNREADABLE as error:
            found.append(_note(found[-1].time if found else when, error))
    return found


def _note(when: float, error: Exception) -> Event:
    text = _unreadable(error)
    return EngineNote(when, text, error=ErrorInfo("Unreadable", text))


def _unreadable(error: Exception) -> str:
    return (
        f"The history holds events that cannot be read: {error}. "
        "Perhaps a newer jobnb wrote them: update jobnb."
    )


def run_events(
    connection: Connection,
    run_id: str,
    after: int = -1,
    limit: int | None = None,
    kinds: frozenset[str] | None = None,
) -> Iterator[tuple[int, int, Event]]:
    """Iterate over a run's events after `after`: position, storage id and event of each."""
    query = select(chunks.c.id, chunks.c.first_seq, chunks.c.body)
    query = query.where(chunks.c.run_id == run_id, chunks.c.first_seq + chunks.c.count > after + 1)
    if kinds is not None:
        query = query.where(_has_kind(kinds))
    left, when = limit, 0.0
    for chunk_id, first_seq, body in connection.execute(query.order_by(chunks.c.first_seq)):
        for offset, event in enumerate(chunk_events(body, when)):
            when = event.time
            if left is not None and left <= 0:
                return
            seq = first_seq + offset
            if seq > after and (kinds is None or event.event_type.value in kinds):
                yield seq, chunk_id * tables.CHUNK_SPAN + offset, event
                left = None if left is None else left - 1


def _has_kind(kinds: frozenset[str]) -> ColumnElement[bool]:
    """Return a condition: `kinds` is a text with a blank around every kind."""
    return or_(*(chunks.c.kinds.contains(f" {kind} ", autoescape=True) for kind in sorted(kinds)))


def find_records(
    connection: Connection,
    filters: EventRecordsFilter,
    limit: int | None,
    ascending: bool,
    *,
    with_loading: bool = True,
) -> list[EventLogRecord]:
    """Return events of one kind across runs, newest first unless told otherwise.

    Args:
        connection: The connection.
        filters: Which events.
        limit: How many at most.
        ascending: Oldest first.
        with_loading: Also the observations that report no version, as the asset was loaded.
    """
    kind = EventType(filters.event_type).value
    source = _from_index if kind in INDEXED_KINDS else _from_chunks
    kinds = (kind, LOADING_KIND) if with_loading and kind == _OBSERVED else (kind,)
    found: list[tuple[int, str, Event]] = []
    for storage_id, run_id, event in source(connection, filters, kinds, limit, ascending):
        if limit is not None and len(found) >= limit:
            break
        if _fits(filters, storage_id, event):
            found.append((storage_id, run_id, event))
    names = job_names(connection, {run_id for _, run_id, _ in found})
    return [
        EventLogRecord(place, entry_of(event, run_id, names.get(run_id, "")))
        for place, run_id, event in found
    ]


Found = Iterator[tuple[int, str, Event]]


def events_of_kind(connection: Connection, kind: EventType) -> Found:
    """Return the events of a kind without an index, with storage id and run, newest first."""
    return _from_chunks(connection, EventRecordsFilter(kind), (kind.value,), None, ascending=False)


def _from_index(
    connection: Connection,
    filters: EventRecordsFilter,
    kinds: tuple[str, ...],
    limit: int | None,
    ascending: bool,
) -> Found:
    query = select(indexed.c.storage_id, indexed.c.run_id, indexed.c.body)
    query = query.where(indexed.c.kind.in_(kinds), *_bounds(filters, indexed.c.storage_id))
    if filters.asset_key is not None:
        query = query.where(indexed.c.asset_key == filters.asset_key.to_string())
    if filters.asset_partitions is not None:
        query = query.where(indexed.c.partition.in_(list(filters.asset_partitions)))
    if filters.after_timestamp is not None:
        query = query.where(indexed.c.time > filters.after_timestamp)
    if filters.before_timestamp is not None:
        query = query.where(indexed.c.time < filters.before_timestamp)
    if filters.storage_ids is not None:
        query = query.where(indexed.c.storage_id.in_(list(filters.storage_ids)))
    key = indexed.c.storage_id
    query = query.order_by(key.asc() if ascending else key.desc())
    # Tags are distinguished after reading, so a limit in SQL would be too early.
    rows = connection.execute(query.limit(None if filters.tags else limit)).all()
    found = list(readable(rows, _event_of_row, "an event"))
    if len(found) < len(rows) and limit is not None:
        # Others take the place of what cannot be read.
        found = list(readable(connection.execute(query), _event_of_row, "an event"))
    yield from found


def _event_of_row(row: Any) -> tuple[int, str, Event]:
    return row.storage_id, row.run_id, read_event(row.body)


def _bounds(filters: EventRecordsFilter, key: ColumnElement[int]) -> list[ColumnElement[bool]]:
    bounds: list[ColumnElement[bool]] = []
    if filters.after_cursor is not None:
        bounds.append(key > held(filters.after_cursor))
    if filters.before_cursor is not None:
        bounds.append(key < held(filters.before_cursor))
    return bounds


def _from_chunks(
    connection: Connection,
    filters: EventRecordsFilter,
    kinds: tuple[str, ...],
    _limit: int | None,
    ascending: bool,
) -> Found:
    """Iterate over a few chunks at a time: most look-ups want the newest few events only."""
    last: int | None = None
    while True:
        rows = connection.execute(_chunk_page(filters, kinds, last, ascending)).all()
        for chunk_id, run_id, body in rows:
            places = list(enumerate(chunk_events(body)))
            for offset, event in places if ascending else reversed(places):
                if event.event_type.value in kinds:
                    yield chunk_id * tables.CHUNK_SPAN + offset, run_id, event
        if len(rows) < _PAGE:
            return
        last = rows[-1][0]


def _chunk_page(
    filters: EventRecordsFilter, kinds: tuple[str, ...], last: int | None, ascending: bool
) -> Any:
    key = chunks.c.id
    query = select(key, chunks.c.run_id, chunks.c.body).where(_has_kind(frozenset(kinds)))
    if filters.after_cursor is not None:
        query = query.where(key >= held(filters.after_cursor) // tables.CHUNK_SPAN)
    if filters.before_cursor is not None:
        query = query.where(key <= held(filters.before_cursor) // tables.CHUNK_SPAN)
    if filters.storage_ids is not None:
        query = query.where(key.in_({held(i) // tables.CHUNK_SPAN for i in filters.storage_ids}))
    if last is not None:
        query = query.where(key > last if ascending else key < last)
    return query.order_by(key.asc() if ascending else key.desc()).limit(_PAGE)


def _fits(filters: EventRecordsFilter, storage_id: int, event: Event) -> bool:
    """Whether an event fits all of a filter; the index has seen to most of it already."""
    f = filters
    return (
        (f.after_cursor is None or storage_id > int(f.after_cursor))
        and (f.before_cursor is None or storage_id < int(f.before_cursor))
        and (f.storage_ids is None or storage_id in f.storage_ids)
        and (f.after_timestamp is None or event.time > f.after_timestamp)
        and (f.before_timestamp is None or event.time < f.before_timestamp)
        and (f.asset_key is None or event.asset_key == f.asset_key)
        and (f.asset_partitions is None or _partition(event) in f.asset_partitions)
        and _has_tags(event, f.tags or {})
    )


def _partition(event: Event) -> str | None:
    return getattr(event, "partition", None)


def _has_tags(event: Event, wanted: dict[str, Any]) -> bool:
    own: dict[str, str] = getattr(event, "tags", {})
    return all(
        own.get(key) == value if isinstance(value, str) else own.get(key) in value
        for key, value in wanted.items()
    )


def job_names(connection: Connection, run_ids: Sequence[str] | set[str]) -> dict[str, str]:
    """Return the job of every run."""
    runs = tables.runs
    query = select(runs.c.run_id, runs.c.job_name)
    wanted, found = sorted(run_ids), {}
    for start in range(0, len(wanted), _GROUP):
        some = query.where(runs.c.run_id.in_(wanted[start : start + _GROUP]))
        found.update({row.run_id: row.job_name for row in connection.execute(some)})
    return found
