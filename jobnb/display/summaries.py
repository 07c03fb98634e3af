"""The status of assets and checks for views: missing, stale and why, fresh or failed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from typing import Any

import msgspec

from jobnb.code.version import CodeNote
from jobnb.definitions.checks.asset_check import AssetCheckKey, AssetCheckSpec
from jobnb.definitions.keys import AssetKey
from jobnb.display.environment import attempt, history_of
from jobnb.display.metadata import entry_text
from jobnb.display.palette import WORDS
from jobnb.display.picture import NO_CHECKS, Checks, Mark, Status
from jobnb.display.run_marks import because_words, check_count, check_word, step_status
from jobnb.display.text import moment
from jobnb.events import AssetPlanned
from jobnb.markdown import plain
from jobnb.staleness.causes import AssetStatus, PartitionCounts, StaleStatus
from jobnb.state import fold
from jobnb.storage.instance import Instance

SHOWN_AS = {
    StaleStatus.MISSING: Status.NONE,
    StaleStatus.STALE: Status.STALE,
    StaleStatus.FRESH: Status.SUCCEEDED,
    StaleStatus.FAILED: Status.FAILED,
}
"""The sign and colour of each status of an asset."""


_UNTRIED = (Status.SKIPPED, Status.BLOCKED)


class AssetSummary(msgspec.Struct, frozen=True):
    """The status of one asset.

    Attributes:
        status: `NONE` if it was never made, else whether it is fresh, stale or failed; `SKIPPED` or
            `BLOCKED` if it was never made since the last run for it did not try it.
        made: When it was last made, in seconds since the epoch.
        run_id: The run that made it, or failed to.
        error: What kind of error the last attempt failed with.
        reasons: Why it is stale, or was not tried, in words.
        metadata: What is known of what was made: label and text.
        checks: The last results of its checks.
        counts: How many of its partitions stand how, if it has some.
        notes: What the version of its code does not tell.
    """

    status: Status = Status.NONE
    made: float | None = None
    run_id: str = ""
    error: str = ""
    reasons: tuple[str, ...] = ()
    metadata: tuple[tuple[str, str], ...] = ()
    checks: tuple[CheckSummary, ...] = ()
    counts: PartitionCounts | None = None
    notes: tuple[CodeNote, ...] = ()

    @property
    def check_counts(self) -> Checks:
        """The last results of its checks, counted."""
        return sum((each.counts for each in self.checks), NO_CHECKS)

    @property
    def mark(self) -> Mark:
        """The mark on its card."""
        mark = self._mark
        counts = self.check_counts
        return msgspec.structs.replace(mark, checks=counts) if counts.count else mark

    @property
    def _mark(self) -> Mark:
        if self.counts is not None:
            counts = self.counts
            begun = counts.made or counts.failed or counts.skipped or counts.in_progress
            return Mark(self.status, self.counts.words) if begun else Mark()
        if self.status is Status.FAILED:
            return Mark(self.status, self.error)
        if self.status in (Status.STALE, *_UNTRIED):
            return Mark(self.status, self.reasons[0] if self.reasons else "")
        return Mark() if self.made is None else Mark(self.status, moment(self.made))

    @property
    def words(self) -> str:
        """Its last materialization and its problems, in words."""
        when = "" if self.made is None else moment(self.made)
        if self.counts is not None:
            return "; ".join(filter(None, (when, self.partition_words)))
        if self.status is Status.FAILED:
            why = f"failed: {self.error}"
        else:
            word = WORDS[self.status] if self.status in _UNTRIED else WORDS[Status.STALE]
            why = f"{word}: {'; '.join(self.reasons)}" if self.reasons else ""
        return ", ".join(filter(None, (when, why)))

    @property
    def partition_words(self) -> str:
        """The status of its partitions, and why some are stale; empty if it has none."""
        if self.counts is None:
            return ""
        unknown = "" if self.counts.knows_stale else _ASK
        return "; ".join(filter(None, (self.counts.words, *self.reasons[:1], unknown)))


NEVER = AssetSummary()
_MOST_RUNS = 20  # that failed, and may have left out an asset
_MOST_READ = 20_000  # partitions of an asset, for a look at it
_ASK = "too many to see at a glance which are stale: session.status(...) tells"


def summaries(
    session: Any, keys: Iterable[AssetKey], sources: Iterable[AssetKey] = ()
) -> dict[AssetKey, AssetSummary]:
    """Return the status of each asset; without a history, all as never materialized.

    Args:
        session: Whose assets.
        keys: The assets that can be materialized.
        sources: Source assets, of which only checks have a status.
    """
    wanted = list(keys)
    found = dict.fromkeys(wanted, NEVER)
    instance = history_of(session) if wanted else None
    if instance is not None:
        nothing: dict[AssetKey, AssetSummary] = {}
        found |= attempt(lambda: _read(session, instance, wanted), nothing)
    checks = check_summaries(session, {*wanted, *sources})
    for key, own in checks.items():
        found[key] = msgspec.structs.replace(found.get(key, NEVER), checks=own)
    return found


def _read(session: Any, instance: Instance, keys: list[AssetKey]) -> dict[AssetKey, AssetSummary]:
    from jobnb.staleness.survey import Survey

    survey = Survey(session.definitions, instance, session.catalogue.place_of, most_read=_MOST_READ)
    latest = instance.get_latest_materialization_events(keys)
    found = {
        key: _summary(status, latest.get(key)) for key, status in survey.status_by_key(keys).items()
    }
    unmade = [key for key, each in found.items() if each.status is Status.NONE]
    return found | _left_out(instance, [key for key in unmade if found[key].counts is None])


def _left_out(instance: Instance, keys: Iterable[AssetKey]) -> dict[AssetKey, AssetSummary]:
    """Return the assets, never materialized, that the last failed run did not try."""
    sought = set(keys)
    found: dict[AssetKey, AssetSummary] = {}
    failed = dict.fromkeys(each.run_id for each in instance.failed_steps()) if sought else {}
    for run_id in list(failed)[:_MOST_RUNS]:
        run = instance.get_run_by_id(run_id)
        meant = sought.intersection((run.asset_selection if run is not None else None) or ())
        if not meant:
            continue
        events = instance.events(run_id)
        state = fold(events)
        for event in events:
            key = AssetKey(event.asset) if isinstance(event, AssetPlanned) else None
            step = state.steps.get(event.step_key or "") if key in meant else None
            if key is not None and step is not None and step.because:
                why = (because_words(step),)
                found[key] = AssetSummary(step_status(step.status), run_id=run_id, reasons=why)
        sought -= meant
    return found


def _summary(status: AssetStatus, entry: Any) -> AssetSummary:
    metadata = entry.dagster_event.metadata if entry is not None else {}
    counts = status.counts
    shown = SHOWN_AS[status.status]
    if counts is not None and status.status is StaleStatus.MISSING and counts.made:
        shown = Status.MISSING  # of some, while others are there
    if counts is not None and counts.skipped and not counts.failed:
        shown = Status.SKIPPED
    return AssetSummary(
        shown,
        status.made,
        status.run_id,
        status.error,
        tuple(cause.seen_from(status.key) for cause in status.causes),
        tuple((label, entry_text(value)) for label, value in metadata.items()),
        counts=counts,
        notes=status.notes,
    )


class CheckSummary(msgspec.Struct, frozen=True):
    """The status of one check.

    Attributes:
        name: Its name.
        word: `passed`, `failed`, `warned`, or `never run`.
        counts: The same as a count.
        time: When it last ran, in seconds since the epoch.
        run_id: The run that it ran in.
        blocking: Whether downstream assets wait for it.
        description: Its condition, in words.
        said: The description of its last result.
        partition: The partition that it checked.
        metadata: The metadata of its last result, as JSON.
    """

    name: str
    word: str = "never run"
    counts: Checks = NO_CHECKS
    time: float | None = None
    run_id: str = ""
    blocking: bool = False
    description: str = ""
    said: str = ""
    partition: str = ""
    metadata: dict[str, Any] = {}

    @property
    def status(self) -> Status:
        """The state that gives its colour and sign."""
        return self.counts.status if self.counts.count else Status.NONE

    @property
    def when(self) -> str:
        """The time of its last evaluation."""
        return "" if self.time is None else moment(self.time)

    @property
    def words(self) -> str:
        """Its last result, with time and partition, on one line."""
        of = f"partition {self.partition}" if self.partition else ""
        return ", ".join(filter(None, (self.word, of, self.when, self.said)))


def check_summaries(
    session: Any, keys: Collection[AssetKey]
) -> dict[AssetKey, tuple[CheckSummary, ...]]:
    """Return the status of the checks of these assets, for assets with checks.

    The history is asked once, and only if there are checks and there is a history.
    """
    specs: dict[AssetKey, dict[AssetCheckKey, AssetCheckSpec]] = defaultdict(dict)
    for spec in _specs(session):
        if spec.asset_key in keys:
            specs[spec.asset_key][spec.key] = spec
    if not specs:
        return {}
    latest: Any = {}
    instance = history_of(session)
    if instance is not None:
        read = instance.get_latest_asset_check_evaluations
        latest = attempt(lambda: read(sorted(specs)), latest)
    return {
        key: tuple(_check_summary(spec, latest.get(spec.key)) for spec in own.values())
        for key, own in specs.items()
    }


def _specs(session: Any) -> Iterator[AssetCheckSpec]:
    for kind in ("asset", "check"):
        for each in session.catalogue.definitions(kind):
            yield from getattr(each, "check_specs", ())


def _check_summary(spec: AssetCheckSpec, entry: Any) -> CheckSummary:
    about = plain(spec.description or "").strip()
    if entry is None:
        return CheckSummary(spec.name, blocking=spec.blocking, description=about)
    event = entry.dagster_event
    return CheckSummary(
        spec.name,
        check_word(event),
        check_count(event),
        entry.timestamp,
        entry.run_id,
        spec.blocking,
        about,
        plain(event.description or ""),
        event.partition or "",
        dict(event.metadata),
    )
