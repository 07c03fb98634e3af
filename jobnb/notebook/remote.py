"""The part of `jobnb execute --job` inside the kernel, after the notebook's own cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jobnb.display.text import counted
from jobnb.errors import ExecutionInterruptedError, JobnbError, PartitionNeededError, StorageError
from jobnb.state import StepStatus, fold

_CHOOSE = "Name some: --partition KEY, or --partition-range START...END."
RUN_MIME = "application/vnd.jobnb.run+json"


def run(
    job: str | None = None,
    *,
    selection: str | None = None,
    config: Mapping[str, Any] | None = None,
    partition: str | Sequence[str] | None = None,
    tags: Mapping[str, str] | None = None,
) -> Any:
    """Run a job of this kernel's session, or materialize the assets of a selection.

    The run is stored in the history. A machine-readable summary is displayed beside the result.

    Args:
        job: The job's name.
        selection: An asset selection, as `"+revenue"`; instead of a job, or to narrow one.
        config: The raw run config.
        partition: The partition of the run; or several, keys and ranges `first...last`.
        tags: Tags of the run.

    Returns:
        The run's result, whether it succeeded or not.

    Raises:
        JobnbError: If there is no such job, or the config is invalid; nothing has run then.
    """
    try:
        result = _execute(job, selection, config, partition, tags)
    except (ExecutionInterruptedError, StorageError):
        raise  # The request was valid; the run failed.
    except JobnbError as error:
        told = f"{error.facts} {_CHOOSE}" if isinstance(error, PartitionNeededError) else str(error)
        _publish({"status": "REFUSED", "problem": told}, f"Nothing was run: {told}")
        raise
    summary = summary_of(result)
    _publish(summary, _sentence(summary))
    return result


def _execute(
    job: str | None,
    selection: str | None,
    config: Mapping[str, Any] | None,
    partition: str | Sequence[str] | None,
    tags: Mapping[str, str] | None,
) -> Any:
    from jobnb.registry.session import current_session

    session = current_session()
    shared: dict[str, Any] = {
        "config": config,
        "instance": session.instance,
        "partition": partition,
        "raise_on_error": False,
        "tags": tags,
    }
    if job is None:
        return session.materialize(selection, **shared)
    if selection is not None:
        shared |= _selected(session, selection)
    return session.execute_job(job, **shared)


def _selected(session: Any, selection: str) -> dict[str, Any]:
    """Return the selected assets, and checks if any are named, as arguments of a job."""
    from jobnb.definitions.selections.selection import AssetSelection
    from jobnb.registry.target_resolution import pinned

    chosen = AssetSelection.from_coercible(pinned(session, selection))
    keys, checks = session.snapshot().resolve_selection(chosen)
    told = {"asset_check_selection": sorted(checks)} if chosen.tells_checks else {}
    return {"asset_selection": sorted(keys), **told}


def summary_of(result: Any) -> dict[str, Any]:
    """Summarize a finished run in JSON-ready facts."""
    state = fold(result.all_events)
    failed = [step for step in state.steps.values() if step.status is StepStatus.FAILED]
    return {
        "run_id": result.run_id,
        "job": state.title,
        "status": state.status.value,
        "seconds": state.seconds,
        "steps": {key: step.status.value for key, step in state.steps.items()},
        "failures": [{"step": step.key, "error": str(step.error or "")} for step in failed],
    }


def _sentence(summary: Mapping[str, Any]) -> str:
    steps = list(summary["steps"].values())
    good = steps.count(StepStatus.SUCCEEDED.value)
    done = f"{good} of {counted(len(steps), 'step')} succeeded"
    return (
        f"Run {summary['run_id']} of {summary['job']}: {summary['status']}, "
        f"{done} in {summary['seconds'] or 0:.1f} s."
    )


def _publish(summary: Mapping[str, Any], text: str) -> None:
    from IPython.display import publish_display_data

    publish_display_data({RUN_MIME: dict(summary), "text/plain": text})
