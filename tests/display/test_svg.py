from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobnb.display.layout import lay_out
from jobnb.display.palette import COLOURS, DARK, GLYPHS, LIGHT, SIGNS, WORDS
from jobnb.display.picture import Card, Cluster, Edge, Mark, Picture, Status
from jobnb.display.svg import picture_svg, text_svg
from jobnb.display.text_metrics import (
    CARD_HEIGHT,
    PAD,
    SMALL,
    TITLE,
    clean,
    elide,
    elide_end,
    fitting_line,
    needs_clip,
    width,
)
from jobnb.display.view import View, bundle, picture_html
from tests.display.pictures import chain, every_state, many, woven
from tests.display.reading import read_html, read_svg

SVG = "{http://www.w3.org/2000/svg}"


def texts(root):
    return ["".join(element.itertext()) for element in root.iter(f"{SVG}text")]


def nodes(root):
    return {g.get("data-key"): g for g in root.iter(f"{SVG}g") if g.get("data-key") is not None}


def test_every_card_has_its_title_state_and_duration():
    picture = every_state()
    cards = nodes(read_svg(picture_svg(picture)))
    assert set(cards) == {status.value for status in Status}
    for status in Status:
        card = cards[status.value]
        assert f"jn-{status.value}" in card.get("class").split()
        assert texts(card)[-1] == "12 m 32 s"
        assert WORDS[status] in card.get("aria-label")


def test_states_differ_by_sign_as_well_as_by_colour():
    shown = [status for status in Status if status is not Status.NONE]
    assert len({GLYPHS[status] for status in shown}) == len(shown)
    assert len({SIGNS[status] for status in shown}) == len(shown)
    cards = nodes(read_svg(picture_svg(every_state())))
    for status in shown:
        paths = [path.get("d") for path in cards[status.value].iter(f"{SVG}path")]
        assert GLYPHS[status] in paths


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_text_stands_out_from_its_ground(theme):
    for ground in ("bg", "soft"):
        assert contrast(theme["fg"], theme[ground]) >= 7
        assert contrast(theme["muted"], theme[ground]) >= 4.5


def test_words_in_the_colour_of_a_state_can_be_read_on_white():
    for state in ("running", "succeeded", "failed", "stale", "missing", "canceled"):
        assert contrast(COLOURS[state], LIGHT["bg"]) >= 4.3


def test_a_picture_alone_knows_both_themes_and_a_viewer_without_css():
    markup = picture_svg(every_state())
    assert "prefers-color-scheme:dark" in markup
    assert "var(--jp-layout-color1,#ffffff)" in markup
    assert 'data-jp-theme-light="false"' in markup.replace("&quot;", '"')
    assert f'fill="{COLOURS["bg"]}"' in markup


def test_a_picture_in_a_page_leaves_the_style_sheet_to_the_page():
    assert "<style>" not in picture_svg(every_state(), standalone=False)


def test_it_tells_screen_readers_what_it_shows():
    root = read_svg(picture_svg(every_state()))
    assert root.get("role") == "img"
    assert root.find(f"{SVG}title").text == "every state"
    assert "1 failed" in root.find(f"{SVG}desc").text


def test_a_long_name_is_elided_and_whole_on_hover():
    name = "load_" + "x" * 200 + "_2013"
    root = read_svg(picture_svg(Picture("p", (Card("k", name),))))
    card = nodes(root)["k"]
    shown = texts(card)[0]
    assert "…" in shown
    assert shown.startswith("load_x")
    assert shown.endswith("_2013")
    assert name in card.find(f"{SVG}title").text


def test_texts_of_a_card_never_meet():
    picture = every_state()
    found = lay_out(picture)
    for card in picture.cards:
        box, mark = found.boxes[card.key], picture.mark(card.key)
        room = box.width - 2 * PAD - 5
        line = fitting_line(card, mark, room - width(mark.duration, SMALL) - 10)
        assert width(line, SMALL) + width(mark.duration, SMALL) + 9 <= room
        assert box.height == pytest.approx(CARD_HEIGHT, abs=0.1)


