from __future__ import annotations

import itertools
import os
import subprocess
import sys

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobnb.display import dot, layout
from jobnb.display.dot import dot_program, dot_text, run_dot
from jobnb.display.folding import combined_mark, fold_picture, levels
from jobnb.display.layout import Box, lay_out, structure_hash
from jobnb.display.picture import Card, Edge, Mark, Picture, Status, duration_text, marked
from tests.display.pictures import chain, every_state, woven
from tests.display.reading import HOSTILE


def overlap(one: Box, other: Box) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


def inside(inner: Box, outer: Box) -> bool:
    return (
        outer.x <= inner.x
        and outer.y <= inner.y
        and inner.x + inner.width <= outer.x + outer.width
        and inner.y + inner.height <= outer.y + outer.height
    )


def test_the_program_that_comes_with_the_wheel_is_found():
    assert "graphviz-pure" in dot_program()


@pytest.mark.parametrize("picture", [chain(30), woven(80, 5), every_state()], ids=lambda p: p.title)
def test_cards_never_overlap_and_lie_inside_the_picture(picture):
    found = lay_out(picture)
    assert set(found.boxes) == {card.key for card in picture.cards}
    whole = Box(0, 0, found.width, found.height)
    assert all(inside(box, whole) for box in found.boxes.values())
    assert not any(overlap(a, b) for a, b in itertools.combinations(found.boxes.values(), 2))


def test_a_frame_holds_its_cards_and_no_others():
    picture = woven(40, 4)
    found = lay_out(picture)
    assert len(found.frames) == 4
    for frame in found.frames:
        for card in picture.cards:
            belongs = card.group[: len(frame.path)] == frame.path
            assert overlap(found.boxes[card.key], frame.box) == belongs
            assert inside(found.boxes[card.key], frame.box) == belongs


def test_nested_frames_lie_inside_their_outer_frame():
    cards = (Card("a", "a", group=("x",)), Card("b", "b", group=("x", "y")), Card("c", "c"))
    found = lay_out(Picture("nested", cards, (Edge("a", "b"), Edge("b", "c"))))
    outer, inner = found.frames
    assert (outer.path, inner.path) == (("x",), ("x", "y"))
    assert inside(inner.box, outer.box)


def test_arrows_lead_from_left_to_right_between_their_cards():
    picture = chain(4)
    found = lay_out(picture)
    for line in found.lines:
        edge = picture.edges[line.edge]
        start, end = found.boxes[edge.start], found.boxes[edge.end]
        assert line.points[0][0] == pytest.approx(start.x + start.width, abs=2)
        assert line.tip[0] == pytest.approx(end.x, abs=2)


def test_a_state_never_moves_a_card():
    picture = every_state()
    bare = marked(picture, {})
    assert structure_hash(picture) == structure_hash(bare)
    assert lay_out(picture) is lay_out(bare)


def test_another_structure_is_another_layout():
    assert structure_hash(chain(3)) != structure_hash(chain(4))


def test_kept_layouts_are_few():
    for count in range(1, layout._KEPT + 6):
        lay_out(chain(count))
    assert len(layout._layouts) <= layout._KEPT


def test_cards_without_arrows_fill_rows_not_one_tall_column():
    found = lay_out(Picture("loose", tuple(Card(str(n), f"asset_{n}") for n in range(30))))
    assert found.height < found.width
    assert found.lines == ()


def test_edges_to_nowhere_are_left_out():
    picture = Picture("p", (Card("a", "a"),), (Edge("a", "gone"), Edge("gone", "a")))
    assert lay_out(picture).lines == ()


def test_circles_are_drawn():
    cards = (Card("a", "a"), Card("b", "b"))
    picture = Picture("circle", cards, (Edge("a", "b"), Edge("b", "a"), Edge("a", "a")))
    assert len(lay_out(picture).lines) == 3


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_no_name_reaches_the_dot_text_or_breaks_the_layout(text):
    cards = (Card(text, text, text, text, group=(text, text)), Card("other", "b"))
    picture = Picture(text, cards, (Edge(text, "other", text),))
    assert "script" not in dot_text(picture)
    found = lay_out(picture)
    assert set(found.boxes) == {text, "other"}
    assert found.frames[0].path == (text,)


def test_without_a_program_there_is_no_layout(monkeypatch):
    monkeypatch.setattr(dot, "dot_program", lambda: None)
    assert run_dot("digraph {}") is None


def test_a_program_that_fails_or_hangs_gives_no_layout(monkeypatch, tmp_path):
    for name, body in (("fails", "exit 3"), ("lies", "echo nonsense"), ("hangs", "sleep 60")):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{body}\n")
        program.chmod(0o755)
        monkeypatch.setattr(dot, "dot_program", lambda program=program: str(program))
        assert run_dot("digraph {}", time_limit=0.2) is None


