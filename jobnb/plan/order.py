"""The order of the steps, and which of them run for each element of a dynamic output."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from heapq import heappop, heappush

from jobnb.errors import InvalidDefinitionError
from jobnb.plan.flatten import Edge, FlatNode


def topological(
    upstream: Sequence[Sequence[int]],
    regions: Sequence[int | None],
    name: Callable[[int], str],
) -> list[int]:
    """Return step numbers so that each comes after those upstream, otherwise in their own order.

    Steps of one region (mapped over the same dynamic output) stay together where they can, so
    that an element goes through all of them before the next one starts.

    Raises:
        InvalidDefinitionError: If steps wait for each other in a circle; the message names it.
    """
    count = len(upstream)
    missing = [0] * count
    downstream: list[list[int]] = [[] for _ in range(count)]
    for index, ups in enumerate(upstream):
        missing[index] = len(ups)
        for up in ups:
            downstream[up].append(index)
    # One heap of ready steps for each region, so that the current region can be finished first.
    ready: dict[int | None, list[int]] = {None: []}
    for index in range(count):
        if not missing[index]:
            heappush(ready.setdefault(regions[index], []), index)
    order: list[int] = []
    region: int | None = None
    while True:
        # Steps outside of any region come before another region: they may complete what it waits
        # for.
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
    """Return a circle among steps that all wait, with the first step again at its end."""
    index = min(among)
    seen: dict[int, int] = {}
    walk: list[int] = []
    while index not in seen:
        seen[index] = len(walk)
        walk.append(index)
        # Every step left waits for another one that is left, so following these must return to
        # one.
        index = next(up for up in upstream[index] if up in among)
    circle = walk[seen[index] :]
    return [*reversed(circle), circle[-1]]


def group_regions(
    order: Sequence[int], regions: Sequence[int | None]
) -> tuple[tuple[int, ...], ...]:
    """Return the order, with neighbors of one region in one tuple."""
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


def output_edges(edge: Edge) -> Iterator[Edge]:
    """Iterate over the edges from outputs that an edge consists of."""
    if edge.kind in ("output", "collect"):
        yield edge
    elif edge.kind == "many":
        for item in edge.items:
            yield from output_edges(item)


def regions_of(
    nodes: Sequence[FlatNode],
    index_of: dict[str, int],
    slots: dict[tuple[str, str], int],
    order: Sequence[int],
) -> list[int | None]:
    """Return for each step the slot of the dynamic output it is mapped over, or None.

    Raises:
        InvalidDefinitionError: If a step would be mapped over two dynamic outputs, or yields
            a dynamic output while it is mapped; lists every problem.
    """
    regions: list[int | None] = [None] * len(nodes)
    problems: list[str] = []
    for index in order:
        flat = nodes[index]
        found: set[int] = set()
        for name, edge in flat.edges.items():
            for each in output_edges(edge):
                region = _mapped_over(each, nodes, index_of, slots, regions)
                if each.kind == "collect":
                    continue
                if region is not None and edge.kind == "many":
                    problems.append(_fan_in_problem(flat, name, each))
                elif region is not None:
                    found.add(region)
        if len(found) > 1:
            problems.append(_crossed(flat, found, slots))
        regions[index] = min(found) if found else None
        if found and any(
            flat.node.definition.is_dynamic(o) for o in flat.node.definition.output_names
        ):
            problems.append(_nested(flat))
    if problems:
        raise InvalidDefinitionError("\n".join(problems))
    return regions


def _mapped_over(
    edge: Edge,
    nodes: Sequence[FlatNode],
    index_of: dict[str, int],
    slots: dict[tuple[str, str], int],
    regions: Sequence[int | None],
) -> int | None:
    source = index_of.get(edge.step)
    if source is None:  # The step upstream is not selected.
        return None
    if nodes[source].node.definition.is_dynamic(edge.output):
        return slots[edge.step, edge.output]
    return regions[source]


def _fan_in_problem(flat: FlatNode, input_name: str, edge: Edge) -> str:
    return (
        f"The input {input_name!r} of {'.'.join(flat.path)!r} fans in {edge.step!r}, which is "
        "mapped over a dynamic output. Collect it first: .collect()."
    )


def _crossed(flat: FlatNode, found: set[int], slots: dict[tuple[str, str], int]) -> str:
    names = " and ".join(step for (step, _), slot in slots.items() if slot in found)
    return (
        f"{'.'.join(flat.path)!r} takes elements of two dynamic outputs, of {names}. "
        "Collect one of them: .collect()."
    )


def _nested(flat: FlatNode) -> str:
    return (
        f"{'.'.join(flat.path)!r} is mapped over a dynamic output and has a dynamic output itself. "
        "Collect the first: .collect()."
    )
