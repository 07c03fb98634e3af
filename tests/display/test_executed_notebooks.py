"""Executed notebooks inline: words, code and figures, and nothing that runs."""

from __future__ import annotations

import base64
import json

import pandas as pd
import pytest

from jobnb import ExecutedNotebook
from jobnb.display.executed_notebooks import notebook_view
from jobnb.display.foreign_html import html_tree
from jobnb.display.markdown_html import drawn
from jobnb.display.values import value_html
from jobnb.display.widgets.previews import preview
from tests.display.reading import read_html

PNG = base64.b64encode(b"\x89PNG\r\n").decode()
EVIL = "<img src=x onerror=alert(1)><script>alert(2)</script>"


def cell(source: str, *outputs: dict, kind: str = "code") -> dict:
    more = {"outputs": list(outputs), "execution_count": 1} if kind == "code" else {}
    return {"cell_type": kind, "source": source.splitlines(True), "metadata": {}, **more}


def shown(**data: str) -> dict:
    kinds = {"html": "text/html", "png": "image/png", "svg": "image/svg+xml", "text": "text/plain"}
    named = {kinds[name]: text for name, text in data.items()}
    return {"output_type": "display_data", "data": named, "metadata": {}}


def notebook(*cells: dict, **more) -> ExecutedNotebook:
    node = {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return ExecutedNotebook(json.dumps(node), "sales.ipynb", kernel="python3", **more)


def said(value) -> str:
    return "".join(read_html(value_html(value)).said)


def test_words_code_printed_text_tables_and_figures_are_shown():
    frame = pd.DataFrame({"carrier": ["UA"], "flights": [7]})
    done = notebook(
        cell("# Sales of a year", kind="markdown"),
        cell("print('hello')\nprint('you')", {"output_type": "stream", "text": ["hello\n"]}),
        cell("frame", shown(html=frame.to_html(), text=str(frame))),
        cell("plot()", shown(png=PNG, text="<Figure>")),
        results={"total": 3},
    )
    words = said(done)
    for each in ("Sales of a year", "hello", "carrier", "UA", "3 code cells · kernel python3"):
        assert each in words
    assert "[1] print('hello') … 2 lines" in words
    assert f"data:image/png;base64,{PNG}" in value_html(done)
    assert "total = 3" in notebook_view(done).text
    assert "[figure]" in notebook_view(done).text
    told = preview(done)
    assert told["kind"] == "notebook"
    assert told["results"] == [["total", "3"]] or told["results"] == [("total", "3")]
    json.dumps(told)


def test_nothing_in_it_runs():
    done = notebook(
        cell(EVIL, kind="markdown"),
        cell(EVIL, {"output_type": "stream", "text": EVIL}),
        cell("1", shown(html=f"<table><tr><td onclick=alert(3)>kept{EVIL}</td></tr></table>")),
        cell("2", shown(svg=f"<svg>{EVIL}</svg>", text="drawn")),
        cell("3", {"output_type": "error", "ename": EVIL, "evalue": EVIL, "traceback": [EVIL]}),
        results={EVIL: EVIL},
    )
    markup = value_html(done)
    page = read_html(markup)
    assert "script" not in page.tags
    assert "onerror" not in markup.replace("onerror=alert(1)&gt;", "")
    assert "onclick" not in markup
    assert "kept" in "".join(page.said)


def test_what_only_a_script_would_draw_is_shown_as_text():
    done = notebook(
        cell("draw()", shown(html="<div><script>draw()</script></div>", text="Chart(3)"))
    )
    assert "Chart(3)" in said(done)


def test_a_failed_cell_says_what_was_raised_and_folds_the_traceback():
    error = {
        "output_type": "error",
        "ename": "ValueError",
        "evalue": "no",
        "traceback": ["\x1b[31mat"],
    }
    markup = value_html(notebook(cell("load()", error)))
    assert "ValueError: no" in markup
    assert "\x1b" not in markup


def test_the_bytes_of_a_notebook_are_shown_as_one_and_other_bytes_are_not():
    done = notebook(cell("print(1)", {"output_type": "stream", "text": "1\n"}))
    assert preview(done.text.encode())["kind"] == "notebook"
    assert "executed notebook" in said(done.text.encode())
    assert preview(b'{"cells": 3, "nbformat": 4}')["kind"] == "text"
    assert preview(b'{"cells": 3, "nbformat": 4')["kind"] == "text"


def test_a_notebook_that_cannot_be_read_falls_back_to_a_short_repr():
    assert "jn-value" in value_html(ExecutedNotebook("no json"))
    odd = notebook(cell("1", shown(png="no base64!", text="as text")))
    assert "data:image" not in value_html(odd)


@pytest.mark.parametrize(
    ("markup", "wanted"),
    [
        (
            "<table><tr><th rowspan='2'>a</th><td>1</td></tr><tr><td>2</td></tr></table>",
            [["a", "1"], ["", "2"]],
        ),
        (
            "<table><tr><td colspan=2>a<td>b<tr><td>1<td>2<td>3</table>",
            [["a", "", "b"], ["1", "2", "3"]],
        ),
        ("<table><tr><td>1<td>2<tr><td>3</table>", [["1", "2"], ["3"]]),
    ],
)
def test_each_value_of_a_table_stays_in_its_column(markup, wanted):
    rows = []
    for row in drawn(html_tree(markup)).split("<tr>")[1:]:
        cells = row.replace("<th>", "<td>").replace("</th>", "</td>").split("<td>")[1:]
        rows.append([each.split("</td>")[0] for each in cells])
    assert rows == wanted


def test_a_frame_with_levels_keeps_its_rows():
    frame = pd.DataFrame(
        {"n": [1, 2, 3]}, index=pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)])
    )
    markup = drawn(html_tree(frame.to_html()))
    widths = [row.count("<td>") + row.count("<th>") for row in markup.split("<tr>")[1:]]
    assert set(widths) == {3}
