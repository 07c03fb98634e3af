"""The live catalog: all definitions of this kernel, their status, and buttons to materialize."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import ipywidgets
from ipywidgets import widget_serialization
from traitlets import Bool, Dict, Instance, List, Unicode

from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.locations.definitions import Definitions
from jobnb.definitions.selections.selection import AssetSelection
from jobnb.display.asset_pictures import asset_picture
from jobnb.display.picture import Mark
from jobnb.display.summaries import summaries
from jobnb.display.widgets.assemble import css, esm
from jobnb.display.widgets.catalogue_data import asset_rows, contents, summary_json
from jobnb.display.widgets.follow import follow_run, keep_up
from jobnb.display.widgets.graph import GRAPH_PARTS, GraphView
from jobnb.display.widgets.live_and_static import LiveAndStatic
from jobnb.display.widgets.partitions import PartitionsView
from jobnb.display.widgets.previews import preview
from jobnb.display.widgets.tooltips import asset_facts
from jobnb.display.widgets.view import View, answers
from jobnb.errors import InvalidSubsetError, PartitionNeededError


class Catalogue(View):
    """The assets of a session by group with their graph, jobs and resources.

    Rows and cards are selected together; the selection can be materialized.

    Args:
        session: Whose definitions.
        show: Called with a widget to be shown below: a run, a launchpad.
        ended: Called when a run that was started from here has ended.

    Attributes:
        selected: The keys of the selected assets; may be set.
        session: Whose definitions.
        rows: One for each asset: key, group, kind, type, status, when it was last made.
        contents: Jobs, ops and graphs, resources.
        graph: The graph of the assets, or None where there are none.
    """

    _esm = esm(
        *GRAPH_PARTS,
        "parts/tabs.js",
        "parts/child.js",
        "parts/failures.js",
        "parts/values.js",
        "parts/asset_table.js",
        "parts/listings.js",
        "catalogue.js",
    )
    _css = css("graph_view.css", "catalogue.css")

    rows = List(Dict()).tag(sync=True)
    contents = Dict().tag(sync=True)
    title = Unicode("session").tag(sync=True)
    behind = Bool(False, help="Whether something may have changed since.").tag(sync=True)
    graph = Instance(GraphView, allow_none=True).tag(sync=True, **widget_serialization)

    def __init__(self, session: Any, show: Any = None, ended: Any = None, **traits: Any) -> None:
        self.session = session
        self._show = show or (lambda widget: widget)
        self._ended = ended or (lambda: None)
        self._summaries: dict[Any, Any] = {}
        self._following = 0
        super().__init__(**traits)
        self.refresh()
        keep_up(self)

    @property
    def selected(self) -> list[str]:
        """The keys of the assets that are selected."""
        return list(self.graph.selected) if self.graph is not None else []

    @selected.setter
    def selected(self, keys: Iterable[str]) -> None:
        if self.graph is not None:
            self.graph.selected = list(keys)

    # --- what is shown ----------------------------------------------------

    @answers("refresh")
    def refresh(self) -> bool:
        """Read definitions and history again."""
        known = self.session.definitions
        keys = [key for each in known.assets for key in each.keys]
        self._summaries.clear()
        sources = [each.key for each in known.source_assets]
        self._summaries.update(summaries(self.session, keys, sources))
        with self.hold_sync():
            self.rows = asset_rows(known, self._summaries)
            self.contents = contents(self.session, known)
            self._draw(known)
        return True

    @answers("keep_up")
    def keep_up(self) -> bool:
        """Show what has changed, if a front end still shows this; return whether it did."""
        self.behind = False
        if self._following:
            return False  # the end of the run brings all up to date
        self.refresh()
        self._ended()
        return True

    def _draw(self, known: Definitions) -> None:
        marks = {key.to_user_string(): each.mark for key, each in self._summaries.items()}
        picture = asset_picture(known.assets, known.source_assets, title=self.title, marks=marks)
        about = asset_facts(known.assets_by_key, self._summaries, self.session)
        if self.graph is not None and picture.cards:
            self.graph.show(picture, about)
            return
        old = self.graph
        self.graph = GraphView(picture, about=about, tallest=380) if picture.cards else None
        if old is not None:
            old.close()

    @answers("preview")
    def preview(self, key: str) -> dict[str, Any]:
        """Return a preview of the last value of an asset."""
        return preview(self.session.peek(key))

    # --- actions ----------------------------------------------------------

    @answers("materialize")
    def materialize(self, keys: Iterable[str] = (), stale_only: bool = False) -> str:
        """Materialize these assets in the background, or all if none is named.

        If partitions must be chosen first, the view below asks for them.

        Args:
            keys: The assets.
            stale_only: Whether to skip fresh assets.

        Returns:
            The run's id; empty if nothing runs yet.

        Raises:
            InvalidSubsetError: If none of these can be made.
            InvalidConfigError: If they need config.
        """
        chosen = [AssetKey.from_user_string(key) for key in self._makeable(keys)]
        try:
            run = self.session.launch(chosen, stale_only=stale_only)
        except PartitionNeededError:
            if len(chosen) == 1:
                self._show_partitions(chosen[0])
            else:
                self._open_pad(self._job_of(chosen))
            return ""
        self._show(_run_view(run))
        self.follow(run)
        return str(run.run_id)

    @answers("check")
    def check(self, keys: Iterable[str] = ()) -> str:
        """Run the checks of these assets on the stored values, or all if none is named.

        Returns:
            The run's id.

        Raises:
            InvalidSubsetError: If none of them has checks that can run alone.
        """
        wanted = {AssetKey.from_user_string(key) for key in keys}
        checks = [
            key
            for each in self.session.definitions.asset_checks
            if not wanted or each.asset_keys & wanted
            for key in each.check_keys  # all of those that can only be made together
            if not wanted or key.asset in wanted or not each.can_subset
        ]
        if not checks:
            raise InvalidSubsetError(
                "None of these has a check of its own: a check that the asset's function makes "
                "runs when the asset is made."
            )
        run = self.session.launch(AssetSelection.checks(*sorted(checks)))
        self._show(_run_view(run))
        self.follow(run)
        return str(run.run_id)

    def _makeable(self, keys: Iterable[str]) -> list[str]:
        made = [row["key"] for row in self.rows if not row.get("source")]
        wanted = set(keys)
        chosen = [key for key in made if not wanted or key in wanted]
        if not chosen:
            raise InvalidSubsetError(
                "None of these can be made here: select assets that a function makes."
            )
        return chosen

    def follow(self, run: Any) -> None:
        """Show the states of a live run in the graph and rows, then update the history."""
        self._following += 1
        follow_run(run, self._news, self._run_ended)

    def _news(self, news: dict[str, tuple[Mark, float | None]]) -> None:
        if self.graph is not None:
            self.graph.patch(
                {key: mark for key, (mark, _) in news.items()},
                {key: since for key, (_, since) in news.items()},
            )
        shown = {key: {"status": mark.status.value, "word": ""} for key, (mark, _) in news.items()}
        self.tell("rows", shown)

    def _run_ended(self) -> None:
        self._following -= 1
        self._catch_up()

    def _catch_up(self) -> None:
        """Update the status of the assets after a run, in the present rows."""
        known = self.session.definitions
        sources = {each.key for each in known.source_assets}
        made = [key for key in self._summaries if key not in sources]
        self._summaries.update(summaries(self.session, made, sources))
        now = {key.to_user_string(): summary_json(s) for key, s in self._summaries.items()}
        with self.guard:
            self._pace.stop()
            self.rows = [{**row, **_news_of(row, now)} for row in self.rows]
            if self.graph is not None:
                checked = ((k, s) for k, s in self._summaries.items() if s.checks)
                self.graph.patch({key.to_user_string(): s.mark for key, s in checked})
        self._ended()

    @answers("launchpad")
    def launchpad(self, job: str = "", keys: Iterable[str] = ()) -> bool:
        """Open the launchpad of a job, or of these assets.

        Raises:
            JobnbError: If there is no such job, or its config cannot be read.
        """
        chosen = [] if job else [AssetKey.from_user_string(key) for key in self._makeable(keys)]
        self._open_pad(self.session.job(job) if job else self._job_of(chosen))
        return True

    def _show_partitions(self, key: AssetKey) -> None:
        view = PartitionsView(self.session.partitions(key))
        view.observe(lambda change: None if change.new else self._catch_up(), names=["running"])
        self._show(view)

    def _job_of(self, keys: list[AssetKey]) -> JobDefinition:
        return self.session.definitions.job_of_assets("materialize", keys)  # type: ignore[no-any-return]

    def _open_pad(self, target: JobDefinition) -> None:
        from jobnb.display.widgets.launchpad import Launchpad

        def launch(**parameters: Any) -> Any:
            run = target.launch(**parameters)
            self.follow(run)
            return run

        self._show(Launchpad(target, self.session.instance, launch=launch))

    def close(self) -> None:
        """Close it with its graph."""
        if self.graph is not None:
            self.graph.close()
        super().close()


def _news_of(row: dict[str, Any], now: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the changed part of a row; for a source asset, the results of its checks."""
    found = now.get(row["key"], {})
    return {"checks": found.get("checks")} if row.get("source") else found


def _run_view(run: Any) -> Any:
    from jobnb.display.widgets.run import RunView

    return RunView(run)


class SessionView(LiveAndStatic, ipywidgets.VBox):  # type: ignore[misc]
    """The catalog of a session, with the runs and launchpads opened from it below.

    Args:
        session: Whose definitions.
    """

    def __init__(self, session: Any) -> None:
        self.catalogue = Catalogue(session, self._show, self.renew_twins)
        self.below = ipywidgets.VBox()
        super().__init__(children=[self.catalogue, self.below])

    def _show(self, widget: Any) -> None:
        self.below.children = [widget]
