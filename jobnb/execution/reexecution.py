"""Running a part of an earlier run again: what it had made is loaded, not made anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from jobnb.definitions.selections.op_selection import resolve_op_selection
from jobnb.definitions.types import NOTHING
from jobnb.errors import InvalidSubsetError, InvariantViolationError, RunNotFoundError
from jobnb.events import Event, OutputYielded, StepSkipped, StepSucceeded
from jobnb.execution.run import HANDLED
from jobnb.plan.step import Plan, Step
from jobnb.state import StepStatus
from jobnb.storage.instance import Instance
from jobnb.storage.run import JobRun

__all__ = ["Kept", "ReexecutionOptions", "chosen_steps", "earlier_outputs", "parent_of"]


class ReexecutionOptions(msgspec.Struct, frozen=True):
    """Which run is repeated, and which of its steps.

    Args:
        parent_run_id: The run that is repeated.
        step_selection: Keys of steps, as `["load", "clean+"]`; all if empty.

    Example:
        >>> ReexecutionOptions("1234", step_selection=["clean+"]).step_selection
        ['clean+']

    Source: Dagster's `ReexecutionOptions`.
    """

    parent_run_id: str
    step_selection: Sequence[str] = ()

    @staticmethod
    def from_failure(run_id: str, instance: Instance) -> ReexecutionOptions:
        """Repeat what did not succeed in a run: steps that failed, were skipped or not reached.

        Args:
            run_id: The run that failed or was canceled.
            instance: Where its history is.

        Raises:
            RunNotFoundError: If there is no such run.
            InvariantViolationError: If it has not ended, or nothing of it is left to do.
        """
        parent = parent_of(instance, run_id)
        if not parent.is_failure_or_canceled:
            raise InvariantViolationError(
                f"The run {run_id} is {parent.status.value.lower()}: only a run that failed or was "
                "canceled is repeated from where it failed. Repeat all of it with "
                "ReexecutionOptions(parent_run_id=...)."
            )
        return ReexecutionOptions(run_id, _unfinished(instance, parent))


def _unfinished(instance: Instance, parent: JobRun) -> list[str]:
    """The keys of its steps that did not succeed; a mapped step once, whatever its element."""
    steps = instance.run_state(parent.run_id).steps
    keys = dict.fromkeys(
        _step_and_element(key)[0]
        for key, state in steps.items()
        if state.status is not StepStatus.SUCCEEDED
    )
    # A mapped step is known by its elements; its own key only says that it was planned.
    begun = {_step_and_element(key)[0] for key in steps if _step_and_element(key)[1] is not None}
    failed = {
        _step_and_element(key)[0]
        for key, state in steps.items()
        if _step_and_element(key)[1] is not None and state.status is not StepStatus.SUCCEEDED
    }
    left = [key for key in keys if key not in begun or key in failed]
    if not left:
        raise InvariantViolationError(f"All steps of the run {parent.run_id} succeeded.")
    return left


def parent_of(instance: Instance, run_id: str) -> JobRun:
    """The run of this id.

    Raises:
        RunNotFoundError: If there is none.
    """
    run = instance.get_run_by_id(run_id)
    if run is None:
        raise RunNotFoundError(f"There is no run {run_id!r} in {instance!r}.")
    return run


def chosen_steps(plan: Plan, selection: Sequence[str]) -> frozenset[int]:
    """The numbers of the steps that a selection names."""
    upstream = {
        step.key: {plan.steps[wait.step].key for wait in step.waits_for} for step in plan.steps
    }
    bare = [text.split("[")[0] for text in selection]
    what = f"the job {plan.job.name!r}"
    keys = resolve_op_selection(bare, list(upstream), upstream, what=what)
    return frozenset(plan.step_by_key[key] for key in keys)


class Kept(msgspec.Struct, frozen=True):
    """An output of an earlier run: what stands in its slot, and the run that stored it."""

    value: Any
    run_id: str


def earlier_outputs(
    plan: Plan, instance: Instance, parent: JobRun, chosen: frozenset[int]
) -> dict[int, Kept]:
    """By slot, the stored outputs of the steps that are not repeated.

    Raises:
        InvalidSubsetError: If a step needs one that never succeeded.
    """
    left = {step.key: step for step in plan.steps if step.index not in chosen}
    kept: dict[int, Kept] = {}
    for earlier in _ancestors(instance, parent):
        if not left:
            break
        found = _outputs_of(instance.events(earlier.run_id), left)
        for key, outputs in found.items():
            for slot, value in _values(left.pop(key), outputs):
                kept[slot] = Kept(value, earlier.run_id)
    kept |= _left_out(instance, parent, left)
    needed = {wait.step for index in chosen for wait in plan.steps[index].waits_for}
    missing = sorted(key for key, step in left.items() if step.index in needed)
    if missing:
        raise InvalidSubsetError(
            f"The selection needs the output of {', '.join(map(repr, missing))}, which did not "
            f"succeed in run {parent.run_id}. Select it too."
        )
    return kept


def _left_out(instance: Instance, parent: JobRun, left: dict[str, Step]) -> dict[int, Kept]:
    """By slot, the assets that the earlier run left as they were: some run before made them.

    Their steps are taken out of `left`.
    """
    if parent.step_keys_to_execute is None:
        return {}
    ran = set(parent.step_keys_to_execute)
    out = {key: step for key, step in left.items() if key not in ran and step.assets_def}
    keys = [each.asset_key for step in out.values() for each in step.outputs if each.asset_key]
    made = instance.last_made(keys) if keys else {}
    kept: dict[int, Kept] = {}
    for key, step in out.items():
        for each in step.outputs:
            if each.asset_key is not None and each.asset_key in made:
                value = None if each.data_type is NOTHING else HANDLED
                kept[each.slot] = Kept(value, made[each.asset_key].run_id)
        if all(each.slot in kept for each in step.outputs if each.asset_key):
            del left[key]
    return kept


def _ancestors(instance: Instance, run: JobRun) -> Iterator[JobRun]:
    """The run, the one that it repeats, and so on."""
    current: JobRun | None = run
    while current is not None:
        yield current
        current = instance.get_run_by_id(current.parent_run_id) if current.parent_run_id else None


def _outputs_of(
    events: Sequence[Event], steps: Mapping[str, Step]
) -> dict[str, list[tuple[str, str | None]]]:
    """For each step that ended well: its outputs, each with its mapping key or element."""
    given: dict[str, list[tuple[str, str | None]]] = {}
    ended: set[str] = set()
    for event in events:
        full = str(event.step_key)
        key, element = (full, None) if full in steps else _step_and_element(full)
        if key not in steps:
            continue
        if isinstance(event, OutputYielded):
            given.setdefault(key, []).append((event.output_name, event.mapping_key or element))
        elif isinstance(event, StepSucceeded) or (
            isinstance(event, StepSkipped) and not event.failed
        ):
            ended.add(key)
    return {key: given.get(key, []) for key in ended}


def _values(step: Step, outputs: Sequence[tuple[str, str | None]]) -> Iterator[tuple[int, Any]]:
    for output in step.outputs:
        keys = [element for name, element in outputs if name == output.name]
        value: Any = None if output.data_type is NOTHING else HANDLED
        if output.definition.is_dynamic or step.region is not None:
            yield output.slot, {key: value for key in keys if key is not None}
        elif keys:
            yield output.slot, value


def _step_and_element(key: str) -> tuple[str, str | None]:
    if key.endswith("]") and "[" in key:
        bare, _, element = key[:-1].partition("[")
        return bare, element
    return key, None
