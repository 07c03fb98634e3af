"""`define_asset_job`: a job that makes a selection of assets, whichever there will be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from jobnb.definitions.announce import announce_from_caller
from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.assets.source_asset import SourceAsset
from jobnb.definitions.checks.asset_checks_definition import AssetChecksDefinition
from jobnb.definitions.doors import engine
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.jobs.run_request import RunRequest
from jobnb.definitions.keys import AssetKey, check_name
from jobnb.definitions.partitions.partitioned_config import PartitionedConfig
from jobnb.definitions.selections.selection import AssetSelection

if TYPE_CHECKING:
    from jobnb.automation.backfill import Backfill
    from jobnb.config.run_config import CoercibleToRunConfig
    from jobnb.definitions.jobs.executor import ExecutorDefinition
    from jobnb.definitions.ops.hook import HookDefinition
    from jobnb.definitions.ops.retry import RetryPolicy
    from jobnb.definitions.partitions.partition import PartitionsDefinition
    from jobnb.display.widgets.launchpad import Launchpad
    from jobnb.execution.background import Run
    from jobnb.execution.result import ExecuteInProcessResult
    from jobnb.plan.partitions import PartitionsAsked


class AssetLayer(msgspec.Struct, frozen=True):
    """The assets around a job, and the selection of those that it makes.

    Attributes:
        assets: All that could be made.
        sources: All that can only be loaded.
        selection: An `AssetSelection`, a selection string, or None for all of `assets`.
        checks: All that could be checked.
        status_of: Tells how an asset stands, where somebody has looked.
        is_undecided: Whether the selection asks how assets stand, and nobody has looked yet: all
            that it could name is chosen meanwhile.
    """

    assets: tuple[AssetsDefinition, ...]
    sources: tuple[SourceAsset, ...] = ()
    selection: Any = None
    checks: tuple[AssetChecksDefinition, ...] = ()
    status_of: Callable[[AssetKey], str] | None = None
    is_undecided: bool = False


class AssetJobDefinition:
    """A job that makes a selection of assets; it becomes a job when the assets are known.

    Made by `define_asset_job`.

    Source: Dagster's `UnresolvedAssetJobDefinition`.
    """

    def __init__(
        self,
        name: str,
        selection: AssetSelection,
        config: Any = None,
        description: str | None = None,
        tags: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        partitions_def: PartitionsDefinition | None = None,
        executor_def: ExecutorDefinition | None = None,
        hooks: Iterable[HookDefinition] | None = None,
        op_retry_policy: RetryPolicy | None = None,
    ) -> None:
        self.name = check_name(name, "an asset job")
        self.selection = selection
        self.config = config
        self.description = description
        self.tags = dict(tags or {})
        self.metadata = dict(metadata or {})
        self.partitions_def = partitions_def
        self.executor_def = executor_def
        self.hooks = frozenset(hooks or ())
        self.op_retry_policy = op_retry_policy

    def resolve(
        self,
        assets: Sequence[AssetsDefinition],
        source_assets: Sequence[SourceAsset] = (),
        resource_defs: Mapping[str, Any] | None = None,
        default_executor_def: ExecutorDefinition | None = None,
        logger_defs: Mapping[str, Any] | None = None,
        asset_checks: Sequence[AssetChecksDefinition] = (),
    ) -> JobDefinition:
        """The job that makes those of `assets` that the selection names.

        Args:
            assets: All that could be made.
            source_assets: All that can only be loaded.
            resource_defs: Resources by key.
            default_executor_def: How steps are run, where the job does not say.
            logger_defs: Loggers by name.
            asset_checks: All that could be checked.
        """
        return JobDefinition(
            name=self.name,
            config=self.config,
            description=self.description,
            tags=self.tags,
            metadata=self.metadata,
            partitions_def=self.partitions_def,
            executor_def=self.executor_def or default_executor_def,
            hook_defs=self.hooks,
            op_retry_policy=self.op_retry_policy,
            logger_defs=logger_defs,
            resource_defs=resource_defs,
            asset_layer=AssetLayer(
                tuple(assets),
                tuple(source_assets),
                self.selection,
                tuple(asset_checks),
                is_undecided=self.selection.asks_status,
            ),
        )

    def run_request_for_partition(self, partition_key: str, **parameters: Any) -> RunRequest:
        """A request for a run of one partition; see `JobDefinition.run_request_for_partition`.

        Without partitions of its own, the assets that the session knows tell them.
        """
        job = self.resolved_for_partitions()
        return job.run_request_for_partition(partition_key, **parameters)

    def resolved_for_partitions(self) -> JobDefinition:
        """A job that knows its partitions: its own, else those of the session's assets."""
        known = self.partitions_def is not None or isinstance(self.config, PartitionedConfig)
        return self.resolve(()) if known else engine().session_job(self.name)

    def execute_in_process(self, **parameters: Any) -> ExecuteInProcessResult:
        """Run the job over the session's assets; see `JobDefinition.execute_in_process`."""
        return engine().session_job(self.name).execute_in_process(**parameters)

    def launch(self, config: CoercibleToRunConfig = None, **parameters: Any) -> Run:
        """Begin a run over the session's assets in the background; see `JobDefinition.launch`."""
        session = engine().current_session()
        return session.launch(self, config=config, **parameters)

    def backfill(self, partitions: PartitionsAsked | None = None, **parameters: Any) -> Backfill:
        """Run it over the session's assets for many partitions; see `JobDefinition.backfill`."""
        return engine().session_job(self.name).backfill(partitions, **parameters)

    def launchpad(self) -> Launchpad:
        """The form for its config, with a button to launch it; see `JobDefinition.launchpad`."""
        return engine().open_launchpad(self)

    def __repr__(self) -> str:
        return f"AssetJobDefinition({self.name!r})"


def define_asset_job(
    name: str,
    selection: Any = None,
    config: Any = None,
    description: str | None = None,
    tags: Mapping[str, Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    partitions_def: PartitionsDefinition | None = None,
    executor_def: ExecutorDefinition | None = None,
    hooks: Iterable[HookDefinition] | None = None,
    op_retry_policy: RetryPolicy | None = None,
) -> AssetJobDefinition:
    """Define a job that makes the selected assets.

    Args:
        name: The name of the job.
        selection: A selection string such as `"*revenue"`, a list of them or of assets, or an
            `AssetSelection`; all assets if absent. Whether it asks how assets stand, as
            `"status:stale"` does, is looked up when the job is launched.
        config: A `RunConfig`, a dict, a `ConfigMapping` or a `PartitionedConfig`.
        description: In words, Markdown.
        tags: Tags of each run.
        metadata: Values shown beside the job.
        partitions_def: The partitions that runs choose from; that of the assets if absent.
        executor_def: How steps are run.
        hooks: Hooks of every step.
        op_retry_policy: The retry policy of assets that have none.

    Example:
        >>> from jobnb import Definitions, asset, define_asset_job
        >>> @asset
        ... def orders():
        ...     return 3
        >>> defs = Definitions(assets=[orders], jobs=[define_asset_job("daily")])
        >>> defs.get_job_def("daily").execute_in_process().asset_value("orders")
        3

    Source: Dagster's `define_asset_job`.
    """
    chosen = AssetSelection.all() if selection is None else AssetSelection.from_coercible(selection)
    made = AssetJobDefinition(
        name,
        chosen,
        config,
        description,
        tags,
        metadata,
        partitions_def,
        executor_def,
        hooks,
        op_retry_policy,
    )
    announce_from_caller(made)
    return made
