"""How a graph opens and is fitted: where one looks first, whatever its size, in a box of any width.

The functions that decide are JavaScript; they are called here with the very drawings that a
front end gets.
"""

from __future__ import annotations

import json
import math
from functools import cache
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from py_mini_racer import MiniRacer

from jobnb.display.picture import Card, Edge, Picture
from jobnb.display.widgets.graph import GraphView
from tests.display.pictures import SHAPES, every_state, many, woven

READABLE = 0.7
WIDTHS = (1280, 620, 320)
COUNTS = (1, 40, 90, 150, 400, 1000)


@cache
def script():
    racer = MiniRacer()
    racer.eval(files("jobnb.display").joinpath("static/parts/graph_move.js").read_text())
    return racer


def call(name, *given):
    """What a function of the script returns."""
    said = ", ".join(json.dumps(each) for each in given)
    return json.loads(script().eval(f"JSON.stringify({name}({said}))"))


@cache
def drawn(shape, count, grouped=False, name="asset_{}"):
    return GraphView(many(shape, count, grouped=grouped, name=name)).drawing


def window(view, width):
    """What is seen, in the measures of the drawing: left, top, right, bottom."""
    k = view["k"]
    left, top = -view["x"] / k, -view["y"] / k
    return left, top, left + width / k, top + view["height"] / k


def within(box, seen, by=0.01):
    x, y, wide, high = box
    left, top, right, bottom = seen
    return x >= left - by and y >= top - by and x + wide <= right + by and y + high <= bottom + by


def outside(box, seen):
    x, y, wide, high = box
    left, top, right, bottom = seen
    return x >= right or y >= bottom or x + wide <= left or y + high <= top


def roots(drawing):
    """What nothing leads to, in the first column; all of it in a circle."""
    led = {edge["end"] for edge in drawing["edges"] if edge["start"] != edge["end"]}
    column = min(card["box"][0] + card["box"][2] for card in drawing["cards"])
    first = [card for card in drawing["cards"] if card["box"][0] < column]
    return [card["box"] for card in first if card["key"] not in led] or [c["box"] for c in first]


def room_for(boxes, tallest):
    """Whether all of them have room in a readable size."""
    top = min(box[1] for box in boxes)
    return max(box[1] + box[3] for box in boxes) - top <= tallest / READABLE - 18


def has_gap(drawing, width):
    """Whether at some readable size the right side may lie between two columns."""
    reached = 0.0
    sides = sorted((card["box"][0], card["box"][0] + card["box"][2]) for card in drawing["cards"])
    for left, right in [*sides, (math.inf, math.inf)]:
        if reached and max(width, reached + 8) <= min(width / READABLE, left - 2):
            return True
        reached = max(reached, right)
    return False


@pytest.mark.parametrize("grouped", [False, True], ids=["loose", "grouped"])
@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_graph_opens_at_its_roots_with_whole_cards(shape, count, grouped):
    drawing = drawn(shape, count, grouped)
    for width in WIDTHS:
        for tallest in (460, 320):
            view = call("openingView", drawing, width, tallest)
            seen = window(view, width)
            assert READABLE - 1e-6 <= view["k"] <= 1
            assert 90 <= view["height"] <= tallest
            whole = [box for box in roots(drawing) if within(box, seen)]
            assert whole, (width, tallest)
            if room_for(roots(drawing), tallest):
                assert len(whole) == len(roots(drawing)), (width, tallest)


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape != "wide layers"])
def test_no_card_is_cut_at_the_sides_where_a_graph_opens(shape, count):
    drawing = drawn(shape, count, True)
    for width in (width for width in WIDTHS if has_gap(drawing, width)):
        seen = window(call("openingView", drawing, width, 460), width)
        shown = [card for card in drawing["cards"] if not outside(card["box"], seen)]
        column = (seen[0], -math.inf, seen[2], math.inf)
        assert [card["title"] for card in shown if not within(card["box"], column)] == [], width


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("shape", ["chain", "fan", "gathering", "loose"])
def test_no_card_is_cut_at_all_where_rows_lie_side_by_side(shape, count):
    drawing = drawn(shape, count)
    for width in (width for width in WIDTHS if has_gap(drawing, width)):
        seen = window(call("openingView", drawing, width, 460), width)
        shown = [card for card in drawing["cards"] if not outside(card["box"], seen)]
        assert [card["title"] for card in shown if not within(card["box"], seen)] == [], width


