"""`jobnb run`: list, show, cancel, resume, delete and wipe runs of the history."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from jobnb.cli.confirmation import confirm, yes_option
from jobnb.cli.exit_codes import FAILED
from jobnb.cli.history import history_in, home_of_location, takes_id
from jobnb.cli.location import takes_code, takes_home
from jobnb.cli.name_completion import complete_job_names, complete_run_ids
from jobnb.cli.output import (
    as_json_option,
    counted,
    duration,
    first_line,
    moment,
    print_json,
    show_rows,
    utc,
)
from jobnb.errors import InvalidInvocationError

if TYPE_CHECKING:
    from jobnb.notebook.code_source import CodeSource
    from jobnb.storage.instance import Instance

_STATUSES = (
    "QUEUED", "NOT_STARTED", "STARTING", "STARTED", "SUCCESS", "FAILURE", "CANCELING", "CANCELED",
)  # fmt: skip
_SHOWN_AS = {
    "running": ("STARTING", "STARTED", "CANCELING"),
    "succeeded": ("SUCCESS",),
    "failed": ("FAILURE",),
}
"""The words of the table, where they are not Dagster's."""


def full_run_id(instance: Instance, text: str) -> str:
    """Return the id of the run that a text names: the whole id, or its unique beginning.

    Raises:
        RunNotFoundError: If there is none, or several begin so.
    """
    from jobnb.execution.run_lookup import full_id

    return full_id(instance, text)


@click.command("list")
@click.argument("location", metavar="[NOTEBOOK|FILE.py|MODULE]", type=click.Path(), required=False)
@takes_home
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000),
              metavar="N", help="How many at most.")  # fmt: skip
@click.option("--cursor", metavar="RUN_ID", help="Only runs older than this one.")
@click.option("-j", "--job", metavar="NAME", shell_complete=complete_job_names,
              help="Only runs of this job.")  # fmt: skip
@click.option(
    "--status",
    multiple=True,
    type=click.Choice([*_SHOWN_AS, *_STATUSES], case_sensitive=False),
    metavar="STATUS",
    help="Only runs that stand so: running, succeeded, failed, queued, canceled...; may be "
    "repeated.",
)
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="Only runs with this tag.")
@click.option(
    "--launched-by", metavar="PATH", help="Only runs that this notebook or script launched."
)
@as_json_option
def run_list(
    location: str | None,
    home: Path,
    limit: int,
    cursor: str | None,
    job: str | None,
    status: tuple[str, ...],
    tags: tuple[str, ...],
    launched_by: str | None,
    as_json: bool,
) -> None:
    """List the runs in the history, the newest first.

    The history is that of $JOBNB_HOME, else of the .jobnb folder beside the notebook or file,
    or in this folder where none is named; $JOBNB_DATABASE names a database that has it instead.
    """
    from jobnb.cli.run_options import read_tags
    from jobnb.storage.history import has_history

    place = home if location is None else home_of_location(location)
    records: list[Any] = []
    if has_history(place):
        from jobnb.state import RunStatus
        from jobnb.storage.instance import Instance
        from jobnb.storage.run import RunsFilter

        statuses = [RunStatus(each) for name in status for each in _SHOWN_AS.get(name, (name,))]
        wanted = RunsFilter(
            job_name=job, statuses=statuses, notebook=launched_by, tags=read_tags(tags)
        )
        with Instance.from_home(place) as instance:
            records = list(instance.get_run_records(filters=wanted, limit=limit + 1, cursor=cursor))
    shown = records[:limit]
    if as_json:
        print_json([run_row(record) for record in shown])
        return
    more = f"More: --cursor {shown[-1].run.run_id}" if len(records) > limit else ""
    titles = ("run", "job", "status", "started", "took", "notebook", "partition")
    rows = [_shown(each) for each in shown]
    if sys.stdout.isatty():  # a terminal is narrow, and the beginning of an id is enough
        rows = [{**row, "run": row["run"][:8]} for row in rows]
    narrowed = cursor or job or status or tags or launched_by
    none = f"No runs in {place} are as asked for." if narrowed else f"No runs in {place}."
    show_rows(titles, rows, none, more)


def run_row(record: Any) -> dict[str, Any]:
    """Return a run as programs read it."""
    run, start, end = record.run, record.start_time, record.end_time
    return {
        "run_id": run.run_id,
        "job": run.title,
        "status": run.status.value,
        "created": record.create_timestamp.isoformat(timespec="microseconds"),
        "started": utc(start),
        "ended": utc(end),
        "seconds": None if start is None or end is None else end - start,
        "notebook": run.notebook,
        "partition": run.partition_words or None,
        "parent_run_id": run.parent_run_id,
        "tags": {key: value for key, value in run.tags.items() if not key.startswith(".")},
        "unreadable": run.unreadable,
    }


def _shown(record: Any) -> dict[str, Any]:
    from jobnb.display.run_marks import run_word

    run, start, end = record.run, record.start_time, record.end_time
    word = run_word(run.status)
    return {
        "run": run.run_id,
        "job": run.title,
        "status": f"{word} (unreadable)" if run.unreadable else word,
        "started": moment(start),
        "took": duration(None if start is None or end is None else end - start),
        "notebook": run.notebook,
        "partition": run.partition_words,
    }


