"""Notebooks, Python files and modules as code locations of the loop."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Hashable, Sequence
from importlib import reload
from pathlib import Path

from jobnb.automation.code_location import CodeLocation
from jobnb.definitions.locations.definitions import Definitions
from jobnb.errors import LoadTimeoutError, NotebookError
from jobnb.notebook.code_source import CodeSource
from jobnb.storage.history import seen_from
from jobnb.storage.instance import Instance

_logger = logging.getLogger("jobnb.automation")


def open_locations(named: Sequence[str | CodeSource]) -> tuple[Instance, list[CodeLocation]]:
    """Return the history that code locations share, and the locations.

    A notebook or file is loaded again when it changes on disk.

    Args:
        named: Code locations; a text is the path of a notebook or file, or the name of a module.

    Raises:
        NotebookError: If one is not there, or they have different homes.
    """
    sources = [CodeSource.named(each) if isinstance(each, str) else each for each in named]
    homes = {each.home: each.name for each in sources}
    if len(homes) > 1:
        several = " and ".join(map(repr, homes.values()))
        raise NotebookError(
            f"{several} keep their histories in different folders. Set JOBNB_HOME to the one that "
            "the loop is to use, or start a loop for each."
        )
    alone = len(sources) == 1
    instance = sources[0].open_instance() if alone else Instance.from_home(next(iter(homes)))
    return instance, [_location(each, instance) for each in sources]


def _location(source: CodeSource, instance: Instance) -> CodeLocation:
    path = source.path
    if path is None:
        return CodeLocation(source.name, _loading_again(source), lambda: 0)
    name = seen_from(instance.home, str(path))
    return CodeLocation(name, _telling(source, name), lambda: _version(path))


def _telling(source: CodeSource, name: str) -> Callable[[], Definitions]:
    """Load a file, and log it from the second time on."""
    loaded = False

    def load() -> Definitions:
        nonlocal loaded
        found = source.load()
        if loaded:
            _logger.info("%r was loaded again, as it has changed.", name)
        loaded = True
        return found

    return load


def _loading_again(source: CodeSource) -> Callable[[], Definitions]:
    """Load a module, the second time from its file again."""
    loaded = False

    def load() -> Definitions:
        nonlocal loaded
        known = sys.modules.get(str(source.module))
        if loaded and known is not None:
            try:
                with source.entered():
                    source.limit.call(lambda: reload(known), source.name)
            except LoadTimeoutError:
                raise
            except Exception as error:
                what = f"{type(error).__name__}: {error}".rstrip(": ")
                raise NotebookError(f"The module {source.name!r} raised {what}") from error
        loaded = True
        return source.load()

    return load


def _version(path: Path) -> Hashable:
    try:
        about = path.stat()
    except OSError:
        return None  # it is being written again, say
    return about.st_mtime_ns, about.st_size
