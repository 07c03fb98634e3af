"""What hovering over a card tells: documentation, type, group, config, last time, cell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from jobnb.display.attempt import attempt
from jobnb.display.palette import WORDS
from jobnb.display.picture import Card, Status

__all__ = ["About", "about_card", "held_words"]

About = Callable[[str], list[tuple[str, str]]]
_MOST_MEMBERS = 12


def about_card(card: Card, more: About | None = None) -> dict[str, Any]:
    """What is known of a card, as the front end shows it.

    Args:
        card: The card.
        more: Tells label and text of facts, by the key of the card.
    """
    facts = list(_own(card))
    if more is not None and not card.members:
        facts += attempt(lambda: more(card.key), [])
    doc = "" if card.members else card.tooltip
    return {"doc": doc, "facts": [[label, text] for label, text in facts if text]}


def held_words(statuses: Iterable[Status]) -> str:
    """How many of the cards in a folded one stand how.

    Example:
        >>> held_words([Status.FAILED, Status.SUCCEEDED, Status.SUCCEEDED, Status.NONE])
        '2 succeeded, 1 failed, 1 other'
    """
    counts = Counter(WORDS[status] or "other" for status in statuses)
    if set(counts) == {"other"}:
        return ""
    return ", ".join(f"{many:,} {word}" for word, many in counts.most_common())


def _own(card: Card) -> list[tuple[str, str]]:
    if card.members:
        shown = ", ".join(card.members[:_MOST_MEMBERS])
        left = len(card.members) - _MOST_MEMBERS
        return [("holds", f"{shown} and {left:,} more" if left > 0 else shown)]
    facts = [("kind", card.kind), ("type", card.subtitle), ("in", " › ".join(card.group))]
    return facts if card.key == card.title else [("key", card.key), *facts]