@click.command("show")
@takes_id("run", complete_run_ids)
@as_json_option
def run_show(run_id: str, home: Path, as_json: bool) -> None:
    """Show a run, step by step: how each ended, how long it took, why it failed.

    RUN_ID is the id, or as much of its beginning as is unique.
    """
    with history_in(home) as instance:
        record = instance.get_run_record_by_id(full_run_id(instance, run_id))
        state = instance.run_state(record.run.run_id)  # type: ignore[union-attr]
    steps = [_step_row(step) for step in state.steps.values()]
    error = str(state.error) if state.error else None
    if as_json:
        run = record.run  # type: ignore[union-attr]
        config = dict(run.run_config)
        print_json({**run_row(record), "config": config, "error": error, "steps": steps})
        return
    for name, value in _shown(record).items():
        if value:
            click.echo(f"{name:<10} {value}")
    if error:
        click.echo(f"{'error':<10} {first_line(error)}")
    click.echo("")
    shown = [
        {**step, "took": duration(step["seconds"]), "why": first_line(step["error"])}
        for step in steps
    ]
    why = ("why",) if any(each["why"] for each in shown) else ()
    show_rows(("step", "status", "took", *why), shown, "It has no steps yet.")


def _step_row(step: Any) -> dict[str, Any]:
    return {
        "step": step.key,
        "status": step.status.value,
        "seconds": step.seconds,
        "error": str(step.error) if step.error else None,
    }


@click.command("delete")
@takes_id("run", complete_run_ids)
@click.option("--force", is_flag=True, hidden=True)  # Dagster's spelling
@yes_option
def run_delete(run_id: str, home: Path, force: bool, yes: bool) -> None:
    """Delete a run and its log from the history. Stored values stay."""
    with history_in(home) as instance:
        found = full_run_id(instance, run_id)
        _see_ended(instance, found)
        confirm(f"Delete the run {found}?", yes=yes or force)
        instance.delete_run(found)
    click.echo(f"Deleted the run {found}")


@click.command("wipe")
@takes_home
@click.option("--force", is_flag=True, hidden=True)
@yes_option
def run_wipe(home: Path, force: bool, yes: bool) -> None:
    """Delete all runs and their logs from the history. Stored values stay."""
    from jobnb.state import RunStatus
    from jobnb.storage.run import RunsFilter

    with history_in(home) as instance:
        going = instance.get_run_ids(
            RunsFilter(statuses=[RunStatus.STARTING, RunStatus.STARTED, RunStatus.CANCELING])
        )
        if going:
            raise InvalidInvocationError(
                f"The run {going[0]} is in progress. Wait for its end, or cancel it: "
                f"jobnb run cancel {going[0]}"
            )
        ids = instance.get_run_ids()
        confirm(f"Delete all {counted(len(ids), 'run')} in {home}?", yes=yes or force)
        for each in ids:
            instance.delete_run(each)
    click.echo(f"Deleted {counted(len(ids), 'run')}")


def _see_ended(instance: Instance, run_id: str) -> None:
    run = instance.get_run_by_id(run_id)
    if run is not None and run.status.value in ("STARTING", "STARTED", "CANCELING"):
        raise InvalidInvocationError(
            f"The run {run_id} is in progress. "
            f"Wait for its end, or cancel it: jobnb run cancel {run_id}"
        )


@click.command("resume")
@takes_code(names="RUN_ID", completes=complete_run_ids)
@click.option("--all-steps", is_flag=True, help="Run all of its steps again.")
@click.option("--steps", metavar="SELECTION", help="Only these steps, as 'clean+'.")
@click.pass_context
def run_resume(
    ctx: click.Context,
    code: CodeSource,
    names: tuple[str, ...],
    all_steps: bool,
    steps: str | None,
) -> None:
    """Run again what did not succeed in a run, in this process; the rest is loaded.

    The job is the one that the notebook, file or module defines now.
    """
    if len(names) != 1:
        raise InvalidInvocationError("Name one run: jobnb run resume NOTEBOOK RUN_ID.")
    if steps is not None and all_steps:
        raise InvalidInvocationError("--steps and --all-steps do not go together.")
    from jobnb.cli.jobs import report_run

    session = code.open_session()
    found = full_run_id(session.instance, names[0])
    with code.entered():
        run = session.rerun(
            found,
            from_failure=not all_steps and steps is None,
            steps=steps.split(",") if steps else None,
        )
        run.wait()
    ctx.exit(report_run(session.instance, run.run_id))


@click.command("cancel")
@takes_id("run", complete_run_ids)
@click.option("--reason", metavar="TEXT", default="", help="Why, for the log of the run.")
@click.option(
    "--timeout",
    type=click.FloatRange(0),
    default=60.0,
    show_default=True,
    metavar="S",
    help="Seconds to wait for its end.",
)
@click.pass_context
def run_cancel(ctx: click.Context, run_id: str, home: Path, reason: str, timeout: float) -> None:
    """Cancel a run, in whatever process it is, and wait for its end.

    The exit code is 1 if it cannot be canceled, or goes on after that time.
    """
    from jobnb.registry.session import Session

    with history_in(home) as instance:
        found = full_run_id(instance, run_id)
        record = instance.get_run_by_id(found)
        if record is None or record.is_finished:
            raise InvalidInvocationError(f"The run {found} has ended already.")
        run = Session(str(home.absolute())).run(found)
        if not run.cancel(reason):
            click.echo(f"jobnb: no process has the run {found}: nobody can be asked.", err=True)
            ctx.exit(FAILED)
        if not run.wait(timeout).is_finished:
            click.echo(f"jobnb: the run {found} was asked to end, and still runs.", err=True)
            ctx.exit(FAILED)
    click.echo(f"Canceled the run {found}")
