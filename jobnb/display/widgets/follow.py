"""Follow active runs: marks as they change, and views notified that they are outdated.

A view is only notified that it may be outdated. A front end that still shows it requests the rest;
a view whose cell was run again is shown by nobody, requests nothing, and costs nothing more.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from weakref import WeakSet

import msgspec

from jobnb.automation.backfill import Backfill
from jobnb.definitions.locations.definitions import Definitions
from jobnb.display.environment import attempt
from jobnb.display.picture import UNMARKED, Mark
from jobnb.display.run_marks import Cards, base_key, cards_of_step, check_counts, run_marks
from jobnb.events import (
    AssetCheckEvaluated,
    Event,
    RunCanceled,
    RunFailed,
    RunStarted,
    RunSucceeded,
)
from jobnb.execution.run import RunScope
from jobnb.execution.watch import background_watchers, watchers
from jobnb.plan.asset_parts import name_in, shared_names
from jobnb.plan.step import Plan
from jobnb.state import RunState, StepState, StepStatus
from jobnb.storage.run import JobRun

News = dict[str, tuple[Mark, float | None]]
_OF_ALL_STEPS = (RunStarted, RunSucceeded, RunFailed, RunCanceled)


class RunMarks:
    """Applies the events of a run; returns the cards that changed since the last call.

    Args:
        cards_of_step: The cards of a step, where they are not called as the step is.
        plan: What the run does, where that is known: it says what is mapped over what.
    """

    def __init__(self, cards_of_step: Cards | None = None, plan: Plan | None = None) -> None:
        self.state = RunState()
        self._cards = dict(cards_of_step or {})
        self._mapped_over = _mapped_over(plan)
        self._steps: dict[str, dict[str, StepState]] = defaultdict(dict)
        self._checked: dict[str, dict[str, AssetCheckEvaluated]] = defaultdict(dict)

    def add(self, events: Iterable[Event]) -> News:
        """Return the mark of each card that these events touch, and since when it runs."""
        touched: set[str] = set()
        checked: set[str] = set()
        for event in events:
            self.state.apply(event)
            if isinstance(event, AssetCheckEvaluated):
                card = "/".join(event.asset)
                self._checked[card][event.check] = event
                checked.add(card)
            key = getattr(event, "step_key", None)
            if key is not None:
                touched.add(key)
            elif isinstance(event, _OF_ALL_STEPS):
                touched.update(self.state.steps)
        return self._marks(checked | {card for key in touched for card in self._cards_of(key)})

    def _cards_of(self, step_key: str) -> Sequence[str]:
        cards = cards_of_step(self._cards, step_key)
        step = self.state.steps.get(step_key)
        if step is not None:
            for card in cards:
                self._steps[card][step_key] = step
        return cards

    def _marks(self, cards: Iterable[str]) -> News:
        news: News = {}
        for card in cards:
            steps = self._steps.get(card) or {}
            if steps:
                only = RunState(steps=steps)
                bases = {base_key(key) for key in steps}
                elements = {base: self._elements(base) for base in bases}
                mark = run_marks(only, {key: [card] for key in bases}, elements=elements)[card]
            else:
                mark = UNMARKED
            said = check_counts(self._checked[card].values()) if card in self._checked else {}
            if said:
                mark = msgspec.structs.replace(mark, checks=said[card])
            if steps or said:
                news[card] = mark, _since(steps.values())
        return news

    def _elements(self, step_key: str) -> int:
        """Return the number of elements of the dynamic output that the step is mapped over."""
        source, output = self._mapped_over.get(step_key, ("", ""))
        found = self.state.steps.get(source)
        return sum(name.startswith(f"{output}[") for name in found.outputs) if found else 0


def _mapped_over(plan: Plan | None) -> dict[str, tuple[str, str]]:
    """Return, for each mapped step, the step and dynamic output that it is mapped over."""
    steps = plan.steps if plan is not None else ()
    slots = {out.slot: (step.key, out.name) for step in steps for out in step.outputs}
    return {step.key: slots[step.region] for step in steps if step.region is not None}


def _since(steps: Iterable[StepState]) -> float | None:
    """Return when the first of the active ones began."""
    begun = (step.started for step in steps if step.status is StepStatus.RUNNING)
    return min((time for time in begun if time is not None), default=None)


def cards_of_plan(plan: Any) -> dict[str, list[str]]:
    """Return the asset keys of each step that materializes assets, which name their cards.

    All steps of a graph that makes one asset have its card.
    """
    found = {}
    for step in getattr(plan, "steps", ()):
        keys = step.asset_keys
        if not keys and step.assets_def is not None and len(step.assets_def.keys) == 1:
            keys = list(step.assets_def.keys)
        if keys:
            found[step.key] = [key.to_user_string() for key in keys]
    return found


def cards_of_recorded(record: JobRun, definitions: Definitions | None) -> dict[str, list[str]]:
    """Return the cards of each step of a run whose plan is not known.

    Args:
        record: The run as it is stored.
        definitions: What is defined now, if anything is: it knows who makes several assets, and
            how a graph's name begins those of its steps.
    """
    chosen = record.asset_selection or frozenset()
    found = {"__".join(key.path): [key.to_user_string()] for key in chosen}
    assets = definitions.assets if definitions is not None and chosen else ()
    shared = shared_names(assets)
    for each in assets:
        if keys := sorted(chosen & each.keys):
            found[name_in(shared, each)] = [key.to_user_string() for key in keys]
    return found


def follow_run(
    run: Any, tell: Callable[[News], None], ended: Callable[[], None] | None = None
) -> Callable[[], None]:
    """Report every change of a live run's cards until it ends.

    Args:
        run: The `Run` that was launched.
        tell: Called with what has changed, never twice at a time; on a thread of the run's.
        ended: Called once after the last of it.

    Returns:
        A function that stops following.
    """
    marks, seen, lock = RunMarks(cards_of_plan(run.plan), run.plan), 0, threading.Lock()
    over = False

    def look(_change: Any = None) -> None:
        nonlocal seen, over
        with lock:
            if over:
                return
            events = run.events(after=seen)
            seen += len(events)
            if events and (news := marks.add(events)):
                tell(news)
            over = marks.state.is_finished
        if over:
            stop()
            if ended is not None:
                ended()

    def stop() -> None:
        try:
            run.unobserve(look, names=["version"])
        except ValueError:  # it is stopped already
            return

    run.observe(look, names=["version"])
    look()
    return stop


_views: WeakSet[Any] = WeakSet()


def keep_up(view: Any) -> None:
    """Notify a view when a run or a backfill has ended, or a cell has defined something.

    Args:
        view: Has the `session` that it shows, and a trait `behind` that becomes true then.
    """
    _views.add(view)
    view.session.catalogue.observe(_cell_defined, names=["version"])  # asking twice changes nothing
    for known in (watchers, background_watchers):
        if _while_it_runs not in known:
            known.append(_while_it_runs)
    if _backfill_begins not in Backfill.begun:
        Backfill.begun.append(_backfill_begins)


def history_changed(instance: Any) -> None:
    """Notify the views of a history that another process has added to it."""
    _tell(lambda session: session.instance is instance)


def _tell(concerns: Callable[[Any], bool]) -> None:
    for view in list(_views):
        if not view.behind:
            attempt(lambda view=view: _fall_behind(view, concerns), None)  # type: ignore[misc]


def _fall_behind(view: Any, concerns: Callable[[Any], bool]) -> None:
    if concerns(view.session):
        with view.guard:
            view.behind = True


def _cell_defined(change: Any) -> None:
    _tell(lambda session: session.catalogue is change.owner)


@contextmanager
def _while_it_runs(run: RunScope) -> Iterator[None]:
    try:
        yield
    finally:
        _tell(lambda session: session.instance is run.instance)


def _backfill_begins(backfill: Any) -> None:
    def ended(_change: Any) -> None:
        if backfill.is_finished:
            _tell(lambda session: session.instance is backfill.instance)

    backfill.observe(ended, names=["status", "version"])
