"""Views of the differences between definitions: text, HTML, and Markdown for a pull request."""

from __future__ import annotations

from collections.abc import Sequence

from jobnb.display.html import Html, badge, code, folded, header, join, pre, table, tag
from jobnb.display.palette import SIGNS
from jobnb.display.picture import Card, Edge, Mark, Picture, Status, duration_text
from jobnb.display.text import counted, table_text
from jobnb.display.view import View, picture_html
from jobnb.staleness.differences import (
    DefinitionChange,
    DefinitionsDiff,
    DiffNode,
    StaleAfterwards,
)

_CHANGES = ["", "definition", "why"]
_STALE = ["stale afterwards", "because", "partitions", "last time"]
_MOST_ROWS = 300
_MOST_LINES = 200


def diff_view(diff: DefinitionsDiff) -> View:
    """Return the view of what has changed, and of what becomes stale."""
    title = f"{diff.before} → {diff.after}"
    changes = [_change_cells(each) for each in diff.changes[:_MOST_ROWS]]
    stale = [stale_cells(each) for each in diff.stale[:_MOST_ROWS]]
    picture = diff_picture(diff)
    html = join(
        [
            header(title, "diff", note=diff.counts),
            picture_html(picture),
            table(_CHANGES, changes) if changes else None,
            tag("p", stale_words(diff)) if changes else None,
            table(_STALE, [[code(row[0]), *row[1:]] for row in stale]) if stale else None,
        ]
    )
    return View(f"diff of {title}", diff_text(diff), html, picture)


def diff_picture(diff: DefinitionsDiff) -> Picture:
    """Return the graph of the assets that differ or become stale, and what they are made from."""
    took = {each.key.to_user_string(): duration_text(each.seconds) for each in diff.stale}
    cards = [Card(node.name, node.name, shape="asset") for node in diff.graph]
    edges = [Edge(above, node.name) for node in diff.graph for above in node.upstream]
    marks = {node.name: _mark(node, took.get(node.name, "")) for node in diff.graph}
    return Picture(f"{diff.before} → {diff.after}", tuple(cards), tuple(edges), (), marks)


def _mark(node: DiffNode, took: str) -> Mark:
    if node.change:
        also = ", stale" if node.is_stale else ""
        return Mark(Status(node.change), f"{node.change}{also}", took)
    return Mark(Status.STALE, "becomes stale", took) if node.is_stale else Mark()


def diff_text(diff: DefinitionsDiff) -> str:
    """Return it as plain text."""
    lines = [f"{diff.before} -> {diff.after}: {diff.counts}"]
    if diff.changes:
        rows = [
            [SIGNS[Status(e.change)], f"{e.kind} {e.name}", "; ".join(e.reasons)]
            for e in diff.changes
        ]
        lines += [table_text(["", "definition", "why"], rows), stale_words(diff)]
    if diff.stale:
        lines.append(table_text(_STALE, [stale_cells(each) for each in diff.stale]))
    return "\n".join(lines)


def diff_markdown(diff: DefinitionsDiff) -> str:
    """Return it as Markdown, for a pull request."""
    lines = [f"### {_escaped(diff.before)} → {_escaped(diff.after)}: {diff.counts}", ""]
    if diff.changes:
        rows = [
            [each.change, f"{each.kind} {_code(each.name)}", _escaped("; ".join(each.reasons))]
            for each in diff.changes
        ]
        lines += [*_markdown_table(_CHANGES, rows), "", stale_words(diff), ""]
    if diff.stale:
        told = [[_code(row[0]), *map(_escaped, row[1:])] for row in map(stale_cells, diff.stale)]
        lines += [*_markdown_table(_STALE, told), ""]
    return "\n".join(lines)


def stale_words(diff: DefinitionsDiff) -> str:
    """Return how much becomes stale, and how long it took, in words."""
    if not diff.stale:
        return "Nothing that was materialized becomes stale."
    partitions = sum(each.partitions or 0 for each in diff.stale)
    parts = f" ({counted(partitions, 'partition')} of them)" if partitions else ""
    seconds = diff.total_seconds
    took = (
        f"; to materialize all of it again took {duration_text(seconds)} last time"
        if seconds
        else ""
    )
    verb = "becomes" if len(diff.stale) == 1 else "become"
    return f"{counted(len(diff.stale), 'asset')}{parts} {verb} stale{took}."


def _change_cells(change: DefinitionChange) -> list[Html | str]:
    name = join([tag("span", f"{change.kind} ", css="jn-muted"), code(change.name)])
    why: Html | str = "; ".join(change.reasons)
    if change.code:
        why = join([why, folded("code", pre("\n".join(change.code[:_MOST_LINES])))])
    return [badge(Status(change.change)), name, why]


def stale_cells(stale: StaleAfterwards) -> list[str]:
    """Return an asset that becomes stale: its key, why, how many partitions, how long it took."""
    count = "" if stale.partitions is None else f"{stale.partitions:,}"
    took = "" if stale.seconds is None else duration_text(stale.seconds)
    each = " each" if stale.partitions and took else ""
    return [stale.key.to_user_string(), stale.because, count, f"{took}{each}"]


def _markdown_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(titles)} |", f"|{' --- |' * len(titles)}"]
    return [*lines, *(f"| {' | '.join(row)} |" for row in rows)]


def _code(text: str) -> str:
    ticks = "``" if "`" in text else "`"
    return f"{ticks}{text}{ticks}".replace("|", "\\|")


def _escaped(text: str) -> str:
    """Return text that Markdown shows as it is."""
    for sign in "\\`*_[]<|":
        text = text.replace(sign, f"\\{sign}")
    return text.replace("\n", " ")
