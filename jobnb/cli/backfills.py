"""`jobnb backfill`: list, show, cancel and resume the backfills of the history."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from jobnb.cli.backfill_report import (
    awaited,
    backfill_row,
    backfill_shown,
    detach_option,
    parallel_option,
    report_backfill,
    seconds_of,
    see_awaited,
    wait_option,
)
from jobnb.cli.exit_codes import FAILED
from jobnb.cli.history import history_in, home_of_location, takes_id
from jobnb.cli.jobs import terminable
from jobnb.cli.location import takes_code, takes_home
from jobnb.cli.name_completion import complete_backfill_ids
from jobnb.cli.output import (
    as_json_option,
    counted,
    duration,
    first_line,
    moment,
    print_json,
    show_rows,
)
from jobnb.errors import InvalidInvocationError, InvalidSubsetError

if TYPE_CHECKING:
    from jobnb.notebook.code_source import CodeSource
    from jobnb.storage.backfill import PartitionBackfill
    from jobnb.storage.instance import Instance

_LATEST = 2000  # backfills among which one is found by the beginning of its id
_STATUSES = {
    "running": "REQUESTED",
    "succeeded": "COMPLETED",
    "failed": "FAILED",
    "canceled": "CANCELED",
}


def full_backfill_id(instance: Instance, text: str) -> str:
    """Return the id of the backfill that a text names: the whole id, or its unique beginning.

    Raises:
        InvalidSubsetError: If there is none, or several begin so.
    """
    if instance.get_backfill(text) is not None:
        return text
    ids = [each.backfill_id for each in instance.get_backfills(limit=_LATEST)]
    found = [each for each in ids if each.startswith(text)]
    if len(found) == 1:
        return found[0]
    if found:
        some = ", ".join(found[:5])
        raise InvalidSubsetError(f"{len(found)} backfills begin with {text!r}: {some}.")
    raise InvalidSubsetError(
        f"There is no backfill {text!r} in {instance.home}. `jobnb backfill list` gives the latest."
    )


@click.command("list")
@click.argument("location", metavar="[NOTEBOOK|FILE.py|MODULE]", type=click.Path(), required=False)
@takes_home
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000),
              metavar="N", help="How many at most.")  # fmt: skip
@click.option("--cursor", metavar="BACKFILL_ID", help="Only backfills older than this one.")
@click.option(
    "--status",
    multiple=True,
    type=click.Choice([*_STATUSES, *_STATUSES.values()], case_sensitive=False),
    metavar="STATUS",
    help="Only those that stand so: running, succeeded, failed, canceled; may be repeated.",
)
@as_json_option
def backfill_list(
    location: str | None,
    home: Path,
    limit: int,
    cursor: str | None,
    status: tuple[str, ...],
    as_json: bool,
) -> None:
    """List the backfills in the history, the newest first."""
    from jobnb.storage.history import has_history

    place = home if location is None else home_of_location(location)
    records: list[PartitionBackfill] = []
    if has_history(place):
        from jobnb.storage.backfill import BackfillFilter, BackfillStatus
        from jobnb.storage.instance import Instance

        wanted = BackfillFilter(tuple(BackfillStatus(_STATUSES.get(name, name)) for name in status))
        with Instance.from_home(place) as instance:
            records = list(instance.get_backfills(cursor=cursor, limit=limit + 1, filters=wanted))
    shown = records[:limit]
    if as_json:
        print_json([backfill_row(record) for record in shown])
        return
    more = f"More: --cursor {shown[-1].backfill_id}" if len(records) > limit else ""
    none = f"No backfills in {place}"
    none += " are as asked for." if cursor or status else "."
    titles = ("backfill", "target", "status", "began", "took", "partitions")
    show_rows(titles, [_shown(record) for record in shown], none, more)


def _shown(record: PartitionBackfill) -> dict[str, Any]:
    from jobnb.automation.backfill_progress import counts_of
    from jobnb.display.backfill_views import backfill_word

    return {
        "backfill": record.backfill_id,
        "target": record.title,
        "status": backfill_word(record.status.value),
        "began": moment(record.backfill_timestamp),
        "took": duration(seconds_of(record)),
        "partitions": str(counts_of(record)),
    }


@click.command("show")
@takes_id("backfill", complete_backfill_ids)
@as_json_option
def backfill_show(backfill_id: str, home: Path, as_json: bool) -> None:
    """Show a backfill: how far it is, what failed, and why.

    BACKFILL_ID is the id, or as much of its beginning as is unique.
    """
    from jobnb.automation.backfill_followed import FollowedBackfill

    with history_in(home) as instance:
        record = instance.get_backfill(full_backfill_id(instance, backfill_id))
        assert record is not None
        found = backfill_shown(FollowedBackfill(record, instance))
    if as_json:
        print_json(found)
        return
    for name, value in {**_shown(record), "error": first_line(record.error)}.items():
        if value:
            click.echo(f"{name:<10} {value}")
    click.echo(f"{'runs':<10} {counted(len(found['runs']), 'run')}")
    if found["failures"]:
        click.echo("")
        rows = [{**each, "why": first_line(each["error"])} for each in found["failures"]]
        show_rows(("step", "partition", "why"), rows, "")


@click.command("cancel")
@takes_id("backfill", complete_backfill_ids)
@click.option("--reason", metavar="TEXT", default="", help="Why, for its record.")
@click.option(
    "--timeout",
    type=click.FloatRange(0),
    default=60.0,
    show_default=True,
    metavar="S",
    help="Seconds to wait for its end.",
)
@click.pass_context
def backfill_cancel(
    ctx: click.Context, backfill_id: str, home: Path, reason: str, timeout: float
) -> None:
    """Cancel a backfill, in whatever process it is, and wait for its end. What is made is kept.

    The exit code is 1 if it cannot be canceled, or goes on after that time.
    """
    from jobnb.automation.backfill_followed import find_backfill

    with history_in(home) as instance:
        found = full_backfill_id(instance, backfill_id)
        backfill = find_backfill(instance, found)
        if backfill.is_finished:
            raise InvalidInvocationError(f"The backfill {found} has ended already.")
        if not backfill.cancel(reason):
            click.echo(
                f"jobnb: no process has the backfill {found}: nobody can be asked.", err=True
            )
            ctx.exit(FAILED)
        if not backfill.wait(timeout).is_finished:
            click.echo(f"jobnb: the backfill {found} was asked to end, and goes on.", err=True)
            ctx.exit(FAILED)
    click.echo(f"Canceled the backfill {found}")


@click.command("resume")
@takes_code(names="BACKFILL_ID", completes=complete_backfill_ids)
@parallel_option
@detach_option
@wait_option
@click.pass_context
def backfill_resume(
    ctx: click.Context,
    code: CodeSource,
    names: tuple[str, ...],
    max_parallel: int,
    detach: bool,
    wait: bool,
) -> None:
    """Try again what a backfill has not made: one that failed in part, or was canceled or killed.

    The job or assets are those that the notebook, file or module defines now.
    """
    see_awaited(detach=detach, wait=wait)
    if len(names) != 1:
        raise InvalidInvocationError("Name one backfill: jobnb backfill resume NOTEBOOK ID.")
    session = code.open_session()
    found = full_backfill_id(session.instance, names[0])
    with code.entered(), terminable():
        backfill = session.resume_backfill(found, max_parallel=max_parallel, detach=detach)
        awaited(backfill, detach=detach, wait=wait, as_json=False)
    if detach and not wait:
        return
    ctx.exit(report_backfill(backfill, code, max_parallel))
