"""Folding: nothing gets lost, nothing is too much, whatever the groups."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jobnb.display.picture import Card, Cluster, Edge, Mark, Picture, Status
from jobnb.display.widgets.bundles import bundled
from jobnb.display.widgets.folds import Folds, fold_key, folded_picture
from tests.display.pictures import chain, woven


def held(picture):
    """All cards that a picture stands for."""
    return [key for card in picture.cards for key in (card.members or (card.key,))]


@st.composite
def pictures(draw):
    count = draw(st.integers(1, 60))
    paths = st.lists(st.sampled_from("xyz"), max_size=3).map(tuple)
    cards = tuple(Card(f"c{n}", f"card {n}", group=draw(paths)) for n in range(count))
    ends = st.integers(0, count - 1)
    edges = [
        pair for pair in draw(st.lists(st.tuples(ends, ends), max_size=80)) if len({*pair}) > 1
    ]
    return Picture("p", cards, tuple(Edge(f"c{min(pair)}", f"c{max(pair)}") for pair in edges))


@given(pictures(), st.integers(3, 30))
def test_folded_pictures_hold_every_card_once(picture, most):
    shown = Folds(picture, most).shown()
    assert sorted(held(shown)) == sorted(card.key for card in picture.cards)
    keys = {card.key for card in shown.cards}
    assert all(edge.start in keys and edge.end in keys for edge in shown.edges)
    assert all(edge.start != edge.end for edge in shown.edges) or not Folds(picture, most).folded


@given(pictures(), st.integers(12, 30))
def test_no_place_has_more_than_the_most(picture, most):
    made = bundled(picture, most)
    assert [card.key for card in made.cards] == [card.key for card in picture.cards]
    if len(picture.cards) > most:
        assert len(Folds(picture, most).shown().cards) <= most


@given(pictures(), st.data())
def test_opening_and_folding_in_any_order_loses_nothing(picture, data):
    folds = Folds(picture, 12)
    for _ in range(8):
        shown = folds.shown()
        foldable = sorted({card.group[:1] for card in folds.picture.cards if card.group})
        if folds.folded and data.draw(st.booleans()):
            folds.open(data.draw(st.sampled_from(sorted(folds.folded))))
        elif foldable:
            folds.fold(data.draw(st.sampled_from(foldable)))
        shown = folds.shown()
        assert sorted(held(shown)) == sorted(card.key for card in picture.cards)


@given(pictures(), st.data())
def test_any_card_can_be_revealed(picture, data):
    folds = Folds(picture, 5)
    key = data.draw(st.sampled_from([card.key for card in picture.cards]))
    folds.reveal(key)
    assert key in {card.key for card in folds.shown().cards}
    assert not folds.reveal(key)


def test_a_small_picture_is_shown_whole():
    picture = woven(50, 5)
    assert Folds(picture).shown() == picture


def test_a_large_picture_starts_folded_and_opens_one_group_at_a_time():
    folds = Folds(woven(1000, 12))
    assert [card.title for card in folds.shown().cards] == [f"group{n}" for n in range(12)]
    folds.open(("group3",))
    titles = [card.title for card in folds.shown().cards]
    assert "asset_300" in titles
    assert "group4" in titles
    for number in range(12):
        folds.open((f"group{number}",))
        assert len(folds.shown().cards) <= 300
    assert "asset_999" in [card.title for card in folds.shown().cards]


def test_a_long_chain_without_groups_is_bundled_in_order():
    shown = Folds(chain(1000)).shown()
    assert len(shown.cards) <= 30
    place = {card.key: number for number, card in enumerate(shown.cards)}
    assert all(place[edge.start] < place[edge.end] for edge in shown.edges)


def test_a_huge_picture_folds_to_levels_within_levels():
    picture = Picture("wide", tuple(Card(f"c{n}", f"c{n}") for n in range(20_000)))
    folds = Folds(picture)
    assert len(folds.shown().cards) <= 300
    assert folds.reveal("c12345")
    shown = folds.shown()
    assert "c12345" in {card.key for card in shown.cards}
    assert len(shown.cards) <= 300


def test_frames_keep_their_titles_where_bundles_are_put_around_them():
    cards = tuple(Card(f"g{n}.a", "a", group=(f"g{n}",)) for n in range(40))
    clusters = tuple(Cluster((f"g{n}",), f"graph {n}", "graph") for n in range(40))
    made = bundled(Picture("p", cards, (), clusters), 20)
    assert [cluster.title for cluster in made.clusters] == [f"graph {n}" for n in range(40)]
    paths = {card.group for card in made.cards}
    assert {cluster.path for cluster in made.clusters} == paths


def test_edges_keep_what_they_are_outside_of_folds_and_are_joined_at_them():
    cards = (
        Card("a", "a"),
        Card("b", "b"),
        Card("x", "x", group=("g",)),
        Card("y", "y", group=("g",)),
    )
    edges = (Edge("a", "b", "rows", "dynamic"), Edge("b", "x"), Edge("b", "y"), Edge("x", "y"))
    shown = folded_picture(Picture("p", cards, edges), {("g",)})
    assert shown.edges == (Edge("a", "b", "rows", "dynamic"), Edge("b", fold_key(("g",))))


def test_a_folded_card_shows_the_gravest_state_of_its_members():
    cards = tuple(Card(key, key, group=("g",)) for key in "ab")
    marks = {"a": Mark(Status.SUCCEEDED), "b": Mark(Status.FAILED)}
    (card,) = folded_picture(Picture("p", cards, marks=marks), {("g",)}).cards
    assert card.members == ("a", "b")
    shown = folded_picture(Picture("p", cards, marks=marks), {("g",)})
    assert shown.mark(card.key).status is Status.FAILED
