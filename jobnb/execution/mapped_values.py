"""The values of mapped steps: released as early as possible, and in the order of the elements."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from jobnb.execution.run import HANDLED, MISSING, RunScope
from jobnb.execution.step import StepRunner


def put_in_order(run: RunScope, runners: Sequence[StepRunner], elements: Sequence[str]) -> None:
    """Sort elements of an earlier run and of this one into their original order."""
    for runner in runners:
        for slot in runner.outputs:
            values = run.values[slot]
            run.values[slot] = {key: values[key] for key in elements if key in values}


def passing_slots(run: RunScope, runners: Sequence[StepRunner]) -> set[int]:
    """Return slots whose elements nobody wants once these steps have run for them."""
    if run.keep_outputs:
        return set()
    waits = [{w.slot for w in r.step.waits_for if w.maps} for r in runners]
    readers = Counter(slot for slots in waits for slot in slots)
    outputs = {slot: 0 for runner in runners for slot in runner.outputs}
    return {slot for slot, count in {**outputs, **readers}.items() if count == run.readers[slot]}


def let_go(run: RunScope, slots: set[int], mapping_key: str) -> None:
    """Release the values of an element that has passed all steps."""
    for slot in slots:
        elements = run.values[slot]
        if elements is not MISSING and elements.get(mapping_key, HANDLED) is not HANDLED:
            del elements[mapping_key]


def close_empty(run: RunScope, runners: Sequence[StepRunner]) -> None:
    """Mark an output without elements as missing: steps that collect it are skipped, too."""
    for runner in runners:
        for slot in runner.outputs:
            if not run.values[slot]:
                run.values[slot] = MISSING
