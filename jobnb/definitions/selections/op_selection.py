"""Selecting ops of a job, in the same words as assets: `*load.parse`, `clean+`, `load.*`."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from jobnb.definitions.selections.numbered_graph import NumberedGraph
from jobnb.definitions.selections.selection_grammar import Spot
from jobnb.definitions.selections.selection_reading import Reading
from jobnb.definitions.selections.selection_rules import AnyOf, Resolution, Rule
from jobnb.definitions.selections.selection_text import is_pattern, matcher, plain, quoted, read
from jobnb.errors import InvalidSubsetError, did_you_mean

if TYPE_CHECKING:
    from lark import Token

__all__ = ["FUNCTIONS", "resolve_op_selection", "with_graphs"]

FUNCTIONS = ("roots", "sinks", "nothing")
_NAME = re.compile(r"(?!not\b)[A-Za-z_][\w.]*", re.IGNORECASE)


def resolve_op_selection(
    op_selection: Iterable[str],
    names: Sequence[str],
    upstream: Mapping[str, Collection[str]],
    what: str = "the job",
) -> set[str]:
    """The ops that any of the selections names.

    A graph's name stands for all ops in it: `load` for `load.read` and `load.parse`. Steps up
    and down are counted between neighbours of the name's own level.

    Args:
        op_selection: The selections, such as `"a"`, `"*a"`, `"a++"`, `"graph.op+"`, `"graph.*"`,
            `"*"` and `"*a and not b"`.
        names: All ops; one within a graph has the graph's name before a dot.
        upstream: For each op, those it takes inputs from.
        what: Whose ops they are, for errors.

    Returns:
        The names of the selected ops.

    Raises:
        InvalidSubsetError: If a selection cannot be read or names what is not there; or nothing
            is selected.

    Example:
        >>> deps = {"a": set(), "g.b": {"a"}, "g.c": {"g.b"}, "d": {"g.c"}}
        >>> sorted(resolve_op_selection(["g+"], list(deps), deps))
        ['d', 'g.b', 'g.c']
    """
    texts = [op_selection] if isinstance(op_selection, str) else list(op_selection)
    graph = OpGraph(names, upstream, what)
    within = Resolution(graph)
    chosen = AnyOf.of(_parse(str(text)) for text in texts).numbers(within)
    if within.problems:
        raise InvalidSubsetError("\n".join(within.problems))
    if not chosen:
        raise InvalidSubsetError(
            f"The selection {', '.join(map(repr, texts))} names no op of {what}."
        )
    return {graph.keys[number] for number in chosen}


def with_graphs(names: Iterable[str]) -> list[str]:
    """The names of ops, and of the graphs they are in.

    >>> with_graphs(["load.read", "clean"])
    ['load', 'load.read', 'clean']
    """
    parts = (name.split(".") for name in names)
    each = (".".join(path[: depth + 1]) for path in parts for depth in range(len(path)))
    return list(dict.fromkeys(each))


class OpGraph(NumberedGraph[str]):
    """The ops of a job, numbered, folded at each depth of nesting where it is asked for."""

    def __init__(
        self, names: Sequence[str], upstream: Mapping[str, Collection[str]], what: str
    ) -> None:
        super().__init__()
        self.what = what
        self.made = {self.number(name) for name in names}
        for number, name in enumerate(names):
            above = upstream.get(name, ())
            self.upstream[number] = [self.index[each] for each in above if each in self.index]
        self.link()
        self._folded: dict[int, _Level] = {}

    def level(self, depth: int) -> _Level:
        """The graph with every name cut after so many parts."""
        if depth not in self._folded:
            self._folded[depth] = _Level(self, depth)
        return self._folded[depth]


class _Level(NumberedGraph[str]):
    """Ops folded into the graphs that hold them; `members` are the ops of each number."""

    def __init__(self, ops: OpGraph, depth: int) -> None:
        super().__init__()
        place = [self.number(".".join(name.split(".")[:depth])) for name in ops.keys]
        self.members: dict[int, list[int]] = defaultdict(list)
        above: dict[int, set[int]] = defaultdict(set)
        for number, here in enumerate(place):
            self.members[here].append(number)
            above[here].update(place[each] for each in ops.upstream[number])
        for here, over in above.items():
            self.upstream[here] = sorted(over - {here})
        self.link()
        self.made = set(range(len(self.keys)))


@dataclass(frozen=True)
class Named(Rule[OpGraph]):
    """An op, or all ops of a graph, with what lies some steps up and down at its own level."""

    name: str
    up: int | None = -1
    down: int | None = -1
    spot: Spot | None = field(default=None, compare=False, repr=False)

    def numbers(self, within: Resolution[OpGraph]) -> set[int]:
        """The numbers of the ops."""
        level = within.graph.level(self.name.count(".") + 1)
        start = level.index.get(self.name)
        if start is None:
            hint = did_you_mean(self.name, with_graphs(within.graph.keys), noun="It has")
            message = f"There is no op {self.name!r} in {within.graph.what}. {hint}".rstrip()
            within.problems.append(self.spot.told(message) if self.spot else message)
            return set()
        found = level.reach([start], level.upstream, self.up)
        found |= level.reach([start], level.downstream, self.down)
        return {number for folded in found for number in level.members[folded]}

    def __str__(self) -> str:
        return quoted(self.name)


@dataclass(frozen=True)
class Like(Rule[OpGraph]):
    """The ops, and those of the graphs, whose names match."""

    pattern: str

    def numbers(self, within: Resolution[OpGraph]) -> set[int]:
        """The numbers of the ops."""
        fits = matcher(self.pattern)
        return {
            number
            for number, name in enumerate(within.graph.keys)
            if any(fits(name[:end]) for end in (*_dots(name), len(name)))
        }

    def __str__(self) -> str:
        return quoted(self.pattern)


def _dots(name: str) -> list[int]:
    return [place for place, char in enumerate(name) if char == "."]


@lru_cache(maxsize=512)
def _parse(text: str) -> Rule[OpGraph]:
    if _NAME.fullmatch(text):  # a step key, as a repeated run lists them
        return Named(text)
    return _OpReading(text).rule()


class _OpReading(Reading[OpGraph]):
    attributes = ("name",)
    functions = FUNCTIONS
    noun = "an op"

    def named(self, token: Token) -> Rule[OpGraph]:
        """The op of that name; with wildcards, those whose names match."""
        text = read(token)
        if is_pattern(text):
            return Like(text)
        return Named(plain(text), spot=self.spot(token))

    def stepped(self, rule: Rule[OpGraph], up: int | None, down: int | None) -> Rule[OpGraph]:
        """A name with what lies above and below it at its own level."""
        return (
            replace(rule, up=up, down=down)
            if isinstance(rule, Named)
            else super().stepped(rule, up, down)
        )

    def attribute(self, label: str, value: Token, extra: Token | None) -> Rule[OpGraph]:
        """The op of that name."""
        return self.named(value)
