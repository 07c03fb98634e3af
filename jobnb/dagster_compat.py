"""Dagster's spelling of jobnb's names, for code written against Dagster.

`from jobnb.dagster_compat import DagsterInstance` imports `jobnb.Instance`; every public name
of jobnb is here too. After `install()`, `import dagster` finds this module in this process.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

import jobnb
from jobnb import HOME_OF, dagstermill_compat
from jobnb.dagster_modules import OLDER, DagsterModules, advice, is_import
from jobnb.errors import DAGSTER_NAMES

SPELLINGS = {
    **{theirs: own for own, theirs in DAGSTER_NAMES.items()},
    "BulkActionStatus": "BackfillStatus",
    "DagsterAssetMetadataValue": "AssetMetadataValue",
    "DagsterEvent": "Event",
    "DagsterEventType": "EventType",
    "DagsterInstance": "Instance",
    "DagsterJobMetadataValue": "JobMetadataValue",
    "DagsterLogManager": "RunLogger",
    "DagsterRun": "JobRun",
    "DagsterRunMetadataValue": "RunMetadataValue",
    "DagsterRunStatus": "RunStatus",
    "DagsterType": "DataType",
    "DagsterTypeLoader": "DataTypeLoader",
    "DagsterTypeLoaderContext": "DataTypeLoaderContext",
    "PythonObjectDagsterType": "PythonObjectDataType",
    "check_dagster_type": "check_data_type",
    "dagster_type_loader": "data_type_loader",
    "get_dagster_logger": "get_jobnb_logger",
    "make_python_type_usable_as_dagster_type": "make_python_type_usable_as_data_type",
    "usable_as_dagster_type": "usable_as_data_type",
}
"""jobnb's name for each name that Dagster spells otherwise."""

_MADE_OTHERWISE = {
    "CodeLocationSelector": "selectors",
    "ConfigurableLegacyIOManagerAdapter": "adapters",
    "DagsterEvent": "events",
    "DagsterInstance": "constructors",
    "DagsterLogManager": "constructors",
    "DagsterTypeLoaderContext": "constructors",
    "JobSelector": "selectors",
    "RepositorySelector": "selectors",
    "deprecation_warning": "utils",
    "deserialize_value": "serdes",
    "serialize_value": "serdes",
}
"""Where a name of Dagster's is that jobnb has not, or with another constructor."""

__all__ = [  # noqa: PLE0604
    *sorted({*SPELLINGS, *_MADE_OTHERWISE, *HOME_OF}),
    "BindResourcesToJobs",
    "ExperimentalWarning",
    "SPELLINGS",
    "install",
    "uninstall",
]


class BindResourcesToJobs(list[Any]):
    """A list of jobs that get the resources of their `Definitions`, as all jobs do.

    Source: Dagster's `BindResourcesToJobs`.
    """


class ExperimentalWarning(Warning):
    """Programs silence it; jobnb never warns of what is experimental.

    Source: Dagster's `ExperimentalWarning`.
    """


__path__: list[str] = []  # after install() it is a package, whose modules DagsterModules finds


def __getattr__(name: str) -> Any:
    """Return a name in Dagster's spelling or in jobnb's."""
    own = SPELLINGS.get(name, name)
    installed = sys.modules.get("dagster") is sys.modules[__name__]
    is_private = name.startswith("_") and not name.startswith("__")
    if installed and (is_private or name in OLDER):
        return importlib.import_module(f"dagster.{name}")
    home = _MADE_OTHERWISE.get(name)
    if home is None and own not in HOME_OF:
        told = f"jobnb does not offer {name!r}. {advice(name, __all__)}".rstrip()
        raise (ImportError if is_import(sys._getframe(1)) else AttributeError)(told)
    module = importlib.import_module(f"jobnb.dagster_modules.{home}") if home else jobnb
    value = getattr(module, name if home else own)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *SPELLINGS, *HOME_OF]


def install() -> None:
    """Make `import dagster` and `import dagstermill` find jobnb in this process.

    Raises:
        InvariantViolationError: If Dagster itself has been imported already.
    """
    found = sys.modules.get("dagster")
    if found is not None and found is not sys.modules[__name__]:
        raise jobnb.InvariantViolationError(
            "Dagster itself has been imported in this process. Call install() before that."
        )
    sys.modules["dagster"] = sys.modules[__name__]
    dagstermill_compat.install()
    if not any(isinstance(each, DagsterModules) for each in sys.meta_path):
        sys.meta_path.insert(0, DagsterModules())


def uninstall() -> None:
    """Let `import dagster` find Dagster again."""
    if sys.modules.get("dagster") is sys.modules[__name__]:
        for name in [each for each in sys.modules if each.partition(".")[0] == "dagster"]:
            del sys.modules[name]
    dagstermill_compat.uninstall()
    sys.meta_path[:] = [each for each in sys.meta_path if not isinstance(each, DagsterModules)]
