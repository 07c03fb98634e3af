"""Tabs that contain other widgets, each created when its tab is first opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets
from traitlets import Dict, Unicode

from jobnb.display.widgets.assemble import css, esm
from jobnb.display.widgets.view import View


class TabBar(View):
    """The tabs alone: their titles, and which is open."""

    _esm = esm("parts/dom.js", "parts/tabs.js", "tab_bar.js")
    _css = css()

    heading = Dict(help="Title, noun and note above the tabs.").tag(sync=True)
    labels = Dict(help="What stands on each tab, by name.").tag(sync=True)
    opened = Unicode().tag(sync=True)


class Note(View):
    """A line of text in place of what could not be shown."""

    _esm = esm("parts/dom.js", "note.js")
    _css = css()

    text = Unicode().tag(sync=True)


class Tabbed(ipywidgets.VBox):  # type: ignore[misc]
    """Tabs with the widget of the open tab below.

    Args:
        parts: For each tab, what stands on it and what makes its widget.
        heading: Title, noun and note above the tabs.
    """

    def __init__(
        self,
        parts: Mapping[str, tuple[str, Callable[[], Any]]],
        heading: Mapping[str, str] | None = None,
    ) -> None:
        self._makers = {name: make for name, (_, make) in parts.items()}
        self._made: dict[str, Any] = {}
        labels = {name: label for name, (label, _) in parts.items()}
        self.bar = TabBar(heading=dict(heading or {}), labels=labels, opened=next(iter(parts)))
        self.place = ipywidgets.VBox()
        super().__init__(children=[self.bar, self.place])
        self.bar.observe(self._opened, names=["opened"])
        self._show(self.bar.opened)

    def _opened(self, change: Any) -> None:
        self._show(change["new"])

    def _show(self, name: str) -> None:
        if name not in self._made and name in self._makers:
            self._made[name] = self._make(name)
        self.place.children = [self._made[name]] if name in self._made else []

    def _make(self, name: str) -> Any:
        """Return the widget of a tab; a line that says why where it cannot be made."""
        try:
            return self._makers[name]()
        except Exception as error:  # noqa: BLE001 - definitions of users stand behind it
            return Note(text=str(error) or type(error).__name__)

    def part(self, name: str) -> Any:
        """Return the widget of a tab, if it was opened."""
        return self._made.get(name)

    def close(self) -> None:
        """Close it in all front ends."""
        for part in (*self._made.values(), self.bar, self.place):
            part.close()
        super().close()
