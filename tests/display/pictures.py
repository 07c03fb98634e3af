"""Pictures made by hand, for the tests of this room."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable

from jobnb.display.picture import Card, Edge, Mark, Picture, Status


def chain(count: int) -> Picture:
    cards = tuple(Card(f"s{n}", f"step_{n}") for n in range(count))
    edges = tuple(Edge(f"s{n}", f"s{n + 1}") for n in range(count - 1))
    return Picture("chain", cards, edges)


def many(shape: str, count: int, *, grouped: bool = False, name: str = "asset_{}") -> Picture:
    """A picture of so many assets in one of `SHAPES`, in groups of up to 25 that follow each other.

    Every tenth asset is also made from one that is missing.
    """
    edges = [pair for pair in SHAPES[shape](count) if pair[0] != pair[1]]
    cards = [
        Card(
            f"n{n}",
            name.format(n),
            "pandas",
            shape="asset",
            group=(f"group_{n // 25}",) if grouped else (),
        )
        for n in range(count)
    ]
    gone = [Card(f"gone{n}", f"gone_{n}", shape="missing") for n in range(9, count, 10)]
    missing = [Edge(card.key, f"n{card.key[4:]}", kind="missing") for card in gone]
    made = [Edge(f"n{start}", f"n{end}") for start, end in edges]
    return Picture(f"{shape} of {count}", (*cards, *gone), (*made, *missing))


def layers(count: int, high: int) -> list[tuple[int, int]]:
    """Columns of so many, each made from two of the column before."""
    chance = random.Random(high)
    return [
        (n - n % high - chance.randrange(high) - 1, n) for n in range(high, count) for _ in range(2)
    ]


SHAPES: dict[str, Callable[[int], list[tuple[int, int]]]] = {
    "chain": lambda count: [(n - 1, n) for n in range(1, count)],
    "skips": lambda count: [(n - d, n) for n in range(count) for d in (1, 7, 13) if n >= d],
    "layers": lambda count: layers(count, 6),
    "wide layers": lambda count: layers(count, 20),
    "fan": lambda count: [pair for n in range(1, count - 1) for pair in ((0, n), (n, count - 1))],
    "gathering": lambda count: [(n, count - 1) for n in range(count - 1)],
    "tree": lambda count: [((n - 1) // 3, n) for n in range(1, count)],
    "loose": lambda count: [],
}


def woven(count: int, groups: int) -> Picture:
    """A graph as assets make it: each from one or two of the last thirty, in groups."""
    chance = random.Random(2)
    cards = tuple(
        Card(f"n{n}", f"asset_{n}", "pandas", shape="asset", group=(f"group{n * groups // count}",))
        for n in range(count)
    )
    edges = dict.fromkeys(
        Edge(f"n{chance.randrange(max(0, n - 30), n)}", f"n{n}")
        for n in range(1, count)
        for _ in range(chance.choice([1, 1, 2]))
    )
    return Picture("woven", cards, tuple(edges))


def every_state() -> Picture:
    """One card in each state, in groups, with long names, durations and every kind of edge."""
    cards = tuple(
        Card(
            status.value,
            f"a_rather_long_name_for_{status.value}_{'x' * (10 * place)}",
            "pandas",
            "DataFrame",
            group=("left", "inner") if place % 3 == 0 else ("right",) if place % 3 == 1 else (),
            tooltip="docs",
        )
        for place, status in enumerate(Status)
    )
    kinds = ("data", "nothing", "dynamic", "missing")
    edges = tuple(
        Edge(start.key, end.key, "an_output_name" if place % 2 else "", kinds[place % 4])
        for place, (start, end) in enumerate(itertools.pairwise(cards))
    )
    marks = {
        status.value: Mark(status, "336,776 rows × 19 columns", "12 m 32 s") for status in Status
    }
    return Picture("every state", cards, edges, (), marks)
