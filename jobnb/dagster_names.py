"""Names of Dagster's inner modules for which jobnb has something of another name, or a value.

`DagsterModules` gives them to code that imports them. Dagster has more classes of errors than
jobnb raises: each is the class that jobnb raises in that case, so `except` and `pytest.raises`
catch the same.
"""

from __future__ import annotations

from collections.abc import Mapping

ERRORS: Mapping[str, str] = {
    "CheckError": "JobnbError",
    "DagsterAssetBackfillDataLoadError": "JobnbError",
    "DagsterBackfillFailedError": "JobnbError",
    "DagsterCodeLocationLoadError": "JobnbError",
    "DagsterCodeLocationNotFoundError": "JobnbError",
    "DagsterDefinitionChangedDeserializationError": "JobnbError",
    "DagsterEventLogInvalidForRun": "StorageError",
    "DagsterExecutionHandleOutputError": "JobnbError",
    "DagsterExecutionLoadInputError": "JobnbError",
    "DagsterExecutionPlanSnapshotNotFoundError": "JobnbError",
    "DagsterHomeNotSetError": "JobnbError",
    "DagsterImportError": "JobnbError",
    "DagsterInvalidAssetKey": "JobnbError",
    "DagsterInvalidDagsterTypeInPythonicConfigDefinitionError": "InvalidDefinitionError",
    "DagsterInvalidMetadata": "InvalidDefinitionError",
    "DagsterInvalidObservationError": "JobnbError",
    "DagsterInvalidPropertyError": "InvariantViolationError",
    "DagsterInvalidPythonicConfigDefinitionError": "InvalidDefinitionError",
    "DagsterLaunchFailedError": "JobnbError",
    "DagsterMaxRetriesExceededError": "RetryRequested",
    "DagsterObjectStoreError": "StorageError",
    "DagsterRunAlreadyExists": "JobnbError",
    "DagsterRunConflict": "JobnbError",
    "DagsterSnapshotDoesNotExist": "JobnbError",
    "DagsterSubprocessError": "JobnbError",
    "DagsterTypeLoadingError": "JobnbError",
    "DagsterUndefinedDataVersionError": "JobnbError",
    "DagsterUnknownStepStateError": "JobnbError",
    "DagsterUserCodeProcessError": "JobnbError",
    "DagsterUserCodeUnreachableError": "JobnbError",
    "ElementCheckError": "JobnbError",
    "FreshnessPolicySensorExecutionError": "UserCodeExecutionError",
    "HookExecutionError": "UserCodeExecutionError",
    "JobError": "UserCodeExecutionError",
    "NotImplementedCheckError": "JobnbError",
    "ParameterCheckError": "JobnbError",
    "PartitionExecutionError": "UserCodeExecutionError",
    "RunStatusSensorExecutionError": "UserCodeExecutionError",
    "ScheduleExecutionError": "UserCodeExecutionError",
    "SensorExecutionError": "UserCodeExecutionError",
}
"""What jobnb raises, by Dagster's class of error."""

