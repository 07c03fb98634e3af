"""The state of a run as the plain data that its widget draws."""

from __future__ import annotations

import os
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from jobnb.display.picture import duration_text
from jobnb.display.run_marks import (
    base_key,
    because_words,
    progress_words,
    real_steps,
    run_status,
    run_word,
    step_status,
)
from jobnb.display.text import counted, shorten
from jobnb.display.widgets.previews import clean, metadata_rows
from jobnb.events import ErrorInfo
from jobnb.plan.step import Plan
from jobnb.state import RunState, StepState, StepStatus

_MOST_STACK, _MOST_MESSAGE = 60, 10_000
_MOST_FAILURES = 5


def head_data(state: RunState, run_id: str, title: str) -> dict[str, Any]:
    """Return the header: what runs, its status and progress."""
    steps = real_steps(state)
    counts = Counter(step.status.value for step in steps)
    done = sum(step.is_finished for step in steps)
    now = time.time()
    found: dict[str, Any] = clean(
        {
            "title": title,
            "run_id": run_id,
            "status": run_status(state.status).value,
            "word": run_word(state.status),
            "finished": state.is_finished,
            "counts": dict(counts),
            "done": done,
            "total": len(steps),
            "started": state.started,
            "elapsed": _elapsed(state, now),
            "seconds": state.seconds,
            "left": _left(state, steps, now),
            "where": where_words(state),
            "now": now_words(steps),
        }
    )
    return found


def where_words(state: RunState) -> str:
    """Describe where the steps of a run are executed, for its header.

    Example:
        >>> where_words(RunState(where="2 worker processes", pid=os.getpid()))
        'on 2 worker processes'
        >>> where_words(RunState(pid=1))
        'in process 1'
    """
    if not state.pid:
        return ""
    here = state.pid == os.getpid()
    if not state.where:
        return "in this kernel" if here else f"in process {state.pid}"
    return f"on {state.where}" if here else f"on {state.where}, from process {state.pid}"


def now_words(steps: Iterable[StepState]) -> str:
    """Describe how far the first step that reports its progress is, and how many others do."""
    told = [(step.key, words) for step in steps if (words := progress_words(step))]
    if not told:
        return ""
    (key, words), others = told[0], len(told) - 1
    return f"{key}: {words}" + (f", and {counted(others, 'other step')}" if others else "")


def _elapsed(state: RunState, now: float) -> float | None:
    if state.started is None:
        return None
    return max(0.0, (state.ended or now) - state.started)


def _left(state: RunState, steps: Sequence[StepState], now: float) -> float | None:
    """Estimate the remaining seconds, if steps take as long as those that ended, as many at once.

    Nothing is estimated before the first step has ended, nor once all that remains runs and has
    taken longer than that.
    """
    started = state.started
    took = [step.seconds or 0.0 for step in steps if step.is_finished]
    if state.is_finished or started is None or not took or now <= started:
        return None
    mean = sum(took) / len(took)
    ages = [now - step.started for step in steps if step.started and not step.is_finished]
    work = sum(took) + sum(ages)
    to_come = len(steps) - len(took) - len(ages)
    remaining = to_come * mean + sum(max(0.0, mean - age) for age in ages)
    return remaining * (now - started) / work if remaining and work else None


def upstream_of(plan: Plan | None) -> dict[str, tuple[str, ...]]:
    """Return, for each step of a plan, the steps that it waits for."""
    if plan is None:
        return {}
    keys = [step.key for step in plan.steps]
    return {
        step.key: tuple(dict.fromkeys(keys[source.step] for source in step.waits_for))
        for step in plan.steps
    }


def ready_times(
    state: RunState, steps: Iterable[StepState], upstream: Mapping[str, Sequence[str]]
) -> dict[str, float]:
    """Return when each step was ready: when the last step that it waits for ended.

    An element of a mapped step waits for the same element of another; what collects, for all.
    Nothing is told of a step that must still wait.
    """
    elements: dict[str, list[StepState]] = defaultdict(list)
    for each in real_steps(state):
        elements[base_key(each.key)].append(each)
    # Of a mapped step, many may wait for all elements of another: they are counted once.
    whole = {key: _all_ended(some, state.started) for key, some in elements.items()}
    found = {}
    for step in steps:
        base = base_key(step.key)
        moments = [state.started]
        for key in upstream.get(base, ()):
            own = state.steps.get(key + step.key[len(base) :])
            is_twin = own is not None and own.key != key
            moments.append(_all_ended([own], state.started) if is_twin else whole.get(key))
        known = [moment for moment in moments if moment is not None]
        if known and len(known) == len(moments):
            found[step.key] = max(known)
    return found


