"""How a job is run: here and now, in the background, from a form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jobnb.definitions import doors
from jobnb.definitions.keys import AssetKey
from jobnb.errors import InvalidDefinitionError

__all__ = ["RunnableJob"]


class RunnableJob:
    """The part of a job that starts runs of it."""

    name: str

    def execute_in_process(
        self,
        run_config: Any = None,
        instance: Any = None,
        partition_key: str | None = None,
        raise_on_error: bool = True,
        op_selection: Sequence[str] | None = None,
        asset_selection: Sequence[AssetKey] | None = None,
        run_id: str | None = None,
        input_values: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
        resources: Mapping[str, Any] | None = None,
        keep_outputs: bool = True,
        asset_check_selection: Sequence[Any] | None = None,
    ) -> Any:
        """Run the job in this process, step by step, and wait for its end.

        Args:
            run_config: A `RunConfig` or dict; the job's own config if absent.
            instance: Where the history goes; an ephemeral one if absent.
            partition_key: The partition that the run is for.
            raise_on_error: Whether a failure is raised, after all that could run has run.
            op_selection: Ops to run, as `["*a", "b+"]`.
            asset_selection: Assets to make.
            run_id: The id of the run; made if absent.
            input_values: Values of the graph's inputs, by name.
            tags: Tags of the run, beside those of the job.
            resources: Values or definitions that take the place of the job's resources.
            keep_outputs: Whether values held in memory are kept for `output_for_node`; if not,
                each is dropped after its last reader.
            asset_check_selection: Checks to make; those of the assets if absent.

        Returns:
            An `ExecuteInProcessResult`.

        Raises:
            InvalidConfigError: If the run config does not fit; nothing has run then.
            Exception: What the first failing step raised, if `raise_on_error`.

        Source: Dagster's `JobDefinition.execute_in_process`.
        """
        __tracebackhide__ = True
        return doors.execute_job(
            self,
            run_config=run_config,
            instance=instance,
            partition_key=partition_key,
            raise_on_error=raise_on_error,
            op_selection=op_selection,
            asset_selection=asset_selection,
            run_id=run_id,
            input_values=input_values,
            tags=tags,
            resources=resources,
            keep_outputs=keep_outputs,
            asset_check_selection=asset_check_selection,
        )

    def launch(
        self,
        run_config: Any = None,
        *,
        instance: Any = None,
        partition_key: Any = None,
        partition: Any = None,
        op_selection: Sequence[str] | None = None,
        asset_selection: Sequence[Any] | None = None,
        asset_check_selection: Sequence[Any] | None = None,
        tags: Mapping[str, str] | None = None,
        resources: Mapping[str, Any] | None = None,
        run_id: str | None = None,
        stale_only: bool = False,
    ) -> Any:
        """Begin a run in the background; the history and the values go to the session's home.

        Args:
            run_config: A `RunConfig` or dict; the job's own config if absent.
            instance: Where the history and the values go; that of the session if absent.
            partition_key: The partition that the run is for; or several: a range, some keys.
            partition: A shorter name of `partition_key`.
            op_selection: Ops to run, as `["*a", "b+"]`.
            asset_selection: Assets to make.
            asset_check_selection: Checks to make; those of the assets if absent.
            tags: Tags of the run; `dagster/max_runtime` is how many seconds it may take.
            resources: Values or definitions that take the place of the job's resources.
            run_id: The id of the run; made if absent.
            stale_only: Whether fresh assets are left as they are; see `Session.stale`.

        Returns:
            A `Run`: it can be observed, waited for, awaited, canceled and repeated.

        Raises:
            InvalidConfigError: If the run config does not fit; nothing has run then.
        """
        __tracebackhide__ = True
        return doors.launch_job(
            self,
            run_config=run_config,
            instance=instance,
            partition_key=partition_key,
            partition=partition,
            op_selection=op_selection,
            asset_selection=asset_selection,
            asset_check_selection=asset_check_selection,
            tags=tags,
            resources=resources,
            run_id=run_id,
            stale_only=stale_only,
        )

    def backfill(
        self,
        partitions: Any = None,
        *,
        only_missing: bool = False,
        only_failed: bool = False,
        tags: Mapping[str, str] | None = None,
        max_parallel: int = 1,
        config: Any = None,
        instance: Any = None,
        resources: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run the job once for each of many partitions, in the background.

        Each run has the config and the tags that the job has for its partition. A run that fails
        keeps no other from being tried.

        Args:
            partitions: A key, some keys, a `PartitionKeyRange` or a subset; all if absent.
            only_missing: Only those for which the job never ran to an end.
            only_failed: Only those whose last run failed.
            tags: Tags of each run, beside those of the job.
            max_parallel: How many runs go side by side.
            config: A `RunConfig` or dict, laid on top of the config that each run has anyway.
            instance: Where the history is kept; that of the session if absent.
            resources: Values or definitions that take the place of the job's resources.

        Returns:
            A `Backfill`: it can be observed, waited for, awaited, canceled and resumed.

        Raises:
            InvalidDefinitionError: If the job has no partitions.
            UnknownPartitionError: If it has no such partition; nothing has run then.
            InvalidConfigError: If the config does not fit.

        Example:
            >>> from jobnb import Instance, job, op, static_partitioned_config
            >>> @static_partitioned_config(["JFK", "LGA"])
            ... def by_airport(key):
            ...     return {"ops": {"load": {"config": {"origin": key}}}}
            >>> @op(config_schema={"origin": str})
            ... def load(context):
            ...     return context.op_config["origin"]
            >>> @job(config=by_airport)
            ... def flights():
            ...     load()
            >>> print(flights.backfill(instance=Instance.ephemeral()).result())
            2 of 2 partitions done (100%): 2 made
        """
        __tracebackhide__ = True
        return doors.backfill_job(
            self,
            partitions,
            only_missing=only_missing,
            only_failed=only_failed,
            tags=tags,
            max_parallel=max_parallel,
            config=config,
            instance=instance,
            resources=resources,
        )

    def launchpad(self) -> Any:
        """The form for its config, with a button that launches it; shown again, it is the same."""
        return doors.open_launchpad(self)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse: a job is run, not called."""
        raise InvalidDefinitionError(
            f"The job {self.name!r} cannot be called, in a graph or outside. "
            f"Run it: {self.name}.execute_in_process()."
        )
