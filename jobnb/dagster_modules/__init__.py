"""Dagster's submodules, for code that imports from them, with jobnb's names.

`from dagster._core.errors import DagsterInvariantViolationError` asks for a name of the top level
in another place; so every module below `dagster` gives the names of the top level, and a few have
some of their own.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from dis import opmap
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import FrameType, ModuleType
from typing import Any

import jobnb.dagster_helpers as helpers
from jobnb.dagster_modules.checks import checks
from jobnb.dagster_names import ALIASES, DATA_VERSIONS, ELSEWHERE, ERRORS, KEY_FORMATS, TAGS
from jobnb.errors import EvaluationErrorReason, JobnbError, did_you_mean

__all__ = ["DagsterModules", "advice", "is_import"]

_OWN = "jobnb.dagster_compat"

OLDER = ("check", "config", "core", "loggers", "serdes", "seven", "utils")
"""What is private at Dagster's top level now, and was not in older versions."""

_INNER = (
    "container_context", "definitions", "definitions.decorators", "definitions.metadata",
    "definitions.repository_definition", "events", "execution", "execution.context",
    "execution.plan", "executor", "executor.step_delegating",
    "executor.step_delegating.step_handler", "external_execution", "host_representation",
    "instance", "launcher", "run_coordinator", "scheduler", "secrets", "selector", "snap",
    "storage", "storage.branching", "storage.event_log", "storage.event_log.sqlite",
    "storage.migration", "storage.runs", "storage.runs.sqlite", "storage.schedules",
    "storage.schedules.sqlite", "system_config", "types", "workspace",
)  # fmt: skip
_PACKAGES = {
    "dagster",
    *(f"dagster.{older}" for older in OLDER),
    *(f"dagster._{older}" for older in OLDER),
    "dagster._config.pythonic_config",
    "dagster._utils.test",
    *(f"dagster.{core}.{inner}" for core in ("_core", "core") for inner in _INNER),
}
"""The packages of Dagster that code imports modules from."""

_MODULES = {
    "dagster._core.errors", "dagster._core.test_utils", "dagster.core.errors",
    "dagster._core.utils", "dagster._utils.backoff", "dagster._utils.merger",
    "dagster._core.definitions.data_version", "dagster._core.definitions.events",
    "dagster._core.definitions.partition",
    "dagster._core.storage.tags", "dagster._seven.compat", "dagster._seven.json",
    "dagster._seven.temp_dir", "dagster._utils.yaml_utils",
}  # fmt: skip
"""The modules that code imports by name from a package, where a function might be meant, too."""

_IN: Mapping[str, Sequence[str]] = {
    "jobnb.dagster_modules.absent": (
        "CapturedLogContext", "CloudStorageComputeLogManager", "ComputeIOType",
        "ConfigurableClass", "ConfigurableClassData", "IO_TYPE_EXTENSION",
        "LocalComputeLogManager", "PollingComputeLogSubscriptionManager",
    ),
    "jobnb.dagster_modules.adapters": (
        "ConfigurableLegacyIOManagerAdapter", "ConfigurableLegacyResourceAdapter",
    ),
    "jobnb.dagster_modules.annotations": (
        "deprecated", "deprecated_param", "experimental", "experimental_param", "public",
        "suppress_dagster_warnings",
    ),
    "jobnb.dagster_modules.constructors": (
        "DagsterLogHandler", "InMemoryEventLogStorage", "InMemoryRunStorage", "InstanceType",
        "LocalArtifactStorage", "NoOpComputeLogManager", "SqliteEventLogStorage",
        "SqliteRunStorage", "SqliteScheduleStorage", "SyncInMemoryRunLauncher",
    ),
    "jobnb.dagster_modules.events": (
        "AssetMaterializationPlannedData", "AssetObservationData", "EngineEventData",
        "JobCanceledData", "JobFailureData", "StepExpectationResultData",
        "StepMaterializationData", "StepRetryData", "StepSuccessData",
    ),
    "jobnb.dagster_modules.databases": (
        "DbClient", "DbIOManager", "DbTypeHandler", "TablePartitionDimension", "TableSlice",
    ),
    "jobnb.dagster_modules.files": ("FileManager", "TempfileManager", "check_file_like_obj"),
    "jobnb.dagster_modules.selectors": (
        "CodeLocationSelector", "JobSelector", "RepositorySelector",
        "UnresolvedAssetJobDefinition",
    ),
    "jobnb.dagster_modules.serdes": (
        "deserialize_value", "serialize_pp", "serialize_value", "whitelist_for_serdes",
    ),
    "jobnb.dagster_modules.utils": (
        "DagsterLibraryRegistry", "PICKLE_PROTOCOL", "cached_method",
        "coerce_valid_log_level", "convert_config_input", "dagster_maintained_io_manager",
        "dagster_maintained_resource", "deprecation_warning", "dict_without_keys",
        "experimental_warning", "extract_data_provenance_from_entry",
        "extract_data_version_from_entry",
        "normalize_metadata", "normalize_renamed_param", "parse_env_var", "validate_tags",
    ),
    "jobnb.storage.file_handles": ("LocalFileManager",),
}  # fmt: skip
_ELSEWHERE = {**ELSEWHERE, **{name: home for home, names in _IN.items() for name in names}}
"""Names of Dagster's inner modules that jobnb has and does not list."""


