"""Jobs: a graph bound to its resources, config, hooks and executor, ready to run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from jobnb.definitions.arguments import check_shapes
from jobnb.definitions.engine_protocol import engine
from jobnb.definitions.jobs.executor import ExecutorDefinition, default_executor, executor_of
from jobnb.definitions.jobs.job_config import (
    common_partitions,
    job_words,
    partitioned_config_of,
    readable_config,
)
from jobnb.definitions.jobs.missing_inputs import check_fed
from jobnb.definitions.keys import AssetKey, check_name
from jobnb.definitions.lazy import lazy
from jobnb.definitions.metadata import normalize
from jobnb.definitions.ops.graph_checks import check_type_names
from jobnb.definitions.ops.graph_definition import GraphDefinition
from jobnb.definitions.ops.hook import checked_hooks
from jobnb.definitions.ops.node import Node
from jobnb.definitions.ops.retry import check_retry_policy
from jobnb.definitions.plain import check_tags
from jobnb.definitions.resources.resource import resource_defs_of
from jobnb.errors import (
    InvalidDefinitionError,
    InvalidSubsetError,
    InvariantViolationError,
    did_you_mean,
)

if TYPE_CHECKING:
    from jobnb.automation.backfill import Backfill
    from jobnb.config.run_config import CoercibleToRunConfig
    from jobnb.definitions.assets.asset_job import AssetLayer
    from jobnb.definitions.checks.asset_check import AssetCheckKey
    from jobnb.definitions.jobs.logger import LoggerDefinition
    from jobnb.definitions.jobs.run_request import RunRequest
    from jobnb.definitions.ops.dependency import Dependency
    from jobnb.definitions.ops.hook import HookDefinition
    from jobnb.definitions.ops.node import NodeDefinition
    from jobnb.definitions.ops.retry import RetryPolicy
    from jobnb.definitions.partitions.partition import PartitionsDefinition
    from jobnb.definitions.partitions.partitioned_config import PartitionedConfig
    from jobnb.display.widgets.launchpad import Launchpad
    from jobnb.execution.background import Run
    from jobnb.execution.result import ExecuteInProcessResult
    from jobnb.plan.partitions import PartitionsAsked
    from jobnb.storage.instance import Instance


class JobDefinition:
    """A graph bound to resources, config, hooks and an executor.

    Usually made by `@job`, `GraphDefinition.to_job` or `define_asset_job`.

    Args:
        graph_def: The graph that runs.
        resource_defs: Resources by key.
        executor_def: The executor.
        logger_defs: Loggers by name.
        name: The name; that of the graph if not given.
        config: A `RunConfig`, a dict, a `ConfigMapping` or a `PartitionedConfig`.
        description: A description, in Markdown.
        partitions_def: The partitions that runs of the job choose from.
        tags: Tags of each run.
        metadata: Metadata shown beside the job.
        hook_defs: Hooks of every step.
        op_retry_policy: The retry policy of ops that have none.
        version_strategy: Not used: code versions are hashes of the code.
        asset_layer: The assets of an asset job.
        input_values: Values of the graph's inputs, by name.
        op_selection: The ops of the graph that run; all if not given.
        asset_selection: The assets of an asset job that are materialized; all if not given.
        asset_check_selection: The checks that are evaluated; those of the assets if not given.
        selected_within: The op selections that led to this subset, the outermost first.

    Source: Dagster's `JobDefinition`.
    """

    def __init__(
        self,
        graph_def: GraphDefinition | None = None,
        resource_defs: Mapping[str, Any] | None = None,
        executor_def: ExecutorDefinition | None = None,
        logger_defs: Mapping[str, LoggerDefinition] | None = None,
        name: str | None = None,
        config: Any = None,
        description: str | None = None,
        partitions_def: PartitionsDefinition | None = None,
        tags: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        hook_defs: Iterable[HookDefinition] | None = None,
        op_retry_policy: RetryPolicy | None = None,
        version_strategy: Any = None,
        asset_layer: AssetLayer | None = None,
        input_values: Mapping[str, Any] | None = None,
        op_selection: Sequence[str] | None = None,
        asset_selection: frozenset[AssetKey] | None = None,
        asset_check_selection: frozenset[AssetCheckKey] | None = None,
        selected_within: Sequence[Sequence[str]] = (),
    ) -> None:
        if graph_def is None and asset_layer is None:
            raise InvalidDefinitionError("A job needs a graph: pass graph_def, or use @job.")
        self._graph = graph_def
        self.name = check_name(name or (graph_def.name if graph_def else ""), "a job")
        check_shapes(
            "job", self.name, description=description, resource_defs=resource_defs,
            logger_defs=logger_defs, metadata=metadata, hooks=hook_defs, input_values=input_values,
        )  # fmt: skip
        self.resource_defs: Mapping[str, Any] = resource_defs_of(resource_defs)
        what = f"executor_def of the job {self.name!r}"
        self._executor_def = None if executor_def is None else executor_of(executor_def, what)
        self._logger_defs = dict(logger_defs or {})
        self.config = readable_config(config, self.name)
        self.description = description or (graph_def.description if graph_def else None)
        self._partitions_def: PartitionsDefinition | None = None
        if partitions_def is not None:
            from jobnb.definitions.partitions.partition import check_partitions

            self._partitions_def = check_partitions(partitions_def, f"job {self.name!r}")
        graph_tags = graph_def.tags if graph_def else {}
        self.tags: Mapping[str, str] = {**graph_tags, **check_tags(tags, f"job {self.name!r}")}
        self.metadata = normalize(metadata)
        self.hook_defs = checked_hooks(hook_defs or (), f"the job {self.name!r}")
        self.op_retry_policy = check_retry_policy(
            op_retry_policy, f"job {self.name!r}", "op_retry_policy"
        )
        self.version_strategy = version_strategy
        self.asset_layer = asset_layer
        self.input_values = dict(input_values or {})
        self.selected_ops = _each(op_selection)
        self.selected_within = tuple(selected_within)
        self.asset_selection = asset_selection
        self.asset_check_selection = asset_check_selection
        self._check()

    def _check(self) -> None:
        config, partitions = self.partitioned_config, self._partitions_def
        if config is not None and partitions not in (None, config.partitions_def):
            raise InvalidDefinitionError(
                f"The job {self.name!r} has a partitions_def that differs from that of its "
                "partitioned config. Give only the config."
            )
        graph = self._graph
        if graph is not None:
            check_type_names(graph)
            check_fed(graph, job_words(self.name, begins=True))
        for unknown in set(self.input_values) - set(graph.input_names if graph else ()):
            inputs = ", ".join(graph.input_names if graph else ()) or "none"
            raise InvalidDefinitionError(
                f"The job {self.name!r} gets a value for the input {unknown!r}, "
                f"but its graph has the inputs: {inputs}."
            )

    @lazy
    def graph(self) -> GraphDefinition:
        """The graph that runs; for an asset job, its assets as nodes."""
        if self._graph is not None:
            return self._graph
        return engine().asset_job_graph(self)

    @lazy
    def kept(self) -> dict[str, Any]:
        """The cache of its plan for the next run; it stays in this process."""
        return {}

    def __getstate__(self) -> dict[str, Any]:
        return {name: each for name, each in vars(self).items() if name != "kept"}

    @property
    def nodes(self) -> list[Node]:
        """The nodes of its graph, in order; of a subset, those that are selected."""
        return self._selected_graph.nodes

    def get_node_named(self, name: str) -> Node:
        """Return the node of its graph of that name."""
        return self._selected_graph.node_named(name)

    def has_node_named(self, name: str) -> bool:
        """Whether a node of its graph is called so."""
        return self._selected_graph.has_node_named(name)

    @property
    def dependencies(self) -> Mapping[str, Mapping[str, Dependency]]:
        """The sources of the inputs of each node of its graph."""
        return self._selected_graph.dependencies

    @property
    def top_level_node_defs(self) -> list[NodeDefinition]:
        """The definitions of the nodes of its graph, each once."""
        return self._selected_graph.node_defs

    @property
    def all_node_defs(self) -> list[NodeDefinition]:
        """The ops and graphs in it at every depth, each once."""
        graph = self._selected_graph
        return [each for each in graph.iterate_node_defs() if each is not graph]

    @lazy
    def _selected_graph(self) -> GraphDefinition:
        return engine().selected_graph(self) if self.selected_ops else self.graph

    @property
    def config_mapping(self) -> Any:
        """Its `ConfigMapping`, if its config is one."""
        if self.config is None or isinstance(self.config, dict):
            return None  # Checked without importing the config package, which loads pydantic.
        from jobnb.config import ConfigMapping

        return self.config if isinstance(self.config, ConfigMapping) else None

    @property
    def partitioned_config(self) -> PartitionedConfig | None:
        """Its `PartitionedConfig`, if its config is one."""
        return partitioned_config_of(self.config)

    @property
    def run_config(self) -> Mapping[str, Any] | None:
        """Its fixed run config, if its config is one."""
        return self.config if isinstance(self.config, dict) else None

    @property
    def run_config_schema(self) -> Any:
        """The model of the run config that it takes."""
        return engine().config_schema_of(self)

    @property
    def partitions_def(self) -> PartitionsDefinition | None:
        """The partitions of its runs; for an asset job, those of its assets.

        A job that selects by status has none if its possible assets have different ones.

        Raises:
            InvalidDefinitionError: If its assets do not agree on them.
        """
        config = self.partitioned_config
        if config is not None:
            return config.partitions_def
        if self._partitions_def is None and self.asset_layer is not None:
            try:
                return common_partitions(self.name, self.graph.partitioned)
            except InvalidDefinitionError:
                if self.asset_layer.is_undecided:
                    return None
                raise
        return self._partitions_def

    @property
    def executor_def(self) -> ExecutorDefinition:
        """The executor of its steps."""
        return default_executor if self._executor_def is None else self._executor_def

    @property
    def has_specified_executor(self) -> bool:
        """Whether it was given an executor of its own."""
        return self._executor_def is not None

    @property
    def loggers(self) -> Mapping[str, LoggerDefinition]:
        """Its loggers by name."""
        return self._logger_defs

    @property
    def has_specified_loggers(self) -> bool:
        """Whether it was given loggers of its own."""
        return bool(self._logger_defs)

    @property
    def is_subset(self) -> bool:
        """Whether it is a subset of another job."""
        parts = (self.selected_ops, self.asset_selection, self.asset_check_selection)
        return any(part is not None for part in parts)

    @property
    def required_resource_keys(self) -> frozenset[str]:
        """The resources that its steps need."""
        return engine().resource_keys_of(self)

    def _parameters(self) -> dict[str, Any]:
        return {
            "graph_def": self._graph,
            "resource_defs": self.resource_defs,
            "executor_def": self._executor_def,
            "logger_defs": self._logger_defs,
            "name": self.name,
            "config": self.config,
            "description": self.description,
            "partitions_def": self._partitions_def,
            "tags": self.tags,
            "metadata": self.metadata,
            "hook_defs": self.hook_defs,
            "op_retry_policy": self.op_retry_policy,
            "version_strategy": self.version_strategy,
            "asset_layer": self.asset_layer,
            "input_values": self.input_values,
            "op_selection": self.selected_ops,
            "asset_selection": self.asset_selection,
            "asset_check_selection": self.asset_check_selection,
            "selected_within": self.selected_within,
        }

    def replaced(self, **parameters: Any) -> JobDefinition:
        """Return a copy with some parameters changed."""
        return JobDefinition(**{**self._parameters(), **parameters})

    def with_hooks(self, hook_defs: Iterable[HookDefinition]) -> JobDefinition:
        """Return a copy with more hooks."""
        return self.replaced(hook_defs=self.hook_defs | frozenset(hook_defs))

    def with_top_level_resources(self, resource_defs: Mapping[str, Any]) -> JobDefinition:
        """Return a copy with resources for the keys that it does not provide itself."""
        return self.replaced(resource_defs={**resource_defs, **self.resource_defs})

    def with_executor_def(self, executor_def: ExecutorDefinition) -> JobDefinition:
        """Return a copy with another executor."""
        return self.replaced(executor_def=executor_def)

    def with_logger_defs(self, logger_defs: Mapping[str, LoggerDefinition]) -> JobDefinition:
        """Return a copy with other loggers."""
        return self.replaced(logger_defs=logger_defs)

    def with_metadata(self, metadata: Mapping[str, Any]) -> JobDefinition:
        """Return a copy with other metadata."""
        return self.replaced(metadata=metadata)

    @property
    def op_selection(self) -> AbstractSet[str] | None:
        """The ops that run, as they were selected; None if all do.

        Source: Dagster's `JobDefinition.op_selection`.
        """
        return set(self.selected_ops) if self.selected_ops else None

    def get_subset(
        self,
        *,
        op_selection: Iterable[str] | None = None,
        asset_selection: Iterable[AssetKey] | None = None,
        asset_check_selection: Iterable[AssetCheckKey] | None = None,
    ) -> JobDefinition:
        """Return the subset of the job that a selection names.

        Args:
            op_selection: Ops, as `["*a", "b+"]`; of a subset, from the subset's ops.
            asset_selection: Assets to materialize; none if only checks are given.
            asset_check_selection: Checks to evaluate; those of the assets if not given.

        Raises:
            InvalidSubsetError: If the job is a subset itself, without one of the assets.
        """
        checks, ops, within = asset_check_selection, _each(op_selection), self.selected_within
        if ops and self.selected_ops:
            within = (*within, self.selected_ops)
        assets = frozenset(asset_selection or ())
        if self.asset_selection is not None and not assets <= self.asset_selection:
            other = min(assets - self.asset_selection).to_user_string()
            names = sorted(key.to_user_string() for key in self.asset_selection)
            raise InvalidSubsetError(
                f"This part of the job {self.name!r} does not make {other!r}. "
                + did_you_mean(other, names, noun="It makes")
            )
        return self.replaced(
            op_selection=ops or self.selected_ops,
            selected_within=within,
            asset_selection=assets or None,
            asset_check_selection=None if checks is None else frozenset(checks),
        )

    def run_request_for_partition(
        self,
        partition_key: str,
        run_key: str | None = None,
        tags: Mapping[str, str] | None = None,
        asset_selection: Sequence[AssetKey] | None = None,
        run_config: Mapping[str, Any] | None = None,
        current_time: Any = None,
        dynamic_partitions_store: Any = None,
    ) -> RunRequest:
        """Return a run request for one partition, as schedules and sensors return it.

        Raises:
            InvalidDefinitionError: If the job has no partitions.
            UnknownPartitionError: If there is no such partition; of dynamic ones, if the store
                that is given has none.
        """
        from jobnb.definitions.jobs.run_request import RunRequest

        own = self.partitions_def
        if own is not None:
            with suppress(InvariantViolationError):  # dynamic ones, and no store to look into
                own.validate_partition_key(partition_key, current_time, dynamic_partitions_store)
        request = RunRequest(run_key, run_config, tags, self.name, asset_selection)
        return request.for_partition(self, partition_key)

    def get_run_config_for_partition_key(self, partition_key: str) -> CoercibleToRunConfig:
        """Return the run config of one partition, or the job's own."""
        config = self.partitioned_config
        if config is not None:
            found: CoercibleToRunConfig = config.get_run_config_for_partition_key(partition_key)
            return found
        return self.run_config or {}

    def get_tags_for_partition_key(self, partition_key: str) -> dict[str, str]:
        """Return the tags of a run for one partition."""
        config, partitions_def = self.partitioned_config, self.partitions_def
        if config is not None:
            return config.get_tags_for_partition_key(partition_key, self.name)
        own = partitions_def.get_tags_for_partition_key(partition_key) if partitions_def else {}
        return {**own, "dagster/partition_set": f"{self.name}_partition_set"}

    def execute_in_process(
        self,
        run_config: CoercibleToRunConfig = None,
        instance: Instance | None = None,
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
    ) -> ExecuteInProcessResult:
        """Run the job in this process, step by step, and wait for its end.

        Args:
            run_config: A `RunConfig` or dict; the job's own config if not given.
            instance: Where the history goes. If not given, the run is in memory only, as in
                Dagster; `launch` and `session.execute_job` store it.
            partition_key: The partition that the run is for.
            raise_on_error: Whether to raise a failure, once all steps that can run have run.
            op_selection: Ops to run, as `["*a", "b+"]`.
            asset_selection: Assets to materialize.
            run_id: The id of the run; generated if not given.
            input_values: Values of the graph's inputs, by name.
            tags: Tags of the run, beside those of the job.
            resources: Values or definitions that replace the job's resources.
            keep_outputs: Whether values held in memory are kept for `output_for_node`; if not,
                each is dropped after its last reader.
            asset_check_selection: Checks to evaluate; those of the assets if not given.

        Returns:
            An `ExecuteInProcessResult`.

        Raises:
            InvalidConfigError: If the run config does not fit; nothing has run then.
            Exception: What the first failing step raised, if `raise_on_error`.

        Source: Dagster's `JobDefinition.execute_in_process`.
        """
        __tracebackhide__ = True
        return engine().execute_in_process(
            self,
            config=run_config or None,  # an empty one is none, as in Dagster
            instance=instance,
            partition=partition_key,
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
        config: CoercibleToRunConfig = None,
        *,
        partition: PartitionsAsked | None = None,
        instance: Instance | None = None,
        op_selection: Sequence[str] | None = None,
        asset_selection: Sequence[Any] | None = None,
        asset_check_selection: Sequence[Any] | None = None,
        tags: Mapping[str, str] | None = None,
        resources: Mapping[str, Any] | None = None,
        run_id: str | None = None,
        stale_only: bool = False,
        executor: str | ExecutorDefinition | None = None,
        detach: bool = False,
    ) -> Run:
        """Launch a run in the background; history and values are stored in the session's home.

        It ends with this process: at the end of a script, what goes on is canceled, and a line on
        stderr says so. `wait()` or `result()` waits for it, `detach` lets it go on.

        Args:
            config: A `RunConfig` or dict; the job's own config if not given.
            partition: The partition that the run is for; or several: a range, some keys.
            instance: Where the history and the values go; that of the session if not given.
            op_selection: Ops to run, as `["*a", "b+"]`.
            asset_selection: Assets to materialize.
            asset_check_selection: Checks to evaluate; those of the assets if not given.
            tags: Tags of the run; `dagster/max_runtime` is how many seconds it may take.
            resources: Values or definitions that replace the job's resources.
            run_id: The id of the run; generated if not given.
            stale_only: Whether fresh assets are skipped; see `Session.stale`.
            executor: The executor: "in_process", "threads", "async", "multiprocess",
                "dask" or an `ExecutorDefinition`; as the job or the definitions say if not given.
            detach: Whether a process of its own does it, which continues when this one ends; see
                `Session.launch`.

        Returns:
            A `Run`: it can be observed, waited for, awaited, canceled and repeated.

        Raises:
            InvalidConfigError: If the run config does not fit; nothing has run then.
        """
        __tracebackhide__ = True
        return engine().launch_job(
            self,
            config=config,
            partition=partition,
            instance=instance,
            op_selection=op_selection,
            asset_selection=asset_selection,
            asset_check_selection=asset_check_selection,
            tags=tags,
            resources=resources,
            run_id=run_id,
            stale_only=stale_only,
            executor=executor,
            detach=detach,
        )

    def backfill(
        self,
        partitions: PartitionsAsked | None = None,
        *,
        only_missing: bool = False,
        only_failed: bool = False,
        tags: Mapping[str, str] | None = None,
        max_parallel: int = 1,
        config: CoercibleToRunConfig = None,
        instance: Instance | None = None,
        resources: Mapping[str, Any] | None = None,
        detach: bool = False,
    ) -> Backfill:
        """Run the job once for each of many partitions, in the background.

        Each run has the job's config and tags for its partition. A failed run does not stop the
            others.

        Args:
            partitions: A key, some keys, a `PartitionKeyRange` or a subset; all if not given.
            only_missing: Only those without a successful run.
            only_failed: Only those whose last run failed.
            tags: Tags of each run, beside those of the job.
            max_parallel: How many runs are active at once.
            config: A `RunConfig` or dict, merged over the config of each run.
            instance: Where the history is stored; that of the session if not given.
            resources: Values or definitions that replace the job's resources.
            detach: Whether a process of its own does it, which continues when this one ends.

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
        return engine().backfill_job(
            self,
            partitions,
            only_missing=only_missing,
            only_failed=only_failed,
            tags=tags,
            max_parallel=max_parallel,
            config=config,
            instance=instance,
            resources=resources,
            detach=detach,
        )

    def launchpad(self) -> Launchpad:
        """Open the form for its config and launch; each display is the same form."""
        return engine().open_launchpad(self)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Raise an error: a job is run, not called."""
        raise InvalidDefinitionError(
            f"The job {self.name!r} cannot be called, in a graph or outside. "
            f"Run it: {self.name}.execute_in_process()."
        )

    def __repr__(self) -> str:
        return f"JobDefinition({self.name!r})"


def _each(selection: Iterable[str] | None) -> list[str] | None:
    """Return the selections one by one; a text is one of them."""
    if not selection:
        return None
    return [selection] if isinstance(selection, str) else list(selection)
