"""The part of a session that reads the history: values, partitions and statuses of assets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobnb.definitions.engine_protocol import engine
from jobnb.definitions.keys import AssetKey
from jobnb.registry.target_resolution import pinned

if TYPE_CHECKING:
    from jobnb.definitions.assets.asset_job import AssetJobDefinition
    from jobnb.definitions.jobs.job_definition import JobDefinition
    from jobnb.definitions.keys import CoercibleToAssetKey
    from jobnb.execution.debugging import OpenedStep
    from jobnb.plan.partitions import PartitionsAsked
    from jobnb.registry.session import Session
    from jobnb.staleness.causes import AssetStatus, AssetStatuses
    from jobnb.staleness.differences import DefinitionsDiff
    from jobnb.staleness.renames import AssetRenamed, PossibleRename
    from jobnb.storage.instance import Instance
    from jobnb.storage.partition_tables import JobPartitionTable, PartitionTable


class HistoryReader:
    """Reads stored values and the statuses of assets for a session.

    Args:
        session: Whose assets and jobs are looked at.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def value(self, key: CoercibleToAssetKey, partition: PartitionsAsked | None = None) -> Any:
        """Return the last value of an asset, from this kernel or an earlier one.

        What the default IO manager stored is loaded also where no cell has defined the asset yet.

        Args:
            key: The key of the asset.
            partition: The partition to load. Of several (a range, a list of keys; all that were
                made, if not given) a dict of values by key comes back.

        Returns:
            What the function of the asset returned, of whatever type.

        Raises:
            InvalidSubsetError: If there is no such asset.
            JobnbError: If it has never been stored.
        """
        return engine().session_value(self._session, key, partition)

    def peek(self, key: CoercibleToAssetKey, partition: str | None = None, rows: int = 10) -> Any:
        """Return the first rows of an asset's last value, loading no more than needed.

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
        return engine().session_value(self._session, key, partition, first_rows=rows)

    def partitions(
        self, key: CoercibleToAssetKey | JobDefinition | AssetJobDefinition
    ) -> PartitionTable | JobPartitionTable:
        """Return the partitions of an asset or a job: which were made, are missing, or failed.

        Args:
            key: The key of the asset; or a job or its name: its last runs tell then.

        Returns:
            A `PartitionTable` or `JobPartitionTable`; a cell shows it as a calendar or matrix to
            select in.

        Raises:
            InvalidSubsetError: If there is no such asset or job.
            InvalidDefinitionError: If it has no partitions.
        """
        return engine().partition_table(self._session, key)

    def status(self, key: CoercibleToAssetKey, partition: str | None = None) -> AssetStatus:
        """Return the status of an asset: missing, stale (and why), fresh, or failed.

        Args:
            key: The key of the asset.
            partition: One of its partitions; all of them count if not given.

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
        self._session.asset(wanted)
        return engine().asset_status(self._session, wanted, partition)

    def stale(self, selection: Any = None) -> AssetStatuses:
        """Return the statuses of the assets that are not fresh, and why.

        An asset is stale if its code, its config or what it depends on has changed since it
        was made, or if an asset that it depends on is stale. `materialize(stale_only=True)`
        makes just these.

        Code is all that its function leads to: functions and classes of the notebook and of
        modules beside it as they are loaded, constants, tables, objects. What of it cannot be
        looked into (a model, a connection) is named below the assets, as is a module that was
        edited since it was imported; neither makes stale.

        Args:
            selection: Which assets are looked at, as in `materialize`; all if not given.

        Returns:
            An `AssetStatuses`, by key; where nothing is defined yet it says so.

        Raises:
            InvalidSubsetError: If the selection names something unknown, or nothing.
        """
        known = self._session.snapshot()
        keys = None if selection is None else known.select_assets(pinned(self._session, selection))
        return engine().asset_statuses(self._session, keys).not_fresh

    def diff(self, run: Any = None) -> DefinitionsDiff:
        """Compare the code, inputs and config that a run recorded with the present definitions.

        Of a run of ops, the code of each op is compared; of an asset that failed, its code.
        The history keeps the code that ran as it was written, but for what looks like a secret
        (`password="..."`, an address with a password, a token of a known service): keep others
        out of the code, as with `EnvVar`.

        Args:
            run: The id of a run or how it begins, a `Run`, a record of the history or the result
                of one, also of another process; the latest run if None.

        Returns:
            A `DefinitionsDiff`: what was added, removed or changed, with reasons, and what that
            makes stale, with how long it took last time.

        Raises:
            RunNotFoundError: If there is no such run, or none at all.
        """
        return engine().session_diff(self._session, run)

    def rename(
        self,
        old: CoercibleToAssetKey,
        new: CoercibleToAssetKey,
        *,
        instance: Instance | None = None,
    ) -> AssetRenamed:
        """Rename an asset in the history: its values, partitions, runs and freshness stay.

        Rename it in the notebook before or afterwards; assets downstream stay fresh, also where a
        parameter is called after it. The logs of its runs keep the name that it had.

        Args:
            old: Its key so far.
            new: Its new key.
            instance: The history; that of the session if None.

        Returns:
            What went with it.

        Raises:
            InvalidSubsetError: If the asset was never materialized.
            InvariantViolationError: If the new key was materialized itself, or a run materializes
                the asset just now.

        Example:
            >>> from jobnb import Instance, Session, asset
            >>> @asset
            ... def orders():
            ...     return [1, 2]
            >>> instance = Instance.ephemeral()
            >>> result = Session().add(orders).materialize(instance=instance)
            >>> Session().rename("orders", "sales", instance=instance).new
            AssetKey(['sales'])
        """
        keys = AssetKey.from_coercible(old), AssetKey.from_coercible(new)
        return engine().rename_asset(self._session, *keys, instance)

    def renames(self) -> list[PossibleRename]:
        """Return the assets that are new by name alone: the code of one that is no longer defined.

        Returns:
            Each with its `old` and `new` key; `rename` keeps the values.
        """
        return engine().possible_renames(self._session)

    def debug(self, run: Any = None, step: str | None = None) -> OpenedStep:
        """Open a step of an earlier run: what its function was given, to run its code in cells.

        `%jobnb debug RUN STEP`, or the button at a failed step, puts the cells below.

        Args:
            run: The id of a run or how it begins, a `Run`, a record of the history or the result
                of one, also of another process; the latest that failed if None.
            step: The key of a step; the first that failed if None.

        Returns:
            An `OpenedStep`, with `.inputs`, `.config`, `.resources` and `.context`; its `resume()`
            goes on from there with the definitions as they are by then.

        Raises:
            RunNotFoundError: If there is no such run.
            InvalidSubsetError: If the session does not know its job, or it has no such step.
        """
        return engine().open_step(self._session, run, step)
