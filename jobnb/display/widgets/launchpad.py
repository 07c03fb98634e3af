"""The live launchpad: a form for a job's config, and the button that launches it.

Each job has one launchpad, so that what was typed is never lost.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

import ipywidgets
from traitlets import Dict, List

from jobnb.definitions.assets.asset_job import AssetJobDefinition
from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.jobs.executor import STRATEGIES
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.display.environment import attempt
from jobnb.display.launch_form import LaunchForm
from jobnb.display.launch_presets import (
    delete_preset,
    earlier_runs,
    load_preset,
    load_run,
    preset_names,
    save_preset,
)
from jobnb.display.launch_view import launch_view
from jobnb.display.view import bundle
from jobnb.display.widgets.assemble import css, esm
from jobnb.display.widgets.live_and_static import LiveAndStatic, widget_bundle
from jobnb.display.widgets.view import View, answers
from jobnb.errors import JobnbError
from jobnb.execution.spec import ASSET_JOB
from jobnb.markdown import plain
from jobnb.registry.session import Session, current_session
from jobnb.registry.target_resolution import job_finder, pinned

Launch = Callable[..., Any]
_MOST_VIEWS = 64  # whose deeds are remembered; closed ones never say so


class LaunchFormView(View):
    """The part of a launchpad that is drawn and edited.

    Args:
        state: What it shows.
        launch: Launches the run, with the arguments of `JobDefinition.launch`.
        title: The title.
        noun: The kind of thing that is launched.
    """

    _esm = esm(
        *("parts/dom.js", "parts/tabs.js", "parts/edits.js", "parts/fields.js"),
        *("parts/form_rows.js", "parts/partition_picker.js", "parts/launch_around.js"),
        *("parts/yaml_paint.js", "parts/yaml_offers.js", "parts/launch_yaml.js"),
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
        """The instance that holds presets and earlier runs."""
        return self.state.instance

    def show(self, title: str, noun: str) -> None:
        """Show the state again, with all that seldom changes."""
        state = self.state
        assets = state.job.asset_layer is not None
        example = "*revenue, group:load" if assets else "*load, clean+"
        with self.guard, self.hold_sync():
            self.head = {
                "name": title,
                "noun": noun,
                "help": plain(state.job.description or ""),
                "selection": "Assets" if assets else "Steps",
                "selects": f"all, or such as {example}",
                "partitions": state.partition_choices(),
                "executors": _executors(state.own_executor),
            }
            self.sync_stored()
            self.sync()

    def sync(self) -> None:
        """Send changes of the state to the front end."""
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
                "executor": state.executor,
                "steps": len(state.steps),
                "up_to": layer is not None and layer.is_undecided,
                "tags": dict(state.tags),
                "own_tags": state.own_tags,
                "extra": state.has_extra,
            }

    def sync_stored(self) -> None:
        """Send the names of presets and earlier runs."""
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

    def answer(self, name: str, /, *, did: Sequence[Any] = (), **asked: Any) -> Any:
        """Answer a request; an edit is marked as answered in the state that it leads to.

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
        """Edit a row, as it was displayed after so many shifts."""
        shifts = self.state.shifts
        meant = shifts.now(row, shifts.count if seen is None else seen)
        if meant in self.state.rows.found:  # else it went away while the message was on its way
            self._do(self.state.edit, meant, action, control)

    @answers("yaml")
    def write_yaml(self, text: str) -> None:
        """Parse the config from YAML."""
        self._do(self.state.set_yaml, text)

    @answers("complete_yaml")
    def complete_yaml(self, before: str, after: str) -> dict[str, Any]:
        """Return the completions of the YAML at the cursor."""
        return self.state.complete_yaml(before, after)

    @answers("discard_yaml")
    def discard_yaml(self) -> None:
        """Discard a text that cannot be parsed."""
        self._do(self.state.discard_yaml)

    @answers("select")
    def select(self, text: str) -> None:
        """Run another part of the job, which may have other partitions."""
        with self.guard, self.hold_sync():
            self._do(self.state.select, text)
            self.head = {**self.head, "partitions": self.state.partition_choices()}

    @answers("partition")
    def choose_partition(self, text: str) -> None:
        """Run for a partition."""
        self._do(self.state.set_partition, text.strip())

    @answers("executor")
    def choose_executor(self, text: str) -> None:
        """Run the steps in another way; in the job's own, if it is empty."""
        self._do(self.state.set_executor, text)

    @answers("partitions")
    def partitions(self, text: str) -> list[str]:
        """Return completions: partitions that contain the text after a comma or dots."""
        last = re.split(r",\s*|\.\.\.\s*", text)[-1]
        before = text[: len(text) - len(last)]
        return [before + key for key in self.state.partition_keys(last.strip()) or []]

    @answers("tag")
    def tag(self, key: str, value: str | None) -> None:
        """Set a tag of the run; an empty value removes it."""
        tags = {name: each for name, each in self.state.tags.items() if name != key}
        self._do(self.state.set_tags, tags if value is None else {**tags, key: value})

    @answers("scaffold")
    def scaffold(self) -> None:
        """Write out all defaults, and a sample of what must be given."""
        self._do(self.state.scaffold)

    @answers("remove_extra")
    def remove_extra(self) -> None:
        """Remove the config that nothing uses."""
        self._do(self.state.remove_extra)

    @answers("reset")
    def reset(self) -> None:
        """Restore the job's own config."""
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
        """Delete a preset."""
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
        """Launch the run; the form stays as it is."""
        with self.guard:
            try:
                run = self._launch(**self.state.parameters())
            except Exception as error:  # noqa: BLE001 - users' code may stand behind a definition
                count = len(self.state.problems)
                told = f"{count} problem{'s' * (count > 1)}" if count else str(error)
                self._say(f"Not launched: {told}", bad=True)
                return
            self._say(f"Run {run.run_id[:8]} is launched.")


