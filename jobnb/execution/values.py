"""Load the stored value of an asset, outside of any run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.assets.source_asset import SourceAsset
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.locations.definitions import Definitions
from jobnb.definitions.partitions.partition_keys import PartitionKeyRange
from jobnb.definitions.partitions.static_partitions import StaticPartitionsDefinition
from jobnb.definitions.resources.io_context import InputContext, OutputContext
from jobnb.definitions.types import ANY, resolve
from jobnb.errors import (
    InvalidInvocationError,
    InvalidSubsetError,
    InvariantViolationError,
    UnknownPartitionError,
    did_you_mean,
)
from jobnb.execution.io import resources_of
from jobnb.execution.io_manager_cache import CachedIOManager, IOManagerCache
from jobnb.execution.run import RunScope
from jobnb.plan.asset_graph import AssetGraphDefinition, LoadableAsset, loadable_of
from jobnb.plan.partitions import PartitionsAsked, keys_asked
from jobnb.plan.step import Step
from jobnb.storage.instance import Instance
from jobnb.storage.records import EventLogEntry


def load_asset_value(
    definitions: Definitions,
    asset_key: Any,
    *,
    python_type: Any = None,
    instance: Instance | None = None,
    partition_key: PartitionsAsked | None = None,
    metadata: Mapping[str, Any] | None = None,
    resource_config: Mapping[str, Any] | None = None,
) -> Any:
    """Return the stored value of an asset; see `Definitions.load_asset_value`."""
    with AssetValueLoader.of(definitions, instance) as loader:
        return loader.load_asset_value(
            asset_key,
            python_type=python_type,
            partition_key=partition_key,
            metadata=metadata,
            resource_config=resource_config,
        )


def load_known_or_stored(
    definitions: Definitions,
    key: AssetKey,
    instance: Instance,
    load: Callable[[AssetValueLoader], Any],
) -> Any:
    """Load an asset's value, even if no cell has defined the asset yet.

    A kernel that was just started knows the history, and no definitions. What the default IO
    manager stored can be loaded all the same; of what another stored it is told where it is from.

    Args:
        definitions: What is defined.
        key: The asset.
        instance: The instance of its history.
        load: Loads its value, or the beginning of it.

    Raises:
        InvalidSubsetError: If there is no such asset, or it must be defined first.
    """
    sources = {each.key for each in definitions.source_assets}
    defined = key in definitions.assets_by_key or key in sources
    last = None if defined else instance.get_latest_materialization_event(key)
    if last is None:
        with AssetValueLoader.of(definitions, instance) as loader:
            return load(loader)
    name = key.to_user_string()
    advice = f"Run the cell that defines {name!r} first, or session.add(...) its module."
    if not _is_stored_by_default(definitions, last, instance):
        raise InvalidSubsetError(
            f"{_stored_words(name, last, instance)}, not by the default IO manager. {advice}"
        )
    made = sorted(instance.get_materialized_partitions(key))
    source = SourceAsset(key, partitions_def=StaticPartitionsDefinition(made) if made else None)
    resources = definitions.resources
    with AssetValueLoader({}, {key: source}, instance=instance, resources=resources) as loader:
        try:
            return load(loader)
        except (InvalidInvocationError, UnknownPartitionError):
            raise
        except Exception as error:
            raise InvalidSubsetError(
                f"{_stored_words(name, last, instance)}, but cannot be loaded without its "
                f"definition ({type(error).__name__}: {error}). {advice}"
            ) from error


def _is_stored_by_default(
    definitions: Definitions, last: EventLogEntry, instance: Instance
) -> bool:
    """Whether the value is where the default IO manager puts values."""
    if "io_manager" in definitions.resources:
        return True  # it is the default of this session
    made = last.asset_materialization
    path = (made.metadata or {}).get("path") if made is not None else None
    if path is None or not isinstance(path.value, str):
        return False
    return Path(path.value).is_relative_to(instance.storage_directory())


def _stored_words(name: str, last: EventLogEntry, instance: Instance) -> str:
    """Describe when and by which run an undefined asset was stored."""
    run = instance.get_run_by_id(last.run_id)
    by = f" of {run.notebook}" if run is not None and run.notebook else ""
    when = datetime.fromtimestamp(last.timestamp, UTC)
    return (
        f"Nothing that has run in this kernel defines the asset {name!r}. It was made "
        f"{when:%Y-%m-%d %H:%M:%S} UTC by the run {last.run_id[:8]}{by}"
    )


class AssetValueLoader:
    """Loads stored values of assets; resources are set up when first needed, once for all.

    Args:
        assets_defs_by_key: The assets that can be made.
        source_assets_by_key: The assets that can only be loaded.
        instance: The instance of their history; `Instance.get()` if absent.
        resources: Resources by key, beside those that the assets bring along.

    Example:
        >>> from jobnb import Definitions, Instance, asset, materialize
        >>> @asset
        ... def orders():
        ...     return [1, 2]
        >>> instance = Instance.ephemeral()
        >>> materialize([orders], instance=instance).success
        True
        >>> with Definitions(assets=[orders]).get_asset_value_loader(instance) as loader:
        ...     loader.load_asset_value("orders")
        [1, 2]

    Source: Dagster's `AssetValueLoader`.
    """

    def __init__(
        self,
        assets_defs_by_key: Mapping[AssetKey, AssetsDefinition],
        source_assets_by_key: Mapping[AssetKey, SourceAsset] | None = None,
        *,
        instance: Instance | None = None,
        resources: Mapping[str, Any] | None = None,
    ) -> None:
        self._made = assets_defs_by_key
        self._sources = source_assets_by_key or {}
        self._instance = instance
        around: list[AssetsDefinition | SourceAsset] = [*self._made.values()]
        around += self._sources.values()
        own = [each.resource_defs for each in around]
        self._managers = IOManagerCache(resources or {}, own)

    @classmethod
    def of(
        cls,
        definitions: Definitions,
        instance: Instance | None = None,
        ready: Callable[[str], CachedIOManager | None] | None = None,
    ) -> Self:
        """Return a loader of the assets of `Definitions`.

        Args:
            definitions: The assets and their resources.
            instance: The instance of their history; `Instance.get()` if absent.
            ready: Gives an IO manager that is set up already, by its key.
        """
        sources = {each.key: each for each in definitions.source_assets}
        resources = definitions.resources
        made = cls(definitions.assets_by_key, sources, instance=instance, resources=resources)
        made._managers.ready = ready
        return made

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        self._managers.close()

    def load_asset_value(
        self,
        asset_key: Any,
        *,
        python_type: Any = None,
        partition_key: PartitionsAsked | None = None,
        metadata: Mapping[str, Any] | None = None,
        resource_config: Any = None,
        partition_key_range: PartitionKeyRange | None = None,
        input_definition_metadata: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the stored value of an asset.

        Args:
            asset_key: Its key.
            python_type: What the loader is asked for.
            partition_key: The partition to load; of several (a range, some keys) a dict comes
                back. If left out, all that were made.
            metadata: Values for the loader.
            resource_config: Config by resource key, each as `{"config": ...}`.
            partition_key_range: A range of partitions to load, instead of `partition_key`.
            input_definition_metadata: Another name of `metadata`.

        Raises:
            InvalidInvocationError: If a partition is given and a range of them.
            InvalidSubsetError: If there is no such asset.
            JobnbError: If it has never been stored.
        """
        if partition_key is not None and partition_key_range is not None:
            raise InvalidInvocationError(
                f"The value of {AssetKey.from_coercible(asset_key).to_user_string()!r} is asked "
                f"for with the partition_key {partition_key!r} and a partition_key_range. Keep one."
            )
        partition_key = partition_key if partition_key is not None else partition_key_range
        said = {**(metadata or {}), **(input_definition_metadata or {})}
        manager, context, keys = self._prepared(
            asset_key, python_type, partition_key, said, resource_config
        )
        value = manager.load_input(context)
        several = keys is not None and not isinstance(partition_key, str)
        if several and len(keys or ()) < 2:
            return dict.fromkeys(keys or (), value)  # one of several is still one by key
        return value

    def peek_asset_value(
        self, asset_key: Any, *, partition_key: str | None = None, rows: int = 10
    ) -> Any:
        """Return the first rows of a stored table, or the whole value where only that can be had.

        Args:
            asset_key: Its key.
            partition_key: The partition to look at.
            rows: How many rows at most.

        Returns:
            A `Peek` if the IO manager can read the beginning alone, else what was stored.

        Raises:
            InvalidSubsetError: If there is no such asset.
            JobnbError: If it has never been stored.
        """
        manager, context, keys = self._prepared(asset_key, None, partition_key, None, None)
        peek = getattr(manager, "peek", None)
        found = (
            peek(context, rows) if peek is not None and (keys is None or len(keys) == 1) else None
        )
        if found is not None:
            return found
        return self.load_asset_value(asset_key, partition_key=partition_key)

    def _prepared(
        self,
        asset_key: Any,
        python_type: Any,
        partition_key: PartitionsAsked | None,
        metadata: Mapping[str, Any] | None,
        resource_config: Any,
    ) -> tuple[Any, InputContext, list[str] | None]:
        """Return the IO manager of an asset, its context, and the requested partitions."""
        key = AssetKey.from_coercible(asset_key)
        found, partitions_def = self._find(key)
        instance = self._instance or Instance.get()
        keys = _keys(key, partitions_def, partition_key, instance)
        single = keys[0] if keys is not None and len(keys) == 1 else None
        ready = self._managers.get(found.manager_key, instance, resource_config)
        upstream = OutputContext(
            name="result",
            asset_key=key,
            metadata=found.metadata,
            asset_partitions_def=partitions_def,
            asset_partition_keys=keys,
            partition_key=single,
            instance=instance,
        )
        context = InputContext(
            metadata={**found.metadata, **(metadata or {})},
            upstream_output=upstream,
            dagster_type=ANY if python_type is None else resolve(python_type),
            asset_key=key,
            partition_key=single,
            asset_partitions_def=partitions_def,
            asset_partitions_subset=keys,
            resource_config=ready.config,
            resources=ready.resources,
            instance=instance,
        )
        return ready.manager, context, keys

    def _find(self, key: AssetKey) -> tuple[LoadableAsset, Any]:
        assets_def = self._made.get(key)
        if assets_def is not None:
            return loadable_of(assets_def, key), assets_def.partitions_def
        source = self._sources.get(key)
        if source is not None:
            return LoadableAsset(source.io_manager_key, source.raw_metadata), source.partitions_def
        known = [each.to_user_string() for each in (*self._made, *self._sources)]
        hint = did_you_mean(key.to_user_string(), known, noun="There are")
        raise InvalidSubsetError(f"There is no asset {key.to_user_string()!r}. {hint}".rstrip())


