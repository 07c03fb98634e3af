"""Which of its assets and checks a definition is asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from jobnb.definitions.keys import AssetKey
from jobnb.definitions.ops.op import OpDefinition
from jobnb.errors import InvalidSubsetError

if TYPE_CHECKING:
    from jobnb.definitions.assets.assets_definition import AssetsDefinition
    from jobnb.definitions.checks.asset_check import AssetCheckKey, AssetCheckSpec

__all__ = ["AssetsSubset"]


class AssetsSubset:
    """The checks that come with assets, and how to ask for some of both only."""

    @property
    def check_specs(self) -> tuple[AssetCheckSpec, ...]:
        """The checks that are made together with the assets."""
        assets = cast("AssetsDefinition", self)
        own, chosen = assets.check_specs_by_output_name, assets._selected_checks
        if not own:
            return ()
        if chosen is None:
            return tuple(spec for spec in own.values() if spec.asset_key in assets.keys)
        return tuple(spec for spec in own.values() if spec.key in chosen)

    @property
    def can_part_with_checks(self) -> bool:
        """Whether assets can be made without their checks, and checked without being made.

        In a graph a check is a step of its own.
        """
        own = cast("AssetsDefinition", self)
        return own.can_subset or not isinstance(own.node_def, OpDefinition)

    @property
    def check_keys(self) -> frozenset[AssetCheckKey]:
        """The names of the checks that are made together with the assets."""
        return frozenset(spec.key for spec in self.check_specs)

    @property
    def is_subset(self) -> bool:
        """Whether only some of what it could make is selected."""
        own = cast("AssetsDefinition", self)
        if len(own.keys) < len(own.keys_by_output_name):
            return True
        return len(own.check_keys) < len(own.check_specs_by_output_name)

    def subset_for(
        self,
        selected_asset_keys: Iterable[AssetKey],
        selected_asset_check_keys: Iterable[AssetCheckKey] | None = None,
    ) -> AssetsDefinition:
        """The same, making only some of its assets.

        Args:
            selected_asset_keys: The assets.
            selected_asset_check_keys: Which of their checks are made, if it can leave out some;
                all if absent.

        Raises:
            InvalidSubsetError: If it cannot make some without the others.
        """
        own = cast("AssetsDefinition", self)
        wanted = own.keys & frozenset(selected_asset_keys)
        if wanted == own.keys and not own.check_specs_by_output_name:
            return own
        checks = own.check_keys
        if selected_asset_check_keys is None:
            checks = frozenset(key for key in checks if key.asset in wanted)
        elif own.can_part_with_checks:
            checks &= frozenset(selected_asset_check_keys)
        if wanted == own.keys and checks == own.check_keys:
            return own
        if wanted != own.keys and not own.can_subset and (wanted or not checks):
            names = ", ".join(sorted(key.to_user_string() for key in own.keys))
            raise InvalidSubsetError(
                f"{own.node_def.name!r} makes {names} together and cannot make only some of "
                "them. Select all, or define it with can_subset=True."
            )
        return own.with_changes(selected_asset_keys=wanted, selected_asset_check_keys=checks)
