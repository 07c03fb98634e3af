"""Pictures, tables, lists and times as plain text."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from jobnb.display.palette import SIGNS, WORDS
from jobnb.display.picture import Card, Picture, Status
from jobnb.display.text_metrics import clean, second_line

_MOST_LINES = 200
_DEEPEST = 12


def picture_text(picture: Picture, *, most: int = _MOST_LINES) -> str:
    """Return the picture as a tree, upstream first; repeated cards are marked by an arrow.

    Example:
        >>> from jobnb.display.picture import Card, Edge
        >>> cards = tuple(Card(k, k) for k in "abcd")
        >>> edges = (Edge("a", "b"), Edge("a", "c"), Edge("b", "d"), Edge("c", "d"))
        >>> print(picture_text(Picture("diamond", cards, edges)))
        diamond · 4 nodes
        └─ a
           ├─ b
           │  └─ d
           └─ c
              └─ ↑ d
    """
    count = len(picture.cards)
    head = f"{clean(picture.title)} · {counted(count, 'node')}"
    lines = [head]
    for line in tree_lines(picture):
        if len(lines) >= most:
            lines.append(f"… and more: {counted(count, 'node')} in all")
            break
        lines.append(line)
    return "\n".join(lines)


def tree_lines(picture: Picture) -> Iterator[str]:
    """Iterate over the lines of the tree; made without recursion, so a chain may be of any length.

    A card that alone follows another stands below it with an arrow, not further to the right.
    """
    after = _followers(picture)
    cards = {card.key: card for card in picture.cards}
    seen: set[str] = set()
    for root, is_last in _last_marked(_roots(picture)):
        if root in seen:  # a circle that another root of the same circle led through
            continue
        # What is still to be written: the key, what stands before it, its own branch.
        stack = [(root, "", "└─ " if is_last else "├─ ")]
        while stack:
            key, before, branch = stack.pop()
            if key in seen:
                yield f"{before}{branch}↑ {clean(cards[key].title)}"
                continue
            seen.add(key)
            yield f"{before}{branch}{_line(cards[key], picture)}"
            below = before + {"└─ ": "   ", "├─ ": "│  "}.get(branch, "")
            stack.extend(_branches(after[key], below, len(below) // 3))


def _branches(keys: Sequence[str], before: str, depth: int) -> list[tuple[str, str, str]]:
    if depth >= _DEEPEST and len(keys) == 1:
        return [(keys[0], before, "↓ ")]
    branches = [(key, before, "└─ " if is_last else "├─ ") for key, is_last in _last_marked(keys)]
    return branches[::-1]


def _last_marked(keys: Sequence[str]) -> Iterator[tuple[str, bool]]:
    return ((key, place == len(keys) - 1) for place, key in enumerate(keys))


def _followers(picture: Picture) -> dict[str, list[str]]:
    known = {card.key for card in picture.cards}
    after: dict[str, dict[str, None]] = defaultdict(dict)
    for edge in picture.edges:
        if edge.start in known and edge.end in known:
            after[edge.start][edge.end] = None
    return defaultdict(list, {key: list(found) for key, found in after.items()})


def _roots(picture: Picture) -> list[str]:
    """Return the cards without upstream, then one card of each circle that none of them reaches."""
    known = {card.key for card in picture.cards}
    fed = {edge.end for edge in picture.edges if edge.start in known and edge.start != edge.end}
    roots = [card.key for card in picture.cards if card.key not in fed]
    after, reached = _followers(picture), set[str]()
    _reach(roots, after, reached)
    for card in picture.cards:
        if card.key not in reached:
            roots.append(card.key)
            _reach([card.key], after, reached)
    return roots


def _reach(keys: Sequence[str], after: Mapping[str, Sequence[str]], reached: set[str]) -> None:
    stack = list(keys)
    while stack:
        key = stack.pop()
        if key not in reached:
            reached.add(key)
            stack.extend(after.get(key, ()))


def _line(card: Card, picture: Picture) -> str:
    mark = picture.mark(card.key)
    status = Status.MISSING if card.shape == "missing" else mark.status
    word = WORDS[status] if status not in (Status.SUCCEEDED, Status.NONE) else ""
    more = " · ".join(part for part in (word, second_line(card, mark), mark.duration) if part)
    parts = (clean(card.title), SIGNS[status], f"({clean(more)})" if more else "")
    return " ".join(part for part in parts if part)


def shorten(text: str, most: int) -> str:
    """Return the text on one line, at most so many characters."""
    line = clean(text)
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def counted(number: int, noun: str) -> str:
    """Return a number and what is counted.

    Example:
        >>> counted(1, "line"), counted(2000, "line")
        ('1 line', '2,000 lines')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def columns(text: str) -> int:
    """Return the number of terminal columns that the text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0
        if unicodedata.category(char) in ("Mn", "Me", "Cf")
        else 2
        if unicodedata.east_asian_width(char) in "WF"
        else 1
        for char in text
    )


def table_text(headers: Sequence[str], rows: Sequence[Sequence[str]], *, most: int = 60) -> str:
    """Return a table with its columns under each other.

    Example:
        >>> print(table_text(["step", "time"], [["load", "1 s"], ["clean_up", "12 s"]]))
        step      time
        ────────  ────
        load      1 s
        clean_up  12 s
    """
    if not headers:
        return ""
    body = [[shorten(str(cell), most) for cell in row] for row in (headers, *rows)]
    widths = [max(columns(row[place]) for row in body) for place in range(len(headers))]
    lines = [
        "  ".join(_padded(cell, w) for cell, w in zip(row, widths, strict=True)) for row in body
    ]
    rule = "  ".join("─" * w for w in widths)
    return "\n".join(line.rstrip() for line in (lines[0], rule, *lines[1:]))


def _padded(cell: str, wide: int) -> str:
    return cell + " " * (wide - columns(cell))


def moment(time: float) -> str:
    """Format a time in the local time zone: `2013-01-31 09:30:00`; `whenText` in `dom.js`.

    A time outside of the calendar gives an empty text.
    """
    try:
        return f"{datetime.fromtimestamp(time).astimezone():%Y-%m-%d %H:%M:%S}"
    except (OverflowError, OSError, ValueError):
        return ""
