"""A look at a value is plain data that can be sent, whatever the value is."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobnb import MetadataValue
from jobnb.definitions.metadata import to_json
from jobnb.display.widgets.previews import metadata_rows, preview
from tests.display.reading import HOSTILE


def test_a_frame_shows_its_head_shape_and_types():
    frame = pd.DataFrame({"city": ["Ulm", "Köln"] * 10, "n": range(20), "x": [1.5, None] * 10})
    shown = preview(frame)
    assert shown["kind"] == "table"
    assert [column["name"] for column in shown["columns"]] == ["city", "n", "x"]
    assert [column["number"] for column in shown["columns"]] == [False, True, True]
    assert shown["columns"][1]["dtype"] == "int64"
    assert shown["rows"][1] == ["1", "Köln", "1", "nan"]
    assert len(shown["rows"]) == 10
    assert shown["note"] == "DataFrame · 20 rows × 3 columns, the first 10 shown"


def test_a_wide_frame_is_cut():
    assert len(preview(pd.DataFrame(np.zeros((2, 500))))["columns"]) == 30


def test_a_series_and_an_index_are_tables_too():
    shown = preview(pd.Series([1.5, 2.5], index=["a", "b"], name="price"))
    assert (shown["columns"][0]["name"], shown["rows"]) == ("price", [["a", "1.5"], ["b", "2.5"]])
    assert preview(pd.Index([3, 4]))["rows"] == [["0", "3"], ["1", "4"]]


def test_an_array_is_text_with_its_shape():
    shown = preview(np.arange(6).reshape(2, 3))
    assert (shown["kind"], shown["note"]) == ("text", "array · 2 × 3 · int64")


def test_a_figure_is_a_picture():
    pytest.importorskip("matplotlib").use("agg")
    from matplotlib.figure import Figure

    figure = Figure()
    figure.subplots().plot([1, 2])
    shown = preview(figure)
    assert shown["kind"] == "image"
    assert shown["src"].startswith("data:image/png;base64,")
    json.dumps(shown)


class Drawn:
    def _repr_svg_(self):
        return "<svg onload='alert(1)'/>"


class Marked:
    def _repr_html_(self):
        return "<b onclick='alert(1)'>bold</b>"


class Broken:
    def _repr_png_(self):
        raise RuntimeError("no picture")

    def __repr__(self):
        raise RuntimeError("no repr")


def test_markup_of_an_object_is_never_sent():
    assert preview(Drawn())["src"].startswith("data:image/svg+xml;base64,")
    shown = preview(Marked())
    assert shown["kind"] == "rich"
    assert "onclick" not in json.dumps(shown)


def test_what_cannot_be_shown_is_told_in_words():
    assert "Broken" in preview(Broken())["text"]
    assert preview(Drawn)["kind"] == "text"  # the class itself


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_any_text_can_be_sent(text):
    names = pd.Index([text], dtype=object)
    frame = pd.DataFrame([[text]], columns=names, dtype=object)
    for value in (text, [text], {text: text}, frame, frame.iloc[:, 0], names):
        json.dumps(preview(value), ensure_ascii=False).encode()
    rows = metadata_rows(to_json({"a": text, "b": MetadataValue.md(text), "c": [text]}))
    json.dumps(rows, ensure_ascii=False).encode()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_any_plain_value_has_a_preview(value):
    shown = preview(value)
    assert shown["kind"] in ("text", "table", "image", "rich")
    assert "\n" not in shown["line"]
    json.dumps(shown, ensure_ascii=False).encode()


def test_a_long_text_is_cut_with_a_note():
    shown = preview("x" * 150_000)
    assert (len(shown["text"]), shown["note"]) == (100_000, "50,000 more characters")


def test_only_an_address_that_may_be_followed_is_a_link():
    bad = "java" + "script:alert(1)"
    rows = metadata_rows(
        to_json({"good": MetadataValue.url("https://a.org/x"), "bad": MetadataValue.url(bad)})
    )
    assert [row.get("url") for row in rows] == ["https://a.org/x", None]
    assert rows[1]["text"] == bad
