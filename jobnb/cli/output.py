"""What commands print: a table for people, or one JSON document for programs.

With `--json` a list is one array and a thing is one object, each as `outputs.schema.json` beside
this file describes it. Times are ISO 8601 in UTC, durations and sizes are numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import click

as_json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document, for programs."
)


def print_json(document: Any) -> None:
    """Print a JSON document."""
    import json

    click.echo(json.dumps(document, indent=2, default=str, ensure_ascii=False))


def show_rows(
    titles: Sequence[str], rows: Sequence[Mapping[str, Any]], none: str, more: str = ""
) -> None:
    """Print rows as a table.

    Args:
        titles: The columns, each the key of a row.
        rows: The rows; what is not text is written as text.
        none: What is said instead if there are no rows.
        more: What is said after them.
    """
    if not rows:
        click.echo(none)
        return
    texts = [[_text(row.get(title)) for title in titles] for row in rows]
    import sys

    if sys.stdout.isatty():
        _print_table(titles, texts)
    else:  # A pipe has no width: nothing is cut.
        _print_plain(titles, texts)
    if more:
        click.echo(more)


_LONG = frozenset({"description", "from", "job", "jobs", "status", "tags", "config", "why"})
"""The columns of a terminal's table that are wrapped where it is too narrow."""


def _headings(titles: Sequence[str]) -> list[str]:
    return [title.replace("_", " ") for title in titles]


def _text(value: Any) -> str:
    if value is None or value is False:
        return ""
    if value is True:
        return "yes"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return str(value)


def _print_plain(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    lines = [_headings(titles), *([part.replace("\n", " ") for part in row] for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(titles))]
    lines.insert(1, ["-" * width for width in widths])
    for line in lines:
        parts = (part.ljust(width) for part, width in zip(line, widths, strict=True))
        click.echo("  ".join(parts).rstrip())


def _print_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for title in _headings(titles):
        table.add_column(title, no_wrap=title not in _LONG)
    for row in rows:
        table.add_row(*(Text(part) for part in row))  # The user's text is not markup.
    Console(highlight=False).print(table)


def first_line(text: str | None) -> str:
    r"""Return the first line of a description.

    >>> first_line("  What was sold.\n\nIn detail.")
    'What was sold.'
    """
    return text.strip().splitlines()[0] if text and text.strip() else ""


def counted(count: int, noun: str) -> str:
    """Return a number of things in words.

    >>> counted(1, "run"), counted(2000, "run")
    ('1 run', '2,000 runs')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def utc(seconds: float | None) -> str | None:
    """Return a moment as programs read it.

    >>> utc(0.25)
    '1970-01-01T00:00:00.250000+00:00'
    """
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")


def moment(seconds: float | None) -> str:
    """Return a moment as people read it, in their time zone."""
    if seconds is None:
        return ""
    from jobnb.display.text import moment as in_words

    return in_words(seconds)


def duration(seconds: float | None) -> str:
    """Format a duration for people.

    >>> duration(0.4), duration(75), duration(7260), duration(None)
    ('0.4 s', '1 min 15 s', '2 h 1 min', '')
    """
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def size(count: float) -> str:
    """Format a number of bytes for people.

    >>> size(900), size(2_048), size(3_500_000)
    ('900 bytes', '2.0 kB', '3.5 MB')
    """
    if count < 1000:
        return f"{count:.0f} bytes"
    for unit in ("kB", "MB", "GB"):
        count /= 1000
        if count < 1000:
            return f"{count:.1f} {unit}"
    return f"{count / 1000:.1f} TB"
