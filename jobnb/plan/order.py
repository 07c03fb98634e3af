"""In which order steps run, and which of them run together for each element of a dynamic output."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import heappop, heappush

from jobnb.errors import InvalidDefinitionError

__all__ = ["find_cycle", "group_regions", "topological"]


def topological(
    upstream: Sequence[Sequence[int]],
    regions: Sequence[int | None],
    name: Callable[[int], str],
) -> list[int]:
    """Step numbers so that each comes after those upstream, otherwise in their own order.

    Steps of one region (mapped over the same dynamic output) stay together where they can, so
    that an element goes through all of them before the next one starts.

    Raises:
        InvalidDefinitionError: If steps wait for each other in a circle; it is named.
    """
    count = len(upstream)
    missing = [0] * count
    downstream: list[list[int]] = [[] for _ in range(count)]
    for index, ups in enumerate(upstream):
        missing[index] = len(ups)
        for up in ups:
            downstream[up].append(index)
    ready: dict[int | None, list[int]] = {None: []}
    for index in range(count):
        if not missing[index]:
            heappush(ready.setdefault(regions[index], []), index)
    order: list[int] = []
    region: int | None = None
    while True:
        heap = ready.get(region) or ready[None] or next(filter(None, ready.values()), None)
        if not heap:
            break
        index = heappop(heap)
        region = regions[index]
        order.append(index)
        for down in downstream[index]:
            missing[down] -= 1
            if not missing[down]:
                heappush(ready.setdefault(regions[down], []), down)
    if len(order) < count:
        circle = find_cycle(upstream, set(range(count)) - set(order))
        raise InvalidDefinitionError(
            "These wait for each other in a circle: "
            + " -> ".join(name(index) for index in circle)
            + ". Take one of the dependencies out."
        )
    return order


def find_cycle(upstream: Sequence[Sequence[int]], among: set[int]) -> list[int]:
    """A circle among steps that all wait: the first step again at its end."""
    index = min(among)
    seen: dict[int, int] = {}
    walk: list[int] = []
    while index not in seen:
        seen[index] = len(walk)
        walk.append(index)
        index = next(up for up in upstream[index] if up in among)
    circle = walk[seen[index] :]
    return [*reversed(circle), circle[-1]]


def group_regions(
    order: Sequence[int], regions: Sequence[int | None]
) -> tuple[tuple[int, ...], ...]:
    """The order, with neighbours of one region in one tuple."""
    groups: list[list[int]] = []
    last: int | None = None
    for index in order:
        region = regions[index]
        if region is not None and region == last:
            groups[-1].append(index)
        else:
            groups.append([index])
        last = region
    return tuple(tuple(group) for group in groups)
