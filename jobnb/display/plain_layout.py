"""The layout of a picture without a layout program: columns by rank, and a band for each frame.

It stands in where no program can be started, as in a browser, and gives what the program would.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from jobnb.display.picture import Picture
from jobnb.display.text_metrics import CARD_HEIGHT, card_width

_COLUMN_GAP, _ROW_GAP = 48.0, 18.0
_SIDE, _TITLE, _FOOT = 14.0, 28.0, 12.0  # of a frame, around what is in it
_REACH, _ARROW = 24.0, 7.0

Path = tuple[str, ...]


def plain_layout(picture: Picture, paths: Sequence[Path]) -> dict[str, Any]:
    """Return the positions of cards, arrows and frames as the layout program's JSON has them.

    Args:
        picture: The picture.
        paths: The path of every frame, by its number.
    """
    made = _Bands(picture, paths)
    made.place((), 0.0)
    return made.said()


def ranks(picture: Picture) -> list[int]:
    """Return the column of each card: one more than the highest upstream; circles are cut."""
    numbers = {card.key: number for number, card in enumerate(picture.cards)}
    below: dict[int, list[int]] = defaultdict(list)
    waits = [0] * len(picture.cards)
    for start, end in _joined(picture, numbers):
        below[start].append(end)
        waits[end] += 1
    found = [0] * len(picture.cards)
    ready = [number for number, count in enumerate(waits) if not count]
    left = set(range(len(picture.cards)))
    while left:
        if not ready:  # what is left is a circle: it begins somewhere
            ready.append(min(left))
        number = ready.pop()
        if number not in left:
            continue
        left.discard(number)
        for other in below[number]:
            waits[other] -= 1
            if other in left:
                found[other] = max(found[other], found[number] + 1)
                if not waits[other]:
                    ready.append(other)
    return found


def _joined(picture: Picture, numbers: dict[str, int]) -> Iterable[tuple[int, int]]:
    return (
        (numbers[edge.start], numbers[edge.end])
        for edge in picture.edges
        if edge.start in numbers and edge.end in numbers and edge.start != edge.end
    )


class _Bands:
    """Places the cards of each frame in a band of their own, one below the other."""

    def __init__(self, picture: Picture, paths: Sequence[Path]) -> None:
        self._picture = picture
        self._paths = paths
        self._wide = [card_width(card) for card in picture.cards]
        self._ranks = self._spread(ranks(picture))
        self._left = self._columns()
        self._y: dict[int, float] = {}
        self._frames: dict[Path, tuple[float, float, float, float]] = {}

    def _spread(self, columns: list[int]) -> list[int]:
        """Return the columns; many cards that nothing joins stand side by side."""
        keys = {key for edge in self._picture.edges for key in (edge.start, edge.end)}
        alone = [n for n, card in enumerate(self._picture.cards) if card.key not in keys]
        if len(alone) > 3:
            wide = max(1, round((len(alone) * 0.6) ** 0.5))
            for place, number in enumerate(alone):
                columns[number] = place % wide
        return columns

    def _columns(self) -> list[float]:
        """Return where each column begins; frames that begin there have room before it."""
        deepest = max((len(card.group) for card in self._picture.cards), default=0)
        lefts, at = [], 0.0
        for rank in range(max(self._ranks, default=0) + 1):
            lefts.append(at)
            here = (w for w, r in zip(self._wide, self._ranks, strict=True) if r == rank)
            at += max(here, default=0.0) + _COLUMN_GAP + 2 * deepest * _SIDE
        return lefts

    def place(self, path: Path, top: float) -> float:
        """Place what a frame holds from `top` on; returns where it ends."""
        cards = self._picture.cards
        own = [number for number, card in enumerate(cards) if card.group == path]
        filled: dict[int, int] = defaultdict(int)
        for number in own:
            row = filled[self._ranks[number]]
            filled[self._ranks[number]] += 1
            self._y[number] = top + row * (CARD_HEIGHT + _ROW_GAP)
        rows = max(filled.values(), default=0)
        end = top + rows * (CARD_HEIGHT + _ROW_GAP)
        for inner in self._paths:
            if len(inner) == len(path) + 1 and inner[: len(path)] == path:
                last = self.place(inner, end + _TITLE) - _ROW_GAP
                self._frames[inner] = self._around(inner, end, last + _FOOT)
                end = last + _FOOT + _ROW_GAP
        return end

    def _around(self, path: Path, top: float, bottom: float) -> tuple[float, float, float, float]:
        inside = [n for n, c in enumerate(self._picture.cards) if c.group[: len(path)] == path]
        deeper = max(len(self._picture.cards[number].group) for number in inside) - len(path) + 1
        left = min(self._x(number) for number in inside) - deeper * _SIDE
        right = max(self._x(number) + self._wide[number] for number in inside) + deeper * _SIDE
        return left, top, right, bottom

    def _x(self, number: int) -> float:
        return self._left[self._ranks[number]]

    # --- as the program says it, in points from the bottom left --------------------

    def said(self) -> dict[str, Any]:
        """Return all positions."""
        numbers = range(len(self._picture.cards))
        boxes = [
            (self._x(n), self._y[n], self._x(n) + self._wide[n], self._y[n] + CARD_HEIGHT)
            for n in numbers
        ]
        whole = [*boxes, *self._frames.values()] or [(0.0, 0.0, 0.0, 0.0)]
        left, top = min(box[0] for box in whole), min(box[1] for box in whole)
        right, bottom = max(box[2] for box in whole), max(box[3] for box in whole)
        cards = [
            {
                "name": f"n{number}",
                "pos": f"{(box[0] + box[2]) / 2},{-(box[1] + box[3]) / 2}",
                "width": (box[2] - box[0]) / 72,
                "height": CARD_HEIGHT / 72,
            }
            for number, box in enumerate(boxes)
        ]
        frames = [
            {"name": f"cluster_{self._paths.index(path)}", "bb": f"{a},{-d},{c},{-b}"}
            for path, (a, b, c, d) in self._frames.items()
        ]
        return {
            "bb": f"{left},{-bottom},{right},{-top}",
            "objects": [*frames, *cards],
            "edges": self._edges(boxes),
        }

    def _edges(self, boxes: list[tuple[float, float, float, float]]) -> list[dict[str, Any]]:
        numbers = {card.key: number for number, card in enumerate(self._picture.cards)}
        found = []
        for place, edge in enumerate(self._picture.edges):
            if edge.start not in numbers or edge.end not in numbers:
                continue
            _, top, x, bottom = boxes[numbers[edge.start]]
            tip, end_top, _, end_bottom = boxes[numbers[edge.end]]
            y, end_y = -(top + bottom) / 2, -(end_top + end_bottom) / 2
            end_x = tip - _ARROW
            reach = max(_REACH, (end_x - x) / 2)
            curve = f"{x},{y} {x + reach},{y} {end_x - reach},{end_y} {end_x},{end_y}"
            told = {"id": f"e{place}", "pos": f"e,{tip},{end_y} {curve}"}
            if edge.label:
                told["lp"] = f"{(x + end_x) / 2},{(y + end_y) / 2 + 9}"
            found.append(told)
        return found
