"""Graphs by name as GraphQL tells them: those of jobs, and those that stand within others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobnb.errors import did_you_mean
from jobnb.server.jobs import find_location
from jobnb.server.nodes import Node, digest
from jobnb.server.ops import GraphInJob, Solid, SolidHandle, handles_below
from jobnb.server.problems import PythonError
from jobnb.server.workspace import Location, RequestReader


class Graph(Node):
    """A graph of ops.

    Args:
        place: Where it stands in a job.
    """

    modes: Sequence[Node] = ()

    def __init__(self, place: GraphInJob) -> None:
        self._place = place
        self.name = place.graph.name

    name: str

    @property
    def id(self) -> str:
        """Names it."""
        return digest(self._place.location.name, "graph", self.name)

    @property
    def description(self) -> str | None:
        """What it is for."""
        found: str | None = self._place.graph.description
        return found

    @property
    def solids(self) -> list[Solid]:
        """What is used in it."""
        return self._place.solids()

    def solid_handle(self, handle_id: str) -> SolidHandle | None:
        """Return the use at a place."""
        return self._place.handle(handle_id)

    def solid_handles(self, parent_handle_id: str | None = None) -> list[SolidHandle]:
        """Return the uses in it and in the graphs within it."""
        return handles_below(self._place, parent_handle_id)


@dataclass(frozen=True)
class GraphNotFoundError(Node):
    """There is no such graph."""

    message: str
    graph_name: str
    repository_name: str
    repository_location_name: str


def graph_or_error(
    reading: RequestReader, selector: Mapping[str, Any] | None
) -> Graph | GraphNotFoundError | PythonError:
    """Return the graph that a query names."""
    if selector is None:
        return PythonError("The query names no graph: give selector.")
    name = selector["graph_name"]
    location = find_location(reading, selector)
    places = {} if location is None else {each.graph.name: each for each in _all(reading, location)}
    if name in places:
        return Graph(places[name])
    hint = did_you_mean(name, places, noun="There are")
    return GraphNotFoundError(
        f"There is no graph {name!r}. {hint}".rstrip(),
        name,
        selector["repository_name"],
        selector["repository_location_name"],
    )


def _all(reading: RequestReader, location: Location) -> Iterator[GraphInJob]:
    for job in reading.definitions(location).get_all_job_defs():
        yield from _below(GraphInJob(reading, location, job, job.graph))


def _below(place: GraphInJob) -> Iterator[GraphInJob]:
    """Iterate over the graphs within one, and it: that of a job counts before those within it."""
    for node in place.graph.nodes:
        inner = place.inner(node)
        if inner is not None:
            yield from _below(GraphInJob(place.reading, place.location, place.job, inner.graph))
    yield place
