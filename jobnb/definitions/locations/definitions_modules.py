"""Making `Definitions` of all that modules hold: `load_definitions_from_module` and its kin."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any

from jobnb.definitions.assets.asset_job import AssetJobDefinition
from jobnb.definitions.assets.asset_modules import (
    assets_of_modules,
    listed_modules,
    modules_of_package,
)
from jobnb.definitions.checks.check_modules import checks_of_modules
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.locations.definitions import Definitions

__all__ = [
    "load_definitions_from_current_module",
    "load_definitions_from_module",
    "load_definitions_from_modules",
    "load_definitions_from_package_module",
    "load_definitions_from_package_name",
]


def load_definitions_from_modules(
    modules: Iterable[ModuleType],
    resources: Mapping[str, Any] | None = None,
    loggers: Mapping[str, Any] | None = None,
    executor: Any = None,
) -> Definitions:
    """All assets, checks and jobs of modules, with the `Definitions` that stand in them.

    Args:
        modules: The modules.
        resources: Resources by key.
        loggers: Loggers by name, where a job has none.
        executor: How steps are run, where a job does not say.

    Raises:
        InvalidDefinitionError: If two different things have one name; all of them at once.

    Example:
        >>> from types import ModuleType
        >>> from jobnb import asset
        >>> shop = ModuleType("shop")
        >>> shop.orders = asset(name="orders")(lambda: 3)
        >>> load_definitions_from_modules([shop])
        Definitions(1 assets)

    Source: Dagster's `load_definitions_from_modules`.
    """
    listed = listed_modules(modules)
    values = [value for module in listed for value in vars(module).values()]
    inside = _of_kind(values, Definitions)
    own = Definitions.of(
        assets=_assets(listed, inside),
        asset_checks=checks_of_modules(listed),
        jobs=_of_kind(values, JobDefinition, AssetJobDefinition),
        resources=resources,
        loggers=loggers,
        executor=executor,
    )
    return Definitions.merge(own, *inside)


def _assets(modules: list[ModuleType], inside: Iterable[Definitions]) -> list[Any]:
    """The assets of modules; specs only where no `Definitions` have made an asset of them."""
    known = {key for each in inside for key in each.resolve_all_asset_keys()}
    made = assets_of_modules(modules, include_specs=False)
    held = set(map(id, made))
    specs = [e for e in assets_of_modules(modules, include_specs=True) if id(e) not in held]
    return [*made, *(each for each in specs if each.key not in known)]


def load_definitions_from_module(
    module: ModuleType,
    resources: Mapping[str, Any] | None = None,
    loggers: Mapping[str, Any] | None = None,
    executor: Any = None,
) -> Definitions:
    """All that a module defines; see `load_definitions_from_modules`.

    Source: Dagster's `load_definitions_from_module`.
    """
    return load_definitions_from_modules([module], resources, loggers, executor)


def load_definitions_from_current_module(
    resources: Mapping[str, Any] | None = None,
    loggers: Mapping[str, Any] | None = None,
    executor: Any = None,
) -> Definitions:
    """All that the calling module (or notebook) defines; see `load_definitions_from_modules`.

    Source: Dagster's `load_definitions_from_current_module`.
    """
    name = sys._getframe(1).f_globals.get("__name__", "__main__")
    return load_definitions_from_modules([sys.modules[name]], resources, loggers, executor)


def load_definitions_from_package_module(
    package_module: ModuleType,
    resources: Mapping[str, Any] | None = None,
    loggers: Mapping[str, Any] | None = None,
    executor: Any = None,
) -> Definitions:
    """All that a package and the modules in it define; see `load_definitions_from_modules`.

    Source: Dagster's `load_definitions_from_package_module`.
    """
    modules = modules_of_package(package_module)
    return load_definitions_from_modules(modules, resources, loggers, executor)


def load_definitions_from_package_name(
    package_name: str,
    resources: Mapping[str, Any] | None = None,
    loggers: Mapping[str, Any] | None = None,
    executor: Any = None,
) -> Definitions:
    """The same for the package that is imported under a name.

    Source: Dagster's `load_definitions_from_package_name`.
    """
    package = import_module(package_name)
    return load_definitions_from_package_module(package, resources, loggers, executor)


def _of_kind(values: Iterable[Any], *kinds: type) -> list[Any]:
    """Those of some kinds, each object once."""
    return list({id(each): each for each in values if isinstance(each, kinds)}.values())
