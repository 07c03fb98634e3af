"""`AssetSelection`: a selection of assets that is resolved when all assets are known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from jobnb.definitions.checks.asset_check import AssetCheckKey
from jobnb.definitions.checks.asset_checks_definition import AssetChecksDefinition
from jobnb.definitions.engine_protocol import engine
from jobnb.definitions.keys import AssetKey, CoercibleToAssetKey
from jobnb.definitions.selections.grammar import written
from jobnb.definitions.selections.reading import parse_selection
from jobnb.definitions.selections.rules import (
    AllOf,
    AnyOf,
    Check,
    ChecksLike,
    ChecksOf,
    Everything,
    HasAttribute,
    HasStatus,
    Key,
    Neighbors,
    Prefix,
    Roots,
    Rule,
    Sinks,
    Steps,
    UpstreamSources,
)
from jobnb.errors import InvalidDefinitionError

CoercibleToAssetSelection = Any
StatusOf = Callable[[AssetKey], str]


@dataclass(frozen=True)
class AssetSelection:
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

    rule: Rule

    # Naming assets

    @staticmethod
    def all(include_sources: bool = False) -> AssetSelection:
        """Return all assets.

        Args:
            include_sources: Whether source assets count.
        """
        return AssetSelection(Everything(include_sources))

    @staticmethod
    def keys(*asset_keys: CoercibleToAssetKey) -> AssetSelection:
        """Return assets by key; a string is split at slashes.

        Example:
            >>> print(AssetSelection.keys("raw/flights"))
            key:raw/flights
        """
        return AssetSelection(_rule_of_keys(AssetKey.from_coercible(key) for key in asset_keys))

    @staticmethod
    def assets(*assets_defs: Any) -> AssetSelection:
        """Select the assets of definitions; keys and strings stand for themselves."""
        return AssetSelection(_rule_of_keys(key for each in assets_defs for key in _keys_of(each)))

    @staticmethod
    def groups(*group_strs: str, include_sources: bool = False) -> AssetSelection:
        """Return the assets of groups.

        Args:
            *group_strs: The groups.
            include_sources: Whether source assets count.
        """
        names = [_written_text(name, "A group") for name in group_strs]
        rules = (HasAttribute("group", name, None, include_sources) for name in names)
        return AssetSelection(AnyOf.of(rules))

    @staticmethod
    def key_prefixes(
        *key_prefixes: str | Sequence[str], include_sources: bool = False
    ) -> AssetSelection:
        """Return the assets whose keys begin with a prefix.

        Args:
            *key_prefixes: The prefixes, each a string or its parts.
            include_sources: Whether source assets count.
        """
        prefixes = [AssetKey.from_coercible(prefix) for prefix in key_prefixes]
        return AssetSelection(AnyOf.of(Prefix(each, include_sources) for each in prefixes))

    @staticmethod
    def key_substring(key_substring: str, include_sources: bool = False) -> AssetSelection:
        """Return the assets whose keys contain a text."""
        text = _written_text(key_substring, "A part of a key")
        return AssetSelection(HasAttribute("key_substring", text, None, include_sources))

    @staticmethod
    def tag(key: str, value: str, include_sources: bool = False) -> AssetSelection:
        """Return the assets with a tag of this value."""
        name, text = _written_text(key, "A tag"), _written_text(value, "The value of a tag")
        return AssetSelection(HasAttribute("tag", name, text, include_sources))

    @staticmethod
    def tag_string(string: str, include_sources: bool = False) -> AssetSelection:
        """Return the assets with a tag, written as `name=value`, or as `name` for any value."""
        name, equals, value = string.partition("=")
        text = _written_text(value, "The value of a tag") if equals else None
        return AssetSelection(
            HasAttribute("tag", _written_text(name, "A tag"), text, include_sources)
        )

    @staticmethod
    def owner(owner: str) -> AssetSelection:
        """Return the assets of an owner."""
        return AssetSelection(HasAttribute("owner", _written_text(owner, "An owner")))

    @staticmethod
    def kind(kind: str, include_sources: bool = False) -> AssetSelection:
        """Return the assets of a kind."""
        return AssetSelection(
            HasAttribute("kind", _written_text(kind, "A kind"), None, include_sources)
        )

    @staticmethod
    def checks(*assets_defs_or_check_keys: Any) -> AssetSelection:
        """Select checks, without the assets that they check.

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
        """Return all checks of some assets, without these.

        Args:
            *assets_defs: Assets, their keys, or a selection of them.

        Example:
            >>> print(AssetSelection.checks_for_assets("orders"))
            checks(key:orders)
        """
        return AssetSelection(ChecksOf(AssetSelection.from_coercible(assets_defs).rule))

    @staticmethod
    def all_asset_checks() -> AssetSelection:
        """Return all checks, and no assets."""
        return AssetSelection(ChecksOf())

    @staticmethod
    def from_string(string: str, include_sources: bool = False) -> AssetSelection:
        """Return the assets that a selection in text form names.

        Args:
            string: A clause such as `*revenue+`, or more, such as `group:clean and not key:"a*"`.
            include_sources: Whether source assets count, where they are not named by key.

        Raises:
            InvalidSubsetError: If it cannot be read; it points at the column.
        """
        rule = parse_selection(_text_of(string))
        return AssetSelection(rule.with_sources() if include_sources else rule)

    @staticmethod
    def from_coercible(selection: CoercibleToAssetSelection) -> AssetSelection:
        """Return a selection from whatever can stand for one.

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
        return AssetSelection(AnyOf.of([self.rule, _rule_of(other)]))

    def __and__(self, other: AssetSelection) -> AssetSelection:
        return AssetSelection(AllOf.of([self.rule, _rule_of(other)]))

    def __sub__(self, other: AssetSelection) -> AssetSelection:
        return AssetSelection(AllOf.of([self.rule], [_rule_of(other)]))

    def __invert__(self) -> AssetSelection:
        return AssetSelection(AllOf((), (self.rule,)))

    # Going on from a selection

    def upstream(self, depth: int | None = None, include_self: bool = True) -> AssetSelection:
        """Select the upstream assets of these.

        Args:
            depth: How many steps at most; all the way if None.
            include_self: Whether these are part of it.
        """
        return self._reached(True, depth, include_self)

    def downstream(self, depth: int | None = None, include_self: bool = True) -> AssetSelection:
        """Select the downstream assets of these.

        Args:
            depth: How many steps at most; all the way if None.
            include_self: Whether these are part of it.
        """
        return self._reached(False, depth, include_self)

    def _reached(self, up: bool, depth: Any, include_self: bool) -> AssetSelection:
        reached: Rule = Steps(self.rule, up, _depth_of(depth))
        return AssetSelection(reached if include_self else AllOf.of([reached], [self.rule]))

    def roots(self) -> AssetSelection:
        """Select those of these without upstream assets among them."""
        return AssetSelection(Roots(self.rule))

    def sources(self) -> AssetSelection:
        """Return the older name of `roots`."""
        return self.roots()

    def sinks(self) -> AssetSelection:
        """Select those of these without downstream assets among them."""
        return AssetSelection(Sinks(self.rule))

    def upstream_source_assets(self) -> AssetSelection:
        """Select the source assets that these depend on."""
        return AssetSelection(UpstreamSources(self.rule))

    def required_multi_asset_neighbors(self) -> AssetSelection:
        """Select these, and what must be materialized with them."""
        return AssetSelection(Neighbors(self.rule))

    def materializable(self) -> AssetSelection:
        """Select those of these that are materialized here: no source assets."""
        return self & AssetSelection.all()

    def without_checks(self) -> AssetSelection:
        """Select these, without their checks.

        Example:
            >>> print(AssetSelection.keys("orders").without_checks())
            key:orders and not checks()
        """
        return self - AssetSelection.all_asset_checks()

    def at_most(self) -> AssetSelection:
        """Return all that it could name, however assets stand.

        Example:
            >>> print(AssetSelection.from_string("+status:stale and not group:raw").at_most())
            +(*) and not group:raw
        """
        return AssetSelection(_bound(self.rule, most=True))

    # Once it is known which assets there are

    def resolve(
        self,
        all_assets: Iterable[Any],
        allow_missing: bool = False,
        status_of: StatusOf | None = None,
    ) -> set[AssetKey]:
        """Resolve the keys of the assets that the selection names.

        Args:
            all_assets: Assets definitions and source assets.
            allow_missing: Whether unknown names are ignored.
            status_of: Returns the status of an asset, for `status:stale` and the like: "fresh",
                "stale", "missing" or "failed".

        Raises:
            InvalidSubsetError: If it names something unknown; lists every problem.
        """
        return engine().resolve_assets(
            self, all_assets, allow_missing=allow_missing, status_of=status_of
        )

    def resolve_checks(
        self,
        asset_graph: Iterable[Any],
        allow_missing: bool = False,
        status_of: StatusOf | None = None,
    ) -> set[AssetCheckKey]:
        """Resolve the keys of the checks that the selection names, or those of its assets.

        Args:
            asset_graph: Assets, source assets and checks.
            allow_missing: Whether unknown names are ignored.
            status_of: Returns the status of an asset, as in `resolve`.

        Raises:
            InvalidSubsetError: If it names something unknown; lists every problem.
        """
        return engine().resolve_checks(
            self, asset_graph, allow_missing=allow_missing, status_of=status_of
        )

    @property
    def asks_status(self) -> bool:
        """Whether it selects by status, so that `resolve` needs `status_of`."""
        return any(isinstance(rule, HasStatus) for rule in self.rule.within())

    @property
    def tells_checks(self) -> bool:
        """Whether it names checks explicitly."""
        kinds = (Check, ChecksLike, ChecksOf)
        return any(isinstance(rule, kinds) for rule in self.rule.within())

    @property
    def named_checks(self) -> frozenset[AssetCheckKey]:
        """The checks that it spells out."""
        return frozenset(rule.key for rule in self.rule.within() if isinstance(rule, Check))

    # As text

    def to_selection_str(self) -> str:
        """Return the selection as text, which `from_string` parses to an equal one.

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


