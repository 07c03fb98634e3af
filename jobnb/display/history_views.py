"""The view of the history of runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobnb.display.html import Html, badge, code, header, join, pairs, table, tag
from jobnb.display.palette import SIGNS
from jobnb.display.picture import Status, duration_text
from jobnb.display.run_marks import run_status, run_word
from jobnb.display.text import counted, moment, table_text
from jobnb.display.view import View
from jobnb.state import RunStatus
from jobnb.storage.run import UNREADABLE_TAG, JobRun, RunRecord
from jobnb.storage.run_table import RunTable

_SHOWN = 20


def run_table_view(runs: RunTable) -> View:
    """Return the view of the last runs, the latest first."""
    rows, total = runs.rows(_SHOWN), len(runs)
    more = f"… {total - _SHOWN:,} more" if total > _SHOWN else ""
    titles = ["run", "job", "status", "created", "time", "notebook", "partition"]
    html = join(
        [
            header("Runs", note=counted(total, "run")),
            table(titles, [_cells(row) for row in rows]) if rows else None,
            tag("div", more, css="jn-muted") if more else None,
        ]
    )
    lines = [counted(total, "run"), table_text(titles, [_words(row) for row in rows]), more]
    return View("runs", "\n".join(line for line in lines if line), html)


def _cells(row: Mapping[str, Any]) -> list[Html | str]:
    run, job, _, *rest = _words(row)
    return [code(run), job, badge(_status(row)), *rest]


def _words(row: Mapping[str, Any]) -> list[str]:
    return [
        str(row["run_id"])[:8],
        str(row["job"]) + (" (unreadable)" if UNREADABLE_TAG in row["tags"] else ""),
        f"{SIGNS[_status(row)]} {run_word(RunStatus(row['status']))}".strip(),
        moment(row["created"].timestamp()),
        duration_text(row["seconds"]),
        str(row["notebook"] or ""),
        str(row["partition"] or ""),
    ]


def _status(row: Mapping[str, Any]) -> Status:
    return run_status(RunStatus(row["status"]))


def record_view(record: RunRecord) -> View:
    """Return the record of a run: how it ended, when, and what launched it."""
    told = {**_facts(record.dagster_run), "created": moment(record.create_timestamp.timestamp())}
    for name, when in (("started", record.start_time), ("ended", record.end_time)):
        told[name] = "" if when is None else moment(when)
    return _facts_view(record.dagster_run, repr(record), told)


def recorded_run_view(run: JobRun) -> View:
    """Return a run as the history has it."""
    return _facts_view(run, repr(run), _facts(run))


def _facts(run: JobRun) -> dict[str, str]:
    return {
        "run": run.run_id,
        "job": run.job_name,
        "status": run_word(run.status),
        "partition": run.partition_key or "",
        "notebook": run.notebook or "",
        "tags": ", ".join(f"{name}: {value}" for name, value in run.tags.items()),
    }


def _facts_view(run: JobRun, line: str, facts: Mapping[str, str]) -> View:
    rows = {name: code(text) for name, text in facts.items() if text}
    html = join([header(run.job_name, "run", run_status(run.status)), pairs(rows)])
    return View(f"run {run.run_id}", line, html)
