"""Asset selections: as Dagster's, as brute force, and with errors that point at the column."""

# ruff: noqa: PT017 - any text may be right or wrong
from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobnb import (
    AssetCheckKey,
    AssetCheckSpec,
    AssetKey,
    InvalidDefinitionError,
    InvalidSubsetError,
    multi_asset_check,
)
from jobnb import AssetSelection as S
from jobnb.definitions.selections.reading import parse_selection
from jobnb.plan.graphs import AssetGraph, AssetLike, SourceAssetLike


@dataclass
class Made:
    """Stands for an assets definition: one or more assets that a function makes."""

    names: str
    deps: str = ""
    group: str = "default"
    tags: Mapping[str, str] = field(default_factory=dict)
    owners: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    can_subset: bool = False

    @property
    def keys(self) -> set[AssetKey]:
        return {AssetKey.from_coercible(name) for name in self.names.split()}

    @property
    def asset_deps(self) -> dict[AssetKey, set[AssetKey]]:
        deps = {AssetKey.from_coercible(name) for name in self.deps.split()}
        return {key: deps for key in self.keys}  # noqa: C420 - typed

    @property
    def group_names_by_key(self) -> dict[AssetKey, str]:
        return dict.fromkeys(self.keys, self.group)

    @property
    def tags_by_key(self) -> dict[AssetKey, Mapping[str, str]]:
        return dict.fromkeys(self.keys, self.tags)

    @property
    def owners_by_key(self) -> dict[AssetKey, tuple[str, ...]]:
        return dict.fromkeys(self.keys, self.owners)

    @property
    def kinds_by_key(self) -> dict[AssetKey, tuple[str, ...]]:
        return dict.fromkeys(self.keys, self.kinds)


@dataclass
class Source:
    """Stands for a source asset."""

    name: str
    group_name: str | None = None

    @property
    def key(self) -> AssetKey:
        return AssetKey.from_coercible(self.name)


# src -> a -> b -> pre/c -> (m1, m2); a -> pre/c; m1 -> d; pre/src2 -> f; iso alone
ASSETS: list[Any] = [
    Source("src"),
    Source("pre/src2", "g1"),
    Made("a", "src", tags={"daily": "yes"}, owners=("me@x.org",)),
    Made("b", "a", group="g1", tags={"daily": "no"}),
    Made("pre/c", "a b", kinds=("table", "sql")),
    Made("m1 m2", "pre/c"),
    Made("d", "m1"),
    Made("f", "pre/src2"),
    Made("iso"),
]


@multi_asset_check(specs=[AssetCheckSpec("x", asset="a"), AssetCheckSpec("y", asset="pre/c")])
def some_checks() -> Any: ...


EVERYTHING = "a b d f iso m1 m2 pre/c"


def resolved(selection: S, assets: Iterable[Any] = ASSETS) -> str:
    return " ".join(sorted(key.to_user_string() for key in selection.resolve(assets)))


def test_the_stand_ins_are_what_the_graph_asks_for() -> None:
    assert isinstance(ASSETS[2], AssetLike)
    assert isinstance(ASSETS[0], SourceAssetLike)


