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

    def launchpad(self) -> Any:
        """The form for its config, with a button that launches it; shown again, it is the same."""
        return doors.open_launchpad(self)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse: a job is run, not called."""
        raise InvalidDefinitionError(
            f"The job {self.name!r} cannot be called, in a graph or outside. "
            f"Run it: {self.name}.execute_in_process()."
        )
