"""The context of a multi-asset sensor: the new materializations of several assets."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from jobnb.automation.sensor_context import SensorEvaluationContext
from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.locations.definitions import Definitions
from jobnb.definitions.partitions.default_mapping import fitting_partition_mapping
from jobnb.definitions.partitions.partition import PartitionsDefinition
from jobnb.definitions.selections.selection import AssetSelection
from jobnb.errors import InvalidInvocationError, InvariantViolationError, did_you_mean
from jobnb.events import EventType
from jobnb.storage.instance import Instance
from jobnb.storage.records import EventLogRecord, EventRecordsFilter

_MOST_TRAILING = 25

CursorPosition = tuple[str | None, int | None, dict[str, int]]
"""The cursor of an asset: the partition and the storage id of the last event that was consumed,
and what is before it and was not, by partition."""


class MultiAssetSensorEvaluationContext(SensorEvaluationContext):
    """The context of a multi-asset sensor.

    Args:
        instance_ref: The history.
        last_completion_time: When it was evaluated last, in seconds since the epoch.
        last_run_key: The run key of the last run that it launched.
        cursor: What the last evaluation kept for this one.
        repository_name: What the code location is called.
        repository_def: The code location.
        monitored_assets: The keys of the assets, or an `AssetSelection`.
        instance: The history again.
        resource_defs: Resources by key.
        definitions: The code location again.

    Source: Dagster's `MultiAssetSensorEvaluationContext`.
    """

    _word = "multi-asset sensor"
    _builder = "build_multi_asset_sensor_context"

    def __init__(
        self,
        instance_ref: Instance | None,
        last_completion_time: float | None,
        last_run_key: str | None,
        cursor: str | None,
        repository_name: str | None,
        repository_def: Definitions | None,
        monitored_assets: Sequence[AssetKey] | AssetSelection,
        instance: Instance | None = None,
        resource_defs: Mapping[str, Any] | None = None,
        definitions: Definitions | None = None,
        sensor_name: str | None = None,
    ) -> None:
        super().__init__(
            instance_ref,
            last_completion_time,
            last_run_key,
            cursor,
            repository_name,
            repository_def,
            instance,
            sensor_name,
            resource_defs,
            definitions,
        )
        self._keys = _monitored(monitored_assets, self.definitions)

    # --- the assets ---------------------------------------------------------

    @property
    def asset_keys(self) -> list[AssetKey]:
        """The assets that are monitored."""
        return list(self._keys)

    @property
    def assets_defs_by_key(self) -> Mapping[AssetKey, AssetsDefinition | None]:
        """The definition of each asset; None of one that is not made here."""
        known = self.definitions.assets_by_key if self.definitions is not None else {}
        return {key: known.get(key) for key in self._keys}

    def _partitions(self, key: AssetKey) -> PartitionsDefinition | None:
        definition = self.assets_defs_by_key.get(key)
        return definition.partitions_def if definition is not None else None

    def _required_partitions(self, key: AssetKey) -> PartitionsDefinition:
        found = self._partitions(key)
        if found is None:
            raise InvariantViolationError(
                f"The asset {key.to_user_string()!r} has no partitions, as far as the code "
                "location tells. Use latest_materialization_records_by_key()."
            )
        return found

    def _known(self, asset_key: Any) -> AssetKey:
        key = AssetKey.from_coercible(asset_key)
        if key in self._keys:
            return key
        names = [each.to_user_string() for each in self._keys]
        hint = did_you_mean(key.to_user_string(), names, noun="It monitors")
        raise InvalidInvocationError(
            f"The sensor does not monitor the asset {key.to_user_string()!r}. {hint}"
        )

    # --- the cursor ---------------------------------------------------------

    def _places(self) -> dict[str, CursorPosition]:
        if not self.cursor:
            return {}
        try:
            read = json.loads(self.cursor)
            return {name: (part, place, dict(more)) for name, (part, place, more) in read.items()}
        except (ValueError, TypeError, AttributeError):
            raise InvalidInvocationError(
                f"{self.cursor!r} is no cursor of a multi-asset sensor. Delete it: all "
                "materializations are new then."
            ) from None

    def _place(self, key: AssetKey) -> CursorPosition:
        return self._places().get(key.to_user_string(), (None, None, {}))

    def _move(self, places: Mapping[AssetKey, CursorPosition]) -> None:
        named = {key.to_user_string(): place for key, place in places.items()}
        self.update_cursor(json.dumps({**self._places(), **named}))

    def get_cursor_partition(self, asset_key: AssetKey | None) -> str | None:
        """Return the partition of the last materialization that was consumed."""
        if asset_key is None:
            raise InvalidInvocationError("get_cursor_partition takes the key of an asset.")
        return self._place(self._known(asset_key))[0]

    def advance_all_cursors(self) -> None:
        """Consume all materializations that there are."""
        moved: dict[AssetKey, CursorPosition] = {}
        for key in self._keys:
            newest = self.latest_materialization(key, None)
            if newest is not None:
                moved[key] = (newest.partition_key, newest.storage_id, {})
        if moved:
            self._move(moved)

    def advance_cursor(
        self, materialization_records_by_key: Mapping[AssetKey, EventLogRecord | None]
    ) -> None:
        """Consume materializations.

        Those of other partitions that are before one and were not consumed stay new.

        Args:
            materialization_records_by_key: The last one that is consumed, by asset.
        """
        moved = {
            self._known(key): self._beyond(self._known(key), record)
            for key, record in materialization_records_by_key.items()
            if record is not None
        }
        if moved:
            self._move(moved)

    def _beyond(self, key: AssetKey, record: EventLogRecord) -> CursorPosition:
        partition, last, trailing = self._place(key)
        consumed = record.partition_key
        left = {part: place for part, place in trailing.items() if part != consumed}
        if last is not None and record.storage_id <= last:
            return partition, last, left
        for each in self._after(key, last):
            part = each.partition_key
            if part is not None and each.storage_id < record.storage_id and part != consumed:
                left[part] = each.storage_id
        if len(left) > _MOST_TRAILING:
            newest = sorted(left.items(), key=lambda item: item[1])[-_MOST_TRAILING:]
            self.log.warning(
                "More than %d partitions of %s were not consumed: the oldest are left out.",
                _MOST_TRAILING, key.to_user_string(),
            )  # fmt: skip
            left = dict(newest)
        return consumed, record.storage_id, left

    # --- the materializations ---------------------------------------------------

    def _after(
        self, key: AssetKey, last: int | None, limit: int | None = None
    ) -> Sequence[EventLogRecord]:
        wanted = EventRecordsFilter(EventType.ASSET_MATERIALIZATION, key, after_cursor=last)
        return self.instance.get_event_records(wanted, limit, ascending=True)

    def latest_materialization_records_by_key(
        self, asset_keys: Sequence[AssetKey] | None = None
    ) -> Mapping[AssetKey, EventLogRecord | None]:
        """Return the latest new materialization of each asset; None where there is none.

        Args:
            asset_keys: Of these assets only.
        """
        keys = self._keys if asset_keys is None else [self._known(key) for key in asset_keys]
        return {key: self.latest_materialization(key, self._place(key)[1]) for key in keys}

    def materialization_records_for_key(
        self, asset_key: AssetKey, limit: int | None = None
    ) -> Iterable[EventLogRecord]:
        """Return the new materializations of an asset, the oldest first.

        Args:
            asset_key: The asset.
            limit: How many at most.
        """
        key = self._known(asset_key)
        return self._after(key, self._place(key)[1], limit)

    def get_trailing_unconsumed_events(self, asset_key: AssetKey) -> Sequence[EventLogRecord]:
        """Return the materializations before the cursor that were not consumed, by time."""
        places = sorted(self._place(self._known(asset_key))[2].values())
        if not places:
            return []
        wanted = EventRecordsFilter(EventType.ASSET_MATERIALIZATION, storage_ids=places)
        return self.instance.get_event_records(wanted, ascending=True)

    def latest_materialization_records_by_partition(
        self, asset_key: AssetKey, after_cursor_partition: bool | None = False
    ) -> Mapping[str, EventLogRecord]:
        """Return the latest materialization of each partition that was not consumed, by time.

        Args:
            asset_key: The asset.
            after_cursor_partition: Whether only partitions after the last consumed one count.

        Raises:
            InvariantViolationError: If the asset has no partitions.
        """
        key = self._known(asset_key)
        partitions = self._required_partitions(key)
        partition, last, _ = self._place(key)
        found: dict[str, EventLogRecord] = {}
        for record in [*self.get_trailing_unconsumed_events(key), *self._after(key, last)]:
            if record.partition_key is not None:
                found.pop(record.partition_key, None)
                found[record.partition_key] = record
        if after_cursor_partition and partition is not None:
            keys = list(partitions.get_partition_keys(dynamic_partitions_store=self.instance))
            later = set(keys[keys.index(partition) + 1 :]) if partition in keys else set(keys)
            found = {part: record for part, record in found.items() if part in later}
        return found

    def latest_materialization_records_by_partition_and_asset(
        self,
    ) -> Mapping[str, Mapping[AssetKey, EventLogRecord]]:
        """Return the latest new materialization by partition, and by asset within each.

        Raises:
            InvariantViolationError: If the assets do not have the same partitions.
        """
        kinds = [self._required_partitions(key) for key in self._keys]
        if any(each != kinds[0] for each in kinds):
            raise InvariantViolationError(
                "The assets that the sensor monitors have different partitions. Use "
                "latest_materialization_records_by_partition(asset_key)."
            )
        found: dict[str, dict[AssetKey, EventLogRecord]] = {}
        for key in self._keys:
            for part, record in self.latest_materialization_records_by_partition(key).items():
                found.setdefault(part, {})[key] = record
        return found

    def all_partitions_materialized(
        self, asset_key: AssetKey, partitions: Sequence[str] | None = None
    ) -> bool:
        """Whether partitions of an asset were ever materialized, consumed or not.

        Args:
            asset_key: The asset.
            partitions: These partitions; all if absent.

        Raises:
            InvariantViolationError: If the asset has no partitions.
        """
        key = self._known(asset_key)
        definition = self._required_partitions(key)
        wanted = set(
            definition.get_partition_keys(dynamic_partitions_store=self.instance)
            if partitions is None
            else partitions
        )
        made = EventRecordsFilter(EventType.ASSET_MATERIALIZATION, key)
        return wanted <= {each.partition_key for each in self.instance.get_event_records(made)}

    def get_downstream_partition_keys(
        self, partition_key: str, from_asset_key: AssetKey, to_asset_key: AssetKey
    ) -> Sequence[str]:
        """Return the partitions of an asset that depend on one partition of another.

        Args:
            partition_key: The upstream partition.
            from_asset_key: The upstream asset.
            to_asset_key: The downstream asset.

        Raises:
            InvariantViolationError: If one of them has no partitions.
        """
        known = self.definitions.assets_by_key if self.definitions is not None else {}
        source = AssetKey.from_coercible(from_asset_key)
        target = AssetKey.from_coercible(to_asset_key)
        reader, upstream = known.get(target), known.get(source)
        if reader is None or upstream is None:
            raise InvalidInvocationError(
                f"The code location knows no {(target if reader is None else source)!r}."
            )
        if upstream.partitions_def is None or reader.partitions_def is None:
            raise InvariantViolationError(
                f"{source.to_user_string()!r} and {target.to_user_string()!r} do not both have "
                "partitions."
            )
        given = reader.get_partition_mapping(source)
        mapping = fitting_partition_mapping(given, upstream.partitions_def, reader.partitions_def)
        found = mapping.get_downstream_partitions_for_partitions(
            upstream.partitions_def.subset_with_partition_keys([partition_key]),
            reader.partitions_def,
            dynamic_partitions_store=self.instance,
        )
        return list(found.get_partition_keys())


def _monitored(given: Any, known: Definitions | None) -> list[AssetKey]:
    if not isinstance(given, AssetSelection):
        return [AssetKey.from_coercible(each) for each in given]
    if known is None:
        raise InvalidInvocationError(
            "The sensor monitors a selection of assets, and nothing says which there are. Pass "
            "definitions=Definitions(...)."
        )
    return sorted(known.named_by(given), key=lambda key: tuple(key.path))


def build_multi_asset_sensor_context(
    monitored_assets: Sequence[AssetKey] | AssetSelection,
    *,
    repository_def: Definitions | None = None,
    instance: Instance | None = None,
    cursor: str | None = None,
    repository_name: str | None = None,
    cursor_from_latest_materializations: bool = False,
    resources: Mapping[str, Any] | None = None,
    definitions: Definitions | None = None,
) -> MultiAssetSensorEvaluationContext:
    """Return a context to call or evaluate a multi-asset sensor with in a unit test.

    Args:
        monitored_assets: The keys of the assets, or an `AssetSelection`.
        repository_def: The code location, a `Definitions` or what `@repository` made.
        instance: The history; an ephemeral one if absent.
        cursor: What an earlier evaluation kept.
        repository_name: What the code location is called.
        cursor_from_latest_materializations: Whether all that was materialized so far counts as
            consumed.
        resources: Resources by key: values or definitions.
        definitions: The code location again, Dagster's newer name.

    Raises:
        InvalidInvocationError: If a cursor is given in both ways.

    Source: Dagster's `build_multi_asset_sensor_context`.
    """
    if cursor_from_latest_materializations and cursor:
        raise InvalidInvocationError(
            "A context has a cursor and cursor_from_latest_materializations. Keep one."
        )
    made = MultiAssetSensorEvaluationContext(
        instance or Instance.ephemeral(),
        None,
        None,
        cursor,
        repository_name,
        definitions or repository_def,
        monitored_assets,
        resource_defs=resources,
    )
    if cursor_from_latest_materializations:
        made.advance_all_cursors()
        made.cursor_updated = False
    return made
