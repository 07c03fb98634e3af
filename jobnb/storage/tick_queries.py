"""Queries for ticks and for the states of schedules and sensors, in the open transaction.

A tick is claimed, decided and ended, each in one transaction. Whoever is killed between two of
them leaves a tick that another loop continues with: before it is decided it is evaluated again,
after that the runs are launched that are missing, with the ids that were settled.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Integer, Select, cast, delete, func, insert, select, update

from jobnb.storage import named_queries, tables
from jobnb.storage.process import LAPSE, Holder, is_gone, this_process
from jobnb.storage.records import readable
from jobnb.storage.ticks import (
    Instigator,
    InstigatorState,
    InstigatorStatus,
    LoopHolder,
    LoopPresence,
    Tick,
    TickRun,
    TickStatus,
    decode_tick,
    encode_tick,
    live_loops,
)
from jobnb.storage.writing import upsert

states, ticks, run_keys, kvs = tables.instigators, tables.ticks, tables.run_keys, tables.kvs
_VERSION_KEY = "jobnb/automation_version"
_LOOP_KEY = "jobnb/loop/"
_TIMES_KEY = "jobnb/times/"
_MILLISECOND = 0.001
_presence = msgspec.json.Decoder(LoopPresence)


# --- states -------------------------------------------------------------------


def _state(row: Any) -> InstigatorState:
    holder = None
    if row.loop_id is not None:
        holder = LoopHolder(Holder(row.host, row.pid, row.mark), row.loop_id)
    return InstigatorState(
        Instigator(row.kind, row.name, row.location),
        InstigatorStatus(row.status),
        row.started,
        row.cursor,
        row.last_tick,
        row.last_end,
        row.last_run_key,
        row.failures,
        row.not_before,
        row.current,
        holder,
    )


def state_of(connection: Connection, instigator: Instigator) -> InstigatorState | None:
    """Return the state of a schedule or sensor; None if it has none yet."""
    row = connection.execute(_own(instigator)).first()
    return None if row is None else _state(row)


def _own(instigator: Instigator) -> Select[Any]:
    return select(states).where(states.c.origin == instigator.origin_id)


def all_states(
    connection: Connection, location: str | None = None, kind: str | None = None
) -> list[InstigatorState]:
    """Return the states of all schedules and sensors, by name."""
    query = select(states).order_by(states.c.kind, states.c.name)
    if location is not None:
        query = query.where(states.c.location == location)
    if kind is not None:
        query = query.where(states.c.kind == kind)
    rows = connection.execute(query)
    return list(readable(rows, _state, "the state of a schedule or sensor"))


def add_states(
    connection: Connection, new: Iterable[tuple[Instigator, InstigatorStatus]], now: float
) -> None:
    """Keep how schedules and sensors stand that were not known; those that are stay as they are."""
    rows = [
        {
            "origin": each.origin_id,
            "kind": each.kind,
            "name": each.name,
            "location": each.location,
            "status": status.value,
            "started": None if status is InstigatorStatus.STOPPED else now,
        }
        for each, status in new
    ]
    if rows:
        connection.execute(upsert(connection, states, "origin", ()), rows)


def known_times(connection: Connection) -> dict[str, str]:
    """Return the times of each schedule, in words, as a loop recorded them, by origin."""
    own = kvs.c.key.startswith(_TIMES_KEY, autoescape=True)
    rows = connection.execute(select(kvs.c.key, kvs.c.value).where(own))
    return {row.key.removeprefix(_TIMES_KEY): row.value for row in rows}


def note_times(connection: Connection, times: Mapping[str, str], now: float) -> None:
    """Record when schedules are due; what has new times begins with them again.

    The moments that the new times name before this one are not ticks that were missed.
    """
    before = known_times(connection)
    for origin, words in times.items():
        if before.get(origin, words) != words:
            going = (states.c.origin == origin) & states.c.started.is_not(None)
            connection.execute(update(states).where(going).values(started=now))
    rows = [
        {"key": f"{_TIMES_KEY}{origin}", "value": words}
        for origin, words in times.items()
        if before.get(origin) != words
    ]
    if rows:
        connection.execute(upsert(connection, kvs, "key", ("value",)), rows)


def set_status(
    connection: Connection, instigator: Instigator, status: InstigatorStatus, now: float
) -> None:
    """Start or stop a schedule or sensor; one that is started when it runs goes on as it does."""
    add_states(connection, [(instigator, InstigatorStatus.STOPPED)], now)
    found = state_of(connection, instigator)
    runs = status is not InstigatorStatus.STOPPED
    values: dict[str, Any] = {"status": status.value, "failures": 0, "not_before": None}
    if runs and (found is None or not found.is_running):
        values["started"] = now
    own = states.c.origin == instigator.origin_id
    connection.execute(update(states).where(own).values(values))
    bump_version(connection)


def set_cursor(
    connection: Connection, instigator: Instigator, cursor: str | None, now: float
) -> None:
    """Keep another cursor for the next evaluation."""
    add_states(connection, [(instigator, InstigatorStatus.DECLARED_IN_CODE)], now)
    own = states.c.origin == instigator.origin_id
    connection.execute(update(states).where(own).values(cursor=cursor))
    bump_version(connection)


def bump_version(connection: Connection) -> None:
    """Change the version, so that the loops read the states again."""
    row = {"key": _VERSION_KEY, "value": str(int(version(connection)) + 1)}
    connection.execute(upsert(connection, kvs, "key", ("value",)), [row])


def version(connection: Connection) -> str:
    """Return a version that changes with the state of any schedule or sensor."""
    return connection.scalar(select(kvs.c.value).where(kvs.c.key == _VERSION_KEY)) or "0"


def wipe_schedules(connection: Connection) -> None:
    """Delete the states, ticks and run keys of all schedules and sensors."""
    for table in (states, ticks, run_keys):
        connection.execute(delete(table))
    connection.execute(delete(kvs).where(kvs.c.key.startswith(_TIMES_KEY, autoescape=True)))
    bump_version(connection)


# --- ticks --------------------------------------------------------------------


def find_ticks(
    connection: Connection,
    origin: str | None,
    before: float | None = None,
    after: float | None = None,
    limit: int | None = None,
    statuses: Sequence[TickStatus] = (),
) -> list[Tick]:
    """Return ticks of a schedule or sensor, or of all, the newest first."""
    query = select(ticks.c.body).order_by(ticks.c.time.desc(), ticks.c.id.desc()).limit(limit)
    if origin is not None:
        query = query.where(ticks.c.origin == origin)
    if before is not None:
        query = query.where(ticks.c.time < before)
    if after is not None:
        query = query.where(ticks.c.time > after)
    if statuses:
        query = query.where(ticks.c.status.in_([each.value for each in statuses]))
    rows = connection.scalars(query)
    return list(readable(rows, decode_tick, "a tick"))


def count_ticks(
    connection: Connection, origins: Sequence[str], start: float, slot: float
) -> list[tuple[str, int, TickStatus, int]]:
    """Count ticks by slot of time: origin, number of the slot, state, count.

    Args:
        connection: The open transaction.
        origins: Of which schedules and sensors.
        start: The moment at which the first slot begins.
        slot: How long a slot is, in seconds.
    """
    place: Any = (ticks.c.time - start) / slot
    if connection.dialect.name == "postgresql":
        place = func.floor(place)  # a cast would round
    number = cast(place, Integer).label("slot")
    query = (
        select(ticks.c.origin, number, ticks.c.status, func.count())
        .where(ticks.c.origin.in_(origins), ticks.c.time >= start)
        .group_by(ticks.c.origin, number, ticks.c.status)
    )
    return [(origin, at, TickStatus(status), many)
            for origin, at, status, many in connection.execute(query)]  # fmt: skip


def purge(connection: Connection, before: float, statuses: Sequence[TickStatus]) -> int:
    """Delete old ticks that stand so; how many they were."""
    wanted = ticks.c.status.in_([each.value for each in statuses])
    return connection.execute(delete(ticks).where(ticks.c.time < before, wanted)).rowcount


def _keep(connection: Connection, tick: Tick) -> None:
    own = (ticks.c.origin == tick.instigator.origin_id) & (ticks.c.time == tick.timestamp)
    row = {"status": tick.status.value, "body": encode_tick(tick)}
    connection.execute(update(ticks).where(own).values(row))


def _tick_at(connection: Connection, instigator: Instigator, when: float) -> Tick | None:
    own = (ticks.c.origin == instigator.origin_id) & (ticks.c.time == when)
    body = connection.scalar(select(ticks.c.body).where(own))
    return None if body is None else decode_tick(body)


def claim(
    connection: Connection,
    instigator: Instigator,
    holder: LoopHolder,
    due: Callable[[InstigatorState], float | None],
    *,
    forced: bool = False,
) -> tuple[InstigatorState, Tick] | None:
    """Claim the tick that is due; None if none is, or another loop has it.

    Args:
        connection: The open transaction.
        instigator: The schedule or sensor.
        holder: The loop that takes it on.
        due: Gives the moment of the tick that is due, from its state.
        forced: Whether it is taken on although it is stopped.

    Returns:
        Its state, and the tick: a new one, or one that a loop which is gone has left.
    """
    row = connection.execute(_own(instigator).with_for_update()).first()
    if row is None:
        return None
    state = _state(row)
    if state.holder is not None and state.holder != holder and not _is_gone(state.holder, row.seen):
        return None
    tick = None
    if state.current is not None:
        tick = _tick_at(connection, instigator, state.current)
    if tick is None or tick.status is not TickStatus.STARTED:
        when = due(state) if state.is_running or forced else None
        if when is None:
            return None
        tick = _begin(connection, instigator, when)
    process = holder.process
    own = states.c.origin == instigator.origin_id
    connection.execute(
        update(states)
        .where(own)
        .values(
            current=tick.timestamp,
            host=process.host,
            pid=process.pid,
            mark=process.mark,
            loop_id=holder.loop_id,
            seen=time.time(),
        )
    )
    return state, tick


def _begin(connection: Connection, instigator: Instigator, when: float) -> Tick:
    while _tick_at(connection, instigator, when) is not None:
        when += _MILLISECOND  # the clock was set back: there is one of this moment
    tick = Tick(instigator, when)
    row = {"origin": instigator.origin_id, "time": when, "status": tick.status.value}
    connection.execute(insert(ticks).values(**row, body=encode_tick(tick)))
    return tick


def _is_gone(holder: LoopHolder, seen: float | None) -> bool:
    if holder.process == this_process():
        return holder.loop_id not in live_loops
    gone = is_gone(holder.process)
    return time.time() - (seen or 0.0) > LAPSE if gone is None else gone


def _is_mine(connection: Connection, tick: Tick, holder: LoopHolder) -> InstigatorState | None:
    """Return the state of a schedule or sensor, if this loop still has this tick of it."""
    row = connection.execute(_own(tick.instigator).with_for_update()).first()
    state = None if row is None else _state(row)
    mine = state is not None and state.holder == holder and state.current == tick.timestamp
    return state if mine else None


def decide(
    connection: Connection,
    tick: Tick,
    holder: LoopHolder,
    partitions_requests: Sequence[Any] = (),
    *,
    keeps_cursor: bool = True,
) -> Tick | None:
    """Record what a tick launches, its cursor and its dynamic partitions: all or nothing.

    Runs whose run key has launched one before are left out.

    Returns:
        The tick with the runs that are left; None if another loop has it by now.
    """
    stored = _tick_at(connection, tick.instigator, tick.timestamp)
    if _is_mine(connection, tick, holder) is None or stored is None or stored.decided:
        return None
    kept: list[TickRun] = []
    known: list[str] = []
    for run in tick.runs:
        if run.run_key is None or _is_new(connection, tick.instigator.origin_id, run):
            kept.append(run)
        else:
            known.append(run.run_key)
    for request in partitions_requests:
        _change_partitions(connection, request)
    made = msgspec.structs.replace(tick, runs=tuple(kept), known_keys=tuple(known), decided=True)
    _keep(connection, made)
    values: dict[str, Any] = {"cursor": tick.cursor} if keeps_cursor else {}
    keys = made.run_keys
    if keys:
        values["last_run_key"] = keys[-1]
    if values:
        own = states.c.origin == tick.instigator.origin_id
        connection.execute(update(states).where(own).values(values))
    return made


def _is_new(connection: Connection, origin: str, run: TickRun) -> bool:
    """Whether no run has this key; the key is this run's then. That of a deleted run is free."""
    own = (run_keys.c.origin == origin) & (run_keys.c.run_key == run.run_key)
    before = connection.scalar(select(run_keys.c.run_id).where(own))
    if before is not None:
        runs = tables.runs
        there = connection.scalar(select(runs.c.id).where(runs.c.run_id == before))
        if there is not None:
            return False
        connection.execute(delete(run_keys).where(own))
    row = {"origin": origin, "run_key": run.run_key, "run_id": run.run_id}
    connection.execute(insert(run_keys).values(row))
    return True


