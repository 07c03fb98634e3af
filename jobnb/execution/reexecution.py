"""Repeat a part of an earlier run: the values of its other steps are loaded."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from jobnb.definitions.jobs.job_config import job_words
from jobnb.definitions.resources.io_context import OutputContext
from jobnb.definitions.types import NOTHING
from jobnb.errors import (
    InvalidSubsetError,
    NotResumableError,
    RunNotFoundError,
    StorageError,
    did_you_mean,
)
from jobnb.events import (
    Event,
    InputLoaded,
    OutputYielded,
    StepRestarted,
    StepSkipped,
    StepSucceeded,
)
from jobnb.execution.run import HANDLED, MISSING, value_in_memory
from jobnb.plan.selection_resolution import resolve_op_selection
from jobnb.plan.step import Plan, Step, StepOutput
from jobnb.state import StepState, StepStatus
from jobnb.storage.files import FileIOManager
from jobnb.storage.instance import Instance
from jobnb.storage.run import JobRun
from jobnb.storage.values import fs_io_manager, mem_io_manager


class ReexecutionOptions(msgspec.Struct, frozen=True):
    """The run to repeat, and which of its steps.

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
            NotResumableError: If it has not ended, or nothing of it is left to do.
        """
        parent = parent_of(instance, run_id)
        if not parent.is_failure_or_canceled:
            goes_on = not parent.is_finished
            now = "has not ended yet" if goes_on else "succeeded"
            raise NotResumableError(
                f"The run {run_id} {now}: only a run that failed or was canceled is repeated from "
                "where it failed.",
                _all_of_it(run_id),
            )
        return ReexecutionOptions(run_id, _unfinished(instance, parent))


def _all_of_it(run_id: str) -> str:
    return (
        f"Repeat all of it with session.rerun({run_id!r}), or, in code that waits for it, with "
        f"ReexecutionOptions({run_id!r})."
    )


def _unfinished(instance: Instance, parent: JobRun) -> list[str]:
    """Return the keys of its steps that did not succeed; of a mapped step, with the elements."""
    steps = instance.run_state(parent.run_id).steps
    elements = _elements_to_do(instance, parent, steps)
    left: dict[str, None] = {}
    for key, state in steps.items():
        bare = step_and_element(key)[0]
        if bare in elements:
            left |= dict.fromkeys(f"{bare}[{each}]" for each in elements[bare])
        elif state.status is not StepStatus.SUCCEEDED:
            left[bare] = None
    if not left:
        raise NotResumableError(
            f"All steps of the run {parent.run_id} succeeded: none is left to do.",
            _all_of_it(parent.run_id),
        )
    return list(left)


def _elements_to_do(
    instance: Instance, parent: JobRun, steps: Mapping[str, StepState]
) -> dict[str, list[str]]:
    """Return the unfinished elements of each mapped step that began, where the log tells them.

    It does not yet where the run was killed before the first element had loaded its input: none
    has succeeded then, and all of the step is left.
    """
    done: dict[str, dict[str, bool]] = {}
    for key, state in steps.items():
        bare, element = step_and_element(key)
        if element is not None:
            done.setdefault(bare, {})[element] = state.status is StepStatus.SUCCEEDED
    if not done:
        return {}
    asked: dict[str, list[str]] = {}
    for key in parent.step_keys_to_execute or ():
        bare, element = step_and_element(key)
        if element is not None:
            asked.setdefault(bare, []).append(element)
    known = _elements_known(instance, parent, [key for key in done if key not in asked])
    names = {key: asked.get(key) or known[key] for key in done}
    to_do = {key: dict.fromkeys([*each, *done[key]]) for key, each in names.items() if each}
    return {key: [e for e in each if not done[key].get(e)] for key, each in to_do.items()}


def _elements_known(
    instance: Instance, parent: JobRun, keys: Sequence[str]
) -> dict[str, list[str]]:
    """Return the elements of mapped steps: those of their dynamic output.

    Where a step takes its input from is told in the log, and so are the elements of an output.
    """
    takes: dict[str, list[tuple[str, str]]] = {}
    gives: dict[tuple[str, str], list[str]] = {}
    for run in _ancestors(instance, parent):
        for event in reversed(instance.events(run.run_id)):
            if isinstance(event, InputLoaded) and event.upstream_step:
                bare, upstream = (
                    step_and_element(str(each))[0] for each in (event.step_key, event.upstream_step)
                )
                takes.setdefault(bare, []).append((upstream, event.upstream_output or ""))
            elif isinstance(event, OutputYielded) and event.mapping_key is not None:
                place = str(event.step_key), event.output_name
                gives.setdefault(place, []).append(event.mapping_key)
    found: dict[str, list[str]] = {}
    for key in keys:
        waiting, seen = [*takes.get(key, ())], set[tuple[str, str]]()
        while waiting and key not in found:
            place = waiting.pop()
            if place in gives:
                found[key] = list(dict.fromkeys(reversed(gives[place])))
            elif place not in seen:
                seen.add(place)
                waiting += takes.get(place[0], ())
        found.setdefault(key, [])
    return found


def parent_of(instance: Instance, run_id: str) -> JobRun:
    """Return the run of this id.

    Raises:
        RunNotFoundError: If there is none.
        StorageError: If what was asked of it cannot be read.
    """
    run = instance.get_run_by_id(run_id)
    if run is None:
        raise RunNotFoundError(f"There is no run {run_id!r} in {instance!r}.")
    if run.unreadable:
        raise StorageError(f"The run {run_id!r} cannot be repeated. {run.unreadable}")
    return run


# --- what is repeated, and what is kept ---------------------------------------------

Elements = Mapping[int, frozenset[str] | None]
"""The numbers of steps; of a mapped step, the elements it runs for, or None for all."""


class ReusedOutput(msgspec.Struct, frozen=True):
    """An output of an earlier run: a reference to its value, and the run that stored it."""

    value: Any
    run_id: str


class Repetition(NamedTuple):
    """What a repeated run executes, and what it takes from earlier runs.

    Attributes:
        chosen: The steps that run.
        kept: By slot, what earlier runs gave; by element where that is one of several.
        lost: The keys of steps that run again since what they gave had not been stored.
    """

    chosen: Elements
    kept: Mapping[int, ReusedOutput | dict[str, ReusedOutput]]
    lost: Sequence[str]


def repetition_of(
    plan: Plan, instance: Instance, parent: JobRun, selection: Sequence[str]
) -> Repetition:
    """Resolve which steps of a plan run again, and find what they need in the history.

    Args:
        plan: What the job does.
        instance: Where the history is.
        parent: The run that is repeated.
        selection: Keys of steps, such as `"clean+"` and `"clean[k1]"`.

    Raises:
        InvalidSubsetError: If it names what is not there, or needs what never succeeded.
    """
    chosen = chosen_steps(plan, selection)
    found = _EarlierResults(plan, instance, parent)
    found.see_elements(chosen)
    found.see_needed(chosen)
    together, lost = found.with_lost(chosen)
    return Repetition(together, found.kept(together), lost)


_WITH_ELEMENT = re.compile(r"([\w.]+)\[([^\[\]]*)\]")


def chosen_steps(plan: Plan, selection: Sequence[str]) -> dict[int, frozenset[str] | None]:
    """Return the steps that a selection names.

    `"clean[k1]"` is the mapped step `clean` for one element, `"clean[k1]+"` that and what takes the
    same element; `"clean"` and `"clean[?]"` are all elements.

    Raises:
        InvalidSubsetError: If it names what is not there.
    """
    upstream = {
        step.key: {plan.steps[wait.step].key for wait in step.waits_for} for step in plan.steps
    }
    single: dict[int, set[str]] = {}
    whole: list[str] = []
    joined: list[tuple[str, dict[int | None, set[str]]]] = []
    for text in selection:
        exact = _WITH_ELEMENT.fullmatch(text)
        if exact and exact[1] in plan.step_by_key and exact[2] != "?":
            index = plan.step_by_key[exact[1]]
            _see_mapped(plan, index, exact[2])
            single.setdefault(index, set()).add(exact[2])
            continue
        regions: dict[int | None, set[str]] = {}
        for name, element in _WITH_ELEMENT.findall(text):
            if name in plan.step_by_key and element != "?":
                index = plan.step_by_key[name]
                regions.setdefault(_see_mapped(plan, index, element), set()).add(element)
        bare = _WITH_ELEMENT.sub(r"\1", text)
        if regions:
            joined.append((bare, regions))
        else:
            whole.append(bare)
    what = f"{job_words(plan.job.name)}"
    found: dict[int, frozenset[str] | None] = {i: frozenset(each) for i, each in single.items()}
    for bare, regions in joined:
        for key in resolve_op_selection([bare], list(upstream), upstream, what=what):
            index = plan.step_by_key[key]
            elements = regions.get(plan.steps[index].region)
            _add(found, index, frozenset(elements) if elements is not None else None)
    if whole or not found:
        for key in resolve_op_selection(whole, list(upstream), upstream, what=what):
            found[plan.step_by_key[key]] = None
    return found


def _add(
    chosen: dict[int, frozenset[str] | None], index: int, elements: frozenset[str] | None
) -> None:
    before = chosen.get(index, frozenset())
    chosen[index] = None if before is None or elements is None else before | elements


def _see_mapped(plan: Plan, index: int, element: str) -> int:
    step = plan.steps[index]
    if step.region is None:
        raise InvalidSubsetError(
            f"The step {step.key!r} is not mapped over anything: there is no "
            f"'{step.key}[{element}]'. Select {step.key!r}."
        )
    return step.region


class _End(NamedTuple):
    """The successful end of a step, or of one element of it, in an earlier run.

    Attributes:
        outputs: What it gave: names of outputs, each with its mapping key where it is dynamic.
        run_id: The run.
    """

    outputs: Sequence[tuple[str, str | None]]
    run_id: str


class _EarlierResults:
    """The results of a run and of those that it repeats, for the steps of a plan.

    Args:
        plan: The plan.
        instance: Where the history is.
        parent: The run.
    """

    def __init__(self, plan: Plan, instance: Instance, parent: JobRun) -> None:
        self.plan = plan
        self.instance = instance
        self.parent = parent
        self.steps: dict[int, dict[str | None, _End]] = {}
        self.roots = {out.slot: step.index for step in plan.steps for out in step.outputs}
        for run in _ancestors(instance, parent):
            for key, element, outputs in _ended_well(instance.events(run.run_id), plan):
                ends = self.steps.setdefault(plan.step_by_key[key], {})
                ends.setdefault(element, _End(outputs, run.run_id))
        self.before = _made_before(instance, parent, plan, self.steps)
        self._values: dict[tuple[int, str | None], Any] = {}

    def elements_of(self, region: int) -> list[str] | None:
        """Return the elements of a dynamic output; None where it has not ended well."""
        root = self.plan.steps[self.roots[region]]
        end = self.steps.get(root.index, {}).get(None)
        if end is None:
            return None
        name = next(out.name for out in root.outputs if out.slot == region)
        return [element for each, element in end.outputs if each == name and element is not None]

    # --- what is asked for and what it needs ------------------------------

    def see_elements(self, chosen: Elements) -> None:
        """Raise an error for elements that do not exist.

        Raises:
            InvalidSubsetError: If one is not.
        """
        for index, wanted in chosen.items():
            step = self.plan.steps[index]
            if wanted is None or step.region is None or self.roots[step.region] in chosen:
                continue
            known = self.elements_of(step.region)
            for element in sorted(wanted - set(known)) if known is not None else ():
                names = [f"{step.key}[{each}]" for each in known or ()]
                hint = did_you_mean(f"{step.key}[{element}]", names, noun="There are")
                raise InvalidSubsetError(
                    f"There was no '{step.key}[{element}]' in run {self.parent.run_id}. {hint}"
                )

    def see_needed(self, chosen: Elements) -> None:
        """Raise an error unless the steps whose outputs are read succeeded, or run again.

        Raises:
            InvalidSubsetError: If one has not.
        """
        missing: set[str] = set()
        for index, wanted in chosen.items():
            for wait in self.plan.steps[index].waits_for:
                step = self.plan.steps[wait.step]
                if wait.slot in self.before or chosen.get(step.index, frozenset()) is None:
                    continue
                ends = self.steps.get(step.index, {})
                if wait.maps and wanted is not None and step.region is not None:
                    again = chosen.get(step.index) or frozenset()
                    missing.update(f"{step.key}[{e}]" for e in wanted - again if e not in ends)
                elif not ends and step.index not in chosen and not self._is_of_nothing(step):
                    missing.add(step.key)
        if missing:
            raise InvalidSubsetError(
                f"The selection needs the output of {', '.join(map(repr, sorted(missing)))}, which "
                f"did not succeed in run {self.parent.run_id}. Select it too."
            )

    def _is_of_nothing(self, step: Step) -> bool:
        """Whether a mapped step had no element to run for."""
        return step.region is not None and self.elements_of(step.region) == []

    def with_lost(self, chosen: Elements) -> tuple[Elements, list[str]]:
        """Return the chosen steps, with those that run again since what they gave is nowhere."""
        all_chosen, lost = dict(chosen), dict[str, None]()
        waiting = list(chosen)
        while waiting:
            index = waiting.pop()
            for wait in self.plan.steps[index].waits_for:
                step = self.plan.steps[wait.step]
                only = all_chosen[index] if wait.maps and step.region is not None else None
                again = self._lost_of(step, wait.slot, all_chosen, only)
                if again:
                    lost[step.key] = None
                    wanted = None if None in again else frozenset(map(str, again))
                    _add(all_chosen, step.index, wanted)
                    waiting += [step.index, *self._mapped_over(step, all_chosen)]
        return all_chosen, list(lost)

    def _mapped_over(self, root: Step, chosen: dict[int, frozenset[str] | None]) -> list[int]:
        """Return the steps mapped over an output that is computed again, for any elements."""
        slots = {out.slot for out in root.outputs if out.definition.is_dynamic}
        found = [i for i, own in chosen.items() if own and self.plan.steps[i].region in slots]
        chosen.update(dict.fromkeys(found))
        return found

    def _lost_of(
        self, step: Step, slot: int, chosen: Elements, only: frozenset[str] | None
    ) -> list[str | None]:
        """Return the elements that do not run again, and whose values cannot be loaded.

        Args:
            step: The step.
            slot: The output that is read.
            chosen: What runs again.
            only: The elements that are read; all if None.
        """
        again = chosen.get(step.index, frozenset())
        if again is None or slot in self.before:
            return []
        output = next(out for out in step.outputs if out.slot == slot)
        return [
            element
            for element, end in self.steps.get(step.index, {}).items()
            if element not in again
            and (only is None or element in only)
            and any(
                self._value(step, output, element or mapping_key, end.run_id) is MISSING
                for name, mapping_key in end.outputs
                if name == output.name
            )
        ]

    # --- where values are -------------------------------------------------

    def _value(self, step: Step, output: StepOutput, element: str | None, run_id: str) -> Any:
        """Return the reference to an earlier run's value; MISSING if it is gone."""
        place = output.slot, element
        if place not in self._values:
            self._values[place] = (
                HANDLED
                if self._is_stored(step, output, element, run_id)
                else value_in_memory(run_id, step.key, output.name, element)
            )
        return self._values[place]

    def _is_stored(self, step: Step, output: StepOutput, element: str | None, run_id: str) -> bool:
        """Whether the IO manager has a value, as far as can be known: one's own is believed."""
        manager = self.plan.resources.get(output.manager_key)
        if output.data_type is NOTHING:
            return True
        if manager is mem_io_manager:
            return False
        if manager is not fs_io_manager or output.asset_key is not None:
            return True
        mapped = step.region is not None and element is not None
        config = self.plan.resource_config.get(output.manager_key) or {}
        context = OutputContext(
            step_key=f"{step.key}[{element}]" if mapped else step.key,
            name=output.name,
            run_id=run_id,
            mapping_key=None if mapped else element,
        )
        base_dir = config.get("base_dir") or self.instance.storage_directory()
        return FileIOManager(base_dir).has_output(context)

    def kept(self, chosen: Elements) -> dict[int, ReusedOutput | dict[str, ReusedOutput]]:
        """Return, by slot, the earlier outputs of steps that do not run again."""
        kept: dict[int, ReusedOutput | dict[str, ReusedOutput]] = {
            slot: before for slot, before in self.before.items() if self.roots[slot] not in chosen
        }
        for index, ends in self.steps.items():
            again = chosen.get(index, frozenset())
            if again is None:
                continue
            step = self.plan.steps[index]
            left = {element: end for element, end in ends.items() if element not in again}
            for output in step.outputs:
                if step.region is not None:
                    kept[output.slot] = self._kept_elements(step, output, left)
                elif output.definition.is_dynamic:
                    elements = self.elements_of(output.slot) or []
                    if elements or output.definition.is_required:
                        parts = {e: self._kept(step, output, e, left[None]) for e in elements}
                        kept[output.slot] = parts
                elif any(name == output.name for name, _ in left[None].outputs):
                    kept[output.slot] = self._kept(step, output, None, left[None])
        return kept

    def _kept_elements(
        self, step: Step, output: StepOutput, ends: Mapping[str | None, _End]
    ) -> dict[str, ReusedOutput]:
        """Return the elements of a mapped step, in their order."""
        assert step.region is not None
        known = self.elements_of(step.region)
        return {
            str(element): self._kept(step, output, element, ends[element])
            for element in (ends if known is None else known)
            if element in ends and any(name == output.name for name, _ in ends[element].outputs)
        }

    def _kept(self, step: Step, output: StepOutput, element: str | None, end: _End) -> ReusedOutput:
        """Return an earlier output; IO managers are asked only if a step reads it."""
        value = self._values.get((output.slot, element), MISSING)
        if value is MISSING and self.plan.resources.get(output.manager_key) is mem_io_manager:
            value = value_in_memory(end.run_id, step.key, output.name, element)
        if output.data_type is NOTHING:
            value = None
        return ReusedOutput(HANDLED if value is MISSING else value, end.run_id)


