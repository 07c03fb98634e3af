"""Parse a docstring for the descriptions of parameters and results.

Three styles are read: Google's sections (`Args:`, `Returns:`), numpy's underlined ones, and
reStructuredText's fields (`:param x:`).
"""

from __future__ import annotations

import re
from inspect import cleandoc

_ARGUMENTS = ("Args", "Arguments", "Parameters", "Params")
_RETURNED = ("Returns", "Return", "Yields", "Yield")
_MARK = re.compile(
    rf"^({'|'.join((*_ARGUMENTS, *_RETURNED))})(:[ ]*$|[ ]*\n-{{3,}}[ ]*$)|^:(param|returns?)\b",
    re.MULTILINE,
)
_HEADING = re.compile(r"^(\w[\w ]*):[ ]*$")
_ENTRY = re.compile(r"^(\*{0,2}\w+)[ ]*(?:\([^)]*\))?[ ]*:[ ]*(.*)$")
_TYPED = re.compile(r"^[\w.\[\], |]+:[ ]+(?=\S)")
_FIELD = re.compile(r"^:(?:param(?:[ ][\w.\[\]]+)?[ ]+(?P<name>\w+)|(?P<out>returns?)):[ ]*(.*)$")

RETURNED = ""
"""The name under which what is returned is described: no parameter is called so."""


def described(docstring: str | None) -> dict[str, str]:
    r"""Return descriptions by parameter name; that of the result has an empty name.

    Example:
        >>> described("Add.\n\nArgs:\n  x: One.\n\nReturns:\n  int: Their sum.")
        {'x': 'One.', '': 'Their sum.'}
    """
    if not docstring or not _MARK.search(text := cleandoc(docstring)):
        return {}
    found: dict[str, list[str]] = {}
    for title, lines in _sections(text):
        if title in _ARGUMENTS:
            found |= _entries(lines)
        elif title in _RETURNED:
            found[RETURNED] = _returned(lines)
        else:
            found |= _fields(lines)
    told = {name: "\n".join(lines).strip() for name, lines in found.items()}
    return {name: words for name, words in told.items() if words}


def _sections(text: str) -> list[tuple[str, list[str]]]:
    """Return the lines under each heading; those before the first have none."""
    sections: list[tuple[str, list[str]]] = [("", [])]
    lines = text.split("\n")
    for number, line in enumerate(lines):
        heading = _HEADING.match(line)
        if heading:
            sections.append((heading[1], []))
        elif re.fullmatch(r"-{3,}\s*", line) and sections[-1][1]:
            sections.append((sections[-1][1].pop().strip() or lines[number - 1], []))
        else:
            sections[-1][1].append(line)
    # What stands under numpy's headings is as far to the left as these; Google's is indented.
    return [(title, cleandoc("\n" + "\n".join(under)).split("\n")) for title, under in sections]


def _entries(lines: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in lines:
        entry = None if line.startswith(" ") else _ENTRY.match(line) or re.match(r"^(\w+)()$", line)
        if entry:
            numpy = not entry[2] or _followed(lines, line)
            latest = found[entry[1].lstrip("*")] = [] if numpy else [entry[2]]
        elif found:
            latest.append(line.strip())
    return found


def _followed(lines: list[str], line: str) -> bool:
    """Whether the words are on the lines below, as in numpy's style: a type stands here."""
    return " : " in line and lines.index(line) + 1 < len(lines)


def _returned(lines: list[str]) -> list[str]:
    first, *rest = lines
    if rest and rest[0].startswith(" ") and re.fullmatch(r"[\w.\[\], |]+", first):
        return [line.strip() for line in rest]  # numpy's: the type, and the words below it
    words = _TYPED.sub("", first, count=1) if _is_type(first) else first
    return [words, *(line.strip() for line in rest)]


def _is_type(line: str) -> bool:
    """Whether a line begins with a type and a colon, not with a sentence."""
    typed = _TYPED.match(line)
    return typed is not None and " " not in re.sub(r",\s|\s\|\s", "", typed[0].rstrip(": "))


def _fields(lines: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    latest: list[str] | None = None
    for line in lines:
        field = _FIELD.match(line)
        if field:
            latest = found[field["name"] or RETURNED] = [field[3]]
        elif latest is not None and line.startswith(" "):
            latest.append(line.strip())
        else:
            latest = None
    return found
