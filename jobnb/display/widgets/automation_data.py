"""Schedules and sensors as plain data: their states, their ticks, what one would launch."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from jobnb.automation.automation import Automation
from jobnb.automation.loop import runs
from jobnb.automation.tick_evaluation import Definition, Evaluation
from jobnb.definitions.automation.schedule import ScheduleDefinition
from jobnb.definitions.jobs.job_config import run_title
from jobnb.definitions.locations.definitions import GLOBAL_ASSET_JOB
from jobnb.display.automation_times import (
    clock_change,
    coming,
    cron_words,
    interval_words,
    next_look,
)
from jobnb.display.automation_views import TICK_WORDS, targets_words, watched_words
from jobnb.display.noun_views import doc_line
from jobnb.display.picture import Status
from jobnb.display.run_marks import run_status, run_word
from jobnb.display.text import shorten
from jobnb.display.widgets.previews import clean
from jobnb.display.yaml_text import yaml_text
from jobnb.state import RunStatus
from jobnb.storage.decisions import Decision, Decisions, bounded
from jobnb.storage.instance import Instance
from jobnb.storage.run import SCHEDULE_TAG, SENSOR_TAG, RunsFilter
from jobnb.storage.ticks import Instigator, InstigatorState, InstigatorStatus, Tick, TickStatus

SLOTS = 48
"""Into how many slots the past of the timeline is divided; the future has half as many."""

TICK_STATES = {
    TickStatus.STARTED: Status.RUNNING,
    TickStatus.SUCCESS: Status.SUCCEEDED,
    TickStatus.SKIPPED: Status.SKIPPED,
    TickStatus.FAILURE: Status.FAILED,
}
_COMING, _MOST_TEXT, _MOST_LINES = 10, 8000, 500
_MOST_FAILURES = 20

Row = dict[str, Any]
Found = tuple[Instigator, Definition, InstigatorState]


# --- the loops ----------------------------------------------------------------


def loops_data(automation: Automation) -> Row:
    """Return the loops that evaluate these schedules and sensors, here and elsewhere."""
    loop = automation.loop
    own = {each.name for each in loop.locations}
    others = [
        {"where": str(each.holder.process), "since": each.since, "seen": each.seen}
        for each in loop.instance.ticks.loops()
        if each.holder != loop.holder and own & set(each.locations)
    ]
    return {"here": loop.is_running, "problem": loop.problem or "", "others": others}


def failures_of(instance: Instance, since: float) -> list[Row]:
    """Return the runs that schedules and sensors launched and that failed since a moment.

    Args:
        instance: The history.
        since: The moment, in seconds since the epoch.
    """
    moment = datetime.fromtimestamp(since, UTC)
    wanted = RunsFilter(statuses=[RunStatus.FAILURE], updated_after=moment)
    found: list[Row] = []
    for record in instance.get_run_records(wanted, limit=_MOST_FAILURES):
        run = record.run
        by = run.tags.get(SCHEDULE_TAG) or run.tags.get(SENSOR_TAG)
        if by and record.end_time is not None and record.end_time > since:
            title = f"{run_title(run.job_name, only_checks=run.makes_only_checks)} failed"
            text = f"Run {run.run_id[:8]}, launched by {by}"
            found.append({"id": run.run_id, "time": record.end_time, "title": title, "text": text})
    return found


# --- rows ---------------------------------------------------------------------


def rows_of(found: Sequence[Found], instance: Instance, window: float, now: float) -> list[Row]:
    """Return one row per schedule and sensor, with its timeline.

    Args:
        found: The schedules and sensors.
        instance: The history.
        window: How far back the timeline goes, in seconds; it goes half as far ahead.
        now: The moment that counts as now, in seconds since the epoch.
    """
    slot = window / SLOTS
    origins = [instigator.origin_id for instigator, _, _ in found]
    past: dict[str, list[Row]] = {}
    for origin, at, status, count in instance.ticks.count_ticks(origins, now - window, slot):
        mark = {"at": at, "status": TICK_STATES[status].value, "count": count}
        past.setdefault(origin, []).append({**mark, "word": TICK_WORDS[status]})
    return [
        {**_row(each, instance, now, window), "past": past.get(each[0].origin_id, [])}
        for each in found
    ]


def _targets(definition: Definition) -> str:
    watched = watched_words(definition)
    return targets_words(definition) or (f"watches {watched}" if watched else "")


def _row(found: Found, instance: Instance, now: float, window: float) -> Row:
    instigator, definition, state = found
    on = runs(definition, state)
    last = instance.get_ticks(instigator.origin_id, limit=1)
    row: Row = {
        "name": definition.name,
        "kind": instigator.kind.lower(),
        "doc": shorten(doc_line(definition.description).removeprefix(" - "), 160),
        "targets": shorten(_targets(definition), 160),
        "on": on,
        "declared": state.status is InstigatorStatus.DECLARED_IN_CODE,
        "failures": state.failures,
        "cursor": state.cursor,
        "last": _short(last[0]) if last else None,
        "when": _when(definition),
    }
    ahead = _ahead(definition, state, now, window) if on else []
    row["next"] = ahead[0] if ahead else None
    row["coming"] = [each for each in ahead if each <= now + window / 2]
    found_row: Row = clean(row)
    return found_row


def _ahead(
    definition: Definition, state: InstigatorState, now: float, window: float
) -> list[float]:
    """Return the next tick, and the first one of each slot that the timeline shows."""
    if not isinstance(definition, ScheduleDefinition):
        return [next_look(definition, state, now)]
    slot, found = window / SLOTS, list[float]()
    since = now
    while since < now + window / 2 or not found:
        following = coming(definition, 1, since)
        if not following:
            break
        found.append(following[0].timestamp())
        since = now + (int((found[-1] - now) / slot) + 1) * slot
    return found


def _when(definition: Definition) -> str:
    if isinstance(definition, ScheduleDefinition):
        return cron_words(definition)
    return interval_words(definition)


def _short(tick: Tick) -> Row:
    """Return a tick in a line."""
    why = (tick.error or tick.skip_reason or "").splitlines()
    return {
        "time": tick.timestamp,
        "status": TICK_STATES[tick.status].value,
        "word": TICK_WORDS[tick.status],
        "why": shorten(why[0], 300) if why else "",
        "runs": len(tick.runs),
    }


# --- one of them --------------------------------------------------------------


def detail_of(found: Found, now: float) -> Row:
    """Return the description of a schedule or sensor, and its next ticks in its own time."""
    _, definition, state = found
    about = [("launches", targets_words(definition)), ("watches", watched_words(definition))]
    next_ones: list[Row] = []
    if isinstance(definition, ScheduleDefinition):
        about += [("comes at", str(definition.times)), ("in words", cron_words(definition))]
        next_ones = [
            {"time": each.timestamp(), "own": each.isoformat(sep=" "), "change": clock_change(each)}
            for each in coming(definition, _COMING, now)
        ]
    else:
        about += [("looks", interval_words(definition)), ("cursor", state.cursor or "")]
    status = "as its code says" if state.status is InstigatorStatus.DECLARED_IN_CODE else "by hand"
    about.append(("started" if runs(definition, state) else "stopped", status))
    return {
        "doc": definition.description or "",
        "about": [{"name": name, "text": text} for name, text in about if text],
        "coming": next_ones,
        "zone": _zone(definition),
    }


def _zone(definition: Definition) -> str:
    if not isinstance(definition, ScheduleDefinition):
        return ""
    return definition.execution_timezone or "UTC"


def ticks_of(
    instigator: Instigator,
    instance: Instance,
    before: float | None,
    statuses: Iterable[str],
    limit: int,
) -> Row:
    """Return a page of ticks, the newest first, and where the next page begins."""
    states = {state.value: status for status, state in TICK_STATES.items()}
    wanted = [states[each] for each in statuses if each in states]
    found = list(
        instance.get_ticks(instigator.origin_id, before=before, statuses=wanted, limit=limit + 1)
    )
    page = found[:limit]
    launched = _runs_of(page, instance)
    rows = [tick_data(tick, launched) for tick in page]
    more = page[-1].timestamp if len(found) > limit else None
    return {"ticks": rows, "before": more}


def _runs_of(ticks: Sequence[Tick], instance: Instance) -> dict[str, Any]:
    wanted = [run_id for tick in ticks for run_id in tick.run_ids]
    if not wanted:
        return {}
    records = instance.get_run_records(RunsFilter(run_ids=wanted))
    return {each.run.run_id: each.run for each in records}


def tick_data(tick: Tick, launched: Mapping[str, Any]) -> Row:
    """Return a tick with its runs, its log, and why it launched nothing.

    Args:
        tick: The tick.
        launched: The runs that there are, by id.
    """
    made: Row = clean(
        {
            **_short(tick),
            "took": None if tick.ended is None else max(0.0, tick.ended - tick.timestamp),
            "skip": tick.skip_reason or "",
            "error": (tick.error or "")[:_MOST_TEXT],
            "cursor": tick.cursor,
            "launched": [_run(each, launched.get(each.run_id)) for each in tick.runs],
            "known": list(tick.known_keys),
            "decided": tick.packed_decisions is not None,
            "lines": _lines(tick.lines),
        }
    )
    return made


def _run(run: Any, record: Any) -> Row:
    status = Status.NONE if record is None else run_status(record.status)
    return {
        "run_id": run.run_id,
        "job": _job_words(run.job_name),
        "key": run.run_key or "",
        "partition": run.partition or "",
        "status": status.value,
        "word": "not there" if record is None else run_word(record.status),
        "finished": record is None or record.is_finished,
    }


def _job_words(name: str) -> str:
    return "assets" if name == GLOBAL_ASSET_JOB else name


def _lines(lines: Sequence[tuple[float, int, str]]) -> list[Row]:
    return [
        {"time": when, "level": logging.getLevelName(level).lower(), "text": text[:_MOST_TEXT]}
        for when, level, text in lines[-_MOST_LINES:]
    ]


# --- a dry evaluation ---------------------------------------------------------


def evaluation_data(found: Evaluation) -> Row:
    """Return what an evaluation would launch, or why nothing."""
    made: Row = clean(
        {
            "requests": [_request(request, job) for request, job in found.requests],
            "skip": found.skip_reason or "",
            "cursor": found.cursor,
            "problems": list(found.problems),
            "lines": _lines(found.lines),
            "partitions": [_partitions(each) for each in found.partitions_requests],
            **decisions_data(bounded(found.decisions)),
            "time": time.time(),
        }
    )
    return made


def _request(request: Any, job: str) -> Row:
    own = {name: text for name, text in request.tags.items() if not name.startswith("dagster/")}
    return {
        "job": _job_words(job),
        "key": request.run_key or "",
        "partition": request.partition_key or "",
        "assets": [key.to_user_string() for key in request.asset_selection or ()],
        "config": yaml_text(request.run_config) if request.run_config else "",
        "tags": [{"name": name, "text": text} for name, text in own.items()],
    }


def _partitions(request: Any) -> str:
    verb = "adds" if type(request).__name__.startswith("Add") else "deletes"
    keys = ", ".join(request.partition_keys)
    return shorten(f"{verb} {keys} of the partitions {request.partitions_def_name}", 400)


def decisions_data(decisions: Decisions) -> Row:
    """Return the results of the conditions of assets, as trees."""
    made: Row = clean(
        {"decisions": [_decision(each) for each in decisions.kept], "left": decisions.left}
    )
    return made


def _decision(decision: Decision) -> Row:
    return {
        "name": decision.name,
        "condition": decision.condition,
        "yes": decision.is_true,
        "why": decision.reason,
        "parts": [_decision(each) for each in decision.parts],
    }
