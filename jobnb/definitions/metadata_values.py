"""The kinds of metadata: small frozen values, each created by a function of `MetadataValue`."""

from __future__ import annotations

import builtins
import os
from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar

import msgspec

from jobnb.definitions.keys import AssetKey
from jobnb.definitions.plain import plain_data, require
from jobnb.definitions.table import TableColumnLineage, TableRecord, TableSchema, schema_of_records
from jobnb.errors import InvalidDefinitionError

# The field, its type, and its contents in words.
Holds = tuple[str, type, str]


class MetadataValue:
    """A metadata value of a known kind, created by one of the functions below.

    Example:
        >>> MetadataValue.md("**bold**").value
        '**bold**'
        >>> MetadataValue.int(3)
        IntMetadataValue(value=3)

    Source: Dagster's `MetadataValue`.
    """

    __slots__ = ()
    kind: ClassVar[str] = ""
    holds: ClassVar[Holds | None] = None

    def __post_init__(self) -> None:
        """Validate the value."""
        if self.holds is not None:
            require(self, *self.holds)

    @property
    def value(self) -> Any:
        """The plain value; a kind with several fields returns itself."""
        return self if self.holds is None else getattr(self, self.holds[0])

    @staticmethod
    def text(text: str) -> TextMetadataValue:
        """Return plain text."""
        return TextMetadataValue(text)

    @staticmethod
    def url(url: str) -> UrlMetadataValue:
        """Return a link."""
        return UrlMetadataValue(url)

    @staticmethod
    def path(path: str | os.PathLike[str]) -> PathMetadataValue:
        """Return a file or folder."""
        return PathMetadataValue(path)

    @staticmethod
    def notebook(path: str | os.PathLike[str]) -> NotebookMetadataValue:
        """Return a notebook file."""
        return NotebookMetadataValue(path)

    @staticmethod
    def json(data: Any) -> JsonMetadataValue:
        """Return anything that JSON can hold."""
        return JsonMetadataValue(data)

    @staticmethod
    def md(data: str) -> MarkdownMetadataValue:
        """Return Markdown."""
        return MarkdownMetadataValue(data)

    @staticmethod
    def python_artifact(python_artifact: Any) -> PythonArtifactMetadataValue:
        """Return a class or function, by its module and name."""
        if not callable(python_artifact) or not hasattr(python_artifact, "__name__"):
            raise InvalidDefinitionError(
                f"{python_artifact!r} is no Python artifact: give a class or a function."
            )
        return PythonArtifactMetadataValue(python_artifact.__module__, python_artifact.__name__)

    @staticmethod
    def float(value: builtins.float) -> FloatMetadataValue:
        """Return a number that may have a fraction."""
        return FloatMetadataValue(value)

    @staticmethod
    def int(value: builtins.int) -> IntMetadataValue:
        """Return a whole number."""
        return IntMetadataValue(value)

    @staticmethod
    def bool(value: builtins.bool) -> BoolMetadataValue:
        """Return a truth value."""
        return BoolMetadataValue(value)

    @staticmethod
    def asset(asset_key: AssetKey) -> AssetMetadataValue:
        """Return another asset."""
        return AssetMetadataValue(asset_key)

    @staticmethod
    def dagster_run(run_id: str) -> RunMetadataValue:
        """Return a run, by its id."""
        return RunMetadataValue(run_id)

    @staticmethod
    def table(
        records: Sequence[TableRecord], schema: TableSchema | None = None
    ) -> TableMetadataValue:
        """Return a small table; the rows of a DataFrame are `df.head().to_dict("records")`."""
        return TableMetadataValue(records, schema)

    @staticmethod
    def table_schema(schema: TableSchema) -> TableSchemaMetadataValue:
        """Return the columns of a table."""
        return TableSchemaMetadataValue(schema)

    @staticmethod
    def column_lineage(lineage: TableColumnLineage) -> TableColumnLineageMetadataValue:
        """Return the upstream columns of each column of a table."""
        return TableColumnLineageMetadataValue(lineage)

    @staticmethod
    def job(
        job_name: str, location_name: str, *, repository_name: str | None = None
    ) -> JobMetadataValue:
        """Return a job, by the names of it, of its code location and of its repository."""
        return JobMetadataValue(job_name, location_name, repository_name)

    @staticmethod
    def pool(pool: str) -> PoolMetadataValue:
        """Return a pool of steps that share a limit, by its name."""
        return PoolMetadataValue(pool)

    @staticmethod
    def null() -> NullMetadataValue:
        """Return an empty value."""
        return NullMetadataValue()

    @staticmethod
    def timestamp(value: builtins.float | datetime) -> TimestampMetadataValue:
        """Return a moment: seconds since the epoch, or a datetime with a timezone."""
        if isinstance(value, datetime):
            if value.tzinfo is None:
                raise InvalidDefinitionError(
                    f"{value!r} has no timezone: pass one, as datetime.now(tz=UTC) does."
                )
            value = value.timestamp()
        return TimestampMetadataValue(value)


_set = msgspec.structs.force_setattr


class TextMetadataValue(MetadataValue, msgspec.Struct, frozen=True):
    """Plain text."""

    kind: ClassVar[str] = "text"
    holds: ClassVar[Holds] = ("text", str, "text")
    text: str  # type: ignore[assignment]


