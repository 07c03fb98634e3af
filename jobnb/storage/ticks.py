"""The records of schedules and sensors: their ticks, their cursors, and whether they run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from typing import Any, Literal

import msgspec

from jobnb.errors import StorageError
from jobnb.storage.decisions import Decisions, unpack_decisions
from jobnb.storage.process import Holder

live_loops: set[str] = set()
"""The ids of the loops of this process that go on."""


class TickStatus(Enum):
    """The status of a tick.

    Source: Dagster's `TickStatus`.
    """

    STARTED = "STARTED"
    SKIPPED = "SKIPPED"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"


class InstigatorType(str, Enum):
    """What makes ticks: a schedule or a sensor. Equal to its name as text.

    Source: Dagster's `InstigatorType`.
    """

    SCHEDULE = "SCHEDULE"
    SENSOR = "SENSOR"


class InstigatorStatus(Enum):
    """Whether a schedule or sensor runs.

    Source: Dagster's `InstigatorStatus`.
    """

    DECLARED_IN_CODE = "DECLARED_IN_CODE"
    RUNNING = "RUNNING"
    STOPPED = "STOPPED"
    AUTOMATICALLY_RUNNING = DECLARED_IN_CODE


class Instigator(msgspec.Struct, frozen=True):
    """A schedule or sensor, as the history names it.

    Attributes:
        kind: What it is.
        name: Its name.
        location: The notebook, script or module that defines it.
    """

    kind: Literal["SCHEDULE", "SENSOR"]
    name: str
    location: str = ""

    @property
    def origin_id(self) -> str:
        """The id by which its ticks are found.

        Example:
            >>> Instigator("SCHEDULE", "daily", "shop.ipynb").origin_id
            'SCHEDULE daily of shop.ipynb'
        """
        return f"{self.kind} {self.name} of {self.location}"

    @property
    def words(self) -> str:
        """What it is called in a message.

        Example:
            >>> Instigator("SCHEDULE", "daily", "shop.ipynb").words
            "schedule 'daily' of shop.ipynb"
        """
        place = f" of {self.location}" if self.location else ""
        return f"{self.kind.lower()} {self.name!r}{place}"


class LoopHolder(msgspec.Struct, frozen=True):
    """A loop that evaluates schedules and sensors, in a process.

    Attributes:
        process: The process.
        loop_id: Tells the loops of one process apart.
    """

    process: Holder
    loop_id: str


class LoopPresence(msgspec.Struct, frozen=True):
    """A loop that is active by itself, as it has told the history.

    Attributes:
        holder: The loop.
        since: Since when it goes on, in seconds since the epoch.
        seen: When it was there last.
        locations: The notebooks, scripts and modules whose schedules and sensors it evaluates.
    """

    holder: LoopHolder
    since: float
    seen: float
    locations: Sequence[str] = ()


class InstigatorState(msgspec.Struct, frozen=True):
    """The state of a schedule or sensor.

    Attributes:
        instigator: Which one.
        status: Whether it runs.
        started: Since when, in seconds since the epoch; None if it does not run.
        cursor: What the last evaluation kept for the next one.
        last_tick: The moment of the last tick.
        last_end: When that tick ended.
        last_run_key: The run key of the last run that it launched.
        failures: How many ticks have failed in a row.
        not_before: The next evaluation is not before this moment.
        current: The moment of the tick that is under way.
        holder: The loop that is at it.

    Source: Dagster's `InstigatorState`.
    """

    instigator: Instigator
    status: InstigatorStatus
    started: float | None = None
    cursor: str | None = None
    last_tick: float | None = None
    last_end: float | None = None
    last_run_key: str | None = None
    failures: int = 0
    not_before: float | None = None
    current: float | None = None
    holder: LoopHolder | None = None

    @property
    def name(self) -> str:
        """The name of the schedule or sensor."""
        return self.instigator.name

    @property
    def instigator_type(self) -> InstigatorType:
        """`SCHEDULE` or `SENSOR`."""
        return InstigatorType(self.instigator.kind)

    @property
    def is_running(self) -> bool:
        """Whether it is evaluated when it comes due."""
        return self.status is not InstigatorStatus.STOPPED


class TickRun(msgspec.Struct, frozen=True, omit_defaults=True):
    """One run that a tick launches, with the id that it will have.

    Attributes:
        run_id: The id of the run.
        job_name: The job.
        run_key: Of two runs with the same key, one is launched.
        config: The raw run config; None for that of the job.
        tags: All tags of the run.
        assets: The keys of the assets that it makes, each as a list; None for those of the job.
        checks: The checks that it makes, as `[asset key, name]`; None for those of the assets.
        partition: The partition that it is for.
        stale_only: Whether fresh assets are left as they are.
    """

    run_id: str
    job_name: str
    run_key: str | None = None
    config: Mapping[str, Any] | None = None
    tags: Mapping[str, str] = {}
    assets: Sequence[Sequence[str]] | None = None
    checks: Sequence[tuple[Sequence[str], str]] | None = None
    partition: str | None = None
    stale_only: bool = False


class Tick(msgspec.Struct, frozen=True, omit_defaults=True):
    """One evaluation of a schedule or sensor, and its result.

    Attributes:
        instigator: Which one.
        timestamp: The moment that it is for, in seconds since the epoch.
        status: Its status.
        decided: Whether it is settled which runs it launches.
        runs: These runs.
        known_keys: Run keys of requests that were left out: their runs were launched before.
        skip_reason: Why it launched nothing.
        error: What went wrong, with the place in the user's code.
        cursor: The cursor that it left.
        lines: What was logged: when, at which level, and the text.
        reasons: Why something was launched or not, in words.
        ended: When it ended, in seconds since the epoch.
        packed_decisions: The results of the conditions of assets, see `decisions`.

    Source: Dagster's `InstigatorTick`.
    """

    instigator: Instigator
    timestamp: float
    status: TickStatus = TickStatus.STARTED
    decided: bool = False
    runs: Sequence[TickRun] = ()
    known_keys: Sequence[str] = ()
    skip_reason: str | None = None
    error: str | None = None
    cursor: str | None = None
    lines: Sequence[tuple[float, int, str]] = ()
    reasons: Sequence[str] = ()
    ended: float | None = None
    packed_decisions: bytes | None = None

    @property
    def decisions(self) -> Decisions:
        """The results of the conditions of assets, with reasons: why something was launched."""
        return unpack_decisions(self.packed_decisions)

    @property
    def run_ids(self) -> list[str]:
        """The ids of its runs."""
        return [each.run_id for each in self.runs]

    @property
    def run_keys(self) -> list[str]:
        """The keys of its runs that have one."""
        return [each.run_key for each in self.runs if each.run_key]

    def __repr__(self) -> str:
        when = datetime.fromtimestamp(self.timestamp, UTC).isoformat(" ", "seconds")
        runs = f", {len(self.runs)} run{'s' if len(self.runs) > 1 else ''}" if self.runs else ""
        what = f"{self.instigator.kind.lower()} {self.instigator.name!r}"
        return f"<tick of {what} at {when}: {self.status.value}{runs}>"

    @property
    def is_failure(self) -> bool:
        """Whether it failed."""
        return self.status is TickStatus.FAILURE

    @property
    def is_success(self) -> bool:
        """Whether it launched runs."""
        return self.status is TickStatus.SUCCESS

    @property
    def is_skipped(self) -> bool:
        """Whether it launched nothing without an error."""
        return self.status is TickStatus.SKIPPED


_encoder = msgspec.json.Encoder(enc_hook=str)


@cache
def _decoder() -> msgspec.json.Decoder[Tick]:
    """Return what reads a tick; made at its first use, as it looks into all types."""
    return msgspec.json.Decoder(Tick)


def encode_tick(tick: Tick) -> bytes:
    """Return a tick as JSON."""
    return _encoder.encode(tick)


def decode_tick(data: bytes) -> Tick:
    """Return the tick that `encode_tick` wrote.

    Raises:
        StorageError: If the data are not those of a tick.
    """
    try:
        return _decoder().decode(data)
    except (msgspec.MsgspecError, ValueError, TypeError) as error:
        raise StorageError(f"The history holds a tick that cannot be read: {error}.") from error
