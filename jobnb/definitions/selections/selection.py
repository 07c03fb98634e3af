"""`AssetSelection`: which assets, said before it is known which there are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from jobnb.definitions.checks.asset_check import AssetCheckKey
from jobnb.definitions.checks.asset_checks_definition import AssetChecksDefinition
from jobnb.definitions.keys import AssetKey, CoercibleToAssetKey
from jobnb.definitions.selections.asset_reading import parse_selection
from jobnb.definitions.selections.asset_rules import (
    AssetRule,
    Neighbors,
    Prefix,
    UpstreamSources,
    Where,
)
from jobnb.definitions.selections.check_rules import Check, ChecksOf
from jobnb.definitions.selections.selection_bounds import at_most
from jobnb.definitions.selections.selection_parts import (
    check_keys_of,
    depth_of,
    keys_of,
    rule_of,
    rule_of_keys,
    text_of,
    written_text,
)
from jobnb.definitions.selections.selection_resolving import ResolvableSelection
from jobnb.definitions.selections.selection_rules import (
    AllOf,
    AnyOf,
    Everything,
    Roots,
    Sinks,
    Steps,
)

__all__ = ["AssetSelection", "CoercibleToAssetSelection"]

CoercibleToAssetSelection = Any


@dataclass(frozen=True)
class AssetSelection(ResolvableSelection):
    """Some assets of a catalogue, named by what they are and how they hang together.

    Made by the functions below and joined with `|`, `&`, `-` and `~`.

    Args:
        rule: What it says.

    Example:
        >>> chosen = AssetSelection.groups("clean").upstream() - AssetSelection.keys("flights")
        >>> print(chosen)
        +group:clean and not key:flights

    Source: Dagster's `AssetSelection`.
    """

    rule: AssetRule

    # Naming assets

    @staticmethod
    def all(include_sources: bool = False) -> AssetSelection:
        """All assets.

        Args:
            include_sources: Whether source assets count.
        """
        return AssetSelection(Everything(include_sources))

    @staticmethod
    def keys(*asset_keys: CoercibleToAssetKey) -> AssetSelection:
        """Assets by key; a string is split at slashes.

        Example:
            >>> print(AssetSelection.keys("raw/flights"))
            key:raw/flights
        """
        return AssetSelection(rule_of_keys(AssetKey.from_coercible(key) for key in asset_keys))

    @staticmethod
    def assets(*assets_defs: Any) -> AssetSelection:
        """What the definitions make; keys and strings stand for themselves."""
        return AssetSelection(rule_of_keys(key for each in assets_defs for key in keys_of(each)))

    @staticmethod
    def groups(*group_strs: str, include_sources: bool = False) -> AssetSelection:
        """The assets of groups.

        Args:
            *group_strs: The groups.
            include_sources: Whether source assets count.
        """
        names = [written_text(name, "A group") for name in group_strs]
        rules = (Where("group", name, None, include_sources) for name in names)
        return AssetSelection(AnyOf.of(rules))

    @staticmethod
    def key_prefixes(
        *key_prefixes: str | Sequence[str], include_sources: bool = False
    ) -> AssetSelection:
        """The assets whose keys begin with a prefix.

        Args:
            *key_prefixes: The prefixes, each a string or its parts.
            include_sources: Whether source assets count.
        """
        prefixes = [AssetKey.from_coercible(prefix) for prefix in key_prefixes]
        return AssetSelection(AnyOf.of(Prefix(each, include_sources) for each in prefixes))

    @staticmethod
    def key_substring(key_substring: str, include_sources: bool = False) -> AssetSelection:
        """The assets whose keys contain a text."""
        text = written_text(key_substring, "A part of a key")
        return AssetSelection(Where("key_substring", text, None, include_sources))

    @staticmethod
    def tag(key: str, value: str, include_sources: bool = False) -> AssetSelection:
        """The assets with a tag of this value."""
        name, text = written_text(key, "A tag"), written_text(value, "The value of a tag")
        return AssetSelection(Where("tag", name, text, include_sources))

    @staticmethod
    def tag_string(string: str, include_sources: bool = False) -> AssetSelection:
        """The assets with a tag, written as `name=value`, or as `name` for any value."""
        name, equals, value = string.partition("=")
        text = written_text(value, "The value of a tag") if equals else None
        return AssetSelection(Where("tag", written_text(name, "A tag"), text, include_sources))

    @staticmethod
    def owner(owner: str) -> AssetSelection:
        """The assets of an owner."""
        return AssetSelection(Where("owner", written_text(owner, "An owner")))

    @staticmethod
    def kind(kind: str, include_sources: bool = False) -> AssetSelection:
        """The assets of a kind."""
        return AssetSelection(Where("kind", written_text(kind, "A kind"), None, include_sources))

    @staticmethod
    def checks(*assets_defs_or_check_keys: Any) -> AssetSelection:
        """Checks, without the assets that they look at.

        Args:
            *assets_defs_or_check_keys: Checks, assets definitions that make checks themselves,
                keys of checks, or `asset:check` as text.

        Example:
            >>> print(AssetSelection.checks("orders:no_nulls"))
            check:"orders:no_nulls"
        """
        keys = [key for each in assets_defs_or_check_keys for key in check_keys_of(each)]
        return AssetSelection(AnyOf.of(Check(key) for key in keys))

    @staticmethod
    def checks_for_assets(*assets_defs: Any) -> AssetSelection:
        """All checks of some assets, without these.

        Args:
            *assets_defs: Assets, their keys, or a selection of them.

        Example:
            >>> print(AssetSelection.checks_for_assets("orders"))
            checks(key:orders)
        """
        return AssetSelection(ChecksOf(AssetSelection.from_coercible(assets_defs).rule))

    @staticmethod
    def all_asset_checks() -> AssetSelection:
        """All checks, and no assets."""
        return AssetSelection(ChecksOf())

    @staticmethod
    def from_string(string: str, include_sources: bool = False) -> AssetSelection:
        """The assets that a selection in text form names.

        Args:
            string: A clause such as `*revenue+`, or more, such as `group:clean and not key:"a*"`.
            include_sources: Whether source assets count, where they are not named by key.

        Raises:
            InvalidSubsetError: If it cannot be read; it points at the column.
        """
        rule = parse_selection(text_of(string))
        return AssetSelection(rule.with_sources() if include_sources else rule)

    @staticmethod
    def from_coercible(selection: CoercibleToAssetSelection) -> AssetSelection:
        """A selection from whatever can stand for one.

        Args:
            selection: An `AssetSelection`, text, the key of an asset or a check, an asset, a
                check, or a list of these: all of them.

        Raises:
            InvalidDefinitionError: If it is none of these.
            InvalidSubsetError: If text cannot be read.
        """
        if isinstance(selection, AssetSelection):
            return selection
        if isinstance(selection, str):
            return AssetSelection.from_string(selection)
        if isinstance(selection, AssetKey):
            return AssetSelection.keys(selection)
        if isinstance(selection, Iterable) and not isinstance(selection, (bytes, dict)):
            each = (AssetSelection.from_coercible(item).rule for item in selection)
            return AssetSelection(AnyOf.of(each))
        if isinstance(selection, (AssetCheckKey, AssetChecksDefinition)):
            return AssetSelection.checks(selection)
        return AssetSelection.assets(selection)

    # Joining selections

    def __or__(self, other: AssetSelection) -> AssetSelection:
        return AssetSelection(AnyOf.of([self.rule, rule_of(other)]))

    def __and__(self, other: AssetSelection) -> AssetSelection:
        return AssetSelection(AllOf.of([self.rule, rule_of(other)]))

    def __sub__(self, other: AssetSelection) -> AssetSelection:
        return AssetSelection(AllOf.of([self.rule], [rule_of(other)]))

    def __invert__(self) -> AssetSelection:
        return AssetSelection(AllOf((), (self.rule,)))

    # Going on from a selection

    def upstream(self, depth: int | None = None, include_self: bool = True) -> AssetSelection:
        """What these are made from.

        Args:
            depth: How many steps at most; all the way if None.
            include_self: Whether these are part of it.
        """
        return self._reached(True, depth, include_self)

    def downstream(self, depth: int | None = None, include_self: bool = True) -> AssetSelection:
        """What is made from these.

        Args:
            depth: How many steps at most; all the way if None.
            include_self: Whether these are part of it.
        """
        return self._reached(False, depth, include_self)

    def _reached(self, up: bool, depth: Any, include_self: bool) -> AssetSelection:
        reached: AssetRule = Steps(self.rule, up, depth_of(depth))
        return AssetSelection(reached if include_self else AllOf.of([reached], [self.rule]))

    def roots(self) -> AssetSelection:
        """Those of these that are made from none of the others."""
        return AssetSelection(Roots(self.rule))

    def sources(self) -> AssetSelection:
        """The older name of `roots`."""
        return self.roots()

    def sinks(self) -> AssetSelection:
        """Those of these that none of the others are made from."""
        return AssetSelection(Sinks(self.rule))

    def upstream_source_assets(self) -> AssetSelection:
        """The source assets that these are made from."""
        return AssetSelection(UpstreamSources(self.rule))

    def required_multi_asset_neighbors(self) -> AssetSelection:
        """These, and whatever must be made together with them."""
        return AssetSelection(Neighbors(self.rule))

    def materializable(self) -> AssetSelection:
        """Those of these that are made here: no source assets."""
        return self & AssetSelection.all()

    def without_checks(self) -> AssetSelection:
        """These, without their checks.

        Example:
            >>> print(AssetSelection.keys("orders").without_checks())
            key:orders and not checks()
        """
        return self - AssetSelection.all_asset_checks()

    def at_most(self) -> AssetSelection:
        """All that it could name, however assets stand.

        Example:
            >>> print(AssetSelection.from_string("+status:stale and not group:raw").at_most())
            +(*) and not group:raw
        """
        return AssetSelection(at_most(self.rule))

    # As text

    def to_selection_str(self) -> str:
        """The selection as text: `from_string` makes an equal one of it.

        Example:
            >>> chosen = AssetSelection.keys("raw/flights").downstream(2) - AssetSelection.kind(
            ...     "sql"
            ... )
            >>> chosen.to_selection_str()
            'key:raw/flights+2 and not kind:sql'
            >>> AssetSelection.from_string(str(chosen)) == chosen
            True
        """
        return str(self.rule)

    def __str__(self) -> str:
        return self.to_selection_str()

    def __repr__(self) -> str:
        return f"AssetSelection({str(self)!r})"
