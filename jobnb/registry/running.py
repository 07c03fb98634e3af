"""How a session runs what it knows: one run, here and now or in the background."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jobnb.definitions import doors
from jobnb.registry.past import Past

__all__ = ["Running"]


class Running(Past):
    """The part of a session that begins single runs; see `Session`."""

    def materialize(
        self,
        selection: Any = None,
        *,
        config: Any = None,
        partition: Any = None,
        run_config: Any = None,
        instance: Any = None,
        resources: Mapping[str, Any] | None = None,
        partition_key: Any = None,
        raise_on_error: bool = True,
        tags: Mapping[str, str] | None = None,
        stale_only: bool = False,
    ) -> Any:
        """Make the selected assets and wait for it.

        Args:
            selection: `"*revenue"`, `"group:load and not kind:sql"`, `"status:stale"`, a list,
                assets or an `AssetSelection`; all assets if absent.
            config: A `RunConfig` or dict.
            partition: The partition to make; or several in one run: a `PartitionKeyRange`, some
                keys. `backfill` makes several in runs of their own.
            run_config: A longer name of `config`.
            instance: Where the history and the values go; that of the session if absent.
            resources: Resources by key, in place of those of the session.
            partition_key: A longer name of `partition`.
            raise_on_error: Whether a failure is raised, after all that could run has run.
            tags: Tags of the run.
            stale_only: Whether fresh assets are left as they are; see `stale`.

        Returns:
            An `ExecuteInProcessResult`; it shows the graph, times and values.

        Raises:
            InvalidSubsetError: If the selection names what is not there, or nothing.
            InvalidConfigError: If the config does not fit; nothing has run then.
            InvariantViolationError: If assets have partitions and none is named.
            UnknownPartitionError: If there is no such partition.
            Exception: What the first failing step raised, if `raise_on_error`.

        Example:
            >>> from jobnb import Instance, Session, StaticPartitionsDefinition, asset
            >>> @asset(partitions_def=StaticPartitionsDefinition(["a", "b"]))
            ... def letters(context):
            ...     return context.partition_key
            >>> session, instance = Session().add(letters), Instance.ephemeral()
            >>> session.materialize("letters", partition="b", instance=instance).success
            True
        """
        __tracebackhide__ = True
        return doors.materialize_session(
            self,
            selection,
            config=config,
            partition=partition,
            run_config=run_config,
            instance=instance,
            resources=resources,
            partition_key=partition_key,
            raise_on_error=raise_on_error,
            tags=tags,
            stale_only=stale_only,
        )

    def observe_assets(
        self,
        selection: Any = None,
        *,
        config: Any = None,
        partition: Any = None,
        run_config: Any = None,
        instance: Any = None,
        resources: Mapping[str, Any] | None = None,
        partition_key: Any = None,
        raise_on_error: bool = True,
        tags: Mapping[str, str] | None = None,
    ) -> Any:
        """Let the functions of source assets tell their data versions, and wait for it.

        Args:
            selection: Which source assets, as in `materialize`; all that can be observed if absent.
            config: A `RunConfig` or dict.
            partition: The partition to look at.
            run_config: A longer name of `config`.
            instance: Where the history goes; that of the session if absent.
            resources: Resources by key, in place of those of the session.
            partition_key: A longer name of `partition`.
            raise_on_error: Whether a failure is raised.
            tags: Tags of the run.

        Returns:
            An `ExecuteInProcessResult`.

        Raises:
            InvalidSubsetError: If none of them can be observed.
        """
        __tracebackhide__ = True
        return doors.observe_session(
            self,
            selection,
            config=config,
            partition=partition,
            run_config=run_config,
            instance=instance,
            resources=resources,
            partition_key=partition_key,
            raise_on_error=raise_on_error,
            tags=tags,
        )

    def execute_job(
        self,
        job: Any,
        *,
        config: Any = None,
        partition: Any = None,
        run_config: Any = None,
        instance: Any = None,
        partition_key: Any = None,
        raise_on_error: bool = True,
        op_selection: Sequence[str] | None = None,
        asset_selection: Sequence[Any] | None = None,
        asset_check_selection: Sequence[Any] | None = None,
        run_id: str | None = None,
        input_values: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
        resources: Mapping[str, Any] | None = None,
        keep_outputs: bool = True,
    ) -> Any:
        """Run a job and wait for it; the run is kept in the history.

        Args:
            job: A job or its name.
            config: A `RunConfig` or dict; the job's own config if absent.
            partition: The partition that the run is for; or several: a range, some keys.
            run_config: A longer name of `config`.
            instance: Where the history goes; that of the session if absent.
            partition_key: A longer name of `partition`.
            raise_on_error: Whether a failure is raised, after all that could run has run.
            op_selection: Ops to run, as `["*a", "b+"]`.
            asset_selection: Assets to make.
            asset_check_selection: Checks to make; those of the assets if absent.
            run_id: The id of the run; made if absent.
            input_values: Values of the graph's inputs, by name.
            tags: Tags of the run, beside those of the job.
            resources: Values or definitions that take the place of the job's resources.
            keep_outputs: Whether values held in memory are kept for `output_for_node`.

        Returns:
            An `ExecuteInProcessResult`.

        Raises:
            InvalidSubsetError: If there is no such job, op or asset.
            InvalidConfigError: If the config does not fit; nothing has run then.
            Exception: What the first failing step raised, if `raise_on_error`.
        """
        __tracebackhide__ = True
        return doors.execute_session_job(
            self,
            job,
            config=config,
            partition=partition,
            run_config=run_config,
            instance=instance,
            partition_key=partition_key,
            raise_on_error=raise_on_error,
            op_selection=op_selection,
            asset_selection=asset_selection,
            asset_check_selection=asset_check_selection,
            run_id=run_id,
            input_values=input_values,
            tags=tags,
            resources=resources,
            keep_outputs=keep_outputs,
        )

    def launch(
        self,
        target: Any = None,
        config: Any = None,
        *,
        partition: Any = None,
        run_config: Any = None,
        instance: Any = None,
        partition_key: Any = None,
        op_selection: Sequence[str] | None = None,
        asset_selection: Sequence[Any] | None = None,
        asset_check_selection: Sequence[Any] | None = None,
        tags: Mapping[str, str] | None = None,
        resources: Mapping[str, Any] | None = None,
        run_id: str | None = None,
        stale_only: bool = False,
    ) -> Any:
        """Begin a run in the background: the kernel stays free.

        Args:
            target: A job or its name, else which assets to make, as in `materialize`; all assets
                if absent.
            config: A `RunConfig` or dict.
            partition: The partition that the run is for; or several: a range, some keys.
            run_config: A longer name of `config`.
            instance: Where the history and the values go; that of the session if absent.
            partition_key: A longer name of `partition`.
            op_selection: Ops of the job to run, as `["*a", "b+"]`.
            asset_selection: Assets of the job to make.
            asset_check_selection: Checks to make; those of the assets if absent.
            tags: Tags of the run; `dagster/max_runtime` is how many seconds it may take.
            resources: Values or definitions that take the place of the job's resources.
            run_id: The id of the run; made if absent.
            stale_only: Whether fresh assets are left as they are; see `stale`.

        Returns:
            A `Run`: it can be observed, waited for, awaited, canceled and repeated.

        Raises:
            InvalidConfigError: If the config does not fit; nothing has run then.
            InvalidSubsetError: If there is no such job or asset.
            InvariantViolationError: If assets have partitions and none is named.
            UnknownPartitionError: If there is no such partition.
        """
        __tracebackhide__ = True
        return doors.launch_session(
            self,
            target,
            config,
            partition=partition,
            run_config=run_config,
            instance=instance,
            partition_key=partition_key,
            op_selection=op_selection,
            asset_selection=asset_selection,
            asset_check_selection=asset_check_selection,
            tags=tags,
            resources=resources,
            run_id=run_id,
            stale_only=stale_only,
        )
