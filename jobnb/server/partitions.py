"""The partitions of assets as GraphQL tells them: which there are, and their states."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobnb.definitions.keys import AssetKey
from jobnb.definitions.partitions.dynamic_partitions import DynamicPartitionsDefinition
from jobnb.definitions.partitions.multi_partition_key import MultiPartitionKey
from jobnb.definitions.partitions.multi_partitions import MultiPartitionsDefinition
from jobnb.definitions.partitions.partition import PartitionsDefinition
from jobnb.definitions.partitions.time_window import TimeWindowPartitionsDefinition
from jobnb.server.nodes import Node
from jobnb.server.workspace import RequestReader
from jobnb.storage.partition_history import AssetPartitionStatus

_WORDS = {
    AssetPartitionStatus.MATERIALIZED: "MATERIALIZED",
    AssetPartitionStatus.IN_PROGRESS: "MATERIALIZING",
    AssetPartitionStatus.FAILED: "FAILED",
}


def keys_of(definition: PartitionsDefinition, reading: RequestReader) -> list[str]:
    """Return all keys of partitions as they are now."""
    return list(definition.get_partition_keys(dynamic_partitions_store=reading.instance))


def _kind(definition: PartitionsDefinition) -> str:
    if isinstance(definition, MultiPartitionsDefinition):
        return "MULTIPARTITIONED"
    if isinstance(definition, TimeWindowPartitionsDefinition):
        return "TIME_WINDOW"
    return "DYNAMIC" if isinstance(definition, DynamicPartitionsDefinition) else "STATIC"


def _dynamic_name(definition: PartitionsDefinition) -> str | None:
    return definition.name if isinstance(definition, DynamicPartitionsDefinition) else None


@dataclass(frozen=True)
class DimensionDefinitionType(Node):
    """One dimension of partitions."""

    name: str
    description: str
    type: str
    is_primary_dimension: bool
    dynamic_partitions_definition_name: str | None


class PartitionDefinition(Node):
    """The partitions of an asset or a job."""

    def __init__(self, definition: PartitionsDefinition) -> None:
        self._definition = definition

    @property
    def description(self) -> str:
        """They in words."""
        return str(self._definition)

    @property
    def type(self) -> str:
        """What kind they are of."""
        return _kind(self._definition)

    @property
    def name(self) -> str | None:
        """The name of those that are made as the work goes."""
        return _dynamic_name(self._definition)

    @property
    def dimension_types(self) -> list[DimensionDefinitionType]:
        """Their dimensions: one, or several."""
        several = _dimensions(self._definition)
        first = _primary(self._definition)
        return [
            DimensionDefinitionType(
                name, str(each), _kind(each), name == first, _dynamic_name(each)
            )
            for name, each in several.items()
        ]


def _dimensions(definition: PartitionsDefinition) -> dict[str, PartitionsDefinition]:
    if isinstance(definition, MultiPartitionsDefinition):
        return {each.name: each.partitions_def for each in definition.partitions_defs}
    return {"default": definition}


def _primary(definition: PartitionsDefinition) -> str:
    """Return the dimension of time, else the first."""
    several = _dimensions(definition)
    times = (n for n, each in several.items() if isinstance(each, TimeWindowPartitionsDefinition))
    return next(times, next(iter(several)))


@dataclass(frozen=True)
class DimensionPartitionKeys(Node):
    """The keys of a dimension."""

    name: str
    partition_keys: Sequence[str]
    type: str


def keys_by_dimension(
    definition: PartitionsDefinition, reading: RequestReader, start: int | None, end: int | None
) -> list[DimensionPartitionKeys]:
    """Return the keys of each dimension, from one place to another."""
    return [
        DimensionPartitionKeys(name, keys_of(each, reading)[start:end], _kind(each))
        for name, each in _dimensions(definition).items()
    ]


@dataclass(frozen=True)
class PartitionKeyRange(Node):
    """Partitions from one to another."""

    start: str
    end: str


@dataclass(frozen=True)
class PartitionStats(Node):
    """How many partitions stand how."""

    num_materialized: int
    num_partitions: int
    num_failed: int
    num_materializing: int


# --- statuses --------------------------------------------------------------------------


@dataclass(frozen=True)
class DefaultPartitionStatuses(Node):
    """The keys of partitions by status."""

    materialized_partitions: Sequence[str]
    failed_partitions: Sequence[str]
    unmaterialized_partitions: Sequence[str]
    materializing_partitions: Sequence[str]


@dataclass(frozen=True)
class TimePartitionRangeStatus(Node):
    """Partitions in a row that stand alike; times in seconds since the epoch."""

    start_time: float
    end_time: float
    start_key: str
    end_key: str
    status: str


@dataclass(frozen=True)
class TimePartitionStatuses(Node):
    """How partitions of time stand."""

    ranges: Sequence[TimePartitionRangeStatus]


@dataclass(frozen=True)
class MaterializedPartitionRangeStatuses2D(Node):
    """Keys of the first dimension in a row, under which the second stands alike."""

    primary_dim_start_key: str
    primary_dim_end_key: str
    primary_dim_start_time: float | None
    primary_dim_end_time: float | None
    secondary_dim: TimePartitionStatuses | DefaultPartitionStatuses


@dataclass(frozen=True)
class MultiPartitionStatuses(Node):
    """How partitions of two dimensions stand."""

    ranges: Sequence[MaterializedPartitionRangeStatuses2D]
    primary_dimension_name: str


Standing = Mapping[str, AssetPartitionStatus | None]
Statuses = DefaultPartitionStatuses | TimePartitionStatuses | MultiPartitionStatuses


def statuses_of(
    key: AssetKey, definition: PartitionsDefinition | None, reading: RequestReader
) -> tuple[Statuses, PartitionStats]:
    """Return the statuses of an asset's partitions, each and counted."""
    if definition is None:
        return DefaultPartitionStatuses([], [], [], []), PartitionStats(0, 0, 0, 0)
    keys = keys_of(definition, reading)
    standing = reading.instance.get_status_by_partition(key, keys)
    counts = {kind: sum(each is kind for each in standing.values()) for kind in _WORDS}
    stats = PartitionStats(
        counts[AssetPartitionStatus.MATERIALIZED],
        len(keys),
        counts[AssetPartitionStatus.FAILED],
        counts[AssetPartitionStatus.IN_PROGRESS],
    )
    return _told(definition, standing), stats