@pytest.mark.parametrize(
    ("selection", "names"),
    [
        (S.all(), EVERYTHING),
        (S.all(include_sources=True), EVERYTHING + " pre/src2 src"),
        (S.keys("a", "pre/c"), "a pre/c"),
        (S.keys(["pre", "c"], AssetKey("a")), "a pre/c"),
        (S.keys("src"), "src"),
        (S.keys(), ""),
        (S.assets(ASSETS[2], ASSETS[5], ASSETS[0]), "a m1 m2 src"),
        (S.groups("g1"), "b"),
        (S.groups("g1", include_sources=True), "b pre/src2"),
        (S.groups("g1", "default"), EVERYTHING),
        (S.groups("none"), ""),
        (S.groups("*"), ""),
        (S.key_prefixes("pre"), "pre/c"),
        (S.key_prefixes(["pre", "c"], "pre", include_sources=True), "pre/c pre/src2"),
        (S.key_prefixes("pr"), ""),
        (S.key_substring("c"), "pre/c"),
        (S.tag("daily", "yes"), "a"),
        (S.tag_string("daily"), "a b"),
        (S.tag_string("daily=no"), "b"),
        (S.owner("me@x.org"), "a"),
        (S.kind("sql"), "pre/c"),
        (S.keys("d").upstream(), "a b d m1 pre/c"),
        (S.keys("d").upstream(depth=1), "d m1"),
        (S.keys("d").upstream(1, include_self=False), "m1"),
        (S.keys("d").upstream(0), "d"),
        (S.keys("d", "b").upstream(include_self=False), "a m1 pre/c"),
        (S.keys("b").downstream(), "b d m1 m2 pre/c"),
        (S.keys("a").downstream(1, include_self=False), "b pre/c"),
        (S.keys("src").downstream(1), "a src"),
        (S.keys("src").upstream(), "src"),
        (S.all().roots(), "a f iso"),
        (S.all().sinks(), "d f iso m2"),
        (S.keys("b", "pre/c", "d").roots(), "b"),
        (S.keys("b", "pre/c", "d").sources(), "b"),
        (S.keys("a", "b", "d").sinks(), "d"),
        (S.keys("d").upstream_source_assets(), "src"),
        (S.keys("m1").required_multi_asset_neighbors(), "m1 m2"),
        (S.groups("g1") & S.keys("b", "a"), "b"),
        (S.groups("g1") | S.keys("a"), "a b"),
        (S.all() - S.groups("g1"), "a d f iso m1 m2 pre/c"),
        (~S.groups("default"), "b"),
        (S.all(include_sources=True).materializable(), EVERYTHING),
    ],
)
def test_selections_resolve_as_dagsters(selection: S, names: str) -> None:
    assert resolved(selection) == " ".join(sorted(names.split()))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("*a", "a"),
        ("a*", "a b d m1 m2 pre/c"),
        ("+a", "a"),
        ("a+", "a b pre/c"),
        ("*a+", "a b pre/c"),
        ("++d", "d m1 pre/c"),
        ("d++", "d"),
        ("*", EVERYTHING),
        (" a ", "a"),
        ("pre/c", "pre/c"),
        ("*pre/c", "a b pre/c"),
        ("*+a", "a"),
        ("src", "src"),
        ("src+", "a src"),
        ("key:a", "a"),
        ('key:"pre/*"', "pre/c"),
        ('"m?"', "m1 m2"),
        ("key_prefix:pre", "pre/c"),
        ("key_substring:is", "iso"),
        ("group:g1", "b"),
        ('group:"g*"', "b"),
        ("tag:daily", "a b"),
        ("tag:daily=yes", "a"),
        ('tag:"dai*"="no"', "b"),
        ("kind:table", "pre/c"),
        ("owner:me@x.org", "a"),
        ("a or b", "a b"),
        ("a OR b AND b", "a b"),
        ("a or b and d", "a"),
        ("(a or b) and b", "b"),
        ("* and not group:default", "b"),
        ("not (a or b or m1 or m2)", "d f iso pre/c"),
        ("not not a", "a"),
        ("+key:d", "a b d m1 pre/c"),
        ("++key:d", "d m1 pre/c"),
        ("1+key:d", "d m1"),
        ("+key:m1++", "a b d m1 pre/c"),
        ("1+key:pre/c+2", "a b d m1 m2 pre/c"),
        ('1+"pre/c"+1', "a b m1 m2 pre/c"),
        ("+group:g1", "a b"),
        ("group:g1+1", "b pre/c"),
        ("+roots(d or b)+", "a b d m1 m2 pre/c"),
        ("*(a or b)+", "a b d m1 m2 pre/c"),
        ("*(a or b)+1", "a b pre/c"),
        ("key:m*", "m1 m2"),
        ("key:a*+1", "a b pre/c"),
        ("pre/*", "pre/c"),
        ("group:g*", "b"),
        ("kind:<null>", "a b d f iso m1 m2"),
        ("tag:daily=y*", "a"),
        ("a, b", "a b"),
        ("a,b and b", "a b"),
        ('not(a or b) and not key:"*1" and not f', "d iso m2 pre/c"),
        ("+ a", "a"),
        ("a+99999999999999999999", "a b d m1 m2 pre/c"),
        ('9223372036854775807+key:"d"', "a b d m1 pre/c"),
        ("nothing() or a", "a"),
        ("materializable(with_sources(*))", EVERYTHING),
        ("with_sources(group:g1)", "b pre/src2"),
        ("with_sources(not a)", "b d f iso m1 m2 pre/c pre/src2 src"),
        ("2+d", "d m1 pre/c"),
        ("b+2", "b m1 m2 pre/c"),
        ("1+d+1", "d m1"),
        ("roots(*)", "a f iso"),
        ("roots()", "a f iso"),
        ("sinks() and not f", "d iso m2"),
        ("sinks(a*)", "d m2"),
        ("roots(d or b)+1", "b pre/c"),
        ("sources(d)", "src"),
        ("neighbors(m1)", "m1 m2"),
        ("a\n  or b", "a b"),
    ],
)
def test_text_says_the_same(text: str, names: str) -> None:
    assert resolved(S.from_coercible(text)) == " ".join(sorted(names.split()))


