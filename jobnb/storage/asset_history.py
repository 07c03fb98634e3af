"""The part of an instance that reads assets, and stores presets by name."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobnb.definitions.checks.asset_check import AssetCheckKey
from jobnb.definitions.keys import AssetKey, CoercibleToAssetKey
from jobnb.definitions.plain import check_text
from jobnb.events import EventType
from jobnb.storage.records import AssetRecord, EventLogEntry, EventLogRecord, EventRecordsFilter

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from jobnb.storage.history import History
    from jobnb.storage.records import FailedAssetStep, LatestMaterialization


class AssetHistory:
    """Reads assets: which there are, and the last materialization of each.

    Args:
        history: What it reads and writes.
    """

    def __init__(self, history: History) -> None:
        self._history = history

    def get_asset_keys(
        self,
        prefix: Sequence[str] | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Sequence[AssetKey]:
        """Return every asset that was made, observed or planned, in order.

        Args:
            prefix: Those whose key begins with these parts only.
            limit: How many at most.
            cursor: `to_string()` of the last key of the page before.
        """
        from jobnb.storage import asset_queries

        keys = self._history.read(asset_queries.all_keys)
        last = AssetKey.from_db_string(cursor)
        found = [
            key
            for key in keys
            if (prefix is None or key.has_prefix(prefix)) and (last is None or last < key)
        ]
        return found if limit is None else found[:limit]

    def all_asset_keys(self) -> Sequence[AssetKey]:
        """Return every asset that was made, observed or planned, in order.

        Source: Dagster's `DagsterInstance.all_asset_keys`.
        """
        return self.get_asset_keys()

    def has_asset_key(self, asset_key: AssetKey) -> bool:
        """Whether the asset was ever made, observed or planned."""
        return bool(self.get_asset_records([asset_key]))

    def get_asset_records(
        self, asset_keys: Sequence[AssetKey] | None = None
    ) -> Sequence[AssetRecord]:
        """Return the records of these assets, or of all; unknown ones are left out."""
        from jobnb.storage import asset_queries

        return self._history.read(
            lambda connection: asset_queries.asset_records(connection, asset_keys)
        )

    def get_latest_materialization_event(self, asset_key: AssetKey) -> EventLogEntry | None:
        """Return the last materialization of an asset, or None.

        Source: Dagster's `DagsterInstance.get_latest_materialization_event`.
        """
        return self.get_latest_materialization_events([asset_key])[asset_key]

    def get_latest_materialization_events(
        self, asset_keys: Sequence[AssetKey]
    ) -> Mapping[AssetKey, EventLogEntry | None]:
        """Return the last materialization of each of these assets, or None."""
        found: dict[AssetKey, EventLogEntry | None] = dict.fromkeys(asset_keys)
        for record in self.get_asset_records(asset_keys):
            last = record.asset_entry.last_materialization_record
            if last is not None:
                found[record.asset_entry.asset_key] = last.event_log_entry
        return found

    def get_latest_asset_check_evaluations(
        self, asset_keys: Sequence[CoercibleToAssetKey]
    ) -> Mapping[AssetCheckKey, EventLogEntry]:
        """Return the last evaluation of each check of these assets."""
        from jobnb.storage import asset_queries

        keys = list(dict.fromkeys(map(AssetKey.from_coercible, asset_keys)))
        return self._history.read(lambda connection: asset_queries.latest_checks(connection, keys))

    def get_asset_check_evaluation_records(
        self, check_key: AssetCheckKey, limit: int = 100, cursor: int | None = None
    ) -> Sequence[EventLogRecord]:
        """Return the evaluations of a check in all runs, newest first.

        Args:
            check_key: The check.
            limit: How many at most.
            cursor: The `storage_id` of the last record of the page before.
        """
        from jobnb.storage import asset_queries

        return self._history.read(
            lambda connection: asset_queries.check_history(connection, check_key, limit, cursor)
        )

    def get_latest_data_version_record(
        self,
        key: AssetKey,
        is_source: bool | None = None,
        partition_key: str | None = None,
        before_cursor: int | None = None,
        after_cursor: int | None = None,
    ) -> EventLogRecord | None:
        """Return the last event that says which version of an asset's value there is, or None.

        Args:
            key: The asset.
            is_source: True looks at observations, False at materializations, None at both.
            partition_key: The partition.
            before_cursor: Only before this storage id.
            after_cursor: Only after it.
        """
        kinds = {
            True: [EventType.ASSET_OBSERVATION],
            False: [EventType.ASSET_MATERIALIZATION],
            None: [EventType.ASSET_OBSERVATION, EventType.ASSET_MATERIALIZATION],
        }[is_source]
        partitions = [partition_key] if partition_key is not None else None
        found: list[EventLogRecord] = []
        for kind in kinds:
            wanted = EventRecordsFilter(
                kind, key, partitions, after_cursor=after_cursor, before_cursor=before_cursor
            )
            found += self._records(wanted, limit=1)
        return max(found, key=lambda record: record.storage_id, default=None)

    def _records(self, wanted: EventRecordsFilter, limit: int) -> list[EventLogRecord]:
        from jobnb.storage import event_queries

        return self._history.read(
            lambda connection: event_queries.find_records(
                connection, wanted, limit, False, with_loading=False
            )
        )

    def last_made(
        self, keys: Collection[AssetKey] | None = None
    ) -> Mapping[AssetKey, LatestMaterialization]:
        """Return the last materializations of these assets, or of all, with their versions."""
        from jobnb.storage import asset_queries

        return self._history.read(lambda connection: asset_queries.last_made(connection, keys))

    def last_observed(self, keys: Collection[AssetKey]) -> Mapping[AssetKey, LatestMaterialization]:
        """Return the last observations of these assets, with their versions."""
        from jobnb.storage import asset_queries

        return self._history.read(lambda connection: asset_queries.last_observed(connection, keys))

    def partitions_made(
        self, key: AssetKey, partitions: Sequence[str] | None = None, after: int | None = None
    ) -> Mapping[str, LatestMaterialization]:
        """Return the last materialization of each partition of an asset, with its versions.

        Args:
            key: The asset.
            partitions: Only these.
            after: Only those made by an event after this storage id.
        """
        from jobnb.storage import asset_queries

        return self._history.read(
            lambda connection: asset_queries.partitions_made(connection, key, partitions, after)
        )

    def partitions_print(self, key: AssetKey) -> tuple[int, int]:
        """Return two numbers, at least one of which changes with the asset's partitions."""
        from jobnb.storage import asset_queries

        return self._history.read(
            lambda connection: asset_queries.partitions_print(connection, key)
        )

    def failed_steps(self) -> Sequence[FailedAssetStep]:
        """Return the latest failures of steps, the newest first."""
        from jobnb.storage import asset_queries

        return self._history.read(lambda connection: list(asset_queries.failed_steps(connection)))

    def wipe_assets(self, asset_keys: Sequence[CoercibleToAssetKey]) -> None:
        """Delete the records of these assets; the logs of their runs stay."""
        from jobnb.storage import asset_queries

        keys = [AssetKey.from_coercible(key) for key in asset_keys]
        self._history.write(lambda connection: asset_queries.remove_assets(connection, keys))

    def earlier_names(self) -> Mapping[AssetKey, Sequence[AssetKey]]:
        """Return the names that renamed assets had before, the latest first."""
        from jobnb.storage import asset_queries

        return self._history.read(asset_queries.earlier_names)

    def move_asset(
        self, old: AssetKey, new: AssetKey, folder: Path, read_tags: Sequence[str]
    ) -> int:
        """Give an asset's records and stored values to another key; see `Session.rename`.

        Args:
            old: Its key so far.
            new: The key that it gets.
            folder: The folder of values.
            read_tags: What stands before its key in the tags of assets that have read it.

        Returns:
            How many stored values there were.
        """
        from jobnb.storage import renaming
        from jobnb.storage.partition_queries import made_partitions

        def found(connection: Connection) -> list[renaming.ValueMove]:
            renaming.check_renaming(connection, old, new)
            partitions = made_partitions(connection, old.to_string(), None, None)
            return renaming.value_moves(folder, old, new, partitions)

        moves = self._history.read(found)
        renaming.put_in_place(moves, folder)
        self._history.write(
            lambda connection: renaming.rename_records(connection, old, new, read_tags, moves)
        )
        renaming.remove_old(moves)
        return len(moves)


