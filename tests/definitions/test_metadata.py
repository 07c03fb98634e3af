"""Metadata: coercion as Dagster's, one error for all that is wrong, and a faithful JSON form."""

# ruff: noqa: DTZ001 - a naive time must be refused
from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import jobnb as md
from jobnb import (
    AssetKey,
    InvalidDefinitionError,
    MetadataValue,
    TableColumn,
    TableRecord,
    TableSchema,
)
from jobnb.definitions.metadata import from_json, normalize, to_json

LINEAGE = md.TableColumnLineage({"total": [md.TableColumnDep("raw/orders", "price")]})


@pytest.mark.parametrize(
    ("given_value", "expected"),
    [
        (3, md.IntMetadataValue(3)),
        (True, md.BoolMetadataValue(True)),
        (0.5, md.FloatMetadataValue(0.5)),
        (None, md.NullMetadataValue()),
        ("text", md.TextMetadataValue("text")),
        ({"a": [1]}, md.JsonMetadataValue({"a": [1]})),
        ([1, (2, 3)], md.JsonMetadataValue([1, [2, 3]])),
        (Path("x/y"), md.PathMetadataValue("x/y")),
        (AssetKey("a"), md.AssetMetadataValue(AssetKey("a"))),
        (LINEAGE, md.TableColumnLineageMetadataValue(LINEAGE)),
        (np.int64(3), md.IntMetadataValue(3)),
        (np.float32(0.5), md.FloatMetadataValue(0.5)),
        (np.bool_(True), md.BoolMetadataValue(True)),
        (np.str_("a"), md.TextMetadataValue("a")),
        (
            TableSchema([TableColumn("a")]),
            md.TableSchemaMetadataValue(TableSchema([TableColumn("a")])),
        ),
    ],
)
def test_plain_values_are_coerced(given_value: object, expected: MetadataValue) -> None:
    found = normalize({"label": given_value})["label"]
    assert found == expected
    assert type(found) is type(expected)


def test_all_wrong_entries_are_named_at_once_with_how_to_wrap_them() -> None:
    with pytest.raises(InvalidDefinitionError) as caught:
        normalize({"good": 1, "when": datetime(2013, 1, 1, tzinfo=UTC), "pair": (1, 2)})
    message = str(caught.value)
    assert "'when'" in message
    assert "MetadataValue.timestamp" in message
    assert "'pair'" in message
    assert "MetadataValue.json(list(...))" in message
    assert "good" not in message


def test_labels_are_text_and_metadata_is_a_mapping() -> None:
    with pytest.raises(InvalidDefinitionError, match="label is text"):
        normalize({1: 2})  # type: ignore[dict-item]
    with pytest.raises(InvalidDefinitionError, match="mapping"):
        normalize([("a", 1)])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "make",
    [
        lambda: MetadataValue.int(1.5),  # type: ignore[arg-type]
        lambda: MetadataValue.int(True),
        lambda: MetadataValue.float("x"),  # type: ignore[arg-type]
        lambda: MetadataValue.float(True),
        lambda: MetadataValue.bool(1),  # type: ignore[arg-type]
        lambda: MetadataValue.url(3),  # type: ignore[arg-type]
        lambda: MetadataValue.text(None),  # type: ignore[arg-type]
        lambda: MetadataValue.json({"a": object()}),
        lambda: MetadataValue.json({("a",): 1}),
        lambda: MetadataValue.python_artifact(3),
        lambda: MetadataValue.table([]),
        lambda: MetadataValue.table([TableRecord({"a": 1}), TableRecord({"b": 1})]),
        lambda: MetadataValue.table_schema({"a": "int"}),  # type: ignore[arg-type]
        lambda: MetadataValue.timestamp(datetime(2013, 1, 1)),
        lambda: MetadataValue.asset(3),  # type: ignore[arg-type]
        lambda: MetadataValue.pool(3),  # type: ignore[arg-type]
        lambda: MetadataValue.column_lineage({"a": []}),  # type: ignore[arg-type]
        lambda: md.TableColumnLineage(["a"]),  # type: ignore[arg-type]
        lambda: md.TableColumnLineage({"a": ["b"]}),  # type: ignore[list-item]
        lambda: MetadataValue.table([], schema=[TableColumn("a")]),  # type: ignore[arg-type]
        lambda: TableRecord({"a": [1]}),
        lambda: TableRecord({1: 1}),  # type: ignore[dict-item]
        lambda: TableSchema(["a"]),  # type: ignore[list-item]
    ],
)
def test_what_a_kind_cannot_hold_is_refused(make: object) -> None:
    with pytest.raises(InvalidDefinitionError):
        make()  # type: ignore[operator]


