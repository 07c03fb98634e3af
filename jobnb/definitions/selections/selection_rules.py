"""What any selection can say: small frozen rules, each with the numbers it gives in a graph.

These do for assets and for ops; what only assets have stands in `asset_rules`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

from jobnb.definitions.selections.numbered_graph import NumberedGraph
from jobnb.errors import InvalidDefinitionError

__all__ = [
    "AllOf",
    "AnyOf",
    "Compound",
    "Everything",
    "Resolution",
    "Roots",
    "Rule",
    "Sinks",
    "Steps",
    "with_steps",
]

G = TypeVar("G", bound=NumberedGraph[Any])
_DEEPEST = 50  # rules within each other: more is a mistake, and would exhaust the stack


@dataclass
class Resolution(Generic[G]):
    """One look at a graph on behalf of a selection.

    Attributes:
        graph: Where numbers are looked up.
        allow_missing: Whether names that are not there are passed over.
        status_of: Tells how an asset stands.
        problems: What is wrong, so that all of it is told at once.
    """

    graph: G
    allow_missing: bool = False
    status_of: Callable[[Any], str] | None = None
    problems: list[str] = field(default_factory=list)


class Rule(ABC, Generic[G]):
    """Something that names assets or ops.

    Attributes:
        depth: How many rules lie within each other below it.
        binds: How tightly its text holds together: 0 for `or`, 1 for `and`, 2 for marks, 3 for a
            single term.
    """

    depth: int = 0
    binds: ClassVar[int] = 3

    @abstractmethod
    def numbers(self, within: Resolution[G]) -> set[int]:
        """The numbers, in the graph, of what it names; problems are noted there."""

    def checks(self, within: Resolution[G]) -> set[Any]:
        """The checks that go with what it names: all of them, unless a rule says otherwise."""
        return within.graph.checks_of(self.numbers(within))

    @abstractmethod
    def __str__(self) -> str: ...

    def inside(self, binds: int) -> str:
        """Its text where something that binds so tightly is wanted."""
        return str(self) if self.binds >= binds else f"({self})"

    def parts(self) -> tuple[Rule[G], ...]:
        """The rules it is made of."""
        return ()

    def with_sources(self) -> Rule[G]:
        """The same, where source assets count too."""
        return self

    def within(self) -> Iterator[Rule[G]]:
        """It and all that it is made of."""
        waiting: list[Rule[G]] = [self]
        while waiting:
            rule = waiting.pop()
            yield rule
            waiting += rule.parts()


class Compound(Rule[G]):
    """A rule made of others."""

    def __post_init__(self) -> None:
        depth = 1 + max((part.depth for part in self.parts()), default=0)
        if depth > _DEEPEST:
            raise InvalidDefinitionError(
                f"A selection cannot have more than {_DEEPEST} parts within each other: resolve "
                "it on the way, and go on with AssetSelection.keys(...)."
            )
        object.__setattr__(self, "depth", depth)


@dataclass(frozen=True)
class Everything(Rule[G]):
    """All there is, with or without source assets."""

    include_sources: bool = False
    binds = 2

    def numbers(self, within: Resolution[G]) -> set[int]:
        """The numbers of all."""
        return set(within.graph.scope(self.include_sources))

    def with_sources(self) -> Rule[G]:
        """All with source assets."""
        return Everything(True)

    def __str__(self) -> str:
        return "with_sources(*)" if self.include_sources else "*"


@dataclass(frozen=True)
class AnyOf(Compound[G]):
    """What any of the rules names."""

    rules: tuple[Rule[G], ...]
    binds = 0

    @staticmethod
    def of(rules: Iterable[Rule[G]]) -> Rule[G]:
        """One flat rule: a long chain of them must not become a deep one."""
        flat: list[Rule[G]] = []
        for rule in rules:
            flat.extend(rule.rules if isinstance(rule, AnyOf) else [rule])
        return flat[0] if len(flat) == 1 else AnyOf(tuple(flat))

    def numbers(self, within: Resolution[G]) -> set[int]:
        """The numbers that any rule gives."""
        found: set[int] = set()
        for rule in self.rules:
            found |= rule.numbers(within)
        return found

    def checks(self, within: Resolution[G]) -> set[Any]:
        """The checks that go with any rule."""
        return set().union(*(rule.checks(within) for rule in self.rules))

    def parts(self) -> tuple[Rule[G], ...]:
        """The rules."""
        return self.rules

    def with_sources(self) -> Rule[G]:
        """Any of the rules with source assets."""
        return AnyOf(tuple(rule.with_sources() for rule in self.rules))

    def inside(self, binds: int) -> str:
        """Its text; nothing at all is a single term."""
        return super().inside(binds) if self.rules else str(self)

    def __str__(self) -> str:
        return " or ".join(rule.inside(1) for rule in self.rules) or "nothing()"


@dataclass(frozen=True)
class AllOf(Compound[G]):
    """What all of the rules name, of everything if there is none, and none of some others."""

    rules: tuple[Rule[G], ...] = ()
    without: tuple[Rule[G], ...] = ()
    binds = 1

    @staticmethod
    def of(rules: Iterable[Rule[G]], without: Iterable[Rule[G]] = ()) -> Rule[G]:
        """One flat rule: a long chain of them must not become a deep one."""
        wanted: list[Rule[G]] = []
        unwanted: list[Rule[G]] = []
        for rule in rules:
            flat = rule if isinstance(rule, AllOf) else AllOf((rule,))
            wanted.extend(flat.rules)
            unwanted.extend(flat.without)
        unwanted.extend(without)
        if len(wanted) == 1 and not unwanted:
            return wanted[0]
        return AllOf(tuple(wanted), tuple(unwanted))

    def numbers(self, within: Resolution[G]) -> set[int]:
        """The numbers that every rule gives, and none of the unwanted."""
        each = [rule.numbers(within) for rule in self.rules]
        found = set.intersection(*each) if each else set(within.graph.scope())
        for rule in self.without:
            found -= rule.numbers(within)
        return found

    def checks(self, within: Resolution[G]) -> set[Any]:
        """The checks that go with every rule, and with none of the unwanted."""
        rules = self.rules or (Everything(),)
        found = set.intersection(*(rule.checks(within) for rule in rules))
        return found.difference(*(rule.checks(within) for rule in self.without))

    def parts(self) -> tuple[Rule[G], ...]:
        """The rules, and the unwanted."""
        return self.rules + self.without

    def with_sources(self) -> Rule[G]:
        """All of the rules with source assets."""
        rules = self.rules or (Everything(),)
        without = tuple(rule.with_sources() for rule in self.without)
        return AllOf(tuple(rule.with_sources() for rule in rules), without)

    def __str__(self) -> str:
        wanted = [rule.inside(2) for rule in self.rules]
        return " and ".join(wanted + [f"not {rule.inside(2)}" for rule in self.without])


@dataclass(frozen=True)
class Steps(Compound[G]):
    """What a rule names, and what lies some steps up or down from it."""

    rule: Rule[G]
    up: bool
    depth_limit: int | None = None
    binds = 2

    def numbers(self, within: Resolution[G]) -> set[int]:
        """The numbers reached; on the way, only what is made here counts."""
        start, graph = self.rule.numbers(within), within.graph
        edges = graph.upstream if self.up else graph.downstream
        return graph.reach(start, edges, self.depth_limit) & graph.made | start

    def parts(self) -> tuple[Rule[G], ...]:
        """The rule."""
        return (self.rule,)

    def with_sources(self) -> Rule[G]:
        """The same from the rule with source assets."""
        return Steps(self.rule.with_sources(), self.up, self.depth_limit)

    def __str__(self) -> str:
        steps = "" if self.depth_limit is None else str(self.depth_limit)
        term = self.rule.inside(3)
        return f"{steps}+{term}" if self.up else f"{term}+{steps}"


def with_steps(rule: Rule[G], up: int | None, down: int | None) -> Rule[G]:
    """The rule with what lies above and below it; None is all the way, -1 is not to go at all."""
    ways = ((True, up), (False, down))
    parts = [Steps(rule, way, depth) for way, depth in ways if depth != -1]
    return AnyOf.of(parts) if parts else rule


@dataclass(frozen=True)
class Roots(Compound[G]):
    """Of what a rule names, what is made from none of the others."""

    rule: Rule[G]

    def numbers(self, within: Resolution[G]) -> set[int]:
        """The numbers of those with nothing of the selection above them."""
        return _ends(self.rule.numbers(within), within.graph, within.graph.downstream)

    def parts(self) -> tuple[Rule[G], ...]:
        """The rule."""
        return (self.rule,)

    def with_sources(self) -> Rule[G]:
        """The roots of the rule with source assets."""
        return Roots(self.rule.with_sources())

    def __str__(self) -> str:
        return f"roots({self.rule})"


@dataclass(frozen=True)
class Sinks(Compound[G]):
    """Of what a rule names, what none of the others are made from."""

    rule: Rule[G]

    def numbers(self, within: Resolution[G]) -> set[int]:
        """The numbers of those with nothing of the selection below them."""
        return _ends(self.rule.numbers(within), within.graph, within.graph.upstream)

    def parts(self) -> tuple[Rule[G], ...]:
        """The rule."""
        return (self.rule,)

    def with_sources(self) -> Rule[G]:
        """The sinks of the rule with source assets."""
        return Sinks(self.rule.with_sources())

    def __str__(self) -> str:
        return f"sinks({self.rule})"


def _ends(chosen: set[int], graph: NumberedGraph[Any], edges: list[list[int]]) -> set[int]:
    """Those of `chosen` that no other of them reaches over `edges`, even by way of others."""
    beyond = (number for here in chosen for number in edges[here])
    return chosen - graph.reach(beyond, edges)
