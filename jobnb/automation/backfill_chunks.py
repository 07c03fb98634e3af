"""The runs of a backfill: which assets and partitions each makes, and in which order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from jobnb.automation.backfill_nodes import BackfillNode, Target
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.partitions.partition import PartitionsDefinition
from jobnb.definitions.partitions.partition_subset import PartitionsSubset
from jobnb.plan.partitions import RunPartitions

__all__ = ["Chunk", "Group", "groups_of", "levels_of"]


@dataclass(frozen=True, eq=False)
class Group:
    """Nodes that are made together: the same partitions, as many in a run, none after another.

    Attributes:
        level: Groups of a level are made after all of lower levels.
        nodes: The nodes.
        target: The partitions to make.
    """

    level: int
    nodes: tuple[BackfillNode, ...]
    target: Target

    @property
    def keys(self) -> list[AssetKey]:
        """The assets."""
        return [key for node in self.nodes for key in node.keys]

    @property
    def definition(self) -> PartitionsDefinition | None:
        """The partitions, if the assets have some."""
        return self.nodes[0].definition

    @property
    def is_serial(self) -> bool:
        """Whether its partitions are made one after the other, in order."""
        return any(node.own_mapping is not None for node in self.nodes)

    def chunks(self) -> Iterator[Chunk]:
        """Its runs, in order."""
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
        """How many partitions it makes, counted once for each of its assets."""
        return len(self.keys) * (1 if self.target is None else len(self.target))


@dataclass(frozen=True, eq=False)
class Chunk:
    """What one run makes.

    Attributes:
        group: The assets.
        partitions: Their partitions; None for assets without any.
    """

    group: Group
    partitions: RunPartitions | None

    @property
    def size(self) -> int:
        """How many partitions it makes, counted once for each of its assets."""
        count = 1 if self.partitions is None else len(self.partitions.keys)
        return len(self.group.keys) * count


_Kind = tuple[object, int | None, Target, str]


def groups_of(nodes: Mapping[str, BackfillNode], targets: Mapping[str, Target]) -> list[Group]:
    """The groups in the order in which they are made.

    A node joins the group of what it is made from if each of its partitions is made from the one
    with the same key, in as many runs; else it comes after all of that group.

    Args:
        nodes: The nodes, each after what it is made from.
        targets: The partitions of each to make; nodes that are not in it make none.
    """
    levels: dict[str, int] = {}
    members: dict[tuple[int, _Kind], list[BackfillNode]] = {}
    kinds: dict[str, _Kind] = {}
    for name, node in nodes.items():
        if name not in targets or _is_empty(targets[name]):
            continue
        # One that is made from itself goes alone: what fails in it holds up nothing else.
        serial = name if node.own_mapping is not None else ""
        kind = kinds[name] = (node.definition, node.most, targets[name], serial)
        level = 0
        for edge in node.edges:
            if edge.upstream in levels:
                together = edge.is_identity and kinds[edge.upstream] == kind and not serial
                level = max(level, levels[edge.upstream] + (0 if together else 1))
        levels[name] = level
        members.setdefault((level, kind), []).append(node)
    made = [Group(level, tuple(found), kind[2]) for (level, kind), found in members.items()]
    return sorted(made, key=lambda group: group.level)


def levels_of(groups: Sequence[Group]) -> Iterator[list[Group]]:
    """The groups level by level: those of one may be made side by side."""
    for level in sorted({group.level for group in groups}):
        yield [group for group in groups if group.level == level]


def _is_empty(target: Target) -> bool:
    return isinstance(target, PartitionsSubset) and target.is_empty
