"""The live view of a run: status, graph and results, updated together."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets
from traitlets import Dict, List, Unicode, observe

from jobnb.display.environment import attempt, has_front_end
from jobnb.display.run_marks import base_key, cards_of_step
from jobnb.display.run_views import run_view
from jobnb.display.step_cells import step_cells
from jobnb.display.view import bundle
from jobnb.display.widgets.assemble import css, esm
from jobnb.display.widgets.follow import News
from jobnb.display.widgets.graph import GraphView
from jobnb.display.widgets.live_and_static import LiveAndStatic, widget_bundle
from jobnb.display.widgets.log_lines import LogFilter
from jobnb.display.widgets.run_data import failures
from jobnb.display.widgets.run_model import RunModel
from jobnb.display.widgets.run_source import RunSource, source_of, stored_or_live
from jobnb.display.widgets.view import View, answers
from jobnb.errors import InvalidSubsetError
from jobnb.execution.debugging import open_step
from jobnb.registry.session import current_session

_MOST_LINES = 500


class RunHead(View):
    """The status of a run, its progress, failures, and actions.

    Args:
        act: Runs the action of a button.
        refresh: Reads what is new of a run of another kernel.
        cells: Gives the code of the cells in which a step is opened.
    """

    _esm = esm(
        "parts/dom.js", "parts/marks.js", "parts/failures.js", "parts/cells.js", "run_head.js"
    )
    _css = css("run.css")

    head = Dict().tag(sync=True)
    can = List(Unicode()).tag(sync=True)
    failures = List(Dict()).tag(sync=True)
    selected = List(Unicode()).tag(sync=True)

    def __init__(
        self,
        act: Callable[[str], None],
        refresh: Callable[[], None],
        cells: Callable[[str], list[str]],
        **traits: Any,
    ) -> None:
        self._act = act
        self._refresh = refresh
        self._cells = cells
        super().__init__(**traits)

    def show(self, model: RunModel, can: Sequence[str]) -> None:
        """Show the present state of the run."""
        told = failures(model.state)
        with self.guard, self.hold_sync():
            self.head = model.head()
            self.can = list(can)
            if told != self.failures:
                self.failures = told

    @answers("act")
    def act(self, deed: str) -> bool:
        """Run the action of a button."""
        if deed not in self.can:
            raise InvalidSubsetError(f"The run cannot do {deed!r} now.")
        self._act(deed)
        return True

    @answers("cells")
    def cells(self, step: str) -> list[str]:
        """Return the code of the cells in which a step is opened."""
        return self._cells(step)

    @answers("refresh")
    def refresh(self) -> bool:
        """Read what is new."""
        self._refresh()
        return True


RUN_TABS = ("outputs", "checks", "timeline", "log", "config", "tags")
"""The names of the tabs of a run."""


class RunTabs(View):
    """Outputs, timeline, log, config and tags of a run.

    Args:
        model: The run.
        show_rich: Shows the value of an output through its own rich repr.
    """

    _esm = esm(
        "parts/dom.js",
        "parts/marks.js",
        "parts/tabs.js",
        "parts/failures.js",
        "parts/rows.js",
        "parts/values.js",
        "parts/lanes.js",
        "parts/timeline.js",
        "parts/log.js",
        "run.js",
    )
    _css = css("run.css")

    run_id = Unicode().tag(sync=True)
    tab = Unicode("outputs").tag(sync=True)
    about = Dict().tag(sync=True)
    selected = List(Unicode()).tag(sync=True)

    def __init__(self, model: RunModel, show_rich: Callable[[str], None], **traits: Any) -> None:
        self._model = model
        self._show_rich = show_rich
        self._watches_steps = False
        self._log_asked: Mapping[str, Any] | None = None
        super().__init__(run_id=model.source.run_id, about=self._about(), **traits)

    def begin(self, model: RunModel) -> None:
        """Show another run."""
        with self.guard, self.hold_sync():
            self._model = model
            self._log_asked = None
            self.run_id, self.about = model.source.run_id, self._about()

    def _about(self) -> dict[str, Any]:
        model = self._model
        state = model.state
        return {
            "finished": state.is_finished,
            "outputs": len(model.outputs),
            "checks": len(state.checked),
        }

    def news(self, touched: set[str]) -> None:
        """Update the open tab; the others cost nothing."""
        self.about = self._about()
        if touched and self._watches_steps:
            self.tell("steps", self._model.rows(touched))
        asked = self._log_asked
        if touched and asked is not None and asked["follow"] and self.tab == "log":
            self.tell("log", self._log_data(asked))

    # --- what the front end asks ------------------------------------------

    @answers("steps")
    def steps(self) -> dict[str, Any]:
        """Return every step, and how far into the run it is now."""
        self._watches_steps = True
        model, head = self._model, self._model.head()
        return {
            "rows": list(model.rows().values()),
            "now": head["elapsed"] or 0.0,
            "finished": head["finished"],
        }

    @answers("checks")
    def checks(self) -> list[dict[str, Any]]:
        """Return the results of the checks so far."""
        return self._model.checks()

    @answers("slowest_path")
    def slowest_path(self) -> list[str]:
        """Return the chain of steps that took longest together."""
        return self._model.slowest_path()

    @answers("log")
    def log_slice(
        self, asked: Mapping[str, Any], first: int, count: int, follow: bool
    ) -> dict[str, Any]:
        """Return the lines that fit, from place `first` on; the last ones if `follow`."""
        self._log_asked = {"asked": asked, "first": first, "count": count, "follow": follow}
        return self._log_data(self._log_asked)

    def _log_data(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        lines, count = self._model.lines, min(int(wanted["count"]), _MOST_LINES)
        with self._model.guard:
            lines.choose(LogFilter.of(wanted["asked"]))
            counts = lines.counts()
            first = counts["matched"] - count if wanted["follow"] else int(wanted["first"])
            first = max(0, first)
            shown = {"first": first, "lines": lines.slice(first, count)}
            return {**counts, **shown, "turn": wanted["asked"].get("turn")}

    @answers("outputs")
    def outputs(self) -> dict[str, Any]:
        """Return the outputs so far."""
        model = self._model
        return {
            "outputs": model.output_list(),
            "count": len(model.outputs),
            "finished": model.state.is_finished,
        }

    @answers("preview")
    def preview(self, output: str) -> dict[str, Any]:
        """Return a look at the value of an output."""
        return self._model.preview(output)

    @answers("show_rich")
    def show_rich(self, output: str) -> bool:
        """Show a value through its own rich repr, below."""
        self._show_rich(output)
        return True

    @answers("config")
    def config_text(self) -> str:
        """Return the run config as YAML."""
        return self._model.config()

    @answers("tags")
    def tag_rows(self) -> list[dict[str, Any]]:
        """Return the tags."""
        return self._model.tags()


_MOST_RICH = 5


class RunView(LiveAndStatic, ipywidgets.VBox):  # type: ignore[misc]
    """A run with its graph, outputs, timeline, log, config and tags, and buttons for actions.

    An active run is updated at most 20 times a second.

    Args:
        run: A `Run` that was launched, or the result of one that was waited for.
        tab: The tab that is open first: `outputs`, `checks`, `timeline`, `log`, `config` or
            `tags`; what the run is about if left out.

    Attributes:
        selected: The keys of the steps that are selected, in any part of the view.

    Example:
        >>> from jobnb import job, op
        >>> @op
        ... def five():
        ...     return 5
        >>> @job
        ... def numbers():
        ...     five()
        >>> view = RunView(numbers.execute_in_process())
        >>> view.head.head["word"], view.tabs.preview("five")["text"]
        ('succeeded', '5')
    """

    selected = List(Unicode())

    def __init__(self, run: Any, *, tab: str = "", **traits: Any) -> None:
        self._guard = threading.RLock()
        self._linking = False
        self._earlier: list[RunSource] = []
        self._unfollow: Callable[[], None] = lambda: None
        self._model = RunModel(source_of(run))
        _, news = self._model.catch_up()
        self.head = RunHead(self._act, self.refresh, self._step_cells)
        usual = "checks" if self._model.source.record.makes_only_checks else "outputs"
        self.tabs = RunTabs(self._model, self._show_rich, tab=tab or usual)
        self.rich = ipywidgets.VBox()
        self.graph: GraphView | None = self._drawn(news)
        super().__init__(children=self._parts(), **traits)
        self.layout.width = "100%"
        self.add_class("jobnb-run")
        for part in (self.head, self.tabs):
            part.observe(self._part_selected, names=["selected"])
        self._start()

    @classmethod
    def of(cls, instance: Any, run_id: str, **parameters: Any) -> RunView:
        """Return the view of a run of the history: live if it is active in this kernel.

        Args:
            instance: Whose history.
            run_id: The run.
            **parameters: Those of `RunView`.

        Raises:
            RunNotFoundError: If there is no such run.
        """
        return cls(stored_or_live(instance, run_id), **parameters)

    @property
    def run_id(self) -> str:
        """The id of the displayed run."""
        return self._model.source.run_id

    # --- showing ----------------------------------------------------------

    def show(self, run: Any) -> None:
        """Show another run instead."""
        with self._guard:
            self._unfollow()
            self._model = RunModel(source_of(run))
            _, news = self._model.catch_up()
            self.selected = []
            old, self.graph = self.graph, self._drawn(news)
            self.rich.children = ()
            self.tabs.begin(self._model)
            self.children = self._parts()
            self._start()
        if old is not None:
            old.close()

    def _parts(self) -> tuple[Any, ...]:
        parts = (self.head, self.graph, self.tabs, self.rich)
        return tuple(part for part in parts if part is not None)

    def _drawn(self, news: News) -> GraphView | None:
        picture = self._model.source.picture
        if picture is None:
            return None
        graph = GraphView(picture, about=self._model.failure_facts, tallest=320)
        _patch(graph, news)
        graph.observe(self._part_selected, names=["selected"])
        return graph

    def _start(self) -> None:
        self._tell(set())
        self._unfollow = self._model.source.follow(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show what is new; called by the run, or by the front end for runs of other kernels."""
        with self._guard:
            touched, news = self._model.catch_up()
            if self.graph is not None and news:
                _patch(self.graph, news)
            self._tell(touched)
            ended = self._model.state.is_finished
            if ended:
                self._unfollow()
        if ended and touched:
            self.renew_twins()

    def _tell(self, touched: set[str]) -> None:
        self.head.show(self._model, self._deeds())
        self.tabs.news(touched)

    def _repr_mimebundle_(self, **parameters: Any) -> dict[str, Any]:
        """Return text, HTML and a picture always; alive where there is a front end."""
        live = widget_bundle(self) if has_front_end() else {}
        return {**bundle(run_view(self._model.look())), **live}

    def close(self) -> None:
        """Close the view; the run continues."""
        self._unfollow()
        for part in self.children:
            part.close()
        super().close()

    # --- actions ----------------------------------------------------------

    def _deeds(self) -> Sequence[str]:
        """Return the actions available at present."""
        state, source = self._model.state, self._model.source
        deeds = ["back"] if self._earlier else []
        if not state.is_finished:
            return [*deeds, "cancel"] if source.can_cancel else deeds
        if not state.is_success and state.steps:
            deeds.append("from_failure")
        return [*deeds, "rerun", "selected"]

    def _act(self, deed: str) -> None:
        source = self._model.source
        if deed == "cancel":
            source.cancel()
        elif deed == "back":
            self.show(self._earlier.pop())
        else:
            again = source.rerun(
                from_failure=deed == "from_failure",
                steps=list(self.selected) if deed == "selected" else None,
            )
            self._earlier.append(source)
            self.show(again)

    def _step_cells(self, step: str) -> list[str]:
        """Return the code of the cells in which a step is opened."""
        source = self._model.source
        with open_step(current_session(), source.run_id, step, source.instance) as opened:
            return step_cells(opened)

    def _show_rich(self, name: str) -> None:
        """Display the value with its own rich repr, in an output of its own."""
        value = self._model.value(name)
        shown = ipywidgets.Output()
        shown.append_display_data(value)
        self.rich.children = (*self.rich.children[-_MOST_RICH + 1 :], shown)

    # --- selecting --------------------------------------------------------

    def _part_selected(self, change: Any) -> None:
        chosen = change["new"]
        if not self._linking:
            self.selected = self._steps_of(chosen) if change["owner"] is self.graph else chosen

    @observe("selected")
    def _selected(self, _change: Any) -> None:
        """Apply a selection to all parts."""
        self._linking = True
        try:
            self.head.selected = self.tabs.selected = list(self.selected)
            if self.graph is not None:
                wanted = self._cards_of(self.selected)
                if set(wanted) != set(self.graph.selected):
                    self.graph.selected = wanted
        finally:
            self._linking = False

    def _steps_of(self, cards: Sequence[str]) -> list[str]:
        """Return the steps of cards: those that make the assets of these names, or are called so.

        For a step that was mapped over a dynamic output stand those that ran for its elements.
        """
        makers: dict[str, list[str]] = defaultdict(list)
        for step in dict.fromkeys(map(base_key, self._model.state.steps)):
            for card in cards_of_step(self._known_cards(), step):
                makers[card].append(step)
        for step, names in self._model.cards.items():  # those that have not begun
            for card in names if names[0] not in makers else ():
                makers[card].append(step)
        mapped: dict[str, list[str]] = defaultdict(list)
        for key in self._model.state.steps:
            if "[" in key:
                mapped[base_key(key)].append(key)
        steps = dict.fromkeys(step for card in cards for step in makers.get(card, [card]))
        return [key for step in steps for key in mapped.get(step, [step])]

    def _cards_of(self, steps: Sequence[str]) -> list[str]:
        known = self._known_cards()
        bare = dict.fromkeys(step.split("[")[0] for step in steps)
        cards = dict.fromkeys(card for step in bare for card in cards_of_step(known, step))
        drawn = {card.key for card in self.graph.picture.cards} if self.graph else set()
        return [card for card in cards if card in drawn]

    def _known_cards(self) -> Mapping[str, Sequence[str]]:
        if self._model.cards:
            return self._model.cards
        outputs = self._model.outputs.values()
        return {each.step: [each.name] for each in outputs if each.asset is not None}


def _patch(graph: GraphView, news: News) -> None:
    marks = {key: mark for key, (mark, _) in news.items()}
    attempt(lambda: graph.patch(marks, {key: since for key, (_, since) in news.items()}), None)
