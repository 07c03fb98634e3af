"""The evaluations of assets that are materialized by themselves, as GraphQL tells them.

Dagster evaluates all of them in one loop, which is paused or not. Here sensors evaluate them: it is
paused where none of these runs, and each tick of one of them is an evaluation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from jobnb.definitions.automation.condition_sensor import AutomationConditionSensorDefinition
from jobnb.definitions.keys import AssetKey as Key
from jobnb.server.instigators import KnownInstigator, set_status, those_known
from jobnb.server.metadata import AssetKey
from jobnb.server.nodes import Node, digest
from jobnb.server.workspace import RequestReader
from jobnb.storage.decisions import Decision
from jobnb.storage.ticks import InstigatorStatus, Tick

_MOST_TICKS = 200


@dataclass(frozen=True)
class PartitionKeys(Node):
    """Partitions."""

    partition_keys: Sequence[str]


@dataclass(frozen=True)
class PartitionSubsetDeserializationError(Node):
    """Partitions that cannot be read any more; they are stored by key here, so none are."""

    message: str


@dataclass(frozen=True)
class _Condition(Node):
    """Why an asset was requested, or was not."""

    decision_type: ClassVar[str] = "MATERIALIZE"
    partition_keys_or_error: PartitionKeys | None


class FreshnessAutoMaterializeCondition(_Condition):
    """It is overdue."""


class DownstreamFreshnessAutoMaterializeCondition(_Condition):
    """What is made from it is overdue."""


class ParentMaterializedAutoMaterializeCondition(_Condition):
    """What it is made from was materialized."""

    updated_asset_keys: Sequence[AssetKey] | None = None
    will_update_asset_keys: Sequence[AssetKey] | None = None


class MissingAutoMaterializeCondition(_Condition):
    """It was never materialized."""


class ParentOutdatedAutoMaterializeCondition(_Condition):
    """What it is made from is missing, or is just being made."""

    decision_type = "SKIP"
    waiting_on_asset_keys: Sequence[AssetKey] | None = None


class MaxMaterializationsExceededAutoMaterializeCondition(_Condition):
    """Its policy limits how many are requested at a time."""

    decision_type = "DISCARD"


_BY_NAME: dict[str, type[_Condition]] = {
    "missing": MissingAutoMaterializeCondition,
    "newly_missing": MissingAutoMaterializeCondition,
    "any_deps_updated": ParentMaterializedAutoMaterializeCondition,
    "freshness_failed": FreshnessAutoMaterializeCondition,
    "any_deps_missing": ParentOutdatedAutoMaterializeCondition,
    "any_deps_in_progress": ParentOutdatedAutoMaterializeCondition,
}


class AutoMaterializeAssetEvaluationRecord(Node):
    """What a tick decided about an asset.

    Args:
        tick: The tick.
        key: The asset.
    """

    def __init__(self, tick: Tick, key: Key) -> None:
        self._tick = tick
        name, self._path = key.to_user_string(), list(key.path)
        kept = tick.decisions.kept
        self._decisions = {
            each.name.removeprefix(name).strip(" []") or None: each
            for each in kept
            if each.name == name or each.name.startswith(f"{name} [")
        }
        self.timestamp = tick.timestamp

    timestamp: float

    @property
    def is_of_it(self) -> bool:
        """Whether the tick looked at the asset."""
        return bool(self._decisions)

    @property
    def id(self) -> str:
        """Names it."""
        return digest(self._tick.instigator.origin_id, repr(self.timestamp), *self._path)

    @property
    def evaluation_id(self) -> int:
        """The second of the tick: later ones have larger numbers."""
        return int(self.timestamp)

    @property
    def _launched(self) -> set[str | None]:
        runs = (each for each in self._tick.runs if self._path in (each.assets or ()))
        return {each.partition for each in runs}

    def _partitions(self, wanted: bool, launched: bool) -> list[str | None]:
        known = self._launched
        return [
            partition
            for partition, each in self._decisions.items()
            if each.is_true is wanted and (partition in known or None in known) is launched
        ]

    @property
    def num_requested(self) -> int:
        """How many partitions were requested; one of an asset without."""
        return len(self._partitions(True, True))

    @property
    def num_skipped(self) -> int:
        """How many were not to be."""
        return len(self._partitions(False, False))

    @property
    def num_discarded(self) -> int:
        """How many were more than the policy lets through at a time."""
        return len(self._partitions(True, False))

    @property
    def run_ids(self) -> list[str]:
        """The runs that were launched for it."""
        return [each.run_id for each in self._tick.runs if self._path in (each.assets or ())]

    @property
    def conditions(self) -> list[_Condition]:
        """Why, by kind, each with the partitions that it is true of."""
        found: dict[type[_Condition], dict[str | None, None]] = {}
        for partition, decision in self._decisions.items():
            for leaf in _leaves(decision):
                kind = _BY_NAME.get(leaf.condition)
                if leaf.is_true and kind is not None:
                    found.setdefault(kind, {})[partition] = None
        discarded = self._partitions(True, False)
        if discarded:
            found[MaxMaterializationsExceededAutoMaterializeCondition] = dict.fromkeys(discarded)
        return [kind(_keys_of(partitions)) for kind, partitions in found.items()]


def _leaves(decision: Decision) -> Iterator[Decision]:
    if not decision.parts:
        yield decision
    for part in decision.parts:
        yield from _leaves(part)


def _keys_of(partitions: dict[str | None, None]) -> PartitionKeys | None:
    named = [each for each in partitions if each is not None]
    return PartitionKeys(named) if named else None


@dataclass(frozen=True)
class AutoMaterializeAssetEvaluationRecords(Node):
    """What ticks decided about an asset, the newest first."""

    records: Sequence[AutoMaterializeAssetEvaluationRecord]
    current_evaluation_id: int | None


@dataclass(frozen=True)
class AutoMaterializeAssetEvaluationNeedsMigrationError(Node):
    """The history has no place for evaluations; each has one here."""

    message: str


def evaluations_of(
    reading: RequestReader, key: Key, limit: int, cursor: str | None
) -> AutoMaterializeAssetEvaluationRecords:
    """Return what ticks decided about an asset, the newest first.

    Args:
        reading: What the request reads.
        key: The asset.
        limit: How many at most.
        cursor: The evaluation id of the last one of the page before.
    """
    before = float(cursor) if cursor and cursor.isdigit() else None
    ticks = [
        tick
        for sensor in _sensors(reading)
        for tick in reading.instance.get_ticks(sensor.instigator.origin_id, limit=_MOST_TICKS)
    ]
    ticks.sort(key=lambda tick: tick.timestamp, reverse=True)
    found = (AutoMaterializeAssetEvaluationRecord(tick, key) for tick in ticks)
    told = [e for e in found if e.is_of_it and (before is None or e.evaluation_id < before)]
    current = int(ticks[0].timestamp) if ticks else None
    return AutoMaterializeAssetEvaluationRecords(told[: max(0, limit)], current)


def _sensors(reading: RequestReader) -> list[KnownInstigator]:
    return [
        each
        for location, _ in reading.loaded()
        for each in those_known(reading, location)
        if isinstance(each.definition, AutomationConditionSensorDefinition)
    ]


def is_paused(reading: RequestReader) -> bool:
    """Return whether no asset is materialized by itself: no sensor of conditions runs."""
    return not any(each.runs for each in _sensors(reading))


def set_paused(reading: RequestReader, paused: bool) -> bool:
    """Stop or start all sensors of conditions; return whether it is paused now."""
    status = InstigatorStatus.STOPPED if paused else InstigatorStatus.RUNNING
    for each in _sensors(reading):
        if each.runs is paused:
            set_status(each, status)
    return is_paused(reading)