class DagsterModules(MetaPathFinder, Loader):
    """Finds `dagster.anything` once `import dagster` means jobnb."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find a submodule."""
        parent, _, own = fullname.rpartition(".")
        # `from dagster.a import b` asks for a module b where a has no such name: classes are none.
        if parent not in _PACKAGES or not own.islower() or sys.modules.get("dagster") is not _top():
            return None
        if fullname not in _PACKAGES | _MODULES and _is_of_a_list():
            return None
        if fullname not in _PACKAGES and (meant := _nearest_package(fullname)):
            told = f"No module named {fullname!r}. Did you mean {meant!r}?"
            raise ModuleNotFoundError(told, name=fullname)
        if parent == "dagster" and not own.startswith("_") and own not in OLDER:
            return None
        return ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return the module: empty, but for what it is asked for."""
        return _Submodule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Add the module's own names."""
        module.__dict__.update(_NAMES.get(module.__name__.removeprefix("dagster."), {}))


def _is_of_a_list() -> bool:
    """Whether the name is one of those that `from ... import ...` lists, so may be a function."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and "importlib" in frame.f_code.co_filename:
        if frame.f_code.co_name == "_handle_fromlist":
            return True
        frame = frame.f_back
    return False


def _nearest_package(module: str) -> str | None:
    """Return the package beside a module whose name is so near that it must be meant."""
    beside = [each for each in _PACKAGES if each.rpartition(".")[0] == module.rpartition(".")[0]]
    swapped = (each for each in beside if sorted(each) == sorted(module))
    return next(swapped, None)


class _Submodule(ModuleType):
    """A module that finds names at the top level."""

    __all__: Sequence[str]

    def __getattr__(self, name: str) -> Any:
        if name == "__all__":
            return [*_top().__all__, *(ERRORS if self.__name__.endswith(".errors") else ())]
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return _found(self.__name__, name)
        except AttributeError as error:
            if is_import(sys._getframe(1)):
                raise ImportError(str(error)) from None
            raise


def _top() -> Any:
    return sys.modules.get(_OWN)


def _found(module: str, name: str) -> Any:
    """Return jobnb's object for one of Dagster's names.

    Raises:
        AttributeError: If jobnb has nothing of that name.
    """
    if name in _ELSEWHERE:
        return getattr(importlib.import_module(_ELSEWHERE[name]), name)
    for others in _NAMES.values():  # helpers have moved from module to module
        if name in others:
            return others[name]
    try:
        return getattr(_top(), ERRORS.get(name) or ALIASES.get(name, name))
    except AttributeError:
        told = f"jobnb has no {name!r}, which {module!r} of Dagster may have."
        raise AttributeError(f"{told} {advice(name, _top().__all__)}".rstrip()) from None


_INSTEAD: Mapping[str, str] = {
    "ExecuteRunArgs": "A run outlives its session with `detach=True`.",
    "ExternalJobOrigin": "A run outlives its session with `detach=True`.",
    "LaunchRunContext": "A run outlives its session with `detach=True`.",
    "MemoizableIOManager": "Nothing is computed again that is not stale: `stale_only=True`.",
    "MetadataEntry": "Give `metadata={...}`: a dict of values by name.",
    "OpVersionContext": "A code version is the hash of the code, or `code_version=...`.",
    "ResourceVersionContext": "A code version is the hash of the code, or `code_version=...`.",
    "RunLauncher": "A run outlives its session with `detach=True`; `dask_executor` uses a cluster.",
    "SourceHashVersionStrategy": "A code version is the hash of the code already.",
    "StepExecutionContext": "Use the context of the op, or `build_op_context()` in a test.",
    "StepDelegatingExecutor": "Use `dask_executor`, or an `Executor` that hands on the steps.",
    "StepHandler": "Use `dask_executor`, or an `Executor` that hands on the steps.",
    "StepLauncher": "Use an executor: `executor_def=dask_executor`.",
    "VersionStrategy": "A code version is the hash of the code, or `code_version=...`.",
    "celery_executor": "Use `dask_executor`.",
    "custom_path_fs_io_manager": "Use `fs_io_manager` with its config `base_dir`.",
    "k8s_job_executor": "Use `dask_executor`.",
}
"""What to use for a name of Dagster's that there is no other name for."""


