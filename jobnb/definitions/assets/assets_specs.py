"""Specs of assets that code makes: read from a definition, and put back changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from jobnb.definitions.assets.asset_spec import MANAGER_KEY, AssetDep, AssetSpec
from jobnb.definitions.assets.assets_attributes import renamed
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.lazy import lazy
from jobnb.errors import InvalidDefinitionError, InvariantViolationError, did_you_mean

if TYPE_CHECKING:
    from jobnb.definitions.assets.assets_definition import AssetsDefinition

__all__ = ["AssetsSpecs", "map_asset_specs"]


class AssetsSpecs:
    """What is said of assets, asset by asset."""

    @lazy
    def specs_by_key(self) -> Mapping[AssetKey, AssetSpec]:
        """What is said of each asset, by key."""
        own = cast("AssetsDefinition", self)
        return {key: _spec(own, key) for key in sorted(own.keys)}

    @property
    def specs(self) -> list[AssetSpec]:
        """What is said of each asset."""
        return list(self.specs_by_key.values())

    def get_asset_spec(self, key: Any = None) -> AssetSpec:
        """What is said of an asset.

        Args:
            key: Which one, where several are made.

        Raises:
            InvariantViolationError: If it is not made here.
        """
        own = cast("AssetsDefinition", self)
        wanted = own.key if key is None else AssetKey.from_coercible(key)
        if wanted in self.specs_by_key:
            return self.specs_by_key[wanted]
        known = [each.to_user_string() for each in self.specs_by_key]
        hint = did_you_mean(wanted.to_user_string(), known, noun="It makes")
        raise InvariantViolationError(f"{self!r} does not make {wanted.to_user_string()!r}. {hint}")

    def map_asset_specs(self, fn: Callable[[AssetSpec], AssetSpec]) -> AssetsDefinition:
        """The same assets, with what a function makes of each spec.

        Args:
            fn: Takes a spec and gives one, which may have another key, group, tags and so on.

        Raises:
            InvalidDefinitionError: If it changes deps of an asset that a function makes.

        Example:
            >>> from jobnb import asset
            >>> @asset
            ... def orders():
            ...     return 3
            >>> tagged = orders.map_asset_specs(lambda spec: spec.merge_attributes(kinds={"sql"}))
            >>> tagged.kinds_by_key
            {AssetKey(['orders']): frozenset({'sql'})}
        """
        own = cast("AssetsDefinition", self)
        mapped = {key: fn(spec) for key, spec in self.specs_by_key.items()}
        return _with_specs(own, mapped)


def map_asset_specs(func: Callable[[AssetSpec], AssetSpec], iterable: Iterable[Any]) -> list[Any]:
    """Assets and specs, with what a function makes of each spec.

    Args:
        func: Takes a spec and gives one.
        iterable: Assets definitions and specs.

    Example:
        >>> from jobnb import AssetSpec
        >>> [
        ...     spec.group_name
        ...     for spec in map_asset_specs(
        ...         lambda spec: spec.replace_attributes(group_name="sales"), [AssetSpec("orders")]
        ...     )
        ... ]
        ['sales']

    Source: Dagster's `map_asset_specs`.
    """
    return [
        func(each) if isinstance(each, AssetSpec) else each.map_asset_specs(func)
        for each in iterable
    ]


def _spec(own: AssetsDefinition, key: AssetKey) -> AssetSpec:
    out = own.node_def.out_of(own.output_name_of(key))
    metadata = own.metadata_by_key.get(key, {})
    if out.io_manager_key != "io_manager":
        metadata = {**metadata, MANAGER_KEY: out.io_manager_key}
    mappings, upstream = own.partition_mappings, sorted(own.asset_deps[key])
    return AssetSpec(
        key,
        deps=[AssetDep(dep, partition_mapping=mappings.get(dep)) for dep in upstream],
        description=own.descriptions_by_key.get(key),
        metadata=metadata,
        skippable=not out.is_required and not own.can_subset,
        group_name=own.group_names_by_key[key],
        code_version=own.code_versions_by_key.get(key),
        automation_condition=own.automation_conditions_by_key.get(key),
        owners=own.owners_by_key.get(key),
        tags=own.tags_by_key.get(key),
        kinds=own.kinds_by_key.get(key),
        partitions_def=own.partitions_def,
        freshness_policy=own.freshness_policies_by_key.get(key),
        auto_materialize_policy=own.auto_materialize_policies_by_key.get(key),
    )


def _with_specs(own: AssetsDefinition, mapped: Mapping[AssetKey, AssetSpec]) -> AssetsDefinition:
    problems = [
        f"{key.to_user_string()!r} gets {what}."
        for key, spec in mapped.items()
        for what in _not_of_the_spec(own, key, spec)
    ]
    if problems:
        raise InvalidDefinitionError(
            "What an asset is made from and what stores it is said by its function, not by its "
            "spec:\n  " + "\n  ".join(problems)
        )
    mapped = {
        key: spec.replace_attributes(metadata=_own_metadata(spec)) for key, spec in mapped.items()
    }
    said: dict[str, dict[AssetKey, Any]] = {
        "group_names_by_key": {k: s.group_name for k, s in mapped.items() if s.group_name},
        "descriptions_by_key": {k: s.description for k, s in mapped.items() if s.description},
        "metadata_by_key": {k: s.metadata for k, s in mapped.items() if s.metadata},
        "freshness_policies_by_key": {
            k: s.freshness_policy for k, s in mapped.items() if s.freshness_policy is not None
        },
        "auto_materialize_policies_by_key": {
            k: s.auto_materialize_policy for k, s in mapped.items() if s.auto_materialize_policy
        },
        "automation_conditions_by_key": {
            k: s.automation_condition for k, s in mapped.items() if s.automation_condition
        },
        "tags_by_key": {k: s.tags for k, s in mapped.items() if s.tags},
        "owners_by_key": {k: s.owners for k, s in mapped.items() if s.owners},
        "kinds_by_key": {k: s.kinds for k, s in mapped.items() if s.kinds},
        "code_versions_by_key": {k: s.code_version for k, s in mapped.items() if s.code_version},
    }
    made = own.with_changes(**said)
    keys = {key: spec.key for key, spec in mapped.items() if spec.key != key}
    return renamed(made, keys, {}) if keys else made


def _not_of_the_spec(own: AssetsDefinition, key: AssetKey, spec: AssetSpec) -> Iterator[str]:
    if {dep.asset_key for dep in spec.deps} != set(own.asset_deps[key]):
        yield "other deps"
    if spec.io_manager_key != own.specs_by_key[key].io_manager_key:
        yield "another IO manager"


def _own_metadata(spec: AssetSpec) -> dict[str, Any]:
    return {name: value for name, value in spec.metadata.items() if name != MANAGER_KEY}