def test_the_state_matters_most_where_room_is_short():
    card = Card("k", "k", "pandas", "DataFrame")
    assert fitting_line(card, Mark(), 500) == "pandas · DataFrame"
    assert fitting_line(card, Mark(detail="16 rows"), 500) == "pandas · DataFrame · 16 rows"
    assert fitting_line(card, Mark(detail="16 rows"), 110) == "pandas · 16 rows"
    assert fitting_line(card, Mark(detail="16 rows"), 60) == "16 rows"
    assert fitting_line(card, Mark(detail="16 rows and more"), 50).startswith("16")


def test_a_missing_upstream_is_a_dashed_card():
    picture = Picture("p", (Card("m", "m", shape="missing"), Card("a", "a")), (Edge("m", "a"),))
    card = nodes(read_svg(picture_svg(picture)))["m"]
    assert "jn-missing" in card.get("class")
    assert any(rect.get("stroke-dasharray") for rect in card.iter(f"{SVG}rect"))
    assert "missing" in card.get("aria-label")


def test_any_text_can_be_drawn(hostile):
    card = Card(hostile, hostile, hostile, hostile, "asset", (hostile,) if hostile else (), hostile)
    clusters = (Cluster(card.group, hostile, tooltip=hostile),)
    marks = {hostile: Mark(Status.FAILED, hostile, hostile)}
    edges = (Edge(hostile, "b", hostile),)
    picture = Picture(hostile, (card, Card("b", "b")), edges, clusters, marks, hostile)
    root = read_svg(picture_svg(picture))
    assert len(nodes(root)) == 2


@settings(max_examples=40, deadline=None)
@given(st.text(), st.text(), st.text())
def test_any_text_can_be_drawn_by_chance_too(title, detail, group):
    picture = Picture(
        title,
        (Card("k", title, detail, group=(group,)), Card("b", detail)),
        (Edge("k", "b", detail),),
        marks={"k": Mark(Status.STALE, detail, "")},
    )
    read_svg(picture_svg(picture))
    read_svg(text_svg(title, detail.splitlines()))


@given(st.text(max_size=80), st.floats(10, 400))
def test_an_elided_text_fits(text, room):
    assert width(elide(text, room, TITLE, "bold"), TITLE, "bold") <= max(room, TITLE * 1.01)
    assert width(elide_end(text, room, SMALL), SMALL) <= max(room, SMALL * 1.01)


@given(st.text())
def test_clean_text_is_one_line(text):
    assert len(clean(text).splitlines()) <= 1


def test_wide_characters_count_double_and_marks_nothing():
    assert width("日本", 10) >= 20
    assert width("🎉", 10) >= 10
    assert width("e\u0301", 10) == width("e", 10)
    assert needs_clip("日本")
    assert not needs_clip("336,776 × 19 · …")


def test_lines_of_text_become_a_picture_of_limited_size():
    root = read_svg(text_svg("t", [f"line {n} " + "x" * 500 for n in range(1000)], most=50))
    shown = texts(root)
    assert len(shown) == 50
    assert shown[-1] == "… 951 more lines"
    assert float(root.get("width")) < 1000


def test_a_thousand_cards_take_no_more_room_than_their_groups():
    from jobnb.display.folding import fold_picture

    root = read_svg(picture_svg(fold_picture(woven(1000, 8))))
    assert len(nodes(root)) == 8


@pytest.mark.parametrize("count", [40, 90, 150, 400, 1000])
@pytest.mark.parametrize("shape", ["chain", "skips", "layers", "tree", "fan"])
def test_the_picture_of_a_large_graph_can_be_read_on_a_page_where_nobody_scrolls(shape, count):
    picture = many(shape, count, grouped=shape == "layers")
    shown = bundle(View("p", "text", picture_html(picture), picture))
    assert float(read_svg(shown["image/svg+xml"]).get("width")) <= 2000
    page = read_html(shown["text/html"])
    assert "svg" in page.tags


def test_a_running_step_colours_the_arrow_that_leads_to_it():
    picture = chain(2)
    running = Picture("p", picture.cards, picture.edges, marks={"s1": Mark(Status.RUNNING)})
    groups = read_svg(picture_svg(running)).iter(f"{SVG}g")
    assert [g.get("class") for g in groups][:1] == ["jn-running"]