TAGS: Mapping[str, str] = {
    "ASSET_EVALUATION_ID_TAG": "dagster/asset_evaluation_id",
    "ASSET_PARTITION_RANGE_END_TAG": "dagster/asset_partition_range_end",
    "ASSET_PARTITION_RANGE_START_TAG": "dagster/asset_partition_range_start",
    "AUTO_MATERIALIZE_TAG": "dagster/auto_materialize",
    "AUTO_OBSERVE_TAG": "dagster/auto_observe",
    "BACKFILL_ID_TAG": "dagster/backfill",
    "DOCKER_IMAGE_TAG": "dagster/image",
    "GLOBAL_CONCURRENCY_TAG": "dagster/concurrency_key",
    "HIDDEN_TAG_PREFIX": ".dagster/",
    "MAX_RETRIES_TAG": "dagster/max_retries",
    "MULTIDIMENSIONAL_PARTITION_PREFIX": "dagster/partition/",
    "OP_SELECTION_TAG": "dagster/solid_selection",
    "PARENT_RUN_ID_TAG": "dagster/parent_run_id",
    "PARTITION_NAME_TAG": "dagster/partition",
    "PARTITION_SET_TAG": "dagster/partition_set",
    "PRIORITY_TAG": "dagster/priority",
    "REPOSITORY_LABEL_TAG": ".dagster/repository",
    "RESUME_RETRY_TAG": "dagster/is_resume_retry",
    "RETRY_NUMBER_TAG": "dagster/retry_number",
    "RETRY_STRATEGY_TAG": "dagster/retry_strategy",
    "ROOT_RUN_ID_TAG": "dagster/root_run_id",
    "RUN_ISOLATION_TAG": "dagster/isolation",
    "RUN_KEY_TAG": "dagster/run_key",
    "SCHEDULED_EXECUTION_TIME_TAG": ".dagster/scheduled_execution_time",
    "SCHEDULE_NAME_TAG": "dagster/schedule_name",
    "SENSOR_NAME_TAG": "dagster/sensor_name",
    "STEP_SELECTION_TAG": "dagster/step_selection",
    "SYSTEM_TAG_PREFIX": "dagster/",
    "USER_TAG": "user",
}
"""The tags of `dagster._core.storage.tags`."""

ELSEWHERE: Mapping[str, str] = {
    "AssetGraph": "jobnb.plan.graphs",
    "AutoMaterializePolicyType": "jobnb.definitions.automation.condition",
    "ErrorSource": "jobnb.events.data",
    "EvaluationStack": "jobnb.errors",
    "HandledOutputData": "jobnb.events.data",
    "InProcessExecutor": "jobnb.definitions.jobs.executor_object",
    "InstanceRef": "jobnb.storage.dagster_views",
    "InstigatorType": "jobnb.storage.ticks",
    "MultiprocessExecutor": "jobnb.definitions.jobs.executor_object",
    "EvaluationStackListItemEntry": "jobnb.errors",
    "EvaluationStackPathEntry": "jobnb.errors",
    "DynamicPartitionsStore": "jobnb.definitions.partitions.partition_keys",
    "NodeHandle": "jobnb.events.handle",
    "StepHandle": "jobnb.events.handle",
    "RetryMode": "jobnb.definitions.jobs.executor_object",
    "StepFailureData": "jobnb.events.data",
    "StepOutputHandle": "jobnb.events.data",
    "TickStatus": "jobnb.storage.ticks",
    "TypeCheckData": "jobnb.events.data",
    "UserFailureData": "jobnb.events.data",
}
"""Names of Dagster's inner modules that jobnb has and does not list."""

ALIASES: Mapping[str, str] = {
    "ConfigurableResourceFactory": "ConfigurableResource",
    "PickledObjectFilesystemIOManager": "FilesystemIOManager",
    "SerializableErrorInfo": "ErrorInfo",
    "UnresolvedAssetJobDefinition": "AssetJobDefinition",
}
"""jobnb's public name of what an inner module of Dagster calls otherwise."""

DATA_VERSIONS: Mapping[str, str] = {
    "CODE_VERSION_TAG": "dagster/code_version",
    "DATA_VERSION_IS_USER_PROVIDED_TAG": "dagster/data_version_is_user_provided",
    "DATA_VERSION_TAG": "dagster/data_version",
    "INPUT_DATA_VERSION_TAG_PREFIX": "dagster/input_data_version",
    "INPUT_EVENT_POINTER_TAG_PREFIX": "dagster/input_event_pointer",
    "NULL_EVENT_POINTER": "NULL",
}
"""The tags of `dagster._core.definitions.data_version`."""

KEY_FORMATS: Mapping[str, str] = {
    "DEFAULT_DATE_FORMAT": "%Y-%m-%d",
    "DEFAULT_HOURLY_FORMAT_WITHOUT_TIMEZONE": "%Y-%m-%d-%H:%M",
    "DEFAULT_HOURLY_FORMAT_WITH_TIMEZONE": "%Y-%m-%d-%H:%M%z",
    "DEFAULT_MONTHLY_FORMAT": "%Y-%m",
}
"""The formats of `dagster._utils.partitions`."""
