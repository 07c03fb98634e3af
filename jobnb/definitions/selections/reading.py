"""Parse the text of a selection, such as `*revenue and not group:raw`, into rules."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NoReturn

from msgspec.structs import replace

from jobnb.definitions.checks.asset_check import AssetCheckKey
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.selections.grammar import (
    Position,
    cannot_read,
    is_pattern,
    key_of,
    plain,
    read,
    syntax_tree,
)
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
    Like,
    Named,
    Neighbors,
    Prefix,
    Roots,
    Rule,
    Sinks,
    UpstreamSources,
    with_steps,
)
from jobnb.errors import InvalidDefinitionError, did_you_mean

if TYPE_CHECKING:
    from lark import Token, Tree

_NOWHERE = -1
_MANY_DIGITS = 9  # A depth with more digits means all the way, as Dagster prints it.


class SelectionParser(ABC):
    """Parses one text.

    Args:
        text: The selection.
    """

    attributes: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    noun = "a selection"

    def __init__(self, text: str) -> None:
        self.text = text

    def rule(self) -> Rule:
        """Return the rule of the text.

        Raises:
            InvalidSubsetError: If it cannot be parsed; points at the column.
        """
        try:
            return self._read(syntax_tree(self.text))
        except InvalidDefinitionError as error:
            cannot_read(self.text, 0, str(error).removesuffix("."))

    # Overridden for assets and for ops

    @abstractmethod
    def named(self, token: Token) -> Rule:
        """Return the rule of a bare name."""

    @abstractmethod
    def attribute(self, label: str, value: Token, extra: Token | None) -> Rule:
        """Return the rule of an attribute, as `group:clean` or `tag:daily=yes`."""

    def applied(self, name: str, rule: Rule) -> Rule:
        """Return the rule of a function applied to another rule."""
        return Roots(rule) if name == "roots" else Sinks(rule)

    def alone(self, name: str) -> Rule:
        """Return the rule of a function with empty parentheses: it applies to all."""
        return AnyOf(()) if name == "nothing" else self.applied(name, Everything())

    def stepped(self, rule: Rule, up: int | None, down: int | None) -> Rule:
        """Return the rule with its upstream and downstream; None is all the way, -1 is none."""
        return with_steps(rule, up, down)

    # Errors

    def position(self, token: Token) -> Position:
        """Return the place of a token."""
        return Position(self.text, token.start_pos or 0)

    def refuse(self, token: Token, why: str, hint: str = "") -> NoReturn:
        """Raise an error at a token."""
        cannot_read(self.text, token.start_pos or 0, why, hint)

    # The tree

    def _read(self, tree: Tree[Token]) -> Rule:
        found: Rule = getattr(self, f"_{tree.data}")(*tree.children)
        return found

    def _any(self, *trees: Tree[Token]) -> Rule:
        return AnyOf.of(self._read(tree) for tree in trees)

    def _all(self, *trees: Tree[Token]) -> Rule:
        wanted = [self._read(tree) for tree in trees if tree.data != "negation"]
        unwanted = [self._unwanted(tree) for tree in trees if tree.data == "negation"]
        return AllOf.of(wanted, unwanted)

    def _negation(self, *trees: Tree[Token]) -> Rule:
        return AllOf((), (self._read(trees[0]),))

    def _unwanted(self, negation: Any) -> Rule:
        return self._read(negation.children[0])

    def _everything(self, _star: Token) -> Rule:
        return Everything()

    def _stepped(self, *trees: Tree[Token]) -> Rule:
        by_name = {str(tree.data): tree for tree in trees}
        up, down = by_name.pop("up", None), by_name.pop("down", None)
        (term,) = by_name.values()
        counts = term.data == "name"
        return self.stepped(self._read(term), _depth(up, counts), _depth(down, counts))

    def _name(self, token: Token) -> Rule:
        return self.named(token)

    def _attribute(self, label: Token, value: Token, extra: Token | None = None) -> Rule:
        if label not in self.attributes:
            hint = did_you_mean(label, self.attributes, noun="There are")
            self.refuse(label, f"{self.noun} has no {str(label)!r} to select by", hint)
        if extra is not None and label != "tag":
            self.refuse(extra, "only a tag has a value after '='", "Put quotes around it.")
        if value in ('""', "''"):
            self.refuse(value, f"expected what the {label} should be, found nothing")
        return self.attribute(str(label), value, extra)

    def _call(self, name: Token, *trees: Tree[Token]) -> Rule:
        if name not in self.functions:
            hint = did_you_mean(name, self.functions, noun="There are")
            self.refuse(name, f"there is no function {str(name)!r}", hint)
        if trees and name != "nothing":
            return self.applied(str(name), self._read(trees[0]))
        if trees:
            self.refuse(name, f"{str(name)!r} takes nothing between its parentheses")
        return self.alone(str(name))


def _depth(marks: Tree[Token] | None, counts: bool) -> int | None:
    """Return the number of steps of marks; None is all the way."""
    if marks is None:
        return _NOWHERE
    text = "".join(map(str, marks.children))
    digits = text.strip("+")
    if "*" in text or len(digits) > _MANY_DIGITS:
        return None
    if digits:
        return int(digits)
    return len(text) if counts or len(text) > 1 else None


_KEY = re.compile(r"\s*(?!not\b)([A-Za-z_]\w*(?:/\w+)*)\s*", re.IGNORECASE)
ATTRIBUTES = (
    "key", "group", "tag", "kind", "owner", "status", "key_prefix", "key_substring", "check",
)  # fmt: skip
ASSET_FUNCTIONS = (
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
def parse_selection(text: str) -> Rule:
    """Parse the text of an asset selection.

    Raises:
        InvalidSubsetError: If it cannot be parsed; points at the column.

    Example:
        >>> print(parse_selection("2+revenue and not group:raw"))
        2+key:revenue and not group:raw
    """
    simple = _KEY.fullmatch(text)
    # Most selections are one key: they need no parser, and no place for errors.
    if simple is not None:
        return Key(AssetKey(simple[1].split("/")))
    return _AssetSelectionParser(text).rule()


class _AssetSelectionParser(SelectionParser):
    attributes = ATTRIBUTES
    functions = ASSET_FUNCTIONS
    noun = "an asset"

    def named(self, token: Token) -> Rule:
        """Return the rule of an asset key; with wildcards, of all matching keys."""
        return self.attribute("key", token, None)

    def attribute(self, label: str, value: Token, extra: Token | None) -> Rule:
        """Return the rule of assets with an attribute."""
        if label == "status":
            return self._standing(value)
        if value.type == "NULL":
            if label in _NO_VALUES or extra is not None:
                self.refuse(value, f"every asset has a {label}")
            return HasAttribute(label, None)
        if label in ("key", "key_prefix"):
            return self._key(label, value)
        if label == "check":
            return self._check(value)
        position = self.position(value)
        return HasAttribute(
            label, read(value), read(extra) if extra is not None else None, position=position
        )

    def _key(self, label: str, value: Token) -> Rule:
        text = read(value, "\\*?/")
        if label == "key" and is_pattern(text):
            return HasAttribute("key", read(value), position=self.position(value))
        key = key_of(text)
        if key is None:
            self.refuse(value, "a key has something before and after each slash")
        return Key(key, self.position(value)) if label == "key" else Prefix(key)

    def _check(self, value: Token) -> Rule:
        text = read(value, "\\*?/")
        if is_pattern(text):
            return ChecksLike(read(value))
        asset, _, name = text.rpartition(":")
        key = key_of(asset)
        if key is None or not name:
            hint = f'For all of one name, write check:"*:{name}".' if name else ""
            self.refuse(value, "a check is written with its asset, as asset:check", hint)
        return Check(AssetCheckKey(key, name), self.position(value))

    def _standing(self, value: Token) -> Rule:
        status = read(value).lower()
        if status not in HasStatus.ALLOWED:
            hint = did_you_mean(status, HasStatus.ALLOWED, noun="An asset is one of")
            self.refuse(value, f"there is no status {read(value)!r}", hint)
        return HasStatus(status, self.position(value))

    def applied(self, name: str, rule: Rule) -> Rule:
        """Return the rule of a function applied to another rule."""
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

    def alone(self, name: str) -> Rule:
        """Return the rule of a function with empty parentheses."""
        return ChecksOf() if name == "checks" else super().alone(name)

    def _attribute(self, label: Token, value: Token, extra: Token | None = None) -> Rule:
        if label in _ELSEWHERE:
            self.refuse(label, f"{str(label)!r} cannot select here: {_ELSEWHERE[label]}")
        return super()._attribute(label, value, extra)


OP_FUNCTIONS = ("roots", "sinks", "nothing")
_NAME = re.compile(r"(?!not\b)[A-Za-z_][\w.]*", re.IGNORECASE)


@lru_cache(maxsize=512)
def parse_op_selection(text: str) -> Rule:
    """Parse the text of an op selection; see `parse_selection`."""
    if _NAME.fullmatch(text):  # A step key, as re-executions list them.
        return Named(text)
    return _OpSelectionParser(text).rule()


class _OpSelectionParser(SelectionParser):
    attributes = ("name",)
    functions = OP_FUNCTIONS
    noun = "an op"

    def named(self, token: Token) -> Rule:
        """Return the rule of an op name; with wildcards, of all matching names."""
        text = read(token)
        if is_pattern(text):
            return Like(text)
        return Named(plain(text), position=self.position(token))

    def stepped(self, rule: Rule, up: int | None, down: int | None) -> Rule:
        """Return a name with its upstream and downstream at its own level."""
        return (
            replace(rule, up=up, down=down)
            if isinstance(rule, Named)
            else super().stepped(rule, up, down)
        )

    def attribute(self, label: str, value: Token, extra: Token | None) -> Rule:
        """Return the rule of the op of that name."""
        return self.named(value)
