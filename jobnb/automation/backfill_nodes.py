"""The nodes of a backfill: assets, each after its upstream, or one job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any

from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.assets.policies import BackfillPolicy
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.locations.definitions import Definitions
from jobnb.definitions.partitions.default_mapping import (
    default_partition_mapping,
    fitting_partition_mapping,
)
from jobnb.definitions.partitions.partition import PartitionsDefinition
from jobnb.definitions.partitions.partition_mapping import (
    IdentityPartitionMapping,
    PartitionMapping,
)
from jobnb.definitions.partitions.partition_subset import PartitionsSubset
from jobnb.errors import InvalidDefinitionError
from jobnb.execution.spec import ASSET_JOB
from jobnb.plan.asset_graph import AssetGraphDefinition

Target = PartitionsSubset | None
"""The partitions of a node to make; None makes an asset that has no partitions."""


@dataclass(frozen=True)
class Edge:
    """A dependency between nodes, by a partition mapping if both have partitions.

    Attributes:
        upstream: The name of the other node.
        mapping: None where one of them has no partitions.
        is_identity: Whether each partition depends on the one with the same key.
    """

    upstream: str
    mapping: PartitionMapping | None
    is_identity: bool


@dataclass(frozen=True, eq=False)
class BackfillNode:
    """Assets that are materialized together, or a job.

    Attributes:
        name: The name of the step, or of the job.
        keys: The assets, in order; none where a job is run.
        definition: The partitions, if there are some.
        most: How many partitions one run makes at most; None for all.
        edges: What it depends on, of the nodes of the backfill.
        own_mapping: How it depends on other partitions of itself, if it is.
        job: The job that is run.
        is_serial: Whether its partitions are made one after the other, in order.
    """

    name: str
    keys: tuple[AssetKey, ...]
    definition: PartitionsDefinition | None
    most: int | None = 1
    edges: tuple[Edge, ...] = ()
    own_mapping: PartitionMapping | None = None
    job: JobDefinition | None = None
    is_serial: bool = False

    @property
    def size(self) -> int:
        """The number of assets per partition: a run of a job counts as one."""
        return len(self.keys) or 1


def node_of_job(job: JobDefinition) -> BackfillNode:
    """Return the one node of a job's backfill.

    Raises:
        InvalidDefinitionError: If the job has no partitions.
    """
    if job.partitions_def is None:
        raise InvalidDefinitionError(
            f"The job {job.name!r} has no partitions to backfill. Give it a partitions_def or a "
            "PartitionedConfig, or launch it."
        )
    return BackfillNode(
        job.name, (), job.partitions_def, job=job, is_serial=_makes_from_earlier(job)
    )


def _makes_from_earlier(job: JobDefinition) -> bool:
    """Whether a partition of the job may be made from another one of it."""
    if not isinstance(job.graph, AssetGraphDefinition):
        return False
    return any(
        node.is_serial
        or any(edge.mapping is not None and not edge.is_identity for edge in node.edges)
        for node in nodes_of_graph(job.graph).values()
    )


def nodes_of(definitions: Definitions, selection: Any) -> dict[str, BackfillNode]:
    """Return the nodes that a selection names, by name, each after its upstream.

    Raises:
        InvalidSubsetError: If it names what is not there, or nothing.
        InvalidDefinitionError: If a partition mapping does not fit.
    """
    graph = definitions.job_of_assets(ASSET_JOB, selection).graph
    assert isinstance(graph, AssetGraphDefinition)
    return nodes_of_graph(graph)


def nodes_of_graph(graph: AssetGraphDefinition) -> dict[str, BackfillNode]:
    """Return the nodes of a graph, by name, each after its upstream.

    Raises:
        InvalidDefinitionError: If a partition mapping does not fit.
    """
    by_node = graph.assets_by_node
    makers = {key: name for name, each in by_node.items() for key in each.keys}
    upstream = {
        name: {makers[key] for key in each.keys_by_input_name.values() if key in makers} - {name}
        for name, each in by_node.items()
    }
    return {
        name: _node(name, by_node, makers) for name in TopologicalSorter(upstream).static_order()
    }


def _node(
    name: str, by_node: Mapping[str, AssetsDefinition], makers: Mapping[AssetKey, str]
) -> BackfillNode:
    own = by_node[name]
    edges, to_itself = [], None
    for key in dict.fromkeys(own.keys_by_input_name.values()):
        if key not in makers:
            continue
        maker = by_node[makers[key]]
        mapping = _mapping(own, maker, key)
        if makers[key] != name:
            edges.append(Edge(makers[key], mapping, _is_identity(mapping, own, maker)))
        elif mapping is not None:
            to_itself = mapping
    policy = own.backfill_policy
    return BackfillNode(
        name,
        tuple(sorted(own.keys)),
        own.partitions_def,
        policy.max_partitions_per_run if isinstance(policy, BackfillPolicy) else 1,
        tuple(edges),
        to_itself,
        is_serial=to_itself is not None,
    )


def _mapping(
    own: AssetsDefinition, maker: AssetsDefinition, key: AssetKey
) -> PartitionMapping | None:
    if maker.partitions_def is None:
        return None
    given = own.get_partition_mapping(key)
    return fitting_partition_mapping(given, maker.partitions_def, own.partitions_def)


def _is_identity(
    mapping: PartitionMapping | None, own: AssetsDefinition, maker: AssetsDefinition
) -> bool:
    upstream = maker.partitions_def
    if upstream is None or own.partitions_def != upstream:
        return upstream is None and own.partitions_def is None
    return isinstance(mapping, IdentityPartitionMapping) or mapping == default_partition_mapping(
        upstream, own.partitions_def
    )
