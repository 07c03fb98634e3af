"""Without a layout program, cards, arrows and frames have places where they do not cover others."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobnb.display import layout
from jobnb.display.layout import cluster_paths, layout_from_dot
from jobnb.display.picture import Card, Cluster, Edge, Picture
from jobnb.display.plain_layout import plain_layout, ranks


def laid_out(picture: Picture):
    return layout_from_dot(picture, plain_layout(picture, cluster_paths(picture)))


def picture_of(count: int, pairs=(), groups=()) -> Picture:
    cards = [Card(str(n), f"asset_{n}", group=groups[n] if groups else ()) for n in range(count)]
    paths = {group[:depth] for group in groups for depth in range(1, len(group) + 1)}
    edges = tuple(Edge(str(a), str(b)) for a, b in pairs)
    return Picture("p", tuple(cards), edges, tuple(Cluster(p, p[-1]) for p in sorted(paths)))


def apart(one, other) -> bool:
    return (
        one.x + one.width <= other.x
        or other.x + other.width <= one.x
        or one.y + one.height <= other.y
        or other.y + other.height <= one.y
    )


def within(inner, outer) -> bool:
    return (
        outer.x <= inner.x
        and inner.x + inner.width <= outer.x + outer.width + 0.2
        and outer.y <= inner.y
        and inner.y + inner.height <= outer.y + outer.height + 0.2
    )


GROUPS = st.sampled_from([(), ("a",), ("b",), ("a", "c"), ("a", "d"), ("b", "c", "e")])


@given(st.data())
def test_nothing_covers_anything_else(data):
    count = data.draw(st.integers(0, 9))
    groups = data.draw(st.lists(GROUPS, min_size=count, max_size=count))
    ends = st.integers(0, max(count - 1, 0))
    pairs = data.draw(st.lists(st.tuples(ends, ends), max_size=12)) if count else []
    picture = picture_of(count, pairs, groups)
    found = laid_out(picture)
    assert len(found.boxes) == count
    assert len(found.lines) == len(pairs)
    frames = {frame.path: frame.box for frame in found.frames}
    assert set(frames) == set(cluster_paths(picture))
    for one, other in combinations(found.boxes.values(), 2):
        assert apart(one, other)
    for card in picture.cards:
        for path, box in frames.items():
            inside = card.group[: len(path)] == path
            assert (
                within(found.boxes[card.key], box) if inside else apart(found.boxes[card.key], box)
            )
    for (path, box), (other, around) in combinations(frames.items(), 2):
        if other[: len(path)] == path:
            assert within(around, box)
        elif path[: len(other)] == other:
            assert within(box, around)
        else:
            assert apart(box, around)
    for box in (*found.boxes.values(), *frames.values()):
        assert 0 <= box.x <= box.x + box.width <= found.width
        assert 0 <= box.y <= box.y + box.height <= found.height


def test_what_is_downstream_stands_to_the_right_and_circles_end():
    assert ranks(picture_of(4, [(0, 1), (1, 2), (0, 2), (2, 3)])) == [0, 1, 2, 3]
    assert sorted(ranks(picture_of(3, [(0, 1), (1, 2), (2, 0)]))) == [0, 1, 2]


def test_a_picture_is_drawn_without_the_program_and_a_large_one_is_left_to_text(monkeypatch):
    monkeypatch.setattr(layout, "dot_program", lambda: None)
    assert layout.lay_out(picture_of(3, [(0, 1)], [("x",)] * 3)) is not None
    monkeypatch.setattr(layout, "_MOST_PLAIN", 2)
    assert layout.lay_out(picture_of(3, [(0, 2)], [("y",)] * 3)) is None


@pytest.mark.parametrize("count", [1000])
def test_it_is_linear_enough(count):
    found = laid_out(picture_of(count, [(n, n + 1) for n in range(count - 1)]))
    assert len(found.boxes) == count
