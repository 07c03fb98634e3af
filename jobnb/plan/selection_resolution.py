"""Resolve a selection to the keys of assets and checks, or to the names of ops."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.assets.source_asset import SourceAsset
from jobnb.definitions.checks.asset_check import AssetCheckKey
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.locations.definitions import Definitions
from jobnb.definitions.selections.grammar import Position, is_pattern, matcher, plain
from jobnb.definitions.selections.reading import parse_op_selection
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
    Steps,
    UpstreamSources,
)
from jobnb.definitions.selections.selection import AssetSelection, StatusOf
from jobnb.errors import InvalidSubsetError, did_you_mean
from jobnb.plan.graphs import AssetGraph, NumberedGraph, OpGraph

_MOST_HINTS = 10  # Finding the nearest name is slow, so only so many are looked up.


def resolve_assets(
    selection: AssetSelection,
    assets: AssetGraph | Iterable[Any],
    *,
    allow_missing: bool = False,
    status_of: StatusOf | None = None,
) -> set[AssetKey]:
    """Resolve the keys of the assets that a selection names.

    Args:
        selection: The selection.
        assets: Assets definitions and source assets, or an `AssetGraph` of them.
        allow_missing: Whether unknown names are ignored.
        status_of: Returns the status of an asset: "fresh", "stale", "missing" or "failed".

    Raises:
        InvalidSubsetError: If it names something unknown; lists every problem.
    """
    graph = _graph(assets)
    within = Resolution(graph, allow_missing, status_of)
    found = numbers(selection.rule, within)
    within.see_no_problem()
    return {graph.keys[number] for number in found}


def resolve_checks(
    selection: AssetSelection,
    assets: AssetGraph | Iterable[Any],
    *,
    allow_missing: bool = False,
    status_of: StatusOf | None = None,
) -> set[AssetCheckKey]:
    """Resolve the keys of the checks that a selection names; see `resolve_assets`."""
    within = Resolution(_graph(assets), allow_missing, status_of)
    found = checks(selection.rule, within)
    within.see_no_problem()
    return found


def resolve_all(
    selection: AssetSelection, graph: AssetGraph, status_of: StatusOf | None = None
) -> tuple[set[AssetKey], set[AssetCheckKey]]:
    """Resolve the keys of the assets and of the checks that a selection names."""
    within = Resolution(graph, status_of=status_of)
    found = numbers(selection.rule, within)
    # A selection that names no checks takes those of its assets: no need to ask each rule again.
    tells = selection.tells_checks
    found_checks = checks(selection.rule, within) if tells else graph.checks_of(found)
    within.see_no_problem()
    return {graph.keys[number] for number in found}, found_checks


def resolve_op_selection(
    op_selection: Iterable[str],
    names: Sequence[str],
    upstream: Mapping[str, Collection[str]],
    what: str = "the job",
) -> set[str]:
    """Resolve the ops that any of the selections names.

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
        InvalidSubsetError: If a selection cannot be parsed, names an unknown op, or selects
            nothing.

    Example:
        >>> deps = {"a": set(), "g.b": {"a"}, "g.c": {"g.b"}, "d": {"g.c"}}
        >>> sorted(resolve_op_selection(["g+"], list(deps), deps))
        ['d', 'g.b', 'g.c']
    """
    texts = [op_selection] if isinstance(op_selection, str) else list(op_selection)
    graph = OpGraph(names, upstream, what)
    within = Resolution(graph)
    chosen = numbers(AnyOf.of(parse_op_selection(str(text)) for text in texts), within)
    if within.problems:
        raise InvalidSubsetError("\n".join(within.problems))
    if not chosen:
        raise InvalidSubsetError(
            f"The selection {', '.join(map(repr, texts))} names no op of {what}."
        )
    return {graph.keys[number] for number in chosen}


def with_graphs(names: Iterable[str]) -> list[str]:
    """Return the names of ops, and of the graphs they are in.

    >>> with_graphs(["load.read", "clean"])
    ['load', 'load.read', 'clean']
    """
    parts = (name.split(".") for name in names)
    each = (".".join(path[: depth + 1]) for path in parts for depth in range(len(path)))
    return list(dict.fromkeys(each))


def _graph(given: AssetGraph | Iterable[Any]) -> AssetGraph:
    return given if isinstance(given, AssetGraph) else AssetGraph(given)


@dataclass
class Resolution:
    """Resolves one selection over a graph and collects its problems.

    Attributes:
        graph: The graph to resolve over: an `AssetGraph` or an `OpGraph`.
        allow_missing: Whether unknown names are ignored.
        status_of: Returns the status of an asset.
        problems: What is wrong, so that one error lists all of it.
    """

    graph: Any
    allow_missing: bool = False
    status_of: StatusOf | None = None
    problems: list[str] = field(default_factory=list)

    def note(self, position: Position | None, message: str) -> None:
        """Note a problem; one in a text selection gets a mark under its place."""
        self.problems.append(position.describe(message) if position is not None else message)

    def hint(self, name: str, known: Iterable[str]) -> str:
        """Return a sentence with the nearest names."""
        if len(self.problems) >= _MOST_HINTS:
            return ""
        return did_you_mean(name, known, noun="There are")

    def see_no_problem(self) -> None:
        """Raise an error if there is any problem.

        Raises:
            InvalidSubsetError: If there are problems; lists all of them.
        """
        if self.problems:
            raise InvalidSubsetError("\n".join(dict.fromkeys(self.problems)))


def numbers(rule: Rule, within: Resolution) -> set[int]:
    """Return the numbers that a rule selects; problems are noted in `within`."""
    return _NUMBERS[type(rule)](rule, within)


def checks(rule: Rule, within: Resolution) -> set[AssetCheckKey]:
    """Return the checks that a rule selects: those of its assets, unless it says otherwise."""
    own = _CHECKS.get(type(rule))
    if own is not None:
        return own(rule, within)
    found: set[AssetCheckKey] = within.graph.checks_of(numbers(rule, within))
    return found


# --- assets and ops -------------------------------------------------------------------


def _everything(rule: Everything, within: Resolution) -> set[int]:
    found: set[int] = within.graph.scope(rule.include_sources)
    return set(found)


def _any_of(rule: AnyOf, within: Resolution) -> set[int]:
    found: set[int] = set()
    for each in rule.rules:
        found |= numbers(each, within)
    return found


def _all_of(rule: AllOf, within: Resolution) -> set[int]:
    wanted = [numbers(each, within) for each in rule.rules]
    found = set.intersection(*wanted) if wanted else set(within.graph.scope())
    for each in rule.without:
        found -= numbers(each, within)
    return found


def _steps(rule: Steps, within: Resolution) -> set[int]:
    """Return the numbers reached; on the way, only assets with a definition here count."""
    start, graph = numbers(rule.rule, within), within.graph
    edges = graph.upstream if rule.up else graph.downstream
    reached: set[int] = graph.reach(start, edges, rule.depth_limit)
    reached &= graph.made
    return reached | start


def _roots(rule: Roots, within: Resolution) -> set[int]:
    return _ends(numbers(rule.rule, within), within.graph, within.graph.downstream)


def _sinks(rule: Sinks, within: Resolution) -> set[int]:
    return _ends(numbers(rule.rule, within), within.graph, within.graph.upstream)


def _ends(chosen: set[int], graph: NumberedGraph[Any], edges: list[list[int]]) -> set[int]:
    """Return those of `chosen` that none of them reaches over `edges`, even by way of others."""
    beyond = (number for here in chosen for number in edges[here])
    return chosen - graph.reach(beyond, edges)


# --- assets ---------------------------------------------------------------------------


def _key(rule: Key, within: Resolution) -> set[int]:
    graph: AssetGraph = within.graph
    number = graph.index.get(rule.key, -1)
    if number in graph.made or number in graph.sources:
        return {number}
    if not within.allow_missing:
        name = rule.key.to_user_string()
        have = (graph.keys[each].to_user_string() for each in sorted(graph.scope(True)))
        within.note(
            rule.position, f"There is no asset {name!r}. {within.hint(name, have)}".rstrip()
        )
    return set()


def _prefix(rule: Prefix, within: Resolution) -> set[int]:
    keys, path = within.graph.keys, rule.prefix.path
    scope = within.graph.scope(rule.include_sources)
    return {number for number in scope if keys[number].has_prefix(path)}


def _where(rule: HasAttribute, within: Resolution) -> set[int]:
    scope = within.graph.scope(rule.include_sources)
    found = {number for number in scope if _holds(rule, within.graph, number)}
    if not found and rule.position is not None and not within.allow_missing:
        _see_known(rule, within)
    return found


def _holds(rule: HasAttribute, graph: AssetGraph, number: int) -> bool:
    texts = list(_texts(rule.what, graph, number))
    if rule.value is None:
        return not texts
    fits = matcher(f"*{rule.value}*" if rule.what == "key_substring" else rule.value)
    if rule.tag_value is not None:
        tags = graph.attribute(number, "tags_by_key") or {}
        has_value = matcher(rule.tag_value)
        return any(fits(name) and has_value(tags[name]) for name in texts)
    return any(fits(text) for text in texts)


def _texts(what: str, graph: AssetGraph, number: int) -> Iterable[str]:
    if what in ("key", "key_substring"):
        return (graph.keys[number].to_user_string(),)
    if what == "group":
        group = graph.groups.get(number)
        return () if group is None else (group,)
    found: Iterable[str] = graph.attribute(number, f"{what}s_by_key") or ()
    return found


def _see_known(rule: HasAttribute, within: Resolution) -> None:
    """Note a value that no asset has, as it is probably mistyped."""
    if rule.value is None or is_pattern(rule.value) or rule.what == "key_substring":
        return
    name, graph = plain(rule.value), within.graph
    everywhere = sorted(graph.scope(True))
    known = {text: None for number in everywhere for text in _texts(rule.what, graph, number)}
    if name not in known:
        meant = within.hint(name, known) or f"No asset has a {rule.what}."
        within.note(rule.position, f"There is no {rule.what} {name!r}. {meant}")
    elif rule.tag_value is not None and not is_pattern(rule.tag_value):
        value = plain(rule.tag_value)
        tags = (graph.attribute(each, "tags_by_key") or {} for each in everywhere)
        values = {each[name]: None for each in tags if name in each}
        if value not in values:
            meant = within.hint(value, values)
            within.note(rule.position, f"No asset has the tag {name!r} with {value!r}. {meant}")


def _with_status(rule: HasStatus, within: Resolution) -> set[int]:
    if within.status_of is None:
        message = (
            f"How an asset stands is known to a session only: select it there, as "
            f"session.materialize({str(rule)!r}), or give resolve() a function status_of."
        )
        within.note(rule.position, message)
        return set()
    graph, status_of = within.graph, within.status_of
    return {each for each in graph.made if status_of(graph.keys[each]) == rule.status}


def _upstream_sources(rule: UpstreamSources, within: Resolution) -> set[int]:
    graph: AssetGraph = within.graph
    return graph.reach(numbers(rule.rule, within), graph.upstream) & graph.sources


def _neighbors(rule: Neighbors, within: Resolution) -> set[int]:
    """Return assets that are materialized together; one that can be subset stays alone."""
    graph: AssetGraph = within.graph
    return {
        sibling
        for number in numbers(rule.rule, within)
        for sibling in (
            {number}
            if getattr(graph.definitions.get(number), "can_subset", False)
            else graph.siblings(number)
        )
    }


# --- checks: they select no asset -----------------------------------------------------


def _no_asset(_rule: Rule, _within: Resolution) -> set[int]:
    return set()


def _assets_of_checks(rule: ChecksOf, within: Resolution) -> set[int]:
    if rule.rule is not None:
        numbers(rule.rule, within)  # Resolve the assets anyway: their names have to exist.
    return set()


def _checks_of_any(rule: AnyOf, within: Resolution) -> set[AssetCheckKey]:
    return set().union(*(checks(each, within) for each in rule.rules))


def _checks_of_all(rule: AllOf, within: Resolution) -> set[AssetCheckKey]:
    found = set.intersection(*(checks(each, within) for each in rule.rules or (Everything(),)))
    return found.difference(*(checks(each, within) for each in rule.without))


def _check(rule: Check, within: Resolution) -> set[AssetCheckKey]:
    known = within.graph.check_keys
    if rule.key in known:
        return {rule.key}
    if not within.allow_missing:
        name = rule.key.to_user_string()
        hint = within.hint(name, sorted(each.to_user_string() for each in known))
        within.note(rule.position, f"There is no check called {name!r}. {hint}".rstrip())
    return set()


def _checks_like(rule: ChecksLike, within: Resolution) -> set[AssetCheckKey]:
    fits = matcher(rule.pattern)
    return {key for key in within.graph.check_keys if fits(key.to_user_string())}


def _checks_of(rule: ChecksOf, within: Resolution) -> set[AssetCheckKey]:
    return set(within.graph.check_keys) if rule.rule is None else checks(rule.rule, within)


# --- ops ------------------------------------------------------------------------------


def _named(rule: Named, within: Resolution) -> set[int]:
    graph: OpGraph = within.graph
    level = graph.level(rule.name.count(".") + 1)
    start = level.index.get(rule.name)
    if start is None:
        hint = did_you_mean(rule.name, with_graphs(graph.keys), noun="It has")
        within.note(rule.position, f"There is no op {rule.name!r} in {graph.what}. {hint}".rstrip())
        return set()
    found = level.reach([start], level.upstream, rule.up)
    found |= level.reach([start], level.downstream, rule.down)
    return {number for folded in found for number in level.members[folded]}


def _like(rule: Like, within: Resolution) -> set[int]:
    """Return the ops, and those of the graphs, whose names match."""
    fits = matcher(rule.pattern)
    return {
        number
        for number, name in enumerate(within.graph.keys)
        if any(fits(each) for each in with_graphs([name]))
    }


_NUMBERS: Mapping[type[Rule], Callable[[Any, Resolution], set[int]]] = {
    Everything: _everything,
    AnyOf: _any_of,
    AllOf: _all_of,
    Steps: _steps,
    Roots: _roots,
    Sinks: _sinks,
    Key: _key,
    Prefix: _prefix,
    HasAttribute: _where,
    HasStatus: _with_status,
    UpstreamSources: _upstream_sources,
    Neighbors: _neighbors,
    Check: _no_asset,
    ChecksLike: _no_asset,
    ChecksOf: _assets_of_checks,
    Named: _named,
    Like: _like,
}
_CHECKS: Mapping[type[Rule], Callable[[Any, Resolution], set[AssetCheckKey]]] = {
    AnyOf: _checks_of_any,
    AllOf: _checks_of_all,
    Check: _check,
    ChecksLike: _checks_like,
    ChecksOf: _checks_of,
}


def with_known_keys(
    assets: Iterable[AssetsDefinition], sources: Iterable[SourceAsset]
) -> list[AssetsDefinition]:
    """Resolve parameters' bare names to keys of the same prefix or group.

    `orders` taken by `warehouse/revenue` is `orders` if there is one, else `warehouse/orders`,
    else the one asset of that name in the same group.
    """
    assets = list(assets)
    known = {key for each in assets for key in each.keys} | {each.key for each in sources}
    by_group: dict[tuple[str, str], list[AssetKey]] | None = None
    result = []
    for each in assets:
        upstream = each.keys_by_input_name
        changes: dict[str, AssetKey] = {}
        for name, key in upstream.items():
            if key in known or len(key.path) > 1:
                continue
            own = each.ordered_keys[0]
            beside = AssetKey([*own.path[:-1], *key.path])
            if beside in known:
                changes[name] = beside
                continue
            by_group = _by_group(assets) if by_group is None else by_group
            same = by_group.get((each.group_names_by_key[own], key.path[-1]), [])
            if len(same) == 1:
                changes[name] = same[0]
        result.append(_renamed(each, changes) if changes else each)
    return result


def resolve_among(
    definitions: Definitions, selection: Any, status_of: StatusOf | None = None
) -> tuple[set[AssetKey], set[AssetCheckKey]]:
    """Resolve the keys of the assets and of the checks of definitions that a selection names."""
    assets = with_known_keys(definitions.assets, definitions.source_assets)
    graph = AssetGraph([*assets, *definitions.source_assets, *definitions.asset_checks])
    return resolve_all(AssetSelection.from_coercible(selection), graph, status_of)


def _renamed(assets: AssetsDefinition, changes: dict[str, AssetKey]) -> AssetsDefinition:
    """Return the definition with some inputs bound to other assets."""
    upstream = assets.keys_by_input_name
    moved = {upstream[name]: key for name, key in changes.items()}
    return assets.with_changes(
        keys_by_input_name={**upstream, **changes},
        asset_deps=None,
        partition_mappings={moved.get(k, k): m for k, m in assets.partition_mappings.items()},
    )


def _by_group(assets: Iterable[AssetsDefinition]) -> dict[tuple[str, str], list[AssetKey]]:
    found: dict[tuple[str, str], list[AssetKey]] = defaultdict(list)
    for each in assets:
        for key, group in each.group_names_by_key.items():
            found[group, key.path[-1]].append(key)
    return found
