"""Notebooks, Python files and modules as code locations of the loop."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from importlib import import_module
from pathlib import Path

from jobnb.automation.code_location import CodeLocation
from jobnb.definitions.locations.definitions import Definitions
from jobnb.errors import NotebookError
from jobnb.notebook.location import home_of, load_definitions
from jobnb.storage.history import seen_from
from jobnb.storage.instance import Instance


def open_locations(named: Sequence[str]) -> tuple[Instance, list[CodeLocation]]:
    """The history that code locations share, and the locations.

    A notebook or file is loaded again when it changes on disk.

    Args:
        named: Paths of notebooks and Python files, and names of modules.

    Raises:
        NotebookError: If one is not there, or they have different homes.
    """
    paths = {name: Path(name) for name in named if _is_path(name)}
    homes = {home_of(paths.get(name)): name for name in named}
    if len(homes) > 1:
        several = " and ".join(map(repr, homes.values()))
        raise NotebookError(
            f"{several} keep their histories in different folders. Set JOBNB_HOME to the one that "
            "the loop is to use, or start a loop for each."
        )
    home = next(iter(homes))
    instance = Instance.from_home(home)
    if len(named) == 1:
        instance.launched_by(paths[named[0]] if paths else named[0])
    locations = []
    for name in named:
        if name in paths:
            locations.append(_of_file(paths[name], seen_from(instance.home, str(paths[name]))))
        else:
            locations.append(_of_module(name))
    return instance, locations


def _is_path(name: str) -> bool:
    return name.endswith((".ipynb", ".py", ".md")) or "/" in name or Path(name).exists()


def _of_file(path: Path, name: str) -> CodeLocation:
    def version() -> Hashable:
        try:
            about = path.stat()
        except OSError:
            return None  # it is being written anew, say
        return about.st_mtime_ns, about.st_size

    return CodeLocation(name, lambda: load_definitions(path), version)


def _of_module(name: str) -> CodeLocation:
    def load() -> Definitions:
        from jobnb.registry.session import Session

        try:
            module = import_module(name)
        except ImportError as error:
            raise NotebookError(
                f"{name!r} is no file, and cannot be imported as a module: {error}."
            ) from error
        given = [each for each in vars(module).values() if isinstance(each, Definitions)]
        return given[0] if len(given) == 1 else Session().add(module).snapshot()

    return CodeLocation(name, load, lambda: 0)
