"""How schedules, sensors and conditions look: when they come, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jobnb.automation.automation import Automation
from jobnb.automation.conditions import EvaluateAutomationConditionsResult
from jobnb.automation.loop import runs, runs_by_default
from jobnb.definitions.automation.run_status_sensor import RunStatusSensorDefinition
from jobnb.definitions.automation.schedule import ScheduleDefinition
from jobnb.definitions.automation.sensor import SensorDefinition
from jobnb.display.automation_times import clock_change, coming, cron_words, interval_words
from jobnb.display.environment import attempt, has_history, known_session
from jobnb.display.html import EMPTY, Html, code, folded, header, join, pairs, pre, table
from jobnb.display.noun_views import doc_html, doc_line
from jobnb.display.picture import Status
from jobnb.display.text import moment, table_text
from jobnb.display.view import View
from jobnb.storage.ticks import InstigatorState, Tick, TickStatus

_NEXT, _LAST, _TOLD, _MOST_TICKS = 5, 5, 12, 200
TICK_WORDS = {
    TickStatus.STARTED: "under way",
    TickStatus.SUCCESS: "launched",
    TickStatus.SKIPPED: "skipped",
    TickStatus.FAILURE: "failed",
}


def schedule_view(schedule: ScheduleDefinition) -> View:
    """Return a schedule: its next ticks in its own time and in the reader's, and its last ones."""
    state, ticks = _past(schedule)
    rows = [
        [each.isoformat(sep=" "), moment(each.timestamp()), clock_change(each)]
        for each in coming(schedule, _NEXT)
    ]
    titles = ["next", "here", ""]
    about = {
        "launches": targets_words(schedule),
        "comes at": attempt(lambda: str(schedule.times), ""),
        "in words": cron_words(schedule),
        "stands": _stands(schedule, state),
    }
    return _view("schedule", schedule, about, (titles, rows), ticks)


def sensor_view(sensor: SensorDefinition) -> View:
    """Return a sensor: how often it looks, its cursor, and its last ticks."""
    state, ticks = _past(sensor)
    about = {
        "launches": targets_words(sensor),
        "watches": watched_words(sensor),
        "looks": interval_words(sensor),
        "stands": _stands(sensor, state),
    }
    if state is not None and state.cursor is not None:
        about["cursor"] = state.cursor
    return _view("sensor", sensor, about, ([], []), ticks)


def _view(
    noun: str,
    definition: Any,
    about: dict[str, str],
    following: tuple[list[str], list[list[str]]],
    ticks: Sequence[Tick],
) -> View:
    titles, rows = following
    past = [_tick_row(tick) for tick in ticks]
    past_titles = ["last", "", "runs", "why"]
    parts = [header(definition.name, noun), doc_html(definition.description)]
    parts.append(pairs({name: code(text) for name, text in about.items() if text}))
    parts += [table(titles, rows)] if rows else []
    parts += [table(past_titles, past)] if past else []
    lines = [f"{noun} {definition.name}{doc_line(definition.description)}"]
    lines += [f"  {name}  {text}" for name, text in about.items() if text]
    lines += [table_text(titles, rows)] if rows else []
    lines += [table_text(past_titles, past)] if past else []
    return View(f"{noun} {definition.name}", "\n".join(lines), join(parts))


def targets_words(definition: ScheduleDefinition | SensorDefinition) -> str:
    """Describe the targets of a schedule or sensor: its jobs, or its assets; empty without any."""
    names = [each.job_name for each in definition.targets]
    chosen = getattr(definition, "asset_selection", None)
    return ", ".join(names) or (str(chosen) if chosen is not None else "")


def watched_words(definition: ScheduleDefinition | SensorDefinition) -> str:
    """Describe the runs that a run status sensor watches; empty for all others."""
    if not isinstance(definition, RunStatusSensorDefinition):
        return ""
    ends = {"SUCCESS": "runs that succeed", "FAILURE": "runs that fail"}
    runs_of = ends.get(definition.run_status, f"runs that become {definition.run_status}")
    names = definition.monitored_job_names
    return runs_of if names is None else f"{runs_of} of {', '.join(names)}"


