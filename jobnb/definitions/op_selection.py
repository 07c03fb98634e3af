"""Selecting ops of a job by clauses such as `*load.parse` or `clean+`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from jobnb.definitions.clause import Clause, read_clause
from jobnb.errors import InvalidSubsetError, did_you_mean

__all__ = ["resolve_op_selection"]

Edges = Mapping[str, set[str]]


def resolve_op_selection(
    op_selection: Iterable[str],
    names: Sequence[str],
    upstream: Mapping[str, Collection[str]],
    what: str = "the job",
) -> set[str]:
    """The ops that any of the clauses names.

    A graph's name stands for all ops in it: `load` for `load.read` and `load.parse`. Steps up
    and down are counted between neighbours of the clause's own level.

    Args:
        op_selection: The clauses, such as `"a"`, `"*a"`, `"a++"`, `"graph.op+"` and `"*"`.
        names: All ops; one within a graph has the graph's name before a dot.
        upstream: For each op, those it takes inputs from.
        what: Whose ops they are, for errors.

    Returns:
        The names of the selected ops.

    Raises:
        InvalidSubsetError: If a clause cannot be read or names nothing; or nothing is selected.

    Example:
        >>> deps = {"a": set(), "g.b": {"a"}, "g.c": {"g.b"}, "d": {"g.c"}}
        >>> sorted(resolve_op_selection(["g+"], list(deps), deps))
        ['d', 'g.b', 'g.c']
    """
    levels = _Levels(names, upstream)
    clauses = [op_selection] if isinstance(op_selection, str) else list(op_selection)
    chosen: set[str] = set()
    for text in clauses:
        chosen |= _resolve_clause(str(text), levels, what)
    if not chosen:
        raise InvalidSubsetError(f"The selection {clauses!r} names no op of {what}.")
    return chosen


class _Levels:
    """The graph of ops, folded at each depth of nesting where it is asked for."""

    def __init__(self, names: Sequence[str], upstream: Mapping[str, Collection[str]]) -> None:
        self.names = names
        self._upstream = upstream
        self._folded: dict[int, tuple[dict[str, list[str]], Edges, Edges]] = {}

    def at(self, level: int) -> tuple[dict[str, list[str]], Edges, Edges]:
        """Ops by folded name, and who is above and below whom."""
        if level not in self._folded:
            self._folded[level] = self._fold(level)
        return self._folded[level]

    def _fold(self, level: int) -> tuple[dict[str, list[str]], Edges, Edges]:
        members: dict[str, list[str]] = defaultdict(list)
        short = {name: ".".join(name.split(".")[:level]) for name in self.names}
        for name, folded in short.items():
            members[folded].append(name)
        above: dict[str, set[str]] = {folded: set() for folded in members}
        below: dict[str, set[str]] = {folded: set() for folded in members}
        for name, folded in short.items():
            for parent in self._upstream.get(name, ()):
                if (over := short.get(parent, folded)) != folded:
                    above[folded].add(over)
                    below[over].add(folded)
        return members, above, below


def _resolve_clause(text: str, levels: _Levels, what: str) -> set[str]:
    if text.strip() == "*":
        return set(levels.names)
    clause = read_clause(text)
    if clause is None:
        raise InvalidSubsetError(
            f"{text!r} cannot select ops of {what}: write a name, with '*' or '+' before it for "
            "what comes before and after it for what comes after, as '*clean+'."
        )
    members, above, below = levels.at(clause.name.count(".") + 1)
    if clause.name not in members:
        raise InvalidSubsetError(_unknown(clause, levels, what))
    found = _reach(clause.name, above, clause.up) | _reach(clause.name, below, clause.down)
    return {name for folded in found for name in members[folded]}


def _unknown(clause: Clause, levels: _Levels, what: str) -> str:
    known = dict.fromkeys(
        ".".join(name.split(".")[: depth + 1])
        for name in levels.names
        for depth in range(name.count(".") + 1)
    )
    hint = did_you_mean(clause.name, known, noun="It has")
    return f"There is no op {clause.name!r} in {what}. {hint}".rstrip()


def _reach(start: str, edges: Edges, depth: int | None) -> set[str]:
    seen, edge = {start}, {start}
    while edge and (depth is None or depth > 0):
        edge = {name for here in edge for name in edges[here]} - seen
        seen |= edge
        depth = None if depth is None else depth - 1
    return seen