def test_sources_count_where_asked_for() -> None:
    assert resolved(S.from_string("group:g1", include_sources=True)) == "b pre/src2"
    assert (
        resolved(S.from_string("not a", include_sources=True))
        == "b d f iso m1 m2 pre/c pre/src2 src"
    )


@pytest.mark.parametrize(
    ("given_value", "names"),
    [
        (["a", "b+"], "a b pre/c"),
        ([AssetKey("a"), AssetKey("b")], "a b"),
        (["a", AssetKey("b"), ASSETS[6], S.groups("g1")], "a b d"),
        ([ASSETS[2], ASSETS[4]], "a pre/c"),
        (ASSETS[5], "m1 m2"),
        ({"a", "b"}, "a b"),
        (AssetKey("a"), "a"),
        (S.all(), EVERYTHING),
        ([], ""),
    ],
)
def test_whatever_can_stand_for_a_selection(given_value: Any, names: str) -> None:
    assert resolved(S.from_coercible(given_value)) == " ".join(sorted(names.split()))


@pytest.mark.parametrize("given_value", [3, None, {"a": 1}, b"a", [3]])
def test_anything_else_is_refused(given_value: Any) -> None:
    with pytest.raises(InvalidDefinitionError, match="select assets"):
        S.from_coercible(given_value)


def test_wrong_parts_are_refused() -> None:
    with pytest.raises(InvalidDefinitionError, match="is text, not None"):
        S.from_string(None)  # type: ignore[arg-type]
    with pytest.raises(InvalidDefinitionError, match="depth"):
        S.all().upstream(-1)
    with pytest.raises(InvalidDefinitionError, match="group"):
        S.groups(3)  # type: ignore[arg-type]
    with pytest.raises(InvalidDefinitionError, match="from_coercible"):
        S.all() | "a"  # type: ignore[operator]


def test_a_typed_name_that_nothing_has_is_shown_in_its_text() -> None:
    with pytest.raises(InvalidSubsetError) as caught:
        S.from_string("a or not group:g2 or tag:dialy or *pre/d").resolve(ASSETS)
    assert str(caught.value).splitlines() == [
        "There is no group 'g2'. There are: 'default', 'g1'.",
        "  a or not group:g2 or tag:dialy or *pre/d",
        "                 ^",
        "There is no tag 'dialy'. Did you mean 'daily'?",
        "  a or not group:g2 or tag:dialy or *pre/d",
        "                           ^",
        "There is no asset 'pre/d'. Did you mean 'pre/c'?",
        "  a or not group:g2 or tag:dialy or *pre/d",
        "                                     ^",
    ]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("tag:daily=maybe", "No asset has the tag 'daily' with 'maybe'. There are: 'yes', 'no'"),
        ("kind:tabel", "Did you mean 'table'"),
        ("owner:you@x.org", "Did you mean 'me@x.org'"),
    ],
)
def test_typed_values_that_no_asset_has_are_told(text: str, word: str) -> None:
    with pytest.raises(InvalidSubsetError, match=word):
        S.from_string(text).resolve(ASSETS)
    assert S.from_string(text).resolve(ASSETS, allow_missing=True) == set()


