"""Metadata: values that definitions and events carry for people to read.

What users write (`{"rows": 3}`) is normalized to `MetadataValue` objects, and those become JSON
(`{"rows": {"type": "int", "value": 3}}`) for the event log.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from jobnb.definitions.keys import AssetKey
from jobnb.definitions.metadata_values import (
    AssetMetadataValue,
    BoolMetadataValue,
    FloatMetadataValue,
    IntMetadataValue,
    JobMetadataValue,
    JsonMetadataValue,
    MarkdownMetadataValue,
    MetadataValue,
    NotebookMetadataValue,
    NullMetadataValue,
    PathMetadataValue,
    PoolMetadataValue,
    PythonArtifactMetadataValue,
    RunMetadataValue,
    TableColumnLineageMetadataValue,
    TableMetadataValue,
    TableSchemaMetadataValue,
    TextMetadataValue,
    TimestampMetadataValue,
    UrlMetadataValue,
)
from jobnb.definitions.plain import plain_scalar
from jobnb.definitions.table import (
    TableColumnLineage,
    TableRecord,
    TableSchema,
)
from jobnb.errors import InvalidDefinitionError

_BIG = 2**63  # An integer beyond 64 bits is stored as text: not every JSON parser can hold it.


def normalize(metadata: Mapping[str, Any] | None) -> dict[str, MetadataValue]:
    """Convert metadata of any allowed type to `MetadataValue` objects.

    Args:
        metadata: Values by label: text, numbers, bools, None, lists, dicts, paths, asset keys,
            table schemas or `MetadataValue` objects.

    Returns:
        One `MetadataValue` per label, in the same order.

    Raises:
        InvalidDefinitionError: If a value is of another type; names every such label.

    Example:
        >>> normalize({"rows": 3, "ratio": 0.5})
        {'rows': IntMetadataValue(value=3), 'ratio': FloatMetadataValue(value=0.5)}
    """
    if not metadata:
        return {}
    if not isinstance(metadata, Mapping):
        raise InvalidDefinitionError(f"Metadata is a mapping of label to value, not {metadata!r}.")
    known: dict[str, MetadataValue] = {}
    wrong: list[str] = []
    for label, value in metadata.items():
        try:
            known[_label(label)] = _coerce(value)
        except InvalidDefinitionError as error:
            wrong.append(f"Metadata {label!r}: {error}")
    if wrong:
        raise InvalidDefinitionError("\n".join(wrong))
    return known


def _label(label: Any) -> str:
    if isinstance(label, str):
        return label
    raise InvalidDefinitionError("a label is text; use a string as the key.")


def _coerce(value: Any) -> MetadataValue:
    if isinstance(value, MetadataValue):
        return value
    value = plain_scalar(value)
    for type_, make in _COERCIONS:
        if isinstance(value, type_):
            return make(value)
    hint = _HINTS.get(type(value).__name__, "MetadataValue.text(str(...)) or another MetadataValue")
    raise InvalidDefinitionError(f"a {type(value).__name__} has no kind here; wrap it with {hint}.")


_COERCIONS: tuple[tuple[type | tuple[type, ...], Callable[[Any], MetadataValue]], ...] = (
    (str, TextMetadataValue),
    (bool, BoolMetadataValue),  # Before int: a bool is an int, too.
    (int, IntMetadataValue),
    (float, FloatMetadataValue),
    ((dict, list), JsonMetadataValue),
    (os.PathLike, PathMetadataValue),
    (AssetKey, AssetMetadataValue),
    (TableSchema, TableSchemaMetadataValue),
    (TableColumnLineage, TableColumnLineageMetadataValue),
    (type(None), lambda _: NullMetadataValue()),
)

_HINTS = {
    "tuple": "MetadataValue.json(list(...))",
    "set": "MetadataValue.json(sorted(...))",
    "frozenset": "MetadataValue.json(sorted(...))",
    "datetime": "MetadataValue.timestamp(...), or MetadataValue.text(str(...))",
    "Timestamp": "MetadataValue.timestamp(...), or MetadataValue.text(str(...))",
    "DataFrame": 'MetadataValue.table(df.head().to_dict("records"))',
    "type": "MetadataValue.python_artifact(...)",
    "function": "MetadataValue.python_artifact(...)",
    "TableRecord": "MetadataValue.table([...])",
    "ndarray": "MetadataValue.json(array.tolist())",
}


def to_json(metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    """Convert metadata to JSON, as events carry it: a kind and a value per label.

    Raises:
        InvalidDefinitionError: If a value is of an unknown type.

    Example:
        >>> to_json({"rows": 3})
        {'rows': {'type': 'int', 'value': 3}}
    """
    return {
        _safe(label): {"type": value.kind, "value": _payload(value)}
        for label, value in normalize(metadata).items()
    }


def _payload(value: MetadataValue) -> Any:
    if isinstance(value, (FloatMetadataValue, TimestampMetadataValue)):
        return value.value if math.isfinite(value.value) else repr(value.value)
    if isinstance(value, AssetMetadataValue):
        return [_safe(part) for part in value.asset_key.path]
    if isinstance(value, JobMetadataValue):
        return _safe(msgspec.structs.asdict(value))
    if isinstance(value, TableColumnLineageMetadataValue):
        return _safe(value.column_lineage.as_lists())
    if isinstance(value, PythonArtifactMetadataValue):
        return {"module": value.module, "name": value.name}
    if isinstance(value, TableSchemaMetadataValue):
        return _safe(msgspec.to_builtins(value.schema))
    if isinstance(value, TableMetadataValue):
        rows = [_marked(record.data) for record in value.records]
        return {"records": rows, "schema": _safe(msgspec.to_builtins(value.schema))}
    if isinstance(value, JsonMetadataValue):
        return _marked(value.data)
    return _safe(value.value)


_MARK = "$jobnb"  # Marks a value that JSON cannot hold: its kind and its text.


def _marked(data: Any) -> Any:
    """Convert data to JSON, with marks for values that JSON cannot hold."""
    if isinstance(data, MetadataValue):
        return {_MARK: ["metadata", {"type": data.kind, "value": _payload(data)}]}
    if isinstance(data, AssetKey):
        return {_MARK: ["asset", [_safe(part) for part in data.path]]}
    if isinstance(data, float) and not math.isfinite(data):
        return {_MARK: ["float", repr(float(data))]}
    if isinstance(data, Mapping):
        made = {_safe(key): _marked(value) for key, value in data.items()}
        return {_MARK: ["dict", made]} if _MARK in made else made
    if isinstance(data, list):
        return [_marked(item) for item in data]
    is_big = isinstance(data, int) and not -_BIG <= data < _BIG
    return {_MARK: ["int", str(int(data))]} if is_big else _safe(data)


def unmarked(data: Any, read: Callable[[str, Any], Any] | None = None) -> Any:
    """Convert data of metadata back from its JSON form.

    Args:
        data: The JSON.
        read: Creates a marked value from its kind (metadata, asset, float, int) and its text; by
            default, the original values.

    Example:
        >>> unmarked({"ratio": {"$jobnb": ["float", "inf"]}})
        {'ratio': inf}
    """
    if isinstance(data, list):
        return [unmarked(item, read) for item in data]
    if not isinstance(data, Mapping):
        return data
    if data.keys() != {_MARK}:
        return {key: unmarked(value, read) for key, value in data.items()}
    kind, value = data[_MARK]
    if kind == "dict":
        return {key: unmarked(inner, read) for key, inner in value.items()}
    return (read or _value_of)(kind, value)


def _value_of(kind: str, written: Any) -> Any:
    read: dict[str, Callable[[Any], Any]] = {
        "metadata": _read,
        "asset": AssetKey,
        "float": float,
        "int": int,
    }
    return read[kind](written)


def _safe(data: Any) -> Any:
    """Remove what JSON or UTF-8 cannot hold, so that no event is lost because of it."""
    if isinstance(data, str):
        return data if data.isascii() else data.encode("utf-8", "backslashreplace").decode()
    if isinstance(data, bool) or data is None:
        return data
    if isinstance(data, int):
        return int(data) if -_BIG <= data < _BIG else str(data)
    if isinstance(data, float):
        return float(data) if math.isfinite(data) else None
    if isinstance(data, Mapping):
        return {_safe(key): _safe(value) for key, value in data.items()}
    return [_safe(item) for item in data]


def from_json(data: Mapping[str, Any] | None) -> dict[str, MetadataValue]:
    """Convert the result of `to_json` back; an unknown kind is kept as JSON.

    Example:
        >>> from_json({"rows": {"type": "int", "value": 3}})
        {'rows': IntMetadataValue(value=3)}
    """
    return {label: _read(entry) for label, entry in (data or {}).items()}


def _read(entry: Any) -> MetadataValue:
    try:
        return _READERS[entry["type"]](entry["value"])
    except (KeyError, TypeError, ValueError, msgspec.ValidationError):
        # Written by a later version, or by hand: it is shown raw rather than lost.
        return JsonMetadataValue(entry)


def _read_table(value: Any) -> MetadataValue:
    records = [TableRecord(unmarked(row)) for row in value["records"]]
    return TableMetadataValue(records, _read_schema(value["schema"]))


def _read_schema(value: Any) -> TableSchema:
    return msgspec.convert(value, TableSchema)


_READERS: dict[str, Callable[[Any], MetadataValue]] = {
    "text": TextMetadataValue,
    "url": UrlMetadataValue,
    "path": PathMetadataValue,
    "notebook": NotebookMetadataValue,
    "json": lambda v: JsonMetadataValue(unmarked(v)),
    "md": MarkdownMetadataValue,
    "python_artifact": lambda v: PythonArtifactMetadataValue(v["module"], v["name"]),
    "float": lambda v: FloatMetadataValue(float(v)),
    "int": lambda v: IntMetadataValue(int(v)),
    "bool": BoolMetadataValue,
    "asset": lambda v: AssetMetadataValue(AssetKey(v)),
    "dagster_run": RunMetadataValue,
    "job": lambda v: JobMetadataValue(**v),
    "pool": PoolMetadataValue,
    "column_lineage": lambda v: TableColumnLineageMetadataValue(TableColumnLineage.from_lists(v)),
    "table": _read_table,
    "table_schema": lambda v: TableSchemaMetadataValue(_read_schema(v)),
    "null": lambda _: NullMetadataValue(),
    "timestamp": lambda v: TimestampMetadataValue(float(v)),
}
