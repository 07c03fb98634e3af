"""The IPython extension: rich reprs, a session that follows the cells, named cells."""

from __future__ import annotations

import gc
import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from pathlib import Path
from time import time as now
from types import TracebackType
from typing import TYPE_CHECKING, Any

from jobnb.errors import ExecutionInterruptedError, JobnbError
from jobnb.events import Logged
from jobnb.execution.run import RunScope
from jobnb.notebook import cell_magics
from jobnb.notebook.completion import complete_no_more, complete_with
from jobnb.notebook.magics import register, unregister

if TYPE_CHECKING:
    from jobnb.display.after_cell import AfterCell
    from jobnb.display.cell_definitions import CellDefinitions

_HERE = str(Path(__file__).resolve().parents[1])

_watching: list[tuple[list[Any], Any]] = []
_showing: list[CellDefinitions | AfterCell] = []


def load(shell: Any) -> None:
    """Attach to an IPython shell, once.

    What every run needs is imported now, so that the first run does not wait for it, and the
    garbage of the imports is collected now (6 ms), not during a run.
    """
    from jobnb.display.install import install
    from jobnb.execution.trace import file_namers
    from jobnb.registry.session import attach

    install(shell)
    attach(shell)
    shell.set_custom_exc((JobnbError, ExecutionInterruptedError), _show_short)
    if not any(isinstance(namer, _CellNamer) for namer in file_namers):
        file_namers.append(_CellNamer(shell))
    register(shell)
    cell_magics.register(shell)
    complete_with(shell)
    _stop_watching()
    _watch(shell)
    if path := shell.config.Jobnb.get("events"):  # Executed headlessly.
        from jobnb.notebook.reporting import report_to

        report_to(path)
    for module in ("jobnb.engine", "jobnb.definitions.assets.asset", "jobnb.storage.values"):
        import_module(module)
    gc.collect()


def _watch(shell: Any) -> None:
    """Show the progress of runs that a cell waits for; log what background runs display."""
    from jobnb.automation.backfill import watchers as backfill_watchers
    from jobnb.display.blocking_run import watch_cells
    from jobnb.display.environment import has_front_end
    from jobnb.display.progress import cell_watch, terminal_watch
    from jobnb.execution.watch import background_watchers, raising, watchers

    in_kernel = getattr(shell, "kernel", None) is not None
    watch = cell_watch(_is_read) if in_kernel else terminal_watch()
    added: list[tuple[list[Any], Any]] = [
        (backfill_watchers, watch.of_backfill),
        (background_watchers, _keep_displays(shell)),
    ]
    if in_kernel:
        runs = watch_cells(shell, _is_read)
        added.append((raising, runs.show_failed))
        added.append((watchers, runs if has_front_end() else watch))
    else:
        added.append((watchers, watch))
    for watching, each in added:
        watching.append(each)
    _watching.extend(added)
    if not _is_app():
        from jobnb.display.after_cell import AfterCell

        if has_front_end():
            from jobnb.display.cell_definitions import CellDefinitions

            _showing.append(CellDefinitions(shell, _is_read))
        _showing.append(AfterCell(shell, _is_read))


def _stop_watching() -> None:
    for watching, each in _watching:
        if each in watching:
            watching.remove(each)
    _watching.clear()
    while _showing:
        _showing.pop().detach()


def _is_app() -> bool:
    """Whether the notebook runs as a Voila app, which shows only its cells' own outputs."""
    return os.environ.get("SERVER_SOFTWARE", "").startswith("voila/")


def _is_read() -> bool:
    """Whether someone may be looking: a headless kernel reports to its parent instead."""
    reporting = sys.modules.get("jobnb.notebook.reporting")
    return reporting is None or reporting._reporter is None


def unload(shell: Any) -> None:
    """Detach from an IPython shell."""
    from jobnb.display.install import uninstall

    uninstall(shell)
    unregister(shell)
    cell_magics.unregister(shell)
    complete_no_more(shell)
    _stop_watching()
    shell.set_custom_exc((), None)


def _show_short(
    shell: Any,
    kind: type[BaseException],
    error: BaseException,
    trace: TracebackType | None,
    tb_offset: int | None = None,
) -> Any:
    """Show an error of jobnb with the user's own frames only."""
    short = _without_ours(trace)
    error.__cause__, error.__suppress_context__ = None, True
    lines = shell.InteractiveTB.structured_traceback(kind, error, short, tb_offset=tb_offset)
    shell._showtraceback(kind, error, lines)
    return lines


def _without_ours(trace: TracebackType | None) -> TracebackType | None:
    """Remove jobnb's frames from a traceback, and the library frames that they called.

    An exception of user code that jobnb called, as a `Failure` in a step, keeps the user's frames.
    """
    frames = []
    while trace is not None:
        frames.append(trace)
        trace = trace.tb_next
    ours = [each.tb_frame.f_code.co_filename.startswith(_HERE) for each in frames]
    last = len(ours) - 1 - ours[::-1].index(True) if True in ours else len(ours)
    # Frames below jobnb's last one are the user code that raised it, unless the error is jobnb's.
    kept = [each for each, own in zip(frames, ours, strict=True) if not own]
    if last == len(ours) - 1:
        kept = frames[: ours.index(True)]
    short: TracebackType | None = None
    for each in reversed(kept):
        short = TracebackType(short, each.tb_frame, each.tb_lasti, each.tb_lineno)
    return short


def _keep_displays(shell: Any) -> Callable[[RunScope], AbstractContextManager[None]]:
    """Return a watcher of background runs that puts displayed outputs into their logs, as text.

    Otherwise they would appear under whatever cell runs at the time.
    """

    @contextmanager
    def watcher(run: RunScope) -> Iterator[None]:
        publisher = shell.display_pub
        if not hasattr(publisher, "register_hook"):  # A shell without a front end.
            yield
            return
        hook = _keeper(run)
        publisher.register_hook(hook)  # For this thread only.
        try:
            yield
        finally:
            publisher.unregister_hook(hook)

    return watcher


def _keeper(run: RunScope) -> Callable[[Mapping[str, Any]], None]:
    def keep(message: Mapping[str, Any]) -> None:
        text = message["content"].get("data", {}).get("text/plain")
        if text:
            run.append(Logged(now(), logging.INFO, text, run.current_key, "display"))

    return keep


class _CellNamer:
    """Names the file behind a cell `cell [3]` in tracebacks."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell

    def __call__(self, filename: str) -> str | None:
        names = getattr(self._shell.compile, "_filename_map", {})
        number = names.get(filename)
        return f"cell [{number}]" if number else None
