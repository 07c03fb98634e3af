"""`jobnb schedule` and `jobnb sensor`: list, start, stop, restart, logs, preview, cursor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from textwrap import indent
from typing import TYPE_CHECKING, Any, TypeVar

import click

from jobnb.cli.exit_codes import FAILED
from jobnb.cli.location import takes_code
from jobnb.cli.name_completion import complete_names
from jobnb.cli.output import as_json_option, print_json, show_rows
from jobnb.errors import (
    InvalidInvocationError,
    InvalidSubsetError,
    JobnbError,
    UserCodeExecutionError,
    did_you_mean,
)

if TYPE_CHECKING:
    from jobnb.notebook.code_source import CodeSource
    from jobnb.storage.decisions import Decision, Decisions
    from jobnb.storage.ticks import Tick

_JSON = as_json_option
F = TypeVar("F", bound=Callable[..., Any])


def _takes_names(kind: str, shown: str = "[NAME]...") -> Callable[[F], F]:
    return takes_code(names=shown, completes=complete_names(f"{kind.lower()}s"))


class _LocationInstigators:
    """The schedules or sensors of a code location, with their history."""

    def __init__(self, code: CodeSource, kind: str) -> None:
        from jobnb.automation.loop import AutomationLoop
        from jobnb.notebook.code_locations import open_locations

        self.noun = kind.lower()
        self.instance, locations = open_locations([code])
        self.location = locations[0]
        loop = AutomationLoop(self.instance, locations)
        self.found = {
            instigator.name: (instigator, definition, state)
            for instigator, definition, state in loop.instigators()
            if instigator.kind == kind
        }

    def one(self, name: str | None) -> tuple[Any, Any, Any]:
        """Return the one of a name; without a name, the only one."""
        if name is None and len(self.found) == 1:
            return next(iter(self.found.values()))
        if name is None:
            raise InvalidInvocationError(f"Name a {self.noun}. There are: {self._names()}.")
        if name in self.found:
            return self.found[name]
        hint = did_you_mean(name, self.found, noun="There are")
        raise InvalidSubsetError(f"There is no {self.noun} {name!r}. {hint}".rstrip())

    def several(
        self, names: Sequence[str], all_of_them: Sequence[str]
    ) -> list[tuple[Any, Any, Any]]:
        """Return those of some names, or of an option."""
        if not names and not all_of_them:
            raise InvalidInvocationError(f"Name a {self.noun}. There are: {self._names()}.")
        return [self.one(name) for name in dict.fromkeys([*names, *all_of_them])]

    def _names(self) -> str:
        return ", ".join(map(repr, self.found)) or "none"


def _show(titles: tuple[str, ...], rows: list[dict[str, Any]], as_json: bool, none: str) -> None:
    if as_json:
        print_json(rows)
    else:
        show_rows(titles, rows, none)


def _only(names: Sequence[str]) -> str | None:
    """Return the one name that is given, if any."""
    if len(names) > 1:
        raise InvalidInvocationError(f"{names[1]!r} is one name too many.")
    return names[0] if names else None


def _moment(seconds: float | None, zone: Any = None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).astimezone(zone).isoformat(timespec="seconds")


def _list(kind: str) -> click.Command:
    noun = kind.lower()

    @click.command("list", help=f"List the {noun}s of a code location, and how they stand.")
    @takes_code()
    @click.option("--running", is_flag=True, help="Only those that run.")
    @click.option("--stopped", is_flag=True, help="Only those that are stopped.")
    @click.option("--name", "only_names", is_flag=True, help="Print only their names.")
    @_JSON
    def list_them(
        code: CodeSource, running: bool, stopped: bool, only_names: bool, as_json: bool
    ) -> None:
        opened = _LocationInstigators(code, kind)
        rows = [_row(*each) for each in opened.found.values()]
        wanted = {"RUNNING"} if running else {"STOPPED"} if stopped else {"RUNNING", "STOPPED"}
        rows = [row for row in rows if row["status"] in wanted]
        if only_names and not as_json:
            click.echo("\n".join(row["name"] for row in rows))
            return
        schedule = ("cron", "timezone", "next")
        when = schedule if kind == "SCHEDULE" else ("minimum_interval_seconds",)
        titles = ("name", "jobs", *when, "status", "last_tick", "last_status")
        _show(titles, rows, as_json, f"{code.name} defines no {noun}s.")

    return list_them


def _row(instigator: Any, definition: Any, state: Any) -> dict[str, Any]:
    runs = _runs(definition, state)
    row: dict[str, Any] = {
        "name": definition.name,
        "jobs": [each.job_name for each in definition.targets],
        "status": "RUNNING" if runs else "STOPPED",
        "description": definition.description,
        "last_tick": _moment(state.last_tick),
        "last_status": None
        if state.last_tick is None
        else "FAILURE" if state.failures else "under way" if state.current else "done",
    }  # fmt: skip
    if instigator.kind == "SCHEDULE":
        row |= _times(definition, runs)
    else:
        row["minimum_interval_seconds"] = definition.minimum_interval_seconds
        row["cursor"] = state.cursor
    return row


def _times(schedule: Any, runs: bool) -> dict[str, Any]:
    """Return when a schedule comes; nothing where its times cannot be known, which it tells."""
    from jobnb.automation.automation import next_ticks

    try:
        cron, zone = schedule.cron_schedule, schedule.execution_timezone
    except JobnbError as error:
        click.echo(f"jobnb: The schedule {schedule.name!r}: {error}", err=True)
        return {"cron": [], "timezone": "UTC", "next": None}
    following = next_ticks(schedule, 1) if runs else []
    return {
        "cron": [cron] if isinstance(cron, str) else list(cron),
        "timezone": zone or "UTC",
        "next": following[0].isoformat() if following else None,
    }


def _runs(definition: Any, state: Any) -> bool:
    from jobnb.automation.loop import runs

    return runs(definition, state)


def _start(kind: str) -> click.Command:
    noun = kind.lower()

    @click.command(
        "start", help=f"Start {noun}s. They run while `jobnb daemon` or `jobnb dev` does."
    )
    @_takes_names(kind)
    @click.option("--start-all", is_flag=True, help="All of them.")
    def start(code: CodeSource, names: tuple[str, ...], start_all: bool) -> None:
        opened = _LocationInstigators(code, kind)
        _set(opened, opened.several(names, list(opened.found) if start_all else ()), runs=True)

    return start


def _stop(kind: str) -> click.Command:
    noun = kind.lower()

    @click.command("stop", help=f"Stop {noun}s. Runs that they launched go on.")
    @_takes_names(kind)
    def stop(code: CodeSource, names: tuple[str, ...]) -> None:
        opened = _LocationInstigators(code, kind)
        _set(opened, opened.several(names, ()), runs=False)

    return stop


def _restart(kind: str) -> click.Command:
    @click.command(
        "restart", help="Stop schedules and start them again: ticks that they missed are left out."
    )
    @_takes_names(kind)
    @click.option("--restart-all-running", is_flag=True, help="All that run.")
    def restart(code: CodeSource, names: tuple[str, ...], restart_all_running: bool) -> None:
        opened = _LocationInstigators(code, kind)
        running = [name for name, each in opened.found.items() if _runs(*each[1:])]
        chosen = opened.several(names, running if restart_all_running else ())
        _set(opened, chosen, runs=False)
        _set(opened, chosen, runs=True)

    return restart


def _set(
    opened: _LocationInstigators, chosen: Sequence[tuple[Any, Any, Any]], *, runs: bool
) -> None:
    from jobnb.storage.ticks import InstigatorStatus

    status = InstigatorStatus.RUNNING if runs else InstigatorStatus.STOPPED
    for instigator, _, _ in chosen:
        opened.instance.ticks.set_instigator_status(instigator, status)
        click.echo(f"{'Started' if runs else 'Stopped'} {opened.noun} {instigator.name}")


def _logs(kind: str) -> click.Command:
    noun = kind.lower()

    @click.command("logs", help=f"Show the last ticks of a {noun}: what it launched, or why not.")
    @_takes_names(kind, "[NAME]")
    @click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000),
                  metavar="N", help="How many at most.")  # fmt: skip
    @_JSON
    def logs(
        code: CodeSource,
        names: tuple[str, ...],
        limit: int,
        as_json: bool,
        conditions: bool = False,
    ) -> None:
        opened = _LocationInstigators(code, kind)
        instigator, _, _ = opened.one(_only(names))
        ticks = opened.instance.get_ticks(instigator.origin_id, limit=limit)
        titles = ("time", "status", "runs", "why")
        none = f"The {noun} {instigator.name} has no ticks yet."
        _show(titles, [_tick_row(tick) for tick in ticks], as_json, none)
        if conditions and not as_json:
            for tick in ticks:
                click.echo(f"\n{_moment(tick.timestamp)} {tick.status.value}")
                _show_decisions(tick.decisions)

    if kind == "SCHEDULE":
        return logs
    why = "Also the conditions of assets at each tick, as trees (--json: always)."
    return click.option("--conditions", is_flag=True, help=why)(logs)


def _show_decisions(decisions: Decisions) -> None:
    """Print the results of the conditions of assets, as trees."""
    for each in decisions.kept:
        click.echo(f"  {each.name}")
        click.echo(indent(each.tree(), "    "))
    if decisions.left:
        click.echo(f"  and {decisions.left} more")
    elif not decisions.kept:
        click.echo("  no conditions were evaluated")


def _decision_row(decision: Decision) -> dict[str, Any]:
    return {
        "name": decision.name,
        "condition": decision.condition,
        "is_true": decision.is_true,
        "reason": decision.reason,
        "parts": [_decision_row(each) for each in decision.parts],
    }


def _tick_row(tick: Tick) -> dict[str, Any]:
    decisions = tick.decisions
    return {
        "time": _moment(tick.timestamp),
        "status": tick.status.value,
        "runs": tick.run_ids,
        "run_keys": tick.run_keys,
        "why": tick.error or tick.skip_reason,
        "cursor": tick.cursor,
        "log": [line[2] for line in tick.lines],
        "conditions": [_decision_row(each) for each in decisions.kept],
        "conditions_left": decisions.left,
    }


def _preview(kind: str) -> click.Command:
    noun = kind.lower()

    @click.command("preview", help=f"Evaluate a {noun} and show what it would launch.")
    @_takes_names(kind, "[NAME]")
    @_JSON
    def show(
        code: CodeSource, names: tuple[str, ...], as_json: bool, at: str | None = None,
        **state: Any,
    ) -> None:  # fmt: skip
        from jobnb.automation.automation import preview
        from jobnb.automation.tick_evaluation import told
        from jobnb.storage.decisions import bounded

        opened = _LocationInstigators(code, kind)
        instigator, definition, _ = opened.one(_only(names))
        when = None if at is None else _read_moment(at, definition)
        try:
            found = preview(
                definition, instigator, opened.location, opened.instance, at=when, **state
            )
        except Exception as error:
            if isinstance(error, JobnbError) and not isinstance(error, UserCodeExecutionError):
                raise
            # It is the user's code that failed: what is told is its place, as of a tick.
            what = f"The {noun} {definition.name!r} could not be evaluated"
            click.echo(f"jobnb: {what}: {told(error)}", err=True)
            click.get_current_context().exit(FAILED)
        rows = [
            {
                "job": job_name,
                "run_key": request.run_key,
                "partition": request.partition_key,
                "tags": request.tags,
                "config": request.run_config,
                "assets": [key.to_user_string() for key in request.asset_selection or ()],
            }
            for request, job_name in found.requests
        ]
        if as_json:
            print_json(
                {
                    "run_requests": rows,
                    "skip_reason": found.skip_reason,
                    "cursor": found.cursor,
                    "problems": found.problems,
                    "conditions": [_decision_row(each) for each in found.decisions],
                }
            )
        else:
            none = f"It would launch nothing: {found.skip_reason}"
            shown = [{**row, "tags": _yaml(row["tags"]), "config": _yaml(row["config"])}
                     for row in rows]  # fmt: skip
            _show(("job", "run_key", "partition", "tags", "config"), shown, False, none)
            if found.decisions:
                _show_decisions(bounded(found.decisions))
            for problem in found.problems:
                click.echo(f"jobnb: The tick would fail: {problem}", err=True)
        if found.problems:
            click.get_current_context().exit(FAILED)

    if kind == "SCHEDULE":
        moment = click.option("--at", metavar="TIME", help="The moment, as 2024-05-01T06:00.")
        return moment(show)
    for option in reversed((
        click.option("--cursor", metavar="TEXT", help="In place of the one that is kept."),
        click.option("--last-run-key", "--last_run_key", "last_run_key", metavar="KEY",
                     help="As if the last run had this run key."),
        click.option("--since", "last_end", type=float, metavar="SECONDS",
                     help="As if it was evaluated last at this time, in seconds since 1970."),
    )):  # fmt: skip
        show = option(show)
    return show


def _yaml(mapping: Any) -> str:
    """Return a mapping as YAML of one line; nothing for an empty one."""
    from jobnb.config.yaml import dump_yaml

    return dump_yaml(mapping, flow=True).strip() if mapping else ""


def _read_moment(text: str, definition: Any) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInvocationError(
            f"{text!r} is no moment: write it as 2024-05-01T06:00 or 2024-05-01T06:00+02:00."
        ) from None
    zone = definition.times.localized(0).tzinfo
    return found.replace(tzinfo=zone) if found.tzinfo is None else found


def _cursor() -> click.Command:
    @click.command("cursor", help="Show, set or delete the cursor of a sensor.")
    @_takes_names("SENSOR", "[NAME]")
    @click.option("--set", "text", metavar="TEXT", help="The new cursor.")
    @click.option("--delete", is_flag=True, help="Let it begin from the start.")
    @_JSON
    def cursor(
        code: CodeSource, names: tuple[str, ...], text: str | None, delete: bool, as_json: bool
    ) -> None:
        opened = _LocationInstigators(code, "SENSOR")
        instigator, _, state = opened.one(_only(names))
        if text is not None and delete:
            raise InvalidInvocationError("--set and --delete do not go together.")
        if text is not None or delete:
            opened.instance.ticks.set_cursor(instigator, text)
        kept = text if text is not None or delete else state.cursor
        if as_json:
            print_json({"name": instigator.name, "cursor": kept})
        elif text is not None or delete:
            click.echo(f"{'Deleted' if delete else 'Set'} the cursor of {instigator.name}")
        else:
            click.echo("(none)" if kept is None else kept)

    return cursor


schedule_list, sensor_list = _list("SCHEDULE"), _list("SENSOR")
schedule_start, sensor_start = _start("SCHEDULE"), _start("SENSOR")
schedule_stop, sensor_stop = _stop("SCHEDULE"), _stop("SENSOR")
schedule_logs, sensor_logs = _logs("SCHEDULE"), _logs("SENSOR")
schedule_preview, sensor_preview = _preview("SCHEDULE"), _preview("SENSOR")
schedule_restart, sensor_cursor = _restart("SCHEDULE"), _cursor()
