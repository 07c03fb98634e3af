"""Views of backfills: progress, status of partitions, first failures."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from jobnb.automation.backfill import Backfill
from jobnb.display.environment import attempt
from jobnb.display.failures import error_html, error_text
from jobnb.display.html import EMPTY, Html, badge, code, header, join, tag
from jobnb.display.palette import COLOURS, SIGNS, WORDS
from jobnb.display.picture import Status, duration_text
from jobnb.display.text import counted
from jobnb.display.view import View
from jobnb.events import ErrorInfo, EventType
from jobnb.state import RunStatus
from jobnb.storage.backfill import BackfillStatus, PartitionBackfill
from jobnb.storage.run import RunsFilter

_MOST_FAILURES = 3
_WIDE = 520.0
_STATUS = {
    BackfillStatus.REQUESTED.value: Status.RUNNING,
    BackfillStatus.COMPLETED.value: Status.SUCCEEDED,
    BackfillStatus.FAILED.value: Status.FAILED,
    BackfillStatus.CANCELED.value: Status.CANCELED,
}


def backfill_view(backfill: Backfill) -> View:
    """Return the view of a backfill at present."""
    counts, title = backfill.counts, backfill.record.title
    failed = first_failures(backfill)
    status = backfill_status(backfill)
    record = backfill.record
    took = (record.end_timestamp or record.backfill_timestamp) - record.backfill_timestamp
    note = " · ".join(filter(None, [duration_text(took or None), backfill.backfill_id]))
    html = join(
        [
            header(title, "backfill", status, note),
            _bar(backfill),
            tag("div", *_legend(backfill)),
            tag("div", why_ended(backfill), css="jn-muted") if why_ended(backfill) else EMPTY,
            *map(_failure, failed),
            _again(backfill),
        ]
    )
    lines = [f"backfill of {title} {SIGNS[status]} {WORDS[status]}: {counts}"]
    lines += filter(None, [why_ended(backfill)])
    for each in failed:
        lines += [f"failed: {each.where}", error_text(each.error, each.metadata)]
    return View(f"backfill of {title}", "\n".join(lines), html)


def backfill_status(backfill: Backfill) -> Status:
    """Return the status to show a backfill with."""
    return _STATUS.get(backfill.status, Status.QUEUED)


def record_status(record: PartitionBackfill) -> Status:
    """Return the status to show the record of a backfill with."""
    return _STATUS.get(record.status.value, Status.QUEUED)


def why_ended(backfill: Backfill) -> str:
    """Return why a backfill ended before its time; empty if it did not."""
    return (backfill.record.error or "") if backfill.is_finished else ""


def backfill_word(status: str) -> str:
    """Return the word for a status of a backfill.

    Example:
        >>> backfill_word("COMPLETED")
        'succeeded'
    """
    return WORDS[_STATUS.get(status, Status.QUEUED)]


def parts_of(backfill: Backfill) -> list[tuple[str, Status, int]]:
    """Count the partitions by status: a word, the status to show, and the number."""
    counts = backfill.counts
    left = counts.total - counts.done - counts.under_way
    canceled = backfill_status(backfill) is Status.CANCELED
    found = [
        ("made", Status.SUCCEEDED, counts.made),
        (WORDS[Status.FAILED], Status.FAILED, counts.failed),
        (WORDS[Status.SKIPPED], Status.SKIPPED, counts.blocked),
        (WORDS[Status.RUNNING], Status.RUNNING, counts.under_way),
        (WORDS[Status.CANCELED], Status.CANCELED, left)
        if canceled
        else ("to go", Status.NONE, left),
    ]
    return [part for part in found if part[2]]


class BackfillFailure(NamedTuple):
    """A failure in a backfill: a step, or a run without steps."""

    step: str
    partition: str
    error: ErrorInfo
    metadata: Mapping[str, Any]

    @property
    def where(self) -> str:
        """The step and the partition, in words."""
        partition = f"partition {self.partition}" if self.partition else ""
        return ", ".join(filter(None, [self.step, partition]))


def first_failures(backfill: Backfill, most: int = _MOST_FAILURES) -> list[BackfillFailure]:
    """Return the first failures of a backfill."""
    if not backfill.counts.failed:
        return []
    nothing: list[BackfillFailure] = []
    return attempt(lambda: _failures(backfill, most), nothing)


def _failures(backfill: Backfill, most: int) -> list[BackfillFailure]:
    instance = backfill.instance
    wanted = RunsFilter(
        statuses=[RunStatus.FAILURE],
        tags=RunsFilter.for_backfill(backfill.backfill_id).tags,
        # A failure from before the retry.
        created_after=datetime.fromtimestamp(backfill.began, UTC),
    )
    found: list[BackfillFailure] = []
    for run in reversed(instance.get_runs(wanted, limit=20)):
        logs = instance.all_logs(run.run_id, {EventType.STEP_FAILURE, EventType.RUN_FAILURE})
        events: list[Any] = [entry.dagster_event for entry in logs]
        steps = [event for event in events if event.step_key]
        for event in steps or [event for event in events if event.error is not None]:
            told = getattr(event, "metadata", {})
            found.append(
                BackfillFailure(event.step_key or "", run.partition_key or "", event.error, told)
            )
            if len(found) == most:
                return found
    return found


def _bar(backfill: Backfill) -> Html:
    counts = backfill.counts
    left, parts = 0.0, []
    for word, status, count in parts_of(backfill):
        wide = _WIDE * count / max(counts.total, 1)
        if status is not Status.NONE:
            parts.append(
                tag(
                    "rect",
                    css=f"jn-is-{status.value}",
                    x=f"{left:.1f}",
                    width=f"{wide:.1f}",
                    height="8",
                    fill=COLOURS[status.value],
                    data_part=word,
                )
            )
        left += wide
    track = tag("rect", css="jn-track", width=f"{_WIDE:.0f}", height="8", fill="#f6f8fa")
    return tag(
        "svg", track, *parts, css="jn-time", width=f"{_WIDE:.0f}", height="8", aria_hidden="true"
    )


def _legend(backfill: Backfill) -> list[Html | str]:
    counts = backfill.counts
    found: list[Html | str] = [f"{counts.done:,} of {counted(counts.total, 'partition')} "]
    for word, status, count in parts_of(backfill):
        if status is not Status.NONE:
            found += [" ", badge(status, f"{count:,} {word}")]
    return found


def _failure(failed: BackfillFailure) -> Html:
    head = tag("div", tag("strong", f"Failed: {failed.where}"), css="jn-header")
    return join([head, error_html(failed.error, failed.metadata)])


def _again(backfill: Backfill) -> Html:
    """Explain how to resume a backfill."""
    counts = backfill.counts
    if not backfill.is_finished or counts.made == counts.total:
        return EMPTY
    call = f'session.resume_backfill("{backfill.backfill_id}")'
    return tag("div", "Resume it with ", code(call), css="jn-muted")
