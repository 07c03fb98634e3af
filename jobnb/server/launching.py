"""Launching, repeating, canceling and deleting runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.errors import (
    InvalidConfigError,
    InvalidInvocationError,
    JobnbError,
    RunNotFoundError,
    did_you_mean,
)
from jobnb.execution.background import Run as LiveRun
from jobnb.execution.launch import rerun
from jobnb.execution.reexecution import ReexecutionOptions
from jobnb.execution.spec import RunSpec
from jobnb.execution.task import find
from jobnb.plan.build import build_plan
from jobnb.server import problems
from jobnb.server.config_errors import RunConfigValidationInvalid, given_config, invalid
from jobnb.server.jobs import JobNotFound, SubsetNotFound, find_job, selected_job
from jobnb.server.nodes import Node
from jobnb.server.runs import Run, key_of, run_or_error
from jobnb.server.tags import given_tags
from jobnb.server.workspace import Location, RequestReader

if TYPE_CHECKING:
    from graphql import GraphQLResolveInfo


@dataclass(frozen=True)
class LaunchRunSuccess(Node):
    """The run that was launched."""

    run: Run


@dataclass(frozen=True)
class TerminateRunSuccess(Node):
    """A run that is to stop, or was marked as canceled."""

    run: Run


@dataclass(frozen=True)
class TerminateRunFailure(Node):
    """A run that could not be canceled."""

    run: Run
    message: str


@dataclass(frozen=True)
class DeletePipelineRunSuccess(Node):
    """A run that was deleted."""

    run_id: str


@dataclass(frozen=True)
class TerminateRunsResult(Node):
    """What became of each run that was to be canceled."""

    terminate_run_results: Sequence[Node]


@dataclass(frozen=True)
class LaunchMultipleRunsResult(Node):
    """What became of each run that was to be launched."""

    launch_multiple_runs_result: Sequence[Node]


Launched = (
    LaunchRunSuccess
    | RunConfigValidationInvalid
    | problems.PipelineNotFoundError
    | problems.InvalidSubsetError
    | problems.InvalidStepError
    | problems.ConflictingExecutionParamsError
    | problems.PresetNotFoundError
    | problems.RunConflict
    | problems.PythonError
)


def launch_run(
    reading: RequestReader, asked: Mapping[str, Any], info: GraphQLResolveInfo[Any]
) -> Launched:
    """Launch the run that a query asks for; or tell why it was not."""
    try:
        return _launched(reading, asked)
    except JobNotFound as error:
        return error.answer
    except SubsetNotFound as error:
        # Dagster's client cannot read this answer, which is why it does not ask for its fields.
        whole = error.answer
        return whole if problems.selects(info, "InvalidSubsetError") else _as_python(error)
    except InvalidConfigError as error:
        return invalid(error, _name(asked), _job(reading, asked))
    except JobnbError as error:
        return problems.python_error(error)


def _as_python(error: SubsetNotFound) -> problems.PythonError:
    return problems.PythonError(error.answer.message, "InvalidSubsetError")


def _name(asked: Mapping[str, Any]) -> str:
    selector = asked["selector"]
    return str(selector.get("pipeline_name") or selector.get("job_name") or "")


def _job(reading: RequestReader, asked: Mapping[str, Any]) -> JobDefinition | None:
    try:
        return find_job(reading, asked["selector"])[1]
    except (JobNotFound, JobnbError):
        return None


def _launched(reading: RequestReader, asked: Mapping[str, Any]) -> Launched:
    about = asked.get("execution_metadata") or {}
    run_id = about.get("run_id")
    if run_id and reading.instance.has_run(run_id):
        return problems.RunConflict(f"There is a run {run_id!r} already.")
    preset, config = asked.get("preset"), asked.get("run_config_data")
    if preset is not None and config:
        return problems.ConflictingExecutionParamsError(
            "The run names a preset and a config: give one of preset and runConfigData."
        )
    if about.get("parent_run_id"):
        return _repeated(reading, asked, about)
    location, job = selected_job(reading, asked["selector"])
    tags = given_tags(about.get("tags"))
    if preset is not None:
        kept = reading.instance.get_presets(job.name)
        if preset not in kept:
            hint = did_you_mean(preset, kept, noun="There are")
            message = f"The job {job.name!r} has no preset {preset!r}. {hint}".rstrip()
            return problems.PresetNotFoundError(message, preset)
        config, tags = kept[preset].get("config"), {**(kept[preset].get("tags") or {}), **tags}
    unknown = _unknown_step(job, asked.get("step_keys"))
    if unknown is not None:
        return problems.InvalidStepError(unknown)
    spec = RunSpec(
        job=_whole(reading, asked, job),
        instance=reading.instance,
        config=given_config(config),
        op_selection=_ops(asked),
        asset_selection=_assets(asked),
        tags=tags,
        run_id=run_id or None,
    )
    return _begun(reading, location, spec)


def _whole(reading: RequestReader, asked: Mapping[str, Any], job: JobDefinition) -> JobDefinition:
    """Return the whole job: its run keeps what was selected."""
    return find_job(reading, asked["selector"])[1] if _ops(asked) or _assets(asked) else job


def _ops(asked: Mapping[str, Any]) -> list[str] | None:
    ops = asked["selector"].get("solid_selection") or asked.get("step_keys")
    return list(ops) if ops else None


def _assets(asked: Mapping[str, Any]) -> list[Any] | None:
    assets = asked["selector"].get("asset_selection")
    return [key_of(each) for each in assets] if assets else None


def _unknown_step(job: JobDefinition, keys: Sequence[str] | None) -> str | None:
    if not keys:
        return None
    known = build_plan(job, check_config=False).step_by_key
    return next((each for each in keys if each.split("[")[0] not in known), None)


def _begun(reading: RequestReader, location: Location, spec: RunSpec) -> LaunchRunSuccess:
    launched = reading.served.launch(location, spec)
    found = run_or_error(RequestReader(reading.served), launched)
    assert isinstance(found, Run)
    return LaunchRunSuccess(found)


# --- repeating ------------------------------------------------------------------------


def _repeated(
    reading: RequestReader, asked: Mapping[str, Any], about: Mapping[str, Any]
) -> Launched:
    """Repeat a run with a config and tags of its own, as Dagster's page asks for it."""
    location, job = find_job(reading, asked["selector"])
    tags = given_tags(about.get("tags"))
    parent = about["parent_run_id"]
    steps = asked.get("step_keys")
    unknown = _unknown_step(job, steps)
    if unknown is not None:
        return problems.InvalidStepError(unknown)
    options = ReexecutionOptions(parent, list(steps or ()))
    if tags.pop("dagster/is_resume_retry", None) == "true" and not steps:
        options = ReexecutionOptions.from_failure(parent, reading.instance)
    spec = RunSpec(
        job=job,
        instance=reading.instance,
        config=given_config(asked.get("run_config_data")),
        op_selection=asked["selector"].get("solid_selection") or None,
        asset_selection=_assets(asked),
        tags=tags,
        repeats=options,
    )
    return _begun(reading, location, spec)


