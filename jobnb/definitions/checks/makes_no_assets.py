"""What a definition that makes no assets answers where one that makes some is asked of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from jobnb.errors import InvariantViolationError

if TYPE_CHECKING:
    from jobnb.definitions.keys import AssetKey

__all__ = ["MakesNoAssets"]


class MakesNoAssets:
    """A part of checks: they look at assets and make none.

    Code that goes over all definitions can ask them what it asks of those of assets.
    """

    @property
    def keys(self) -> frozenset[AssetKey]:
        """The assets it makes: none."""
        return frozenset()

    @property
    def key(self) -> NoReturn:
        """The asset it makes.

        Raises:
            InvariantViolationError: Always: it makes none.
        """
        raise self._none()

    @property
    def asset_deps(self) -> Mapping[AssetKey, set[AssetKey]]:
        """For each asset it makes, those it is made from: none."""
        return {}

    @property
    def group_names_by_key(self) -> Mapping[AssetKey, str]:
        """The group of each asset it makes: none."""
        return {}

    @property
    def descriptions_by_key(self) -> Mapping[AssetKey, str]:
        """What each asset is that it makes: none."""
        return {}

    def get_asset_spec(self, key: Any = None) -> NoReturn:
        """What is said of an asset that it makes.

        Raises:
            InvariantViolationError: Always: it makes none.
        """
        raise self._none()

    def to_source_asset(self, key: Any = None) -> NoReturn:
        """A source asset that loads what it makes.

        Raises:
            InvariantViolationError: Always: it makes none.
        """
        raise self._none()

    def to_source_assets(self) -> list[Any]:
        """A source asset for each asset that it makes: none."""
        return []

    def _none(self) -> InvariantViolationError:
        return InvariantViolationError(
            f"{self!r} checks assets and makes none. Ask for .check_specs, or .asset_keys for the "
            "assets that it looks at."
        )
