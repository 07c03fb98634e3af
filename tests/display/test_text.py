from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jobnb.display.picture import Card, Edge, Mark, Picture, Status
from jobnb.display.text import columns, picture_text, shorten, table_text, tree_lines
from tests.display.pictures import chain, every_state


def picture(names: str, *edges: str) -> Picture:
    return Picture("p", tuple(Card(n, n) for n in names), tuple(Edge(*edge) for edge in edges))


def test_what_was_shown_is_named_again_not_drawn_again():
    shown = list(tree_lines(picture("abcd", "ab", "ac", "bd", "cd")))
    assert shown == ["└─ a", "   ├─ b", "   │  └─ d", "   └─ c", "      └─ ↑ d"]


def test_a_circle_ends():
    assert list(tree_lines(picture("ab", "ab", "ba"))) == ["└─ a", "   └─ b", "      └─ ↑ a"]
    assert list(tree_lines(picture("a", "aa"))) == ["└─ a", "   └─ ↑ a"]


def test_a_circle_behind_a_root_and_one_without():
    lines = list(tree_lines(picture("abcde", "ab", "bc", "cb", "de", "ed")))
    assert sum("↑" in line for line in lines) == 2
    assert all(any(name in line for line in lines) for name in "abcde")


def test_a_long_chain_stays_on_the_page():
    lines = list(tree_lines(chain(10_000)))
    assert len(lines) == 10_000
    assert max(map(len, lines)) < 80
    assert len(picture_text(chain(10_000)).splitlines()) == 201


def test_states_are_signs_and_words():
    text = picture_text(every_state())
    assert "✗ (failed · pandas · DataFrame" in text
    assert "✓ (pandas" in text
    assert "12 m 32 s" in text


def test_missing_cards_say_so():
    cards = (Card("a", "a", shape="missing"),)
    assert "a ? (missing)" in picture_text(Picture("p", cards))


def test_hostile_names_stay_on_one_line(hostile):
    shown = Picture(
        hostile, (Card("k", hostile, hostile),), marks={"k": Mark(Status.FAILED, hostile)}
    )
    assert len(picture_text(shown).splitlines()) == 2


@given(
    st.integers(1, 12).flatmap(
        lambda n: st.lists(
            st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=30
        ).map(lambda edges: (n, edges))
    )
)
def test_every_card_is_drawn_exactly_once(drawn):
    count, arrows = drawn
    cards = tuple(Card(str(n), f"card{n}.") for n in range(count))
    edges = tuple(Edge(str(a), str(b)) for a, b in arrows)
    lines = list(tree_lines(Picture("p", cards, edges)))
    for card in cards:
        assert sum(card.title in line and "↑" not in line for line in lines) == 1


def test_columns_of_a_table_stand_under_each_other():
    text = table_text(["name", "n"], [["日本", "1"], ["ab\ncd", "2"]])
    lines = text.splitlines()
    assert len(lines) == 4
    assert len({columns(line) for line in lines[2:]}) == 1


def test_long_text_is_shortened():
    assert shorten("x" * 50, 10) == "x" * 9 + "…"
    assert shorten("two\nlines", 20) == "two lines"
