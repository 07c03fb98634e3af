"""Views of runs in this process: finished ones, and active ones without a front end."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from jobnb.display.environment import attempt
from jobnb.display.graph_pictures import job_picture
from jobnb.display.run_views import RunViewData, run_view
from jobnb.display.view import View
from jobnb.display.widgets.follow import cards_of_plan
from jobnb.execution.result import ExecuteInProcessResult
from jobnb.plan.step import Plan, Step, StepOutput
from jobnb.state import StepStatus, fold

_MOST_VALUES = 30


def result_view(result: ExecuteInProcessResult) -> View:
    """Return a run that has ended: its graph, failures, values, steps and log."""
    plan: Plan = result.plan
    look = RunViewData(
        state=result.state,
        run_id=result.run_id,
        picture=attempt(lambda: job_picture(result.job_def), None),
        cards=cards_of_plan(plan),
        values=_values(result, plan),
        events=[*result.log_lines],
        tags=attempt(lambda: dict(result.run.tags), {}),
    )
    return run_view(look)


def _values(result: ExecuteInProcessResult, plan: Plan) -> dict[str, Any]:
    """Return the outputs, those that no step read first: they are the run's results."""
    found: dict[str, Any] = {}
    for step, output in sorted(_outputs(plan), key=lambda pair: plan.readers[pair[1].slot]):
        state = result.state.steps.get(step.key)
        mapped = state is None and step.region is not None
        if len(found) >= _MOST_VALUES:
            break
        if mapped or (state is not None and state.status is StepStatus.SUCCEEDED):
            value = attempt(partial(result.output_for_node, step.key, output.name), _NOT_THERE)
            if value is not _NOT_THERE and value is not None:
                found[_name(step, output)] = value
    return found


_NOT_THERE: Any = object()


def _outputs(plan: Plan) -> Iterator[tuple[Step, StepOutput]]:
    return ((step, output) for step in plan.steps for output in step.outputs)


def _name(step: Step, output: StepOutput) -> str:
    if output.asset_key is not None:
        return output.asset_key.to_user_string()
    return step.key if len(step.outputs) == 1 else f"{step.key}.{output.name}"


def live_run_view(run: Any) -> View:
    """Return a background run as it stands now: its graph, failures, steps and log."""
    events = run.events()
    look = RunViewData(
        state=fold(events),
        run_id=run.run_id,
        picture=attempt(lambda: job_picture(run.plan.job), None),
        cards=cards_of_plan(run.plan),
        events=events,
        tags=attempt(lambda: dict(run.record.tags), {}),
    )
    return run_view(look)