def _all_ended(steps: Iterable[StepState | None], otherwise: float | None) -> float | None:
    """Return when the last of the steps ended; None if one has not."""
    ends = [otherwise]
    for step in steps:
        if step is None or not step.is_finished:
            return None
        ends.append(step.ended)
    return max((each for each in ends if each is not None), default=None)


def depths(upstream: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Return the length of the longest path to each step; a plan lists steps in order.

    Example:
        >>> depths({"load": (), "clean": ("load",), "report": ("load", "clean")})
        {'load': 0, 'clean': 1, 'report': 2}
    """
    found: dict[str, int] = {}
    for key, before in upstream.items():
        found[key] = max((found.get(each, 0) + 1 for each in before), default=0)
    return found


def slowest_path(state: RunState, upstream: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the chain of steps that took longest together: what to make faster first.

    Args:
        state: The run.
        upstream: For each step of the plan, in order, those that it waits for.
    """
    best: dict[str, tuple[float, str | None]] = {}
    for key, before in upstream.items():
        ways = [(best[each][0], each) for each in before if each in best]
        longest, last = max(ways, default=(0.0, None), key=lambda way: way[0])
        best[key] = longest + _longest_time(state, key), last
    end = max(best, key=lambda key: best[key][0], default=None)
    path: list[str] = []
    while end is not None:
        path.append(end)
        end = best[end][1]
    return [key for key in reversed(path) if _longest_time(state, key) > 0]


def _longest_time(state: RunState, key: str) -> float:
    """Return the duration of a step; of a mapped one, that of its slowest element."""
    step = state.steps.get(key)
    if step is not None:
        return step.seconds or 0.0
    mapped = (each for name, each in state.steps.items() if base_key(name) == key)
    return max((each.seconds or 0.0 for each in mapped), default=0.0)


def step_row(
    step: StepState, start: float | None, ready: float | None, depth: int = 0
) -> list[Any]:
    """Return a step as a short row: status, ready, begin and end (seconds in the run), and words.

    A run of many steps sends many of these, so they carry no names:
    `[key, status, ready, started, ended, attempts, lines, why, depth, worker, cpu, memory,
    growth]`.
    """
    status = "retrying" if step.status is StepStatus.RETRYING else step_status(step.status).value
    begun = step.started
    ended = step.ended if step.ended is not None else None
    return [
        step.key,
        status,
        _into(ready if begun is not None or step.status is StepStatus.QUEUED else None, start),
        _into(begun, start),
        _into(ended if begun is not None else None, start),
        step.attempts,
        step.logs,
        _why(step),
        depth,
        step.worker,
        step.cpu,
        step.memory,
        step.growth,
    ]


def _into(moment: float | None, start: float | None) -> float | None:
    return None if moment is None or start is None else round(max(0.0, moment - start), 6)


def _why(step: StepState) -> str:
    if step.error is not None:
        return str(clean(shorten(f"{step.error.cls_name}: {step.error.message[:400]}", 160)))
    return str(clean(shorten(because_words(step), 160)))


def failures(state: RunState) -> list[dict[str, Any]]:
    """Return the first failed steps, or the error of the run itself."""
    failed = [step for step in state.steps.values() if step.status is StepStatus.FAILED]
    found = [
        {
            "step": step.key,
            "took": duration_text(step.seconds),
            **error_data(step.error, step.failure),
        }
        for step in failed[:_MOST_FAILURES]
        if step.error is not None
    ]
    if not found and state.error is not None and not state.is_success:
        found = [{"step": "", "took": "", **error_data(state.error)}]
    left = len(failed) - len(found)
    if found and left > 0:
        found[-1]["more"] = left
    return found


def error_data(error: ErrorInfo, metadata: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return an error: the user's own place and line first, then what was said, then the rest.

    An error that only says again what the one before said is passed over. `metadata` is what a
    `Failure` told beside its description.
    """
    told = [_one_error(each) for each in error.chain]
    first, *causes = told
    found: dict[str, Any] = clean(
        {**first, "causes": causes, "metadata": metadata_rows(metadata or {})}
    )
    return found


def _one_error(error: ErrorInfo) -> dict[str, Any]:
    message = error.message[:_MOST_MESSAGE]
    return {
        "where": error.where,
        "source": error.source.splitlines()[:40],
        "says": f"{error.cls_name}: {message}" if message else error.cls_name,
        "stack": "".join(error.stack[-_MOST_STACK:]),
        "frames": len(error.stack),
    }
