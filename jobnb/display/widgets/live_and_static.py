"""A live view and its static twin, displayed as two outputs of one cell.

Front ends show only one form of an output, and a notebook reopened without its kernel would only
show that the widget is missing. So a picture that needs no kernel precedes the widget, hidden by
its own style sheet while the widget is there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

from jobnb.display.environment import attempt, has_front_end

WIDGET_MIME = "application/vnd.jupyter.widget-view+json"
_HTML, _TEXT = "text/html", "text/plain"
# Hidden while the live view is in the page, in any front end; in those of Jupyter with the whole
# output around it. An output after it that holds no element is a widget that does not come.
_RULES = """
body:has(.{live}) [data-jobnb-twin="{live}"],
body:has(.{live}) .jp-OutputArea-child:has([data-jobnb-twin="{live}"]),
.jp-OutputArea-child:has([data-jobnb-twin="{live}"])
+ .jp-OutputArea-child:not(:has(.jp-OutputArea-output > *)) {{ display: none; }}
"""

Bundle = dict[str, Any]


def widget_bundle(widget: Any) -> Bundle:
    """Return the MIME bundle of a widget; opens its comm if it is not open yet."""
    widget.add_class(_mark(widget.model_id))
    reference = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    return {WIDGET_MIME: reference}


def _mark(model_id: str) -> str:
    """Return the class by which the style sheet of the twin finds the live view."""
    return f"jobnb-live-{model_id}"


class LiveAndStatic:
    """A widget that leaves a static picture of itself in the notebook.

    What `_repr_mimebundle_` gives holds both forms.
    """

    def _ipython_display_(self) -> None:
        shown = has_front_end() and show_twins(self, lambda: dict(self._repr_mimebundle_()))  # type: ignore[attr-defined]
        if not shown:
            raise NotImplementedError  # IPython goes on to the other forms

    def renew_twins(self) -> None:
        """Update the pictures in notebooks to the present state."""
        for picture in vars(self).get("_twins", ()):
            attempt(picture.renew, None)


class _Picture:
    """The output of a static form; updates wait until it has been displayed."""

    def __init__(self, mark: str, draw: Callable[[], Bundle]) -> None:
        self._mark, self._draw = mark, draw
        self._name = f"jobnb-{uuid4().hex}"
        self._lock = threading.Lock()

    def show(self) -> bool:
        """Show it; False where there is nothing to see."""
        nothing: Bundle = {}
        with self._lock:
            made = attempt(self._draw, nothing)
            if _HTML in made:
                self._publish(made, update=False)
            return _HTML in made

    def renew(self) -> None:
        """Show how things stand now, wherever it was shown."""
        with self._lock:
            self._publish(self._draw(), update=True)

    def _publish(self, made: Mapping[str, Any], *, update: bool) -> None:
        from IPython.display import publish_display_data

        static = {mime: data for mime, data in made.items() if mime != WIDGET_MIME}
        static[_HTML] = _wrapped(static[_HTML], self._mark)
        publish_display_data(static, transient={"display_id": self._name}, update=update)


def show_twins(widget: Any, draw: Callable[[], Bundle]) -> bool:
    """Show the picture and, in the next output, the widget.

    Args:
        widget: The live view.
        draw: Makes the bundle of its static forms; called again when the picture is renewed.

    Returns:
        Whether there was a picture; if not, nothing is shown.
    """
    picture = _Picture(_mark(widget.model_id), draw)
    if isinstance(widget, LiveAndStatic):
        vars(widget).setdefault("_twins", []).append(picture)
    shown = picture.show()
    if shown:
        _publish_live(widget)
    elif isinstance(widget, LiveAndStatic):
        vars(widget)["_twins"].remove(picture)
    return shown


def _wrapped(html: str, mark: str) -> str:
    rules = _RULES.format(live=mark)
    return f'<div data-jobnb-twin="{mark}"><style>{rules}</style>{html}</div>'


def _publish_live(widget: Any) -> None:
    from IPython.display import publish_display_data

    # Where no widget can be shown this output is empty: its twin says it all.
    publish_display_data({**widget_bundle(widget), _TEXT: "", _HTML: ""})