@pytest.mark.parametrize("shape", SHAPES)
def test_long_names_leave_room_for_whole_cards(shape):
    name = "a_very_long_name_of_an_asset_that_somebody_made_{}_of_many_such_names"
    drawing = drawn(shape, 40, True, name)
    for width in WIDTHS:
        seen = window(call("openingView", drawing, width, 460), width)
        assert any(within(box, seen) for box in roots(drawing)), width


@pytest.mark.parametrize("picture", [woven(60, 5), every_state()], ids=lambda p: p.title)
def test_a_small_or_woven_graph_opens_at_a_root(picture):
    drawing = GraphView(picture).drawing
    for width in WIDTHS:
        seen = window(call("openingView", drawing, width, 460), width)
        assert any(within(box, seen) for box in roots(drawing)), width


def test_what_can_be_read_whole_is_seen_whole_and_in_the_middle():
    drawing = GraphView(many("chain", 3)).drawing
    view = call("openingView", drawing, 1280, 460)
    assert view["k"] == 1
    left, top, right, bottom = window(view, 1280)
    assert left == pytest.approx(drawing["width"] - right)
    assert top == pytest.approx(drawing["height"] - bottom)


def test_a_graph_in_a_circle_opens_with_whole_cards():
    cards = tuple(Card(f"n{n}", f"node_{n}") for n in range(40))
    edges = tuple(Edge(f"n{n}", f"n{(n + 1) % 40}") for n in range(40))
    drawing = GraphView(Picture("circle", cards, edges)).drawing
    seen = window(call("openingView", drawing, 620, 460), 620)
    assert any(within(card["box"], seen) for card in drawing["cards"])


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("shape", SHAPES)
def test_all_of_a_graph_is_seen_once_it_is_fitted(shape, count):
    whole = GraphView(many(shape, min(count, 400)), most=2000).drawing
    for drawing in (drawn(shape, count), whole):
        for width in WIDTHS:
            height = call("openingView", drawing, width, 460)["height"]
            view = call("fittedView", drawing, width, height)
            seen = window({**view, "height": height}, width)
            assert all(within(card["box"], seen) for card in drawing["cards"])
            assert all(within(frame["box"], seen) for frame in drawing["frames"])
            assert view["k"] <= 1


boxes = st.tuples(*(st.floats(0, 30_000) for _ in range(2)), st.floats(168, 264), st.just(46.0))
views = st.fixed_dictionaries(
    {
        "k": st.floats(0.05, 3),
        "x": st.floats(-20_000, 20_000),
        "y": st.floats(-20_000, 20_000),
    }
)


@settings(max_examples=50, deadline=None)
@given(views, boxes, boxes)
def test_what_is_held_stays_where_it_was_on_the_screen(view, before, after):
    held = call("heldView", view, before, after)
    assert held["k"] == view["k"]
    for at, side in enumerate("xy"):
        was = view[side] + before[at] * view["k"]
        assert held[side] + after[at] * view["k"] == pytest.approx(was, abs=1e-3)


@settings(max_examples=50, deadline=None)
@given(views, boxes, st.floats(300, 1300), st.floats(90, 460))
def test_what_is_revealed_is_seen_and_what_is_seen_does_not_move(view, box, width, height):
    revealed = call("revealedView", view, box, width, height)
    k = view["k"]
    seen = window({**revealed, "height": height}, width)
    room = box[2] * k + 32 <= width and box[3] * k + 32 <= height
    assert not room or within(box, seen, by=0.5)
    again = call("revealedView", revealed, box, width, height)
    assert again == pytest.approx(revealed, abs=1e-6)
