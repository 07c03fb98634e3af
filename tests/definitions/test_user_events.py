"""What user code yields and returns."""

from __future__ import annotations

from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobnb import (
    AssetKey,
    AssetMaterialization,
    AssetObservation,
    DataVersion,
    DynamicOutput,
    ExpectationResult,
    IntMetadataValue,
    InvalidDefinitionError,
    MaterializeResult,
    ObserveResult,
    Output,
    PathMetadataValue,
    TypeCheck,
)


def test_output_keeps_what_it_is_given() -> None:
    output = Output(3, "rows", {"n": 3}, "v1", {"a": "b"})
    assert (output.value, output.output_name, output.tags) == (3, "rows", {"a": "b"})
    assert output.metadata == {"n": IntMetadataValue(3)}
    assert output.data_version == DataVersion("v1")
    assert Output(3).metadata == {}


def test_output_is_a_generic_that_can_be_called() -> None:
    assert Output[int](3) == Output(3)
    assert DynamicOutput[str]("a", "k") == DynamicOutput("a", "k")


@pytest.mark.parametrize(
    "other",
    [
        Output(4),
        Output(3, "x"),
        Output(3, metadata={"a": 1}),
        Output(3, data_version="v"),
        Output(3, tags={"a": "b"}),
        3,
    ],
)
def test_outputs_differ_by_any_part(other: object) -> None:
    assert Output(3) != other


def test_outputs_of_values_without_a_verdict_compare_by_identity() -> None:
    frame = pd.DataFrame({"a": [1, 2]})
    assert Output(frame) == Output(frame)
    assert Output(frame) != Output(frame.copy())


@pytest.mark.parametrize("key", ["a b", "a.b", "", "a-b", 3, None])
def test_mapping_keys_are_names(key: Any) -> None:
    with pytest.raises(InvalidDefinitionError, match="mapping_key"):
        DynamicOutput(1, key)


def test_output_names_are_text() -> None:
    for make in (lambda: Output(1, 3), lambda: DynamicOutput(1, "a", 3)):  # type: ignore[arg-type]
        with pytest.raises(InvalidDefinitionError, match="output_name"):
            make()


def test_news_about_assets_coerces_its_key_and_metadata() -> None:
    news = AssetMaterialization(
        "raw/orders", metadata={"rows": 3}, partition="2013", tags={"a": "b"}
    )
    assert news.asset_key == AssetKey(["raw", "orders"])
    assert news.metadata == {"rows": IntMetadataValue(3)}
    assert news.label == "raw orders"
    assert AssetObservation("a").tags == {}
    assert AssetObservation("a", tags={"dagster/data_version": "v"}).data_version == "v"
    assert AssetMaterialization("a") == AssetMaterialization(AssetKey("a"))
    assert AssetMaterialization("a") != AssetObservation("a")


def test_a_file_is_keyed_by_its_path() -> None:
    news = AssetMaterialization.file("/out/report.html", "weekly")
    assert news.asset_key == AssetKey(["out", "report.html"])
    assert news.metadata == {"path": PathMetadataValue("/out/report.html")}
    assert AssetMaterialization.file("/x", asset_key="k").asset_key == AssetKey("k")


@pytest.mark.parametrize(
    "make",
    [
        lambda: AssetMaterialization("a", partition=3),  # type: ignore[arg-type]
        lambda: AssetMaterialization("a", tags={"x": 1}),  # type: ignore[dict-item]
        lambda: AssetMaterialization(1),  # type: ignore[arg-type]
        lambda: ExpectationResult("yes"),
        lambda: ExpectationResult(1),
        lambda: TypeCheck(None),
        lambda: TypeCheck(mock.MagicMock()),
        lambda: ExpectationResult(pd.DataFrame({"item": [1]})),
        lambda: DataVersion(3),  # type: ignore[arg-type]
        lambda: MaterializeResult(tags={"a": 1}),  # type: ignore[dict-item]
    ],
)
def test_wrong_parts_are_refused(make: Any) -> None:
    with pytest.raises(InvalidDefinitionError):
        make()


def test_verdicts_take_numpy_bools() -> None:
    assert TypeCheck(np.bool_(False)).success is False
    assert ExpectationResult(np.bool_(True), "l", "d", {"n": 1}).metadata == {
        "n": IntMetadataValue(1)
    }


def test_results_of_assets() -> None:
    result = MaterializeResult("a", {"n": 1}, data_version="v", tags={"t": "u"})
    assert (result.asset_key, result.data_version) == (AssetKey("a"), DataVersion("v"))
    assert MaterializeResult().asset_key is None
    assert ObserveResult(metadata={"n": 1}).metadata == {"n": IntMetadataValue(1)}


@given(st.integers(), st.from_regex(r"[A-Za-z0-9_]+", fullmatch=True))
def test_equal_parts_make_equal_outputs(value: int, key: str) -> None:
    assert DynamicOutput(value, key) == DynamicOutput(value, key)
    assert DynamicOutput(value, key) != DynamicOutput(value, key + "_")
