"""`AssetSelection`: which assets, said before it is known which there are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from jobnb.definitions.asset_graph import AssetGraph
from jobnb.definitions.keys import AssetKey, CoercibleToAssetKey
from jobnb.definitions.selection_rules import (
    Difference,
    Everything,
    Intersection,
    Keys,
    Neighbors,
    Prefixes,
    Roots,
    Rule,
    Sinks,
    Steps,
    Union,
    UpstreamSources,
    Where,
)
from jobnb.definitions.selection_syntax import parse_selection
from jobnb.errors import InvalidDefinitionError

__all__ = ["AssetSelection", "CoercibleToAssetSelection"]

CoercibleToAssetSelection = Any


@dataclass(frozen=True)
class AssetSelection:
    """Some assets of a catalogue, named by what they are and how they hang together.

    Made by the functions below and joined with `|`, `&`, `-` and `~`.

    Args:
        rule: What it says.

    Example:
        >>> chosen = AssetSelection.groups("clean").upstream() - AssetSelection.keys("flights")
        >>> print(chosen)
        *group:clean and not key:flights

    Source: Dagster's `AssetSelection`.
    """

    rule: Rule

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
        return AssetSelection(Keys(tuple(AssetKey.from_coercible(key) for key in asset_keys)))

    @staticmethod
    def assets(*assets_defs: Any) -> AssetSelection:
        """What the definitions make."""
        return AssetSelection(Keys(tuple(key for each in assets_defs for key in _keys_of(each))))

    @staticmethod
    def groups(*group_strs: str, include_sources: bool = False) -> AssetSelection:
        """The assets of groups.

        Args:
            *group_strs: The groups.
            include_sources: Whether source assets count.
        """
        rule = Where("group", _texts(group_strs, "A group"), None, include_sources, literal=True)
        return AssetSelection(rule)

    @staticmethod
    def key_prefixes(
        *key_prefixes: str | Sequence[str], include_sources: bool = False
    ) -> AssetSelection:
        """The assets whose keys begin with a prefix.

        Args:
            *key_prefixes: The prefixes, each a string or its parts.
            include_sources: Whether source assets count.
        """
        parts = (tuple(AssetKey.from_coercible(prefix).path) for prefix in key_prefixes)
        return AssetSelection(Prefixes(tuple(parts), include_sources))

    @staticmethod
    def key_substring(key_substring: str, include_sources: bool = False) -> AssetSelection:
        """The assets whose keys contain a text."""
        return AssetSelection(Where("key_substring", (key_substring,), None, include_sources))

    @staticmethod
    def tag(key: str, value: str, include_sources: bool = False) -> AssetSelection:
        """The assets with a tag of this value."""
        return AssetSelection(Where("tag", (key,), value, include_sources, literal=True))

    @staticmethod
    def tag_string(string: str, include_sources: bool = False) -> AssetSelection:
        """The assets with a tag, written as `name=value`, or as `name` for any value."""
        name, equals, value = string.partition("=")
        rule = Where("tag", (name,), value if equals else None, include_sources, literal=True)
        return AssetSelection(rule)

    @staticmethod
    def owner(owner: str) -> AssetSelection:
        """The assets of an owner."""
        return AssetSelection(Where("owner", (owner,), literal=True))

    @staticmethod
    def kind(kind: str, include_sources: bool = False) -> AssetSelection:
        """The assets of a kind."""
        return AssetSelection(Where("kind", (kind,), None, include_sources, literal=True))

    @staticmethod
    def from_string(string: str, include_sources: bool = False) -> AssetSelection:
        """The assets that a selection in text form names.

        Args:
            string: A clause such as `*revenue+`, or more, such as `group:clean and not key:"a*"`.
            include_sources: Whether source assets count, where they are not named by key.

        Raises:
            InvalidSubsetError: If it cannot be read; it points at the column.
        """
        return AssetSelection(parse_selection(string, include_sources))

    @staticmethod
    def from_coercible(selection: CoercibleToAssetSelection) -> AssetSelection:
        """A selection from whatever can stand for one.

        Args:
            selection: An `AssetSelection`, text, a key, an asset, or a list of these: all of them.

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
            each = [AssetSelection.from_coercible(item).rule for item in selection]
            return AssetSelection(each[0] if len(each) == 1 else _joined(Union, each))
        return AssetSelection.assets(selection)

    # Joining selections

    def __or__(self, other: AssetSelection) -> AssetSelection:
        return AssetSelection(_joined(Union, [self.rule, _rule(other)]))

    def __and__(self, other: AssetSelection) -> AssetSelection:
        return AssetSelection(_joined(Intersection, [self.rule, _rule(other)]))

    def __sub__(self, other: AssetSelection) -> AssetSelection:
        return AssetSelection(Difference(self.rule, _rule(other)))

    def __invert__(self) -> AssetSelection:
        return AssetSelection(Difference(Everything(), self.rule))

    # Going on from a selection

    def upstream(self, depth: int | None = None, include_self: bool = True) -> AssetSelection:
        """What these are made from.

        Args:
            depth: How many steps at most; all the way if None.
            include_self: Whether these are part of it.
        """
        return AssetSelection(Steps(self.rule, True, _depth(depth), include_self))

    def downstream(self, depth: int | None = None, include_self: bool = True) -> AssetSelection:
        """What is made from these.

        Args:
            depth: How many steps at most; all the way if None.
            include_self: Whether these are part of it.
        """
        return AssetSelection(Steps(self.rule, False, _depth(depth), include_self))

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

    # Resolving

    def resolve(
        self, all_assets: AssetGraph | Iterable[Any], allow_missing: bool = False
    ) -> set[AssetKey]:
        """The keys of the assets it names.

        Args:
            all_assets: Assets definitions and source assets, or an `AssetGraph` of them.
            allow_missing: Whether keys that are not there are passed over.

        Raises:
            InvalidSubsetError: If it names a key that is not there.
        """
        graph = all_assets if isinstance(all_assets, AssetGraph) else AssetGraph(all_assets)
        return {graph.keys[number] for number in self.rule.numbers(graph, allow_missing)}

    def __str__(self) -> str:
        return str(self.rule)

    def __repr__(self) -> str:
        return f"AssetSelection({str(self)!r})"


