"""Pictures of graphs and jobs: each op a card named by its step key, nested graphs as frames."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jobnb.definitions.assets.asset_job import AssetLayer
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.ops.graph_definition import GraphDefinition
from jobnb.definitions.ops.node import Node
from jobnb.definitions.ops.op import OpDefinition
from jobnb.display.asset_pictures import asset_picture
from jobnb.display.environment import attempt, history_of
from jobnb.display.picture import Card, Cluster, Edge, Picture, input_type, output_type
from jobnb.display.text import shorten
from jobnb.markdown import plain
from jobnb.plan.asset_choice import chosen_by
from jobnb.plan.flatten import Edge as FlatEdge
from jobnb.plan.flatten import FlatNode, flatten
from jobnb.staleness.survey import as_it_stands

Path = tuple[str, ...]
_LONG_TOOLTIP = 1200


def job_picture(job: JobDefinition) -> Picture:
    """Return the picture of a job: its assets if it makes assets, else its graph."""
    about = plain(job.description or "")
    layer = job.asset_layer
    if layer is None:
        return graph_picture(job.graph, title=job.name, description=about)
    only = _selected(job, layer)
    return asset_picture(layer.assets, layer.sources, title=job.name, only=only, description=about)


def _selected(job: JobDefinition, layer: AssetLayer) -> frozenset[AssetKey]:
    """Return the assets that a job materializes or observes; all if a selected one is unknown."""
    chosen = attempt(lambda: chosen_by(job, layer), None)
    if chosen is None:
        return frozenset(key for each in layer.assets for key in each.keys)
    return chosen.assets or frozenset(key.asset for key in chosen.checks)


def graph_picture(graph: GraphDefinition, *, title: str = "", description: str = "") -> Picture:
    """Return the picture of a graph with all that is inside its nested graphs."""
    drawing = _PictureBuilder(graph)
    return Picture(
        title or graph.name,
        tuple(drawing.cards),
        tuple(dict.fromkeys(drawing.edges)),
        tuple(drawing.clusters),
        description=description or plain(graph.description or ""),
    )


def node_picture(op: OpDefinition[..., Any]) -> Picture:
    """Return the picture of one op: its inputs, itself, its outputs."""
    cards = [Card(op.name, op.name, kind="op", tooltip=_doc(op))]
    edges = []
    for name in op.input_names:
        key = f"in:{name}"
        cards.append(Card(key, name, "input", input_type(op, name), "source"))
        kind = "nothing" if input_type(op, name) == "Nothing" else "data"
        edges.append(Edge(key, op.name, kind=kind))  # type: ignore[arg-type]
    for name in op.output_names:
        key = f"out:{name}"
        cards.append(Card(key, name, "output", output_type(op, name), "source"))
        edges.append(Edge(op.name, key, kind="dynamic" if op.is_dynamic(name) else "data"))
    return Picture(op.name, tuple(cards), tuple(edges), description=plain(op.description or ""))


def _doc(definition: Any) -> str:
    return plain(definition.description or "")[:_LONG_TOOLTIP]


class _PictureBuilder:
    """Cards, edges and frames of a graph, from the plan's own flat list of its ops."""

    def __init__(self, graph: GraphDefinition) -> None:
        self.cards: list[Card] = []
        self.edges: list[Edge] = []
        self.clusters = list(_clusters(graph))
        self._inputs: set[str] = set()
        nodes = flatten(graph, {})
        self._ops = {".".join(flat.path): flat.node.definition for flat in nodes}
        for flat in nodes:
            self.cards.append(_op_card(flat))
            for input_name, edge in flat.edges.items():
                for single in edge.items or (edge,):
                    self._connect(flat, input_name, single)

    def _connect(self, flat: FlatNode, input_name: str, edge: FlatEdge) -> None:
        end = ".".join(flat.path)
        if edge.kind == "graph_input":
            self.edges.append(Edge(self._outside(edge.output, "input"), end))
        elif edge.kind == "asset":
            self.edges.append(Edge(self._outside(edge.value.to_user_string(), "asset"), end))
        elif edge.kind == "collect":
            self.edges.append(Edge(edge.step, end, "collect", "dynamic"))
        elif edge.kind == "output":
            self.edges.append(self._from_output(edge, end, flat.node.definition, input_name))

    def _outside(self, name: str, kind: str) -> str:
        """Return the card of what comes from outside of the graph."""
        key = f"in:{name}"
        if key not in self._inputs:
            self._inputs.add(key)
            self.cards.append(Card(key, name, kind, shape="source"))
        return key

    def _from_output(self, edge: FlatEdge, end: str, reader: Any, input_name: str) -> Edge:
        maker = self._ops[edge.step]
        label = edge.output if len(maker.output_names) > 1 else ""
        if maker.is_dynamic(edge.output):
            return Edge(edge.step, end, label or "each", "dynamic")
        orders = input_type(reader, input_name) == "Nothing"
        return Edge(edge.step, end, label, "nothing" if orders else "data")


def _clusters(graph: GraphDefinition) -> Iterator[Cluster]:
    """Iterate over a frame for each nested graph, the outer ones first."""
    waiting: list[tuple[Path, GraphDefinition]] = [((), graph)]
    while waiting:
        path, outer = waiting.pop(0)
        for node in outer.nodes:
            if isinstance(node.definition, GraphDefinition):
                inner = (*path, node.name)
                yield Cluster(inner, _title(node), "graph", _doc(node.definition))
                waiting.append((inner, node.definition))


def _title(node: Node) -> str:
    return (
        node.name if node.name == node.definition.name else f"{node.name} ({node.definition.name})"
    )


def _op_card(flat: FlatNode) -> Card:
    node, definition = flat.node, flat.node.definition
    tags: Mapping[str, str] = {**definition.tags, **node.tags}
    kind = tags.get("kind") or tags.get("dagster/compute_kind") or ""
    if node.name != definition.name:
        kind = " · ".join(part for part in (definition.name, kind) if part)
    return Card(
        key=".".join(flat.path),
        title=node.name,
        kind=kind or "op",
        subtitle=_outputs(definition),
        shape="op",
        group=flat.path[:-1],
        tooltip=_doc(definition),
    )


def _outputs(definition: Any) -> str:
    names = definition.output_names
    if len(names) == 1 and isinstance(definition, OpDefinition):
        return output_type(definition, names[0])
    return f"{len(names)} outputs" if len(names) > 1 else ""


def as_seen(job: JobDefinition, session: Any = None) -> tuple[JobDefinition, str]:
    """Return the job to draw, and what is to be said of it; nothing of most jobs.

    Args:
        job: The job.
        session: Knows how assets stand, if there is one.
    """
    layer = job.asset_layer
    if layer is None or not (layer.is_undecided or layer.status_of):
        return job, ""
    asked = shorten(str(layer.selection), 120)
    instance = history_of(session) if session is not None else None
    if instance is not None:
        decided = attempt(lambda: as_it_stands(job, instance), job)
        if attempt(lambda: bool(decided.nodes), False) and decided is not job:
            return decided, f"{asked}: what stands so now; looked up again at each launch"
        if decided is not job:
            return job, f"{asked}: nothing stands so now; drawn is all that could be selected"
    return job, f"{asked}: looked up at each launch; drawn is all that could be selected"