def _made_before(
    instance: Instance, parent: JobRun, plan: Plan, ended: Container[int]
) -> dict[int, ReusedOutput]:
    """Return, by slot, the assets that an even earlier run materialized."""
    if parent.step_keys_to_execute is None:
        return {}
    ran = {step_and_element(key)[0] for key in parent.step_keys_to_execute}
    outputs = [
        each
        for step in plan.steps
        if step.assets_def and step.key not in ran and step.index not in ended
        for each in step.outputs
        if each.asset_key is not None
    ]
    made = instance.last_made([each.asset_key for each in outputs if each.asset_key])
    return {
        each.slot: ReusedOutput(
            None if each.data_type is NOTHING else HANDLED, made[each.asset_key].run_id
        )
        for each in outputs
        if each.asset_key is not None and each.asset_key in made
    }


def _ancestors(instance: Instance, run: JobRun) -> Iterator[JobRun]:
    """Iterate over the run, the one that it repeats, and so on."""
    current: JobRun | None = run
    while current is not None:
        yield current
        current = instance.get_run_by_id(current.parent_run_id) if current.parent_run_id else None


def _ended_well(
    events: Sequence[Event], plan: Plan
) -> Iterator[tuple[str, str | None, list[tuple[str, str | None]]]]:
    """Iterate over the successful steps and elements, and their outputs with mapping keys."""
    given: dict[str, list[tuple[str, str | None]]] = {}
    for event in events:
        full = str(event.step_key)
        if isinstance(event, OutputYielded):
            given.setdefault(full, []).append((event.output_name, event.mapping_key))
        elif isinstance(event, StepRestarted):
            given.pop(full, None)  # what the attempt before had given
        elif isinstance(event, StepSucceeded) or (
            isinstance(event, StepSkipped) and not event.failed
        ):
            key, element = (full, None) if full in plan.step_by_key else step_and_element(full)
            if key in plan.step_by_key:
                yield key, element, given.pop(full, [])


def step_and_element(key: str) -> tuple[str, str | None]:
    """Return the bare key of a step, and the element that it ran for, if it is mapped."""
    if key.endswith("]") and "[" in key:
        bare, _, element = key[:-1].partition("[")
        return bare, element
    return key, None
