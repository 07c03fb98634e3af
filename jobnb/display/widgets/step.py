"""The live view of an opened step: a button that puts it into cells below."""

from __future__ import annotations

from typing import Any

from traitlets import Bool, Dict

from jobnb.display.environment import has_front_end
from jobnb.display.step_cells import step_cells
from jobnb.display.step_views import opened_view
from jobnb.display.view import bundle
from jobnb.display.widgets.assemble import css, esm
from jobnb.display.widgets.live_and_static import widget_bundle
from jobnb.display.widgets.view import View, answers
from jobnb.execution.debugging import OpenedStep


class StepView(View):
    """An opened step, with a button that puts it into cells below.

    Args:
        opened: The step.
        wanted: Whether the cells are put below as soon as the view is seen.
    """

    _esm = esm("parts/dom.js", "parts/cells.js", "step.js")
    _css = css("run.css")

    about = Dict().tag(sync=True)
    wanted = Bool(False).tag(sync=True)

    def __init__(self, opened: OpenedStep, **traits: Any) -> None:
        self._opened = opened
        error = opened.error
        about = {
            "step": opened.key,
            "run": f"of run {opened.run.run_id[:8]}",
            "says": f"{error.cls_name}: {error.message}" if error is not None else "",
            "missing": list(opened.missing.values()),
            "notes": opened.notes,
        }
        super().__init__(about=about, **traits)

    @answers("cells")
    def cells(self) -> list[str]:
        """Return the code of the cells."""
        return step_cells(self._opened)

    @answers("first")
    def first(self) -> list[str]:
        """Return the code of the cells to the first view that is seen, nothing to others."""
        with self.guard:
            wanted, self.wanted = self.wanted, False
        return self.cells() if wanted else []

    def _repr_mimebundle_(self, **parameters: Any) -> Any:
        """Return text, HTML and a picture always; alive where there is a front end."""
        live = widget_bundle(self) if has_front_end() else {}
        return {**bundle(opened_view(self._opened)), **live}