def _stands(definition: Any, state: InstigatorState | None) -> str:
    if state is None and runs_by_default(definition):
        return "runs, once a loop does: session.automation.start()"
    if state is None:
        return f"stopped: session.automation.start({definition.name!r}) starts it"
    words = "runs" if runs(definition, state) else "stopped"
    if state.failures:
        words += f", failed {state.failures} times in a row"
    return words


def _past(definition: Any) -> tuple[InstigatorState | None, Sequence[Tick]]:
    """Return the state and the last ticks, as far as this kernel knows them."""
    session = known_session()
    if session is None or not has_history(session):
        return None, []
    automation = session.automation
    state = attempt(lambda: automation.state(definition.name), None)
    return state, attempt(lambda: automation.ticks(definition.name, limit=_LAST), [])


def _tick_row(tick: Tick) -> list[str]:
    why = (tick.error or tick.skip_reason or "").splitlines()
    runs_of = ", ".join(run_id[:8] for run_id in tick.run_ids)
    return [moment(tick.timestamp), TICK_WORDS[tick.status], runs_of, why[0] if why else ""]


def automation_view(automation: Automation) -> View:
    """Return all schedules and sensors of a session: state, next and last ticks."""
    rows = []
    for instigator, definition, state in automation.loop.instigators():
        following = coming(definition, 1)
        going = runs(definition, state)
        comes = moment(following[0].timestamp()) if following and going else ""
        if isinstance(definition, SensorDefinition):
            comes = f"every {definition.minimum_interval_seconds} s" if going else ""
        last = moment(state.last_tick) if state.last_tick is not None else ""
        stands = "runs" if going else "stopped"
        rows.append([definition.name, instigator.kind.lower(), stands, comes, last])
    titles = ["name", "", "stands", "next", "last"]
    status = Status.RUNNING if automation.is_running else Status.NONE
    note = "" if automation.is_running else "session.automation.start() starts it here"
    body: Html = table(titles, rows) if rows else EMPTY
    past_titles, past = ["when", "", "", "runs", "why"], _told_ticks(automation)
    html = join([header("Automation", "", status, note), body,
                 table(past_titles, past) if past else EMPTY])  # fmt: skip
    text = f"{automation!r}\n{table_text(titles, rows)}" if rows else repr(automation)
    text += f"\n{table_text(past_titles, past)}" if past else ""
    return View("automation", text, html)


def _told_ticks(automation: Automation) -> list[list[str]]:
    """Return the last ticks that launched something, or failed."""
    if not has_history(automation.session):
        return []
    wanted = [TickStatus.STARTED, TickStatus.SUCCESS, TickStatus.FAILURE]
    own = {instigator for instigator, _, _ in automation.loop.instigators()}
    found = automation.loop.instance.get_ticks(None, limit=_MOST_TICKS, statuses=wanted)
    ticks = [tick for tick in found if tick.instigator in own][:_TOLD]
    return [[row[0], tick.instigator.name, *row[1:]] for tick, row in
            ((tick, _tick_row(tick)) for tick in ticks)]  # fmt: skip


def conditions_view(found: EvaluateAutomationConditionsResult) -> View:
    """Return the results of assets' conditions: what is requested, and why, as trees."""
    rows = [
        [each.name, "requested" if each.is_true else "not now", each.reason]
        for each in found.results
    ]
    trees = [folded(each.name, pre(each.tree())) for each in found.results]
    titles = ["asset", "", "why"]
    html = join([header("conditions", note=f"{found.total_requested} requested"),
                 table(titles, rows), *trees])  # fmt: skip
    return View("conditions", table_text(titles, rows), html)


def tick_view(tick: Tick) -> View:
    """Return a tick: what it is of, when it was, and what came of it."""
    about = {
        "of": f"{tick.instigator.kind.lower()} {tick.instigator.name}",
        "at": moment(tick.timestamp),
        "result": TICK_WORDS[tick.status],
        "runs": ", ".join(tick.run_ids),
        "why": tick.error or tick.skip_reason or "",
        "cursor": tick.cursor or "",
        "log": "\n".join(text for _, _, text in tick.lines),
    }
    told = {name: text for name, text in about.items() if text}
    lines = [repr(tick), *(f"  {name}  {text}" for name, text in told.items())]
    rows = pairs({name: code(text) for name, text in told.items()})
    html = join([header("tick", about["of"]), rows])
    return View(
        f"tick of {about['of']}", "\n".join([repr(tick), *(f"  {line}" for line in lines)]), html
    )