def test_how_assets_stand_is_asked_of_whoever_knows() -> None:
    stale = {AssetKey("b"): "stale", AssetKey("src"): "stale", AssetKey("iso"): "failed"}
    asked: list[AssetKey] = []

    def status_of(key: AssetKey) -> str:
        asked.append(key)
        return stale.get(key, "fresh")

    selection = S.from_string("status:stale+1 or status:FAILED")
    assert selection.asks_status
    assert not S.from_string("a+ and not group:g1").asks_status
    found = selection.resolve(ASSETS, status_of=status_of)
    assert {key.to_user_string() for key in found} == {"b", "pre/c", "iso"}
    assert AssetKey("src") not in asked
    with pytest.raises(InvalidSubsetError, match=r"(?s)known to a session.*\^"):
        selection.resolve(ASSETS)


def test_an_unknown_key_gets_the_nearest() -> None:
    with pytest.raises(InvalidSubsetError, match=r"no asset 'pre/d'. Did you mean 'pre/c'"):
        S.keys("pre/d").resolve(ASSETS)
    with pytest.raises(InvalidSubsetError, match="no asset 'iss'"):
        S.from_coercible("*iss").resolve(ASSETS)
    with pytest.raises(InvalidSubsetError, match=r"(?s)'x1'.*'x2'"):
        S.keys("x1", "a", "x2").resolve(ASSETS)
    assert S.keys("a", "zz").resolve(ASSETS, allow_missing=True) == {AssetKey("a")}


def test_an_upstream_that_nobody_defines_cannot_be_selected() -> None:
    assets = [Made("x", "nowhere")]
    assert resolved(S.all().upstream(), assets) == "x"
    with pytest.raises(InvalidSubsetError, match="'nowhere'"):
        S.keys("nowhere").resolve(assets)


def test_an_asset_made_from_itself_is_a_root_and_a_sink() -> None:
    assets = [Made("x", "x"), Made("y", "x")]
    assert resolved(S.all().roots(), assets) == "x"
    assert resolved(S.keys("x").sinks(), assets) == "x"


def test_what_can_be_made_alone_has_no_required_neighbors() -> None:
    assets = [Made("x y", can_subset=True)]
    assert resolved(S.keys("x").required_multi_asset_neighbors(), assets) == "x"


@pytest.mark.parametrize(
    ("text", "column", "word"),
    [
        ("", 1, "expected a name"),
        ("a ;b", 3, "'and' or 'or', found ';b'"),
        ("(a", 3, r"or '\)', found the end"),
        ("a)", 2, r"found '\)'"),
        ("a or", 5, "expected a name, found the end"),
        ("a and (b or", 12, "expected a name, found the end"),
        ("a b", 3, "expected 'and' or 'or', found 'b'"),
        ("a & b", 3, "Write 'and' for '&'"),
        ("foo:x", 1, "an asset has no 'foo'"),
        ("grup:x", 1, "Did you mean 'group'"),
        ("root(a)", 1, "Did you mean 'roots'"),
        ('a or "b', 6, "not closed"),
        ("+", 2, "expected a name"),
        ("**a", 2, "expected a name"),
        ("a*+", 3, "expected 'and' or 'or'"),
        ("+not a", 6, "expected 'and' or 'or'"),
        ("key:", 5, "expected what it should be"),
        ("tag:x=", 7, "expected what it should be"),
        ("key:a=b", 7, "only a tag"),
        ('group:""', 7, "what the group should be"),
        ("a or b/", 6, "before and after each slash"),
        ("status:stal", 8, "Did you mean 'stale'"),
        ("a or column:x", 6, "'column' cannot select here"),
        ("code_location:x", 1, "one code location"),
        ("key:<null>", 5, "every asset has a key"),
        ("nothing(a)", 1, "takes nothing"),
        ("not " * 200 + "a", 1, "within each other"),
        ("+(" * 60 + "a" + ")+" * 60, 1, "within each other"),
    ],
)
def test_errors_point_at_the_column(text: str, column: int, word: str) -> None:
    with pytest.raises(InvalidSubsetError, match=word) as caught:
        parse_selection(text)
    first, *_, pointer = str(caught.value).splitlines()
    assert f"column {column}:" in first
    assert len(pointer) - 2 == min(column, 61)


