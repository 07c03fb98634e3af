"""Fill a launchpad from presets and from earlier runs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from jobnb.definitions.ops.pool import PRIORITY_TAG
from jobnb.definitions.selections.selection import AssetSelection
from jobnb.display.launch_form import LaunchForm
from jobnb.display.launch_partitions import has_partitions, written_partitions
from jobnb.display.run_marks import run_word
from jobnb.display.text import moment, shorten
from jobnb.errors import JobnbError, RunNotFoundError, did_you_mean
from jobnb.execution.executors.limits import TIMEOUT_TAG
from jobnb.execution.run_retries import MAX_RETRIES_TAG, RETRY_STRATEGY_TAG
from jobnb.execution.runner import MAX_RUNTIME_SECONDS_TAG
from jobnb.storage.run import JobRun, RunsFilter

_MOST_RUNS = 30
_OURS = ("dagster/", "jobnb/", ".dagster/")  # tags that a run is given, not asked for
_ASKED = frozenset(
    (MAX_RETRIES_TAG, MAX_RUNTIME_SECONDS_TAG, PRIORITY_TAG, RETRY_STRATEGY_TAG, TIMEOUT_TAG)
)


def preset_names(form: LaunchForm, instance: Any) -> list[str]:
    """Return the presets of the form's job, in alphabetical order."""
    return list(instance.get_presets(form.job.name))


def save_preset(form: LaunchForm, instance: Any, name: str) -> None:
    """Save the form as a preset; secrets by name only.

    Raises:
        JobnbError: If the name is empty, or a text stands in the form that cannot be read.
    """
    name = name.strip()
    if not name:
        raise JobnbError("A preset needs a name.")
    if form.text.problem:
        raise JobnbError(f"The YAML cannot be read, so nothing was saved. {form.text.problem}")
    preset = {
        "run_config": form.config,
        "selection": form.selection,
        "executor": form.executor,
        "partition": form.partition,
        "tags": dict(form.tags),
    }
    instance.save_preset(form.job.name, name, preset)


def load_preset(form: LaunchForm, instance: Any, name: str) -> None:
    """Fill the form with a preset.

    Raises:
        JobnbError: If there is none of that name.
    """
    presets = instance.get_presets(form.job.name)
    if name not in presets:
        hint = did_you_mean(name, presets, noun="There are")
        raise JobnbError(f"The job {form.job.name!r} has no preset {name!r}. {hint}".rstrip())
    _fill(form, **presets[name])


def delete_preset(form: LaunchForm, instance: Any, name: str) -> None:
    """Delete a preset, if it exists."""
    instance.delete_preset(form.job.name, name)


def earlier_runs(form: LaunchForm, instance: Any) -> list[tuple[str, str]]:
    """Return the last runs of the form's job: id and label."""
    filters = RunsFilter(job_name=form.job.name)
    records = instance.get_run_records(filters, limit=_MOST_RUNS)
    return [
        (each.dagster_run.run_id, _shown(form, each.dagster_run, each.create_timestamp))
        for each in records
    ]


def _shown(form: LaunchForm, run: JobRun, created: datetime) -> str:
    when = moment(created.timestamp())
    partitions = written_partitions(form.job, run.tags, form.instance)
    partition = f", {shorten(partitions, 60)}" if partitions else ""
    return f"{run.run_id[:8]} {run_word(run.status)}, {when}{partition}"


def load_run(form: LaunchForm, instance: Any, run_id: str) -> None:
    """Fill the form with the config of an earlier run.

    Args:
        form: The form.
        instance: Whose history.
        run_id: The id of the run, or enough of its beginning.

    Raises:
        RunNotFoundError: If there is no such run of this job.
    """
    run = instance.get_run_by_id(run_id) or _beginning(form, instance, run_id)
    if run is None:
        raise RunNotFoundError(f"The history has no run {run_id!r} of the job {form.job.name!r}.")
    tags = {k: v for k, v in run.tags.items() if k in _ASKED or not k.startswith(_OURS)}
    own = form.job.tags
    _fill(
        form,
        run_config=_config_of(form, run),
        selection=_selection_of(form, run),
        partition=written_partitions(form.job, run.tags, instance) or None,
        tags={key: value for key, value in tags.items() if own.get(key) != value},
        executor=run.executor or "",
    )


def _config_of(form: LaunchForm, run: JobRun) -> dict[str, Any]:
    """Return the run config of a run, with the config of the executor that was asked for."""
    if not run.executor_config or form.job.config_mapping is not None:
        return dict(run.run_config)
    return {**run.run_config, "execution": {"config": dict(run.executor_config)}}


def _beginning(form: LaunchForm, instance: Any, text: str) -> JobRun | None:
    runs: list[JobRun] = instance.get_runs(RunsFilter(job_name=form.job.name), limit=1000)
    found = [run for run in runs if run.run_id.startswith(text)] if text else []
    return found[0] if len(found) == 1 else None


def _selection_of(form: LaunchForm, run: JobRun) -> str:
    if run.op_selection:
        return ", ".join(run.op_selection)
    made, checks = run.asset_selection, run.asset_check_selection
    if form.job.asset_layer is None:
        return ""
    if checks is not None:
        assets = AssetSelection.keys(*sorted(made or ())).without_checks()
        only = AssetSelection.checks(*sorted(checks))
        return str(assets | only if made and checks else assets if made else only)
    if not made:
        return ""
    every = {key for each in form.job.graph.assets_by_node.values() for key in each.keys}
    if set(made) >= every:
        return ""
    return str(AssetSelection.keys(*sorted(made & every)))


def _fill(
    form: LaunchForm,
    run_config: Any = None,
    selection: str = "",
    partition: str | None = None,
    tags: Any = None,
    executor: str = "",
) -> None:
    form.selection = selection
    form.partition = partition if has_partitions(form.job) else None
    form.tags = dict(tags or {})
    form.executor = executor
    form.set_config(run_config or {})