def _told(definition: PartitionsDefinition, standing: Standing) -> Statuses:
    if isinstance(definition, MultiPartitionsDefinition):
        return _in_two(definition, standing)
    return _in_one(definition, standing)


def _in_one(
    definition: PartitionsDefinition, standing: Standing
) -> TimePartitionStatuses | DefaultPartitionStatuses:
    if isinstance(definition, TimeWindowPartitionsDefinition):
        return TimePartitionStatuses(list(_ranges(definition, standing)))
    by = {kind: [key for key, each in standing.items() if each is kind] for kind in (*_WORDS, None)}
    return DefaultPartitionStatuses(
        by[AssetPartitionStatus.MATERIALIZED],
        by[AssetPartitionStatus.FAILED],
        by[None],
        by[AssetPartitionStatus.IN_PROGRESS],
    )


def _runs(items: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, str, Any]]:
    """Iterate over the first and last key of each row of equal values."""
    first = last = ""
    current: Any = None
    for key, value in items:
        if first and value == current:
            last = key
            continue
        if first:
            yield first, last, current
        first, last, current = key, key, value
    if first:
        yield first, last, current


def _ranges(
    definition: TimeWindowPartitionsDefinition, standing: Standing
) -> Iterator[TimePartitionRangeStatus]:
    for start, end, how in _runs(standing.items()):
        if how is not None:
            begin, until = _times(definition, start, end)
            yield TimePartitionRangeStatus(begin, until, start, end, _WORDS[how])


def _times(definition: TimeWindowPartitionsDefinition, start: str, end: str) -> tuple[float, float]:
    begin = definition.time_window_for_partition_key(start).start
    return begin.timestamp(), definition.time_window_for_partition_key(end).end.timestamp()


def _in_two(definition: MultiPartitionsDefinition, standing: Standing) -> MultiPartitionStatuses:
    several, first = _dimensions(definition), _primary(definition)
    second = next(name for name in several if name != first)
    rows: dict[str, dict[str, AssetPartitionStatus | None]] = {}
    for key, how in standing.items():
        parts = _parts(definition, key)
        rows.setdefault(parts[first], {})[parts[second]] = how
    told = []
    for start, end, row in _runs(rows.items()):
        times: tuple[float | None, float | None] = (None, None)
        primary = several[first]
        if isinstance(primary, TimeWindowPartitionsDefinition):
            times = _times(primary, start, end)
        if any(row.values()):
            below = _in_one(several[second], row)
            told.append(MaterializedPartitionRangeStatuses2D(start, end, *times, below))
    return MultiPartitionStatuses(told, first)


def _parts(definition: MultiPartitionsDefinition, key: str) -> Mapping[str, str]:
    typed = definition.typed_key(key)
    assert isinstance(typed, MultiPartitionKey)
    return typed.keys_by_dimension
