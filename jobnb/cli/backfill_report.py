"""What is printed of a backfill: how it stands, how it ended, what failed."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import click

from jobnb.cli.exit_codes import FAILED, SUCCESS
from jobnb.cli.output import first_line, print_json, utc
from jobnb.errors import InvalidInvocationError

if TYPE_CHECKING:
    from jobnb.automation.backfill import Backfill
    from jobnb.notebook.code_source import CodeSource
    from jobnb.storage.backfill import PartitionBackfill
    from jobnb.storage.run import JobRun

_MOST_KEYS = 20
_FAILURES = 20

parallel_option = click.option(
    "--max-parallel",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    metavar="N",
    help="How many runs may be in progress at once.",
)
detach_option = click.option(
    "--detach", is_flag=True, help="In a process of its own: print its id, do not wait."
)
wait_option = click.option(
    "--wait", is_flag=True, help="With --detach: wait for its end, and tell how it ended."
)


def backfill_row(record: PartitionBackfill) -> dict[str, Any]:
    """Return a backfill as programs read it."""
    from jobnb.automation.backfill_progress import counts_of

    counts = counts_of(record)
    names = ("total", "made", "failed", "blocked", "under_way")
    return {
        "backfill_id": record.backfill_id,
        "target": record.title,
        "status": record.status.value,
        "began": utc(record.backfill_timestamp),
        "ended": utc(record.end_timestamp),
        "seconds": seconds_of(record),
        "counts": {name: getattr(counts, name) for name in names},
        "tags": dict(record.tags),
        "detached": record.is_detached,
        "error": record.error,
    }


def seconds_of(record: PartitionBackfill) -> float | None:
    """Return how long a backfill took, since it was resumed if it was; None while it goes on."""
    if record.end_timestamp is None:
        return None
    return record.end_timestamp - (record.resumed or record.backfill_timestamp)


def backfill_shown(backfill: Backfill) -> dict[str, Any]:
    """Return a backfill with its runs and failures, as programs read it."""
    from jobnb.display.backfill_views import first_failures

    failures = [
        {"step": each.step, "partition": each.partition, "error": str(each.error)}
        for each in first_failures(backfill, _FAILURES)
    ]
    runs = [run.run_id for run in backfill.runs]
    return {**backfill_row(backfill.record), "runs": runs, "failures": failures}


def see_awaited(*, detach: bool, wait: bool) -> None:
    """Raise an error where --wait is given without --detach.

    Raises:
        InvalidInvocationError: If it is.
    """
    if wait and not detach:
        raise InvalidInvocationError("--wait goes with --detach: without it, the end is awaited.")


def awaited(backfill: Backfill, *, detach: bool, wait: bool, as_json: bool) -> None:
    """Wait for the end of a backfill, if that is asked for; of a detached one, print the id.

    Args:
        backfill: The backfill.
        detach: Whether another process does it.
        wait: Whether its end is awaited nevertheless.
        as_json: Whether how it stands is printed instead of its id.
    """
    if not detach:
        _wait(backfill)
    elif wait:
        if not as_json:
            click.echo(backfill.backfill_id)
        backfill.wait()
    elif as_json:
        print_json(backfill_shown(backfill))
    else:
        click.echo(backfill.backfill_id)


def report_backfill(
    backfill: Backfill, code: CodeSource, max_parallel: int, *, as_json: bool = False
) -> int:
    """Print how a backfill ended, and on stderr which partitions failed, and why.

    Args:
        backfill: It.
        code: What defines its job or assets.
        max_parallel: How many runs went side by side.
        as_json: Whether it is printed for programs.

    Returns:
        The exit code.
    """
    record = backfill.record
    if as_json:
        print_json(backfill_shown(backfill))
    else:
        click.echo(f"backfill {backfill.backfill_id} of {record.title}: {backfill.counts}")
    if backfill.status == "COMPLETED":
        return SUCCESS
    if record.error:
        click.echo(f"  {first_line(record.error)}", err=True)
    again = ["jobnb", "backfill", "resume", *map(str, code.as_arguments()), backfill.backfill_id]
    again += ["--max-parallel", str(max_parallel)] if max_parallel > 1 else []
    _report_failures(backfill, shlex.join(again))
    return FAILED


def _report_failures(backfill: Backfill, again: str) -> None:
    """Print on stderr which partitions failed, the first error, and how to try them again."""
    latest: dict[str, JobRun] = {}
    for run in backfill.runs:  # the latest first
        latest.setdefault(run.partition_words, run)
    failed = {key: run for key, run in reversed(latest.items()) if run.is_failure}
    if not failed:
        return
    left = len(failed) - _MOST_KEYS
    more = f" and {left:,} more" if left > 0 else ""
    click.echo(f"  failed: {', '.join(list(failed)[:_MOST_KEYS])}{more}", err=True)
    key, run = next(iter(failed.items()))
    state = backfill.instance.run_state(run.run_id)
    errors = (step.error for step in state.steps.values() if step.error is not None)
    why = first_line(str(next(errors, state.error) or ""))
    click.echo(f"  the first, {key}, in the run {run.run_id}: {why}", err=True)
    click.echo(f"  try again what was not made: {again}", err=True)


def _wait(task: Any) -> None:
    """Wait for a task; Ctrl-C cancels it."""
    try:
        task.wait()
    except KeyboardInterrupt:
        task.cancel("Interrupted")
        task.wait()
        raise
