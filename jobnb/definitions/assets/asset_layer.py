"""What an asset job knows of assets: those there are, and those it makes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.assets.source_asset import SourceAsset
from jobnb.definitions.checks.asset_checks_definition import AssetChecksDefinition
from jobnb.definitions.keys import AssetKey

__all__ = ["AssetLayer"]


class AssetLayer(msgspec.Struct, frozen=True):
    """The assets around a job, and the selection of those that it makes.

    Attributes:
        assets: All that could be made.
        sources: All that can only be loaded.
        selection: An `AssetSelection`, a selection string, or None for all of `assets`.
        checks: All that could be checked.
        status_of: Tells how an asset stands, where somebody has looked.
        is_undecided: Whether the selection asks how assets stand, and nobody has looked yet: all
            that it could name is chosen meanwhile.
    """

    assets: tuple[AssetsDefinition, ...]
    sources: tuple[SourceAsset, ...] = ()
    selection: Any = None
    checks: tuple[AssetChecksDefinition, ...] = ()
    status_of: Callable[[AssetKey], str] | None = None
    is_undecided: bool = False
