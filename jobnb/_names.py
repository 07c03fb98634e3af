"""Where each public name lives; the roof looks here and imports it when it is first asked for."""

from __future__ import annotations

__all__ = ["HOME_OF"]

_NAMES = {
    "automation.backfill": "Backfill",
    "config": (
        "Array BoolSource Config ConfigMapping ConfigSchema Enum EnumValue EnvVar Field "
        "IntSource Map Noneable Permissive PermissiveConfig RunConfig ScalarUnion Selector Shape "
        "StringSource config_from_files config_from_pkg_resources config_from_yaml_strings "
        "config_mapping configured"
    ),
    "definitions.assets.asset": "asset",
    "definitions.checks.asset_check": (
        "AssetCheckEvaluation AssetCheckKey AssetCheckResult AssetCheckSeverity AssetCheckSpec"
    ),
    "definitions.checks.asset_check_decorators": "asset_check multi_asset_check",
    "definitions.checks.asset_checks_definition": "AssetChecksDefinition",
    "definitions.checks.built_checks": (
        "build_last_update_freshness_checks build_metadata_bounds_checks"
    ),
    "definitions.checks.check_modules": (
        "load_asset_checks_from_current_module load_asset_checks_from_modules "
        "load_asset_checks_from_package_module load_asset_checks_from_package_name"
    ),
    "definitions.assets.asset_modules": (
        "load_assets_from_current_module load_assets_from_modules load_assets_from_package_module "
        "load_assets_from_package_name"
    ),
    "definitions.ops.asset_result": "MaterializeResult ObserveResult",
    "definitions.assets.asset_spec": "AssetDep AssetSpec",
    "definitions.assets.assets_specs": "map_asset_specs",
    "definitions.ops.data_version": "DataProvenance DataVersion DataVersionsByPartition",
    "definitions.assets.external_assets": "external_asset_from_spec external_assets_from_specs",
    "definitions.assets.graph_asset": "graph_asset graph_multi_asset",
    "definitions.assets.multi_asset": "multi_asset",
    "definitions.assets.observable_asset": "multi_observable_source_asset observable_source_asset",
    "definitions.assets.asset_inout": "AssetIn AssetOut",
    "definitions.assets.asset_job": "AssetJobDefinition define_asset_job",
    "definitions.assets.assets_definition": "AssetsDefinition",
    "definitions.partitions.calendar_config": (
        "daily_partitioned_config hourly_partitioned_config monthly_partitioned_config "
        "weekly_partitioned_config"
    ),
    "definitions.assets.backfill_policy": "BackfillPolicy",
    "definitions.partitions.calendar_partitions": (
        "DailyPartitionsDefinition HourlyPartitionsDefinition MonthlyPartitionsDefinition "
        "WeeklyPartitionsDefinition"
    ),
    "definitions.resources.configurable_io": "ConfigurableIOManager ConfigurableIOManagerFactory",
    "definitions.resources.configurable_resource": "ConfigurableResource ResourceDependency",
    "definitions.locations.definitions": "Definitions",
    "definitions.locations.definitions_modules": (
        "load_definitions_from_current_module load_definitions_from_module "
        "load_definitions_from_modules load_definitions_from_package_module "
        "load_definitions_from_package_name"
    ),
    "definitions.ops.dependency": (
        "DependencyDefinition GraphIn GraphOut InputMapping MultiDependencyDefinition "
        "NodeInvocation OutputMapping"
    ),
    "definitions.partitions.dimension_mapping": "MultiToSingleDimensionPartitionMapping",
    "definitions.partitions.dynamic_partitions": (
        "AddDynamicPartitionsRequest DeleteDynamicPartitionsRequest DynamicPartitionsDefinition"
    ),
    "definitions.jobs.executor": (
        "ExecutorDefinition ExecutorRequirement InitExecutorContext executor in_process_executor "
        "multi_or_in_process_executor multiple_process_executor_requirements "
        "multiprocess_executor"
    ),
    "definitions.partitions.fixed_mappings": (
        "AllPartitionMapping LastPartitionMapping SpecificPartitionsPartitionMapping"
    ),
    "definitions.assets.freshness": "FreshnessPolicy",
    "definitions.ops.function": "ResourceParam",
    "definitions.ops.graph": "graph",
    "definitions.ops.graph_definition": "GraphDefinition",
    "definitions.ops.hook": (
        "HookDefinition HookExecutionResult event_list_hook failure_hook success_hook"
    ),
    "definitions.ops.inout": "DynamicOut In Out",
    "definitions.resources.io": (
        "IOManager IOManagerDefinition InputManager InputManagerDefinition input_manager io_manager"
    ),
    "definitions.resources.io_context": "InputContext OutputContext",
    "definitions.resources.io_test_context": "build_input_context build_output_context",
    "definitions.jobs.job": "job",
    "definitions.jobs.job_definition": "JobDefinition",
    "definitions.keys": "AssetKey CoercibleToAssetKey",
    "definitions.jobs.logger": (
        "InitLoggerContext LoggerDefinition build_init_logger_context colored_console_logger "
        "default_loggers get_jobnb_logger json_console_logger logger"
    ),
    "definitions.metadata": (
        "AssetMetadataValue BoolMetadataValue FloatMetadataValue IntMetadataValue "
        "JobMetadataValue JsonMetadataValue MarkdownMetadataValue MetadataValue "
        "NotebookMetadataValue NullMetadataValue PathMetadataValue PoolMetadataValue "
        "PythonArtifactMetadataValue RunMetadataValue TableColumn TableColumnConstraints "
        "TableColumnDep TableColumnLineage TableColumnLineageMetadataValue TableConstraints "
        "TableMetadataValue TableRecord TableSchema TableSchemaMetadataValue TextMetadataValue "
        "TimestampMetadataValue UrlMetadataValue"
    ),
    "definitions.partitions.multi_dimensions": "PartitionDimensionDefinition",
    "definitions.partitions.multi_mapping": "DimensionPartitionMapping MultiPartitionMapping",
    "definitions.partitions.multi_partition_key": "MultiPartitionKey",
    "definitions.partitions.multi_partitions": "MultiPartitionsDefinition",
    "definitions.ops.node": "NodeDefinition PendingNodeInvocation",
    "definitions.ops.op": "OpDefinition op",
    "definitions.ops.output": "DynamicOutput Output",
    "definitions.partitions.partition": "PartitionsDefinition",
    "definitions.partitions.partition_loading": "PartitionLoadingContext partition_loading_context",
    "definitions.partitions.partition_mapping": (
        "IdentityPartitionMapping PartitionMapping UpstreamPartitionsResult"
    ),
    "definitions.partitions.partition_keys": (
        "DynamicPartitionsStore PARTITION_TAG Partition PartitionKeyRange"
    ),
    "definitions.partitions.partition_subset": "PartitionsSubset",
    "definitions.partitions.partitioned_config": (
        "PartitionedConfig dynamic_partitioned_config partitioned_config static_partitioned_config"
    ),
    "definitions.locations.relative_path": "file_relative_path",
    "definitions.locations.repository": "RepositoryDefinition repository",
    "definitions.resources.resource": "ResourceDefinition make_values_resource resource",
    "definitions.resources.resource_binding": "with_resources",
    "definitions.resources.resource_context": (
        "IAttachDifferentObjectToOpContext InitResourceContext build_init_resource_context"
    ),
    "definitions.ops.retry": "Backoff Jitter RetryPolicy",
    "definitions.jobs.run_request": "RunRequest",
    "definitions.selections.selection": "AssetSelection",
    "definitions.assets.source_asset": "SourceAsset",
    "definitions.partitions.static_mapping": "StaticPartitionMapping",
    "definitions.partitions.static_partitions": "StaticPartitionsDefinition",
    "definitions.partitions.time_window": "ScheduleType TimeWindow TimeWindowPartitionsDefinition",
    "definitions.partitions.time_window_mapping": "TimeWindowPartitionMapping",
    "definitions.types": (
        "Any Bool DataType DataTypeLoader DataTypeLoaderContext Dict Float Int List Nothing "
        "Optional PythonObjectDataType Set String Tuple TypeCheckContext check_data_type "
        "data_type_loader make_python_type_usable_as_data_type usable_as_data_type"
    ),
    "definitions.ops.user_events": (
        "AssetMaterialization AssetObservation ExpectationResult TypeCheck"
    ),
    "errors": (
        "AssetCheckFailedError "
        "ConfigMappingFunctionError ExecutionInterruptedError Failure "
        "InvalidConfigDefinitionError InvalidConfigError InvalidDefinitionError "
        "InvalidInvocationError InvalidSubsetError InvariantViolationError JobnbError "
        "NotebookError PartitionConfigError ResourceFunctionError RetryRequested "
        "RunNotFoundError StepExecutionError StepNotFoundError StepOutputNotFoundError "
        "StorageError TypeCheckDidNotPass TypeCheckError UnknownPartitionError "
        "UnknownResourceError UnmetExecutorRequirementsError UserCodeExecutionError"
    ),
    "events": "ErrorInfo Event EventType",
    "execution.context": ("AssetCheckExecutionContext AssetExecutionContext OpExecutionContext"),
    "execution.execute_job": "JobExecutionResult execute_job",
    "execution.hooks": "HookContext",
    "execution.background": "Run",
    "execution.log": "RunLogger",
    "execution.materialize": "materialize materialize_to_memory observe",
    "execution.reconstructable": "ReconstructableJob build_reconstructable_job reconstructable",
    "execution.reexecution": "ReexecutionOptions",
    "execution.resources": "build_resources",
    "execution.result": "ExecuteInProcessResult",
    "execution.testing": (
        "build_asset_check_context build_asset_context build_op_context validate_run_config"
    ),
    "execution.testing_hooks": "build_hook_context",
    "execution.values": "AssetValueLoader",
    "registry.session": "Session session",
    "staleness.causes": "AssetStatus AssetStatuses Cause StaleStatus",
    "state": "RunState RunStatus StepStatus fold",
    "storage.file_handles": "FileHandle LocalFileHandle local_file_manager",
    "storage.backfill": "BackfillStatus PartitionBackfill",
    "storage.instance": "Instance instance_for_test",
    "storage.partition_history": "AssetPartitionStatus",
    "storage.job_partition_table": "JobPartitionTable",
    "storage.partition_table": "PartitionTable",
    "storage.records": "AssetRecord EventLogEntry EventLogRecord EventRecordsFilter",
    "storage.run": "JobRun RunRecord RunsFilter",
    "storage.run_table": "RunTable",
    "storage.upath": "UPathIOManager",
    "storage.filesystem": "FilesystemIOManager",
    "storage.values": "InMemoryIOManager fs_io_manager mem_io_manager",
}

HOME_OF = {name: f"jobnb.{module}" for module, names in _NAMES.items() for name in names.split()}
"""The module of each public name."""
