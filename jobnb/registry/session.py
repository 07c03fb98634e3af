"""The session: all that this kernel knows, and the short way to run it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from jobnb.definitions import doors
from jobnb.definitions.announce import listen
from jobnb.definitions.keys import AssetKey
from jobnb.registry.knowledge import Knowledge
from jobnb.registry.selecting import pinned

__all__ = ["Session", "current_session", "session"]


class Session(Knowledge):
    """What this kernel knows: definitions by name, resources, and where the history is.

    Definitions made in a notebook (in `__main__`) come here by themselves; those of a module
    are added with `add`. Running a cell again replaces what it defined and forgets what it no
    longer defines.

    Example:
        >>> from jobnb import asset
        >>> from jobnb.registry.session import Session
        >>> @asset
        ... def orders():
        ...     return [1, 2]
        >>> from jobnb import Instance
        >>> session = Session()
        >>> session.add(orders).materialize("orders", instance=Instance.ephemeral()).success
        True
    """

    # --- running it -------------------------------------------------------

    @property
    def instance(self) -> Any:
        """Where the history and the values are."""
        return doors.instance(self.home)

    def materialize(
        self,
        selection: Any = None,
        *,
        config: Any = None,
        partition: Any = None,
        **parameters: Any,
    ) -> Any:
        """Make the selected assets and wait for it.

        Args:
            selection: `"*revenue"`, `"group:load and not kind:sql"`, `"status:stale"`, a list,
                assets or an `AssetSelection`; all assets if absent.
            config: A `RunConfig` or dict.
            partition: The partition to make; or several in one run: a `PartitionKeyRange`, some
                keys. `backfill` makes several in runs of their own.
            **parameters: Those of `materialize`: run_config, instance, resources,
                partition_key, raise_on_error, tags, stale_only (leave what is fresh as it is).

        Returns:
            An `ExecuteInProcessResult`; it shows the graph, times and values.
        """
        __tracebackhide__ = True
        parameters.setdefault("run_config", config)
        if partition is not None:
            parameters["partition_key"] = partition
        return doors.materialize_session(self, selection, **parameters)

    def observe_assets(
        self, selection: Any = None, *, config: Any = None, **parameters: Any
    ) -> Any:
        """Let the functions of source assets tell their data versions, and wait for it.

        Args:
            selection: Which source assets, as in `materialize`; all that can be observed if absent.
            config: A `RunConfig` or dict.
            **parameters: Those of `observe`: run_config, instance, resources, partition_key,
                raise_on_error, tags.

        Returns:
            An `ExecuteInProcessResult`.

        Raises:
            InvalidSubsetError: If none of them can be observed.
        """
        __tracebackhide__ = True
        parameters.setdefault("run_config", config)
        return doors.observe_session(self, selection, **parameters)

    def execute_job(self, job: Any, *, config: Any = None, **parameters: Any) -> Any:
        """Run a job and wait for it; the run is kept in the history.

        Args:
            job: A job or its name.
            config: A `RunConfig` or dict.
            **parameters: Those of `JobDefinition.execute_in_process`.
        """
        __tracebackhide__ = True
        name = job if isinstance(job, str) else job.name
        known = isinstance(job, str) or name in self.catalogue.by_name("job")
        found = self.job(name) if known else job
        parameters.setdefault("run_config", config)
        parameters.setdefault("instance", self.instance)
        return found.execute_in_process(**parameters)

    def launch(self, target: Any = None, config: Any = None, **parameters: Any) -> Any:
        """Begin a run in the background: the kernel stays free.

        Args:
            target: A job or its name, else which assets to make, as in `materialize`; all assets
                if absent.
            config: A `RunConfig` or dict.
            **parameters: Those of `JobDefinition.launch`.

        Returns:
            A `Run`: it can be observed, waited for, awaited, canceled and repeated.

        Raises:
            InvalidConfigError: If the config does not fit; nothing has run then.
            InvalidSubsetError: If there is no such job or asset.
        """
        __tracebackhide__ = True
        return doors.launch_session(self, target, config=config, **parameters)

    def backfill(
        self,
        selection: Any = None,
        partitions: Any = None,
        *,
        only_missing: bool = False,
        only_failed: bool = False,
        stale_only: bool = False,
        tags: Mapping[str, str] | None = None,
        max_parallel: int = 1,
        config: Any = None,
        instance: Any = None,
        resources: Mapping[str, Any] | None = None,
    ) -> Any:
        """Make many partitions in the background, each asset after what it is made from.

        An asset's `backfill_policy` says how many partitions one run makes; without one, each is
        made in a run of its own. Assets with other partitions than those that are asked for make
        what belongs to these, by their partition mappings.

        Args:
            selection: Which assets, as in `materialize`.
            partitions: A key, some keys, a `PartitionKeyRange` or a subset; all if absent.
            only_missing: Only those that were never made.
            only_failed: Only those whose last run failed.
            stale_only: Only those that are stale, missing or failed, and what is made from these.
            tags: Tags of its runs.
            max_parallel: How many runs go side by side.
            config: A `RunConfig` or dict.
            instance: Where the history is kept; that of the session if absent.
            resources: Resources by key, in place of those of the session.

        Returns:
            A `Backfill`: it can be observed, waited for, awaited, canceled and resumed.

        Raises:
            UnknownPartitionError: If no asset has these partitions; nothing has run then.
            InvalidSubsetError: If there is no such asset.
            InvalidInvocationError: If more than one of `only_missing`, `only_failed` and
                `stale_only` is asked for, or `max_parallel` is below 1.

        Example:
            >>> from jobnb import Instance, StaticPartitionsDefinition, asset
            >>> @asset(partitions_def=StaticPartitionsDefinition(["a", "b"]))
            ... def letters(context):
            ...     return context.partition_key
            >>> backfill = Session().add(letters).backfill(instance=Instance.ephemeral())
            >>> backfill.wait().status
            'COMPLETED'
        """
        __tracebackhide__ = True
        return doors.backfill_session(
            self,
            selection,
            partitions,
            only_missing=only_missing,
            only_failed=only_failed,
            stale_only=stale_only,
            tags=tags,
            max_parallel=max_parallel,
            config=config,
            instance=instance,
            resources=resources,
        )

    def resume_backfill(
        self,
        backfill_id: str,
        *,
        max_parallel: int = 1,
        instance: Any = None,
        resources: Mapping[str, Any] | None = None,
    ) -> Any:
        """Go on with a backfill that was canceled, interrupted, or failed in part.

        What it has not made since it began is tried again, with the assets as they are now.

        Args:
            backfill_id: The id of the backfill, as `instance.get_backfills()` tells.
            max_parallel: How many runs go side by side.
            instance: Where the history is kept; that of the session if absent.
            resources: Resources by key, in place of those of the session.

        Returns:
            A `Backfill` with the same id.

        Raises:
            InvalidSubsetError: If there is no such backfill.
            InvariantViolationError: If it goes on, here or in another process.
        """
        __tracebackhide__ = True
        return doors.resume_backfill(
            self, backfill_id, max_parallel=max_parallel, instance=instance, resources=resources
        )

    def launchpad(self, target: Any = None) -> Any:
        """The form for a run's config, with a button that launches it.

        Args:
            target: A job or its name, else which assets to make, as in `launch`.

        Returns:
            A `Launchpad`; asked for again, it is the same and still holds what was typed.
        """
        return doors.open_session_launchpad(self, target)

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
        """The partitions of an asset: which were made, which are missing, which failed.

        Args:
            key: The key of the asset.

        Returns:
            A `PartitionTable`; a cell shows it as a calendar or matrix to select in.

        Raises:
            InvalidSubsetError: If there is no such asset.
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

    @classmethod
    @contextmanager
    def capture(cls) -> Iterator[Session]:
        """While it lasts, what is defined goes to a session of its own."""
        captured = cls()
        _active.append(captured)
        try:
            yield captured
        finally:
            _active.remove(captured)


def current_session() -> Session:
    """The session that definitions go to now: the kernel's, or one that captures."""
    return _active[-1]


def _hear(definition: Any, module: str) -> None:
    _active[-1].hear(definition, module)


session = Session()
_active = [session]
listen(_hear)
