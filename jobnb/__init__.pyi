# The public names of jobnb and where each is defined: the one list of them.
#
# A type checker reads this file; at run time `jobnb/__init__.py` does, and imports each name when
# it is first asked for.
from collections.abc import Mapping

from jobnb.automation.automation import Automation as Automation
from jobnb.automation.backfill import Backfill as Backfill
from jobnb.automation.conditions import (
    EvaluateAutomationConditionsResult as EvaluateAutomationConditionsResult,
)
from jobnb.automation.conditions import (
    evaluate_automation_conditions as evaluate_automation_conditions,
)
from jobnb.automation.desktop import (
    make_desktop_on_run_failure_sensor as make_desktop_on_run_failure_sensor,
)
from jobnb.automation.freshness import FreshnessPolicySensorContext as FreshnessPolicySensorContext
from jobnb.automation.freshness import (
    build_freshness_policy_sensor_context as build_freshness_policy_sensor_context,
)
from jobnb.automation.multi_asset import (
    MultiAssetSensorEvaluationContext as MultiAssetSensorEvaluationContext,
)
from jobnb.automation.multi_asset import (
    build_multi_asset_sensor_context as build_multi_asset_sensor_context,
)
from jobnb.automation.notifying import (
    make_email_on_run_failure_sensor as make_email_on_run_failure_sensor,
)
from jobnb.automation.notifying import (
    make_webhook_on_run_failure_sensor as make_webhook_on_run_failure_sensor,
)
from jobnb.automation.run_status import RunFailureSensorContext as RunFailureSensorContext
from jobnb.automation.run_status import RunStatusSensorContext as RunStatusSensorContext
from jobnb.automation.run_status import (
    build_run_status_sensor_context as build_run_status_sensor_context,
)
from jobnb.automation.schedule_context import ScheduleEvaluationContext as ScheduleEvaluationContext
from jobnb.automation.schedule_context import build_schedule_context as build_schedule_context
from jobnb.automation.sensor_context import SensorEvaluationContext as SensorEvaluationContext
from jobnb.automation.sensor_context import build_sensor_context as build_sensor_context
from jobnb.config import Array as Array
from jobnb.config import BoolSource as BoolSource
from jobnb.config import Config as Config
from jobnb.config import ConfigMapping as ConfigMapping
from jobnb.config import ConfigSchema as ConfigSchema
from jobnb.config import Enum as Enum
from jobnb.config import EnumValue as EnumValue
from jobnb.config import EnvVar as EnvVar
from jobnb.config import Field as Field
from jobnb.config import IntSource as IntSource
from jobnb.config import Map as Map
from jobnb.config import Noneable as Noneable
from jobnb.config import Permissive as Permissive
from jobnb.config import PermissiveConfig as PermissiveConfig
from jobnb.config import RunConfig as RunConfig
from jobnb.config import ScalarUnion as ScalarUnion
from jobnb.config import Selector as Selector
from jobnb.config import Shape as Shape
from jobnb.config import StringSource as StringSource
from jobnb.config import config_from_files as config_from_files
from jobnb.config import config_from_pkg_resources as config_from_pkg_resources
from jobnb.config import config_from_yaml_strings as config_from_yaml_strings
from jobnb.config import config_mapping as config_mapping
from jobnb.config import configured as configured
from jobnb.definitions.assets.asset import asset as asset
from jobnb.definitions.assets.asset_job import AssetJobDefinition as AssetJobDefinition
from jobnb.definitions.assets.asset_job import define_asset_job as define_asset_job
from jobnb.definitions.assets.asset_spec import AssetDep as AssetDep
from jobnb.definitions.assets.asset_spec import AssetSpec as AssetSpec
from jobnb.definitions.assets.asset_spec import map_asset_specs as map_asset_specs
from jobnb.definitions.assets.assets_definition import AssetsDefinition as AssetsDefinition
from jobnb.definitions.assets.graph_asset import graph_asset as graph_asset
from jobnb.definitions.assets.graph_asset import graph_multi_asset as graph_multi_asset
from jobnb.definitions.assets.multi_asset import multi_asset as multi_asset
from jobnb.definitions.assets.observable_asset import (
    multi_observable_source_asset as multi_observable_source_asset,
)
from jobnb.definitions.assets.observable_asset import (
    observable_source_asset as observable_source_asset,
)
from jobnb.definitions.assets.policies import BackfillPolicy as BackfillPolicy
from jobnb.definitions.assets.policies import FreshnessPolicy as FreshnessPolicy
from jobnb.definitions.assets.source_asset import SourceAsset as SourceAsset
from jobnb.definitions.assets.source_asset import (
    external_asset_from_spec as external_asset_from_spec,
)
from jobnb.definitions.assets.source_asset import (
    external_assets_from_specs as external_assets_from_specs,
)
from jobnb.definitions.automation.asset_sensor import AssetSensorDefinition as AssetSensorDefinition
from jobnb.definitions.automation.asset_sensor import asset_sensor as asset_sensor
from jobnb.definitions.automation.condition import AutoMaterializePolicy as AutoMaterializePolicy
from jobnb.definitions.automation.condition import AutomationCondition as AutomationCondition
from jobnb.definitions.automation.condition_sensor import (
    AutomationConditionSensorDefinition as AutomationConditionSensorDefinition,
)
from jobnb.definitions.automation.execution_data import (
    ScheduleExecutionData as ScheduleExecutionData,
)
from jobnb.definitions.automation.execution_data import SensorExecutionData as SensorExecutionData
from jobnb.definitions.automation.freshness_sensor import (
    FreshnessPolicySensorDefinition as FreshnessPolicySensorDefinition,
)
from jobnb.definitions.automation.freshness_sensor import (
    freshness_policy_sensor as freshness_policy_sensor,
)
from jobnb.definitions.automation.job_after import job_after as job_after
from jobnb.definitions.automation.multi_asset_sensor import (
    MultiAssetSensorDefinition as MultiAssetSensorDefinition,
)
from jobnb.definitions.automation.multi_asset_sensor import multi_asset_sensor as multi_asset_sensor
from jobnb.definitions.automation.partitioned_schedule import (
    build_schedule_from_partitioned_job as build_schedule_from_partitioned_job,
)
from jobnb.definitions.automation.results import DefaultScheduleStatus as DefaultScheduleStatus
from jobnb.definitions.automation.results import DefaultSensorStatus as DefaultSensorStatus
from jobnb.definitions.automation.results import SensorResult as SensorResult
from jobnb.definitions.automation.results import SensorType as SensorType
from jobnb.definitions.automation.results import SkipReason as SkipReason
from jobnb.definitions.automation.run_status_sensor import (
    RunStatusSensorDefinition as RunStatusSensorDefinition,
)
from jobnb.definitions.automation.run_status_sensor import run_failure_sensor as run_failure_sensor
from jobnb.definitions.automation.run_status_sensor import run_status_sensor as run_status_sensor
from jobnb.definitions.automation.schedule import ScheduleDefinition as ScheduleDefinition
from jobnb.definitions.automation.schedule import schedule as schedule
from jobnb.definitions.automation.sensor import SensorDefinition as SensorDefinition
from jobnb.definitions.automation.sensor import sensor as sensor
from jobnb.definitions.checks.asset_check import AssetCheckEvaluation as AssetCheckEvaluation
from jobnb.definitions.checks.asset_check import AssetCheckKey as AssetCheckKey
from jobnb.definitions.checks.asset_check import AssetCheckResult as AssetCheckResult
from jobnb.definitions.checks.asset_check import AssetCheckSeverity as AssetCheckSeverity
from jobnb.definitions.checks.asset_check import AssetCheckSpec as AssetCheckSpec
from jobnb.definitions.checks.asset_check_decorators import asset_check as asset_check
from jobnb.definitions.checks.asset_check_decorators import (
    multi_asset_check as multi_asset_check,
)
from jobnb.definitions.checks.asset_checks_definition import (
    AssetChecksDefinition as AssetChecksDefinition,
)
from jobnb.definitions.checks.built_checks import (
    build_last_update_freshness_checks as build_last_update_freshness_checks,
)
from jobnb.definitions.checks.built_checks import (
    build_metadata_bounds_checks as build_metadata_bounds_checks,
)
from jobnb.definitions.jobs.executor import ExecutorDefinition as ExecutorDefinition
from jobnb.definitions.jobs.executor import ExecutorRequirement as ExecutorRequirement
from jobnb.definitions.jobs.executor import InitExecutorContext as InitExecutorContext
from jobnb.definitions.jobs.executor import async_executor as async_executor
from jobnb.definitions.jobs.executor import dask_executor as dask_executor
from jobnb.definitions.jobs.executor import executor as executor
from jobnb.definitions.jobs.executor import in_process_executor as in_process_executor
from jobnb.definitions.jobs.executor import (
    multi_or_in_process_executor as multi_or_in_process_executor,
)
from jobnb.definitions.jobs.executor import (
    multiple_process_executor_requirements as multiple_process_executor_requirements,
)
from jobnb.definitions.jobs.executor import multiprocess_executor as multiprocess_executor
from jobnb.definitions.jobs.executor import thread_executor as thread_executor
from jobnb.definitions.jobs.executor_object import Executor as Executor
from jobnb.definitions.jobs.job import job as job
from jobnb.definitions.jobs.job_definition import JobDefinition as JobDefinition
from jobnb.definitions.jobs.logger import InitLoggerContext as InitLoggerContext
from jobnb.definitions.jobs.logger import LoggerDefinition as LoggerDefinition
from jobnb.definitions.jobs.logger import build_init_logger_context as build_init_logger_context
from jobnb.definitions.jobs.logger import colored_console_logger as colored_console_logger
from jobnb.definitions.jobs.logger import default_loggers as default_loggers
from jobnb.definitions.jobs.logger import get_jobnb_logger as get_jobnb_logger
from jobnb.definitions.jobs.logger import json_console_logger as json_console_logger
from jobnb.definitions.jobs.logger import logger as logger
from jobnb.definitions.jobs.run_request import RunRequest as RunRequest
from jobnb.definitions.keys import AssetKey as AssetKey
from jobnb.definitions.keys import CoercibleToAssetKey as CoercibleToAssetKey
from jobnb.definitions.locations.definitions import Definitions as Definitions
from jobnb.definitions.locations.modules import file_relative_path as file_relative_path
from jobnb.definitions.locations.modules import (
    load_asset_checks_from_current_module as load_asset_checks_from_current_module,
)
from jobnb.definitions.locations.modules import (
    load_asset_checks_from_modules as load_asset_checks_from_modules,
)
from jobnb.definitions.locations.modules import (
    load_asset_checks_from_package_module as load_asset_checks_from_package_module,
)
from jobnb.definitions.locations.modules import (
    load_asset_checks_from_package_name as load_asset_checks_from_package_name,
)
from jobnb.definitions.locations.modules import (
    load_assets_from_current_module as load_assets_from_current_module,
)
from jobnb.definitions.locations.modules import (
    load_assets_from_modules as load_assets_from_modules,
)
from jobnb.definitions.locations.modules import (
    load_assets_from_package_module as load_assets_from_package_module,
)
from jobnb.definitions.locations.modules import (
    load_assets_from_package_name as load_assets_from_package_name,
)
from jobnb.definitions.locations.modules import (
    load_definitions_from_current_module as load_definitions_from_current_module,
)
from jobnb.definitions.locations.modules import (
    load_definitions_from_module as load_definitions_from_module,
)
from jobnb.definitions.locations.modules import (
    load_definitions_from_modules as load_definitions_from_modules,
)
from jobnb.definitions.locations.modules import (
    load_definitions_from_package_module as load_definitions_from_package_module,
)
from jobnb.definitions.locations.modules import (
    load_definitions_from_package_name as load_definitions_from_package_name,
)
from jobnb.definitions.locations.repository import RepositoryDefinition as RepositoryDefinition
from jobnb.definitions.locations.repository import repository as repository
from jobnb.definitions.metadata_values import AssetMetadataValue as AssetMetadataValue
from jobnb.definitions.metadata_values import BoolMetadataValue as BoolMetadataValue
from jobnb.definitions.metadata_values import FloatMetadataValue as FloatMetadataValue
from jobnb.definitions.metadata_values import IntMetadataValue as IntMetadataValue
from jobnb.definitions.metadata_values import JobMetadataValue as JobMetadataValue
from jobnb.definitions.metadata_values import JsonMetadataValue as JsonMetadataValue
from jobnb.definitions.metadata_values import MarkdownMetadataValue as MarkdownMetadataValue
from jobnb.definitions.metadata_values import MetadataValue as MetadataValue
from jobnb.definitions.metadata_values import NotebookMetadataValue as NotebookMetadataValue
from jobnb.definitions.metadata_values import NullMetadataValue as NullMetadataValue
from jobnb.definitions.metadata_values import PathMetadataValue as PathMetadataValue
from jobnb.definitions.metadata_values import PoolMetadataValue as PoolMetadataValue
from jobnb.definitions.metadata_values import (
    PythonArtifactMetadataValue as PythonArtifactMetadataValue,
)
from jobnb.definitions.metadata_values import RunMetadataValue as RunMetadataValue
from jobnb.definitions.metadata_values import (
    TableColumnLineageMetadataValue as TableColumnLineageMetadataValue,
)
from jobnb.definitions.metadata_values import TableMetadataValue as TableMetadataValue
from jobnb.definitions.metadata_values import TableSchemaMetadataValue as TableSchemaMetadataValue
from jobnb.definitions.metadata_values import TextMetadataValue as TextMetadataValue
from jobnb.definitions.metadata_values import TimestampMetadataValue as TimestampMetadataValue
from jobnb.definitions.metadata_values import UrlMetadataValue as UrlMetadataValue
from jobnb.definitions.ops.dependency import DependencyDefinition as DependencyDefinition
from jobnb.definitions.ops.dependency import GraphIn as GraphIn
from jobnb.definitions.ops.dependency import GraphOut as GraphOut
from jobnb.definitions.ops.dependency import InputMapping as InputMapping
from jobnb.definitions.ops.dependency import (
    MultiDependencyDefinition as MultiDependencyDefinition,
)
from jobnb.definitions.ops.dependency import NodeInvocation as NodeInvocation
from jobnb.definitions.ops.dependency import OutputMapping as OutputMapping
from jobnb.definitions.ops.function import ResourceParam as ResourceParam
from jobnb.definitions.ops.graph import graph as graph
from jobnb.definitions.ops.graph_definition import GraphDefinition as GraphDefinition
from jobnb.definitions.ops.hook import HookDefinition as HookDefinition
from jobnb.definitions.ops.hook import HookExecutionResult as HookExecutionResult
from jobnb.definitions.ops.hook import event_list_hook as event_list_hook
from jobnb.definitions.ops.hook import failure_hook as failure_hook
from jobnb.definitions.ops.hook import success_hook as success_hook
from jobnb.definitions.ops.inout import AssetIn as AssetIn
from jobnb.definitions.ops.inout import AssetOut as AssetOut
from jobnb.definitions.ops.inout import DynamicOut as DynamicOut
from jobnb.definitions.ops.inout import In as In
from jobnb.definitions.ops.inout import Out as Out
from jobnb.definitions.ops.node import NodeDefinition as NodeDefinition
from jobnb.definitions.ops.node import PendingNodeInvocation as PendingNodeInvocation
from jobnb.definitions.ops.op import OpDefinition as OpDefinition
from jobnb.definitions.ops.op import op as op
from jobnb.definitions.ops.output import DataProvenance as DataProvenance
from jobnb.definitions.ops.output import DataVersion as DataVersion
from jobnb.definitions.ops.output import (
    DataVersionsByPartition as DataVersionsByPartition,
)
from jobnb.definitions.ops.output import DynamicOutput as DynamicOutput
from jobnb.definitions.ops.output import MaterializeResult as MaterializeResult
from jobnb.definitions.ops.output import ObserveResult as ObserveResult
from jobnb.definitions.ops.output import Output as Output
from jobnb.definitions.ops.retry import Backoff as Backoff
from jobnb.definitions.ops.retry import Jitter as Jitter
from jobnb.definitions.ops.retry import RetryPolicy as RetryPolicy
from jobnb.definitions.partitions.calendar_partitions import (
    DailyPartitionsDefinition as DailyPartitionsDefinition,
)
from jobnb.definitions.partitions.calendar_partitions import (
    HourlyPartitionsDefinition as HourlyPartitionsDefinition,
)
from jobnb.definitions.partitions.calendar_partitions import (
    MonthlyPartitionsDefinition as MonthlyPartitionsDefinition,
)
from jobnb.definitions.partitions.calendar_partitions import (
    WeeklyPartitionsDefinition as WeeklyPartitionsDefinition,
)
from jobnb.definitions.partitions.calendar_partitions import (
    daily_partitioned_config as daily_partitioned_config,
)
from jobnb.definitions.partitions.calendar_partitions import (
    hourly_partitioned_config as hourly_partitioned_config,
)
from jobnb.definitions.partitions.calendar_partitions import (
    monthly_partitioned_config as monthly_partitioned_config,
)
from jobnb.definitions.partitions.calendar_partitions import (
    weekly_partitioned_config as weekly_partitioned_config,
)
from jobnb.definitions.partitions.cron_times import ScheduleType as ScheduleType
from jobnb.definitions.partitions.dynamic_partitions import (
    AddDynamicPartitionsRequest as AddDynamicPartitionsRequest,
)
from jobnb.definitions.partitions.dynamic_partitions import (
    DeleteDynamicPartitionsRequest as DeleteDynamicPartitionsRequest,
)
from jobnb.definitions.partitions.dynamic_partitions import (
    DynamicPartitionsDefinition as DynamicPartitionsDefinition,
)
from jobnb.definitions.partitions.fixed_mappings import (
    AllPartitionMapping as AllPartitionMapping,
)
from jobnb.definitions.partitions.fixed_mappings import (
    LastPartitionMapping as LastPartitionMapping,
)
from jobnb.definitions.partitions.fixed_mappings import (
    SpecificPartitionsPartitionMapping as SpecificPartitionsPartitionMapping,
)
from jobnb.definitions.partitions.fixed_mappings import (
    StaticPartitionMapping as StaticPartitionMapping,
)
from jobnb.definitions.partitions.multi_mapping import (
    DimensionPartitionMapping as DimensionPartitionMapping,
)
from jobnb.definitions.partitions.multi_mapping import (
    MultiPartitionMapping as MultiPartitionMapping,
)
from jobnb.definitions.partitions.multi_mapping import (
    MultiToSingleDimensionPartitionMapping as MultiToSingleDimensionPartitionMapping,
)
from jobnb.definitions.partitions.multi_partition_key import (
    MultiPartitionKey as MultiPartitionKey,
)
from jobnb.definitions.partitions.multi_partitions import (
    MultiPartitionsDefinition as MultiPartitionsDefinition,
)
from jobnb.definitions.partitions.multi_partitions import (
    PartitionDimensionDefinition as PartitionDimensionDefinition,
)
from jobnb.definitions.partitions.partition import PartitionsDefinition as PartitionsDefinition
from jobnb.definitions.partitions.partition_keys import PARTITION_TAG as PARTITION_TAG
from jobnb.definitions.partitions.partition_keys import (
    DynamicPartitionsStore as DynamicPartitionsStore,
)
from jobnb.definitions.partitions.partition_keys import Partition as Partition
from jobnb.definitions.partitions.partition_keys import PartitionKeyRange as PartitionKeyRange
from jobnb.definitions.partitions.partition_loading import (
    PartitionLoadingContext as PartitionLoadingContext,
)
from jobnb.definitions.partitions.partition_loading import (
    partition_loading_context as partition_loading_context,
)
from jobnb.definitions.partitions.partition_mapping import (
    IdentityPartitionMapping as IdentityPartitionMapping,
)
from jobnb.definitions.partitions.partition_mapping import PartitionMapping as PartitionMapping
from jobnb.definitions.partitions.partition_mapping import (
    UpstreamPartitionsResult as UpstreamPartitionsResult,
)
from jobnb.definitions.partitions.partition_subset import PartitionsSubset as PartitionsSubset
from jobnb.definitions.partitions.partitioned_config import (
    PartitionedConfig as PartitionedConfig,
)
from jobnb.definitions.partitions.partitioned_config import (
    dynamic_partitioned_config as dynamic_partitioned_config,
)
from jobnb.definitions.partitions.partitioned_config import (
    partitioned_config as partitioned_config,
)
from jobnb.definitions.partitions.partitioned_config import (
    static_partitioned_config as static_partitioned_config,
)
from jobnb.definitions.partitions.static_partitions import (
    StaticPartitionsDefinition as StaticPartitionsDefinition,
)
from jobnb.definitions.partitions.time_window import (
    TimeWindowPartitionsDefinition as TimeWindowPartitionsDefinition,
)
from jobnb.definitions.partitions.time_window_mapping import (
    TimeWindowPartitionMapping as TimeWindowPartitionMapping,
)
from jobnb.definitions.partitions.window_times import TimeWindow as TimeWindow
from jobnb.definitions.resources.configurable_resource import (
    ConfigurableIOManager as ConfigurableIOManager,
)
from jobnb.definitions.resources.configurable_resource import (
    ConfigurableIOManagerFactory as ConfigurableIOManagerFactory,
)
from jobnb.definitions.resources.configurable_resource import (
    ConfigurableResource as ConfigurableResource,
)
from jobnb.definitions.resources.configurable_resource import (
    ResourceDependency as ResourceDependency,
)
from jobnb.definitions.resources.io import InputManager as InputManager
from jobnb.definitions.resources.io import InputManagerDefinition as InputManagerDefinition
from jobnb.definitions.resources.io import IOManager as IOManager
from jobnb.definitions.resources.io import IOManagerDefinition as IOManagerDefinition
from jobnb.definitions.resources.io import input_manager as input_manager
from jobnb.definitions.resources.io import io_manager as io_manager
from jobnb.definitions.resources.io_context import InputContext as InputContext
from jobnb.definitions.resources.io_context import OutputContext as OutputContext
from jobnb.definitions.resources.io_test_context import (
    build_input_context as build_input_context,
)
from jobnb.definitions.resources.io_test_context import (
    build_output_context as build_output_context,
)
from jobnb.definitions.resources.resource import (
    IAttachDifferentObjectToOpContext as IAttachDifferentObjectToOpContext,
)
from jobnb.definitions.resources.resource import (
    InitResourceContext as InitResourceContext,
)
from jobnb.definitions.resources.resource import ResourceDefinition as ResourceDefinition
from jobnb.definitions.resources.resource import (
    build_init_resource_context as build_init_resource_context,
)
from jobnb.definitions.resources.resource import make_values_resource as make_values_resource
from jobnb.definitions.resources.resource import resource as resource
from jobnb.definitions.resources.resource import with_resources as with_resources
from jobnb.definitions.selections.selection import AssetSelection as AssetSelection
from jobnb.definitions.table import TableColumn as TableColumn
from jobnb.definitions.table import TableColumnConstraints as TableColumnConstraints
from jobnb.definitions.table import TableColumnDep as TableColumnDep
from jobnb.definitions.table import TableColumnLineage as TableColumnLineage
from jobnb.definitions.table import TableConstraints as TableConstraints
from jobnb.definitions.table import TableRecord as TableRecord
from jobnb.definitions.table import TableSchema as TableSchema
from jobnb.definitions.types import Any as Any
from jobnb.definitions.types import Bool as Bool
from jobnb.definitions.types import DataType as DataType
from jobnb.definitions.types import DataTypeLoader as DataTypeLoader
from jobnb.definitions.types import DataTypeLoaderContext as DataTypeLoaderContext
from jobnb.definitions.types import Dict as Dict
from jobnb.definitions.types import Float as Float
from jobnb.definitions.types import Int as Int
from jobnb.definitions.types import List as List
from jobnb.definitions.types import Nothing as Nothing
from jobnb.definitions.types import Optional as Optional
from jobnb.definitions.types import PythonObjectDataType as PythonObjectDataType
from jobnb.definitions.types import Set as Set
from jobnb.definitions.types import String as String
from jobnb.definitions.types import Tuple as Tuple
from jobnb.definitions.types import TypeCheckContext as TypeCheckContext
from jobnb.definitions.types import check_data_type as check_data_type
from jobnb.definitions.types import data_type_loader as data_type_loader
from jobnb.definitions.types import (
    make_python_type_usable_as_data_type as make_python_type_usable_as_data_type,
)
from jobnb.definitions.types import usable_as_data_type as usable_as_data_type
from jobnb.definitions.user_events import AssetMaterialization as AssetMaterialization
from jobnb.definitions.user_events import AssetObservation as AssetObservation
from jobnb.definitions.user_events import ExpectationResult as ExpectationResult
from jobnb.definitions.user_events import Failure as Failure
from jobnb.definitions.user_events import TypeCheck as TypeCheck
from jobnb.errors import AssetCheckFailedError as AssetCheckFailedError
from jobnb.errors import ConfigMappingFunctionError as ConfigMappingFunctionError
from jobnb.errors import ExecutionInterruptedError as ExecutionInterruptedError
from jobnb.errors import InvalidConfigDefinitionError as InvalidConfigDefinitionError
from jobnb.errors import InvalidConfigError as InvalidConfigError
from jobnb.errors import InvalidDefinitionError as InvalidDefinitionError
from jobnb.errors import InvalidInvocationError as InvalidInvocationError
from jobnb.errors import InvalidSubsetError as InvalidSubsetError
from jobnb.errors import InvariantViolationError as InvariantViolationError
from jobnb.errors import JobnbError as JobnbError
from jobnb.errors import MissingResourceError as MissingResourceError
from jobnb.errors import NotebookError as NotebookError
from jobnb.errors import PartitionConfigError as PartitionConfigError
from jobnb.errors import ResourceFunctionError as ResourceFunctionError
from jobnb.errors import RetryRequested as RetryRequested
from jobnb.errors import RunNotFoundError as RunNotFoundError
from jobnb.errors import StepExecutionError as StepExecutionError
from jobnb.errors import StepNotFoundError as StepNotFoundError
from jobnb.errors import StepOutputNotFoundError as StepOutputNotFoundError
from jobnb.errors import StepTimeoutError as StepTimeoutError
from jobnb.errors import StorageError as StorageError
from jobnb.errors import TypeCheckDidNotPass as TypeCheckDidNotPass
from jobnb.errors import TypeCheckError as TypeCheckError
from jobnb.errors import UnknownInputError as UnknownInputError
from jobnb.errors import UnknownJobError as UnknownJobError
from jobnb.errors import UnknownPartitionError as UnknownPartitionError
from jobnb.errors import UnknownResourceError as UnknownResourceError
from jobnb.errors import UnmetExecutorRequirementsError as UnmetExecutorRequirementsError
from jobnb.errors import UserCodeExecutionError as UserCodeExecutionError
from jobnb.errors import WorkerLostError as WorkerLostError
from jobnb.events import ErrorInfo as ErrorInfo
from jobnb.events import Event as Event
from jobnb.events import EventType as EventType
from jobnb.execution.background import Run as Run
from jobnb.execution.context import AssetCheckExecutionContext as AssetCheckExecutionContext
from jobnb.execution.context import AssetExecutionContext as AssetExecutionContext
from jobnb.execution.context import OpExecutionContext as OpExecutionContext
from jobnb.execution.execute_job import JobExecutionResult as JobExecutionResult
from jobnb.execution.execute_job import ReconstructableJob as ReconstructableJob
from jobnb.execution.execute_job import (
    build_reconstructable_job as build_reconstructable_job,
)
from jobnb.execution.execute_job import execute_job as execute_job
from jobnb.execution.execute_job import reconstructable as reconstructable
from jobnb.execution.hooks import HookContext as HookContext
from jobnb.execution.log import RunLogger as RunLogger
from jobnb.execution.materialize import materialize as materialize
from jobnb.execution.materialize import materialize_to_memory as materialize_to_memory
from jobnb.execution.materialize import observe as observe
from jobnb.execution.reexecution import ReexecutionOptions as ReexecutionOptions
from jobnb.execution.resources import build_resources as build_resources
from jobnb.execution.result import ExecuteInProcessResult as ExecuteInProcessResult
from jobnb.execution.runner import MAX_RUNTIME_SECONDS_TAG as MAX_RUNTIME_SECONDS_TAG
from jobnb.execution.runner import RunTimeoutError as RunTimeoutError
from jobnb.execution.testing import build_asset_check_context as build_asset_check_context
from jobnb.execution.testing import build_asset_context as build_asset_context
from jobnb.execution.testing import build_op_context as build_op_context
from jobnb.execution.testing import validate_run_config as validate_run_config
from jobnb.execution.testing_hooks import build_hook_context as build_hook_context
from jobnb.execution.values import AssetValueLoader as AssetValueLoader
from jobnb.notebook.notebook_asset import notebook_asset as notebook_asset
from jobnb.notebook.notebook_asset import notebook_op as notebook_op
from jobnb.registry.session import Session as Session
from jobnb.registry.session import session as session
from jobnb.staleness.causes import AssetStatus as AssetStatus
from jobnb.staleness.causes import AssetStatuses as AssetStatuses
from jobnb.staleness.causes import Cause as Cause
from jobnb.staleness.causes import StaleStatus as StaleStatus
from jobnb.staleness.differences import DefinitionsDiff as DefinitionsDiff
from jobnb.state import RunState as RunState
from jobnb.state import RunStatus as RunStatus
from jobnb.state import StepStatus as StepStatus
from jobnb.state import fold as fold
from jobnb.storage.backfill import BackfillStatus as BackfillStatus
from jobnb.storage.backfill import PartitionBackfill as PartitionBackfill
from jobnb.storage.executed_notebook import ExecutedNotebook as ExecutedNotebook
from jobnb.storage.file_handles import FileHandle as FileHandle
from jobnb.storage.file_handles import LocalFileHandle as LocalFileHandle
from jobnb.storage.file_handles import local_file_manager as local_file_manager
from jobnb.storage.filesystem import FilesystemIOManager as FilesystemIOManager
from jobnb.storage.instance import Instance as Instance
from jobnb.storage.instance import instance_for_test as instance_for_test
from jobnb.storage.partition_history import AssetPartitionStatus as AssetPartitionStatus
from jobnb.storage.partition_tables import JobPartitionTable as JobPartitionTable
from jobnb.storage.partition_tables import PartitionTable as PartitionTable
from jobnb.storage.pools import ConcurrencyKeyInfo as ConcurrencyKeyInfo
from jobnb.storage.records import AssetRecord as AssetRecord
from jobnb.storage.records import EventLogEntry as EventLogEntry
from jobnb.storage.records import EventLogRecord as EventLogRecord
from jobnb.storage.records import EventRecordsFilter as EventRecordsFilter
from jobnb.storage.run import JobRun as JobRun
from jobnb.storage.run import RunRecord as RunRecord
from jobnb.storage.run import RunsFilter as RunsFilter
from jobnb.storage.run_coordinator import DefaultRunCoordinator as DefaultRunCoordinator
from jobnb.storage.run_coordinator import QueuedRunCoordinator as QueuedRunCoordinator
from jobnb.storage.run_launcher import DefaultRunLauncher as DefaultRunLauncher
from jobnb.storage.run_table import RunTable as RunTable
from jobnb.storage.ticks import InstigatorState as InstigatorState
from jobnb.storage.ticks import InstigatorStatus as InstigatorStatus
from jobnb.storage.ticks import Tick as Tick
from jobnb.storage.ticks import TickStatus as TickStatus
from jobnb.storage.upath import UPathIOManager as UPathIOManager
from jobnb.storage.values import InMemoryIOManager as InMemoryIOManager
from jobnb.storage.values import fs_io_manager as fs_io_manager
from jobnb.storage.values import mem_io_manager as mem_io_manager

__version__: str
HOME_OF: Mapping[str, str]

def load_ipython_extension(shell: object) -> None: ...
def unload_ipython_extension(shell: object) -> None: ...
