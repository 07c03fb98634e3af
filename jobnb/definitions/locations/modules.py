"""Find definitions in modules: `load_assets_from_modules` and others."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from pkgutil import walk_packages
from types import ModuleType
from typing import Any

from jobnb.definitions.assets.asset_job import AssetJobDefinition
from jobnb.definitions.assets.asset_spec import AssetSpec
from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.assets.observable_asset import ObservableAssets
from jobnb.definitions.assets.source_asset import SourceAsset
from jobnb.definitions.checks.asset_checks_definition import AssetChecksDefinition
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.locations.definitions import Definitions
from jobnb.definitions.ops.inout import DEFAULT_GROUP, prefix_of
from jobnb.errors import InvalidDefinitionError


def load_assets_from_modules(
    modules: Iterable[ModuleType],
    group_name: str | None = None,
    key_prefix: str | Sequence[str] | None = None,
    *,
    freshness_policy: Any = None,
    auto_materialize_policy: Any = None,
    backfill_policy: Any = None,
    source_key_prefix: str | Sequence[str] | None = None,
    automation_condition: Any = None,
    include_specs: bool = False,
) -> list[AssetsDefinition | SourceAsset]:
    """Load the assets and source assets that modules define, as variables or in lists.

    Args:
        modules: The modules.
        group_name: The group of assets that have none.
        key_prefix: Parts before the keys of assets; source assets keep theirs.
        freshness_policy: How fresh the assets should be.
        auto_materialize_policy: When they should be materialized automatically.
        backfill_policy: The backfill policy of assets that have none.
        source_key_prefix: Parts before the keys of source assets.
        automation_condition: When they should be materialized.
        include_specs: Whether to load each `AssetSpec` as an external asset.

    Raises:
        InvalidDefinitionError: If modules define different assets of one key, or an asset has
            another group or policy already; lists every problem.

    Example:
        >>> from types import ModuleType
        >>> from jobnb import asset
        >>> shop = ModuleType("shop")
        >>> shop.orders = asset(name="orders")(lambda: 3)
        >>> [each.key for each in load_assets_from_modules([shop], key_prefix="raw")]
        [AssetKey(['raw', 'orders'])]

    Source: Dagster's `load_assets_from_modules`.
    """
    found = assets_of_modules(listed_modules(modules), include_specs)
    made = [each for each in found if isinstance(each, AssetsDefinition)]
    sources = [each for each in found if isinstance(each, SourceAsset)]
    prefix, source_prefix = prefix_of(key_prefix), prefix_of(source_key_prefix)
    renamed = _prefixed([key for each in made for key in each.keys_by_output_name.values()], prefix)
    renamed_sources = _prefixed([each.key for each in sources], source_prefix)
    result: list[AssetsDefinition | SourceAsset] = []
    problems: list[str] = []
    for each in made:
        try:
            result.append(
                each.with_attributes(
                    output_asset_key_replacements=renamed,
                    input_asset_key_replacements={**renamed, **renamed_sources},
                    group_names_by_key=dict.fromkeys(each.keys, group_name) if group_name else None,
                    freshness_policy=freshness_policy,
                    auto_materialize_policy=auto_materialize_policy,
                    automation_condition=automation_condition,
                    backfill_policy=each.backfill_policy or backfill_policy,
                )
            )
        except InvalidDefinitionError as error:
            problems.append(str(error))
    if problems:
        raise InvalidDefinitionError("\n".join(problems))
    for source in sources:
        group = group_name if source.group_name == DEFAULT_GROUP else None
        result.append(source.with_attributes(renamed_sources.get(source.key), group))
    return result


def load_assets_from_current_module(
    group_name: str | None = None,
    key_prefix: str | Sequence[str] | None = None,
    **parameters: Any,
) -> list[AssetsDefinition | SourceAsset]:
    """Load the assets of the calling module (or notebook); see `load_assets_from_modules`.

    Args:
        group_name: The group of assets that have none.
        key_prefix: Parts before the keys of assets.
        **parameters: Those of `load_assets_from_modules`.

    Source: Dagster's `load_assets_from_current_module`.
    """
    name = sys._getframe(1).f_globals.get("__name__", "__main__")
    return load_assets_from_modules([sys.modules[name]], group_name, key_prefix, **parameters)


def load_assets_from_package_module(
    package_module: ModuleType,
    group_name: str | None = None,
    key_prefix: str | Sequence[str] | None = None,
    **parameters: Any,
) -> list[AssetsDefinition | SourceAsset]:
    """Load the assets of a package and all modules in it; see `load_assets_from_modules`.

    Args:
        package_module: The package.
        group_name: The group of assets that have none.
        key_prefix: Parts before the keys of assets.
        **parameters: Those of `load_assets_from_modules`.

    Source: Dagster's `load_assets_from_package_module`.
    """
    modules = modules_of_package(package_module)
    return load_assets_from_modules(modules, group_name, key_prefix, **parameters)


def load_assets_from_package_name(
    package_name: str,
    group_name: str | None = None,
    key_prefix: str | Sequence[str] | None = None,
    **parameters: Any,
) -> list[AssetsDefinition | SourceAsset]:
    """Load the assets of the package of that name; see `load_assets_from_package_module`.

    Args:
        package_name: The name that it is imported under.
        group_name: The group of assets that have none.
        key_prefix: Parts before the keys of assets.
        **parameters: Those of `load_assets_from_modules`.

    Source: Dagster's `load_assets_from_package_name`.
    """
    return load_assets_from_package_module(
        import_module(package_name), group_name, key_prefix, **parameters
    )


def modules_of_package(package: ModuleType) -> list[ModuleType]:
    """Import a package and all modules in it.

    Raises:
        InvalidDefinitionError: If it is no package.
    """
    inside = getattr(package, "__path__", None)
    if inside is None:
        raise InvalidDefinitionError(
            f"{package!r} is no package. Use the function for modules: it takes a list."
        )
    names = [each.name for each in walk_packages(inside, f"{package.__name__}.")]
    return [package, *map(import_module, names)]


def listed_modules(modules: Any) -> list[ModuleType]:
    """Return modules as a list, also if there is only one.

    Raises:
        InvalidDefinitionError: If something is no module.
    """
    given = [modules] if isinstance(modules, ModuleType) else list(modules)
    for each in given:
        if not isinstance(each, ModuleType):
            raise InvalidDefinitionError(
                f"{each!r} is no module. Import it, or use load_assets_from_package_name."
            )
    return given


def assets_of_modules(modules: Iterable[ModuleType], include_specs: bool) -> list[Any]:
    """Return each definition once, however many modules import it.

    Raises:
        InvalidDefinitionError: If different ones have one key; lists all of them.
    """
    found: dict[int, Any] = {}
    origin: dict[AssetKey, tuple[Any, str]] = {}
    problems: list[str] = []
    for module in modules:
        for each in _definitions(vars(module).values(), include_specs):
            for spec_key in each.keys if isinstance(each, AssetsDefinition) else [each.key]:
                known, where = origin.setdefault(spec_key, (each, module.__name__))
                if known is not each:
                    problems.append(
                        f"{spec_key.to_user_string()!r} is defined in {where} and in "
                        f"{module.__name__}."
                    )
            found[id(each)] = each
    if problems:
        raise InvalidDefinitionError(
            "These modules do not agree:\n  " + "\n  ".join(dict.fromkeys(problems))
        )
    return [
        SourceAsset.of_spec(each) if isinstance(each, AssetSpec) else each
        for each in found.values()
    ]


def _definitions(values: Iterable[Any], include_specs: bool) -> Iterator[Any]:
    """Iterate over the definitions among a module's variables, with lists flattened."""
    kinds = (AssetsDefinition, SourceAsset, *([AssetSpec] if include_specs else []))
    for value in values:
        if isinstance(value, kinds):
            yield value
        elif isinstance(value, ObservableAssets):
            yield from value.sources
        elif isinstance(value, (list, tuple)):
            yield from _definitions(value, include_specs)


