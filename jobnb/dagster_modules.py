"""Dagster's submodules, for code that imports from them, with jobnb's names.

`from dagster._core.errors import DagsterInvariantViolationError` asks for a name of the top level
in another place; so every module below `dagster` gives the names of the top level, and a few have
some of their own.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dis import opmap
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

from jobnb import dagster_helpers as helpers
from jobnb.dagster_names import ALIASES, DATA_VERSIONS, ELSEWHERE, ERRORS, TAGS
from jobnb.errors import InvariantViolationError, JobnbError, did_you_mean

__all__ = ["CheckError", "DagsterModules", "ParameterCheckError"]

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


class CheckError(InvariantViolationError):
    """The error of `dagster._check`.

    Source: Dagster's `CheckError`.
    """


class ParameterCheckError(CheckError, TypeError):
    """An argument is not of the type that `dagster._check` was told.

    Source: Dagster's `ParameterCheckError`.
    """


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
    if name in ELSEWHERE:
        return getattr(importlib.import_module(ELSEWHERE[name]), name)
    for others in _NAMES.values():  # helpers have moved from module to module
        if name in others:
            return others[name]
    try:
        return getattr(_top(), ERRORS.get(name) or ALIASES.get(name, name))
    except AttributeError:
        told = f"jobnb has no {name!r}, which {module!r} of Dagster may have."
        raise AttributeError(f"{told} {advice(name, _top().__all__)}".rstrip()) from None


_INSTEAD: Mapping[str, str] = {
    "MemoizableIOManager": "Nothing is computed again that is not stale: `stale_only=True`.",
    "MetadataEntry": "Give `metadata={...}`: a dict of values by name.",
    "OpVersionContext": "A code version is the hash of the code, or `code_version=...`.",
    "ResourceVersionContext": "A code version is the hash of the code, or `code_version=...`.",
    "SourceHashVersionStrategy": "A code version is the hash of the code already.",
    "StepExecutionContext": "Use the context of the op, or `build_op_context()` in a test.",
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


# --- dagster._check ------------------------------------------------------------------


def _param(kinds: type | tuple[type, ...], optional: bool, empty: Callable[[], Any]) -> Any:
    names = " or ".join(each.__name__ for each in (kinds if isinstance(kinds, tuple) else (kinds,)))

    def check(obj: Any, param_name: str = "the value", *_: Any, **more: Any) -> Any:
        if obj is None and optional:
            return more.get("default", empty())
        if isinstance(obj, kinds) and not (isinstance(obj, bool) and bool not in _flat(kinds)):
            return obj
        raise ParameterCheckError(f"{param_name} is {obj!r}, and should be of type {names}.")

    return check


def _flat(kinds: type | tuple[type, ...]) -> tuple[type, ...]:
    return kinds if isinstance(kinds, tuple) else (kinds,)


def _inst(obj: Any, ttype: Any, *told: Any, **_: Any) -> Any:
    if isinstance(obj, ttype):
        return obj
    raise CheckError(f"{obj!r} should be of type {ttype!r}. {' '.join(map(str, told))}".rstrip())


def _inst_param(obj: Any, param_name: str, ttype: Any, *_: Any, **__: Any) -> Any:
    if isinstance(obj, ttype):
        return obj
    raise ParameterCheckError(f"{param_name} is {obj!r}, and should be of type {ttype!r}.")


def _or_none(check: Callable[..., Any]) -> Callable[..., Any]:
    def checked(obj: Any, *rest: Any, default: Any = None, **more: Any) -> Any:
        return default if obj is None else check(obj, *rest, **more)

    return checked


def _callable_param(obj: Any, param_name: str, *_: Any) -> Any:
    if callable(obj):
        return obj
    raise ParameterCheckError(f"{param_name} is {obj!r}, and should be callable.")


def _invariant(condition: Any, desc: str | None = None) -> bool:
    if condition:
        return True
    raise CheckError(f"Invariant failed. {desc or ''}".rstrip())


def _param_invariant(condition: Any, param_name: str, desc: str | None = None) -> None:
    if not condition:
        raise ParameterCheckError(f"{param_name} is not as it should be. {desc or ''}".rstrip())


def _failed(desc: str) -> Any:
    raise CheckError(f"Failure condition: {desc}")


def _not_none(obj: Any, desc: str | None = None) -> Any:
    if obj is not None:
        return obj
    raise CheckError(f"A value is None and should not be. {desc or ''}".rstrip())


def _not_none_param(obj: Any, param_name: str, desc: str | None = None) -> Any:
    if obj is not None:
        return obj
    raise ParameterCheckError(f"{param_name} is None and should not be. {desc or ''}".rstrip())


def _checks() -> dict[str, Any]:
    kinds: dict[str, tuple[Any, Callable[[], Any]]] = {
        "bool": (bool, lambda: None),
        "dict": (dict, dict),
        "float": (float, lambda: None),
        "int": (int, lambda: None),
        "iterator": (Iterator, lambda: None),
        "list": (list, list),
        "mapping": (Mapping, dict),
        "numeric": ((int, float), lambda: None),
        "path": ((str, Path), lambda: None),
        "sequence": (Sequence, list),
        "set": ((set, frozenset), set),
        "str": (str, lambda: None),
        "tuple": (tuple, tuple),
    }
    made: dict[str, Any] = {}
    for name, (kind, empty) in kinds.items():
        made[f"{name}_param"] = _param(kind, False, empty)
        made[f"opt_{name}_param"] = _param(kind, True, empty)
        made[f"opt_nullable_{name}_param"] = _param(kind, True, lambda: None)
    return made | {
        "callable_param": _callable_param,
        "class_param": _param(type, False, lambda: None),
        "failed": _failed,
        "inst": _inst,
        "inst_param": _inst_param,
        "invariant": _invariant,
        "not_none": _not_none,
        "not_none_param": _not_none_param,
        "opt_callable_param": _or_none(_callable_param),
        "opt_class_param": _param(type, True, lambda: None),
        "opt_inst": _or_none(_inst),
        "opt_inst_param": _or_none(_inst_param),
        "param_invariant": _param_invariant,
    }


_NAMES: Mapping[str, Mapping[str, Any]] = {
    "_check": _checks(),
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
