"""Loading the stored value of an asset, outside of any run."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, Self

from jobnb.definitions.assets_definition import AssetsDefinition
from jobnb.definitions.definitions import Definitions
from jobnb.definitions.io_context import InputContext, OutputContext
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.resource_context import ScopedResources
from jobnb.definitions.source_asset import SourceAsset
from jobnb.definitions.types import resolve
from jobnb.errors import InvalidSubsetError, UnknownResourceError, did_you_mean
from jobnb.execution.resources import build_resources
from jobnb.plan.asset_job import Loadable, loadable_of
from jobnb.storage.instance import Instance

__all__ = ["AssetValueLoader", "load_asset_value"]


def load_asset_value(
    definitions: Definitions,
    asset_key: Any,
    *,
    python_type: Any = None,
    instance: Instance | None = None,
    partition_key: str | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Any:
    """The stored value of an asset; see `Definitions.load_asset_value`."""
    with AssetValueLoader(definitions, instance=instance) as loader:
        return loader.load_asset_value(
            asset_key, python_type=python_type, partition_key=partition_key, metadata=metadata
        )


class AssetValueLoader:
    """Loads stored values of assets; resources are set up at first need, once for all.

    Args:
        definitions: The assets and their resources.
        instance: Where they were made; `Instance.get()` if absent.

    Example:
        with defs.get_asset_value_loader() as loader: loader.load_asset_value("orders")

    Source: Dagster's `AssetValueLoader`.
    """

    def __init__(self, definitions: Definitions, *, instance: Instance | None = None) -> None:
        self._definitions = definitions
        self._instance = instance
        self._stack = ExitStack()
        self._managers: dict[str, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        self._stack.close()
        self._managers.clear()

    def load_asset_value(
        self,
        asset_key: Any,
        *,
        python_type: Any = None,
        partition_key: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        resource_config: Any = None,
    ) -> Any:
        """The stored value of an asset.

        Args:
            asset_key: Its key.
            python_type: What the loader is asked for.
            partition_key: The partition to load.
            metadata: Values for the loader.
            resource_config: Config by resource key, each as `{"config": ...}`.

        Raises:
            InvalidSubsetError: If there is no such asset.
            JobnbError: If it has never been stored.
        """
        key = AssetKey.from_coercible(asset_key)
        found, partitions_def = self._find(key)
        instance = self._instance or Instance.get()
        manager = self._manager(found.manager_key, instance, resource_config)
        upstream = OutputContext(
            name="result",
            asset_key=key,
            metadata=found.metadata,
            asset_partitions_def=partitions_def,
            partition_key=partition_key,
            instance=instance,
        )
        context = InputContext(
            metadata={**found.metadata, **(metadata or {})},
            upstream_output=upstream,
            dagster_type=resolve(python_type),
            asset_key=key,
            partition_key=partition_key,
            asset_partitions_def=partitions_def,
            resources=ScopedResources({}),
            instance=instance,
        )
        return manager.load_input(context)

    def _find(self, key: AssetKey) -> tuple[Loadable, Any]:
        assets_def = self._definitions.assets_by_key.get(key)
        if assets_def is not None:
            return loadable_of(assets_def, key), assets_def.partitions_def
        for source in self._definitions.source_assets:
            if source.key == key:
                return Loadable(source.io_manager_key, source.metadata), source.partitions_def
        known = [each.to_user_string() for each in self._definitions.assets_by_key]
        hint = did_you_mean(key.to_user_string(), known, noun="There are")
        raise InvalidSubsetError(f"There is no asset {key.to_user_string()!r}. {hint}".rstrip())

    def _manager(self, key: str, instance: Instance, resource_config: Any) -> Any:
        if key not in self._managers:
            resources = dict(self._definitions.resources)
            around: tuple[AssetsDefinition | SourceAsset, ...] = (
                *self._definitions.assets,
                *self._definitions.source_assets,
            )
            for each in around:
                resources.update(each.resource_defs)
            if key == "io_manager" and key not in resources:
                from jobnb.storage.values import fs_io_manager

                resources[key] = fs_io_manager
            if key not in resources:
                hint = did_you_mean(key, resources, noun="There are")
                raise UnknownResourceError(f"Nothing provides the IO manager {key!r}. {hint}")
            wanted = _with_needed(key, resources)
            made = self._stack.enter_context(
                build_resources(wanted, instance=instance, resource_config=resource_config)
            )
            self._managers[key] = getattr(made, key)
        return self._managers[key]


def _with_needed(key: str, resources: Mapping[str, Any]) -> dict[str, Any]:
    from jobnb.definitions.resource import resource_def_of

    found: dict[str, Any] = {}
    waiting = [key]
    while waiting:
        each = waiting.pop()
        if each in resources and each not in found:
            found[each] = resource_def_of(resources[each])
            waiting += found[each].required_resource_keys
    return found
