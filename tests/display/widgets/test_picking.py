"""What is selected in a graph, and that the words for it mean the same when they are typed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jobnb import AssetKey, AssetSelection, SourceAsset, asset
from jobnb.display.asset_pictures import asset_picture
from jobnb.display.picture import Card, Edge, Picture
from jobnb.display.widgets.graph import GraphView, Reach, selection_text
from jobnb.plan.selection_resolution import resolve_op_selection

COUNT = 12
GROUPS = ("load", "and", "report", "a1")
wholes = st.sets(st.integers(0, COUNT - 1))


@st.composite
def woven_assets(draw):
    """Assets in groups, each made from some of those before it, the first from a source."""
    names = [draw(st.sampled_from(["x", "not", "x-y"])) + str(n) for n in range(COUNT)]

    def made(n):
        before = draw(st.sets(st.sampled_from(names[:n]), max_size=3)) if n else {"outside"}

        @asset(name=names[n].replace("-", "_"), group_name=draw(st.sampled_from(GROUPS)),
               deps=[each.replace("-", "_") for each in sorted(before)])  # fmt: skip
        def each():
            pass

        return each

    return [made(n) for n in range(COUNT)]


@given(woven_assets(), wholes, st.booleans(), st.booleans())
def test_the_words_of_a_selection_of_assets_select_the_same(assets, chosen, up, down):
    picture = asset_picture(assets, [SourceAsset("outside")], title="p")
    keys = [assets[n].key.to_user_string() for n in sorted(chosen)]
    selected = Reach(picture).of(keys, upstream=up, downstream=down)
    text = selection_text(picture, keys, upstream=up, downstream=down)
    if not keys:
        assert (selected, text) == ([], "")
        return
    resolved = AssetSelection.from_string(text).resolve(assets)
    assert {key.to_user_string() for key in resolved} == set(selected)


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=20),
    st.lists(st.sampled_from(["", "inner"]), min_size=10, max_size=10),
    st.sets(st.integers(0, 9), min_size=1),
    st.booleans(),
    st.booleans(),
)
def test_the_words_of_a_selection_of_ops_select_the_same(pairs, groups, chosen, up, down):
    names = [f"{group}.s{n}" if group else f"s{n}" for n, group in enumerate(groups)]
    cards = tuple(
        Card(name, name, group=(group,) if group else ())
        for name, group in zip(names, groups, strict=True)
    )
    edges = {(min(pair), max(pair)) for pair in pairs if len(set(pair)) > 1}
    picture = Picture("p", cards, tuple(Edge(names[a], names[b]) for a, b in sorted(edges)))
    keys = [names[n] for n in sorted(chosen)]
    selected = Reach(picture).of(keys, upstream=up, downstream=down)
    text = selection_text(picture, keys, upstream=up, downstream=down)
    before = {name: [names[a] for a, b in edges if names[b] == name] for name in names}
    assert set(resolve_op_selection([text], names, before)) == set(selected)


SHAPES = {"out": "source", "a": "asset", "b": "asset"}
CARDS = tuple(Card(key, key, shape=shape) for key, shape in SHAPES.items())
PAIR = Picture("p", CARDS, (Edge("out", "a"), Edge("a", "b")))


def test_what_nothing_here_makes_comes_along_only_where_it_is_named():
    assert Reach(PAIR).of(["b"], upstream=True) == ["a", "b"]
    assert Reach(PAIR).of(["out"], downstream=True) == ["out", "a", "b"]


def test_unknown_keys_are_passed_over():
    assert Reach(PAIR).of(["gone", "a"]) == ["a"]


def test_the_view_tells_both_ways():
    """A click picks; a program selects; either shows as words."""
    view = GraphView(PAIR)
    view.picked, view.upstream = ["b"], True
    assert (view.selected, view.selection) == (["a", "b"], "*b")
    view.selected = ["a"]
    assert (view.picked, view.upstream, view.selection) == (["a"], False, "a")
    view.picked = []
    assert (view.selected, view.selection) == ([], "")


def test_words_never_take_more_than_what_is_selected():
    """A clause that reaches a graph takes all of it; then each op is named."""
    cards = (Card("a", "a"), *(Card(f"g.{n}", n, group=("g",)) for n in ("b", "c")))
    view = GraphView(Picture("p", cards, (Edge("a", "g.b"),)))
    view.picked, view.downstream = ["a"], True
    assert (view.selected, view.selection) == (["a", "g.b"], "a or g.b")


NAMES = ["orders", "and", "a_b", "sold", "revenue"]


def shop():
    made = []
    for place, name in enumerate(NAMES):
        deps = [AssetKey(["raw", each]) for each in NAMES[:place]][-2:]
        group = "first" if place < 2 else "not"

        def body():
            return 1

        made.append(asset(name=name, key_prefix="raw", group_name=group, deps=deps)(body))
    return made


SHOP = shop()


@given(st.lists(st.sampled_from(NAMES), unique=True, min_size=1), st.booleans(), st.booleans())
def test_assets_that_are_picked_are_what_their_text_selects(names, upstream, downstream):
    picture = asset_picture(SHOP, [], title="shop")
    how = {"upstream": upstream, "downstream": downstream}
    keys = [f"raw/{name}" for name in names]
    wanted = set(Reach(picture).of(keys, **how))
    text = selection_text(picture, keys, **how)
    found = AssetSelection.from_string(text).resolve(SHOP)
    assert {key.to_user_string() for key in found} == wanted


OPS = {"load.read": [], "load.parse": ["load.read"], "clean": ["load.parse"], "save": ["clean"]}


@given(st.lists(st.sampled_from(list(OPS)), unique=True, min_size=1))
def test_ops_that_are_picked_are_what_their_text_selects(keys):
    cards = tuple(Card(key, key, shape="op", group=tuple(key.split(".")[:-1])) for key in OPS)
    edges = tuple(Edge(above, key) for key, deps in OPS.items() for above in deps)
    text = selection_text(Picture("ops", cards, edges), keys)
    assert resolve_op_selection([text], list(OPS), OPS) == set(keys)
