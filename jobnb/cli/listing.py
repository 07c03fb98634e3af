"""`jobnb job list`, `jobnb asset list` and `jobnb run list`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

_LOCATION = click.argument("location", metavar="NOTEBOOK|FILE.py", type=click.Path())
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
_STATUSES = ("QUEUED", "NOT_STARTED", "STARTING", "STARTED", "SUCCESS", "FAILURE", "CANCELED")
_SHOWN_AS = {
    "running": ("STARTING", "STARTED"),
    "succeeded": ("SUCCESS",),
    "failed": ("FAILURE",),
}
"""The words of the table, where they are not Dagster's."""


@click.command("list")
@_LOCATION
@_JSON
def job_list(location: str, as_json: bool) -> None:
    """List the jobs that a notebook or Python file defines."""
    from jobnb.notebook.location import load_definitions

    definitions = load_definitions(location)
    rows = [_job_row(job) for job in definitions.jobs]
    show(("job", "kind", "description"), rows, as_json, f"{location} defines no jobs.")


def _job_row(job: Any) -> tuple[str, str, str]:
    from jobnb.definitions.assets.asset_job import AssetJobDefinition

    of_assets = isinstance(job, AssetJobDefinition) or job.asset_layer is not None
    kind = "assets" if of_assets else "ops"
    return job.name, kind, _first_line(getattr(job, "description", None))


def _first_line(text: str | None) -> str:
    return text.strip().splitlines()[0] if text and text.strip() else ""


@click.command("list")
@_LOCATION
@click.option("-s", "--select", "selection", metavar="SELECTION", help="Only these, as '+revenue'.")
@_JSON
def asset_list(location: str, selection: str | None, as_json: bool) -> None:
    """List the assets that a notebook or Python file defines.

    With a history, also the status of each asset: missing, stale (and why), fresh, failed.
    """
    from jobnb.notebook.location import load_definitions

    definitions = load_definitions(location)
    statuses = _statuses(location, definitions)
    wanted = _selected(definitions, selection, statuses)
    rows = [
        _asset_row(assets, key, statuses)
        for assets in definitions.assets
        for key in sorted(assets.keys)
        if wanted is None or key in wanted
    ]
    nothing = f"{location} defines no assets." if selection is None else "Nothing is selected."
    status = ("status",) if statuses is not None else ()
    show(("asset", "group", "from", *status, "description"), sorted(rows), as_json, nothing)


def _statuses(location: str, definitions: Any) -> Any:
    """Return the status of the assets; None without a history."""
    from jobnb.notebook.location import home_of
    from jobnb.storage.history import has_history

    home = home_of(location)
    if not has_history(home):
        return None
    from jobnb.staleness.survey import Survey
    from jobnb.storage.instance import Instance

    with Instance.from_home(home) as instance:
        instance.launched_by(location)
        return Survey(definitions, instance).statuses()


def _selected(definitions: Any, selection: str | None, statuses: Any) -> Any:
    if selection is None:
        return None
    if statuses is None:
        return definitions.named_by(selection, lambda _key: "missing")
    return definitions.named_by(selection, lambda key: statuses[key].status.value)


def _asset_row(assets: Any, key: Any, statuses: Any) -> tuple[str, ...]:
    sources = ", ".join(sorted(each.to_user_string() for each in assets.asset_deps[key]))
    description = _first_line(assets.descriptions_by_key.get(key))
    status = () if statuses is None else (_status_words(statuses[key]),)
    return key.to_user_string(), assets.group_names_by_key[key], sources, *status, description


def _status_words(status: Any) -> str:
    word = status.status.value
    if status.counts is not None:
        causes = [cause.seen_from(status.key) for cause in status.causes]
        return f"{word}: {'; '.join([status.counts.words, *causes])}"
    why = "; ".join(status.reasons)
    return word if word in ("missing", "fresh") else f"{word}: {why}"


@click.command("list")
@click.argument("location", metavar="[NOTEBOOK|FILE.py]", type=click.Path(), required=False)
@click.option("-n", "--limit", default=20, show_default=True, type=click.IntRange(1, 10_000))
@click.option("--cursor", metavar="RUN_ID", help="Only runs older than this one.")
@click.option("--job", metavar="NAME", help="Only runs of this job.")
@click.option(
    "--status",
    multiple=True,
    type=click.Choice([*_SHOWN_AS, *_STATUSES], case_sensitive=False),
    help="Only runs with this status; may be repeated.",
)
@click.option("--notebook", metavar="PATH", help="Only runs that this notebook or script launched.")
@_JSON
def run_list(
    location: str | None,
    limit: int,
    cursor: str | None,
    job: str | None,
    status: tuple[str, ...],
    notebook: str | None,
    as_json: bool,
) -> None:
    """List the runs in the history, the newest first.

    The history is that of $JOBNB_HOME, else of the .jobnb folder beside the notebook or file,
    or in this folder where none is named; $JOBNB_DATABASE names a database that has it instead.
    """
    from jobnb.display.run_marks import run_word
    from jobnb.notebook.location import home_of
    from jobnb.storage.history import has_history

    records: list[Any] = []
    more = False
    home = home_of(location)
    if has_history(home):
        records, more = _records(home, limit, cursor, job, status, notebook)
    titles = ("run", "job", "status", "started", "took", "notebook", "partition")
    word = (lambda status: str(status.value)) if as_json else run_word
    show(titles, [_run_row(record, word) for record in records], as_json, f"No runs in {home}.")
    if more and not as_json:
        last = records[-1].dagster_run.run_id
        click.echo(f"More: --cursor {last}")


def _records(
    home: Path,
    limit: int,
    cursor: str | None,
    job: str | None,
    status: tuple[str, ...],
    notebook: str | None,
) -> tuple[list[Any], bool]:
    """Return a page of runs, and whether there are more."""
    from jobnb.state import RunStatus
    from jobnb.storage.instance import Instance
    from jobnb.storage.run import RunsFilter

    statuses = [RunStatus(each) for name in status for each in _SHOWN_AS.get(name, (name,))]
    wanted = RunsFilter(job_name=job, statuses=statuses, notebook=notebook)
    with Instance.from_home(home) as instance:
        found = instance.get_run_records(filters=wanted, limit=limit + 1, cursor=cursor)
    return list(found[:limit]), len(found) > limit


def _run_row(record: Any, word: Callable[[Any], str]) -> tuple[str, ...]:
    from jobnb.cli.faces import duration
    from jobnb.display.text import moment

    run, start, end = record.dagster_run, record.start_time, record.end_time
    started = moment(start) if start else ""
    took = duration(end - start) if start and end else ""
    by, partitions = run.notebook or "", run.partition_words
    status = f"{word(run.status)} (unreadable)" if run.unreadable else word(run.status)
    return run.run_id, run.title, status, started, took, by, partitions


def show(
    titles: tuple[str, ...], rows: Sequence[tuple[str, ...]], as_json: bool, none: str
) -> None:
    """Print a table, or the same as JSON."""
    if as_json:
        import json

        click.echo(json.dumps([dict(zip(titles, row, strict=True)) for row in rows], indent=2))
        return
    if not rows:
        click.echo(none)
        return
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:  # A pipe has no width: nothing is cut.
        console.width = 10_000
    console.print(_table(titles, rows))


def _table(titles: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Any:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for index, title in enumerate(titles):
        table.add_column(title, no_wrap=index == 0)
    for row in rows:
        table.add_row(*(Text(part) for part in row))  # The user's text is not markup.
    return table
