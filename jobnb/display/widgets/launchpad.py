"""The launchpad, alive: a form for a job's config, and the button that runs it."""

from __future__ import annotations

from typing import Any

import ipywidgets

from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.display.attempt import attempt
from jobnb.display.launch_form import LaunchForm
from jobnb.display.launch_view import launch_view
from jobnb.display.view import bundle
from jobnb.display.widgets.launch_face import Launch, LaunchFace
from jobnb.display.widgets.twin import Twinned, widget_bundle
from jobnb.registry.session import current_session

__all__ = ["Launchpad"]


class Launchpad(Twinned, ipywidgets.VBox):  # type: ignore[misc]
    """A form for the config of a job, with a button that launches it and a view of the run.

    Args:
        job: The job.
        instance: Where the history is; the session's if absent.
        state: What it holds, where it is shown again.
        launch: Begins the run; `job.launch` if absent.
        title: What it is called; the job's name if absent.
        selection: The ops or assets to run; all if empty.

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
        **traits: Any,
    ) -> None:
        self.run: Any = None
        self._view: Any = None
        self._start = launch or job.launch
        instance = current_session().instance if instance is None else instance
        self.state = state or LaunchForm(job, instance, selection)
        noun = "asset job" if job.asset_layer is not None else "job"
        noun = "assets" if title not in (None, job.name) else noun
        self.title = title or job.name
        self.face = LaunchFace(self.state, self._begin, self.title, noun)
        super().__init__(children=[self.face], **traits)
        self.layout.width = "100%"

    def _begin(self, **parameters: Any) -> Any:
        self.run = self._start(instance=self.state.instance, **parameters)
        attempt(self._show_run, None)  # what was launched runs, whether it can be drawn or not
        self.face.sync_stored()
        return self.run

    def _show_run(self) -> None:
        from jobnb.display.widgets.run import RunView

        if self._view is None:
            self._view = RunView(self.run)
            self.children = [self.face, self._view]
        else:
            self._view.show(self.run)

    # --- in Python ----------------------------------------------------------

    @property
    def config(self) -> dict[str, Any]:
        """The raw run config as it stands; set it to fill the form."""
        return self.state.config

    @config.setter
    def config(self, config: Any) -> None:
        self.state.set_config(config)
        self.face.sync()

    @property
    def yaml(self) -> str:
        """The config as YAML, as it is being typed; set it to fill the form."""
        return self.state.text.text

    @yaml.setter
    def yaml(self, text: str) -> None:
        self.face.write_yaml(text)

    @property
    def selection(self) -> str:
        """The steps or assets to run, as typed; all if empty."""
        return self.state.selection

    @selection.setter
    def selection(self, text: str) -> None:
        self.face.select(text)

    @property
    def partition_key(self) -> str | None:
        """The partition to run for; set, it fills the config of a `PartitionedConfig`."""
        return self.state.partition

    @partition_key.setter
    def partition_key(self, key: str | None) -> None:
        self.face.choose_partition(key or "")

    @property
    def problems(self) -> list[str]:
        """What is wrong, one line each."""
        notes = self.state.problems
        return [
            ": ".join(filter(None, (note.get("path") or note.get("field"), note["message"])))
            for note in notes
        ]

    def follow(self, job: JobDefinition, launch: Launch) -> None:
        """Take a job that was defined anew; what was typed stays."""
        self._start = launch
        if job is not self.state.job:
            self.state.set_job(job)
        self.face.show(self.title, self.face.head["noun"])

    def launch(self) -> Any:
        """Launch it, as the button does.

        Returns:
            The `Run`.

        Raises:
            InvalidConfigError: If something is wrong; everything is told.
        """
        return self._begin(**self.state.parameters())

    def _repr_mimebundle_(self, *_args: Any, **_kwargs: Any) -> dict[str, Any]:
        """The form, and what it reads like where nothing draws it."""
        noun = "launchpad"
        nothing: dict[str, str] = {}
        static = attempt(lambda: bundle(launch_view(self.state, self.title, noun)), nothing)
        return {**static, **widget_bundle(self)}

    def close(self) -> None:
        """Take it away from all front ends."""
        self.face.close()
        super().close()
