"""The part of a launchpad that is drawn and typed into."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from traitlets import Dict, List

from jobnb.display.attempt import attempt
from jobnb.display.launch_form import LaunchForm
from jobnb.display.launch_stored import (
    delete_preset,
    earlier_runs,
    load_preset,
    load_run,
    preset_names,
    save_preset,
)
from jobnb.display.widgets.assemble import css, esm
from jobnb.display.widgets.view import View, answers
from jobnb.errors import JobnbError

__all__ = ["Launch", "LaunchFace"]

Launch = Callable[..., Any]
_MOST_VIEWS = 64  # whose deeds are remembered; closed ones never say so


class LaunchFace(View):
    """The part of a launchpad that is drawn and typed into.

    Args:
        state: What it shows.
        launch: Begins the run; it is called with the parameters of `JobDefinition.launch`.
        title: What is launched.
        noun: What kind of thing that is.
    """

    _esm = esm(
        *("parts/dom.js", "parts/tabs.js", "parts/edits.js", "parts/fields.js"),
        *("parts/form_rows.js", "parts/launch_around.js", "parts/launch_yaml.js"),
        "launchpad.js",
    )
    _css = css("launchpad.css")

    answered = Dict(help="Up to which of its deeds the state answers a view.").tag(sync=True)
    head = Dict().tag(sync=True)
    rows: Any = List().tag(sync=True)
    shifts: Any = List().tag(sync=True)
    values = Dict().tag(sync=True)
    problems: Any = List().tag(sync=True)
    drafts = Dict().tag(sync=True)
    yaml = Dict().tag(sync=True)
    around = Dict().tag(sync=True)
    stored = Dict().tag(sync=True)
    status = Dict().tag(sync=True)

    def __init__(
        self, state: LaunchForm, launch: Launch, title: str, noun: str, **traits: Any
    ) -> None:
        self.state, self._launch = state, launch
        super().__init__(**traits)
        self._preset = ""
        self.status = {"text": "", "bad": False}
        self.show(title, noun)

    @property
    def instance(self) -> Any:
        """Where presets and earlier runs are."""
        return self.state.instance

    def show(self, title: str, noun: str) -> None:
        """Show the state anew, with all that seldom changes."""
        state = self.state
        assets = state.job.asset_layer is not None
        example = "*revenue, group:load" if assets else "*load, clean+"
        with self.guard, self.hold_sync():
            self.head = {
                "name": title,
                "noun": noun,
                "help": state.job.description or "",
                "selection": "Assets" if assets else "Steps",
                "selects": f"all, or such as {example}",
                "partitions": state.partition_keys(),
            }
            self.sync_stored()
            self.sync()

    def sync(self) -> None:
        """Take over what the state holds now; only what differs goes to the front end."""
        state = self.state
        layer = state.job.asset_layer
        with self.guard, self.hold_sync():
            self.rows, self.shifts = state.rows.layout, state.shifts.told
            self.values = state.rows.values
            self.problems = state.problems
            self.drafts = state.drafts
            self.yaml = {
                "text": state.text.text,
                "problem": state.text.problem,
                "note": state.text.note,
                "form": state.text.plain(state.config) if state.text.problem else "",
            }
            self.around = {
                "selection": state.selection,
                "partition": state.partition or "",
                "steps": len(state.steps),
                "up_to": layer is not None and layer.is_undecided,
                "tags": dict(state.tags),
                "own_tags": state.own_tags,
                "extra": state.has_extra,
            }

    def sync_stored(self) -> None:
        """Take over which presets and earlier runs there are."""
        # The history may be out of reach; the form works without it.
        self.stored = {
            "presets": attempt(self._presets, None) or [],
            "runs": attempt(self._runs, None) or [],
            "preset": self._preset,
        }

    def _presets(self) -> list[str] | None:
        return preset_names(self.state, self.instance)

    def _runs(self) -> list[list[str]] | None:
        return [list(pair) for pair in earlier_runs(self.state, self.instance)]

    def _say(self, text: str, *, bad: bool = False) -> None:
        self.status = {"text": text, "bad": bad}

    def _do(self, deed: Callable[..., None], *given: Any, said: str = "") -> None:
        """Change the state and show it; what is refused is said, and nothing is lost."""
        with self.guard, self.hold_sync():
            try:
                deed(*given)
            except JobnbError as error:
                self._say(str(error), bad=True)
            else:
                self._say(said)
            self.sync()

    # --- what the front end asks for ----------------------------------------

    def answer(self, name: str, *, did: Sequence[Any] = (), **asked: Any) -> Any:
        """What the front end asks; a deed is marked as answered in the state that it leads to.

        Args:
            name: What is asked.
            did: The view that asks, and the number of its deed, if it may change the state.
            **asked: What it is asked with.
        """
        if not did:
            return super().answer(name, **asked)
        view, number = did
        with self.guard, self.hold_sync():
            try:
                return super().answer(name, **asked)
            finally:  # a view must not wait for what was refused
                others = [each for each in self.answered.items() if each[0] != view]
                self.answered = dict([*others[-_MOST_VIEWS:], (view, number)])

    @answers("edit")
    def edit(self, row: str, action: str, control: Any = None, seen: int | None = None) -> None:
        """Do something to a row, as it was seen after so many shifts."""
        shifts = self.state.shifts
        meant = shifts.now(row, shifts.count if seen is None else seen)
        if meant in self.state.rows.found:  # else it went away while the message was on its way
            self._do(self.state.edit, meant, action, control)

    @answers("yaml")
    def write_yaml(self, text: str) -> None:
        """Take the config from YAML."""
        self._do(self.state.set_yaml, text)

    @answers("discard_yaml")
    def discard_yaml(self) -> None:
        """Give up a text that cannot be read."""
        self._do(self.state.discard_yaml)

    @answers("select")
    def select(self, text: str) -> None:
        """Run another part of the job, which may have other partitions."""
        with self.guard, self.hold_sync():
            self._do(self.state.select, text)
            self.head = {**self.head, "partitions": self.state.partition_keys()}

    @answers("partition")
    def choose_partition(self, text: str) -> None:
        """Run for a partition."""
        self._do(self.state.set_partition, text.strip())

    @answers("partitions")
    def partitions(self, text: str) -> list[str]:
        """What the text may become: partitions that hold what stands behind a comma or dots."""
        last = re.split(r",\s*|\.\.\.\s*", text)[-1]
        before = text[: len(text) - len(last)]
        return [before + key for key in self.state.partition_keys(last.strip()) or []]

    @answers("tag")
    def tag(self, key: str, value: str | None) -> None:
        """Give the run a tag; take it away where there is no value."""
        tags = {name: each for name, each in self.state.tags.items() if name != key}
        self._do(self.state.set_tags, tags if value is None else {**tags, key: value})

    @answers("scaffold")
    def scaffold(self) -> None:
        """Write out all defaults, and a sample of what must be given."""
        self._do(self.state.scaffold)

    @answers("remove_extra")
    def remove_extra(self) -> None:
        """Take away what nothing uses."""
        self._do(self.state.remove_extra)

    @answers("reset")
    def reset(self) -> None:
        """Back to the config that the job itself says."""
        self._do(self.state.reset)

    @answers("save_preset")
    def save(self, text: str) -> None:
        """Keep what the form holds under a name."""
        self._stored(save_preset, text, "saved", keeps=True)

    @answers("load_preset")
    def load(self, text: str) -> None:
        """Fill the form with a preset."""
        self._stored(load_preset, text, "loaded", keeps=True)

    @answers("delete_preset")
    def delete(self, text: str) -> None:
        """Forget a preset."""
        self._stored(delete_preset, text, "deleted", keeps=False)

    def _stored(self, deed: Callable[..., None], name: str, word: str, *, keeps: bool) -> None:
        said = f"The preset {name!r} is {word}."
        self._do(deed, self.state, self.instance, name, said=said)
        if not self.status["bad"]:
            self._preset = name if keeps else ""
        self.sync_stored()

    @answers("load_run")
    def load_run(self, run_id: str) -> None:
        """Fill the form as an earlier run was."""
        said = f"Filled as in run {run_id[:8]}."
        self._do(load_run, self.state, self.instance, run_id, said=said)

    @answers("launch")
    def launch(self) -> None:
        """Begin the run; the form stays as it is, whatever becomes of it."""
        with self.guard:
            try:
                run = self._launch(**self.state.parameters())
            except Exception as error:  # noqa: BLE001 - users' code may stand behind a definition
                count = len(self.state.problems)
                told = f"{count} problem{'s' * (count > 1)}" if count else str(error)
                self._say(f"Not launched: {told}", bad=True)
                return
            self._say(f"Run {run.run_id[:8]} is launched.")