def repeat_run(
    reading: RequestReader,
    execution_params: Mapping[str, Any] | None,
    reexecution_params: Mapping[str, Any] | None,
    info: GraphQLResolveInfo[Any],
) -> Launched:
    """Repeat a run: as it was, or with other parameters."""
    if (execution_params is None) == (reexecution_params is None):
        return problems.ConflictingExecutionParamsError(
            "Give one of executionParams and reexecutionParams."
        )
    if execution_params is not None:
        return launch_run(reading, execution_params, info)
    assert reexecution_params is not None
    parent = reexecution_params["parent_run_id"]
    try:
        record = reading.record(parent)
        if record is None:
            raise RunNotFoundError(f"There is no run {parent!r} in this history.")
        location = reading.location_of_run(record.dagster_run)
        if location is None:
            raise InvalidInvocationError(
                f"Nothing that is served has launched the run {parent!r}: it was launched by "
                f"{record.dagster_run.notebook!r}."
            )
        run = rerun(
            reading.served.session(location),
            parent,
            reading.instance,
            from_failure=reexecution_params["strategy"] == "FROM_FAILURE",
        )
        found = run_or_error(RequestReader(reading.served), run.run_id)
        assert isinstance(found, Run)
        return LaunchRunSuccess(found)
    except InvalidConfigError as error:
        return invalid(error, parent)
    except JobnbError as error:
        return problems.python_error(error)


# --- canceling and deleting -----------------------------------------------------------

Terminated = (
    TerminateRunSuccess | TerminateRunFailure | problems.RunNotFoundError | problems.PythonError
)


def terminate_run(reading: RequestReader, run_id: str, policy: str | None) -> Terminated:
    """Ask a run to stop; or mark it as canceled, whatever goes on."""
    record = reading.record(run_id)
    if record is None:
        return problems.RunNotFoundError(run_id)
    run = record.dagster_run
    if run.is_finished:
        word = run.status.value
        return TerminateRunFailure(
            Run(reading, record), f"The run {run_id} cannot be canceled: it has ended ({word})."
        )
    live = find(LiveRun, run_id)
    if live is not None and live.cancel("Canceled over GraphQL."):
        return TerminateRunSuccess(_anew(reading, run_id))
    if reading.instance.control.request_cancel(run_id, "Canceled over GraphQL."):
        return TerminateRunSuccess(_anew(reading, run_id))
    if policy == "MARK_AS_CANCELED_IMMEDIATELY":
        reading.instance.report_run_canceled(run, "Marked as canceled over GraphQL.")
        return TerminateRunSuccess(_anew(reading, run_id))
    return TerminateRunFailure(
        Run(reading, record),
        f"No process that this server can reach does the run {run_id}. Mark it as canceled with "
        "terminatePolicy: MARK_AS_CANCELED_IMMEDIATELY.",
    )


def _anew(reading: RequestReader, run_id: str) -> Run:
    found = run_or_error(RequestReader(reading.served), run_id)
    assert isinstance(found, Run)
    return found


def delete_run(
    reading: RequestReader, run_id: str
) -> DeletePipelineRunSuccess | problems.RunNotFoundError | problems.PythonError:
    """Delete a run from the history."""
    try:
        reading.instance.delete_run(run_id)
    except RunNotFoundError:
        return problems.RunNotFoundError(run_id)
    except JobnbError as error:
        return problems.python_error(error)
    return DeletePipelineRunSuccess(run_id)
