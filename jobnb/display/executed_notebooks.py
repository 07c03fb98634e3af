"""Executed notebooks inline: their words, code and figures, short and without anything that runs.

A notebook is read into parts, plain data. Here these become markup; a live view sends them to the
front end, which makes its elements of them.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from jobnb.display.foreign_html import html_tree
from jobnb.display.html import Html, folded, header, join, pairs, pre, preformatted, tag, void
from jobnb.display.markdown_html import Prose, drawn, prose_tree
from jobnb.display.text import counted, shorten
from jobnb.display.value_words import value_line
from jobnb.display.view import View
from jobnb.storage.executed_notebook import ExecutedNotebook

_COLOUR = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp")
_MOST_CELLS, _MOST_TEXT = 200, 20_000
_MOST_IMAGES = 8_000_000  # characters of all pictures together
_FOLD_CODE = 1  # lines of code from which on it is folded
_HAS = (b'"cells"', b'"nbformat"')


class NotebookPart(NamedTuple):
    """One thing that a notebook shows.

    Args:
        kind: prose, code, text, error or image.
        text: The text; of an image its address; of an error what was raised.
        tree: The elements of prose.
        label: Of code, its number and first line.
    """

    kind: str
    text: str = ""
    tree: list[Prose] | None = None
    label: str = ""


def notebook_view(value: ExecutedNotebook) -> View:
    """Return an executed notebook on its own."""
    said = "\n".join([_said(value), *_texts(value)])
    return View(value.title, said, notebook_html(value))


def notebook_of(value: Any) -> ExecutedNotebook | None:
    """Return an executed notebook, also one that is given as the bytes of its file."""
    if isinstance(value, ExecutedNotebook):
        return value
    if not isinstance(value, bytes) or value[:1] != b"{" or any(word not in value for word in _HAS):
        return None
    found = ExecutedNotebook(value.decode("utf-8"))
    found.cells  # noqa: B018 - raises where it is no notebook
    return found


def notebook_html(value: ExecutedNotebook) -> Html:
    """Return an executed notebook as markup."""
    results = {name: value_line(each) for name, each in value.results.items()}
    return tag(
        "div",
        header(value.title, "executed notebook", note=_note(value)),
        pairs(results),
        *(_part_html(part) for part in notebook_parts(value)),
        css="jn-notebook",
    )


def notebook_data(value: ExecutedNotebook) -> dict[str, Any]:
    """Return an executed notebook as data that a front end draws."""
    results = [(name, value_line(each)) for name, each in value.results.items()]
    return {
        "title": value.title,
        "about": _note(value),
        "results": results,
        "parts": [part._asdict() for part in notebook_parts(value)],
    }


def _note(value: ExecutedNotebook) -> str:
    code = sum(cell["cell_type"] == "code" for cell in value.cells)
    kernel = f"kernel {value.kernel}" if value.kernel else ""
    return " · ".join(filter(None, (counted(code, "code cell"), kernel)))


def _said(value: ExecutedNotebook) -> str:
    results = [f"{name} = {value_line(each)}" for name, each in value.results.items()]
    return "\n".join([f"{value.title} (executed notebook, {_note(value)})", *results])


def _texts(value: ExecutedNotebook) -> Iterator[str]:
    """Iterate over what its outputs say, in lines of text."""
    for part in notebook_parts(value):
        if part.kind in ("text", "error"):
            yield shorten(part.text, 400)
        elif part.kind == "image":
            yield "[figure]"


# --- what it shows ----------------------------------------------------------


def notebook_parts(value: ExecutedNotebook) -> list[NotebookPart]:
    """Return what a notebook shows, in order."""
    parts: list[NotebookPart] = []
    cells, room = value.cells, _MOST_IMAGES
    for cell in cells[:_MOST_CELLS]:
        if cell["cell_type"] == "markdown" and cell["source"].strip():
            parts.append(NotebookPart("prose", tree=prose_tree(cell["source"])))
        if cell["cell_type"] != "code" or not cell["source"].strip():
            continue
        parts.append(_code(cell))
        for part in map(_output, cell.get("outputs", ())):
            room -= len(part.text) if part.kind == "image" else 0
            parts.append(
                part if room > 0 or part.kind != "image" else NotebookPart("text", "[figure]")
            )
    left = len(cells) - _MOST_CELLS
    return [*parts, NotebookPart("text", f"… {counted(left, 'more cell')}")] if left > 0 else parts


def _code(cell: Mapping[str, Any]) -> NotebookPart:
    source = cell["source"].strip("\n")
    first = next((line.strip() for line in source.splitlines() if line.strip()), "")
    number = cell.get("execution_count")
    lines = source.count("\n") + 1
    more = f" … {counted(lines, 'line')}" if lines > _FOLD_CODE else ""
    return NotebookPart("code", source, label=f"[{number or ' '}] {shorten(first, 100)}{more}")


def _output(output: Mapping[str, Any]) -> NotebookPart:
    if output.get("output_type") == "stream":
        return NotebookPart("text", _text(output.get("text")))
    if output.get("output_type") == "error":
        said = f"{output.get('ename', '')}: {output.get('evalue', '')}"
        trace = "\n".join(map(str, output.get("traceback", ())))
        return NotebookPart("error", _plain(said), label=_plain(trace))
    data: Mapping[str, Any] = output.get("data") or {}
    return _picture(data) or _prose(data) or NotebookPart("text", _text(data.get("text/plain")))


def _picture(data: Mapping[str, Any]) -> NotebookPart | None:
    """Return a picture inside of an address, where a script in an SVG cannot run."""
    for kind in _IMAGES:
        if kind in data:
            encoded = "".join(_joined(data[kind]).split())
            b64decode(encoded, validate=True)
            return NotebookPart("image", f"data:{kind};base64,{encoded}")
    if "image/svg+xml" in data and "text/html" not in data:
        encoded = b64encode(_joined(data["image/svg+xml"]).encode()).decode("ascii")
        return NotebookPart("image", f"data:image/svg+xml;base64,{encoded}")
    return None


def _prose(data: Mapping[str, Any]) -> NotebookPart | None:
    if "text/html" in data:
        tree = html_tree(_joined(data["text/html"]))
        return NotebookPart("prose", tree=tree) if tree else None
    if "text/markdown" in data:
        return NotebookPart("prose", tree=prose_tree(_joined(data["text/markdown"])))
    return None


def _joined(text: Any) -> str:
    return text if isinstance(text, str) else "".join(text or ())


def _text(text: Any) -> str:
    said = _plain(_joined(text))
    left = len(said) - _MOST_TEXT
    return said if left <= 0 else f"{said[:_MOST_TEXT]}\n… {counted(left, 'more character')}"


def _plain(text: str) -> str:
    return _COLOUR.sub("", text).rstrip("\n")


# --- as markup ----------------------------------------------------------------


def _part_html(part: NotebookPart) -> Html:
    if part.kind == "prose":
        return tag("div", drawn(part.tree or ()), css="jn-doc")
    if part.kind == "code":
        return tag("div", folded(part.label, pre(part.text)), css="jn-code")
    if part.kind == "image":
        return void("img", src=part.text, alt="figure")
    if part.kind == "error":
        trace = folded("traceback", preformatted(part.label)) if part.label else None
        return tag("div", tag("div", part.text, css="jn-says"), trace, css="jn-error")
    return preformatted(part.text, fold_after=12) if part.text else join(())