@given(st.text(max_size=40) | st.text("ab*+()\"':= 12/notrd", max_size=40))
def test_no_text_gives_another_error(text: str) -> None:
    try:
        S.from_coercible(text).resolve(ASSETS)
    except InvalidSubsetError as error:
        assert str(error)


# Against brute force

_NAMES = [f"n{number}" for number in range(9)]


@st.composite
def _dags(draw: st.DrawFn) -> dict[str, set[str]]:
    count = draw(st.integers(1, len(_NAMES)))
    return {
        _NAMES[number]: draw(st.sets(st.sampled_from(_NAMES[:number]), max_size=3))
        if number
        else set()
        for number in range(count)
    }


def _expand(start: set[str], edges: Mapping[str, set[str]], depth: int | None) -> set[str]:
    found = set(start)
    for _ in range(len(_NAMES) if depth is None else depth):
        found |= {name for here in found for name in edges[here]}
    return found


def _flip(edges: Mapping[str, set[str]]) -> dict[str, set[str]]:
    return {name: {other for other in edges if name in edges[other]} for name in edges}


_Case = tuple[S, str, set[str]]


def _ask(inner: _Case, deps: Mapping[str, set[str]], draw: st.DrawFn) -> _Case:
    """One more step on a selection: the object, its text, and by hand the names."""
    selection, text, names = inner
    depth = draw(st.none() | st.integers(0, 3))
    marks = "*" if depth is None else f"{depth}+"
    after = "*" if depth is None else f"+{depth}"
    kind = draw(st.sampled_from(["up", "down", "roots", "sinks", "not"]))
    below = _flip(deps)
    if kind == "up":
        return selection.upstream(depth), f"{marks}({text})", _expand(names, deps, depth)
    if kind == "down":
        return selection.downstream(depth), f"({text}){after}", _expand(names, below, depth)
    if kind == "not":
        return ~selection, f"not ({text})", set(deps) - names
    edges = below if kind == "roots" else deps
    beyond = _expand({n for here in names for n in edges[here]}, edges, None)
    made = selection.roots() if kind == "roots" else selection.sinks()
    return made, f"{kind}({text})", names - beyond


@st.composite
def _cases(draw: st.DrawFn) -> tuple[dict[str, set[str]], _Case]:
    deps = draw(_dags())

    def leaf() -> _Case:
        name = draw(st.sampled_from(sorted(deps)))
        return S.keys(name), name, {name}

    case = leaf()
    for _ in range(draw(st.integers(0, 4))):
        how = draw(st.sampled_from(["ask", "or", "and", "minus"]))
        if how == "ask":
            case = _ask(case, deps, draw)
            continue
        other = _ask(leaf(), deps, draw)
        left, right = f"({case[1]})", f"({other[1]})"
        if how == "or":
            case = case[0] | other[0], f"{left} or {right}", case[2] | other[2]
        elif how == "and":
            case = case[0] & other[0], f"{left} and {right}", case[2] & other[2]
        else:
            case = case[0] - other[0], f"{left} and not {right}", case[2] - other[2]
    return deps, case


@settings(max_examples=300)
@given(_cases())
def test_selections_text_and_brute_force_agree(case: tuple[dict[str, set[str]], _Case]) -> None:
    deps, (selection, text, names) = case
    graph = AssetGraph(Made(name, " ".join(above)) for name, above in deps.items())
    expected = {AssetKey(name) for name in names}
    assert selection.resolve(graph) == expected
    assert S.from_string(text).resolve(graph) == expected
    assert S.from_string(str(selection)).resolve(graph) == expected


