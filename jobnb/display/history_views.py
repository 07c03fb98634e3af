"""The view of the history of runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobnb.display.html import Html, badge, code, header, join, table, tag
from jobnb.display.palette import SIGNS
from jobnb.display.picture import Status, duration_text
from jobnb.display.run_marks import run_status, run_word
from jobnb.display.text import counted, moment, table_text
from jobnb.display.view import View
from jobnb.state import RunStatus
from jobnb.storage.run import UNREADABLE_TAG
from jobnb.storage.run_table import RunTable

_SHOWN = 20


def run_table_view(runs: RunTable) -> View:
    """Return the view of the last runs, the latest first."""
    rows, total = runs.rows(_SHOWN), len(runs)
    more = f"… {total - _SHOWN:,} more" if total > _SHOWN else ""
    titles = ["run", "job", "status", "created", "time", "notebook", "partition"]
    html = join(
        [
            header("runs", note=counted(total, "run")),
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
