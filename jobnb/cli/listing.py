"""`jobnb job list` and `jobnb asset list`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from jobnb.cli.location import takes_code
from jobnb.cli.name_completion import complete_selection
from jobnb.cli.output import as_json_option, first_line, print_json, show_rows

if TYPE_CHECKING:
    from jobnb.notebook.code_source import CodeSource


def _takes_fresh(function: Any) -> Any:
    """Add the option of the cache of definitions to a command."""
    return click.option(
        "--fresh", is_flag=True, help="Load the definitions again, even if nothing has changed."
    )(function)


@click.command("list")
@takes_code()
@_takes_fresh
@as_json_option
def job_list(code: CodeSource, fresh: bool, as_json: bool) -> None:
    """List the jobs of a notebook, Python file or module.

    Its code is loaded in a process of its own, without its runs and without cells tagged
    'explore'. The list is cached until the code, or what it reads, changes.
    """
    from jobnb.notebook.outlines import outline_for

    rows = outline_for(code, again=fresh)["jobs"]
    if as_json:
        print_json(rows)
        return
    shown = [
        {
            "job": row["name"],
            "kind": row["kind"],
            "partitioned": row["partitioned"],
            "description": first_line(row["description"]),
        }
        for row in rows
    ]
    titles = ("job", "kind", "partitioned", "description")
    show_rows(titles, shown, f"{code.name} defines no jobs.")


@click.command("list")
@takes_code()
@click.option("-s", "--select", "selection", metavar="SELECTION", help="Only these, as '+revenue'.",
              shell_complete=complete_selection)  # fmt: skip
@_takes_fresh
@as_json_option
def asset_list(code: CodeSource, selection: str | None, fresh: bool, as_json: bool) -> None:
    """List the assets of a notebook, Python file or module.

    With a history, also the status of each asset: missing, stale (and why), fresh, failed; or
    that its partitions have no keys yet.
    """
    from jobnb.storage.history import has_history

    if selection is None and not has_history(code.home):
        from jobnb.notebook.outlines import outline_for

        rows = [{**row, "status": None} for row in outline_for(code, again=fresh)["assets"]]
    else:
        rows = _as_they_stand(code, selection)
    if as_json:
        print_json(rows)
        return
    shown = [
        {
            "asset": row["key"],
            "group": row["group"],
            "from": row["deps"],
            "status": _status_words(row["status"]),
            "description": first_line(row["description"]),
        }
        for row in rows
    ]
    status = ("status",) if any(row["status"] for row in rows) else ()
    nothing = f"{code.name} defines no assets." if selection is None else "Nothing is selected."
    show_rows(("asset", "group", "from", *status, "description"), shown, nothing)


def _as_they_stand(code: CodeSource, selection: str | None) -> list[dict[str, Any]]:
    """Return the assets with their statuses; only those that a selection names."""
    from jobnb.notebook.outline import outline_of
    from jobnb.storage.history import has_history

    definitions = code.load()
    statuses = _statuses(code, definitions) if has_history(code.home) else None
    wanted = None
    if selection is not None:
        wanted = definitions.named_by(
            selection,
            lambda key: "missing" if statuses is None else statuses[key].status.value,
        )
    told: dict[str, Any] = {}
    if statuses is not None:
        told = {each.key.to_user_string(): _status(each) for each in statuses.values()}
    names = None if wanted is None else {key.to_user_string() for key in wanted}
    return [
        {**row, "status": told.get(row["key"])}
        for row in outline_of(definitions)["assets"]
        if names is None or row["key"] in names
    ]


def _statuses(code: CodeSource, definitions: Any) -> Any:
    from jobnb.staleness.survey import Survey

    with code.open_instance() as instance:
        return Survey(definitions, instance).statuses()


def _status(status: Any) -> dict[str, Any]:
    word = status.status.value
    reasons = [] if word in ("missing", "fresh") else list(status.reasons)
    if status.counts is not None:
        causes = [cause.seen_from(status.key) for cause in status.causes]
        reasons = [status.counts.words, *causes]
    return {"status": word, "reasons": reasons}


def _status_words(status: dict[str, Any] | None) -> str:
    if status is None:
        return ""
    from jobnb.staleness.causes import NO_PARTITIONS

    if status["reasons"] == [NO_PARTITIONS]:
        return NO_PARTITIONS
    return ": ".join([status["status"], *filter(None, ["; ".join(status["reasons"])])])
