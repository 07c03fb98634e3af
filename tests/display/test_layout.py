from __future__ import annotations

import itertools
import os
import subprocess
import sys

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobnb.display import layout
from jobnb.display.layout import (
    Box,
    Frame,
    Line,
    dot_program,
    dot_text,
    lay_out,
    run_dot,
    structure_hash,
    titled_frames,
)
from jobnb.display.picture import Card, Cluster, Edge, Picture, duration_text, marked
from jobnb.display.text_metrics import SMALL, cluster_title, width
from jobnb.display.widgets.drawing import plain_layout
from tests.display.pictures import chain, every_state, many, woven
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


def titles_crossed(picture, found):
    """The titles of frames that an arrow crosses, each curve followed in a hundred steps."""
    known = {cluster.path: cluster for cluster in picture.clusters}
    crossed = []
    for frame in found.frames:
        cluster = known.get(frame.path) or Cluster(frame.path, frame.path[-1])
        title = cluster_title(cluster, frame.title_room)
        assert title
        left, right = frame.box.x + frame.title_at, frame.box.x + frame.box.width
        text = Box(left, frame.box.y + 7, width(title, SMALL, "bold"), 13)
        assert text.x + text.width <= right
        crossed += [(title, line.edge) for line in found.lines if enters(line, text)]
    return crossed


def enters(line, box):
    return any(
        box.x < x < box.x + box.width and box.y < y < box.y + box.height for x, y in followed(line)
    )


def followed(line):
    for at in range(0, len(line.points) - 3, 3):
        (ax, ay), (bx, by), (cx, cy), (dx, dy) = line.points[at : at + 4]
        for step in range(101):
            t, s = step / 100, 1 - step / 100
            yield (
                s**3 * ax + 3 * s * s * t * bx + 3 * s * t * t * cx + t**3 * dx,
                s**3 * ay + 3 * s * s * t * by + 3 * s * t * t * cy + t**3 * dy,
            )
    yield line.tip


@pytest.mark.parametrize("layout_of", [lay_out, plain_layout])
@pytest.mark.parametrize(
    "picture",
    [
        *(woven(count, groups) for count, groups in ((60, 5), (80, 5), (120, 8), (250, 12))),
        every_state(),
        *(many(shape, 90, grouped=True) for shape in ("skips", "tree", "layers")),
    ],
    ids=lambda each: getattr(each, "__name__", "") or f"{each.title} {len(each.cards)}",
)
def test_no_arrow_crosses_the_title_of_a_group(picture, layout_of):
    assert titles_crossed(picture, layout_of(picture)) == []


def test_a_title_goes_to_the_right_of_the_arrows_that_cross_its_place():
    picture = Picture("p", (Card("a", "a", group=("group",)),))
    frame = Frame(("group",), Box(0, 0, 400, 100))
    steep = Line(0, ((30, -50), (30, 0), (40, 50), (40, 120)), (40, 128))
    (titled,) = titled_frames(picture, [frame], [steep])
    assert 34 < titled.title_at < 60
    (free,) = titled_frames(picture, [frame], [])
    assert free.title_at == 12


def test_a_title_is_cut_where_arrows_leave_no_room_for_all_of_it():
    name = "a group with a long name"
    picture = Picture("p", (Card("a", "a", group=(name,)),))
    frame = Frame((name,), Box(0, 0, 200, 100))
    lines = [Line(0, ((x, -50), (x, 0), (x, 50), (x, 120)), (x, 128)) for x in (30, 110, 140, 170)]
    (titled,) = titled_frames(picture, [frame], lines)
    assert titled.title_at > 30
    assert titled.title_at + titled.title_room < 110


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
    monkeypatch.setattr(layout, "dot_program", lambda: None)
    assert run_dot("digraph {}") is None


def test_a_program_that_fails_or_hangs_gives_no_layout(monkeypatch, tmp_path):
    for name, body in (("fails", "exit 3"), ("lies", "echo nonsense"), ("hangs", "sleep 60")):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{body}\n")
        program.chmod(0o755)
        monkeypatch.setattr(layout, "dot_program", lambda program=program: str(program))
        assert run_dot("digraph {}", time_limit=0.2) is None


def test_a_system_dot_is_taken_where_the_wheel_is_missing(monkeypatch, tmp_path):
    program = tmp_path / ("dot.exe" if os.name == "nt" else "dot")
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setattr(layout, "_script_folders", list)
    monkeypatch.setenv("PATH", str(tmp_path))
    dot_program.cache_clear()
    try:
        assert dot_program() == str(program)
    finally:
        dot_program.cache_clear()


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
