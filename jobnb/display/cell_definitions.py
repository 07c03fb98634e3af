"""Show what a cell has defined below it, as one picture, if the cell shows nothing else."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from typing import Any

from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.display.environment import attempt
from jobnb.registry.catalogue import Entry
from jobnb.registry.session import Session, session

_PICTURES = ("job", "graph")
_DEFINITION_CELL = re.compile(r"\s*%%(?:asset|op)\s")


class CellDefinitions:
    """Shows a cell's definitions, if its last statement is a definition or an assignment.

    A cell that ends with an expression shows its value. A cell shows one picture at most: the
    job or graph that it ends with, else the graph of its assets, else the last job, graph or
    op. `session.show_definitions` turns it off.

    Args:
        shell: The IPython shell whose cells these are.
        is_read: Whether someone may be looking.
    """

    def __init__(self, shell: Any, is_read: Callable[[], bool]) -> None:
        self._shell = shell
        self._is_read = is_read
        shell.events.register("post_run_cell", self._after)

    def detach(self) -> None:
        """Stop showing definitions."""
        self._shell.events.unregister("post_run_cell", self._after)

    def _after(self, result: Any) -> None:
        cell = session.catalogue.watch.done
        if cell is None or not result.success or result.result is not None:
            return
        if not session.show_definitions or not self._is_read():
            return
        if not session.catalogue.watch.is_attended:
            return
        entries = session.catalogue.of_cell(cell.id)
        if entries and _ends_with_definition(self._shell, result.info.raw_cell):
            attempt(lambda: _show(entries, session), None)


def _ends_with_definition(shell: Any, source: str) -> bool:
    """Whether the last statement of a cell binds a name, and so displays nothing."""
    if _DEFINITION_CELL.match(source or ""):
        return True
    tree = attempt(lambda: ast.parse(shell.transform_cell(source or "")), None)
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Assign, ast.AnnAssign)
    return tree is not None and bool(tree.body) and isinstance(tree.body[-1], kinds)


def _show(entries: Sequence[Entry], known: Session) -> None:
    from IPython.display import display

    assets = _each(entries, "asset")
    last = entries[-1]
    if last.kind not in _PICTURES and assets:
        _show_assets(assets, known)
        return
    for kind in (last.kind, *_PICTURES, "op"):
        found = _each(entries, kind)
        if found and kind in (*_PICTURES, "op"):
            display(found[-1])
            return


def _each(entries: Sequence[Entry], kind: str) -> list[Any]:
    """Return the definitions of a kind, each once."""
    return list({id(e.definition): e.definition for e in entries if e.kind == kind}.values())


def _show_assets(assets: Sequence[Any], known: Session) -> None:
    """Display one asset as its card, several as their graph."""
    from jobnb.display.widgets.asset import AssetsGraph, AssetView

    if len(assets) == 1 and isinstance(assets[0], AssetsDefinition):
        AssetView(assets[0], eager=False)._ipython_display_()
    else:
        keys = {key for each in assets for key in getattr(each, "keys", None) or {each.key}}
        AssetsGraph(keys, known)._ipython_display_()
