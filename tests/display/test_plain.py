"""Markdown where no markup is shown: words without its signs, in hover, tables and texts."""

from __future__ import annotations

import pytest

from jobnb import AssetCheckSpec, Session, asset, job, op
from jobnb.display.asset_pictures import asset_picture
from jobnb.display.asset_views import asset_view
from jobnb.display.graph_pictures import graph_picture, job_picture
from jobnb.display.noun_views import doc_line, job_view
from jobnb.display.widgets.catalogue_data import asset_rows
from jobnb.display.widgets.job import JobView
from jobnb.display.widgets.launchpad import Launchpad
from jobnb.markdown import plain

DOC = """# Orders

All **paid** ones, by `day`:

1. of *one* shop
2. [of others](https://example.org)

| shop | n |
|------|---|
| a_b  | 3 |
"""


@asset(description=DOC, check_specs=[AssetCheckSpec("full", asset="orders", description="**all**")])
def orders(): ...


@op(description="Loads **all**.")
def load(): ...


@job(description="Runs **daily**: `load`.")
def daily():
    load()


def is_plain(text):
    return not any(sign in text for sign in ("**", "`", "# ", "](", "|--"))


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("plain words", "plain words"),
        ("an_identifier_of_ours and 2 * 3 * 4", "an_identifier_of_ours and 2 * 3 * 4"),
        ("**a** _b_ `c`", "a b c"),
        ("a < b && c", "a < b && c"),
        ("- a\n  - b\n- c", "• a\n  • b\n• c"),
        ("3. a\n4. b", "3. a\n4. b"),
        ("![alt](x.png) <b>", "alt <b>"),
        ("```python\nx = 1\n```", "x = 1"),
        (
            "An **indent**\n\n    is no code in a docstring.",
            "An indent\nis no code in a docstring.",
        ),
        ("", ""),
    ],
)
def test_signs_go_and_words_stay(source, said):
    assert plain(source) == said


def test_a_whole_description_reads_in_order():
    assert plain(DOC).splitlines() == [
        "Orders",
        "All paid ones, by day:",
        "1. of one shop",
        "2. of others",
        "shop  n",
        "a_b  3",
    ]


def test_hover_tables_and_texts_show_no_signs_and_html_shows_markup():
    assert doc_line(DOC) == " - Orders"
    (card,) = asset_picture([orders], title="t").cards
    assert is_plain(card.tooltip)
    assert "paid" in card.tooltip
    assert is_plain(graph_picture(daily.graph).cards[0].tooltip)
    assert job_picture(daily).description == "Runs daily: load."
    assert is_plain(job_view(daily).text)
    view = asset_view(orders)
    assert is_plain(view.text)
    assert "<strong>paid</strong>" in view.html
    session = Session().add(orders, daily)
    (row,) = asset_rows(session.snapshot(), {})
    assert row["doc"] == "Orders"


def test_a_jobs_note_and_its_launchpad_show_no_signs():
    view = JobView(daily)
    texts = [str(getattr(each, "text", "")) for each in view.children]
    assert all(map(is_plain, texts))
    assert Launchpad(daily).form.head["help"] == "Runs daily: load."
