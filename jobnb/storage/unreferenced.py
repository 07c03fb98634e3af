"""Stored values that nothing in the history refers to: finding them, and deleting them.

Only files that an IO manager of jobnb wrote are taken for values: the pickles and the marked
Parquet files and notebooks in the folder of values. Whatever else is there is left alone.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
from sqlalchemy import Connection, select

from jobnb.storage import tables
from jobnb.storage.formats import BLOCKED, NOTEBOOK, OLDER, PARQUET
from jobnb.storage.home_info import files_below
from jobnb.storage.value_paths import ValuePath, asset_place

_RUN_FOLDER = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})@?")
_MARKED = {each.suffix: each for each in (NOTEBOOK, PARQUET)}
_ENDINGS = (BLOCKED, OLDER, *_MARKED)
_WRITING, _ASIDE = ".writing-", ".pruned-"
_NOT_OURS = frozenset({"file_manager", "versioned_outputs"})


class KnownValues(msgspec.Struct, frozen=True):
    """What the history refers to.

    Attributes:
        run_ids: The runs, whose outputs are kept.
        stems: The places of assets and partitions, without the endings of the files.
        is_empty: Whether the history knows no run and no asset.
    """

    run_ids: frozenset[str]
    stems: frozenset[tuple[str, ...]]
    is_empty: bool

    def holds(self, parts: tuple[str, ...]) -> bool:
        """Whether a file is referred to.

        Args:
            parts: Its path below the folder of values.
        """
        of_run = _RUN_FOLDER.fullmatch(parts[0]) if len(parts) > 1 else None
        if of_run is not None:
            return of_run[1] in self.run_ids
        stems = [parts, *((*parts[:-1], parts[-1].removesuffix(end)) for end in _ENDINGS)]
        return any(stem in self.stems for stem in stems)


def known_values(connection: Connection, without_runs: set[str]) -> KnownValues:
    """Read what the history refers to.

    Args:
        connection: The connection.
        without_runs: Runs that are about to be deleted.
    """
    run_ids = frozenset(connection.scalars(select(tables.runs.c.run_id)))
    assets, partitions = tables.assets, tables.asset_partitions
    stems: set[tuple[str, ...]] = set()
    for text in connection.scalars(select(assets.c.asset_key)):
        stems.update(_stems(asset_place(_path(text))))
    query = select(partitions.c.asset_key, partitions.c.partition)
    for text, partition in connection.execute(query):
        stems.update(_stems(asset_place(_path(text), [partition])))
        if "|" in partition:  # of several dimensions, perhaps
            stems.update(_stems(asset_place(_path(text), partition.split("|"))))
    return KnownValues(run_ids - without_runs, frozenset(stems), not run_ids and not stems)


def _path(text: str) -> list[str]:
    return msgspec.json.decode(text, type=list[str])


def _stems(place: ValuePath) -> Iterator[tuple[str, ...]]:
    yield place.parts
    yield place.older


def unreferenced_values(
    folder: Path, known: KnownValues, before: float
) -> Iterator[tuple[Path, int]]:
    """Iterate over the values that nothing refers to, each with its size in bytes.

    Args:
        folder: The folder of values.
        known: What the history refers to. Where it knows no asset and no run at all, it is not the
            history of these values, and none is given.
        before: Only files that were last written before this time, in seconds since the epoch.
    """
    for path, size in files_below(folder):
        parts = path.relative_to(folder).parts
        if parts[0] in _NOT_OURS or not _is_old(path, before):
            continue
        left_over = parts[-1].startswith((_WRITING, _ASIDE))
        unknown = not known.is_empty and not known.holds(parts)
        if left_over or (unknown and _is_value(path)):
            yield path, size


def _is_old(path: Path, before: float) -> bool:
    try:
        return path.stat().st_mtime < before
    except OSError:  # it was removed since
        return False


def _is_value(path: Path) -> bool:
    if path.suffix in _MARKED:
        return _MARKED[path.suffix].is_marked(path)
    try:
        with path.open("rb") as file:
            return file.read(1) == b"\x80"  # a pickle
    except OSError:
        return False


def delete_values(paths: Iterable[Path], folder: Path, before: float) -> list[int]:
    """Delete values, and the folders that are empty then; what was written again stays.

    Args:
        paths: The files.
        folder: The folder of values.
        before: The time before which they were last written.

    Returns:
        The sizes of those that were deleted.
    """
    sizes, folders = [], set()
    for path in paths:
        size = _delete(path, before)
        if size is not None:
            sizes.append(size)
            folders.add(path.parent)
    for each in folders:
        _remove_empty(each, folder)
    return sizes


def _delete(path: Path, before: float) -> int | None:
    """Delete a file; its size, or None if it was written again or is gone.

    It is moved aside first: then nobody replaces it between the last look and the end.
    """
    aside = path.with_name(f"{_ASIDE}{secrets.token_hex(8)}")
    try:
        path.rename(aside)
        about = aside.stat()
        if about.st_mtime < before:
            aside.unlink()
            return about.st_size
        os.link(aside, path)  # unless there is a newer one by now
        aside.unlink()
    except FileExistsError:
        aside.unlink(missing_ok=True)
    except OSError:
        with suppress(OSError):
            if aside.exists() and not path.exists():
                aside.rename(path)
    return None


def _remove_empty(folder: Path, top: Path) -> None:
    """Remove a folder and those around it, as far as they are empty."""
    while folder != top and top in folder.parents:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent
