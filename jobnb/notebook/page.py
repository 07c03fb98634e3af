"""An executed notebook as one HTML page."""

from __future__ import annotations

import logging
import warnings
from typing import Any

from jobnb.errors import NotebookError

__all__ = ["title_of", "to_html"]


def to_html(node: Any, name: str) -> str:
    """The notebook as a page that opens without Jupyter.

    Args:
        node: The notebook.
        name: Its title, if it has no heading.

    Raises:
        NotebookError: If nbconvert cannot make a page of it.
    """
    from nbconvert.exporters import HTMLExporter

    quiet = logging.getLogger("jobnb.page")
    quiet.addHandler(logging.NullHandler())
    quiet.propagate = False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            exporter = HTMLExporter(log=quiet)
            resources = {"metadata": {"name": title_of(node, name)}}
            body, _ = exporter.from_notebook_node(node, resources=resources)
        except Exception as error:
            reason = str(error).strip().splitlines()
            raise NotebookError(
                f"The notebook cannot be made an HTML page: {reason[0] if reason else error!r}"
            ) from error
    return str(body)


def title_of(node: Any, name: str) -> str:
    """The notebook's first heading, else its name."""
    for cell in node.cells:
        if cell.cell_type == "markdown":
            for line in cell.source.splitlines():
                if line.startswith("# "):
                    return str(line[2:]).strip()
    return name
