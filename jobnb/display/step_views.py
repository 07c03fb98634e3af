"""The view of a step that was opened: what it was given and where it failed, as cells to copy."""

from __future__ import annotations

from jobnb.display.failures import error_html
from jobnb.display.html import folded, header, join, preformatted, tag
from jobnb.display.step_cells import step_cells
from jobnb.display.view import View
from jobnb.execution.debugging import OpenedStep


def opened_view(opened: OpenedStep) -> View:
    """Return the view of an opened step; its cells stand in it as text."""
    cells = step_cells(opened)
    said = [*opened.missing.values(), *opened.notes]
    html = join(
        [
            header(opened.key, "step", note=f"of run {opened.run.run_id[:8]}"),
            error_html(opened.error) if opened.error is not None else None,
            *(tag("p", each) for each in said),
            folded("in cells", join(preformatted(each) for each in cells)),
        ]
    )
    text = "\n\n".join([repr(opened), *said, *cells])
    return View(f"step {opened.key}", text, html)
