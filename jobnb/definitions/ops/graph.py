"""The `@graph` decorator: compose ops and graphs into a graph."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, overload

from jobnb.definitions.announce import announce
from jobnb.definitions.arguments import check_dict, check_shapes, telling_nearest
from jobnb.definitions.ops.composition import compose, output_mappings
from jobnb.definitions.ops.dependency import (
    Dependency,
    GraphIn,
    GraphInput,
    GraphOut,
    InputMapping,
    MultiDependencyDefinition,
)
from jobnb.definitions.ops.function import Function
from jobnb.definitions.ops.graph_checks import check_dynamic, check_lists
from jobnb.definitions.ops.graph_definition import GraphDefinition
from jobnb.definitions.ops.node import Node
from jobnb.definitions.plain import docstring
from jobnb.errors import InvalidDefinitionError, did_you_mean


def read_graph(
    fn: Callable[..., Any],
    name: str | None,
    description: str | None,
    ins: Mapping[str, GraphIn] | None,
    out: GraphOut | Mapping[str, GraphOut] | None,
    tags: Mapping[str, Any] | None,
    config: Any,
) -> GraphDefinition:
    """Compose the graph of a function."""
    name = name or fn.__name__
    names = Function(fn).parameters
    for each in ins or {}:
        if each not in names:
            hint = did_you_mean(each, names, noun="It takes")
            raise InvalidDefinitionError(
                f"{name!r} declares an input {each!r} that its function does not take. {hint}"
            )
    declared = {"result": out} if isinstance(out, GraphOut) else out
    declared = check_dict(declared, "out", f"graph {name!r}", "GraphOut by name, or one GraphOut")
    composition, returned = compose(name, fn, names)
    described = {k: v.description for k, v in declared.items()} if declared else None
    mappings = output_mappings(name, returned, described)
    nodes = {key: Node(key, *parts) for key, parts in composition.nodes.items()}
    if composition.is_dynamic:
        check_dynamic(name, nodes, composition.dependencies)
    check_lists(name, nodes, composition.dependencies)
    taken = _input_mappings(composition.dependencies)
    _see_all_taken(name, names, taken)
    made = GraphDefinition(
        name,
        description or docstring(fn),
        config=config,
        tags=tags,
        output_mappings=mappings,
        input_mappings=taken,
        graph_ins=names,
        placed=(nodes, composition.dependencies),
    )
    made.__doc__ = fn.__doc__
    return made


def _see_all_taken(name: str, inputs: Iterable[str], taken: Iterable[InputMapping]) -> None:
    """Raise an error for a parameter of a composing function that feeds nothing.

    Raises:
        InvalidDefinitionError: If one does not.
    """
    used = {mapping.graph_input_name for mapping in taken}
    left = [each for each in inputs if each not in used]
    if left:
        names = ", ".join(map(repr, left))
        raise InvalidDefinitionError(
            f"The graph {name!r} takes {names} and hands it to nothing. Pass it to an op, or take "
            "the parameter out."
        )


def _input_mappings(dependencies: Mapping[str, Mapping[str, Dependency]]) -> list[InputMapping]:
    found = []
    for node, edges in dependencies.items():
        for input_name, edge in edges.items():
            if isinstance(edge, GraphInput):
                found.append(InputMapping(edge.name, node, input_name))
            elif isinstance(edge, MultiDependencyDefinition):
                found += [
                    InputMapping(one.name, node, input_name, fan_in_index=index)
                    for index, one in enumerate(edge.dependencies)
                    if isinstance(one, GraphInput)
                ]
    return found


@overload
def graph(compose_fn: Callable[..., Any]) -> GraphDefinition: ...
@overload
def graph(
    compose_fn: None = None,
    *,
    name: str | None = None,
    description: str | None = None,
    input_defs: Iterable[Any] | None = None,
    output_defs: Iterable[Any] | None = None,
    ins: Mapping[str, GraphIn] | None = None,
    out: GraphOut | Mapping[str, GraphOut] | None = None,
    tags: Mapping[str, Any] | None = None,
    config: Any = None,
) -> Callable[[Callable[..., Any]], GraphDefinition]: ...
@telling_nearest
def graph(
    compose_fn: Callable[..., Any] | None = None,
    *,
    name: str | None = None,
    description: str | None = None,
    input_defs: Iterable[Any] | None = None,
    output_defs: Iterable[Any] | None = None,
    ins: Mapping[str, GraphIn] | None = None,
    out: GraphOut | Mapping[str, GraphOut] | None = None,
    tags: Mapping[str, Any] | None = None,
    config: Any = None,
) -> Any:
    """Define a graph with a function that calls ops and graphs.

    Args:
        compose_fn: The function; its parameters are the inputs of the graph.
        name: The name; that of the function if not given.
        description: A description; the function's docstring if not given.
        input_defs: Not used: the function's parameters are the inputs.
        output_defs: Not used: give `out`.
        ins: The declarations of inputs, by name.
        out: The declaration of the output, or of several by name.
        tags: Strings by name, or values that can be JSON.
        config: A `ConfigMapping`, or a dict of config for the nodes.

    Example:
        >>> from jobnb import graph, op
        >>> @op
        ... def add_one(number):
        ...     return number + 1
        >>> @graph
        ... def add_two(number):
        ...     return add_one(add_one(number))
        >>> add_two.execute_in_process(input_values={"number": 5}).output_value()
        7

    Source: Dagster's `@graph`.
    """

    def decorate(fn: Callable[..., Any]) -> GraphDefinition:
        if input_defs or output_defs:
            raise InvalidDefinitionError(
                f"{fn.__name__!r}: input_defs and output_defs are of an older API. "
                "Use ins={...} and out={...}."
            )
        check_shapes("graph", name or fn.__name__, description=description, ins=ins)
        made = read_graph(fn, name, description, ins, out, tags, config)
        announce(made, fn.__module__)
        return made

    return decorate(compose_fn) if compose_fn is not None else decorate
