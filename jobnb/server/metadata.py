"""Metadata as GraphQL tells it: an entry for each label."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobnb.definitions import metadata_values as values
from jobnb.definitions import table
from jobnb.definitions.keys import AssetKey as Key
from jobnb.definitions.metadata import from_json
from jobnb.server.nodes import Node

_FITS = 2**31  # GraphQL's integers have 32 bits.


@dataclass(frozen=True)
class AssetKey(Node):
    """The key of an asset."""

    path: Sequence[str]

    @classmethod
    def of(cls, key: Key) -> AssetKey:
        """Return the key of an asset as an answer."""
        return cls(list(key.path))


@dataclass(frozen=True)
class _Entry(Node):
    label: str
    value: Any

    @property
    def description(self) -> str | None:
        """Nothing: a label has no description of its own."""
        return None


class TextMetadataEntry(_Entry):
    """A text."""

    @property
    def text(self) -> str:
        """The text."""
        return str(self.value.value)


class MarkdownMetadataEntry(_Entry):
    """A text of Markdown."""

    @property
    def md_str(self) -> str:
        """The text."""
        return str(self.value.md_str)


class UrlMetadataEntry(_Entry):
    """A URL."""

    @property
    def url(self) -> str:
        """The URL."""
        return str(self.value.url)


class PathMetadataEntry(_Entry):
    """A path."""

    @property
    def path(self) -> str:
        """The path."""
        return str(self.value.path)


class NotebookMetadataEntry(PathMetadataEntry):
    """The path of a notebook."""


class JsonMetadataEntry(_Entry):
    """Anything of JSON."""

    @property
    def json_string(self) -> str:
        """The JSON."""
        return json.dumps(getattr(self.value, "data", self.value.value), default=str)


class IntMetadataEntry(_Entry):
    """A whole number."""

    @property
    def int_value(self) -> int | None:
        """The number, where it has 32 bits at most."""
        return self.value.value if -_FITS <= self.value.value < _FITS else None

    @property
    def int_repr(self) -> str:
        """The number as text."""
        return str(self.value.value)


class FloatMetadataEntry(_Entry):
    """A number."""

    @property
    def float_value(self) -> float | None:
        """The number, where JSON can hold it."""
        return self.value.value if math.isfinite(self.value.value) else None

    @property
    def float_repr(self) -> str:
        """The number as text."""
        return str(self.value.value)


class BoolMetadataEntry(_Entry):
    """True or false."""

    @property
    def bool_value(self) -> bool:
        """The value."""
        return bool(self.value.value)


class NullMetadataEntry(_Entry):
    """Nothing."""


class TimestampMetadataEntry(_Entry):
    """A moment."""

    @property
    def timestamp(self) -> float:
        """The moment, in seconds since the epoch."""
        return float(self.value.value)


class PythonArtifactMetadataEntry(_Entry):
    """A class or function."""

    @property
    def module(self) -> str:
        """Its module."""
        return str(self.value.module)

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.value.name)


class PipelineRunMetadataEntry(_Entry):
    """A run."""

    @property
    def run_id(self) -> str:
        """Its id."""
        return str(self.value.run_id)


class AssetMetadataEntry(_Entry):
    """An asset."""

    @property
    def asset_key(self) -> AssetKey:
        """Its key."""
        return AssetKey.of(self.value.asset_key)


class TableSchemaMetadataEntry(_Entry):
    """The columns of a table."""

    @property
    def schema(self) -> TableSchema:
        """The columns."""
        return TableSchema(self.value.schema)


class TableMetadataEntry(_Entry):
    """A table."""

    @property
    def table(self) -> Table:
        """The table."""
        return Table(self.value)


@dataclass(frozen=True)
class TableConstraints(Node):
    """What holds for a table as a whole."""

    other: Sequence[str]


@dataclass(frozen=True)
class TableColumnConstraints(Node):
    """What holds for the values of a column."""

    nullable: bool
    unique: bool
    other: Sequence[str]


class TableColumn(Node):
    """A column."""

    def __init__(self, column: table.TableColumn) -> None:
        self.name, self.type, self.description = column.name, column.type, column.description
        kept = column.constraints
        self.constraints = TableColumnConstraints(kept.nullable, kept.unique, list(kept.other))

    name: str
    type: str
    description: str | None
    constraints: TableColumnConstraints


class TableSchema(Node):
    """The columns of a table."""

    def __init__(self, schema: table.TableSchema) -> None:
        self._schema = schema

    @property
    def columns(self) -> list[TableColumn]:
        """The columns."""
        return [TableColumn(each) for each in self._schema.columns]

    @property
    def constraints(self) -> TableConstraints:
        """What holds for the table as a whole."""
        return TableConstraints(list(self._schema.constraints.other))


class Table(Node):
    """A table."""

    def __init__(self, value: values.TableMetadataValue) -> None:
        self._value = value

    @property
    def schema(self) -> TableSchema:
        """The columns."""
        return TableSchema(self._value.schema or table.TableSchema(()))

    @property
    def records(self) -> list[str]:
        """The rows, each as JSON."""
        return [json.dumps(dict(each.data), default=str) for each in self._value.records]


_ENTRIES: dict[str, type[_Entry]] = {
    "text": TextMetadataEntry,
    "md": MarkdownMetadataEntry,
    "url": UrlMetadataEntry,
    "path": PathMetadataEntry,
    "notebook": NotebookMetadataEntry,
    "json": JsonMetadataEntry,
    "int": IntMetadataEntry,
    "float": FloatMetadataEntry,
    "bool": BoolMetadataEntry,
    "null": NullMetadataEntry,
    "timestamp": TimestampMetadataEntry,
    "python_artifact": PythonArtifactMetadataEntry,
    "dagster_run": PipelineRunMetadataEntry,
    "asset": AssetMetadataEntry,
    "table": TableMetadataEntry,
    "table_schema": TableSchemaMetadataEntry,
}


def entries(metadata: Mapping[str, values.MetadataValue] | None) -> list[Node]:
    """Return metadata as entries; what the schema has no type for is told as text."""
    return [_entry(label, value) for label, value in (metadata or {}).items()]


def entries_of_json(metadata: Mapping[str, Any] | None) -> list[Node]:
    """Return metadata as events carry it, as entries."""
    return entries(from_json(metadata))


def _entry(label: str, value: Any) -> Node:
    kind = _ENTRIES.get(getattr(value, "kind", ""))
    if kind is not None:
        return kind(label, value)
    return TextMetadataEntry(label, values.TextMetadataValue(str(getattr(value, "value", value))))
