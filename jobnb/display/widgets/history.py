"""The live history: pages of runs, filters, a run opened below, two runs compared."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets
from traitlets import Dict, Int

from jobnb.display.environment import attempt, has_front_end
from jobnb.display.history_views import run_table_view
from jobnb.display.view import bundle
from jobnb.display.widgets.assemble import css, esm
from jobnb.display.widgets.history_data import choices, compared, page_of
from jobnb.display.widgets.live_and_static import LiveAndStatic, widget_bundle
from jobnb.display.widgets.run import RunView
from jobnb.display.widgets.run_source import RunSource, stored_or_live
from jobnb.display.widgets.view import View, answers
from jobnb.errors import InvariantViolationError, JobnbError
from jobnb.storage.instance import Instance
from jobnb.storage.run import RunsFilter
from jobnb.storage.run_table import RunTable

_LARGEST_PAGE = 200


class HistoryTable(View):
    """The table of runs with its filters and buttons.

    Args:
        instance: Whose runs.
        show: Shows a run below.
    """

    _esm = esm("parts/dom.js", "parts/marks.js", "parts/compare.js", "history.js")
    _css = css("run.css", "history.css")

    asked = Dict(help="What the table is filtered by.").tag(sync=True)
    page_size = Int(20).tag(sync=True)

    def __init__(self, instance: Instance, show: Callable[[Any], None], **traits: Any) -> None:
        self._instance = instance
        self._show = show
        super().__init__(**traits)

    @answers("page")
    def page(self, asked: Mapping[str, Any], cursor: str | None, limit: int) -> dict[str, Any]:
        """Return one page of runs."""
        return page_of(self._instance, asked, cursor, max(1, min(int(limit), _LARGEST_PAGE)))

    @answers("choices")
    def choices(self) -> dict[str, Any]:
        """Return the options of the filters."""
        return choices(self._instance, _job_names(self._instance))

    @answers("open")
    def open_run(self, run_id: str) -> bool:
        """Show a run below."""
        self._show(stored_or_live(self._instance, run_id))
        return True

    @answers("rerun")
    def rerun(self, run_id: str) -> bool:
        """Run it again and show the new run below."""
        self._show(stored_or_live(self._instance, run_id).rerun())
        return True

    @answers("compare")
    def compare(self, run_ids: Sequence[str]) -> dict[str, Any]:
        """Compare two runs."""
        return compared(self._instance, run_ids)

    @answers("cancel")
    def cancel(self, run_ids: Sequence[str]) -> int:
        """Cancel runs that are active in this kernel."""
        return self._each(run_ids, lambda source: source.cancel(), "canceled")

    @answers("rerun_all")
    def rerun_all(self, run_ids: Sequence[str], from_failure: bool = False) -> int:
        """Run several again, each as a run of its own; what succeeded is kept if `from_failure`."""
        return self._each(
            run_ids, lambda source: source.rerun(from_failure=from_failure), "begun again"
        )

    @answers("delete")
    def delete(self, run_ids: Sequence[str]) -> int:
        """Delete runs from the history, except active ones."""
        return self._each(run_ids, self._delete, "deleted")

    def _delete(self, source: RunSource) -> None:
        if source.can_cancel:
            raise InvariantViolationError(
                f"The run {source.run_id[:8]} is in progress; cancel it first."
            )
        self._instance.delete_run(source.run_id)

    def _each(self, run_ids: Sequence[str], deed: Callable[[RunSource], Any], done: str) -> int:
        """Apply an action to each run that allows it, and report all others together."""
        count, problems = 0, []
        for run_id in run_ids:
            try:
                deed(stored_or_live(self._instance, run_id))
                count += 1
            except JobnbError as error:
                problems.append(str(error))
        if problems:
            raise InvariantViolationError(" ".join([f"{count} {done}.", *problems]))
        return count


class HistoryView(LiveAndStatic, ipywidgets.VBox):  # type: ignore[misc]
    """The runs of a history, the latest first; a run that is opened stands below the table.

    Only the page that is shown is read, so that a history of many runs opens at once.

    Args:
        runs: What `session.runs` gives.

    Example:
        >>> from jobnb import job, op, Instance
        >>> @op
        ... def five():
        ...     return 5
        >>> @job
        ... def numbers():
        ...     five()
        >>> with Instance.ephemeral() as instance:
        ...     _ = numbers.execute_in_process(instance=instance)
        ...     view = HistoryView(RunTable(instance))
        ...     view.table.page({}, None, 20)["rows"][0]["job"]
        'numbers'
    """

    def __init__(self, runs: RunTable, **traits: Any) -> None:
        self.opened: RunView | None = None
        self._runs = runs
        self.table = HistoryTable(runs.instance, self.show_run, asked=_asked(runs.filters))
        super().__init__(children=(self.table,), **traits)
        self.layout.width = "100%"

    def _repr_mimebundle_(self, **parameters: Any) -> dict[str, Any]:
        """Return text, HTML and a picture always; alive where there is a front end."""
        live = widget_bundle(self) if has_front_end() else {}
        return {**bundle(run_table_view(self._runs)), **live}

    def show_run(self, run: Any) -> None:
        """Show a run below the table."""
        if self.opened is not None:
            self.opened.show(run)
            return
        self.opened = RunView(run)
        self.children = (self.table, self.opened)


def _asked(filters: RunsFilter | None) -> dict[str, Any]:
    """Return the filter of the table as the front end keeps it."""
    if filters is None:
        return {}
    times = {"after": filters.created_after, "before": filters.created_before}
    found = {
        "statuses": [status.value for status in filters.statuses],
        "job": filters.job_name,
        "notebook": filters.notebook,
        "tags": {key: tag for key, tag in filters.tags.items() if isinstance(tag, str)},
        "id": filters.run_ids[0] if filters.run_ids else None,
        **{name: time.isoformat() for name, time in times.items() if time is not None},
    }
    return {name: value for name, value in found.items() if value}


def _job_names(instance: Instance) -> list[str]:
    """Return the jobs that this kernel knows, and those that ran last."""
    module = sys.modules.get("jobnb.registry.session")
    known: list[str] = []
    if module is not None:
        known = attempt(lambda: [job.name for job in module.current_session().snapshot().jobs], [])
    return [*known, *(run.job_name for run in instance.get_runs(limit=200))]
