"""What the function of an asset can return instead of a value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

import msgspec

from jobnb.definitions.keys import AssetKey, CoercibleToAssetKey
from jobnb.definitions.metadata import normalize
from jobnb.definitions.ops.data_version import DataVersion, as_version
from jobnb.definitions.ops.user_events import checked_tags

__all__ = ["NO_VALUE", "MaterializeResult", "ObserveResult"]

T = TypeVar("T")


class _NoValue:
    """Stands for the value of an asset that its function stored itself."""

    def __repr__(self) -> str:
        return "NO_VALUE"


NO_VALUE: Any = _NoValue()


class _AssetResult(msgspec.Struct, frozen=True):
    """What an asset's function can return instead of a value."""

    asset_key: CoercibleToAssetKey | None = None
    metadata: Mapping[str, Any] | None = None
    check_results: Sequence[Any] = ()
    data_version: DataVersion | str | None = None
    tags: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        """Check and normalise what was given."""
        put = msgspec.structs.force_setattr
        if self.asset_key is not None:
            put(self, "asset_key", AssetKey.from_coercible(self.asset_key))
        put(self, "metadata", normalize(self.metadata))
        put(self, "check_results", list(self.check_results or ()))
        put(self, "data_version", as_version(self.data_version))
        put(self, "tags", checked_tags(self.tags, type(self).__name__))


class MaterializeResult(_AssetResult, Generic[T], frozen=True):
    """Tells what an asset's function made, where it stored the value itself.

    Args:
        asset_key: Which asset, where the function makes several.
        metadata: Facts shown beside the materialization.
        check_results: Results of checks made on the way.
        data_version: The version of the value, where the code knows it.
        tags: Labels, name to value.
        value: A value for the IO manager to store; without one, nothing is stored.

    Example:
        >>> from jobnb import MaterializeResult, asset, materialize
        >>> @asset
        ... def table():
        ...     return MaterializeResult(metadata={"rows": 3})
        >>> [event] = materialize([table]).get_asset_materialization_events()
        >>> event.metadata["rows"]["value"]
        3

    Source: Dagster's `MaterializeResult`.
    """

    value: Any = NO_VALUE

    @property
    def has_value(self) -> bool:
        """Whether there is a value to store."""
        return self.value is not NO_VALUE


class ObserveResult(_AssetResult, frozen=True):
    """Tells what a function learned about an asset that it did not make.

    Args:
        asset_key: Which asset, where the function looks at several.
        metadata: Facts shown beside the observation.
        check_results: Results of checks made on the way.
        data_version: The version of the value, where the code knows it.
        tags: Labels, name to value.

    Source: Dagster's `ObserveResult`.
    """