_WAYS = {
    "in_process": "in this kernel, one by one",
    "threads": "in threads, side by side",
    "async": "on one event loop, side by side",
    "multiprocess": "in processes, side by side",
    "dask": "on a Dask cluster",
}


def _executors(own: str) -> list[list[str]]:
    """Return the executors to choose from: name, label, and description."""
    named = {name: name.replace("_", " ") for name in STRATEGIES if name != own}
    if "dask" in named and find_spec("distributed") is None:
        del named["dask"]
    first = ["", f"{own.replace('_', ' ')} (the job's own)", _WAYS.get(own, "")]
    return [first, *([name, text, _WAYS[name]] for name, text in named.items())]


class Launchpad(LiveAndStatic, ipywidgets.VBox):  # type: ignore[misc]
    """A form for the config of a job, with a button that launches it and a view of the run.

    Args:
        job: The job.
        instance: Where the history is; the session's if absent.
        state: What it holds, where it is shown again.
        launch: Begins the run; `job.launch` if absent.
        title: What it is called; the job's name if absent.
        selection: The ops or assets to run; all if empty.
        show: Shows a run that was launched; below the form if absent.

    Attributes:
        run: The run that was launched last, or None.

    Example:
        >>> from jobnb import Instance, job, op
        >>> @op(config_schema={"year": int})
        ... def load(context):
        ...     return context.op_config["year"]
        >>> @job
        ... def daily():
        ...     load()
        >>> pad = Launchpad(daily, Instance.ephemeral())
        >>> pad.config = {"ops": {"load": {"config": {"year": 2013}}}}
        >>> pad.launch().wait().status
        'SUCCESS'
    """

    def __init__(
        self,
        job: JobDefinition,
        instance: Any = None,
        *,
        state: LaunchForm | None = None,
        launch: Launch | None = None,
        title: str | None = None,
        selection: str = "",
        show: Callable[[Any], None] | None = None,
        **traits: Any,
    ) -> None:
        self.run: Any = None
        self._show = show or self._show_below
        self._view: Any = None
        self._start = launch or job.launch
        instance = current_session().instance if instance is None else instance
        self.state = state or LaunchForm(job, instance, selection)
        noun = "asset job" if job.asset_layer is not None else "job"
        noun = "assets" if title not in (None, job.name) else noun
        self.title = title or job.name
        self.form = LaunchFormView(self.state, self._begin, self.title, noun)
        super().__init__(children=[self.form], **traits)
        self.layout.width = "100%"

    def _begin(self, **parameters: Any) -> Any:
        self.run = self._start(instance=self.state.instance, **parameters)
        # What was launched runs, whether it can be drawn or not.
        attempt(lambda: self._show(self.run), None)
        self.form.sync_stored()
        return self.run

    def _show_below(self, run: Any) -> None:
        from jobnb.display.widgets.run import RunView

        if self._view is None:
            self._view = RunView(run)
            self.children = [self.form, self._view]
        else:
            self._view.show(run)

    # --- in Python ----------------------------------------------------------

    @property
    def config(self) -> dict[str, Any]:
        """The present raw run config; set it to fill the form."""
        return self.state.config

    @config.setter
    def config(self, config: Any) -> None:
        self.state.set_config(config)
        self.form.sync()

    @property
    def yaml(self) -> str:
        """The present config as YAML; set it to fill the form."""
        return self.state.text.text

    @yaml.setter
    def yaml(self, text: str) -> None:
        self.form.write_yaml(text)

    @property
    def selection(self) -> str:
        """The steps or assets to run, as typed; all if empty."""
        return self.state.selection

    @selection.setter
    def selection(self, text: str) -> None:
        self.form.select(text)

    @property
    def partition_key(self) -> str | None:
        """The partition to run; setting it fills the config of a `PartitionedConfig`."""
        return self.state.partition

    @partition_key.setter
    def partition_key(self, key: str | None) -> None:
        self.form.choose_partition(key or "")

    @property
    def executor(self) -> str:
        """The executor, by name; that of the job if empty."""
        return self.state.executor

    @executor.setter
    def executor(self, name: str) -> None:
        self.state.set_executor(name)
        self.form.sync()

    @property
    def problems(self) -> list[str]:
        """The problems, one per line."""
        notes = self.state.problems
        return [
            ": ".join(filter(None, (note.get("path") or note.get("field"), note["message"])))
            for note in notes
        ]

    def follow(self, job: JobDefinition, launch: Launch) -> None:
        """Use a new definition of the job; what was typed stays."""
        self._start = launch
        if job is not self.state.job:
            self.state.set_job(job)
        self.form.show(self.title, self.form.head["noun"])

    def launch(self) -> Any:
        """Launch the run, as the button does.

        Returns:
            The `Run`.

        Raises:
            InvalidConfigError: If something is wrong; everything is told.
        """
        return self._begin(**self.state.parameters())

    def _repr_mimebundle_(self, *_args: Any, **_kwargs: Any) -> dict[str, Any]:
        """Return the form, and what it reads like where nothing draws it."""
        noun = "launchpad"
        nothing: dict[str, str] = {}
        static = attempt(lambda: bundle(launch_view(self.state, self.title, noun)), nothing)
        return {**static, **widget_bundle(self)}

    def close(self) -> None:
        """Close it in all front ends."""
        self.form.close()
        super().close()