_TEXTS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=6
) | st.text("ab*?/\\\\\"' <>", min_size=1, max_size=6)


@given(st.lists(_TEXTS, min_size=1, max_size=4))
def test_any_key_can_be_read_back(parts: list[str]) -> None:
    key = AssetKey(parts)
    selection = S.keys(key)
    assert S.from_string(str(selection)) == selection

    @dataclass
    class One:
        keys: tuple[AssetKey, ...] = (key, AssetKey("other"))

        @property
        def asset_deps(self) -> dict[AssetKey, set[AssetKey]]:
            return {}

        group_names_by_key: Mapping[AssetKey, str] = field(default_factory=dict)

    assert S.from_string(str(selection)).resolve([One()]) == {key}


_NAMED = st.from_regex(r"[A-Za-z0-9_]{1,4}", fullmatch=True)


def _leaves() -> st.SearchStrategy[S]:
    keys = st.lists(_TEXTS, min_size=1, max_size=3).map(AssetKey)
    sources = st.booleans()
    return st.one_of(
        st.builds(lambda each: S.keys(*each), st.lists(keys, max_size=3)),
        st.builds(lambda each, s: S.groups(*each, include_sources=s), st.lists(_TEXTS), sources),
        st.builds(
            lambda each, s: S.key_prefixes(*each, include_sources=s),
            st.lists(keys.map(lambda key: list(key.path)), max_size=3),
            sources,
        ),
        st.builds(S.key_substring, _TEXTS, sources),
        st.builds(S.tag, _TEXTS, _TEXTS, sources),
        st.builds(S.tag_string, _TEXTS.filter(lambda text: text[0] != "="), sources),
        st.builds(S.owner, _TEXTS),
        st.builds(S.kind, _TEXTS, sources),
        st.builds(S.all, sources),
        st.builds(lambda each: S.checks(*each), st.lists(st.builds(AssetCheckKey, keys, _NAMED))),
        st.builds(S.all_asset_checks),
    )


def _grown(inner: st.SearchStrategy[S]) -> st.SearchStrategy[S]:
    depths = st.none() | st.integers(0, 12)
    return st.one_of(
        st.builds(lambda a, b: a | b, inner, inner),
        st.builds(lambda a, b: a & b, inner, inner),
        st.builds(lambda a, b: a - b, inner, inner),
        st.builds(lambda a: ~a, inner),
        st.builds(lambda a, d, s: a.upstream(d, s), inner, depths, st.booleans()),
        st.builds(lambda a, d, s: a.downstream(d, s), inner, depths, st.booleans()),
        st.builds(
            lambda a, name: getattr(a, name)(),
            inner,
            st.sampled_from(
                [
                    "roots",
                    "sinks",
                    "sources",
                    "upstream_source_assets",
                    "materializable",
                    "required_multi_asset_neighbors",
                    "without_checks",
                ]
            ),
        ),
        st.builds(lambda each: S.from_coercible(each), st.lists(inner, max_size=3)),
        st.builds(lambda each: S.checks_for_assets(*each), st.lists(inner, max_size=2)),
    )


@settings(max_examples=500)
@given(st.recursive(_leaves(), _grown, max_leaves=8))
def test_a_selection_prints_as_what_reads_as_the_same(selection: S) -> None:
    text = selection.to_selection_str()
    assert S.from_string(text) == selection
    assert str(S.from_string(text)) == text
    found = selection.resolve(ASSETS, allow_missing=True)
    assert S.from_string(text).resolve(ASSETS, allow_missing=True) == found
    around = [*ASSETS, some_checks]
    checks = selection.resolve_checks(around, allow_missing=True)
    assert S.from_string(text).resolve_checks(around, allow_missing=True) == checks