def _keys(
    key: AssetKey, definition: Any, asked: PartitionsAsked | None, instance: Instance
) -> list[str] | None:
    """Return the partitions of an asset to load; None where it has none.

    Raises:
        InvalidInvocationError: If it has none, and some are asked for.
    """
    if definition is None:
        if asked is None:
            return None
        raise InvalidInvocationError(
            f"The asset {key.to_user_string()!r} has no partitions, but {asked!r} is asked for. "
            "Leave it out."
        )
    if asked is not None:
        return keys_asked(definition, asked, instance)
    made = instance.get_materialized_partitions(key)
    every = definition.get_partition_keys(dynamic_partitions_store=instance)
    return [each for each in every if each in made]


def load_for_step(
    run: RunScope, step: Step, asset_key: Any, python_type: Any, partition_key: Any
) -> Any:
    """Return the stored value of an asset, for a step while it runs."""
    graph, key = run.plan.job.graph, AssetKey.from_coercible(asset_key)
    if not isinstance(graph, AssetGraphDefinition):
        raise InvariantViolationError(
            f"{step.key!r} is an op in a job without assets: there is none to load."
        )
    around = [*graph.layer.assets, *graph.layer.sources]
    definitions = Definitions.of(assets=around, resources=run.plan.job.resource_defs)
    partitions = run.plan.partitions
    if partition_key is None and partitions is not None:
        own = run.partition_reader.definition_of(key)
        same = own is not None and own == partitions.definition
        partition_key = (partitions.single or list(partitions.keys)) if same else None

    def ready(manager_key: str) -> CachedIOManager | None:
        if manager_key not in run.resources:
            return None
        return CachedIOManager(run.resources[manager_key], *resources_of(run, manager_key))

    with AssetValueLoader.of(definitions, run.instance, ready) as loader:
        return loader.load_asset_value(key, python_type=python_type, partition_key=partition_key)
