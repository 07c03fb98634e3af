"""What an address of the page says behind its question mark: the open tab, and a filter of runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote

from traitlets import HasTraits, Unicode

_TEXTS = ("job", "notebook", "id", "after", "before")


def filter_in(pairs: list[tuple[str, str]], usual: Mapping[str, Any]) -> dict[str, Any]:
    """Return the filter of runs that an address asks for.

    Args:
        pairs: What stands behind the question mark.
        usual: The filter that stands at the address without anything behind it.

    Example:
        >>> filter_in([("status", "FAILURE"), ("tag", "team=data")], {"job": "daily"})
        {'job': 'daily', 'statuses': ['FAILURE'], 'tags': {'team': 'data'}}
        >>> filter_in([("job", "")], {"job": "daily"})
        {}
    """
    found = dict(usual)
    statuses = [value for name, value in pairs if name == "status"]
    tags = [value.partition("=") for name, value in pairs if name == "tag"]
    texts = {name: value for name, value in pairs if name in _TEXTS}
    if statuses:
        found["statuses"] = statuses
    if tags:
        found["tags"] = {key: value for key, _, value in tags}
    return _said({**found, **texts})


def _said(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return a filter without what asks for nothing."""
    found = {**asked}
    found["statuses"] = [each for each in asked.get("statuses") or () if each]
    found["tags"] = {key: value for key, value in (asked.get("tags") or {}).items() if key}
    return {name: value for name, value in found.items() if value}


def query_of(asked: Mapping[str, Any], usual: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what an address says to ask for this: `filter_in` reads it.

    Example:
        >>> query_of({"statuses": ["FAILURE"], "tags": {"team": "data"}}, {"job": "daily"})
        [('job', ''), ('status', 'FAILURE'), ('tag', 'team=data')]
    """
    new, old = _said(asked), _said(usual)
    pairs = [(name, str(new.get(name, ""))) for name in _TEXTS if new.get(name) != old.get(name)]
    if new.get("statuses") != old.get("statuses"):
        pairs += [("status", each) for each in new.get("statuses") or [""]]
    if new.get("tags") != old.get("tags"):
        tags = new.get("tags") or {}
        pairs += [("tag", f"{key}={value}") for key, value in tags.items()] or [("tag", "")]
    return pairs


class PageQuery(HasTraits):
    """The open tab and the filter of runs of a view, as its address says them.

    Args:
        query: What the address says at first.

    Attributes:
        text: What the address says, without its question mark; changes with the view.

    Example:
        >>> PageQuery("tab=runs&status=FAILURE").text
        'tab=runs&status=FAILURE'
    """

    text = Unicode()

    def __init__(self, query: str = "") -> None:
        super().__init__(text=query)
        self._bar: Any = None
        self._tab, self._tabs, self._first = "opened", frozenset[str](), ""
        self._table: Any = None
        self._usual: dict[str, Any] = {}
        self._pairs = parse_qsl(query, keep_blank_values=True)

    def of_tabs(self, bar: Any, tabs: Iterable[str], trait: str = "opened") -> None:
        """Take the tab from this bar, and to it.

        Args:
            bar: The widget; the tab that is open at first stands in no address.
            tabs: The names of its tabs.
            trait: Its trait that names the open one.
        """
        self._bar, self._tab, self._tabs = bar, trait, frozenset(tabs)
        self._first = getattr(bar, trait)
        self._open()
        self._see()
        bar.observe(self._see, names=[trait])

    def of_runs(self, table: Any) -> None:
        """Take the filter from this table of runs, and to it; it may come later than the tabs."""
        self._table, self._usual = table, dict(table.asked)
        table.asked = filter_in(self._pairs, self._usual)
        self._see()
        table.observe(self._see, names=["asked"])

    def take(self, query: str) -> None:
        """Show what an address asks for: the first tab and the usual filter where it says none."""
        self._pairs = parse_qsl(query, keep_blank_values=True)
        if self._bar is not None:
            self._open()
        if self._table is not None:
            self._table.asked = filter_in(self._pairs, self._usual)
        self.text = query
        self._see()

    def _open(self) -> None:
        tab = dict(self._pairs).get("tab")
        setattr(self._bar, self._tab, tab if tab in self._tabs else self._first)

    def _see(self, _change: Any = None) -> None:
        """Say what is shown now."""
        pairs: list[tuple[str, str]] = []
        tab = getattr(self._bar, self._tab, self._first)
        if tab != self._first:
            pairs.append(("tab", tab))
        if self._table is not None:
            pairs += query_of(self._table.asked, self._usual)
        else:  # The table is not there yet.
            pairs += [(name, value) for name, value in self._pairs if name != "tab"]
        self.text = "&".join(f"{name}={quote(value, safe='/:=')}" for name, value in pairs)
