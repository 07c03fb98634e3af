"""The code of a notebook, Python or Markdown file, without the cells that only explore.

Cells tagged `explore` do not run when the file is loaded for its definitions: plots, looks at data,
slow queries. Other tags are named in `$JOBNB_EXPLORE_TAGS`, or in the notebook's own metadata, as
`{"jobnb": {"explore_tags": ["explore", "scratch"]}}`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jobnb.errors import NotebookError
from jobnb.notebook.cell_tags import percent_tags, tags_of

EXPLORE_VARIABLE = "JOBNB_EXPLORE_TAGS"
_PERCENT = re.compile(r"^# ?%%(?=[ \t\[]|$)(?P<about>.*)$", re.MULTILINE)


def explore_tags(metadata: Mapping[str, Any]) -> frozenset[str]:
    """Return the tags of the cells that are not run for their definitions.

    Args:
        metadata: The notebook's metadata.

    Example:
        >>> sorted(explore_tags({"jobnb": {"explore_tags": ["plot", "scratch"]}}))
        ['plot', 'scratch']
    """
    named = os.environ.get(EXPLORE_VARIABLE)
    if named is not None:
        return frozenset(tag.strip() for tag in named.split(",") if tag.strip())
    own = metadata.get("jobnb")
    told = own.get("explore_tags") if isinstance(own, Mapping) else None
    if isinstance(told, list):
        return frozenset(tag for tag in told if isinstance(tag, str))
    return frozenset({"explore"})


def code_pieces(path: Path) -> Iterator[tuple[str, str, bool]]:
    """Iterate over the pieces of code that may define something.

    Args:
        path: An `.ipynb`, `.py` or `.md` file.

    Yields:
        The name of a piece in tracebacks, its text, and whether it is a cell, which may hold
            magics.

    Raises:
        NotebookError: If the file cannot be read, or is no notebook.
    """
    if path.suffix == ".py":
        yield str(path), _without_exploring(python_text(path)), False
        return
    metadata, cells = plain_cells(path)
    leave_out = explore_tags(metadata)
    code = [cell for cell in cells if cell["cell_type"] == "code" and cell["source"].strip()]
    for number, cell in enumerate(code, 1):
        if not leave_out.intersection(tags_of(cell)):
            yield f"{path}, cell [{number}]", cell["source"], True


def _without_exploring(text: str) -> str:
    """Empty the lines of percent cells that only explore; the other lines keep their numbers."""
    begins = list(_PERCENT.finditer(text))
    if not begins:
        return text
    leave_out = explore_tags({})
    ends = [*(each.start() for each in begins[1:]), len(text)]
    kept = [text[: begins[0].start()]]
    for begin, end in zip(begins, ends, strict=True):
        cell = text[begin.start() : end]
        explores = leave_out.intersection(percent_tags(begin["about"]))
        kept.append("\n" * cell.count("\n") if explores else cell)
    return "".join(kept)


def plain_cells(path: Path) -> tuple[Mapping[str, Any], list[Any]]:
    """Return a notebook's metadata and cells; importing nbformat would take a second."""
    if path.suffix == ".md":
        from jobnb.notebook.markdown_notebooks import markdown_cells

        return markdown_cells(python_text(path), str(path))
    if path.suffix == ".py":
        from jobnb.notebook.percent_notebooks import percent_cells

        return percent_cells(python_text(path), str(path))
    plain = _plain_notebook(path)
    if plain is not None:
        return plain
    from jobnb.notebook.document import read_notebook

    node = read_notebook(path)
    return node.metadata, node.cells


def _plain_notebook(path: Path) -> tuple[Mapping[str, Any], list[Any]] | None:
    """Read a notebook of format 4 as the JSON that it is; None where nbformat must look at it."""
    try:
        node = json.loads(path.read_bytes())
        if node["nbformat"] != 4:
            return None
        cells = [_plain_cell(cell) for cell in node["cells"]]
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    metadata = node.get("metadata")
    return (metadata if isinstance(metadata, dict) else {}), cells


def _plain_cell(cell: dict[str, Any]) -> dict[str, Any]:
    source = cell["source"]
    if not isinstance(source, str):
        source = "".join(source)
    return {**cell, "cell_type": cell["cell_type"], "source": source}


def python_text(path: Path) -> str:
    """Return the text of a Python or Markdown file.

    Raises:
        NotebookError: If it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotebookError(f"There is no file {path}.") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise NotebookError(f"The file {path} cannot be read: {reason}.") from error
