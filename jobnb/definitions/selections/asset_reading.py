"""The text form of asset selections, such as `*revenue and not group:raw`."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from jobnb.definitions.assets.asset_graph import AssetGraph
from jobnb.definitions.checks.asset_check import AssetCheckKey
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.selections.asset_rules import (
    AssetRule,
    Key,
    Neighbors,
    Prefix,
    Standing,
    UpstreamSources,
    Where,
)
from jobnb.definitions.selections.check_rules import Check, ChecksLike, ChecksOf
from jobnb.definitions.selections.selection_reading import Reading
from jobnb.definitions.selections.selection_rules import AllOf, Everything
from jobnb.definitions.selections.selection_text import is_pattern, key_of, read
from jobnb.errors import did_you_mean

if TYPE_CHECKING:
    from lark import Token

__all__ = ["ATTRIBUTES", "FUNCTIONS", "parse_selection"]

_KEY = re.compile(r"\s*(?!not\b)([A-Za-z_]\w*(?:/\w+)*)\s*", re.IGNORECASE)
ATTRIBUTES = (
    "key", "group", "tag", "kind", "owner", "status", "key_prefix", "key_substring", "check",
)  # fmt: skip
FUNCTIONS = (
    "roots", "sinks", "sources", "neighbors", "with_sources", "materializable", "checks",
    "without_checks", "nothing",
)  # fmt: skip
_COLUMNS = "nothing is known of columns before a run"
_ELSEWHERE = {
    "column": _COLUMNS,
    "columns": _COLUMNS,
    "column_tag": _COLUMNS,
    "table_name": "nothing is known of tables before a run",
    "code_location": "a notebook is one code location",
    "changed_in_branch": "a notebook has no branches; status:stale tells what changed",
}
_NO_VALUES = ("key", "key_prefix", "key_substring", "status", "check")


@lru_cache(maxsize=512)
def parse_selection(text: str) -> AssetRule:
    """What a selection in text form says.

    Args:
        text: The selection.

    Raises:
        InvalidSubsetError: If it cannot be read; it points at the column.

    Example:
        >>> print(parse_selection("2+revenue and not group:raw"))
        2+key:revenue and not group:raw
    """
    simple = _KEY.fullmatch(text)
    if simple is not None:  # most selections are a key: no grammar, and no place to point at
        return Key(AssetKey(simple[1].split("/")))
    return _AssetReading(text).rule()


class _AssetReading(Reading[AssetGraph]):
    attributes = ATTRIBUTES
    functions = FUNCTIONS
    noun = "an asset"

    def named(self, token: Token) -> AssetRule:
        """The asset of that key; with wildcards, those whose keys match."""
        return self.attribute("key", token, None)

    def attribute(self, label: str, value: Token, extra: Token | None) -> AssetRule:
        """The assets of which it holds."""
        if label == "status":
            return self._standing(value)
        if value.type == "NULL":
            if label in _NO_VALUES or extra is not None:
                self.refuse(value, f"every asset has a {label}")
            return Where(label, None)
        if label in ("key", "key_prefix"):
            return self._key(label, value)
        if label == "check":
            return self._check(value)
        spot = self.spot(value)
        return Where(label, read(value), read(extra) if extra is not None else None, spot=spot)

    def _key(self, label: str, value: Token) -> AssetRule:
        text = read(value, "\\*?/")
        if label == "key" and is_pattern(text):
            return Where("key", read(value), spot=self.spot(value))
        key = key_of(text)
        if key is None:
            self.refuse(value, "a key has something before and after each slash")
        return Key(key, self.spot(value)) if label == "key" else Prefix(key)

    def _check(self, value: Token) -> AssetRule:
        text = read(value, "\\*?/")
        if is_pattern(text):
            return ChecksLike(read(value))
        asset, _, name = text.rpartition(":")
        key = key_of(asset)
        if key is None or not name:
            hint = f'For all of one name, write check:"*:{name}".' if name else ""
            self.refuse(value, "a check is written with its asset, as asset:check", hint)
        return Check(AssetCheckKey(key, name), self.spot(value))

    def _standing(self, value: Token) -> AssetRule:
        status = read(value).lower()
        if status not in Standing.ALLOWED:
            hint = did_you_mean(status, Standing.ALLOWED, noun="An asset is one of")
            self.refuse(value, f"there is no status {read(value)!r}", hint)
        return Standing(status, self.spot(value))

    def applied(self, name: str, rule: AssetRule) -> AssetRule:
        """What a function makes of a rule."""
        if name == "with_sources":
            return rule.with_sources()
        if name == "materializable":
            return AllOf.of([rule, Everything()])
        if name == "sources":
            return UpstreamSources(rule)
        if name == "checks":
            return ChecksOf(rule)
        if name == "without_checks":
            return AllOf.of([rule], [ChecksOf()])
        return Neighbors(rule) if name == "neighbors" else super().applied(name, rule)

    def alone(self, name: str) -> AssetRule:
        """What a function gives that has nothing between its parentheses."""
        return ChecksOf() if name == "checks" else super().alone(name)

    def _attribute(self, label: Token, value: Token, extra: Token | None = None) -> AssetRule:
        if label in _ELSEWHERE:
            self.refuse(label, f"{str(label)!r} cannot select here: {_ELSEWHERE[label]}")
        return super()._attribute(label, value, extra)
