"""Runs that make only what is stale: the rest of the plan is loaded where something reads it."""

from __future__ import annotations

from jobnb.definitions.types import NOTHING
from jobnb.execution.run import HANDLED, RunScope
from jobnb.plan.step import Plan
from jobnb.staleness.choice import StaleChoice, choose_stale
from jobnb.staleness.statuses import Place
from jobnb.storage.instance import Instance
from jobnb.storage.values import mem_io_manager

__all__ = ["keep_fresh", "stale_choice"]


def stale_choice(plan: Plan, instance: Instance, place: Place | None = None) -> StaleChoice:
    """What of a plan has to run; see `jobnb.staleness.choice.choose_stale`."""
    in_memory = [key for key, each in plan.resources.items() if each is mem_io_manager]
    return choose_stale(plan, instance, in_memory, place)


def keep_fresh(scope: RunScope, choice: StaleChoice) -> None:
    """Let what is left out stand in its slots as stored, and tell of it when the run begins."""
    for step in scope.plan.steps:
        if step.index not in choice.steps:
            for out in step.outputs:
                scope.values[out.slot] = None if out.data_type is NOTHING else HANDLED
                if out.asset_key is not None and out.asset_key in choice.fresh:
                    scope.origins[out.slot] = choice.fresh[out.asset_key]
    scope.fresh = tuple(choice.fresh)
    if choice.words:
        scope.notes.append(choice.words)