def test_value_is_what_dagster_gives() -> None:
    assert MetadataValue.path(Path("a")).value == "a"
    assert MetadataValue.notebook("a.ipynb").value == "a.ipynb"
    assert MetadataValue.md("*a*").value == "*a*"
    assert MetadataValue.dagster_run("id").value == "id"
    assert MetadataValue.null().value is None
    assert MetadataValue.float(3).value == 3.0
    artifact = MetadataValue.python_artifact(Path)
    assert (artifact.value, artifact.name) == (artifact, "Path")
    assert MetadataValue.timestamp(datetime(1970, 1, 2, tzinfo=UTC)).value == 86400.0
    table = MetadataValue.table([TableRecord({"a": 1, "b": "x", "c": 0.5, "d": True, "e": None})])
    assert table.value is table
    assert table.schema is not None
    assert [c.type for c in table.schema.columns] == ["int", "string", "float", "bool", "string"]


def test_the_type_of_a_column_is_that_of_its_first_value() -> None:
    table = MetadataValue.table([TableRecord({"a": None}), TableRecord({"a": 2})])
    assert table.schema is not None
    assert table.schema.columns[0].type == "int"


def test_values_are_frozen_and_copied() -> None:
    data = {"a": [1]}
    value = MetadataValue.json(data)
    data["a"].append(2)
    assert value.data == {"a": [1]}
    with pytest.raises(AttributeError):
        value.data = {}  # type: ignore[misc]


_texts = st.text(st.characters(exclude_categories=["Cs"]))
_names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
_numbers = st.integers() | st.floats(allow_nan=False)
_data = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([2**80, -(2**64)])
    | st.floats(allow_nan=False)
    | _texts
    | st.sampled_from([MetadataValue.md("x"), MetadataValue.float(math.inf), AssetKey(["a", "b"])])
    | st.sampled_from([MetadataValue.json({"z": [MetadataValue.int(1)]}), MetadataValue.null()]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(_texts | st.just("$jobnb"), inner, max_size=3)
    ),
    max_leaves=8,
)
_columns = st.lists(_texts, min_size=1, max_size=3, unique=True)


@st.composite
def _tables(draw: st.DrawFn) -> MetadataValue:
    columns = draw(_columns)
    cell = st.none() | st.booleans() | st.integers(-100, 100) | _texts
    rows = draw(
        st.lists(st.fixed_dictionaries(dict.fromkeys(columns, cell)), min_size=1, max_size=3)
    )
    return MetadataValue.table([TableRecord(row) for row in rows])


@st.composite
def _schemas(draw: st.DrawFn) -> TableSchema:
    column = st.builds(
        TableColumn,
        _texts,
        _texts,
        st.none() | _texts,
        st.builds(
            md.TableColumnConstraints, st.booleans(), st.booleans(), st.lists(_texts, max_size=2)
        ),
        st.dictionaries(_texts, _texts, max_size=2),
    )
    constraints = st.builds(md.TableConstraints, st.lists(_texts, max_size=2))
    return draw(st.builds(TableSchema, st.lists(column, max_size=3), constraints))


