"""What an asset job knows of assets: those there are, and those it makes."""

from __future__ import annotations

from typing import Any

import msgspec

from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.assets.source_asset import SourceAsset
from jobnb.definitions.checks.asset_checks_definition import AssetChecksDefinition

__all__ = ["AssetLayer"]


class AssetLayer(msgspec.Struct, frozen=True):
    """The assets around a job, and the selection of those that it makes.

    Attributes:
        assets: All that could be made.
        sources: All that can only be loaded.
        selection: An `AssetSelection`, a selection string, or None for all of `assets`.
        checks: All that could be checked.
    """

    assets: tuple[AssetsDefinition, ...]
    sources: tuple[SourceAsset, ...] = ()
    selection: Any = None
    checks: tuple[AssetChecksDefinition, ...] = ()