class UrlMetadataValue(MetadataValue, msgspec.Struct, frozen=True):
    """A link."""

    kind: ClassVar[str] = "url"
    holds: ClassVar[Holds] = ("url", str, "a URL as text")
    url: str  # type: ignore[assignment]


class PathMetadataValue(MetadataValue, msgspec.Struct, frozen=True):
    """A file or folder."""

    kind: ClassVar[str] = "path"
    holds: ClassVar[Holds] = ("path", str, "a path")
    path: str | os.PathLike[str]  # type: ignore[assignment]


class NotebookMetadataValue(MetadataValue, msgspec.Struct, frozen=True):
    """A notebook file."""

    kind: ClassVar[str] = "notebook"
    holds: ClassVar[Holds] = ("path", str, "a path")
    path: str | os.PathLike[str]  # type: ignore[assignment]


class JsonMetadataValue(MetadataValue, msgspec.Struct, frozen=True):
    """Anything that JSON can hold; other metadata values and asset keys may be in it."""

    kind: ClassVar[str] = "json"
    holds: ClassVar[Holds] = ("data", object, "JSON")
    data: Any

    def __post_init__(self) -> None:
        """Convert it to plain JSON."""
        _set(self, "data", plain_data(self.data, (MetadataValue, AssetKey)))


class MarkdownMetadataValue(MetadataValue, msgspec.Struct, frozen=True):
    """Markdown."""

    kind: ClassVar[str] = "md"
    holds: ClassVar[Holds] = ("md_str", str, "Markdown text")
    md_str: str


class PythonArtifactMetadataValue(MetadataValue, msgspec.Struct, frozen=True):
    """A class or function, by its module and name."""

    kind: ClassVar[str] = "python_artifact"
    module: str
    name: str


class FloatMetadataValue(MetadataValue, msgspec.Struct, frozen=True):
    """A number that may have a fraction."""

    kind: ClassVar[str] = "float"
    holds: ClassVar[Holds] = ("value", float, "a number")
    value: float


class IntMetadataValue(MetadataValue, msgspec.Struct, frozen=True):
    """A whole number."""

    kind: ClassVar[str] = "int"
    holds: ClassVar[Holds] = ("value", int, "a whole number")
    value: int


class BoolMetadataValue(MetadataValue, msgspec.Struct, frozen=True):
    """True or False."""

    kind: ClassVar[str] = "bool"
    holds: ClassVar[Holds] = ("value", bool, "True or False")
    value: bool


class AssetMetadataValue(MetadataValue, msgspec.Struct, frozen=True):
    """Another asset."""

    kind: ClassVar[str] = "asset"
    holds: ClassVar[Holds] = ("asset_key", AssetKey, "an asset key")
    asset_key: AssetKey

    def __post_init__(self) -> None:
        """Convert it to a key."""
        _set(self, "asset_key", AssetKey.from_coercible(self.asset_key))


class RunMetadataValue(MetadataValue, msgspec.Struct, frozen=True):
    """A run, by its id."""

    kind: ClassVar[str] = "dagster_run"
    holds: ClassVar[Holds] = ("run_id", str, "a run id")
    run_id: str


class JobMetadataValue(MetadataValue, msgspec.Struct, frozen=True):
    """A job, by its name and where it is defined."""

    kind: ClassVar[str] = "job"
    job_name: str
    location_name: str
    repository_name: str | None = None


class PoolMetadataValue(MetadataValue, msgspec.Struct, frozen=True):
    """A pool of steps, by its name."""

    kind: ClassVar[str] = "pool"
    holds: ClassVar[Holds] = ("pool", str, "the name of a pool")
    pool: str  # type: ignore[assignment]


class TableMetadataValue(MetadataValue, msgspec.Struct, frozen=True):
    """A small table; without a schema, it is derived from the records."""

    kind: ClassVar[str] = "table"
    records: Sequence[TableRecord]
    schema: TableSchema | None = None

    def __post_init__(self) -> None:
        """Check the records and complete the schema."""
        rows = [_record(row) for row in self.records]
        _set(self, "records", rows)
        if self.schema is None:
            _set(self, "schema", schema_of_records(rows))
        elif not isinstance(self.schema, TableSchema):
            raise InvalidDefinitionError(
                f"The schema of a table is a TableSchema, not {self.schema!r}."
            )


def _record(row: Any) -> TableRecord:
    return row if isinstance(row, TableRecord) else TableRecord(row)


class TableSchemaMetadataValue(MetadataValue, msgspec.Struct, frozen=True):
    """The columns of a table."""

    kind: ClassVar[str] = "table_schema"
    holds: ClassVar[Holds] = ("schema", TableSchema, "a TableSchema")
    schema: TableSchema


class TableColumnLineageMetadataValue(MetadataValue, msgspec.Struct, frozen=True):
    """The upstream columns of each column of a table."""

    kind: ClassVar[str] = "column_lineage"
    holds: ClassVar[Holds] = ("column_lineage", TableColumnLineage, "a TableColumnLineage")
    column_lineage: TableColumnLineage  # type: ignore[assignment]


class NullMetadataValue(MetadataValue, msgspec.Struct, frozen=True):
    """No value."""

    kind: ClassVar[str] = "null"

    @property
    def value(self) -> None:
        """None."""


class TimestampMetadataValue(MetadataValue, msgspec.Struct, frozen=True):
    """A moment, in seconds since the epoch."""

    kind: ClassVar[str] = "timestamp"
    holds: ClassVar[Holds] = ("value", float, "seconds since the epoch")
    value: float