def test_a_system_dot_is_taken_where_the_wheel_is_missing(monkeypatch, tmp_path):
    program = tmp_path / ("dot.exe" if os.name == "nt" else "dot")
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setattr(dot, "_script_folders", list)
    monkeypatch.setenv("PATH", str(tmp_path))
    dot_program.cache_clear()
    try:
        assert dot_program() == str(program)
    finally:
        dot_program.cache_clear()


def test_large_pictures_fold_to_one_card_for_each_group():
    folded = fold_picture(woven(1000, 8))
    assert [card.title for card in folded.cards] == [f"group{n}" for n in range(8)]
    assert [card.kind for card in folded.cards] == ["125 assets"] * 8
    assert all(edge.start != edge.end for edge in folded.edges)
    assert sum(len(card.members) for card in folded.cards) == 1000


def test_small_pictures_stay_as_they_are():
    picture = woven(300, 3)
    assert fold_picture(picture) is picture


@pytest.mark.parametrize("count", [301, 1000, 20_000])
def test_a_long_chain_without_groups_folds_too(count):
    folded = fold_picture(chain(count))
    assert 1 < len(folded.cards) <= 30
    assert folded.cards[0].title.startswith("step_0 … ")
    assert sum(len(card.members) for card in folded.cards) == count
    assert lay_out(folded) is not None


def test_a_wide_fan_folds_to_its_ends_and_its_middle():
    middle = [Card(f"m{n}", f"m{n}") for n in range(1000)]
    edges = [Edge("a", card.key) for card in middle] + [Edge(card.key, "z") for card in middle]
    picture = Picture("fan", (Card("a", "a"), *middle, Card("z", "z")), tuple(edges))
    folded = fold_picture(picture)
    assert [card.title for card in folded.cards] == ["a", "m0 … m999", "z"]
    assert [(e.start, e.end) for e in folded.edges] == [
        ("a", folded.cards[1].key),
        (folded.cards[1].key, "z"),
    ]


def test_a_folded_card_shows_the_gravest_state_of_its_members():
    card = Card("f", "f", members=("a", "b", "c"))
    done = {key: Mark(Status.SUCCEEDED) for key in "abc"}
    assert combined_mark(card, done).status is Status.SUCCEEDED
    assert combined_mark(card, done | {"b": Mark(Status.FAILED)}) == Mark(Status.FAILED, "1 failed")
    running = combined_mark(card, done | {"c": Mark(Status.RUNNING)})
    assert running == Mark(Status.RUNNING, "2 done")
    assert combined_mark(card, {}).status is Status.NONE


def test_levels_count_the_longest_way():
    edges = (Edge("a", "b"), Edge("b", "c"), Edge("a", "c"))
    cards = tuple(Card(key, key) for key in "abc")
    assert levels(Picture("p", cards, edges)) == {"a": 0, "b": 1, "c": 2}


def test_levels_end_where_there_is_a_circle():
    cards = tuple(Card(key, key) for key in "ab")
    assert levels(Picture("p", cards, (Edge("a", "b"), Edge("b", "a")))) == {"a": 0, "b": 0}


def test_a_picture_travels_as_json():
    picture = every_state()
    data = msgspec.json.encode(picture)
    assert msgspec.json.decode(data, type=Picture) == picture
    found = lay_out(picture)
    assert msgspec.json.decode(msgspec.json.encode(found), type=layout.Layout) == found


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 14).flatmap(
        lambda count: st.tuples(
            st.lists(
                st.lists(st.sampled_from("xyz"), max_size=3).map(tuple),
                min_size=count,
                max_size=count,
            ),
            st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), max_size=24),
        )
    )
)
def test_any_graph_is_laid_out_whole(drawn):
    groups, arrows = drawn
    cards = tuple(Card(f"c{n}", f"card {n}", group=group) for n, group in enumerate(groups))
    edges = tuple(Edge(f"c{a}", f"c{b}") for a, b in arrows)
    found = lay_out(Picture("any", cards, edges))
    assert set(found.boxes) == {card.key for card in cards}
    assert [line.edge for line in found.lines] == list(range(len(edges)))
    assert not any(overlap(a, b) for a, b in itertools.combinations(found.boxes.values(), 2))


def test_durations_are_short_whatever_their_size():
    for power in range(-6, 7):
        assert len(duration_text(9.994999 * 10.0**power)) <= 10
    assert duration_text(None) == duration_text(-1) == ""
    assert duration_text(59.99) == "1 m 0 s"
    assert duration_text(0.9999) == "1.0 s"


def test_laying_out_needs_no_heavy_library():
    code = (
        "import sys; from jobnb.display.svg import picture_svg;"
        "from jobnb.display.picture import *; picture_svg(Picture('p', (Card('a', 'a'),)));"
        "assert not {'pandas', 'IPython', 'graphviz', 'pydantic'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
