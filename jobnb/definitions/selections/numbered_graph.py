"""Things and who is made from whom, by integer index: what selections are resolved over."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Generic, TypeVar

__all__ = ["NumberedGraph"]

K = TypeVar("K")


class NumberedGraph(Generic[K]):
    """Keys, numbered, with edges both ways.

    Attributes:
        keys: The key of each number.
        index: The number of each key.
        upstream: For each number, those it is made from.
        downstream: For each number, those that are made from it.
        made: The numbers of what can be selected without being named.
        sources: The numbers of what is only loaded.

    Example:
        >>> graph = NumberedGraph()
        >>> graph.made = {graph.number("a"), graph.number("b")}
        >>> graph.upstream[1] = [0]
        >>> graph.link()
        >>> graph.reach([0], graph.downstream)
        {0, 1}
    """

    def __init__(self) -> None:
        self.keys: list[K] = []
        self.index: dict[K, int] = {}
        self.upstream: list[list[int]] = []
        self.downstream: list[list[int]] = []
        self.made: set[int] = set()
        self.sources: set[int] = set()

    def number(self, key: K) -> int:
        """The number of a key; a new one if it has none."""
        found = self.index.get(key)
        if found is None:
            found = self.index[key] = len(self.keys)
            self.keys.append(key)
            self.upstream.append([])
            self.downstream.append([])
        return found

    def link(self) -> None:
        """Lay the edges down from the edges up."""
        for number, parents in enumerate(self.upstream):
            for parent in parents:
                self.downstream[parent].append(number)

    def scope(self, include_sources: bool = False) -> set[int]:
        """The numbers of all, with or without what is only loaded."""
        return self.made | self.sources if include_sources else self.made

    def checks_of(self, numbers: Iterable[int]) -> set[Any]:
        """The checks of these; only assets have any."""
        return set()

    def reach(
        self, start: Iterable[int], edges: list[list[int]], depth: int | None = None
    ) -> set[int]:
        """Whatever can be reached from `start` over `edges` in at most `depth` steps.

        Args:
            start: The numbers to begin with; they are part of what is reached.
            edges: `upstream` or `downstream`.
            depth: How many steps at most; any number if None.
        """
        seen = set(start)
        edge = list(seen)
        while edge and (depth is None or depth > 0):
            edge = [number for here in edge for number in edges[here] if number not in seen]
            edge = list(dict.fromkeys(edge))
            seen.update(edge)
            depth = None if depth is None else depth - 1
        return seen
