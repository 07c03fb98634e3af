"""The two live parts of a run view: the header with its buttons, and the tabs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from traitlets import Dict, List, Unicode

from jobnb.display.widgets.assemble import css, esm
from jobnb.display.widgets.log_lines import LogFilter
from jobnb.display.widgets.run_data import failures
from jobnb.display.widgets.run_model import RunModel
from jobnb.display.widgets.view import View, answers
from jobnb.errors import InvalidSubsetError

_MOST_LINES = 500


class RunHead(View):
    """The status of a run, its progress, failures, and actions.

    Args:
        act: Runs the action of a button.
        refresh: Reads what is new of a run of another kernel.
    """

    _esm = esm("parts/dom.js", "parts/marks.js", "parts/failures.js", "run_head.js")
    _css = css("run.css")

    head = Dict().tag(sync=True)
    can = List(Unicode()).tag(sync=True)
    failures = List(Dict()).tag(sync=True)
    selected = List(Unicode()).tag(sync=True)

    def __init__(
        self,
        act: Callable[[str], None],
        refresh: Callable[[], None],
        **traits: Any,
    ) -> None:
        self._act = act
        self._refresh = refresh
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

    @answers("refresh")
    def refresh(self) -> bool:
        """Read what is new."""
        self._refresh()
        return True


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
        """Tell the tabs that someone has opened; those that nobody looks at cost nothing."""
        self.about = self._about()
        if touched and self._watches_steps:
            self.tell("steps", self._model.rows(touched))
        asked = self._log_asked
        if touched and asked is not None and asked["follow"] and self.tab == "log":
            self.tell("log", self._log_data(asked))

    # --- what the front end asks ------------------------------------------

    @answers("steps")
    def steps(self) -> dict[str, Any]:
        """Every step, and how far into the run it is now."""
        self._watches_steps = True
        model, head = self._model, self._model.head()
        return {
            "rows": list(model.rows().values()),
            "now": head["elapsed"] or 0.0,
            "finished": head["finished"],
        }

    @answers("checks")
    def checks(self) -> list[dict[str, Any]]:
        """What the checks said so far."""
        return self._model.checks()

    @answers("slowest_path")
    def slowest_path(self) -> list[str]:
        """The chain of steps that took longest together."""
        return self._model.slowest_path()

    @answers("log")
    def log_slice(
        self, asked: Mapping[str, Any], first: int, count: int, follow: bool
    ) -> dict[str, Any]:
        """The lines that fit, from place `first` on; the last ones if `follow`."""
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
        """What came out so far."""
        model = self._model
        return {
            "outputs": model.output_list(),
            "count": len(model.outputs),
            "finished": model.state.is_finished,
        }

    @answers("preview")
    def preview(self, output: str) -> dict[str, Any]:
        """A look at the value of an output."""
        return self._model.preview(output)

    @answers("show_rich")
    def show_rich(self, output: str) -> bool:
        """Show a value through its own rich repr, below."""
        self._show_rich(output)
        return True

    @answers("config")
    def config_text(self) -> str:
        """The run config as YAML."""
        return self._model.config()

    @answers("tags")
    def tag_rows(self) -> list[dict[str, Any]]:
        """The tags."""
        return self._model.tags()
