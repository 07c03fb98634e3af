"""Positions in a table: an outer position for the row, an inner one within it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from jobnb.definitions.partitions.position_runs import PositionRuns

__all__ = ["block", "blocks", "rows"]

Run = tuple[int, int]


def rows(positions: PositionRuns, width: int) -> list[tuple[PositionRuns, PositionRuns]]:
    """A set of positions as rows: which rows hold the same inner positions, and which those are.

    Args:
        positions: The set.
        width: How many positions a row has room for.
    """
    whole: list[Run] = []
    parts: dict[int, list[Run]] = {}
    for start, end in positions.runs:
        (first, begin), (last, until) = divmod(start, width), divmod(end - 1, width)
        if first < last and begin:
            parts.setdefault(first, []).append((begin, width))
            first, begin = first + 1, 0
        if until < width - 1:
            parts.setdefault(last, []).append((begin if first == last else 0, until + 1))
            last -= 1
        elif begin:
            parts.setdefault(last, []).append((begin, width))
            last -= 1
        whole.append((first, last + 1))
    return _grouped(whole, parts, width)


def _grouped(
    whole: list[Run], parts: dict[int, list[Run]], width: int
) -> list[tuple[PositionRuns, PositionRuns]]:
    """Rows with the same content in one."""
    groups: dict[tuple[Run, ...], list[Run]] = {}
    for row, runs in parts.items():
        groups.setdefault(tuple(runs), []).append((row, row + 1))
    filled = PositionRuns(whole)
    if filled:
        groups[((0, width),)] = list(filled.runs)
    return [(PositionRuns(outer), PositionRuns(inner)) for inner, outer in groups.items()]


def blocks(positions: PositionRuns, sizes: Sequence[int]) -> Iterator[tuple[PositionRuns, ...]]:
    """A set of positions as blocks: each has a set for each dimension, and holds their product.

    Args:
        positions: The set.
        sizes: For each dimension but the first, outermost first, how many positions there are.
    """
    if not sizes:
        yield (positions,)
        return
    width = 1
    for size in sizes:
        width *= size
    for outer, inner in rows(positions, width):
        for rest in blocks(inner, sizes[1:]):
            yield (outer, *rest)


def block(dimensions: Sequence[PositionRuns], sizes: Sequence[int]) -> PositionRuns:
    """The positions of a block: the product of a set for each dimension.

    Args:
        dimensions: The sets, outermost first.
        sizes: For each dimension but the first, how many positions there are.
    """
    found, width = dimensions[-1], 1
    for outer, size in zip(reversed(dimensions[:-1]), reversed(sizes), strict=True):
        width *= size
        found = PositionRuns(_product(outer, found, width))
    return found


def _product(outer: PositionRuns, inner: PositionRuns, width: int) -> Iterator[Run]:
    if inner.runs == ((0, width),):
        for start, end in outer.runs:
            yield start * width, end * width
        return
    for row in outer:
        for start, end in inner.runs:
            yield row * width + start, row * width + end