_PIECES = [
    "a",
    "pre/c",
    "*",
    "+",
    "++",
    "2",
    "1+",
    "+1",
    "(",
    ")",
    " ",
    "and",
    "or",
    "not",
    ",",
    "key:",
    "group:",
    "tag:",
    "=",
    "status:",
    "stale",
    "<null>",
    "'",
    '"',
    '"m*"',
    "roots(",
    "with_sources(",
    "nothing()",
    "checks()",
    "without_checks(",
    "check:",
    "a:x",
    "\\\\",
    "/",
    ".",
    "kind:",
    "x",
]


@settings(max_examples=500)
@given(
    st.lists(st.sampled_from(_PIECES), max_size=12).map("".join)
    | st.lists(st.sampled_from(_PIECES), max_size=12).map(" ".join)
)
def test_text_that_reads_prints_as_what_reads_as_the_same(text: str) -> None:
    try:
        selection = S.from_string(text)
    except InvalidSubsetError as error:
        assert "^" in str(error)
    else:
        assert S.from_string(str(selection)) == selection


def test_a_selection_built_too_deep_is_refused_before_it_exhausts_the_stack() -> None:
    def grown(times: int) -> S:
        selection = S.keys("a")
        for _ in range(times):
            selection = (selection & S.keys("b")).upstream(1)
        return selection

    assert S.from_string(str(grown(24))) == grown(24)
    with pytest.raises(InvalidDefinitionError, match="within each other"):
        grown(100)


def test_selecting_by_a_plain_key_loads_no_parser() -> None:
    code = (
        "import sys, jobnb; from jobnb import AssetSelection as S; "
        "S.from_string('raw/flights'), str(S.groups('x').upstream() - S.keys('b')); "
        "assert 'lark' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_selections_are_values() -> None:
    assert S.keys("a") | S.groups("b") == S.keys("a") | S.groups("b")
    assert hash(S.keys("a")) == hash(S.keys("a"))
    assert S.keys("a") != S.keys("b")
    assert repr(S.keys("a").upstream()) == "AssetSelection('+key:a')"


# Size


def test_ten_thousand_assets_are_walked_once() -> None:
    count = 10_000
    looked = 0

    class Counted(list[int]):
        def __iter__(self) -> Any:
            nonlocal looked
            looked += 1
            return super().__iter__()

    graph = AssetGraph(
        Made(f"n{number}", f"n{number - 1}" if number else "") for number in range(count)
    )
    graph.upstream = [Counted(parents) for parents in graph.upstream]
    found = S.from_coercible(f"*n{count - 1}").resolve(graph)
    assert len(found) == count
    assert looked <= count


def test_long_chains_of_unions_do_not_exhaust_the_stack() -> None:
    selection = S.keys("n0")
    for number in range(1, 3000):
        selection = selection | S.keys(f"n{number}")
    assets = [Made(f"n{number}") for number in range(3000)]
    assert len(selection.resolve(assets)) == 3000
    assert len(S.from_coercible([f"n{n}+" for n in range(3000)]).resolve(assets)) == 3000
    assert len(S.from_string(" or ".join(f"n{n}" for n in range(3000))).resolve(assets)) == 3000


def _calls(work: Callable[[], Any]) -> int:
    """How many functions are called meanwhile, Python's and C's."""
    count = 0

    def note(_frame: Any, kind: str, _argument: Any) -> None:
        nonlocal count
        count += kind in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize(
    "text",
    [
        "*last+",
        "n0*",
        "roots(*) or sinks(*)",
        'group:default and not key:"*7"',
        "2+key:last or neighbors(tag:daily)",
    ],
)
def test_resolving_costs_in_proportion(text: str) -> None:
    def work(count: int) -> Callable[[], Any]:
        names = [f"n{number}" for number in range(count - 1)] + ["last"]
        above = ["", *names]
        graph = AssetGraph(
            Made(name, dep, tags={"daily": "yes"})
            for name, dep in zip(names, above[:-1], strict=True)
        )
        selection = S.from_string(text)
        return lambda: selection.resolve(graph)

    work(10)()  # what is cached once
    assert _calls(work(10_000)) < 11 * max(_calls(work(1_000)), 100)