class NamedHistory:
    """Stores presets and small values by name.

    Args:
        history: What it reads and writes.
    """

    def __init__(self, history: History) -> None:
        self._history = history

    def save_preset(self, job_name: str, name: str, preset: Mapping[str, Any]) -> None:
        """Keep what a launchpad holds under a name; one of that name is replaced."""
        from jobnb.storage import named_queries

        check_text(job_name, "The name of a job")
        check_text(name, "The name of a preset")
        self._history.write(
            lambda connection: named_queries.save_preset(connection, job_name, name, preset)
        )

    def get_presets(self, job_name: str) -> Mapping[str, Mapping[str, Any]]:
        """Return the presets of a job by name, in alphabetical order."""
        from jobnb.storage import named_queries

        return self._history.read(
            lambda connection: named_queries.find_presets(connection, job_name)
        )

    def delete_preset(self, job_name: str, name: str) -> None:
        """Delete a preset; deleting an unknown one is no error."""
        from jobnb.storage import named_queries

        self._history.write(
            lambda connection: named_queries.remove_preset(connection, job_name, name)
        )

    def set_values(self, pairs: Mapping[str, str]) -> None:
        """Keep small texts by key."""
        from jobnb.storage import named_queries

        for key, value in pairs.items():
            check_text(key, "The key of a text that is kept")
            check_text(value, f"What is kept under {key!r}")
        self._history.write(lambda connection: named_queries.set_values(connection, pairs))

    def get_values(self, keys: Sequence[str]) -> Mapping[str, str]:
        """Return the small texts stored under these keys; unknown keys are left out."""
        from jobnb.storage import named_queries

        return self._history.read(lambda connection: named_queries.get_values(connection, keys))
