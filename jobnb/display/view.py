"""A view: text, HTML and picture of one thing, and the MIME bundle of all three."""

from __future__ import annotations

from dataclasses import dataclass

from jobnb.display.folding import FEW, Folds, fold_picture
from jobnb.display.html import EMPTY, Html, page, preformatted, scrolling
from jobnb.display.layout import lay_out
from jobnb.display.picture import Picture
from jobnb.display.svg import picture_svg, text_svg
from jobnb.display.text import picture_text

_WIDEST_IMAGE = 2000  # pixels: on a page half as wide its titles can just be read
_MOST_IN_IMAGE = 12

TEXT, HTML, SVG = "text/plain", "text/html", "image/svg+xml"


@dataclass(frozen=True, slots=True)
class View:
    """The representations of one thing.

    Attributes:
        title: What it is called, for screen readers.
        text: It as plain text.
        html: What stands inside the page.
        picture: Its graph, where it has one.
        drawn: Its picture as SVG, where it is drawn already.
    """

    title: str
    text: str
    html: Html
    picture: Picture | None = None
    drawn: str = ""


def bundle(view: View) -> dict[str, str]:
    """Return the view in the three forms that every front end can show one of."""
    return {
        TEXT: sendable(view.text),
        HTML: sendable(page(view.html)),
        SVG: sendable(_svg(view)),
    }


def _svg(view: View) -> str:
    drawn: str | None = view.drawn or None
    if view.picture is not None and view.picture.cards:
        drawn = picture_svg(_for_image(view.picture))
    return drawn or text_svg(view.title, view.text.splitlines())


def _for_image(picture: Picture) -> Picture:
    """Adapt markup to an image: as narrow as its page, as nobody can scroll in it."""
    folded = _folded(picture)
    layout = lay_out(folded)
    if layout is None or layout.width <= _WIDEST_IMAGE:
        return folded
    return Folds(picture, _MOST_IN_IMAGE).shown()


def _folded(picture: Picture) -> Picture:
    return picture if len(picture.cards) <= FEW else fold_picture(picture)


def picture_html(picture: Picture) -> Html:
    """Return the picture for a page, in a box that scrolls; a text tree without a layout."""
    if not picture.cards:
        return EMPTY
    drawn = picture_svg(_folded(picture), standalone=False)
    if drawn is None:
        return preformatted(picture_text(picture))
    return scrolling(Html(drawn), css="jn-picture")


def fallback_bundle(text: str) -> dict[str, str]:
    """Return the bundle of something that could not be shown better than as text."""
    text = sendable(text)
    return {
        TEXT: text,
        HTML: page(preformatted(text)),
        SVG: text_svg("output", text.splitlines()),
    }


def sendable(text: str) -> str:
    """Return text without lone surrogates, which no message could carry."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text
