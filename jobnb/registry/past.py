"""What a session can tell of the past: values, how assets and their partitions stand, runs."""

from __future__ import annotations

from typing import Any

from jobnb.definitions import doors
from jobnb.definitions.keys import AssetKey
from jobnb.registry.knowledge import Knowledge
from jobnb.registry.selecting import pinned

__all__ = ["Past"]


class Past(Knowledge):
    """The part of a session that looks back; see `Session`."""

    @property
    def instance(self) -> Any:
        """Where the history and the values are."""
        return doors.instance(self.home)

    def value(self, key: Any, partition: Any = None) -> Any:
        """The last value of an asset, from this kernel or an earlier one.

        Args:
            key: The key of the asset.
            partition: The partition to load. Of several (a range, a list of keys; all that were
                made, if left out) a dict of values by key comes back.

        Raises:
            InvalidSubsetError: If there is no such asset.
            JobnbError: If it has never been stored.
        """
        return doors.load_asset_value(
            self.snapshot(), key, instance=self.instance, partition_key=partition
        )

    def peek(self, key: Any, partition: str | None = None, rows: int = 10) -> Any:
        """The beginning of the last value of an asset, without loading all of it where that can be.

        Args:
            key: The key of the asset.
            partition: The partition to look at.
            rows: How many rows at most.

        Returns:
            A `Peek` with the first rows and the shape of the whole for a table that is stored as
            Parquet; else the value itself.

        Raises:
            InvalidSubsetError: If there is no such asset.
            JobnbError: If it has never been stored.
        """
        return doors.peek_asset_value(
            self.snapshot(), key, instance=self.instance, partition_key=partition, rows=rows
        )

    def partitions(self, key: Any) -> Any:
        """The partitions of an asset or a job: which were made, are missing, or failed.

        Args:
            key: The key of the asset; or a job or its name: its last runs tell then.

        Returns:
            A `PartitionTable` or `JobPartitionTable`; a cell shows it as a calendar or matrix to
            select in.

        Raises:
            InvalidSubsetError: If there is no such asset or job.
            InvalidDefinitionError: If it has no partitions.
        """
        return doors.partition_table(self, key)

    def status(self, key: Any, partition: str | None = None) -> Any:
        """How an asset stands: missing, stale (and why), fresh, or failed.

        Args:
            key: The key of the asset.
            partition: One of its partitions; all of them count if absent.

        Returns:
            An `AssetStatus`, with `.status` and `.causes`.

        Raises:
            InvalidSubsetError: If there is no such asset.

        Example:
            >>> from jobnb import Instance, asset
            >>> from jobnb.registry.session import Session
            >>> @asset
            ... def orders():
            ...     return [1, 2]
            >>> session = Session().add(orders)
            >>> session.status("orders").status.value
            'missing'
        """
        wanted = AssetKey.from_coercible(key)
        self.asset(wanted)
        if partition is None:
            return doors.asset_survey(self, [wanted])[wanted]
        return doors.asset_statuses(self, [wanted], partition)[wanted]

    def stale(self, selection: Any = None) -> Any:
        """How the assets stand that are not fresh, and why.

        An asset is stale if its code, its config or what it is made from has changed since it
        was made, or if an asset that it is made from is stale. `materialize(stale_only=True)`
        makes just these.

        Args:
            selection: Which assets are looked at, as in `materialize`; all if absent.

        Returns:
            An `AssetStatuses`, by key.

        Raises:
            InvalidSubsetError: If the selection names what is not there, or nothing.
        """
        known = self.snapshot()
        keys = None if selection is None else known.select_assets(pinned(self, selection))
        return doors.asset_survey(self, keys).not_fresh

    def place_of(self, key: Any) -> str:
        """Where an asset is written, in words: `cell 7`, or a module; empty if nobody knows."""
        entry = self.catalogue.by_name("asset").get(AssetKey.from_coercible(key).to_user_string())
        return entry.place if entry is not None else ""

    @property
    def runs(self) -> Any:
        """The history: runs, the latest first."""
        return doors.run_table(self.instance)