# --- conversion of arguments ------------------------------------------------------------


def _text_of(selection: Any) -> str:
    """Return the text of a selection.

    Raises:
        InvalidDefinitionError: If it is none.
    """
    if isinstance(selection, str):
        return selection
    raise InvalidDefinitionError(
        f"A selection in text form is text, not {selection!r}: use AssetSelection.from_coercible."
    )


def _rule_of_keys(keys: Iterable[AssetKey]) -> Rule:
    """Return the rule of any of these keys."""
    return AnyOf.of(Key(key) for key in keys)


def _rule_of(other: Any) -> Rule:
    """Return the rule of a selection that is combined with another.

    Raises:
        InvalidDefinitionError: If it is no selection.
    """
    rule = getattr(other, "rule", None)
    if isinstance(rule, Rule):
        return rule
    raise InvalidDefinitionError(
        f"A selection is joined with another AssetSelection, not with {other!r}: "
        "use AssetSelection.from_coercible."
    )


def _depth_of(depth: Any) -> int | None:
    """Return the number of steps; None is all the way.

    Raises:
        InvalidDefinitionError: If it is no number of steps.
    """
    if depth is None or (isinstance(depth, int) and depth >= 0):
        return depth
    raise InvalidDefinitionError(f"depth counts steps, from 0, or is None; not {depth!r}.")


