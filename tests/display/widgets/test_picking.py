"""What is picked in a graph is said in words that select just that."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jobnb import AssetKey, AssetSelection, asset
from jobnb.definitions.selections.op_selection import resolve_op_selection
from jobnb.display.asset_pictures import asset_picture
from jobnb.display.picture import Card, Edge, Picture
from jobnb.display.widgets.picking import Reach, selection_text

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
