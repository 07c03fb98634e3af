"""How many runs are in progress at once in a home: what is set, and whose turn it is.

There is no process that lets runs go: each queued run asks for its turn, in the process that will
do it, and the answer is worked out in one transaction. So a queue works over several kernels,
without a daemon, and nothing is lost with any of them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from jobnb.definitions.ops.pool import PRIORITY_TAG
from jobnb.errors import InvalidInvocationError
from jobnb.state import RunStatus
from jobnb.storage.process import Holder, is_lost

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from jobnb.storage.history import History

_KEY = "jobnb/run_coordinator"
_ACTIVE = (RunStatus.STARTING.value, RunStatus.STARTED.value, RunStatus.CANCELING.value)
_FRESH = 1.0  # seconds for which what is set is not looked up again


class DefaultRunCoordinator(msgspec.Struct, frozen=True):
    """Each run begins at once.

    Source: Dagster's `DefaultRunCoordinator`.
    """


class QueuedRunCoordinator(msgspec.Struct, frozen=True):
    """Runs wait in a queue: only so many run at once, those with a higher priority first.

    Set it with `instance.set_run_coordinator(...)`; every kernel with the same home follows. Runs
    that are launched, materialized in a cell, detached, or begun by a schedule all wait. The tag
    `dagster/priority` of a run says how early it goes; the default is 0.

    Args:
        max_concurrent_runs: How many runs are in progress at once; -1 for any number.
        tag_concurrency_limits: How many runs with a tag: dicts with `key`, `limit` and, if need be,
            `value`: a text, or `{"applyLimitPerUniqueValue": True}`.
        dequeue_interval_seconds: How often a run that waits asks for its turn; often enough if
            None.
        dequeue_use_threads: Accepted as Dagster does.
        dequeue_num_workers: Accepted as Dagster does.
        max_user_code_failure_retries: Accepted as Dagster does.
        user_code_failure_retry_delay: Accepted as Dagster does.
        inst_data: Accepted as Dagster does.
        block_op_concurrency_limited_runs: Accepted as Dagster does: a run whose steps wait for a
            pool goes on.

    Raises:
        InvalidInvocationError: If a limit makes no sense.

    Example:
        >>> limits = [{"key": "team", "value": "data", "limit": 1}]
        >>> QueuedRunCoordinator(2, limits).max_concurrent_runs
        2

    Source: Dagster's `QueuedRunCoordinator`.
    """

    max_concurrent_runs: int | None = None
    tag_concurrency_limits: Sequence[Mapping[str, Any]] | None = None
    dequeue_interval_seconds: float | None = None
    dequeue_use_threads: bool | None = None
    dequeue_num_workers: int | None = None
    max_user_code_failure_retries: int | None = None
    user_code_failure_retry_delay: float | None = None
    inst_data: Any = None
    block_op_concurrency_limited_runs: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        """See that the limits make sense."""
        most = self.max_concurrent_runs
        if most is not None and (type(most) is not int or most < -1):
            raise InvalidInvocationError(
                f"max_concurrent_runs is {most!r}. Give a number from 0, or -1 for any number."
            )
        for each in self.tag_concurrency_limits or ():
            _limit_of(each)

    @property
    def most(self) -> float:
        """How many runs are in progress at once."""
        wanted = 10 if self.max_concurrent_runs is None else self.max_concurrent_runs
        return float("inf") if wanted < 0 else wanted

    @property
    def limits(self) -> list[TagLimit]:
        """How many runs with a tag."""
        return [_limit_of(each) for each in self.tag_concurrency_limits or ()]


class TagLimit(NamedTuple):
    """How many runs with a tag are in progress at once.

    Args:
        key: The tag.
        limit: How many.
        value: The value that counts; every one if None.
        per_value: Whether each value is counted by itself.
    """

    key: str
    limit: int
    value: str | None
    per_value: bool


def _limit_of(given: Mapping[str, Any]) -> TagLimit:
    value = given.get("value")
    per_value = isinstance(value, Mapping)
    limit, known = given.get("limit"), given.keys() <= {"key", "value", "limit"}
    wrong = isinstance(value, Mapping) and not value.get("applyLimitPerUniqueValue")
    if wrong or not known or not isinstance(given.get("key"), str) or not isinstance(limit, int):
        raise InvalidInvocationError(
            f"tag_concurrency_limits has {dict(given)!r}. Give each as "
            '{"key": "team", "value": "data", "limit": 1}; the value is a text, '
            '{"applyLimitPerUniqueValue": True}, or left out.'
        )
    text = None if per_value or value is None else str(value)
    return TagLimit(given["key"], limit, text, per_value)


class RunTurn(NamedTuple):
    """Whether a run may begin.

    Args:
        is_mine: Whether it may.
        place: How many runs go before it.
        pause: Seconds after which it is asked again.
    """

    is_mine: bool
    place: int = 0
    pause: float = 0.0


class RunQueue:
    """How many runs are in progress at once in this home.

    Args:
        history: What it reads and writes.
    """

    def __init__(self, history: History) -> None:
        self._history = history
        self._known: QueuedRunCoordinator | None = None
        self._looked = 0.0

    @property
    def run_coordinator(self) -> QueuedRunCoordinator | DefaultRunCoordinator:
        """What says when a run begins: at once, or in its turn."""
        return self._history.read(_read) or DefaultRunCoordinator()

    def set_run_coordinator(
        self, coordinator: QueuedRunCoordinator | DefaultRunCoordinator | None
    ) -> None:
        """Say how many runs are in progress at once, in all kernels of this home.

        Args:
            coordinator: A `QueuedRunCoordinator`; None or a `DefaultRunCoordinator` to have each
                run begin at once.

        Raises:
            InvalidInvocationError: If it is something else.
        """
        from sqlalchemy import delete

        from jobnb.storage.tables import kvs
        from jobnb.storage.writing import upsert

        if not isinstance(coordinator, (QueuedRunCoordinator, DefaultRunCoordinator, type(None))):
            raise InvalidInvocationError(
                f"{coordinator!r} is no coordinator of runs. Give QueuedRunCoordinator("
                "max_concurrent_runs=...), or None to have each run begin at once."
            )
        queued = coordinator if isinstance(coordinator, QueuedRunCoordinator) else None

        def work(connection: Connection) -> None:
            if queued is None:
                connection.execute(delete(kvs).where(kvs.c.key == _KEY))
            else:
                row = {"key": _KEY, "value": msgspec.json.encode(queued, enc_hook=str).decode()}
                connection.execute(upsert(connection, kvs, "key", ("value",)), row)

        self._history.write(work)
        self._known, self._looked = queued, time.monotonic()

    @property
    def is_on(self) -> bool:
        """Whether runs wait for their turn; what another process has set counts after a second."""
        if not self._history.durable:
            return False
        if time.monotonic() > self._looked + _FRESH:
            self._known = self._history.database().read(_read)
            self._looked = time.monotonic()
        return self._known is not None

    def ask(self, run_id: str) -> RunTurn:
        """Let a queued run begin, if it is its turn; it counts as one in progress then."""
        return self._history.write(lambda connection: _ask(connection, run_id))

    def far(self, ahead: int = 2) -> set[str]:
        """Return the queued runs whose turn is not near: their processes need nothing yet.

        Args:
            ahead: How many at the head of the queue are near, besides those that may begin.
        """
        return self._history.read(lambda connection: _far(connection, ahead))


def _read(connection: Connection) -> QueuedRunCoordinator | None:
    from sqlalchemy import select

    from jobnb.storage.tables import kvs

    text = connection.scalar(select(kvs.c.value).where(kvs.c.key == _KEY))
    return None if text is None else msgspec.json.decode(text, type=QueuedRunCoordinator)


class _WaitingRun(NamedTuple):
    run_id: str
    is_queued: bool
    place: int
    tags: Mapping[str, str]

    @property
    def order(self) -> tuple[int, int]:
        """Higher priorities first, then earlier ones."""
        try:
            return -int(self.tags.get(PRIORITY_TAG, 0)), self.place
        except ValueError:
            return 0, self.place


def _ask(connection: Connection, run_id: str) -> RunTurn:
    from sqlalchemy import select, update

    from jobnb.storage.tables import runs

    coordinator = _read(connection) or QueuedRunCoordinator(-1)
    for place, (each, fits) in enumerate(_queue(connection, coordinator)):
        if each.run_id == run_id:
            if fits:
                own = update(runs).where(runs.c.run_id == run_id)
                connection.execute(own.values(status=RunStatus.STARTING.value, updated=time.time()))
            pause = coordinator.dequeue_interval_seconds or min(0.1 + 0.02 * place, 2.0)
            return RunTurn(fits, place, pause)
    status = connection.scalar(select(runs.c.status).where(runs.c.run_id == run_id))
    # One that is being canceled begins no more. One that was deleted does, as any other would.
    return RunTurn(status != RunStatus.CANCELING.value, pause=0.1)


def _far(connection: Connection, ahead: int) -> set[str]:
    coordinator = _read(connection) or QueuedRunCoordinator(-1)
    queue = enumerate(_queue(connection, coordinator))
    return {each.run_id for place, (each, fits) in queue if place >= ahead and not fits}


def _queue(
    connection: Connection, coordinator: QueuedRunCoordinator
) -> Iterator[tuple[_WaitingRun, bool]]:
    """Iterate over the queued runs in order, with whether each may begin if those before it do."""
    limits = coordinator.limits
    known = _known_runs(connection, {PRIORITY_TAG, *(each.key for each in limits)})
    active = [each for each in known if not each.is_queued]
    counts, going = _Counts(limits), len(active)
    for each in active:
        counts.add(each.tags)
    for each in sorted((each for each in known if each.is_queued), key=lambda each: each.order):
        fits = going < coordinator.most and counts.have_room(each.tags)
        yield each, fits
        if fits:  # it is its turn, and it is about to ask
            going += 1
            counts.add(each.tags)


def _known_runs(connection: Connection, keys: set[str]) -> list[_WaitingRun]:
    """Return the runs that wait or run, and whose process is there."""
    from sqlalchemy import select

    from jobnb.storage.tables import leases, run_tags, runs

    query = select(
        runs.c.id, runs.c.run_id, runs.c.status,
        leases.c.host, leases.c.pid, leases.c.mark, leases.c.seen,
    ).join(leases, leases.c.run_id == runs.c.run_id)  # fmt: skip
    rows = connection.execute(query.where(runs.c.status.in_([*_ACTIVE, "QUEUED"]))).all()
    live = [row for row in rows if not is_lost(Holder(row.host, row.pid, row.mark), row.seen)]
    tags: dict[str, dict[str, str]] = {row.run_id: {} for row in live}
    own = select(run_tags.c.run_id, run_tags.c.key, run_tags.c.value)
    own = own.join(runs, runs.c.run_id == run_tags.c.run_id)
    own = own.where(runs.c.status.in_([*_ACTIVE, "QUEUED"]), run_tags.c.key.in_(keys))
    for name, key, value in connection.execute(own):
        if name in tags:
            tags[name][key] = value
    return [
        _WaitingRun(row.run_id, row.status == "QUEUED", row.id, tags[row.run_id]) for row in live
    ]


class _Counts:
    """How many runs go on of each kind that is limited."""

    def __init__(self, limits: Sequence[TagLimit]) -> None:
        self._limits = limits
        self._counts: dict[tuple[int, str | None], int] = {}

    def _kinds(self, tags: Mapping[str, str]) -> list[tuple[int, str | None]]:
        found = []
        for number, limit in enumerate(self._limits):
            value = tags.get(limit.key)
            if value is not None and limit.value in (None, value):
                found.append((number, value if limit.per_value else None))
        return found

    def add(self, tags: Mapping[str, str]) -> None:
        """One more goes on."""
        for kind in self._kinds(tags):
            self._counts[kind] = self._counts.get(kind, 0) + 1

    def have_room(self, tags: Mapping[str, str]) -> bool:
        """Whether one with these tags may go on."""
        kinds = self._kinds(tags)
        return all(self._counts.get(kind, 0) < self._limits[kind[0]].limit for kind in kinds)
