"""`define_asset_job`: a job that materializes a selection of assets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from jobnb.definitions.announce import announce_from_caller
from jobnb.definitions.arguments import check_shapes, telling_nearest
from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.assets.source_asset import SourceAsset
from jobnb.definitions.checks.asset_checks_definition import AssetChecksDefinition
from jobnb.definitions.engine_protocol import engine
from jobnb.definitions.jobs.executor import ExecutorDefinition, executor_of
from jobnb.definitions.jobs.job_config import partitioned_config_of, readable_config
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.jobs.run_request import RunRequest
from jobnb.definitions.keys import AssetKey, check_name
from jobnb.definitions.ops.hook import checked_hooks
from jobnb.definitions.ops.retry import check_retry_policy
from jobnb.definitions.partitions.partition import check_partitions
from jobnb.definitions.plain import check_tags
from jobnb.definitions.selections.selection import AssetSelection

if TYPE_CHECKING:
    from jobnb.automation.backfill import Backfill
    from jobnb.config.run_config import CoercibleToRunConfig
    from jobnb.definitions.ops.hook import HookDefinition
    from jobnb.definitions.ops.retry import RetryPolicy
    from jobnb.definitions.partitions.partition import PartitionsDefinition
    from jobnb.display.widgets.launchpad import Launchpad
    from jobnb.execution.background import Run
    from jobnb.execution.result import ExecuteInProcessResult
    from jobnb.plan.partitions import PartitionsAsked


class AssetLayer(msgspec.Struct, frozen=True):
    """The assets around a job, and its selection of them.

    Attributes:
        assets: The assets that can be materialized.
        sources: The assets that can only be loaded.
        selection: An `AssetSelection`, a selection string, or None for all of `assets`.
        checks: The checks that can be evaluated.
        status_of: Returns the status of an asset, once it has been looked up.
        is_undecided: Whether the selection is by status, and the status has not been looked up:
            until then, all assets that it could name are chosen.
    """

    assets: tuple[AssetsDefinition, ...]
    sources: tuple[SourceAsset, ...] = ()
    selection: Any = None
    checks: tuple[AssetChecksDefinition, ...] = ()
    status_of: Callable[[AssetKey], str] | None = None
    is_undecided: bool = False


class AssetJobDefinition:
    """A job that materializes a selection of assets, resolved once the assets are known.

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
        owner = f"job {name!r}"
        check_shapes("job", name, description=description, metadata=metadata, hooks=hooks)
        readable_config(config, name)  # it is read anew with each location's assets
        self.config = config
        self.description = description
        self.tags: dict[str, Any] = dict(check_tags(tags, owner))
        self.metadata = dict(metadata or {})
        self.partitions_def = check_partitions(partitions_def, owner)
        what = f"executor_def of the {owner}"
        self.executor_def = None if executor_def is None else executor_of(executor_def, what)
        self.hooks = frozenset(checked_hooks(hooks or (), f"the {owner}"))
        self.op_retry_policy = check_retry_policy(
            op_retry_policy, f"job {name!r}", "op_retry_policy"
        )

    def resolve(
        self,
        assets: Sequence[AssetsDefinition],
        source_assets: Sequence[SourceAsset] = (),
        resource_defs: Mapping[str, Any] | None = None,
        default_executor_def: ExecutorDefinition | None = None,
        logger_defs: Mapping[str, Any] | None = None,
        asset_checks: Sequence[AssetChecksDefinition] = (),
    ) -> JobDefinition:
        """Resolve the job over the given assets.

        Args:
            assets: The assets that can be materialized.
            source_assets: The assets that can only be loaded.
            resource_defs: Resources by key.
            default_executor_def: The executor, where the job does not say.
            logger_defs: Loggers by name.
            asset_checks: The checks that can be evaluated.
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
        """Return the request of one partition; see `JobDefinition.run_request_for_partition`.

        Without partitions of its own, it takes those of the session's assets.
        """
        job = self.resolved_for_partitions()
        return job.run_request_for_partition(partition_key, **parameters)

    def resolved_for_partitions(self) -> JobDefinition:
        """Return the job with its partitions: its own, or those of the session's assets."""
        known = self.partitions_def is not None or partitioned_config_of(self.config) is not None
        return self.resolve(()) if known else engine().session_job(self.name)

    def execute_in_process(self, **parameters: Any) -> ExecuteInProcessResult:
        """Run the job over the session's assets; see `JobDefinition.execute_in_process`."""
        return engine().session_job(self.name).execute_in_process(**parameters)

    def launch(self, config: CoercibleToRunConfig = None, **parameters: Any) -> Run:
        """Launch a run over the session's assets in the background; see `JobDefinition.launch`."""
        session = engine().current_session()
        return session.launch(self, config=config, **parameters)

    def backfill(self, partitions: PartitionsAsked | None = None, **parameters: Any) -> Backfill:
        """Run it over the session's assets for many partitions; see `JobDefinition.backfill`."""
        return engine().session_job(self.name).backfill(partitions, **parameters)

    def launchpad(self) -> Launchpad:
        """Open the form for its config and launch; see `JobDefinition.launchpad`."""
        return engine().open_launchpad(self)

    def __repr__(self) -> str:
        return f"AssetJobDefinition({self.name!r})"


@telling_nearest
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
    """Define a job that materializes the selected assets.

    Args:
        name: The name of the job.
        selection: A selection string such as `"*revenue"`, a list of them or of assets, or an
            `AssetSelection`; all assets if not given. A status such as `"status:stale"` is
                looked up when the job is launched.
        config: A `RunConfig`, a dict, a `ConfigMapping` or a `PartitionedConfig`.
        description: A description, in Markdown.
        tags: Tags of each run.
        metadata: Metadata shown beside the job.
        partitions_def: The partitions that runs choose from; that of the assets if not given.
        executor_def: The executor.
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