def _prefixed(keys: Iterable[AssetKey], prefix: Sequence[str]) -> Mapping[AssetKey, AssetKey]:
    return {key: key.with_prefix(prefix) for key in keys} if prefix else {}


Prefix = str | Sequence[str] | None


def load_asset_checks_from_modules(
    modules: Iterable[ModuleType], asset_key_prefix: Prefix = None
) -> list[AssetChecksDefinition]:
    """Load the checks that modules define, as variables or in lists.

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
    """Load the checks of the calling module (or notebook).

    Args:
        asset_key_prefix: Parts before the keys of the assets.

    Source: Dagster's `load_asset_checks_from_current_module`.
    """
    name = sys._getframe(1).f_globals.get("__name__", "__main__")
    return load_asset_checks_from_modules([sys.modules[name]], asset_key_prefix)


def load_asset_checks_from_package_module(
    package_module: ModuleType, asset_key_prefix: Prefix = None
) -> list[AssetChecksDefinition]:
    """Load the checks of a package and all modules in it.

    Args:
        package_module: The package.
        asset_key_prefix: Parts before the keys of the assets.

    Source: Dagster's `load_asset_checks_from_package_module`.
    """
    return load_asset_checks_from_modules(modules_of_package(package_module), asset_key_prefix)


def load_asset_checks_from_package_name(
    package_name: str, asset_key_prefix: Prefix = None
) -> list[AssetChecksDefinition]:
    """Load the checks of the package of that name.

    Args:
        package_name: The name that it is imported under.
        asset_key_prefix: Parts before the keys of the assets.

    Source: Dagster's `load_asset_checks_from_package_name`.
    """
    return load_asset_checks_from_package_module(import_module(package_name), asset_key_prefix)


def checks_of_modules(modules: Iterable[ModuleType]) -> list[AssetChecksDefinition]:
    """Return each definition of checks once, however many modules import it."""
    found = (each for module in modules for each in _checks(vars(module).values()))
    return list({id(each): each for each in found}.values())


def _checks(values: Iterable[Any]) -> Iterator[AssetChecksDefinition]:
    for value in values:
        if isinstance(value, AssetChecksDefinition):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from _checks(value)


def load_definitions_from_modules(
    modules: Iterable[ModuleType],
    resources: Mapping[str, Any] | None = None,
    loggers: Mapping[str, Any] | None = None,
    executor: Any = None,
) -> Definitions:
    """Load all assets, checks and jobs of modules, and the `Definitions` in them.

    Args:
        modules: The modules.
        resources: Resources by key.
        loggers: Loggers by name, where a job has none.
        executor: The executor, where a job does not say.

    Raises:
        InvalidDefinitionError: If two different things have one name; lists all of them.

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
    """Return the assets of modules; specs only where no `Definitions` include them."""
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
    """Load all that a module defines; see `load_definitions_from_modules`.

    Source: Dagster's `load_definitions_from_module`.
    """
    return load_definitions_from_modules([module], resources, loggers, executor)


def load_definitions_from_current_module(
    resources: Mapping[str, Any] | None = None,
    loggers: Mapping[str, Any] | None = None,
    executor: Any = None,
) -> Definitions:
    """Load all that the calling module (or notebook) defines.

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
    """Load all that a package and the modules in it define.

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
    """Load all that the package of that name defines.

    Source: Dagster's `load_definitions_from_package_name`.
    """
    package = import_module(package_name)
    return load_definitions_from_package_module(package, resources, loggers, executor)


def _of_kind(values: Iterable[Any], *kinds: type) -> list[Any]:
    """Return the values of some types, each object once."""
    return list({id(each): each for each in values if isinstance(each, kinds)}.values())


def file_relative_path(dunderfile: str, relative_path: str) -> str:
    """Return the path of a file beside a module, whatever the working directory is.

    Args:
        dunderfile: The module's `__file__`.
        relative_path: The path from the module's folder.

    Example:
        >>> file_relative_path("/project/jobs/daily.py", "daily.yaml")
        '/project/jobs/daily.yaml'

    Source: Dagster's `file_relative_path`.
    """
    return os.path.join(os.path.dirname(dunderfile), relative_path)  # noqa: PTH118, PTH120
