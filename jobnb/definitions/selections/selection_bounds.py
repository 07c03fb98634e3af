"""What a selection names at most, and at least, however assets stand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from jobnb.definitions.selections.asset_rules import AssetRule, Standing
from jobnb.definitions.selections.selection_rules import AllOf, AnyOf, Everything, Roots, Sinks

__all__ = ["at_most"]


def at_most(rule: AssetRule) -> AssetRule:
    """A rule that names all that a rule could name, if assets stood otherwise.

    Example:
        >>> from jobnb import AssetSelection
        >>> chosen = AssetSelection.from_string("group:load and status:stale and not status:failed")
        >>> str(at_most(chosen.rule))
        'group:load and * and not nothing()'
    """
    return _bound(rule, most=True)


def _bound(rule: AssetRule, *, most: bool) -> AssetRule:
    if not any(isinstance(each, Standing) for each in rule.within()):
        return rule
    if isinstance(rule, Standing):
        return Everything() if most else AnyOf(())
    if isinstance(rule, (Roots, Sinks)):
        # Which of them are at an end depends on the others: any could be.
        return _bound(rule.rule, most=True) if most else AnyOf(())
    if isinstance(rule, AnyOf):
        return AnyOf(tuple(_bound(each, most=most) for each in rule.rules))
    if isinstance(rule, AllOf):
        return AllOf(
            tuple(_bound(each, most=most) for each in rule.rules),
            tuple(_bound(each, most=not most) for each in rule.without),
        )
    around: Any = rule  # what is made of one rule, and names more where that names more
    inside: AssetRule = _bound(around.rule, most=most)
    wider: AssetRule = replace(around, rule=inside)
    return wider
