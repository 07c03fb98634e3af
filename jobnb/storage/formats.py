"""The file formats of values: Parquet for a data frame that it preserves exactly, else pickle.

An executed notebook is an `.ipynb` file, which Jupyter opens.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from jobnb.storage import pickles
from jobnb.storage.executed_notebook import ExecutedNotebook


class Peek(msgspec.Struct, frozen=True):
    """The first rows of a stored table, and the size of the whole.

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


_MARK = b"jobnb.storage.place"


class UnfaithfulError(Exception):
    """The format would not preserve the value."""


class Format(msgspec.Struct, frozen=True):
    """A file format, recognized by the suffix.

    Attributes:
        suffix: The ending.
        others: Endings that its files may have too.
    """

    suffix: str
    others: tuple[str, ...] = ()

    def dump(self, value: Any, file: BinaryIO) -> None:
        """Write a value."""
        pickles.dump(value, file)

    def load(self, path: Path, scope: Mapping[str, Any] | None = None) -> Any:
        """Read it again; classes of the notebook are looked up in `scope` first."""
        return pickles.load(path, scope)

    def peek(self, path: Path, rows: int) -> Peek | None:
        """Return the first rows without the rest; None where the format has no such thing."""
        return None

    def is_marked(self, path: Path) -> bool:
        """Whether a file says of itself that it is where no other value does."""
        return False


class Parquet(Format, frozen=True):
    """Data frames as Parquet files, which other tools can read."""

    def dump(self, value: Any, file: BinaryIO) -> None:
        """Write a frame.

        Raises:
            UnfaithfulError: If it would not come back the same.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            table = pa.Table.from_pandas(value)
            marked = {**(table.schema.metadata or {}), _MARK: b"1"}
            pq.write_table(table.replace_schema_metadata(marked), file)
        except (pa.ArrowException, ValueError, TypeError, OverflowError) as error:
            raise UnfaithfulError(str(error)) from error
        file.flush()
        if not _same_shape(value, pq.read_schema(Path(file.name)).empty_table().to_pandas()):
            raise UnfaithfulError("types of columns or index")

    def load(self, path: Path, scope: Mapping[str, Any] | None = None) -> Any:
        """Read a frame."""
        import pyarrow.parquet as pq

        with path.open("rb") as file:
            return pq.read_table(file).to_pandas()

    def peek(self, path: Path, rows: int) -> Peek | None:
        """Return the first rows, reading only their part of the file."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        with pq.ParquetFile(path) as file:
            schema, count = file.schema_arrow, file.metadata.num_rows
            batch = next(file.iter_batches(batch_size=rows), None)
        found = pa.Table.from_batches([batch] if batch is not None else [], schema)
        head = found.slice(0, rows).to_pandas()
        return Peek(head, (count, len(head.columns)))

    def is_marked(self, path: Path) -> bool:
        """Whether the end of the file, which says what is in it, has the mark."""
        try:
            with path.open("rb") as file:
                file.seek(-8, os.SEEK_END)  # the length of the end, and four letters
                length = int.from_bytes(file.read(4), "little")
                file.seek(-8 - length, os.SEEK_END)
                return _MARK in file.read(length)
        except OSError:  # it is damaged, or gone
            return False


class Notebook(Format, frozen=True):
    """Executed notebooks as `.ipynb` files, which have their results in their metadata."""

    def dump(self, value: Any, file: BinaryIO) -> None:
        """Write a notebook.

        Raises:
            UnfaithfulError: If it would not come back the same.
        """
        text = value.stored_text()
        if text is None:
            raise UnfaithfulError("results are large")
        file.write(text.encode("utf-8"))

    def load(self, path: Path, scope: Mapping[str, Any] | None = None) -> Any:
        """Read a notebook."""
        return ExecutedNotebook.of_stored(path.read_text(encoding="utf-8"))

    def is_marked(self, path: Path) -> bool:
        """Whether a notebook was written here, and by no one else."""
        try:
            kept = json.loads(path.read_bytes())["metadata"]["jobnb"]["executed"]
        except (OSError, ValueError, LookupError, TypeError):
            return False
        return "results" in kept


BLOCKED, OLDER = ".pickle", ".pkl"
"""The endings of pickles where a folder has the name, and of those that older versions wrote."""

PICKLE = Format("", (BLOCKED, OLDER))
PARQUET = Parquet(".parquet")
NOTEBOOK = Notebook(".ipynb")
FORMATS = (PICKLE, PARQUET, NOTEBOOK)


def formats_for(value: Any) -> tuple[Format, ...]:
    """Return the formats to try for a value, in order."""
    if type(value) is ExecutedNotebook:
        return (NOTEBOOK, PICKLE)
    pandas = sys.modules.get("pandas")  # a frame exists only where pandas was imported
    if pandas is not None and type(value) is pandas.DataFrame and _plain(value):
        return (PARQUET, PICKLE) if _has_pyarrow() else (PICKLE,)
    return (PICKLE,)


def _has_pyarrow() -> bool:
    return "pyarrow" in sys.modules or importlib.util.find_spec("pyarrow") is not None


def _plain(frame: Any) -> bool:
    """Whether nothing about a frame is of a kind that Parquet is known to lose."""
    columns, index = frame.columns, frame.index
    return bool(
        len(columns)
        and columns.nlevels == index.nlevels == 1
        and columns.name is None
        and columns.is_unique
        and all(type(label) is str for label in columns)
        and (index.name is None or type(index.name) is str)
        and getattr(index, "freq", None) is None
        and not frame.attrs
        and frame.flags.allows_duplicate_labels
        and all(_keeps(dtype) for dtype in {*frame.dtypes, index.dtype})
    )


def _keeps(dtype: Any) -> bool:
    """Whether values of a type come back as they were.

    Objects may be anything, categories lose the ones not used, masked floats take NaN for
    missing, and half floats are not known everywhere.
    """
    kind = getattr(dtype, "kind", "O")
    if kind not in "biufmMO" or str(dtype) == "float16":
        return False
    if kind == "f":
        return str(dtype) in {"float32", "float64"}
    if kind == "O":
        return str(dtype) in {"str", "string"}
    return True


def _same_shape(frame: Any, again: Any) -> bool:
    """Whether types and labels are the same; `again` has no rows."""
    index, other = frame.index, again.index
    # A range is kept as its three numbers and its name, which a frame without rows cannot show.
    ranged = type(index).__name__ == "RangeIndex"
    return bool(
        frame.columns.equals(again.columns)
        and frame.columns.dtype == again.columns.dtype
        and list(frame.dtypes) == list(again.dtypes)
        and type(index) is type(other)
        and index.dtype == other.dtype
        and (ranged or index.name == other.name)
    )
