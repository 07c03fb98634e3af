"""Notebooks written as Python, in the percent form of editors and of jupytext.

A line `# %%` begins a cell, its kind and tags behind it:

    # %% [markdown]
    # # Sales
    # %% tags=["parameters"]
    year = 2013
"""

from __future__ import annotations

import re
from typing import Any

from jobnb.errors import NotebookError
from jobnb.notebook.cell_tags import percent_tags
from jobnb.notebook.markdown_notebooks import without_header

_CELL = re.compile(r"^# ?%%(?=[ \t\[]|$)(?P<about>.*)$", re.MULTILINE)
_KIND = re.compile(r"\[(markdown|md|raw)\]")
_MAGIC = re.compile(r"^# (?=%{1,2}[a-zA-Z])", re.MULTILINE)
_HEADER = re.compile(r"\A# ---[ \t]*\n(?:#.*\n)*?# ---[ \t]*(?:\n|\Z)")


def percent_cells(text: str, name: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    r"""Return the metadata and the cells of a notebook written as Python, as plain data.

    Args:
        text: The Python file.
        name: How messages call it.

    Raises:
        NotebookError: If it has no such cells, or its header is no YAML.

    Example:
        >>> _, cells = percent_cells("# %% [markdown]\n# # Shop\n# %%\nx = 1\n", "shop.py")
        >>> [(cell["cell_type"], cell["source"]) for cell in cells]
        [('markdown', '# Shop'), ('code', 'x = 1')]
    """
    metadata, text = _without_header(text, name)
    begins = list(_CELL.finditer(text))
    if not begins:
        raise NotebookError(
            f"{name} is a Python file without cells. Begin each with a line '# %%', or name an "
            ".ipynb file."
        )
    ends = [*(each.start() for each in begins[1:]), len(text)]
    first = text[: begins[0].start()]
    head = [_cell("", first)] if _has_code(first) else []
    cells = [
        _cell(each["about"], text[each.end() : end]) for each, end in zip(begins, ends, strict=True)
    ]
    return metadata, [*head, *cells]


def _without_header(text: str, name: str) -> tuple[dict[str, Any], str]:
    """Return the metadata from the header of comments that jupytext writes, and what follows."""
    header = _HEADER.match(text)
    if header is None:
        return {}, text
    metadata, _ = without_header(_uncommented(header[0]) + "\n", name)
    return metadata, text[header.end() :]


def _has_code(text: str) -> bool:
    return any(line.strip() and not line.startswith("#") for line in text.splitlines())


def _cell(about: str, text: str) -> dict[str, Any]:
    kind, tags = _KIND.search(about), percent_tags(about)
    text = text.strip("\n")
    metadata = {"tags": tags} if tags else {}
    if kind is None:
        return {"cell_type": "code", "source": _MAGIC.sub("", text), "metadata": metadata}
    cell_type = "raw" if kind[1] == "raw" else "markdown"
    return {"cell_type": cell_type, "source": _uncommented(text), "metadata": metadata}


def _uncommented(text: str) -> str:
    return "\n".join(re.sub(r"^# ?", "", line) for line in text.splitlines())
