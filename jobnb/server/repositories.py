"""Notebooks, files and modules as GraphQL tells them: locations with one repository each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.metadata import PackageNotFoundError, version

from jobnb.definitions.locations.definitions import Definitions
from jobnb.errors import JobnbError
from jobnb.server import problems
from jobnb.server.assets import AssetNode
from jobnb.server.deployment import Permission, ResourceDetails, permissions_of, resources_of
from jobnb.server.instigators import Schedule, Sensor, schedules_of, sensors_of
from jobnb.server.jobs import Job, Pipeline
from jobnb.server.metadata import AssetKey
from jobnb.server.nodes import Node, digest
from jobnb.server.ops import (
    CompositeSolidDefinition,
    GraphInJob,
    SolidDefinition,
    SolidHandle,
    definition_of,
)
from jobnb.server.partition_sets import PartitionSet, partition_sets_of
from jobnb.server.runs import RepositoryMetadata, RepositoryOrigin
from jobnb.server.workspace import REPOSITORY, Location, RequestReader


@cache
def jobnb_version() -> str:
    """Return the version of jobnb."""
    try:
        return version("jobnb")
    except PackageNotFoundError:
        return "not installed"


@dataclass(frozen=True)
class AssetGroup(Node):
    """Assets of one group."""

    group_name: str
    asset_keys: Sequence[AssetKey]


@dataclass(frozen=True)
class NodeInvocationSite(Node):
    """Where an op is used."""

    pipeline: Pipeline
    solid_handle: SolidHandle


@dataclass(frozen=True)
class UsedSolid(Node):
    """An op, and where it is used."""

    definition: SolidDefinition | CompositeSolidDefinition
    invocations: Sequence[NodeInvocationSite]


class Repository(Node):
    """All that a location defines."""

    name = REPOSITORY
    display_metadata: Sequence[RepositoryMetadata] = ()

    def __init__(
        self, reading: RequestReader, location: Location, definitions: Definitions
    ) -> None:
        self._reading, self._location, self._definitions = reading, location, definitions

    @property
    def id(self) -> str:
        """Names it."""
        return digest(self._location.name, REPOSITORY)

    @property
    def location(self) -> RepositoryLocation:
        """The notebook, file or module."""
        return RepositoryLocation(self._reading, self._location, self._definitions)

    @property
    def origin(self) -> RepositoryOrigin:
        """The same in short."""
        return RepositoryOrigin(self._location.name)

    @property
    def pipelines(self) -> list[Pipeline]:
        """Its jobs, that of all assets among them."""
        jobs = self._definitions.get_all_job_defs()
        return [Pipeline(self._reading, self._location, job) for job in jobs]

    @property
    def jobs(self) -> list[Job]:
        """Its jobs, that of all assets among them."""
        jobs = self._definitions.get_all_job_defs()
        return [Job(self._reading, self._location, job) for job in jobs]

    @property
    def schedules(self) -> list[Schedule]:
        """Its schedules."""
        return schedules_of(self._reading, self._location)

    @property
    def sensors(self) -> list[Sensor]:
        """Its sensors."""
        return sensors_of(self._reading, self._location)

    @property
    def partition_sets(self) -> list[PartitionSet]:
        """The partitions of its jobs."""
        return partition_sets_of(self._reading, self._location)

    @property
    def asset_nodes(self) -> list[AssetNode]:
        """Its assets."""
        keys = self._definitions.resolve_all_asset_keys()
        return [AssetNode(self._reading, self._location, self._definitions, key) for key in keys]

    @property
    def asset_groups(self) -> list[AssetGroup]:
        """Its assets by group."""
        groups: dict[str, list[AssetKey]] = {}
        for node in self.asset_nodes:
            groups.setdefault(node.group_name or "", []).append(node.asset_key)
        return [AssetGroup(*pair) for pair in sorted(groups.items())]

    @property
    def all_top_level_resource_details(self) -> list[ResourceDetails]:
        """Its resources."""
        return resources_of(self._reading, self._location)

    # --- its ops

    @property
    def used_solids(self) -> list[UsedSolid]:
        """The ops of its jobs."""
        return list(self._used.values())

    def used_solid(self, name: str) -> UsedSolid | None:
        """Return an op of its jobs."""
        return self._used.get(name)

    @cached_property
    def _used(self) -> dict[str, UsedSolid]:
        found: dict[str, tuple[GraphInJob, SolidHandle, list[NodeInvocationSite]]] = {}
        for pipeline, place, handle in self._handles():
            name = handle.solid.definition.name
            sites = found.setdefault(name, (place, handle, []))[2]
            sites.append(NodeInvocationSite(pipeline, handle))
        return {
            name: UsedSolid(definition_of(handle._place, handle._node), sites)
            for name, (_, handle, sites) in sorted(found.items())
        }

    def _handles(self) -> Iterator[tuple[Pipeline, GraphInJob, SolidHandle]]:
        for pipeline in self.pipelines:
            for handle in pipeline._place.handles():
                yield pipeline, pipeline._place, handle


@dataclass(frozen=True)
class RepositoryConnection(Node):
    """The repositories of all locations."""

    nodes: Sequence[Repository]


def repositories_of(reading: RequestReader) -> RepositoryConnection:
    """Return the repositories of all locations that can be loaded."""
    return RepositoryConnection([Repository(reading, *each) for each in reading.loaded()])


@dataclass(frozen=True)
class DagsterLibraryVersion(Node):
    """A library and its version."""

    name: str
    version: str


class RepositoryLocation(Node):
    """A notebook, file or module that is loaded."""

    is_reload_supported = True
    environment_path: str | None = None
    server_id: str | None = None

    def __init__(
        self, reading: RequestReader, location: Location, definitions: Definitions
    ) -> None:
        self._reading, self._location, self._definitions = reading, location, definitions
        self.name = location.name

    name: str

    @property
    def id(self) -> str:
        """Names it."""
        return digest(self.name)

    @property
    def repositories(self) -> list[Repository]:
        """What it defines: one repository."""
        return [Repository(self._reading, self._location, self._definitions)]

    @property
    def dagster_library_versions(self) -> list[DagsterLibraryVersion]:
        """The version of jobnb."""
        return [DagsterLibraryVersion("jobnb", jobnb_version())]


class WorkspaceLocationEntry(Node):
    """A notebook, file or module, loaded or not."""

    load_status = "LOADED"
    display_metadata: Sequence[RepositoryMetadata] = ()

    def __init__(self, reading: RequestReader, location: Location) -> None:
        self._reading, self._location = reading, location
        self.name = location.name

    name: str

    @property
    def id(self) -> str:
        """Names it."""
        return digest(self.name)

    @property
    def updated_timestamp(self) -> float:
        """When it was loaded."""
        return self._location.loaded_at

    @property
    def location_or_load_error(self) -> RepositoryLocation | problems.PythonError:
        """It, or why it cannot be loaded."""
        try:
            definitions = self._reading.definitions(self._location)
        except JobnbError as error:
            return problems.python_error(error)
        return RepositoryLocation(self._reading, self._location, definitions)

    @property
    def permissions(self) -> Sequence[Permission]:
        """What may be done."""
        return permissions_of(self._reading)


class Workspace(Node):
    """All notebooks, files and modules."""

    id = "workspace"

    def __init__(self, reading: RequestReader) -> None:
        self._reading = reading

    @property
    def location_entries(self) -> list[WorkspaceLocationEntry]:
        """Each of them."""
        return [
            WorkspaceLocationEntry(self._reading, each) for each in self._reading.served.locations
        ]


@dataclass(frozen=True)
class WorkspaceLocationStatusEntry(Node):
    """Whether a notebook, file or module is loaded."""

    id: str
    name: str
    update_timestamp: float
    load_status: str = "LOADED"


@dataclass(frozen=True)
class WorkspaceLocationStatusEntries(Node):
    """Whether they are loaded."""

    entries: Sequence[WorkspaceLocationStatusEntry]

    @classmethod
    def of(cls, reading: RequestReader) -> WorkspaceLocationStatusEntries:
        """Return the statuses of all locations."""
        return cls(
            [
                WorkspaceLocationStatusEntry(digest(each.name), each.name, each.loaded_at)
                for each in reading.served.locations
            ]
        )
