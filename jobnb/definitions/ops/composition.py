"""Composition: calling ops inside a composing function adds nodes and edges to a graph."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from jobnb.definitions.ops.dependency import (
    AssetDependency,
    CollectDependency,
    Dependency,
    DependencyDefinition,
    GraphInput,
    MultiDependencyDefinition,
    OutputMapping,
    StoredInput,
    ValueDependency,
)
from jobnb.errors import InvalidDefinitionError, NoValueYetError, did_you_mean

if TYPE_CHECKING:
    from jobnb.definitions.ops.hook import HookDefinition
    from jobnb.definitions.ops.node import NodeDefinition, PendingNodeInvocation
    from jobnb.definitions.ops.retry import RetryPolicy


_CONSTANTS = (str, int, float, bool, type(None), bytes)


class OutputHandle:
    """An output of a node, while a graph is composed."""

    __slots__ = ("node_name", "output_name")

    def __init__(self, node_name: str, output_name: str) -> None:
        self.node_name = node_name
        self.output_name = output_name

    def _refuse(self, what: str) -> NoValueYetError:
        return NoValueYetError(
            f"The output {self.output_name!r} of {self.node_name!r} has no value while the graph "
            f"is composed, so it cannot {what}. Do that inside an op."
        )

    def __iter__(self) -> Any:
        raise self._refuse("be iterated over or unpacked")

    def __bool__(self) -> bool:
        raise self._refuse("be tested")

    def __getitem__(self, key: Any) -> Any:
        raise self._refuse("be indexed")

    def _too_late(self, *_: Any, **__: Any) -> Any:
        raise NoValueYetError(
            f"{self.node_name!r} has been invoked already: this is its output "
            f"{self.output_name!r}. Give an op its alias, tags, hooks or retry policy before it "
            "is called: my_op.alias('name')()."
        )

    alias = tag = with_hooks = with_retry_policy = _too_late

    def __getattr__(self, name: str) -> Any:
        hint = " Only a dynamic output has it: out=DynamicOut()." if name in _OF_DYNAMIC else ""
        raise AttributeError(
            f"The output {self.output_name!r} of {self.node_name!r} has no {name!r}.{hint}"
        )

    def __repr__(self) -> str:
        return f"<output {self.output_name!r} of {self.node_name!r}>"


_OF_DYNAMIC = ("map", "collect")


class DynamicHandle(OutputHandle):
    """All elements of a dynamic output, or of a node mapped over it.

    Source: Dagster's dynamic graphs.
    """

    __slots__ = ()

    def map(self, fn: Callable[[OutputHandle], Any]) -> Any:
        """Apply a composing function to each element; return handles to map or collect again."""
        return _dynamic(fn(OutputHandle(self.node_name, self.output_name)))

    def collect(self) -> Collected:
        """Return a handle of all elements as one list, in the order in which they were yielded."""
        return Collected(self.node_name, self.output_name)


class Collected(OutputHandle):
    """The list of all elements of a dynamic output."""

    __slots__ = ()


class InputHandle:
    """An input of the graph that is composed."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __iter__(self) -> Any:
        raise NoValueYetError(
            f"The graph input {self.name!r} has no value while the graph is composed, "
            "so it cannot be iterated over. Do that inside an op."
        )

    def __repr__(self) -> str:
        return f"<graph input {self.name!r}>"


class Outputs(tuple[Any, ...]):  # noqa: SLOT001 its names stand in its __dict__
    """The handles of a node with several outputs: unpack them, or take one by its name."""

    names: tuple[str, ...]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        names: tuple[str, ...] = self.__dict__.get("names", ())
        if name in names:
            return self[names.index(name)]
        hint = did_you_mean(name, names, noun="The outputs are")
        raise AttributeError(f"There is no output {name!r} here. {hint}")


def _dynamic(result: Any) -> Any:
    """Return the handles of a mapped node as handles of all its elements."""
    if isinstance(result, OutputHandle):
        return DynamicHandle(result.node_name, result.output_name)
    if isinstance(result, Outputs):
        return _outputs((_dynamic(one) for one in result), result.names)
    if isinstance(result, (tuple, list)):
        return tuple(_dynamic(one) for one in result)
    if isinstance(result, dict):
        return {name: _dynamic(one) for name, one in result.items()}
    if result is None:
        return None
    raise InvalidDefinitionError(
        f"The function given to map returned {result!r}. Return the output of an op, "
        "or a tuple or dict of such outputs."
    )


