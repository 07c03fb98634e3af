"""What followed from a cell, as text: assets that became stale, and possible renames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from jobnb.display.text import counted

if TYPE_CHECKING:
    from jobnb.execution.reactive import Reaction
    from jobnb.staleness.renames import PossibleRename

_MOST_NAMES = 6


def after_cell_lines(reaction: Reaction | None, offers: Sequence[PossibleRename] = ()) -> list[str]:
    """Return it as lines of text."""
    lines = [f"{each.new.to_user_string()!r}: {each.words}." for each in offers]
    if reaction is None:
        return lines
    if reaction.problem:
        before = "Nothing was launched: " if reaction.run is None else ""
        lines.append(f"{before}{reaction.problem}")
    stale = list(reaction.stale.values())
    if stale:
        more = [f"and {len(stale) - _MOST_NAMES} more"] if len(stale) > _MOST_NAMES else []
        names = [each.key.to_user_string() for each in stale[:_MOST_NAMES]]
        lines.append(f"{reaction_words(reaction)}: {', '.join([*names, *more])}.")
    return lines


def reaction_words(reaction: Reaction) -> str:
    """Return what became stale and what is done about it, in a few words."""
    became = f"{counted(len(reaction.stale), 'asset')} became stale"
    return {
        "looking": "Looking at what became stale",
        "running": f"{became}, materializing in the background",
        "ended": f"{became} and was materialized"
        if len(reaction.stale) == 1
        else f"{became} and were materialized",
        "canceled": f"{became}; the run was canceled",
        "failed": f"{became}; the run failed",
    }.get(reaction.state, became)
