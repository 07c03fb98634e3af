"""The common part of ops and graphs: nodes, aliases, tags, hooks and retry policies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from jobnb.definitions.engine_protocol import engine
from jobnb.definitions.keys import check_name
from jobnb.definitions.ops import composition
from jobnb.definitions.plain import check_tags
from jobnb.errors import InvalidDefinitionError, InvariantViolationError, did_you_mean

if TYPE_CHECKING:
    from jobnb.definitions.jobs.job_definition import JobDefinition
    from jobnb.definitions.ops.graph_definition import GraphDefinition
    from jobnb.definitions.ops.hook import HookDefinition
    from jobnb.definitions.ops.inout import InputDefinition, Out, OutputDefinition
    from jobnb.definitions.ops.retry import RetryPolicy


Place = TypeVar("Place")
NO_HOOKS: frozenset[HookDefinition] = frozenset()


class Node:
    """A definition at its place in a graph, with its name there."""

    __slots__ = ("definition", "hooks", "name", "retry_policy", "tags")

    def __init__(
        self,
        name: str,
        definition: NodeDefinition,
        tags: Mapping[str, str],
        hooks: frozenset[HookDefinition],
        retry_policy: RetryPolicy | None,
    ) -> None:
        self.name = name
        self.definition = definition
        self.tags = tags
        self.hooks = hooks
        self.retry_policy = retry_policy

    def __repr__(self) -> str:
        return f"Node({self.name!r}, {self.definition!r})"


class NodeDefinition:
    """An op or a graph."""

    name: str
    description: str | None
    tags: Mapping[str, str]

    def __init__(self, name: str, description: str | None, tags: Mapping[str, Any] | None) -> None:
        self.name = check_name(name, self.noun)
        self.description = description
        self.tags = check_tags(tags, f"{self.noun} {name!r}")

    noun = "a node"

    @property
    def input_names(self) -> tuple[str, ...]:
        """The names of its inputs, in order."""
        raise AttributeError(f"{self!r} has no inputs")

    @property
    def output_names(self) -> tuple[str, ...]:
        """The names of its outputs, in order."""
        raise AttributeError(f"{self!r} has no outputs")

    @property
    def input_defs(self) -> list[InputDefinition]:
        """Its inputs with their names and types, in order."""
        raise AttributeError(f"{self!r} has no inputs")

    @property
    def output_defs(self) -> list[OutputDefinition]:
        """Its outputs with their names and types, in order."""
        raise AttributeError(f"{self!r} has no outputs")

    @property
    def input_dict(self) -> dict[str, InputDefinition]:
        """Its inputs by name."""
        return {each.name: each for each in self.input_defs}

    @property
    def output_dict(self) -> dict[str, OutputDefinition]:
        """Its outputs by name."""
        return {each.name: each for each in self.output_defs}

    def has_input(self, name: str) -> bool:
        """Whether it has an input called so."""
        return name in self.input_names

    def has_output(self, name: str) -> bool:
        """Whether it has an output called so."""
        return name in self.output_names

    def input_def_named(self, name: str) -> InputDefinition:
        """Return the input called so.

        Raises:
            InvariantViolationError: If there is none.
        """
        return self._place_named(self.input_dict, name, "input")

    def output_def_named(self, name: str) -> OutputDefinition:
        """Return the output called so.

        Raises:
            InvariantViolationError: If there is none.
        """
        return self._place_named(self.output_dict, name, "output")

    def _place_named(self, known: Mapping[str, Place], name: str, noun: str) -> Place:
        if name in known:
            return known[name]
        hint = did_you_mean(name, known, noun=f"Its {noun}s are")
        raise InvariantViolationError(f"{self.name!r} has no {noun} {name!r}. {hint}".rstrip())

    def is_dynamic(self, output_name: str) -> bool:
        """Whether an output yields many values, each under a mapping key."""
        raise AttributeError(f"{self!r} has no outputs, so no {output_name!r}")

    def out_of(self, output_name: str) -> Out:
        """Return the `Out` of the op behind an output."""
        raise AttributeError(f"{self!r} has no outputs, so no {output_name!r}")

    @property
    def required_resource_keys(self) -> frozenset[str]:
        """The resources that its functions need."""
        return frozenset()

    @property
    def manager_keys(self) -> frozenset[str]:
        """The managers that store its outputs and load its inputs."""
        return frozenset()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Place it in the graph inside a composition; elsewhere, run its function."""
        context = composition.current()
        if context is None:
            return engine().invoke(self, args, kwargs)
        return context.invoke(self, self.name, False, {}, NO_HOOKS, None, args, kwargs)

    def alias(self, name: str) -> PendingNodeInvocation:
        """Return the definition under another name, for one place in a graph."""
        return PendingNodeInvocation(self, given_alias=name)

    def tag(self, tags: Mapping[str, Any] | None) -> PendingNodeInvocation:
        """Return the definition with more tags, for one place in a graph."""
        return PendingNodeInvocation(self, tags=tags)

    def with_hooks(self, hook_defs: Iterable[HookDefinition]) -> PendingNodeInvocation | Any:
        """Return the definition with hooks, for one place in a graph."""
        return PendingNodeInvocation(self, hook_defs=frozenset(hook_defs))

    def with_retry_policy(self, retry_policy: RetryPolicy) -> PendingNodeInvocation:
        """Return the definition with a retry policy, for one place in a graph."""
        return PendingNodeInvocation(self, retry_policy=retry_policy)


