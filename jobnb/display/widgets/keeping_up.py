"""Views of how things stand learn that something in this kernel may have changed it.

They are only told that they are behind. A front end that still shows one asks for the rest; a
view whose cell was run again is shown by nobody, asks for nothing, and costs nothing more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakSet

from jobnb.automation.backfill import Backfill
from jobnb.display.attempt import attempt
from jobnb.execution.run import RunScope
from jobnb.execution.watch import background_watchers, watchers

__all__ = ["keep_up"]

_views: WeakSet[Any] = WeakSet()


def keep_up(view: Any) -> None:
    """Have a view of a session told when a run or a backfill has ended, or a cell has defined.

    Args:
        view: Has the `session` that it shows, and a trait `behind` that becomes true then.
    """
    _views.add(view)
    view.session.catalogue.observe(_cell_defined, names=["version"])  # asking twice changes nothing
    for known in (watchers, background_watchers):
        if _while_it_runs not in known:
            known.append(_while_it_runs)
    if _backfill_begins not in Backfill.begun:
        Backfill.begun.append(_backfill_begins)


def _tell(concerns: Callable[[Any], bool]) -> None:
    for view in list(_views):
        if not view.behind:
            attempt(lambda view=view: _fall_behind(view, concerns), None)  # type: ignore[misc]


def _fall_behind(view: Any, concerns: Callable[[Any], bool]) -> None:
    if concerns(view.session):
        with view.guard:
            view.behind = True


def _cell_defined(change: Any) -> None:
    _tell(lambda session: session.catalogue is change.owner)


@contextmanager
def _while_it_runs(run: RunScope) -> Iterator[None]:
    try:
        yield
    finally:
        _tell(lambda session: session.instance is run.instance)


def _backfill_begins(backfill: Any) -> None:
    def ended(_change: Any) -> None:
        if backfill.is_finished:
            _tell(lambda session: session.instance is backfill.instance)

    backfill.observe(ended, names=["status", "version"])