def _outputs(handles: Iterable[Any], names: tuple[str, ...]) -> Outputs:
    outputs = Outputs(handles)
    outputs.names = names
    return outputs


class Composition:
    """The nodes and edges of the graph that is composed."""

    def __init__(self, graph_name: str) -> None:
        self.graph_name = graph_name
        self.nodes: dict[str, tuple[Any, ...]] = {}
        self.dependencies: dict[str, dict[str, Dependency]] = {}
        self._uses: dict[str, int] = {}
        self.is_dynamic = False
        self.pending: dict[int, PendingNodeInvocation] = {}

    def _unique(self, name: str, named: bool, definition: NodeDefinition) -> str:
        if name not in self.nodes:
            return name
        if named:
            raise InvalidDefinitionError(
                f"{self.graph_name!r} has two nodes called {name!r}. "
                f"Give one another alias: {definition.name}.alias('another_name')."
            )
        count = self._uses.get(name, 1) + 1
        while f"{name}_{count}" in self.nodes:
            count += 1
        self._uses[name] = count
        return f"{name}_{count}"

    def invoke(
        self,
        definition: NodeDefinition,
        name: str,
        named: bool,
        tags: Mapping[str, str],
        hooks: frozenset[HookDefinition],
        retry_policy: RetryPolicy | None,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        """Add a node with its edges, and return the handles of its outputs."""
        name = self._unique(name, named, definition)
        edges = self._bind(definition, name, args, kwargs)
        self.nodes[name] = (definition, tags, hooks, retry_policy)
        self.dependencies[name] = edges
        outs = definition.output_names
        if len(outs) == 1:
            return self._handle(definition, name, outs[0])
        if not outs:
            return None
        return _outputs((self._handle(definition, name, out) for out in outs), outs)

    def _handle(self, definition: NodeDefinition, name: str, output: str) -> OutputHandle:
        if not definition.is_dynamic(output):
            return OutputHandle(name, output)
        self.is_dynamic = True
        return DynamicHandle(name, output)

    def _bind(
        self,
        definition: NodeDefinition,
        name: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> dict[str, Dependency]:
        names = definition.input_names
        if len(args) > len(names):
            raise InvalidDefinitionError(
                f"{name!r} in {self.graph_name!r} is given {len(args)} inputs "
                f"but takes {len(names)}: {', '.join(names) or 'none'}."
            )
        given = dict(zip(names, args, strict=False)) if args else {}
        for key, value in kwargs.items():
            if key not in names:
                hint = did_you_mean(key, names, noun="Its inputs are")
                raise InvalidDefinitionError(f"{name!r} has no input {key!r}. {hint}")
            if key in given:
                raise InvalidDefinitionError(f"{name!r} is given its input {key!r} twice.")
            given[key] = value
        return {key: self._edge(value, key, name) for key, value in given.items()}

    def _edge(self, value: Any, input_name: str, node: str) -> Dependency:
        # The most common type first: this runs once for each edge of every graph.
        kind = type(value)
        if kind is OutputHandle:
            return DependencyDefinition(value.node_name, value.output_name)
        if kind is InputHandle:
            return GraphInput(value.name)
        if kind is Collected:
            return CollectDependency(value.node_name, value.output_name)
        if kind is DynamicHandle:
            raise InvalidDefinitionError(
                f"The input {input_name!r} of {node!r} is given the dynamic output "
                f"{value.output_name!r} of {value.node_name!r} as a whole. Use .map(...) to pass "
                "each element, or .collect() to pass the list of all."
            )
        if isinstance(value, (list, tuple)) and not isinstance(value, Outputs):
            return self._fan_in(value, input_name, node)
        if isinstance(value, (*_CONSTANTS, dict)):
            return ValueDependency(value)
        if isinstance(value, StoredInput):
            return AssetDependency(value)
        raise InvalidDefinitionError(
            f"The input {input_name!r} of {node!r} is given {value!r}. Pass the output of an op, "
            "an input of the graph, a list of these, or a constant."
            + (" Pick one of the outputs by its name." if isinstance(value, Outputs) else "")
        )

    def _fan_in(self, values: Iterable[Any], input_name: str, node: str) -> Dependency:
        items = list(values)
        if not any(isinstance(one, (OutputHandle, InputHandle)) for one in items):
            return ValueDependency(items)
        edges = [self._edge(one, input_name, node) for one in items]
        flat = [
            edge
            for edge in edges
            if not isinstance(edge, (MultiDependencyDefinition, AssetDependency))
        ]
        if len(flat) != len(edges):
            raise InvalidDefinitionError(
                f"The input {input_name!r} of {node!r} is given a list that holds lists or source "
                "assets. Fan in one list of outputs, or let an op put the parts together."
            )
        return MultiDependencyDefinition(flat)


_current: ContextVar[Composition | None] = ContextVar("jobnb_composition", default=None)


def current() -> Composition | None:
    """Return the active composition, or None."""
    return _current.get()


def compose(
    graph_name: str, fn: Callable[..., Any], input_names: Iterable[str]
) -> tuple[Composition, Any]:
    """Call a composing function with a handle for each input; return composition and result."""
    composition = Composition(graph_name)
    token = _current.set(composition)
    try:
        returned = fn(**{name: InputHandle(name) for name in input_names})
    finally:
        _current.reset(token)
    for each in composition.pending.values():
        warnings.warn(
            f"{graph_name!r} names a use of {each.node_def.name!r} that is not invoked "
            f"(an uninvoked {each.name!r}): it does not run. Call it: {each.name}(...).",
            stacklevel=_outside(),
        )
    return composition, returned


def _outside() -> int:
    """Return the `stacklevel` with which a warning of the caller points at the user's own line."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").startswith("jobnb."):
        level, frame = level + 1, frame.f_back
    return level


def output_mappings(
    graph_name: str, returned: Any, declared: Mapping[str, str | None] | None
) -> list[OutputMapping]:
    """Return the outputs of a graph, from the result of its function.

    Args:
        graph_name: The name of the graph, for errors.
        returned: A handle, a tuple of handles, or a dict of them by output name.
        declared: Descriptions by output name, where the graph declares its outputs.

    Raises:
        InvalidDefinitionError: If the two do not fit.
    """
    if returned is None or (isinstance(returned, tuple) and not returned):
        if declared:
            raise InvalidDefinitionError(
                f"{graph_name!r} declares the outputs {', '.join(declared)} but returns nothing."
            )
        return []
    named = _name_outputs(graph_name, returned, list(declared) if declared else None)
    described = declared or {}
    return [_output_mapping(graph_name, name, h, described.get(name)) for name, h in named.items()]


def _name_outputs(graph_name: str, returned: Any, names: list[str] | None) -> dict[str, Any]:
    if isinstance(returned, OutputHandle):
        returned = {names[0] if names else "result": returned}
    elif isinstance(returned, Outputs):
        returned = dict(zip(names or returned.names, returned, strict=False))
    elif isinstance(returned, tuple) and names:
        returned = dict(zip(names, returned, strict=False))
    elif isinstance(returned, tuple) and all(_is_one_output(each) for each in returned):
        returned = {"result": returned[0]}  # as Dagster reads it: one output is declared
    if not isinstance(returned, dict):
        raise InvalidDefinitionError(
            f"{graph_name!r} returns {returned!r}. Return the output of an op, a dict of outputs "
            "by name, or a tuple of outputs together with out={...}."
        )
    if names is not None and set(returned) != set(names):
        raise InvalidDefinitionError(
            f"{graph_name!r} declares the outputs {', '.join(names)} "
            f"but returns {', '.join(map(str, returned)) or 'none'}. Return a dict: "
            f"{{{', '.join(f'{each!r}: ...' for each in names)}}}."
        )
    return returned


def _is_one_output(given: Any) -> bool:
    return isinstance(given, OutputHandle) and not isinstance(given, Collected)


def _output_mapping(
    graph_name: str, name: str, handle: Any, description: str | None
) -> OutputMapping:
    if not isinstance(handle, OutputHandle) or isinstance(handle, Collected):
        raise InvalidDefinitionError(
            f"The output {name!r} of {graph_name!r} is {handle!r}. Return the output of an op."
        )
    dynamic = isinstance(handle, DynamicHandle)
    return OutputMapping(
        name,
        handle.node_name,
        handle.output_name,
        graph_output_description=description,
        from_dynamic_mapping=dynamic,
    )
