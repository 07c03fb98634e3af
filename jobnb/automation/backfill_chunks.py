"""The runs of a backfill: the assets and partitions of each, and their order."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import NamedTuple

from jobnb.automation.backfill_nodes import BackfillNode, Edge, Target
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.partitions.partition import PartitionsDefinition
from jobnb.definitions.partitions.partition_mapping import PartitionMapping
from jobnb.definitions.partitions.partition_subset import PartitionsSubset
from jobnb.plan.partitions import RunPartitions


@dataclass(frozen=True, eq=False)
class Group:
    """Nodes that run together: the same partitions, as many in a run, none after another.

    Attributes:
        level: Groups of a level are made after all of lower levels.
        nodes: The nodes.
        target: The partitions to make.
    """

    level: int
    nodes: tuple[BackfillNode, ...]
    target: Target

    @cached_property
    def keys(self) -> list[AssetKey]:
        """The assets."""
        return [key for node in self.nodes for key in node.keys]

    @property
    def definition(self) -> PartitionsDefinition | None:
        """The partitions definition, if there is one."""
        return self.nodes[0].definition

    @property
    def is_serial(self) -> bool:
        """Whether its partitions run one after the other, in order."""
        return any(node.is_serial for node in self.nodes)

    @cached_property
    def width(self) -> int:
        """The number of assets per partition."""
        return sum(node.size for node in self.nodes)

    def chunks(self) -> Iterator[Chunk]:
        """Iterate over its runs, in order."""
        if self.target is None or self.definition is None:
            yield Chunk(self, None)
            return
        most = self.nodes[0].most
        typed = self.definition.typed_key
        keys: list[str] = []
        for key in self.target:
            keys.append(typed(key))
            if len(keys) == most:
                yield Chunk(self, RunPartitions(self.definition, tuple(keys)))
                keys = []
        if keys:
            yield Chunk(self, RunPartitions(self.definition, tuple(keys)))

    @property
    def size(self) -> int:
        """The number of partitions, counted once for each of its assets."""
        return self.width * (1 if self.target is None else len(self.target))


@dataclass(frozen=True, eq=False)
class Chunk:
    """The part of a backfill that one run covers.

    Attributes:
        group: The assets.
        partitions: Their partitions; None for assets without any.
    """

    group: Group
    partitions: RunPartitions | None

    @property
    def size(self) -> int:
        """The number of partitions, counted once for each of its assets."""
        count = 1 if self.partitions is None else len(self.partitions.keys)
        return self.group.width * count


def groups_of(nodes: Mapping[str, BackfillNode], targets: Mapping[str, Target]) -> list[Group]:
    """Return the groups in the order in which they are made.

    A node joins the group of what it depends on if each of its partitions depends on the one
    with the same key, in as many runs, and nothing else could hold it up; else it comes after all
    that it depends on.

    Args:
        nodes: The nodes, each after its upstream.
        targets: The partitions of each to make; nodes that are not in it make none.
    """
    place: dict[str, _ChunkGroup] = {}
    members: dict[_ChunkGroup, list[BackfillNode]] = {}
    for name, node in nodes.items():
        if name in targets and not _is_empty(targets[name]):
            found = place[name] = _place_of(node, targets[name], place)
            members.setdefault(found, []).append(node)
    made = [Group(each.level, tuple(found), each.kind[2]) for each, found in members.items()]
    return sorted(made, key=lambda group: group.level)


class _ChunkGroup(NamedTuple):
    """The group of a node: what all of its nodes have in common."""

    level: int
    kind: tuple[PartitionsDefinition | None, int | None, Target, str]
    outer: frozenset[tuple[str, Hashable]]


def _place_of(node: BackfillNode, target: Target, place: Mapping[str, _ChunkGroup]) -> _ChunkGroup:
    # One that is made from itself goes alone: what fails in it holds up nothing else.
    serial = node.name if node.is_serial else ""
    kind = (node.definition, node.most, target, serial)
    edges = [edge for edge in node.edges if edge.upstream in place]
    for edge in edges:
        near = place[edge.upstream]
        if edge.is_identity and near.kind == kind:
            others = [
                each for each in edges if not each.is_identity or place[each.upstream] != near
            ]
            if _outer(others) <= near.outer:
                return near
    level = max((place[edge.upstream].level + 1 for edge in edges), default=0)
    return _ChunkGroup(level, kind, _outer(edges))


def _outer(edges: Sequence[Edge]) -> frozenset[tuple[str, Hashable]]:
    """Return the nodes and edges outside that a node may wait for."""
    return frozenset((edge.upstream, _same(edge.mapping)) for edge in edges)


def _same(mapping: PartitionMapping | None) -> Hashable:
    """Return a key that is equal for equal mappings; a user's class may not be hashable."""
    return mapping if type(mapping).__hash__ is not None else id(mapping)


def _is_empty(target: Target) -> bool:
    return isinstance(target, PartitionsSubset) and target.is_empty


def levels_of(groups: Sequence[Group]) -> Iterator[list[Group]]:
    """Iterate over the groups level by level: those of one may be made side by side."""
    for level in sorted({group.level for group in groups}):
        yield [group for group in groups if group.level == level]


def shared(chunks: Iterator[Chunk], lock: Lock) -> Iterator[Chunk]:
    """Iterate over chunks that several threads take from one source."""
    while True:
        with lock:
            chunk = next(chunks, None)
        if chunk is None:
            return
        yield chunk
