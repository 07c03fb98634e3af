"""Pictures as SVG: cards with a bar, a title, a state, and a second line; arrows; frames.

Every text is measured and elided, so no two can meet; whoever hovers sees the whole. Colours
come from CSS variables; plain attributes stand beside them for viewers that know none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape as html_escape
from math import atan2, degrees

import msgspec

from jobnb.display.layout import Box, Frame, Layout, Line, lay_out
from jobnb.display.palette import COLOURS, GLYPHS, WORDS
from jobnb.display.picture import Card, Checks, Cluster, Edge, Mark, Picture, Status
from jobnb.display.style import graph_css
from jobnb.display.text import counted
from jobnb.display.text_metrics import (
    BADGE,
    BAR,
    GLYPH_ROOM,
    PAD,
    SMALL,
    TITLE,
    Weight,
    caption_room,
    clean,
    cluster_title,
    edge_label,
    elide,
    fitting_line,
    needs_clip,
    second_line,
    width,
    xml_safe,
)


def picture_svg(picture: Picture, *, standalone: bool = True) -> str | None:
    """Return the picture as SVG, or None where nothing can lay it out.

    Args:
        picture: What to draw.
        standalone: Whether to carry the style sheet along; an HTML page that has it does not
            need it again.
    """
    layout = lay_out(picture)
    return draw(picture, layout, standalone=standalone) if layout else None


def draw(picture: Picture, layout: Layout, *, standalone: bool = True) -> str:
    """Return the picture in this layout, as SVG."""
    wide, high = _number(layout.width), _number(layout.height)
    return "".join(
        (
            _opening(picture.title, wide, high, "" if standalone else _narrowest(layout)),
            f"<title>{_safe(picture.title)}</title><desc>{_safe(_description(picture))}</desc>",
            f"<style>{graph_css()}</style>" if standalone else "",
            f'<rect class="jn-bg" width="{wide}" height="{high}" rx="8" fill="{COLOURS["bg"]}"/>',
            *_frames(picture, layout),
            *(_edge(picture.edges[line.edge], line, picture) for line in layout.lines),
            *(
                _card(card, layout.boxes[card.key], picture.mark(card.key))
                for card in picture.cards
                if card.key in layout.boxes
            ),
            "</svg>",
        )
    )


def _opening(title: str, wide: str, high: str, more: str = "") -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="jobnb-graph" role="img" '
        f'width="{wide}" height="{high}" viewBox="0 0 {wide} {high}" '
        f'aria-label="{_safe(title)}"{more}>'
    )


def _narrowest(layout: Layout) -> str:
    """Limit how far a picture shrinks in a page: its texts stay readable, then it scrolls."""
    return f' style="min-width:{layout.width * 0.75:.0f}px"'


def _description(picture: Picture) -> str:
    """Return the text that a screen reader says for the whole picture."""
    counts: dict[Status, int] = {}
    for card in picture.cards:
        status = picture.mark(card.key).status
        counts[status] = counts.get(status, 0) + 1
    states = [f"{count} {WORDS[status]}" for status, count in counts.items() if WORDS[status]]
    nodes, arrows = counted(len(picture.cards), "node"), counted(len(picture.edges), "arrow")
    what = f"A graph of {nodes} and {arrows}"
    said = what + (f": {', '.join(states)}." if states else ".")
    return f"{said} {picture.description}" if picture.description else said


def _frames(picture: Picture, layout: Layout) -> Iterator[str]:
    known = {cluster.path: cluster for cluster in picture.clusters}
    for frame in layout.frames:
        yield _frame(frame, known.get(frame.path) or Cluster(frame.path, frame.path[-1]))


def _frame(frame: Frame, cluster: Cluster) -> str:
    box = frame.box
    inner = " jn-frame-inner" if len(frame.path) % 2 == 0 else ""
    dash = ' stroke-dasharray="4 3"' if cluster.kind == "graph" else ""
    hover = "\n".join(part for part in (cluster.title, cluster.tooltip) if part)
    return (
        f'<g class="jn-cluster"><title>{_safe(hover, lines=True)}</title>'
        f'<rect class="jn-frame{inner}" {_at(box)} rx="9" fill="{COLOURS["soft"]}" '
        f'stroke="{COLOURS["line"]}"{dash}/>'
        + _text(
            cluster_title(cluster, frame.title_room),
            box.x + frame.title_at,
            box.y + 18,
            SMALL,
            "jn-frame-title",
            frame.title_room,
            weight="bold",
        )
        + "</g>"
    )


_DASHES = {"nothing": "1.5 3.5", "dynamic": "7 3", "missing": "3 4"}


def _edge(edge: Edge, line: Line, picture: Picture) -> str:
    running = picture.mark(edge.end).status is Status.RUNNING
    state = ' class="jn-running"' if running else ""
    dash = f' stroke-dasharray="{_DASHES[edge.kind]}"' if edge.kind in _DASHES else ""
    hover = f"{edge.start} → {edge.end}" + (f" ({edge.label})" if edge.label else "")
    return (
        f"<g{state}><title>{_safe(hover)}</title>"
        f'<path class="jn-edge" d="{_curve(line)}" fill="none" stroke="{COLOURS["edge"]}" '
        f'stroke-width="1.3"{dash}/>{_tip(line)}{_edge_text(edge, line)}</g>'
    )


def _curve(line: Line) -> str:
    (x, y), *rest = line.points
    return f"M{x},{y}C" + " ".join(f"{px},{py}" for px, py in rest)


def _tip(line: Line) -> str:
    (fx, fy), (x, y) = line.points[-1], line.tip
    turn = degrees(atan2(y - fy, x - fx)) if (x, y) != (fx, fy) else 0.0
    return (
        f'<path class="jn-tip" d="M0,0L-7.5,-3.4V3.4z" fill="{COLOURS["edge"]}" '
        f'transform="translate({x},{y}) rotate({turn:.0f})"/>'
    )


def _edge_text(edge: Edge, line: Line) -> str:
    label = edge_label(edge)
    if not label or line.label_at is None:
        return ""
    wide = width(label, SMALL) + 8
    x, y = line.label_at
    box = Box(round(x - wide / 2, 1), y - 7.5, round(wide, 1), 15)
    return f'<rect class="jn-label-bg" {_at(box)} rx="3" fill="{COLOURS["bg"]}"/>' + _text(
        label, box.x + 4, y + 4, SMALL, "jn-small", wide
    )


def card_label(card: Card, mark: Mark) -> str:
    """Return the text that a screen reader says for a card."""
    parts = [
        card.title, second_line(card), WORDS[mark.status], mark.detail, mark.duration,
        mark.checks.words,
    ]  # fmt: skip
    return ", ".join(dict.fromkeys(part for part in parts if part))


def _card(card: Card, box: Box, mark: Mark) -> str:
    missing = card.shape == "missing"
    status = Status.MISSING if missing and mark.status is Status.NONE else mark.status
    mark = msgspec.structs.replace(mark, status=status)
    return "".join(
        (
            _card_opening(card, mark),
            f"<title>{_safe(_hover(card, mark), lines=True)}</title>",
            *_paper(card, box),
            _bar(box, status),
            *_card_texts(card, box, mark),
            _glyph(box, status),
            _progress(box, mark),
            _checks(box, mark.checks),
            "</g>",
        )
    )


def _card_opening(card: Card, mark: Mark) -> str:
    return (
        f'<g class="jn-node jn-{mark.status.value} jn-{card.shape}" role="group" '
        f'data-key="{_safe(card.key)}" aria-label="{_safe(card_label(card, mark))}">'
    )


def _hover(card: Card, mark: Mark) -> str:
    state = " · ".join(p for p in (WORDS[mark.status], mark.detail, mark.duration) if p)
    parts = (card.title, second_line(card), state, mark.checks.words, card.tooltip)
    return "\n".join(part for part in parts if part)


def _paper(card: Card, box: Box) -> Iterator[str]:
    """Iterate over the card itself; a stack of them where it stands for many."""
    colours = f'fill="{COLOURS["bg"]}" stroke="{COLOURS["line"]}"'
    if card.shape in ("folded", "graph"):
        behind = Box(box.x + 4, box.y + 4, box.width, box.height)
        yield f'<rect class="jn-card" {_at(behind)} rx="{_radius(card)}" {colours}/>'
    dash = ' stroke-dasharray="5 3"' if card.shape in ("missing", "source") else ""
    yield f'<rect class="jn-card" {_at(box)} rx="{_radius(card)}" {colours}{dash}/>'


def _radius(card: Card) -> int:
    return 7 if card.shape in ("asset", "source", "folded", "missing") else 3


def _bar(box: Box, status: Status) -> str:
    return (
        f'<path class="jn-bar" fill="{COLOURS[status.value]}" d="M{_number(box.x + BAR)},{box.y}'
        f'h-1a4,4 0 0 0 -4,4v{_number(box.height - 8)}a4,4 0 0 0 4,4h1z"/>'
    )


def _card_texts(card: Card, box: Box, mark: Mark) -> Iterator[str]:
    left, right = box.x + BAR + PAD - 2, box.x + box.width - PAD + 2
    title_room = box.width - BAR - 2 * PAD - (GLYPH_ROOM if mark.status in GLYPHS else 0) + 4
    title = elide(clean(card.title), title_room, TITLE, "bold")
    yield _text(title, left, box.y + 20, TITLE, "jn-title", title_room, weight="bold")
    room = caption_room(box.width, mark.duration)
    second = fitting_line(card, mark, room)
    yield _text(second, left, box.y + 36.5, SMALL, "jn-small", room)
    if mark.duration:
        yield _text(mark.duration, right, box.y + 36.5, SMALL, "jn-small", 60, at_end=True)


def _glyph(box: Box, status: Status) -> str:
    if status not in GLYPHS:
        return ""
    x, y = _number(box.x + box.width - PAD - 3), _number(box.y + 15.5)
    return (
        f'<path class="jn-glyph" d="{GLYPHS[status]}" transform="translate({x},{y})" fill="none" '
        f'stroke="{COLOURS[status.value]}" stroke-width="1.9" stroke-linecap="round" '
        'stroke-linejoin="round"/>'
    )


def _progress(box: Box, mark: Mark) -> str:
    """Return the bar of how far the step is, inside the lower edge of the card."""
    if mark.progress is None:
        return ""
    room = box.width - BAR - 2 * PAD + 4
    whole = Box(box.x + BAR + PAD - 2, box.y + box.height - 5, room, 3)
    part = Box(whole.x, whole.y, room * mark.progress, 3)
    return (
        f'<rect class="jn-whole" {_at(whole)} rx="1.5" fill="{COLOURS["line"]}"/>'
        f'<rect class="jn-done" {_at(part)} rx="1.5" fill="{COLOURS[mark.status.value]}"/>'
    )


def _checks(box: Box, checks: Checks) -> str:
    """Return the results of the checks, on the lower edge of the card."""
    if not checks.count:
        return ""
    status, wide = checks.status, width(checks.short, BADGE) + 24
    place = Box(box.x + box.width - wide - 8, box.y + box.height - 5, wide, 14)
    colour = COLOURS[status.value]
    return (
        f'<g class="jn-checks jn-{status.value}"><rect class="jn-badge-bg" {_at(place)} rx="7" '
        f'fill="{COLOURS["bg"]}" stroke="{colour}"/><path class="jn-glyph" d="{GLYPHS[status]}" '
        f'transform="translate({_number(place.x + 10)},{_number(place.y + 7)}) scale(.7)" '
        f'fill="none" stroke="{colour}" stroke-width="2.2"/>'
        + _text(checks.short, place.x + 18, place.y + 10.5, BADGE, "jn-small", wide)
        + "</g>"
    )


def _text(
    text: str,
    x: float,
    y: float,
    size: float,
    css: str,
    room: float,
    *,
    weight: Weight = "normal",
    at_end: bool = False,
) -> str:
    """Return a line of text; one of estimated width is cut at the end of its room."""
    if not text:
        return ""
    colour = COLOURS["fg"] if css == "jn-title" else COLOURS["muted"]
    bold = ' font-weight="600"' if weight == "bold" else ""
    anchor = ' text-anchor="end"' if at_end else ""
    style = f'class="{css}" font-size="{size}" font-family="sans-serif" fill="{colour}"{bold}'
    if needs_clip(text) and not at_end:
        high = size + 9
        return (
            f'<svg x="{_number(x)}" y="{_number(y - size - 2)}" width="{_number(room)}" '
            f'height="{_number(high)}" overflow="hidden">'
            f'<text x="0" y="{_number(size + 2)}" {style} direction="ltr">{_safe(text)}</text>'
            "</svg>"
        )
    return f'<text x="{_number(x)}" y="{_number(y)}" {style}{anchor}>{_safe(text)}</text>'


def _at(box: Box) -> str:
    return (
        f'x="{_number(box.x)}" y="{_number(box.y)}" '
        f'width="{_number(box.width)}" height="{_number(box.height)}"'
    )


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _safe(text: str, *, lines: bool = False) -> str:
    """Return text that XML can hold; only where `lines` is set do line breaks stay."""
    if lines:
        text = "".join(char if xml_safe(char) else "�" for char in text).replace("\r", "\n")
        return html_escape(text)
    return html_escape(clean(text))


def text_svg(title: str, lines: Iterable[str], *, most: int = 60, widest: int = 120) -> str:
    """Return lines of text as a picture, for what has no graph."""
    shown = [elide(clean_line(line), widest * 6.7, SMALL, "mono") for line in lines]
    if len(shown) > most:
        shown = [*shown[: most - 1], f"… {len(shown) - most + 1} more lines"]
    wide = max([width(line, SMALL, "mono") for line in shown] + [120.0]) + 28
    high = 16 * len(shown) + 22
    rows = "".join(
        f'<text x="14" y="{24 + 16 * row}" xml:space="preserve" class="jobnb-text jn-title" '
        f'font-size="{SMALL}" font-family="monospace" fill="{COLOURS["fg"]}" '
        f'style="font-weight:400">{_safe(line)}</text>'
        for row, line in enumerate(shown)
    )
    return (
        f"{_opening(title, _number(wide), str(high))}<title>{_safe(title)}</title>"
        f"<style>{graph_css()}</style>"
        f'<rect class="jn-bg" width="100%" height="100%" rx="8" fill="{COLOURS["bg"]}"/>'
        f"{rows}</svg>"
    )


def clean_line(line: str) -> str:
    """Return a line whose leading spaces stay, in what XML can hold."""
    return clean(line.expandtabs(4))
