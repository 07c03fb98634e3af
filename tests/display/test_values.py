from __future__ import annotations

import base64
import tracemalloc

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobnb.display.value_words import short_repr, value_line
from jobnb.display.values import value_html
from tests.display.reading import read_html

mpl.use("agg")


def said(value) -> str:
    return "".join(read_html(value_html(value)).said)


def test_a_frame_shows_its_head_shape_and_types():
    frame = pd.DataFrame({"carrier": ["UA", "B6"] * 50, "flights": range(100)})
    words = said(frame)
    assert "100 rows × 2 columns" in words
    assert "int64" in words
    assert value_html(frame).count("<tr>") == 1 + 5


def test_a_large_frame_is_not_rendered_whole():
    frame = pd.DataFrame(np.zeros((100_000, 200)), columns=[f"c{n}" for n in range(200)])
    tracemalloc.start()
    markup = value_html(frame)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(markup) < 20_000
    assert peak < 5_000_000
    assert "100,000 rows × 200 columns" in markup


def test_odd_frames_are_shown_too():
    index = pd.MultiIndex.from_tuples([("a", 1), ("b", 2)])
    nested = pd.DataFrame([[1, [1, 2]], [2, {"x": None}]], index=index, columns=["a", "a"])
    assert "2 rows" in said(nested)
    assert "0 rows × 0 columns" in said(pd.DataFrame())
    wide = pd.DataFrame(
        {("x", "y"): pd.Categorical(["p", None]), "t": pd.to_datetime(["2013-01-01", None])}
    )
    assert "2013-01-01" in said(wide)


def test_hostile_frames_are_escaped(hostile):
    series = pd.Series([hostile], name=hostile, dtype=object)
    read_html(value_html(series))
    if "\ud800" not in hostile:  # pandas itself refuses those as labels
        frame = pd.DataFrame({hostile: [hostile, None]}, index=[hostile, "b"])
        read_html(value_html(frame))


def test_series_index_and_arrays_show_their_first_items():
    assert "1,000 rows" in said(pd.Series(range(1000), name="n"))
    assert "1,000 rows" in said(pd.Index(range(1000)))
    words = said(np.arange(1_000_000).reshape(1000, 1000))
    assert "1,000 × 1,000" in words
    assert len(words) < 2000
    assert "float64" in said(np.array(1.5))


def test_figures_are_pictures():
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(2, 1))
    for value in (figure, axes):
        markup = value_html(value)
        data = markup.partition("base64,")[2].partition('"')[0]
        assert base64.b64decode(data).startswith(b"\x89PNG")
    plt.close(figure)


class Rich:
    def __init__(self, **answers):
        self.answers = answers

    def _repr_html_(self):
        return self.answers.get("html")

    def _repr_svg_(self):
        return self.answers.get("svg")

    def _repr_png_(self):
        if "png" not in self.answers:
            raise RuntimeError("no picture")
        return self.answers["png"]

    def _repr_mimebundle_(self, **_):
        raise AssertionError("reading it may open a comm")

    def __repr__(self):
        return "<Rich>"


def test_an_object_shows_itself():
    assert "<i>own</i>" in value_html(Rich(html="<i>own</i>", png=None))
    assert "data:image/svg+xml;base64," in value_html(Rich(svg="<svg><script/></svg>"))
    assert "data:image/png;base64," in value_html(Rich(png=b"\x89PNG"))


def test_an_object_whose_reprs_raise_is_shown_by_its_plain_one():
    assert said(Rich(html="<b>")).strip() == "<Rich>"
    assert said(Rich(html=object())).strip() == "<Rich>"
    assert said(Rich(html="<p>" * 300_000)).strip() == "<Rich>"


class Worst:
    @property
    def shape(self):
        raise ValueError("no shape")

    def __getattr__(self, name):
        raise RuntimeError(name)

    def __repr__(self):
        raise RuntimeError("no repr")

    __str__ = __repr__


def test_the_worst_object_is_shown_by_its_class():
    assert "Worst" in said(Worst())
    assert "Worst" in value_line(Worst()) or value_line(Worst()) == "a value"
    assert "Worst" in said([Worst()])


def test_a_class_is_not_asked_for_the_reprs_of_its_objects():
    assert "Rich" in said(Rich)


def test_long_values_are_cut():
    assert len(short_repr(list(range(10_000_000)), 200)) <= 200
    assert "more lines" in said("line\n" * 1000)
    assert "10,000 bytes" in said(b"x" * 10_000)


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ([1, 2], "[1, 2]"),
        (list(range(10)), "list, 10 items"),
        ("text\nmore", "text more"),
        (None, "None"),
        (3.5, "3.5"),
    ],
)
def test_a_value_in_a_few_words(value, line):
    assert value_line(value) == line


def test_the_shape_of_a_frame_in_a_few_words():
    assert value_line(pd.DataFrame({"a": range(1000)})) == "DataFrame, 1,000 × 1"


@given(st.recursive(st.none() | st.text() | st.integers() | st.floats(), st.lists, max_leaves=8))
def test_any_value_has_a_look(value):
    markup = value_html(value)
    assert len(value_line(value).splitlines()) <= 1
    read_html(markup.encode("utf-8", "replace").decode())
