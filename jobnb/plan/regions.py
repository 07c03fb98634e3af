"""Which steps are mapped over which dynamic output."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from jobnb.errors import InvalidDefinitionError
from jobnb.plan.flatten import Edge, FlatNode

__all__ = ["output_edges", "regions_of"]


def output_edges(edge: Edge) -> Iterator[Edge]:
    """The edges from outputs that an edge is made of."""
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
    """For each step the slot of the dynamic output it is mapped over, or None.

    Raises:
        InvalidDefinitionError: If a step would be mapped over two dynamic outputs, or yields
            a dynamic output while it is mapped; all problems at once.
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
    if source is None:  # it is not selected
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
