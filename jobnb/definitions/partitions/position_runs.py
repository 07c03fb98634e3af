"""Sets of positions, stored as sorted runs."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from operator import itemgetter

Run = tuple[int, int]

_START = itemgetter(0)


class PositionRuns:
    """A frozen set of positions: sorted, separate runs `(start, end)`, ends excluded.

    Args:
        runs: Runs in any order; they may touch, overlap and be empty.

    Union, intersection and difference take time linear in the number of runs; membership, rank and
    the nth position take logarithmic time.

    Example:
        >>> weekdays = PositionRuns([(0, 5), (7, 12)])
        >>> weekdays.count, 5 in weekdays, (weekdays & PositionRuns([(4, 9)])).runs
        (10, False, ((4, 5), (7, 9)))
    """

    __slots__ = ("_before", "runs")

    def __init__(self, runs: Iterable[Run] = ()) -> None:
        self.runs = _merged(runs)
        self._before: list[int] | None = None

    @classmethod
    def of(cls, positions: Iterable[int]) -> PositionRuns:
        """Return the set of some positions, in any order."""
        return cls((position, position + 1) for position in positions)

    @property
    def _counts(self) -> list[int]:
        """The number of positions before each run, and the total."""
        if self._before is None:
            self._before = list(accumulate((end - start for start, end in self.runs), initial=0))
        return self._before

    @property
    def count(self) -> int:
        """The number of positions in the set."""
        return self._counts[-1]

    def __bool__(self) -> bool:
        return bool(self.runs)

    def __iter__(self) -> Iterator[int]:
        for start, end in self.runs:
            yield from range(start, end)

    def __contains__(self, position: int) -> bool:
        place = bisect_right(self.runs, position, key=_START) - 1
        return place >= 0 and position < self.runs[place][1]

    def rank(self, position: int) -> int:
        """Return how many positions of the set are before this one."""
        place = bisect_right(self.runs, position, key=_START) - 1
        if place < 0:
            return 0
        start, end = self.runs[place]
        return self._counts[place] + min(position, end) - start

    def nth(self, index: int) -> int:
        """Return the position at an index, from 0.

        Raises:
            IndexError: If there are not that many.
        """
        if not 0 <= index < self.count:
            raise IndexError(index)
        place = bisect_right(self._counts, index) - 1
        return self.runs[place][0] + index - self._counts[place]

    def between(self, start: int, end: int) -> PositionRuns:
        """Return the part from `start` up to but not including `end`."""
        if start >= end:
            return NO_POSITIONS
        first = max(0, bisect_right(self.runs, start, key=_START) - 1)
        last = bisect_right(self.runs, end - 1, key=_START)
        return PositionRuns((max(a, start), min(b, end)) for a, b in self.runs[first:last])

    def __or__(self, other: PositionRuns) -> PositionRuns:
        return PositionRuns((*self.runs, *other.runs))

    def __and__(self, other: PositionRuns) -> PositionRuns:
        return PositionRuns(_common(self.runs, other.runs))

    def __sub__(self, other: PositionRuns) -> PositionRuns:
        if not self.runs or not other.runs:
            return self
        return PositionRuns(
            _common(self.runs, _gaps(other.runs, self.runs[0][0], self.runs[-1][1]))
        )

    def __eq__(self, other: object) -> bool:
        return self.runs == other.runs if isinstance(other, PositionRuns) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.runs)

    def __repr__(self) -> str:
        return f"PositionRuns({list(self.runs)!r})"


def _merged(runs: Iterable[Run]) -> tuple[Run, ...]:
    """Sort runs, drop empty ones, and join those that touch."""
    found: list[Run] = []
    for start, end in sorted(runs):
        if start >= end:
            continue
        if found and start <= found[-1][1]:
            if end > found[-1][1]:
                found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return tuple(found)


def _common(some: tuple[Run, ...], others: Iterable[Run]) -> Iterator[Run]:
    place = 0
    for start, end in others:
        while place < len(some) and some[place][1] <= start:
            place += 1
        at = place
        while at < len(some) and some[at][0] < end:
            yield max(start, some[at][0]), min(end, some[at][1])
            at += 1
        place = max(place, at - 1)  # The last gap may reach into the next run.


def _gaps(runs: tuple[Run, ...], start: int, end: int) -> Iterator[Run]:
    """Iterate over the parts of a stretch that no run covers."""
    for begin, after in runs:
        if begin > start:
            yield start, min(begin, end)
        start = max(start, after)
        if start >= end:
            return
    yield start, end


def joined(sets: Iterable[PositionRuns]) -> PositionRuns:
    """Return the union of several sets."""
    return PositionRuns(run for each in sets for run in each.runs)


NO_POSITIONS = PositionRuns()
"""The set without any position."""


def rows(positions: PositionRuns, width: int) -> list[tuple[PositionRuns, PositionRuns]]:
    """Split positions into rows: sets of row numbers, with the same positions inside.

    Args:
        positions: The set.
        width: The number of positions of a row.
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
    """Join rows with the same content."""
    groups: dict[tuple[Run, ...], list[Run]] = {}
    for row, runs in parts.items():
        groups.setdefault(tuple(runs), []).append((row, row + 1))
    filled = PositionRuns(whole)
    if filled:
        groups[((0, width),)] = list(filled.runs)
    return [(PositionRuns(outer), PositionRuns(inner)) for inner, outer in groups.items()]


def blocks(positions: PositionRuns, sizes: Sequence[int]) -> Iterator[tuple[PositionRuns, ...]]:
    """Split positions into blocks, each a product of a set for each dimension.

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
    """Return the positions of a block: the product of a set for each dimension.

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