def _written_text(value: Any, what: str) -> str:
    """Escape a text, as rules store it.

    Raises:
        InvalidDefinitionError: If it is no text.
    """
    if not isinstance(value, str):
        raise InvalidDefinitionError(f"{what} is named by text, not by {value!r}.")
    return written(value)


def check_keys_of(given: Any) -> Iterable[AssetCheckKey]:
    """Return the check keys of an argument.

    Raises:
        InvalidDefinitionError: If it has none.
    """
    if isinstance(given, AssetCheckKey):
        return (given,)
    if isinstance(given, str):
        return (AssetCheckKey.from_user_string(given),)
    keys: Iterable[AssetCheckKey] | None = getattr(given, "check_keys", None)
    if keys is not None:
        return sorted(keys)
    raise InvalidDefinitionError(
        f"{given!r} names no checks: give a check, an AssetCheckKey, or asset:check as text."
    )


def _keys_of(asset: Any) -> Iterable[AssetKey]:
    """Return the asset keys of an argument.

    Raises:
        InvalidDefinitionError: If it has none.
    """
    if isinstance(asset, (str, AssetKey)):
        return (AssetKey.from_coercible(asset),)
    keys = getattr(asset, "keys", None)
    if keys and hasattr(asset, "asset_deps"):
        return sorted(keys)
    key = getattr(asset, "key", None)
    if isinstance(key, AssetKey):
        return (key,)
    raise InvalidDefinitionError(
        f"{asset!r} cannot select assets: give an AssetSelection, text, an AssetKey, an asset, "
        "or a list of these."
    )


def _bound(rule: Rule, *, most: bool) -> Rule:
    if not any(isinstance(each, HasStatus) for each in rule.within()):
        return rule
    if isinstance(rule, HasStatus):
        return Everything() if most else AnyOf(())
    if isinstance(rule, (Roots, Sinks)):
        # Which of them are roots or sinks depends on the status of others: any could be.
        return _bound(rule.rule, most=True) if most else AnyOf(())
    if isinstance(rule, AnyOf):
        return AnyOf(tuple(_bound(each, most=most) for each in rule.rules))
    if isinstance(rule, AllOf):
        return AllOf(
            tuple(_bound(each, most=most) for each in rule.rules),
            tuple(_bound(each, most=not most) for each in rule.without),
        )
    around: Any = rule  # Rules of one rule that select more if that one selects more.
    inside: Rule = _bound(around.rule, most=most)
    wider: Rule = replace(around, rule=inside)
    return wider
