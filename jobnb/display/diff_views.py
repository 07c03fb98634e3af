"""Views of the differences between definitions: text, HTML, and Markdown for a pull request."""

from __future__ import annotations

from collections.abc import Sequence

from jobnb.display.html import Html, code, header, join, table, tag
from jobnb.display.picture import duration_text
from jobnb.display.text import counted, table_text
from jobnb.display.view import View
from jobnb.staleness.differences import DefinitionChange, DefinitionsDiff, StaleAfterwards

_SIGNS = {"added": "+", "removed": "−", "changed": "~"}
_CHANGES = ["", "definition", "why"]
_STALE = ["stale afterwards", "because", "partitions", "last time"]
_MOST_ROWS = 300


def diff_view(diff: DefinitionsDiff) -> View:
    """Return the view of what has changed, and of what becomes stale."""
    title = f"{diff.before} → {diff.after}"
    changes = [_change_cells(each) for each in diff.changes[:_MOST_ROWS]]
    stale = [_stale_words(each) for each in diff.stale[:_MOST_ROWS]]
    html = join(
        [
            header(title, "diff", note=diff.counts),
            table(_CHANGES, changes) if changes else None,
            tag("p", stale_words(diff)) if changes else None,
            table(_STALE, [[code(row[0]), *row[1:]] for row in stale]) if stale else None,
        ]
    )
    return View(f"diff of {title}", diff_text(diff), html)


def diff_text(diff: DefinitionsDiff) -> str:
    """Return it as plain text."""
    lines = [f"{diff.before} -> {diff.after}: {diff.counts}"]
    if diff.changes:
        rows = [
            [_SIGNS[e.change], f"{e.kind} {e.name}", "; ".join(e.reasons)] for e in diff.changes
        ]
        lines += [table_text(["", "definition", "why"], rows), stale_words(diff)]
    if diff.stale:
        lines.append(table_text(_STALE, [_stale_words(each) for each in diff.stale]))
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
        told = [[_code(row[0]), *map(_escaped, row[1:])] for row in map(_stale_words, diff.stale)]
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
    return [f"{_SIGNS[change.change]} {change.change}", name, "; ".join(change.reasons)]


def _stale_words(stale: StaleAfterwards) -> list[str]:
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
