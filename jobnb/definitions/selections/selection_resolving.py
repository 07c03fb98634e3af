"""From a selection to the keys of what it names, once it is known what there is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from jobnb.definitions.assets.asset_graph import AssetGraph
from jobnb.definitions.checks.asset_check import AssetCheckKey
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.selections.asset_rules import AssetRule, Standing
from jobnb.definitions.selections.check_rules import Check, ChecksLike, ChecksOf
from jobnb.definitions.selections.selection_rules import Resolution
from jobnb.errors import InvalidSubsetError

__all__ = ["ResolvableSelection", "StatusOf"]

StatusOf = Callable[[AssetKey], str]


class ResolvableSelection:
    """The part of `AssetSelection` that is asked once the assets are known."""

    rule: AssetRule

    def resolve(
        self,
        all_assets: AssetGraph | Iterable[Any],
        allow_missing: bool = False,
        status_of: StatusOf | None = None,
    ) -> set[AssetKey]:
        """The keys of the assets it names.

        Args:
            all_assets: Assets definitions and source assets, or an `AssetGraph` of them.
            allow_missing: Whether names that are not there are passed over.
            status_of: Tells how an asset stands, for `status:stale` and its siblings: "fresh",
                "stale", "missing" or "failed".

        Raises:
            InvalidSubsetError: If it names what is not there; all problems at once.
        """
        graph = _graph(all_assets)
        within = Resolution(graph, allow_missing, status_of)
        numbers = self.rule.numbers(within)
        _see_no_problem(within.problems)
        return {graph.keys[number] for number in numbers}

    def resolve_checks(
        self,
        asset_graph: AssetGraph | Iterable[Any],
        allow_missing: bool = False,
        status_of: StatusOf | None = None,
    ) -> set[AssetCheckKey]:
        """The keys of the checks it names: those of its assets, unless it says otherwise.

        Args:
            asset_graph: Assets, source assets and checks, or an `AssetGraph` of them.
            allow_missing: Whether names that are not there are passed over.
            status_of: Tells how an asset stands, as in `resolve`.

        Raises:
            InvalidSubsetError: If it names what is not there; all problems at once.
        """
        within = Resolution(_graph(asset_graph), allow_missing, status_of)
        found = self.rule.checks(within)
        _see_no_problem(within.problems)
        return found

    def resolve_all(
        self, graph: AssetGraph, status_of: StatusOf | None = None
    ) -> tuple[set[AssetKey], set[AssetCheckKey]]:
        """The keys of the assets and of the checks it names.

        Raises:
            InvalidSubsetError: If it names what is not there; all problems at once.
        """
        within = Resolution(graph, status_of=status_of)
        numbers = self.rule.numbers(within)
        # Without a word on checks, they go with their assets: no need to ask every rule again.
        checks = self.rule.checks(within) if self.tells_checks else graph.checks_of(numbers)
        _see_no_problem(within.problems)
        return {graph.keys[number] for number in numbers}, checks

    @property
    def asks_status(self) -> bool:
        """Whether it asks how assets stand, so that `resolve` needs `status_of`."""
        return any(isinstance(rule, Standing) for rule in self.rule.within())

    @property
    def tells_checks(self) -> bool:
        """Whether it says which checks are meant."""
        kinds = (Check, ChecksLike, ChecksOf)
        return any(isinstance(rule, kinds) for rule in self.rule.within())

    @property
    def named_checks(self) -> frozenset[AssetCheckKey]:
        """The checks that it spells out."""
        return frozenset(rule.key for rule in self.rule.within() if isinstance(rule, Check))


def _graph(given: AssetGraph | Iterable[Any]) -> AssetGraph:
    return given if isinstance(given, AssetGraph) else AssetGraph(given)


def _see_no_problem(problems: list[str]) -> None:
    if problems:
        raise InvalidSubsetError("\n".join(dict.fromkeys(problems)))
