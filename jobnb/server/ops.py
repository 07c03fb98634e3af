"""Ops and graphs as GraphQL tells them, and where they are used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.locations.definitions import Definitions
from jobnb.definitions.ops import dependency as dep
from jobnb.definitions.ops import inout
from jobnb.definitions.ops.graph_definition import GraphDefinition
from jobnb.definitions.ops.node import Node as OpNode
from jobnb.definitions.ops.node import NodeDefinition
from jobnb.definitions.types import DataType
from jobnb.server.assets import AssetNode, nodes_of
from jobnb.server.config_types import ConfigTypeField, field_of_schema
from jobnb.server.metadata import entries
from jobnb.server.nodes import Node, digest
from jobnb.server.plans import MetadataItemDefinition
from jobnb.server.runs import find_runs
from jobnb.server.steps import RunStepStats
from jobnb.server.types import RegularDagsterType, type_of
from jobnb.server.workspace import Location, RequestReader
from jobnb.storage.run import RunsFilter

_MOST_RUNS = 100


@dataclass(frozen=True)
class ResourceRequirement(Node):
    """A resource that an op needs."""

    resource_key: str


@dataclass(frozen=True)
class GraphInJob:
    """A graph of a job, and where it stands in the job.

    Attributes:
        reading: What the request reads.
        location: What defines the job.
        job: The job.
        graph: The graph: that of the job, or one within it.
        path: The names of the nodes on the way to it.
    """

    reading: RequestReader
    location: Location
    job: JobDefinition
    graph: GraphDefinition
    path: tuple[str, ...] = ()

    def solids(self) -> list[Solid]:
        """Return the uses in the graph."""
        return [Solid(self, node) for node in self.graph.nodes]

    def handles(self) -> Iterator[SolidHandle]:
        """Iterate over the uses in the graph and in those within it."""
        for node in self.graph.nodes:
            yield SolidHandle(self, node)
            inner = self.inner(node)
            if inner is not None:
                yield from inner.handles()

    def handle(self, handle_id: str) -> SolidHandle | None:
        """Return the use at a place, as `outer.inner`."""
        return next((each for each in self.handles() if each.handle_id == handle_id), None)

    def inner(self, node: OpNode) -> GraphInJob | None:
        """Return the graph that a node is, or None."""
        if not isinstance(node.definition, GraphDefinition):
            return None
        path = (*self.path, node.name)
        return GraphInJob(self.reading, self.location, self.job, node.definition, path)


class Solid(Node):
    """An op or a graph where it is used."""

    def __init__(self, place: GraphInJob, node: OpNode) -> None:
        self._place, self._node, self.name = place, node, node.name

    name: str

    @property
    def definition(self) -> SolidDefinition | CompositeSolidDefinition:
        """The op or graph."""
        return definition_of(self._place, self._node)

    @property
    def inputs(self) -> list[Input]:
        """Its inputs."""
        return [Input(self._place, self._node, name) for name in self._node.definition.input_names]

    @property
    def outputs(self) -> list[Output]:
        """Its outputs."""
        names = self._node.definition.output_names
        return [Output(self._place, self._node, name) for name in names]

    @property
    def is_dynamic_mapped(self) -> bool:
        """Whether it runs for each element of a dynamic output."""
        return any(each.is_mapped for each in self.inputs)


class Input(Node):
    """An input where it is used."""

    def __init__(self, place: GraphInJob, node: OpNode, name: str) -> None:
        self._place, self._node, self._name = place, node, name

    @property
    def solid(self) -> Solid:
        """What it is an input of."""
        return Solid(self._place, self._node)

    @property
    def definition(self) -> InputDefinition:
        """The input."""
        return InputDefinition(self._place, self._node, self._name)

    @property
    def _fed_by(self) -> dep.Dependency | None:
        return self._place.graph.dependencies.get(self._node.name, {}).get(self._name)

    @property
    def sources(self) -> list[tuple[str, str]]:
        """The nodes and outputs that it comes from."""
        return list(_sources(self._fed_by))

    @property
    def depends_on(self) -> list[Output]:
        """The outputs that it comes from."""
        nodes = self._place.graph.node_map
        return [Output(self._place, nodes[node], output) for node, output in self.sources]

    @property
    def is_dynamic_collect(self) -> bool:
        """Whether it collects a dynamic output."""
        return isinstance(self._fed_by, dep.CollectDependency)

    @property
    def is_mapped(self) -> bool:
        """Whether it is one element of a dynamic output."""
        if not isinstance(self._fed_by, dep.DependencyDefinition):
            return False
        return self._place.graph.node_map[self._fed_by.node].definition.is_dynamic(
            self._fed_by.output
        )


def _sources(given: Any) -> Iterator[tuple[str, str]]:
    if isinstance(given, (dep.DependencyDefinition, dep.CollectDependency)):
        yield given.node, given.output
    elif isinstance(given, dep.MultiDependencyDefinition):
        for each in given.dependencies:
            yield from _sources(each)


class Output(Node):
    """An output where it is used."""

    def __init__(self, place: GraphInJob, node: OpNode, name: str) -> None:
        self._place, self._node, self._name = place, node, name

    @property
    def solid(self) -> Solid:
        """What it is an output of."""
        return Solid(self._place, self._node)

    @property
    def definition(self) -> OutputDefinition:
        """The output."""
        return OutputDefinition(self._place, self._node, self._name)

    @property
    def depended_by(self) -> list[Input]:
        """The inputs that it feeds."""
        inputs = (each for solid in self._place.solids() for each in solid.inputs)
        return [each for each in inputs if (self._node.name, self._name) in each.sources]


class _PlaceOfValue(Node):
    def __init__(self, place: GraphInJob, node: OpNode, name: str) -> None:
        self._place, self._node, self.name = place, node, name

    name: str

    @property
    def solid_definition(self) -> SolidDefinition | CompositeSolidDefinition:
        """The op or graph."""
        return definition_of(self._place, self._node)

    @property
    def _said(self) -> Any:
        raise NotImplementedError

    @property
    def description(self) -> str | None:
        """What it is."""
        found: str | None = self._said.description
        return found

    @property
    def type(self) -> RegularDagsterType:
        """The type of its values."""
        kind = self._said.dagster_type
        return type_of(kind if isinstance(kind, DataType) else None)

    @property
    def metadata_entries(self) -> list[Node]:
        """Facts."""
        from jobnb.definitions.metadata import normalize

        return entries(normalize(self._said.metadata))


class InputDefinition(_PlaceOfValue):
    """An input of an op or a graph."""

    @property
    def _said(self) -> inout.InputDefinition:
        return self._node.definition.input_dict[self.name]


class OutputDefinition(_PlaceOfValue):
    """An output of an op or a graph."""

    @property
    def _said(self) -> inout.OutputDefinition:
        return self._node.definition.output_dict[self.name]

    @property
    def is_dynamic(self) -> bool:
        """Whether it yields many values."""
        return self._node.definition.is_dynamic(self.name)


class _Definition(Node):
    def __init__(self, place: GraphInJob, node: OpNode) -> None:
        self._place, self._node = place, node
        self._definition: NodeDefinition = node.definition
        self.name = node.definition.name

    name: str

    @property
    def description(self) -> str | None:
        """What it does."""
        return self._definition.description

    @property
    def metadata(self) -> list[MetadataItemDefinition]:
        """Its tags."""
        tags: Mapping[str, Any] = self._definition.tags
        return [MetadataItemDefinition(key, str(value)) for key, value in tags.items()]

    @property
    def input_definitions(self) -> list[InputDefinition]:
        """Its inputs."""
        names = self._definition.input_names
        return [InputDefinition(self._place, self._node, name) for name in names]

    @property
    def output_definitions(self) -> list[OutputDefinition]:
        """Its outputs."""
        names = self._definition.output_names
        return [OutputDefinition(self._place, self._node, name) for name in names]

    @property
    def asset_nodes(self) -> list[AssetNode]:
        """The assets that it materializes."""
        made = self._place.job.graph.assets_by_node.get(self._node.name)
        if made is None or self._place.path:
            return []
        return nodes_of(self._place.reading, self._place.location, made.ordered_keys)


class SolidDefinition(_Definition):
    """An op."""

    @classmethod
    def of_asset(
        cls, reading: RequestReader, location: Location, definitions: Definitions, key: AssetKey
    ) -> SolidDefinition | None:
        """Return the op that materializes an asset; None where a graph does, or nothing."""
        job = definitions.get_implicit_global_asset_job_def()
        for name, made in job.graph.assets_by_node.items():
            node = job.graph.node_map[name]
            if key in made.keys and not isinstance(node.definition, GraphDefinition):
                return cls(GraphInJob(reading, location, job, job.graph), node)
        return None

    @property
    def config_field(self) -> ConfigTypeField | None:
        """The config that it takes."""
        return field_of_schema(getattr(self._definition, "config_schema", None))

    @property
    def required_resources(self) -> list[ResourceRequirement]:
        """The resources that it needs."""
        keys = self._definition.required_resource_keys
        return [ResourceRequirement(key) for key in sorted(keys)]


class CompositeSolidDefinition(_Definition):
    """A graph that is used within another one."""

    @property
    def _inner(self) -> GraphInJob:
        found = self._place.inner(self._node)
        assert found is not None
        return found

    @property
    def id(self) -> str:
        """Names it."""
        return digest(self._place.job.name, *self._place.path, self._node.name)

    @property
    def modes(self) -> Sequence[Node]:
        """None: a job has them."""
        return ()

    @property
    def solids(self) -> list[Solid]:
        """What is used in it."""
        return self._inner.solids()

    def solid_handle(self, handle_id: str) -> SolidHandle | None:
        """Return the use at a place."""
        return self._inner.handle(handle_id)

    def solid_handles(self, parent_handle_id: str | None = None) -> list[SolidHandle]:
        """Return the uses in it and in the graphs within it."""
        return handles_below(self._inner, parent_handle_id)

    @property
    def input_mappings(self) -> list[InputMapping]:
        """Where its inputs go."""
        graph = self._inner.graph
        return [
            InputMapping(Input(self._inner, graph.node_map[node], name), self._node, self._place,
                         given.name)
            for node, inputs in graph.dependencies.items()
            for name, given in inputs.items()
            if isinstance(given, dep.GraphInput)
        ]  # fmt: skip

    @property
    def output_mappings(self) -> list[OutputMapping]:
        """Where its outputs come from."""
        graph = self._inner.graph
        found = []
        for name in graph.output_names:
            given = graph.output_mapping(name)
            node = graph.node_map[given.mapped_node_name]
            output = Output(self._inner, node, given.mapped_node_output_name)
            found.append(OutputMapping(output, OutputDefinition(self._place, self._node, name)))
        return found


class InputMapping(Node):
    """Where an input of a graph goes."""

    def __init__(self, mapped: Input, node: OpNode, place: GraphInJob, name: str) -> None:
        self.mapped_input = mapped
        self.definition = InputDefinition(place, node, name)

    mapped_input: Input
    definition: InputDefinition


@dataclass(frozen=True)
class OutputMapping(Node):
    """Where an output of a graph comes from."""

    mapped_output: Output
    definition: OutputDefinition


def definition_of(place: GraphInJob, node: OpNode) -> SolidDefinition | CompositeSolidDefinition:
    """Return the op or graph that a node is."""
    composite = isinstance(node.definition, GraphDefinition)
    return (CompositeSolidDefinition if composite else SolidDefinition)(place, node)


@dataclass(frozen=True)
class SolidStepStatsConnection(Node):
    """How the steps of an op went."""

    nodes: Sequence[RunStepStats]


class SolidHandle(Node):
    """Where something is used."""

    def __init__(self, place: GraphInJob, node: OpNode) -> None:
        self._place, self._node = place, node

    @property
    def handle_id(self) -> str:
        """The names on the way, joined with dots."""
        return ".".join((*self._place.path, self._node.name))

    @property
    def resource_keys(self) -> frozenset[str]:
        """The resources that it needs."""
        return self._node.definition.required_resource_keys

    @property
    def solid(self) -> Solid:
        """What is used there."""
        return Solid(self._place, self._node)

    @property
    def parent(self) -> SolidHandle | None:
        """The graph around it."""
        if not self._place.path:
            return None
        whole = GraphInJob(
            self._place.reading, self._place.location, self._place.job, self._place.job.graph
        )
        return whole.handle(".".join(self._place.path))

    def step_stats(self, limit: int | None = None) -> SolidStepStatsConnection:
        """Return statistics of its steps in the last runs of the job."""
        most = min(limit if limit is not None else _MOST_RUNS, _MOST_RUNS)
        chosen = RunsFilter(job_name=self._place.job.name)
        runs = find_runs(self._place.reading, chosen, limit=max(0, most))
        stats = (each for run in runs for each in run.step_stats)
        return SolidStepStatsConnection([s for s in stats if s.step_key == self.handle_id])


def handles_below(place: GraphInJob, parent_handle_id: str | None) -> list[SolidHandle]:
    """Return the uses in a graph: all, or those directly in one within it (`""` for itself)."""
    found = place.handles()
    if parent_handle_id is None:
        return list(found)
    return [each for each in found if each.handle_id.rpartition(".")[0] == parent_handle_id]
