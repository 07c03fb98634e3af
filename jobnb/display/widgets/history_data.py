"""The history as plain data: pages of runs, options of the filters, the comparison of two runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from jobnb.definitions.jobs.job_config import run_title
from jobnb.display.run_marks import real_steps, run_status, run_word, step_status
from jobnb.display.text import shorten
from jobnb.display.value_words import short_repr
from jobnb.display.widgets.previews import clean
from jobnb.errors import InvariantViolationError, did_you_mean
from jobnb.state import RunState, RunStatus, fold
from jobnb.storage.instance import Instance
from jobnb.storage.run import BACKFILL_TAG, JobRun, RunRecord, RunsFilter

_OWN_TAGS = ("dagster/", "jobnb/")
_MOST_TAGS, _MOST_ASSETS, _MOST_IDS = 12, 3, 500
_MOST_KEYS, _MOST_VALUES = 40, 50
_LAUNCHERS = {
    "dagster/schedule_name": "schedule",
    "dagster/sensor_name": "sensor",
    BACKFILL_TAG: "backfill",
    "dagster/parent_run_id": "again, after",
}


def run_row(record: RunRecord) -> dict[str, Any]:
    """Return a run as the table shows it."""
    run = record.run
    own = {key: tag for key, tag in run.tags.items() if not key.startswith(_OWN_TAGS)}
    seconds = None
    if record.start_time is not None and record.end_time is not None:
        seconds = record.end_time - record.start_time
    found: dict[str, Any] = clean(
        {
            "run_id": run.run_id,
            "job": run_title(run.job_name, only_checks=run.makes_only_checks),
            "target": _target(run),
            "status": run_status(run.status).value,
            "word": run_word(run.status),
            "finished": run.is_finished,
            "created": record.create_timestamp.timestamp(),
            "started": record.start_time,
            "seconds": seconds,
            "by": _launched_by(run),
            "backfill": run.tags.get(BACKFILL_TAG, ""),
            "partition": run.partition_words,
            "notebook": run.notebook or "",
            "tags": dict(list(own.items())[:_MOST_TAGS]),
        }
    )
    return found


def _target(run: JobRun) -> str:
    """Return the selection, unless all was selected; for an unreadable run, the reason."""
    if run.unreadable:
        return run.unreadable
    if run.asset_selection or run.asset_check_selection:
        keys = run.asset_selection or run.asset_check_selection or ()
        names = sorted(key.to_user_string() for key in keys)
        left = len(names) - _MOST_ASSETS
        more = f" and {left:,} more" if left > 0 else ""
        return ", ".join(names[:_MOST_ASSETS]) + more
    chosen = run.op_selection or run.step_keys_to_execute or ()
    return shorten(", ".join(chosen), 120)


def _launched_by(run: JobRun) -> str:
    """Return what requested the run; a person, if nothing else is known."""
    for tag, noun in _LAUNCHERS.items():
        if value := run.tags.get(tag):
            return f"{noun} {value[:8] if noun.startswith('again') else value}"
    return f"again, after {run.parent_run_id[:8]}" if run.parent_run_id else "by hand"


def filter_of(instance: Instance, asked: Mapping[str, Any]) -> RunsFilter | None:
    """Return the filter that a front end asks for; None where it asks for nothing.

    Args:
        instance: Where runs are looked up by the beginning of their id.
        asked: `statuses`, `job`, `notebook`, `tags`, `id`, `after` and `before` (local times),
            all optional.

    Raises:
        InvariantViolationError: If a status or time cannot be read.
    """
    given: dict[str, Any] = {}
    if asked.get("statuses"):
        given["statuses"] = [_status(name) for name in asked["statuses"]]
    if job := str(asked.get("job") or "").strip():
        given["job_name"] = job
    if notebook := str(asked.get("notebook") or "").strip():
        given["notebook"] = notebook
    if tags := {str(key): str(value) for key, value in (asked.get("tags") or {}).items()}:
        given["tags"] = tags
    if start := str(asked.get("id") or "").strip():
        given["run_ids"] = _ids(instance, start)
    for name in ("after", "before"):
        if text := asked.get(name):
            given[f"created_{name}"] = _moment(str(text))
    return RunsFilter(**given) if given else None


def _status(name: str) -> RunStatus:
    try:
        return RunStatus(name.upper())
    except ValueError:
        hint = did_you_mean(name.upper(), [status.value for status in RunStatus])
        raise InvariantViolationError(f"There is no run status {name!r}. {hint}") from None


def _ids(instance: Instance, start: str) -> list[str]:
    if len(start) >= 36:
        return [start]
    found = [run_id for run_id in instance.get_run_ids() if run_id.startswith(start)]
    return found[:_MOST_IDS]


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError:
        raise InvariantViolationError(
            f"{text!r} is not a time. Write it as 2013-01-31T09:30."
        ) from None


def page_of(
    instance: Instance, asked: Mapping[str, Any], cursor: str | None, limit: int
) -> dict[str, Any]:
    """Return one page of runs, newest first; only these are read."""
    filters = filter_of(instance, asked)
    records = instance.get_run_records(filters, limit=limit + 1, cursor=cursor)
    shown = records[:limit]
    return {
        "rows": [run_row(record) for record in shown],
        "total": instance.get_runs_count(filters),
        "next": shown[-1].run.run_id if len(records) > limit else None,
    }


def choices(instance: Instance, job_names: Sequence[str]) -> dict[str, Any]:
    """Return the options of the filters."""
    keys = list(instance.get_run_tag_keys())[:_MOST_KEYS]
    tags = {
        key: sorted(values)
        for name in keys
        for key, values in instance.get_run_tags([name], limit=_MOST_VALUES)
    }
    found: dict[str, Any] = clean(
        {
            "statuses": [
                {
                    "name": status.value,
                    "word": run_word(status),
                    "status": run_status(status).value,
                }
                for status in _SHOWN_STATUSES
            ],
            "jobs": sorted(set(job_names)),
            "notebooks": list(instance.get_run_notebooks()),
            "tags": tags,
        }
    )
    return found


_SHOWN_STATUSES = (
    RunStatus.QUEUED,
    RunStatus.STARTED,
    RunStatus.SUCCESS,
    RunStatus.FAILURE,
    RunStatus.CANCELED,
)


# --- two runs side by side ------------------------------------------------


def compared(instance: Instance, run_ids: Sequence[str]) -> dict[str, Any]:
    """Compare config, tags and steps of two runs, line by line.

    Raises:
        InvariantViolationError: If these are not two runs of the history.
    """
    records = [instance.get_run_record_by_id(run_id) for run_id in run_ids]
    found = [record for record in records if record is not None]
    if len(found) != 2:
        raise InvariantViolationError("Two runs of this history are compared with each other.")
    runs = [record.run for record in found]
    states = [fold(instance.events(run.run_id)) for run in runs]
    data: dict[str, Any] = clean(
        {
            "runs": [run_row(record) for record in found],
            "config": _lines(*(_flat(msgspec.to_builtins(run.run_config)) for run in runs)),
            "tags": _lines(*(dict(run.tags) for run in runs)),
            "steps": _steps(*states),
        }
    )
    return data


def _flat(config: Any, path: str = "") -> dict[str, str]:
    """Return every value of a config by its path."""
    if isinstance(config, Mapping) and config:
        found: dict[str, str] = {}
        for key, value in config.items():
            found |= _flat(value, f"{path} › {key}" if path else str(key))
        return found
    return {path: config if isinstance(config, str) else short_repr(config, 400)} if path else {}


def _lines(one: Mapping[str, str], other: Mapping[str, str]) -> list[dict[str, Any]]:
    names = list(dict.fromkeys([*one, *other]))
    return [
        {
            "name": name,
            "values": [one.get(name), other.get(name)],
            "same": one.get(name) == other.get(name),
        }
        for name in names
    ]


def _steps(one: RunState, other: RunState) -> list[dict[str, Any]]:
    sides = [{step.key: step for step in real_steps(state)} for state in (one, other)]
    keys = list(dict.fromkeys([*sides[0], *sides[1]]))
    return [
        {
            "name": key,
            "values": [
                {"status": step_status(side[key].status).value, "seconds": side[key].seconds}
                if key in side
                else None
                for side in sides
            ],
        }
        for key in keys
    ]
