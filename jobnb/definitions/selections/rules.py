"""The rules of selections: small frozen objects, parsed from text and written as text.

Some apply to both assets and ops. `jobnb.plan.selection_resolution` resolves them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

import msgspec
from msgspec.structs import replace

from jobnb.definitions.checks.asset_check import AssetCheckKey
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.selections.grammar import (
    Position,
    quoted,
    written_key,
)
from jobnb.errors import InvalidDefinitionError

_DEEPEST = 50  # The deepest nesting: more is a mistake, and would exhaust the stack.


class Rule(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """The base of rules, which select assets or ops.

    Two are equal if they say the same, wherever it was written.

    Attributes:
        depth: The depth of nested rules.
        binds: The precedence of its text: 0 for `or`, 1 for `and`, 2 for marks, 3 for a single
            term.
    """

    depth: int = 0
    binds: ClassVar[int] = 3

    def _said(self) -> dict[str, Any]:
        """Return what it says, by the names of its fields."""
        names = (name for name in self.__struct_fields__ if name not in ("depth", "position"))
        return {name: getattr(self, name) for name in names}

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self._said() == other._said()

    def __hash__(self) -> int:
        return hash((type(self), *self._said().values()))

    def __repr__(self) -> str:
        told = (f"{name}={value!r}" for name, value in self._said().items())
        return f"{type(self).__name__}({', '.join(told)})"

    def inside(self, binds: int) -> str:
        """Return its text, in parentheses if the surrounding precedence needs them."""
        return str(self) if self.binds >= binds else f"({self})"

    def parts(self) -> tuple[Rule, ...]:
        """Return the nested rules."""
        return ()

    def with_sources(self) -> Rule:
        """Return the rule with source assets included."""
        return self

    def within(self) -> Iterator[Rule]:
        """Iterate over the rule and all nested rules."""
        waiting: list[Rule] = [self]
        while waiting:
            rule = waiting.pop()
            yield rule
            waiting += rule.parts()


class Compound(Rule, frozen=True, eq=False):
    """A rule of other rules."""

    def __post_init__(self) -> None:
        depth = 1 + max((part.depth for part in self.parts()), default=0)
        if depth > _DEEPEST:
            raise InvalidDefinitionError(
                f"A selection cannot have more than {_DEEPEST} parts within each other: resolve "
                "it on the way, and continue with AssetSelection.keys(...)."
            )
        msgspec.structs.force_setattr(self, "depth", depth)


class Everything(Rule, frozen=True, eq=False):
    """All assets or ops, with or without source assets."""

    include_sources: bool = False
    binds = 2

    def with_sources(self) -> Rule:
        """Return all with source assets."""
        return Everything(True)

    def __str__(self) -> str:
        return "with_sources(*)" if self.include_sources else "*"


class AnyOf(Compound, frozen=True, eq=False):
    """The union of rules."""

    rules: tuple[Rule, ...]
    binds = 0

    @staticmethod
    def of(rules: Iterable[Rule]) -> Rule:
        """Create one flat rule, because a long chain must not become a deep one."""
        flat: list[Rule] = []
        for rule in rules:
            flat.extend(rule.rules if isinstance(rule, AnyOf) else [rule])
        return flat[0] if len(flat) == 1 else AnyOf(tuple(flat))

    def parts(self) -> tuple[Rule, ...]:
        """Return the rules."""
        return self.rules

    def with_sources(self) -> Rule:
        """Return any of the rules with source assets."""
        return AnyOf(tuple(rule.with_sources() for rule in self.rules))

    def inside(self, binds: int) -> str:
        """Return its text; the empty union is a single term."""
        return super().inside(binds) if self.rules else str(self)

    def __str__(self) -> str:
        return " or ".join(rule.inside(1) for rule in self.rules) or "nothing()"


class AllOf(Compound, frozen=True, eq=False):
    """The intersection of rules (of everything if there are none), without some others."""

    rules: tuple[Rule, ...] = ()
    without: tuple[Rule, ...] = ()
    binds = 1

    @staticmethod
    def of(rules: Iterable[Rule], without: Iterable[Rule] = ()) -> Rule:
        """Create one flat rule, because a long chain must not become a deep one."""
        wanted: list[Rule] = []
        unwanted: list[Rule] = []
        for rule in rules:
            flat = rule if isinstance(rule, AllOf) else AllOf((rule,))
            wanted.extend(flat.rules)
            unwanted.extend(flat.without)
        unwanted.extend(without)
        if len(wanted) == 1 and not unwanted:
            return wanted[0]
        return AllOf(tuple(wanted), tuple(unwanted))

    def parts(self) -> tuple[Rule, ...]:
        """Return the rules, and the excluded ones."""
        return self.rules + self.without

    def with_sources(self) -> Rule:
        """Return all of the rules with source assets."""
        rules = self.rules or (Everything(),)
        without = tuple(rule.with_sources() for rule in self.without)
        return AllOf(tuple(rule.with_sources() for rule in rules), without)

    def __str__(self) -> str:
        wanted = [rule.inside(2) for rule in self.rules]
        return " and ".join(wanted + [f"not {rule.inside(2)}" for rule in self.without])


class Steps(Compound, frozen=True, eq=False):
    """A rule with some steps of upstream and downstream."""

    rule: Rule
    up: bool
    depth_limit: int | None = None
    binds = 2

    def parts(self) -> tuple[Rule, ...]:
        """Return the rule."""
        return (self.rule,)

    def with_sources(self) -> Rule:
        """Return the same from the rule with source assets."""
        return Steps(self.rule.with_sources(), self.up, self.depth_limit)

    def __str__(self) -> str:
        steps = "" if self.depth_limit is None else str(self.depth_limit)
        term = self.rule.inside(3)
        return f"{steps}+{term}" if self.up else f"{term}+{steps}"


def with_steps(rule: Rule, up: int | None, down: int | None) -> Rule:
    """Return the rule with its upstream and downstream; None is all the way, -1 is none."""
    ways = ((True, up), (False, down))
    parts = [Steps(rule, way, depth) for way, depth in ways if depth != -1]
    return AnyOf.of(parts) if parts else rule


class Roots(Compound, frozen=True, eq=False):
    """The selected assets or ops that have no selected upstream."""

    rule: Rule

    def parts(self) -> tuple[Rule, ...]:
        """Return the rule."""
        return (self.rule,)

    def with_sources(self) -> Rule:
        """Return the roots of the rule with source assets."""
        return Roots(self.rule.with_sources())

    def __str__(self) -> str:
        return f"roots({self.rule})"


class Sinks(Compound, frozen=True, eq=False):
    """The selected assets or ops that have no selected downstream."""

    rule: Rule

    def parts(self) -> tuple[Rule, ...]:
        """Return the rule."""
        return (self.rule,)

    def with_sources(self) -> Rule:
        """Return the sinks of the rule with source assets."""
        return Sinks(self.rule.with_sources())

    def __str__(self) -> str:
        return f"sinks({self.rule})"


class Key(Rule, frozen=True, eq=False):
    """An asset by its key."""

    key: AssetKey
    position: Position | None = None

    def __str__(self) -> str:
        return f"key:{quoted(written_key(self.key))}"


def _marked(text: str, include_sources: bool) -> str:
    return f"with_sources({text})" if include_sources else text


class Prefix(Rule, frozen=True, eq=False):
    """Assets whose keys begin with a prefix."""

    prefix: AssetKey
    include_sources: bool = False

    def with_sources(self) -> Rule:
        """Return the same, where source assets count too."""
        return replace(self, include_sources=True)

    def __str__(self) -> str:
        return _marked(f"key_prefix:{quoted(written_key(self.prefix))}", self.include_sources)


class HasAttribute(Rule, frozen=True, eq=False):
    """Assets with an attribute.

    Attributes:
        what: "key", "key_substring", "group", "owner", "kind" or "tag".
        value: The value, as it is written between quotes; None for assets without the attribute.
        tag_value: For a tag, its value; any if None.
        include_sources: Whether source assets are included.
        position: Its place in a text. A typed value must exist.
    """

    what: str
    value: str | None
    tag_value: str | None = None
    include_sources: bool = False
    position: Position | None = None

    def with_sources(self) -> Rule:
        """Return the same, where source assets count too."""
        return replace(self, include_sources=True)

    def __str__(self) -> str:
        value = "<null>" if self.value is None else quoted(self.value)
        tag_value = "" if self.tag_value is None else f"={quoted(self.tag_value)}"
        return _marked(f"{self.what}:{value}{tag_value}", self.include_sources)


class HasStatus(Rule, frozen=True, eq=False):
    """Assets with a status: `fresh`, `stale`, `missing` or `failed`."""

    ALLOWED: ClassVar[tuple[str, ...]] = ("fresh", "stale", "missing", "failed")

    status: str
    position: Position | None = None

    def __str__(self) -> str:
        return f"status:{self.status}"


class UpstreamSources(Compound, frozen=True, eq=False):
    """The source assets upstream of a rule."""

    rule: Rule

    def parts(self) -> tuple[Rule, ...]:
        """Return the rule."""
        return (self.rule,)

    def with_sources(self) -> Rule:
        """Return the sources of the rule with source assets."""
        return UpstreamSources(self.rule.with_sources())

    def __str__(self) -> str:
        return f"sources({self.rule})"


class Neighbors(Compound, frozen=True, eq=False):
    """The upstream or downstream of what a rule selects."""

    rule: Rule

    def parts(self) -> tuple[Rule, ...]:
        """Return the rule."""
        return (self.rule,)

    def with_sources(self) -> Rule:
        """Return the neighbors of the rule with source assets."""
        return Neighbors(self.rule.with_sources())

    def __str__(self) -> str:
        return f"neighbors({self.rule})"


class Check(Rule, frozen=True, eq=False):
    """A check by its key; no asset is made."""

    key: AssetCheckKey
    position: Position | None = None

    def __str__(self) -> str:
        return f"check:{quoted(f'{written_key(self.key.asset)}:{self.key.name}')}"


class ChecksLike(Rule, frozen=True, eq=False):
    """The checks whose asset and name, written `asset:check`, are like a text with wildcards."""

    pattern: str

    def __str__(self) -> str:
        return f"check:{quoted(self.pattern)}"


class ChecksOf(Compound, frozen=True, eq=False):
    """The checks of what a rule names, without the assets themselves; all checks if it is None."""

    rule: Rule | None = None

    def parts(self) -> tuple[Rule, ...]:
        """Return the rule, if there is one."""
        return () if self.rule is None else (self.rule,)

    def with_sources(self) -> Rule:
        """Return the checks of the rule with source assets."""
        return self if self.rule is None else ChecksOf(self.rule.with_sources())

    def __str__(self) -> str:
        return f"checks({self.rule or ''})"


class Named(Rule, frozen=True, eq=False):
    """An op, or all ops of a graph, with what is some steps up and down at its own level."""

    name: str
    up: int | None = -1
    down: int | None = -1
    position: Position | None = None

    def __str__(self) -> str:
        return quoted(self.name)


class Like(Rule, frozen=True, eq=False):
    """The ops, and those of the graphs, whose names match."""

    pattern: str

    def __str__(self) -> str:
        return quoted(self.pattern)