_values = st.one_of(
    _texts.map(MetadataValue.text),
    _texts.map(MetadataValue.url),
    _texts.map(MetadataValue.path),
    _texts.map(MetadataValue.notebook),
    _texts.map(MetadataValue.md),
    _data.map(MetadataValue.json),
    st.integers().map(MetadataValue.int),
    st.floats(allow_nan=False).map(MetadataValue.float),
    st.booleans().map(MetadataValue.bool),
    st.lists(_names, min_size=1, max_size=3).map(lambda p: MetadataValue.asset(AssetKey(p))),
    _texts.map(MetadataValue.dagster_run),
    st.just(MetadataValue.null()),
    st.floats(allow_nan=False).map(MetadataValue.timestamp),
    st.just(MetadataValue.python_artifact(Path)),
    _texts.map(MetadataValue.pool),
    st.builds(
        lambda *names: MetadataValue.job(*names[:2], repository_name=names[2]),
        _texts,
        _texts,
        st.none() | _texts,
    ),
    st.dictionaries(
        _texts,
        st.lists(st.builds(md.TableColumnDep, _names.map(AssetKey), _texts), max_size=2),
        max_size=2,
    ).map(lambda deps: MetadataValue.column_lineage(md.TableColumnLineage(deps))),
    _tables(),
    _schemas().map(MetadataValue.table_schema),
)


@given(st.dictionaries(_texts, _values, max_size=4))
def test_json_form_comes_back_as_it_was(metadata: dict[str, MetadataValue]) -> None:
    encoded = msgspec.json.encode(to_json(metadata))
    assert from_json(json.loads(encoded)) == metadata


def test_what_json_cannot_carry_does_not_lose_the_event() -> None:
    told = to_json({"n": math.nan, "big": 2**80, "bad": "\ud800", "cells": [math.inf, 2**80]})
    back = from_json(json.loads(msgspec.json.encode(told)))
    number, bad = back["n"], back["bad"]
    assert isinstance(number, md.FloatMetadataValue)
    assert math.isnan(number.value)
    assert back["big"] == md.IntMetadataValue(2**80)
    assert bad == md.TextMetadataValue("\\ud800")
    assert back["cells"] == md.JsonMetadataValue([math.inf, 2**80])


def test_numbers_that_json_lacks_stay_in_data_and_in_tables() -> None:
    given = {
        "data": {"a": math.nan, "b": [math.inf, -math.inf]},
        "table": MetadataValue.table([TableRecord({"x": math.nan, "y": 1.5})]),
    }
    back = from_json(json.loads(msgspec.json.encode(to_json(given))))
    data, table = back["data"], back["table"]
    assert isinstance(data, md.JsonMetadataValue)
    assert isinstance(table, md.TableMetadataValue)
    assert math.isnan(data.data["a"])
    assert data.data["b"] == [math.inf, -math.inf]
    assert math.isnan(table.records[0].data["x"])


def test_metadata_may_stand_in_data() -> None:
    inner = {"n": MetadataValue.int(3), "deep": [MetadataValue.md("*x*"), {"k": AssetKey("a")}]}
    known = normalize({"dict": inner, "json": MetadataValue.json(inner), "list": [inner]})
    assert known["dict"] == known["json"] == md.JsonMetadataValue(inner)
    assert from_json(json.loads(msgspec.json.encode(to_json(known)))) == known


def test_a_mark_written_by_hand_is_kept_raw() -> None:
    for odd in (3, ["no such kind", 1], ["int", "x"], []):
        entry = {"type": "json", "value": {"a": {"$jobnb": odd}}}
        assert from_json({"a": entry})["a"] == md.JsonMetadataValue(entry)


def test_an_unknown_kind_is_kept_raw() -> None:
    entry = {"type": "hologram", "value": {"x": 1}}
    assert from_json({"a": entry})["a"] == md.JsonMetadataValue(entry)
    assert from_json({"a": {"type": "int", "value": "x"}})["a"].kind == "json"
    assert from_json(None) == {}