def advice(name: str, known: Sequence[str]) -> str:
    """Return what to use instead of a name: the substitute, or the nearest name; else nothing."""
    if name in _INSTEAD:
        return _INSTEAD[name]
    hint = did_you_mean(name, known, noun="") if len(name) > 3 else ""
    return hint if hint.startswith("Did you mean") else ""


def is_import(frame: FrameType) -> bool:
    """Whether a frame is at a `from ... import ...`, where Python drops other errors' words."""
    return frame.f_code.co_code[frame.f_lasti] == _IMPORT_FROM


_IMPORT_FROM = opmap["IMPORT_FROM"]


_NAMES: Mapping[str, Mapping[str, Any]] = {
    "_check": checks(),
    "_config.errors": {"DagsterEvaluationErrorReason": EvaluationErrorReason},
    "_core.definitions.data_version": DATA_VERSIONS,
    "_core.errors": {"DagsterError": JobnbError},
    "_core.storage.tags": TAGS,
    "_core.test_utils": {
        each.__name__: each
        for each in (
            helpers.create_run_for_test,
            helpers.environ,
            helpers.new_cwd,
            helpers.poll_for_finished_run,
            helpers.step_did_not_run,
            helpers.step_failed,
            helpers.step_succeeded,
        )
    },
    "_core.utils": {"make_new_run_id": helpers.make_new_run_id},
    "_utils": {
        "alter_sys_path": helpers.alter_sys_path,
        "ensure_dir": helpers.mkdir_p,
        "ensure_file": helpers.ensure_file,
        "find_free_port": helpers.find_free_port,
        "merge_dicts": helpers.merge_dicts,
        "mkdir_p": helpers.mkdir_p,
        "pushd": helpers.pushd,
        "safe_tempfile_path": helpers.safe_tempfile_path,
        "script_relative_path": helpers.script_relative_path,
        "touch_file": helpers.touch_file,
    },
    "_utils.backoff": {"backoff": helpers.backoff},
    "_utils.partitions": KEY_FORMATS,
    "_utils.merger": {"deep_merge_dicts": helpers.deep_merge_dicts},
    "_utils.test": {
        "wrap_op_in_graph": helpers.wrap_op_in_graph,
        "wrap_op_in_graph_and_execute": helpers.wrap_op_in_graph_and_execute,
    },
    "_utils.yaml_utils": {
        "dump_run_config_yaml": helpers.dump_run_config_yaml,
        "load_run_config_yaml": helpers.load_run_config_yaml,
        "load_yaml_from_globs": helpers.load_yaml_from_globs,
        "load_yaml_from_path": helpers.load_yaml_from_path,
        "merge_yamls": helpers.merge_yamls,
    },
}
"""Names that a module has of its own."""
