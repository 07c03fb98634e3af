"""What a selection of assets can say: small frozen rules, each with the assets it names."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from glob import escape

from jobnb.definitions.asset_graph import AssetGraph
from jobnb.definitions.keys import AssetKey
from jobnb.errors import InvalidSubsetError, did_you_mean

__all__ = [
    "Difference",
    "Everything",
    "Intersection",
    "Keys",
    "Neighbors",
    "Prefixes",
    "Roots",
    "Rule",
    "Sinks",
    "Steps",
    "Union",
    "UpstreamSources",
    "Where",
]


class Rule(ABC):
    """Something that names assets."""

    @abstractmethod
    def numbers(self, graph: AssetGraph, allow_missing: bool) -> set[int]:
        """The numbers, in the graph, of the assets it names.

        Raises:
            InvalidSubsetError: If it names one that is not there, unless that is allowed.
        """

    @abstractmethod
    def __str__(self) -> str: ...


def _quoted(text: str, literal: bool = True) -> str:
    """Text as the syntax of selections reads it back."""
    if text and all(char.isalnum() or char in "_-./" for char in text):
        return text
    escaped = escape(text) if literal and any(char in text for char in "*?") else text
    return f"'{escaped}'" if '"' in escaped else f'"{escaped}"'


def _scope(graph: AssetGraph, include_sources: bool) -> set[int]:
    return graph.made | graph.sources if include_sources else graph.made


@dataclass(frozen=True)
class Everything(Rule):
    """All assets, with or without source assets."""

    include_sources: bool = False

    def numbers(self, graph: AssetGraph, allow_missing: bool) -> set[int]:
        """The numbers of all assets."""
        return set(_scope(graph, self.include_sources))

    def __str__(self) -> str:
        return "*"


@dataclass(frozen=True)
class Keys(Rule):
    """Assets by their keys."""

    keys: tuple[AssetKey, ...]

    def numbers(self, graph: AssetGraph, allow_missing: bool) -> set[int]:
        """The numbers of the keys."""
        known = _scope(graph, include_sources=True)
        found = {graph.index[key] for key in self.keys if key in graph.index} & known
        if not allow_missing and len(found) < len(set(self.keys)):
            raise InvalidSubsetError(self._unknown(graph, known))
        return found

    def _unknown(self, graph: AssetGraph, known: set[int]) -> str:
        names = [key.to_user_string() for key in self.keys if graph.index.get(key) not in known]
        have = [graph.keys[number].to_user_string() for number in sorted(known)]
        hints = (
            f"There is no asset {name!r}. {did_you_mean(name, have, noun='There are')}".rstrip()
            for name in dict.fromkeys(names)
        )
        return "\n".join(hints)

    def __str__(self) -> str:
        return " or ".join(f"key:{_quoted(key.to_user_string())}" for key in self.keys)


@dataclass(frozen=True)
class Prefixes(Rule):
    """Assets whose keys begin with one of the prefixes."""

    prefixes: tuple[tuple[str, ...], ...]
    include_sources: bool = False

    def numbers(self, graph: AssetGraph, allow_missing: bool) -> set[int]:
        """The numbers of the assets under the prefixes."""
        return {
            number
            for number in _scope(graph, self.include_sources)
            if any(graph.keys[number].has_prefix(prefix) for prefix in self.prefixes)
        }

    def __str__(self) -> str:
        names = (_quoted("/".join(prefix)) for prefix in self.prefixes)
        return " or ".join(f"key_prefix:{name}" for name in names)


@dataclass(frozen=True)
class Where(Rule):
    """Assets of which something holds.

    Attributes:
        what: "key", "key_substring", "group", "owner", "kind" or "tag".
        values: What it should be, any of these; `*` and `?` stand for any characters,
            unless `literal`.
        tag_value: For a tag, its value.
        include_sources: Whether source assets count.
        literal: Whether the values are taken as they are.
    """

    what: str
    values: tuple[str, ...]
    tag_value: str | None = None
    include_sources: bool = False
    literal: bool = False

    def numbers(self, graph: AssetGraph, allow_missing: bool) -> set[int]:
        """The numbers of the assets of which it holds."""
        scope = _scope(graph, self.include_sources)
        return {number for number in scope if self._holds(graph, number)}

    def _holds(self, graph: AssetGraph, number: int) -> bool:
        if self.what == "tag":
            tags = graph.attribute(number, "tags_by_key") or {}
            return any(
                self._matches(name) and (self.tag_value is None or self.tag_value == value)
                for name, value in tags.items()
            )
        return any(self._matches(text) for text in self._texts(graph, number))

    def _texts(self, graph: AssetGraph, number: int) -> Iterable[str]:
        if self.what in ("key", "key_substring"):
            return (graph.keys[number].to_user_string(),)
        if self.what == "group":
            group = graph.groups.get(number)
            return () if group is None else (group,)
        found: Iterable[str] = graph.attribute(number, f"{self.what}s_by_key") or ()
        return found

    def _matches(self, text: str) -> bool:
        if self.what == "key_substring":
            return any(value in text for value in self.values)
        if self.literal:
            return text in self.values
        return any(fnmatchcase(text, value) for value in self.values)

    def __str__(self) -> str:
        value = "" if self.tag_value is None else f"={_quoted(self.tag_value)}"
        literal = self.literal or self.what == "key_substring"
        names = (_quoted(each, literal) for each in self.values)
        return " or ".join(f"{self.what}:{name}{value}" for name in names)


@dataclass(frozen=True)
class Union(Rule):
    """What any of the rules names."""

    rules: tuple[Rule, ...]

    def numbers(self, graph: AssetGraph, allow_missing: bool) -> set[int]:
        """The numbers that any rule gives."""
        found: set[int] = set()
        for rule in self.rules:
            found |= rule.numbers(graph, allow_missing)
        return found

    def __str__(self) -> str:
        return " or ".join(str(rule) for rule in self.rules)


@dataclass(frozen=True)
class Intersection(Rule):
    """What all of the rules name."""

    rules: tuple[Rule, ...]

    def numbers(self, graph: AssetGraph, allow_missing: bool) -> set[int]:
        """The numbers that every rule gives."""
        each = [rule.numbers(graph, allow_missing) for rule in self.rules]
        return set.intersection(*each)

    def __str__(self) -> str:
        return " and ".join(_factor(rule) for rule in self.rules)


@dataclass(frozen=True)
class Difference(Rule):
    """What one rule names and the other does not."""

    rule: Rule
    without: Rule

    def numbers(self, graph: AssetGraph, allow_missing: bool) -> set[int]:
        """The numbers of the one without those of the other."""
        left = self.rule.numbers(graph, allow_missing)
        return left - self.without.numbers(graph, allow_missing)

    def __str__(self) -> str:
        if isinstance(self.rule, Everything):
            return f"not {_bracketed(self.without)}"
        return f"{_factor(self.rule)} and not {_bracketed(self.without)}"


@dataclass(frozen=True)
class Steps(Rule):
    """What a rule names, and what lies some steps up or down from it."""

    rule: Rule
    up: bool
    depth: int | None = None
    include_self: bool = True

    def numbers(self, graph: AssetGraph, allow_missing: bool) -> set[int]:
        """The numbers reached; going up, only assets that are made here count."""
        start = self.rule.numbers(graph, allow_missing)
        edges = graph.upstream if self.up else graph.downstream
        reached = graph.reach(start, edges, self.depth) & graph.made
        return reached | start if self.include_self else reached - start

    def __str__(self) -> str:
        marks = "*" if self.depth is None else "+" * self.depth
        if self.depth == 0:
            return str(self.rule) if self.include_self else "(* and not *)"
        inner = _bracketed(self.rule)
        text = f"{marks}{inner}" if self.up else f"{inner}{marks}"
        return text if self.include_self else f"{text} and not {inner}"


@dataclass(frozen=True)
class Roots(Rule):
    """Of what a rule names, the assets that are made from none of the others."""

    rule: Rule

    def numbers(self, graph: AssetGraph, allow_missing: bool) -> set[int]:
        """The numbers of those with nothing of the selection above them."""
        return _ends(self.rule.numbers(graph, allow_missing), graph, graph.downstream)

    def __str__(self) -> str:
        return f"roots({self.rule})"


@dataclass(frozen=True)
class Sinks(Rule):
    """Of what a rule names, the assets that none of the others are made from."""

    rule: Rule

    def numbers(self, graph: AssetGraph, allow_missing: bool) -> set[int]:
        """The numbers of those with nothing of the selection below them."""
        return _ends(self.rule.numbers(graph, allow_missing), graph, graph.upstream)

    def __str__(self) -> str:
        return f"sinks({self.rule})"


def _ends(chosen: set[int], graph: AssetGraph, edges: list[list[int]]) -> set[int]:
    """Those of `chosen` that no other of them reaches over `edges`, even by way of others."""
    beyond = (number for here in chosen for number in edges[here])
    return chosen - graph.reach(beyond, edges)


@dataclass(frozen=True)
class UpstreamSources(Rule):
    """The source assets that anything a rule names is made from."""

    rule: Rule

    def numbers(self, graph: AssetGraph, allow_missing: bool) -> set[int]:
        """The numbers of the source assets."""
        chosen = self.rule.numbers(graph, allow_missing)
        return graph.reach(chosen, graph.upstream) & graph.sources

    def __str__(self) -> str:
        return f"sources({self.rule})"


@dataclass(frozen=True)
class Neighbors(Rule):
    """What a rule names, and what the same functions make with it."""

    rule: Rule

    def numbers(self, graph: AssetGraph, allow_missing: bool) -> set[int]:
        """The numbers of what is made together; an asset that can be made alone stays alone."""
        chosen = self.rule.numbers(graph, allow_missing)
        return {
            sibling
            for number in chosen
            for sibling in (
                {number}
                if getattr(graph.definitions.get(number), "can_subset", False)
                else graph.siblings(number)
            )
        }

    def __str__(self) -> str:
        return f"neighbors({self.rule})"


def _bracketed(rule: Rule) -> str:
    """A rule where the syntax wants a single thing."""
    text = str(rule)
    is_single = isinstance(rule, (Roots, Sinks, UpstreamSources, Neighbors)) or " " not in text
    return text if is_single and text[:1] not in "*+" and text[-1:] not in "*+" else f"({text})"


def _factor(rule: Rule) -> str:
    """A rule between `and`s: only an `or` needs brackets there."""
    text = str(rule)
    return f"({text})" if " or " in text else text