def _change_partitions(connection: Connection, request: Any) -> None:
    name, keys = request.partitions_def_name, request.partition_keys
    if type(request).__name__.startswith("Add"):
        named_queries.add_partitions(connection, name, keys)
    else:
        for key in keys:
            named_queries.remove_partition(connection, name, key)


def end(
    connection: Connection, tick: Tick, holder: LoopHolder, not_before: float | None = None
) -> bool:
    """Record the end of a tick; False if another loop has it by now.

    Args:
        connection: The open transaction.
        tick: The tick, as it stands in the end.
        holder: The loop that was at it.
        not_before: The next evaluation is not before this moment.
    """
    state = _is_mine(connection, tick, holder)
    if state is None:
        return False
    if not tick.decided:
        stored = _tick_at(connection, tick.instigator, tick.timestamp)
        if stored is not None and stored.decided:
            return False  # it was decided just before it was to be given up
    _keep(connection, tick)
    last = tick.timestamp
    if tick.instigator.kind == "SCHEDULE":
        last = max(tick.timestamp, state.last_tick or tick.timestamp)
    values = {
        "last_tick": last,
        "last_end": tick.ended,
        "failures": state.failures + 1 if tick.is_failure else 0,
        "not_before": not_before,
        **dict.fromkeys(("current", "host", "pid", "mark", "loop_id", "seen")),
    }
    own = states.c.origin == tick.instigator.origin_id
    connection.execute(update(states).where(own).values(values))
    return True


