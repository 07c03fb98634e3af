"""Values in a few words: enough to identify them, whatever their size; never raises."""

from __future__ import annotations

import reprlib
from collections.abc import Iterator
from typing import Any

from jobnb.display.environment import attempt
from jobnb.display.text import shorten
from jobnb.storage.formats import Peek


def value_line(value: Any) -> str:
    """Return the value in a few words: `DataFrame, 336,776 × 19`; never raises."""
    return attempt(lambda: _value_line(value), "a value")


def _value_line(value: Any) -> str:
    name = value.type_name if isinstance(value, Peek) else type(value).__name__
    shape = shape_words(value)
    if isinstance(value, str):
        return shorten(value[:200], 80)
    if shape:
        return f"{name}, {shape}"
    if isinstance(value, (list, tuple, dict, set, frozenset)) and len(value) > 3:
        return f"{name}, {len(value):,} items"
    return shorten(short_repr(value, 80), 80)


def shape_words(value: Any) -> str:
    """Return the size of an array or frame, as `3 × 2`; empty for anything else."""
    shape = getattr(value, "shape", None)
    if not isinstance(shape, tuple) or not all(isinstance(size, int) for size in shape):
        return ""
    return " × ".join(f"{size:,}" for size in shape)


class _Short(reprlib.Repr):
    """A repr that reads the first few items only, whatever the size."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 4
        self.maxdict = self.maxlist = self.maxtuple = self.maxset = self.maxfrozenset = 20
        self.maxstring = self.maxother = 400
        self.maxlong = 60


def short_repr(value: Any, most: int) -> str:
    """Return the value's repr, short; never raises."""
    otherwise = f"<{_class_name(value)}, whose repr failed>"
    said = attempt(lambda: _Short().repr(value), otherwise)
    said = "".join(_printable(said))
    return said if len(said) <= most else said[: most - 1] + "…"


def _class_name(value: Any) -> str:
    return str(type.__getattribute__(type(value), "__name__"))


def _printable(text: str) -> Iterator[str]:
    return (char if char.isprintable() or char == "\n" else "�" for char in text)
