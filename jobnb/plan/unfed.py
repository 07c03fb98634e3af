"""What is said of an input that nothing feeds."""

from __future__ import annotations

from jobnb.definitions.ops.inout import In
from jobnb.plan.flatten import Edge
from jobnb.plan.regions import output_edges

__all__ = ["unfed"]


def unfed(step: str, name: str, definition: In, edge: Edge | None) -> str:
    """The problem in words, with what can be done.

    Args:
        step: The key of the step.
        name: The name of the input.
        definition: What the op says of it.
        edge: Where it should come from, if anything was said.
    """
    loads = definition.dagster_type.loader is not None
    path = " > ".join(
        (*(part for name in step.split(".") for part in ("ops", name)), "inputs", name)
    )
    from_config = f", or set it in the run config at {path}" if loads else ""
    graph_input = _graph_input(edge)
    if graph_input is not None:
        at_top = f", or set it in the run config at inputs > {graph_input}" if loads else ""
        return (
            f"The input {graph_input!r} of the graph has no value, and {step!r} takes it as "
            f'{name!r}. Pass input_values={{"{graph_input}": ...}}{at_top}.'
        )
    if edge is not None:
        where = ", ".join(dict.fromkeys(each.step for each in output_edges(edge)))
        return (
            f"The input {name!r} of {step!r} comes from {where}, which is not selected. "
            f"Select it too{from_config}."
        )
    if name == "config":
        return (
            f"{step!r} takes 'config' without saying of what type, so it counts as an input, and "
            "nothing feeds it. Annotate it with a Config class to take config."
        )
    return (
        f"The input {name!r} of {step!r} is fed by nothing. "
        f"Pass it an output, give it a default{from_config}."
    )


def _graph_input(edge: Edge | None) -> str | None:
    """The input of the whole graph that an edge comes from."""
    if edge is None:
        return None
    if edge.kind == "graph_input":
        return edge.output
    return next((item.output for item in edge.items if item.kind == "graph_input"), None)
