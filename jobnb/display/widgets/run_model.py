"""The model of a run view: read once, folded once, shared by all parts of the view."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import msgspec

from jobnb.definitions.keys import AssetKey
from jobnb.display.metadata import metadata_text
from jobnb.display.run_marks import (
    Cards,
    base_key,
    cards_of_step,
    check_status,
    check_word,
    real_steps,
)
from jobnb.display.run_views import RunViewData
from jobnb.display.text import shorten
from jobnb.display.widgets.follow import News, RunMarks
from jobnb.display.widgets.log_lines import LogLines
from jobnb.display.widgets.previews import Preview, metadata_rows, preview
from jobnb.display.widgets.run_data import (
    depths,
    head_data,
    ready_times,
    slowest_path,
    step_row,
    upstream_of,
)
from jobnb.display.widgets.run_source import RunSource
from jobnb.display.yaml_text import yaml_text
from jobnb.errors import InvalidSubsetError, did_you_mean
from jobnb.events import (
    AssetMaterialized,
    AssetObserved,
    OutputYielded,
    RunCanceled,
    RunFailed,
    RunStarted,
    RunSucceeded,
)
from jobnb.events.event_list import Reader
from jobnb.markdown import plain
from jobnb.state import RunState, StepStatus

_OF_ALL_STEPS = (RunStarted, RunSucceeded, RunFailed, RunCanceled)
_MOST_OUTPUTS = 300


class Output(msgspec.Struct, frozen=True):
    """An output of a step.

    Attributes:
        name: How people call it: an asset's key, a step, or `step.output`.
        step: The key of the step.
        output: The name of the output; that of an element of a dynamic one in brackets.
        type_name: The type that was declared for it.
        asset: The asset that it is, or None.
    """

    name: str
    step: str
    output: str
    type_name: str = ""
    asset: AssetKey | None = None


class RunModel:
    """A run that `catch_up` updates; safe to call from any thread.

    Args:
        source: Where it is read from.
    """

    def __init__(self, source: RunSource) -> None:
        self.source = source
        self.guard = threading.RLock()
        self.lines = LogLines(_reader_of(source))
        self.outputs: dict[str, Output] = {}
        self._asset_of: dict[tuple[str, str], AssetKey] = _assets_of(source)
        self._observed: dict[str, AssetObserved] = {}
        self._looking: set[str] = set()
        self.cards: Cards = source.cards
        self._marks = RunMarks(self.cards, source.plan)
        self._upstream = upstream_of(source.plan)
        self._depths = depths(self._upstream)
        self._feeding = {key for keys in self._upstream.values() for key in keys}
        self._places = {key: place for place, key in enumerate(self._upstream)}

    @property
    def state(self) -> RunState:
        """The state of the run, as far as it was read."""
        return self._marks.state

    def catch_up(self) -> tuple[set[str], News]:
        """Read what is new: the steps it touches, and the cards that look different now."""
        with self.guard:
            events = self.source.events(len(self.lines.events))
            if not events:
                return set(), {}
            self.lines.extend(events)
            news = self._marks.add(events)
            return self._touched(events), news

    def _touched(self, events: Any) -> set[str]:
        touched: set[str] = set()
        for event in events:
            key = getattr(event, "step_key", None)
            if key is not None:
                touched.add(key)
                if isinstance(event, (OutputYielded, AssetMaterialized)):
                    self._came_out(event)
                elif isinstance(event, AssetObserved) and not event.is_loading:
                    self._observed["/".join(event.asset)] = event
                    self._looking.add(key)
            elif isinstance(event, _OF_ALL_STEPS):
                touched.update(self.state.steps)
        return touched

    def _came_out(self, event: OutputYielded | AssetMaterialized) -> None:
        if isinstance(event, AssetMaterialized):
            self._materialized(event)
            return
        if event.type_name == "Nothing" and event.step_key in self._looking:
            return  # it brings no value, and what it has seen is shown
        name = event.output_name
        if event.mapping_key is not None:
            name = f"{name}[{event.mapping_key}]"
        asset = self._asset_of.get((event.step_key.split("[")[0], event.output_name))
        shown = asset.to_user_string() if asset else _shown_name(event.step_key, name)
        self.outputs[shown] = Output(shown, event.step_key, name, event.type_name, asset)

    def _materialized(self, event: AssetMaterialized) -> None:
        """Add the asset of a step as its output, if the plan is unknown."""
        key, step = AssetKey(event.asset), str(event.step_key)
        name = key.to_user_string()
        plain = self.outputs.get(step)
        if plain is not None and plain.asset is None and self.source.plan is None:
            del self.outputs[step]
            self.outputs[name] = Output(name, step, plain.output, plain.type_name, key)

    def look(self) -> RunViewData:
        """Return the run as its static view needs it, without values."""
        with self.guard:
            return RunViewData(
                state=self.state,
                run_id=self.source.run_id,
                picture=self.source.picture,
                cards=self.cards,
                events=list(self.lines.events),
                tags=dict(self.source.record.tags),
            )

    def failure_facts(self, card: str) -> list[tuple[str, str]]:
        """Return why the step of a card failed, and the metadata of its `Failure`."""
        with self.guard:
            for step in self.state.steps.values():
                failed = step.status is StepStatus.FAILED and step.error is not None
                if failed and card in cards_of_step(self.cards, step.key):
                    told = metadata_text(step.failure)
                    return [("error", shorten(str(step.error), 400)), *told.items()]
        return []

    # --- what is sent -----------------------------------------------------

    def head(self) -> dict[str, Any]:
        """Return the status and the progress."""
        with self.guard:
            record = self.source.record
            title = record.title
            told = head_data(self.state, self.source.run_id, title)
            return {**told, "again": record.parent_run_id or ""}

    def rows(self, keys: set[str] | None = None) -> dict[str, list[Any]]:
        """Return a row for each of these steps; for all that could run if absent."""
        with self.guard:
            steps = real_steps(self.state)
            if keys is not None:
                steps = [step for step in steps if step.key in keys]
            ready = ready_times(self.state, steps, self._upstream)
            start = self.state.started
            deep = {step.key: self._depths.get(base_key(step.key), 0) for step in steps}
            return {
                step.key: [
                    *step_row(step, start, ready.get(step.key), deep[step.key]),
                    self._place(step.key),
                ]
                for step in steps
            }

    def slowest_path(self) -> list[str]:
        """Return the keys of the steps that made the run as long as it was."""
        with self.guard:
            return slowest_path(self.state, self._upstream)

    def output_list(self) -> list[dict[str, Any]]:
        """Return the outputs so far, in the order of the graph; final ones are never cut."""
        with self.guard:
            ends_first = sorted(self.outputs.values(), key=self._feeds)[:_MOST_OUTPUTS]
            elements = {key: place for place, key in enumerate(self.state.steps)}
            shown = sorted(
                ends_first,
                key=lambda each: (self._place(each.step), elements.get(each.step, len(elements))),
            )
            seen = [observed_data(name, event) for name, event in self._observed.items()]
            return [*(self._output_data(output) for output in shown), *seen]

    def _feeds(self, output: Output) -> bool:
        """Whether a later step takes what comes out of this one's step."""
        return base_key(output.step) in self._feeding

    def _place(self, key: str) -> int:
        """Return the position of a step in the plan; for an element, that of its mapped step."""
        return self._places.get(base_key(key), len(self._places))

    def _output_data(self, output: Output) -> dict[str, Any]:
        step = self.state.steps.get(output.step)
        metadata: Mapping[str, Any] = step.outputs.get(output.output, {}) if step else {}
        made = self.state.materialized.get(output.asset) if output.asset else None
        if made is not None:
            metadata = {**metadata, **made.metadata}
        return {
            "name": output.name,
            "step": output.step,
            "end": not self._feeds(output),
            "type": "" if output.type_name == "Any" else output.type_name,
            "metadata": metadata_rows(metadata),
        }

    def value(self, name: str) -> Any:
        """Return the value of an output.

        Raises:
            InvalidSubsetError: If nothing of this name came out.
            JobnbError: If its value is not kept.
        """
        output = self.outputs.get(name)
        if output is None and name in self._observed:
            return self._observed[name].data_version
        if output is None:
            hint = did_you_mean(name, self.outputs, noun="There are")
            raise InvalidSubsetError(f"The run has no output {name!r}. {hint}".rstrip())
        return self.source.output(output.step, output.output, output.asset)

    def preview(self, name: str) -> Preview:
        """Return a look at the value of an output."""
        return preview(self.value(name))

    def config(self) -> str:
        """Return the run config as YAML; empty where none was given."""
        config = dict(self.source.record.run_config)
        return yaml_text(config) if config else ""

    def checks(self) -> list[dict[str, Any]]:
        """Return the results of the checks so far, as rows."""
        with self.guard:
            return [
                {
                    "asset": "/".join(event.asset),
                    "check": event.check,
                    "step": event.step_key or "",
                    "status": check_status(event).value,
                    "word": check_word(event),
                    "says": plain(event.description or ""),
                    "blocking": event.blocking,
                    "metadata": metadata_rows(event.metadata),
                }
                for event in self.state.checked.values()
            ]

    def tags(self) -> list[dict[str, Any]]:
        """Return the tags as rows."""
        tags = {"run": self.source.run_id, **self.source.record.tags}
        return metadata_rows({key: {"type": "text", "value": tags[key]} for key in tags})


def _reader_of(source: RunSource) -> Reader | None:
    """Return the reader of old log lines; None if they are in memory only."""
    instance, run_id = source.instance, source.run_id
    if instance.is_ephemeral:
        return None
    return lambda first, count: instance.events(run_id, first - 1, count)


def observed_data(name: str, event: AssetObserved) -> dict[str, Any]:
    """Return a source asset that was looked at, as what came out."""
    return {
        "name": name,
        "step": str(event.step_key),
        "end": True,
        "type": "observed",
        "metadata": metadata_rows(event.metadata),
    }


def _shown_name(step: str, output: str) -> str:
    return step if output == "result" else f"{step}.{output}"


def _assets_of(source: RunSource) -> dict[tuple[str, str], AssetKey]:
    """Return the asset that each output is."""
    if source.plan is None:
        return {}
    return {
        (step.key, output.name): output.asset_key
        for step in source.plan.steps
        for output in step.outputs
        if output.asset_key is not None
    }