def _joined(kind: type[Union | Intersection], rules: Iterable[Rule]) -> Rule:
    """One flat rule: a long chain of them must not become a deep one."""
    flat: list[Rule] = []
    for rule in rules:
        flat.extend(rule.rules if isinstance(rule, kind) else [rule])
    return kind(tuple(flat))


def _rule(other: Any) -> Rule:
    if isinstance(other, AssetSelection):
        return other.rule
    raise InvalidDefinitionError(
        f"A selection is joined with another AssetSelection, not with {other!r}: "
        "use AssetSelection.from_coercible."
    )


def _depth(depth: Any) -> int | None:
    if depth is None or (isinstance(depth, int) and depth >= 0):
        return depth
    raise InvalidDefinitionError(f"depth counts steps, from 0, or is None; not {depth!r}.")


def _texts(values: tuple[Any, ...], what: str) -> tuple[str, ...]:
    for value in values:
        if not isinstance(value, str):
            raise InvalidDefinitionError(f"{what} is named by text, not by {value!r}.")
    return values


def _keys_of(asset: Any) -> Iterable[AssetKey]:
    keys = getattr(asset, "keys", None)
    if keys is not None and hasattr(asset, "asset_deps"):
        return sorted(keys)
    key = getattr(asset, "key", None)
    if isinstance(key, AssetKey):
        return (key,)
    raise InvalidDefinitionError(
        f"{asset!r} cannot select assets: give an AssetSelection, text, an AssetKey, an asset, "
        "or a list of these."
    )
