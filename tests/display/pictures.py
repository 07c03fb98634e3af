"""Pictures made by hand, for the tests of this room."""

from __future__ import annotations

import itertools
import random

from jobnb.display.picture import Card, Edge, Mark, Picture, Status


def chain(count: int) -> Picture:
    cards = tuple(Card(f"s{n}", f"step_{n}") for n in range(count))
    edges = tuple(Edge(f"s{n}", f"s{n + 1}") for n in range(count - 1))
    return Picture("chain", cards, edges)


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
