"""What stands at each address of the page: the same widgets as in a notebook.

`/`, `/jobs`, `/runs`, `/backfills` and `/automation`; `/jobs/NAME`, `/runs/ID`, `/backfills/ID`
and `/assets/KEY`; behind a question mark the open tab and the filter of runs (`page_query.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import ipywidgets

from jobnb.automation.backfill_progress import counts_of
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.display.backfill_views import record_status
from jobnb.display.launch_form import LaunchForm
from jobnb.display.palette import WORDS
from jobnb.display.run_marks import run_status, run_word
from jobnb.display.widgets.asset import AssetView
from jobnb.display.widgets.automation import AutomationView
from jobnb.display.widgets.backfill import BackfillView
from jobnb.display.widgets.catalogue import Catalogue
from jobnb.display.widgets.catalogue_data import contents
from jobnb.display.widgets.history import HistoryView
from jobnb.display.widgets.history_data import page_of
from jobnb.display.widgets.job import JobView
from jobnb.display.widgets.launchpad import Launchpad
from jobnb.display.widgets.run import RUN_TABS, RunView
from jobnb.display.widgets.run_source import RunSource, source_of, stored_or_live
from jobnb.errors import InvalidSubsetError, JobnbError
from jobnb.execution.spec import ASSET_JOB
from jobnb.registry.session import Session
from jobnb.server.page_query import PageQuery
from jobnb.storage.backfill import PartitionBackfill
from jobnb.storage.run import RunsFilter
from jobnb.storage.run_table import RunTable

_MOST_FOUND = 8
_MOST_JOBS = 200
_MOST_BACKFILLS = 200

Go = Callable[[str], None]
"""Takes the browser to an address."""


@dataclass
class ConsoleView:
    """What stands at an address.

    Attributes:
        title: Its title.
        widget: The widget; None where there are only rows.
        rows: Links with what is said of them: name, address, noun, doc, status, word, time.
        query: The open tab and the filter of runs, which are a part of the address.
    """

    title: str
    widget: Any = None
    rows: list[dict[str, Any]] = field(default_factory=list)
    query: PageQuery = field(default_factory=PageQuery)


def address_of_run(run_id: str) -> str:
    """Return the address of a run."""
    return f"/runs/{quote(run_id, safe='')}"


def address_of_backfill(backfill_id: str) -> str:
    """Return the address of a backfill."""
    return f"/backfills/{quote(backfill_id, safe='')}"


def address_of_job(name: str, tab: str = "") -> str:
    """Return the address of a job, with one of its tabs open.

    >>> address_of_job("daily", "launchpad")
    '/jobs/daily?tab=launchpad'
    """
    return f"/jobs/{quote(name, safe='')}{f'?tab={tab}' if tab else ''}"


def address_of_asset(key: str) -> str:
    """Return the address of an asset, by its key as text.

    >>> address_of_asset("mart/daily revenue")
    '/assets/mart/daily%20revenue'
    """
    return f"/assets/{quote(key)}"


class Console:
    """Makes what stands at each address for one browser.

    Args:
        session: What is shown.
        go: Takes the browser to another address.
        read_only: Whether nothing can be changed.
    """

    def __init__(self, session: Session, go: Go, *, read_only: bool = False) -> None:
        self.session, self._go = session, go
        self.read_only = read_only
        self._forms: dict[str, LaunchForm] = {}

    def at(self, address: str) -> ConsoleView:
        """Return what stands at an address.

        Raises:
            JobnbError: If there is nothing, or it cannot be shown.
        """
        parts = urlsplit(address)
        first, _, rest = parts.path.strip("/").partition("/")
        query = PageQuery(parts.query)
        places: dict[str, Callable[[PageQuery], ConsoleView]] = {
            "": self._overview,
            "jobs": self._jobs,
            "runs": self._runs,
            "backfills": self._backfills,
            "automation": self._automation,
        }
        things: dict[str, Callable[[str, PageQuery], ConsoleView]] = {
            "jobs": self._job,
            "runs": self._run,
            "backfills": self._backfill,
            "assets": self._asset,
        }
        if not rest and first in places:
            return places[first](query)
        if rest and first in things:
            return things[first](unquote(rest), query)
        raise InvalidSubsetError(f"There is nothing at {parts.path!r} here.")

    # --- lists ------------------------------------------------------------------

    def _overview(self, _query: PageQuery) -> ConsoleView:
        below = ipywidgets.VBox()

        def show(widget: Any) -> None:
            if isinstance(widget, RunView):
                run_id = widget.run_id
                widget.close()
                self._go(address_of_run(run_id))
            elif isinstance(widget, Launchpad):
                job = widget.state.job
                widget.close()
                self._open_pad(job, below)
            else:
                below.children = [widget]

        catalogue = Catalogue(self.session, show, title="Overview")
        return ConsoleView("Overview", ipywidgets.VBox([catalogue, below]))

    def _open_pad(self, job: JobDefinition, below: Any) -> None:
        known = self.session.snapshot().jobs
        if any(job.name == each.name for each in known):
            self._go(address_of_job(job.name, "launchpad"))
        else:
            below.children = [self._pad(job, "selected assets")]

    def _jobs(self, _query: PageQuery) -> ConsoleView:
        rows = [
            {**job, "address": address_of_job(job["name"]), **self._latest(job["name"])}
            for job in contents(self.session, self.session.snapshot())["jobs"]
        ]
        return ConsoleView("Jobs", rows=rows)

    def _latest(self, job: str) -> dict[str, Any]:
        found = self.session.instance.get_run_records(RunsFilter(job_name=job), limit=1)
        if not found:
            return {}
        run, when = found[0].run, found[0].create_timestamp.timestamp()
        return {
            "status": run_status(run.status).value,
            "word": run_word(run.status),
            "time": when,
            "run": address_of_run(run.run_id),
        }

    def _runs(self, query: PageQuery) -> ConsoleView:
        return ConsoleView(
            "Runs", _PageHistory(self.session.runs, self._show_run, query), query=query
        )

    def _backfills(self, _query: PageQuery) -> ConsoleView:
        found = self.session.instance.get_backfills(limit=_MOST_BACKFILLS)
        return ConsoleView("Backfills", rows=[backfill_row(each) for each in found])

    def _automation(self, _query: PageQuery) -> ConsoleView:
        return ConsoleView("Automation", _PageAutomation(self.session.automation, self._show_run))

    # --- one of them ------------------------------------------------------------

    def _job(self, name: str, query: PageQuery) -> ConsoleView:
        known = {each.name: each for each in self.session.snapshot().jobs}
        job = known.get(name) or self.session.job(name)
        runs = RunTable(self.session.instance, RunsFilter(job_name=name))
        view = JobView(
            job,
            {
                "launchpad": lambda: self._pad(self.session.job(name), name),
                "runs": lambda: _PageHistory(runs, self._show_run, query),
            },
        )
        query.of_tabs(view.bar, view.bar.labels)
        return ConsoleView(name, view, query=query)

    def _asset(self, name: str, query: PageQuery) -> ConsoleView:
        key = AssetKey.from_user_string(name)
        definition = self.session.asset(key)

        def pad() -> Any:
            job = self.session.snapshot().job_of_assets(ASSET_JOB, sorted(definition.keys))
            return self._pad(job, name)

        view = _PageAsset(definition, pad, self._show_run)
        query.of_tabs(view.bar, view.bar.labels)
        return ConsoleView(name, view, query=query)

    def _run(self, begins: str, query: PageQuery) -> ConsoleView:
        run = self._found(begins)
        shown = self._show_run
        view = _PageRun(run, shown, read_only=self.read_only)
        query.of_tabs(view.tabs, RUN_TABS, "tab")
        title = f"{view.head.head['title']} · run {view.run_id[:8]}"
        return ConsoleView(title, view, query=query)

    def _backfill(self, backfill_id: str, query: PageQuery) -> ConsoleView:
        view = BackfillView(self.session.find_backfill(backfill_id))
        of_it = RunsFilter.for_backfill(backfill_id)
        runs = _PageHistory(RunTable(self.session.instance, of_it), self._show_run, query)
        shown = ipywidgets.VBox([view, runs])
        return ConsoleView(f"backfill {backfill_id}", shown, query=query)

    def _found(self, begins: str) -> RunSource:
        """Return a run by its id, or how that begins; one in progress elsewhere is followed."""
        live = self.session.run(begins)
        if live.is_finished:
            return stored_or_live(self.session.instance, live.run_id)
        return source_of(live)

    def _show_run(self, run: Any) -> None:
        self._go(address_of_run(source_of(run).run_id))

    def _pad(self, job: JobDefinition, title: str) -> Launchpad:
        """Return the form of a job; what this browser has typed into it is kept."""
        place = f"{job.name} {title}"
        form = self._forms.get(place)
        if form is not None:
            form.set_job(job)
        pad = Launchpad(job, self.session.instance, state=form, title=title, show=self._show_run)
        self._forms[place] = pad.state
        return pad

    # --- search -----------------------------------------------------------------

    def find(self, text: str) -> list[dict[str, str]]:
        """Return assets, jobs, schedules, sensors and runs whose name holds a text.

        Args:
            text: The text; for runs, how the id begins.
        """
        words = text.casefold().split()
        if not words:
            return []
        found = [each for each in self._names() if all(w in each["name"].casefold() for w in words)]
        found.sort(
            key=lambda each: (not each["name"].casefold().startswith(words[0]), each["name"])
        )
        ids = words[0]
        return [*found[:_MOST_FOUND], *self._backfills_like(ids), *self._runs_like(ids)]

    def _names(self) -> list[dict[str, str]]:
        known = self.session.snapshot()
        keys = sorted(key.to_user_string() for key in known.assets_by_key)
        found = [{"noun": "asset", "name": key, "address": address_of_asset(key)} for key in keys]
        found += [
            {"noun": "job", "name": job.name, "address": address_of_job(job.name)}
            for job in known.jobs
        ]
        for noun, those in (("schedule", known.schedules), ("sensor", known.sensors)):
            found += [{"noun": noun, "name": each.name, "address": "/automation"} for each in those]
        return found

    def _backfills_like(self, begins: str) -> list[dict[str, str]]:
        if len(begins) < 4:
            return []
        known = self.session.instance.get_backfills(limit=_MOST_BACKFILLS)
        return [
            {
                "noun": "backfill",
                "name": f"{each.backfill_id} · {each.title}",
                "address": address_of_backfill(each.backfill_id),
            }
            for each in known
            if each.backfill_id.startswith(begins)
        ][:_MOST_FOUND]

    def _runs_like(self, begins: str) -> list[dict[str, str]]:
        if len(begins) < 4 or set(begins) - set("0123456789abcdef-"):
            return []
        rows = page_of(self.session.instance, {"id": begins}, None, _MOST_FOUND)["rows"]
        return [
            {
                "noun": "run",
                "name": f"{row['run_id'][:8]} · {row['job']} · {row['word']}",
                "address": address_of_run(row["run_id"]),
            }
            for row in rows
        ]


def backfill_row(record: PartitionBackfill) -> dict[str, Any]:
    """Return a backfill as a row of the list."""
    counts = counts_of(record)
    status = record_status(record)
    return {
        "id": record.backfill_id,
        "address": address_of_backfill(record.backfill_id),
        "title": record.title,
        "status": status.value,
        "word": WORDS[status],
        "done": f"{counts.done:,} of {counts.total:,}" if counts.total else "",
        "time": record.backfill_timestamp,
        "note": record.error or "",
        "going": not record.status.is_finished,
    }


class _PageHistory(HistoryView):
    """The history, where a run that is opened has an address of its own."""

    def __init__(self, runs: RunTable, show: Callable[[Any], None], query: PageQuery) -> None:
        self._show_there = show
        super().__init__(runs)
        query.of_runs(self.table)

    def show_run(self, run: Any) -> None:
        """Go to the run."""
        self._show_there(run)


class _PageAutomation(AutomationView):
    """The schedules and sensors, where a run that is opened has an address of its own."""

    def __init__(self, automation: Any, show: Callable[[Any], None]) -> None:
        self._show_there = show
        super().__init__(automation)

    def show_run(self, run: Any) -> None:
        """Go to the run."""
        self._show_there(run)


class _PageAsset(AssetView):
    """An asset, where a run that is opened has an address of its own."""

    def __init__(
        self, definition: Any, pad: Callable[[], Any], show: Callable[[Any], None]
    ) -> None:
        self._show_there = show
        super().__init__(definition, launchpad=pad)

    def _show_run(self, run: Any) -> None:
        self._show_there(run)


class _PageRun(RunView):
    """A run, where the one that repeats it has an address of its own."""

    def __init__(self, run: Any, show: Callable[[Any], None], *, read_only: bool) -> None:
        self._show_there = show
        self._read_only = read_only
        super().__init__(run)

    def show(self, run: Any) -> None:
        """Go to the run that repeats this one; the browser goes back."""
        self._earlier.clear()
        self._show_there(run)

    def _deeds(self) -> Any:
        return [] if self._read_only else super()._deeds()

    def _act(self, deed: str) -> None:
        super()._act(deed)
        self._earlier.clear()

    def _show_rich(self, name: str) -> None:
        """Display the value with its own rich repr, without a kernel's shell."""
        from IPython.core.formatters import DisplayFormatter

        data, about = DisplayFormatter().format(self._model.value(name))
        output = {"output_type": "display_data", "data": data, "metadata": about}
        self.rich.children = (*self.rich.children, ipywidgets.Output(outputs=(output,)))


def said(error: Exception) -> str:
    """Return what an error says to a person."""
    return str(error) if isinstance(error, JobnbError) else f"{type(error).__name__}: {error}"