_opened: dict[tuple[int, str, bool], Launchpad] = {}


def open_job(job: JobDefinition | AssetJobDefinition) -> Launchpad:
    """Return the launchpad of a job, the same one each time.

    Args:
        job: The job; one that makes assets is resolved over what the session knows.
    """
    session = current_session()
    found = session.job(job.name) if isinstance(job, AssetJobDefinition) else job
    return _open(session, found, found.name, job.launch)


def open_session(session: Session, target: Any = None) -> Launchpad:
    """Return the launchpad of a job of a session, or of the assets that a selection names.

    Args:
        session: The session.
        target: A job or its name, else which assets to make; all if absent.

    Raises:
        InvalidSubsetError: If the session knows no such job or asset.
    """
    job, title = _found(session, target)

    def launch(**parameters: Any) -> Any:
        return session.launch(target, **parameters)

    return _open(session, job, title, launch)


def _found(session: Session, target: Any) -> tuple[JobDefinition, str]:
    find_job = job_finder(session, target)
    if find_job is not None:
        job = find_job()
        return job, job.name
    job = session.definitions.job_of_assets(ASSET_JOB, pinned(session, target))
    job.graph.assets_by_node  # noqa: B018 - a selection that names nothing is told now
    return job, "all assets" if target is None else _title(target)


def _title(target: Any) -> str:
    if isinstance(target, str):
        return target
    if isinstance(target, (list, tuple)):
        return ", ".join(map(_title, target))
    if isinstance(target, AssetsDefinition):
        return _title(sorted(target.keys))
    key: Any = target if isinstance(target, AssetKey) else getattr(target, "key", None)
    return key.to_user_string() if isinstance(key, AssetKey) else str(target)


def _open(session: Session, job: JobDefinition, title: str, launch: Launch) -> Launchpad:
    instance = session.instance
    key = (id(instance), title, job.name == ASSET_JOB)
    kept = _opened.get(key)
    if kept is None:
        made = Launchpad(job, instance, launch=launch, title=title)
    elif kept.comm is None:  # it was closed; what it held is kept
        kept.state.set_job(job)
        made = Launchpad(job, instance, launch=launch, title=title, state=kept.state)
    else:
        kept.follow(job, launch)
        return kept
    _opened[key] = made
    return made
