"""Convert an exception to what a person wants to see: their own line first."""

from __future__ import annotations

import linecache
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobnb.events import ErrorInfo

_HERE = str(Path(__file__).resolve().parents[1])
_LIBRARY = str(Path(traceback.__file__).parent)  # known now: an error may leave no memory to ask
NO_MEMORY = "There was no memory left."
_AROUND = 2
_CAUSES = 8

file_namers: list[Callable[[str], str | None]] = []
"""Functions that know what a file is called: a notebook names its cells here."""


def name_of_file(filename: str) -> str:
    """Return a file's name for people: `cell [3]` for a cell."""
    for namer in file_namers:
        name = namer(filename)
        if name:
            return name
    return Path(filename).name


def cells_of_notebook() -> dict[str, tuple[str, str]]:
    """Return the sources that are not on disk, the cells of a notebook: names and texts."""
    found = {}
    for filename, entry in list(linecache.cache.items()):
        name = next(filter(None, (namer(filename) for namer in file_namers)), None)
        if name and len(entry) > 2:
            found[filename] = name, "".join(entry[2])
    return found


def know_cells(cells: Mapping[str, tuple[str, str]]) -> None:
    """Register the cells of a notebook that runs in another process."""
    for filename, (_, text) in cells.items():
        linecache.cache[filename] = len(text), None, text.splitlines(keepends=True), filename
    _told_names.update({filename: name for filename, (name, _) in cells.items()})
    if _told_names.get not in file_namers:
        file_namers.append(_told_names.get)


_told_names: dict[str, str] = {}


def _is_own(frame: traceback.FrameSummary) -> bool:
    return frame.filename.startswith(_HERE)


def _is_library(frame: traceback.FrameSummary) -> bool:
    name = frame.filename
    return name.startswith(_LIBRARY) or "site-packages" in name or "dist-packages" in name


def where_is(frame: traceback.FrameSummary) -> str:
    """Return a frame's place in words: `cell [3], line 2`."""
    return f"{name_of_file(frame.filename)}, line {frame.lineno}"


def where_thread_is(ident: int) -> str:
    """Return the user's own line that a thread is in: `cell [3], line 2: time.sleep(60)`.

    Args:
        ident: The number of the thread; without one of that number, there is nothing to say.
    """
    frame = sys._current_frames().get(ident)
    if frame is None:
        return ""
    frames = [each for each in traceback.extract_stack(frame) if not _is_own(each)]
    users = [each for each in frames if not _is_library(each)] or frames
    return f"{where_is(users[-1])}: {(users[-1].line or '').strip()}" if users else ""


def source_around(filename: str, line: int | None) -> str:
    """Return a few numbered lines around a line, the line itself with an arrow."""
    if not line:
        return ""
    numbers = range(max(1, line - _AROUND), line + _AROUND + 1)
    lines = [(number, linecache.getline(filename, number)) for number in numbers]
    width = len(str(numbers[-1]))
    return "\n".join(
        f"{'→' if number == line else ' '} {number:>{width}}  {text.rstrip()}"
        for number, text in lines
        if text
    )


def error_info(error: BaseException, depth: int = 0) -> ErrorInfo:
    """Convert an exception and its causes to what is stored."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not _is_own(f)]
    users = [f for f in frames if not _is_library(f)]
    place = (users or frames)[-1] if frames else None
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        place = traceback.FrameSummary(error.filename, error.lineno, "")
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    from jobnb.events import ErrorInfo  # who loads a notebook asks for places alone

    return ErrorInfo(
        cls_name=type(error).__name__,
        message=message_of(error),
        where=where_is(place) if place else "",
        source=source_around(place.filename, place.lineno) if place else "",
        stack=tuple(_formatted(frames)),
        cause=error_info(cause, depth + 1) if cause is not None and depth < _CAUSES else None,
    )


def message_of(error: BaseException) -> str:
    """Return an exception's own words, whatever its class makes of them."""
    try:
        return str(error) or (NO_MEMORY if isinstance(error, MemoryError) else "")
    except Exception as second:  # noqa: BLE001 - an exception whose own words fail must not hide itself
        return f"(its message cannot be shown: {type(second).__name__})"


def _formatted(frames: Iterable[traceback.FrameSummary]) -> Iterable[str]:
    for frame in frames:
        text = (frame.line or "").strip()
        yield f"  {where_is(frame)}, in {frame.name}\n" + (f"    {text}\n" if text else "")


def without_own_frames(error: BaseException) -> TracebackType | None:
    """Return the traceback of an exception from the first frame of the user's on."""
    place = error.__traceback__
    while place is not None and place.tb_frame.f_code.co_filename.startswith(_HERE):
        place = place.tb_next
    return place or error.__traceback__


def words_of(error: BaseException) -> str:
    """Return the class of an exception and its words, in one text."""
    words = message_of(error)
    return f"{type(error).__name__}: {words}" if words else type(error).__name__
