"""Views of partitions: counts, a bar of all, the latest rows of the grid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape

from jobnb.definitions.partitions.partition_keys import PartitionKeyRange
from jobnb.display.html import Html, badge, code, header, join, pairs, scrolling, tag
from jobnb.display.palette import COLOURS, GLYPHS, SIGNS
from jobnb.display.partition_grid import Grid, Row, binned, grid_of
from jobnb.display.picture import Status
from jobnb.display.style import graph_css
from jobnb.display.text import counted
from jobnb.display.text_metrics import clean, elide, width
from jobnb.display.view import View
from jobnb.storage.partition_tables import StatusTable

PARTITION_STATES = {
    "missing": Status.NONE,
    "materialized": Status.SUCCEEDED,
    "succeeded": Status.SUCCEEDED,
    "failed": Status.FAILED,
    "skipped": Status.SKIPPED,
    "blocked": Status.BLOCKED,
    "in_progress": Status.RUNNING,
}
"""The state whose colour and sign a partition is shown with."""

# Cells that a colour alone would not tell: these have their sign in them.
_SIGNED = (Status.FAILED, Status.SKIPPED, Status.BLOCKED)
_ROWS = 36  # at most, in a picture
_COLUMNS = 80
_BINS = 240
_RANGES = 12
_CELL, _GAP, _LABEL = 13.0, 2.0, 10.0
# A bin, like a folded card, shows what is most to be known of.
GRAVEST = (
    "failed",
    "blocked",
    "skipped",
    "in_progress",
    "missing",
    "materialized",
    "succeeded",
)


def partitions_view(table: StatusTable) -> View:
    """Return the view of partitions: the number in each status, and which are missing or failed."""
    keys = table.keys
    statuses = table.statuses(keys)
    counts = Counter(statuses)
    name = table.name
    told = {
        word: _ranges_of(table, keys, [at for at, each in enumerate(statuses) if each == word])
        for word in ("failed", "skipped", "blocked", "in_progress", "missing")
    }
    drawn = _svg(name, grid_of(table.partitions_def, keys), statuses)
    html = join(
        [
            header(name, "partitions", note=counted(len(keys), "partition")),
            _legend(counts),
            scrolling(Html(drawn), css="jn-picture") if keys else None,
            pairs({_noun(word): text for word, text in told.items() if text}),
        ]
    )
    lines = [f"partitions of {name}: {counted(len(keys), 'partition')}"]
    lines += [
        f"{SIGNS[PARTITION_STATES[word]] or '·'} {counts[word]:,} {_noun(word)}"
        + (f": {told[word]}" if told.get(word) else "")
        for word in table.STATUSES
        if counts[word]
    ]
    return View(f"partitions of {name}", "\n".join(lines), html, drawn=drawn)


def _noun(word: str) -> str:
    return word.replace("_", " ")


def _legend(counts: Counter[str]) -> Html:
    parts = []
    for word, status in PARTITION_STATES.items():
        if counts[word]:
            shown = badge(status, _noun(word)) if status is not Status.NONE else code(_noun(word))
            parts.append(tag("span", f"{counts[word]:,} ", shown, "  "))
    return tag("div", *parts)


def _ranges_of(table: StatusTable, keys: Sequence[str], places: Sequence[int]) -> str:
    if not places:
        return ""
    subset = table.subset_at(keys, places)
    ranges = subset.get_partition_key_ranges(dynamic_partitions_store=table.instance)
    shown = [range_text(each) for each in ranges[:_RANGES]]
    left = len(ranges) - _RANGES
    return ", ".join([*shown, *([f"… {left:,} more"] if left > 0 else [])])


def range_text(keys: PartitionKeyRange) -> str:
    """Return a range as people write it.

    Example:
        >>> range_text(PartitionKeyRange("2013-01-01", "2013-01-31"))
        '2013-01-01...2013-01-31'
    """
    return keys.start if keys.start == keys.end else f"{keys.start}...{keys.end}"


# --- the picture ------------------------------------------------------------


def _svg(title: str, grid: Grid, statuses: Sequence[str]) -> str:
    rows = grid.rows[-_ROWS:]
    columns = min(len(grid.columns), _COLUMNS)
    gutter = max((width(clean(row.label), _LABEL) for row in rows), default=0.0)
    gutter = min(gutter, 140.0) + 14
    wide = gutter + columns * (_CELL + _GAP) + 8
    top = 56.0
    high = top + len(rows) * (_CELL + _GAP) + 10
    words = escape(f"{title}: {counted(len(statuses), 'partition')}")
    size = f'width="{wide:.0f}" height="{high:.0f}"'
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="jobnb-graph" role="img" {size} '
        f'viewBox="0 0 {wide:.0f} {high:.0f}" aria-label="{words}">'
        f"<title>{words}</title><style>{graph_css()}</style>"
    )
    parts = [
        opening,
        f'<rect class="jn-bg" {size} rx="8" fill="{COLOURS["bg"]}"/>',
        *_bar(statuses, wide - 16),
        *_heads(grid.columns[:columns], gutter, top - 6),
    ]
    for at, row in enumerate(rows):
        parts += _row(row, statuses, gutter, top + at * (_CELL + _GAP), columns)
    return "".join([*parts, "</svg>"])


def gravest(statuses: Sequence[str]) -> str:
    """Return the most severe status of several partitions.

    Example:
        >>> gravest(["materialized", "failed", "missing"])
        'failed'
    """
    found = set(statuses)
    return next((word for word in GRAVEST if word in found), "missing")


def _bar(statuses: Sequence[str], wide: float) -> Iterator[str]:
    """Iterate over all partitions in one line."""
    if not statuses:
        return
    scale = wide / len(statuses)
    for part in binned(len(statuses), _BINS):
        word = gravest(statuses[part.start : part.stop])
        yield _cell(word, 8 + part.start * scale, 10, len(part) * scale, 14, edge=False)


def _heads(columns: Sequence[str], left: float, y: float) -> Iterator[str]:
    step = _CELL + _GAP
    room = max((width(clean(name), _LABEL) for name in columns), default=0.0) + 4
    every = max(1, -int(-room // step))
    for at in range(0, len(columns), every):
        name = elide(clean(columns[at]), every * step, _LABEL)
        yield _label(name, left + at * step, y)


def _row(row: Row, statuses: Sequence[str], left: float, y: float, columns: int) -> Iterator[str]:
    yield _label(elide(clean(row.label), left - 8, _LABEL), 8, y + _CELL - 3)
    for column, place in enumerate(row.places(), start=row.skip):
        if column < columns:
            yield _cell(statuses[place], left + column * (_CELL + _GAP), y, _CELL, _CELL)


def _cell(word: str, x: float, y: float, wide: float, high: float, *, edge: bool = True) -> str:
    status = PARTITION_STATES[word]
    box = f'x="{x:.1f}" y="{y:.1f}" width="{wide:.2f}" height="{high:.0f}"'
    if word == "missing":
        return (
            f'<rect class="jn-frame" {box} fill="{COLOURS["soft"]}" stroke="{COLOURS["line"]}" '
            f'stroke-width="{0.6 if edge else 0}"/>'
        )
    filled = f'<rect class="jn-bar" {box} fill="{COLOURS[status.value]}"/>'
    if status in _SIGNED and wide >= _CELL:
        middle = f"translate({x + wide / 2:.1f} {y + high / 2:.1f}) scale(.75)"
        filled += (
            f'<path d="{GLYPHS[status]}" transform="{middle}" fill="none" '
            f'stroke="{COLOURS["bg"]}" stroke-width="2"/>'
        )
    return f'<g class="jn-{status.value}">{filled}</g>'


def _label(text: str, x: float, y: float) -> str:
    return (
        f'<text class="jn-small" x="{x:.1f}" y="{y:.1f}" font-size="{_LABEL}" '
        f'font-family="sans-serif" fill="{COLOURS["muted"]}">{escape(text)}</text>'
    )
