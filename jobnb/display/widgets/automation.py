"""The live view of schedules and sensors: switches, timeline, ticks, what one would launch."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import ipywidgets
from traitlets import Float, List, Unicode

from jobnb.automation.automation import Automation
from jobnb.automation.tick_evaluation import told
from jobnb.display.automation_views import automation_view, schedule_view, sensor_view
from jobnb.display.environment import attempt, has_front_end, known_session
from jobnb.display.view import View as StaticView
from jobnb.display.view import bundle
from jobnb.display.widgets.assemble import css, esm
from jobnb.display.widgets.automation_data import (
    Found,
    decisions_data,
    detail_of,
    evaluation_data,
    failures_of,
    loops_data,
    rows_of,
    tick_data,
    ticks_of,
)
from jobnb.display.widgets.live_and_static import LiveAndStatic, widget_bundle
from jobnb.display.widgets.run import RunView
from jobnb.display.widgets.run_source import stored_or_live
from jobnb.display.widgets.view import View, answers
from jobnb.errors import InvalidInvocationError, InvalidSubsetError, JobnbError

_LARGEST_PAGE = 100
_RENEWAL = 30.0  # seconds between two pictures of a loop that goes on


class AutomationTable(View):
    """The schedules and sensors with their switches, timelines and ticks.

    What is shown is read from the history, so that a loop in another process is seen as well.

    Args:
        automation: That of the session.
        show: Shows a run below.
        changed: Is called once things stand differently.
        names: Only these; all if empty.
    """

    _esm = esm(
        "parts/dom.js", "parts/marks.js", "parts/tabs.js", "parts/tick_strip.js",
        "parts/tick_history.js", "parts/tick_preview.js", "automation.js",
    )  # fmt: skip
    _css = css("run.css", "automation.css")

    title = Unicode("automation").tag(sync=True)
    names = List(Unicode(), help="Only these; all if empty.").tag(sync=True)
    window = Float(21600.0, help="How far back the timeline goes, in seconds.").tag(sync=True)

    def __init__(
        self,
        automation: Automation,
        show: Callable[[Any], None],
        changed: Callable[[], None],
        names: Sequence[str] = (),
        **traits: Any,
    ) -> None:
        self._automation = automation
        self._show = show
        self._changed = changed
        self._pictured: tuple[Any, float] = (None, 0.0)
        super().__init__(names=list(names), **traits)
        self.window = attempt(self._fitting_window, self.window)

    def _fitting_window(self) -> float:
        """Return an hour where all that runs comes often; else a day."""
        now = time.time()
        rows = rows_of(self._all()[:_LARGEST_PAGE], self._automation.loop.instance, 60.0, now)
        following = [row["next"] for row in rows if row["next"] is not None]
        return 3600.0 if following and max(following) < now + 900 else 86400.0

    # --- what is asked ----------------------------------------------------------

    @answers("standing")
    def standing(
        self,
        window: float,
        text: str = "",
        first: int = 0,
        count: int = 50,
        failed_since: float | None = None,
    ) -> Any:
        """Return the state of everything: the loops, and a page of schedules and sensors.

        Args:
            window: How far back the timeline goes, in seconds.
            text: What a name or a target holds.
            first: The place of the first one, from 0.
            count: How many at most.
            failed_since: Also the runs that failed since this moment; none if None.
        """
        now = time.time()
        found = [each for each in self._all() if _holds(each, text)]
        page = found[max(0, first) : max(0, first) + max(1, min(int(count), _LARGEST_PAGE))]
        instance = self._automation.loop.instance
        rows = rows_of(page, instance, max(60.0, float(window)), now)
        loops = loops_data(self._automation)
        self._picture((loops["here"], [(row["name"], row["on"], row["last"]) for row in rows]))
        failed = [] if failed_since is None else failures_of(instance, float(failed_since))
        return {
            "now": now, "loops": loops, "total": len(found), "first": first, "rows": rows,
            "failed": failed,
        }  # fmt: skip

    @answers("detail")
    def detail(self, which: str) -> Any:
        """Return the description of a schedule or sensor, and its next ticks."""
        return detail_of(self._found(which), time.time())

    @answers("ticks")
    def ticks(
        self, which: str, before: float | None = None, statuses: Sequence[str] = (), limit: int = 10
    ) -> Any:
        """Return a page of ticks, the newest first."""
        most = max(1, min(int(limit), _LARGEST_PAGE))
        instance = self._automation.loop.instance
        return ticks_of(self._found(which)[0], instance, before, statuses, most)

    @answers("decisions")
    def decisions(self, which: str, tick: float) -> Any:
        """Return the results of the conditions of assets at a tick."""
        instance, instigator = self._automation.loop.instance, self._found(which)[0]
        return decisions_data(instance.get_tick(instigator.origin_id, None, tick).decisions)

    @answers("evaluate")
    def evaluate(self, which: str, at: float | None = None, cursor: str | None = None) -> Any:
        """Evaluate it at a moment or with a cursor; nothing is launched or stored."""
        zone = None if at is None else datetime.fromtimestamp(at).astimezone()
        try:
            return evaluation_data(self._automation.preview(which, at=zone, cursor=cursor))
        except Exception as error:  # its function may raise anything
            raise InvalidInvocationError(told(error)) from error

    @answers("open")
    def open_run(self, run_id: str) -> bool:
        """Show a run below."""
        self._show(stored_or_live(self._automation.loop.instance, run_id))
        return True

    # --- what is done -----------------------------------------------------------

    @answers("switch")
    def switch(self, which: str, on: bool) -> bool:
        """Start or stop a schedule or sensor, for all loops."""
        self._automation.set_running(which, on=on)
        self._changed()
        return on

    @answers("loop")
    def loop(self, on: bool) -> bool:
        """Start the loop of this kernel, or stop it."""
        if on:
            self._automation.start()
        else:
            self._automation.stop()
        self._changed()
        return on

    @answers("tick_now")
    def tick_now(self, which: str) -> Any:
        """Evaluate it now and launch what it requests."""
        tick = self._automation.tick_now(which)
        self._changed()
        if tick is None:
            raise JobnbError(f"Another loop is evaluating {which!r} right now.")
        return tick_data(tick, {})

    @answers("cursor")
    def keep_cursor(self, which: str, cursor: str | None) -> bool:
        """Keep another cursor for the next evaluation of a sensor."""
        instigator, _, state = self._found(which)
        if instigator.kind == "SCHEDULE":
            raise InvalidInvocationError(f"The schedule {which!r} has no cursor.")
        if state.current is not None:
            raise JobnbError(f"{which!r} is being evaluated. Keep the cursor once it has ended.")
        self._automation.loop.instance.ticks.set_cursor(instigator, cursor)
        return True

    # --- what there is ----------------------------------------------------------

    def _all(self) -> list[Found]:
        found = self._automation.loop.instigators()
        return [each for each in found if not self.names or each[1].name in self.names]

    def _found(self, name: str) -> Found:
        for each in self._all():
            if each[1].name == name:
                return each
        raise InvalidSubsetError(f"There is no schedule or sensor {name!r} any more.")

    def _picture(self, standing: Any) -> None:
        """Update the picture in the notebook, now and then."""
        before, when = self._pictured
        if standing != before and time.monotonic() - when > _RENEWAL:
            self._pictured = standing, time.monotonic()
            self._changed()


def _holds(found: Found, text: str) -> bool:
    said = f"{found[1].name} {' '.join(each.job_name for each in found[1].targets)}".casefold()
    return all(word in said for word in text.casefold().split())


class AutomationView(LiveAndStatic, ipywidgets.VBox):  # type: ignore[misc]
    """The schedules and sensors of a session; a run that is opened stands below.

    Args:
        automation: What `session.automation` gives.
        name: Only the schedule or sensor of this name.
        title: What stands above.
        view: Makes the static form; that of all of them if None.

    Example:
        >>> from jobnb import ScheduleDefinition, Session, job, op
        >>> @op
        ... def hello(): ...
        >>> @job
        ... def greet():
        ...     hello()
        >>> session = Session().add(ScheduleDefinition(job=greet, cron_schedule="@daily"))
        >>> told = AutomationView(session.automation).table.standing(window=3600)
        >>> [(row["name"], row["when"], row["on"]) for row in told["rows"]]
        [('greet_schedule', 'At 00:00 every day', False)]
    """

    def __init__(
        self,
        automation: Automation,
        name: str = "",
        title: str = "automation",
        view: Callable[[], StaticView] | None = None,
        **traits: Any,
    ) -> None:
        self.opened: RunView | None = None
        self._draw = view or (lambda: automation_view(automation))
        names = [name] if name else []
        self.table = AutomationTable(
            automation, self.show_run, self.renew_twins, names=names, title=title
        )
        super().__init__(children=(self.table,), **traits)
        self.layout.width = "100%"

    def _repr_mimebundle_(self, **parameters: Any) -> dict[str, Any]:
        """Return text, HTML and a picture always; alive where there is a front end."""
        live = widget_bundle(self) if has_front_end() else {}
        return {**bundle(self._draw()), **live}

    def show_run(self, run: Any) -> None:
        """Show a run below."""
        if self.opened is not None:
            self.opened.show(run)
            return
        self.opened = RunView(run)
        self.children = (self.table, self.opened)


def instigator_widget(definition: Any) -> AutomationView:
    """Return the live view of one schedule or sensor, as the session of this kernel knows it.

    Raises:
        InvalidSubsetError: If the session does not know it, or another one by its name.
    """
    session = known_session()
    known = session.automation.loop.named(definition.name)[2] if session is not None else None
    if known is None or type(known) is not type(definition):
        raise InvalidSubsetError(f"The session does not know {definition.name!r}.")
    is_schedule = session.automation.loop.named(definition.name)[0].kind == "SCHEDULE"
    noun, draw = ("schedule", schedule_view) if is_schedule else ("sensor", sensor_view)
    return AutomationView(session.automation, definition.name, noun, view=lambda: draw(definition))
