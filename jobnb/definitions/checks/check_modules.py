"""Finding the checks of modules: `load_asset_checks_from_modules` and its kin."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any

from jobnb.definitions.assets.asset_inout import prefix_of
from jobnb.definitions.assets.asset_modules import listed_modules, modules_of_package
from jobnb.definitions.checks.asset_checks_definition import AssetChecksDefinition

__all__ = [
    "checks_of_modules",
    "load_asset_checks_from_current_module",
    "load_asset_checks_from_modules",
    "load_asset_checks_from_package_module",
    "load_asset_checks_from_package_name",
]

Prefix = str | Sequence[str] | None


def load_asset_checks_from_modules(
    modules: Iterable[ModuleType], asset_key_prefix: Prefix = None
) -> list[AssetChecksDefinition]:
    """The checks that modules define, as variables or in lists.

    Args:
        modules: The modules.
        asset_key_prefix: Parts before the keys of the assets, as `key_prefix` of
            `load_assets_from_modules`.

    Example:
        >>> from types import ModuleType
        >>> from jobnb import asset_check
        >>> shop = ModuleType("shop")
        >>> shop.no_nulls = asset_check(asset="orders", name="no_nulls")(lambda: True)
        >>> load_asset_checks_from_modules([shop], asset_key_prefix="raw")
        [AssetChecksDefinition(raw/orders:no_nulls)]

    Source: Dagster's `load_asset_checks_from_modules`.
    """
    found = checks_of_modules(listed_modules(modules))
    prefix = prefix_of(asset_key_prefix)
    return [each.with_key_prefix(prefix) for each in found] if prefix else found


def load_asset_checks_from_current_module(
    asset_key_prefix: Prefix = None,
) -> list[AssetChecksDefinition]:
    """The checks of the module (or notebook) that calls this.

    Args:
        asset_key_prefix: Parts before the keys of the assets.

    Source: Dagster's `load_asset_checks_from_current_module`.
    """
    name = sys._getframe(1).f_globals.get("__name__", "__main__")
    return load_asset_checks_from_modules([sys.modules[name]], asset_key_prefix)


def load_asset_checks_from_package_module(
    package_module: ModuleType, asset_key_prefix: Prefix = None
) -> list[AssetChecksDefinition]:
    """The checks of a package and all modules in it; see `load_asset_checks_from_modules`.

    Args:
        package_module: The package.
        asset_key_prefix: Parts before the keys of the assets.

    Source: Dagster's `load_asset_checks_from_package_module`.
    """
    return load_asset_checks_from_modules(modules_of_package(package_module), asset_key_prefix)


def load_asset_checks_from_package_name(
    package_name: str, asset_key_prefix: Prefix = None
) -> list[AssetChecksDefinition]:
    """The checks of the package called so; see `load_asset_checks_from_modules`.

    Args:
        package_name: The name that it is imported under.
        asset_key_prefix: Parts before the keys of the assets.

    Source: Dagster's `load_asset_checks_from_package_name`.
    """
    return load_asset_checks_from_package_module(import_module(package_name), asset_key_prefix)


def checks_of_modules(modules: Iterable[ModuleType]) -> list[AssetChecksDefinition]:
    """Each definition of checks once, however many modules import it."""
    found = (each for module in modules for each in _checks(vars(module).values()))
    return list({id(each): each for each in found}.values())


def _checks(values: Iterable[Any]) -> Iterator[AssetChecksDefinition]:
    for value in values:
        if isinstance(value, AssetChecksDefinition):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from _checks(value)
