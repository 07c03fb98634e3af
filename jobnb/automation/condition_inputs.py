"""What conditions look at: what was materialized when, what is in progress, what was requested."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, NamedTuple

from jobnb.definitions.automation.condition import AutomationCondition
from jobnb.definitions.checks.asset_check import AssetCheckKey
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.locations.definitions import Definitions
from jobnb.definitions.partitions.default_mapping import fitting_partition_mapping
from jobnb.definitions.partitions.partition_keys import PARTITION_TAG
from jobnb.errors import InvalidInvocationError, JobnbError
from jobnb.staleness.versions import CodeVersions
from jobnb.state import RunStatus
from jobnb.storage.backfill import BackfillStatus
from jobnb.storage.instance import Instance
from jobnb.storage.records import EventLogEntry, LatestMaterialization
from jobnb.storage.run import RunsFilter

_GOES_ON = (
    RunStatus.QUEUED,
    RunStatus.NOT_STARTED,
    RunStatus.STARTING,
    RunStatus.STARTED,
    RunStatus.CANCELING,
)
_RECENT_RUNS = 500


class ConditionTarget(NamedTuple):
    """An asset or one of its partitions, or a check of one.

    Attributes:
        key: The asset.
        partition: The partition; None of the asset as a whole.
        check: The name of the check.
    """

    key: AssetKey
    partition: str | None = None
    check: str | None = None

    @property
    def words(self) -> str:
        """It as people write it."""
        name = self.key.to_user_string()
        if self.check is not None:
            return f"{name}:{self.check}"
        return name if self.partition is None else f"{name} [{self.partition}]"

    @property
    def text(self) -> str:
        """It as a cursor keeps it."""
        told = [list(self.key.path), self.partition]
        return json.dumps(told if self.check is None else [*told, self.check])

    @staticmethod
    def read(text: str) -> ConditionTarget:
        """Return the place that `text` wrote."""
        path, *rest = json.loads(text)
        return ConditionTarget(AssetKey(path), *rest)


@dataclass
class ConditionCursor:
    """What one evaluation keeps for the next one.

    Attributes:
        since: The moment of the first evaluation.
        last: The moment of the last one.
        requested: When each place was requested, until it is materialized.
        true: The places of which each condition that has a memory was true.
        code: The code version of each asset that a condition asks for.
        data: The data version of each place that a condition asks for.
    """

    since: float | None = None
    last: float | None = None
    requested: dict[str, float] = field(default_factory=dict)
    true: dict[str, list[str]] = field(default_factory=dict)
    code: dict[str, str] = field(default_factory=dict)
    data: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str | None) -> ConditionCursor:
        """Parse a cursor.

        Raises:
            InvalidInvocationError: If it is no cursor of conditions.
        """
        if not text:
            return cls()
        try:
            found = json.loads(text)
            kept = {name: dict(found.get(name, {})) for name in ("true", "code", "data")}
            return cls(found["since"], found["last"], dict(found["requested"]), **kept)
        except (ValueError, TypeError, KeyError, AttributeError):
            raise InvalidInvocationError(
                f"{text!r} is no cursor of conditions. Delete it: they start again then."
            ) from None

    def text(self) -> str:
        """Return it as a cursor, without what is empty."""
        kept: dict[str, Any] = {
            "since": self.since, "last": self.last, "requested": self.requested,
        }  # fmt: skip
        more = {"true": self.true, "code": self.code, "data": self.data}
        kept.update({name: value for name, value in more.items() if value})
        return json.dumps(kept, sort_keys=True)


class ConditionInputs:
    """What is known at one moment.

    Args:
        definitions: The code location.
        instance: The history.
        now: The moment, in seconds since the epoch.
        memory: What the evaluation before kept.

    Attributes:
        requested: What is requested at this evaluation.
        kept: What this evaluation keeps for the next one.
    """

    def __init__(
        self, definitions: Definitions, instance: Instance, now: float, memory: ConditionCursor
    ) -> None:
        self.definitions = definitions
        self.instance = instance
        self.now = now
        self.memory = memory
        self.kept = ConditionCursor(memory.since, now)
        self.requested: set[ConditionTarget] = set()
        self._partitions_made: dict[AssetKey, Mapping[str, LatestMaterialization]] = {}
        self._failed_partitions: dict[AssetKey, frozenset[str]] = {}
        self._latest: dict[AssetKey, str | None] = {}
        self._selected: dict[Any, frozenset[AssetKey]] = {}
        self._were_true = {name: frozenset(places) for name, places in memory.true.items()}

    @property
    def moment(self) -> datetime:
        """The moment that counts as now."""
        return datetime.fromtimestamp(self.now, UTC)

    # --- materialized, checked ------------------------------------------------

    @cached_property
    def _made(self) -> Mapping[AssetKey, LatestMaterialization]:
        return self.instance.last_made()

    def made(self, place: ConditionTarget) -> LatestMaterialization | None:
        """Return the last materialization; None if there is none."""
        if place.partition is None:
            return self._made.get(place.key)
        if place.key not in self._partitions_made:
            self._partitions_made[place.key] = self.instance.partitions_made(place.key)
        return self._partitions_made[place.key].get(place.partition)

    @cached_property
    def _checked(self) -> Mapping[AssetCheckKey, EventLogEntry]:
        keys = sorted({each.asset for each in self._blocking})
        return self.instance.get_latest_asset_check_evaluations(keys)

    def checked(self, place: ConditionTarget) -> tuple[float, Any] | None:
        """Return the last evaluation of a check and its result; None if there is none."""
        assert place.check is not None
        entry = self._checked.get(AssetCheckKey(place.key, place.check))
        return None if entry is None else (entry.timestamp, entry.dagster_event)

    @cached_property
    def _blocking(self) -> Mapping[AssetCheckKey, bool]:
        """All checks, and whether each blocks what depends on its asset."""
        specs = [spec for each in self.definitions.asset_checks for spec in each.check_specs]
        for each in self.definitions.assets:
            specs += each.check_specs_by_output_name.values()
        return {spec.key: spec.blocking for spec in specs}

    def checks(self, place: ConditionTarget, *, only_blocking: bool) -> list[ConditionTarget]:
        """Return the checks of an asset, by name."""
        return [
            ConditionTarget(place.key, place.partition, key.name)
            for key, blocks in sorted(self._blocking.items())
            if key.asset == place.key and (blocks or not only_blocking)
        ]

    # --- under way, failed ----------------------------------------------------

    @cached_property
    def _under_way(self) -> set[ConditionTarget]:
        return {
            ConditionTarget(key, run.tags.get(PARTITION_TAG))
            for run in self.instance.get_runs(RunsFilter(statuses=_GOES_ON))
            for key in run.asset_selection or ()
        }

    def is_run(self, place: ConditionTarget) -> bool:
        """Whether an active run materializes it."""
        return place in self._under_way or ConditionTarget(place.key) in self._under_way

    @cached_property
    def _backfilled(self) -> set[ConditionTarget]:
        found: set[ConditionTarget] = set()
        for backfill in self.instance.get_backfills(BackfillStatus.REQUESTED):
            for key in backfill.asset_selection:
                found.update(self._asked(key, backfill.partitions.get(key.to_string())))
        return found

    def _asked(self, key: AssetKey, told: str | None) -> Iterator[ConditionTarget]:
        partitions = self.partitions(key)
        if partitions is None or told is None:
            yield ConditionTarget(key)
            return
        try:
            subset = partitions.deserialize_subset(told)
        except JobnbError:
            return  # the partitions of the asset were others when it began
        for each in subset.get_partition_keys():
            yield ConditionTarget(key, str(each))

    def is_backfilled(self, place: ConditionTarget) -> bool:
        """Whether an active backfill is to materialize it."""
        return place in self._backfilled or ConditionTarget(place.key) in self._backfilled

    @cached_property
    def _last_failed(self) -> Mapping[AssetKey, bool]:
        """Whether the last run of each asset without partitions failed."""
        over = RunsFilter(statuses=(RunStatus.SUCCESS, RunStatus.FAILURE))
        found: dict[AssetKey, bool] = {}
        for run in self.instance.get_runs(over, limit=_RECENT_RUNS):
            for key in run.asset_selection or ():
                made = self._made.get(key)
                has_made = made is not None and made.run_id == run.run_id
                found.setdefault(key, run.status is RunStatus.FAILURE and not has_made)
        return found

    def has_failed(self, place: ConditionTarget) -> bool:
        """Whether the last run that was to materialize it failed, and did not."""
        if place.partition is None:
            return self._last_failed.get(place.key, False)
        if place.key not in self._failed_partitions:
            failed, _ = self.instance.unfinished_partitions(place.key)
            self._failed_partitions[place.key] = frozenset(failed)
        return place.partition in self._failed_partitions[place.key]

    # --- what was before ------------------------------------------------------

    def asked(self, place: ConditionTarget) -> float | None:
        """Return when it was requested, if it was not materialized since."""
        when = self.memory.requested.get(place.text)
        made = self.made(place)
        return None if when is not None and made is not None and made.time > when else when

    def was_true(self, name: str, place: ConditionTarget) -> bool:
        """Whether a condition that has a memory was true at the evaluation before."""
        return place.text in self._were_true.get(name, ())

    def keep_true(self, name: str, place: ConditionTarget) -> None:
        """Keep that a condition that has a memory is true."""
        kept = self.kept.true.setdefault(name, [])
        if place.text not in kept:
            kept.append(place.text)

    @cached_property
    def _codes(self) -> CodeVersions:
        return CodeVersions()

    def code_versions(self, place: ConditionTarget) -> tuple[str | None, str]:
        """Return the version of its code at the evaluation before, and now."""
        name = place.key.to_user_string()
        now, _ = self._codes.of(self.definitions.assets_by_key[place.key], place.key)
        self.kept.code[name] = now
        return self.memory.code.get(name), now

    def data_versions(
        self, place: ConditionTarget, now: str | None
    ) -> tuple[str | None, str | None]:
        """Return the version of its data at the evaluation before, and now."""
        if now is not None:
            self.kept.data[place.text] = now
        return self.memory.data.get(place.text), now

    # --- what it depends on ---------------------------------------------------

    def partitions(self, key: AssetKey) -> Any:
        """Return the partitions definition of an asset; None if it has none."""
        definition = self.definitions.assets_by_key.get(key)
        return None if definition is None else definition.partitions_def

    def latest_partition(self, key: AssetKey) -> str | None:
        """Return the last partition of an asset; None if there is none yet."""
        if key not in self._latest:
            partitions = self.partitions(key)
            self._latest[key] = partitions.get_last_partition_key(self.moment, self.instance)
        return self._latest[key]

    def deps(self, place: ConditionTarget, condition: AutomationCondition) -> list[ConditionTarget]:
        """Return the upstream that a condition considers, without what is not materialized here."""
        key, partition, _ = place
        own = self.definitions.assets_by_key[key]
        found: list[ConditionTarget] = []
        for dep in sorted(own.asset_deps.get(key, ()), key=lambda each: tuple(each.path)):
            upstream = self.definitions.assets_by_key.get(dep)
            if upstream is None or dep == key or not self._is_looked_at(dep, condition):
                continue
            if upstream.partitions_def is None:
                found.append(ConditionTarget(dep))
                continue
            partitions = own.partitions_def
            mapping = fitting_partition_mapping(
                own.get_partition_mapping(dep), upstream.partitions_def, partitions
            )
            mapped = mapping.get_upstream_mapped_partitions_result_for_partitions(
                partitions.subset_with_partition_keys([partition])
                if partitions is not None and partition is not None
                else None,
                upstream.partitions_def,
                self.moment,
                self.instance,
            )
            found += [
                ConditionTarget(dep, each) for each in mapped.partitions_subset.get_partition_keys()
            ]
        return found

    def _is_looked_at(self, key: AssetKey, condition: AutomationCondition) -> bool:
        if condition.allowed is not None and key not in self._keys_of(condition.allowed):
            return False
        return condition.ignored is None or key not in self._keys_of(condition.ignored)

    def _keys_of(self, selection: Any) -> frozenset[AssetKey]:
        name = str(selection)
        if name not in self._selected:
            self._selected[name] = frozenset(self.definitions.select_assets(selection))
        return self._selected[name]
