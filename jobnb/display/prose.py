"""Markdown of users, rendered simply and safely: what is not understood is shown as it is.

Headings, paragraphs, lists, tables, fenced code, and inside a line code, bold, italics and
links. No HTML passes through.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from textwrap import dedent

from jobnb.display.html import EMPTY, Html, code, join, link, pre, preformatted, table, tag

__all__ = ["inline", "markdown", "undocumented"]

_MOST = 40_000  # longer texts are not prose: they are shown as they are
# Every repetition is bounded, so that no text can make the search slow.
_INLINE = re.compile(
    r"`(?P<code>[^`\n]{1,400})`"
    r"|\*\*(?P<bold>[^*\n]{1,400})\*\*"
    r"|(?<![\w*])\*(?P<italic>[^*\s][^*\n]{0,400})\*(?!\w)"
    r"|(?<![\w_])_(?P<under>[^_\s][^_\n]{0,400})_(?!\w)"
    r"|!?\[(?P<label>[^\]\n]{1,400})\]\((?P<url>[^)\s]{1,2000})\)"
)
_BULLET = re.compile(r"\s{0,8}[-*+] +(.*)")
_NUMBER = re.compile(r"\s{0,8}\d{1,6}[.)] +(.*)")
_HEADING = re.compile(r"(#{1,6}) +(.*)")
_FENCE = re.compile(r"\s{0,3}(```|~~~)")
_RULE = re.compile(r"\s{0,3}\|?[\s:|-]*-[\s:|-]*\|?\s*")


def markdown(source: str | None) -> Html:
    """The text as HTML.

    Example:
        >>> markdown("rows: **3** <b>")
        '<p>rows: <strong>3</strong> &lt;b&gt;</p>'
    """
    if not source or not source.strip():
        return EMPTY
    if len(source) > _MOST:
        return preformatted(source)
    return join(_blocks(undocumented(source).splitlines()))


def undocumented(docstring: str) -> str:
    """A docstring without the indent that its place in the code gave it."""
    first, _, rest = docstring.strip("\n").expandtabs(4).partition("\n")
    return f"{first.strip()}\n{dedent(rest)}".strip()


def _blocks(lines: Sequence[str]) -> Iterator[Html]:
    place = 0
    while place < len(lines):
        line = lines[place]
        if not line.strip():
            place += 1
        elif _FENCE.match(line):
            block, place = _fence(lines, place)
            yield block
        elif heading := _HEADING.match(line):
            yield tag(f"h{min(6, len(heading[1]) + 3)}", inline(heading[2]))
            place += 1
        elif _starts_table(lines, place):
            block, place = _table(lines, place)
            yield block
        elif _BULLET.match(line) or _NUMBER.match(line):
            block, place = _list(lines, place)
            yield block
        else:
            block, place = _paragraph(lines, place)
            yield block


def _fence(lines: Sequence[str], start: int) -> tuple[Html, int]:
    found = _FENCE.match(lines[start])
    mark = found[1] if found else "```"
    end = start + 1
    while end < len(lines) and not lines[end].strip().startswith(mark):
        end += 1
    return pre("\n".join(lines[start + 1 : end])), end + 1


def _starts_table(lines: Sequence[str], place: int) -> bool:
    after = lines[place + 1] if place + 1 < len(lines) else ""
    return "|" in lines[place] and "|" in after and bool(_RULE.fullmatch(after[:2000]))


def _table(lines: Sequence[str], start: int) -> tuple[Html, int]:
    end = start + 2
    while end < len(lines) and "|" in lines[end]:
        end += 1
    headers = [inline(cell) for cell in _cells(lines[start])]
    rows = ([inline(cell) for cell in _cells(line)] for line in lines[start + 2 : end])
    return table(headers, rows), end


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _list(lines: Sequence[str], start: int) -> tuple[Html, int]:
    item = _BULLET if _BULLET.match(lines[start]) else _NUMBER
    entries: list[str] = []
    place = start
    while place < len(lines) and lines[place].strip():
        if found := item.match(lines[place]):
            entries.append(found[1])
        elif lines[place].startswith(" ") and entries:
            entries[-1] += " " + lines[place].strip()
        else:
            break
        place += 1
    points = (tag("li", inline(entry)) for entry in entries)
    return tag("ul" if item is _BULLET else "ol", *points), place


def _paragraph(lines: Sequence[str], start: int) -> tuple[Html, int]:
    end = start + 1
    while end < len(lines) and lines[end].strip() and not _begins_block(lines[end]):
        end += 1
    return tag("p", inline("\n".join(line.strip() for line in lines[start:end]))), end


def _begins_block(line: str) -> bool:
    return any(start.match(line) for start in (_FENCE, _HEADING, _BULLET, _NUMBER))


def inline(text: str) -> Html:
    """What can stand inside a line."""
    pieces: list[str] = []
    place = 0
    for found in _INLINE.finditer(text):
        pieces += [text[place : found.start()], _styled(found)]
        place = found.end()
    return join([*pieces, text[place:]])


def _styled(found: re.Match[str]) -> Html:
    if found["code"]:
        return code(found["code"])
    if found["bold"]:
        return tag("strong", found["bold"])
    if found["label"]:
        return link(found["url"], found["label"])
    return tag("em", found["italic"] or found["under"])