class PendingNodeInvocation:
    """A definition with a name, tags, hooks or a retry policy for one place in a graph.

    Source: Dagster's `PendingNodeInvocation`.
    """

    __slots__ = ("given_alias", "hook_defs", "node_def", "retry_policy", "tags")

    def __init__(
        self,
        node_def: NodeDefinition,
        given_alias: str | None = None,
        tags: Mapping[str, Any] | None = None,
        hook_defs: frozenset[HookDefinition] = NO_HOOKS,
        retry_policy: RetryPolicy | None = None,
    ) -> None:
        self.node_def = node_def
        self.given_alias = given_alias and check_name(given_alias, f"a use of {node_def.name!r}")
        self.tags = check_tags(tags, f"a use of {node_def.name!r}")
        self.hook_defs = hook_defs
        self.retry_policy = retry_policy
        context = composition.current()
        if context is not None:
            context.pending[id(self)] = self

    @property
    def name(self) -> str:
        """The name it will have in the graph."""
        return self.given_alias or self.node_def.name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Place it in the graph inside a composition; elsewhere, run its function."""
        context = composition.current()
        if context is None:
            return engine().invoke(self.node_def, args, kwargs)
        context.pending.pop(id(self), None)
        named = self.given_alias is not None
        return context.invoke(
            self.node_def,
            self.name,
            named,
            self.tags,
            self.hook_defs,
            self.retry_policy,
            args,
            kwargs,
        )

    def alias(self, name: str) -> PendingNodeInvocation:
        """Return the same under another name."""
        self._taken()
        return PendingNodeInvocation(
            self.node_def, name, self.tags, self.hook_defs, self.retry_policy
        )

    def tag(self, tags: Mapping[str, Any] | None) -> PendingNodeInvocation:
        """Return the same with more tags."""
        self._taken()
        merged = {**self.tags, **(tags or {})}
        return PendingNodeInvocation(
            self.node_def, self.given_alias, merged, self.hook_defs, self.retry_policy
        )

    def with_hooks(self, hook_defs: Iterable[HookDefinition]) -> PendingNodeInvocation:
        """Return the same with more hooks."""
        self._taken()
        hooks = self.hook_defs | frozenset(hook_defs)
        return PendingNodeInvocation(
            self.node_def, self.given_alias, self.tags, hooks, self.retry_policy
        )

    def with_retry_policy(self, retry_policy: RetryPolicy) -> PendingNodeInvocation:
        """Return the same with a retry policy."""
        self._taken()
        return PendingNodeInvocation(
            self.node_def, self.given_alias, self.tags, self.hook_defs, retry_policy
        )

    def _taken(self) -> None:
        """Mark it as replaced by another one: it is not forgotten."""
        context = composition.current()
        if context is not None:
            context.pending.pop(id(self), None)

    def _graph(self) -> GraphDefinition:
        if hasattr(self.node_def, "to_job"):
            return cast("GraphDefinition", self.node_def)
        raise InvalidDefinitionError(
            f"{self.node_def.name!r} is an op: only a graph becomes a job. Invoke it in an @job."
        )

    def to_job(
        self, name: str | None = None, tags: Mapping[str, Any] | None = None, **parameters: Any
    ) -> JobDefinition:
        """Create a job from a graph with its name, tags or hooks; see `GraphDefinition.to_job`."""
        hooks = frozenset(parameters.pop("hooks", None) or ()) | self.hook_defs
        retry_policy = parameters.pop("op_retry_policy", None) or self.retry_policy
        return self._graph().to_job(
            name=name or self.name,
            tags={**self.tags, **(tags or {})},
            hooks=hooks,
            op_retry_policy=retry_policy,
            **parameters,
        )

    def execute_in_process(
        self,
        run_config: Any = None,
        instance: Any = None,
        resources: Mapping[str, Any] | None = None,
        raise_on_error: bool = True,
        run_id: str | None = None,
        input_values: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run the graph; see `GraphDefinition.execute_in_process`."""
        job = self.to_job(resource_defs=resources)
        return job.execute_in_process(
            run_config=run_config,
            instance=instance,
            raise_on_error=raise_on_error,
            run_id=run_id,
            input_values=input_values,
        )
