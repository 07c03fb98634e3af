"""`@observable_source_asset`: a function that returns the data version of an external asset."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

from jobnb.definitions.announce import announce
from jobnb.definitions.arguments import telling_nearest
from jobnb.definitions.assets.asset_outs import output_name
from jobnb.definitions.assets.asset_spec import AssetSpec
from jobnb.definitions.assets.source_asset import SourceAsset, observing_op
from jobnb.definitions.checks.asset_check import checks_of
from jobnb.definitions.keys import AssetKey, CoercibleToAssetKey
from jobnb.definitions.ops.inout import prefix_of
from jobnb.errors import InvalidDefinitionError

if TYPE_CHECKING:
    from jobnb.definitions.checks.asset_check import AssetCheckKey, AssetCheckSpec
    from jobnb.definitions.partitions.partition import PartitionsDefinition


@overload
def observable_source_asset(observe_fn: Callable[..., Any]) -> SourceAsset: ...
@overload
def observable_source_asset(
    observe_fn: None = None,
    *,
    name: str | None = None,
    key_prefix: str | Sequence[str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    io_manager_key: str | None = None,
    io_manager_def: Any = None,
    description: str | None = None,
    group_name: str | None = None,
    required_resource_keys: Iterable[str] | None = None,
    resource_defs: Mapping[str, Any] | None = None,
    partitions_def: PartitionsDefinition | None = None,
    auto_observe_interval_minutes: float | None = None,
    key: CoercibleToAssetKey | None = None,
    automation_condition: Any = None,
    op_tags: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
) -> Callable[[Callable[..., Any]], SourceAsset]: ...
@telling_nearest
def observable_source_asset(
    observe_fn: Callable[..., Any] | None = None,
    *,
    name: str | None = None,
    key_prefix: str | Sequence[str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    io_manager_key: str | None = None,
    io_manager_def: Any = None,
    description: str | None = None,
    group_name: str | None = None,
    required_resource_keys: Iterable[str] | None = None,
    resource_defs: Mapping[str, Any] | None = None,
    partitions_def: PartitionsDefinition | None = None,
    auto_observe_interval_minutes: float | None = None,
    key: CoercibleToAssetKey | None = None,
    automation_condition: Any = None,
    op_tags: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
) -> Any:
    """Define a source asset with a function that returns its data version.

    The function returns a `DataVersion`, `DataVersionsByPartition` or an `ObserveResult`.

    Args:
        observe_fn: The function; the decorator also works without parentheses.
        name: The last part of the key; the function's name if not given.
        key_prefix: Parts of the key before the name.
        metadata: Metadata shown beside the asset and for its IO manager.
        io_manager_key: The resource that loads it.
        io_manager_def: The IO manager that loads it.
        description: A description, in Markdown.
        group_name: The group it belongs to.
        required_resource_keys: Resources that the function reads from `context.resources`.
        resource_defs: Resources by key.
        partitions_def: Its partitions.
        auto_observe_interval_minutes: How often it should be observed.
        key: The whole key, instead of name and key_prefix.
        automation_condition: When it should be observed.
        op_tags: Tags of the step.
        tags: Tags of the asset.

    Returns:
        A `SourceAsset` that replaces the function.

    Example:
        >>> from jobnb import DataVersion, observable_source_asset, observe
        >>> @observable_source_asset
        ... def orders():
        ...     return DataVersion("2013-06-01")
        >>> [event.data_version for event in observe([orders]).get_asset_observation_events()]
        ['2013-06-01']

    Source: Dagster's `@observable_source_asset`.
    """

    def decorate(fn: Callable[..., Any], depth: int) -> SourceAsset:
        if key is not None and (name or key_prefix):
            raise InvalidDefinitionError(
                f"The asset {fn.__name__!r} has a key and also a name or a key_prefix. Keep one."
            )
        whole = [*prefix_of(key_prefix), name or fn.__name__] if key is None else key
        made = SourceAsset.of(
            AssetKey.from_coercible(whole),
            metadata=metadata,
            io_manager_key=io_manager_key,
            io_manager_def=io_manager_def,
            description=description,
            partitions_def=partitions_def,
            group_name=group_name,
            resource_defs=resource_defs,
            auto_observe_interval_minutes=auto_observe_interval_minutes,
            automation_condition=automation_condition,
            tags=tags,
        )
        made.observe_op = observing_op(
            fn,
            made.key,
            required_resource_keys=required_resource_keys,
            description=description,
            tags=op_tags,
            frame_depth=depth,
        )
        made.__doc__ = fn.__doc__
        announce(made, fn.__module__)
        return made

    if observe_fn is not None:
        return decorate(observe_fn, 5)
    return lambda fn: decorate(fn, 4)


class ObservableAssets:
    """Several source assets whose data versions one function returns.

    Args:
        sources: The source assets.
        can_subset: Whether the function can be subset.
    """

    def __init__(self, sources: Sequence[SourceAsset], can_subset: bool) -> None:
        self.sources = tuple(sources)
        self.can_subset = can_subset

    @property
    def keys(self) -> frozenset[AssetKey]:
        """The assets that it observes."""
        return frozenset(each.key for each in self.sources)

    @property
    def specs(self) -> list[AssetSpec]:
        """The spec of each."""
        return [each.spec for each in self.sources]

    @property
    def check_specs(self) -> list[AssetCheckSpec]:
        """The checks that the function evaluates too."""
        return [spec for each in self.sources for spec in each.check_specs]

    @property
    def check_keys(self) -> frozenset[AssetCheckKey]:
        """The keys of these checks."""
        return frozenset(each.key for each in self.check_specs)

    @property
    def op(self) -> Any:
        """The op that observes them."""
        return self.sources[0].op

    @property
    def is_observable(self) -> bool:
        """Whether a function observes them: always True."""
        return True

    def __repr__(self) -> str:
        names = ", ".join(each.key.to_user_string() for each in self.sources)
        return f"ObservableAssets({names})"


@telling_nearest
def multi_observable_source_asset(
    *,
    specs: Sequence[AssetSpec],
    name: str | None = None,
    description: str | None = None,
    partitions_def: PartitionsDefinition | None = None,
    can_subset: bool = False,
    required_resource_keys: Iterable[str] | None = None,
    resource_defs: Mapping[str, Any] | None = None,
    group_name: str | None = None,
    check_specs: Sequence[AssetCheckSpec] | None = None,
) -> Callable[[Callable[..., Any]], ObservableAssets]:
    """Define several source assets with a function that yields an `ObserveResult` for each.

    Args:
        specs: The spec of each.
        name: The name of the op; the function's name if not given.
        description: A description; the function's docstring if not given.
        partitions_def: Their partitions.
        can_subset: Whether it can be subset.
        required_resource_keys: Resources that the function reads from `context.resources`.
        resource_defs: Resources by key.
        group_name: The group of all of them.
        check_specs: The checks that the function evaluates too: it yields an `AssetCheckResult`
            for each, or `ObserveResult(check_results=...)`.

    Example:
        >>> from jobnb import AssetSpec, ObserveResult, multi_observable_source_asset, observe
        >>> @multi_observable_source_asset(specs=[AssetSpec("orders"), AssetSpec("customers")])
        ... def shop():
        ...     yield ObserveResult("orders", data_version="7")
        ...     yield ObserveResult("customers", data_version="3")
        >>> len(observe([shop]).get_asset_observation_events())
        2

    Source: Dagster's `@multi_observable_source_asset`.
    """

    def decorate(fn: Callable[..., Any]) -> ObservableAssets:
        if not specs:
            raise InvalidDefinitionError(f"{fn.__name__!r} looks at no asset: give it specs.")
        op = observing_op(
            fn,
            None,
            name=name or fn.__name__,
            required_resource_keys=required_resource_keys,
            description=description,
            outs=[output_name(spec.key) for spec in specs],
        )
        checks = checks_of(op.name, check_specs, [spec.key for spec in specs]).values()
        sources = []
        for spec in specs:
            source = SourceAsset.of_spec(spec)
            source.resource_defs = dict(resource_defs or {})
            source.partitions_def = spec.partitions_def or partitions_def
            sources.append(source.with_attributes(group_name=group_name))
            sources[-1].observe_op = op
            sources[-1].check_specs = tuple(each for each in checks if each.asset_key == spec.key)
        made = ObservableAssets(sources, can_subset)
        announce(made, fn.__module__)
        return made

    return decorate
