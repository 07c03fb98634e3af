"""External assets: made by something else, drawn here, and loaded by what is made here."""

from __future__ import annotations

from collections.abc import Iterable

from jobnb.definitions.announce import announce_from_caller
from jobnb.definitions.assets.asset_spec import AssetSpec
from jobnb.definitions.assets.source_asset import SourceAsset
from jobnb.errors import InvalidDefinitionError

__all__ = ["external_asset_from_spec", "external_assets_from_specs"]


def external_assets_from_specs(specs: Iterable[AssetSpec]) -> list[SourceAsset]:
    """The external assets that specs describe, known to the session.

    Args:
        specs: What is said of each. Given to `Definitions`, a spec becomes one by itself.

    Raises:
        InvalidDefinitionError: If something is no `AssetSpec`.

    Example:
        >>> from jobnb import AssetSpec, external_assets_from_specs
        >>> external_assets_from_specs([AssetSpec("raw/orders"), AssetSpec("raw/customers")])
        [SourceAsset('raw/orders'), SourceAsset('raw/customers')]

    Source: Dagster's `external_assets_from_specs`.
    """
    made = []
    for spec in specs:
        if not isinstance(spec, AssetSpec):
            raise InvalidDefinitionError(f"{spec!r} is no AssetSpec.")
        made.append(SourceAsset.of_spec(spec))
    for each in made:
        announce_from_caller(each)
    return made


def external_asset_from_spec(spec: AssetSpec) -> SourceAsset:
    """The external asset that a spec describes; see `external_assets_from_specs`."""
    (made,) = external_assets_from_specs([spec])
    return made
