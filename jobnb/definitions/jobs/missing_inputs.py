"""Inputs of a job that nothing can ever feed: seen as soon as it is written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jobnb.definitions.ops.dependency import GraphInput
from jobnb.definitions.ops.graph_definition import GraphDefinition
from jobnb.definitions.ops.op import OpDefinition
from jobnb.definitions.types import Nothing
from jobnb.errors import UnfedInputError


def check_fed(graph: GraphDefinition, words: str) -> None:
    """Raise an error unless each input of the ops of a job can get a value.

    An input that nothing feeds may still come from the run config, from its own manager or from its
    default; one whose type cannot be loaded from config and that has neither can never run. An
    input of the whole graph may get its value when the job runs.

    Args:
        graph: The graph of the job.
        words: The job in words, for the error.

    Raises:
        UnfedInputError: If some cannot; names all of them.
    """
    problems = unfed_inputs(graph)
    if problems:
        raise UnfedInputError(f"{words} cannot run:\n  " + "\n  ".join(problems))


def unfed_inputs(graph: GraphDefinition) -> list[str]:
    """Describe the inputs in a graph that can never get a value; its own may get one."""
    return list(_unfed(graph, (), frozenset(graph.input_names)))


def _unfed(graph: GraphDefinition, path: tuple[str, ...], fed: frozenset[str]) -> Iterator[str]:
    for name, node in graph.node_map.items():
        definition, edges = node.definition, graph.dependencies.get(name, {})
        fed_here = [
            each
            for each, edge in edges.items()
            if not isinstance(edge, GraphInput) or edge.name in fed
        ]
        if isinstance(definition, GraphDefinition):
            yield from _unfed(definition, (*path, name), frozenset(fed_here))
        elif isinstance(definition, OpDefinition) and len(fed_here) < len(definition.input_names):
            yield from _of_op(definition, ".".join((*path, name)), fed_here)


def _of_op(op: OpDefinition[..., Any], where: str, fed: list[str]) -> Iterator[str]:
    for name, each in op.ins.items():
        if name in fed or each.has_default or each.input_manager_key is not None:
            continue
        kind = each.dagster_type
        if kind.loader is None and kind is not Nothing:
            yield (
                f"The input {name!r} of {where!r} is fed by nothing, and a value of type "
                f"{kind.display_name!r} cannot come from the run config. Pass it an output, give "
                "it a default, or make it a parameter of the job."
            )
