"""Folding: nothing gets lost, nothing is too much, whatever the groups."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobnb.display.folding import (
    Folds,
    bundled,
    combined_mark,
    fold_key,
    fold_picture,
    folded_picture,
    levels,
)
from jobnb.display.layout import lay_out
from jobnb.display.picture import Card, Cluster, Edge, Mark, Picture, Status
from jobnb.display.widgets.graph import GraphView
from tests.display.pictures import SHAPES, chain, many, woven


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


@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_so_few_are_never_folded_by_themselves(shape, grouped):
    picture = many(shape, 40, grouped=grouped)
    assert fold_picture(picture) is picture


def test_what_fills_few_pages_is_shown_whole():
    for picture in (woven(50, 5), many("layers", 90), many("layers", 90, grouped=True)):
        assert fold_picture(picture) is picture


@pytest.mark.parametrize(
    ("shape", "count"),
    [(shape, count) for shape in SHAPES for count in (400, 1000, 20_000)]
    + [(shape, count) for shape in ("chain", "skips", "fan", "gathering") for count in (90, 150)],
)
def test_what_fills_many_pages_is_folded_to_what_can_be_read(shape, count):
    folded = fold_picture(many(shape, count))
    assert 1 < len(folded.cards) <= 30
    assert len(held(folded)) == len(many(shape, count).cards)


def test_groups_are_folded_where_there_are_some():
    folded = fold_picture(many("skips", 150, grouped=True))
    shown = [card for card in folded.cards if card.members]
    assert [card.title for card in shown] == [f"group_{n}" for n in range(6)]
    assert [card.kind for card in shown] == ["25 assets"] * 6


def test_a_group_that_holds_everything_is_open():
    cards = tuple(Card(f"n{n}", f"n{n}", group=("all", f"g{n % 3}")) for n in range(150))
    folded = fold_picture(Picture("p", cards))
    assert [card.title for card in folded.cards] == ["g0", "g1", "g2"]
    assert {card.group for card in folded.cards} == {("all",)}


def test_a_large_picture_starts_folded_and_opens_one_group_at_a_time():
    folds = Folds(woven(1000, 20))
    assert [card.title for card in folds.shown().cards] == [f"group{n}" for n in range(20)]
    folds.open(("group3",))
    titles = [card.title for card in folds.shown().cards]
    assert "asset_150" in titles
    assert "group4" in titles
    for number in range(20):
        folds.open((f"group{number}",))
        assert len(folds.shown().cards) <= 300
    assert "asset_999" in [card.title for card in folds.shown().cards]


def test_what_is_opened_is_no_more_than_can_be_looked_at():
    folds = Folds(many("chain", 1000))
    first = folds.shown().cards[0]
    folds.open((first.title,))
    opened = [card for card in folds.shown().cards if card.group]
    assert 1 < len(opened) <= 30
    assert all(card.members for card in opened)


def test_a_picture_that_changes_keeps_open_what_was_opened_and_folded_what_was_folded():
    folds = Folds(woven(200, 8))
    folds.open(("group2",))
    shown = folds.renewed(woven(208, 8)).shown()
    assert "group3" in [card.title for card in shown.cards]
    assert "group2" not in [card.title for card in shown.cards]
    small = Folds(woven(20, 4))
    small.fold(("group1",))
    assert "group1" in [card.title for card in small.renewed(woven(21, 4)).shown().cards]


def test_a_long_chain_without_groups_is_bundled_in_order():
    shown = Folds(chain(1000)).shown()
    assert shown.cards[0].title.startswith("step_0 … ")
    place = {card.key: number for number, card in enumerate(shown.cards)}
    assert all(place[edge.start] < place[edge.end] for edge in shown.edges)
    assert lay_out(shown) is not None


def test_a_wide_fan_folds_between_its_ends():
    shown = fold_picture(many("fan", 1000))
    titles = [card.title for card in shown.cards]
    assert titles[-1] == "asset_999"
    middle = [card.key for card in shown.cards[1:-1]]
    assert {(e.start, e.end) for e in shown.edges} >= {(key, "n999") for key in middle}


def test_a_huge_picture_folds_to_levels_within_levels():
    picture = Picture("wide", tuple(Card(f"c{n}", f"c{n}") for n in range(20_000)))
    folds = Folds(picture)
    assert len(folds.shown().cards) <= 30
    assert folds.reveal("c12345")
    shown = folds.shown()
    assert "c12345" in {card.key for card in shown.cards}
    assert len(shown.cards) <= 120


def test_what_is_missing_is_bundled_with_what_needs_it():
    cards = (*(Card(f"s{n}", f"s{n}") for n in range(300)), Card("gone", "gone", shape="missing"))
    edges = (*(Edge(f"s{n}", f"s{n + 1}") for n in range(299)), Edge("gone", "s299"))
    shown = fold_picture(Picture("p", cards, edges))
    (holder,) = (card for card in shown.cards if "gone" in card.members)
    assert "s298" in holder.members


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
    shown = folded_picture(Picture("p", cards, marks=marks), {("g",)})
    (card,) = shown.cards
    assert card.members == ("a", "b")
    assert shown.mark(card.key).status is Status.FAILED


def test_a_folded_card_says_how_many_of_it_are_how():
    card = Card("f", "f", members=("a", "b", "c"))
    done = {key: Mark(Status.SUCCEEDED) for key in "abc"}
    assert combined_mark(card, done) == Mark(Status.SUCCEEDED)
    assert combined_mark(card, done | {"b": Mark(Status.FAILED)}) == Mark(Status.FAILED, "1 failed")
    running = combined_mark(card, done | {"c": Mark(Status.RUNNING)})
    assert running == Mark(Status.RUNNING, "2 of 3 done")
    assert combined_mark(card, {"a": Mark(Status.SUCCEEDED)}) == Mark(Status.NONE, "1 of 3 done")
    assert combined_mark(card, {}) == Mark()


def test_hovering_over_a_folded_card_tells_how_all_of_it_stand():
    cards = tuple(Card(key, key, group=("g",)) for key in "abcd")
    states = (Status.SUCCEEDED, Status.FAILED, Status.SUCCEEDED)
    marks = {card.key: Mark(status) for card, status in zip(cards, states, strict=False)}
    view = GraphView(Picture("p", cards, marks=marks))
    view.fold(("g",))
    told = dict(view.about(fold_key(("g",)))["facts"])
    assert told == {"of these": "2 succeeded, 1 failed, 1 other", "holds": "a, b, c, d"}
    view.patch({"d": Mark(Status.SUCCEEDED), "b": Mark(Status.SUCCEEDED)})
    told = dict(view.about(fold_key(("g",)))["facts"])
    assert told["of these"] == "4 succeeded"
    assert "of these" not in dict(GraphView(Picture("p", cards)).about("a")["facts"])


def test_levels_count_the_longest_way():
    edges = (Edge("a", "b"), Edge("b", "c"), Edge("a", "c"))
    cards = tuple(Card(key, key) for key in "abc")
    assert levels(Picture("p", cards, edges)) == {"a": 0, "b": 1, "c": 2}


def test_what_nothing_leads_to_lies_just_before_what_needs_it():
    edges = (Edge("a", "b"), Edge("b", "c"), Edge("late", "c"))
    cards = tuple(Card(key, key) for key in ("a", "b", "c", "late"))
    assert levels(Picture("p", cards, edges)) == {"a": 0, "b": 1, "c": 2, "late": 1}


def test_levels_end_where_there_is_a_circle():
    cards = tuple(Card(key, key) for key in "ab")
    assert levels(Picture("p", cards, (Edge("a", "b"), Edge("b", "a")))) == {"a": 0, "b": 0}