def renew(connection: Connection, holder: LoopHolder) -> None:
    """Renew the lease of a loop on what it executes."""
    connection.execute(
        update(states).where(states.c.loop_id == holder.loop_id).values(seen=time.time())
    )


# --- loops --------------------------------------------------------------------


def announce(connection: Connection, presence: LoopPresence) -> None:
    """Record that a loop is running; those whose process is gone are forgotten."""
    for key, other in _presences(connection):
        if other is None or _is_gone(other.holder, other.seen):
            connection.execute(delete(kvs).where(kvs.c.key == key))
    key = f"{_LOOP_KEY}{presence.holder.loop_id}"
    row = {"key": key, "value": msgspec.json.encode(presence).decode()}
    connection.execute(upsert(connection, kvs, "key", ("value",)), [row])


def retire(connection: Connection, holder: LoopHolder) -> None:
    """Record that a loop has ended."""
    connection.execute(delete(kvs).where(kvs.c.key == f"{_LOOP_KEY}{holder.loop_id}"))


def find_loops(connection: Connection) -> list[LoopPresence]:
    """Return the loops that run on their own, the oldest first."""
    found = [each for _, each in _presences(connection) if each is not None]
    there = [each for each in found if not _is_gone(each.holder, each.seen)]
    return sorted(there, key=lambda each: each.since)


def _presences(connection: Connection) -> list[tuple[str, LoopPresence | None]]:
    own = kvs.c.key.startswith(_LOOP_KEY, autoescape=True)
    rows = connection.execute(select(kvs.c.key, kvs.c.value).where(own)).all()
    return [(row.key, _read_presence(row.value)) for row in rows]


def _read_presence(text: str) -> LoopPresence | None:
    """Decode the record of a loop; None for one of another version."""
    try:
        return _presence.decode(text)
    except msgspec.MsgspecError:
        return None
