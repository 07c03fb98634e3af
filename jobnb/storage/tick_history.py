"""The part of an instance that stores ticks, cursors and states of schedules and sensors."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

from jobnb.errors import StorageError
from jobnb.storage.history import History
from jobnb.storage.ticks import (
    Instigator,
    InstigatorState,
    InstigatorStatus,
    LoopHolder,
    LoopPresence,
    Tick,
    TickStatus,
)

Kind = Literal["SCHEDULE", "SENSOR"]


class TickHistory:
    """Stores the states, cursors and ticks of schedules and sensors.

    Args:
        history: What it reads and writes.
    """

    def __init__(self, history: History) -> None:
        self._history = history

    # -- whether they run

    def instigator(self, kind: Kind, name: str, location: str | None = None) -> Instigator:
        """Return the name of a schedule or sensor in the history.

        Args:
            kind: What it is.
            name: Its name.
            location: The notebook, script or module that defines it; that of this process if None.
        """
        return Instigator(
            kind, name, (self._history.launcher or "") if location is None else location
        )

    def instigator_state(self, instigator: Instigator) -> InstigatorState | None:
        """Return the state of a schedule or sensor; None if it has none yet."""
        from jobnb.storage import tick_queries

        return self._history.read(lambda connection: tick_queries.state_of(connection, instigator))

    def all_instigator_state(
        self,
        repository_origin_id: str | None = None,
        repository_selector_id: str | None = None,
        instigator_type: Any = None,
        instigator_statuses: Iterable[InstigatorStatus] | None = None,
    ) -> Sequence[InstigatorState]:
        """Return the states of all schedules and sensors, by name.

        Args:
            repository_origin_id: Of this notebook, script or module only.
            repository_selector_id: Accepted as Dagster does.
            instigator_type: `"SCHEDULE"` or `"SENSOR"` only.
            instigator_statuses: That stand so only.

        Source: Dagster's `DagsterInstance.all_instigator_state`.
        """
        from jobnb.storage import tick_queries

        kind = getattr(instigator_type, "value", instigator_type)
        wanted = None if instigator_statuses is None else set(instigator_statuses)
        found = self._history.read(
            lambda connection: tick_queries.all_states(connection, repository_origin_id, kind)
        )
        return [each for each in found if wanted is None or each.status in wanted]

    def set_instigator_status(
        self, instigator: Instigator, status: InstigatorStatus, now: float | None = None
    ) -> InstigatorState:
        """Start or stop a schedule or sensor, for all loops on this history.

        Args:
            instigator: Which one.
            status: Whether it runs from now on.
            now: The moment that counts as now, in seconds since the epoch.
        """
        from jobnb.storage import tick_queries

        when = time.time() if now is None else now
        work = partial(tick_queries.set_status, instigator=instigator, status=status, now=when)
        self._history.write(work)
        found = self.instigator_state(instigator)
        assert found is not None
        return found

    def start_schedule(self, external_schedule: Any) -> InstigatorState:
        """Start a schedule, given as such or by name."""
        return self._set("SCHEDULE", external_schedule, InstigatorStatus.RUNNING)

    def stop_schedule(
        self,
        schedule_origin_id: str | None,
        schedule_selector_id: str | None = None,
        external_schedule: Any = None,
    ) -> InstigatorState:
        """Stop a schedule, given as such or by name."""
        named = schedule_origin_id if external_schedule is None else external_schedule
        return self._set("SCHEDULE", named, InstigatorStatus.STOPPED)

    def start_sensor(self, external_sensor: Any) -> InstigatorState:
        """Start a sensor, given as such or by name."""
        return self._set("SENSOR", external_sensor, InstigatorStatus.RUNNING)

    def stop_sensor(
        self,
        instigator_origin_id: str | None,
        selector_id: str | None = None,
        external_sensor: Any = None,
    ) -> InstigatorState:
        """Stop a sensor, given as such or by name."""
        named = instigator_origin_id if external_sensor is None else external_sensor
        return self._set("SENSOR", named, InstigatorStatus.STOPPED)

    def _set(self, kind: Kind, named: Any, status: InstigatorStatus) -> InstigatorState:
        name = str(getattr(named, "name", named))
        return self.set_instigator_status(self.instigator(kind, name), status)

    def set_cursor(self, instigator: Instigator, cursor: str | None) -> None:
        """Keep another cursor for the next evaluation of a sensor."""
        from jobnb.storage import tick_queries

        self._history.write(
            partial(tick_queries.set_cursor, instigator=instigator, cursor=cursor, now=time.time())
        )

    def wipe_all_schedules(self) -> None:
        """Delete the states, ticks and run keys of all schedules and sensors.

        Source: Dagster's `DagsterInstance.wipe_all_schedules`.
        """
        from jobnb.storage import tick_queries

        self._history.write(tick_queries.wipe_schedules)

    # -- ticks

    def get_ticks(
        self,
        origin_id: str | None,
        selector_id: str | None = None,
        before: float | None = None,
        after: float | None = None,
        limit: int | None = None,
        statuses: Sequence[TickStatus] | None = None,
    ) -> Sequence[Tick]:
        """Return ticks of a schedule or sensor, the newest first.

        Args:
            origin_id: The `origin_id` of an `Instigator`; all ticks if None.
            selector_id: Accepted as Dagster does.
            before: Only ticks of earlier moments, in seconds since the epoch.
            after: Only ticks of later moments.
            limit: How many at most.
            statuses: Only ticks that stand so.

        Source: Dagster's `DagsterInstance.get_ticks`.
        """
        from jobnb.storage import tick_queries

        return self._history.read(
            lambda connection: tick_queries.find_ticks(
                connection, origin_id, before, after, limit, tuple(statuses or ())
            )
        )

    def count_ticks(
        self, origins: Sequence[str], start: float, slot: float
    ) -> Sequence[tuple[str, int, TickStatus, int]]:
        """Count ticks by slot of time: origin, number of the slot, state, count.

        Args:
            origins: The `origin_id` of each `Instigator`.
            start: The moment at which the first slot begins, in seconds since the epoch.
            slot: How long a slot is, in seconds.
        """
        from jobnb.storage import tick_queries

        return self._history.read(
            lambda connection: tick_queries.count_ticks(connection, origins, start, slot)
        )

    def get_tick(self, origin_id: str, selector_id: str | None, timestamp: float) -> Tick:
        """Return the tick of a moment.

        Raises:
            StorageError: If there is none.

        Source: Dagster's `DagsterInstance.get_tick`.
        """
        around = self.get_ticks(origin_id, before=timestamp + 1e-6, after=timestamp - 1e-6, limit=1)
        if around:
            return around[0]
        raise StorageError(f"The history has no tick of {origin_id!r} at {timestamp}.")

    def purge_ticks(self, before: float, statuses: Sequence[TickStatus]) -> int:
        """Delete ticks of earlier moments that stand so; how many they were."""
        from jobnb.storage import tick_queries

        return self._history.write(
            lambda connection: tick_queries.purge(connection, before, tuple(statuses))
        )

    # -- what a loop does; see `jobnb.storage.tick_queries`

    def automation_version(self) -> str:
        """Return a version that changes when somebody starts or stops something."""
        from jobnb.storage import tick_queries

        return self._history.database().read(tick_queries.version)

    def add_instigators(
        self, new: Sequence[tuple[Instigator, InstigatorStatus]], now: float
    ) -> None:
        """Keep how schedules and sensors stand that were not known."""
        from jobnb.storage import tick_queries

        self._history.database().write(
            lambda connection: tick_queries.add_states(connection, new, now)
        )

    def note_times(self, times: Mapping[str, str], now: float) -> None:
        """Record when schedules are due, by origin: what has new times begins with them again."""
        from jobnb.storage import tick_queries

        known = self._history.database().read(tick_queries.known_times)
        if any(known.get(origin) != words for origin, words in times.items()):
            self._history.database().write(
                lambda connection: tick_queries.note_times(connection, times, now)
            )

    def claim_tick(
        self,
        instigator: Instigator,
        holder: LoopHolder,
        due: Callable[[InstigatorState], float | None],
        *,
        forced: bool = False,
    ) -> tuple[InstigatorState, Tick] | None:
        """Claim the tick that is due; None if none is, or another loop has it."""
        from jobnb.storage import tick_queries

        return self._history.database().write(
            lambda connection: tick_queries.claim(
                connection, instigator, holder, due, forced=forced
            )
        )

    def decide_tick(
        self,
        tick: Tick,
        holder: LoopHolder,
        partitions_requests: Sequence[Any] = (),
        *,
        keeps_cursor: bool = True,
    ) -> Tick | None:
        """Record what a tick launches; None if another loop has it by now."""
        from jobnb.storage import tick_queries

        return self._history.database().write(
            lambda connection: tick_queries.decide(
                connection, tick, holder, partitions_requests, keeps_cursor=keeps_cursor
            )
        )

    def end_tick(self, tick: Tick, holder: LoopHolder, not_before: float | None = None) -> bool:
        """Record the end of a tick; False if another loop has it by now."""
        from jobnb.storage import tick_queries

        return self._history.database().write(
            lambda connection: tick_queries.end(connection, tick, holder, not_before)
        )

    def renew_loop(self, holder: LoopHolder) -> None:
        """Renew the lease of a loop on what it executes."""
        from jobnb.storage import tick_queries

        self._history.database().write(lambda connection: tick_queries.renew(connection, holder))

    # -- loops

    def loops(self) -> Sequence[LoopPresence]:
        """Return the loops that run on their own, in any process, the oldest first."""
        from jobnb.storage import tick_queries

        return self._history.read(tick_queries.find_loops)

    def announce_loop(self, presence: LoopPresence) -> None:
        """Record that a loop is running."""
        from jobnb.storage import tick_queries

        self._history.database().write(
            lambda connection: tick_queries.announce(connection, presence)
        )

    def retire_loop(self, holder: LoopHolder) -> None:
        """Record that a loop has ended."""
        from jobnb.storage import tick_queries

        self._history.database().write(lambda connection: tick_queries.retire(connection, holder))
