"""The beginning of a stored value, read without the rest of it."""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["Peek"]


class Peek(msgspec.Struct, frozen=True):
    """The first rows of a stored table, and how large the whole is.

    Attributes:
        head: The first rows.
        shape: Rows and columns of the whole.
        type_name: What the whole is.
    """

    head: Any
    shape: tuple[int, int]
    type_name: str = "DataFrame"

    def __repr__(self) -> str:
        rows, columns = self.shape
        return f"{self.type_name}, {rows:,} × {columns:,}, of which:\n{self.head!r}"
