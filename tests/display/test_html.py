from __future__ import annotations

import re
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobnb.display.html import (
    Html,
    folded,
    header,
    is_balanced,
    join,
    link,
    page,
    pairs,
    preformatted,
    safe_url,
    table,
    tabs,
    tag,
)
from jobnb.display.markdown_html import markdown, prose_tree
from jobnb.display.picture import Status
from tests.display.reading import read_html


def said(markup: str) -> str:
    return "".join(read_html(markup).said)


def test_text_is_escaped_and_markup_is_not_escaped_again():
    inner = tag("b", "<i>")
    assert inner == "<b>&lt;i&gt;</b>"
    assert tag("p", inner, "&") == "<p><b>&lt;i&gt;</b>&amp;</p>"


def test_attributes_are_escaped():
    assert tag("p", title='"><script>') == '<p title="&quot;&gt;&lt;script&gt;"></p>'


def test_every_part_of_a_page_can_hold_any_text(hostile):
    markup = page(
        header(hostile, hostile, Status.FAILED, hostile),
        tabs([(hostile, tag("p", hostile)), ("two", preformatted(hostile))]),
        table([hostile], [[hostile], [tag("b", hostile)]]),
        pairs({hostile: hostile}),
        folded(hostile, hostile),
        link(hostile, hostile),
        markdown(hostile),
    )
    read_html(markup)


def test_the_style_sheet_is_scoped():
    markup = page("x")
    assert markup.count("<style>") == 1
    css = markup[markup.index("<style>") + 7 : markup.index("</style>")]
    rules = [line for line in css.splitlines() if line.endswith("{") or "{ " in line]
    selectors = [line.partition("{")[0] for line in rules if not line.startswith("@")]
    for selector in ",".join(selectors).split(","):
        assert ".jobnb" in selector, selector


def test_a_page_reads_in_order_without_styles():
    words = said(page(header("daily", "job"), tabs([("Config", "year"), ("Tags", "team")])))
    assert [
        words.index(word) for word in ("daily", "job", "Config", "year", "Tags", "team")
    ] == sorted(words.index(word) for word in ("daily", "job", "Config", "year", "Tags", "team"))


def test_empty_tabs_are_left_out_and_the_first_is_open():
    markup = tabs([("a", ""), ("b", "1"), ("c", "2")])
    assert markup.count("<details") == 2
    assert markup.count("<details open>") == 1


def test_long_text_is_folded_and_nothing_of_it_lost():
    lines = [f"line {n}" for n in range(1000)]
    markup = preformatted("\n".join(lines))
    assert "960 more lines" in markup
    words = said(markup)
    assert all(line in words for line in lines)


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " javascript:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,<script>",
        "vbscript:x",
        "//example.org",
        "http://",
        "file:///etc/passwd",
        "http://[broken",
        "relative/path",
    ],
)
def test_only_web_and_mail_addresses_are_links(url):
    assert safe_url(url) is None
    assert "<a" not in link(url)
    assert "<a" not in markdown(f"[click]({url})")


def test_web_and_mail_addresses_are_links():
    for url in ("https://example.org/a?b=1&c=2", "http://x.y", "mailto:a@b.c"):
        assert read_html(link(url)).tags == ["a"]


@given(st.text())
def test_any_markdown_is_balanced(text):
    markup = markdown(text)
    if text.isprintable():
        read_html(markup)


@given(st.text(alphabet="*_`[]()|-# \n\\<a1.~>", max_size=200))
def test_any_mixture_of_signs_is_balanced(text):
    read_html(markdown(text))


def test_markdown_shows_what_people_write():
    source = """Flights that *really* flew.

    # Columns
    - **year**: `int`
      and more
    - [site](https://example.org)

    1. one

    | a | b |
    |---|---|
    | 1 | x_y_z |

    ```python
    a < b
    ```
    """
    reader = read_html(markdown(source))
    assert {"p", "em", "h4", "ul", "ol", "li", "strong", "code", "a", "table", "pre"} <= set(
        reader.tags
    )
    words = "".join(reader.said)
    assert "x_y_z" in words
    assert "a < b" in words
    assert "Columns" in words


def test_markdown_of_a_hundred_thousand_signs_is_quick_and_whole():
    for unit in ("*", "[", "`", "_a ", "|-"):
        read_html(markdown(unit * 30_000))


def test_markdown_keeps_no_markup_of_its_own_and_fetches_nothing():
    source = "<script>x</script> ![picture](https://example.org/p.png) [no](javascript:x)"
    reader = read_html(markdown(source))
    assert set(reader.tags) <= {"p", "a"}
    assert "<script>x</script>" in "".join(reader.said)


def test_markdown_as_data_names_only_elements_that_the_front_end_makes():
    made = re.search(r"const PROSE = /\^\((.*)\)\$/;", dom_js())[1]
    allowed = re.compile(made)
    source = "# a\n- b\n\n1. c\n\n> d *e* **f** `g` [h](https://x.y)\n\n---\n```\ni\n```\n\n|a|\n|-|\n|b|\n"
    names = set(named(prose_tree(source)))
    assert {"h4", "ul", "ol", "blockquote", "em", "strong", "code", "a", "hr", "pre", "td"} <= names
    assert all(allowed.fullmatch(name) for name in names)


def dom_js() -> str:
    return files("jobnb.display").joinpath("static", "parts", "dom.js").read_text("utf-8")


def named(nodes):
    for node in nodes:
        if not isinstance(node, str):
            yield node[0]
            yield from named(node[2])


def test_balance_of_foreign_markup_is_known():
    assert is_balanced("<p>a<br>b</p><img src='x'/>")
    for bad in (
        "<div>",
        "</div>",
        "<b><i></b></i>",
        "text </p>",
        "<div",
        "<!-- open",
        "<p>a</p><x",
    ):
        assert not is_balanced(bad), bad


def test_joined_pieces_are_escaped():
    assert join(["<", Html("<br>"), None], "&") == "&lt;&amp;<br>&amp;"
