"""The assets of `Definitions`: what is taken for one, and looking them up."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, cast

from jobnb.definitions.assets.asset_spec import AssetSpec
from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.assets.observable_asset import ObservableAssets
from jobnb.definitions.assets.source_asset import SourceAsset
from jobnb.definitions.checks.asset_check import AssetCheckKey
from jobnb.definitions.doors import engine
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.selections.selection import AssetSelection
from jobnb.errors import InvalidDefinitionError, InvalidSubsetError, did_you_mean

if TYPE_CHECKING:
    from jobnb.definitions.locations.definitions import Definitions

__all__ = ["DefinedAssets", "each_asset"]


def each_asset(given: Iterable[Any]) -> list[Any]:
    """Assets and source assets; a spec is an external asset, and lists are taken apart.

    Raises:
        InvalidDefinitionError: If it is no list.
    """
    if isinstance(given, str) or not hasattr(given, "__iter__"):
        raise InvalidDefinitionError(f"Assets are given as a list: [{given!r}].")
    found: list[Any] = []
    for each in given:
        if isinstance(each, AssetsDefinition):
            found.append(each)
        elif isinstance(each, AssetSpec):
            found.append(SourceAsset.of_spec(each))
        elif isinstance(each, ObservableAssets):
            found += each.sources
        elif isinstance(each, (list, tuple)):
            found += each_asset(each)
        else:
            found.append(each)
    return found


class DefinedAssets:
    """What `Definitions` answers about its assets."""

    def get_assets_def(self, key: Any) -> AssetsDefinition | SourceAsset:
        """The definition of an asset.

        Raises:
            InvalidSubsetError: If there is none.
        """
        own = cast("Definitions", self)
        wanted = AssetKey.from_coercible(key)
        known: dict[AssetKey, AssetsDefinition | SourceAsset] = {
            **{each.key: each for each in own.source_assets},
            **own.assets_by_key,
        }
        if wanted in known:
            return known[wanted]
        names = [each.to_user_string() for each in known]
        hint = did_you_mean(wanted.to_user_string(), names, noun="There are")
        raise InvalidSubsetError(f"There is no asset {wanted.to_user_string()!r}. {hint}".rstrip())

    def named_by(
        self, selection: Any, status_of: Callable[[AssetKey], str] | None = None
    ) -> set[AssetKey]:
        """The keys of all that a selection names, source assets included.

        Args:
            selection: An `AssetSelection`, text, or whatever else can stand for one.
            status_of: Tells how an asset stands, as in `AssetSelection.resolve`.

        Raises:
            InvalidSubsetError: If it cannot be read, or names what is not there.
        """
        return self.resolve_selection(selection, status_of)[0]

    def resolve_selection(
        self, selection: Any, status_of: Callable[[AssetKey], str] | None = None
    ) -> tuple[set[AssetKey], set[AssetCheckKey]]:
        """The keys of the assets and of the checks that a selection names; see `named_by`."""
        return engine().resolve_selection(cast("Definitions", self), selection, status_of)

    def resolve_all_asset_keys(self) -> list[AssetKey]:
        """The keys of all assets, external ones included."""
        return [spec.key for spec in self.resolve_all_asset_specs()]

    def resolve_all_asset_specs(self) -> list[AssetSpec]:
        """What is said of each asset, external ones included."""
        own = cast("Definitions", self)
        around: list[Any] = [*own.assets, *own.source_assets]
        return [spec for each in around for spec in each.specs]

    def map_asset_specs(
        self, *, func: Callable[[AssetSpec], AssetSpec], selection: Any = None
    ) -> Definitions:
        """The same definitions, with what a function makes of each asset's spec.

        Args:
            func: Takes a spec and gives one.
            selection: The assets it is asked for; all if absent.

        Raises:
            InvalidSubsetError: If the selection names what is not there.

        Example:
            >>> from jobnb import AssetSpec, Definitions
            >>> defs = Definitions(assets=[AssetSpec("orders")])
            >>> owned = defs.map_asset_specs(
            ...     func=lambda spec: spec.merge_attributes(owners=["team:shop"])
            ... )
            >>> owned.get_assets_def("orders").owners
            ['team:shop']
        """
        own = cast("Definitions", self)
        around: list[Any] = [*own.assets, *own.source_assets]
        everything = AssetSelection.all(include_sources=True)
        chosen = self.named_by(everything if selection is None else selection)

        def changed(spec: AssetSpec) -> AssetSpec:
            return func(spec) if spec.key in chosen else spec

        return self._with_assets([each.map_asset_specs(changed) for each in around])

    map_resolved_asset_specs = map_asset_specs

    def _with_assets(self, assets: Iterable[Any]) -> Definitions:
        own = cast("Definitions", self)
        made = type(own).of(
            assets=assets,
            schedules=own.schedules,
            sensors=own.sensors,
            jobs=own.jobs,
            resources=own.resources,
            executor=own.executor,
            loggers=own.loggers,
            asset_checks=own.asset_checks,
        )
        made.metadata = own.metadata
        return made
